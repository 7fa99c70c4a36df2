/*
 * What a manager and its clients say to each other, and what it keeps.
 *
 * A request is a head, the key and the value in one message; an answer a head
 * and bytes.  Both sides check what they get: who writes it may be another
 * version, or broken.
 */
#ifndef MPIPC_MANAGER_IMPL_H
#define MPIPC_MANAGER_IMPL_H

#include <sys/socket.h>
#include <sys/un.h>

#include "ipc/mp/manager.h"
#include "ipc/mp/pipe_impl.h"
#include "ipc/mp/process_impl.h"

/* "mpmanag" and a version. */
#define MP_MANAGER_MAGIC UINT64_C(0x0167616e616d706d)

enum mp_manager_op {
	MP_DICT_OPEN,
	MP_DICT_SET,
	MP_DICT_GET,
	MP_DICT_DELETE,
	MP_DICT_POP,
	MP_DICT_SETDEFAULT,
	MP_DICT_CONTAINS,
	MP_DICT_SIZE,
	MP_DICT_CLEAR,
	MP_DICT_KEYS,
	MP_LIST_OPEN,
	MP_LIST_APPEND,
	MP_LIST_GET,
	MP_LIST_SET,
	MP_LIST_INSERT,
	MP_LIST_POP,
	MP_LIST_SIZE,
	MP_LIST_CLEAR,
	MP_LIST_ITEMS,
	MP_MANAGER_OPS
};

struct mp_request_head {
	uint64_t magic;
	uint64_t client; /* drawn by lot, per handle and process */
	uint64_t number; /* 1 at first; one more each time, the same again */
	uint32_t op;
	uint32_t object; /* as the open answered */
	int64_t index;
	uint64_t cap; /* of the caller's buffer */
	uint64_t key_len, value_len;
};

struct mp_answer_head {
	uint64_t magic;
	uint64_t number;
	int64_t result; /* 0, an answer, or an error */
	uint64_t len;   /* of the bytes, or of those that found no room */
};

enum {
	MP_REQUEST_MAX = sizeof(struct mp_request_head) + MP_KEY_MAX +
			 MP_ITEM_MAX
};

/* The address of the manager of that name; its length. */
socklen_t mp_manager_address(const struct mp_context *ctx, const char *name,
    struct sockaddr_un *out);

/* In the manager's process: listens, says so through `ready` (an int, 0 or an
 * error), and serves until it is killed. */
int mp_manager_serve(struct mp_context *ctx, const char *name, uint64_t memory,
    struct mp_conn *ready);

/* --- what it keeps (manager_store.c) -------------------------------------- */

struct mp_blob {
	size_t len;
	char bytes[];
};

/* A part of a request: borrowed. */
struct mp_span {
	const void *bytes;
	size_t len;
};

struct mp_ask {
	enum mp_manager_op op;
	uint32_t object;
	int64_t index;
	uint64_t cap;
	struct mp_span key, value;
};

/* Bytes borrowed from the store until the next call. */
struct mp_reply {
	int result;
	struct mp_span bytes;
};

struct mp_store;

MUST_USE int mp_store_new(uint64_t memory, struct mp_store **out);
void mp_store_free(struct mp_store *store);
/* Whether the operation changes anything: then it must not be done twice. */
bool mp_store_changes(enum mp_manager_op op);
void mp_store_do(struct mp_store *store, const struct mp_ask *ask,
    struct mp_reply *reply);

#endif
