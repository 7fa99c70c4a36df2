/*
 * gil_svg - the picture: a lane for each worker, and the waits of the convoy.
 */
#ifndef CMD_DEMO_GIL_SVG_H
#define CMD_DEMO_GIL_SVG_H

#include "cmd/demo/gil/gil_convoy.h"

struct gil_panel {
	const char *title;
	const char *says; /* one sentence */
	const struct gil_trace *trace;
	unsigned lanes;
	double seconds, times; /* of the table: time and speed-up */
};

struct gil_picture {
	unsigned workers;
	int wait_ms;
	struct gil_panel computing[GIL_WAYS];
	struct gil_panel waiting[GIL_WAYS];
	const struct gil_convoy *convoys; /* GIL_CONVOYS of them */
};

/* 0, -errno: of writing `path`. */
MUST_USE int gil_svg(const char *path, const struct gil_picture *picture);

#endif
