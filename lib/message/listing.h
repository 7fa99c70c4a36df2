/*
 * listing - what a sitemap says of a URL that it lists, in six bytes.
 *
 * It travels with the URL: from the parser's output into the store's row, from
 * there into the order, and into the record.
 */
#ifndef LIB_MESSAGE_LISTING_H
#define LIB_MESSAGE_LISTING_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/span.h"

/* Numbers are stored. */
enum changefreq {
	CHANGEFREQ_NONE,
	CHANGEFREQ_ALWAYS,
	CHANGEFREQ_HOURLY,
	CHANGEFREQ_DAILY,
	CHANGEFREQ_WEEKLY,
	CHANGEFREQ_MONTHLY,
	CHANGEFREQ_YEARLY,
	CHANGEFREQ_NEVER,
	CHANGEFREQS
};
/* "daily"; "" for CHANGEFREQ_NONE and what is not of the list. */
const char *changefreq_name(unsigned changefreq);

enum {
	LISTING_PRIORITY_ONE = 100, /* priority 1.0, in hundredths */
};

/* All zeros: nothing was said. */
struct listing {
	uint32_t lastmod_s; /* unix */
	uint8_t priority;   /* hundredths, and one more: 1 … 101 */
	uint8_t changefreq; /* enum changefreq */
};

/*
 * From the texts of a sitemap; what is not understood was not said.
 *
 * `lastmod`: W3C date and time ("2024", "2024-05", "2024-05-01",
 * "2024-05-01T12:00:00.5+02:00"), from 1970 to 2105; `priority`: "0.0" to
 * "1.0"; `changefreq`: a name of the list, without case.
 */
struct listing listing_of(struct span lastmod, struct span priority,
    struct span changefreq);

/* Could listing_of() have made it? */
bool listing_valid(const struct listing *listing);

#endif
