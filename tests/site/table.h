/*
 * table - a web as JSON, for the program and for tests in Python.
 *
 *   { "hosts": { "127.0.1.1": HOST, "127.1.{0-7}.{1-250}": HOST, "*": HOST } }
 *
 * HOST  pages    { path: ROW, or [ROW, …]: in turn, the last from then on }
 *       robots   the text of /robots.txt
 *       tls      good expired other-name self none silent
 *       delay_ms, drip_ms, burst   of the rows that have none
 * ROW   a text (the body), or an object of
 *       status, type (Content-Type; "": none), headers { name: text or [text] }
 *       body, or base64; or title, links [url, …] and more: a page of HTML
 *       encode   "shift_jis": the body in that encoding, whatever `type` says
 *       gzip     true: the body compressed, and said to be
 *       to       a redirect: 302 unless `status` says another
 *       how      plain chunked close half longer raw hang-up silent reset
 *       make     tree calendar facets countdown, and n: its size
 *       size, informs, delay_ms, drip_ms, burst   as in struct site_page
 *
 * A path that ends in '*' is all that start so; "*" is all.  The marks of
 * site_page.marks stand in bodies and headers.
 */
#ifndef TESTS_SITE_TABLE_H
#define TESTS_SITE_TABLE_H

#include "lib/base/err.h"
#include "lib/base/span.h"
#include "tests/site/serve.h"

/*
 * Add the hosts of `json`, or give them other pages; nothing when anything is
 * wrong, -EINVAL with `err` naming it.
 */
int table_load(struct serve *serve, struct span json, struct err *err);

#endif
