/*
 * manager - a process that keeps dicts and lists for all others, reached
 * through a connection: Manager() of Python's multiprocessing, for bytes.
 *
 * Each call is one request and one answer, and is done by the manager whole,
 * one after another: a get, a pop, a setdefault is atomic; two calls are not.
 *
 * When somebody is killed here: a client's request arrived whole, or it never
 * was; the others notice nothing.  A manager that was killed is gone with all
 * that it kept, and every call gives MP_EEOF from then on; it is not started
 * again, for an empty dict in place of a full one would be a lie.  A request
 * that had to be sent twice, as the connection was lost, is known by its
 * number and done once.
 *
 * Any process of the context, same user; a child of a fork uses the handles it
 * inherits.  A handle and those that were opened with it are used by one
 * thread at a time: another thread attaches for itself.  No seat is needed but
 * by who starts.
 */
#ifndef MPIPC_MANAGER_H
#define MPIPC_MANAGER_H

#include "ipc/mp/context.h"

enum {
	MP_KEY_MAX = 4096,        /* bytes */
	MP_ITEM_MAX = 16 << 20,   /* bytes of a value */
	MP_MANAGED_MAX = 4096,    /* dicts and lists of a manager */
	MP_MANAGER_CLIENTS = 1000 /* connected at once */
};

struct mp_manager;
struct mp_dict;
struct mp_list;
struct mp_items; /* what a dict or list held at one moment, a copy */

MP_BEGIN

/*
 * Start one, a daemon child of the caller (it ends with it, and with the
 * thread), that keeps up to `memory` bytes, 0: 256 MiB.  `name` NULL: for those
 * who inherit the handle.  0 and *out; -EEXIST: that name is taken in this
 * context; MP_EINVAL: a name that is too long; what mp_process_start() says.
 */
MP_API MP_MUST_USE int mp_manager_start(struct mp_context *ctx,
    const char *name, uint64_t memory, struct mp_manager **out);
/* The manager of that name in the context, started by anybody.  MP_EEOF: there
 * is none. */
MP_API MP_MUST_USE int mp_manager_attach(struct mp_context *ctx,
    const char *name, struct mp_manager **out);
/* Free the handle, after those opened with it.  In the process that started it
 * the manager ends, with all it keeps.  NULL is fine. */
MP_API void mp_manager_close(struct mp_manager *m);
/* Of the manager's process; 0: it was attached to. */
MP_API pid_t mp_manager_pid(const struct mp_manager *m);

/*
 * All of these: 0 or as said, or
 *   MP_EEOF      the manager is gone
 *   MP_EMSGSIZE  a key above MP_KEY_MAX, a value above MP_ITEM_MAX; of those
 *                that fill a buffer: it is too small, *len says how long, and
 *                nothing was done
 *   MP_ENOSPC    the manager's memory or MP_MANAGED_MAX is used up
 *   MP_EINVAL    a name that is empty or too long
 */

/* The dict of that name, empty if there was none; NULL: a new one.  It stays
 * until the manager ends; close frees the handle.  NULL is fine. */
MP_API MP_MUST_USE int mp_manager_dict(struct mp_manager *m, const char *name,
    struct mp_dict **out);
MP_API void mp_dict_close(struct mp_dict *d);

MP_API MP_MUST_USE int mp_dict_set(struct mp_dict *d, const void *key,
    size_t key_len, const void *value, size_t len);
/* -ENOENT: KeyError. */
MP_API MP_MUST_USE int mp_dict_get(struct mp_dict *d, const void *key,
    size_t key_len, void *buf, size_t cap, size_t *len);
MP_API MP_MUST_USE int mp_dict_delete(struct mp_dict *d, const void *key,
    size_t key_len);
/* get and delete at once. */
MP_API MP_MUST_USE int mp_dict_pop(struct mp_dict *d, const void *key,
    size_t key_len, void *buf, size_t cap, size_t *len);
/* 1: it was not there, and is `value` now; 0: it was.  What it is is in buf. */
MP_API MP_MUST_USE int mp_dict_setdefault(struct mp_dict *d, const void *key,
    size_t key_len, const void *value, size_t value_len, void *buf, size_t cap,
    size_t *len);
/* 1, 0 */
MP_API MP_MUST_USE int mp_dict_contains(struct mp_dict *d, const void *key,
    size_t key_len);
MP_API MP_MUST_USE int mp_dict_size(struct mp_dict *d, size_t *out);
MP_API MP_MUST_USE int mp_dict_clear(struct mp_dict *d);
/* Its keys in the order in which they came.  To be freed. */
MP_API MP_MUST_USE int mp_dict_keys(struct mp_dict *d, struct mp_items **out);

/* The same for lists.  An index below 0 counts from the end; -ERANGE:
 * IndexError. */
MP_API MP_MUST_USE int mp_manager_list(struct mp_manager *m, const char *name,
    struct mp_list **out);
MP_API void mp_list_close(struct mp_list *l);

MP_API MP_MUST_USE int mp_list_append(struct mp_list *l, const void *value,
    size_t len);
MP_API MP_MUST_USE int mp_list_get(struct mp_list *l, int64_t index, void *buf,
    size_t cap, size_t *len);
MP_API MP_MUST_USE int mp_list_set(struct mp_list *l, int64_t index,
    const void *value, size_t len);
/* Before `index`; beyond either end: there, as in Python. */
MP_API MP_MUST_USE int mp_list_insert(struct mp_list *l, int64_t index,
    const void *value, size_t len);
/* -1: the last. */
MP_API MP_MUST_USE int mp_list_pop(struct mp_list *l, int64_t index, void *buf,
    size_t cap, size_t *len);
MP_API MP_MUST_USE int mp_list_size(struct mp_list *l, size_t *out);
MP_API MP_MUST_USE int mp_list_clear(struct mp_list *l);
/* All of it. */
MP_API MP_MUST_USE int mp_list_items(struct mp_list *l, struct mp_items **out);

MP_API size_t mp_items_count(const struct mp_items *items);
/* Item `i` below the count, and its length; borrowed.  NULL: there is none. */
MP_API const void *mp_items_at(const struct mp_items *items, size_t i,
    size_t *len);
MP_API void mp_items_free(struct mp_items *items);

MP_END

#endif
