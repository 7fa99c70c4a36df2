/*
 * The steps of ipc/, for the models of the conveyor: rings, words, recovery.
 *
 * One access to shared memory is one step, named as in queue.md 2.2 and in the
 * comments of the C code; what touches only a process's own variables happens
 * together with the access before or after it.  Before each step the process
 * may be killed.  Nothing here knows what is in a cell, or who runs; a model
 * defines that, then includes this file:
 *
 *   CELLS QUEUES SLOTS     SLOTS are those of one ring
 *   WORKERS                ids 1 ... WORKERS; 0 is the supervisor
 *   TARGET(queue)          where recovery sends a cell that was HELD from there
 *   SENT(queue, cell)      what the model notes when the word says SENDING (P1)
 *   MAY_DIE(id)            whether it may be killed now
 *   AFTER_DEATH(id)        what the kernel and the model note of a death
 *   STOPS, MAY_STOP(id)    if some may be stopped, not killed, for good: whom
 *
 * Each process has these variables and a label `dead`:
 */
#define VARIABLES byte at, cell = NONE, gen; short seen, w
#define FORGET at = 0; cell = NONE; gen = 0; seen = 0; w = 0

/* And of one that sleeps or wakes (steps_gate.pml); GATES is defined then. */
#ifdef GATES
#define GATE_VARIABLES byte need; bool wakes
#define FORGET_GATE need = 0; wakes = false
#else
#define FORGET_GATE
#endif

#define NONE 15
#define BIT(id) (1 << (id))

/* --- the word: gen | owner:3 | queue:2 | state:2 -------------------------- */

#define QUEUED  1
#define HELD    2
#define SENDING 3

#define WORD(gen, owner, queue, state) \
	((gen) << 7 | (owner) << 4 | (queue) << 2 | (state))
#define STATE(w) ((w) & 3)
#define QUEUE(w) ((w) >> 2 & 3)
#define OWNER(w) ((w) >> 4 & 7)
#define GEN(w)   ((w) >> 7)

/* --- a slot: turn | gen:8 | cell+1:3 -------------------------------------- */

#define SLOT(turn, gen, cell_plus_1) ((turn) << 11 | (gen) << 3 | (cell_plus_1))
#define TURN(v)        ((v) >> 11)
#define SLOT_GEN(v)    ((v) >> 3 & 255)
#define CELL_PLUS_1(v) ((v) & 7)

#define ENTRY_AT(queue, position) slot[(queue) * SLOTS + (position) % SLOTS]
/* slot_ahead(): how far the slot's turn is ahead of that of the position. */
#define AHEAD(v, position) (TURN(v) - (position) / SLOTS)
#define IS_EMPTY(v, position) (AHEAD(v, position) == 0 && CELL_PLUS_1(v) == 0)
#define IS_ENTRY(v, position) (AHEAD(v, position) == 0 && CELL_PLUS_1(v) != 0)

/* --- shared memory -------------------------------------------------------- */

short word[CELLS];
short slot[QUEUES * SLOTS];
byte head[QUEUES], tail[QUEUES];

/* --- what only the model knows -------------------------------------------- */

bool alive[WORKERS + 1] = true;
/* How many may still be killed.  The model begins with each number up to its
 * own: at the end all have died that could, and no death yet to come would
 * repair what must not need it. */
byte deaths;
/* Where the cell was inserted last. */
byte inserted_at[CELLS];

#ifdef STOPS
#define STOP :: MAY_STOP(ME) -> stops--
#else
#define STOP
#endif
#define DIE \
	atomic { \
	    if \
	    :: MAY_DIE(ME) -> d_step { \
	           alive[ME] = false; \
	           FORGET; FORGET_GATE; AFTER_DEATH(ME) } \
	    STOP \
	    fi; \
	    goto dead }
#define STEP(...) if :: d_step { __VA_ARGS__ } :: DIE fi

#define CAS(x, old, new) \
	if :: x == old -> x = new :: else fi

/* --- mutants: each must be caught ----------------------------------------- */

#ifdef MUTANT_NO_GEN_IN_SLOT
#define GEN_FITS(w, v) true
#else
#define GEN_FITS(w, v) (GEN(w) == SLOT_GEN(v))
#endif
#ifdef MUTANT_P5_RAISES_GEN
#define P5_GEN(w) (GEN(w) + 1)
#else
#define P5_GEN(w) GEN(w)
#endif
#ifdef MUTANT_RECOVERY_IGNORES_SENDING
#define RECOVERS(w, id) (STATE(w) == HELD && OWNER(w) == id)
#else
#define RECOVERS(w, id) (STATE(w) != QUEUED && OWNER(w) == id)
#endif

/* --- push (conveyor.c, ring.c) --------------------------------------------- */

/* say_sending(): this process holds `c`; leaves its generation in `gen`. */
inline say_sending(queue, c)
{
	STEP(
	    assert(STATE(word[c]) == HELD && OWNER(word[c]) == ME);
	    gen = GEN(word[c]) + 1;
	    word[c] = WORD(gen, ME, queue, SENDING);
	    SENT(queue, c))                                             /* P1 */
}

/* ring_insert() */
inline ring_insert(queue, c)
{
	do
	:: STEP(at = tail[queue]);
	   STEP(
	       seen = ENTRY_AT(queue, at);
	       /* or the ring is full */
	       assert(AHEAD(seen, at) >= 0));
	   if
	   :: d_step { IS_EMPTY(seen, at) && ENTRY_AT(queue, at) == seen ->
	          ENTRY_AT(queue, at) = SLOT(at / SLOTS, gen, c + 1);
	          inserted_at[c] = at; seen = 0 }                 /* P2, won */
	      STEP(CAS(tail[queue], at, at + 1); at = 0; gen = 0);      /* P3 */
	      break
	   :: d_step { IS_EMPTY(seen, at) && ENTRY_AT(queue, at) != seen ->
	          at = 0; seen = 0 }                             /* P2, lost */
	   :: d_step { !IS_EMPTY(seen, at) ->
	          CAS(tail[queue], at, at + 1); at = 0; seen = 0 }   /* help */
	   :: DIE
	   fi
	od
}

/* P1 ... P3 */
inline put(queue, c)
{
#ifdef MUTANT_ENTRY_BEFORE_WORD
	gen = GEN(word[c]) + 1;
	ring_insert(queue, c);
	say_sending(queue, c);
	gen = 0
#else
	say_sending(queue, c);
	ring_insert(queue, c)
#endif
}

/* conveyor_say_queued() */
inline say_queued(queue, c)
{
	STEP(w = word[c]);                                       /* P5, looks */
	if
	:: d_step { STATE(w) == SENDING && OWNER(w) == ME && QUEUE(w) == queue ->
	       CAS(word[c], w, WORD(P5_GEN(w), 0, queue, QUEUED));
	       w = 0 }                                                  /* P5 */
	:: d_step { !(STATE(w) == SENDING && OWNER(w) == ME && QUEUE(w) == queue)
	       -> w = 0 }                             /* claimed: that is fine */
	:: DIE
	fi
}

/* --- pop (ring.c) ---------------------------------------------------------- */

/* entry_valid() */
#define IS_VALID(w, queue, v) \
	(STATE(w) != HELD && QUEUE(w) == queue && GEN_FITS(w, v))
#define SEEN_CELL (CELL_PLUS_1(seen) - 1)
#define CLEAR(queue) \
	CAS(ENTRY_AT(queue, at), seen, SLOT(at / SLOTS + 1, 0, 0))
#ifdef MUTANT_C4_BEFORE_C3
#define STANDS(queue) true
#else
#define STANDS(queue) (ENTRY_AT(queue, at) == seen)
#endif

/* ring_claim(): `cell`, HELD by this process, or NONE: the ring was empty. */
inline ring_claim(queue)
{
	do
	:: STEP(at = head[queue]);
	   STEP(
	       seen = ENTRY_AT(queue, at);
	       assert(AHEAD(seen, at) >= 0));                            /* C1 */
	   if
	   :: d_step { AHEAD(seen, at) > 0 ->
	          CAS(head[queue], at, at + 1); at = 0; seen = 0 }   /* help */
	   :: d_step { IS_EMPTY(seen, at) && head[queue] == at ->
	          at = 0; seen = 0; cell = NONE }
	      break
	   :: d_step { IS_EMPTY(seen, at) && head[queue] != at ->
	          at = 0; seen = 0 }
	   :: d_step { IS_ENTRY(seen, at) -> w = word[SEEN_CELL] }         /* C2 */
#ifdef MUTANT_C4_BEFORE_C3
	      STEP(CLEAR(queue));
#endif
	      if
	      :: d_step { !STANDS(queue) -> at = 0; seen = 0; w = 0 }
	      :: STANDS(queue) ->                             /* C2, it stands */
	         if
	         :: d_step { IS_VALID(w, queue, seen) && word[SEEN_CELL] == w ->
	                cell = SEEN_CELL;
	                word[cell] = WORD(GEN(w) + 1, ME, queue, HELD);
	                /* By the entry of its last insertion: not early, and
	                 * not by one that was born again. */
	                assert(inserted_at[cell] == at);
	                w = 0 }                                   /* C3, won */
	            STEP(CLEAR(queue); seen = 0);                       /* C4 */
	            STEP(CAS(head[queue], at, at + 1); at = 0);         /* C5 */
	            break
	         :: d_step { IS_VALID(w, queue, seen) && word[SEEN_CELL] != w ->
	                at = 0; seen = 0; w = 0 }                /* C3, lost */
	         :: d_step { !IS_VALID(w, queue, seen) ->
	                CLEAR(queue); seen = 0; w = 0 }         /* C4, stale */
	            STEP(CAS(head[queue], at, at + 1); at = 0)          /* C5 */
	         :: DIE
	         fi
	      :: DIE
	      fi
	   :: DIE
	   fi
	od
}

/* ring_has_entry(), in one look. */
#define HAS_ENTRY(queue) \
	(!IS_EMPTY(ENTRY_AT(queue, head[queue]), head[queue]))

/* --- recovery (conveyor_recover.c) ----------------------------------------- */

#ifdef MUTANT_RECOVERY_KEEPS_GEN
#define REBORN_GEN(w) GEN(w)
#else
#define REBORN_GEN(w) (GEN(w) + 1)
#endif
/* reroute(): its queue */
#define REROUTED(w) (STATE(w) == HELD -> TARGET(QUEUE(w)) : QUEUE(w))

/* R2 for one cell, `c`, of the dead worker `id`; recover_cell().  Sets `to`. */
inline recover_cell(c, id)
{
	STEP(w = word[c]);
#ifdef MUTANT_RECOVERY_INSERTS_FIRST
	if
	:: RECOVERS(w, id) ->
	   gen = GEN(w) + 1; to = REROUTED(w);
	   ring_insert(to, c)
	:: else
	fi;
#endif
	do
	:: d_step { !RECOVERS(w, id) -> w = 0 }
	   break
	:: d_step { RECOVERS(w, id) && word[c] == w ->
	       gen = REBORN_GEN(w);
	       to = REROUTED(w);
	       word[c] = WORD(gen, ME, to, SENDING);
	       w = 0 }
#ifndef MUTANT_RECOVERY_INSERTS_FIRST
	   ring_insert(to, c);
#endif
	   say_queued(to, c);
	   break
	:: d_step { RECOVERS(w, id) && word[c] != w -> w = word[c] }
	:: DIE
	od
}

#ifdef MUTANT_REBUILD_FORGETS_ITS_OWN
#define REBUILDS(w) (STATE(w) != QUEUED && OWNER(w) != 0)
#else
#define REBUILDS(w) (STATE(w) != QUEUED)
#endif

/* conveyor_rebuild(): nobody else is alive.  Uses `c` and `to`. */
inline rebuild()
{
	do
	:: c < CELLS ->
	   STEP(w = word[c]);
	   if
	   :: d_step { REBUILDS(w) ->
	          word[c] = WORD(GEN(w) + 1, 0, REROUTED(w), QUEUED);
	          w = 0; c++ }
	   :: d_step { !REBUILDS(w) -> w = 0; c++ }
	   :: DIE
	   fi
	:: c == CELLS -> c = 0;
	   break
	od;
#ifndef MUTANT_REBUILD_KEEPS_RINGS
	do
	:: at < QUEUES * SLOTS -> STEP(slot[at] = 0; at++)    /* ring_clear() */
	:: at == QUEUES * SLOTS -> at = 0;
	   break
	od;
	do
	:: c < QUEUES ->
	   STEP(head[c] = 0);
	   STEP(tail[c] = 0; c++)
	:: c == QUEUES -> c = 0;
	   break
	od;
#endif
	do
	:: c < CELLS ->
	   STEP(to = QUEUE(word[c]); gen = GEN(word[c]));       /* insert_all() */
	   ring_insert(to, c);
	   c++
	:: c == CELLS -> c = 0; to = 0;
	   break
	od
}

/* --- at the end (conveyor_check.c) ------------------------------------------ */

/* Nobody runs any more: a queued cell has one entry that counts, in its queue;
 * a held one belongs to somebody alive; none is on its way. */
inline check()
{
	d_step {
		c = 0;
		do
		:: c < CELLS ->
		   w = word[c]; gen = 0; at = 0;
		   do
		   :: at < QUEUES * SLOTS ->
		      to = at / SLOTS;
		      seen = slot[at];
		      if
		      :: CELL_PLUS_1(seen) == c + 1 && QUEUE(w) == to &&
		         GEN(w) == SLOT_GEN(seen) && STATE(w) != HELD -> gen++
		      :: else
		      fi;
		      at++
		   :: else -> break
		   od;
#ifndef STOPS
		   assert(STATE(w) != SENDING);
#endif
		   assert(STATE(w) != QUEUED || gen == 1 || QUEUE(w) >= QUEUES);
		   assert(STATE(w) != HELD || alive[OWNER(w)]);
		   c++
		:: else -> break
		od
	}
}
