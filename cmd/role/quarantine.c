#include "cmd/role/quarantine.h"

#include <errno.h>
#include <time.h>

#include "cmd/bundle.h"
#include "cmd/now.h"

enum {
	COMMAND_MAX = 8 << 10, /* with PATH_MAX in it, each byte quoted */
};

static struct span
put_time(char out[32], int64_t unix_ms)
{
	time_t seconds = (time_t)(unix_ms / 1000);
	struct tm tm;

	/* A year beyond all calendars is no time. */
	if (gmtime_r(&seconds, &tm) == NULL)
		return SPAN("?");
	return span_of(out, strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm));
}

static struct span
put_number(char out[24], uint64_t n)
{
	snprintf(out, 24, "%llu", (unsigned long long)n);
	return span_from(out);
}

/* " --dir 'D'", for a shell, whatever is in it. */
static int
add_dir(struct buf *out, const char *dir)
{
	int r = buf_add_span(out, SPAN(" --dir '"));

	for (; r == 0 && *dir != '\0'; dir++)
		r = *dir == '\'' ? buf_add_span(out, SPAN("'\\''"))
				 : buf_add_char(out, *dir);
	return r < 0 ? r : buf_add_char(out, '\'');
}

/* With the limits that the page met, for they may have been options. */
static int
add_again(struct buf *out, const struct crawl *crawl, const char *name)
{
	const struct config *c = &crawl->config;
	int r = buf_printf(out, "mpcrawl quarantine reproduce %s", name);

	if (r == 0)
		r = add_dir(out, crawl->dir);
	if (r == 0)
		r = buf_printf(out,
		    " --max-body %llu --max-decoded %llu --max-ratio %u "
		    "--max-links %u"
		    " --parse-cpu %lldms --parse-cpu-hard %lldms"
		    " --parse-wall %lldms"
		    " --parse-depth %u --parse-memory %llu --fields %s",
		    (unsigned long long)c->max_body,
		    (unsigned long long)c->max_decoded, c->max_ratio,
		    c->max_links, (long long)c->parse_cpu_ms,
		    (long long)c->parse_cpu_hard_ms,
		    (long long)c->parse_wall_ms, c->parse_depth,
		    (unsigned long long)c->parse_memory,
		    c->field_body ? "+body" : "-body");
	return r;
}

static int
add_retry(struct buf *out, const struct crawl *crawl, const char *name)
{
	int r = buf_printf(out, "mpcrawl quarantine retry %s", name);

	return r < 0 ? r : add_dir(out, crawl->dir);
}

int
quarantine_write(struct worker *worker, uint32_t cell,
    const struct order *order, const struct capture *capture, struct err *err)
{
	struct cell_word word = conveyor_word(worker->cv, cell);
	struct bundle bundle = { .headers = SPAN_NONE };
	char dir[PATH_MAX], cause[80], blamed[24], status[24];
	char quarantined[32], fetched[32];
	struct span body = SPAN_NONE;
	struct buf again, retry;
	int r;

	r = crawl_path(worker->crawl, "quarantine", dir, NULL);
	if (r < 0)
		return r;
	bundle_name(order->site64, order->url64, bundle.name);
	crawl_describe_cause(conveyor_cause(worker->cv, cell), cause);
	bundle.field[BUNDLE_URL] = order->url;
	bundle.field[BUNDLE_CAUSE] = span_from(cause);
	bundle.field[BUNDLE_BLAMED] = put_number(blamed,
	    word.attempts & CELL_BLAMES);
	bundle.field[BUNDLE_QUARANTINED] = put_time(quarantined, now_unix_ms());
	if (capture != NULL) {
		if (capture->body_len > conveyor_body_room(worker->cv, cell))
			return -EBADMSG;
		body = span_of(conveyor_body(worker->cv, cell),
		    (size_t)capture->body_len);
		bundle.field[BUNDLE_FETCHED] = put_time(fetched,
		    capture->fetch_end_ms);
		bundle.field[BUNDLE_STATUS] = put_number(status,
		    capture->status);
		bundle.field[BUNDLE_TYPE] = capture->content_type;
		bundle.field[BUNDLE_ENCODING] = capture->content_encoding;
		bundle.field[BUNDLE_TRUNCATED] = span_from(
		    truncated_name(capture->truncated));
		bundle.headers = capture->headers;
	}
	buf_init(&again, 4 * COMMAND_MAX);
	buf_init(&retry, 4 * COMMAND_MAX);
	r = add_again(&again, worker->crawl, bundle.name);
	if (r == 0)
		r = add_retry(&retry, worker->crawl, bundle.name);
	bundle.field[BUNDLE_AGAIN] = buf_span(&again);
	bundle.field[BUNDLE_RETRY] = buf_span(&retry);
	if (r == 0)
		r = bundle_write(dir, &bundle, body);
	buf_fini(&again);
	buf_fini(&retry);
	if (r == 0 || r == -ENOMEM)
		return r;
	/* The disk's errors are not the page's. */
	return err_set(err, r == -ENOSPC || r == -EDQUOT ? -ENOSPC : -EIO,
	    "%s/%s: cannot be written: %s", dir, bundle.name, strerror(-r));
}
