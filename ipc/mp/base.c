#include "ipc/mp/base.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
	int error;
	const char *sentence;
} sentences[] = {
	{ 0, "all is well" },
	{ MP_OWNERDEAD, "taken; the one who had it before died" },
	{ MP_EFULL, "the queue is full" },
	{ MP_EEMPTY, "the queue is empty" },
	{ MP_ECLOSED, "it is closed" },
	{ MP_ETIMEDOUT, "the time is over" },
	{ MP_EINVAL, "such a call makes no sense here" },
	{ MP_EPERM, "not by this process or thread" },
	{ MP_EBROKEN, "it is broken" },
	{ MP_EEOF, "the other end is gone" },
	{ MP_EWORKERDIED, "each worker that tried it died" },
	{ MP_ECANCELLED, "it was cancelled" },
	{ MP_EMSGSIZE, "longer than the limit" },
	{ MP_ENOSPC, "no room left in shared memory" },
	{ MP_ECORRUPT, "shared memory holds the impossible" },
};

const char *
mp_strerror(int error)
{
	for (size_t i = 0; i < sizeof(sentences) / sizeof(*sentences); i++)
		if (sentences[i].error == error)
			return sentences[i].sentence;
	return strerror(error < 0 ? -error : error);
}

/* cgroup v2: "max 100000" or "150000 100000"; 0: no limit that can be read. */
static double
cgroup_cores(void)
{
	char text[64], *end;
	double quota, period;
	int fd = open("/sys/fs/cgroup/cpu.max", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (len <= 0)
		return 0;
	text[len] = '\0';
	quota = strtod(text, &end);
	if (end == text)
		return 0; /* "max" */
	period = strtod(end, NULL);
	return period > 0 ? quota / period : 0;
}

unsigned
mp_cpu_count(void)
{
	cpu_set_t set;
	double quota = cgroup_cores();
	unsigned n = 1;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		n = (unsigned)CPU_COUNT(&set);
	/* One and a half cores keep two processes busy. */
	if (quota > 0 && quota < n)
		n = (unsigned)(quota + 0.999);
	return n < 1 ? 1 : n;
}
