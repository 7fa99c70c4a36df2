#include <errno.h>

#include "ipc/conveyor_impl.h"

enum {
	TURN_BITS = 28,
	GEN_BITS = 16,
	CELL_BITS = 20
};

#define TURN_MASK ((UINT64_C(1) << TURN_BITS) - 1)
#define CELL_MASK ((UINT32_C(1) << CELL_BITS) - 1)

static_assert(TURN_BITS + GEN_BITS + CELL_BITS == 64, "a slot is a word");
static_assert(CONVEYOR_CELLS_MAX < 1 << CELL_BITS, "cell + 1 fits");

uint32_t
ring_slots(uint32_t cells)
{
	uint32_t slots = 1;

	while (slots < 2 * cells + CONVEYOR_WORKERS + 1)
		slots *= 2;
	return slots;
}

static uint64_t
slot_pack(uint64_t turn, uint32_t gen, uint32_t cell_plus_1)
{
	return (turn & TURN_MASK) << (GEN_BITS + CELL_BITS) |
	       (uint64_t)(gen & 0xffff) << CELL_BITS | cell_plus_1;
}

/* Turns wrap: how far the slot's is ahead of that of position `at`. */
static int
slot_ahead(const struct conveyor *cv, uint64_t slot, uint64_t at)
{
	uint64_t turn = slot >> (GEN_BITS + CELL_BITS);
	uint64_t diff = (turn - (at >> cv->slot_shift)) & TURN_MASK;

	return (int)(diff << (32 - TURN_BITS)) >> (32 - TURN_BITS);
}

static uint32_t
slot_cell_plus_1(uint64_t slot)
{
	return (uint32_t)slot & CELL_MASK;
}

static uint16_t
slot_gen(uint64_t slot)
{
	return (uint16_t)(slot >> CELL_BITS);
}

static _Atomic uint64_t *
slot_at(const struct conveyor *cv, struct ring *ring, uint64_t at)
{
	return &ring->slot[at & cv->slot_mask];
}

/* Every loop over shared memory ends: so many steps are many more than any
 * number of competitors can cause, and a ring gone mad causes more. */
static uint64_t
steps_allowed(const struct conveyor *cv)
{
	return 4 * (uint64_t)cv->layout.slots;
}

int
ring_insert(struct conveyor *cv, uint8_t queue, uint32_t cell, uint32_t gen)
{
	struct ring *ring = ring_of(cv, queue);

	for (uint64_t steps = steps_allowed(cv); steps > 0; steps--) {
		uint64_t t = atomic_load(&ring->tail);
		_Atomic uint64_t *slot = slot_at(cv, ring, t);
		uint64_t v = atomic_load(slot);
		int ahead = slot_ahead(cv, v, t);

		/* Of an earlier turn: the ring has gone once round, and that
		 * cannot be.  Moving the tail on would bury the entry. */
		if (ahead < 0)
			return -EBADMSG;
		/* P2.  Claims the position and publishes the cell in one.
		 * Pairs with C1 in ring_claim() and with gate_work(). */
		if (ahead == 0 && slot_cell_plus_1(v) == 0) {
			uint64_t entry = slot_pack(t >> cv->slot_shift, gen,
			    cell + 1);

			if (!atomic_compare_exchange_strong(slot, &v, entry))
				continue;
			/* P3.  Failure: somebody helped. */
			atomic_compare_exchange_strong(&ring->tail, &t, t + 1);
			return 0;
		}
		/* Filled, by one who may be dead: help the tail. */
		atomic_compare_exchange_strong(&ring->tail, &t, t + 1);
	}
	return -EBADMSG;
}

/* An entry counts while its cell may be claimed here and at this generation. */
static bool
entry_valid(struct cell_word w, uint8_t queue, uint64_t slot)
{
	return w.state != CELL_HELD && w.queue == queue &&
	       (uint16_t)w.gen == slot_gen(slot);
}

int
ring_claim(struct conveyor *cv, uint8_t queue, uint32_t *cell)
{
	struct ring *ring = ring_of(cv, queue);

	for (uint64_t steps = steps_allowed(cv); steps > 0; steps--) {
		uint64_t h = atomic_load(&ring->head);
		_Atomic uint64_t *slot = slot_at(cv, ring, h);
		uint64_t v = atomic_load(slot); /* C1: pairs with P2 */
		int ahead = slot_ahead(cv, v, h);
		uint32_t c = slot_cell_plus_1(v) - 1;
		bool won = false;
		struct cell_word w;
		uint64_t old, cleared;

		if (ahead < 0)
			return -EBADMSG; /* the slot before it was never taken */
		if (ahead > 0) {
			/* Taken, by one who may be dead: help the head. */
			atomic_compare_exchange_strong(&ring->head, &h, h + 1);
			continue;
		}
		if (slot_cell_plus_1(v) == 0) {
			if (atomic_load(&ring->head) == h)
				return 0;
			continue;
		}
		if (c >= cv->shape.cells)
			return -EBADMSG;

		/* C2.  Acquire: pairs with P1, so what the sender wrote into
		 * the parts is seen.  The entry must still stand after the
		 * word was read: only then does a word that cannot be claimed
		 * prove that the entry is spent. */
		old = atomic_load_explicit(word_of(cv, c),
		    memory_order_acquire);
		if (atomic_load(slot) != v)
			continue;
		w = cell_unpack(old);
		if (!word_possible(cv, w))
			return -EBADMSG;
		/* C3.  One CAS says whose it is; the losers look again. */
		if (entry_valid(w, queue, v)) {
			w.gen++;
			w.owner = cv->me;
			w.state = CELL_HELD;
			won = atomic_compare_exchange_strong(word_of(cv, c),
			    &old, cell_pack(w));
			if (!won)
				continue;
		}
		/* C4, C5.  Ours, or stale: either way it is spent, and anyone
		 * may clear it. */
		cleared = slot_pack((h >> cv->slot_shift) + 1, 0, 0);
		atomic_compare_exchange_strong(slot, &v, cleared);
		atomic_compare_exchange_strong(&ring->head, &h, h + 1);
		if (won) {
			*cell = c;
			return 1;
		}
	}
	return -EBADMSG;
}

bool
ring_has_entry(const struct conveyor *cv, uint8_t queue)
{
	struct ring *ring = ring_of(cv, queue);
	uint64_t h = atomic_load(&ring->head);
	uint64_t v = atomic_load(slot_at(cv, ring, h));

	/* Anything but "empty, and it is this slot's turn": let a claim find
	 * out.  A head that lags counts as something. */
	return slot_ahead(cv, v, h) != 0 || slot_cell_plus_1(v) != 0;
}

void
ring_clear(struct conveyor *cv, uint8_t queue)
{
	struct ring *ring = ring_of(cv, queue);

	for (uint32_t i = 0; i < cv->layout.slots; i++)
		atomic_store_explicit(&ring->slot[i], 0, memory_order_relaxed);
	for (int i = 0; i < RING_WAITER_WORDS; i++)
		atomic_store_explicit(&ring->waiters[i], 0,
		    memory_order_relaxed);
	atomic_store(&ring->head, 0);
	atomic_store(&ring->tail, 0);
}

bool
ring_entry_at(const struct conveyor *cv, uint8_t queue, uint64_t at,
    uint32_t *cell, uint16_t *gen)
{
	uint64_t v = atomic_load(slot_at(cv, ring_of(cv, queue), at));

	if (slot_ahead(cv, v, at) != 0 || slot_cell_plus_1(v) == 0)
		return false;
	*cell = slot_cell_plus_1(v) - 1;
	*gen = slot_gen(v);
	return true;
}
