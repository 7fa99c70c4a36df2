/*
 * What becomes of what the dead held, kind by kind: rows of object.c.
 */
#ifndef MPIPC_SYNC_IMPL_H
#define MPIPC_SYNC_IMPL_H

#include "ipc/mp/context_impl.h"

mp_forget_fn mp_sem_forget;

#endif
