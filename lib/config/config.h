/*
 * config - every setting of mpcrawl, from one table.
 *
 * The table in config_table.c names each setting once: key, type, default,
 * range, help.  File keys, long options, help text, suggestions and the
 * manual come from it.  Precedence: option over file over default.
 *
 * What may differ from host to host lies in struct config_host; a section
 * [host "*.example.org"] of the file amends it for the hosts that it names.
 * A section is more particular than an option: it wins over it.
 */
#ifndef LIB_CONFIG_CONFIG_H
#define LIB_CONFIG_CONFIG_H

#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/url/scope.h"

/* Values given several times (ignore_params), in order. */
#define CONFIG_WORDS_MAX 1000
struct config_list {
	char **items; /* owned */
	size_t n;
};

/* One --include or --exclude, in the order in which they were given. */
struct config_rule {
	bool include;
	char *text; /* owned; scope.h says what it may be */
};

enum config_robots {
	CONFIG_ROBOTS_OBEY,
	CONFIG_ROBOTS_TXT_ONLY, /* and not what pages and headers ask */
	CONFIG_ROBOTS_IGNORE,
};

/* What is asked of robots, and a setting for each asking. */
enum config_asked {
	CONFIG_ASKED_OBEY,
	CONFIG_ASKED_IGNORE,
};

enum config_tls {
	CONFIG_TLS_REFUSE,
	CONFIG_TLS_RECORD, /* go on, and say in the record that it was bad */
	CONFIG_TLS_OFF,
};

enum config_aliases {
	CONFIG_ALIASES_LEARN,
	CONFIG_ALIASES_OFF,
};

enum config_downgrade {
	CONFIG_DOWNGRADE_FOLLOW,
	CONFIG_DOWNGRADE_REFUSE,
};

#define CONFIG_RETRY_DELAYS 8

/* The first, the second, and so on; the last one repeats. */
struct config_times {
	int64_t ms[CONFIG_RETRY_DELAYS];
	uint32_t n;
};

/*
 * What a section may set: a member here, whose row says AT(type, host.member),
 * and nothing else is to be done.  Texts are owned by the struct config that
 * this is a part of.
 */
struct config_host {
	/* budgets */
	uint64_t host_max_pages;
	uint64_t host_max_bytes, host_max_errors;
	int64_t host_max_time_ms;

	/* traps */
	uint32_t max_path_depth, max_path_repeat;
	uint64_t trap_pattern_max, trap_pattern_cap;
	uint32_t trap_pattern_same; /* per cent */

	/* politeness */
	int robots;      /* enum config_robots */
	int crawl_delay; /* 0 obey, 1 ignore */
	/* enum config_asked, each */
	int rel_nofollow, rel_ugc, rel_sponsored, meta_robots, x_robots_tag;
	int64_t host_delay_ms;
	uint32_t host_concurrency;
	uint32_t delay_factor; /* CONFIG_DECIMAL */
	uint32_t delay_jitter; /* CONFIG_DECIMAL */
	int64_t max_delay_ms;  /* of delay_factor alone */
	int64_t robots_ttl_ms, robots_give_up_ms, host_give_up_ms;
	int64_t backoff_ms, max_backoff_ms;
	int64_t dns_negative_ttl_ms, max_dns_negative_ttl_ms;

	/* fetching */
	char *proxy;   /* "http://host:port", or NULL */
	char *resolve; /* an IP address, IPv6 in brackets, or NULL */
	char *headers; /* "Name: value\n" each, or NULL */
	int cookies;   /* 0 off, 1 host */
	uint32_t retries;
	struct config_times retry_delay;
};

struct config_sections; /* layout: config_host.c */

/* Units are in the names.  0 means "no limit" where the help says so. */
struct config {
	/* Of a host that no section names; config_host() tells of any. */
	struct config_host host;
	struct config_sections *sections; /* owned; NULL: none */

	/* who we are */
	char *contact;      /* NULL: none; required off loopback */
	char *user_agent;   /* derived from contact when not given */
	char *robots_agent; /* product token */

	/* where things are */
	char *dir;
	char *output; /* NULL, or "-": records to standard output too */
	char *input;  /* NULL, a file of seeds, or "-" */
	char *report; /* NULL, or a file for the closing report as JSON */

	/* scope and limits */
	int scope; /* enum scope_kind */
	struct config_rule *rules;
	size_t n_rules;
	uint32_t canon; /* enum canon_rule: what makes two URLs one page */
	struct config_list ignore_params;
	bool sitemaps;              /* those that robots.txt names are read */
	struct config_list sitemap; /* to be read whatever it names */
	uint32_t max_sitemaps;      /* of one site */
	uint64_t sitemap_max_bytes; /* received, and inflated */
	uint64_t max_pages;
	uint64_t max_bytes;
	int64_t max_time_ms;
	uint32_t max_depth;
	uint32_t max_url_length;
	uint32_t max_links;
	bool resources, forms; /* are followed, too */

	/* politeness */
	uint64_t robots_max_bytes;
	int64_t ip_delay_ms;       /* 0 and … */
	uint32_t ip_concurrency;   /* … 0: addresses have no clock */
	int64_t outage_give_up_ms; /* 0: an outage is not looked for */

	/* fetching */
	uint32_t max_inflight; /* over all crawlers; 0: auto */
	uint32_t crawlers, parsers, max_crawlers; /* 0: auto */
	int64_t connect_timeout_ms, first_byte_timeout_ms, total_timeout_ms;
	int64_t dns_cache_ms;
	uint64_t low_speed_bytes; /* per second … */
	int64_t low_speed_ms;     /* … for so long */
	uint64_t max_body, max_decoded;
	uint32_t max_ratio;
	uint32_t max_redirects;
	int downgrade;           /* enum config_downgrade */
	int aliases;             /* enum config_aliases */
	int tls_verify;          /* enum config_tls */
	int http;                /* 1 = 1.1, 2 = 2 */
	int ip_version;          /* 0 any, 1 IPv4, 2 IPv6 */
	struct config_list auth; /* asked by config_auth() */
	bool allow_private;

	/* parsing */
	int64_t parse_cpu_ms;      /* then what there is of the page counts */
	int64_t parse_cpu_hard_ms; /* then its parser is ended */
	int64_t parse_wall_ms;     /* then it hangs, and is killed */
	uint32_t parse_depth;      /* nesting of elements */
	uint64_t parse_memory;     /* bytes of one page's tree */

	/* output */
	bool field_links, field_body;
	uint64_t output_size; /* a segment is closed past this */

	/* store and memory */
	int64_t commit_interval_ms;
	uint64_t seen_cache, db_cache, shm_budget;
	/* Pause below so many free bytes.  UINT64_MAX: auto, the greater of
	 * 2 GiB and 5 % of the file system; who knows that one computes it. */
	uint64_t disk_reserve;

	/* running */
	int64_t stop_timeout_ms, stall_timeout_ms, stats_interval_ms;
	int log; /* 0 error, 1 warn, 2 info, 3 debug */
	bool detach;
};

enum config_type {
	CONFIG_TEXT,    /* char *; an empty text is NULL */
	CONFIG_BOOL,    /* bool; yes no, true false, on off, 1 0 */
	CONFIG_COUNT,   /* uint32_t; K M G as powers of 1000 */
	CONFIG_BYTES,   /* uint64_t; K M G as powers of 1024 */
	CONFIG_NUMBER,  /* uint64_t; K M G as powers of 1000 */
	CONFIG_TIME,    /* int64_t ms; ms s m h d */
	CONFIG_DECIMAL, /* uint32_t thousandths; 0.2, 5 */
	CONFIG_TIMES,   /* struct config_times */
	CONFIG_CHOICE,  /* int: `min` and the place in the list of words */
	CONFIG_RULE,    /* --include, --exclude: appends to rules */
	CONFIG_WORDS,   /* ignore_params: appends to the list */
	CONFIG_URLS,    /* sitemap: appends to the list, as it is */
	CONFIG_FIELDS, /* +links,-body amend what is set; links,body replace it */
	CONFIG_FLAGS,   /* likewise, uint32_t: a bit for each of the words */
	CONFIG_SPEED,   /* low_speed: "1K/s for 20s" or "1K/20s" */
	CONFIG_PROXY,   /* char *; "none" is NULL */
	CONFIG_ADDRESS, /* char *; "none" is NULL */
	CONFIG_HEADER,  /* char *; appends a line "Name: value\n" */
	CONFIG_AUTH,    /* appends "origin\nuser:password" to the list */
	CONFIG_SECTION, /* --host: "PATTERN: KEY = VALUE" */
};

/* One row of the table. */
struct config_row {
	const char *key; /* host_delay; the option is --host-delay */
	char letter;     /* -o, or 0 */
	enum config_type type;
	size_t offset; /* in struct config */
	/* The default, in the notation of the file; NULL: none.  "auto" lets
	 * the user write auto too: 0 in a COUNT, UINT64_MAX in BYTES. */
	const char *unset;
	uint64_t min, max;   /* COUNT, BYTES, NUMBER, TIME; TEXT: bytes */
	const char *choices; /* CHOICE: "obey ignore" */
	const char *group;   /* heading in the help */
	const char *help;    /* one line */
	bool option_only;    /* not in a file: dir, input, detach … */
};

extern const struct config_row config_table[];
extern const size_t config_table_len;

/* May a section of a host have it? */
bool config_row_is_of_host(const struct config_row *row);

/* Defaults everywhere.  0 or -ENOMEM. */
MUST_USE int config_init(struct config *config);
void config_fini(struct config *config);

/*
 * Set one key from its text.  0; -ENOENT: no such key (`err` names the
 * nearest); -EINVAL, -ERANGE: `err` names key, value and what is allowed;
 * -ENOMEM.
 */
MUST_USE int config_set(struct config *config, const char *key,
    const char *value, struct err *err);

/*
 * Read a file (INI), a megabyte at the most.  Missing: -ENOENT.  Errors name
 * file and line; what stood before the bad line has been set by then.
 * Settings behind a line [host "PATTERN"] are of the hosts that it names:
 * their name or address, and their port when it has one; '*' is any run of
 * characters, dots included.  Letters outside ASCII are written as they are.
 * Not from two threads at once: libinih is configured through globals.
 */
MUST_USE int config_read(struct config *config, const char *path,
    struct err *err);

/*
 * All of it, with the precedence kept: the options of argv are read once to
 * learn `dir`, then `dir`/mpcrawl.conf when there is one, then the options
 * again so that they win.  Options: --key value, --key=value, --flag, -x
 * value; "--" ends them; they may stand before and after words.  Every element
 * of argv is looked at: the caller hands over what stands behind its own name.
 * The words are moved to the front of argv, in order, their number in *n_words.
 * `config` was config_init()ed.  Errors as config_set() and config_read().
 */
MUST_USE int config_load(struct config *config, int argc, char **argv,
    int *n_words, struct err *err);

/*
 * What holds between settings, and what `auto` is on this machine (`cores`,
 * `fd_limit` of one process, `memory` bytes, 0 unknown).  Fills user_agent.
 * Whether the crawl needs a contact depends on its seeds: not asked here.
 * 0, -EINVAL with `err`, -ENOMEM.
 */
MUST_USE int config_finish(struct config *config, unsigned cores,
    uint64_t fd_limit, uint64_t memory, struct err *err);

/*
 * The settings of one host, named by a URL of it or its origin, as url.h
 * serialises them: config->host, amended by each section that names the host,
 * in order, so that of two the later one counts.  It lives as long as
 * `config`, of which nothing is set any more.  From one thread.
 * NULL: no memory.
 */
MUST_USE const struct config_host *config_host(const struct config *config,
    struct span url);

/* What its sections are matched with: the host name and the port of a URL or an
 * origin, as url.h serialises them; of a name with the dot of the root, without
 * it.  It points into `url`. */
struct span config_host_name(struct span url, uint16_t *port);

/* "user:password" for the origin of this URL, as url.h serialises it, or NULL.
 * It lives as long as `config`. */
const char *config_auth(const struct config *config, struct span url);

/* The sections, as they could stand in a file, but for passwords. */
MUST_USE int config_show_sections(const struct config *config, struct buf *out);

/* The help of all settings, by group, for a terminal of 80 columns. */
MUST_USE int config_help(struct buf *out);

/* The nearest of `words` to `word`, NULL when none is near: at most one
 * mistyped, missing, added or swapped character in four. */
const char *config_nearest(const char *word, const char *const *words,
    size_t n);

#endif
