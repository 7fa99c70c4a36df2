/*
 * What lib/ makes and grows, when there is no memory for it: -ENOMEM, nothing
 * given out, nothing half done, and the same call succeeds when there is some.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unicode/uclean.h>
#include <unistd.h>

#include "lib/archive/jsonl.h"
#include "lib/archive/record.h"
#include "lib/archive/sink.h"
#include "lib/archive/tape.h"
#include "lib/audit/audit.h"
#include "lib/audit/lost.h"
#include "lib/audit/trios.h"
#include "lib/base/arena.h"
#include "lib/base/base64.h"
#include "lib/base/inflate.h"
#include "lib/fetch/fetch.h"
#include "lib/fetch/header.h"
#include "lib/fetch/watchdog.h"
#include "lib/frontier/alias.h"
#include "lib/frontier/frontier_impl.h"
#include "lib/frontier/heap.h"
#include "lib/frontier/lease.h"
#include "lib/frontier/seen.h"
#include "lib/frontier/store.h"
#include "lib/html/charset.h"
#include "lib/html/collector.h"
#include "lib/html/doc.h"
#include "lib/html/page.h"
#include "lib/html/walk.h"
#include "lib/message/chain.h"
#include "lib/sitemap/sitemap.h"
#include "lib/url/canon.h"
#include "lib/url/scope.h"
#include "tests/faults.h"
#include "tests/lib/frontier_fixture.h"
/* Last: they bring a HOST_NAME_MAX of their own. */
#include <zlib.h>

#include "lib/fetch/fetch_impl.h"

#define MIB (1u << 20)

/* A pointer or none. */
#define OR_NOMEM(made) ((made) != NULL ? 0 : -ENOMEM)

/* --- lib/base ------------------------------------------------------------ */

/* Those that only set their members. */
static int
take_none(void)
{
	static struct aliases aliases;
	struct watchdog dog;
	struct header header;
	struct outage outage;
	struct polite polite;
	struct pace pace;
	struct arena arena;
	struct heap heap;
	struct buf buf;
	struct url url;

	faults_begin();
	arena_init(&arena, MIB);
	buf_init(&buf, MIB);
	header_init(&header);
	heap_init(&heap);
	outage_init(&outage, 1);
	pace_init(&pace, 1);
	polite_init(&polite, &pace);
	url_init(&url);
	watchdog_init(&dog, 1000);
	faults_end();
	arena_fini(&arena);
	buf_fini(&buf);
	header_fini(&header);
	heap_fini(&heap);
	url_fini(&url);
	aliases_init(&aliases);
	return 0;
}

static int
open_output(void)
{
	static const char bytes[256];
	struct output_reader reader;
	int r;

	faults_begin();
	r = output_open(&reader, bytes, sizeof(bytes), 7);
	faults_end();
	ck_assert_int_ne(r, 1);
	return 0;
}

static int
grow_buf(void)
{
	char bytes[1000] = "the bytes";
	struct buf buf;
	int r;

	buf_init(&buf, MIB);
	faults_begin();
	r = buf_add(&buf, bytes, 100);
	for (int i = 0; r == 0 && i < 10; i++)
		r = i % 2 ? buf_add(&buf, bytes, sizeof(bytes))
			  : buf_printf(&buf, "%01000d", 0);
	faults_end();
	if (r < 0) {
		size_t len = buf.len;

		ck_assert(len == 0 || memcmp(buf.ptr, bytes, 9) == 0);
		ck_assert_int_eq(buf_add(&buf, bytes, sizeof(bytes)), 0);
		ck_assert_uint_eq(buf.len, len + sizeof(bytes));
	}
	buf_fini(&buf);
	return r;
}

static int
grow_room(void)
{
	struct buf buf;
	int r;

	buf_init(&buf, MIB);
	faults_begin();
	r = OR_NOMEM(buf_room(&buf, 1000));
	faults_end();
	if (r < 0)
		ck_assert_ptr_nonnull(buf_room(&buf, 1000));
	buf_fini(&buf);
	return r;
}

static int
grow_arena(void)
{
	struct arena arena;
	int r = 0;

	arena_init(&arena, 16 * MIB);
	faults_begin();
	for (int i = 0; r == 0 && i < 20; i++)
		r = OR_NOMEM(arena_alloc(&arena, 100000));
	faults_end();
	ck_assert_ptr_nonnull(arena_alloc(&arena, 100000));
	arena_reset(&arena);
	ck_assert_ptr_nonnull(arena_alloc(&arena, 100000));
	arena_fini(&arena);
	return r;
}

/* --- lib/url, lib/robots ------------------------------------------------- */

static int
parse_url(void)
{
	struct span text = SPAN("http://user@EXAMPLE.org:81/a/../b\tc?q=1#f");
	struct url url;
	int r;

	url_init(&url);
	faults_begin();
	r = url_parse(text, NULL, &url);
	faults_end();
	if (r < 0) {
		ck_assert_uint_eq(url_href(&url).len, 0);
		ck_assert_int_eq(url_parse(text, NULL, &url), 0);
	}
	ck_assert(span_eq(url_href(&url),
	    SPAN("http://user@example.org:81/bc?q=1#f")));
	url_fini(&url);
	return r;
}

/* Long, so that what the first part took does not do. */
static int
resolve_url(void)
{
	struct url base, url;
	char path[2001];
	int r;

	memset(path, 'a', sizeof(path));
	url_init(&base);
	url_init(&url);
	ck_assert_int_eq(url_parse(SPAN("http://example.org/d/"), NULL, &base),
	    0);
	faults_begin();
	r = url_parse(span_of(path, 2000), &base, &url);
	faults_end();
	if (r < 0) {
		ck_assert_uint_eq(url_href(&url).len, 0);
		ck_assert_int_eq(url_parse(span_of(path, 2000), &base, &url),
		    0);
	}
	ck_assert_uint_eq(url_path(&url).len, 2003);
	url_fini(&url);
	url_fini(&base);
	return r;
}

/* ICU asks for its memory by way of these, so that the linker's stand between. */
static void *
icu_alloc(const void *context, size_t size)
{
	(void)context;
	return malloc(size);
}

static void *
icu_realloc(const void *context, void *mem, size_t size)
{
	(void)context;
	return realloc(mem, size);
}

static void
icu_free(const void *context, void *mem)
{
	(void)context;
	free(mem);
}

/* A name that is not ASCII, once short and once too long for what ICU has on
 * its stack. */
static int
parse_idn(void)
{
	static const char *const labels[] = { "\xC3\xA9",
		"stra\xC3\x9F"
		"e-und-noch-viel-mehr-zeichen.xn--9ca.b\xC3\xBC"
		"cher-in-einer-langen-marke.e\xCC\x81.example" };
	static const char *const hosts[] = { "http://xn--9ca/",
		"http://xn--strae-und-noch-viel-mehr-zeichen-ytc.xn--9ca."
		"xn--bcher-in-einer-langen-marke-i3c.xn--9ca.example/" };
	UErrorCode code = U_ZERO_ERROR;
	int r = 0;

	u_setMemoryFunctions(NULL, icu_alloc, icu_realloc, icu_free, &code);
	ck_assert(U_SUCCESS(code));
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(labels); i++) {
		struct url url;
		char text[200];

		snprintf(text, sizeof(text), "http://%s/", labels[i]);
		url_init(&url);
		/* ICU's tables, which it keeps for good. */
		ck_assert_int_eq(url_parse(span_from(text), NULL, &url), 0);
		url_fini(&url);
		url_init(&url);
		faults_begin();
		r = url_parse(span_from(text), NULL, &url);
		faults_end();
		if (r < 0) {
			ck_assert_uint_eq(url_href(&url).len, 0);
			ck_assert_int_eq(url_parse(span_from(text), NULL, &url),
			    0);
		}
		ck_assert_msg(span_eq(url_href(&url), span_from(hosts[i])),
		    "%.*s", SPAN_ARG(url_href(&url)));
		url_fini(&url);
	}
	return r;
}

static int
write_origin(void)
{
	struct url url;
	struct buf out;
	int r;

	url_init(&url);
	buf_init(&out, URL_MAX);
	ck_assert_int_eq(url_parse(SPAN("http://example.org/a"), NULL, &url),
	    0);
	faults_begin();
	r = url_origin(&url, &out);
	faults_end();
	if (r < 0)
		ck_assert_int_eq(url_origin(&url, &out), 0);
	ck_assert(span_eq(buf_span(&out), SPAN("http://example.org")));
	buf_fini(&out);
	url_fini(&url);
	return r;
}

static int
write_canon(void)
{
	struct canon canon = { .rules = CANON_DEFAULT };
	struct buf site, page;
	struct url url;
	int r;

	url_init(&url);
	buf_init(&site, URL_MAX);
	buf_init(&page, URL_MAX);
	ck_assert_int_eq(url_parse(SPAN("http://example.org/?b=2&a=1"), NULL,
			     &url),
	    0);
	faults_begin();
	r = canon_key(&canon, &url, &site, &page);
	faults_end();
	if (r < 0)
		ck_assert_int_eq(canon_key(&canon, &url, &site, &page), 0);
	ck_assert(span_eq(buf_span(&page), SPAN("/?a=1&b=2")));
	buf_fini(&site);
	buf_fini(&page);
	url_fini(&url);
	return r;
}

static int
make_scope(void)
{
	struct scope *scope;
	int r;

	faults_begin();
	scope = scope_new(SCOPE_HOST);
	r = OR_NOMEM(scope);
	faults_end();
	scope_free(scope);
	return r;
}

/* Enough rules and seeds that each table grows. */
static int
add_rules(void)
{
	static const char *const rules[] = { "*.pdf", "host:a.org",
		"domain:b\xC3\xBC"
		"cher.example",
		"surt:org,a,)/x", "regex:^(a|b)+[0-9]{3}/", "depth:>5",
		"type:image/*" };
	struct scope *scope = scope_new(SCOPE_HOST);
	struct err err = ERR_NONE;
	int r = 0;

	faults_begin();
	for (size_t i = 0; r == 0 && i < 100; i++)
		r = scope_add_rule(scope, i % 2,
		    span_from(rules[i % ARRAY_LEN(rules)]), &err);
	faults_end();
	ck_assert_int_eq(scope_add_rule(scope, true, SPAN("*.gif"), &err), 0);
	scope_free(scope);
	return r;
}

static int
add_seeds(void)
{
	struct scope *scope = scope_new(SCOPE_HOST);
	struct url urls[100];
	char text[64];
	int r = 0;

	for (int i = 0; i < 100; i++) {
		url_init(&urls[i]);
		snprintf(text, sizeof(text), "http://h%d.example.org/", i);
		ck_assert_int_eq(url_parse(span_from(text), NULL, &urls[i]), 0);
	}
	faults_begin();
	for (int i = 0; r == 0 && i < 100; i++)
		r = scope_add_seed(scope, &urls[i]);
	faults_end();
	for (int i = 0; i < 100; i++) {
		ck_assert_int_eq(scope_add_seed(scope, &urls[i]), 0);
		ck_assert_int_eq(scope_ask(scope,
				     &(struct scope_subject){ &urls[i] }, NULL),
		    SCOPE_IN);
		url_fini(&urls[i]);
	}
	scope_free(scope);
	return r;
}

static int
compile_robots(void)
{
	struct buf text, out;
	int r;

	buf_init(&text, MIB);
	buf_init(&out, MIB);
	ck_assert_int_eq(buf_printf(&text, "Sitemap: http://a.example/s\n"
					   "User-agent: *\nCrawl-delay: 2\n"),
	    0);
	for (int i = 0; i < 500; i++)
		ck_assert_int_eq(buf_printf(&text, "Disallow: /%d/*.x$\n", i),
		    0);
	faults_begin();
	r = robots_compile(buf_span(&text), SPAN("mpcrawl"), &out);
	faults_end();
	if (r < 0) {
		ck_assert_uint_eq(out.len, 0);
		ck_assert_int_eq(robots_compile(buf_span(&text),
				     SPAN("mpcrawl"), &out),
		    0);
	}
	ck_assert(robots_valid(buf_span(&out)));
	ck_assert(!robots_allows(buf_span(&out), SPAN("/499/a.x")));
	buf_fini(&text);
	buf_fini(&out);
	return r;
}

/* --- lib/archive --------------------------------------------------------- */

static int
open_sink_at(uint64_t end, bool append)
{
	const char *dir = test_temp_dir();
	struct err err = ERR_NONE;
	struct sink *sink = NULL;
	uint64_t at;
	int r;

	ck_assert_int_eq(sink_open(dir, 0, 0, &sink, &err), 0);
	ck_assert_int_eq(sink_append(sink, SPAN("0123\n"), &at, &err), 0);
	ck_assert_int_eq(sink_sync(sink, &err), 0);
	sink_close(sink);
	sink = NULL;
	faults_begin();
	r = sink_open(dir, end, 0, &sink, &err);
	faults_end();
	if (r < 0) {
		ck_assert_ptr_null(sink);
		ck_assert_str_ne(err.text, "");
		ck_assert_int_eq(sink_open(dir, end, 0, &sink, &err), 0);
	}
	ck_assert_uint_eq(sink_end(sink), end);
	if (append)
		ck_assert_int_eq(sink_append(sink, SPAN("new\n"), &at, &err),
		    0);
	sink_close(sink);
	return r;
}

static int
open_sink(void)
{
	return open_sink_at(SINK_END(1, 5), true);
}

static int
open_sink_anew(void)
{
	return open_sink_at(0, true);
}

static int
write_record(void)
{
	struct record_options options = { .crawl_id = "00c0ffee",
		.links = true };
	struct order order = { .lap = 7,
		.url = SPAN("https://example.org/a"),
		.via = SPAN("https://example.org/") };
	struct decision decision = { VERDICT_DONE, REASON_NONE };
	struct buf out;
	int r;

	buf_init(&out, MIB);
	faults_begin();
	r = record_write(&out, &options, &order, NULL, decision, NULL);
	faults_end();
	if (r < 0) {
		ck_assert_uint_eq(out.len, 0);
		ck_assert_int_eq(record_write(&out, &options, &order, NULL,
				     decision, NULL),
		    0);
	}
	ck_assert_uint_eq((unsigned char)out.ptr[out.len - 1], '\n');
	buf_fini(&out);
	return r;
}

/* The first error is remembered, and the line taken back. */
static int
write_jsonl(void)
{
	struct jsonl json;
	struct buf out;
	int r;

	buf_init(&out, MIB);
	faults_begin();
	jsonl_begin(&json, &out);
	for (int i = 0; i < 100; i++)
		jsonl_text(&json, "key", SPAN("a text of so many bytes"));
	jsonl_open(&json, "list", '[');
	jsonl_base64(&json, NULL, SPAN("bytes"));
	jsonl_close(&json, ']');
	r = jsonl_end(&json);
	faults_end();
	ck_assert(r == 0 || out.len == 0);
	buf_fini(&out);
	return r;
}

/* Two files of two lines; the second one is read by its place. */
static int
read_tape(bool open)
{
	const char *dir = test_temp_dir();
	struct err err = ERR_NONE;
	struct tape *tape = NULL;
	struct tape_line line = { .len = 0 };
	struct sink *sink = NULL;
	struct buf text;
	uint64_t end;
	int r = 0;

	buf_init(&text, 2 * TAPE_LINE_MAX);
	ck_assert_int_eq(sink_open(dir, 0, 8, &sink, &err), 0);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(sink_append(sink, SPAN("line\n"), &end, &err),
		    0);
	sink_close(sink);
	if (open)
		faults_begin();
	r = tape_open(dir, end, &tape, &err);
	faults_end();
	if (r < 0) {
		ck_assert_ptr_null(tape);
		ck_assert_str_ne(err.text, "");
		ck_assert_int_eq(tape_open(dir, end, &tape, &err), 0);
	}
	if (!open) {
		faults_begin();
		r = tape_next(tape, &line, &err);
		if (r == 1)
			r = tape_read(tape, 1, 5, &text, &err);
		faults_end();
		r = r < 0 ? r : 0;
	}
	ck_assert_int_eq(tape_read(tape, 2, 5, &text, &err), 1);
	ck_assert(span_eq(buf_span(&text), SPAN("line")));
	tape_close(tape);
	buf_fini(&text);
	return r;
}

static int
open_tape(void)
{
	return read_tape(true);
}

static int
next_of_tape(void)
{
	return read_tape(false);
}

/* --- lib/audit ----------------------------------------------------------- */

static int
make_lost(void)
{
	struct lost *lost = NULL;
	int r;

	faults_begin();
	r = lost_new("/", 7, &lost);
	faults_end();
	ck_assert(r == 0 || lost == NULL);
	lost_free(lost);
	return r;
}

static int
add_trios(void)
{
	struct trios trios = TRIOS_NONE;
	int r = 0;

	faults_begin();
	for (uint64_t i = 0; r == 0 && i < 100000; i++)
		r = trios_add(&trios, i, i, i);
	faults_end();
	ck_assert_int_eq(trios_add(&trios, 1, 2, 3), 0);
	trios_fini(&trios);
	return r;
}

/* --- lib/config ---------------------------------------------------------- */

static int
init_config(void)
{
	struct config config;
	int r;

	faults_begin();
	r = config_init(&config);
	faults_end();
	if (r < 0)
		ck_assert_int_eq(config_init(&config), 0);
	config_fini(&config);
	return r;
}

static int
set_key(const char *key, const char *value)
{
	struct err err = ERR_NONE;
	struct config config;
	int r;

	ck_assert_int_eq(config_init(&config), 0);
	faults_begin();
	r = config_set(&config, key, value, &err);
	faults_end();
	if (r < 0)
		ck_assert_int_eq(config_set(&config, key, value, &err), 0);
	if (strcmp(key, "ignore_params") == 0)
		ck_assert_uint_eq(config.ignore_params.n, 3);
	if (strcmp(key, "include") == 0)
		ck_assert_uint_eq(config.n_rules, 1);
	config_fini(&config);
	return r;
}

static int
set_text(void)
{
	return set_key("contact", "me@example.org");
}

static int
set_rule(void)
{
	return set_key("include", "*.html");
}

static int
set_words(void)
{
	return set_key("ignore_params", "one two three");
}

static int
set_proxy(void)
{
	return set_key("proxy", "socks5://127.0.0.1:9050");
}

static int
set_header(void)
{
	return set_key("header", "Accept-Language: en");
}

static int
set_auth(void)
{
	return set_key("auth", "https://a.test me:secret");
}

static int
set_section(void)
{
	return set_key("host", "*.example.org: host_delay = 5s");
}

static int
ask_host(void)
{
	const struct config_host *host, *again;
	struct config config;

	ck_assert_int_eq(config_init(&config), 0);
	ck_assert_int_eq(config_set(&config, "host", "*: host_delay = 5s",
			     NULL),
	    0);
	faults_begin();
	host = config_host(&config, SPAN("http://example.org/"));
	faults_end();
	again = config_host(&config, SPAN("http://example.org/"));
	ck_assert_ptr_nonnull(again);
	ck_assert_int_eq(again->host_delay_ms, 5000);
	config_fini(&config);
	return host == NULL ? -ENOMEM : 0;
}

static int
load_config(void)
{
	static const char text[] = "contact = me@example.org\n"
				   "[host \"a.org\"]\nretries = 7\n";
	char dir[256], file[300], option[] = "--dir", stream[] = "--output=-";
	char *argv[] = { option, dir, stream, NULL };
	struct err err = ERR_NONE;
	struct config config;
	int r, fd, words = -1;

	snprintf(dir, sizeof(dir), "%s", test_temp_dir());
	snprintf(file, sizeof(file), "%s/mpcrawl.conf", dir);
	fd = open(file, O_WRONLY | O_CREAT, 0600);
	ck_assert_int_eq(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	ck_assert_int_eq(config_init(&config), 0);
	faults_begin();
	r = config_load(&config, 3, argv, &words, &err);
	faults_end();
	if (r < 0) {
		ck_assert_int_eq(words, -1);
		ck_assert_int_eq(config_load(&config, 3, argv, &words, &err),
		    0);
	}
	ck_assert_str_eq(config.contact, "me@example.org");
	ck_assert_str_eq(config.output, "-");
	ck_assert_uint_eq(config_host(&config, SPAN("http://a.org"))->retries,
	    7);
	config_fini(&config);
	return r;
}

static int
finish_config(void)
{
	struct err err = ERR_NONE;
	struct config config;
	int r;

	ck_assert_int_eq(config_init(&config), 0);
	faults_begin();
	r = config_finish(&config, 2, 1024, 0, &err);
	faults_end();
	if (r < 0)
		ck_assert_int_eq(config_finish(&config, 2, 1024, 0, &err), 0);
	ck_assert_ptr_nonnull(config.user_agent);
	config_fini(&config);
	return r;
}

static int
write_help(void)
{
	struct buf out;
	int r;

	buf_init(&out, MIB);
	faults_begin();
	r = config_help(&out);
	faults_end();
	buf_clear(&out);
	ck_assert_int_eq(config_help(&out), 0);
	buf_fini(&out);
	return r;
}

/* --- lib/html ------------------------------------------------------------ */

static const struct page_limits ample = { 64 * MIB, 200, 5000, 512, 512 * MIB,
	20000 };

static int
make_collector(void)
{
	struct collector *collector;

	faults_begin();
	collector = collector_new(100);
	faults_end();
	collector_free(collector);
	return OR_NOMEM(collector);
}

static int
make_decoder(void)
{
	struct charset_decoder *decoder;

	faults_begin();
	decoder = charset_decoder_new();
	faults_end();
	charset_decoder_free(decoder);
	return OR_NOMEM(decoder);
}

static int
make_inflate(void)
{
	struct inflate *inflate;

	faults_begin();
	inflate = inflate_new();
	faults_end();
	inflate_free(inflate);
	return OR_NOMEM(inflate);
}

static int
make_doc(void)
{
	struct doc_limits limits = { 512, MIB, 1000 };
	struct doc *doc;

	faults_begin();
	doc = doc_new(&limits);
	faults_end();
	doc_free(doc);
	return OR_NOMEM(doc);
}

static int
make_walk(void)
{
	struct walk *walk;

	faults_begin();
	walk = walk_new(512);
	faults_end();
	walk_free(walk);
	return OR_NOMEM(walk);
}

static int
make_reader(void)
{
	struct page_reader *reader;

	faults_begin();
	reader = page_reader_new(&ample);
	faults_end();
	page_reader_free(reader);
	return OR_NOMEM(reader);
}

/* In each way that it can be coded; the second time must be as the first
 * would have been. */
static int
decode(enum charset charset, const char *bytes, const char *utf8)
{
	struct charset_decoder *decoder = charset_decoder_new();
	struct span out = SPAN_NONE;
	bool cut;
	int r;

	faults_begin();
	r = charset_decode(decoder, charset, span_from(bytes), MIB, &out, &cut);
	faults_end();
	if (r < 0) {
		ck_assert_uint_eq(out.len, 0);
		ck_assert_int_eq(charset_decode(decoder, charset,
				     span_from(bytes), MIB, &out, &cut),
		    0);
	}
	ck_assert_msg(span_eq(out, span_from(utf8)), "%s: '%.*s'",
	    charset_name(charset), SPAN_ARG(out));
	charset_decoder_free(decoder);
	return r;
}

static int
decode_utf8(void)
{
	return decode(CHARSET_UTF_8, "\xC3\xA9\xFF", "é\xEF\xBF\xBD");
}

static int
decode_single_bytes(void)
{
	return decode(charset_of_label(SPAN("iso-8859-2")), "a\xB1", "aą");
}

static int
decode_many_bytes(void)
{
	return decode(charset_of_label(SPAN("shift_jis")), "\x83\x65", "テ");
}

static int
encode_query(void)
{
	struct charset_decoder *decoder = charset_decoder_new();
	enum charset charset = charset_of_label(SPAN("shift_jis"));
	struct buf out;
	int r;

	buf_init(&out, MIB);
	faults_begin();
	r = charset_encode_query(decoder, charset, SPAN("テ"), &out);
	faults_end();
	if (r < 0) {
		buf_clear(&out);
		ck_assert_int_eq(charset_encode_query(decoder, charset,
				     SPAN("テ"), &out),
		    0);
	}
	ck_assert(span_eq(buf_span(&out), SPAN("%83e")));
	buf_fini(&out);
	charset_decoder_free(decoder);
	return r;
}

/* A page with links, compressed. */
static int
read_page(void)
{
	struct page_reader *reader = page_reader_new(&ample);
	struct page_input input = { .content_encoding = SPAN("deflate"),
		.headers = SPAN("link: </header>; rel=canonical\n"),
		.content_type = SPAN("text/html; charset=iso-8859-2"),
		.robots_agent = SPAN("mpcrawl"),
		.want_text = true };
	struct page page = { .n_links = 99 };
	unsigned char packed[4096];
	uLongf n = sizeof(packed);
	struct url url;
	struct buf html;
	int r;

	buf_init(&html, MIB);
	ck_assert_int_eq(buf_printf(&html, "<base href=/d/><title>t</title>"),
	    0);
	for (int i = 0; i < 400; i++)
		ck_assert_int_eq(buf_printf(&html,
				     "<a href='%d?\xE9'>x</a><p><form>", i),
		    0);
	ck_assert_int_eq(compress(packed, &n, (unsigned char *)html.ptr,
			     html.len),
	    Z_OK);
	url_init(&url);
	ck_assert_int_eq(url_parse(SPAN("http://a.example/"), NULL, &url), 0);
	input.url = &url;
	input.body = span_of((char *)packed, n);
	faults_begin();
	r = page_read(reader, &input, &page);
	faults_end();
	if (r < 0) {
		ck_assert_uint_eq(page.n_links, 99);
		ck_assert_int_eq(page_read(reader, &input, &page), 0);
	} else if (page.truncated == TRUNCATED_NO) {
		ck_assert_uint_eq(page.n_links, 400);
	}
	ck_assert_int_eq(page_read(reader, &input, &page), 0);
	ck_assert_int_eq(page.truncated, TRUNCATED_NO);
	ck_assert_uint_eq(page.n_links, 400);
	ck_assert(
	    span_eq(page.links[399].url, SPAN("http://a.example/d/399?%E9")));
	ck_assert(span_eq(page.canonical, SPAN("http://a.example/header")));
	page_reader_free(reader);
	url_fini(&url);
	buf_fini(&html);
	return r;
}

/* --- lib/sitemap --------------------------------------------------------- */

static bool
count_entry(void *arg, const struct sitemap_entry *entry)
{
	(void)entry;
	++*(unsigned *)arg;
	return true;
}

/* In an encoding that iconv reads, so that its descriptor is one of the calls. */
static int
make_sitemap_reader(void)
{
	static const char xml[] =
	    "<?xml version='1.0' encoding='windows-1251'?>"
	    "<urlset><url><loc>/\xE9</loc></url></urlset>";
	struct sitemap_limits limits = { MIB, 10, 4096 };
	struct sitemap_reader *reader;
	struct sitemap_report report;
	struct sitemap_input input = { .body = span_from(xml) };
	struct url url;
	unsigned entries = 0;
	int r;

	url_init(&url);
	r = url_parse(SPAN("https://example.org/sitemap.xml"), NULL, &url);
	must(r == 0);
	input.url = &url;
	faults_begin();
	reader = sitemap_reader_new(&limits);
	r = OR_NOMEM(reader);
	if (r == 0)
		r = sitemap_read(reader, &input, count_entry, &entries,
		    &report);
	faults_end();
	must(r != 0 || (entries == 1 && report.defect == SITEMAP_SOUND));
	sitemap_reader_free(reader);
	url_fini(&url);
	return r;
}

/* --- lib/fetch ----------------------------------------------------------- */

static void
watch_nothing(void *arg, int fd, unsigned events)
{
	(void)arg, (void)fd, (void)events;
}

static void
time_nothing(void *arg, int64_t ms)
{
	(void)arg, (void)ms;
}

static int
take_nothing(void *arg, void *user, const void *bytes, size_t len)
{
	(void)arg, (void)user, (void)bytes, (void)len;
	return 0;
}

static const struct fetch_hooks hooks = { watch_nothing, time_nothing,
	take_nothing, NULL };
static const struct fetch_options options = { .user_agent = "mpcrawl/test",
	.accept_encoding = "gzip",
	.connect_timeout_ms = 1000,
	.first_byte_timeout_ms = 1000,
	.total_timeout_ms = 1000,
	.http = 1,
	.ca_file = "/dev/null",
	.tls_verify = 2,
	.allow_private = true,
	.max_connections = 2 };

static int
make_pool(void)
{
	struct fetch_pool *pool = NULL;
	struct err err = ERR_NONE;
	int r;

	faults_begin();
	r = fetch_pool_new(&options, &hooks, &pool, &err);
	faults_end();
	if (r < 0) {
		ck_assert_ptr_null(pool);
		ck_assert_str_ne(err.text, "");
		ck_assert_int_eq(fetch_pool_new(&options, &hooks, &pool, &err),
		    0);
	}
	fetch_pool_free(pool);
	return r;
}

static int
make_transfer(void)
{
	struct fetch_pool *pool = NULL;
	struct transfer *transfer = NULL;
	struct err err = ERR_NONE;
	int r;

	ck_assert_int_eq(fetch_pool_new(&options, &hooks, &pool, &err), 0);
	faults_begin();
	r = transfer_new(pool, &transfer);
	faults_end();
	if (r < 0) {
		ck_assert_ptr_null(transfer);
		ck_assert_int_eq(transfer_new(pool, &transfer), 0);
	}
	transfer_free(transfer);
	fetch_pool_free(pool);
	return r;
}

/* The second one: the first is made with the pool. */
static int
start_fetch(void)
{
	struct fetch_request request = { .url = SPAN("http://127.0.0.1:9/"),
		.max_body = 1000 };
	struct fetch_pool *pool = NULL;
	struct err err = ERR_NONE;
	int users[3], r;

	ck_assert_int_eq(fetch_pool_new(&options, &hooks, &pool, &err), 0);
	request.user = &users[0];
	ck_assert_int_eq(fetch_start(pool, &request), 0);
	request.user = &users[1];
	faults_begin();
	r = fetch_start(pool, &request);
	faults_end();
	ck_assert_uint_eq(fetch_inflight(pool), r < 0 ? 1 : 2);
	request.user = &users[2];
	ck_assert_int_eq(fetch_start(pool, &request), 0);
	fetch_pool_free(pool);
	return r;
}

/* The same with all that one host may be given: none of it stays. */
static int
start_amended(void)
{
	struct fetch_request request = { .url = SPAN("https://127.0.0.1:9/"),
		.max_body = 1000,
		.proxy = "http://127.0.0.1:9",
		.headers = "X-Key: secret\nAccept: text/plain\n",
		.auth = "me:secret",
		.cookies = true };
	struct fetch_pool *pool = NULL;
	struct err err = ERR_NONE;
	int user, r;

	ck_assert_int_eq(fetch_pool_new(&options, &hooks, &pool, &err), 0);
	request.user = &user;
	faults_begin();
	r = fetch_start(pool, &request);
	faults_end();
	if (r < 0) {
		ck_assert(!TAILQ_FIRST(&pool->idle)->run.amended);
		ck_assert_int_eq(fetch_start(pool, &request), 0);
	}
	fetch_pool_free(pool);
	return r;
}

static int
make_cookies(void)
{
	struct cookies *jar = NULL;
	struct buf out;
	struct url url;
	int r;

	url_init(&url);
	buf_init(&out, MIB);
	ck_assert_int_eq(url_parse(SPAN("http://a.test/"), NULL, &url), 0);
	faults_begin();
	r = cookies_new(MIB, &jar);
	if (r == 0) {
		faults_end();
		ck_assert_uint_eq(cookies_take(jar, &url,
				      SPAN("set-cookie: k=v\n"), 0),
		    1);
		faults_begin();
		r = cookies_give(jar, &url, 0, &out);
	}
	faults_end();
	cookies_free(jar);
	buf_fini(&out);
	url_fini(&url);
	return r;
}

/* What finds no room is not taken, and that is all. */
static int
take_cookies(void)
{
	struct cookies *jar = NULL;
	struct url url;

	url_init(&url);
	ck_assert_int_eq(url_parse(SPAN("http://a.test/"), NULL, &url), 0);
	ck_assert_int_eq(cookies_new(MIB, &jar), 0);
	faults_begin();
	(void)cookies_take(jar, &url, SPAN("set-cookie: k=v\n"), 0);
	faults_end();
	ck_assert_uint_eq(cookies_take(jar, &url, SPAN("set-cookie: l=v\n"), 0),
	    1);
	cookies_free(jar);
	url_fini(&url);
	return 0;
}

static int
add_to_chain(void)
{
	struct buf chain;
	int r;

	buf_init(&chain, CHAIN_MAX);
	faults_begin();
	r = chain_add(&chain, 301, SPAN("http://a.test/"));
	faults_end();
	buf_clear(&chain);
	ck_assert_int_eq(chain_add(&chain, 301, SPAN("http://a.test/")), 0);
	buf_fini(&chain);
	return r;
}

static int
prove_alias(void)
{
	static struct aliases aliases;
	int r = 0;

	aliases_init(&aliases);
	faults_begin();
	for (int i = 0; r == 0 && i < ALIAS_PROOFS; i++)
		r = alias_proof(&aliases, 1, 2, SPAN("http://b.test"));
	faults_end();
	if (r < 0)
		ck_assert_int_eq(alias_restore(&aliases, 1,
				     SPAN("http://b.test")),
		    0);
	ck_assert_uint_gt(alias_of(&aliases, 1).len, 0);
	aliases_fini(&aliases);
	return r < 0 ? r : 0;
}

static int
add_header(void)
{
	struct header header;
	int r;

	header_init(&header);
	ck_assert_int_eq(header_add(&header, SPAN("HTTP/1.1 200 OK\r\n")), 0);
	faults_begin();
	r = header_add(&header, SPAN("Content-Type: text/html\r\n"));
	faults_end();
	header_clear(&header);
	ck_assert_int_eq(header_add(&header, SPAN("HTTP/1.1 200 OK\r\n")), 0);
	ck_assert_int_eq(header_add(&header, SPAN("Content-Type: a/b\r\n")), 0);
	header_fini(&header);
	return r;
}

/* --- lib/frontier -------------------------------------------------------- */

/* In memory: stores sync, and there are many of them. */
static const char *
store_dir(void)
{
	static char dir[300];
	static const char *disk;
	static unsigned n;

	if (disk == NULL) {
		disk = test_temp_dir();
		(void)test_tmpfs(disk, "size=256m");
	}
	snprintf(dir, sizeof(dir), "%s/%u", disk, n++);
	ck_assert_int_eq(mkdir(dir, 0700), 0);
	return dir;
}

static int
reserve_heap(void)
{
	struct heap heap;
	int r;

	heap_init(&heap);
	faults_begin();
	r = heap_reserve(&heap, 1000);
	if (r == 0)
		r = heap_reserve(&heap, 100000);
	faults_end();
	ck_assert_int_eq(heap_reserve(&heap, 100000), 0);
	heap_fini(&heap);
	return r;
}

static int
init_table(void)
{
	struct table table;
	int r;

	faults_begin();
	r = table_init(&table);
	faults_end();
	table_fini(&table);
	return r;
}

static int
init_hosts(void)
{
	struct hosts hosts;
	int r;

	faults_begin();
	r = hosts_init(&hosts);
	faults_end();
	hosts_fini(&hosts);
	return r;
}

static int
init_addresses(void)
{
	struct addresses addresses;
	int r;

	faults_begin();
	r = addresses_init(&addresses, 250, 2);
	faults_end();
	addresses_fini(&addresses);
	return r;
}

/* So many that the table grows. */
static int
hold_addresses(void)
{
	struct addresses addresses;
	struct address_ip ip = address_ip(SPAN("8.8.0.0"));
	int r = 0;

	ck_assert_int_eq(addresses_init(&addresses, 250, 2), 0);
	faults_begin();
	for (int i = 1; r == 0 && i < 300; i++) {
		ip.bytes[14] = (uint8_t)(i >> 8);
		ip.bytes[15] = (uint8_t)i;
		r = OR_NOMEM(address_hold(&addresses, &ip, 0));
	}
	faults_end();
	ip.bytes[14] = 9;
	ck_assert_ptr_nonnull(address_hold(&addresses, &ip, 0));
	addresses_fini(&addresses);
	return r;
}

static int
init_servers(void)
{
	struct servers servers;
	int r;

	faults_begin();
	r = servers_init(&servers);
	faults_end();
	servers_fini(&servers);
	return r;
}

/* So many that the table grows. */
static int
make_servers(void)
{
	struct servers servers;
	int r = 0;

	ck_assert_int_eq(servers_init(&servers), 0);
	faults_begin();
	for (uint64_t i = 1; r == 0 && i < 300; i++)
		r = OR_NOMEM(server_new(&servers, i));
	faults_end();
	ck_assert_ptr_nonnull(server_new(&servers, 1000));
	ck_assert_ptr_nonnull(server_find(&servers, 1000));
	servers_fini(&servers);
	return r;
}

/* So many that the table grows. */
static int
make_hosts(void)
{
	struct hosts hosts;
	int r = 0;

	ck_assert_int_eq(hosts_init(&hosts), 0);
	faults_begin();
	for (uint64_t i = 1; r == 0 && i < 300; i++)
		r = OR_NOMEM(host_new(&hosts, i << 7, SPAN("example.org")));
	faults_end();
	ck_assert_ptr_nonnull(host_new(&hosts, 1000 << 7, SPAN("example.org")));
	ck_assert_ptr_nonnull(host_find(&hosts, 1000 << 7));
	hosts_fini(&hosts);
	return r;
}

static int
init_leases(void)
{
	struct leases leases;
	int r;

	faults_begin();
	r = leases_init(&leases);
	faults_end();
	leases_fini(&leases);
	return r;
}

static int
make_leases(void)
{
	struct leases leases;
	int r = 0;

	ck_assert_int_eq(leases_init(&leases), 0);
	faults_begin();
	for (uint64_t i = 1; r == 0 && i < 300; i++)
		r = OR_NOMEM(lease_new(&leases, 7, i, ORDER_PAGE));
	faults_end();
	ck_assert_ptr_nonnull(lease_new(&leases, 7, 1000, ORDER_PAGE));
	ck_assert_ptr_nonnull(lease_find(&leases, 7, 1000, ORDER_PAGE));
	leases_fini(&leases);
	return r;
}

static int
init_seen(void)
{
	struct seen seen;
	int r;

	faults_begin();
	r = seen_init(&seen, MIB);
	faults_end();
	seen_fini(&seen);
	return r;
}

/* It forgets, and says so. */
static int
grow_seen(void)
{
	struct seen seen;

	ck_assert_int_eq(seen_init(&seen, 4 * MIB), 0);
	faults_begin();
	for (uint64_t i = 1; i < 104900; i++)
		seen_add(&seen, seen_print(7, i));
	faults_end();
	seen_add(&seen, seen_print(7, 1));
	ck_assert(seen.overflowed || seen_has(&seen, seen_print(7, 2)));
	seen_fini(&seen);
	return 0;
}

static int
open_store(void)
{
	const char *dir = store_dir();
	struct store *store = NULL;
	struct err err = ERR_NONE;
	int r;

	faults_begin();
	r = store_open(dir, MIB, &store, &err);
	faults_end();
	if (r < 0) {
		ck_assert_ptr_null(store);
		ck_assert_int_eq(store_open(dir, MIB, &store, &err), 0);
	}
	store_close(store);
	return r;
}

static int
scan_store(void)
{
	struct store_scan *scan = NULL;
	struct store *store = NULL;
	struct err err = ERR_NONE;
	struct span key, value;
	int r;

	ck_assert_int_eq(store_open(store_dir(), MIB, &store, &err), 0);
	store_put(store, STORE_META, SPAN("key"), SPAN("value"));
	ck_assert_int_eq(store_commit(store, &err), 0);
	faults_begin();
	r = store_scan_open(store, STORE_META, SPAN("a"), SPAN("z"), false,
	    &scan);
	faults_end();
	if (r < 0) {
		ck_assert_ptr_null(scan);
		ck_assert_int_eq(store_scan_open(store, STORE_META, SPAN("a"),
				     SPAN("z"), false, &scan),
		    0);
	}
	ck_assert_int_eq(store_scan_next(scan, &key, &value), 1);
	store_scan_close(scan);
	store_close(store);
	return r;
}

static int
get_row(void)
{
	struct store *store = NULL;
	struct err err = ERR_NONE;
	struct buf out;
	int r;

	buf_init(&out, MIB);
	ck_assert_int_eq(store_open(store_dir(), MIB, &store, &err), 0);
	store_put(store, STORE_META, SPAN("key"), SPAN("value"));
	faults_begin();
	r = store_get(store, STORE_META, SPAN("key"), &out);
	faults_end();
	if (r < 0)
		ck_assert_int_eq(store_get(store, STORE_META, SPAN("key"),
				     &out),
		    1);
	ck_assert(span_eq(buf_span(&out), SPAN("value")));
	buf_fini(&out);
	store_close(store);
	return r < 0 ? r : 0;
}

/* New, or with a page queued by an earlier one. */
static int
open_frontier_of(bool used)
{
	struct err err = ERR_NONE;
	struct fixture x;
	int r;

	fixture_init(&x);
	x.dir = store_dir();
	if (used) {
		fixture_open(&x);
		fixture_seed(&x, "http://a.example/");
		ck_assert_int_eq(frontier_block(x.f, SPAN("b.example"), x.now),
		    1);
		fixture_commit(&x);
		fixture_close(&x);
	}
	faults_begin();
	r = frontier_open(x.dir, &x.config, fixture_id, x.now, &x.f, &err);
	faults_end();
	if (r < 0) {
		ck_assert_ptr_null(x.f);
		fixture_open(&x);
	}
	fixture_balances(&x);
	ck_assert_uint_eq(fixture_totals(&x).queued, used);
	fixture_fini(&x);
	return r;
}

static int
open_frontier(void)
{
	return open_frontier_of(false);
}

static int
open_frontier_again(void)
{
	return open_frontier_of(true);
}

static void
say_nothing(void *arg, enum audit_level level, const char *what,
    const char *details)
{
	(void)arg, (void)level, (void)what, (void)details;
}

/* A crawl of one page that waits, and outputs with a tail. */
static int
mend_crawl(void)
{
	struct audit_result result = { .urls = 99 };
	struct audit_options look = { .say = say_nothing };
	struct err err = ERR_NONE;
	struct sink *sink = NULL;
	char frontier[400], out[400];
	struct fixture x;
	uint64_t end;
	int r;

	fixture_init(&x);
	look.dir = store_dir();
	look.config = &x.config;
	memcpy(look.crawl_id, fixture_id, sizeof(look.crawl_id));
	snprintf(frontier, sizeof(frontier), "%s/frontier", look.dir);
	snprintf(out, sizeof(out), "%s/out", look.dir);
	x.dir = frontier;
	fixture_open(&x);
	fixture_seed(&x, "http://a.example/");
	ck_assert_int_eq(frontier_commit(x.f, x.cut, x.now), 0);
	fixture_close(&x);
	ck_assert_int_eq(sink_open(out, 0, 0, &sink, &err), 0);
	ck_assert_int_eq(sink_append(sink, SPAN("{\"v\":1}\n"), &end, &err), 0);
	sink_close(sink);
	faults_begin();
	r = audit_mend(&look, &result, &err);
	faults_end();
	if (r < 0) {
		ck_assert_uint_eq(result.urls, 99);
		ck_assert_str_ne(err.text, "");
		ck_assert_int_eq(audit_mend(&look, &result, &err), 0);
	}
	ck_assert_uint_eq(result.urls, 1);
	ck_assert_uint_eq(result.problems, 0);
	fixture_fini(&x);
	return r;
}

/* An order whose texts live on. */
struct kept {
	struct order order;
	char url[256], via[256];
};

static void
keep(struct kept *kept, const struct order *order)
{
	must(order->url.len <= sizeof(kept->url) &&
	     order->via.len <= sizeof(kept->via));
	kept->order = *order;
	kept->order.url = span_of(kept->url, order->url.len);
	kept->order.via = span_of(kept->via, order->via.len);
	memcpy(kept->url, order->url.ptr, order->url.len);
	if (order->via.len > 0)
		memcpy(kept->via, order->via.ptr, order->via.len);
}

/* The next order, and its fetch, settled.  1 one, 0 none. */
static int
crawl_one(struct fixture *x, struct span rules)
{
	struct capture capture = fixture_capture(x, 200);
	struct decision done = { VERDICT_DONE, REASON_NONE };
	struct order order;
	struct kept kept;
	int r = frontier_next(x->f, x->now, &order);

	if (r <= 0)
		return r;
	keep(&kept, &order);
	frontier_slot_end(x->f, &kept.order, &capture, x->now);
	if (kept.order.kind == ORDER_ROBOTS)
		r = frontier_settle_robots(x->f, &kept.order, &capture, rules,
		    x->now);
	else
		r = frontier_settle(x->f, &kept.order, &capture, done, x->now);
	for (int i = 0; r == 0 && i < 3; i++) {
		char link[64];

		snprintf(link, sizeof(link), "http://%c.example/%d", 'a' + i,
		    i);
		r = frontier_offer(x->f, &kept.order, span_from(link), LINK_A,
		    0, x->now);
		r = r < 0 ? r : 0;
	}
	return r < 0 ? r : 1;
}

/* Two commits, robots.txt and pages.  0, or the first error. */
static int
crawl_a_little(struct fixture *x, struct span rules)
{
	struct err err = ERR_NONE;
	int r = frontier_seed(x->f, SPAN("http://a.example/"), x->now, &err);

	for (int i = 0; r >= 0 && i < 6; i++) {
		r = crawl_one(x, rules);
		x->now += 10000;
		if (r >= 0 && i % 2 == 0) {
			x->cut.seq++;
			r = frontier_commit(x->f, x->cut, x->now);
		}
	}
	return r < 0 ? r : 0;
}

/* The process ends; what its successor finds in the store balances, and the
 * crawl goes on from there. */
static int
run_frontier(void)
{
	struct fixture x;
	struct buf rules;
	int r;

	buf_init(&rules, MIB);
	ck_assert_int_eq(robots_compile(SPAN("User-agent: *\nDisallow: /2\n"),
			     SPAN("mpcrawl"), &rules),
	    0);
	fixture_init(&x);
	x.dir = store_dir();
	x.config.host.robots = CONFIG_ROBOTS_OBEY;
	x.config.scope = SCOPE_ANY;
	fixture_open(&x);
	faults_begin();
	r = crawl_a_little(&x, buf_span(&rules));
	faults_end();
	fixture_reopen(&x);
	fixture_balances(&x);
	ck_assert_int_eq(crawl_a_little(&x, buf_span(&rules)), 0);
	fixture_balances(&x);
	fixture_fini(&x);
	buf_fini(&rules);
	return r;
}

/* A page that the store knows, and one of a batch that is lost. */
static int
adopt_orders(void)
{
	struct order order;
	struct kept known, young;
	struct fixture x;
	int r;

	fixture_init(&x);
	x.dir = store_dir();
	x.config.scope = SCOPE_ANY;
	fixture_open(&x);
	fixture_seed(&x, "http://a.example/");
	fixture_commit(&x);
	ck_assert_int_eq(frontier_next(x.f, x.now, &order), 1);
	keep(&known, &order);
	ck_assert_int_eq(fixture_offer(&x, &known.order, "http://b.example/1"),
	    1);
	ck_assert_int_eq(frontier_next(x.f, x.now, &order), 1);
	keep(&young, &order);
	fixture_reopen(&x);
	faults_begin();
	r = frontier_adopt(x.f, &known.order, x.now);
	if (r == 0)
		r = frontier_adopt(x.f, &young.order, x.now);
	faults_end();
	if (r < 0) {
		fixture_reopen(&x);
		ck_assert_int_eq(frontier_adopt(x.f, &known.order, x.now), 0);
		ck_assert_int_eq(frontier_adopt(x.f, &young.order, x.now), 0);
	}
	fixture_balances(&x);
	/* The young one is admitted with its batch. */
	ck_assert_uint_eq(fixture_totals(&x).in_flight, 1);
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).in_flight, 2);
	fixture_fini(&x);
	return r;
}

static const struct faults_subject subjects[] = {
	{ "aliases_init arena_init buf_init header_init heap_init outage_init "
	  "pace_init polite_init url_init watchdog_init",
	    take_none, FAULTS_NEEDS_NONE },
	{ "output_open", open_output, FAULTS_NEEDS_NONE },
	{ "buf_add buf_printf", grow_buf },
	{ "buf_room", grow_room },
	{ "arena_alloc", grow_arena },
	{ "url_parse", parse_url },
	{ "url_parse against a base", resolve_url },
	/* ICU can do without one of its calls; the name is the same. */
	{ "url_parse of a name that is not ASCII", parse_idn, FAULTS_FORGIVES },
	{ "url_origin", write_origin },
	{ "canon_key", write_canon },
	{ "scope_new", make_scope },
	{ "scope_add_rule rule_init", add_rules },
	{ "scope_add_seed", add_seeds },
	{ "robots_compile", compile_robots },
	{ "sink_open", open_sink },
	{ "sink_open at the beginning", open_sink_anew },
	{ "tape_open", open_tape },
	{ "tape_next tape_read", next_of_tape },
	{ "lost_new", make_lost },
	{ "trios_add", add_trios },
	{ "record_write", write_record },
	{ "jsonl_open jsonl_text jsonl_end", write_jsonl },
	{ "config_init", init_config },
	{ "config_set a text", set_text },
	{ "config_set a rule", set_rule },
	{ "config_set words", set_words },
	{ "config_set a proxy", set_proxy },
	{ "config_set a header", set_header },
	{ "config_set auth", set_auth },
	{ "config_set a section", set_section },
	{ "config_host", ask_host },
	{ "config_load config_read", load_config },
	{ "config_finish", finish_config },
	{ "config_help", write_help },
	{ "collector_new", make_collector },
	{ "charset_decoder_new", make_decoder },
	{ "charset_decode UTF-8", decode_utf8 },
	{ "charset_decode single bytes", decode_single_bytes },
	{ "charset_decode many bytes", decode_many_bytes },
	{ "charset_encode_query", encode_query },
	{ "inflate_new", make_inflate },
	{ "doc_new", make_doc },
	{ "walk_new", make_walk },
	{ "page_reader_new", make_reader },
	{ "sitemap_reader_new", make_sitemap_reader },
	/* The tree and its links are cut where memory ends. */
	{ "page_read", read_page, FAULTS_FORGIVES },
	{ "fetch_pool_new", make_pool },
	{ "transfer_new", make_transfer },
	{ "fetch_start transfer_begin", start_fetch },
	{ "fetch_start transfer_amend", start_amended },
	{ "cookies_new cookies_give", make_cookies },
	{ "cookies_take", take_cookies, FAULTS_FORGIVES },
	{ "chain_add", add_to_chain },
	{ "alias_restore alias_proof", prove_alias },
	{ "header_add", add_header },
	{ "heap_reserve", reserve_heap },
	{ "addresses_init", init_addresses },
	{ "address_hold", hold_addresses, FAULTS_FORGIVES },
	{ "table_init", init_table },
	{ "hosts_init", init_hosts },
	/* A table that does not grow is slow, not wrong. */
	{ "host_new", make_hosts, FAULTS_FORGIVES },
	{ "servers_init", init_servers },
	{ "server_new", make_servers, FAULTS_FORGIVES },
	{ "leases_init", init_leases },
	{ "lease_new", make_leases, FAULTS_FORGIVES },
	{ "seen_init", init_seen },
	{ "seen_add", grow_seen, FAULTS_FORGIVES },
};

/* Each of these opens stores, which takes its time. */
static const struct faults_subject stores[] = {
	{ "store_open", open_store },
	{ "store_scan_open", scan_store },
	{ "store_get", get_row },
	{ "frontier_open", open_frontier },
	{ "frontier_open frontier_blocks_open frontier_traps_open "
	  "trap_counts_new",
	    open_frontier_again },
	{ "frontier_adopt", adopt_orders },
};

static const struct faults_subject crawls[] = {
	{ "frontier_seed frontier_next frontier_offer frontier_settle "
	  "frontier_settle_robots frontier_commit",
	    run_frontier, FAULTS_FORGIVES },
};

START_TEST(no_memory_for_lib_is_an_ordinary_answer)
{
	faults_try("lib", subjects, ARRAY_LEN(subjects));
}
END_TEST

START_TEST(no_memory_for_a_store_is_an_ordinary_answer)
{
	faults_try("stores", stores, ARRAY_LEN(stores));
}
END_TEST

START_TEST(a_crawl_goes_on_after_a_scheduler_without_memory)
{
	faults_try("a crawl", crawls, ARRAY_LEN(crawls));
}
END_TEST

START_TEST(a_charset_that_met_no_memory_once_is_read_right_again)
{
	static const struct faults_subject charsets[] = {
		{ "charset_decode", decode_single_bytes },
		{ "charset_decode", decode_many_bytes },
		{ "charset_encode_query", encode_query },
	};

	for (size_t i = 0; i < ARRAY_LEN(charsets); i++)
		ck_assert_uint_gt(faults_try_one(&charsets[i]), 2);
}
END_TEST

START_TEST(words_of_a_setting_are_taken_all_or_none)
{
	static const struct faults_subject words = { "config_set", set_words };

	ck_assert_uint_gt(faults_try_one(&words), 2);
}
END_TEST

START_TEST(an_adopted_url_does_not_lose_what_led_to_it)
{
	static const struct faults_subject adopt = { "frontier_adopt",
		adopt_orders };

	ck_assert_uint_gt(faults_try_one(&adopt), 2);
}
END_TEST

START_TEST(an_audit_without_memory_says_so_and_never_that_all_is_sound)
{
	static const struct faults_subject audits[] = {
		{ "tape_open", open_tape },
		/* It looks as audit_look() does, and more than once. */
		{ "audit_mend", mend_crawl },
	};

	for (size_t i = 0; i < ARRAY_LEN(audits); i++)
		ck_assert_uint_gt(faults_try_one(&audits[i]), 2);
}
END_TEST

START_TEST(every_constructor_of_lib_is_tried_without_memory)
{
	static const char *const folders[] = { "lib/archive", "lib/audit",
		"lib/base", "lib/config", "lib/fetch", "lib/frontier",
		"lib/html", "lib/message", "lib/robots", "lib/sitemap",
		"lib/url" };
	struct faults_subject
	    all[ARRAY_LEN(subjects) + ARRAY_LEN(stores) + ARRAY_LEN(crawls)];

	memcpy(all, subjects, sizeof(subjects));
	memcpy(all + ARRAY_LEN(subjects), stores, sizeof(stores));
	memcpy(all + ARRAY_LEN(subjects) + ARRAY_LEN(stores), crawls,
	    sizeof(crawls));
	faults_cover(folders, ARRAY_LEN(folders), all, ARRAY_LEN(all));
}
END_TEST

TEST_MAIN("allocation", no_memory_for_lib_is_an_ordinary_answer,
    no_memory_for_a_store_is_an_ordinary_answer,
    a_crawl_goes_on_after_a_scheduler_without_memory,
    a_charset_that_met_no_memory_once_is_read_right_again,
    words_of_a_setting_are_taken_all_or_none,
    an_adopted_url_does_not_lose_what_led_to_it,
    an_audit_without_memory_says_so_and_never_that_all_is_sound,
    every_constructor_of_lib_is_tried_without_memory)
