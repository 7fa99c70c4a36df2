/*
 * Sleeping and waking, by a semaphore per seat and a mask per object.
 *
 * A semaphore is a place to sleep and says nothing else.  A sleeper sets its
 * bit, looks again, sleeps, and takes its bit back; a waker takes bits and
 * posts those seats.  Whoever finds its bit taken has been woken for something,
 * so it always looks once more, even when its time is over.
 */
#include <time.h>

#include "ipc/mp/context_impl.h"

#define NEVER INT64_MAX

static int64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

struct mp_deadline
mp_deadline_in(int timeout_ms)
{
	return (struct mp_deadline){
		.at_ns = timeout_ms < 0
			     ? NEVER
			     : now_ns() + timeout_ms * INT64_C(1000000)
	};
}

bool
mp_deadline_over(struct mp_deadline deadline)
{
	return deadline.at_ns != NEVER && now_ns() >= deadline.at_ns;
}

int
mp_deadline_left_ms(struct mp_deadline deadline)
{
	int64_t left;

	if (deadline.at_ns == NEVER)
		return -1;
	left = (deadline.at_ns - now_ns() + 999999) / 1000000;
	return left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

static uint64_t
bit_of(unsigned seat)
{
	return UINT64_C(1) << seat % 64;
}

void
mp_wait_enter(struct mp_context *ctx, struct mp_waiters *waiters)
{
	uint8_t me = mp_view(ctx)->me;

	/* seq_cst, as the look that follows: pairs with mp_wake(), which looks
	 * for bits after it has stored what they wait for.  One of the two sees
	 * the other. */
	atomic_fetch_or(&waiters->word[me / 64], bit_of(me));
}

bool
mp_wait_leave(struct mp_context *ctx, struct mp_waiters *waiters)
{
	uint8_t me = mp_view(ctx)->me;

	return (atomic_fetch_and(&waiters->word[me / 64], ~bit_of(me)) &
		   bit_of(me)) != 0;
}

void
mp_wait_sleep(struct mp_context *ctx, struct mp_deadline deadline)
{
	int64_t look = now_ns() + MP_LOOK_MS * INT64_C(1000000);
	int64_t until = deadline.at_ns < look ? deadline.at_ns : look;
	struct timespec at = { .tv_sec = until / 1000000000,
		.tv_nsec = until % 1000000000 };

	if (sem_clockwait(ctx->sems[mp_view(ctx)->me], CLOCK_MONOTONIC, &at) <
		0 &&
	    errno == ETIMEDOUT)
		mp_tend_sometimes(ctx);
}

int
mp_wait(struct mp_context *ctx, struct mp_waiters *waiters,
    struct mp_deadline deadline, int (*attempt)(struct mp_context *ctx, void *),
    void *arg)
{
	int r = attempt(ctx, arg);

	while (r == -EAGAIN) {
		bool over = mp_deadline_over(deadline);

		mp_wait_enter(ctx, waiters);
		r = attempt(ctx, arg);
		if (r == -EAGAIN && !over)
			mp_wait_sleep(ctx, deadline);
		mp_wait_leave(ctx, waiters);
		if (r == -EAGAIN)
			r = attempt(ctx, arg);
		if (r == -EAGAIN && over)
			r = MP_ETIMEDOUT;
	}
	return r;
}

static bool
anybody_waits(const struct mp_waiters *waiters)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < MP_SEAT_IDS / 64; i++)
		bits |= atomic_load(&waiters->word[i]);
	return bits != 0;
}

bool
mp_wake_seat(struct mp_context *ctx, struct mp_waiters *waiters, unsigned seat)
{
	uint64_t bit = bit_of(seat);

	/* Ours to wake only if we took it; or it is a bit of no seat. */
	if ((atomic_fetch_and(&waiters->word[seat / 64], ~bit) & bit) == 0 ||
	    ctx->sems[seat] == NULL)
		return false;
	sem_post(ctx->sems[seat]);
	return true;
}

void
mp_wake(struct mp_context *ctx, struct mp_waiters *waiters, unsigned n)
{
	unsigned me;

	if (!anybody_waits(waiters))
		return;
	me = mp_view(ctx)->me;
	/* From the seat behind ours on, so that a low number is no privilege. */
	for (unsigned i = 0; i <= MP_SEAT_IDS / 64 && n > 0; i++) {
		unsigned at = (me / 64 + i) % (MP_SEAT_IDS / 64);
		uint64_t bits = atomic_load(&waiters->word[at]);

		if (i == 0)
			bits &= ~(bit_of(me) | (bit_of(me) - 1));
		while (bits != 0 && n > 0) {
			unsigned seat = (unsigned)__builtin_ctzll(bits);

			bits &= bits - 1;
			n -= mp_wake_seat(ctx, waiters, at * 64 + seat);
		}
	}
}

void
mp_waiters_forget(struct mp_waiters *waiters, uint8_t seat)
{
	atomic_fetch_and(&waiters->word[seat / 64], ~bit_of(seat));
}
