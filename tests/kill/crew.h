/*
 * crew - what the kill tests share: a small conveyor, messages that show when
 * they are torn, and one line at the end.
 *
 * Without Check, and statically linked: each instruction is stepped over.
 */
#ifndef TESTS_KILL_CREW_H
#define TESTS_KILL_CREW_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ipc/conveyor_impl.h"
#include "ipc/gate_impl.h"
#include "ipc/roster.h"

enum {
	Q_FREE,
	Q_ORDERS,
	Q_PAGES,
	Q_RECORDS,
	Q_SETTLED,
	Q_DEAD,
	Q_COUNT
};

/* clang-format off */
static const struct conveyor_gates gates = { {
	[Q_FREE] = Q_FREE, [Q_ORDERS] = Q_ORDERS, [Q_PAGES] = Q_PAGES,
	[Q_RECORDS] = Q_RECORDS, [Q_SETTLED] = Q_SETTLED,
	[Q_DEAD] = Q_RECORDS,
} };

static const struct conveyor_routes routes = { .queue = {
	[Q_FREE]    = { Q_FREE,    0 },
	[Q_ORDERS]  = { Q_SETTLED, 3, Q_DEAD },
	[Q_PAGES]   = { Q_PAGES,   3, Q_DEAD },
	[Q_RECORDS] = { Q_RECORDS, 3, Q_DEAD },
	[Q_SETTLED] = { Q_SETTLED, 0 },
	[Q_DEAD]    = { Q_DEAD,    0 },
} };
/* clang-format on */

__attribute__((
    unused)) static const struct conveyor_fault a_fault = { .suspects = true,
	.cause = 11 };

static const uint8_t crawl_id[16] = "kill";

static int crew_passed, crew_failed;
static pid_t crew_pid; /* of the program, not of its children */

/* One check, said only when it fails. */
__attribute__((unused))
PRINTF_LIKE(2, 3) static bool check(bool ok, const char *fmt, ...)
{
	va_list ap;

	if (ok)
		return true;
	crew_failed++;
	va_start(ap, fmt);
	printf("FAILED: ");
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
	fflush(stdout);
	return false;
}

/* For what the test itself needs. */
__attribute__((unused)) static void
need(bool ok, const char *what)
{
	if (ok)
		return;
	printf("%s: %s\n0 passed, 1 failed\n", what, strerror(errno));
	exit(1);
}

/* The long form, for `make torture`. */
static inline bool
crew_long(void)
{
	const char *text = getenv("LONG");

	return text != NULL && *text != '\0' && strcmp(text, "0") != 0;
}

static inline char *
file_text(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = calloc(1, 1 << 18);

	need(file != NULL && text != NULL, path);
	need(fread(text, 1, (1 << 18) - 1, file) > 0, path);
	fclose(file);
	return text;
}

/* What was measured; scripts/torture makes its table of these lines. */
static inline void
figure(const char *name, long value)
{
	printf("figure: %s: %ld\n", name, value);
}

static inline int
crew_done(void)
{
	printf("%d passed, %d failed\n", crew_passed, crew_failed);
	return crew_failed > 0;
}

static inline struct conveyor_shape
crew_shape(uint32_t cells)
{
	return (struct conveyor_shape){ .cells = cells,
		.queues = Q_COUNT,
		.bound_slots = 1,
		.order_size = 64,
		.capture_size = 64,
		.inline_size = 64,
		.body_size = 2 * CONVEYOR_STEP,
		.output_size = CONVEYOR_STEP };
}

static char crew_kept[64]; /* the name that is in the folder now */

static void
crew_remove(void)
{
	if (crew_kept[0] != '\0')
		conveyor_unlink(crew_kept);
}

/* The name is gone from the folder at once where nobody is to attach, and at
 * the end of the program otherwise, however it ends. */
static inline struct conveyor *
crew_new(uint32_t cells, char name[64], bool keep_name)
{
	static unsigned serial;
	struct conveyor_shape shape = crew_shape(cells);
	struct conveyor *cv = NULL;
	uint64_t room;

	crew_pid = getpid();
	snprintf(name, 64, "/mpct.kill.%d.%u", (int)getpid(), ++serial);
	need(conveyor_create(name, &shape, crawl_id, Q_FREE, &gates, &cv,
		 &room) == 0,
	    "conveyor_create");
	if (!keep_name)
		conveyor_unlink(name);
	else if (crew_kept[0] == '\0')
		need(atexit(crew_remove) == 0, "atexit");
	if (keep_name)
		memcpy(crew_kept, name, sizeof(crew_kept));
	return cv;
}

static inline int
crew_attach(const char *name, uint32_t cells, struct conveyor **out)
{
	struct conveyor_shape shape = crew_shape(cells);

	return conveyor_attach(name, &shape, crawl_id, &gates, &routes,
	    Q_SETTLED, out);
}

static inline bool
write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) > 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

/*
 * A folder of shared memory for this program alone, of `size` bytes: what is in
 * it is ours, and it can be full.  As in tests/harness.c, which needs Check.
 * false: not here, the machine's own it is; with CI=true that is a failure.
 */
static inline bool
crew_own_shm(size_t size)
{
	char option[48], user[48], group[48];
	const char *ci = getenv("CI");
	bool root = geteuid() == 0;

	snprintf(option, sizeof(option), "size=%zu", size);
	snprintf(user, sizeof(user), "0 %u 1", (unsigned)geteuid());
	snprintf(group, sizeof(group), "0 %u 1", (unsigned)getegid());
	if (unshare(CLONE_NEWNS | (root ? 0 : CLONE_NEWUSER)) == 0 &&
	    (root || (write_text("/proc/self/setgroups", "deny") &&
			 write_text("/proc/self/uid_map", user) &&
			 write_text("/proc/self/gid_map", group))) &&
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("tmpfs", "/dev/shm", "tmpfs", 0, option) == 0)
		return true;
	need(ci == NULL || strcmp(ci, "true") != 0, "a /dev/shm of its own");
	printf("no /dev/shm of its own: %s\n", strerror(errno));
	return false;
}

/* Slots of a ring from its first entry to its last, stale ones too. */
static inline uint32_t
ring_need(const struct conveyor *cv, uint8_t queue)
{
	uint64_t head = atomic_load(&ring_of(cv, queue)->head);
	uint32_t first = UINT32_MAX, last = 0, cell;
	uint16_t gen;

	for (uint32_t i = 0; i < cv->layout.slots; i++)
		if (ring_entry_at(cv, queue, head + i, &cell, &gen)) {
			first = first == UINT32_MAX ? i : first;
			last = i;
		}
	return first == UINT32_MAX ? 0 : last - first + 1;
}

static inline uint32_t
ring_need_most(const struct conveyor *cv)
{
	uint32_t most = 0;

	for (uint8_t q = 0; q < Q_COUNT; q++) {
		uint32_t n = ring_need(cv, q);

		most = n > most ? n : most;
	}
	return most;
}

/* A message is torn unless these agree. */
struct message {
	volatile uint64_t id, not_id;
};

static inline void
message_write(struct message *message, uint64_t id)
{
	message->id = id;
	message->not_id = ~id;
}

static inline bool
message_whole(const struct message *message)
{
	return message->id == ~message->not_id && message->id != 0;
}

#endif
