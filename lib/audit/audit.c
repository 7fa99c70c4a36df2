#include "lib/audit/audit.h"

#include <errno.h>
#include <stdarg.h>

#include "lib/archive/sink.h"
#include "lib/audit/audit_impl.h"

enum {
	LINES_A_KIND = 20, /* more of a kind are only counted */
	PASSES = 8,
	VALUE_MAX = 4 << 20, /* bytes of any row */
};

/* clang-format off */
static const char *const kinds[AUDIT_KINDS] = {
	[AUDIT_OUTPUT_FILE]     = "output-file",
	[AUDIT_OUTPUT_SHORT]    = "output-short",
	[AUDIT_OUTPUT_MISSING]  = "output-missing",
	[AUDIT_LINE]            = "line",
	[AUDIT_CUT]             = "cut",
	[AUDIT_RECORD_FOREIGN]  = "record-foreign",
	[AUDIT_RECORD_KEY]      = "record-key",
	[AUDIT_RECORD_TWICE]    = "record-twice",
	[AUDIT_RECORD_MISSING]  = "record-missing",
	[AUDIT_RECORD_EARLY]    = "record-early",
	[AUDIT_RECORD_UNKNOWN]  = "record-unknown",
	[AUDIT_VERDICT]         = "verdict",
	[AUDIT_URL_ROW]         = "url-row",
	[AUDIT_URL_KEY]         = "url-key",
	[AUDIT_HOST_ROW]        = "host-row",
	[AUDIT_HOST_MISSING]    = "host-missing",
	[AUDIT_HOST_COUNTERS]   = "host-counters",
	[AUDIT_HOST_HEAD]       = "host-head",
	[AUDIT_QUEUE_STRAY]     = "queue-stray",
	[AUDIT_QUEUE_MISSING]   = "queue-missing",
	[AUDIT_DUE_STRAY]       = "due-stray",
	[AUDIT_DUE_MISSING]     = "due-missing",
	[AUDIT_PLACE]           = "place",
	[AUDIT_ROBOTS_STRAY]    = "robots-stray",
	[AUDIT_ROBOTS_MISSING]  = "robots-missing",
	[AUDIT_ROBOTS_ROW]      = "robots-row",
	[AUDIT_SEED]            = "seed",
	[AUDIT_ALIAS]           = "alias",
	[AUDIT_BLOCK]           = "block-row",
	[AUDIT_TRAP]            = "trap-row",
	[AUDIT_SITEMAP_ROW]     = "sitemap-row",
	[AUDIT_NAME_MISSING]    = "name-missing",
	[AUDIT_NAME_STRAY]      = "name-stray",
	[AUDIT_SUM]             = "sum",
	[AUDIT_TOTALS]          = "totals",
	[AUDIT_TAIL]            = "tail",
	[AUDIT_KEYS]            = "keys",
	[AUDIT_QUARANTINE]      = "quarantine",
	[AUDIT_NEW]             = "new",
};
/* clang-format on */

/* --- saying it ----------------------------------------------------------- */

static void
say(struct audit *audit, enum audit_level level, enum audit_kind kind,
    const char *fmt, va_list args)
{
	const struct audit_options *o = audit->options;
	char text[1024];

	if (audit->said[kind][level]++ >= LINES_A_KIND)
		return;
	vsnprintf(text, sizeof(text), fmt, args);
	/* Names and URLs in it may be damaged, or a site's joke on terminals. */
	for (char *c = text; *c != '\0'; c++) {
		if (*c < 0x20 || *c > 0x7E)
			*c = '?';
	}
	o->say(o->arg, level, kinds[kind], text);
}

static void
say_the_rest(struct audit *audit)
{
	const struct audit_options *o = audit->options;
	char text[64];

	for (unsigned kind = 0; kind < AUDIT_KINDS; kind++) {
		for (unsigned level = 0; level <= AUDIT_NOTE; level++) {
			uint64_t n = audit->said[kind][level];

			audit->said[kind][level] = 0;
			if (n <= LINES_A_KIND)
				continue;
			snprintf(text, sizeof(text), "and %llu more of these",
			    (unsigned long long)n - LINES_A_KIND);
			o->say(o->arg, level, kinds[kind], text);
		}
	}
}

void
audit_problem(struct audit *audit, enum audit_kind kind, const char *fmt, ...)
{
	va_list args;

	audit->found++;
	/* Who mends has said them all in the look before. */
	if (audit->mends)
		return;
	va_start(args, fmt);
	say(audit, AUDIT_PROBLEM, kind, fmt, args);
	va_end(args);
}

void
audit_repaired(struct audit *audit, enum audit_kind kind, const char *fmt, ...)
{
	va_list args;

	audit->mended++;
	va_start(args, fmt);
	say(audit, AUDIT_REPAIRED, kind, fmt, args);
	va_end(args);
}

void
audit_note(struct audit *audit, enum audit_kind kind, const char *fmt, ...)
{
	va_list args;

	if (audit->mends)
		return;
	va_start(args, fmt);
	say(audit, AUDIT_NOTE, kind, fmt, args);
	va_end(args);
}

int
audit_fail(struct audit *audit, int r, const char *what)
{
	return err_set(audit->err, r, "%s: %s: %s", audit->options->dir, what,
	    r == -ENOMEM ? "no memory" : "damaged, or the disk is");
}

int
audit_hash(struct audit *audit, struct span text, struct canon_hash *out)
{
	int r = url_parse(text, NULL, &audit->url);

	if (r == 0 && !url_fetchable(&audit->url))
		return 0;
	if (r == 0)
		r = canon_hash(&audit->canon, &audit->url, &audit->site,
		    &audit->page, out);
	if (r == -ENOMEM)
		return audit_fail(audit, r, "a URL");
	return r == 0;
}

bool
audit_key_may_differ(const struct audit *audit)
{
	return !audit->knows_canon && url_query(&audit->url).len > 0;
}

/* --- a pass -------------------------------------------------------------- */

static int
audit_init(struct audit *audit, const struct audit_options *options, bool mends,
    struct err *err)
{
	*audit = (struct audit){ .options = options,
		.err = err,
		.mends = mends };
	url_init(&audit->url);
	buf_init(&audit->site, URL_MAX);
	buf_init(&audit->page, URL_MAX);
	buf_init(&audit->text, URL_MAX + VALUE_MAX);
	buf_init(&audit->record_url, TAPE_LINE_MAX);
	buf_init(&audit->line, 2 * TAPE_LINE_MAX);
	buf_init(&audit->value, VALUE_MAX);
	buf_init(&audit->name, VALUE_MAX);
	buf_init(&audit->rules, VALUE_MAX);
	audit->params = calloc(CONFIG_WORDS_MAX, sizeof(*audit->params));
	if (audit->params == NULL)
		return audit_fail(audit, -ENOMEM, "settings");
	if (snprintf(audit->out_dir, sizeof(audit->out_dir), "%s/out",
		options->dir) >= (int)sizeof(audit->out_dir))
		return err_set(err, -ENAMETOOLONG, "%s: path too long",
		    options->dir);
	return lost_new(options->dir, options->now_ms, &audit->lost);
}

/* What belongs to one pass. */
static void
end_pass(struct audit *audit)
{
	tape_close(audit->tape);
	audit->tape = NULL;
	store_close(audit->store);
	audit->store = NULL;
	trios_clear(&audit->records);
	trios_clear(&audit->drops);
	trios_clear(&audit->waiting);
}

static void
audit_fini(struct audit *audit)
{
	end_pass(audit);
	lost_free(audit->lost);
	trios_fini(&audit->records);
	trios_fini(&audit->drops);
	trios_fini(&audit->waiting);
	free(audit->params);
	url_fini(&audit->url);
	buf_fini(&audit->site);
	buf_fini(&audit->page);
	buf_fini(&audit->text);
	buf_fini(&audit->record_url);
	buf_fini(&audit->line);
	buf_fini(&audit->value);
	buf_fini(&audit->name);
	buf_fini(&audit->rules);
}

/* There is no store, or nothing in it: a crawl that was ended before it had
 * begun, when nothing else is there. */
static int
nothing_yet(struct audit *audit)
{
	int r = tape_open(audit->out_dir, 0, &audit->tape, audit->err);

	if (r < 0)
		return r;
	if (tape_segment(audit->tape, 0) != 0)
		return err_set(audit->err, -EIO,
		    "%s: there are outputs, and the store that they belong "
		    "to is gone; restore %s/frontier from a copy, move the "
		    "outputs away, or crawl into another --dir",
		    audit->options->dir, audit->options->dir);
	audit_note(audit, AUDIT_NEW, "this crawl has not begun");
	return 0;
}

static int
get_meta(struct audit *audit, struct span key)
{
	int r = store_get(audit->store, STORE_META, key, &audit->value);

	return r < 0 ? audit_fail(audit, r, "frontier") : r;
}

/*
 * By which rules the keys were made.  A store that has lost the row is judged
 * by the settings, and less sternly.
 */
static int
read_canon(struct audit *audit)
{
	const struct config *config = audit->options->config;
	int r = store_get(audit->store, STORE_META, SPAN("canon"),
	    &audit->rules);

	if (r < 0)
		return audit_fail(audit, r, "frontier");
	audit->knows_canon = r == 1 &&
			     canon_read(buf_span(&audit->rules), audit->params,
				 CONFIG_WORDS_MAX, &audit->canon) == 0;
	if (audit->knows_canon)
		return 0;
	for (size_t i = 0; i < config->ignore_params.n; i++)
		audit->params[i] = span_from(config->ignore_params.items[i]);
	audit->canon = (struct canon){ config->canon, audit->params,
		config->ignore_params.n };
	return 0;
}

/* Whose it is and where it stands.  1; 0 nothing is in it. */
static int
read_meta(struct audit *audit)
{
	const struct audit_options *o = audit->options;
	const char *value;
	int r = get_meta(audit, SPAN("layout"));

	value = audit->value.ptr;
	if (r <= 0)
		return r;
	if (audit->value.len != 4 || value[0] != ROWS_LAYOUT ||
	    memcmp(value + 1, "\0\0\0", 3) != 0)
		return err_set(audit->err, -EPROTO,
		    "%s/frontier: made by another version of mpcrawl (layout "
		    "%u, this one reads %u); use that one",
		    o->dir,
		    audit->value.len > 0 ? (unsigned)(uint8_t)value[0] : 0,
		    ROWS_LAYOUT);
	r = get_meta(audit, SPAN("crawl"));
	if (r < 0)
		return r;
	if (r == 0 || audit->value.len != 16 ||
	    memcmp(audit->value.ptr, o->crawl_id, 16) != 0)
		return err_set(audit->err, -EEXIST,
		    "%s: crawl_id and frontier/ are of different crawls; put "
		    "back the one that was changed, from a copy of this folder",
		    o->dir);
	r = read_canon(audit);
	if (r == 0)
		r = get_meta(audit, SPAN("state"));
	if (r < 0)
		return r;
	if (r == 0 ||
	    crawl_row_read(buf_span(&audit->value), &audit->crawl) < 0)
		return err_set(audit->err, -EIO,
		    "%s/frontier: its state cannot be read, so nobody knows "
		    "what of the outputs is whole; restore it from a copy, or "
		    "keep %s/out and crawl into another --dir",
		    o->dir, o->dir);
	return 1;
}

static int
open_store(struct audit *audit)
{
	const struct audit_options *o = audit->options;
	char dir[PATH_MAX];
	int r;

	if (snprintf(dir, sizeof(dir), "%s/frontier", o->dir) >=
	    (int)sizeof(dir))
		return err_set(audit->err, -ENAMETOOLONG, "%s: path too long",
		    o->dir);
	/* Also to mend: what is not there must not be made. */
	r = store_open_to_read(dir, o->config->db_cache, &audit->store,
	    audit->err);
	if (r < 0 || !audit->mends)
		return r;
	store_close(audit->store);
	audit->store = NULL;
	return store_open(dir, o->config->db_cache, &audit->store, audit->err);
}

static int
look_all_over(struct audit *audit)
{
	int r = audit_read_outputs(audit);

	if (r == 0)
		r = audit_walk_store(audit);
	if (r == 0)
		audit_judge_gaps(audit);
	if (r == 0 && audit->odd_keys > 0)
		audit_note(audit, AUDIT_KEYS,
		    "%llu URLs with a query have keys that these settings do "
		    "not give: were ignore_params or canon given to start?  "
		    "Give them here, too",
		    (unsigned long long)audit->odd_keys);
	return r;
}

static int
look_at_tail(struct audit *audit, struct audit_result *out)
{
	struct tape_tail tail;
	int r = tape_tail(audit->tape, &tail, audit->err);

	if (r < 0)
		return r;
	out->tail.bytes = tail.bytes;
	out->tail.lines = tail.lines;
	out->tail.files = tail.files;
	if (tail.files > 0)
		audit_note(audit, AUDIT_TAIL,
		    "%llu bytes, %llu lines behind the cut of the store: the "
		    "next start keeps what the last run vouched for, and cuts "
		    "the rest",
		    (unsigned long long)tail.bytes,
		    (unsigned long long)tail.lines);
	return 0;
}

static int
run_pass(struct audit *audit, struct audit_result *out)
{
	int r;

	audit->found = audit->changes = 0;
	audit->n_records = audit->record_bytes = audit->missing = 0;
	audit->odd_keys = 0;
	audit->crawl_changed = false;
	*out = (struct audit_result){ .urls = 0 };
	r = open_store(audit);
	if (r == 0)
		r = read_meta(audit);
	if (r == 0 || r == -ENOENT) {
		r = nothing_yet(audit);
		if (r == 0)
			r = look_at_tail(audit, out);
		return r;
	}
	if (r == 1)
		r = look_all_over(audit);
	if (r == 0)
		r = look_at_tail(audit, out);
	if (r == 0 && audit->mends)
		r = audit_mend_outputs(audit);
	if (r == 0 && audit->mends)
		r = audit_commit(audit);
	if (r < 0)
		return r;
	out->urls = audit->totals.admitted;
	out->records = audit->n_records;
	out->bytes = audit->record_bytes;
	out->problems = audit->found;
	out->repaired = audit->mended;
	return 0;
}

/* Some of what is called above knows only the number. */
static int
in_words(struct audit *audit, int r)
{
	if (r < 0 && audit->err != NULL && audit->err->text[0] == '\0')
		return audit_fail(audit, r, "frontier");
	return r;
}

int
audit_look(const struct audit_options *options, struct audit_result *out,
    struct err *err)
{
	struct audit_result result;
	struct audit audit;
	int r = audit_init(&audit, options, false, err);

	if (r == 0)
		r = run_pass(&audit, &result);
	r = in_words(&audit, r);
	say_the_rest(&audit);
	audit_fini(&audit);
	if (r == 0)
		*out = result;
	return r;
}

/* What one pass mends may show, or cause, what the next one has to mend: so
 * each mends what it sees, simply, and the last has nothing to do. */
int
audit_mend(const struct audit_options *options, struct audit_result *out,
    struct err *err)
{
	struct audit_result result;
	uint64_t before = 0;
	struct audit audit;
	int r = audit_init(&audit, options, true, err);

	for (unsigned pass = 0; r == 0 && pass < PASSES; pass++) {
		before = audit.mended;
		r = run_pass(&audit, &result);
		end_pass(&audit);
		if (audit.mended == before)
			break;
	}
	r = in_words(&audit, r);
	say_the_rest(&audit);
	audit_fini(&audit);
	if (r == 0)
		*out = result;
	return r;
}
