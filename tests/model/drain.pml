/*
 * Orders of a crawler that takes none: each comes back, and is settled once.
 *
 * The scheduler sends cells to ORDERS while the crawler is bound, and keeps
 * what comes back by SETTLED for the next order (retake).  The supervisor may
 * leave a dead crawler unbound: then it empties ORDERS, and so does the
 * scheduler that has just pushed, and the successor of one that was killed
 * there (protocol.md 1 and 6).
 *
 *   CELLS SLOTS DEATHS   ORDERED (orders in all)
 */
#define FREE    0
#define ORDERS  1
#define SETTLED 2
#define QUEUES  3
#define WORKERS 2
#define SCHEDULER 1
#define CRAWLER   2
#define ME _pid

#define TARGET(queue) (queue == ORDERS -> SETTLED : queue)
#define MAY_DIE(id) (deaths > 0 && id != 0)
#define AFTER_DEATH(id) deaths--

/* The supervisor's word: the crawler takes orders. */
bool bound = true;
byte ordered;
/* A bit per cell: ordered, and not settled yet. */
byte leased;

#define SENT(queue, c) \
	if \
	:: queue == ORDERS && ME == SCHEDULER -> \
	   leased = leased | BIT(c); ordered++ \
	:: else \
	fi

#include "steps.pml"

/* conveyor_push() */
inline push(queue)
{
	put(queue, cell);
	say_queued(queue, cell);
	STEP(cell = NONE)
}

/* conveyor_drain() */
inline drain(from, to_queue)
{
	do
	:: ring_claim(from);
	   if
	   :: cell != NONE ->
	      put(to_queue, cell);
	      say_queued(to_queue, cell)
	   :: cell == NONE -> break
	   fi
	od
}

/* conveyor_retake(); with it the lease is over. */
inline retake(c)
{
	STEP(
	    assert(leased >> c & 1);
	    leased = leased & ~BIT(c);
#ifndef MUTANT_NO_RETAKE
	    word[c] = WORD(GEN(word[c]) + 1, ME, FREE, HELD);
#endif
	    spare = spare | BIT(c); cell = NONE)
}

proctype scheduler()
{
	VARIABLES;
	byte spare; /* a bit per cell that it holds, for the next order */
start:
	spare = 0;
	/* Adoption. */
	do
	:: ring_claim(FREE);
	   if
	   :: d_step { cell != NONE -> spare = spare | BIT(cell); cell = NONE }
	   :: cell == NONE -> break
	   fi
	od;
#ifndef MUTANT_ADOPTS_WITHOUT_DRAINING
	if
	:: !bound -> drain(ORDERS, SETTLED)
	:: bound
	:: DIE
	fi;
#endif
end_idle:
	do
	:: d_step { ordered < ORDERED && bound && spare & 1 ->
	       spare = spare & ~1; cell = 0 }
	   push(ORDERS);
	   /* The mark again, after the push. */
#ifndef MUTANT_ONE_LOOK_AT_BOUND
	   if
	   :: !bound -> drain(ORDERS, SETTLED)
	   :: bound
	   :: DIE
	   fi
#endif
#if CELLS > 1
	:: d_step { ordered < ORDERED && bound && spare & 2 ->
	       spare = spare & ~2; cell = 1 }
	   push(ORDERS);
#ifndef MUTANT_ONE_LOOK_AT_BOUND
	   if
	   :: !bound -> drain(ORDERS, SETTLED)
	   :: bound
	   :: DIE
	   fi
#endif
#endif
	:: HAS_ENTRY(SETTLED) ->
	   ring_claim(SETTLED);
	   if
	   :: cell != NONE -> retake(cell)
	   :: cell == NONE
	   fi
	:: DIE
	od;
dead:
	alive[ME];
	goto start
}

proctype crawler()
{
	VARIABLES;
start:
end_idle:
	do
	:: HAS_ENTRY(ORDERS) ->
	   ring_claim(ORDERS);
	   if
	   :: cell != NONE -> push(SETTLED)
	   :: cell == NONE
	   fi
	:: DIE
	od;
dead:
end_rests:
	alive[ME];
	goto start
}

inline recover(dead_id)
{
	do
	:: c < CELLS -> recover_cell(c, dead_id); c++                    /* R2 */
	:: c == CELLS -> c = 0; to = 0;
	   break
	od
}

init
{
	VARIABLES;
	byte c, to;
	bool rests, gone;

	atomic {
		select(deaths : 0 .. DEATHS);
		do
		:: c < CELLS ->
		   word[c] = WORD(0, 0, FREE, QUEUED);
		   ENTRY_AT(FREE, c) = SLOT(0, 0, c + 1);
		   inserted_at[c] = c;
		   c++
		:: else -> break
		od;
		tail[FREE] = CELLS;
		c = 0;
		run scheduler();
		run crawler()
	}
	do
	:: !alive[SCHEDULER] ->
	   recover(SCHEDULER);
	   alive[SCHEDULER] = true                                       /* R4 */
	:: !alive[CRAWLER] && !rests && !gone ->
	   recover(CRAWLER);
	   if
	   :: alive[CRAWLER] = true
	   :: /* A long rest. */
#ifdef MUTANT_DRAINS_BEFORE_UNBINDING
	      drain(ORDERS, SETTLED);
	      bound = false;
#else
	      bound = false;
	      drain(ORDERS, SETTLED);
#endif
	      rests = true
	   fi
	:: rests ->
	   rests = false;
	   if
	   :: bound = true;
	      alive[CRAWLER] = true
	   :: gone = true
	   fi
	:: timeout -> break
	od;
dead:
	c = 0;
	do
	:: c < CELLS ->
	   assert(STATE(word[c]) == HELD && OWNER(word[c]) == SCHEDULER &&
	       !(leased >> c & 1));
	   c++
	:: c == CELLS -> break
	od
}
