/*
 * What a URL costs: parsed, resolved, folded to its key, asked for its scope.
 * One line a number, no judgement.
 */
#include <stdio.h>
#include <time.h>

#include "lib/url/canon.h"
#include "lib/url/scope.h"

enum {
	ROUNDS = 1000000
};

static const char *const inputs[] = {
	"https://www.example.org/en/docs/current/sql-createtable.html",
	"http://news.example.com/2026/11/23/a-headline-of-some-words",
	"https://shop.example.net/item?id=12345&colour=blue&size=xl",
	"../images/sprites/icons-2x.png?v=20261123#top",
	"sql-altertable.html",
	"/about/contact.html",
	"https://de.example.org/wiki/Stra\xC3\x9F"
	"enbahn_M\xC3\xBCnchen",
	"//cdn.example.com/assets/js/app.min.js",
};

/* One of each kind; none matches, so that all of the URL is looked at. */
static const char *const rules[] = { "host:img.example.edu",
	"domain:example.edu", "surt:org,example,www,)/fr/", "*.pdf?",
	"regex:/[0-9]{4}/[0-9]{2}/x", "depth:>5", "type:video/*" };

static double
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void
told(const char *what, double start, double n)
{
	printf("%-36s %8.0f ns\n", what, (now_ns() - start) / n);
}

static enum scope_answer
ask(struct scope *scope, const struct url *url)
{
	struct scope_subject subject = { .url = url, .depth = 3 };

	return scope_ask(scope, &subject, NULL);
}

int
main(void)
{
	static struct url urls[ARRAY_LEN(inputs)];
	struct scope *scope = scope_new(SCOPE_HOST);
	struct scope *domain = scope_new(SCOPE_DOMAIN);
	struct canon canon = { .rules = CANON_DEFAULT };
	struct buf site, page;
	struct url base, url;
	uint64_t sum = 0;
	double start;

	must(scope != NULL && domain != NULL);
	buf_init(&site, URL_MAX);
	buf_init(&page, URL_MAX);
	url_init(&base);
	url_init(&url);
	must(url_parse(SPAN("https://www.example.org/en/docs/current/"), NULL,
		 &base) == 0);
	must(scope_add_seed(scope, &base) == 0);
	must(scope_add_seed(domain, &base) == 0);

	start = now_ns();
	for (int i = 0; i < ROUNDS; i++) {
		must(url_parse(span_from(inputs[0]), NULL, &url) == 0);
		sum += url.path_start;
	}
	told("parse, 60 bytes, absolute", start, ROUNDS);
	start = now_ns();
	for (int i = 0; i < ROUNDS; i++) {
		must(url_parse(span_from(inputs[4]), &base, &url) == 0);
		sum += url.path_start;
	}
	told("resolve, 19 bytes, relative", start, ROUNDS);
	start = now_ns();
	for (int i = 0; i < ROUNDS / 10; i++) {
		must(url_parse(SPAN("https://www.m\xC3\xBCnchen.example/"),
			 NULL, &url) == 0);
		sum += url.path_start;
	}
	told("parse, a host name that is not ASCII", start, ROUNDS / 10);
	start = now_ns();
	for (int i = 0; i < ROUNDS; i++) {
		must(url_parse(span_from(inputs[i % ARRAY_LEN(inputs)]), &base,
			 &url) == 0);
		sum += url.path_start;
	}
	told("resolve, a page's mixture", start, ROUNDS);

	for (size_t i = 0; i < ARRAY_LEN(inputs); i++) {
		url_init(&urls[i]);
		must(url_parse(span_from(inputs[i]), &base, &urls[i]) == 0);
	}
	start = now_ns();
	for (int i = 0; i < ROUNDS; i++) {
		struct canon_hash hash;

		must(canon_hash(&canon, &urls[i % ARRAY_LEN(inputs)], &site,
			 &page, &hash) == 0);
		sum += hash.url64;
	}
	told("key and hashes, the mixture", start, ROUNDS);
	start = now_ns();
	for (int i = 0; i < ROUNDS; i++)
		sum += ask(scope, &urls[i % ARRAY_LEN(inputs)]);
	told("scope host, the mixture", start, ROUNDS);
	start = now_ns();
	for (int i = 0; i < ROUNDS; i++)
		sum += ask(domain, &urls[i % ARRAY_LEN(inputs)]);
	told("scope domain, the mixture", start, ROUNDS);
	for (size_t k = 0; k < ARRAY_LEN(rules); k++) {
		struct scope *one = scope_new(SCOPE_ANY);
		char what[64];

		must(one != NULL && scope_add_rule(one, false,
					span_from(rules[k]), NULL) == 0);
		start = now_ns();
		for (int i = 0; i < ROUNDS; i++)
			sum += ask(one, &urls[i % ARRAY_LEN(inputs)]);
		snprintf(what, sizeof(what), "scope %s", rules[k]);
		told(what, start, ROUNDS);
		scope_free(one);
	}

	for (size_t i = 0; i < ARRAY_LEN(inputs); i++)
		url_fini(&urls[i]);
	scope_free(scope);
	scope_free(domain);
	buf_fini(&site);
	buf_fini(&page);
	url_fini(&base);
	url_fini(&url);
	/* The sum is looked at, so that nothing above may be left out. */
	return sum == 1;
}
