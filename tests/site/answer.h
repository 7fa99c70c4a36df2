/*
 * answer - the bytes that a row of the table sends to one who asks.
 */
#ifndef TESTS_SITE_ANSWER_H
#define TESTS_SITE_ANSWER_H

#include "lib/base/buf.h"
#include "tests/site/page.h"

struct site_ask {
	struct span target; /* as sent, without an origin */
	struct span host;   /* without its port */
	bool tls;
	bool h2;
	uint16_t port;
	unsigned n; /* how often it was asked for, this time included */
};

/* For HTTP/2 the head is the same text, and nothing frames the body. */
struct site_answer {
	int status; /* 0: none is sent */
	struct buf bytes;
	size_t head_at;   /* behind what `informs` sends */
	size_t head_len;  /* up to and with the empty line; 0: none is sent */
	size_t drip_from; /* bytes before it are sent at once */
	bool closes;      /* the connection, afterwards */
	bool resets;      /* by a reset */
	bool silent;      /* never answers */
};

/* True when it is the same bytes for everybody, over HTTP/1. */
bool site_answer_is_fixed(const struct site_page *page);

void site_answer_make(struct site_answer *answer, const struct site_page *page,
    const struct site_ask *ask);
void site_answer_fini(struct site_answer *answer);

/* maker.c: the body of a page that is made, and headers of its own; the
 * status, 0: there is no such page. */
int site_maker_make(const struct site_page *page, const struct site_ask *ask,
    struct buf *headers, struct buf *body);

#endif
