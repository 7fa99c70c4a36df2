/*
 * What mp_queue_step_test leaves: messages in the body, those that do not fit,
 * that are out of attempts or put aside; and who waits.  Each message is there
 * once, whole, or was had; a bound is what it was; and no cell is lost: in the
 * end one queue can have them all.
 */
#include <sys/mman.h>

#include "ipc/mp/queue_impl.h"
#include "tests/kill/mp_crew.h"

enum {
	CELLS = 16, /* as mp_crew.h says */
	MAXSIZE = 3,
	SHORT = 64,
	LONG = 4096 + 64, /* in the body */
	LETTERS = 4
};

static struct mp_queue *q, *other;
/* What the child has had, seen by all. */
static _Atomic int *had;
static int seen[LETTERS];

static void
expect(int r, int wanted)
{
	if (r != wanted)
		_exit(1);
}

static struct mp_queue *
open_queue(struct mp_context *ctx, const char *name, uint32_t maxsize,
    bool joinable)
{
	const struct mp_queue_attr attr = { maxsize, joinable };
	struct mp_queue *made = NULL;

	expect(mp_queue_open(ctx, name, &attr, &made), 0);
	return made;
}

static size_t
len_of(int letter)
{
	return letter == 'd' ? LONG : SHORT;
}

static void
put(struct mp_queue *to, int letter)
{
	static char bytes[LONG];

	memset(bytes, letter, len_of(letter));
	expect(mp_queue_try_put(to, bytes, len_of(letter)), 0);
}

static struct mp_msg *
pop(struct mp_queue *from)
{
	struct mp_msg *m = NULL;

	expect(mp_queue_pop(from, &m, 0), 0);
	return m;
}

/* --- stages --------------------------------------------------------------- */

static void
stage_with(struct mp_context *ctx, uint32_t maxsize, bool joinable,
    const char *letters)
{
	if (had == NULL)
		had = mmap(NULL, MP_PAGE, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memset((void *)had, 0, LETTERS * sizeof(*had));
	memset(seen, 0, sizeof(seen));
	q = open_queue(ctx, NULL, maxsize, joinable);
	other = open_queue(ctx, NULL, 0, false);
	for (; *letters != '\0'; letters++)
		put(q, *letters);
}

static void
stage_empty(struct mp_context *ctx)
{
	stage_with(ctx, MAXSIZE, false, "");
}

static void
stage_unbounded(struct mp_context *ctx)
{
	stage_with(ctx, 0, false, "");
}

static void
stage_full(struct mp_context *ctx)
{
	stage_with(ctx, MAXSIZE, false, "abc");
}

static void
stage_joinable(struct mp_context *ctx)
{
	stage_with(ctx, MAXSIZE, true, "abc");
}

/* One more death, and it is put aside. */
static void
stage_poison(struct mp_context *ctx)
{
	struct mp_msg *m;

	stage_with(ctx, MAXSIZE, false, "a");
	m = pop(q);
	conveyor_set_attempts(ctx->cv, m->cell, 2);
	expect(mp_msg_nack(m), 0);
}

static void
stage_dead(struct mp_context *ctx)
{
	struct mp_msg *m;

	stage_with(ctx, MAXSIZE, false, "a");
	m = pop(q);
	expect(conveyor_push(ctx->cv, MP_DEAD, m->cell), 0);
}

/* --- what is stepped ------------------------------------------------------ */

static void
run_put_long(struct mp_context *ctx)
{
	(void)ctx;
	put(q, 'd');
}

static void
run_put_full(struct mp_context *ctx)
{
	(void)ctx;
	expect(mp_queue_put(q, "x", 1, 1), MP_EFULL);
}

static void
run_get(struct mp_context *ctx)
{
	static char bytes[LONG];
	size_t len;

	(void)ctx;
	for (int i = 0; i < 2; i++) {
		expect(mp_queue_get(q, bytes, sizeof(bytes), &len, -1), 0);
		had[bytes[0] - 'a'] = 1;
	}
	/* Too small: it is there still. */
	expect(mp_queue_try_get(q, bytes, 1, &len), MP_EMSGSIZE);
}

static void
run_get_nothing(struct mp_context *ctx)
{
	char byte;
	size_t len;

	(void)ctx;
	expect(mp_queue_get(q, &byte, 1, &len, 1), MP_EEMPTY);
}

static void
run_push(struct mp_context *ctx)
{
	struct mp_msg *m = NULL;

	(void)ctx;
	expect(mp_msg_alloc(q, &m, 0), 0);
	memset(mp_msg_data(m), 'd', SHORT);
	expect(mp_msg_set_len(m, SHORT), 0);
	expect(mp_msg_reserve(m, LONG), 0);
	memset(mp_msg_data(m), 'd', LONG);
	expect(mp_msg_set_len(m, LONG), 0);
	expect(mp_queue_push(q, m), 0);
}

/* One is done, one given back, one in hand. */
static void
run_pop_many(struct mp_context *ctx)
{
	struct mp_msg *m[3] = { NULL };

	(void)ctx;
	expect(mp_queue_pop_many(q, m, 3, 0), 3);
	expect(mp_msg_ack(m[0]), 0);
	had[0] = 1;
	expect(mp_msg_nack(m[1]), 0);
	expect(*(char *)mp_msg_data(m[2]), 'c');
}

static void
run_task_done(struct mp_context *ctx)
{
	char bytes[SHORT];
	size_t len;

	(void)ctx;
	for (int i = 0; i < 2; i++)
		expect(mp_queue_get(q, bytes, SHORT, &len, 0), 0);
	expect(mp_queue_task_done(q), 0);
	had[0] = 1;
	expect(mp_queue_task_done(q), 0);
	had[1] = 1;
	expect(mp_queue_join(q, 1), MP_ETIMEDOUT);
}

static void
run_die_of_it(struct mp_context *ctx)
{
	(void)ctx;
	expect(*(char *)mp_msg_data(pop(q)), 'a');
}

static void
run_dead_pop(struct mp_context *ctx)
{
	struct mp_msg *m = NULL;

	expect(mp_dead_pop(ctx, &m), 0);
	expect(mp_msg_forward(m, q), 0);
}

/* --- what must hold ------------------------------------------------------- */

static bool
note_seen(const char *when, const char *bytes, size_t len)
{
	int letter = len > 0 ? bytes[0] : 0;

	if (!check(letter >= 'a' && letter < 'a' + LETTERS,
		"%s: a message of %d", when, letter) ||
	    !check(len == len_of(letter), "%s: %zu bytes", when, len))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!check(bytes[i] == letter, "%s: it is torn", when))
			return false;
	seen[letter - 'a']++;
	return true;
}

static bool
empty_it(struct mp_queue *from, const char *when)
{
	struct mp_msg *m;
	bool ok = true;

	while (ok && mp_queue_pop(from, &m, 0) == 0) {
		ok = note_seen(when, mp_msg_data(m), mp_msg_len(m));
		ok = check(mp_msg_ack(m) == 0, "%s: ack", when) && ok;
	}
	return ok;
}

static bool
empty_the_dead(struct mp_context *ctx, const char *when)
{
	struct mp_msg *m;
	bool ok = true;

	while (ok && mp_dead_pop(ctx, &m) == 0) {
		ok = note_seen(when, mp_msg_data(m), mp_msg_len(m));
		ok = check(mp_msg_ack(m) == 0, "%s: ack", when) && ok;
	}
	return ok;
}

static bool
bound_is(struct mp_queue *of, uint32_t maxsize, const char *when)
{
	uint32_t n = 0;

	while (mp_queue_try_put(of, "x", 1) == 0)
		n++;
	return check(n == maxsize, "%s: a bound of %u is %u", when, maxsize, n);
}

/* After all: each cell is to be had, by one queue. */
static bool
cells_are_there(struct mp_context *ctx, const char *when)
{
	const struct mp_queue_attr all = { .maxsize = CELLS };
	struct mp_queue *last = NULL;
	int r;

	mp_queue_unlink(q);
	mp_queue_unlink(other);
	r = mp_queue_open(ctx, NULL, &all, &last);
	if (!check(r == 0, "%s: cells are lost", when))
		return false;
	return bound_is(last, CELLS, when);
}

/* Of `must`: each once, or the child had it; of `may`: once at most. */
static bool
all_seen(struct mp_context *ctx, const char *when, const char *must,
    const char *may)
{
	if (!empty_it(q, when) || !empty_it(other, when) ||
	    !empty_the_dead(ctx, when))
		return false;
	for (int i = 0; i < LETTERS; i++) {
		bool is_must = strchr(must, 'a' + i) != NULL;
		bool is_may = strchr(may, 'a' + i) != NULL;

		if (!check(seen[i] <= (is_must || is_may),
			"%s: %c came %d times", when, 'a' + i, seen[i]) ||
		    !check(!is_must || seen[i] == 1, "%s: %c is lost", when,
			'a' + i) ||
		    !check(seen[i] == 0 || had[i] == 0, "%s: %c came twice",
			when, 'a' + i))
			return false;
	}
	return bound_is(q, MAXSIZE, when) && cells_are_there(ctx, when);
}

static bool
nothing_new(struct mp_context *ctx, const char *when)
{
	return all_seen(ctx, when, "", "");
}

static bool
may_be_d(struct mp_context *ctx, const char *when)
{
	return all_seen(ctx, when, "", "d");
}

static bool
unbounded_may_be_d(struct mp_context *ctx, const char *when)
{
	return empty_it(q, when) &&
	       check(seen['d' - 'a'] <= 1, "%s: it came twice", when) &&
	       cells_are_there(ctx, when);
}

static bool
is_a(struct mp_context *ctx, const char *when)
{
	return all_seen(ctx, when, "a", "");
}

static bool
is_abc(struct mp_context *ctx, const char *when)
{
	return all_seen(ctx, when, "abc", "");
}

/* `a` may be done though it is not noted that it is; the others came again. */
static bool
is_bc(struct mp_context *ctx, const char *when)
{
	return all_seen(ctx, when, "bc", "a");
}

static bool
is_c(struct mp_context *ctx, const char *when)
{
	return all_seen(ctx, when, "c", "ab");
}

static bool
tasks_add_up(struct mp_context *ctx, const char *when)
{
	char bytes[SHORT];
	size_t left = mp_queue_unfinished(q), len;

	if (!check(mp_queue_join(q, 0) == (left == 0 ? 0 : MP_ETIMEDOUT),
		"%s: join", when))
		return false;
	for (; left > 0; left--)
		if (!check(mp_queue_try_get(q, bytes, SHORT, &len) == 0,
			"%s: get", when) ||
		    !note_seen(when, bytes, len) ||
		    !check(mp_queue_task_done(q) == 0, "%s: done", when))
			return false;
	return check(mp_queue_task_done(q) == MP_EINVAL, "%s: one more",
		   when) &&
	       check(mp_queue_join(q, 0) == 0, "%s: no end", when) &&
	       is_c(ctx, when);
}

static const struct mp_scenario scenarios_mp[] = {
	{ "put long", stage_empty, run_put_long, may_be_d, 6 },
	{ "put, unbounded", stage_unbounded, run_put_long, unbounded_may_be_d,
	    6 },
	{ "put, full", stage_full, run_put_full, is_abc, 2 },
	{ "get, too small", stage_full, run_get, is_c, 16 },
	{ "get, nothing", stage_empty, run_get_nothing, nothing_new, 2 },
	{ "reserve, push", stage_empty, run_push, may_be_d, 6 },
	{ "some done", stage_full, run_pop_many, is_bc, 12 },
	{ "join", stage_joinable, run_task_done, tasks_add_up, 8 },
	{ "out of attempts", stage_poison, run_die_of_it, is_a, 3 },
	{ "dead pop, forward", stage_dead, run_dead_pop, is_a, 6 },
};

int
main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(scenarios_mp); i++)
		mp_step_scenario(&scenarios_mp[i]);
	return mp_crew_done("messages that are odd");
}
