/*
 * reason - the closed list of why a URL ended as it did.
 *
 * One list for records, logs, counters and the store: a URL that was answered
 * has a status, any other has one of these.  Numbers are stored: rows are
 * added at the end, never moved.
 */
#ifndef LIB_MESSAGE_REASON_H
#define LIB_MESSAGE_REASON_H

#include "lib/base/attr.h"

enum reason {
	REASON_NONE,
	REASON_DNS_FAIL,
	REASON_CONNECT_FAIL,
	REASON_TLS_FAIL,
	REASON_TIMEOUT_CONNECT,
	REASON_TIMEOUT_FIRST_BYTE,
	REASON_TIMEOUT_TOTAL,
	REASON_LOW_SPEED,
	REASON_READ_FAIL,
	REASON_BLOCKED_SSRF,
	REASON_ROBOTS_DENIED,
	REASON_ROBOTS_UNREACHABLE,
	REASON_OUT_OF_SCOPE,
	REASON_TOO_LARGE,
	REASON_TOO_MANY_REDIRECTS,
	REASON_TRAP,
	REASON_QUARANTINED,
	REASON_HOST_BLOCKED,
	REASON_HOST_DOWN,
	REASON_BUDGET,
	REASON_RULE, /* an exclude rule: new, or of the response's media type */
	REASON_REDIRECT_LOOP,
	REASON_REDIRECT_DOWNGRADE,
	REASON_PROXY_FAIL,
	REASONS
};

/* "dns_fail"; "" for REASON_NONE, "?" for what is not of the list. */
const char *reason_name(unsigned reason);

/* The setting that decides it ("max_redirects"), or "". */
const char *reason_key(unsigned reason);

/* Why a link was not admitted: counted, outside the sum. */
enum refusal {
	REFUSED_SCOPE,
	REFUSED_RULE, /* an exclude rule */
	REFUSED_DEPTH,
	REFUSED_LENGTH,
	REFUSED_SCHEME,
	REFUSED_NOFOLLOW, /* rel=nofollow, and its like below */
	REFUSED_CONTACT,  /* not this machine, and nobody to complain to */
	REFUSED_TRAP,     /* a shape that URLs without end have */
	REFUSED_BLOCKED,  /* of a host that `mpcrawl block` names */
	REFUSED_LOCATION, /* a sitemap may not speak for it (sitemaps.org) */
	REFUSED_GAVE_UP, /* a regex of a rule ran into a limit, and out is safe */
	REFUSED_UGC,
	REFUSED_SPONSORED,
	REFUSED_META_NOFOLLOW,   /* meta robots of the page */
	REFUSED_HEADER_NOFOLLOW, /* X-Robots-Tag of the page */
	REFUSED_ENTRY, /* of a sitemap, without a URL that can be fetched */
	REFUSALS
};
const char *refusal_name(unsigned refusal);
const char *refusal_key(unsigned refusal);

/* What of a capture is not whole. */
enum truncated {
	TRUNCATED_NO,
	TRUNCATED_LENGTH,     /* max_body */
	TRUNCATED_DISCONNECT, /* the peer closed early, or its length lied */
	TRUNCATED_TIME,       /* total_timeout or low_speed, with a part here */
	TRUNCATED_MEMORY,     /* shm_budget */
	TRUNCATED_DECODED,    /* max_decoded or max_ratio */
	TRUNCATED_PARSE,      /* parse_cpu, parse_depth or parse_memory */
	TRUNCATED_LINKS,      /* max_links, or no room for them */
	TRUNCATEDS
};
const char *truncated_name(unsigned truncated);

/* How the journey of a URL ends.  Decided once, by the recorder, so that the
 * record and the store cannot differ. */
enum verdict {
	VERDICT_NONE,
	VERDICT_DONE,
	VERDICT_REDIRECTED, /* done, and its target is a link */
	VERDICT_GONE,       /* 404, 410: done as well */
	VERDICT_FAILED,
	VERDICT_EXCLUDED,
	VERDICT_QUARANTINED,
	VERDICT_RETRY, /* no record; it goes back to the queue */
	VERDICTS
};
const char *verdict_name(unsigned verdict);

#endif
