#include "cmd/role/seed.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/log.h"
#include "cmd/now.h"
#include "lib/archive/tape.h"
#include "lib/base/plural.h"
#include "lib/fetch/addrguard.h"
#include "lib/url/url.h"

enum {
	SEED_BATCH = 1 << 20, /* bytes of the store's batch, then a commit */
	SEED_COMPLAINTS = 10, /* bad lines that are named one by one */
};

struct seeder {
	struct crawl *crawl;
	struct frontier *frontier;
	struct url url;
	uint64_t line;
};

static int
commit(struct seeder *s)
{
	return frontier_commit(s->frontier, frontier_cut(s->frontier),
	    now_unix_ms());
}

/* May a seed of this host be crawled with these settings?  0 or -EPERM. */
static int
judge(const struct config *config, struct span text, struct span host,
    struct err *err)
{
	const char *range = addrguard_refuses_host(host);

	/* Each fetch would be refused: better said now than found in the
	 * records. */
	if (range != NULL && !config->allow_private)
		return err_set(err, -EPERM,
		    "%.*s: a %s address is not crawled unless asked for: "
		    "--allow-private (key allow_private)",
		    SPAN_ARG(text), range);
	if (config->contact == NULL && !addrguard_host_is_loopback(host))
		return err_set(err, -EPERM,
		    "%.*s: a contact is required to crawl a host that is not "
		    "this one: --contact you@example.org, or an address where "
		    "its owner can read who you are (key contact)",
		    SPAN_ARG(text));
	return 0;
}

/* The text of this URL for a message, which a log may keep. */
static struct span
without_credentials(struct url *url, struct span text)
{
	if (!url_has_credentials(url))
		return text;
	url_drop_credentials(url);
	return url_href(url);
}

/* 0, or -EINVAL with `err`: no URL, or one that may not be crawled so. */
static int
add(struct seeder *s, struct span text, struct err *err)
{
	const struct config *config = &s->crawl->config;
	char shown[URL_SHOWN];
	struct span bare;
	int r = url_parse(text, NULL, &s->url);

	if (r < 0 || !url_fetchable(&s->url))
		return err_set(err, -EINVAL,
		    "%s is not a whole URL, with https:// or http:// in front",
		    url_shown(text, shown));
	bare = without_credentials(&s->url, text);
	r = judge(config, bare, url_host(&s->url), err);
	if (r < 0)
		return r;
	r = frontier_seed(s->frontier, text, now_unix_ms(), err);
	if (r < 0)
		return r;
	if (r == 1)
		s->crawl->seeded->fresh++;
	else
		s->crawl->seeded->known++;
	return frontier_batch_bytes(s->frontier) > SEED_BATCH ? commit(s) : 0;
}

/* That it is a whole URL settings_load() has seen to.  0, or -EINVAL, -EPERM
 * with `err`. */
static int
add_sitemap(struct seeder *s, struct span text, struct err *err)
{
	int r = url_parse(text, NULL, &s->url);

	if (r == 0)
		r = judge(&s->crawl->config, text, url_host(&s->url), err);
	if (r == 0)
		r = frontier_sitemap(s->frontier, text, now_unix_ms(), err);
	return r < 0 ? r : 0;
}

/* A line that is no URL is named and left out: a list of a million is not
 * refused for one of them. */
static int
add_line(struct seeder *s, struct span line, struct err *err)
{
	int r;

	s->line++;
	if (line.len > s->crawl->config.max_url_length + 2)
		r = err_set(err, -EINVAL, "longer than max_url_length (%u)",
		    s->crawl->config.max_url_length);
	else if ((line = span_trim(line)).len == 0 || line.ptr[0] == '#')
		return 0;
	else
		r = add(s, line, err);
	if (r != -EINVAL)
		return r;
	if (s->crawl->seeded->refused++ < SEED_COMPLAINTS)
		log_warn("%s, line %llu: %s", s->crawl->config.input,
		    (unsigned long long)s->line, err->text);
	return 0;
}

static int
add_file(struct seeder *s, struct err *err)
{
	const char *path = s->crawl->config.input;
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	size_t size = s->crawl->config.max_url_length + 3, len = 0;
	char *line;
	int c, r = 0;

	if (file == NULL)
		return err_set(err, -ENOENT, "input: %s: %m", path);
	line = malloc(size);
	if (line == NULL)
		r = -ENOMEM;
	while (r == 0 && (c = getc_unlocked(file)) != EOF) {
		/* One that is too long is refused whole, by its length. */
		if (c != '\n' && len < size)
			line[len++] = (char)c;
		if (c != '\n')
			continue;
		r = add_line(s, span_of(line, len), err);
		len = 0;
	}
	if (r == 0 && len > 0)
		r = add_line(s, span_of(line, len), err);
	if (r == 0 && ferror(file))
		r = err_set(err, -EIO, "input: %s: %m", path);
	free(line);
	if (file != NULL && file != stdin)
		fclose(file);
	return r;
}

struct verdict_on_seeds {
	const struct config *config;
	struct err *err;
};

static int
judge_former(void *arg, const struct url *seed)
{
	struct verdict_on_seeds *v = arg;

	return judge(v->config, url_href(seed), url_host(seed), v->err);
}

/*
 * A store from which nobody has ever ordered, beside outputs: theirs is gone.
 * The recorder would cut them to where this one stands: at nothing.
 */
static int
refuse_lost_store(struct seeder *s, const char *frontier, struct err *err)
{
	struct tape *tape = NULL;
	char out[PATH_MAX];
	int r;

	if (!frontier_is_new(s->frontier))
		return 0;
	r = crawl_path(s->crawl, "out", out, err);
	if (r == 0)
		r = tape_open(out, 0, &tape, err);
	if (r == 0 && tape_segment(tape, 0) != 0)
		r = err_set(err, -EEXIST,
		    "%s holds records, and the store that they belong to, in "
		    "%s, is gone: restore it from a copy; or move the records "
		    "away, or crawl into another --dir",
		    out, frontier);
	tape_close(tape);
	return r;
}

static int
seed_all(struct seeder *s, char **words, int n_words, struct err *err)
{
	struct verdict_on_seeds former = { &s->crawl->config, err };
	struct frontier_totals totals;
	char dir[PATH_MAX];
	int r;

	r = crawl_path(s->crawl, "frontier", dir, err);
	if (r == 0)
		r = crawl_try_disk(s->crawl, err);
	if (r == 0)
		r = frontier_open(dir, &s->crawl->config, s->crawl->id,
		    now_unix_ms(), &s->frontier, err);
	if (r == 0)
		r = refuse_lost_store(s, dir, err);
	if (r < 0)
		return r;
	s->crawl->seeded->end = frontier_cut(s->frontier).end;
	/* Options are not remembered.  Going on without one of these would end
	 * every URL that is left, or hide who we are. */
	r = frontier_judge_seeds(s->frontier, judge_former, &former);
	/* The words first and all of them: one that is wrong starts nothing. */
	for (int i = 0; r == 0 && i < n_words; i++)
		r = add(s, span_from(words[i]), err);
	for (size_t i = 0; r == 0 && i < s->crawl->config.sitemap.n; i++)
		r = add_sitemap(s, span_from(s->crawl->config.sitemap.items[i]),
		    err);
	if (r == 0 && s->crawl->config.input != NULL)
		r = add_file(s, err);
	if (r == 0)
		r = commit(s);
	if (r < 0)
		return r;
	frontier_totals(s->frontier, &totals);
	s->crawl->seeded->pages = totals.done + totals.failed;
	if (totals.admitted == 0 && totals.sitemaps_waiting == 0)
		return err_set(err, -EINVAL,
		    s->crawl->config.input
			? "no URL in the input, nothing to crawl"
			: "no URL: mpcrawl start URL..., -i FILE, or "
			  "--sitemap URL");
	return 0;
}

static int
exit_status_of(int r)
{
	switch (r) {
	case 0:
		return EXIT_FINISHED;
	case -EINVAL:
	case -EPERM:
	case -ENOENT:
	case -EEXIST: /* another crawl's store */
	case -EPROTO: /* a newer layout */
		return EXIT_USAGE;
	case -ENOSPC:
		return EXIT_DISK;
	default:
		return EXIT_INTERNAL;
	}
}

static int
seed_main(struct crawl *crawl, char **words, int n_words)
{
	struct seeder s = { .crawl = crawl };
	struct err err = ERR_NONE;
	int r;

	url_init(&s.url);
	r = seed_all(&s, words, n_words, &err);
	if (r < 0 && err.text[0] == '\0')
		err_set(&err, r, "%s", frontier_trouble(s.frontier));
	if (r < 0)
		log_error("%s%s", err.text[0] ? err.text : strerror(-r),
		    r == -EIO || r == -ENOSPC
			? " (key dir: where the crawl's files are)"
			: "");
	else if (crawl->seeded->refused > 0)
		log_warn("%llu line%s of %s left out, being no URL",
		    (unsigned long long)crawl->seeded->refused,
		    plural(crawl->seeded->refused), crawl->config.input);
	/* See scheduler_main(). */
	if (r != -EIO && r != -ENOSPC)
		frontier_close(s.frontier);
	url_fini(&s.url);
	return exit_status_of(r);
}

int
seed_run(struct crawl *crawl, char **words, int n_words)
{
	pid_t parent = getpid(), child;
	int status;

	child = fork();
	if (child < 0) {
		log_error("fork: %m");
		return EXIT_INTERNAL;
	}
	if (child == 0) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
			_exit(EXIT_INTERNAL);
		_exit(seed_main(crawl, words, n_words));
	}
	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR)
			return EXIT_INTERNAL;
	}
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	log_error("adding the seeds ended by signal %d; start again, what was "
		  "added is known",
	    WTERMSIG(status));
	return WTERMSIG(status) == SIGINT ? EXIT_STOPPED : EXIT_INTERNAL;
}
