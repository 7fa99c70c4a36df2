/*
 * Dicts and lists of bytes, in the memory of the manager alone.
 *
 * A dict's entries stand in the order in which they came, and a table of their
 * numbers finds them; what is deleted leaves a gap until they are moved
 * together.
 */
#include <string.h>
#include <sys/random.h>

#include "ipc/mp/manager_impl.h"

enum {
	STORE_COST = 64, /* of an item, beside its bytes */
	STORE_FIRST = 16 /* entries; a power of two */
};

struct entry {
	uint64_t hash;
	struct mp_blob *key; /* NULL: a gap */
	struct mp_blob *value;
};

/* A dict or a list: of a list the keys are NULL, and nobody looks at `table`. */
struct managed {
	bool is_list;
	char name[MP_NAME_MAX + 1]; /* "": it has none */
	struct entry *entries;
	size_t n, room; /* of entries, gaps included */
	size_t live;
	uint32_t *table; /* 2 * room: number of an entry + 1, 0 */
};

struct mp_store {
	uint64_t used, memory;
	uint64_t seed; /* which keys collide is not for others to know */
	struct managed *all[MP_MANAGED_MAX];
	size_t n;
	/* What the last reply pointed to and nobody else has. */
	struct mp_blob *popped;
	char *listed;
};

/* --- bytes ---------------------------------------------------------------- */

static struct mp_blob *
blob_new(struct mp_store *s, struct mp_span from)
{
	struct mp_blob *blob;

	if (from.len + STORE_COST > s->memory - s->used)
		return NULL;
	blob = malloc(sizeof(*blob) + from.len);
	if (blob == NULL)
		return NULL;
	blob->len = from.len;
	if (from.len > 0)
		memcpy(blob->bytes, from.bytes, from.len);
	s->used += from.len + STORE_COST;
	return blob;
}

static void
blob_free(struct mp_store *s, struct mp_blob *blob)
{
	if (blob == NULL)
		return;
	s->used -= blob->len + STORE_COST;
	free(blob);
}

static struct mp_span
span_of(const struct mp_blob *blob)
{
	return (struct mp_span){ blob->bytes, blob->len };
}

/* --- entries -------------------------------------------------------------- */

static uint64_t
hash_of(const struct mp_store *s, struct mp_span key)
{
	const unsigned char *at = key.bytes;
	uint64_t hash = s->seed;

	for (size_t i = 0; i < key.len; i++)
		hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
	return hash ^ hash >> 32;
}

static void
table_put(struct managed *m, size_t i)
{
	size_t mask = 2 * m->room - 1, at = m->entries[i].hash & mask;

	while (m->table[at] != 0)
		at = (at + 1) & mask;
	m->table[at] = (uint32_t)i + 1;
}

/* The entry of that key; NULL. */
static struct entry *
find(const struct mp_store *s, struct managed *m, struct mp_span key)
{
	uint64_t hash = hash_of(s, key);
	size_t mask = 2 * m->room - 1;

	for (size_t at = hash & mask; m->room > 0 && m->table[at] != 0;
	     at = (at + 1) & mask) {
		struct entry *e = &m->entries[m->table[at] - 1];

		if (e->key != NULL && e->hash == hash &&
		    e->key->len == key.len &&
		    (key.len == 0 ||
			memcmp(e->key->bytes, key.bytes, key.len) == 0))
			return e;
	}
	return NULL;
}

/* Room for one more: gaps are closed, and there is more room if that was not
 * enough. */
static int
make_room(struct managed *m)
{
	size_t room = m->room == 0 ? STORE_FIRST : m->room, n = 0;
	struct entry *entries;
	uint32_t *table = NULL;

	if (m->n < m->room)
		return 0;
	if (m->live * 2 > room)
		room *= 2;
	entries = calloc(room, sizeof(*entries));
	if (!m->is_list)
		table = calloc(2 * room, sizeof(*table));
	if (entries == NULL || (table == NULL && !m->is_list) ||
	    room > UINT32_MAX / 2) {
		free(entries);
		free(table);
		return MP_ENOSPC;
	}
	for (size_t i = 0; i < m->n; i++)
		if (m->is_list || m->entries[i].key != NULL)
			entries[n++] = m->entries[i];
	free(m->entries);
	free(m->table);
	m->entries = entries;
	m->table = table;
	m->room = room;
	m->n = n;
	for (size_t i = 0; i < n && !m->is_list; i++)
		table_put(m, i);
	return 0;
}

static void
clear(struct mp_store *s, struct managed *m)
{
	for (size_t i = 0; i < m->n; i++) {
		blob_free(s, m->entries[i].key);
		blob_free(s, m->entries[i].value);
	}
	free(m->entries);
	free(m->table);
	m->entries = NULL;
	m->table = NULL;
	m->n = m->room = m->live = 0;
}

/* --- dicts and lists ------------------------------------------------------ */

static int
managed_open(struct mp_store *s, const struct mp_ask *ask, bool is_list)
{
	struct managed *m;

	if (ask->key.len > MP_NAME_MAX)
		return MP_EINVAL;
	for (size_t i = 0; ask->key.len > 0 && i < s->n; i++)
		if (s->all[i]->is_list == is_list &&
		    strlen(s->all[i]->name) == ask->key.len &&
		    memcmp(s->all[i]->name, ask->key.bytes, ask->key.len) == 0)
			return (int)i;
	m = s->n < MP_MANAGED_MAX ? calloc(1, sizeof(*m)) : NULL;
	if (m == NULL)
		return MP_ENOSPC;
	m->is_list = is_list;
	if (ask->key.len > 0)
		memcpy(m->name, ask->key.bytes, ask->key.len);
	s->all[s->n] = m;
	return (int)s->n++;
}

static int
dict_set(struct mp_store *s, struct managed *m, const struct mp_ask *ask)
{
	struct entry *e = find(s, m, ask->key);
	struct entry new = { .hash = hash_of(s, ask->key) };

	new.value = blob_new(s, ask->value);
	if (new.value == NULL)
		return MP_ENOSPC;
	if (e != NULL) {
		blob_free(s, e->value);
		e->value = new.value;
		return 0;
	}
	new.key = blob_new(s, ask->key);
	if (new.key == NULL || make_room(m) < 0) {
		blob_free(s, new.key);
		blob_free(s, new.value);
		return MP_ENOSPC;
	}
	m->entries[m->n] = new;
	table_put(m, m->n);
	m->n++;
	m->live++;
	return 0;
}

/* Its value, which is the caller's now. */
static struct mp_blob *
dict_remove(struct mp_store *s, struct managed *m, struct entry *e)
{
	struct mp_blob *value = e->value;

	blob_free(s, e->key);
	e->key = e->value = NULL;
	m->live--;
	return value;
}

/* What is found, if it fits into the caller's buffer. */
static int
give(const struct mp_blob *value, uint64_t cap, struct mp_reply *reply)
{
	reply->bytes = span_of(value);
	return value->len > cap ? MP_EMSGSIZE : 0;
}

static int
dict_get(struct mp_store *s, struct managed *m, const struct mp_ask *ask,
    struct mp_reply *reply)
{
	struct entry *e = find(s, m, ask->key);
	int r;

	if (e == NULL)
		return -ENOENT;
	if (ask->op == MP_DICT_CONTAINS)
		return 1;
	if (ask->op == MP_DICT_DELETE) {
		blob_free(s, dict_remove(s, m, e));
		return 0;
	}
	r = give(e->value, ask->cap, reply);
	if (r == 0 && ask->op == MP_DICT_POP)
		s->popped = dict_remove(s, m, e);
	return r;
}

static int
dict_setdefault(struct mp_store *s, struct managed *m, const struct mp_ask *ask,
    struct mp_reply *reply)
{
	struct entry *e = find(s, m, ask->key);
	int r;

	if (e != NULL)
		return give(e->value, ask->cap, reply);
	reply->bytes = ask->value;
	if (ask->value.len > ask->cap)
		return MP_EMSGSIZE;
	r = dict_set(s, m, ask);
	return r < 0 ? r : 1;
}

/* The item of that index; NULL. */
static struct entry *
at_index(struct managed *m, int64_t index)
{
	if (index < 0)
		index += (int64_t)m->n;
	return index < 0 || index >= (int64_t)m->n ? NULL : &m->entries[index];
}

static int
list_insert(struct mp_store *s, struct managed *m, const struct mp_ask *ask)
{
	int64_t n = (int64_t)m->n, index = ask->index;
	struct mp_blob *value = blob_new(s, ask->value);

	if (value == NULL || make_room(m) < 0) {
		blob_free(s, value);
		return MP_ENOSPC;
	}
	if (ask->op == MP_LIST_APPEND || index > n)
		index = n;
	if (index < 0)
		index = index < -n ? 0 : index + n;
	memmove(&m->entries[index + 1], &m->entries[index],
	    (size_t)(n - index) * sizeof(*m->entries));
	m->entries[index] = (struct entry){ .value = value };
	m->n++;
	m->live++;
	return 0;
}

static int
list_get(struct mp_store *s, struct managed *m, const struct mp_ask *ask,
    struct mp_reply *reply)
{
	struct entry *e = at_index(m, ask->index);
	int r;

	if (e == NULL)
		return -ERANGE;
	if (ask->op == MP_LIST_SET) {
		struct mp_blob *value = blob_new(s, ask->value);

		if (value == NULL)
			return MP_ENOSPC;
		blob_free(s, e->value);
		e->value = value;
		return 0;
	}
	r = give(e->value, ask->cap, reply);
	if (r < 0 || ask->op == MP_LIST_GET)
		return r;
	s->popped = e->value;
	m->n--;
	m->live--;
	memmove(e, e + 1,
	    (size_t)(&m->entries[m->n] - e) * sizeof(*m->entries));
	return 0;
}

/* Each as its length and its bytes. */
static int
list_all(struct mp_store *s, struct managed *m, struct mp_reply *reply)
{
	size_t len = 0;
	char *at;

	for (size_t i = 0; i < m->n; i++) {
		const struct entry *e = &m->entries[i];

		if (m->is_list)
			len += sizeof(uint64_t) + e->value->len;
		else if (e->key != NULL)
			len += sizeof(uint64_t) + e->key->len;
	}
	at = s->listed = malloc(len + 1);
	if (at == NULL)
		return MP_ENOSPC;
	for (size_t i = 0; i < m->n; i++) {
		const struct entry *e = &m->entries[i];
		const struct mp_blob *b = m->is_list ? e->value : e->key;
		uint64_t n;

		if (b == NULL)
			continue;
		n = b->len;
		memcpy(at, &n, sizeof(n));
		memcpy(at + sizeof(n), b->bytes, b->len);
		at += sizeof(n) + b->len;
	}
	reply->bytes = (struct mp_span){ s->listed, len };
	return 0;
}

/* --- requests ------------------------------------------------------------- */

bool
mp_store_changes(enum mp_manager_op op)
{
	/* clang-format off */
	static const bool changes[MP_MANAGER_OPS] = {
		[MP_DICT_OPEN] = true, [MP_DICT_SET] = true,
		[MP_DICT_DELETE] = true, [MP_DICT_POP] = true,
		[MP_DICT_SETDEFAULT] = true, [MP_DICT_CLEAR] = true,
		[MP_LIST_OPEN] = true, [MP_LIST_APPEND] = true,
		[MP_LIST_SET] = true, [MP_LIST_INSERT] = true,
		[MP_LIST_POP] = true, [MP_LIST_CLEAR] = true,
	};
	/* clang-format on */

	return changes[op];
}

static int
do_it(struct mp_store *s, const struct mp_ask *ask, struct mp_reply *reply)
{
	bool is_list = ask->op >= MP_LIST_OPEN;
	struct managed *m;

	if (ask->op == MP_DICT_OPEN || ask->op == MP_LIST_OPEN)
		return managed_open(s, ask, is_list);
	if (ask->object >= s->n || s->all[ask->object]->is_list != is_list)
		return MP_EINVAL;
	m = s->all[ask->object];
	switch (ask->op) {
	case MP_DICT_SET:
		return dict_set(s, m, ask);
	case MP_DICT_GET:
	case MP_DICT_DELETE:
	case MP_DICT_POP:
	case MP_DICT_CONTAINS:
		return dict_get(s, m, ask, reply);
	case MP_DICT_SETDEFAULT:
		return dict_setdefault(s, m, ask, reply);
	case MP_LIST_APPEND:
	case MP_LIST_INSERT:
		return list_insert(s, m, ask);
	case MP_LIST_GET:
	case MP_LIST_SET:
	case MP_LIST_POP:
		return list_get(s, m, ask, reply);
	case MP_DICT_SIZE:
	case MP_LIST_SIZE:
		/* As a length: a result has fewer bits. */
		reply->bytes.len = m->live;
		return 0;
	case MP_DICT_CLEAR:
	case MP_LIST_CLEAR:
		clear(s, m);
		return 0;
	case MP_DICT_KEYS:
	case MP_LIST_ITEMS:
		return list_all(s, m, reply);
	default:
		return MP_EINVAL;
	}
}

void
mp_store_do(struct mp_store *s, const struct mp_ask *ask,
    struct mp_reply *reply)
{
	blob_free(s, s->popped);
	free(s->listed);
	s->popped = NULL;
	s->listed = NULL;
	*reply = (struct mp_reply){ 0 };
	reply->result = do_it(s, ask, reply);
}

int
mp_store_new(uint64_t memory, struct mp_store **out)
{
	struct mp_store *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return MP_ENOMEM;
	s->memory = memory;
	if (getrandom(&s->seed, sizeof(s->seed), 0) != sizeof(s->seed)) {
		free(s);
		return -errno;
	}
	*out = s;
	return 0;
}

void
mp_store_free(struct mp_store *s)
{
	if (s == NULL)
		return;
	blob_free(s, s->popped);
	free(s->listed);
	for (size_t i = 0; i < s->n; i++) {
		clear(s, s->all[i]);
		free(s->all[i]);
	}
	free(s);
}
