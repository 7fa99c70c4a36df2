/*
 * parity - libmpipc's half of the suite: what the scenarios share.
 *
 * parity_<family>.c has the scenarios of parity_<family>.py, by the same names
 * and in the same order, and each says the same line.  parity.py is this
 * file's twin and tells how they run.  A scenario has a process to itself, so
 * what its children shall know is in static variables.
 */
#ifndef PARITY_H
#define PARITY_H

#include "ipc/mp/process.h"

enum {
	PATIENCE_MS = 10000, /* until something is given up */
	SHORT_MS = 60        /* to see that something does not happen */
};

/* Registers itself, in the order of the file. */
#define SCENARIO(name)                                                         \
	static void name(struct mp_context *ctx);                              \
	__attribute__((constructor)) static void add_##name(void)              \
	{                                                                      \
		parity_add(#name, name);                                       \
	}                                                                      \
	static void name(__attribute__((unused)) struct mp_context *ctx)

/* What runs in a child. */
#define CHILD(name)                                                            \
	static int name(__attribute__((unused)) struct mp_context *ctx,        \
	    __attribute__((unused)) void *arg)

void parity_add(const char *name, void (*run)(struct mp_context *ctx));

/* --- what is seen --------------------------------------------------------- */

/* The next word of the line. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The next word is a list, and this its next item. */
void items(void);
void item(const char *format, ...) __attribute__((format(printf, 1, 2)));

const char *word(int r); /* "ok", or the error in one word */
const char *yes(bool truth);
/* Of something that takes or has to time out: "yes", "no", or the error. */
const char *taken(int r);

/* 0 or more, else the scenario ends here, and says so. */
int must(int r);
void must_be(bool truth, const char *what);

/* --- what scenarios are made of ------------------------------------------- */

/* Shared by the processes of a scenario, and new in each: eventfds that count,
 * and numbers. */
enum flag {
	BEGUN,
	GOT,
	ON,
	FLAG_A, /* and three behind it */
	FLAGS = FLAG_A + 4
};
void flag_up(int flag, int times);
bool flag_seen(int flag, int timeout_ms);
void flag_wait(int flag, int times);
extern int64_t *count; /* 64 of them */

int64_t now_ms(void); /* monotonic */

#define UNTIL(truth)                                                           \
	do {                                                                   \
		int64_t end_ = now_ms() + PATIENCE_MS;                         \
		while (!(truth)) {                                             \
			must_be(now_ms() < end_, "waited for: " #truth);       \
			usleep(1000);                                          \
		}                                                              \
	} while (0)

/* A child that runs fn, and one that is started, too. */
struct mp_process *make(struct mp_context *ctx, mp_target *fn, const void *arg);
struct mp_process *go(struct mp_context *ctx, mp_target *fn, const void *arg);
/* Its exit code, once it has ended, the handle closed; and of several, said as
 * a list. */
int ends(struct mp_process *p);
void say_ends(struct mp_process **ps, size_t n);
/* The exit code alone; the handle stays. */
int waits_for(struct mp_process *p);

/* n bytes in which a mistake shows. */
unsigned char *pattern(size_t n);
void *number(intptr_t i); /* as an argument */

/* A child's function, too: until it is killed. */
int sleeps(struct mp_context *ctx, void *arg);

#endif
