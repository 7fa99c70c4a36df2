/*
 * Pipes and managers: whoever is at one end is killed before and behind each
 * of its system calls, and at some instructions in between.  The other end has
 * each message whole, in order, and then the end; a manager's other clients
 * notice nothing.
 */
#include "ipc/mp/manager_impl.h"
#include "tests/kill/mp_crew.h"

enum {
	BETWEEN = 12,
	MESSAGES = 4,
	ITEM = 500,
	LONGEST = MP_CONN_PACKET + 1000 /* goes as a file */
};

static const size_t lens[MESSAGES] = { 64, 0, LONGEST, 5 };
static struct mp_conn *near, *far; /* ours, the child's */
static char *bytes;                /* what messages are made of */
static struct mp_context *ctx;

struct subject {
	const char *name;
	void (*prepare)(void);
	void (*run)(struct conveyor *none);
	/* When it was killed; uses check(). */
	void (*after)(const char *when);
};

/* The next message, which must be whole: which one; -1: there is none, and why
 * in *r. */
static int
taken(struct mp_conn *conn, int *r, const char *when)
{
	static char got[LONGEST];
	size_t len = 0;
	int i = 0;

	*r = mp_conn_recv(conn, got, sizeof(got), &len, 0);
	if (*r != 0)
		return -1;
	while (i < MESSAGES && lens[i] != len)
		i++;
	check(i < MESSAGES && memcmp(got, bytes, len) == 0,
	    "%s: a message of %zu bytes", when, len);
	return i;
}

static void
pipe_new(void)
{
	need(mp_pipe_open(true, &near, &far) == 0, "mp_pipe_open");
}

static void
run_send(struct conveyor *none)
{
	(void)none;
	for (int i = 0; i < MESSAGES; i++)
		if (mp_conn_send(far, bytes, lens[i], -1) != 0)
			_exit(1);
}

static void
after_send(const char *when)
{
	int next = 0, i, r;

	mp_conn_close(far);
	while ((i = taken(near, &r, when)) == next)
		next++;
	check(i == -1 && r == MP_EEOF, "%s: %d, %d behind message %d", when, r,
	    i, next - 1);
	mp_conn_close(near);
}

static void
pipe_full(void)
{
	pipe_new();
	for (int i = 0; i < MESSAGES; i++)
		need(mp_conn_send(near, bytes, lens[i], 0) == 0, "send");
}

static void
run_recv(struct conveyor *none)
{
	static char got[LONGEST];
	size_t len;

	(void)none;
	for (int i = 0; i < MESSAGES; i++)
		if (mp_conn_recv(far, got, sizeof(got), &len, -1) != 0 ||
		    len != lens[i])
			_exit(1);
}

/* What it had not taken another at its end gets, and then it is told. */
static void
after_recv(const char *when)
{
	int r, i = taken(far, &r, when), next = i < 0 ? MESSAGES : i + 1;

	while (i >= 0 && (i = taken(far, &r, when)) == next)
		next++;
	check(i == -1 && r == MP_ETIMEDOUT && next == MESSAGES,
	    "%s: %d, %d behind message %d", when, r, i, next - 1);
	mp_conn_close(far);
	check(mp_conn_send(near, "x", 1, 0) == MP_EBROKEN,
	    "%s: nobody is there, and it can be sent to", when);
	mp_conn_close(near);
}

/* --- managers ------------------------------------------------------------- */

static struct mp_manager *manager, *others;
static struct mp_list *list, *others_list;

static void
manager_new(void)
{
	size_t n;

	need(mp_manager_start(ctx, "m", 0, &manager) == 0 &&
		 mp_manager_attach(ctx, "m", &others) == 0 &&
		 mp_manager_list(manager, "l", &list) == 0 &&
		 mp_manager_list(others, "l", &others_list) == 0 &&
		 mp_list_size(others_list, &n) == 0,
	    "manager");
}

static void
run_append(struct conveyor *none)
{
	(void)none;
	if (mp_list_append(list, bytes, ITEM) != 0 ||
	    mp_list_append(list, bytes, 5) != 0)
		_exit(1);
}

static void
after_append(const char *when)
{
	static const size_t wanted[] = { ITEM, 5 };
	struct mp_items *items = NULL;
	size_t len;
	int r = mp_list_items(others_list, &items);

	if (check(r == 0, "%s: %d", when, r)) {
		for (size_t i = 0; i < mp_items_count(items); i++) {
			const void *at = mp_items_at(items, i, &len);

			check(i < ARRAY_LEN(wanted) && len == wanted[i] &&
				  memcmp(at, bytes, len) == 0,
			    "%s: item %zu of %zu bytes", when, i, len);
		}
		mp_items_free(items);
	}
	check(mp_list_append(others_list, "y", 1) == 0, "%s: the next one",
	    when);
	mp_list_close(list);
	mp_list_close(others_list);
	mp_manager_close(others);
	mp_manager_close(manager);
}

static const struct subject subjects[] = {
	{ "sender", pipe_new, run_send, after_send },
	{ "receiver", pipe_full, run_recv, after_recv },
	{ "manager's client", manager_new, run_append, after_append },
};

/* --- killing -------------------------------------------------------------- */

static bool
kill_at(const struct subject *subject, long steps)
{
	int failed = crew_failed;
	char when[80];
	pid_t child;

	subject->prepare();
	child = child_start(NULL, subject->run, 0);
	for (long i = 0; i < steps && child_step(child) == STEP_DONE; i++)
		;
	snprintf(when, sizeof(when), "%s, killed after %ld", subject->name,
	    steps);
	check(child_kill(child), "%s: it was gone", when);
	mp_kills++;
	subject->after(when);
	return crew_failed == failed;
}

static void
step_subject(const struct subject *subject)
{
	static long at[MP_CHANGES_MAX];
	enum child_step r = STEP_DONE;
	long steps = 0, syscalls = 0;
	pid_t child;
	bool ok;
	int n = 0;

	subject->prepare();
	child = child_start(NULL, subject->run, 0);
	while (n + 2 < MP_CHANGES_MAX) {
		bool in_kernel = child_at_syscall(child);

		if (in_kernel && (n == 0 || at[n - 1] != steps))
			at[n++] = steps;
		r = child_step(child);
		if (r != STEP_DONE)
			break;
		steps++;
		syscalls += in_kernel;
		if (in_kernel || crew_long())
			at[n++] = steps;
	}
	mp_steps += steps;
	ok = check(r == STEP_THROUGH, "%s: did not finish", subject->name);
	child_kill(child);
	subject->after(subject->name);
	for (int i = 0; i < BETWEEN && n < MP_CHANGES_MAX; i++)
		at[n++] = steps * i / BETWEEN;
	for (int i = 0; ok && i < n; i++)
		ok = kill_at(subject, at[i]);
	printf("%-20s %5ld instructions, %2ld system calls, %d killed\n",
	    subject->name, steps, syscalls, n);
	crew_passed += ok;
}

/* --- a manager that is killed --------------------------------------------- */

/* It has our request, and is stepped until it has answered. */
static long
serve_steps(pid_t server, struct mp_conn *conn, long most)
{
	long steps = 0;

	while (steps < most && mp_conn_poll(conn, 0) == 0 &&
	       child_step(server) == STEP_DONE)
		steps++;
	return steps;
}

static struct mp_conn *
ask_raw(void)
{
	struct sockaddr_un address;
	socklen_t len = mp_manager_address(ctx, "=m", &address);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct mp_request_head head = { .magic = MP_MANAGER_MAGIC,
		.client = 7,
		.number = 1,
		.op = MP_LIST_OPEN };
	struct mp_conn *conn = NULL;
	char answer[64];
	size_t n;

	need(connect(fd, (struct sockaddr *)&address, len) == 0 &&
		 mp_conn_over(fd, &conn) == 0 &&
		 mp_conn_send(conn, &head, sizeof(head), -1) == 0 &&
		 mp_conn_recv(conn, answer, sizeof(answer), &n, -1) == 0,
	    "open");
	return conn;
}

static long
server_killed_after(long most)
{
	struct {
		struct mp_request_head head;
		char value[5];
	} request = { { .magic = MP_MANAGER_MAGIC,
			  .client = 7,
			  .number = 2,
			  .op = MP_LIST_APPEND,
			  .value_len = 5 },
		"value" };
	struct mp_answer_head answer = { .result = 1 };
	size_t len = 0, size;
	struct mp_conn *conn;
	pid_t server;
	int r, status;
	long steps;

	manager_new();
	server = mp_manager_pid(manager);
	conn = ask_raw();
	need(ptrace(PTRACE_ATTACH, server, NULL, NULL) == 0 &&
		 waitpid(server, &status, 0) == server,
	    "attach");
	need(mp_conn_send(conn, &request,
		 sizeof(request.head) + sizeof(request.value), -1) == 0,
	    "send");
	steps = serve_steps(server, conn, most);
	need(kill(server, SIGKILL) == 0, "kill");
	mp_kills++;
	r = mp_conn_recv(conn, &answer, sizeof(answer), &len, -1);
	check(r == MP_EEOF || (r == 0 && len == sizeof(answer) &&
				  answer.result == 0 && answer.number == 2),
	    "manager, killed after %ld: %d", most, r);
	check(mp_list_size(others_list, &size) == MP_EEOF,
	    "manager, killed after %ld: others wait", most);
	mp_conn_close(conn);
	mp_list_close(list);
	mp_list_close(others_list);
	mp_manager_close(others);
	mp_manager_close(manager);
	check(mp_context_seats(ctx) == 1, "manager, killed after %ld: seats",
	    most);
	return steps;
}

static void
step_server(void)
{
	int failed = crew_failed;
	long all = server_killed_after(MP_STEPS_MAX);
	int kills = crew_long() ? (int)all : 2 * BETWEEN;

	mp_steps += all;
	check(all > 100 && all < MP_STEPS_MAX, "manager: %ld steps", all);
	for (int i = 0; i < kills && crew_failed == failed; i++)
		server_killed_after(all * i / kills);
	printf("manager: %ld instructions, %d killed\n", all, kills);
	crew_passed += crew_failed == failed;
}

int
main(void)
{
	const struct mp_context_opts opts = { .seats = 6,
		.queues = 1,
		.objects = 4,
		.messages = 16,
		.message_max = CONVEYOR_STEP };

	bytes = malloc(LONGEST);
	need(bytes != NULL, "memory");
	for (size_t i = 0; i < LONGEST; i++)
		bytes[i] = (char)(i * 31 + i / 4096);
	need(mp_context_open(NULL, &opts, &ctx) == 0, "mp_context_open");
	for (size_t i = 0; i < ARRAY_LEN(subjects); i++)
		step_subject(&subjects[i]);
	step_server();
	mp_context_close(ctx);
	return mp_crew_done("pipe and manager");
}
