/*
 * quarantine - the pages that killed their workers: list, show, retry,
 * reproduce.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/bundle.h"
#include "cmd/command/command.h"
#include "cmd/command/filter.h"
#include "cmd/command/reproduce.h"
#include "cmd/command/settings.h"
#include "cmd/crawl.h"
#include "cmd/now.h"

enum {
	RETRY_BATCH = 1000, /* URLs of one commit */
	NUMBER_MAX = 9,     /* digits of a place in the list */
};

/* One call of it. */
struct call {
	struct crawl crawl;
	char dir[PATH_MAX]; /* of the bundles */
	bool json;
	char (*names)[BUNDLE_NAME];
	size_t n_names;
	struct frontier *frontier; /* opened when it is needed */
};

/* --- which bundle -------------------------------------------------------- */

/* A place in the list, from 1, or a name.  NULL with `err`. */
static const char *
find(const struct call *call, const char *word, struct err *err)
{
	size_t digits = strspn(word, "0123456789");

	if (digits > 0 && digits <= NUMBER_MAX && word[digits] == '\0') {
		unsigned long n = strtoul(word, NULL, 10);

		if (n >= 1 && n <= call->n_names)
			return call->names[n - 1];
	}
	for (size_t i = 0; i < call->n_names; i++) {
		if (strcmp(call->names[i], word) == 0)
			return call->names[i];
	}
	err_set(err, -ENOENT,
	    "%s is no name or number of the list; `mpcrawl quarantine --dir "
	    "%s` has %zu",
	    word, call->crawl.config.dir, call->n_names);
	return NULL;
}

static int
read_bundle(const struct call *call, const char *name, struct bundle *out,
    struct err *err)
{
	int r = bundle_read(call->dir, name, out);

	if (r == 0)
		return 0;
	return err_set(err, r, "%s/%s: %s", call->dir, name,
	    r == -EBADMSG ? "not a bundle of mpcrawl's" : strerror(-r));
}

/* --- list and show ------------------------------------------------------- */

/* A number as one, when it is. */
static json_t *
json_of(struct span text)
{
	char digits[16];
	char *end;
	long long n;

	if (text.len == 0 || text.len >= sizeof(digits) || text.ptr[0] < '0' ||
	    text.ptr[0] > '9')
		return filter_text(text);
	snprintf(digits, sizeof(digits), "%.*s", SPAN_ARG(text));
	n = strtoll(digits, &end, 10);
	return *end == '\0' ? json_integer(n) : filter_text(text);
}

static void
print_json(const struct bundle *bundle, bool whole, const char *state)
{
	json_t *object = json_object();

	json_object_set_new(object, "name", json_string(bundle->name));
	for (unsigned i = 0; i < BUNDLE_FIELDS; i++) {
		if (bundle->field[i].len > 0)
			json_object_set_new(object, bundle_key(i),
			    i == BUNDLE_BLAMED || i == BUNDLE_STATUS
				? json_of(bundle->field[i])
				: filter_text(bundle->field[i]));
	}
	json_object_set_new(object, "bytes",
	    json_integer((json_int_t)bundle->bytes));
	if (state != NULL)
		json_object_set_new(object, "state", json_string(state));
	if (whole)
		json_object_set_new(object, "headers",
		    filter_text(bundle->headers));
	json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(object);
}

static void
print_row(size_t n, const struct bundle *bundle)
{
	printf("%zu  %s  ", n, bundle->name);
	bundle_print(stdout, bundle->field[BUNDLE_QUARANTINED]);
	printf("  %llu bytes  ", (unsigned long long)bundle->bytes);
	bundle_print(stdout, bundle->field[BUNDLE_CAUSE]);
	printf("\n   ");
	bundle_print(stdout, bundle->field[BUNDLE_URL]);
	putchar('\n');
}

static int
list(struct call *call)
{
	struct err err = ERR_NONE;

	for (size_t i = 0; i < call->n_names; i++) {
		struct bundle bundle;

		if (read_bundle(call, call->names[i], &bundle, &err) < 0) {
			fprintf(stderr, "mpcrawl: %s\n", err.text);
			continue;
		}
		if (call->json)
			print_json(&bundle, false, NULL);
		else
			print_row(i + 1, &bundle);
		bundle_fini(&bundle);
	}
	if (call->n_names == 0 && !call->json)
		printf("no page's bytes are in quarantine (one that killed "
		       "the recorder, too, has only its record)\n");
	return EXIT_FINISHED;
}

/* Line by line: what is escaped within one is no line's end. */
static void
print_lines(struct span text)
{
	while (text.len > 0) {
		const char *end = memchr(text.ptr, '\n', text.len);
		size_t len = end ? (size_t)(end - text.ptr) : text.len;

		printf("  ");
		bundle_print(stdout, span_of(text.ptr, len));
		putchar('\n');
		text = span_from_at(text, len + 1);
	}
}

static int open_store(struct call *call, struct err *err);

/*
 * What the store says of it, when nobody has the crawl: a retry that was
 * killed leaves a bundle of what is queued already.
 */
static const char *
state_of(struct call *call, const char *name)
{
	uint64_t site64, url64;

	if (!bundle_name_read(name, &site64, &url64) ||
	    open_store(call, NULL) < 0)
		return NULL;
	switch (frontier_is_quarantined(call->frontier, site64, url64)) {
	case 1:
		return "quarantined";
	case 0:
		return "not quarantined any more: it was queued again";
	default:
		return "not known to this crawl";
	}
}

static int
show(struct call *call, const char *name, struct err *err)
{
	struct bundle bundle;
	const char *state;
	int r = read_bundle(call, name, &bundle, err);

	if (r < 0)
		return r;
	state = state_of(call, name);
	if (call->json) {
		print_json(&bundle, true, state);
		bundle_fini(&bundle);
		return 0;
	}
	for (unsigned i = 0; i < BUNDLE_FIELDS; i++) {
		if (bundle.field[i].len == 0)
			continue;
		printf("%-17s ", bundle_key(i));
		bundle_print(stdout, bundle.field[i]);
		putchar('\n');
	}
	printf("%-17s %llu bytes, %s/%s/body\n", "body",
	    (unsigned long long)bundle.bytes, call->dir, name);
	if (state != NULL)
		printf("%-17s %s\n", "state", state);
	if (bundle.headers.len > 0)
		printf("%-17s\n", "headers");
	print_lines(bundle.headers);
	bundle_fini(&bundle);
	return 0;
}

/* --- reproduce ----------------------------------------------------------- */

static int
run_again(struct call *call, const char *name, struct err *err)
{
	struct bundle bundle;
	struct buf body;
	int r = read_bundle(call, name, &bundle, err), status = EXIT_USAGE;

	if (r < 0)
		return EXIT_USAGE;
	buf_init(&body, call->crawl.config.max_body);
	r = bundle_read_body(call->dir, name, &body);
	if (r < 0)
		err_set(err, r, "%s/%s/body: %s", call->dir, name,
		    r == -EMSGSIZE ? "longer than max_body" : strerror(-r));
	else
		status = reproduce(&call->crawl.config, &bundle,
		    buf_span(&body), err);
	buf_fini(&body);
	bundle_fini(&bundle);
	return status;
}

/* --- retry --------------------------------------------------------------- */

/* The crawl is ours from here on. */
static int
open_store(struct call *call, struct err *err)
{
	struct conveyor *left;
	char dir[PATH_MAX];
	int r = crawl_find(&call->crawl, err);

	if (r < 0)
		return r;
	/* On it there may be the very pages, with a place in the queue each. */
	r = conveyor_watch(call->crawl.segment, &left);
	if (r == 0)
		conveyor_detach(left);
	if (r != -ENOENT)
		return err_set(err, -EBUSY,
		    "the last run was killed, and its pages are still on their "
		    "way: `mpcrawl start --dir %s` goes on with it; retry "
		    "when that has ended",
		    call->crawl.config.dir);
	r = crawl_path(&call->crawl, "frontier", dir, err);
	if (r == 0)
		r = frontier_open(dir, &call->crawl.config, call->crawl.id,
		    now_unix_ms(), &call->frontier, err);
	return r;
}

/* What becomes of a bundle. */
enum fate {
	FATE_UNKNOWN, /* not this crawl's: it stays */
	FATE_OLD,     /* not quarantined any more */
	FATE_QUEUED,
};

/* Into the batch.  0 or -errno. */
static int
release(struct call *call, const char *name, enum fate *out, struct err *err)
{
	uint64_t site64 = 0, url64 = 0;
	int r = -ENOENT;

	if (bundle_name_read(name, &site64, &url64))
		r = frontier_release(call->frontier, site64, url64,
		    now_unix_ms());
	if (r < 0 && r != -ENOENT)
		return err_set(err, r, "%s: %s", name, strerror(-r));
	*out = r < 0 ? FATE_UNKNOWN : r == 0 ? FATE_OLD : FATE_QUEUED;
	return 0;
}

static void
say_fate(const struct call *call, const char *name, enum fate fate)
{
	static const char *const texts[] = {
		[FATE_UNKNOWN] = "this crawl has no such URL, left as it is",
		[FATE_OLD] = "was queued again already",
		[FATE_QUEUED] = "queued again",
	};
	struct bundle bundle;

	if (call->json)
		return;
	printf("%s: ", texts[fate]);
	if (bundle_read(call->dir, name, &bundle) == 0) {
		bundle_print(stdout, bundle.field[BUNDLE_URL]);
		bundle_fini(&bundle);
	} else {
		fputs(name, stdout);
	}
	putchar('\n');
}

/*
 * The store first, in one batch; then the folders.  Killed in between, a
 * bundle is left of what is queued again: `show` says so, and the next retry
 * removes it.
 */
static int
retry_some(struct call *call, char (*names)[BUNDLE_NAME], size_t n,
    size_t tally[FATE_QUEUED + 1], struct err *err)
{
	enum fate fates[RETRY_BATCH];
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		r = release(call, names[i], &fates[i], err);
		if (r < 0)
			return r;
	}
	r = frontier_commit(call->frontier, frontier_cut(call->frontier),
	    now_unix_ms());
	if (r < 0)
		return err_set(err, r, "frontier: %s", strerror(-r));
	for (size_t i = 0; i < n; i++) {
		tally[fates[i]]++;
		say_fate(call, names[i], fates[i]);
		if (fates[i] == FATE_UNKNOWN)
			continue;
		r = bundle_remove(call->dir, names[i]);
		if (r < 0)
			fprintf(stderr,
			    "mpcrawl: %s/%s: %s; remove it by hand\n",
			    call->dir, names[i], strerror(-r));
	}
	return 0;
}

static int
retry(struct call *call, const char *word, struct err *err)
{
	char(*names)[BUNDLE_NAME] = call->names;
	size_t n = call->n_names, tally[FATE_QUEUED + 1] = { 0 };
	char one[1][BUNDLE_NAME];
	int r = 0;

	if (strcmp(word, "all") != 0) {
		const char *name = find(call, word, err);

		if (name == NULL)
			return -ENOENT;
		memcpy(one[0], name, BUNDLE_NAME);
		names = one;
		n = 1;
	}
	if (n > 0)
		r = open_store(call, err);
	for (size_t i = 0; r == 0 && i < n; i += RETRY_BATCH)
		r = retry_some(call, names + i,
		    n - i < RETRY_BATCH ? n - i : RETRY_BATCH, tally, err);
	if (r < 0)
		return r;
	if (call->json)
		printf("{\"queued\":%zu,\"unknown\":%zu}\n", tally[FATE_QUEUED],
		    tally[FATE_UNKNOWN]);
	else
		printf("%zu queued; `mpcrawl start --dir %s` fetches what is "
		       "queued\n",
		    tally[FATE_QUEUED], call->crawl.config.dir);
	return tally[FATE_UNKNOWN] > 0 ? -ENOENT : 0;
}

/* --- the command --------------------------------------------------------- */

static int
usage(struct err *err)
{
	return err_set(err, -EINVAL,
	    "mpcrawl quarantine [--json], or one of: show, retry, reproduce "
	    "and a name or number of that list (retry all)");
}

/* Is there a crawl at all?  Nothing is made where there is none. */
static int
look_at_dir(struct call *call, struct err *err)
{
	const char *dir = call->crawl.config.dir;
	char path[PATH_MAX];
	int r;

	if (realpath(dir, call->crawl.dir) == NULL)
		return err_set(err, -errno, "dir: %s: %m", dir);
	r = crawl_path(&call->crawl, "frontier", path, err);
	if (r == 0 && access(path, F_OK) < 0)
		return err_set(err, -ENOENT, "dir: there is no crawl in %s",
		    dir);
	if (r == 0)
		r = crawl_path(&call->crawl, "quarantine", call->dir, err);
	if (r == 0)
		r = bundle_list(call->dir, &call->names, &call->n_names);
	if (r < 0 && err->text[0] == '\0')
		err_set(err, r, "%s: %s", call->dir, strerror(-r));
	return r;
}

static int
run(struct call *call, char **words, int n_words, struct err *err)
{
	const char *verb = n_words > 0 ? words[0] : "", *name;

	if (n_words == 0)
		return list(call);
	if (n_words != 2)
		return usage(err), EXIT_USAGE;
	if (strcmp(verb, "retry") == 0)
		return retry(call, words[1], err) < 0 ? EXIT_USAGE
						      : EXIT_FINISHED;
	name = find(call, words[1], err);
	if (strcmp(verb, "show") == 0)
		return name == NULL || show(call, name, err) < 0
			   ? EXIT_USAGE
			   : EXIT_FINISHED;
	if (strcmp(verb, "reproduce") == 0)
		return name == NULL ? EXIT_USAGE : run_again(call, name, err);
	return usage(err), EXIT_USAGE;
}

int
command_quarantine(int argc, char **argv)
{
	struct call call = { .crawl = { .lock_fd = -1, .notice_fd = -1 } };
	struct err err = ERR_NONE;
	int n_words, r, status = EXIT_USAGE;

	call.json = settings_take_flag(&argc, argv, "--json");
	r = settings_load(&call.crawl.config, argc - 1, argv + 1, &n_words,
	    &err);
	if (r == 0)
		r = look_at_dir(&call, &err);
	if (r == 0)
		status = run(&call, argv + 1, n_words, &err);
	if (err.text[0] != '\0')
		fprintf(stderr, "mpcrawl: %s\n", err.text);
	else if (r < 0)
		fprintf(stderr, "mpcrawl: %s\n", strerror(-r));
	frontier_close(call.frontier);
	crawl_close(&call.crawl);
	config_fini(&call.crawl.config);
	free(call.names);
	return status;
}
