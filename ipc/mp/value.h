/*
 * value - Value and Array of Python's multiprocessing: numbers in shared
 * memory.
 *
 * A value is one word: each of its operations is done whole or not at all,
 * whoever is killed, and needs no lock.  An array is plain memory with a lock
 * beside it: when one dies who holds the lock, the next one is told by
 * MP_OWNERDEAD that it may be half done.
 */
#ifndef MPIPC_VALUE_H
#define MPIPC_VALUE_H

#include "ipc/mp/context.h"

struct mp_value_i64; /* a process's handle; children of a fork inherit it */
struct mp_value_f64;
struct mp_array;

MP_BEGIN

/* `name` as for locks: NULL, or of the context; `first` is the same for all
 * who open it.  0, MP_EINVAL, MP_EPERM: no seat, MP_ENOSPC, -ENOMEM.  Close
 * frees the handle, NULL is fine; unlink the value itself, for everybody. */
MP_API MP_MUST_USE int mp_value_i64_open(struct mp_context *ctx,
    const char *name, int64_t first, struct mp_value_i64 **out);
MP_API void mp_value_i64_close(struct mp_value_i64 *value);
MP_API void mp_value_i64_unlink(struct mp_value_i64 *value);

/* These need no seat.  add() gives the sum, which wraps round. */
MP_API int64_t mp_value_i64_get(const struct mp_value_i64 *value);
MP_API void mp_value_i64_set(struct mp_value_i64 *value, int64_t to);
MP_API int64_t mp_value_i64_add(struct mp_value_i64 *value, int64_t n);
/* `to`, if it is *expected; else false, and *expected is what it is. */
MP_API bool mp_value_i64_compare_exchange(struct mp_value_i64 *value,
    int64_t *expected, int64_t to);

MP_API MP_MUST_USE int mp_value_f64_open(struct mp_context *ctx,
    const char *name, double first, struct mp_value_f64 **out);
MP_API void mp_value_f64_close(struct mp_value_f64 *value);
MP_API void mp_value_f64_unlink(struct mp_value_f64 *value);
MP_API double mp_value_f64_get(const struct mp_value_f64 *value);
MP_API void mp_value_f64_set(struct mp_value_f64 *value, double to);
MP_API double mp_value_f64_add(struct mp_value_f64 *value, double n);
/* The same bits, so 0.0 is not -0.0, and a NaN can be. */
MP_API bool mp_value_f64_compare_exchange(struct mp_value_f64 *value,
    double *expected, double to);

/*
 * `n` elements of `elem_size` bytes, zeroed, all of it allocated.  One that
 * does not fit into a page is an object of shared memory of its own; that of a
 * context without a name is reached by its handle alone, inherited by fork:
 * by its name it is MP_EINVAL to others.
 * 0, MP_EINVAL, MP_EPERM: no seat, MP_ENOSPC, -ENOMEM.
 */
MP_API MP_MUST_USE int mp_array_open(struct mp_context *ctx, const char *name,
    size_t elem_size, size_t n, struct mp_array **out);
/* Unmaps it, too. */
MP_API void mp_array_close(struct mp_array *array);
MP_API void mp_array_unlink(struct mp_array *array);

/* The elements, aligned for anything, until mp_array_close(); borrowed. */
MP_API void *mp_array_data(struct mp_array *array);
MP_API size_t mp_array_len(const struct mp_array *array);
MP_API size_t mp_array_elem_size(const struct mp_array *array);

/* A lock that its holder may take again; as mp_rlock_*. */
MP_API MP_MUST_USE int mp_array_lock(struct mp_array *array, int timeout_ms);
MP_API int mp_array_unlock(struct mp_array *array);
MP_API int mp_array_consistent(struct mp_array *array);

MP_END

#endif
