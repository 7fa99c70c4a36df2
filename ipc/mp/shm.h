/*
 * shm - SharedMemory of Python's multiprocessing: a block of bytes under a
 * name, of no context.
 *
 * It is allocated whole before anybody has it, so touching it never fails, and
 * only its user may open it.  It stays until mp_shm_unlink(), whoever dies.
 * Killed in mp_shm_create(): the name may be there already, to be unlinked.
 */
#ifndef MPIPC_SHM_H
#define MPIPC_SHM_H

#include "ipc/mp/base.h"

enum {
	MP_SHM_NAME_MAX = 47
};

struct mp_shm; /* a process's handle; children of a fork inherit it */

MP_BEGIN

/* `size` bytes of zeros.  `name` is "/" and up to 46 characters without
 * another; NULL: one is found, see mp_shm_name().
 * 0; MP_EINVAL; -EEXIST; MP_ENOSPC; -ENOMEM: no addresses; -errno. */
MP_API MP_MUST_USE int mp_shm_create(const char *name, size_t size,
    struct mp_shm **out);
/* One that is there.  0; MP_EINVAL; -ENOENT; -EACCES: another user's, or open
 * to others; MP_ECORRUPT: its maker has not come so far yet; MP_ENOSPC. */
MP_API MP_MUST_USE int mp_shm_attach(const char *name, struct mp_shm **out);
/* Unmap, and free the handle.  NULL is fine. */
MP_API void mp_shm_close(struct mp_shm *shm);
/* The name goes; the block when the last has closed it.  0; -ENOENT. */
MP_API int mp_shm_unlink(struct mp_shm *shm);

MP_API void *mp_shm_data(struct mp_shm *shm); /* borrowed, until close */
MP_API size_t mp_shm_size(const struct mp_shm *shm);
MP_API const char *mp_shm_name(const struct mp_shm *shm);

MP_END

#endif
