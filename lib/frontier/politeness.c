#include "lib/frontier/politeness.h"

#include "lib/message/verdict.h"

enum {
	/* Trouble's longest back-off, in units of the first retry_delay:
	 * an hour when that is the default of 30 s. */
	TROUBLE_UNITS_MAX = 120,
};

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
polite_init(struct polite *polite)
{
	*polite = (struct polite){ .crawl_delay_ms = -1 };
}

int64_t
polite_delay_ms(const struct polite *polite, const struct config_host *config)
{
	if (config->crawl_delay != 0)
		return config->host_delay_ms;
	return later(config->host_delay_ms, polite->crawl_delay_ms);
}

int64_t
polite_ready_ms(const struct polite *polite)
{
	return later(polite->next_ms, polite->blocked_ms);
}

void
polite_started(struct polite *polite, const struct config_host *config,
    int64_t now_ms)
{
	/* With several slots, requests that leave together would be none of
	 * them after the delay. */
	polite->next_ms = later(polite->next_ms,
	    now_ms + polite_delay_ms(polite, config));
}

/* The host could not be reached. */
static void
polite_trouble(struct polite *polite, const struct config_host *config,
    int64_t end_ms, int64_t now_ms)
{
	int64_t unit = config->retry_delay.n > 0 ? config->retry_delay.ms[0]
						 : 0;

	if (polite->fails == 0)
		polite->first_fail_ms = end_ms;
	polite->blocked_ms = later(polite->blocked_ms,
	    end_ms + doubled(unit, polite->fails, unit * TROUBLE_UNITS_MAX));
	if (polite->fails < UINT16_MAX)
		polite->fails++;
	polite->counted_ms = now_ms;
	if (polite->fails >= POLITE_FAILS_LEAST &&
	    end_ms - polite->first_fail_ms >= config->host_give_up_ms)
		polite->down = true;
}

/* The host asks for a pause; without a time of its own it gets ours. */
static void
polite_pause(struct polite *polite, const struct config_host *config,
    int64_t end_ms, int64_t now_ms)
{
	polite->blocked_ms = later(polite->blocked_ms,
	    end_ms + doubled(config->backoff_ms, polite->backoffs,
			 config->max_backoff_ms));
	if (polite->backoffs < UINT8_MAX)
		polite->backoffs++;
	polite->counted_ms = now_ms;
}

void
polite_ended(struct polite *polite, const struct config_host *config,
    int64_t ordered_ms, const struct capture *capture, int64_t now_ms)
{
	int64_t end_ms = now_ms;
	bool is_news = ordered_ms >= polite->counted_ms;

	/* Another process wrote it, by a clock that may have been set. */
	if (capture != NULL)
		end_ms = later(sooner(capture->fetch_end_ms, now_ms),
		    sooner(ordered_ms, now_ms));
	polite->ended_ms = later(polite->ended_ms, end_ms);
	polite->next_ms = later(polite->next_ms,
	    end_ms + polite_delay_ms(polite, config));
	if (capture == NULL)
		return;

	if (verdict_is_host_trouble(capture)) {
		if (is_news)
			polite_trouble(polite, config, end_ms, now_ms);
		return;
	}
	polite->fails = 0;
	if (capture->retry_after_ms >= 0)
		polite->blocked_ms = later(polite->blocked_ms,
		    end_ms +
			sooner(capture->retry_after_ms, POLITE_LONGEST_MS));
	if (verdict_is_wait(capture)) {
		if (is_news && capture->retry_after_ms < 0)
			polite_pause(polite, config, end_ms, now_ms);
	} else if (capture->status > 0 && capture->status < 500 && is_news) {
		polite->backoffs = 0;
	}
}

void
polite_crawl_delay(struct polite *polite, const struct config_host *config,
    int64_t crawl_delay_ms)
{
	polite->crawl_delay_ms = crawl_delay_ms;
	polite->next_ms = later(polite->next_ms,
	    polite->ended_ms + polite_delay_ms(polite, config));
}

void
polite_restarted(struct polite *polite, const struct config_host *config,
    int64_t opened_ms, int64_t now_ms)
{
	/* A clock that was wrong when the store was written must not stop
	 * the host for years. */
	polite->next_ms = sooner(polite->next_ms, now_ms + POLITE_LONGEST_MS);
	polite->blocked_ms = sooner(polite->blocked_ms,
	    now_ms + POLITE_LONGEST_MS);
	polite->first_fail_ms = sooner(polite->first_fail_ms, now_ms);
	polite->ended_ms = opened_ms;
	polite->next_ms = later(polite->next_ms,
	    opened_ms + polite_delay_ms(polite, config));
}

void
polite_forgive(struct polite *polite)
{
	polite->down = false;
	polite->fails = 0;
	polite->backoffs = 0;
}
