#include "lib/audit/trios.h"

#include <errno.h>
#include <stdbool.h>

enum {
	TRIOS_START = 1024,
	SMALL = 16 /* sorted by insertion */
};

void
trios_fini(struct trios *trios)
{
	free(trios->at);
	*trios = TRIOS_NONE;
}

int
trios_add(struct trios *trios, uint64_t a, uint64_t b, uint64_t c)
{
	if (trios->n == trios->room) {
		/* Large ones are moved by the kernel, page by page; what is
		 * not yet used takes no memory. */
		size_t room = trios->room > 0 ? trios->room * 2 : TRIOS_START;
		struct trio *more = realloc(trios->at, room * sizeof(*more));

		if (more == NULL)
			return -ENOMEM;
		trios->at = more;
		trios->room = room;
	}
	trios->at[trios->n++] = (struct trio){ a, b, c };
	return 0;
}

static inline bool
before(const struct trio *x, const struct trio *y)
{
	if (x->a != y->a)
		return x->a < y->a;
	return x->b != y->b ? x->b < y->b : x->c < y->c;
}

static inline void
swap(struct trio *x, struct trio *y)
{
	struct trio t = *x;

	*x = *y;
	*y = t;
}

static void
sift(struct trio *at, size_t i, size_t n)
{
	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= n)
			return;
		if (child + 1 < n && before(&at[child], &at[child + 1]))
			child++;
		if (!before(&at[i], &at[child]))
			return;
		swap(&at[i], &at[child]);
		i = child;
	}
}

static void
heap_sort(struct trio *at, size_t n)
{
	for (size_t i = n / 2; i-- > 0;)
		sift(at, i, n);
	while (n-- > 1) {
		swap(&at[0], &at[n]);
		sift(at, 0, n);
	}
}

static void
insertion_sort(struct trio *at, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct trio t = at[i];
		size_t k = i;

		for (; k > 0 && before(&t, &at[k - 1]); k--)
			at[k] = at[k - 1];
		at[k] = t;
	}
}

/* Hoare's, round the median of three; returns how many are on the left. */
static size_t
partition(struct trio *at, size_t n)
{
	struct trio *low = &at[0], *middle = &at[n / 2], *high = &at[n - 1];
	struct trio pivot;
	size_t i = 0, k = n - 1;

	if (before(middle, low))
		swap(middle, low);
	if (before(high, middle))
		swap(high, middle);
	if (before(middle, low))
		swap(middle, low);
	pivot = *middle;
	for (;;) {
		while (before(&at[i], &pivot))
			i++;
		while (before(&pivot, &at[k]))
			k--;
		if (i >= k)
			return k + 1;
		swap(&at[i++], &at[k--]);
	}
}

/*
 * Quicksort, and heapsort where that goes wrong: who chooses the URLs chooses
 * their hashes, and with them the pivots.
 */
static void
sort(struct trio *at, size_t n, unsigned patience)
{
	while (n > SMALL && patience > 0) {
		size_t left = partition(at, n);

		patience--;
		/* The smaller part by a call, so the stack stays small. */
		if (left < n - left) {
			sort(at, left, patience);
			at += left;
			n -= left;
		} else {
			sort(at + left, n - left, patience);
			n = left;
		}
	}
	if (n > SMALL)
		heap_sort(at, n);
	else
		insertion_sort(at, n);
}

void
trios_sort(struct trios *trios)
{
	sort(trios->at, trios->n, 100);
}
