#include <errno.h>

#include "lib/fetch/addrguard.h"
#include "lib/fetch/fetch_impl.h"

/* Is there a line of this name already? */
static bool
list_has(const struct curl_slist *list, struct span name)
{
	for (; list != NULL; list = list->next) {
		struct span line = span_from(list->data);

		if (line.len > name.len && line.ptr[name.len] == ':' &&
		    span_eq_nocase(span_of(line.ptr, name.len), name))
			return true;
	}
	return false;
}

static int
list_add(struct curl_slist **list, const char *line)
{
	struct curl_slist *more = curl_slist_append(*list, line);

	if (more == NULL)
		return -ENOMEM;
	*list = more;
	return 0;
}

/* The host's lines, and of the pool's those that they do not replace. */
static int
amend_headers(struct transfer *t, const char *headers)
{
	struct span left = span_from(headers);
	const struct curl_slist *ours = t->pool->headers;
	int r = 0;

	while (r == 0 && left.len > 0) {
		const char *end = memchr(left.ptr, '\n', left.len);
		size_t len = end ? (size_t)(end - left.ptr) : left.len;
		char *line = strndup(left.ptr, len);

		r = line ? list_add(&t->headers, line) : -ENOMEM;
		free(line);
		left = span_from_at(left, len + 1);
	}
	for (; r == 0 && ours != NULL; ours = ours->next) {
		const char *colon = strchr(ours->data, ':');

		if (!list_has(t->headers,
			span_of(ours->data, (size_t)(colon - ours->data))))
			r = list_add(&t->headers, ours->data);
	}
	return r;
}

/* Whatever host and port are asked for: the port stays. */
static int
amend_address(struct transfer *t, const char *address)
{
	char line[64];

	if (strlen(address) > sizeof(line) - 8)
		return -EINVAL;
	snprintf(line, sizeof(line), "::%s:", address);
	return list_add(&t->connect_to, line);
}

/* Cookies for the URL in `base`, as a text. */
static int
amend_cookies(struct transfer *t, const char **out)
{
	struct fetch_pool *pool = t->pool;
	int r;

	buf_clear(&pool->text);
	*out = NULL;
	r = cookies_give(pool->cookies, &pool->base, pool->unix_ms,
	    &pool->text);
	if (r < 0 || pool->text.len == 0)
		return r;
	r = buf_add_char(&pool->text, '\0');
	if (r == 0)
		*out = pool->text.ptr;
	return r;
}

int
transfer_amend(struct transfer *t, const struct fetch_request *request)
{
	const char *cookies = NULL;
	CURLcode code = CURLE_OK;
	int r = 0;

	if (request->proxy == NULL && request->resolve == NULL &&
	    request->headers == NULL && request->auth == NULL &&
	    !request->cookies)
		return 0;
	t->run.amended = true;
	t->run.proxied = request->proxy != NULL;
	t->run.cookies = request->cookies;
	r = url_parse(request->url, NULL, &t->pool->base);
	if (r == 0 && request->resolve != NULL && request->proxy == NULL)
		r = amend_address(t, request->resolve);
	if (r == 0 && request->headers != NULL)
		r = amend_headers(t, request->headers);
	if (r == 0 && request->cookies)
		r = amend_cookies(t, &cookies);
	if (r < 0)
		return r == -ENOMEM ? r : -EINVAL;
	/* No address will be seen but the proxy's. */
	t->run.refused = t->run.proxied && !t->pool->options.allow_private &&
			 addrguard_refuses_host(url_host(&t->pool->base)) !=
			     NULL;
	t->run.is_secret = request->auth != NULL || cookies != NULL;

#define SET(option, value)                                                     \
	if (code == CURLE_OK)                                                  \
	code = curl_easy_setopt(t->easy, option, value)
	if (t->headers != NULL)
		SET(CURLOPT_HTTPHEADER, t->headers);
	if (t->connect_to != NULL)
		SET(CURLOPT_CONNECT_TO, t->connect_to);
	if (t->run.proxied)
		SET(CURLOPT_PROXY, request->proxy);
	if (cookies != NULL)
		SET(CURLOPT_COOKIE, cookies);
	if (request->auth != NULL) {
		SET(CURLOPT_USERPWD, request->auth);
		SET(CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
	}
#undef SET
	if (code != CURLE_OK)
		return code == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL;
	return 0;
}

void
transfer_restore(struct transfer *t)
{
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->pool->headers);
	curl_easy_setopt(t->easy, CURLOPT_CONNECT_TO, NULL);
	curl_easy_setopt(t->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(t->easy, CURLOPT_COOKIE, NULL);
	curl_easy_setopt(t->easy, CURLOPT_USERPWD, NULL);
	curl_slist_free_all(t->headers);
	curl_slist_free_all(t->connect_to);
	t->headers = t->connect_to = NULL;
	t->run.amended = false;
}
