/*
 * event - Event of Python's multiprocessing: a flag that many wait for.
 *
 * set() wakes everybody who waits at that moment, also when it is cleared at
 * once.  Killed in set() or clear(): it was done, or not at all, and nobody
 * sleeps beside an event that is set.
 */
#ifndef MPIPC_EVENT_H
#define MPIPC_EVENT_H

#include "ipc/mp/context.h"

struct mp_event; /* a process's handle; children of a fork inherit it */

MP_BEGIN

/* Not set at first.  `name` as for locks: NULL, or of the context.
 * 0, MP_EINVAL, MP_EPERM: no seat, MP_ENOSPC, -ENOMEM. */
MP_API MP_MUST_USE int mp_event_open(struct mp_context *ctx, const char *name,
    struct mp_event **out);
/* Free the handle.  NULL is fine. */
MP_API void mp_event_close(struct mp_event *event);
/* The event itself goes, for everybody: when nobody needs it any more. */
MP_API void mp_event_unlink(struct mp_event *event);

/* 0; MP_EPERM: no seat. */
MP_API int mp_event_set(struct mp_event *event);
MP_API int mp_event_clear(struct mp_event *event);
MP_API bool mp_event_is_set(const struct mp_event *event);
/* 0: it is set, or was since the call; MP_ETIMEDOUT; MP_EPERM. */
MP_API MP_MUST_USE int mp_event_wait(struct mp_event *event, int timeout_ms);

MP_END

#endif
