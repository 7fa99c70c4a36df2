#include "lib/fetch/fetch.h"

#include <errno.h>
#include <unistd.h>

#include "lib/fetch/fetch_impl.h"

/* A loop that was told when to call may be late by this much. */
#define POOL_LATE_MS 1000

/* What a crawler of pages likes to get; anything is taken. */
#define POOL_ACCEPT                                                            \
	"Accept: text/html,application/xhtml+xml,"                             \
	"application/xml;q=0.9,*"                                              \
	"/*;q=0.8"

static int64_t
pool_own_due_ms(const struct fetch_pool *pool)
{
	int64_t first = watchdog_due_ms(&pool->first_byte);
	int64_t low = watchdog_due_ms(&pool->low_speed);

	return first < low ? first : low;
}

/*
 * Time went on.  We have asked to be called when the first of our deadlines
 * comes, so a step that leads far beyond it is not waiting: somebody set the
 * clock, or this process was stopped, and the hosts are not to blame.  Such a
 * step, and one back, counts as no time at all.
 */
static void
pool_tick(struct fetch_pool *pool, int64_t now_ms)
{
	int64_t step = now_ms - pool->unix_ms;
	int64_t due = pool_own_due_ms(pool);

	pool->unix_ms = now_ms;
	if (step < 0)
		return;
	if (due != WATCHDOG_NEVER && step > due - pool->clock_ms + POOL_LATE_MS)
		return;
	pool->clock_ms += step;
}

/* Ask for the next call: libcurl's time or ours, whichever comes first. */
static void
pool_rearm(struct fetch_pool *pool)
{
	int64_t due = pool_own_due_ms(pool), ms = -1;

	if (pool->curl_due_ms < due)
		due = pool->curl_due_ms;
	if (due == pool->told_due_ms)
		return;
	pool->told_due_ms = due;
	if (due != WATCHDOG_NEVER)
		ms = due > pool->clock_ms ? due - pool->clock_ms : 0;
	pool->hooks.timer(pool->hooks.arg, ms);
}

/* Called by libcurl. */
static int
pool_curl_timer(CURLM *multi, long ms, void *arg)
{
	struct fetch_pool *pool = arg;

	(void)multi;
	pool->curl_due_ms = ms < 0 ? WATCHDOG_NEVER : pool->clock_ms + ms;
	return 0;
}

/* Called by libcurl. */
static int
pool_curl_watch(CURL *easy, curl_socket_t fd, int what, void *arg, void *mine)
{
	struct fetch_pool *pool = arg;
	unsigned events = 0;

	(void)easy, (void)mine;
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		events |= FETCH_IN;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		events |= FETCH_OUT;
	pool->hooks.watch(pool->hooks.arg, fd, events);
	return 0;
}

/* From the multi to those whose end is to be reported. */
static void
pool_end(struct fetch_pool *pool, struct transfer *t, CURLcode code)
{
	watchdog_forget(&t->watched);
	transfer_end(t, code);
	TAILQ_REMOVE(&pool->live, t, link);
	TAILQ_INSERT_TAIL(&pool->done, t, link);
}

static void
pool_abort(struct fetch_pool *pool, struct transfer *t, enum fetch_end end)
{
	curl_multi_remove_handle(pool->multi, t->easy);
	t->run.end = (uint8_t)end;
	pool_end(pool, t, CURLE_ABORTED_BY_CALLBACK);
}

/* What libcurl has finished. */
static void
pool_reap(struct fetch_pool *pool)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(pool->multi, &left)) != NULL) {
		CURL *easy = message->easy_handle;
		CURLcode code = message->data.result;
		char *private = NULL;
		struct transfer *t;

		curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
		t = (struct transfer *)(void *)private;
		curl_multi_remove_handle(pool->multi, easy);
		if (transfer_retries_unverified(t, code) &&
		    curl_multi_add_handle(pool->multi, easy) == CURLM_OK)
			continue;
		pool_end(pool, t, code);
	}
}

static struct transfer *
pool_watched(struct watched *who)
{
	return (struct transfer *)(void *)((char *)who -
					   offsetof(struct transfer, watched));
}

/*
 * After libcurl has worked.  First what it finished, then what is late: an
 * answer that came in time counts though we look at it late.
 */
static void
pool_settle(struct fetch_pool *pool)
{
	struct watched *late;

	pool_reap(pool);
	while ((late = watchdog_late(&pool->first_byte, pool->clock_ms)))
		pool_abort(pool, pool_watched(late), FETCH_END_FIRST_BYTE);
	while ((late = watchdog_late(&pool->low_speed, pool->clock_ms))) {
		struct transfer *t = pool_watched(late);

		if (transfer_is_slow(t)) {
			pool_abort(pool, t, FETCH_END_LOW_SPEED);
			continue;
		}
		t->run.window = 0;
		watchdog_watch(&pool->low_speed, late, pool->clock_ms);
	}
	pool_rearm(pool);
}

/* The spans of the last report were borrowed until now. */
static void
pool_take_back(struct fetch_pool *pool)
{
	struct transfer *t = pool->reported;

	if (t == NULL)
		return;
	pool->reported = NULL;
	transfer_reset(t);
	TAILQ_INSERT_HEAD(&pool->idle, t, link);
}

static int
pool_make_headers(struct fetch_pool *pool, const char *accept_encoding)
{
	struct curl_slist *more;
	char *line = NULL;

	if (asprintf(&line, "Accept-Encoding: %s",
		accept_encoding && *accept_encoding ? accept_encoding
						    : "identity") < 0)
		return -ENOMEM;
	pool->headers = curl_slist_append(NULL, POOL_ACCEPT);
	more = pool->headers ? curl_slist_append(pool->headers, line) : NULL;
	free(line);
	return more ? 0 : -ENOMEM;
}

static int
pool_copy_options(struct fetch_pool *pool, const struct fetch_options *options)
{
	pool->options = *options;
	pool->options.accept_encoding = NULL; /* it is in pool->headers */
	pool->options.user_agent = strdup(options->user_agent);
	pool->options.ca_file = options->ca_file ? strdup(options->ca_file)
						 : NULL;
	if (pool->options.user_agent == NULL ||
	    (options->ca_file != NULL && pool->options.ca_file == NULL))
		return -ENOMEM;
	return 0;
}

static CURLMcode
pool_set_options(struct fetch_pool *pool)
{
	CURLMcode code = CURLM_OK;

#define SET(option, value)                                                     \
	if (code == CURLM_OK)                                                  \
	code = curl_multi_setopt(pool->multi, option, value)

	SET(CURLMOPT_SOCKETFUNCTION, pool_curl_watch);
	SET(CURLMOPT_SOCKETDATA, pool);
	SET(CURLMOPT_TIMERFUNCTION, pool_curl_timer);
	SET(CURLMOPT_TIMERDATA, pool);
	SET(CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
	/* How many are kept open; its default grows with the handles. */
	SET(CURLMOPT_MAXCONNECTS, (long)pool->options.max_connections);
#undef SET
	return code;
}

int
fetch_pool_new(const struct fetch_options *options,
    const struct fetch_hooks *hooks, struct fetch_pool **out, struct err *err)
{
	struct fetch_pool *pool;
	struct transfer *first;
	int r;

	if (options->ca_file != NULL && access(options->ca_file, R_OK) < 0)
		return err_set(err, -EINVAL, "%s: cannot be read: %s",
		    options->ca_file, strerror(errno));
	pool = calloc(1, sizeof(*pool));
	if (pool == NULL)
		return err_set(err, -ENOMEM, "no memory for a fetch pool");
	pool->hooks = *hooks;
	pool->curl_due_ms = pool->told_due_ms = WATCHDOG_NEVER;
	TAILQ_INIT(&pool->live);
	TAILQ_INIT(&pool->done);
	TAILQ_INIT(&pool->idle);
	watchdog_init(&pool->first_byte, options->first_byte_timeout_ms);
	watchdog_init(&pool->low_speed,
	    options->low_speed_bytes ? options->low_speed_ms : 0);
	url_init(&pool->base);
	url_init(&pool->target);
	buf_init(&pool->text, 3 * HEADER_KEPT_MAX);
	buf_init(&pool->site, URL_MAX);
	buf_init(&pool->page, URL_MAX);

	r = -ENOMEM;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(pool);
		return err_set(err, -EINVAL, "libcurl does not start");
	}
	pool->multi = curl_multi_init();
	pool->checker = curl_url();
	if (pool->multi != NULL && pool->checker != NULL)
		r = pool_copy_options(pool, options);
	if (r == 0)
		r = cookies_new(options->cookie_bytes, &pool->cookies);
	if (r == 0)
		r = pool_make_headers(pool, options->accept_encoding);
	if (r == 0 && pool_set_options(pool) != CURLM_OK)
		r = -EINVAL;
	/* One is made now: what is wrong with the options shows here. */
	if (r == 0)
		r = transfer_new(pool, &first);
	if (r < 0) {
		fetch_pool_free(pool);
		return err_set(err, r, "libcurl %s refuses our options: %s",
		    curl_version_info(CURLVERSION_NOW)->version, strerror(-r));
	}
	TAILQ_INSERT_HEAD(&pool->idle, first, link);
	*out = pool;
	return 0;
}

static void
pool_free_queue(struct fetch_pool *pool, struct transfer_queue *queue)
{
	struct transfer *t;

	while ((t = TAILQ_FIRST(queue)) != NULL) {
		TAILQ_REMOVE(queue, t, link);
		if (queue == &pool->live)
			curl_multi_remove_handle(pool->multi, t->easy);
		transfer_free(t);
	}
}

void
fetch_pool_free(struct fetch_pool *pool)
{
	if (pool == NULL)
		return;
	pool_take_back(pool);
	pool_free_queue(pool, &pool->live);
	pool_free_queue(pool, &pool->done);
	pool_free_queue(pool, &pool->idle);
	curl_multi_cleanup(pool->multi);
	for (size_t i = 0; i < POOL_SHARES; i++)
		curl_share_cleanup(pool->shares[i]);
	cookies_free(pool->cookies);
	curl_url_cleanup(pool->checker);
	curl_slist_free_all(pool->headers);
	free((char *)(uintptr_t)pool->options.user_agent);
	free((char *)(uintptr_t)pool->options.ca_file);
	url_fini(&pool->base);
	url_fini(&pool->target);
	buf_fini(&pool->text);
	buf_fini(&pool->site);
	buf_fini(&pool->page);
	free(pool);
	curl_global_cleanup();
}

int
fetch_start(struct fetch_pool *pool, const struct fetch_request *request)
{
	struct transfer *t;
	int r;

	pool_take_back(pool);
	t = TAILQ_FIRST(&pool->idle);
	if (t == NULL) {
		r = transfer_new(pool, &t);
		if (r < 0)
			return r;
		TAILQ_INSERT_HEAD(&pool->idle, t, link);
	}
	r = transfer_begin(t, request);
	if (r == 0 && transfer_is_refused(t)) {
		TAILQ_REMOVE(&pool->idle, t, link);
		TAILQ_INSERT_TAIL(&pool->live, t, link);
		pool->n_inflight++;
		t->run.end = FETCH_END_REFUSED;
		pool_end(pool, t, CURLE_ABORTED_BY_CALLBACK);
		/* The result is there: be called for it. */
		pool->curl_due_ms = pool->clock_ms;
		pool_rearm(pool);
		return 0;
	}
	if (r == 0 && curl_multi_add_handle(pool->multi, t->easy) != CURLM_OK)
		r = -ENOMEM;
	if (r < 0) {
		transfer_reset(t);
		return r;
	}
	TAILQ_REMOVE(&pool->idle, t, link);
	TAILQ_INSERT_TAIL(&pool->live, t, link);
	pool->n_inflight++;
	pool_rearm(pool);
	return 0;
}

void
fetch_ready(struct fetch_pool *pool, int fd, unsigned events, int64_t now_ms)
{
	int flags = (events & FETCH_IN ? CURL_CSELECT_IN : 0) |
		    (events & FETCH_OUT ? CURL_CSELECT_OUT : 0);
	int running;

	pool_take_back(pool);
	pool_tick(pool, now_ms);
	/* A failure is that of a transfer, and told as its result. */
	curl_multi_socket_action(pool->multi, fd, flags, &running);
	pool_settle(pool);
}

void
fetch_timeout(struct fetch_pool *pool, int64_t now_ms)
{
	int running;

	pool_take_back(pool);
	pool_tick(pool, now_ms);
	/*
	 * The alarm went off, there is none now: libcurl tells its next time
	 * if it has one, and says nothing if not.
	 */
	pool->curl_due_ms = pool->told_due_ms = WATCHDOG_NEVER;
	curl_multi_socket_action(pool->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	pool_settle(pool);
}

int
fetch_finished(struct fetch_pool *pool, void **user, struct capture *out,
    bool *short_fd)
{
	struct transfer *t;

	pool_take_back(pool);
	t = TAILQ_FIRST(&pool->done);
	if (t == NULL)
		return 0;
	TAILQ_REMOVE(&pool->done, t, link);
	pool->n_inflight--;
	pool->reported = t;
	*user = t->run.user;
	transfer_capture(t, out, short_fd);
	return 1;
}

void
fetch_cancel(struct fetch_pool *pool, void *user)
{
	struct transfer_queue *queues[] = { &pool->live, &pool->done };

	pool_take_back(pool);
	for (size_t i = 0; i < ARRAY_LEN(queues); i++) {
		struct transfer *t;

		TAILQ_FOREACH(t, queues[i], link)
		{
			if (t->run.user == user)
				break;
		}
		if (t == NULL)
			continue;
		if (queues[i] == &pool->live)
			curl_multi_remove_handle(pool->multi, t->easy);
		watchdog_forget(&t->watched);
		TAILQ_REMOVE(queues[i], t, link);
		transfer_reset(t);
		TAILQ_INSERT_HEAD(&pool->idle, t, link);
		pool->n_inflight--;
		break;
	}
	pool_rearm(pool);
}

size_t
fetch_inflight(const struct fetch_pool *pool)
{
	return pool->n_inflight;
}
