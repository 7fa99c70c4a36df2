#include "lib/robots/robots.h"

#include <endian.h>
#include <errno.h>
#include <time.h>

#include "lib/base/utf8.h"
#include "tests/harness.h"

/* Longest text that a test compiles. */
#define TEXT_LIMIT (1 << 20)

static struct buf block;

/* Compile for "mpcrawl" into `block`, anew. */
static void
compiles(struct span text)
{
	buf_fini(&block);
	buf_init(&block, text.len + ROBOTS_BLOCK_OVERHEAD);
	ck_assert_int_eq(robots_compile(text, SPAN("mpcrawl"), &block), 0);
	ck_assert(robots_valid(buf_span(&block)));
}

static bool
allows(const char *target)
{
	return robots_allows(buf_span(&block), span_from(target));
}

/* One pattern in "Disallow:" for everybody: does it match? */
static bool
denies(const char *pattern, const char *target)
{
	struct buf text;

	buf_init(&text, TEXT_LIMIT);
	ck_assert_int_eq(buf_printf(&text, "User-agent: *\nDisallow: %s\n",
			     pattern),
	    0);
	compiles(buf_span(&text));
	buf_fini(&text);
	return !allows(target);
}

START_TEST(robots_encoded_and_plain_are_one)
{
	/* clang-format off */
	static const struct {
		const char *pattern, *target;
		bool match;
	} cases[] = {
		{ "/%7Euser", "/~user", true },
		{ "/~user", "/%7euser", true },
		{ "/a b", "/a%20b", true },
		{ "/a%20b", "/a%20b", true },
		{ "/a|b", "/a%7Cb", true },
		{ "/?q='x'", "/?q=%27x%27", true },
		{ "/\xE3\x83\x84", "/%e3%83%84", true },
		{ "/\xFF", "/%FF", true }, /* malformed UTF-8 too */
		{ "/a%2Fb", "/a%2fb", true },
		{ "/a%2Fb", "/a/b", false },
		{ "/a/b", "/a%2Fb", false },
		{ "/a%3Fb", "/a?b", false },
		{ "/a%25b", "/a%25b", true },
		/* Not an escape: the '%' is itself. */
		{ "/a%zz", "/a%zz", true },
		{ "/a%", "/a%", true },
		{ "/a%4", "/a%4", true },
		{ "/a%4", "/a%41", false },
		{ "/%2A", "/*", true },
		{ "/%2A", "/x", false },
		{ "/%00", "/%00", true },
		{ "/a%00b", "/axxb", false }, /* no star within */
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		ck_assert_msg(denies(cases[i].pattern, cases[i].target) ==
				  cases[i].match,
		    "%s against %s", cases[i].pattern, cases[i].target);
	}
	buf_fini(&block);
}
END_TEST

START_TEST(robots_stars_and_anchors)
{
	/* clang-format off */
	static const struct {
		const char *pattern, *target;
		bool match;
	} cases[] = {
		{ "*", "/", true },
		{ "*$", "/anything", true },
		{ "/*$", "/", true },
		{ "/*/*/x", "/a/b/x", true },
		{ "/*/*/x", "/a/x", false },
		{ "/*ab*ab$", "/ab", false }, /* pieces do not overlap */
		{ "/*ab*ab$", "/abab", true },
		{ "/*ab*a", "/ab", false },
		{ "/a*b*c", "/a-c-b", false },
		{ "/*.php$", "/a.php.php", true },
		{ "/*.php$", "/a.php?x", false },
		{ "/a$", "/a", true },
		{ "/a$", "/ab", false },
		{ "/a$$", "/a$", true },
		{ "/a$$", "/a", false },
		{ "/*****a****$", "/xxaxx", true },
		{ "a", "/a", false }, /* begins like no path */
		{ "$", "/", false },
		{ "/", "", true },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		ck_assert_msg(denies(cases[i].pattern, cases[i].target) ==
				  cases[i].match,
		    "%s against %s", cases[i].pattern, cases[i].target);
	}
	buf_fini(&block);
}
END_TEST

/* Matching as one would write it without a thought for its cost. */
static bool
plainly_matches(const char *pattern, const char *target)
{
	if (*pattern == '\0')
		return true;
	if (pattern[0] == '$' && pattern[1] == '\0')
		return *target == '\0';
	if (*pattern == '*')
		return plainly_matches(pattern + 1, target) ||
		       (*target != '\0' &&
			   plainly_matches(pattern, target + 1));
	return *pattern == *target && plainly_matches(pattern + 1, target + 1);
}

START_TEST(robots_matching_agrees_with_a_plain_matcher)
{
	uint64_t state = test_seed();
	unsigned matched = 0;

	for (int round = 0; round < 20000; round++) {
		char pattern[16] = "/", target[24] = "/";
		size_t n = 1 + test_random(&state) % 10;
		size_t m = 1 + test_random(&state) % 14;
		bool match;

		for (size_t i = 1; i < n; i++)
			pattern[i] = "ab**"[test_random(&state) % 4];
		if (test_random(&state) % 2 == 0)
			pattern[n] = '$';
		for (size_t i = 1; i < m; i++)
			target[i] = "ab"[test_random(&state) % 2];
		match = denies(pattern, target);
		matched += match;
		ck_assert_msg(match == plainly_matches(pattern, target),
		    "%s against %s", pattern, target);
	}
	/* Both answers were there to be had. */
	ck_assert(matched > 2000 && matched < 18000);
	buf_fini(&block);
}
END_TEST

START_TEST(robots_the_longest_pattern_decides)
{
	compiles(SPAN("user-agent: *\n"
		      "disallow: /a\nallow: /a/b\ndisallow: /a/b/*/d\n"
		      "allow: /q\ndisallow: /q\n"
		      /* Counted as encoded: nine octets, more than five. */
		      "allow: /*\xE3\x83\x84\ndisallow: /s/tu*"));
	ck_assert(!allows("/a"));
	ck_assert(allows("/a/b/c"));
	ck_assert(!allows("/a/b/c/d"));
	ck_assert(allows("/q")); /* a tie */
	ck_assert(allows("/s/tu%E3%83%84"));
	ck_assert(!allows("/s/tu"));
	ck_assert(allows("/other"));
	buf_fini(&block);
}
END_TEST

static struct robots_ruling
explains(const char *target)
{
	struct robots_ruling ruling = robots_explain(buf_span(&block),
	    span_from(target));

	/* Whoever asks the short way hears the same. */
	ck_assert_int_eq(ruling.allowed, allows(target));
	return ruling;
}

START_TEST(robots_explain_names_the_line_that_decided)
{
	/* clang-format off */
	static const struct {
		const char *target;
		bool allowed;
		enum robots_ground ground;
		uint32_t line;
		const char *rule;
	} cases[] = {
		{ "/private/x", false, ROBOTS_RULE, 4, "Disallow: /private" },
		{ "/private/open/x", true, ROBOTS_RULE, 5, "Allow: /private/open/" },
		{ "/a/b.pdf", false, ROBOTS_RULE, 8, "Disallow: /*.pdf$" },
		{ "/a/b.pdf?x", true, ROBOTS_NO_RULE, 0, NULL },
		/* Of the same rule twice the first. */
		{ "/twice", false, ROBOTS_RULE, 9, "Disallow: /twice" },
		/* What could not stand there as it is, is written encoded. */
		{ "/%E3%83%84", false, ROBOTS_RULE, 11, "Disallow: /%E3%83%84" },
		{ "/a%20b*c", false, ROBOTS_RULE, 12, "Disallow: /a%20b%2Ac" },
		{ "/end$", false, ROBOTS_RULE, 13, "Disallow: /end%24" },
		{ "/robots.txt", true, ROBOTS_ITSELF, 0, NULL },
		{ "/", true, ROBOTS_NO_RULE, 0, NULL },
	};
	/* clang-format on */

	/* Line ends of every kind, counted as an editor does. */
	compiles(SPAN("# a comment\r\nuser-agent: mpcrawl\r\n\r\n"
		      "disallow: /private\rallow: /private/open/\r"
		      "disallow:\n\ndisallow: /*.pdf$\ndisallow: /twice\n"
		      "disallow: /twice\ndisallow: /\xE3\x83\x84\n"
		      "disallow: /a b%2Ac\ndisallow: /end%24\n"
		      "user-agent: other\ndisallow: /\n"));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct robots_ruling ruling = explains(cases[i].target);
		struct buf text;

		ck_assert_msg(ruling.allowed == cases[i].allowed &&
				  ruling.ground == cases[i].ground &&
				  ruling.line == cases[i].line,
		    "%s: %d, line %u", cases[i].target, ruling.allowed,
		    ruling.line);
		if (cases[i].rule == NULL)
			continue;
		buf_init(&text, 100);
		ck_assert_int_eq(robots_ruling_write(&ruling, &text), 0);
		ck_assert_msg(span_eq(buf_span(&text),
				  span_from(cases[i].rule)),
		    "%s: %.*s", cases[i].target, SPAN_ARG(buf_span(&text)));
		buf_fini(&text);
	}
	/* A rule longer than there is room for. */
	{
		struct robots_ruling ruling = explains("/private/x");
		struct buf small;

		buf_init(&small, 12);
		ck_assert_int_eq(robots_ruling_write(&ruling, &small),
		    -EMSGSIZE);
		buf_fini(&small);
	}
	buf_fini(&block);
}
END_TEST

START_TEST(robots_a_written_rule_reads_as_the_same)
{
	static const char *const bits[] = { "%", "%4", "%41", "%25", "%2f",
		"%2F", "%%34", "%2A", "%24", "*", "$", "a", "1", "F", " ",
		"%00", "\xE3", "~", "%7e", "%23" };
	uint64_t state = test_seed();

	for (int round = 0; round < 20000; round++) {
		struct span rules = SPAN("user-agent: *\ndisallow: /");
		struct robots_ruling ruling = { .allowed = true };
		struct buf text, first;
		uint32_t word;
		size_t n = 1 + test_random(&state) % 6;

		buf_init(&text, 200);
		buf_init(&first, 200);
		ck_assert_int_eq(buf_add_span(&text, rules), 0);
		while (n-- > 0) {
			const char *bit =
			    bits[test_random(&state) % ARRAY_LEN(bits)];

			ck_assert_int_eq(buf_add_span(&text, span_from(bit)),
			    0);
		}
		compiles(buf_span(&text));
		ck_assert_int_eq(buf_add_span(&first, buf_span(&block)), 0);
		/* The one rule, taken out of the block as it lies there. */
		memcpy(&word, block.ptr + ROBOTS_BLOCK_OVERHEAD, sizeof(word));
		ruling.allowed = word & 1;
		ruling.anchored = word >> 1 & 1;
		ruling.pattern = span_of(block.ptr + ROBOTS_BLOCK_OVERHEAD + 7,
		    word >> 2);
		buf_clear(&text);
		ck_assert_int_eq(buf_printf(&text, "user-agent: *\n"), 0);
		ck_assert_int_eq(robots_ruling_write(&ruling, &text), 0);
		compiles(buf_span(&text));
		ck_assert_msg(span_eq(buf_span(&first), buf_span(&block)),
		    "%.*s", SPAN_ARG(buf_span(&text)));
		buf_fini(&text);
		buf_fini(&first);
	}
	buf_fini(&block);
}
END_TEST

START_TEST(robots_txt_itself_is_always_allowed)
{
	compiles(SPAN("user-agent: *\ndisallow: /\n"));
	ck_assert(allows("/robots.txt"));
	ck_assert(allows("/robots%2Etxt"));
	ck_assert(!allows("/robots.txt/x"));
	ck_assert(!allows("/robots.txt?x"));
	buf_fini(&block);
}
END_TEST

START_TEST(robots_rules_with_control_characters_are_no_rules)
{
	static const char text[] = "user-agent: *\n"
				   "disallow: /\x01x\n"
				   "allow: /\0\n"
				   "disallow: /y\n"
				   "sitemap: http://h/\x1b[2J\n";
	struct span out;

	compiles(span_of(text, sizeof(text) - 1));
	ck_assert(!allows("/y"));
	ck_assert(allows("/%01x"));
	ck_assert(!robots_sitemap(buf_span(&block), 0, &out));
	buf_fini(&block);
}
END_TEST

START_TEST(robots_crawl_delay_is_of_the_agents_above_it)
{
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = {
		{ "user-agent: *\ncrawl-delay: 10\n", 10000 },
		{ "user-agent: *\ncrawl-delay: 0.25\n", 250 },
		{ "user-agent: *\ncrawl-delay: 0\n", 0 },
		{ "user-agent: *\ncrawl-delay: 0.0001\n", 1 },
		{ "user-agent: *\ncrawl-delay: 1.0000\n", 1000 },
		{ "user-agent: *\ncrawl-delay: 99999999999999999999\n",
		    86400000 },
		{ "user-agent: *\ncrawl-delay: -3\n", -1 },
		{ "user-agent: *\ncrawl-delay: 1e3\n", -1 },
		{ "user-agent: *\ncrawl-delay: .\n", -1 },
		{ "user-agent: *\ncrawl-delay:\n", -1 },
		{ "crawl-delay: 3\n", -1 },
		/* Ours counts, not that of all. */
		{ "user-agent: *\ncrawl-delay: 9\n"
		  "user-agent: mpcrawl\ndisallow: /x\n",
		    -1 },
		/* Twice for us: the longer one. */
		{ "user-agent: mpcrawl\ncrawl-delay: 2\ncrawl-delay: 1\n",
		    2000 },
		{ "user-agent: a\nuser-agent: *\ncrawl-delay: 4\n", 4000 },
		/* That of "slow" is not ours, though the group goes on. */
		{ "user-agent: slow\ncrawl-delay: 60\n\nuser-agent: *\n"
		  "disallow: /x\n",
		    -1 },
		{ "user-agent: slow\ncrawl-delay: 60\nuser-agent: *\n"
		  "crawl-delay: 2\n",
		    2000 },
		{ "user-agent: *\ncrawl-delay: 2\nuser-agent: slow\n"
		  "crawl-delay: 60\n",
		    2000 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		compiles(span_from(cases[i].text));
		ck_assert_msg(robots_crawl_delay_ms(buf_span(&block)) ==
				  cases[i].ms,
		    "%s", cases[i].text);
	}
	buf_fini(&block);
}
END_TEST

START_TEST(robots_an_invalid_block_allows_all)
{
	struct span out;

	for (size_t len = 0; len < 100; len++) {
		char zeros[100] = { 0 };
		struct span none = span_of(zeros, len);

		ck_assert(!robots_valid(none));
		ck_assert(robots_allows(none, SPAN("/x")));
		ck_assert_int_eq(robots_crawl_delay_ms(none), -1);
		ck_assert(!robots_sitemap(none, 0, &out));
	}
	ck_assert(robots_allows(SPAN_NONE, SPAN("/x")));
	/* Its one rule is of no line: nobody wrote it. */
	compiles(SPAN("user-agent: *\ndisallow: /\nsitemap: http://h/s\n"));
	memset(block.ptr + ROBOTS_BLOCK_OVERHEAD + 4, 0, 3);
	ck_assert(!robots_valid(buf_span(&block)));
	/* Cut anywhere, or longer by a byte: not ours. */
	compiles(SPAN("user-agent: *\ndisallow: /\nsitemap: http://h/s\n"));
	ck_assert_int_eq(buf_add_char(&block, 'x'), 0);
	ck_assert(!robots_valid(buf_span(&block)));
	ck_assert_int_eq(robots_explain(buf_span(&block), SPAN("/x")).ground,
	    ROBOTS_NO_RULE);
	for (size_t len = 0; len + 1 < block.len; len++) {
		ck_assert(!robots_valid(span_of(block.ptr, len)));
		ck_assert(robots_allows(span_of(block.ptr, len), SPAN("/x")));
	}
	buf_fini(&block);
}
END_TEST

START_TEST(robots_that_do_not_fit_leave_the_buffer_alone)
{
	struct buf out;
	struct span text = SPAN("user-agent: *\ndisallow: /abc\n");

	buf_init(&out, ROBOTS_BLOCK_OVERHEAD + 5);
	ck_assert_int_eq(buf_add(&out, "xy", 2), 0);
	ck_assert_int_eq(robots_compile(text, SPAN("mpcrawl"), &out),
	    -EMSGSIZE);
	ck_assert(span_eq(buf_span(&out), SPAN("xy")));
	buf_fini(&out);
	ck_assert_int_eq(robots_compile(span_of("",
					    (size_t)ROBOTS_TEXT_MAX + 1),
			     SPAN("mpcrawl"), &out),
	    -EMSGSIZE);
}
END_TEST

START_TEST(robots_the_same_rule_is_kept_once)
{
	struct buf text;
	size_t once;

	buf_init(&text, TEXT_LIMIT);
	ck_assert_int_eq(buf_printf(&text, "user-agent: *\ndisallow: /a\n"), 0);
	compiles(buf_span(&text));
	once = block.len;
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(buf_printf(&text, "disallow: /%%61\n"), 0);
	compiles(buf_span(&text));
	ck_assert_uint_eq(block.len, once);
	/* Nor more than one of many stars. */
	compiles(SPAN("user-agent: *\ndisallow: /*****\n"));
	ck_assert_uint_eq(block.len, once);
	buf_fini(&text);
	buf_fini(&block);
}
END_TEST

START_TEST(robots_cut_text_loses_its_broken_line)
{
	ck_assert(span_eq(robots_whole_lines(SPAN("a\nb")), SPAN("a\n")));
	ck_assert(span_eq(robots_whole_lines(SPAN("a\rb")), SPAN("a\r")));
	ck_assert(span_eq(robots_whole_lines(SPAN("a\nb\n")), SPAN("a\nb\n")));
	ck_assert_uint_eq(robots_whole_lines(SPAN("ab")).len, 0);
	ck_assert_uint_eq(robots_whole_lines(SPAN_NONE).len, 0);
}
END_TEST

/* The text in UTF-16 of either order, in `block`; the caller clears it. */
static void
as_utf16(struct buf *out, const char *text, bool big, bool bom)
{
	if (bom)
		ck_assert_int_eq(buf_add(out, big ? "\xFE\xFF" : "\xFF\xFE", 2),
		    0);
	while (*text != '\0') {
		size_t len;
		uint32_t cp = utf8_decode(span_from(text), &len, NULL);
		uint16_t units[2] = { (uint16_t)cp, 0 };
		size_t n = 1;

		if (cp >= 0x10000) {
			units[0] = (uint16_t)(0xD800 + ((cp - 0x10000) >> 10));
			units[1] = (uint16_t)(0xDC00 + (cp & 0x3FF));
			n = 2;
		}
		for (size_t i = 0; i < n; i++) {
			uint16_t u = big ? htobe16(units[i])
					 : htole16(units[i]);

			ck_assert_int_eq(buf_add(out, &u, 2), 0);
		}
		text += len;
	}
}

START_TEST(robots_in_utf_16_are_read)
{
	struct buf text;

	buf_init(&text, TEXT_LIMIT);
	for (int i = 0; i < 4; i++) {
		bool big = i % 2, bom = i / 2;

		buf_clear(&text);
		as_utf16(&text,
		    "user-agent: *\r\ndisallow: /no\r\n"
		    "disallow: /\xE3\x83\x84\r\ndisallow: "
		    "/\xF0\x9F\x98\x80\r\n",
		    big, bom);
		compiles(buf_span(&text));
		ck_assert(!allows("/no"));
		ck_assert(!allows("/%E3%83%84"));
		ck_assert(!allows("/%F0%9F%98%80"));
		ck_assert(allows("/yes"));
		ck_assert_uint_eq(robots_explain(buf_span(&block), SPAN("/no"))
				      .line,
		    2);
		/* A cut one loses its broken line, and no more. */
		ck_assert_uint_eq(robots_whole_lines(
				      span_of(text.ptr, text.len - 1))
				      .len,
		    text.len - 2);
		ck_assert_uint_eq(robots_whole_lines(
				      span_of(text.ptr, text.len - 5))
				      .len,
		    text.len - 2 * (sizeof("disallow: /xx\r\n") - 1));
		/* Half a unit, a lone surrogate. */
		ck_assert_int_eq(buf_add(&text, "\xD8\xD8\xD8", 3), 0);
		compiles(buf_span(&text));
		ck_assert(!allows("/no"));
	}
	/* What takes more room as UTF-8 is cut, and the rest holds. */
	buf_clear(&text);
	as_utf16(&text, "user-agent: *\ndisallow: /no\ndisallow: /", false,
	    true);
	for (int i = 0; i < 1000; i++)
		as_utf16(&text, "\xE3\x83\x84", false, false);
	compiles(buf_span(&text));
	ck_assert(!allows("/no"));
	buf_fini(&text);
	buf_fini(&block);
}
END_TEST

START_TEST(robots_that_are_something_else_have_no_rules)
{
	static const char *const texts[] = {
		/* A page that says "not found" with a 200. */
		"<!doctype html><html><head><title>404</title></head>\n"
		"<body><p>Disallow me: /</p><a href=/>user-agent: *</a></body>",
		"{\"user-agent\": \"*\", \"disallow\": \"/\"}",
		"\x89PNG\r\n\x1a\n", "\x1f\x8b\x08", "\xFF\xFE", "\xFE\xFF",
		"\xEF\xBB\xBF", "", "\n\n\n", "#user-agent: *\n#disallow: /"
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		compiles(span_from(texts[i]));
		ck_assert_msg(allows("/x"), "%s", texts[i]);
		ck_assert_uint_eq(block.len, ROBOTS_BLOCK_OVERHEAD);
	}
	buf_fini(&block);
}
END_TEST

START_TEST(robots_meaning_follows_the_rfc)
{
	ck_assert_int_eq(robots_meaning(200), ROBOTS_USE_BODY);
	ck_assert_int_eq(robots_meaning(206), ROBOTS_USE_BODY);
	ck_assert_int_eq(robots_meaning(301), ROBOTS_FOLLOW);
	ck_assert_int_eq(robots_meaning(404), ROBOTS_ALLOW_ALL);
	ck_assert_int_eq(robots_meaning(401), ROBOTS_ALLOW_ALL);
	ck_assert_int_eq(robots_meaning(429), ROBOTS_UNREACHABLE);
	ck_assert_int_eq(robots_meaning(503), ROBOTS_UNREACHABLE);
	ck_assert_int_eq(robots_meaning(0), ROBOTS_UNREACHABLE);
	ck_assert_int_eq(robots_meaning(100), ROBOTS_UNREACHABLE);
	ck_assert_int_eq(robots_meaning(-1), ROBOTS_UNREACHABLE);
	ck_assert_int_eq(robots_meaning(999), ROBOTS_UNREACHABLE);
}
END_TEST

static double
cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

START_TEST(robots_hostile_patterns_cost_milliseconds)
{
	struct buf text, target;
	uint64_t state = test_seed();
	double before, spent;
	bool allowed;

	/* As many patterns as fit, each looked for in all of a long URL that
	 * holds them almost: without a bound this takes seconds. */
	buf_init(&text, 512 << 10);
	ck_assert_int_eq(buf_printf(&text, "user-agent:*\n"), 0);
	while (text.len < text.limit - 100) {
		ck_assert_int_eq(buf_printf(&text, "allow:/*aa%xaaaaaaaa\n",
				     (unsigned)test_random(&state)),
		    0);
	}
	buf_init(&target, 4096);
	ck_assert_int_eq(buf_add_char(&target, '/'), 0);
	while (target.len < 4095)
		ck_assert_int_eq(buf_add_char(&target, 'a'), 0);

	compiles(buf_span(&text));
	before = cpu_seconds();
	allowed = robots_allows(buf_span(&block), buf_span(&target));
	spent = cpu_seconds() - before;
	printf("robots: %zu bytes of hostile rules, %.1f ms\n", block.len,
	    spent * 1e3);
	/* Measured: 4 ms; without the bound 330.  Wide, for a sanitizer on a
	 * busy machine. */
	ck_assert_msg(spent < 0.2, "%.3f s", spent);
	/* Too costly to decide: no leave, and it says why. */
	ck_assert(!allowed);
	ck_assert_int_eq(robots_explain(buf_span(&block), buf_span(&target))
			     .ground,
	    ROBOTS_TOO_COSTLY);
	/* Another URL of that site is decided as ever. */
	ck_assert(allows("/b"));
	buf_fini(&text);
	buf_fini(&target);
	buf_fini(&block);
}
END_TEST

/* Pieces of robots.txt, and of what breaks a parser of it. */
static void
random_text(struct buf *text, uint64_t *state)
{
	static const char *const bits[] = { "user-agent: *\n",
		"allow:", "disallow:", "/", "*", "$", "\n", "\r", "%41", "%2F",
		"%00", "%", "a", "bc", "crawl-delay: 7\n",
		"sitemap: http://h/x\n", "#", " ", "user-agent: mpcrawl\n",
		"\xE3\x83\x84", "\xFF", "?q=1", "disallow: /*a$\n",
		"allow: /ab*c\n" };

	buf_clear(text);
	do {
		const char *bit = bits[test_random(state) % ARRAY_LEN(bits)];

		ck_assert_int_eq(buf_add_span(text, span_from(bit)), 0);
	} while (test_random(state) % 80 != 0 && text->len < 4000);
	/* Now and then a byte of any kind. */
	if (test_random(state) % 4 == 0)
		ck_assert_int_eq(buf_add_char(text, (char)test_random(state)),
		    0);
}

START_TEST(robots_blocks_are_never_longer_than_promised)
{
	uint64_t state = test_seed();
	struct buf text;

	buf_init(&text, 5000);
	for (int round = 0; round < 5000; round++) {
		random_text(&text, &state);
		/* Its limit is the promise. */
		compiles(buf_span(&text));
		allows("/abc?q=1");
	}
	/* The densest lines there are. */
	compiles(SPAN("user-agent:*\nallow:/"));
	compiles(SPAN("allow /\nsitemap:x\nsitemap y"));
	buf_fini(&text);
	buf_fini(&block);
}
END_TEST

/* Every question to a block that may hold anything, in memory of exactly its
 * size, so that a read past either end is seen by the sanitizer. */
static void
ask_everything(struct span bytes)
{
	static const char *const targets[] = { "/", "/abc?q=1", "/%41%2F%00bc",
		"", "/robots.txt" };
	char *exact = malloc(bytes.len ? bytes.len : 1);
	struct span hostile = span_of(exact, bytes.len);
	struct span sitemap;
	bool valid;
	int64_t delay;

	ck_assert_ptr_nonnull(exact);
	memcpy(exact, bytes.ptr, bytes.len);
	valid = robots_valid(hostile);
	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		bool allowed = robots_allows(hostile, span_from(targets[i]));

		ck_assert(valid || allowed);
	}
	delay = robots_crawl_delay_ms(hostile);
	ck_assert(delay >= -1 && delay <= 86400000);
	for (size_t i = 0; i < 50; i++) {
		if (!robots_sitemap(hostile, i, &sitemap))
			continue;
		ck_assert(sitemap.ptr >= exact && sitemap.len > 0);
		ck_assert(sitemap.ptr + sitemap.len <= exact + bytes.len);
	}
	robots_sitemap(hostile, SIZE_MAX, &sitemap);
	free(exact);
}

START_TEST(robots_corrupt_blocks_are_never_read_outside)
{
	/* Words that make bad lengths and counts. */
	static const uint32_t words[] = { 0, 1, 3, 4, 0x7fffffff, 0x80000000,
		0xfffffffc, 0xffffffff, 0x40000000 };
	uint64_t state = test_seed();
	struct buf text;

	buf_init(&text, 5000);
	for (int round = 0; round < 10000; round++) {
		size_t hits = 1 + test_random(&state) % 4;

		if (round % 20 == 0)
			random_text(&text, &state);
		compiles(buf_span(&text));
		for (size_t i = 0; i < hits; i++) {
			size_t at = test_random(&state) % block.len;
			uint32_t word =
			    words[test_random(&state) % ARRAY_LEN(words)];

			switch (test_random(&state) % 4) {
			case 0:
				block.ptr[at] = (char)test_random(&state);
				break;
			case 1:
				block.ptr[at] ^= (char)(1
							<< test_random(&state) %
							       8);
				break;
			case 2: /* a word of the head, mostly */
				at = at % 32 / 4 * 4;
				if (at + 4 <= block.len)
					memcpy(block.ptr + at, &word, 4);
				break;
			default: /* cut, with a length that agrees */
				block.len = at + 1;
				if (block.len >= 8) {
					word = (uint32_t)block.len;
					memcpy(block.ptr + 4, &word, 4);
				}
				break;
			}
		}
		ask_everything(buf_span(&block));
	}
	buf_fini(&text);
	buf_fini(&block);
}
END_TEST

TEST_MAIN("robots", robots_encoded_and_plain_are_one, robots_stars_and_anchors,
    robots_matching_agrees_with_a_plain_matcher,
    robots_the_longest_pattern_decides,
    robots_explain_names_the_line_that_decided,
    robots_a_written_rule_reads_as_the_same,
    robots_txt_itself_is_always_allowed,
    robots_rules_with_control_characters_are_no_rules,
    robots_crawl_delay_is_of_the_agents_above_it,
    robots_an_invalid_block_allows_all,
    robots_that_do_not_fit_leave_the_buffer_alone,
    robots_the_same_rule_is_kept_once, robots_cut_text_loses_its_broken_line,
    robots_in_utf_16_are_read, robots_that_are_something_else_have_no_rules,
    robots_meaning_follows_the_rfc, robots_hostile_patterns_cost_milliseconds,
    robots_blocks_are_never_longer_than_promised,
    robots_corrupt_blocks_are_never_read_outside)
