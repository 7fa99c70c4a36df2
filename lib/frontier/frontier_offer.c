#include <errno.h>
#include <xxhash.h>

#include "lib/fetch/addrguard.h"
#include "lib/frontier/frontier_impl.h"
#include "lib/message/chain.h"
#include "lib/message/output.h"

/* --- links as they were written ------------------------------------------ */

enum {
	TEXT_KNOWN = 1,   /* of a URL that has a row */
	TEXT_REFUSED = 2, /* + enum refusal, those that no other page changes */
	TEXT_BITS = 5,
	/* More than a batch can give out. */
	SEED_GAP = 1 << 30,
};
static_assert(TEXT_REFUSED + REFUSALS <= 1 << TEXT_BITS, "too few bits");

static uint64_t
text_print(const struct frontier *f, struct span text)
{
	/* Seeded with what no site knows: else one could make two texts
	 * look like one. */
	return XXH3_64bits_withSeed(text.ptr, text.len, f->texts_key) &
	       ~(uint64_t)((1 << TEXT_BITS) - 1);
}

static uint64_t *
text_slot(struct frontier *f, uint64_t print)
{
	return &f->texts[(print >> TEXT_BITS) % TEXTS];
}

/* --- admission ----------------------------------------------------------- */

enum refusal
frontier_refuses(const struct frontier *f, const struct url *url, int r)
{
	if (r == -EMSGSIZE)
		return REFUSED_LENGTH;
	if (r < 0 || !url_fetchable(url))
		return REFUSED_SCHEME;
	if (url_href_bare(url).len > f->config->max_url_length ||
	    url_host(url).len > HOST_LONGEST)
		return REFUSED_LENGTH;
	return REFUSALS;
}

int
frontier_hash(struct frontier *f, const struct url *url, struct canon_hash *out)
{
	return canon_hash(&f->canon, url, &f->site, &f->page, out);
}

/* Breadth first: what is near the seeds comes first, within a site. */
uint8_t
frontier_prio(unsigned depth)
{
	return (uint8_t)(depth < PRIO_LATE ? depth : PRIO_LATE - 1);
}

uint8_t
frontier_row_prio(const struct url_row *row)
{
	unsigned depth = row->depth;

	if (row->found == LINK_SITEMAP)
		depth += frontier_listed_bands(&row->listed);
	return row->late ? PRIO_LATE : frontier_prio(depth);
}

/* 1, 0, -EIO. */
static int
frontier_knows(struct frontier *f, const struct canon_hash *hash)
{
	uint64_t print = seen_print(hash->site64, hash->url64);
	struct row_key key;
	int r;

	if (seen_has(&f->seen, print))
		return 1;
	if (f->scan == NULL && !f->seen.overflowed)
		return 0;
	key = row_key2(hash->site64, hash->url64);
	r = store_get(f->store, STORE_URLS, row_key_span(&key), NULL);
	if (r == 1)
		seen_add(&f->seen, print);
	return r;
}

/*
 * The same page on another site, where fold_www or fold_scheme makes the two
 * one.  Each keeps its own robots.txt and clock, so they are kept apart, and
 * only asked for here.  Where a redirect leads is not: from http to https it
 * would lead to itself.
 */
static int
frontier_knows_sibling(struct frontier *f, const struct url *url,
    struct canon_hash hash)
{
	uint64_t sites[CANON_SIBLINGS];
	int n = canon_siblings(&f->canon, url, &f->site, sites), r = 0;

	for (int i = 0; r == 0 && i < n; i++) {
		hash.site64 = sites[i];
		r = frontier_knows(f, &hash);
	}
	return n < 0 ? n : r;
}

int
frontier_put_url(struct frontier *f, uint64_t site64, uint64_t url64,
    const struct url_row *row)
{
	struct row_key key = row_key2(site64, url64);
	int r;

	buf_clear(&f->value);
	r = url_row_write(row, &f->value);
	if (r == 0)
		store_put(f->store, STORE_URLS, row_key_span(&key),
		    buf_span(&f->value));
	return r;
}

void
frontier_row_text(const struct host *host, const struct url *url,
    struct url_row *row)
{
	struct span href = url_href_bare(url);

	/* The host's name is kept once, when the URL is that and a path. */
	row->text = url_target(url);
	row->whole = href.len != host->name_len + row->text.len ||
		     !span_starts(href, host_name(host)) ||
		     !span_ends(href, row->text);
	if (row->whole)
		row->text = href;
}

int
frontier_admit(struct frontier *f, const struct admission *a, bool leased,
    int64_t now_ms, struct host **out)
{
	struct row_key key = row_key2(a->hash.site64, a->place);
	struct row_key url_key = row_key1(a->hash.url64);
	struct url_row row = {
		.state = URL_QUEUED,
		.found = a->found,
		.depth = a->depth,
		.hops = a->hops,
		.place = a->place,
		.via_site64 = a->via_site64,
		.via_url64 = a->via_url64,
		.late = place_prio(a->place) == PRIO_LATE,
		.listed = a->listed,
		.chain = a->chain,
	};
	struct host *host;
	int r;

	r = frontier_host(f, a->hash.site64, a->url, &host);
	if (r < 0)
		return r;
	frontier_row_text(host, a->url, &row);
	r = frontier_put_url(f, a->hash.site64, a->hash.url64, &row);
	if (r < 0)
		return r;
	store_put(f->store, STORE_QUEUE, row_key_span(&key),
	    row_key_span(&url_key));
	seen_add(&f->seen, seen_print(a->hash.site64, a->hash.url64));

	if (host->admitted++ == 0)
		count(&f->live.hosts, 1);
	host->queued++;
	if (host_is_parked(host))
		count(&f->parked, 1);
	count(&f->live.admitted, 1);
	count(&f->live.queued, 1);
	count(&f->live.late, row.late);
	count(&f->live.sitemap_urls, row.found == LINK_SITEMAP);
	f->young++;
	host_changed(&f->hosts, host);
	if (!leased)
		host_queue_add(&f->hosts, host, a->place, a->hash.url64);
	if (out != NULL)
		*out = host;
	frontier_schedule(f, host, now_ms);
	return 0;
}

/* --- seeds --------------------------------------------------------------- */

/*
 * The seed measures the scope, in this run and in those to come.  What is
 * kept of it is enough for each kind of scope, should the kind be changed
 * between runs: all up to the last '/'.
 */
int
frontier_add_scope(struct frontier *f, const struct url *url, struct err *err)
{
	struct span path = url_path(url);
	size_t len = path.len;
	int r;

	r = scope_add_seed(f->scope, url);
	if (r < 0)
		return r == -EINVAL
			   ? err_set(err, r,
				 "%.*s: no scope can be measured by it",
				 SPAN_ARG(url_href_bare(url)))
			   : r;
	while (len > 0 && path.ptr[len - 1] != '/')
		len--;
	buf_clear(&f->name);
	r = buf_add(&f->name, "seed.", 5);
	if (r == 0)
		r = url_origin(url, &f->name);
	if (r == 0)
		r = buf_add(&f->name, path.ptr, len);
	if (r < 0)
		return r;
	store_put(f->store, STORE_META, buf_span(&f->name), SPAN_NONE);
	return 0;
}

/* What the scope refuses, or REFUSALS. */
static enum refusal
refuse_scope(const struct frontier *f, const struct url *url, unsigned depth)
{
	struct scope_subject subject = { .url = url, .depth = depth };
	struct scope_why why;
	enum scope_answer answer = scope_ask(f->scope, &subject, &why);

	if (answer == SCOPE_IN)
		return REFUSALS;
	if (why.gave_up)
		return REFUSED_GAVE_UP;
	return answer == SCOPE_OUT_RULE ? REFUSED_RULE : REFUSED_SCOPE;
}

int
frontier_seed(struct frontier *f, struct span text, int64_t now_ms,
    struct err *err)
{
	struct admission a = { .url = &f->url, .found = LINK_SEED };
	char shown[URL_SHOWN];
	enum refusal refusal;
	struct host *host;
	int r;

	f->now_ms = now_ms;
	r = url_parse(text, NULL, &f->url);
	if (r == -ENOMEM)
		return r;
	switch (frontier_refuses(f, &f->url, r)) {
	case REFUSALS:
		break;
	case REFUSED_LENGTH:
		return err_set(err, -EINVAL,
		    "%.64s...: longer than max_url_length (%u), or its host's "
		    "name than %d",
		    url_shown(text, shown), f->config->max_url_length,
		    HOST_LONGEST);
	default:
		return err_set(err, -EINVAL,
		    "%s: not a URL that starts with http:// or https://",
		    url_shown(text, shown));
	}
	/* It would be in the store, in records and in the list of processes. */
	if (url_has_credentials(&f->url)) {
		url_drop_credentials(&f->url);
		return err_set(err, -EINVAL,
		    "%.*s: a seed has no user and no password in it; they are "
		    "given by auth, in the file mpcrawl.conf",
		    SPAN_ARG(url_href_bare(&f->url)));
	}
	if (blocks_match(&f->blocks, url_host(&f->url)) != NULL &&
	    frontier_hash(f, &f->url, &a.hash) == 0 &&
	    frontier_knows(f, &a.hash) == 0)
		return err_set(err, -EINVAL,
		    "%s: its host is blocked; `mpcrawl unblock %s` lets it "
		    "in again",
		    url_shown(text, shown),
		    blocks_match(&f->blocks, url_host(&f->url)));
	r = frontier_add_scope(f, &f->url, err);
	if (r < 0)
		return r;
	/* What was out of scope may be in now. */
	memset(f->texts, 0, sizeof(f->texts));

	r = frontier_hash(f, &f->url, &a.hash);
	if (r == 0)
		r = frontier_knows(f, &a.hash);
	if (r == 0)
		r = frontier_knows_sibling(f, &f->url, a.hash);
	if (r != 0)
		return r < 0 ? r : 0;
	refusal = refuse_scope(f, &f->url, 0);
	if (refusal != REFUSALS) {
		count(&f->live.refused[refusal], 1);
		return 0;
	}
	/* What a killed run ordered before its last commit is still to be
	 * adopted, with the numbers that follow: a seed takes none of them. */
	if (!f->is_past_young) {
		f->next_seq += SEED_GAP;
		f->is_past_young = true;
	}
	a.place = place_of(frontier_prio(0), f->next_seq++);
	r = frontier_admit(f, &a, false, now_ms, &host);
	if (r < 0)
		return r;
	/* A person asks for this host: whatever was before, try again. */
	polite_forgive(&host->polite);
	rulebook_forgiven(&host->rulebook);
	frontier_schedule(f, host, now_ms);
	if (host->admitted == 1)
		r = frontier_robots_sitemaps(f, host, now_ms);
	return r < 0 ? r : 1;
}

/* --- links --------------------------------------------------------------- */

enum refusal
frontier_refuses_link(const struct frontier *f, const struct url *url,
    unsigned depth)
{
	enum refusal refusal = frontier_refuses(f, url, 0);

	if (refusal == REFUSALS && blocks_match(&f->blocks, url_host(url)))
		refusal = REFUSED_BLOCKED;
	if (refusal == REFUSALS)
		refusal = refuse_scope(f, url, depth);
	if (refusal != REFUSALS)
		return refusal;
	/* A seed without a contact is refused by whoever adds it. */
	if (f->config->contact == NULL &&
	    !addrguard_host_is_loopback(url_host(url)))
		return REFUSED_CONTACT;
	if (frontier_shape(f, url) != TRAP_NO)
		return REFUSED_TRAP;
	return REFUSALS;
}

enum refusal
frontier_refuses_asked(const struct config_host *config, unsigned flags)
{
	const struct {
		int asked;
		unsigned flag;
		enum refusal refusal;
	} rules[] = {
		{ config->rel_nofollow, LINK_NOFOLLOW, REFUSED_NOFOLLOW },
		{ config->rel_ugc, LINK_UGC, REFUSED_UGC },
		{ config->rel_sponsored, LINK_SPONSORED, REFUSED_SPONSORED },
		{ config->meta_robots, LINK_META_NOFOLLOW,
		    REFUSED_META_NOFOLLOW },
		{ config->x_robots_tag, LINK_HEADER_NOFOLLOW,
		    REFUSED_HEADER_NOFOLLOW },
	};

	if (config->robots != CONFIG_ROBOTS_OBEY)
		return REFUSALS;
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		if (rules[i].asked == CONFIG_ASKED_OBEY &&
		    (flags & rules[i].flag))
			return rules[i].refusal;
	}
	return REFUSALS;
}

/* The settings for pages of this site.  It is in memory, as a lease of it is
 * out; were it not, those for any site. */
static const struct config_host *
config_of_page(const struct frontier *f, uint64_t site64)
{
	const struct host *host = host_find(&f->hosts, site64);

	return host ? host->config : &f->config->host;
}

/* Refusals of this link on this page, or REFUSALS. */
static enum refusal
refuse_link(const struct frontier *f, const struct order *from,
    const struct admission *a, uint8_t flags)
{
	enum refusal refusal = REFUSALS;

	if (a->found == LINK_REDIRECT)
		return from->hops < f->config->max_redirects ? REFUSALS
							     : REFUSED_DEPTH;
	if (flags != 0)
		refusal = frontier_refuses_asked(config_of_page(f,
						     from->site64),
		    flags);
	if (refusal == REFUSALS && a->depth > f->config->max_depth)
		refusal = REFUSED_DEPTH;
	return refusal;
}

static unsigned
admission_bands(const struct admission *a)
{
	return a->found == LINK_SITEMAP ? frontier_listed_bands(&a->listed) : 0;
}

int
frontier_chain(struct frontier *f, struct span chain, uint16_t status,
    struct span url)
{
	int r = 0;

	buf_clear(&f->chain);
	if (chain_is_whole(chain))
		r = buf_add_span(&f->chain, chain_tail(chain, CHAIN_MAX));
	return r < 0 ? r : chain_add(&f->chain, status, url);
}

/*
 * The URL in f->url, of which url_parse() said `parsed`: 1 it is new, and its
 * hash is a->hash; 0 it is known or refused, as *fate has it for f->texts.
 */
static int
weigh(struct frontier *f, struct admission *a, int parsed, unsigned *fate)
{
	enum refusal refusal = frontier_refuses(f, &f->url, parsed);
	int r;

	if (refusal == REFUSALS)
		refusal = frontier_refuses_link(f, &f->url, a->depth);

	if (refusal != REFUSALS) {
		*fate = TEXT_REFUSED + refusal;
		return 0;
	}
	r = frontier_hash(f, &f->url, &a->hash);
	if (r == 0)
		r = frontier_knows(f, &a->hash);
	*fate = TEXT_KNOWN;
	return r < 0 ? r : r == 0;
}

/* `redirect`: the status of one, or 0. */
static int
offer(struct frontier *f, const struct order *from, struct span text,
    uint8_t kind, uint8_t flags, uint16_t redirect, int64_t now_ms)
{
	struct admission a = {
		.url = &f->url,
		.via_site64 = from->site64,
		.via_url64 = from->url64,
		.depth = from->depth,
		.found = kind,
		.listed = f->listed,
	};
	uint64_t print = text_print(f, text);
	uint64_t *slot = text_slot(f, print);
	enum trap_sentence trap;
	enum refusal refusal;
	unsigned fate;
	struct host *host;
	int r;

	f->now_ms = now_ms;
	if ((*slot & ~(uint64_t)((1 << TEXT_BITS) - 1)) == print &&
	    *slot != print) {
		unsigned was = (unsigned)(*slot - print);

		if (was >= TEXT_REFUSED)
			count(&f->live.refused[was - TEXT_REFUSED], 1);
		return 0;
	}
	if (a.found == LINK_REDIRECT)
		a.hops = from->hops < UINT16_MAX ? from->hops + 1 : UINT16_MAX;
	else if (from->kind == ORDER_SITEMAP)
		a.depth = from->found != LINK_SEED;
	else if (a.depth < UINT16_MAX)
		a.depth++;
	/* A page cannot list. */
	if (a.found == LINK_SITEMAP && from->kind != ORDER_SITEMAP)
		a.found = LINK_A;

	r = url_parse(text, NULL, &f->url);
	if (r == -ENOMEM)
		return r;
	/* What a page tells all the world is no password of ours. */
	if (r == 0)
		url_drop_credentials(&f->url);
	r = weigh(f, &a, r, &fate);
	/* As the sitemap wrote it: an alias is none of its doing. */
	if (r == 1 && a.found == LINK_SITEMAP) {
		r = frontier_sitemap_covers(f, from, &f->url, a.hash.site64);
		if (r == 0) {
			count(&f->live.refused[REFUSED_LOCATION], 1);
			return 0;
		}
	}
	/* A redirect says itself where it leads: were its target taken for
	 * another, a page could be missed for good. */
	if (r == 1 && a.found != LINK_REDIRECT) {
		r = frontier_alias_apply(f, a.hash.site64);
		r = r == 1 ? weigh(f, &a, 0, &fate) : r == 0 ? 1 : r;
	}
	if (r < 0)
		return r;
	if (r == 0) {
		if (fate == TEXT_KNOWN || !scope_has_depth(f->scope))
			*slot = print + fate;
		if (fate >= TEXT_REFUSED)
			count(&f->live.refused[fate - TEXT_REFUSED], 1);
		return 0;
	}
	/* Not remembered of the text: a redirect may lead there yet. */
	if (a.found != LINK_REDIRECT) {
		r = frontier_knows_sibling(f, &f->url, a.hash);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	refusal = refuse_link(f, from, &a, flags);
	if (refusal != REFUSALS) {
		count(&f->live.refused[refusal], 1);
		return 0;
	}
	trap = frontier_trap_judge(f, a.hash.site64, &f->url);
	if (trap == TRAP_REFUSED) {
		frontier_trap_refused(f);
		count(&f->live.refused[REFUSED_TRAP], 1);
		return 0;
	}
	if (a.found == LINK_REDIRECT) {
		r = frontier_chain(f, from->chain, redirect, from->url);
		if (r < 0)
			return r;
		a.chain = buf_span(&f->chain);
	}
	a.place = place_of(trap == TRAP_LATE
			       ? PRIO_LATE
			       : frontier_prio(a.depth + admission_bands(&a)),
	    f->next_seq++);
	r = frontier_admit(f, &a, false, now_ms, &host);
	if (r < 0)
		return r;
	frontier_trap_count(f, host, &f->url);
	*slot = print + TEXT_KNOWN;
	/* Its robots.txt may be known: something of other sites lies there. */
	if (host->admitted == 1)
		r = frontier_robots_sitemaps(f, host, now_ms);
	return r < 0 ? r : 1;
}

int
frontier_offer(struct frontier *f, const struct order *from, struct span text,
    uint8_t kind, uint8_t flags, int64_t now_ms)
{
	/* A page cannot call a link of its own a redirect, or a seed: those
	 * cost no depth. */
	if (kind <= LINK_SEED || kind >= LINK_KINDS || kind == LINK_REDIRECT)
		kind = LINK_A;
	return offer(f, from, text, kind, flags, 0, now_ms);
}

int
frontier_redirect(struct frontier *f, const struct order *from,
    const struct capture *capture, int64_t now_ms)
{
	int r = frontier_alias_learn(f, from, capture);

	if (r < 0)
		return r;
	return offer(f, from, capture->location, LINK_REDIRECT, 0,
	    capture->status, now_ms);
}
