/*
 * pipe - messages between two ends, and waiting for several things at once:
 * Pipe(), Connection and connection.wait() of Python's multiprocessing.
 *
 * A message is bytes with an end, whole or not at all: it goes as one packet,
 * or, when it is longer than MP_CONN_PACKET, as a sealed memory file in one.
 * So whoever is killed at any moment, the other end has each message whole,
 * and then the end of the pipe.
 *
 * Both ends are inherited by children of a fork, and the pipe ends when each
 * copy of an end is closed: close what is not yours, as with Python's.  No
 * context, no seat.  One thread at a time receives at a connection, and one
 * sends.
 */
#ifndef MPIPC_PIPE_H
#define MPIPC_PIPE_H

#include "ipc/mp/process.h"

enum {
	MP_CONN_PACKET = 64 << 10 /* bytes; longer ones take a file each */
};

struct mp_conn;

/* One of the three; `fd` counts where the others are NULL. */
struct mp_wait_item {
	struct mp_conn *conn;       /* a message is there, or the end */
	struct mp_process *process; /* it has ended for good */
	int fd; /* readable, or its end; not ours to close */
};

MP_BEGIN

/* Both ends may send and receive, or, not `duplex`, *a receives and *b sends.
 * 0 and two connections to be closed; MP_ENOMEM, -errno (-EMFILE). */
MP_API MP_MUST_USE int mp_pipe_open(bool duplex, struct mp_conn **a,
    struct mp_conn **b);

/* This process's copy of the end.  NULL is fine. */
MP_API void mp_conn_close(struct mp_conn *conn);

/*
 * Send one message; 0 bytes are one, too.  Waits while the pipe is full.
 * 0: the kernel has it, whole, and the other end gets it even if we are killed
 * now.  MP_ETIMEDOUT: nothing was sent; MP_EBROKEN: nobody is at the other end;
 * MP_EPERM: this end receives only; -errno (of a memory file: -EMFILE,
 * MP_ENOMEM; -ETOOMANYREFS: too many of them are under way).
 */
MP_API MP_MUST_USE int mp_conn_send(struct mp_conn *conn, const void *buf,
    size_t len, int timeout_ms);

/*
 * Take the next message.  0, and *len bytes in buf; MP_ETIMEDOUT; MP_EEOF:
 * every other end is closed, and no message is left; MP_EPERM: this end sends
 * only; MP_ECORRUPT: what came was not sent by mp_conn_send(), and is dropped.
 * MP_EMSGSIZE: it is longer than `cap`, *len says how long, and it stays: the
 * next call with this handle gets it.
 */
MP_API MP_MUST_USE int mp_conn_recv(struct mp_conn *conn, void *buf, size_t cap,
    size_t *len, int timeout_ms);

/* 1: mp_conn_recv() would not wait, for a message or the end is there; 0: not
 * in that time.  MP_EPERM. */
MP_API int mp_conn_poll(struct mp_conn *conn, int timeout_ms);

/* For epoll and the like.  A message that mp_conn_recv() found too long is
 * not seen there: mp_conn_poll() knows.  Owned by the connection. */
MP_API int mp_conn_fileno(const struct mp_conn *conn);

/*
 * Wait until one of `n` items is ready, and say of each in `ready` whether it
 * is.  How many, 0: not in that time; MP_EINVAL: an item that makes no sense;
 * MP_ENOMEM.  Restarts of the children among them happen in here.
 */
MP_API MP_MUST_USE int mp_wait_any(const struct mp_wait_item *items, size_t n,
    int timeout_ms, bool *ready);

MP_END

#endif
