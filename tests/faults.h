/*
 * faults - memory that is not there: the n-th call for it fails.
 *
 * What our own objects ask for, and what a library says when it could not get
 * its own (sem_open(), iconv_open() …).  Between the two the linker stands:
 * the program is linked with $(FAULTS) of the Makefile, so sanitised builds
 * see the same calls.  Of this thread alone.
 */
#ifndef TESTS_FAULTS_H
#define TESTS_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

/* The n-th call from here on fails, from 1; `lasting`: and all after it. */
void faults_arm(size_t nth, bool lasting);
/* No more.  How many have failed. */
size_t faults_disarm(void);

/*
 * What is tried with each of its calls for memory failing.  `run` prepares,
 * then calls `names` between faults_begin() and faults_end(), and returns what
 * that said.  After an error it looks that nothing was given out, and that the
 * same call succeeds now.  What it made it frees.
 */
enum faults_habit {
	FAULTS_REPORTS,  /* -ENOMEM for each */
	FAULTS_FORGIVES, /* or 0: it does without */
	FAULTS_NEEDS_NONE
};
struct faults_subject {
	const char *names; /* functions, with spaces between */
	int (*run)(void);
	enum faults_habit habit;
};
void faults_begin(void);
void faults_end(void);

/* With one failure, and with lasting ones, at n = 1, 2, 3 … until none is left
 * to fail.  How many there were. */
size_t faults_try_one(const struct faults_subject *subject);

/* Each of them; prints their names and how many there were. */
void faults_try(const char *layer, const struct faults_subject *subjects,
    size_t n);

/*
 * Every function that a header in these folders (of the source tree) declares
 * and whose name says that it makes something - _new _init _open _create
 * _attach _clone - is in the names of a subject.
 */
void faults_cover(const char *const *folders, size_t n_folders,
    const struct faults_subject *subjects, size_t n);

#endif
