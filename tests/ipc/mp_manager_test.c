#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ipc/mp/manager_impl.h"
#include "tests/ipc/fixture.h"

static struct mp_context *ctx;
static struct mp_manager *manager;

/* Named "m", for those that attach. */
static void
begin(void)
{
	ck_assert_int_eq(mp_context_open(NULL, NULL, &ctx), 0);
	ck_assert_int_eq(mp_manager_start(ctx, "m", 0, &manager), 0);
}

static void
end(void)
{
	mp_manager_close(manager);
	mp_context_close(ctx);
}

static struct mp_dict *
dict(const char *name)
{
	struct mp_dict *d = NULL;

	ck_assert_int_eq(mp_manager_dict(manager, name, &d), 0);
	return d;
}

static struct mp_list *
list(const char *name)
{
	struct mp_list *l = NULL;

	ck_assert_int_eq(mp_manager_list(manager, name, &l), 0);
	return l;
}

static int
set(struct mp_dict *d, const char *key, const char *value)
{
	return mp_dict_set(d, key, strlen(key), value, strlen(value));
}

/* A call that fills `got`, of `room` bytes, and says so in `got_len`. */
#define ck_bytes(call, text)                                                   \
	do {                                                                   \
		char got[64];                                                  \
		const size_t room = sizeof(got) - 1;                           \
		size_t got_len = 0;                                            \
                                                                               \
		ck_assert_int_eq(call, 0);                                     \
		got[got_len] = '\0';                                           \
		ck_assert_str_eq(got, text);                                   \
	} while (0)

static void
ck_items(struct mp_items *items, const char *joined)
{
	char text[256] = "";
	size_t len;

	for (size_t i = 0; i < mp_items_count(items); i++) {
		const char *at = mp_items_at(items, i, &len);

		strncat(text, at, len);
		strcat(text, " ");
	}
	ck_assert_str_eq(text, joined);
	ck_assert_ptr_null(mp_items_at(items, mp_items_count(items), &len));
	mp_items_free(items);
}

static size_t
dict_size(struct mp_dict *d)
{
	size_t n = 999;

	ck_assert_int_eq(mp_dict_size(d, &n), 0);
	return n;
}

static size_t
list_size(struct mp_list *l)
{
	size_t n = 999;

	ck_assert_int_eq(mp_list_size(l, &n), 0);
	return n;
}

START_TEST(a_dict_does_as_python_s)
{
	struct mp_dict *d;
	struct mp_items *keys = NULL;
	char buf[64];
	size_t len;

	begin();
	d = dict(NULL);
	ck_assert_uint_eq(dict_size(d), 0);
	ck_assert_int_eq(set(d, "b", "two"), 0);
	ck_assert_int_eq(set(d, "a", "one"), 0);
	ck_assert_int_eq(set(d, "", ""), 0);
	ck_assert_int_eq(set(d, "b", "deux"), 0);
	ck_assert_uint_eq(dict_size(d), 3);
	ck_bytes(mp_dict_get(d, "b", 1, got, room, &got_len), "deux");
	ck_bytes(mp_dict_get(d, NULL, 0, got, room, &got_len), "");
	ck_assert_int_eq(mp_dict_get(d, "c", 1, buf, sizeof(buf), &len),
	    -ENOENT);
	ck_assert_int_eq(mp_dict_contains(d, "a", 1), 1);
	ck_assert_int_eq(mp_dict_contains(d, "c", 1), 0);
	ck_assert_int_eq(mp_dict_keys(d, &keys), 0);
	ck_items(keys, "b a  ");

	ck_assert_int_eq(mp_dict_delete(d, "", 0), 0);
	ck_assert_int_eq(mp_dict_delete(d, "", 0), -ENOENT);
	ck_assert_int_eq(mp_dict_setdefault(d, "b", 1, "x", 1, buf, sizeof(buf),
			     &len),
	    0);
	ck_assert(len == 4 && memcmp(buf, "deux", 4) == 0);
	ck_assert_int_eq(mp_dict_setdefault(d, "c", 1, "three", 5, buf,
			     sizeof(buf), &len),
	    1);
	ck_assert(len == 5 && memcmp(buf, "three", 5) == 0);
	ck_bytes(mp_dict_pop(d, "b", 1, got, room, &got_len), "deux");
	ck_assert_int_eq(mp_dict_pop(d, "b", 1, buf, sizeof(buf), &len),
	    -ENOENT);
	/* In again, at the end. */
	ck_assert_int_eq(set(d, "b", "zwei"), 0);
	ck_assert_int_eq(mp_dict_keys(d, &keys), 0);
	ck_items(keys, "a c b ");
	ck_assert_int_eq(mp_dict_clear(d), 0);
	ck_assert_uint_eq(dict_size(d), 0);
	ck_assert_int_eq(mp_dict_keys(d, &keys), 0);
	ck_items(keys, "");
	ck_assert_int_eq(set(d, "b", "again"), 0);
	ck_assert_uint_eq(dict_size(d), 1);
	mp_dict_close(d);
	end();
}
END_TEST

START_TEST(a_list_does_as_python_s)
{
	struct mp_list *l;
	struct mp_items *items = NULL;
	char buf[64];
	size_t len;

	begin();
	l = list(NULL);
	ck_assert_int_eq(mp_list_pop(l, -1, buf, sizeof(buf), &len), -ERANGE);
	ck_assert_int_eq(mp_list_append(l, "b", 1), 0);
	ck_assert_int_eq(mp_list_append(l, "d", 1), 0);
	ck_assert_int_eq(mp_list_insert(l, 0, "a", 1), 0);
	ck_assert_int_eq(mp_list_insert(l, -1, "c", 1), 0);
	ck_assert_int_eq(mp_list_insert(l, 99, "e", 1), 0);
	ck_assert_int_eq(mp_list_insert(l, -99, "", 0), 0);
	ck_assert_int_eq(mp_list_items(l, &items), 0);
	ck_items(items, " a b c d e ");
	ck_assert_uint_eq(list_size(l), 6);
	ck_bytes(mp_list_get(l, 1, got, room, &got_len), "a");
	ck_bytes(mp_list_get(l, -1, got, room, &got_len), "e");
	ck_assert_int_eq(mp_list_get(l, 6, buf, sizeof(buf), &len), -ERANGE);
	ck_assert_int_eq(mp_list_get(l, -7, buf, sizeof(buf), &len), -ERANGE);
	ck_assert_int_eq(mp_list_set(l, -2, "D", 1), 0);
	ck_assert_int_eq(mp_list_set(l, 6, "x", 1), -ERANGE);
	ck_bytes(mp_list_pop(l, 0, got, room, &got_len), "");
	ck_bytes(mp_list_pop(l, -1, got, room, &got_len), "e");
	ck_bytes(mp_list_pop(l, 1, got, room, &got_len), "b");
	ck_assert_int_eq(mp_list_items(l, &items), 0);
	ck_items(items, "a c D ");
	ck_assert_int_eq(mp_list_clear(l), 0);
	ck_assert_uint_eq(list_size(l), 0);
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(mp_list_append(l, &i, sizeof(i)), 0);
	ck_assert_uint_eq(list_size(l), 1000);
	mp_list_close(l);
	end();
}
END_TEST

START_TEST(names_find_the_same_and_kinds_are_apart)
{
	struct mp_dict *d, *same;
	struct mp_list *l;

	begin();
	d = dict("x");
	same = dict("x");
	l = list("x");
	ck_assert_int_eq(set(d, "k", "v"), 0);
	ck_bytes(mp_dict_get(same, "k", 1, got, room, &got_len), "v");
	ck_assert_uint_eq(list_size(l), 0);
	mp_dict_close(same);
	same = dict("y");
	ck_assert_uint_eq(dict_size(same), 0);
	mp_dict_close(same);
	same = dict(NULL);
	ck_assert_uint_eq(dict_size(same), 0);
	mp_dict_close(same);
	mp_dict_close(d);
	mp_list_close(l);
	end();
}
END_TEST

START_TEST(a_dict_that_grows_and_shrinks_keeps_what_it_has)
{
	enum {
		MANY = 3000
	};
	static bool there[MANY];
	uint64_t random = test_seed();
	struct mp_dict *d;
	size_t n = 0, len;

	begin();
	d = dict(NULL);
	for (int i = 0; i < 4 * MANY; i++) {
		uint64_t drawn = test_random(&random);
		uint32_t key = (uint32_t)(drawn % MANY), got = 0;
		int r;

		if (drawn >> 32 & 1) {
			r = mp_dict_set(d, &key, sizeof(key), &key,
			    sizeof(key));
			n += !there[key];
			there[key] = true;
		} else {
			r = mp_dict_pop(d, &key, sizeof(key), &got, sizeof(got),
			    &len);
			if (there[key] != (r == 0) || (r == 0 && got != key))
				ck_abort_msg("key %u: %d", key, r);
			r = 0;
			n -= there[key];
			there[key] = false;
		}
		if (r != 0)
			ck_abort_msg("key %u: %d", key, r);
	}
	ck_assert_uint_eq(dict_size(d), n);
	for (uint32_t key = 0; key < MANY; key++)
		if (mp_dict_contains(d, &key, sizeof(key)) != there[key])
			ck_abort_msg("key %u", key);
	mp_dict_close(d);
	end();
}
END_TEST

START_TEST(what_is_too_long_is_refused_and_what_does_not_fit_stays)
{
	struct mp_dict *d;
	struct mp_list *l;
	size_t len = 0;
	char *big = calloc(1, MP_ITEM_MAX + 1), *got = malloc(MP_ITEM_MAX);
	const char *name = "a name of more than forty-seven bytes, it is, and "
			   "refused";

	begin();
	d = dict(NULL);
	l = list(NULL);
	memset(big, 'x', MP_ITEM_MAX);
	ck_assert_int_eq(mp_dict_set(d, big, MP_KEY_MAX, big, MP_ITEM_MAX), 0);
	ck_assert_int_eq(mp_dict_set(d, big, MP_KEY_MAX + 1, "", 0),
	    MP_EMSGSIZE);
	ck_assert_int_eq(mp_dict_set(d, "k", 1, big, MP_ITEM_MAX + 1),
	    MP_EMSGSIZE);
	ck_assert_int_eq(mp_dict_get(d, big, MP_KEY_MAX, got, 10, &len),
	    MP_EMSGSIZE);
	ck_assert_uint_eq(len, MP_ITEM_MAX);
	ck_assert_int_eq(mp_dict_pop(d, big, MP_KEY_MAX, got, 10, &len),
	    MP_EMSGSIZE);
	ck_assert_int_eq(mp_dict_pop(d, big, MP_KEY_MAX, got, MP_ITEM_MAX,
			     &len),
	    0);
	ck_assert_uint_eq(len, MP_ITEM_MAX);
	ck_assert_int_eq(memcmp(big, got, len), 0);
	ck_assert_int_eq(mp_dict_setdefault(d, "k", 1, "long", 4, got, 3, &len),
	    MP_EMSGSIZE);
	ck_assert_uint_eq(dict_size(d), 0);

	ck_assert_int_eq(mp_list_append(l, "four", 4), 0);
	ck_assert_int_eq(mp_list_pop(l, 0, got, 3, &len), MP_EMSGSIZE);
	ck_assert_uint_eq(len, 4);
	ck_assert_uint_eq(list_size(l), 1);
	mp_dict_close(d);
	mp_list_close(l);
	ck_assert_int_eq(mp_manager_dict(manager, "", &d), MP_EINVAL);
	ck_assert_int_eq(mp_manager_dict(manager, name, &d), MP_EINVAL);
	ck_assert_int_eq(mp_manager_start(ctx, name, 0, &manager), MP_EINVAL);
	free(big);
	free(got);
	end();
}
END_TEST

START_TEST(its_memory_has_an_end_and_comes_back)
{
	struct mp_manager *small = NULL;
	struct mp_dict *d = NULL;
	static char kib[1024];
	uint32_t n = 0, again = 0;
	int r;

	begin();
	ck_assert_int_eq(mp_manager_start(ctx, NULL, 64 << 10, &small), 0);
	ck_assert_int_eq(mp_manager_dict(small, NULL, &d), 0);
	while ((r = mp_dict_set(d, &n, sizeof(n), kib, sizeof(kib))) == 0)
		n++;
	ck_assert_int_eq(r, MP_ENOSPC);
	ck_assert_uint_gt(n, 50);
	ck_assert_uint_lt(n, 64);
	ck_assert_int_eq(mp_dict_clear(d), 0);
	while (mp_dict_set(d, &again, sizeof(again), kib, sizeof(kib)) == 0)
		again++;
	ck_assert_uint_eq(again, n);
	ck_assert_int_eq(mp_dict_delete(d, "\0\0\0", 4), 0);
	ck_assert_int_eq(mp_dict_set(d, &again, sizeof(again), kib,
			     sizeof(kib)),
	    0);
	mp_dict_close(d);
	mp_manager_close(small);
	end();
}
END_TEST

START_TEST(there_are_so_many_dicts_and_lists)
{
	struct mp_dict *d = NULL;
	int r = 0;

	begin();
	for (int i = 0; i < MP_MANAGED_MAX; i++) {
		r |= mp_manager_dict(manager, NULL, &d);
		mp_dict_close(d);
	}
	ck_assert_int_eq(r, 0);
	ck_assert_int_eq(mp_manager_dict(manager, NULL, &d), MP_ENOSPC);
	end();
}
END_TEST

/* --- processes ------------------------------------------------------------ */

enum {
	EACH = 200
};

static struct mp_list *shared_list;
static struct mp_dict *shared_dict;

/* With the handles that it inherited. */
static int
append_each(struct mp_context *c, void *arg)
{
	(void)c, (void)arg;
	for (int i = 0; i < EACH; i++)
		if (mp_list_append(shared_list, &i, sizeof(i)) != 0)
			return 1;
	return 0;
}

static struct mp_process *
start(mp_target *fn, void *arg)
{
	struct mp_process *p = NULL;

	ck_assert_int_eq(mp_process_create(ctx, NULL, fn, arg, &p), 0);
	ck_assert_int_eq(mp_process_start(p), 0);
	return p;
}

static int
code_of(struct mp_process *p)
{
	int code = -1000;

	ck_assert_int_eq(mp_process_join(p, -1), 0);
	ck_assert(mp_process_exitcode(p, &code));
	return code;
}

START_TEST(children_use_what_they_inherit)
{
	struct mp_process *p[4];

	begin();
	shared_list = list(NULL);
	ck_assert_uint_eq(list_size(shared_list), 0); /* connected, and forks */
	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		p[i] = start(append_each, NULL);
	ck_assert_uint_le(list_size(shared_list), 4 * EACH);
	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		ck_assert_int_eq(code_of(p[i]), 0);
	ck_assert_uint_eq(list_size(shared_list), 4 * EACH);
	mp_list_close(shared_list);
	end();
}
END_TEST

static int
attach_and_set(struct mp_context *c, void *arg)
{
	struct mp_manager *m = NULL;
	struct mp_dict *d = NULL;

	if (mp_manager_attach(c, "m", &m) != 0 || mp_manager_pid(m) != 0 ||
	    mp_manager_dict(m, "d", &d) != 0 ||
	    mp_dict_set(d, arg, 1, "v", 1) != 0)
		return 1;
	mp_dict_close(d);
	mp_manager_close(m); /* and the manager stays */
	return 0;
}

static void *
attach_in_thread(void *key)
{
	return attach_and_set(ctx, key) == 0 ? key : NULL;
}

START_TEST(others_attach_by_name)
{
	struct mp_manager *m = NULL;
	struct mp_dict *d;
	pthread_t thread;
	char a[] = "a", b[] = "b";
	void *done;

	begin();
	d = dict("d");
	ck_assert_int_eq(code_of(start(attach_and_set, a)), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, attach_in_thread, b), 0);
	ck_assert_int_eq(pthread_join(thread, &done), 0);
	ck_assert_ptr_nonnull(done);
	ck_assert_uint_eq(dict_size(d), 2);
	ck_assert_int_eq(mp_manager_start(ctx, "m", 0, &m), -EEXIST);
	ck_assert_int_eq(mp_manager_attach(ctx, "none", &m), MP_EEOF);
	ck_assert_int_eq(mp_manager_attach(ctx, NULL, &m), MP_EINVAL);
	mp_dict_close(d);
	end();
}
END_TEST

/* Its parent's pipes are not kept open by the manager. */
START_TEST(a_pipe_ends_though_a_manager_was_started_meanwhile)
{
	struct mp_conn *a, *b;
	char byte;
	size_t len;

	ck_assert_int_eq(mp_pipe_open(true, &a, &b), 0);
	begin();
	mp_conn_close(b);
	ck_assert_int_eq(mp_conn_recv(a, &byte, 1, &len, -1), MP_EEOF);
	mp_conn_close(a);
	end();
}
END_TEST

static int
append_for_ever(struct mp_context *c, void *arg)
{
	static char kib[1024];

	(void)c, (void)arg;
	while (mp_list_append(shared_list, kib, sizeof(kib)) == 0)
		;
	return 1;
}

START_TEST(a_killed_client_is_not_noticed_by_the_others)
{
	struct mp_items *items = NULL;
	size_t len;

	begin();
	shared_list = list(NULL);
	for (int round = 0; round < 10; round++) {
		struct mp_process *p = start(append_for_ever, NULL);
		size_t before = list_size(shared_list);

		while (list_size(shared_list) < before + 5 + (size_t)round)
			;
		ck_assert_int_eq(mp_process_kill(p), 0);
		ck_assert_int_eq(code_of(p), -SIGKILL);
	}
	/* Each of them whole. */
	ck_assert_int_eq(mp_list_items(shared_list, &items), 0);
	for (size_t i = 0; i < mp_items_count(items); i++) {
		mp_items_at(items, i, &len);
		if (len != 1024)
			ck_abort_msg("item %zu has %zu bytes", i, len);
	}
	mp_items_free(items);
	mp_list_close(shared_list);
	end();
}
END_TEST

static int
until_it_is_gone(struct mp_context *c, void *arg)
{
	_Atomic int *asked = arg;
	int r;

	(void)c;
	do {
		r = mp_dict_set(shared_dict, "k", 1, "v", 1);
		++*asked;
	} while (r == 0);
	return r == MP_EEOF ? 0 : 1;
}

START_TEST(of_a_killed_manager_everybody_is_told)
{
	_Atomic int *asked = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct mp_manager *m = NULL;
	struct mp_process *p, *q;
	size_t n;

	begin();
	shared_dict = dict(NULL);
	p = start(until_it_is_gone, (void *)&asked[0]);
	q = start(until_it_is_gone, (void *)&asked[1]);
	while (asked[0] < 10 || asked[1] < 10)
		usleep(200);
	ck_assert_int_eq(kill(mp_manager_pid(manager), SIGKILL), 0);
	ck_assert_int_eq(code_of(p), 0);
	ck_assert_int_eq(code_of(q), 0);
	ck_assert_int_eq(mp_dict_size(shared_dict, &n), MP_EEOF);
	ck_assert_int_eq(mp_manager_attach(ctx, "m", &m), MP_EEOF);
	mp_dict_close(shared_dict);
	mp_manager_close(manager);
	/* And its name is free. */
	ck_assert_int_eq(mp_manager_start(ctx, "m", 0, &manager), 0);
	end();
}
END_TEST

START_TEST(more_clients_than_places_take_turns)
{
	enum {
		MORE = MP_MANAGER_CLIENTS + 30
	};
	static struct mp_manager *m[MORE];
	struct mp_list *l[MORE];
	struct rlimit files;
	int r = 0;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = files.rlim_max < 2 * MORE ? files.rlim_max : 2 * MORE;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
	begin();
	for (int i = 0; i < MORE; i++)
		r |= mp_manager_attach(ctx, "m", &m[i]);
	ck_assert_int_eq(r, 0);
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < MORE; i++) {
			if (round == 0)
				r |= mp_manager_list(m[i], "l", &l[i]);
			r |= mp_list_append(l[i], &i, sizeof(i));
		}
	ck_assert_int_eq(r, 0);
	ck_assert_uint_eq(list_size(l[0]), 2 * MORE);
	for (int i = 0; i < MORE; i++) {
		mp_list_close(l[i]);
		mp_manager_close(m[i]);
	}
	end();
}
END_TEST

/* --- by hand -------------------------------------------------------------- */

static struct mp_conn *
raw_connect(void)
{
	struct sockaddr_un address;
	socklen_t len = mp_manager_address(ctx, "=m", &address);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct mp_conn *c = NULL;

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, len), 0);
	ck_assert_int_eq(mp_conn_over(fd, &c), 0);
	return c;
}

struct raw {
	struct mp_request_head head;
	char bytes[16];
};

static struct raw
raw_request(uint64_t number, enum mp_manager_op op, const char *key,
    const char *value)
{
	struct raw raw = { .head = { .magic = MP_MANAGER_MAGIC,
			       .client = 77,
			       .number = number,
			       .op = op,
			       .cap = 100,
			       .key_len = strlen(key),
			       .value_len = strlen(value) } };

	snprintf(raw.bytes, sizeof(raw.bytes), "%s%s", key, value);
	return raw;
}

static size_t
raw_len(const struct raw *raw)
{
	return sizeof(raw->head) + raw->head.key_len + raw->head.value_len;
}

/* 0 and the answer, or MP_EEOF. */
static int
raw_ask(struct mp_conn *c, const struct raw *raw, size_t request_len,
    struct mp_answer_head *head, char text[64])
{
	char buf[128] = "";
	size_t len;
	int r = mp_conn_send(c, raw, request_len, -1);

	if (r == 0)
		r = mp_conn_recv(c, buf, sizeof(buf), &len, -1);
	if (r < 0)
		return r;
	ck_assert_uint_ge(len, sizeof(*head));
	memcpy(head, buf, sizeof(*head));
	snprintf(text, 64, "%.*s", (int)(len - sizeof(*head)),
	    buf + sizeof(*head));
	return 0;
}

START_TEST(a_request_that_comes_again_is_answered_and_not_done_again)
{
	struct mp_answer_head said;
	struct mp_list *l;
	struct mp_conn *c;
	struct raw raw;
	char text[64];

	begin();
	l = list("l");
	c = raw_connect();
	raw = raw_request(1, MP_LIST_OPEN, "l", "");
	ck_assert_int_eq(raw_ask(c, &raw, raw_len(&raw), &said, text), 0);
	ck_assert_int_eq(said.result, 0);
	raw = raw_request(2, MP_LIST_APPEND, "", "one");
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(raw_ask(c, &raw, raw_len(&raw), &said, text),
		    0);
		ck_assert_int_eq(said.result, 0);
		ck_assert_uint_eq(said.number, 2);
	}
	raw = raw_request(3, MP_LIST_POP, "", "");
	ck_assert_int_eq(raw_ask(c, &raw, raw_len(&raw), &said, text), 0);
	ck_assert_str_eq(text, "one");
	/* It never got that answer, so it comes with a new connection. */
	mp_conn_close(c);
	c = raw_connect();
	ck_assert_int_eq(raw_ask(c, &raw, raw_len(&raw), &said, text), 0);
	ck_assert_int_eq(said.result, 0);
	ck_assert_str_eq(text, "one");
	raw.head.number = 4;
	ck_assert_int_eq(raw_ask(c, &raw, raw_len(&raw), &said, text), 0);
	ck_assert_int_eq(said.result, -ERANGE);
	/* Another client's 4 is another. */
	raw = raw_request(4, MP_LIST_APPEND, "", "two");
	raw.head.client = 78;
	ck_assert_int_eq(raw_ask(c, &raw, raw_len(&raw), &said, text), 0);
	ck_assert_uint_eq(list_size(l), 1);
	mp_list_close(l);
	mp_conn_close(c);
	end();
}
END_TEST

START_TEST(who_talks_nonsense_is_cut_off_and_nobody_else)
{
	struct mp_answer_head said;
	struct mp_dict *d;
	char text[64];

	begin();
	d = dict("d");
	for (int i = 0; i < 9; i++) {
		struct mp_conn *c = raw_connect();
		struct raw raw = raw_request(5, MP_DICT_OPEN, "d", "");
		size_t len;

		ck_assert_int_eq(raw_ask(c, &raw, raw_len(&raw), &said, text),
		    0);
		raw = raw_request(6, MP_DICT_SET, "key", "value");
		len = raw_len(&raw);
		raw.head.magic += i == 0;
		raw.head.op += i == 1 ? MP_MANAGER_OPS : 0;
		raw.head.key_len += i == 2;
		raw.head.value_len -= i == 3;
		raw.head.key_len = i == 4 ? UINT64_MAX - 3 : raw.head.key_len;
		len = i == 5 ? sizeof(raw.head) - 1 : len;
		raw.head.number = i == 6 ? 4 : i == 7 ? 0 : 6;
		if (i == 8)
			ck_assert_int_ge(send(mp_conn_fileno(c), "x", 1, 0), 0);
		ck_assert_int_lt(raw_ask(c, &raw, len, &said, text), 0);
		mp_conn_close(c);
	}
	ck_assert_uint_eq(dict_size(d), 0);
	mp_dict_close(d);
	end();
}
END_TEST

START_TEST(an_object_that_is_not_there_is_refused)
{
	struct mp_answer_head said;
	struct mp_conn *c;
	struct raw raw;
	char text[64];

	begin();
	c = raw_connect();
	for (uint64_t i = 0; i < 3; i++) {
		static const uint32_t objects[] = { 1, MP_MANAGED_MAX,
			UINT32_MAX };

		mp_list_close(list("only"));
		raw = raw_request(i + 1, MP_LIST_SIZE, "", "");
		raw.head.object = objects[i];
		ck_assert_int_eq(raw_ask(c, &raw, raw_len(&raw), &said, text),
		    0);
		ck_assert_int_eq(said.result, MP_EINVAL);
	}
	/* A list is no dict. */
	raw = raw_request(9, MP_DICT_SET, "k", "v");
	ck_assert_int_eq(raw_ask(c, &raw, raw_len(&raw), &said, text), 0);
	ck_assert_int_eq(said.result, MP_EINVAL);
	mp_conn_close(c);
	end();
}
END_TEST

START_TEST(who_does_not_read_is_cut_off_and_keeps_nobody_waiting)
{
	struct mp_dict *d;
	struct mp_conn *c;
	struct raw raw;
	uint64_t n = 1;
	int r;

	begin();
	d = dict("d");
	c = raw_connect();
	do {
		raw = raw_request(n++, MP_DICT_OPEN, "d", "");
		r = mp_conn_send(c, &raw, raw_len(&raw), -1);
	} while (r == 0);
	ck_assert_int_eq(r, MP_EBROKEN);
	ck_assert_uint_eq(dict_size(d), 0);
	mp_dict_close(d);
	mp_conn_close(c);
	end();
}
END_TEST

TEST_MAIN("mp_manager", a_dict_does_as_python_s, a_list_does_as_python_s,
    names_find_the_same_and_kinds_are_apart,
    a_dict_that_grows_and_shrinks_keeps_what_it_has,
    what_is_too_long_is_refused_and_what_does_not_fit_stays,
    its_memory_has_an_end_and_comes_back, there_are_so_many_dicts_and_lists,
    children_use_what_they_inherit, others_attach_by_name,
    a_pipe_ends_though_a_manager_was_started_meanwhile,
    a_killed_client_is_not_noticed_by_the_others,
    of_a_killed_manager_everybody_is_told, more_clients_than_places_take_turns,
    a_request_that_comes_again_is_answered_and_not_done_again,
    who_talks_nonsense_is_cut_off_and_nobody_else,
    an_object_that_is_not_there_is_refused,
    who_does_not_read_is_cut_off_and_keeps_nobody_waiting)
