#include "ipc/mp/lock.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "cmd/demo/demo.h"
#include "cmd/demo/pair.h"

enum {
	BALANCE = 1000,
	AMOUNT = 800
};

/* clang-format off */
static const char about[] =
"An account holds 1000.  Two processes withdraw 800 each at the same time.  Without a\n"
"lock, with one, in one atomic step.  Then one is killed while it has the lock.\n";

static const char answer[] =
"\nAnswer: to look and then to take are two steps, and another may come in between.  A\n"
"step is atomic when nobody can see, or be in, the middle of it.  A lock makes one of\n"
"many, if all who touch the account take it; of one number the processor does, by\n"
"compare and exchange.  Python's Lock does not know its holder: all would wait for ever.\n";
/* clang-format on */

struct account {
	atomic_int balance, paid;
	int patience_ms;
	struct pair_meeting meeting; /* between the look and the taking */
};

static struct account *account;
static struct mp_lock *lock;

/* Look, then take: another comes in between, or is kept out. */
static int
without_lock(struct mp_context *ctx, void *arg)
{
	const int seen = account->balance;

	(void)ctx, (void)arg;
	pair_meet(&account->meeting, account->patience_ms);
	if (seen < AMOUNT)
		return 1; /* refused */
	account->balance = seen - AMOUNT;
	account->paid += AMOUNT;
	return 0;
}

static int
with_lock(struct mp_context *ctx, void *arg)
{
	int result;

	must(mp_lock_acquire(lock, -1) == 0);
	result = without_lock(ctx, arg);
	mp_lock_release(lock);
	return result;
}

static int
in_one_step(struct mp_context *ctx, void *arg)
{
	int seen = account->balance;

	(void)ctx, (void)arg;
	pair_meet(&account->meeting, account->patience_ms);
	/* Only if it is still what was seen; else that is seen now. */
	while (
	    seen >= AMOUNT && !atomic_compare_exchange_strong(&account->balance,
				  &seen, seen - AMOUNT))
		;
	account->paid += seen >= AMOUNT ? AMOUNT : 0;
	return seen < AMOUNT;
}

static int
killed(struct mp_context *ctx, void *arg)
{
	(void)ctx, (void)arg;
	must(mp_lock_acquire(lock, -1) == 0);
	account->balance -= AMOUNT;
	return kill(getpid(), SIGKILL); /* before it has paid */
}

static int
two_withdraw(struct mp_context *ctx, const char *how, mp_target *fn,
    int refusals)
{
	int codes[2] = { -1, -1 }, r;

	*account = (struct account){ .balance = BALANCE,
		.patience_ms = fn == with_lock ? 100 : 10000 };
	r = pair_run(ctx, fn, fn, NULL, codes);
	demo_heading("%s", how);
	for (int i = 0; i < 2; i++)
		printf("  800 asked for: %s\n", codes[i] ? "refused" : "paid");
	printf("  paid out: %d; left: %d\n", account->paid, account->balance);
	demo_claim(codes[0] + codes[1] == refusals, "%s: %d of %d",
	    refusals ? "one withdrawal is refused" : "both withdrawals succeed",
	    account->paid, BALANCE);
	return r;
}

static int
three_ways(struct mp_context *ctx)
{
	int r;

	account = pair_memory(sizeof(*account));
	if (account == NULL || mp_lock_open(ctx, NULL, &lock) < 0)
		return -ENOMEM;
	if ((r = two_withdraw(ctx, "Without a lock", without_lock, 0)) < 0 ||
	    (r = two_withdraw(ctx, "With a lock", with_lock, 1)) < 0)
		return r;
	return two_withdraw(ctx, "In one atomic step", in_one_step, 1);
}

static int
holder_dies(struct mp_context *ctx)
{
	int codes[2], r;

	*account = (struct account){ .balance = BALANCE };
	r = pair_run(ctx, killed, NULL, NULL, codes);
	demo_heading("The holder is killed, half way");
	demo_claim(r == 0 && codes[0] == -SIGKILL,
	    "it was killed, with %d gone and %d paid",
	    BALANCE - account->balance, account->paid);
	demo_claim(mp_lock_acquire(lock, 5000) == MP_OWNERDEAD,
	    "the next gets the lock, and is told: its owner died");
	account->balance = BALANCE - account->paid;
	mp_lock_consistent(lock), mp_lock_release(lock);
	demo_claim(mp_lock_acquire(lock, 5000) == 0,
	    "it put the account right, %d, and the lock is as new",
	    account->balance);
	mp_lock_close(lock);
	pair_memory_free(account, sizeof(*account));
	return r;
}

const struct demo demo_lock = {
	.name = "lock",
	.question = "What does a lock do, and what if its holder dies?",
	.about = about,
	.answer = answer,
	.steps = (demo_step *[]){ three_ways, holder_dies, NULL },
};
