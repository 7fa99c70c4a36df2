#include "cmd/command/settings.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/url/scope.h"
#include "lib/url/url.h"

enum {
	FILES_WANTED = 65536 /* descriptors of one process */
};

/* Every rule means something, or the crawl does not start. */
static int
try_rules(const struct config *config, struct err *err)
{
	struct scope *scope = scope_new(SCOPE_ANY);
	int r = scope ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < config->n_rules; i++)
		r = scope_add_rule(scope, config->rules[i].include,
		    span_from(config->rules[i].text), err);
	scope_free(scope);
	return r;
}

/* A sitemap that a person gives is a whole URL, as a seed is. */
static int
try_sitemaps(const struct config *config, struct err *err)
{
	struct url url;
	int r = 0;

	url_init(&url);
	for (size_t i = 0; r == 0 && i < config->sitemap.n; i++) {
		struct span text = span_from(config->sitemap.items[i]);
		char shown[URL_SHOWN];

		r = url_parse(text, NULL, &url);
		if (r != -ENOMEM && (r < 0 || !url_fetchable(&url)))
			r = err_set(err, -EINVAL,
			    "sitemap = %s: it is not a whole URL, with "
			    "https:// or http:// in front",
			    url_shown(text, shown));
		else if (r == 0 && url_has_credentials(&url))
			r = err_set(err, -EINVAL,
			    "sitemap = %s: it has no user and no password in "
			    "it; they are given by auth, in the file "
			    "mpcrawl.conf",
			    url_shown(text, shown));
	}
	url_fini(&url);
	return r;
}

bool
settings_take_flag(int *argc, char **argv, const char *flag)
{
	for (int i = 1; i < *argc; i++) {
		if (strcmp(argv[i], flag) != 0)
			continue;
		memmove(argv + i, argv + i + 1,
		    (size_t)(*argc - i - 1) * sizeof(*argv));
		(*argc)--;
		return true;
	}
	return false;
}

/*
 * How many descriptors a process may have: as many as it may give itself, for
 * the soft limit of most systems (1,024) is for programs that call select().
 */
static uint64_t
raise_files(void)
{
	struct rlimit files = { 0 };
	struct rlimit more;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return 0;
	more = files;
	more.rlim_cur = more.rlim_max < FILES_WANTED ? more.rlim_max
						     : FILES_WANTED;
	if (more.rlim_cur > files.rlim_cur &&
	    setrlimit(RLIMIT_NOFILE, &more) == 0)
		files = more;
	return files.rlim_cur;
}

int
settings_load(struct config *config, int argc, char **argv, int *n_words,
    struct err *err)
{
	cpu_set_t cpus;
	unsigned cores = 1;
	long pages = sysconf(_SC_PHYS_PAGES);
	int r;

	*n_words = 0;
	if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0)
		cores = (unsigned)CPU_COUNT(&cpus);
	r = config_init(config);
	if (r == 0)
		r = config_load(config, argc, argv, n_words, err);
	if (r == 0)
		r = config_finish(config, cores, raise_files(),
		    (uint64_t)(pages > 0 ? pages : 0) *
			(uint64_t)sysconf(_SC_PAGESIZE),
		    err);
	if (r == 0)
		r = try_rules(config, err);
	return r == 0 ? try_sitemaps(config, err) : r;
}
