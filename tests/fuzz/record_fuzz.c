/*
 * record: a line of the outputs that somebody may have edited.
 *
 *     the line
 */
#include "lib/archive/record_read.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span line = span_of((const char *)data, size);
	struct record_facts facts = { .depth = 54321 };
	enum record_fault fault;
	struct buf url;

	buf_init(&url, 1 << 20);
	fault = record_read(line, &url, &facts);
	fuzz_holds(fault != RECORD_NO_MEMORY);
	fuzz_holds(
	    (record_fault_text(fault)[0] == '\0') == (fault == RECORD_GOOD));
	fuzz_holds((fault == RECORD_NOT_UTF8) == !fuzz_is_utf8(line));
	if (fault == RECORD_GOOD) {
		fuzz_holds(facts.url.len > 0 &&
			   fuzz_is_within(facts.url, buf_span(&url)));
		fuzz_holds(fuzz_is_utf8(facts.url));
		fuzz_holds(facts.reason < REASONS);
		fuzz_holds(record_verdict(&facts) < VERDICTS);
		fuzz_holds(strnlen(facts.crawl_id, sizeof(facts.crawl_id)) <
			   sizeof(facts.crawl_id));
	} else {
		fuzz_holds(facts.depth == 54321); /* left alone */
	}
	buf_fini(&url);
	return 0;
}
