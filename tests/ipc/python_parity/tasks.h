/*
 * What the scenarios of pools and executors give their workers to do: tasks
 * that take a number and say one.
 */
#ifndef PARITY_TASKS_H
#define PARITY_TASKS_H

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ipc/mp/executor.h"
#include "tests/ipc/python_parity/parity.h"

enum {
	NUMBERS = 1000,
	MILLION = 1000000,
	BY_INITIALIZER = 5 /* the element of count that it adds to */
};

#define TASK(name)                                                             \
	static __attribute__((unused)) int name(const void *args, size_t len,  \
	    __attribute__((unused)) struct mp_reply *reply)

static inline int64_t
argument(const void *args, size_t len)
{
	int64_t n;

	must_be(len == sizeof(n), "a number");
	memcpy(&n, args, sizeof(n));
	return n;
}

static inline int
says(struct mp_reply *reply, int64_t n)
{
	return mp_reply_write(reply, &n, sizeof(n));
}

static inline int64_t
said(struct mp_bytes bytes)
{
	return argument(bytes.data, bytes.len);
}

TASK(square)
{
	int64_t n = argument(args, len);

	return says(reply, n * n);
}

TASK(refuse_3)
{
	int64_t n = argument(args, len);

	if (n < 16)
		count[n]++;
	return n == 3 ? MP_EINVAL : says(reply, n);
}

/* Flag FLAG_A + n; that it has begun is told by BEGUN. */
TASK(wait_for)
{
	int64_t n = argument(args, len);

	flag_up(BEGUN, 1);
	flag_wait(FLAG_A + (int)n, 1);
	return says(reply, n);
}

TASK(count_up)
{
	(void)args;
	(void)len;
	return says(reply, ++count[0]);
}

TASK(pid)
{
	(void)args;
	(void)len;
	return says(reply, getpid());
}

static inline int
initialize(struct mp_context *ctx, void *arg)
{
	(void)ctx;
	__atomic_add_fetch(&count[BY_INITIALIZER], (intptr_t)arg,
	    __ATOMIC_SEQ_CST);
	return 0;
}

/* 0 ... n - 1 as items; they stay. */
static inline const struct mp_bytes *
range(size_t n)
{
	static int64_t numbers[NUMBERS];
	static struct mp_bytes items_of[NUMBERS];

	must_be(n <= NUMBERS, "so many numbers");
	for (size_t i = 0; i < n; i++) {
		numbers[i] = (int64_t)i;
		items_of[i] = (struct mp_bytes){ &numbers[i],
			sizeof(numbers[i]) };
	}
	return items_of;
}

/* The next of an iterator: its number, or the error in one word. */
static inline const char *
next_of(struct mp_imap *it, int timeout_ms)
{
	static char text[32];
	struct mp_bytes out;
	int r = mp_imap_next(it, timeout_ms, &out, NULL);

	if (r < 0)
		return word(r);
	must_be(r == 1, "one more");
	snprintf(text, sizeof(text), "%lld", (long long)said(out));
	return text;
}

static inline void
say_next(struct mp_imap *it, int n)
{
	items();
	for (int i = 0; i < n; i++)
		item("%s", next_of(it, PATIENCE_MS));
}

/* How many different pids there are among n. */
static inline int
different(const int64_t *pids, int n)
{
	int found = 0;

	for (int i = 0; i < n; i++) {
		int j = 0;

		while (pids[j] != pids[i])
			j++;
		found += j == i;
	}
	return found;
}

static inline bool
is_among(int64_t who, const int64_t *pids, int n)
{
	for (int i = 0; i < n; i++)
		if (pids[i] == who)
			return true;
	return false;
}

#endif
