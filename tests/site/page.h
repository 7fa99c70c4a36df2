/*
 * page - what a site answers, as rows of a table.
 *
 * Rows with the same path answer in turn; the last of them from then on.
 */
#ifndef TESTS_SITE_PAGE_H
#define TESTS_SITE_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum site_how {
	SITE_PLAIN,   /* Content-Length, the connection stays open */
	SITE_CHUNKED, /* likewise, in chunks */
	SITE_CLOSE,   /* no length: the end of the connection ends the body */
	SITE_HALF,    /* promises the whole body, sends half, closes */
	SITE_LONGER,  /* sends more than it promised */
	SITE_RAW,     /* the body is all that is sent, then it closes */
	SITE_HANG_UP, /* closes without a byte */
	SITE_SILENT,  /* never answers, never closes */
	SITE_RESET,   /* like SITE_HANG_UP, by a reset of the connection */
};

/* Pages that are made when they are asked for; `maker_n` says how many. */
enum site_maker {
	SITE_AS_WRITTEN,
	SITE_TREE,      /* maker_n pages, ten links each, and some across */
	SITE_CALENDAR,  /* a month with its days, and links to its neighbours */
	SITE_FACETS,    /* each of maker_n filters may be put into the query */
	SITE_COUNTDOWN, /* …/7 redirects to …/6; …/0 is a page */
	SITE_MAKERS,
};

struct site_page {
	/* With its query; one that ends in '*': all that start so; NULL: any
	 * that is in no other row. */
	const char *path;
	enum site_how how;
	int status;          /* 0: 200 */
	const char *headers; /* "Name: value\r\n" each */
	const char *body;
	size_t size;  /* `body` is repeated up to this; 0: as it is */
	bool informs; /* sends 100 and 103 ahead of the answer */
	int delay_ms; /* before the first byte */
	int drip_ms;  /* each byte of the body after so long … */
	size_t burst; /* … but for the first ones, which are sent at once */

	size_t body_len; /* of a body that has a NUL in it; 0: strlen */
	/*
	 * In headers and body stand for what is known only when it is asked
	 * for: {port} {host} {base} (http://host:port) {path} {n} (how often
	 * the path was asked for, from 1) {date+30} (in 30 s, as HTTP has it).
	 */
	bool marks;
	enum site_maker maker;
	unsigned maker_n;
};

/* How a host answers a TLS handshake; plain HTTP is spoken on the same port. */
enum site_tls {
	SITE_TLS_GOOD,       /* by the test CA, for its name or address */
	SITE_TLS_EXPIRED,    /* likewise, until yesterday */
	SITE_TLS_OTHER_NAME, /* likewise, for somebody else */
	SITE_TLS_SELF,       /* signed by itself */
	SITE_TLS_NONE,       /* an alert */
	SITE_TLS_SILENT,     /* never answered */
	SITE_TLS_KINDS,
};

#endif
