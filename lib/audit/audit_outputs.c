#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/archive/sink.h"
#include "lib/audit/audit_impl.h"

enum {
	COPY = 1 << 20
};

/* --- reading ------------------------------------------------------------- */

int
audit_drop(struct audit *audit, uint32_t segment, uint64_t at, uint64_t len)
{
	if (trios_add(&audit->drops, SINK_END(segment, at), len, 0) < 0)
		return audit_fail(audit, -ENOMEM, "lines to be taken out");
	return 0;
}

static int
bad_line(struct audit *audit, const struct tape_line *line,
    enum audit_kind kind, const char *what)
{
	char name[SINK_NAME];

	sink_name(line->segment, name);
	audit_problem(audit, kind, "%s, byte %llu: a line of %llu bytes %s",
	    name, (unsigned long long)line->at, (unsigned long long)line->len,
	    what);
	return audit_drop(audit, line->segment, line->at, line->len);
}

/* A line inside the cut that has no end. */
static int
torn_line(struct audit *audit, const struct tape_line *line)
{
	uint64_t cut = audit->crawl.cut.end;

	if (line->segment == SINK_SEGMENT(cut) &&
	    line->at + line->len == SINK_BYTE(cut))
		return bad_line(audit, line, AUDIT_CUT,
		    "reaches over the cut of the store");
	return bad_line(audit, line, AUDIT_LINE, "is torn: it has no end");
}

/* A record: is it this crawl's, and of the URL that it names?  1 yes. */
static int
judge_record(struct audit *audit, const struct tape_line *line,
    const struct record_facts *facts)
{
	const uint8_t *id = audit->options->crawl_id;
	struct canon_hash hash;
	char crawl_id[33];
	int r;

	for (size_t i = 0; i < 16; i++)
		snprintf(crawl_id + 2 * i, 3, "%02x", id[i]);
	if (strcmp(facts->crawl_id, crawl_id) != 0)
		return bad_line(audit, line, AUDIT_RECORD_FOREIGN,
		    "is of another crawl");
	r = audit_hash(audit, facts->url, &hash);
	if (r < 0)
		return r;
	if (r == 1 && hash.site64 == facts->site64 &&
	    hash.url64 == facts->url64)
		return 1;
	if (r == 1 && hash.site64 == facts->site64 &&
	    audit_key_may_differ(audit)) {
		audit->odd_keys++;
		return 1;
	}
	return bad_line(audit, line, AUDIT_RECORD_KEY,
	    "has an id that is not of its url");
}

static int
read_line(struct audit *audit, const struct tape_line *line)
{
	struct record_facts facts;
	enum record_fault fault;
	int r;

	if (line->too_long)
		return bad_line(audit, line, AUDIT_LINE,
		    "is longer than any record");
	if (line->torn)
		return torn_line(audit, line);
	fault = record_read(line->text, &audit->record_url, &facts);
	if (fault == RECORD_NO_MEMORY)
		return audit_fail(audit, -ENOMEM, "a record");
	if (fault != RECORD_GOOD)
		return bad_line(audit, line, AUDIT_LINE,
		    record_fault_text(fault));
	r = judge_record(audit, line, &facts);
	if (r <= 0)
		return r;
	audit->n_records++;
	audit->record_bytes += line->len;
	if (trios_add(&audit->records, facts.site64, facts.url64,
		record_where(line->segment, line->at,
		    facts.reason == REASON_QUARANTINED)) < 0)
		return audit_fail(audit, -ENOMEM,
		    "the records: 24 bytes each are needed");
	return 0;
}

/* Is there what the store says was written? */
static void
judge_end(struct audit *audit)
{
	uint64_t cut = audit->crawl.cut.end;
	uint64_t size = tape_size(audit->tape, SINK_SEGMENT(cut));
	char name[SINK_NAME];

	audit->is_short = size < SINK_BYTE(cut);
	if (!audit->is_short)
		return;
	sink_name(SINK_SEGMENT(cut), name);
	audit_problem(audit, AUDIT_OUTPUT_SHORT,
	    "%s: %llu bytes long, and %llu are known to have been written",
	    name, (unsigned long long)size, (unsigned long long)SINK_BYTE(cut));
}

int
audit_read_outputs(struct audit *audit)
{
	struct tape_line line;
	int r;

	r = tape_open(audit->out_dir, audit->crawl.cut.end, &audit->tape,
	    audit->err);
	if (r < 0)
		return r;
	if (tape_stranger(audit->tape) != NULL)
		audit_problem(audit, AUDIT_OUTPUT_FILE,
		    "%s: in the place of an output file, and is none; move "
		    "it away",
		    tape_stranger(audit->tape));
	judge_end(audit);
	while ((r = tape_next(audit->tape, &line, audit->err)) == 1) {
		r = read_line(audit, &line);
		if (r < 0)
			break;
	}
	if (r == 0)
		trios_sort(&audit->records);
	return r;
}

int
audit_read_record(struct audit *audit, uint64_t where, struct record_facts *out)
{
	int r = tape_read(audit->tape, where_segment(where), where_at(where),
	    &audit->line, audit->err);

	if (r < 0)
		return r;
	/* It was read a moment ago. */
	if (r == 0 || record_read(buf_span(&audit->line), &audit->record_url,
			  out) != RECORD_GOOD)
		return audit_fail(audit, -EIO,
		    "a record that changes while it is looked at");
	return 0;
}

void
audit_judge_gaps(struct audit *audit)
{
	uint32_t last = SINK_SEGMENT(audit->crawl.cut.end), expected = 1;
	uint32_t segment, gone = 0, first = 0;
	char name[SINK_NAME];

	for (size_t i = 0; expected < last; i++) {
		segment = tape_segment(audit->tape, i);
		if (segment == 0 || segment > last)
			segment = last;
		if (segment > expected && gone == 0)
			first = expected;
		gone += segment > expected ? segment - expected : 0;
		expected = segment + 1;
	}
	if (gone == 0)
		return;
	sink_name(first, name);
	if (audit->missing > 0)
		audit_problem(audit, AUDIT_OUTPUT_MISSING,
		    "%s is not there (files missing: %u)", name, gone);
	else
		audit_note(audit, AUDIT_OUTPUT_MISSING,
		    "%s is not there (files missing: %u); no URL misses a "
		    "record",
		    name, gone);
}

/* --- mending ------------------------------------------------------------- */

struct copier {
	struct audit *audit;
	int in, out; /* out -1: nothing is kept, all is lost */
	uint64_t at; /* of what was read */
	uint64_t kept;
	char bytes[COPY];
};

static int
copy_fail(struct audit *audit, const char *name)
{
	int number = errno;

	return err_set(audit->err,
	    number == ENOSPC || number == EDQUOT ? -ENOSPC : -EIO,
	    "%s/%s: cannot be rewritten: %s", audit->out_dir, name,
	    strerror(number));
}

/* The next `len` bytes: into the new file, or to lost+found. */
static int
copy(struct copier *c, uint64_t len, bool keep)
{
	while (len > 0) {
		size_t most = len < COPY ? (size_t)len : COPY;
		ssize_t n = pread(c->in, c->bytes, most, (off_t)c->at);
		int r = 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return copy_fail(c->audit, "");
		if (n == 0)
			return 0; /* the file ends before the cut */
		if (!keep)
			r = lost_bytes(c->audit->lost,
			    span_of(c->bytes, (size_t)n), c->audit->err);
		for (ssize_t done = 0; keep && done < n;) {
			ssize_t w = write(c->out, c->bytes + done,
			    (size_t)(n - done));

			if (w < 0 && errno != EINTR)
				return copy_fail(c->audit, "");
			done += w > 0 ? w : 0;
		}
		if (r < 0)
			return r;
		c->at += (uint64_t)n;
		c->kept += keep ? (uint64_t)n : 0;
		len -= (uint64_t)n;
	}
	return 0;
}

/* What of this segment lies in front of the cut. */
static uint64_t
kept_size(const struct audit *audit, uint32_t segment)
{
	uint64_t cut = audit->crawl.cut.end;
	uint64_t size = tape_size(audit->tape, segment);

	if (segment > SINK_SEGMENT(cut))
		return 0;
	if (segment == SINK_SEGMENT(cut) && size > SINK_BYTE(cut))
		return SINK_BYTE(cut);
	return size;
}

/* Write what stays into c->out, and all else to lost+found. */
static int
sort_out(struct copier *c, uint32_t segment, const struct trio *drops, size_t n)
{
	struct audit *audit = c->audit;
	uint64_t stays = kept_size(audit, segment);
	uint64_t size = tape_size(audit->tape, segment);
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		uint64_t at = SINK_BYTE(drops[i].a);

		r = copy(c, at - c->at, true);
		if (r == 0)
			r = copy(c, drops[i].b, false);
	}
	if (r == 0 && stays > c->at)
		r = copy(c, stays - c->at, true);
	if (r == 0 && size > c->at)
		r = copy(c, size - c->at, false);
	return r;
}

/* Make the folder's changes durable. */
static int
sync_folder(struct audit *audit, int dirfd)
{
	return fsync(dirfd) < 0 ? copy_fail(audit, "") : 0;
}

/* Temp, fsync, rename: a reader, or a kill, meets the old file or the new. */
static int
rewrite(struct audit *audit, int dirfd, uint32_t segment,
    const struct trio *drops, size_t n, struct copier *c)
{
	static const char temp[] = ".fsck.new";
	char name[SINK_NAME];
	struct stat st;
	int r = 0;

	sink_name(segment, name);
	c->audit = audit;
	c->at = c->kept = 0;
	c->in = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (c->in < 0 || fstat(c->in, &st) < 0) {
		r = copy_fail(audit, name);
		goto done;
	}
	c->out = openat(dirfd, temp,
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
	    st.st_mode & 0777);
	if (c->out < 0) {
		r = copy_fail(audit, name);
		goto done;
	}
	r = sort_out(c, segment, drops, n);
	if (r == 0)
		r = lost_sync(audit->lost, audit->err);
	if (r == 0 &&
	    (fsync(c->out) < 0 || renameat(dirfd, temp, dirfd, name) < 0))
		r = copy_fail(audit, name);
	if (r < 0)
		unlinkat(dirfd, temp, 0);
done:
	if (c->in >= 0)
		close(c->in);
	if (c->out >= 0)
		close(c->out);
	c->in = c->out = -1;
	return r;
}

/* All from `from` on is lost; of a file behind the cut, its name too. */
static int
cut_segment(struct audit *audit, int dirfd, uint32_t segment, uint64_t from,
    struct copier *c)
{
	char name[SINK_NAME];
	int r;

	sink_name(segment, name);
	c->audit = audit;
	c->at = c->kept = from;
	c->in = openat(dirfd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (c->in < 0)
		return copy_fail(audit, name);
	r = copy(c, tape_size(audit->tape, segment) - from, false);
	if (r == 0)
		r = lost_sync(audit->lost, audit->err);
	if (r == 0 && segment > SINK_SEGMENT(audit->crawl.cut.end) &&
	    unlinkat(dirfd, name, 0) < 0)
		r = copy_fail(audit, name);
	if (r == 0 && (ftruncate(c->in, (off_t)from) < 0 || fsync(c->in) < 0))
		r = copy_fail(audit, name);
	close(c->in);
	c->in = -1;
	return r;
}

static int
mend_segment(struct audit *audit, int dirfd, uint32_t segment,
    const struct trio *drops, size_t n, struct copier *c)
{
	uint32_t last = SINK_SEGMENT(audit->crawl.cut.end);
	uint64_t size = tape_size(audit->tape, segment);
	uint64_t tail = size - kept_size(audit, segment);
	char name[SINK_NAME];
	int r;

	if (n == 0 && tail == 0 && segment <= last)
		return 0;
	sink_name(segment, name);
	if (n == 0)
		r = cut_segment(audit, dirfd, segment, size - tail, c);
	else
		r = rewrite(audit, dirfd, segment, drops, n, c);
	if (r == 0)
		r = sync_folder(audit, dirfd);
	if (r < 0)
		return r;
	if (n > 0)
		audit_repaired(audit, AUDIT_LINE,
		    "%s: %zu lines are in lost+found instead", name, n);
	if (tail > 0 || segment > last)
		audit_repaired(audit, AUDIT_TAIL,
		    "%s: %llu bytes behind the cut are in lost+found instead",
		    name, (unsigned long long)tail);
	if (segment == last) {
		audit->crawl.cut.end = SINK_END(segment, c->kept);
		audit->is_short = false;
		audit->crawl_changed = true;
	}
	return 0;
}

static int
mend_all(struct audit *audit, int dirfd, struct copier *c)
{
	const struct trio *drops = audit->drops.at;
	size_t left = audit->drops.n, n;
	uint32_t segment;
	int r = 0;

	for (size_t i = 0; r == 0; i++) {
		segment = tape_segment(audit->tape, i);
		if (segment == 0)
			break;
		for (n = 0; n < left && SINK_SEGMENT(drops[n].a) == segment;)
			n++;
		r = mend_segment(audit, dirfd, segment, drops, n, c);
		drops += n;
		left -= n;
	}
	return r;
}

int
audit_mend_outputs(struct audit *audit)
{
	uint32_t last = SINK_SEGMENT(audit->crawl.cut.end);
	uint64_t size = tape_size(audit->tape, last);
	struct copier *c;
	int dirfd, r;

	trios_sort(&audit->drops);
	dirfd = open(audit->out_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0 && errno != ENOENT)
		return copy_fail(audit, "");
	c = malloc(sizeof(*c));
	if (c == NULL) {
		r = audit_fail(audit, -ENOMEM, "rewriting outputs");
		goto done;
	}
	c->in = c->out = -1;
	r = dirfd >= 0 ? mend_all(audit, dirfd, c) : 0;
	/* Shorter than the cut, and nothing to be taken out of it. */
	if (r == 0 && audit->is_short) {
		audit->crawl.cut.end = SINK_END(last, size);
		audit->crawl_changed = true;
		audit_repaired(audit, AUDIT_OUTPUT_SHORT,
		    "the cut of the store is %llu bytes into file %u now",
		    (unsigned long long)size, last);
	}
done:
	free(c);
	if (dirfd >= 0)
		close(dirfd);
	return r;
}
