/*
 * gil_python - the same by a real Python, as far as it can.
 */
#ifndef CMD_DEMO_GIL_PYTHON_H
#define CMD_DEMO_GIL_PYTHON_H

#include "cmd/demo/gil/gil_run.h"

enum {
	GIL_PYTHON_RUNS_MAX = 32
};

struct gil_python {
	char version[32];
	bool has_gil;
	unsigned items; /* pages parsed; when it waits, `waits` of them */
	unsigned waits;
	/* [0] computing, [1] with waits; medians; 0: not possible */
	double seconds[2][GIL_WAYS], cpu[2][GIL_WAYS];
	uint64_t links[2][GIL_WAYS];
};

/*
 * Run `program` on the pages, so much of them that it computes about
 * `work_ms`, with `job`'s workers and wait.  0; -ENOENT: there is no such
 * program; -EPROTO: it did not do what it was to; -errno.
 */
MUST_USE int gil_python(const char *program, const struct gil_job *job,
    unsigned runs, long work_ms, struct gil_python *out);

#endif
