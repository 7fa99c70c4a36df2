/*
 * robots: compile, match, explain; and blocks that nobody compiled.
 *
 *     agent NUL target NUL text
 */
#include "lib/robots/robots.h"
#include "tests/fuzz/fuzz.h"

/* The line that decided, alone in a file, decides so again. */
static void
rule_decides_alone(const struct robots_ruling *ruling, struct span target)
{
	struct buf text, block;

	buf_init(&text, 1 << 22);
	buf_init(&block, 1 << 22);
	fuzz_holds(buf_printf(&text, "user-agent: *\n") == 0);
	fuzz_holds(robots_ruling_write(ruling, &text) == 0);
	for (size_t i = 14; i < text.len; i++)
		fuzz_holds(text.ptr[i] >= ' ' && text.ptr[i] < 0x7f);
	fuzz_holds(robots_compile(buf_span(&text), SPAN("a"), &block) == 0);
	fuzz_holds(robots_allows(buf_span(&block), target) == ruling->allowed);
	buf_fini(&text);
	buf_fini(&block);
}

/* Every question to a block; `lines` of the text that it is of, 0 unknown. */
static void
ask(struct span block, struct span target, size_t lines)
{
	struct robots_ruling ruling = robots_explain(block, target);
	struct span sitemap;
	int64_t delay_ms = robots_crawl_delay_ms(block);

	fuzz_holds(robots_allows(block, target) == ruling.allowed);
	fuzz_holds(robots_allows(block, SPAN("/robots.txt")));
	fuzz_holds(ruling.allowed || robots_valid(block));
	fuzz_holds(delay_ms >= -1 && delay_ms <= 24 * 3600 * 1000);
	fuzz_holds((ruling.ground == ROBOTS_RULE) == (ruling.line > 0));
	fuzz_holds(fuzz_is_within(ruling.pattern, block));
	if (lines > 0) {
		fuzz_holds(ruling.line <= lines);
		if (ruling.ground == ROBOTS_RULE)
			rule_decides_alone(&ruling, target);
	}
	for (size_t i = 0; robots_sitemap(block, i, &sitemap); i++)
		fuzz_holds(sitemap.len > 0 && fuzz_is_within(sitemap, block));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = fuzz_input(data, size);
	struct span agent = fuzz_part(&in);
	struct span target = fuzz_part(&in);
	struct span text = in.left, whole;
	struct buf block;
	size_t lines = 1;
	char *exact;

	for (size_t i = 0; i < text.len; i++)
		lines += text.ptr[i] == '\n' || text.ptr[i] == '\r';
	/* With as much room as is promised. */
	buf_init(&block, text.len + ROBOTS_BLOCK_OVERHEAD);
	fuzz_holds(robots_compile(text, agent, &block) == 0);
	fuzz_holds(robots_valid(buf_span(&block)));
	exact = fuzz_exact(buf_span(&block));
	ask(span_of(exact, block.len), target, lines);
	/* Some of its bytes by those of the text: a block that is none. */
	for (size_t i = 0; i + 2 < text.len && i < 24; i += 3)
		exact[(uint8_t)text.ptr[i] % block.len] ^= text.ptr[i + 1];
	ask(span_of(exact, block.len), target, 0);
	free(exact);
	buf_fini(&block);
	exact = fuzz_exact(text);
	ask(span_of(exact, text.len), target, 0);
	whole = robots_whole_lines(text);
	fuzz_holds(span_starts(text, whole) && fuzz_is_within(whole, text));
	free(exact);
	return 0;
}
