/*
 * stepper - a child that runs one operation, an instruction at a time.
 */
#ifndef TESTS_KILL_STEPPER_H
#define TESTS_KILL_STEPPER_H

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#include "tests/kill/crew.h"

enum child_step {
	STEP_ENDED = -1, /* in some other way */
	STEP_THROUGH,    /* the operation is through; the child still there */
	STEP_DONE,
	STEP_ASLEEP /* in the system call, until somebody wakes it */
};

/*
 * A step is a switch to the child and back: three times as fast where both
 * share a core.  Who wakes from a sleep is put on an idle one; that one it is.
 */
static inline void
stepper_pin(void)
{
	cpu_set_t cores;

	CPU_ZERO(&cores);
	for (int i = 0; i < CPU_SETSIZE; i++)
		CPU_SET(i, &cores);
	need(sched_setaffinity(0, sizeof(cores), &cores) == 0, "affinity");
	nanosleep(&(struct timespec){ .tv_nsec = 1 }, NULL);
	CPU_ZERO(&cores);
	CPU_SET(sched_getcpu(), &cores);
	need(sched_setaffinity(0, sizeof(cores), &cores) == 0, "affinity");
}

/* A child that stands before the first instruction of `run`. */
static inline pid_t
child_start(struct conveyor *cv, void (*run)(struct conveyor *), uint8_t me)
{
	pid_t child;
	int status;

	stepper_pin();
	fflush(stdout);
	child = fork();
	need(child >= 0, "fork");
	if (child == 0) {
		if (cv != NULL)
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

static inline enum child_step
child_stopped(int status)
{
	if (!WIFSTOPPED(status))
		return STEP_ENDED;
	if (WSTOPSIG(status) == SIGSTOP)
		return STEP_THROUGH;
	return WSTOPSIG(status) == SIGTRAP ? STEP_DONE : STEP_ENDED;
}

static inline enum child_step
child_go(pid_t child, enum __ptrace_request how)
{
	int status;

	need(ptrace(how, child, NULL, NULL) == 0, "ptrace");
	need(waitpid(child, &status, 0) == child, "waitpid");
	return child_stopped(status);
}

#ifdef __x86_64__
/*
 * At the first instruction of the kernel's own clock, which reads it again and
 * again until no tick came between: step by step, on a busy machine, that is
 * for ever.  So at full speed to where it was called from.  It writes nothing
 * that is shared.
 */
static inline enum child_step
child_over_clock(pid_t child)
{
	struct user_regs_struct regs;
	enum child_step r;
	long back, there;

	need(ptrace(PTRACE_GETREGS, child, NULL, &regs) == 0, "registers");
	back = ptrace(PTRACE_PEEKTEXT, child, regs.rsp, NULL);
	there = ptrace(PTRACE_PEEKTEXT, child, back, NULL);
	need(ptrace(PTRACE_POKETEXT, child, back, (there & ~0xffL) | 0xcc) == 0,
	    "breakpoint");
	r = child_go(child, PTRACE_CONT);
	if (r != STEP_DONE)
		return r;
	need(ptrace(PTRACE_POKETEXT, child, back, there) == 0 &&
		 ptrace(PTRACE_GETREGS, child, NULL, &regs) == 0,
	    "breakpoint");
	regs.rip = (unsigned long)back;
	need(ptrace(PTRACE_SETREGS, child, NULL, &regs) == 0, "registers");
	return r;
}

static inline bool
child_at_clock(pid_t child)
{
	unsigned long clock = getauxval(AT_SYSINFO_EHDR), at;

	at = (unsigned long)ptrace(PTRACE_PEEKUSER, child,
	    offsetof(struct user_regs_struct, rip), NULL);
	return clock != 0 && at >= clock && at < clock + 0x4000;
}

static inline enum child_step
child_step(pid_t child)
{
	enum child_step r = child_go(child, PTRACE_SINGLESTEP);

	if (r == STEP_DONE && child_at_clock(child))
		r = child_over_clock(child);
	return r;
}
#else
static inline enum child_step
child_step(pid_t child)
{
	return child_go(child, PTRACE_SINGLESTEP);
}
#endif

/* Whether the next instruction is a system call.  Where we cannot tell there
 * are none, and everything is stepped. */
static inline bool
child_at_syscall(pid_t child)
{
#ifdef __x86_64__
	struct user_regs_struct regs;

	need(ptrace(PTRACE_GETREGS, child, NULL, &regs) == 0, "registers");
	return (ptrace(PTRACE_PEEKTEXT, child, regs.rip, NULL) & 0xffff) ==
	       0x050f;
#else
	(void)child;
	return false;
#endif
}

/* At full speed to behind its next system call. */
static inline enum child_step
child_over_syscall(pid_t child)
{
	enum child_step r = child_go(child, PTRACE_SYSCALL);

	return r == STEP_DONE ? child_go(child, PTRACE_SYSCALL) : r;
}

/* 'S': asleep; 'R', 't', … */
static inline char
process_state(pid_t pid)
{
	char path[40], text[128];
	const char *end;
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY);
	need(fd >= 0, path);
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	need(len > 0, path);
	text[len] = '\0';
	end = strrchr(text, ')');
	need(end != NULL && end[1] == ' ', path);
	return end[2];
}

/* The same for one that may fall asleep in the instruction; goes on with one
 * that is. */
static inline enum child_step
child_step_or_sleep(pid_t child, bool asleep)
{
	int status;

	if (!asleep)
		need(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) == 0,
		    "ptrace");
	for (;;) {
		pid_t r = waitpid(child, &status, WNOHANG);

		need(r >= 0, "waitpid");
		if (r == child)
			return child_stopped(status);
		if (!asleep && process_state(child) == 'S')
			return STEP_ASLEEP;
		sched_yield();
	}
}

/* SIGKILL, and reaped; false: it had ended by itself. */
static inline bool
child_kill(pid_t child)
{
	int status;

	kill(child, SIGKILL);
	return waitpid(child, &status, 0) == child && WIFSIGNALED(status) &&
	       WTERMSIG(status) == SIGKILL;
}

#endif
