#include "lib/config/config_impl.h"
#include "lib/url/scope.h"

/* The place of a member, which must be of that type: a row whose type and
 * member disagree does not compile. */
#define AT(T, member)                                                          \
	(offsetof(struct config, member) +                                     \
	    0 * _Generic(((struct config *)0)->member, T : 0))

#define TEXT(m)    CONFIG_TEXT, AT(char *, m)
#define BOOL(m)    CONFIG_BOOL, AT(bool, m)
#define COUNT(m)   CONFIG_COUNT, AT(uint32_t, m)
#define BYTES(m)   CONFIG_BYTES, AT(uint64_t, m)
#define NUMBER(m)  CONFIG_NUMBER, AT(uint64_t, m)
#define TIME(m)    CONFIG_TIME, AT(int64_t, m)
#define DECIMAL(m) CONFIG_DECIMAL, AT(uint32_t, m)
#define TIMES(m)   CONFIG_TIMES, AT(struct config_times, m)
#define CHOICE(m)  CONFIG_CHOICE, AT(int, m)
#define WORDS(m)   CONFIG_WORDS, AT(struct config_list, m)
#define URLS(m)    CONFIG_URLS, AT(struct config_list, m)
#define PROXY(m)   CONFIG_PROXY, AT(char *, m)
#define HEADER(m)  CONFIG_HEADER, AT(char *, m)
#define AUTH(m)    CONFIG_AUTH, AT(struct config_list, m)
#define IP(m)      CONFIG_ADDRESS, AT(char *, m)

#define K      UINT64_C(1024)
#define M      (K * K)
#define G      (M * K)
#define SECOND UINT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define YEAR   (365 * DAY)

#define WHO     "Who we are"
#define PLACES  "Where things are"
#define SCOPE   "Scope and limits"
#define POLITE  "Politeness"
#define FETCH   "Fetching"
#define PARSE   "Parsing"
#define OUTPUT  "Output"
#define STORE   "Store and memory"
#define RUNNING "Running"

/* The words of these lists stand in the order of the enums. */
static_assert(SCOPE_HOST == 0 && SCOPE_DOMAIN == 1 && SCOPE_PREFIX == 2 &&
		  SCOPE_ANY == 3,
    "scope: the list of words");
static_assert(CONFIG_ROBOTS_OBEY == 0 && CONFIG_ROBOTS_TXT_ONLY == 1 &&
		  CONFIG_ROBOTS_IGNORE == 2,
    "robots: the list of words");
static_assert(CONFIG_ASKED_OBEY == 0 && CONFIG_ASKED_IGNORE == 1,
    "rel_nofollow and so on: the list of words");
static_assert(CONFIG_TLS_REFUSE == 0 && CONFIG_TLS_RECORD == 1 &&
		  CONFIG_TLS_OFF == 2,
    "tls_verify: the list of words");

static_assert(CONFIG_ALIASES_LEARN == 0 && CONFIG_ALIASES_OFF == 1,
    "aliases: the list of words");
static_assert(CONFIG_DOWNGRADE_FOLLOW == 0 && CONFIG_DOWNGRADE_REFUSE == 1,
    "downgrade: the list of words");

/* clang-format off */
const struct config_row config_table[] = {
/* key, letter, type and member, default, min, max, choices, group, help, option_only */
{ "contact", 0, TEXT(contact), NULL, 0, 256, NULL, WHO,
  "mail address or URL where site owners reach you; required for any host that is not loopback", false },
{ "user_agent", 0, TEXT(user_agent), NULL, 0, 512, NULL, WHO,
  "the User-Agent header; by default mpcrawl/VERSION (+CONTACT)", false },
{ "robots_agent", 0, TEXT(robots_agent), "mpcrawl", 1, 64, NULL, WHO,
  "the name that robots.txt knows us by", false },

{ "dir", 0, TEXT(dir), "./crawl", 1, 4096, NULL, PLACES,
  "the crawl: its settings, frontier, output and socket", true },
{ "output", 'o', TEXT(output), NULL, 0, 4096, NULL, PLACES,
  "\"-\": write the records to standard output too", true },
{ "input", 'i', TEXT(input), NULL, 0, 4096, NULL, PLACES,
  "a file of seeds, one URL a line; \"-\" is standard input", true },
{ "report", 0, TEXT(report), NULL, 0, 4096, NULL, PLACES,
  "write the closing report to this file, as JSON", true },

{ "scope", 0, CHOICE(scope), "host", 0, 0, "host domain prefix any", SCOPE,
  "which links belong to the crawl, measured by the seeds", false },
{ "include", 0, CONFIG_RULE, 0, NULL, 0, 0, NULL, SCOPE,
  "URLs that belong to it all the same: a glob over the whole URL, or host:NAME, domain:NAME, surt:org,example,)/PATH, regex:PCRE, depth:>5, type:image/*; several times, the last match of all include and exclude wins", false },
{ "exclude", 0, CONFIG_RULE, 0, NULL, 0, 0, NULL, SCOPE,
  "URLs that do not, likewise", false },
{ "canon", 0, CONFIG_FLAGS, AT(uint32_t, canon), "sort_query drop_empty drop_tracking drop_session", 0, 0,
  "sort_query drop_empty drop_tracking drop_session drop_index fold_slash fold_www fold_scheme", SCOPE,
  "which URLs are one page: query in order, without empty, tracking and session parameters; +drop_index: /a/index.html is /a/; +fold_slash: /a/ is /a; +fold_www: www.a.org is a.org; +fold_scheme: https is http; what is fetched stays as written", false },
{ "ignore_params", 0, WORDS(ignore_params), NULL, 0, 0, NULL, SCOPE,
  "query parameters that make no other page, besides the built-in list; name* means all that start so", false },
{ "sitemaps", 0, BOOL(sitemaps), "yes", 0, 0, NULL, SCOPE,
  "read the sitemaps that a robots.txt names; scope and rules decide about each URL of theirs", false },
{ "sitemap", 0, URLS(sitemap), NULL, 0, 0, NULL, SCOPE,
  "a sitemap, index or feed whose URLs are seeds, within the scope; several times", true },
{ "max_sitemaps", 0, COUNT(max_sitemaps), "1000", 0, 1000 * 1000, NULL, SCOPE,
  "sitemaps that are read for one site", false },
{ "max_pages", 0, NUMBER(max_pages), "0", 0, INT64_MAX, NULL, SCOPE,
  "stop after so many pages; 0: no limit", false },
{ "host_max_pages", 0, NUMBER(host.host_max_pages), "100K", 0, INT64_MAX, NULL, SCOPE,
  "pages of one host; then it is parked, as by the next three; 0: no limit", false },
{ "host_max_bytes", 0, BYTES(host.host_max_bytes), "0", 0, INT64_MAX, NULL, SCOPE,
  "received bytes of one host; 0: no limit", false },
{ "host_max_errors", 0, NUMBER(host.host_max_errors), "0", 0, INT64_MAX, NULL, SCOPE,
  "pages of one host that failed, or were answered with 4xx or 5xx; 0: no limit", false },
{ "host_max_time", 0, TIME(host.host_max_time_ms), "0", 0, 10 * YEAR, NULL, SCOPE,
  "how long one host is crawled, from its first page on, stops not counted; 0: no limit", false },
{ "max_bytes", 0, BYTES(max_bytes), "0", 0, INT64_MAX, NULL, SCOPE,
  "stop after so many received bytes; 0: no limit", false },
{ "max_time", 0, TIME(max_time_ms), "0", 0, 10 * YEAR, NULL, SCOPE,
  "stop after so long; 0: no limit", false },
{ "max_depth", 0, COUNT(max_depth), "20", 0, 65535, NULL, SCOPE,
  "links between a seed and a page", false },
{ "max_url_length", 0, COUNT(max_url_length), "4096", 64, 65536, NULL, SCOPE,
  "longer URLs are refused", false },
{ "max_links", 0, COUNT(max_links), "5000", 0, 100000, NULL, SCOPE,
  "links that are taken from one page", false },
{ "max_path_depth", 0, COUNT(host.max_path_depth), "20", 0, 1000, NULL, SCOPE,
  "links with more segments in their path are a trap, and refused; 0: no limit", false },
{ "max_path_repeat", 0, COUNT(host.max_path_repeat), "3", 0, 1000, NULL, SCOPE,
  "links in whose path the same segments come so many times in a row are a trap, and refused; 0: none are", false },
{ "trap_pattern_max", 0, NUMBER(host.trap_pattern_max), "1K", 0, INT64_MAX, NULL, SCOPE,
  "URLs of one host and one pattern, after which more of them come last; 0: never", false },
{ "trap_pattern_cap", 0, NUMBER(host.trap_pattern_cap), "100K", 0, INT64_MAX, NULL, SCOPE,
  "URLs of one host and one pattern, after which more of them are refused; 0: never", false },
{ "trap_pattern_same", 0, COUNT(host.trap_pattern_same), "90", 0, 100, NULL, SCOPE,
  "so many per cent of such a pattern's pages, of 100 at the least, are the same as another: then more are refused; 0: never", false },
{ "resources", 0, BOOL(resources), "no", 0, 0, NULL, SCOPE,
  "follow images, scripts, styles, media and what else a page is shown with", false },
{ "forms", 0, BOOL(forms), "no", 0, 0, NULL, SCOPE,
  "follow the targets of forms that ask by GET, with nothing filled in", false },

{ "robots", 0, CHOICE(host.robots), "obey", 0, 0, "obey txt_only ignore", POLITE,
  "robots.txt and what pages ask of robots; txt_only: robots.txt alone", false },
{ "rel_nofollow", 0, CHOICE(host.rel_nofollow), "obey", 0, 0, "obey ignore", POLITE,
  "links with rel=nofollow are not followed", false },
{ "rel_ugc", 0, CHOICE(host.rel_ugc), "ignore", 0, 0, "obey ignore", POLITE,
  "likewise those with rel=ugc, which users of the site wrote", false },
{ "rel_sponsored", 0, CHOICE(host.rel_sponsored), "ignore", 0, 0, "obey ignore", POLITE,
  "likewise those with rel=sponsored, which are paid for", false },
{ "meta_robots", 0, CHOICE(host.meta_robots), "obey", 0, 0, "obey ignore", POLITE,
  "links of a page whose <meta name=robots> says nofollow are not followed", false },
{ "x_robots_tag", 0, CHOICE(host.x_robots_tag), "obey", 0, 0, "obey ignore", POLITE,
  "likewise when its header X-Robots-Tag says so", false },
{ "crawl_delay", 0, CHOICE(host.crawl_delay), "obey", 0, 0, "obey ignore", POLITE,
  "Crawl-delay in robots.txt, which can only make us slower; more than a day counts as a day", false },
{ "host_delay", 0, TIME(host.host_delay_ms), "1s", 0, DAY, NULL, POLITE,
  "between two requests to one host name, whatever the scheme and the port", false },
{ "host_concurrency", 0, COUNT(host.host_concurrency), "1", 1, 64, NULL, POLITE,
  "requests to one host at the same time", false },
{ "delay_factor", 0, DECIMAL(host.delay_factor), "1", 0, 100000, NULL, POLITE,
  "wait so many times as long as the host's last answer took, when that is longer; 0: do not", false },
{ "max_delay", 0, TIME(host.max_delay_ms), "60s", 0, DAY, NULL, POLITE,
  "the longest that delay_factor makes us wait; what a site wishes for is not cut", false },
{ "delay_jitter", 0, DECIMAL(host.delay_jitter), "0.2", 0, 10000, NULL, POLITE,
  "wait up to this part of the delay longer, by chance; never shorter", false },
{ "ip_delay", 0, TIME(ip_delay_ms), "250ms", 0, DAY, NULL, POLITE,
  "between two requests to one IP address, whatever its hosts; not for private ones, nor for hosts whose host_delay is 0", false },
{ "ip_concurrency", 0, COUNT(ip_concurrency), "2", 0, 1000, NULL, POLITE,
  "requests to one IP address at the same time; 0: no limit", false },
{ "host", 0, CONFIG_SECTION, 0, NULL, 0, 0, NULL, POLITE,
  "a setting marked (host), for the hosts that a pattern names, as in \"*.example.org: host_delay = 5s\"; several times; in the file, a section [host \"*.example.org\"]", true },
{ "robots_ttl", 0, TIME(host.robots_ttl_ms), "24h", MINUTE, DAY, NULL, POLITE,
  "how long a robots.txt is believed", false },
{ "robots_max_bytes", 0, BYTES(robots_max_bytes), "512K", 500 * K, 8 * M, NULL, POLITE,
  "how much of a robots.txt is read", false },
{ "robots_give_up", 0, TIME(host.robots_give_up_ms), "1h", 0, 30 * DAY, NULL, POLITE,
  "leave an origin whose robots.txt cannot be had for so long", false },
{ "host_give_up", 0, TIME(host.host_give_up_ms), "1h", 0, 30 * DAY, NULL, POLITE,
  "leave a host that cannot be reached for so long", false },
{ "backoff", 0, TIME(host.backoff_ms), "60s", SECOND, DAY, NULL, POLITE,
  "pause after 429 or 503 without Retry-After; doubles each time", false },
{ "max_backoff", 0, TIME(host.max_backoff_ms), "1h", SECOND, 7 * DAY, NULL, POLITE,
  "the longest such pause", false },
{ "dns_negative_ttl", 0, TIME(host.dns_negative_ttl_ms), "60s", SECOND, DAY, NULL, POLITE,
  "ask again for a name that was not found after so long; doubles each time, and uses up no retry", false },
{ "max_dns_negative_ttl", 0, TIME(host.max_dns_negative_ttl_ms), "15m", SECOND, DAY, NULL, POLITE,
  "the longest that a name is believed not to be there", false },
{ "outage_give_up", 0, TIME(outage_give_up_ms), "24h", 0, 30 * DAY, NULL, POLITE,
  "how long an outage of our own network is waited for, when no host can be reached any more; 0: not at all", false },

{ "max_inflight", 0, COUNT(max_inflight), "auto", 0, 65536, NULL, FETCH,
  "requests at the same time, over all crawlers", false },
{ "crawlers", 0, COUNT(crawlers), "auto", 0, 48, NULL, FETCH,
  "processes that fetch", false },
{ "parsers", 0, COUNT(parsers), "auto", 0, 128, NULL, FETCH,
  "processes that parse", false },
{ "max_crawlers", 0, COUNT(max_crawlers), "16", 1, 48, NULL, FETCH,
  "the most that crawlers may be", false },
{ "connect_timeout", 0, TIME(connect_timeout_ms), "10s", 100, HOUR, NULL, FETCH,
  "name, connection and TLS", false },
{ "first_byte_timeout", 0, TIME(first_byte_timeout_ms), "30s", 100, HOUR, NULL, FETCH,
  "until the answer begins", false },
{ "total_timeout", 0, TIME(total_timeout_ms), "120s", 100, DAY, NULL, FETCH,
  "one request from its start to its end", false },
{ "dns_cache", 0, TIME(dns_cache_ms), "5m", 0, DAY, NULL, FETCH,
  "how long an address is believed", false },
{ "low_speed", 0, CONFIG_SPEED, AT(uint64_t, low_speed_bytes), "1K/s for 20s", 0, 0, NULL, FETCH,
  "give up below this rate for so long; 0: never", false },
{ "max_body", 0, BYTES(max_body), "10M", K, 4 * G, NULL, FETCH,
  "bytes of one body as received; the rest is cut", false },
{ "max_decoded", 0, BYTES(max_decoded), "64M", K, 4 * G, NULL, FETCH,
  "bytes of one body after inflation; the rest is cut", false },
{ "max_ratio", 0, COUNT(max_ratio), "200", 2, 2000, NULL, FETCH,
  "decoded bytes for one received byte", false },
{ "sitemap_max_bytes", 0, BYTES(sitemap_max_bytes), "50M", 64 * K, G, NULL, FETCH,
  "bytes of one sitemap, as received and after inflation; the rest is cut", false },
{ "max_redirects", 0, COUNT(max_redirects), "10", 0, 100, NULL, FETCH,
  "redirects that are followed in a row", false },
{ "downgrade", 0, CHOICE(downgrade), "follow", 0, 0, "follow refuse", FETCH,
  "a redirect from https to http; followed, as browsers do: no password or secure cookie goes along", false },
{ "aliases", 0, CHOICE(aliases), "learn", 0, 0, "learn off", FETCH,
  "a host that sends three pages to the same path of another host for good (301, 308), and serves none: links to it are taken for links to the other", false },
{ "retries", 0, COUNT(host.retries), "3", 0, 100, NULL, FETCH,
  "tries after the first, when a fetch failed in passing", false },
{ "retry_delay", 0, TIMES(host.retry_delay), "30s, 5m, 30m", 0, 30 * DAY, NULL, FETCH,
  "before the first retry, the second, and so on; the last one repeats", false },
{ "tls_verify", 0, CHOICE(tls_verify), "record", 0, 0, "refuse record off", FETCH,
  "a certificate that does not hold: no page; a page and a note; not looked at", false },
{ "http", 0, CHOICE(http), "2", 1, 0, "1.1 2", FETCH,
  "the newest HTTP that is offered", false },
{ "ip_version", 0, CHOICE(ip_version), "any", 0, 0, "any 4 6", FETCH,
  "addresses that are connected to; of both, IPv6 is tried first and IPv4 soon after", false },
{ "proxy", 0, PROXY(host.proxy), NULL, 0, 0, NULL, FETCH,
  "scheme://host:port of a proxy, or none; http, https or socks5, which looks names up; no variable of the environment is read", false },
{ "resolve", 0, IP(host.resolve), NULL, 0, 0, NULL, FETCH,
  "an IP address to connect to, whatever DNS says of the name, or none; nothing to who goes through a proxy", false },
{ "header", 0, HEADER(host.headers), NULL, 0, 0, NULL, FETCH,
  "a line for each request, as in \"Accept-Language: en\"; several times", false },
{ "cookies", 0, CHOICE(host.cookies), "off", 0, 0, "off host", FETCH,
  "give a host its own cookies back; they end with the crawler that holds them", false },
{ "auth", 0, AUTH(auth), NULL, 0, 0, NULL, FETCH,
  "\"https://example.org NAME:PASSWORD\": for that origin, and no other; in the file only, several times", false },
{ "allow_private", 0, BOOL(allow_private), "no", 0, 0, NULL, FETCH,
  "connect to private addresses, loopback included", false },

{ "parse_cpu", 0, TIME(parse_cpu_ms), "2s", 10, HOUR, NULL, PARSE,
  "processor time for one page; it is cut there", false },
{ "parse_cpu_hard", 0, TIME(parse_cpu_hard_ms), "10s", SECOND, 2 * HOUR, NULL, PARSE,
  "processor time after which a parser dies of its page, which is tried again, and then quarantined", false },
{ "parse_wall", 0, TIME(parse_wall_ms), "30s", SECOND, DAY, NULL, PARSE,
  "a parser that is busy with one page for so long hangs, and is killed", false },
{ "parse_depth", 0, COUNT(parse_depth), "512", 16, 65535, NULL, PARSE,
  "nesting of elements", false },
{ "parse_memory", 0, BYTES(parse_memory), "256M", M, 16 * G, NULL, PARSE,
  "memory for the tree of one page", false },

{ "fields", 0, CONFIG_FIELDS, 0, "", 0, 0, "links body", OUTPUT,
  "add to each record: +links,+body", false },
{ "output_size", 0, BYTES(output_size), "1G", 64 * K, 512 * G, NULL, OUTPUT,
  "a record file is closed past this size", false },

{ "commit_interval", 0, TIME(commit_interval_ms), "200ms", 1, MINUTE, NULL, STORE,
  "the longest a finished page waits to be durable", false },
{ "seen_cache", 0, BYTES(seen_cache), "256M", M, 1024 * G, NULL, STORE,
  "memory for known URLs, in front of the store", false },
{ "db_cache", 0, BYTES(db_cache), "256M", M, 1024 * G, NULL, STORE,
  "memory of the store", false },
{ "shm_budget", 0, BYTES(shm_budget), "256M", 16 * M, 1024 * G, NULL, STORE,
  "shared memory for pages on their way", false },
{ "disk_reserve", 0, BYTES(disk_reserve), "auto", 0, INT64_MAX, NULL, STORE,
  "pause below so much free disk; auto: 2G or 5 %, the greater", false },

{ "stop_timeout", 0, TIME(stop_timeout_ms), "10s", 100, HOUR, NULL, RUNNING,
  "\"stop\" has ended everything after so long", false },
{ "stall_timeout", 0, TIME(stall_timeout_ms), "60s", SECOND, DAY, NULL, RUNNING,
  "a worker without a sign of life for so long hangs, and is killed", false },
{ "stats_interval", 0, TIME(stats_interval_ms), "10s", 100, DAY, NULL, RUNNING,
  "between two lines of progress in the log", false },
{ "log", 0, CHOICE(log), "info", 0, 0, "error warn info debug", RUNNING,
  "how much is logged", false },
{ "detach", 'd', BOOL(detach), "no", 0, 0, NULL, RUNNING,
  "go on in the background", true },
};
/* clang-format on */

const size_t config_table_len = ARRAY_LEN(config_table);

const struct config_row *
config_row(const char *key)
{
	for (size_t i = 0; i < ARRAY_LEN(config_table); i++) {
		if (strcmp(config_table[i].key, key) == 0)
			return &config_table[i];
	}
	return NULL;
}

const struct config_row *
config_row_of_letter(char letter)
{
	for (size_t i = 0; i < ARRAY_LEN(config_table); i++) {
		if (letter != 0 && config_table[i].letter == letter)
			return &config_table[i];
	}
	return NULL;
}

const char *
config_nearest_key(const char *word)
{
	const char *keys[ARRAY_LEN(config_table)];
	char key[CONFIG_KEY_MAX + 1];
	size_t len = strlen(word);

	if (len > CONFIG_KEY_MAX)
		return NULL;
	for (size_t i = 0; i <= len; i++)
		key[i] = word[i] == '-' ? '_' : span_lower(word[i]);
	for (size_t i = 0; i < ARRAY_LEN(config_table); i++)
		keys[i] = config_table[i].key;
	return config_nearest(key, keys, ARRAY_LEN(keys));
}
