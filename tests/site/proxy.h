/*
 * proxy - a small proxy on 127.0.0.1, HTTP and SOCKS5 at one port, to which
 * every name is 127.0.0.1.
 *
 * It runs in a child process, which dies with its parent.
 */
#ifndef TESTS_SITE_PROXY_H
#define TESTS_SITE_PROXY_H

#include <stdint.h>

enum proxy_how {
	PROXY_HELPS,
	PROXY_ASKS_WHO, /* 407, and no SOCKS5 without a password */
	PROXY_REFUSES,  /* 403, and SOCKS5's "not allowed" */
};

struct proxy;

/* 0 or negative errno. */
int proxy_start(enum proxy_how how, struct proxy **out);
void proxy_stop(struct proxy *proxy);

uint16_t proxy_port(const struct proxy *proxy);

/* Requests so far: heads of HTTP, CONNECT included, and SOCKS5's. */
unsigned proxy_requests(const struct proxy *proxy);
/* The last one: its head, or "SOCKS5 HOST PORT USER PASSWORD". */
const char *proxy_last(const struct proxy *proxy);

#endif
