/*
 * The steps of ipc/gate.c, and of the semaphore under it: one gate, that of
 * queue `GATE`.  Included after steps.pml; without the belt of 250 ms, unless
 * the model is asked for it.
 *
 *   SLEEPERS               ids 1 ... SLEEPERS may sleep, no others
 *
 * Each process has GATE_VARIABLES too.
 */

/* A bit per id. */
byte waiters;

#define POPCOUNT(mask) \
	((mask >> 1 & 1) + (mask >> 2 & 1) + (mask >> 3 & 1) + (mask >> 4 & 1))

/* --- the semaphore, as glibc makes it -------------------------------------- */

/*
 * Value and number of waiters are one word; sleeping is a futex on the value.
 * A process that is killed asleep leaves nwaiters raised for ever.  One that is
 * killed after it was woken and before it took the value down has swallowed
 * that wake-up: the value stays, and nobody else is woken for it.
 */
byte value, nwaiters;
byte asleep; /* in the kernel's queue: a bit per id */

#define WAKE(id) :: d_step { wakes && asleep >> id & 1 -> \
	asleep = asleep & ~BIT(id); wakes = false }

inline sem_post()
{
	STEP(value++; wakes = nwaiters > 0);
	/* Killed here, the value is raised and nobody woken. */
	if
	:: d_step { !wakes || asleep == 0 -> wakes = false }
	WAKE(1)
	WAKE(2)
#if SLEEPERS > 2
	WAKE(3)
#endif
	:: DIE
	fi
}

inline sem_wait()
{
	if
	:: d_step { value > 0 -> value-- }
	:: d_step { value == 0 -> nwaiters++ }
end_asleep:
	   do
	   :: d_step { !(asleep >> ME & 1) && value > 0 -> value--; nwaiters-- }
	      break
	   :: d_step { !(asleep >> ME & 1) && value == 0 ->
	          asleep = asleep | BIT(ME) }
#ifdef TIMEOUTS
	   /* The caller's own time limit, or a signal: a post meant for it
	    * leaves a credit behind. */
	   :: d_step { asleep >> ME & 1 && timeouts > 0 ->
	          asleep = asleep & ~BIT(ME); nwaiters--; timeouts-- }
	      break
#endif
#ifdef BELT
	   /* It ends every sleep; where there is nothing that changes nothing. */
	   :: d_step { asleep >> ME & 1 && HAS_ENTRY(GATE) ->
	          asleep = asleep & ~BIT(ME); nwaiters-- }
	      break
#endif
	   :: DIE
	   od
	:: DIE
	fi
}

/* --- wait: W1 ... W4 --------------------------------------------------------- */

#ifdef MUTANT_NO_SECOND_LOOK
#define LOOKS_EMPTY true
#else
#define LOOKS_EMPTY IS_EMPTY(ENTRY_AT(GATE, at), at)
#endif

/* conveyor_wait() */
inline gate_wait()
{
#ifndef MUTANT_BIT_AFTER_LOOK
	STEP(waiters = waiters | BIT(ME));                               /* W1 */
#endif
	STEP(at = head[GATE]);                             /* W2, gate_work() */
	if
	:: d_step { !LOOKS_EMPTY -> at = 0 }
	:: d_step { LOOKS_EMPTY -> at = 0 }
#ifdef MUTANT_BIT_AFTER_LOOK
	   STEP(waiters = waiters | BIT(ME));
#endif
	   sem_wait()                                                    /* W3 */
	:: DIE
	fi;
	STEP(waiters = waiters & ~BIT(ME))                               /* W4 */
}

/* --- wake: P4, R1, R3 -------------------------------------------------------- */

#define LEAST(a, b) (a < b -> a : b)
#define OVER(a, b) (a > b -> a - b : 0)

/* gate_wake() */
inline gate_wake(k)
{
	STEP(need = POPCOUNT(waiters));
	if
	:: need == 0
	:: need > 0 ->
#ifdef MUTANT_FIRST_WAKE_RULE
	   STEP(need = LEAST(need, k); need = OVER(need, value));
#else
	   STEP(need = OVER(need, value); need = LEAST(need, k));
#endif
	   do
	   :: need > 0 -> need--; sem_post()
	   :: need == 0 -> break
	   od
	fi
}

/* gates_forget() */
inline gates_forget(id)
{
	STEP(waiters = waiters & ~BIT(id))                               /* R1 */
}

/* gates_wake_all() */
inline gates_wake_all()
{
	STEP(need = POPCOUNT(waiters));                                  /* R3 */
#ifdef MUTANT_NO_R3
	STEP(need = 0);
#endif
#ifdef MUTANT_R3_COUNTS_CREDIT
	STEP(need = OVER(need, value));
#endif
	do
	:: need > 0 -> need--; sem_post()
	:: need == 0 -> break
	od
}
