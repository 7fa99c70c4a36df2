#include "lib/config/config_impl.h"

static unsigned
min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/*
 * How many characters must be changed, added, left out or swapped with their
 * neighbour to make `b` of `a` (optimal string alignment).  Both are at most
 * CONFIG_KEY_MAX long.
 */
static unsigned
distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	/* Three rows of the table: this one, the one before, and the one
	 * before that, which a swap looks at. */
	unsigned rows[3][CONFIG_KEY_MAX + 1];
	unsigned *before = rows[0], *last = rows[1], *now = rows[2];

	for (size_t j = 0; j <= b_len; j++)
		last[j] = (unsigned)j;
	for (size_t i = 1; i <= a_len; i++) {
		unsigned *oldest = before;

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= b_len; j++) {
			unsigned differ = a[i - 1] != b[j - 1];

			now[j] = min3(last[j] + 1, now[j - 1] + 1,
			    last[j - 1] + differ);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && before[j - 2] + 1 < now[j])
				now[j] = before[j - 2] + 1;
		}
		before = last;
		last = now;
		now = oldest;
	}
	return last[b_len];
}

const char *
config_nearest(const char *word, const char *const *words, size_t n)
{
	size_t len = strlen(word);
	unsigned best = (unsigned)(len + 3) / 4 + 1;
	const char *nearest = NULL;

	if (len == 0 || len > CONFIG_KEY_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t other = strlen(words[i]);
		unsigned d;

		if (other > CONFIG_KEY_MAX)
			continue;
		d = distance(word, len, words[i], other);
		/* All of it replaced is no resemblance. */
		if (d < best && d < len && d < other) {
			best = d;
			nearest = words[i];
		}
	}
	return nearest;
}
