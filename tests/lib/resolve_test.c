#include "lib/html/resolve.h"

#include <errno.h>

#include "tests/harness.h"

/* clang-format off */
static const struct {
	const char *label, *text, *base, *href; /* href NULL: refused */
} cases[] = {
	/* The query alone, of special URLs alone, in the page's encoding. */
	{ "windows-1251", "?q=\u0436", "http://h/a", "http://h/a?q=%E6" },
	{ "koi8-r", "/\u0436?\u0436#\u0436", "http://h/",
	            "http://h/%D0%B6?%D6#%D0%B6" },
	{ "koi8-r", "//\u0436/?\u0436", "http://h/", "http://xn--f1a/?%D6" },
	{ "koi8-r", "x#a?\u0436", "http://h/", "http://h/x#a?%D0%B6" },
	{ "koi8-r", "#?\u0436", "http://h/?\u0431", "http://h/?%D0%B1#?%D0%B6" },
	{ "koi8-r", "?a?\u0436'", "http://h/", "http://h/?a?%D6%27" },
	{ "koi8-r", "?%D6\u0436\t\u0436", "http://h/", "http://h/?%D6%D6%D6" },
	{ "iso-8859-2", "?\u0436", "https://h/", "https://h/?%26%231078%3B" },
	{ "shift_jis", "?\u65E5\u672C", "http://h/", "http://h/?%93%FA%96{" },
	{ "iso-2022-jp", "?a\u65E5", "http://h/", "http://h/?a%1B$BF|%1B(B" },
	{ "euc-kr", "ftp://h/?\uD55C", NULL, "ftp://h/?%C7%D1" },
	{ "euc-kr", "file:///?\uD55C", NULL, "file:///?%C7%D1" },
	/* WebSockets and what is not special: UTF-8. */
	{ "euc-kr", "ws://h/?\uD55C", NULL, "ws://h/?%ED%95%9C" },
	{ "euc-kr", "?\uD55C", "wss://h/", "wss://h/?%ED%95%9C" },
	{ "euc-kr", "foo://h/?\uD55C", NULL, "foo://h/?%ED%95%9C" },
	{ "euc-kr", "mailto:a?\uD55C", NULL, "mailto:a?%ED%95%9C" },
	/* These encode as UTF-8, too. */
	{ "utf-8", "?\u0436", "http://h/", "http://h/?%D0%B6" },
	{ "utf-16le", "?\u0436", "http://h/", "http://h/?%D0%B6" },
	{ "replacement", "?\u0436", "http://h/", "http://h/?%D0%B6" },
	{ NULL, "?\u0436", "http://h/", "http://h/?%D0%B6" },
	{ "koi8-r", "http://[?\u0436", NULL, NULL },
	{ "koi8-r", "", "http://h/x", "http://h/x" },
	{ "koi8-r", "?", "http://h/x", "http://h/x?" },
};
/* clang-format on */

START_TEST(resolve_writes_queries_as_the_document_would)
{
	struct charset_decoder *dec = charset_decoder_new();
	struct url base, url;
	struct buf scratch;

	ck_assert_ptr_nonnull(dec);
	url_init(&base);
	url_init(&url);
	buf_init(&scratch, URL_MAX);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		enum charset charset = CHARSET_NONE;
		int r;

		if (cases[i].label != NULL)
			charset = charset_of_label(span_from(cases[i].label));
		if (cases[i].base != NULL)
			ck_assert_int_eq(url_parse(span_from(cases[i].base),
					     NULL, &base),
			    0);
		r = resolve_link(dec, charset, span_from(cases[i].text),
		    cases[i].base ? &base : NULL, &scratch, &url);
		ck_assert_int_eq(r, cases[i].href ? 0 : -EINVAL);
		ck_assert_msg(span_eq(url_href(&url),
				  cases[i].href ? span_from(cases[i].href)
						: SPAN("")),
		    "%s: %.*s, not %s", cases[i].text, SPAN_ARG(url_href(&url)),
		    cases[i].href);
	}
	buf_fini(&scratch);
	url_fini(&base);
	url_fini(&url);
	charset_decoder_free(dec);
}
END_TEST

START_TEST(resolve_leaves_nothing_of_a_query_that_grew_too_long)
{
	struct charset_decoder *dec = charset_decoder_new();
	struct span text = SPAN("http://h/?\u0436\u0436\u0436");
	struct buf scratch;
	struct url url;

	ck_assert_ptr_nonnull(dec);
	url_init(&url);
	buf_init(&scratch, 12);
	ck_assert_int_eq(resolve_link(dec, CHARSET_KOI8_R, text, NULL, &scratch,
			     &url),
	    -EMSGSIZE);
	ck_assert_uint_eq(url_href(&url).len, 0);
	buf_fini(&scratch);
	buf_init(&scratch, URL_MAX);
	ck_assert_int_eq(resolve_link(dec, CHARSET_KOI8_R, text, NULL, &scratch,
			     &url),
	    0);
	ck_assert(span_eq(url_href(&url), SPAN("http://h/?%D6%D6%D6")));
	buf_fini(&scratch);
	url_fini(&url);
	charset_decoder_free(dec);
}
END_TEST

TEST_MAIN("resolve", resolve_writes_queries_as_the_document_would,
    resolve_leaves_nothing_of_a_query_that_grew_too_long)
