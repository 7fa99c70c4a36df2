/*
 * trap: what a link's URL, a person's word and a row of the store may be.
 *
 *     a byte: max_path_depth and max_path_repeat, half of it each
 *     a pattern of a blocked host, and a NUL
 *     a URL, and a NUL
 *     a row of a pattern of too many URLs
 */
#include <errno.h>

#include "lib/frontier/block.h"
#include "lib/frontier/rows.h"
#include "lib/frontier/trap.h"
#include "lib/url/url.h"
#include "tests/fuzz/fuzz.h"

/* What was read reads as itself, and closes the host that it names. */
static void
block_holds(struct span text)
{
	struct blocks blocks = BLOCKS_NONE;
	struct buf first, second;
	struct err err = ERR_NONE;
	struct span name;
	int r;

	buf_init(&first, BLOCK_LONGEST);
	buf_init(&second, BLOCK_LONGEST);
	r = block_read(text, &first, &err);
	fuzz_holds(r == 0 || (r == -EINVAL && err.text[0] != '\0'));
	if (r == 0) {
		fuzz_holds(block_read(buf_span(&first), &second, &err) == 0);
		fuzz_holds(span_eq(buf_span(&first), buf_span(&second)));
		fuzz_holds(blocks_add(&blocks, buf_span(&first)) == 1);
		name = buf_span(&first);
		if (!span_starts(name, SPAN("*.")))
			fuzz_holds(
			    blocks_match(&blocks, name.ptr[0] == '.'
						      ? span_from_at(name, 1)
						      : name) != NULL);
		fuzz_holds(blocks_remove(&blocks, name));
		fuzz_holds(blocks_match(&blocks, name) == NULL);
	}
	blocks_fini(&blocks);
	buf_fini(&first);
	buf_fini(&second);
}

static void
patterns_hold(const struct url *url, uint8_t limits)
{
	struct trap_pattern one[TRAP_VIEWS], again[TRAP_VIEWS];
	struct span path = url_path(url), query = url_query(url);
	size_t n = trap_patterns(path, query, one);
	enum trap_shape shape;

	fuzz_holds(n <= TRAP_VIEWS);
	fuzz_holds(trap_patterns(path, query, again) == n);
	for (size_t i = 0; i < n; i++) {
		fuzz_holds(one[i].len > 0 && one[i].len <= TRAP_LONGEST);
		fuzz_holds(one[i].len == again[i].len &&
			   memcmp(one[i].text, again[i].text, one[i].len) == 0);
	}
	shape = trap_shape_of(path, limits & 15, limits >> 4);
	fuzz_holds(shape == TRAP_NO || limits != 0);
	/* A higher limit never makes a trap of what was none. */
	if (shape == TRAP_NO && (limits & 15) > 0 && limits >> 4 > 1)
		fuzz_holds(trap_shape_of(path, (limits & 15) + 1u,
			       (limits >> 4) + 1u) == TRAP_NO);
}

static void
row_holds(struct span bytes)
{
	struct trap_row row, again;
	struct buf first;
	int r = trap_row_read(bytes, &row);

	fuzz_holds(r == 0 || r == -EBADMSG);
	if (r < 0)
		return;
	fuzz_holds(fuzz_is_within(row.host, bytes) &&
		   fuzz_is_within(row.pattern, bytes) &&
		   fuzz_is_within(row.example, bytes));
	buf_init(&first, bytes.len + 64);
	fuzz_holds(trap_row_write(&row, &first) == 0);
	fuzz_holds(trap_row_read(buf_span(&first), &again) == 0);
	fuzz_holds(span_eq(row.host, again.host) &&
		   span_eq(row.pattern, again.pattern) &&
		   span_eq(row.example, again.example));
	buf_fini(&first);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = fuzz_input(data, size);
	uint8_t limits = fuzz_byte(&in);
	struct url url;

	block_holds(fuzz_part(&in));
	url_init(&url);
	if (url_parse(fuzz_part(&in), NULL, &url) == 0 && url_fetchable(&url))
		patterns_hold(&url, limits);
	url_fini(&url);
	row_holds(in.left);
	return 0;
}
