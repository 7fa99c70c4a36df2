#include "lib/frontier/seen.h"

#include <errno.h>

enum {
	SEEN_START = (1 << 20) / 8, /* slots */
	SEEN_LEAST = 64,
};

int
seen_init(struct seen *seen, uint64_t limit)
{
	size_t start = SEEN_START;

	*seen = (struct seen){ .max_slots = SEEN_LEAST };
	while (seen->max_slots <= limit / 8 / 2)
		seen->max_slots *= 2;
	if (start > seen->max_slots)
		start = seen->max_slots;
	seen->slots = calloc(start, sizeof(*seen->slots));
	if (seen->slots == NULL)
		return -ENOMEM;
	seen->mask = start - 1;
	return 0;
}

void
seen_fini(struct seen *seen)
{
	if (seen == NULL)
		return;
	free(seen->slots);
	*seen = (struct seen){ .slots = NULL };
}

uint64_t
seen_print(uint64_t site64, uint64_t url64)
{
	/* Both are good hashes; the product keeps (a, b) apart from (b, a). */
	uint64_t print = site64 * UINT64_C(0x9E3779B97F4A7C15) ^ url64;

	print ^= print >> 29;
	return print ? print : 1;
}

/* Where `print` is, or the free slot where it would be. */
static size_t
seen_slot(const uint64_t *slots, size_t mask, uint64_t print)
{
	size_t i = (size_t)print & mask;

	while (slots[i] != 0 && slots[i] != print)
		i = (i + 1) & mask;
	return i;
}

bool
seen_has(const struct seen *seen, uint64_t print)
{
	return seen->slots[seen_slot(seen->slots, seen->mask, print)] == print;
}

static bool
seen_grow(struct seen *seen)
{
	size_t slots = (seen->mask + 1) * 2;
	uint64_t *larger;

	if (slots > seen->max_slots)
		return false;
	larger = calloc(slots, sizeof(*larger));
	if (larger == NULL)
		return false;
	for (size_t i = 0; i <= seen->mask; i++) {
		uint64_t print = seen->slots[i];

		if (print != 0)
			larger[seen_slot(larger, slots - 1, print)] = print;
	}
	free(seen->slots);
	seen->slots = larger;
	seen->mask = slots - 1;
	return true;
}

void
seen_add(struct seen *seen, uint64_t print)
{
	size_t i = seen_slot(seen->slots, seen->mask, print);

	if (seen->slots[i] == print)
		return;
	/* Past 80 % the runs of full slots grow long. */
	if (seen->used >= (seen->mask + 1) / 5 * 4) {
		if (seen_grow(seen)) {
			i = seen_slot(seen->slots, seen->mask, print);
		} else {
			/*
			 * Full.  The newest are asked for most: one takes the
			 * place of the old one that sits where it would like
			 * to be.  A full slot stays full, so no run is cut,
			 * and free ones are left to end the runs.
			 */
			seen->overflowed = true;
			i = (size_t)print & seen->mask;
			if (seen->slots[i] != 0)
				seen->slots[i] = print;
			return;
		}
	}
	seen->slots[i] = print;
	seen->used++;
}
