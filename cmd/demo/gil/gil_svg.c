#include "cmd/demo/gil/gil_svg.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

enum {
	WIDTH = 1120,
	LEFT = 150,
	RIGHT = 40,
	PLOT = WIDTH - LEFT - RIGHT,
	LANE = 20,
	LANE_STEP = 26,
	TITLE = 46,
	AXIS = 34,
	BARS = 76,
	/* Of the picture: what comes later is cut. */
	LONGEST_MS = 600,
	BINS = 60,
};

/* clang-format off */
static const struct {
	const char *colour, *name;
} looks[] = {
	[GIL_STATE_RUN]  = { "#2da44e", "runs" },
	[GIL_STATE_WAIT] = { "#b6bcc4", "waits for the lock (a process: for the queue)" },
	[GIL_STATE_IO]   = { "#54a3ff", "waits for an answer: input and output" },
};
/* clang-format on */

struct canvas {
	FILE *out;
	double y;
	double ms; /* across the plot */
};

static double
ms_of(const struct gil_trace *trace, int64_t at_ns)
{
	return (double)(at_ns - trace->start_ns) / 1e6;
}

static double
last_ms(const struct gil_panel *panel)
{
	double last = 0;

	for (unsigned i = 0; i < panel->lanes; i++) {
		const struct gil_lane *lane = &panel->trace->lanes[i];

		if (lane->n > 0)
			last = fmax(last, ms_of(panel->trace,
					      lane->marks[lane->n - 1].at_ns));
	}
	return last;
}

static void
text(const struct canvas *c, double x, double y, const char *look,
    const char *words)
{
	fprintf(c->out, "<text x=\"%.1f\" y=\"%.1f\" %s>%s</text>\n", x, y,
	    look, words);
}

static void
bar(const struct canvas *c, double from, double to, double y,
    enum gil_state state)
{
	fprintf(c->out,
	    "<rect x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"%d\" "
	    "fill=\"%s\"/>\n",
	    LEFT + from, y, to - from, LANE, looks[state].colour);
}

/* One worker.  What is thinner than the eye belongs to what it stands in. */
static void
draw_lane(const struct canvas *c, const struct gil_trace *trace,
    const struct gil_lane *lane, double y)
{
	enum gil_state state = GIL_STATE_END;
	double from = 0, to = 0;

	for (uint32_t i = 0; i + 1 < lane->n; i++) {
		const struct gil_mark *m = &lane->marks[i];
		const double x = ms_of(trace, m->at_ns) / c->ms * PLOT;
		const double end = ms_of(trace, m[1].at_ns) / c->ms * PLOT;

		if (x >= PLOT)
			break;
		if (end <= 0) /* it was there before the start */
			continue;
		if (state != GIL_STATE_END && m->state != state &&
		    end - x >= 0.3) {
			bar(c, from, to, y, state);
			state = GIL_STATE_END;
		}
		if (state == GIL_STATE_END) {
			state = m->state;
			from = fmax(x, 0);
		}
		to = fmin(end, PLOT);
	}
	if (state != GIL_STATE_END)
		bar(c, from, to, y, state);
}

static double
tick_of(double across)
{
	static const double steps[] = { 1, 2, 5, 10, 20, 50, 100, 200 };
	size_t i = 0;

	while (i + 1 < ARRAY_LEN(steps) && across / steps[i] > 14)
		i++;
	return steps[i];
}

static void
draw_axis(struct canvas *c, double top)
{
	const double step = tick_of(c->ms);
	char words[32];

	for (double ms = 0; ms <= c->ms + step / 100; ms += step) {
		const double x = LEFT + ms / c->ms * PLOT;

		fprintf(c->out,
		    "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" "
		    "stroke=\"#d0d7de\"/>\n",
		    x, top, x, c->y + 4);
		snprintf(words, sizeof(words), "%g%s", ms, ms > 0 ? "" : " ms");
		text(c, x, c->y + 18, "class=\"tick\"", words);
	}
	c->y += AXIS;
}

static void
draw_panel(struct canvas *c, const struct gil_panel *panel, bool processes)
{
	const double top = c->y + TITLE - 6;
	char words[64];

	text(c, LEFT, c->y + 16, "class=\"title\"", panel->title);
	snprintf(words, sizeof(words), "%.0f ms: %.2g x as fast as (a)",
	    panel->seconds * 1e3, panel->times);
	text(c, WIDTH - RIGHT, c->y + 16, "class=\"result\"", words);
	text(c, LEFT, c->y + 33, "class=\"says\"", panel->says);
	fprintf(c->out,
	    "<rect x=\"%d\" y=\"%.1f\" width=\"%d\" height=\"%d\" "
	    "fill=\"#f6f8fa\"/>\n",
	    LEFT, top, PLOT, (int)panel->lanes * LANE_STEP + 4);
	c->y += TITLE;
	for (unsigned i = 0; i < panel->lanes; i++) {
		snprintf(words, sizeof(words), "%s %u",
		    processes ? "process" : "thread", i + 1);
		text(c, LEFT - 12, c->y + 14, "class=\"lane\"", words);
		draw_lane(c, panel->trace, &panel->trace->lanes[i], c->y);
		c->y += LANE_STEP;
	}
	draw_axis(c, top);
}

static void
draw_panels(struct canvas *c, const struct gil_panel panels[GIL_WAYS],
    const char *heading)
{
	c->ms = 1;
	for (int way = 0; way < GIL_WAYS; way++)
		c->ms = fmax(c->ms, last_ms(&panels[way]));
	c->ms = fmin(c->ms, LONGEST_MS);
	text(c, 24, c->y + 20, "class=\"heading\"", heading);
	c->y += 36;
	for (int way = 0; way < GIL_WAYS; way++)
		draw_panel(c, &panels[way], way == GIL_PROCESSES);
	c->y += 14;
}

/* Where a wait stands: decades from 0.01 ms to 1 s. */
static double
place_of(double ms)
{
	return fmin(fmax((log10(fmax(ms, 1e-6)) + 2) / 5, 0), 0.9999);
}

static void
draw_convoy(struct canvas *c, const struct gil_convoy *convoy)
{
	const double width = (double)PLOT / BINS;
	unsigned bins[BINS] = { 0 }, most = 1;
	char words[96];

	for (size_t i = 0; i < convoy->n; i++) {
		unsigned *bin = &bins[(size_t)(place_of(convoy->ms[i]) * BINS)];

		if (++*bin > most)
			most = *bin;
	}
	snprintf(words, sizeof(words), "interval %g ms",
	    (double)convoy->interval_us / 1e3);
	text(c, LEFT - 12, c->y + BARS - 6, "class=\"lane\"", words);
	snprintf(words, sizeof(words), "median %.2f ms, %zu requests",
	    convoy->median_ms, convoy->n);
	text(c, WIDTH - RIGHT, c->y + 14, "class=\"result\"", words);
	for (size_t i = 0; i < BINS; i++) {
		const double high = (double)bins[i] / most * (BARS - 20);

		if (bins[i] > 0)
			fprintf(c->out,
			    "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
			    "height=\"%.1f\" fill=\"#8250df\"/>\n",
			    LEFT + (double)i * width + 0.5, c->y + BARS - high,
			    width - 1, high);
	}
	c->y += BARS;
	fprintf(c->out,
	    "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" "
	    "stroke=\"#57606a\"/>\n",
	    LEFT, c->y, WIDTH - RIGHT, c->y);
	c->y += 12;
}

static void
draw_convoys(struct canvas *c, const struct gil_convoy *convoys)
{
	static const char *const ticks[] = { "0.01 ms", "0.1 ms", "1 ms",
		"10 ms", "100 ms", "1 s" };

	text(c, 24, c->y + 20, "class=\"heading\"",
	    "The convoy: one thread computes, another has an answer every "
	    "millisecond");
	text(c, 24, c->y + 40, "class=\"says\"",
	    "How long the second waited for the lock, each time: about the "
	    "switch interval, for the first one gives it up only when it is "
	    "made to.");
	c->y += 56;
	for (size_t i = 0; i < ARRAY_LEN(ticks); i++)
		fprintf(c->out,
		    "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" "
		    "stroke=\"#eaeef2\"/>\n",
		    LEFT + (double)i / 5 * PLOT, c->y,
		    LEFT + (double)i / 5 * PLOT,
		    c->y + GIL_CONVOYS * (BARS + 12) - 8);
	for (size_t i = 0; i < GIL_CONVOYS; i++)
		draw_convoy(c, &convoys[i]);
	for (size_t i = 0; i < ARRAY_LEN(ticks); i++)
		text(c, LEFT + (double)i / 5 * PLOT, c->y + 6, "class=\"tick\"",
		    ticks[i]);
	c->y += 30;
}

static void
draw_legend(struct canvas *c)
{
	double x = 24;

	for (size_t i = 0; i < ARRAY_LEN(looks); i++) {
		fprintf(c->out,
		    "<rect x=\"%.0f\" y=\"%.0f\" width=\"16\" height=\"16\" "
		    "rx=\"3\" fill=\"%s\"/>\n",
		    x, c->y, looks[i].colour);
		text(c, x + 24, c->y + 13, "class=\"legend\"", looks[i].name);
		x += 60 + 7.2 * (double)strlen(looks[i].name);
	}
	c->y += 40;
}

static int
height_of(const struct gil_picture *p)
{
	int lanes = 0;

	for (int way = 0; way < GIL_WAYS; way++)
		lanes += (int)(p->computing[way].lanes + p->waiting[way].lanes);
	return 130 + 2 * (50 + GIL_WAYS * (TITLE + AXIS)) + lanes * LANE_STEP +
	       86 + GIL_CONVOYS * (BARS + 12);
}

int
gil_svg(const char *path, const struct gil_picture *p)
{
	struct canvas c = { .out = fopen(path, "w"), .y = 88 };
	const int height = height_of(p);
	char words[128];
	int r = 0;

	if (c.out == NULL)
		return -errno;
	fprintf(c.out,
	    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
	    "height=\"%d\" viewBox=\"0 0 %d %d\">\n<style>text{font-family:"
	    "'DejaVu Sans',Helvetica,Arial,sans-serif;fill:#24292f}"
	    ".top{font-size:24px;font-weight:bold}"
	    ".heading{font-size:18px;font-weight:bold}"
	    ".title{font-size:14px;font-weight:bold}"
	    ".says,.legend{font-size:12.5px;fill:#57606a}"
	    ".result{font-size:13px;font-weight:bold;text-anchor:end}"
	    ".lane{font-size:12px;text-anchor:end}"
	    ".tick{font-size:11px;fill:#57606a;text-anchor:middle}</style>\n"
	    "<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n",
	    WIDTH, height, WIDTH, height);
	text(&c, 24, 42, "class=\"top\"",
	    "What a global interpreter lock does, and to whom");
	text(&c, 24, 66, "class=\"says\"",
	    "One lane a worker; time runs to the right, on one scale for "
	    "each kind of work.");
	draw_legend(&c);
	draw_panels(&c, p->computing, "Computing: pages of HTML are parsed");
	snprintf(words, sizeof(words),
	    "Waiting: a server takes %d ms for each page, then it is parsed",
	    p->wait_ms);
	draw_panels(&c, p->waiting, words);
	draw_convoys(&c, p->convoys);
	fprintf(c.out, "</svg>\n");
	if (ferror(c.out))
		r = -EIO;
	if (fclose(c.out) != 0 && r == 0)
		r = -errno;
	return r;
}
