#include <errno.h>
#include <inttypes.h>

#include "lib/config/config_impl.h"

enum {
	CORES_PER_CRAWLER = 4,
	/* 2,000 hosts of 200 ms that are asked once a second take 333. */
	INFLIGHT_PER_CRAWLER = 1000,
	INFLIGHT_AUTO_MAX = 4096,
	PARSERS_MAX = 128
};

static bool
is_token(const char *text)
{
	for (; *text != '\0'; text++) {
		char c = span_lower(*text);

		if ((c < 'a' || c > 'z') && c != '-' && c != '_')
			return false;
	}
	return true;
}

/* Not whether it is there, only that it could be: somebody's mail address,
 * or the address of a page. */
static bool
plausible_contact(const char *contact)
{
	struct span text = span_from(contact);
	const char *at;

	if (strpbrk(contact, " \"<>()") != NULL)
		return false;
	if (span_starts(text, SPAN("https://")) ||
	    span_starts(text, SPAN("http://"))) {
		text = span_from(strstr(contact, "://") + 3);
		return text.len > 0 && strchr("/?#:@", text.ptr[0]) == NULL;
	}
	if (span_starts(text, SPAN("mailto:")))
		contact += 7;
	at = strchr(contact, '@');
	return at != NULL && at > contact && at[1] != '\0' && at[1] != '.' &&
	       strpbrk(at + 1, "@,;:/\\") == NULL;
}

static int
check_identity(struct config *config, struct err *err)
{
	if (config->contact != NULL && !plausible_contact(config->contact))
		return err_set(err, -EINVAL,
		    "contact = %.100s: it is a mail address or the http(s) URL "
		    "of a page, as in crawl@example.org",
		    config->contact);
	if (!is_token(config->robots_agent))
		return err_set(err, -EINVAL,
		    "robots_agent = %s: only letters, '-' and '_' are allowed",
		    config->robots_agent);
	if (config->user_agent != NULL)
		return 0;
	if (asprintf(&config->user_agent, "mpcrawl/%s%s%s%s", MPCRAWL_VERSION,
		config->contact ? " (+" : "",
		config->contact ? config->contact : "",
		config->contact ? ")" : "") < 0) {
		config->user_agent = NULL;
		return -ENOMEM;
	}
	return 0;
}

/* Of one host, or of all that no section names. */
static int
check_host(const struct config_host *host, struct err *err)
{
	struct config_row time = { .type = CONFIG_TIME };

	if (host->backoff_ms > host->max_backoff_ms)
		return err_set(err, -EINVAL,
		    "backoff = %s: above max_backoff = %s",
		    config_show(&time, (uint64_t)host->backoff_ms).text,
		    config_show(&time, (uint64_t)host->max_backoff_ms).text);
	if (host->dns_negative_ttl_ms > host->max_dns_negative_ttl_ms)
		return err_set(err, -EINVAL,
		    "dns_negative_ttl = %s: above max_dns_negative_ttl = %s",
		    config_show(&time, (uint64_t)host->dns_negative_ttl_ms)
			.text,
		    config_show(&time, (uint64_t)host->max_dns_negative_ttl_ms)
			.text);
	return 0;
}

static int
check_pairs(const struct config *config, struct err *err)
{
	struct config_row time = { .type = CONFIG_TIME };
	struct config_row size = { .type = CONFIG_BYTES };

	if (config->output != NULL && strcmp(config->output, "-") != 0)
		return err_set(err, -EINVAL,
		    "output = %.100s: only \"-\" is allowed; the record files "
		    "are in the folder \"out\" of the crawl (dir)",
		    config->output);
	if (config->output != NULL && config->detach)
		return err_set(err, -EINVAL,
		    "output = -: not with detach, which has no standard "
		    "output");
	if (config->parse_cpu_ms > config->parse_cpu_hard_ms)
		return err_set(err, -EINVAL,
		    "parse_cpu = %s: above parse_cpu_hard = %s, which would "
		    "end the parser first",
		    config_show(&time, (uint64_t)config->parse_cpu_ms).text,
		    config_show(&time, (uint64_t)config->parse_cpu_hard_ms)
			.text);
	if (config->parse_cpu_ms >= config->parse_wall_ms)
		return err_set(err, -EINVAL,
		    "parse_cpu = %s: a parser is killed before that, "
		    "by parse_wall = %s",
		    config_show(&time, (uint64_t)config->parse_cpu_ms).text,
		    config_show(&time, (uint64_t)config->parse_wall_ms).text);
	if (config->max_body > config->max_decoded)
		return err_set(err, -EINVAL,
		    "max_body = %s: above max_decoded = %s, which would cut it",
		    config_show(&size, config->max_body).text,
		    config_show(&size, config->max_decoded).text);
	return 0;
}

/* Workers, and how much they do at once. */
static int
fill_workers(struct config *config, unsigned cores, uint64_t fd_limit,
    struct err *err)
{
	uint64_t inflight, per_crawler;

	if (cores == 0)
		cores = 1;
	if (config->crawlers == 0) {
		config->crawlers = cores / CORES_PER_CRAWLER;
		if (config->crawlers > config->max_crawlers)
			config->crawlers = config->max_crawlers;
		if (config->crawlers == 0)
			config->crawlers = 1;
	}
	if (config->crawlers > config->max_crawlers)
		return err_set(err, -EINVAL,
		    "crawlers = %u: above max_crawlers = %u", config->crawlers,
		    config->max_crawlers);
	/* A crawler mostly sleeps in the kernel and takes little of a core:
	 * the parsers may have all of them. */
	if (config->parsers == 0)
		config->parsers = cores < PARSERS_MAX ? cores : PARSERS_MAX;

	if (config->max_inflight == 0) {
		inflight = (uint64_t)config->crawlers * INFLIGHT_PER_CRAWLER;
		if (inflight > INFLIGHT_AUTO_MAX)
			inflight = INFLIGHT_AUTO_MAX;
		if (inflight > fd_limit / 2)
			inflight = fd_limit / 2;
		config->max_inflight = inflight > 0 ? (uint32_t)inflight : 1;
		return 0;
	}
	/* Half of the descriptors: idle connections and resolving need the
	 * other. */
	per_crawler = (config->max_inflight + config->crawlers - 1) /
		      config->crawlers;
	if (per_crawler > fd_limit / 2)
		return err_set(err, -EINVAL,
		    "max_inflight = %u: %" PRIu64
		    " for each crawler is more than half of the %" PRIu64
		    " descriptors that a process may have (ulimit -n)",
		    config->max_inflight, per_crawler, fd_limit);
	return 0;
}

static int
check_memory(const struct config *config, uint64_t memory, struct err *err)
{
	struct config_row size = { .type = CONFIG_BYTES };
	/* Each is a TiB at the most: no overflow. */
	uint64_t sum = config->seen_cache + config->db_cache +
		       config->shm_budget;

	if (memory == 0 || sum <= memory)
		return 0;
	return err_set(err, -EINVAL,
	    "seen_cache = %s, db_cache = %s and shm_budget = %s: together more "
	    "than the %" PRIu64 "M of memory here",
	    config_show(&size, config->seen_cache).text,
	    config_show(&size, config->db_cache).text,
	    config_show(&size, config->shm_budget).text, memory >> 20);
}

int
config_finish(struct config *config, unsigned cores, uint64_t fd_limit,
    uint64_t memory, struct err *err)
{
	int r;

	r = check_pairs(config, err);
	if (r == 0)
		r = check_host(&config->host, err);
	if (r == 0)
		r = config_sections_check(config, check_host, err);
	if (r == 0)
		r = check_memory(config, memory, err);
	if (r == 0)
		r = fill_workers(config, cores, fd_limit, err);
	if (r == 0)
		r = check_identity(config, err);
	return r;
}
