/*
 * Sleepers: nobody stays asleep beside work, without the belt of 250 ms.
 *
 * Producers hold some cells each and send them; consumers sleep until there is one,
 * take it (up to TAKE of them), and are busy for ever or done, as they like.  Any of
 * them may be killed, asleep and half awake too; consumers may have successors.
 *
 *   PRODUCERS CONSUMERS SLOTS DEATHS   EACH (cells of a producer)   TAKE
 *   BATCH      a producer sends all its cells by one push_many
 *   TIMEOUTS   so many sleeps end by the caller's own limit
 *   STOPS      so many producers may be stopped for good, and are not dead:
 *              what the belt is for (protocol.md 11)
 *   BELT       it is on
 */
#define WORK 0
#define DONE 1 /* its ring is never looked at */
#define GATES
#define GATE WORK
#define QUEUES 1
#define CELLS (PRODUCERS * EACH)
#define SLEEPERS CONSUMERS
#define WORKERS (CONSUMERS + PRODUCERS)
#define ME _pid

/* Cells that a producer holds at first. */
#define BEGIN ((ME - CONSUMERS - 1) * EACH)
#define END   (BEGIN + EACH)

#define TARGET(queue) WORK
#define MAY_DIE(id) (deaths > 0 && id != 0)
#define AFTER_DEATH(id) deaths--; \
	asleep = asleep & ~BIT(id); busy = busy & ~BIT(id)
#define SENT(queue, c)

/* Has a cell and is not coming back for another: a bit per id. */
byte busy;
#define ALL_BUSY (busy == BIT(CONSUMERS + 1) - BIT(1))

#ifdef TIMEOUTS
byte timeouts = TIMEOUTS;
#endif
#ifdef STOPS
byte stops = STOPS;
#define MAY_STOP(id) (stops > 0 && id > CONSUMERS)
#endif

#include "steps.pml"
#include "steps_gate.pml"

#ifdef BATCH
/* conveyor_push_many() */
inline push_all()
{
	do
	:: cell < END -> say_sending(WORK, cell); cell++                 /* P1 */
	:: cell == END -> cell = BEGIN; gen = 0;
	   break
	od;
#ifdef MUTANT_P5_BEFORE_ENTRY
	do
	:: cell < END -> say_queued(WORK, cell); cell++
	:: cell == END -> cell = BEGIN;
	   break
	od;
#endif
	do
	:: cell < END ->
	   STEP(gen = GEN(word[cell]));
	   ring_insert(WORK, cell);                                  /* P2, P3 */
	   cell++
	:: cell == END -> cell = BEGIN;
	   break
	od;
#ifdef MUTANT_WAKES_ONE_FOR_ALL
	gate_wake(1);
#else
	gate_wake(EACH);                                                 /* P4 */
#endif
	do
	:: cell < END -> say_queued(WORK, cell); cell++                  /* P5 */
	:: cell == END -> break
	od
}
#else
/* conveyor_push(), for each */
inline push_all()
{
	do
	:: cell < END ->
#ifdef MUTANT_WAKE_BEFORE_ENTRY
	   say_sending(WORK, cell);
	   gate_wake(1);
	   ring_insert(WORK, cell);
#else
	   put(WORK, cell);
	   gate_wake(1);                                                 /* P4 */
#endif
	   say_queued(WORK, cell);
	   cell++
	:: cell == END -> break
	od
}
#endif

/* A push to where nobody sleeps: ring.pml has its steps. */
#define RETIRE(c) \
	if \
	:: STATE(word[c]) == HELD && OWNER(word[c]) == ME -> \
	   word[c] = WORD(GEN(word[c]) + 1, 0, DONE, QUEUED) \
	:: else \
	fi
#if PRODUCERS * EACH == 1
#define RETIRE_MINE RETIRE(0)
#elif PRODUCERS * EACH == 2
#define RETIRE_MINE RETIRE(0); RETIRE(1)
#else
#define RETIRE_MINE RETIRE(0); RETIRE(1); RETIRE(2)
#endif

proctype consumer()
{
	VARIABLES;
	GATE_VARIABLES;
	byte taken;
start:
	taken = 0;
	do
	:: taken < TAKE ->                      /* conveyor_pop_many() */
	   ring_claim(WORK);
	   if
	   :: cell == NONE && taken == 0 -> gate_wait()
	   :: d_step { cell == NONE && taken > 0 -> taken = TAKE }
	   :: d_step { cell != NONE -> taken++; cell = NONE }
	   fi
	:: d_step { taken == TAKE -> busy = busy | BIT(ME); taken = 0 }
	   break
	:: d_step { taken == TAKE -> RETIRE_MINE; taken = 0 }
	od;
end_busy:
	DIE;
dead:
	atomic {
		alive[ME];
		if
		:: goto start
		:: busy = busy | BIT(ME) /* no successor: scale, back-off */
		fi
	}
}

proctype producer()
{
	VARIABLES;
	GATE_VARIABLES;

	cell = BEGIN;
	push_all();
dead:
	skip
}

init
{
	VARIABLES;
	GATE_VARIABLES;
	byte c, id, to;

	atomic {
		select(deaths : 0 .. DEATHS);
		do
		:: c < CELLS ->
		   word[c] = WORD(0, CONSUMERS + 1 + c / EACH, WORK, HELD);
		   c++
		:: else -> break
		od;
		c = 0;
		do
		:: id < CONSUMERS -> run consumer(); id++
		:: id >= CONSUMERS && id < WORKERS -> run producer(); id++
		:: else -> break
		od;
		id = 0
	}
	do
	:: id == 0 ->
	   /* waitpid() */
	   if
	   :: !alive[1] -> id = 1
	   :: !alive[2] -> id = 2
#if WORKERS > 2
	   :: !alive[3] -> id = 3
#endif
#if WORKERS > 3
	   :: !alive[4] -> id = 4
#endif
	   :: timeout -> break
	   fi
	:: id != 0 ->
	   gates_forget(id);                                             /* R1 */
	   do
	   :: c < CELLS -> recover_cell(c, id); c++                      /* R2 */
	   :: c == CELLS -> c = 0;
	      break
	   od;
	   gates_wake_all();                                             /* R3 */
	   STEP(to = 0; alive[id] = true; id = 0)                        /* R4 */
	od;
	assert(!HAS_ENTRY(WORK) || ALL_BUSY);
	check();
dead:
	skip
}
