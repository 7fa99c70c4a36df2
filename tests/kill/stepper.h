/*
 * stepper - a child that runs one operation, an instruction at a time.
 */
#ifndef TESTS_KILL_STEPPER_H
#define TESTS_KILL_STEPPER_H

#include <sys/ptrace.h>

#include "tests/kill/crew.h"

/* A child that stands before the first instruction of `run`. */
static inline pid_t
child_start(struct conveyor *cv, void (*run)(struct conveyor *), uint8_t me)
{
	pid_t child;
	int status;

	fflush(stdout);
	child = fork();
	need(child >= 0, "fork");
	if (child == 0) {
		conveyor_become(cv, me);
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		run(cv);
		raise(SIGSTOP);
		_exit(0);
	}
	need(waitpid(child, &status, 0) == child && WIFSTOPPED(status),
	    "the child does not stop");
	need(ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_EXITKILL) == 0,
	    "ptrace");
	return child;
}

/* 1 stepped, 0 it is through, -1 it ended in some other way. */
static inline int
child_step(pid_t child)
{
	int status;

	need(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) == 0, "ptrace");
	need(waitpid(child, &status, 0) == child, "waitpid");
	if (!WIFSTOPPED(status))
		return -1;
	if (WSTOPSIG(status) == SIGSTOP)
		return 0;
	return WSTOPSIG(status) == SIGTRAP ? 1 : -1;
}

static inline void
child_kill(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

#endif
