/*
 * verdict - from an order and its capture to how the URL's journey ends.
 *
 * A pure rule.  The recorder asks it once per cell, writes the record that
 * belongs to the answer, and puts the answer beside the cell for the
 * scheduler: so a record is there if and only if its URL is done.
 */
#ifndef LIB_MESSAGE_VERDICT_H
#define LIB_MESSAGE_VERDICT_H

#include "lib/message/capture.h"
#include "lib/message/order.h"
#include "lib/message/reason.h"

struct verdict_limits {
	uint32_t retries;
	uint32_t max_redirects;
	uint32_t max_waits; /* see verdict_is_wait(): these use no retry up */
	bool refuse_downgrade; /* of a redirect from https to http */
};

struct decision {
	uint8_t verdict; /* enum verdict */
	uint8_t reason;  /* enum reason, for the record and the store */
};

/*
 * Of a redirect: one that leads to where its chain was already has failed as a
 * loop; one to another form of the same page (REDIRECT_SAME) is a retry, since
 * a page has one record; any other is done, and its target is a link.
 *
 * A name that is not found uses no retry up, or a host without a name for some
 * minutes would take the retries of its URLs along; but where none are wanted
 * it ends the URL at once, as any failure does.
 *
 * `capture` is NULL when there is none: then the order's reason decides, and
 * without one the cell came by way of the quarantine.
 */
struct decision verdict_decide(const struct verdict_limits *limits,
    const struct order *order, const struct capture *capture);

/* 429 and 503, and a name that is not found: the host's clock says when it is
 * asked again, and the URL is not to blame. */
bool verdict_is_wait(const struct capture *capture);
/* The name was not found. */
bool verdict_is_no_name(const struct capture *capture);
/* The host could not be reached at all: its back-off grows. */
bool verdict_is_host_trouble(const struct capture *capture);

#endif
