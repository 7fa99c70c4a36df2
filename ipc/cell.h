/*
 * cell - the one 64-bit word that says who has a page, and where it goes.
 *
 *   gen:32 | attempts:8 | owner:8 | queue:8 | state:8
 *
 * The word is the truth, rings hold hints (design: queue.md, protocol.md).
 */
#ifndef IPC_CELL_H
#define IPC_CELL_H

#include <stdint.h>

enum cell_state {
	CELL_QUEUED = 1, /* in `queue`, nobody's */
	CELL_HELD,       /* owner's; taken from `queue` */
	CELL_SENDING,    /* owner is putting it into `queue` */
};

struct cell_word {
	uint32_t gen;
	uint8_t attempts; /* blames; bit 7: suspect */
	uint8_t owner;    /* worker id; meaningless when QUEUED (0) */
	uint8_t queue;
	uint8_t state;
};

enum {
	CELL_SUSPECT = 0x80,
	CELL_BLAMES = 0x7f
};

static inline uint64_t
cell_pack(struct cell_word w)
{
	return (uint64_t)w.gen << 32 | (uint64_t)w.attempts << 24 |
	       (uint64_t)w.owner << 16 | (uint64_t)w.queue << 8 | w.state;
}

static inline struct cell_word
cell_unpack(uint64_t word)
{
	return (struct cell_word){ .gen = (uint32_t)(word >> 32),
		.attempts = (uint8_t)(word >> 24),
		.owner = (uint8_t)(word >> 16),
		.queue = (uint8_t)(word >> 8),
		.state = (uint8_t)word };
}

#endif
