/*
 * headers: the block of a response, and what is read out of it.
 *
 *     lines as they come from the wire
 */
#include <errno.h>

#include "lib/fetch/header.h"
#include "lib/html/css.h"
#include "lib/html/linkheader.h"
#include "lib/html/refresh.h"
#include "lib/html/srcset.h"
#include "lib/html/type.h"
#include "tests/fuzz/fuzz.h"

static void
value_holds(struct span value)
{
	struct span rest = value, url, rel, essence;
	struct refresh refresh;
	size_t left = value.len + 1;

	while (linkheader_next(&rest, &url, &rel)) {
		fuzz_holds(fuzz_is_within(url, value));
		fuzz_holds(fuzz_is_within(rel, value));
		fuzz_holds(rest.len < left); /* it gets somewhere */
		left = rest.len;
	}
	rest = value;
	left = value.len + 1;
	while (srcset_next(&rest, &url)) {
		fuzz_holds(url.len > 0 && fuzz_is_within(url, value));
		fuzz_holds(rest.len < left);
		left = rest.len;
	}
	rest = value;
	left = value.len + 1;
	while (css_next(&rest, &url)) {
		fuzz_holds(url.len > 0 && fuzz_is_within(url, value));
		fuzz_holds(rest.len < left);
		left = rest.len;
	}
	if (refresh_parse(value, &refresh)) {
		fuzz_holds(refresh.delay_s >= 0);
		fuzz_holds(
		    !refresh.has_url || fuzz_is_within(refresh.url, value));
	}
	essence = type_essence(value);
	fuzz_holds(fuzz_is_within(essence, value));
	fuzz_holds(
	    fuzz_is_within(type_parameter(value, SPAN("charset")), value));
}

static void
line_holds(struct span name, struct span value)
{
	fuzz_holds(name.len > 0);
	for (size_t i = 0; i < name.len; i++)
		fuzz_holds((unsigned char)name.ptr[i] > ' ' &&
			   name.ptr[i] != ':' && name.ptr[i] != 0x7f &&
			   !(name.ptr[i] >= 'A' && name.ptr[i] <= 'Z'));
	for (size_t i = 0; i < value.len; i++)
		fuzz_holds(
		    (unsigned char)value.ptr[i] >= ' ' && value.ptr[i] != 0x7f);
	value_holds(value);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_of((const char *)data, size);
	struct header header;
	struct span lines, name, value;
	size_t n = 0, ends = 0;
	int64_t ms;

	header_init(&header);
	while (rest.len > 0) {
		const char *end = memchr(rest.ptr, '\n', rest.len);
		size_t len = end ? (size_t)(end - rest.ptr) + 1 : rest.len;
		int r = header_add(&header, span_of(rest.ptr, len));

		fuzz_holds(r == 0 || r == -EMSGSIZE);
		rest = span_from_at(rest, len);
	}
	lines = buf_span(&header.lines);
	fuzz_holds(lines.len <= HEADER_KEPT_MAX);
	for (size_t i = 0; i < lines.len; i++)
		ends += lines.ptr[i] == '\n';
	for (struct span walk = lines; header_next(&walk, &name, &value); n++) {
		fuzz_holds(fuzz_is_within(name, lines));
		line_holds(name, value);
		fuzz_holds(header_find(lines, name).ptr != NULL);
	}
	/* What is kept is nothing but lines that can be read. */
	fuzz_holds(n == ends);
	ms = header_retry_after(lines, INT64_C(1764201600000));
	fuzz_holds(ms >= -1 && ms <= HEADER_RETRY_AFTER_MAX_MS);
	fuzz_holds(
	    header_status(&header) == 0 ||
	    (header_status(&header) >= 100 && header_status(&header) <= 999));
	/* Lines that nobody wrote, as they may lie in a cell. */
	rest = span_of((const char *)data, size);
	while (header_next(&rest, &name, &value))
		value_holds(value);
	ms = header_retry_after(span_of((const char *)data, size), 0);
	fuzz_holds(ms >= -1 && ms <= HEADER_RETRY_AFTER_MAX_MS);
	value_holds(span_of((const char *)data, size));
	header_fini(&header);
	return 0;
}
