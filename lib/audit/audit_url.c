#include <errno.h>

#include "lib/archive/sink.h"
#include "lib/audit/audit_impl.h"
#include "lib/frontier/frontier_impl.h"

/* --- its row ------------------------------------------------------------- */

static int
put_url(struct audit *audit, uint64_t site64, uint64_t url64,
    const struct url_row *row)
{
	buf_clear(&audit->value);
	if (url_row_write(row, &audit->value) < 0)
		return audit_fail(audit, -ENOMEM, "a URL's row");
	audit->changes++;
	return audit_put(audit, STORE_URLS, row_key2(site64, url64),
	    buf_span(&audit->value));
}

int
audit_queue_again(struct audit *audit, uint64_t site64, uint64_t url64,
    const struct url_row *row)
{
	struct row_key value = row_key1(url64);
	struct url_row queued = *row;
	int r;

	queued.state = URL_QUEUED;
	queued.verdict = VERDICT_NONE;
	queued.reason = REASON_NONE;
	queued.tries = queued.waits = 0;
	queued.status = 0;
	queued.target = SPAN_NONE;
	queued.place = place_of(frontier_row_prio(row),
	    audit->crawl.next_seq++);
	audit->crawl_changed = true;
	r = put_url(audit, site64, url64, &queued);
	if (r < 0)
		return r;
	return audit_put(audit, STORE_QUEUE, row_key2(site64, queued.place),
	    row_key_span(&value));
}

/* Ended, as its record says.  `old`: what was known of it, or NULL. */
static int
end_by_record(struct audit *audit, const struct audit_site *site,
    uint64_t url64, uint64_t where, const struct url_row *old,
    enum audit_kind kind)
{
	struct record_facts facts;
	struct url_row row = { .found = LINK_A };
	int r = audit_read_record(audit, where, &facts);

	if (r < 0)
		return r;
	if (old != NULL) {
		row = *old;
	} else {
		row.depth = facts.depth;
		row.found = facts.seed ? LINK_SEED : LINK_A;
		row.whole = true;
		row.text = facts.url;
	}
	row.state = URL_ENDED;
	row.verdict = record_verdict(&facts);
	row.reason = facts.reason;
	row.status = facts.status;
	row.place = 0;
	if (row.verdict != VERDICT_REDIRECTED)
		row.target = SPAN_NONE;
	r = put_url(audit, site->site64, url64, &row);
	if (r == 0)
		audit_repaired(audit, kind,
		    "%.*s has ended, as its record says", AUDIT_URL(facts.url));
	return r;
}

/* --- its records --------------------------------------------------------- */

/*
 * The one that counts: the first that does not say `quarantined`, else the
 * last; a URL that was quarantined may have been tried again by a person.
 * What follows the one that counts is there twice.
 */
static size_t
record_that_counts(const struct trio *records, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!where_quarantined(records[i].c))
			return i;
	}
	return n - 1;
}

/* A line of the outputs goes; `facts` are those of its record. */
static int
drop_record(struct audit *audit, uint64_t where, struct record_facts *facts)
{
	int r = audit_read_record(audit, where, facts);

	if (r == 0)
		r = audit_drop(audit, where_segment(where), where_at(where),
		    audit->line.len + 1);
	return r;
}

static int
drop_second(struct audit *audit, uint64_t where)
{
	struct record_facts facts;
	char name[SINK_NAME];
	int r = drop_record(audit, where, &facts);

	if (r < 0)
		return r;
	sink_name(where_segment(where), name);
	audit_problem(audit, AUDIT_RECORD_TWICE,
	    "%s, byte %llu: another record of %.*s", name,
	    (unsigned long long)where_at(where), AUDIT_URL(facts.url));
	return 0;
}

/*
 * The record goes and the URL stays queued, never the other way round: a record
 * that the store does not know of was not committed, and its page's links were
 * not either.  Lines that were taken out by hand let such a one slip in front
 * of the cut.
 */
static int
drop_early(struct audit *audit, struct audit_site *site, uint64_t where)
{
	struct record_facts facts;
	int r = drop_record(audit, where, &facts);

	if (r < 0)
		return r;
	site->changed = true;
	audit_repaired(audit, AUDIT_RECORD_EARLY,
	    "the record of %.*s is in lost+found, the page will be fetched",
	    AUDIT_URL(facts.url));
	return 0;
}

/* --- both ---------------------------------------------------------------- */

static int
missing_record(struct audit *audit, struct audit_site *site, uint64_t url64,
    const struct url_row *row)
{
	int r;

	audit->missing++;
	audit_problem(audit, AUDIT_RECORD_MISSING,
	    "%.*s has ended, and its record is not in the outputs",
	    AUDIT_URL(buf_span(&audit->text)));
	if (!audit->mends)
		return 0;
	site->changed = true;
	r = audit_queue_again(audit, site->site64, url64, row);
	if (r == 0)
		audit_repaired(audit, AUDIT_RECORD_MISSING,
		    "%.*s is queued again", AUDIT_URL(buf_span(&audit->text)));
	return r;
}

static bool
verdict_ends(uint8_t verdict)
{
	return verdict != VERDICT_NONE && verdict < VERDICT_RETRY;
}

/* `record`: the one that counts, or NULL. */
static int
judge_ended(struct audit *audit, struct audit_site *site, uint64_t url64,
    const struct url_row *row, const struct trio *record)
{
	bool quarantined = record != NULL && where_quarantined(record->c);

	/* Tried again after the quarantine, and that record is gone. */
	if (record == NULL ||
	    (quarantined && row->reason != REASON_QUARANTINED))
		return missing_record(audit, site, url64, row);
	if (verdict_ends(row->verdict) &&
	    quarantined == (row->reason == REASON_QUARANTINED))
		return 0;
	audit_problem(audit, AUDIT_VERDICT,
	    "%.*s has not ended as its record says",
	    AUDIT_URL(buf_span(&audit->text)));
	if (!audit->mends)
		return 0;
	site->changed = true;
	return end_by_record(audit, site, url64, record->c, row, AUDIT_VERDICT);
}

static int
judge_unended(struct audit *audit, struct audit_site *site, uint64_t url64,
    const struct url_row *row, const struct trio *record)
{
	int r;

	if (record != NULL && !where_quarantined(record->c)) {
		audit_problem(audit, AUDIT_RECORD_EARLY,
		    "%.*s has a record, and has not ended",
		    AUDIT_URL(buf_span(&audit->text)));
		r = audit->mends ? drop_early(audit, site, record->c) : 0;
		if (r < 0)
			return r;
	}
	if (row->state == URL_WAITING) {
		if (trios_add(&audit->waiting, row->place, site->site64,
			url64) < 0)
			return audit_fail(audit, -ENOMEM, "URLs that wait");
		return 0;
	}
	if (trios_add(&site->places, row->place, url64, 0) < 0)
		return audit_fail(audit, -ENOMEM, "URLs that are queued");
	if (row->place < site->first)
		site->first = row->place;
	return 0;
}

/* --- counting ------------------------------------------------------------ */

static void
add(struct bounds *bounds, bool surely, bool perhaps)
{
	bounds->least += surely;
	bounds->most += surely || perhaps;
}

static void
count_url(struct audit *audit, struct audit_site *site,
    const struct url_row *row)
{
	struct frontier_totals *t = &audit->totals;
	bool quarantined, unfetched;
	unsigned hundred = row->status < 600 ? row->status / 100 : 0;

	t->admitted++;
	t->late += row->late;
	site->admitted++;
	if (row->state != URL_ENDED) {
		site->queued++;
		t->queued++;
		return;
	}
	t->redirected += row->verdict == VERDICT_REDIRECTED;
	t->gone += row->verdict == VERDICT_GONE;
	t->done += row->verdict == VERDICT_DONE ||
		   row->verdict == VERDICT_REDIRECTED ||
		   row->verdict == VERDICT_GONE;
	t->failed += row->verdict == VERDICT_FAILED;
	t->excluded += row->verdict == VERDICT_EXCLUDED;
	t->quarantined += row->verdict == VERDICT_QUARANTINED;
	if (row->reason != REASON_NONE)
		t->reasons[row->reason]++;
	/*
	 * Ended without a request: its row may still have the status of a
	 * try before that.  Of a quarantined one the row does not say whether
	 * there was a request, or an answer, the last time.
	 */
	quarantined = row->verdict == VERDICT_QUARANTINED;
	unfetched = (row->verdict == VERDICT_EXCLUDED &&
			!(row->reason == REASON_RULE && row->status != 0)) ||
		    (row->verdict == VERDICT_FAILED &&
			row->reason == REASON_HOST_DOWN);
	if (unfetched)
		hundred = 0;
	for (unsigned i = 0; i < ARRAY_LEN(audit->statuses); i++)
		add(&audit->statuses[i], i == hundred && !quarantined,
		    i == hundred || (i == 0 && quarantined));
	site->errors += row_is_error(row);
	add(&site->fetched, !unfetched && !quarantined, quarantined);
}

/* --- a URL --------------------------------------------------------------- */

/* The whole text of the row, into audit->text. */
static int
row_text(struct audit *audit, const struct url_row *row)
{
	int r = 0;

	buf_clear(&audit->text);
	if (!row->whole)
		r = buf_add_span(&audit->text, buf_span(&audit->name));
	if (r == 0)
		r = buf_add_span(&audit->text, row->text);
	return r < 0 ? audit_fail(audit, r, "a URL") : 0;
}

/*
 * A row whose key is not that of its text: the URL is queued under its own,
 * unless that is known.  Its site may be another, with no host as yet: the
 * row has the whole text, so the next pass can make one.
 */
static int
rekey(struct audit *audit, struct audit_site *site, uint64_t url64,
    struct span value, const struct url_row *row, const struct canon_hash *own)
{
	struct row_key key = row_key2(site->site64, url64);
	struct url_row queued = *row;
	struct row_key own_key;
	int r;

	site->changed = true;
	audit->changes++;
	r = audit_remove(audit, STORE_URLS, row_key_span(&key), value);
	if (r < 0 || own == NULL) {
		if (r == 0)
			audit_repaired(audit, AUDIT_URL_KEY,
			    "a row that is of no URL is in lost+found "
			    "instead");
		return r;
	}
	own_key = row_key2(own->site64, own->url64);
	r = store_get(audit->store, STORE_URLS, row_key_span(&own_key), NULL);
	if (r < 0)
		return audit_fail(audit, r, "a URL's row");
	queued.whole = true;
	queued.text = buf_span(&audit->text);
	if (r == 0)
		r = audit_queue_again(audit, own->site64, own->url64, &queued);
	else
		r = 0;
	if (r == 0)
		audit_repaired(audit, AUDIT_URL_KEY,
		    "%.*s is known by its own key",
		    AUDIT_URL(buf_span(&audit->text)));
	return r;
}

/* Is the key that of the text?  1; 0 no, and it was dealt with. */
static int
judge_key(struct audit *audit, struct audit_site *site, uint64_t url64,
    struct span value, const struct url_row *row)
{
	struct canon_hash hash;
	int r = audit_hash(audit, buf_span(&audit->text), &hash);

	if (r < 0)
		return r;
	if (r == 1 && hash.site64 == site->site64) {
		if (hash.url64 == url64)
			return 1;
		if (audit_key_may_differ(audit)) {
			audit->odd_keys++;
			return 1;
		}
	}
	audit_problem(audit, AUDIT_URL_KEY,
	    "%016llx %016llx is not the key of %.*s",
	    (unsigned long long)site->site64, (unsigned long long)url64,
	    AUDIT_URL(buf_span(&audit->text)));
	if (!audit->mends)
		return 0;
	return rekey(audit, site, url64, value, row, r == 1 ? &hash : NULL);
}

/* A row that cannot be read, or whose host has no name: 0 or an error. */
static int
lose_row(struct audit *audit, struct audit_site *site, uint64_t url64,
    struct span value, const char *why)
{
	struct row_key key = row_key2(site->site64, url64);
	int r;

	site->changed = true;
	audit->changes++;
	r = audit_remove(audit, STORE_URLS, row_key_span(&key), value);
	if (r == 0)
		audit_repaired(audit, AUDIT_URL_ROW,
		    "%016llx %016llx, %s, is in lost+found instead",
		    (unsigned long long)site->site64, (unsigned long long)url64,
		    why);
	return r;
}

/* There are records of a URL, and no row that could be used. */
static int
unknown(struct audit *audit, struct audit_site *site, uint64_t url64,
    const struct trio *record)
{
	struct record_facts facts;
	int r;

	if (record == NULL)
		return 0;
	r = audit_read_record(audit, record->c, &facts);
	if (r < 0)
		return r;
	audit_problem(audit, AUDIT_RECORD_UNKNOWN,
	    "%.*s has a record, and the store does not know it",
	    AUDIT_URL(facts.url));
	if (!audit->mends)
		return 0;
	site->changed = true;
	return end_by_record(audit, site, url64, record->c, NULL,
	    AUDIT_RECORD_UNKNOWN);
}

int
audit_url(struct audit *audit, struct audit_site *site, uint64_t url64,
    struct span value, const struct trio *records, size_t n)
{
	const struct trio *record = NULL;
	struct url_row row;
	int r = 0;

	if (n > 0) {
		size_t counts = record_that_counts(records, n);

		record = &records[counts];
		for (size_t i = counts + 1; r == 0 && i < n; i++)
			r = drop_second(audit, records[i].c);
		if (r < 0)
			return r;
	}
	if (value.len == 0)
		return unknown(audit, site, url64, record);
	if (url_row_read(value, &row) < 0) {
		audit_problem(audit, AUDIT_URL_ROW,
		    "%016llx %016llx cannot be read",
		    (unsigned long long)site->site64,
		    (unsigned long long)url64);
		if (audit->mends)
			r = lose_row(audit, site, url64, value, "unreadable");
		return r < 0 ? r : unknown(audit, site, url64, record);
	}
	count_url(audit, site, &row);
	r = row_text(audit, &row);
	if (r < 0)
		return r;
	/* A host without a name is said once, for its site. */
	if (!row.whole && site->nameless)
		return audit->mends ? lose_row(audit, site, url64, value,
					  "of a host without a name")
				    : 0;
	if (row.whole || site->known) {
		r = judge_key(audit, site, url64, value, &row);
		if (r <= 0)
			return r < 0 ? r : unknown(audit, site, url64, record);
	}
	if (row.state == URL_ENDED)
		return judge_ended(audit, site, url64, &row, record);
	return judge_unended(audit, site, url64, &row, record);
}
