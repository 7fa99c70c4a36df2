/*
 * rows: values of the store, as a disk may give them back.
 *
 *     a byte: which kind of row; with 4 added, what follows is not the row
 *     but patches of two bytes to a sound one: a place, and what is put there
 *     the row, or the patches
 */
#include <errno.h>

#include "lib/frontier/host.h"
#include "lib/frontier/rows.h"
#include "tests/fuzz/fuzz.h"

/* What was read is written; what is written reads as the same bytes again. */
static void
url_row_holds(struct span bytes)
{
	struct url_row row, again;
	struct buf first, second;
	int r = url_row_read(bytes, &row);

	fuzz_holds(r == 0 || r == -EBADMSG);
	if (r < 0)
		return;
	fuzz_holds(row.state > 0 && row.state < URL_STATES);
	fuzz_holds(row.verdict < VERDICTS && row.reason < REASONS &&
		   row.found < LINK_KINDS);
	fuzz_holds(fuzz_is_within(row.text, bytes));
	buf_init(&first, bytes.len + 64);
	buf_init(&second, bytes.len + 64);
	fuzz_holds(url_row_write(&row, &first) == 0);
	fuzz_holds(url_row_read(buf_span(&first), &again) == 0);
	fuzz_holds(url_row_write(&again, &second) == 0);
	fuzz_holds(span_eq(buf_span(&first), buf_span(&second)));
	fuzz_holds(span_eq(row.text, again.text) && row.place == again.place);
	fuzz_holds(span_eq(row.chain, again.chain) &&
		   span_eq(row.target, again.target));
	fuzz_holds(fuzz_is_within(row.chain, bytes) &&
		   fuzz_is_within(row.target, bytes));
	buf_fini(&first);
	buf_fini(&second);
}

static void
host_row_holds(struct span bytes)
{
	struct host_row row, again;
	struct host host = { .site64 = 1 };
	struct buf first, second;
	int r = host_row_read(bytes, &row);

	fuzz_holds(r == 0 || r == -EBADMSG);
	if (r < 0)
		return;
	fuzz_holds(fuzz_is_within(row.name, bytes));
	buf_init(&first, bytes.len + 64);
	buf_init(&second, bytes.len + 64);
	fuzz_holds(host_row_write(&row, &first) == 0);
	fuzz_holds(host_row_read(buf_span(&first), &again) == 0);
	fuzz_holds(host_row_write(&again, &second) == 0);
	fuzz_holds(span_eq(buf_span(&first), buf_span(&second)));
	fuzz_holds(span_eq(row.name, again.name));
	host_from_row(&host, &row);
	fuzz_holds(rulebook_need(&host.rulebook, 0) <= RULEBOOK_REFUSE);
	fuzz_holds(rulebook_at_rest(&host.rulebook) < RULEBOOK_STATES);
	buf_fini(&first);
	buf_fini(&second);
}

static void
crawl_row_holds(struct span bytes)
{
	struct crawl_row row, again;
	struct buf first, second;
	int r = crawl_row_read(bytes, &row);

	fuzz_holds(r == 0 || r == -EBADMSG);
	if (r < 0)
		return;
	buf_init(&first, 1 << 16);
	buf_init(&second, 1 << 16);
	fuzz_holds(crawl_row_write(&row, &first) == 0);
	fuzz_holds(crawl_row_read(buf_span(&first), &again) == 0);
	fuzz_holds(crawl_row_write(&again, &second) == 0);
	fuzz_holds(span_eq(buf_span(&first), buf_span(&second)));
	buf_fini(&first);
	buf_fini(&second);
}

static void
key_holds(struct span bytes)
{
	uint64_t n[3];

	for (size_t i = 1; i <= 3; i++)
		fuzz_holds(
		    (row_key_read(bytes, i, n) == 0) == (bytes.len == i * 8));
}

/* A sound row of this kind, appended to `out`. */
static void
sound_row(unsigned kind, struct buf *out)
{
	struct url_row url = {
		.state = URL_QUEUED,
		.found = LINK_SITEMAP,
		.place = 7,
		.listed = { .lastmod_s = 1, .priority = 51 },
		.chain = SPAN("301 http://a.test/1\n302 http://b.test/\n"),
		.target = SPAN("http://c.test/"),
		.text = SPAN("/path?x=1"),
	};
	struct host_row host = {
		.admitted = 1,
		.queued = 1,
		.robots = RULEBOOK_RULES,
		.robots_block = true,
		.name = SPAN("http://a.test"),
	};
	struct crawl_row crawl = { .next_seq = 7 };
	struct row_key key = row_key3(1, 2, 3);

	switch (kind) {
	case 0:
		fuzz_holds(url_row_write(&url, out) == 0);
		break;
	case 1:
		fuzz_holds(host_row_write(&host, out) == 0);
		break;
	case 2:
		fuzz_holds(crawl_row_write(&crawl, out) == 0);
		break;
	default:
		fuzz_holds(buf_add_span(out, row_key_span(&key)) == 0);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = fuzz_input(data, size);
	unsigned kind = fuzz_byte(&in);
	struct buf row;
	struct span bytes;
	char *exact;

	buf_init(&row, 1 << 16);
	if (kind & 4) {
		sound_row(kind % 4, &row);
		while (in.left.len > 0) {
			size_t at = fuzz_byte(&in) % row.len;

			row.ptr[at] = (char)fuzz_byte(&in);
		}
		in.left = buf_span(&row);
	}
	exact = fuzz_exact(in.left);
	bytes = span_of(exact, in.left.len);
	switch (kind % 4) {
	case 0:
		url_row_holds(bytes);
		break;
	case 1:
		host_row_holds(bytes);
		break;
	case 2:
		crawl_row_holds(bytes);
		break;
	default:
		key_holds(bytes);
		break;
	}
	free(exact);
	buf_fini(&row);
	return 0;
}
