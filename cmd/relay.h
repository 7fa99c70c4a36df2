/*
 * relay - what the supervisor and the scheduler send each other of a person's
 * request (protocol.md 2): a packet each way over a pair of sockets made at
 * the fork, neither end of which ever blocks.
 *
 * A packet is a number and a JSON object as text; the answer bears the number
 * of its request.
 */
#ifndef CMD_RELAY_H
#define CMD_RELAY_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

enum {
	RELAY_TEXT = 60 << 10, /* bytes of a packet's text */
};

struct relay_packet {
	uint64_t number;
	char text[RELAY_TEXT];
};

/* 0; -EAGAIN the other end does not read; -EMSGSIZE; -EPIPE it is gone. */
MUST_USE int relay_send(int fd, uint64_t number, const char *text, size_t len);
/* 1 a packet, its text's length in *len; 0 none is there; -EPIPE the other end
 * is gone; -EBADMSG that was no packet. */
MUST_USE int relay_receive(int fd, struct relay_packet *out, size_t *len);

#endif
