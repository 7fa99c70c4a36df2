/*
 * site - a small web site on 127.0.0.1 that behaves as badly as it is told to.
 *
 * One host of serve.h, in a child process that dies with its parent.
 */
#ifndef TESTS_SITE_SITE_H
#define TESTS_SITE_SITE_H

#include <stdint.h>

#include "tests/site/page.h"

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
