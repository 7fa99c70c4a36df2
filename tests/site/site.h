/*
 * site - a small web site on 127.0.0.1 that behaves as badly as it is told to.
 *
 * It runs in a child process, which dies with its parent.  What a page sends
 * is made ready at the start, so an answer costs one send.
 */
#ifndef TESTS_SITE_SITE_H
#define TESTS_SITE_SITE_H

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
};

struct site_page {
	const char *path; /* with its query; NULL in the last row: any other */
	enum site_how how;
	int status;          /* 0: 200 */
	const char *headers; /* "Name: value\r\n" each */
	const char *body;
	size_t size;  /* `body` is repeated up to this; 0: as it is */
	bool informs; /* sends 100 and 103 ahead of the answer */
	int delay_ms; /* before the first byte */
	int drip_ms;  /* each byte of the body after so long … */
	size_t burst; /* … but for the first ones, which are sent at once */
};

struct site;

/* A path that is in no row is 404.  0 or negative errno. */
int site_start(const struct site_page *pages, size_t n, struct site **out);
void site_stop(struct site *site);

uint16_t site_port(const struct site *site);

/* So far. */
unsigned site_connections(const struct site *site);
unsigned site_requests(const struct site *site);

/* The last request as it came, up to its empty line; NUL-terminated. */
const char *site_last_request(const struct site *site);

#endif
