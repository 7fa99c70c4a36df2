#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ipc/mp/pipe_impl.h"
#include "tests/ipc/fixture.h"

struct pair {
	struct mp_conn *a, *b;
};

static struct pair
pair_new(bool duplex)
{
	struct pair p = { NULL, NULL };

	ck_assert_int_eq(mp_pipe_open(duplex, &p.a, &p.b), 0);
	return p;
}

static void
pair_close(struct pair p)
{
	mp_conn_close(p.a);
	mp_conn_close(p.b);
}

static void
send_text(struct mp_conn *c, const char *text)
{
	ck_assert_int_eq(mp_conn_send(c, text, strlen(text), -1), 0);
}

static void
ck_text(struct mp_conn *c, const char *text)
{
	char buf[64];
	size_t len = 0;

	ck_assert_int_eq(mp_conn_recv(c, buf, sizeof(buf) - 1, &len, -1), 0);
	buf[len] = '\0';
	ck_assert_str_eq(buf, text);
}

static char *
bytes_new(size_t len)
{
	char *bytes = malloc(len + 1);

	ck_assert_ptr_nonnull(bytes);
	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)(i * 31 + i / 4096);
	return bytes;
}

/* Descriptors of this process. */
static size_t
open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

START_TEST(messages_keep_their_bounds_both_ways)
{
	struct pair p = pair_new(true);

	send_text(p.a, "one");
	send_text(p.a, "");
	send_text(p.a, "three");
	send_text(p.b, "back");
	ck_text(p.b, "one");
	ck_text(p.b, "");
	ck_text(p.b, "three");
	ck_text(p.a, "back");
	pair_close(p);
}
END_TEST

START_TEST(of_one_way_ends_each_does_its_part_alone)
{
	struct pair p = pair_new(false);
	char buf[8];
	size_t len;

	send_text(p.b, "this way");
	ck_assert_int_eq(mp_conn_send(p.a, "x", 1, -1), MP_EPERM);
	ck_assert_int_eq(mp_conn_recv(p.b, buf, sizeof(buf), &len, -1),
	    MP_EPERM);
	ck_assert_int_eq(mp_conn_poll(p.b, 0), MP_EPERM);
	ck_text(p.a, "this way");
	pair_close(p);
}
END_TEST

START_TEST(a_message_of_any_length_comes_whole)
{
	static const size_t lens[] = { 0, 1, 64, 4095, MP_CONN_PACKET - 1,
		MP_CONN_PACKET, MP_CONN_PACKET + 1, 1 << 20, 5 << 20 };
	struct pair p = pair_new(true);
	size_t files = open_files();

	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		char *sent = bytes_new(lens[i]), *got = malloc(lens[i] + 1);
		size_t len = 0;

		ck_assert_int_eq(mp_conn_send(p.a, sent, lens[i], -1), 0);
		ck_assert_int_eq(mp_conn_poll(p.b, 0), 1);
		ck_assert_int_eq(mp_conn_recv(p.b, got, lens[i], &len, 0), 0);
		ck_assert_uint_eq(len, lens[i]);
		ck_assert_int_eq(memcmp(sent, got, len), 0);
		free(sent);
		free(got);
	}
	ck_assert_int_eq(mp_conn_poll(p.b, 0), 0);
	ck_assert_uint_eq(open_files(), files);
	pair_close(p);
}
END_TEST

START_TEST(what_does_not_fit_stays_until_it_does)
{
	static const size_t lens[] = { 1, 100, MP_CONN_PACKET, 1 << 20 };
	struct pair p = pair_new(true);
	size_t files = open_files();

	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		char *sent = bytes_new(lens[i]), *got = malloc(lens[i] + 1);
		struct mp_wait_item item = { .conn = p.b };
		size_t len = 0;
		bool ready;

		ck_assert_int_eq(mp_conn_send(p.a, sent, lens[i], -1), 0);
		send_text(p.a, "next");
		ck_assert_int_eq(mp_conn_recv(p.b, got, lens[i] - 1, &len, 0),
		    MP_EMSGSIZE);
		ck_assert_uint_eq(len, lens[i]);
		ck_assert_int_eq(mp_conn_recv(p.b, NULL, 0, &len, 0),
		    MP_EMSGSIZE);
		ck_assert_int_eq(mp_conn_poll(p.b, 0), 1);
		ck_assert_int_eq(mp_wait_any(&item, 1, 0, &ready), 1);
		memset(got, 0, lens[i]);
		ck_assert_int_eq(mp_conn_recv(p.b, got, lens[i], &len, 0), 0);
		ck_assert_uint_eq(len, lens[i]);
		ck_assert_int_eq(memcmp(sent, got, len), 0);
		ck_text(p.b, "next");
		free(sent);
		free(got);
	}
	ck_assert_uint_eq(open_files(), files);
	pair_close(p);
}
END_TEST

START_TEST(a_connection_takes_what_it_holds_with_it)
{
	size_t files = open_files(), len;
	struct pair p = pair_new(true);
	char *sent = bytes_new(1 << 20);

	ck_assert_int_eq(mp_conn_send(p.a, sent, 1 << 20, -1), 0);
	ck_assert_int_eq(mp_conn_recv(p.b, NULL, 0, &len, 0), MP_EMSGSIZE);
	free(sent);
	pair_close(p);
	ck_assert_uint_eq(open_files(), files);
}
END_TEST

START_TEST(the_end_comes_behind_the_last_message)
{
	struct pair p = pair_new(true);
	char buf[8];
	size_t len;

	send_text(p.b, "unread");
	send_text(p.a, "last");
	mp_conn_close(p.a);
	/* The other end had not read what we sent: no reason to lose what it
	 * sent. */
	ck_assert_int_eq(mp_conn_poll(p.b, 0), 1);
	ck_text(p.b, "last");
	ck_assert_int_eq(mp_conn_recv(p.b, buf, sizeof(buf), &len, -1),
	    MP_EEOF);
	ck_assert_int_eq(mp_conn_poll(p.b, -1), 1);
	ck_assert_int_eq(mp_conn_recv(p.b, buf, sizeof(buf), &len, 0), MP_EEOF);
	ck_assert_int_eq(mp_conn_send(p.b, "x", 1, -1), MP_EBROKEN);
	mp_conn_close(p.b);
	mp_conn_close(NULL);

	p = pair_new(true);
	send_text(p.b, "unread");
	mp_conn_close(p.a);
	ck_assert_int_eq(mp_conn_send(p.b, "x", 1, 0), MP_EBROKEN);
	ck_assert_int_eq(mp_conn_recv(p.b, buf, sizeof(buf), &len, 0), MP_EEOF);
	mp_conn_close(p.b);
}
END_TEST

START_TEST(no_wait_is_longer_than_asked_for)
{
	struct pair p = pair_new(true);
	char *big = bytes_new(1 << 20);
	size_t sent = 0, len;
	int r;

	ck_assert_int_eq(mp_conn_recv(p.a, big, 8, &len, 0), MP_ETIMEDOUT);
	ck_assert_int_eq(mp_conn_recv(p.a, big, 8, &len, 5), MP_ETIMEDOUT);
	ck_assert_int_eq(mp_conn_poll(p.a, 5), 0);
	while ((r = mp_conn_send(p.a, big, MP_CONN_PACKET, 0)) == 0)
		sent++;
	ck_assert_int_eq(r, MP_ETIMEDOUT);
	ck_assert_int_eq(mp_conn_send(p.a, big, MP_CONN_PACKET, 5),
	    MP_ETIMEDOUT);
	ck_assert_int_eq(mp_conn_send(p.a, big, 1 << 20, 0), MP_ETIMEDOUT);
	for (; sent > 0; sent--)
		ck_assert_int_eq(mp_conn_recv(p.b, big, MP_CONN_PACKET, &len,
				     0),
		    0);
	ck_assert_int_eq(mp_conn_recv(p.b, big, 8, &len, 0), MP_ETIMEDOUT);
	free(big);
	pair_close(p);
}
END_TEST

static void *
send_later(void *conn)
{
	usleep(2000);
	return mp_conn_send(conn, "later", 5, -1) == 0 ? conn : NULL;
}

START_TEST(who_waits_for_ever_is_woken)
{
	static const int timeouts[] = { -1, 60000 };
	struct pair p = pair_new(true);
	pthread_t thread;
	void *sent;

	for (size_t i = 0; i < ARRAY_LEN(timeouts); i++) {
		char buf[8];
		size_t len;

		ck_assert_int_eq(pthread_create(&thread, NULL, send_later, p.a),
		    0);
		ck_assert_int_eq(mp_conn_recv(p.b, buf, sizeof(buf), &len,
				     timeouts[i]),
		    0);
		ck_assert_uint_eq(len, 5);
		ck_assert_int_eq(pthread_join(thread, &sent), 0);
		ck_assert_ptr_nonnull(sent);
	}
	pair_close(p);
}
END_TEST

/* --- a hostile other end -------------------------------------------------- */

struct head {
	uint32_t kind, zero;
	uint64_t len;
};

#define PACKET UINT32_C(0x5063706d)
#define FILED  UINT32_C(0x4663706d)

static void
send_raw(struct mp_conn *c, struct head head, size_t head_len,
    const void *bytes, size_t len, const int *files, size_t n)
{
	struct iovec parts[] = { { &head, head_len }, { (void *)bytes, len } };
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(4 * sizeof(int))];
	} rights = { .head = { .cmsg_len = CMSG_LEN(n * sizeof(int)),
			 .cmsg_level = SOL_SOCKET,
			 .cmsg_type = SCM_RIGHTS } };
	struct msghdr msg = { .msg_iov = parts, .msg_iovlen = 2 };

	if (n > 0) {
		memcpy(CMSG_DATA(&rights.head), files, n * sizeof(int));
		msg.msg_control = &rights;
		msg.msg_controllen = CMSG_LEN(n * sizeof(int));
	}
	ck_assert_int_ge(sendmsg(mp_conn_fileno(c), &msg, 0), 0);
}

static int
memory_file(size_t len, int seals)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)len), 0);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

START_TEST(what_nobody_of_us_sends_is_dropped_and_the_next_is_whole)
{
	const int all = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	struct pair p = pair_new(true);
	int good = memory_file(200, all), half = memory_file(200, F_SEAL_GROW),
	    other[2], many[4] = { good, good, good, good };
	char *big = bytes_new(2 * MP_CONN_PACKET);
	size_t files;

	ck_assert_int_eq(pipe(other), 0);
	files = open_files();
	const struct {
		struct head head;
		size_t head_len, len;
		const int *fds;
		size_t n;
	} bad[] = {
		{ { PACKET, 0, 5 }, 16, 4, NULL, 0 },
		{ { PACKET, 0, 3 }, 16, 4, NULL, 0 },
		{ { PACKET, 0, UINT64_MAX }, 16, 4, NULL, 0 },
		{ { PACKET, 1, 4 }, 16, 4, NULL, 0 },
		{ { PACKET, 0, 4 }, 16, 4, &good, 1 },
		{ { PACKET, 0, 0 }, 8, 0, NULL, 0 },
		{ { PACKET, 0, 0 }, 1, 0, NULL, 0 },
		{ { PACKET, 0, 2 * MP_CONN_PACKET }, 16, 2 * MP_CONN_PACKET,
		    NULL, 0 },
		{ { 77, 0, 4 }, 16, 4, NULL, 0 },
		{ { FILED, 0, 200 }, 16, 0, NULL, 0 },
		{ { FILED, 0, 200 }, 16, 1, &good, 1 },
		{ { FILED, 0, 201 }, 16, 0, &good, 1 },
		{ { FILED, 0, 199 }, 16, 0, &good, 1 },
		{ { FILED, 0, UINT64_MAX }, 16, 0, &good, 1 },
		{ { FILED, 0, 200 }, 16, 0, &half, 1 },
		{ { FILED, 0, 0 }, 16, 0, &other[0], 1 },
		{ { FILED, 0, 200 }, 16, 0, many, 4 },
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char buf[300];
		size_t len;

		send_raw(p.a, bad[i].head, bad[i].head_len, big, bad[i].len,
		    bad[i].fds, bad[i].n);
		ck_assert_msg(mp_conn_recv(p.b, buf, sizeof(buf), &len, 0) ==
				  MP_ECORRUPT,
		    "%zu", i);
		ck_assert_msg(open_files() == files, "%zu", i);
		send_text(p.a, "whole");
		ck_text(p.b, "whole");
	}
	/* And that it is these that were wrong. */
	send_raw(p.a, (struct head){ FILED, 0, 200 }, 16, big, 0, &good, 1);
	ck_assert_int_eq(mp_conn_recv(p.b, big, 200, &files, 0), 0);
	free(big);
	pair_close(p);
}
END_TEST

/* --- several -------------------------------------------------------------- */

static int
end_on_message(struct mp_context *ctx, void *arg)
{
	char byte;
	size_t len;

	(void)ctx;
	return mp_conn_recv(arg, &byte, 1, &len, -1) == 0 ? 0 : 1;
}

START_TEST(waiting_for_several_tells_which_are_ready)
{
	struct mp_context *ctx = NULL;
	struct pair p = pair_new(true), q = pair_new(true);
	struct mp_process *child = NULL;
	struct mp_wait_item items[4];
	bool ready[4];
	int fds[2];

	ck_assert_int_eq(mp_context_open(NULL, NULL, &ctx), 0);
	ck_assert_int_eq(mp_process_create(ctx, NULL, end_on_message, q.b,
			     &child),
	    0);
	items[0] = (struct mp_wait_item){ .conn = p.a };
	items[1] = (struct mp_wait_item){ .process = child };
	ck_assert_int_eq(mp_wait_any(items, 2, 0, ready), MP_EINVAL);
	ck_assert_int_eq(mp_process_start(child), 0);
	ck_assert_int_eq(pipe(fds), 0);
	items[2] = (struct mp_wait_item){ .fd = fds[0] };
	items[3] = (struct mp_wait_item){ .conn = p.b };

	ck_assert_int_eq(mp_wait_any(items, 4, 0, ready), 0);
	ck_assert_int_eq(mp_wait_any(items, 4, 5, ready), 0);
	ck_assert_int_eq(mp_wait_any(items, 0, 0, ready), 0);
	send_text(p.b, "x");
	ck_assert_int_eq(mp_wait_any(items, 4, -1, ready), 1);
	ck_assert(ready[0] && !ready[1] && !ready[2] && !ready[3]);
	ck_assert_int_eq(write(fds[1], "x", 1), 1);
	ck_assert_int_eq(mp_wait_any(items, 4, -1, ready), 2);
	ck_assert(ready[0] && !ready[1] && ready[2] && !ready[3]);
	send_text(q.a, "x");
	ck_assert_int_eq(mp_wait_any(&items[1], 1, -1, ready), 1);
	ck_assert(ready[0]);
	/* Waited for is joined. */
	ck_assert_uint_eq(mp_context_seats(ctx), 1);
	ck_assert_int_eq(mp_wait_any(items, 4, -1, ready), 3);

	close(fds[0]);
	ck_assert_int_eq(mp_wait_any(&items[2], 1, 0, ready), MP_EINVAL);
	items[2].fd = -1;
	ck_assert_int_eq(mp_wait_any(&items[2], 1, 0, ready), MP_EINVAL);
	mp_conn_close(p.a);
	ck_assert_int_eq(mp_wait_any(&items[3], 1, -1, ready), 1); /* its end */
	mp_conn_close(p.b);
	pair_close(q);
	mp_context_close(ctx);
}
END_TEST

START_TEST(many_can_be_waited_for)
{
	enum {
		MANY = 100
	};
	static struct mp_wait_item items[MANY];
	static bool ready[MANY];
	struct pair p[MANY];

	for (int i = 0; i < MANY; i++) {
		p[i] = pair_new(true);
		items[i].conn = p[i].a;
	}
	for (int i = 0; i < MANY; i += 7)
		send_text(p[i].b, "x");
	ck_assert_int_eq(mp_wait_any(items, MANY, -1, ready), MANY / 7 + 1);
	for (int i = 0; i < MANY; i++)
		ck_assert_int_eq(ready[i], i % 7 == 0);
	for (int i = 0; i < MANY; i++)
		pair_close(p[i]);
}
END_TEST

static int
fail_once(struct mp_context *ctx, void *arg)
{
	_Atomic int *starts = arg;

	(void)ctx;
	return ++*starts < 3 ? 1 : 0;
}

START_TEST(who_waits_for_a_child_starts_it_again)
{
	const struct mp_process_attr attr = { .restart = MP_RESTART_ON_FAILURE,
		.backoff_ms = 1 };
	_Atomic int *starts = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct mp_wait_item item = { 0 };
	struct mp_context *ctx = NULL;
	bool ready;
	int code;

	ck_assert_int_eq(mp_context_open(NULL, NULL, &ctx), 0);
	ck_assert_int_eq(mp_process_create(ctx, &attr, fail_once,
			     (void *)starts, &item.process),
	    0);
	ck_assert_int_eq(mp_process_start(item.process), 0);
	ck_assert_int_eq(mp_wait_any(&item, 1, -1, &ready), 1);
	ck_assert_int_eq(*starts, 3);
	ck_assert(mp_process_exitcode(item.process, &code) && code == 0);
	mp_context_close(ctx);
}
END_TEST

/* --- killed --------------------------------------------------------------- */

static int
send_for_ever(struct mp_context *ctx, void *arg)
{
	struct pair *p = arg;
	char *big = bytes_new(2 * MP_CONN_PACKET);

	(void)ctx;
	mp_conn_close(p->a);
	for (size_t n = 0;; n = (n + 7919) % (2 * MP_CONN_PACKET))
		if (mp_conn_send(p->b, big, n, -1) != 0)
			return 1;
	return 0;
}

static int
receive_for_ever(struct mp_context *ctx, void *arg)
{
	struct pair *p = arg;
	char *big = bytes_new(2 * MP_CONN_PACKET);
	size_t len;

	(void)ctx;
	mp_conn_close(p->b);
	for (;;)
		if (mp_conn_recv(p->a, big, 2 * MP_CONN_PACKET, &len, -1) != 0)
			return 1;
	return 0;
}

START_TEST(of_a_killed_sender_each_message_is_whole_and_then_the_end)
{
	struct mp_context *ctx = NULL;
	char *like = bytes_new(2 * MP_CONN_PACKET);
	char *got = malloc(2 * MP_CONN_PACKET);

	ck_assert_int_eq(mp_context_open(NULL, NULL, &ctx), 0);
	for (int round = 0; round < 20; round++) {
		struct pair p = pair_new(true);
		struct mp_process *child = NULL;
		size_t len, expected = 0;
		int r, n = 0;

		ck_assert_int_eq(mp_process_create(ctx, NULL, send_for_ever, &p,
				     &child),
		    0);
		ck_assert_int_eq(mp_process_start(child), 0);
		mp_conn_close(p.b);
		while ((r = mp_conn_recv(p.a, got, 2 * MP_CONN_PACKET, &len,
			    -1)) == 0) {
			ck_assert_uint_eq(len, expected);
			ck_assert_int_eq(memcmp(got, like, len), 0);
			expected = (expected + 7919) % (2 * MP_CONN_PACKET);
			if (n++ == round)
				ck_assert_int_eq(mp_process_kill(child), 0);
		}
		ck_assert_int_eq(r, MP_EEOF);
		ck_assert_int_eq(mp_process_join(child, -1), 0);
		mp_conn_close(p.a);
	}
	free(like);
	free(got);
	mp_context_close(ctx);
}
END_TEST

START_TEST(who_sends_to_one_that_was_killed_is_told)
{
	struct mp_context *ctx = NULL;
	char *big = bytes_new(2 * MP_CONN_PACKET);

	ck_assert_int_eq(mp_context_open(NULL, NULL, &ctx), 0);
	for (int round = 0; round < 20; round++) {
		struct pair p = pair_new(true);
		struct mp_process *child = NULL;
		size_t len = 0;
		int r, n = 0;

		ck_assert_int_eq(mp_process_create(ctx, NULL, receive_for_ever,
				     &p, &child),
		    0);
		ck_assert_int_eq(mp_process_start(child), 0);
		mp_conn_close(p.a);
		while ((r = mp_conn_send(p.b, big, len, -1)) == 0) {
			len = (len + 7919) % (2 * MP_CONN_PACKET);
			if (n++ == round)
				ck_assert_int_eq(mp_process_kill(child), 0);
		}
		ck_assert_int_eq(r, MP_EBROKEN);
		ck_assert_int_eq(mp_process_join(child, -1), 0);
		mp_conn_close(p.b);
	}
	free(big);
	mp_context_close(ctx);
}
END_TEST

/* The lowest number that is free: the same, when none was left open. */
static int
next_descriptor(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

START_TEST(a_descriptor_that_comes_with_nothing_is_closed)
{
	struct pair p = pair_new(true);
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	struct msghdr msg = { .msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	int before = next_descriptor(), zero = 0;
	char byte;
	size_t len;

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(zero));
	memcpy(CMSG_DATA(c), &zero, sizeof(zero));
	ck_assert_int_eq(sendmsg(mp_conn_fileno(p.a), &msg, 0), 0);
	ck_assert_int_eq(mp_conn_recv(p.b, &byte, 1, &len, -1), MP_EEOF);
	ck_assert_int_eq(next_descriptor(), before);
	pair_close(p);
}
END_TEST

TEST_MAIN("mp_pipe", messages_keep_their_bounds_both_ways,
    of_one_way_ends_each_does_its_part_alone,
    a_message_of_any_length_comes_whole,
    a_connection_takes_what_it_holds_with_it,
    what_does_not_fit_stays_until_it_does,
    the_end_comes_behind_the_last_message, no_wait_is_longer_than_asked_for,
    who_waits_for_ever_is_woken,
    what_nobody_of_us_sends_is_dropped_and_the_next_is_whole,
    waiting_for_several_tells_which_are_ready, many_can_be_waited_for,
    who_waits_for_a_child_starts_it_again,
    of_a_killed_sender_each_message_is_whole_and_then_the_end,
    who_sends_to_one_that_was_killed_is_told,
    a_descriptor_that_comes_with_nothing_is_closed)
