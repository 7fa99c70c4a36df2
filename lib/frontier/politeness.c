#include "lib/frontier/politeness.h"

#include "lib/message/reason.h"
#include "lib/message/verdict.h"

enum {
	/* Trouble's longest back-off, in units of the first retry_delay:
	 * an hour when that is the default of 30 s. */
	TROUBLE_UNITS_MAX = 120,
};

const char *
polite_term_name(unsigned term)
{
	static const char *const names[POLITE_TERMS] = {
		[POLITE_NOTHING] = "",
		[POLITE_HOST_DELAY] = "host_delay",
		[POLITE_CRAWL_DELAY] = "crawl_delay",
		[POLITE_LATENCY] = "delay_factor",
		[POLITE_RETRY_AFTER] = "retry_after",
		[POLITE_BACKOFF] = "backoff",
		[POLITE_TROUBLE] = "trouble",
		[POLITE_DNS] = "dns",
		[POLITE_RESTART] = "restart",
		[POLITE_IP] = "ip_delay",
	};

	return term < POLITE_TERMS ? names[term] : "?";
}

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t
sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* `first` doubled `n` times, at most `most`. */
static int64_t
doubled(int64_t first, unsigned n, int64_t most)
{
	int64_t ms = first;

	while (n-- > 0 && ms < most)
		ms *= 2;
	return sooner(ms, later(most, first));
}

void
pace_init(struct pace *pace, uint64_t seed)
{
	*pace = (struct pace){ .response_ms = -1, .seed = seed };
}

void
polite_init(struct polite *polite, struct pace *pace)
{
	*polite = (struct polite){ .pace = pace, .crawl_delay_ms = -1 };
}

/* --- the delay ----------------------------------------------------------- */

/* delay_factor times the last answer, within max_delay. */
static int64_t
latency_ms(const struct polite *polite, const struct config_host *config)
{
	int64_t ms = polite->pace->response_ms;

	if (config->host_delay_ms == 0 || ms < 0)
		return 0;
	return sooner(ms * config->delay_factor / 1000, config->max_delay_ms);
}

/* Without what the last answer adds. */
static struct polite_why
wished_delay(const struct polite *polite, const struct config_host *config)
{
	struct polite_why why = {
		.delay_term = POLITE_HOST_DELAY,
		.delay_ms = config->host_delay_ms,
	};

	if (config->crawl_delay == 0 && polite->crawl_delay_ms > why.delay_ms) {
		why.delay_term = POLITE_CRAWL_DELAY;
		why.delay_ms = polite->crawl_delay_ms;
	}
	return why;
}

static struct polite_why
delay_of(const struct polite *polite, const struct config_host *config)
{
	struct polite_why why = wished_delay(polite, config);
	int64_t ms = latency_ms(polite, config);

	if (ms > why.delay_ms) {
		why.delay_term = POLITE_LATENCY;
		why.delay_ms = ms;
	}
	return why;
}

int64_t
polite_delay_ms(const struct polite *polite, const struct config_host *config)
{
	return delay_of(polite, config).delay_ms;
}

int64_t
pace_ready_ms(const struct pace *pace)
{
	return later(pace->next_ms, pace->blocked_ms);
}

int64_t
polite_ready_ms(const struct polite *polite)
{
	return later(pace_ready_ms(polite->pace), polite->trouble_ms);
}

struct polite_why
polite_explain(const struct polite *polite, const struct config_host *config)
{
	struct polite_why why = delay_of(polite, config);
	const struct pace *pace = polite->pace;

	why.ready_ms = polite_ready_ms(polite);
	if (polite->trouble_ms > pace_ready_ms(pace))
		why.term = polite->trouble_by;
	else if (pace->blocked_ms > pace->next_ms)
		why.term = pace->blocked_by;
	else if (pace->restarted)
		why.term = POLITE_RESTART;
	else
		why.term = why.delay_term;
	return why;
}

/*
 * With up to delay_jitter of it on top: many hosts that began together do not
 * stay together, and one host does not hear us tick.  From a sequence of
 * the host's own (splitmix64), so that a test draws what the crawl drew.
 */
static int64_t
jittered(struct pace *pace, const struct config_host *config, int64_t ms)
{
	uint64_t z, most;

	if (config->host_delay_ms == 0 || config->delay_jitter == 0)
		return ms;
	z = pace->seed + (uint64_t)++pace->draws * 0x9E3779B97F4A7C15u;
	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
	z = (z ^ z >> 27) * 0x94D049BB133111EBu;
	z ^= z >> 31;
	/* A day times ten thousand: far from an overflow. */
	most = (uint64_t)ms * config->delay_jitter / 1000;
	return ms + (int64_t)(z % (most + 1));
}

void
polite_started(struct polite *polite, const struct config_host *config,
    int64_t now_ms)
{
	struct pace *pace = polite->pace;

	/* With several slots, requests that leave together would be none of
	 * them after the delay.  How slow the last answer was counts from
	 * the end of an answer alone: this one may be quick. */
	pace->next_ms = later(pace->next_ms,
	    now_ms + wished_delay(polite, config).delay_ms);
	pace->restarted = false;
}

/* --- pauses -------------------------------------------------------------- */

static void
block(struct pace *pace, enum polite_term by, int64_t until_ms)
{
	if (until_ms <= pace->blocked_ms)
		return;
	pace->blocked_ms = until_ms;
	pace->blocked_by = (uint8_t)by;
}

/* The origin could not be reached. */
static void
polite_trouble(struct polite *polite, const struct config_host *config,
    bool no_name, int64_t end_ms, int64_t now_ms)
{
	int64_t unit = config->retry_delay.n > 0 ? config->retry_delay.ms[0]
						 : 0;
	int64_t most = unit * TROUBLE_UNITS_MAX, until_ms;

	/* A name that is not there: asked for again when its time is over. */
	if (no_name) {
		unit = config->dns_negative_ttl_ms;
		most = config->max_dns_negative_ttl_ms;
	}
	if (polite->fails == 0)
		polite->first_fail_ms = end_ms;
	until_ms = end_ms + jittered(polite->pace, config,
				doubled(unit, polite->fails, most));
	if (until_ms > polite->trouble_ms) {
		polite->trouble_ms = until_ms;
		polite->trouble_by = no_name ? POLITE_DNS : POLITE_TROUBLE;
	}
	if (polite->fails < UINT16_MAX)
		polite->fails++;
	polite->counted_ms = now_ms;
	if (polite->fails >= POLITE_FAILS_LEAST &&
	    end_ms - polite->first_fail_ms >= config->host_give_up_ms)
		polite->down = true;
}

/* The host asks for a pause; without a time of its own it gets ours. */
static void
pace_pause(struct pace *pace, const struct config_host *config, int64_t end_ms,
    int64_t now_ms)
{
	block(pace, POLITE_BACKOFF,
	    end_ms + jittered(pace, config,
			 doubled(config->backoff_ms, pace->backoffs,
			     config->max_backoff_ms)));
	if (pace->backoffs < UINT8_MAX)
		pace->backoffs++;
	pace->counted_ms = now_ms;
}

/* How long the server had to do with it; -1: it had not. */
static int32_t
response_ms(const struct capture *capture)
{
	int32_t ms = capture->total_ms;

	if (ms >= 0 && capture->dns_ms > 0)
		ms = capture->dns_ms < ms ? ms - capture->dns_ms : 0;
	return ms;
}

void
polite_ended(struct polite *polite, const struct config_host *config,
    int64_t ordered_ms, const struct capture *capture, int64_t now_ms)
{
	bool is_trouble = capture != NULL && verdict_is_host_trouble(capture);
	struct pace *pace = polite->pace;
	bool is_news = ordered_ms >= pace->counted_ms;
	int64_t end_ms = now_ms;

	/* Another process wrote it, by a clock that may have been set. */
	if (capture != NULL)
		end_ms = later(sooner(capture->fetch_end_ms, now_ms),
		    sooner(ordered_ms, now_ms));
	if (capture != NULL && !is_trouble && response_ms(capture) >= 0)
		pace->response_ms = response_ms(capture);
	pace->ended_ms = later(pace->ended_ms, end_ms);
	pace->next_ms = later(pace->next_ms,
	    end_ms + jittered(pace, config, polite_delay_ms(polite, config)));
	if (capture == NULL)
		return;

	if (is_trouble) {
		if (ordered_ms >= polite->counted_ms)
			polite_trouble(polite, config,
			    capture->reason == REASON_DNS_FAIL, end_ms, now_ms);
		return;
	}
	polite->fails = 0;
	if (capture->retry_after_ms >= 0)
		block(pace, POLITE_RETRY_AFTER,
		    end_ms +
			sooner(capture->retry_after_ms, POLITE_LONGEST_MS));
	if (verdict_is_wait(capture)) {
		/* One that is over when it comes tells nothing: "busy, ask
		 * again at once" is not an answer to be taken literally. */
		if (is_news && capture->retry_after_ms <= 0)
			pace_pause(pace, config, end_ms, now_ms);
	} else if (capture->status > 0 && capture->status < 500 && is_news) {
		pace->backoffs = 0;
	}
}

/* --- other moments ------------------------------------------------------- */

void
polite_crawl_delay(struct polite *polite, const struct config_host *config,
    int64_t crawl_delay_ms)
{
	struct pace *pace = polite->pace;

	polite->crawl_delay_ms = crawl_delay_ms;
	pace->next_ms = later(pace->next_ms,
	    pace->ended_ms + polite_delay_ms(polite, config));
}

void
polite_restarted(struct polite *polite, const struct config_host *config,
    int64_t opened_ms, int64_t now_ms)
{
	int64_t next_ms = opened_ms + polite_delay_ms(polite, config);
	int64_t latest_ms = now_ms + POLITE_LONGEST_MS;
	struct pace *pace = polite->pace;

	/* A clock that was wrong when the store was written must not stop
	 * the host for years. */
	pace->next_ms = sooner(pace->next_ms, latest_ms);
	pace->blocked_ms = sooner(pace->blocked_ms, latest_ms);
	polite->trouble_ms = sooner(polite->trouble_ms, latest_ms);
	polite->first_fail_ms = sooner(polite->first_fail_ms, now_ms);
	pace->ended_ms = later(pace->ended_ms, opened_ms);
	if (next_ms > pace->next_ms) {
		pace->next_ms = next_ms;
		pace->restarted = true;
	}
}

void
polite_forgive(struct polite *polite)
{
	polite->down = false;
	polite->fails = 0;
	polite->pace->backoffs = 0;
}
