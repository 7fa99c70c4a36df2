/*
 * serve - a web server that plays as many hosts as it is told to, and behaves
 * as badly as their tables say.  One thread, one epoll; HTTP/1.1, TLS by a
 * test CA and HTTP/2 on the same port: the first byte tells them apart.
 *
 * A request for "http://host/path" instead of a path is answered as well: so
 * it passes for a proxy.  Errors of its own end the process: it is a test's.
 */
#ifndef TESTS_SITE_SERVE_H
#define TESTS_SITE_SERVE_H

#include <stdint.h>

#include "lib/base/span.h"
#include "tests/site/page.h"

struct serve;

struct serve_connection {
	uint64_t number; /* from 1 */
	const char *ip;  /* the address that it was made to */
};

struct serve_arrival {
	uint64_t number;     /* of the request, from 1 */
	uint64_t connection; /* its number */
	const char *ip;      /* the address it was sent to */
	struct span host;    /* as it was asked for, without the port */
	struct span method, target;
	struct span headers; /* "Name: value\r\n" each */
	struct span raw;     /* the whole head as it came; HTTP/2: none */
	bool tls, resumed, h2;
};

/* Any of them may be NULL.  The spans live as long as the call. */
struct serve_hooks {
	void (*connected)(void *arg, const struct serve_connection *c);
	void (*arrived)(void *arg, const struct serve_arrival *arrival);
	/* The answer is out, or the client has gone: not `whole`.  At `us`
	 * (monotonic) its last byte was not yet sent: nobody had it before. */
	void (*ended)(void *arg, uint64_t number, int64_t us, int status,
	    uint64_t sent, bool whole);
	void *arg;
};

/* `hooks` is copied.  Raises the limit of descriptors as far as it goes. */
struct serve *serve_new(const struct serve_hooks *hooks);

/*
 * Listen at `address`, "127.0.0.0" for all of 127.0.0.0/8, at *port, or at a
 * free one, which is then in *port.  0 or negative errno.
 */
int serve_listen(struct serve *serve, const char *address, uint16_t *port);

/* Speak TLS from now on; the CA's certificate goes to the file `ca` unless
 * NULL.  0 or negative errno. */
int serve_tls(struct serve *serve, const char *ca);

struct serve_table;

/*
 * A table of rows, kept and borrowed for ever: what is in flight may still be
 * sent when a host has another one.
 */
struct serve_table *serve_table(const struct site_page *pages, size_t n);

/*
 * Add a host, or give it another table.  "*": every one that is not known.
 */
void serve_host(struct serve *serve, const char *name,
    struct serve_table *table, enum site_tls tls);

/* Call `ready` when there is something to read at `fd`; false ends
 * serve_run(). */
void serve_also(struct serve *serve, int fd, bool (*ready)(void *arg, int fd),
    void *arg);

void serve_run(struct serve *serve);

#endif
