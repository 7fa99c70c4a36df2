/*
 * Cells and rings: nothing is lost, nothing comes twice, the ring never fills.
 *
 * Producers take cells from FREE and send them to WORK, consumers send them
 * back; any of them may be killed, the supervisor recovers and starts a
 * successor with the same id.  Who finds a ring empty waits for an entry as if
 * by magic: sleeping is gate.pml's.
 *
 *   PRODUCERS CONSUMERS CELLS SLOTS   MESSAGES (of each producer)   DEATHS
 */
#define FREE 0
#define WORK 1
#define QUEUES 2
#define WORKERS (PRODUCERS + CONSUMERS)
#define ME _pid

#define TARGET(queue) (queue)
#define MAY_DIE(id) (deaths > 0 && id != 0)
#define AFTER_DEATH(id)
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
	say_sending(queue, cell);
	ring_insert(queue, cell);
	say_queued(queue, cell);
	STEP(cell = NONE)
}

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
		do
		:: id < PRODUCERS -> run producer(); id++
		:: id >= PRODUCERS && id < WORKERS -> run consumer(); id++
		:: else -> break
		od;
		id = 0
	}
	do
	:: d_step { id == 0 && !alive[1] -> id = 1 }
	:: d_step { id == 0 && !alive[2] -> id = 2 }
#if WORKERS > 2
	:: d_step { id == 0 && !alive[3] -> id = 3 }
#endif
	:: id != 0 ->
	   c = 0;
	   do
	   :: c < CELLS -> recover_cell(c, id); c++
	   :: d_step { c == CELLS ->
	          c = 0; to = 0; alive[id] = true; id = 0 }             /* R4 */
	      break
	   od
	:: timeout -> break
	od;
	assert(consumed == ALL);
	check();
dead:
	skip
}
