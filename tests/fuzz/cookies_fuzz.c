/*
 * cookies: what a server sets, and what is told to it again.
 *
 *     url that sets them NUL url that is asked then NUL
 *     header lines as they are kept
 */
#include "lib/fetch/cookies.h"
#include "tests/fuzz/fuzz.h"

#define JAR_MAX (16u << 10)
#define NOW     INT64_C(1764201600000)

/* A request's header: printable, in one line, and not too long. */
static void
header_holds(struct span header)
{
	fuzz_holds(header.len <= COOKIES_HEADER_MAX);
	for (size_t i = 0; i < header.len; i++)
		fuzz_holds(header.ptr[i] != '\r' && header.ptr[i] != '\n' &&
			   header.ptr[i] != '\0');
}

static void
asks(struct cookies *jar, const struct url *url, int64_t now_ms,
    struct buf *out)
{
	buf_clear(out);
	fuzz_holds(cookies_give(jar, url, now_ms, out) == 0);
	header_holds(buf_span(out));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = fuzz_input(data, size);
	struct span first = fuzz_part(&in), second = fuzz_part(&in);
	struct url setter, asked;
	struct cookies *jar;
	struct buf out;
	char *lines = fuzz_exact(in.left);

	/* As header.h keeps them: without control characters. */
	for (size_t i = 0; i < in.left.len; i++) {
		if (((unsigned char)lines[i] < ' ' && lines[i] != '\n') ||
		    lines[i] == 0x7f)
			lines[i] = ' ';
	}
	url_init(&setter);
	url_init(&asked);
	buf_init(&out, COOKIES_HEADER_MAX);
	fuzz_holds(cookies_new(JAR_MAX, &jar) == 0);
	if (url_parse(first, NULL, &setter) == 0 && url_fetchable(&setter) &&
	    url_parse(second, NULL, &asked) == 0 && url_fetchable(&asked)) {
		cookies_take(jar, &setter, span_of(lines, in.left.len), NOW);
		fuzz_holds(cookies_bytes(jar) <= JAR_MAX);
		asks(jar, &setter, NOW, &out);
		asks(jar, &asked, NOW, &out);
		/* To no other host, not even to one below it. */
		if (!span_eq(url_host(&setter), url_host(&asked)))
			fuzz_holds(out.len == 0);
		asks(jar, &setter, NOW + COOKIES_AGE_MAX_MS + 1, &out);
	}
	cookies_free(jar);
	url_fini(&setter);
	url_fini(&asked);
	buf_fini(&out);
	free(lines);
	return 0;
}
