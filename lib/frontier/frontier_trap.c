/*
 * Patterns of which a host has too many URLs: rows of `m`, and what becomes
 * of one URL more.
 */
#include <errno.h>
#include <stdio.h>
#include <xxhash.h>

#include "lib/base/plural.h"
#include "lib/frontier/frontier_impl.h"

/* An example for "%.*s": the whole of a message has to fit. */
#define SHOWN(s) (int)((s).len < 200 ? (s).len : 200), (s).ptr

struct trap {
	uint64_t id; /* of site and pattern */
	struct trap_row row;
	struct trap *next_changed;
	uint64_t *bodies; /* TRAP_BODIES hashes of digests; NULL: none yet */
	bool changed;
	uint8_t closed; /* enum trap_closed, as counted in live.traps_closed */
	bool told;      /* … of which a person has heard */
	char text[];    /* of the row's spans */
};

/* --- closed -------------------------------------------------------------- */

const char *
frontier_trap_closed_key(unsigned closed)
{
	return closed == TRAP_CLOSED_CAP    ? "trap_pattern_cap"
	       : closed == TRAP_CLOSED_SAME ? "trap_pattern_same"
					    : "";
}

/* Are its pages the same again and again? */
static bool
is_hollow(const struct trap_row *row, const struct config_host *config)
{
	uint64_t share = config->trap_pattern_same;

	return share > 0 && row->fetched >= TRAP_PAGES &&
	       row->same >= row->fetched / 100 * share +
				row->fetched % 100 * share / 100;
}

static enum trap_closed
closed_by(const struct trap_row *row, const struct config_host *config)
{
	uint64_t cap = config->trap_pattern_cap;

	if (row->released || (config->trap_pattern_max == 0 && cap == 0))
		return TRAP_OPEN;
	if (cap > 0 && row->urls >= cap)
		return TRAP_CLOSED_CAP;
	return is_hollow(row, config) ? TRAP_CLOSED_SAME : TRAP_OPEN;
}

/* Once: a share of pages may cross its bound again and again. */
static void
tell_closed(struct frontier *f, struct trap *trap)
{
	const struct trap_row *row = &trap->row;

	if (trap->told)
		return;
	trap->told = true;
	if (trap->closed == TRAP_CLOSED_CAP)
		frontier_tell(f,
		    "%.*s has %llu URL%s of the pattern %.*s, such as %.*s; it "
		    "is closed, more of them are refused (trap_pattern_cap); "
		    "if it is no trap: `mpcrawl trap --release %016llx`",
		    SPAN_ARG(row->host), (unsigned long long)row->urls,
		    plural(row->urls), SPAN_ARG(row->pattern),
		    SHOWN(row->example), (unsigned long long)trap->id);
	else
		frontier_tell(f,
		    "%.*s: of %llu pages of the pattern %.*s %llu are the same "
		    "as another, such as %.*s; it is closed, more of them are "
		    "refused (trap_pattern_same); if it is no trap: `mpcrawl "
		    "trap --release %016llx`",
		    SPAN_ARG(row->host), (unsigned long long)row->fetched,
		    SPAN_ARG(row->pattern), (unsigned long long)row->same,
		    SHOWN(row->example), (unsigned long long)trap->id);
}

/* Its row is another.  True: that has closed it. */
static bool
look_whether_closed(struct frontier *f, struct trap *trap,
    const struct config_host *config)
{
	bool was = trap->closed != TRAP_OPEN;

	trap->closed = (uint8_t)closed_by(&trap->row, config);
	f->live.traps_closed -= was;
	f->live.traps_closed += trap->closed != TRAP_OPEN;
	return !was && trap->closed != TRAP_OPEN;
}

/* Those of its host; without memory for them, everybody's. */
static const struct config_host *
settings_of(const struct frontier *f, struct span url)
{
	const struct config_host *config = config_host(f->config, url);

	return config != NULL ? config : &f->config->host;
}

/* --- which there are ----------------------------------------------------- */

static struct trap *
trap_find(const struct frontier *f, uint64_t id)
{
	struct traps *t = (struct traps *)&f->traps;

	if (t->slots == NULL)
		return NULL;
	for (size_t i = id % TRAP_SLOTS;; i = (i + 1) % TRAP_SLOTS) {
		if (t->slots[i] == NULL || t->slots[i]->id == id)
			return t->slots[i];
	}
}

static char *
copy(char *at, struct span *s)
{
	if (s->len > 0)
		memcpy(at, s->ptr, s->len);
	s->ptr = at;
	return at + s->len;
}

/* 0, -ENOSPC there are too many, -ENOMEM. */
static int
trap_add(struct frontier *f, uint64_t id, const struct trap_row *row,
    struct trap **out)
{
	struct traps *t = &f->traps;
	struct trap *trap;
	size_t i;
	char *at;

	if (t->n == TRAPS_MAX)
		return -ENOSPC;
	if (t->slots == NULL)
		t->slots = calloc(TRAP_SLOTS, sizeof(*t->slots));
	trap = malloc(sizeof(*trap) + row->host.len + row->pattern.len +
		      row->example.len);
	if (t->slots == NULL || trap == NULL) {
		free(trap);
		return -ENOMEM;
	}
	*trap = (struct trap){ .id = id, .row = *row };
	at = copy(trap->text, &trap->row.host);
	at = copy(at, &trap->row.pattern);
	copy(at, &trap->row.example);
	for (i = id % TRAP_SLOTS; t->slots[i] != NULL; i = (i + 1) % TRAP_SLOTS)
		;
	t->slots[i] = trap;
	t->n++;
	f->live.traps += !row->released;
	*out = trap;
	return 0;
}

void
frontier_traps_fini(struct frontier *f)
{
	for (size_t i = 0; f->traps.slots != NULL && i < TRAP_SLOTS; i++) {
		if (f->traps.slots[i] != NULL)
			free(f->traps.slots[i]->bodies);
		free(f->traps.slots[i]);
	}
	free(f->traps.slots);
	trap_counts_free(f->traps.counts);
}

static void
trap_key(uint64_t id, char key[TRAP_KEY])
{
	snprintf(key, TRAP_KEY, "trap.%016llx", (unsigned long long)id);
}

int
frontier_trap_key_read(struct span key, uint64_t *id)
{
	char text[TRAP_KEY];
	unsigned long long n;
	int end = 0;

	if (key.len != TRAP_KEY - 1)
		return -EBADMSG;
	memcpy(text, key.ptr, key.len);
	text[key.len] = '\0';
	if (sscanf(text, "trap.%16llx%n", &n, &end) != 1 || end != TRAP_KEY - 1)
		return -EBADMSG;
	*id = n;
	return 0;
}

int
frontier_traps_open(struct frontier *f)
{
	struct store_scan *scan;
	struct span key, value;
	struct trap_row row;
	struct trap *trap;
	uint64_t id;
	int r;

	f->traps.counts = trap_counts_new();
	if (f->traps.counts == NULL)
		return -ENOMEM;
	r = store_scan_open(f->store, STORE_META, SPAN("trap."), SPAN("trap/"),
	    false, &scan);
	if (r < 0)
		return r;
	while ((r = store_scan_next(scan, &key, &value)) == 1) {
		r = frontier_trap_key_read(key, &id);
		if (r == 0)
			r = trap_row_read(value, &row);
		if (r == 0)
			r = trap_add(f, id, &row, &trap);
		if (r < 0)
			break;
		/* By a setting that was another one before, or it was told. */
		trap->told = row.refused > 0;
		if (look_whether_closed(f, trap, settings_of(f, row.host)))
			tell_closed(f, trap);
	}
	store_scan_close(scan);
	f->shown.traps = f->live.traps;
	f->shown.traps_closed = f->live.traps_closed;
	return r == -EBADMSG || r == -ENOSPC ? -EIO : r;
}

/* --- the batch ----------------------------------------------------------- */

static void
trap_changed(struct frontier *f, struct trap *trap)
{
	if (trap->changed)
		return;
	trap->changed = true;
	trap->next_changed = f->traps.changed;
	f->traps.changed = trap;
}

int
frontier_traps_put(struct frontier *f)
{
	int r = 0;

	for (struct trap *trap = f->traps.changed; r == 0 && trap != NULL;
	     trap = trap->next_changed) {
		char key[TRAP_KEY];

		trap_key(trap->id, key);
		buf_clear(&f->value);
		r = trap_row_write(&trap->row, &f->value);
		if (r == 0)
			store_put(f->store, STORE_META, span_from(key),
			    buf_span(&f->value));
	}
	return r;
}

void
frontier_traps_committed(struct frontier *f)
{
	for (struct trap *trap = f->traps.changed; trap != NULL;
	     trap = trap->next_changed)
		trap->changed = false;
	f->traps.changed = NULL;
}

/* --- one URL more -------------------------------------------------------- */

enum trap_shape
frontier_shape(const struct frontier *f, const struct url *url)
{
	const struct config_host *config = settings_of(f, url_href_bare(url));

	return trap_shape_of(url_path(url), config->max_path_depth,
	    config->max_path_repeat);
}

static uint64_t
id_of(uint64_t site64, const struct trap_pattern *pattern)
{
	return XXH3_64bits_withSeed(pattern->text, pattern->len, site64);
}

enum trap_sentence
frontier_trap_judge(struct frontier *f, uint64_t site64, const struct url *url)
{
	enum trap_sentence worst = TRAP_PASSES;
	const struct config_host *config = settings_of(f, url_href_bare(url));
	uint64_t most = config->trap_pattern_max;
	uint64_t cap = config->trap_pattern_cap;
	struct traps *t = &f->traps;

	t->n_views = 0;
	if (most == 0 && cap == 0)
		return TRAP_PASSES;
	t->n_views = trap_patterns(url_path(url), url_query(url), t->views);
	for (size_t i = 0; i < t->n_views; i++) {
		const struct trap *trap;

		t->ids[i] = id_of(site64, &t->views[i]);
		trap = trap_find(f, t->ids[i]);
		if (trap == NULL || trap->row.released)
			continue;
		t->worst = i;
		if (closed_by(&trap->row, config) != TRAP_OPEN)
			return TRAP_REFUSED;
		/* Another run may have had a lower one. */
		if (most > 0 && trap->row.urls >= most)
			worst = TRAP_LATE;
	}
	return worst;
}

void
frontier_trap_refused(struct frontier *f)
{
	struct trap *trap = trap_find(f, f->traps.ids[f->traps.worst]);

	if (trap == NULL)
		return;
	count(&trap->row.refused, 1);
	trap_changed(f, trap);
}

/* Its number is full.  No memory, or too many of them: it is none. */
static void
spring(struct frontier *f, const struct host *host, size_t view,
    const struct url *url, uint64_t urls)
{
	const struct trap_pattern *pattern = &f->traps.views[view];
	struct span href = url_href_bare(url);
	struct trap_row row = {
		.site64 = host->site64,
		.urls = urls,
		.host = host_name(host),
		.pattern = span_of(pattern->text, pattern->len),
		.example = { href.ptr,
		    href.len < TRAP_EXAMPLE ? href.len : TRAP_EXAMPLE },
	};
	struct trap *trap;

	if (trap_add(f, f->traps.ids[view], &row, &trap) < 0)
		return;
	trap_changed(f, trap);
	if (look_whether_closed(f, trap, host->config)) {
		tell_closed(f, trap);
		return;
	}
	frontier_tell(f,
	    "%.*s has %llu URL%s of the pattern %.*s, such as %.*s; more of "
	    "them come last (trap_pattern_max); if it is no trap: `mpcrawl "
	    "trap --release %016llx`",
	    SPAN_ARG(row.host), (unsigned long long)urls, plural(urls),
	    SPAN_ARG(row.pattern), SHOWN(row.example),
	    (unsigned long long)trap->id);
}

void
frontier_trap_count(struct frontier *f, const struct host *host,
    const struct url *url)
{
	uint64_t most = host->config->trap_pattern_max;
	uint64_t cap = host->config->trap_pattern_cap;

	if (most == 0 || (cap > 0 && cap < most))
		most = cap;
	for (size_t i = 0; i < f->traps.n_views; i++) {
		struct trap *trap = trap_find(f, f->traps.ids[i]);
		uint32_t n;

		if (trap != NULL) {
			count(&trap->row.urls, 1);
			trap_changed(f, trap);
			if (look_whether_closed(f, trap, host->config))
				tell_closed(f, trap);
			continue;
		}
		n = trap_counts_add(f->traps.counts, f->traps.ids[i]);
		if (n >= most)
			spring(f, host, i, url, n);
	}
}

/* Was it a body that another page of the pattern had?  As far as 64 of them
 * are remembered: a trap has few. */
static void
take_body(struct frontier *f, struct trap *trap, uint64_t body)
{
	uint64_t *slot;

	if (trap->bodies == NULL)
		trap->bodies = calloc(TRAP_BODIES, sizeof(*trap->bodies));
	if (trap->bodies == NULL)
		return;
	slot = &trap->bodies[body % TRAP_BODIES];
	count(&trap->row.fetched, 1);
	count(&trap->row.same, *slot == body);
	*slot = body;
	trap_changed(f, trap);
}

void
frontier_digest(struct frontier *f, const struct order *order,
    struct span digest)
{
	struct trap_pattern views[TRAP_VIEWS];
	const struct config_host *config;
	size_t n;

	if (f->traps.n == 0 || digest.len == 0 ||
	    url_parse(order->url, NULL, &f->other) < 0)
		return;
	config = settings_of(f, url_href_bare(&f->other));
	n = trap_patterns(url_path(&f->other), url_query(&f->other), views);
	for (size_t i = 0; i < n; i++) {
		struct trap *trap = trap_find(f,
		    id_of(order->site64, &views[i]));

		if (trap == NULL)
			continue;
		take_body(f, trap, XXH3_64bits(digest.ptr, digest.len));
		if (look_whether_closed(f, trap, config))
			tell_closed(f, trap);
	}
}

/* --- for people ---------------------------------------------------------- */

static void
show(const struct trap *trap, struct frontier_trap *out)
{
	*out = (struct frontier_trap){
		.id = trap->id,
		.released = trap->row.released,
		.closed = trap->closed,
		.urls = trap->row.urls,
		.refused = trap->row.refused,
		.fetched = trap->row.fetched,
		.same = trap->row.same,
		.host = trap->row.host,
		.pattern = trap->row.pattern,
		.example = trap->row.example,
	};
}

size_t
frontier_traps(const struct frontier *f, size_t from, struct frontier_trap *out)
{
	for (size_t i = from; f->traps.slots != NULL && i < TRAP_SLOTS; i++) {
		if (f->traps.slots[i] == NULL)
			continue;
		show(f->traps.slots[i], out);
		return i + 1;
	}
	return 0;
}

int
frontier_trap_set(struct frontier *f, uint64_t id, bool released,
    struct frontier_trap *out)
{
	struct trap *trap = trap_find(f, id);

	if (trap == NULL)
		return -ENOENT;
	show(trap, out);
	if (trap->row.released == released)
		return 0;
	trap->row.released = out->released = released;
	f->live.traps += released ? UINT64_MAX : 1;
	look_whether_closed(f, trap, settings_of(f, trap->row.host));
	out->closed = trap->closed;
	trap_changed(f, trap);
	return 1;
}

size_t
frontier_traps_of(struct frontier *f, uint64_t site64, const struct url *url,
    struct frontier_trap out[TRAP_VIEWS])
{
	struct trap_pattern views[TRAP_VIEWS];
	size_t n = trap_patterns(url_path(url), url_query(url), views),
	       found = 0;

	for (size_t i = 0; i < n; i++) {
		const struct trap *trap = trap_find(f,
		    id_of(site64, &views[i]));

		if (trap != NULL)
			show(trap, &out[found++]);
	}
	return found;
}
