/*
 * What the manager needs of connections beside pipe.h.
 */
#ifndef MPIPC_PIPE_IMPL_H
#define MPIPC_PIPE_IMPL_H

#include "ipc/attr.h"
#include "ipc/mp/pipe.h"

/* A connection over a packet socket, which is its own from then on, with
 * success and without. */
MUST_USE int mp_conn_over(int fd, struct mp_conn **out);

#endif
