/*
 * Cells and rings: nothing is lost, nothing comes twice, the ring never fills.
 *
 * Producers take cells from FREE and send them to WORK, consumers send them
 * back; any of them may be killed, the supervisor recovers and starts a
 * successor with the same id.  Who finds a ring empty waits for an entry as if
 * by magic: sleeping is gate.pml's.
 *
 *   PRODUCERS CONSUMERS CELLS SLOTS   MESSAGES (of each producer)   DEATHS
 *   SUPERVISOR_DEATHS   so often the supervisor is killed, in the middle of
 *      recovery too.  The workers die by that (PR_SET_PDEATHSIG), but not at
 *      once: they go on for as many steps as they like.  The next supervisor
 *      begins when the last of them has let go of the lock.
 */
#ifndef SUPERVISOR_DEATHS
#define SUPERVISOR_DEATHS 0
#endif
#define FREE 0
#define WORK 1
#define QUEUES 2
#define WORKERS (PRODUCERS + CONSUMERS)
#define ME _pid

#define TARGET(queue) (queue)
#define MAY_DIE(id) \
	(id == 0 && supervisor_deaths > 0 || \
	    id != 0 && (deaths > 0 || !alive[0]))
#define AFTER_DEATH(id) \
	if \
	:: id == 0 -> supervisor_deaths-- \
	:: id != 0 && alive[0] -> deaths-- \
	:: else \
	fi
byte supervisor_deaths;
#define ALL ((1 << PRODUCERS * MESSAGES) - 1)

/* Parts of a cell: the number of a message + 1; 0 when it was consumed. */
byte body[CELLS];
byte made[PRODUCERS + 1];
/* A bit per message. */
byte consumed;

/* A message is consumed by the store that sends its cell on. */
#define SENT(queue, c) \
	if \
	:: queue == WORK -> made[ME]++ \
	:: else -> \
	   assert(body[c] != 0 && !(consumed >> body[c] - 1 & 1)); \
	   consumed = consumed | 1 << body[c] - 1; \
	   body[c] = 0 \
	fi

#include "steps.pml"

#define WAIT(queue) if :: HAS_ENTRY(queue) :: DIE fi

inline push(queue)
{
	put(queue, cell);
	say_queued(queue, cell);
	STEP(cell = NONE)
}

#if PRODUCERS + CONSUMERS > 2
#define NOBODY (!alive[1] && !alive[2] && !alive[3])
#define START_ALL alive[1] = true; alive[2] = true; alive[3] = true
#else
#define NOBODY (!alive[1] && !alive[2])
#define START_ALL alive[1] = true; alive[2] = true
#endif

proctype producer()
{
	VARIABLES;
start:
	do
	:: made[ME] < MESSAGES ->
	   ring_claim(FREE);
	   if
	   :: cell == NONE -> WAIT(FREE)
	   :: cell != NONE ->
	      STEP(body[cell] = made[ME] * PRODUCERS + ME);
	      push(WORK)
	   fi
	:: made[ME] == MESSAGES -> break
	od;
end_done:
	DIE;
dead:
	alive[ME];
	goto start
}

proctype consumer()
{
	VARIABLES;
start:
	do
	:: ring_claim(WORK);
	   if
	   :: cell != NONE -> push(FREE)
	   :: cell == NONE ->
end_idle:     WAIT(WORK)
	   fi
	od;
dead:
	alive[ME];
	goto start
}

init
{
	VARIABLES;
	byte c, id, to;

	d_step {
		do
		:: c < CELLS ->
		   word[c] = WORD(0, 0, FREE, QUEUED);
		   ENTRY_AT(FREE, c) = SLOT(0, 0, c + 1);
		   inserted_at[c] = c;
		   c++
		:: else -> break
		od;
		tail[FREE] = CELLS;
		c = 0
	}
	atomic {
		select(deaths : 0 .. DEATHS);
		select(supervisor_deaths : 0 .. SUPERVISOR_DEATHS);
		do
		:: id < PRODUCERS -> run producer(); id++
		:: id >= PRODUCERS && id < WORKERS -> run consumer(); id++
		:: else -> break
		od;
		id = 0;
		goto supervise
	}
dead:
	/* Without the lock it would not know that nobody else is alive. */
	atomic {
#ifdef MUTANT_NO_LOCK
		!alive[1] -> alive[0] = true; alive[1] = true;
#else
		NOBODY -> alive[0] = true;
#endif
		c = 0; id = 0; to = 0
	}
	rebuild();
	atomic { START_ALL };
supervise:
	do
#ifdef MUTANT_RECOVERY_OF_THE_LIVING
	:: d_step { id == 0 && deaths > 0 -> deaths--; id = 1 }
#endif
	:: d_step { id == 0 && !alive[1] -> id = 1 }
	:: d_step { id == 0 && !alive[2] -> id = 2 }
#if WORKERS > 2
	:: d_step { id == 0 && !alive[3] -> id = 3 }
#endif
	:: id != 0 ->
	   do
	   :: c < CELLS -> recover_cell(c, id); c++                      /* R2 */
	   :: d_step { c == CELLS ->
	          c = 0; to = 0; alive[id] = true; id = 0 }              /* R4 */
	      break
	   :: DIE
	   od
	:: DIE
	:: timeout -> break
	od;
	assert(consumed == ALL);
	check()
}
