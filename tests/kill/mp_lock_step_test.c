/*
 * Lock and RLock: killed while they are taken, taken again, released, mended
 * and waited for.  Whoever is left can take them, and is told of the dead
 * exactly if one died with it.
 */
#include "ipc/mp/lock_impl.h"
#include "tests/kill/mp_crew.h"

static struct mp_lock *lock;
static struct mp_rlock *rlock;

static void
expect(int r, int wanted)
{
	if (r != wanted)
		_exit(1);
}

static void
stage_both(struct mp_context *ctx)
{
	expect(mp_lock_open(ctx, NULL, &lock), 0);
	expect(mp_rlock_open(ctx, NULL, &rlock), 0);
}

/* Ours; the child waits, or releases it for us. */
static void
stage_held(struct mp_context *ctx)
{
	stage_both(ctx);
	expect(mp_lock_acquire(lock, 0), 0);
	expect(mp_rlock_acquire(rlock, 0), 0);
}

/* Free, and a dead one had it. */
static void
stage_marked(struct mp_context *ctx)
{
	stage_held(ctx);
	mp_lock_forget(ctx, mp_object_at(ctx, 0), ctx->cv->me);
	mp_lock_forget(ctx, mp_object_at(ctx, 1), ctx->cv->me);
}

static void
run_lock(struct mp_context *ctx)
{
	(void)ctx;
	expect(mp_lock_acquire(lock, 0), 0);
	expect(mp_lock_release(lock), 0);
}

static void
run_rlock(struct mp_context *ctx)
{
	(void)ctx;
	expect(mp_rlock_acquire(rlock, 0), 0);
	expect(mp_rlock_acquire(rlock, 0), 0);
	expect(mp_rlock_release(rlock), 0);
	expect(mp_rlock_release(rlock), 0);
}

static void
run_release_for_us(struct mp_context *ctx)
{
	(void)ctx;
	expect(mp_lock_release(lock), 0);
}

static void
run_wait(struct mp_context *ctx)
{
	(void)ctx;
	expect(mp_lock_acquire(lock, 1), MP_ETIMEDOUT);
	expect(mp_rlock_acquire(rlock, 1), MP_ETIMEDOUT);
}

static void
run_mend(struct mp_context *ctx)
{
	(void)ctx;
	expect(mp_lock_acquire(lock, 0), MP_OWNERDEAD);
	expect(mp_lock_consistent(lock), 0);
	expect(mp_lock_release(lock), 0);
}

static void
run_give_up(struct mp_context *ctx)
{
	struct mp_latch latch = mp_rlock_latch(rlock);
	uint32_t count;

	(void)ctx;
	expect(mp_rlock_acquire(rlock, 0), 0);
	expect(mp_rlock_acquire(rlock, 0), 0);
	count = mp_latch_give_up(&latch);
	expect(mp_latch_take_again(&latch, count), 0);
	expect(mp_rlock_release(rlock), 0);
	expect(mp_rlock_release(rlock), 0);
}

/* A holder of it died, and nobody has mended it. */
static bool
is_marked(const _Atomic uint64_t *word)
{
	return (atomic_load(word) >> 8 & 0xff) != 0;
}

static bool
one_can_be_had(struct mp_context *ctx, int i, const char *when)
{
	struct mp_object *object = mp_object_at(ctx, (uint32_t)i);
	bool marked = is_marked(mp_lock_word(object));
	int owner, r;

	for (size_t w = 0; w < ARRAY_LEN(object->waiters.word); w++)
		if (!check(object->waiters.word[w] == 0, "%s: waits still",
			when))
			return false;
	r = i == 0 ? mp_lock_acquire(lock, 0) : mp_rlock_acquire(rlock, 0);
	owner = i == 0 ? mp_lock_owner(lock) : mp_rlock_owner(rlock);
	return check(r == (marked ? MP_OWNERDEAD : 0) && owner == ctx->cv->me,
		   "%s: lock %d: %d, owner %d", when, i, r, owner) &&
	       check((i == 0 ? mp_lock_consistent(lock)
			     : mp_rlock_consistent(rlock)) == 0 &&
			 (i == 0 ? mp_lock_release(lock)
				 : mp_rlock_release(rlock)) == 0 &&
			 (i == 0 ? mp_lock_acquire(lock, 0)
				 : mp_rlock_acquire(rlock, 0)) == 0,
		   "%s: lock %d is not mended", when, i);
}

static bool
can_be_had(struct mp_context *ctx, const char *when)
{
	return one_can_be_had(ctx, 0, when) && one_can_be_had(ctx, 1, when);
}

/* Whoever died was not the holder. */
static bool
is_ours(struct mp_context *ctx, const char *when)
{
	return check(mp_lock_owner(lock) == ctx->cv->me &&
			 mp_rlock_owner(rlock) == ctx->cv->me,
		   "%s: taken from its holder", when) &&
	       check(mp_lock_release(lock) == 0 && mp_rlock_release(rlock) == 0,
		   "%s: not released", when) &&
	       check(!is_marked(mp_lock_word(mp_object_at(ctx, 0))),
		   "%s: its holder lives", when) &&
	       can_be_had(ctx, when);
}

/* Released or not; and its holder did not die. */
static bool
is_ours_or_free(struct mp_context *ctx, const char *when)
{
	(void)!mp_lock_release(lock);
	return check(mp_lock_acquire(lock, 0) == 0, "%s: not to be had",
		   when) &&
	       is_ours(ctx, when);
}

/* Still marked, unless it was mended. */
static bool
is_told_or_mended(struct mp_context *ctx, const char *when)
{
	return check(is_marked(mp_lock_word(mp_object_at(ctx, 1))),
		   "%s: nobody mended the second", when) &&
	       can_be_had(ctx, when);
}

static const struct mp_scenario scenarios_mp[] = {
	{ "lock", stage_both, run_lock, can_be_had, 2 },
	{ "rlock", stage_both, run_rlock, can_be_had, 4 },
	{ "release of another's", stage_held, run_release_for_us,
	    is_ours_or_free, 1 },
	{ "wait", stage_held, run_wait, is_ours, 4 },
	{ "mend", stage_marked, run_mend, is_told_or_mended, 3 },
	{ "give up", stage_both, run_give_up, can_be_had, 7 },
};

int
main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(scenarios_mp); i++)
		mp_step_scenario(&scenarios_mp[i]);
	return mp_crew_done("locks");
}
