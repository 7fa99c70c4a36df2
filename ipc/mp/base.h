/*
 * base - what every header of libmpipc shares: errors, and how to say them.
 *
 * Functions return 0 or a negative number; MP_OWNERDEAD is positive, for the
 * lock is taken then.  Times are in ms: 0 not at all, -1 for ever.
 */
#ifndef MPIPC_BASE_H
#define MPIPC_BASE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MP_API      __attribute__((visibility("default")))
#define MP_MUST_USE __attribute__((warn_unused_result))

#ifdef __cplusplus
#define MP_BEGIN extern "C" {
#define MP_END   }
#else
#define MP_BEGIN
#define MP_END
#endif

/* Python's exceptions, as negative errno; other negative errno pass through. */
enum mp_error {
	MP_EFULL = -ENOBUFS,       /* queue.Full */
	MP_EEMPTY = -ENODATA,      /* queue.Empty */
	MP_ECLOSED = -ESHUTDOWN,   /* ValueError: ... is closed */
	MP_ETIMEDOUT = -ETIMEDOUT, /* TimeoutError */
	MP_EINVAL = -EINVAL,       /* ValueError, AssertionError */
	MP_EPERM = -EPERM,         /* not the owner; not a participant */
	MP_EBROKEN = -EPIPE,       /* BrokenBarrierError, BrokenProcessPool */
	MP_EEOF = -ECONNRESET,     /* EOFError: the other end is gone */
	MP_EWORKERDIED = -EOWNERDEAD, /* a task out of attempts */
	MP_ECANCELLED = -ECANCELED,   /* CancelledError */
	MP_EMSGSIZE = -EMSGSIZE,      /* above a limit that is a setting */
	MP_ENOMEM = -ENOMEM,          /* of this process */
	MP_ENOSPC = -ENOSPC,          /* of shared memory, or of a table */
	MP_ECORRUPT = -EBADMSG        /* shared memory holds the impossible */
};

enum {
	/* Taken, and the one who had it before died: what it guards may be
	 * half done. */
	MP_OWNERDEAD = 1
};

MP_BEGIN

/* "the queue is full": one of our sentences, else strerror()'s.  Static. */
MP_API const char *mp_strerror(int error);

/* Cores that this process may use: affinity and the cgroup's quota; at least
 * 1. */
MP_API unsigned mp_cpu_count(void);

MP_END

#endif
