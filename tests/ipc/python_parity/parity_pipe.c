#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ipc/mp/lock.h"
#include "ipc/mp/pipe.h"
#include "tests/ipc/python_parity/parity.h"

enum {
	BIG = 1000000
};

/* Of a duplex pipe a and b; of a simplex one what is read from, and written
 * to. */
static struct mp_conn *a, *b;
#define r a
#define w b

static void
duplex(void)
{
	must(mp_pipe_open(true, &a, &b));
}

static void
simplex(void)
{
	must(mp_pipe_open(false, &r, &w));
}

static int
sends(struct mp_conn *conn, const char *text)
{
	return mp_conn_send(conn, text, strlen(text), -1);
}

static void
sent(struct mp_conn *conn, const char *text)
{
	must(sends(conn, text));
}

/* The next message, or what is wrong. */
static const char *
got(struct mp_conn *conn)
{
	static char text[4][200];
	static int next;
	char *at = text[next++ % 4];
	size_t len = 0;
	int error = mp_conn_recv(conn, at, sizeof(text[0]) - 1, &len, -1);

	if (error < 0)
		return word(error);
	at[len] = '\0';
	return at;
}

static size_t
length_got(struct mp_conn *conn)
{
	char *at = malloc(BIG);
	size_t len = 0;

	must_be(at != NULL, "memory");
	must(mp_conn_recv(conn, at, BIG, &len, -1));
	free(at);
	return len;
}

static const char *
ready(struct mp_conn *conn, int timeout_ms)
{
	int n = mp_conn_poll(conn, timeout_ms);

	return n < 0 ? word(n) : yes(n == 1);
}

SCENARIO(duplex_goes_both_ways)
{
	duplex();
	sent(a, "there");
	sent(b, "back");
	say("%s", got(b));
	say("%s", got(a));
}

SCENARIO(simplex_goes_from_second_to_first)
{
	simplex();
	sent(w, "a");
	say("%s", got(r));
	say("%s", word(sends(r, "x")));
	say("%s", got(w));
}

SCENARIO(first_in_first_out)
{
	static const char *const texts[] = { "0", "1", "2", "3", "4" };

	simplex();
	for (int i = 0; i < 5; i++)
		sent(w, texts[i]);
	items();
	for (int i = 0; i < 5; i++)
		item("%s", got(r));
}

SCENARIO(messages_keep_their_bounds)
{
	static const size_t lens[] = { 1, 3, 1000, 1 };

	simplex();
	for (int i = 0; i < 4; i++)
		must(mp_conn_send(w, pattern(1000), lens[i], -1));
	items();
	for (int i = 0; i < 4; i++)
		item("%zu", length_got(r));
}

SCENARIO(an_empty_message_is_no_end)
{
	duplex();
	sent(a, "");
	sent(a, "x");
	say("%s", ready(b, 0));
	say("%zu", length_got(b));
	say("%s", got(b));
}

SCENARIO(any_byte_comes_through)
{
	unsigned char all[256], back[256];
	size_t len = 0;

	duplex();
	for (int i = 0; i < 256; i++)
		all[i] = (unsigned char)i;
	must(mp_conn_send(a, all, 256, -1));
	must(mp_conn_recv(b, back, 256, &len, -1));
	say("%s", yes(len == 256 && memcmp(all, back, 256) == 0));
}

SCENARIO(end_of_file_when_the_other_is_closed)
{
	duplex();
	mp_conn_close(a);
	say("%s", got(b));
	say("%s", got(b));
}

SCENARIO(what_was_sent_comes_before_the_end)
{
	duplex();
	sent(a, "last");
	sent(a, "words");
	mp_conn_close(a);
	say("%s", got(b));
	say("%s", got(b));
	say("%s", got(b));
}

SCENARIO(sending_to_nobody)
{
	duplex();
	mp_conn_close(b);
	say("%s", word(sends(a, "x")));
}

SCENARIO(sending_into_a_simplex_that_nobody_reads)
{
	simplex();
	mp_conn_close(r);
	say("%s", word(sends(w, "x")));
}

SCENARIO(poll_looks_and_takes_nothing)
{
	duplex();
	say("%s", ready(b, 0));
	sent(a, "x");
	say("%s", ready(b, 0));
	say("%s", ready(b, 0));
	say("%s", got(b));
	say("%s", ready(b, 0));
}

SCENARIO(poll_gives_up_after_its_timeout)
{
	duplex();
	say("%s", ready(b, SHORT_MS));
}

SCENARIO(poll_says_yes_at_the_end_of_file)
{
	duplex();
	mp_conn_close(a);
	say("%s", ready(b, 0));
	say("%s", got(b));
}

CHILD(polls)
{
	flag_up(BEGUN, 1);
	if (mp_conn_poll(b, PATIENCE_MS) == 1)
		flag_up(GOT, 1);
	return 0;
}

SCENARIO(poll_is_woken_by_a_message)
{
	struct mp_process *p;

	duplex();
	p = go(ctx, polls, NULL);
	flag_wait(BEGUN, 1);
	say("%s", yes(flag_seen(GOT, SHORT_MS)));
	sent(a, "x");
	flag_wait(GOT, 1);
	say("%d", ends(p));
}

CHILD(receives)
{
	flag_up(BEGUN, 1);
	got(r);
	flag_up(GOT, 1);
	return 0;
}

SCENARIO(recv_waits_for_a_message)
{
	struct mp_process *p;

	simplex();
	p = go(ctx, receives, NULL);
	flag_wait(BEGUN, 1);
	say("%s", yes(flag_seen(GOT, SHORT_MS)));
	sent(w, "x");
	flag_wait(GOT, 1);
	say("%d", ends(p));
}

CHILD(sends_text)
{
	return -sends(w, arg);
}

SCENARIO(a_child_sends)
{
	struct mp_process *p;

	simplex();
	p = go(ctx, sends_text, "from below");
	say("%s", got(r));
	say("%d", ends(p));
}

CHILD(echoes)
{
	for (int i = 0; i < 100; i++) {
		char text[32];

		snprintf(text, sizeof(text), "%.20s!", got(b));
		sent(b, text);
	}
	return 0;
}

SCENARIO(a_child_answers_a_hundred_times)
{
	struct mp_process *p;
	int right = 0;

	duplex();
	p = go(ctx, echoes, NULL);
	for (int i = 0; i < 100; i++) {
		char text[16];

		snprintf(text, sizeof(text), "%d", i);
		sent(a, text);
		strcat(text, "!");
		right += strcmp(got(a), text) == 0;
	}
	say("%d", right);
	say("%d", ends(p));
}

SCENARIO(the_end_of_a_child_is_end_of_file)
{
	struct mp_process *p;

	simplex();
	p = go(ctx, sends_text, "only");
	mp_conn_close(w);
	say("%s", got(r));
	say("%s", got(r));
	say("%d", ends(p));
}

SCENARIO(the_kill_of_a_child_is_end_of_file)
{
	struct mp_process *p;

	simplex();
	p = go(ctx, sleeps, NULL);
	mp_conn_close(w);
	say("%s", ready(r, SHORT_MS));
	must(mp_process_kill(p));
	say("%s", got(r));
	say("%d", ends(p));
}

CHILD(sends_big)
{
	return -mp_conn_send(w, pattern(BIG), BIG, -1);
}

SCENARIO(a_message_of_a_million_bytes)
{
	unsigned char *back = malloc(BIG);
	struct mp_process *p;
	size_t len = 0;

	simplex();
	p = go(ctx, sends_big, NULL);
	must(mp_conn_recv(r, back, BIG, &len, -1));
	say("%zu", len);
	say("%s", yes(memcmp(back, pattern(BIG), BIG) == 0));
	say("%d", ends(p));
}

static const size_t sizes[] = { 10, 300000, 20, 100000, 30 };

CHILD(sends_sizes)
{
	for (int i = 0; i < 5; i++)
		must(mp_conn_send(w, pattern(sizes[i]), sizes[i], -1));
	return 0;
}

SCENARIO(large_and_small_in_order)
{
	struct mp_process *p;

	simplex();
	p = go(ctx, sends_sizes, NULL);
	items();
	for (int i = 0; i < 5; i++)
		item("%zu", length_got(r));
	say("%d", ends(p));
}

SCENARIO(a_message_above_what_is_taken)
{
	char little[10];
	size_t len;

	simplex();
	must(mp_conn_send(w, pattern(100), 100, -1));
	say("%s", word(mp_conn_recv(r, little, sizeof(little), &len, -1)));
}

static struct mp_lock *lock;

CHILD(sends_fifty)
{
	for (int i = 0; i < 50; i++) {
		int64_t n = (intptr_t)arg + i;

		must(mp_lock_acquire(lock, -1));
		must(mp_conn_send(w, &n, sizeof(n), -1));
		must(mp_lock_release(lock));
	}
	return 0;
}

SCENARIO(two_senders_take_turns_by_a_lock)
{
	struct mp_process *ps[2];
	int64_t next[2] = { 0, 1000 };
	bool in_order[2] = { true, true };
	int seen = 0;

	simplex();
	must(mp_lock_open(ctx, NULL, &lock));
	for (int i = 0; i < 2; i++)
		ps[i] = go(ctx, sends_fifty, number(1000 * i));
	for (int i = 0; i < 100; i++) {
		int64_t n;
		size_t len;

		must(mp_conn_recv(r, &n, sizeof(n), &len, -1));
		in_order[n >= 1000] &= n == next[n >= 1000];
		next[n >= 1000] = n + 1;
	}
	/* Each next one is another than all before it. */
	seen = (int)(next[0] + next[1] - 1000);
	say("%d", seen);
	say("%s", yes(in_order[0] && next[0] == 50));
	say("%s", yes(in_order[1] && next[1] == 1050));
	say_ends(ps, 2);
}

SCENARIO(fileno_can_be_polled)
{
	struct pollfd fd = { .events = POLLIN };

	duplex();
	fd.fd = mp_conn_fileno(b);
	say("%d", poll(&fd, 1, 0));
	sent(a, "x");
	say("%d", poll(&fd, 1, PATIENCE_MS));
}

static struct mp_conn *rs[4], *ws[4];

static void
pipes(int n)
{
	for (int i = 0; i < n; i++)
		must(mp_pipe_open(false, &rs[i], &ws[i]));
}

/* Which of the first n are ready; how many. */
static int
wait_for(int n, int timeout_ms, bool is[4])
{
	struct mp_wait_item them[4] = { { 0 } };

	for (int i = 0; i < n; i++)
		them[i].conn = rs[i];
	return must(mp_wait_any(them, (size_t)n, timeout_ms, is));
}

static void
say_ready(int n)
{
	bool is[4];

	wait_for(n, PATIENCE_MS, is);
	items();
	for (int i = 0; i < n; i++)
		if (is[i])
			item("%d", i);
}

SCENARIO(wait_says_which_are_ready)
{
	pipes(4);
	sent(ws[1], "x");
	sent(ws[3], "x");
	say_ready(4);
}

SCENARIO(wait_gives_up_after_its_timeout)
{
	bool is[4];

	pipes(2);
	say("%d", wait_for(2, SHORT_MS, is));
	say("%d", wait_for(2, 0, is));
}

CHILD(sends_later)
{
	flag_wait(ON, 1);
	sent(ws[2], "x");
	return 0;
}

SCENARIO(wait_is_woken_by_one)
{
	struct mp_process *p;

	pipes(3);
	p = go(ctx, sends_later, NULL);
	flag_up(ON, 1);
	say_ready(3);
	say("%d", ends(p));
}

SCENARIO(wait_says_that_an_end_is_ready)
{
	pipes(2);
	mp_conn_close(ws[0]);
	say_ready(2);
	say("%s", got(rs[0]));
}

CHILD(waits)
{
	flag_wait(ON, 1);
	return 0;
}

SCENARIO(wait_takes_sentinels_too)
{
	struct mp_wait_item them[2] = { { 0 } };
	struct mp_process *p;
	bool is[2];

	simplex();
	p = go(ctx, waits, NULL);
	them[0].conn = r;
	them[1].process = p;
	say("%d", must(mp_wait_any(them, 2, SHORT_MS, is)));
	flag_up(ON, 1);
	must(mp_wait_any(them, 2, -1, is));
	say("%s", is[1] ? yes(is[0]) : "none");
	say("%d", ends(p));
}

CHILD(sends_alone)
{
	mp_conn_close(a);
	flag_wait(ON, 1);
	sent(b, "alive");
	return 0;
}

SCENARIO(closed_in_the_parent_it_lives_in_the_child)
{
	struct mp_process *p;

	duplex();
	p = go(ctx, sends_alone, NULL);
	mp_conn_close(b);
	say("%s", ready(a, SHORT_MS));
	flag_up(ON, 1);
	say("%s", got(a));
	say("%s", got(a));
	say("%d", ends(p));
}

static int
descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	must_be(dir != NULL, "/proc");
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static void
opened_and_closed(int n)
{
	for (int i = 0; i < n; i++) {
		duplex();
		mp_conn_close(a);
		mp_conn_close(b);
	}
}

SCENARIO(descriptors_are_given_back)
{
	int before;

	opened_and_closed(3);
	before = descriptors();
	opened_and_closed(20);
	say("%d", descriptors() - before);
}
