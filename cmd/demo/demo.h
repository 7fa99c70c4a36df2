/*
 * demo - small programs that answer a question by doing it: `mpcrawl demo`.
 *
 * One file each.  A demo says what it does, does it, and ends with what it
 * claims, each claim checked against what happened in this very run.  Claims
 * about time have a way to say so of their own: on a machine with other work
 * they may not show.
 */
#ifndef CMD_DEMO_DEMO_H
#define CMD_DEMO_DEMO_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"

/* `value` NULL: a flag.  One of the three is set. */
struct demo_option {
	const char *name;  /* "--runs" */
	const char *value; /* "N" */
	const char *help;
	long *number;
	long least, most; /* of the number */
	const char **text;
	bool *flag;
};

struct mp_context;

/* 0 or a negative errno: it could not be shown. */
typedef int demo_step(struct mp_context *ctx);

struct demo {
	const char *name;
	const char *question;
	const char *about;  /* what it does: lines for --help and the start */
	const char *answer; /* printed at the end */
	const struct demo_option *options; /* up to a NULL name; NULL: none */
	/* Either run, or steps in one context: one after another, up to a NULL
	 * and as long as they return 0. */
	int (*run)(void);
	demo_step *const *steps;
};

extern const struct demo demo_alternate;
extern const struct demo demo_coroutine;
extern const struct demo demo_gil;
extern const struct demo demo_lock;
extern const struct demo demo_pool;
extern const struct demo demo_process;
extern const struct demo demo_queue;
extern const struct demo demo_threads;

/* The demos; ends with NULL. */
extern const struct demo *const demo_table[];

/* Print a heading, with a blank line in front. */
void demo_heading(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Print a claim with its verdict; one that does not hold makes the exit status
 * 1.  demo_measured: it rests on a clock. */
void demo_claim(bool holds, const char *fmt, ...) PRINTF_LIKE(2, 3);
void demo_measured(bool holds, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool demo_all_held(void);

int64_t demo_now_ns(void);
void demo_wait_ms(int ms);
/* Sorts them. */
double demo_median(double *values, size_t n);

#endif
