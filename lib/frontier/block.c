#include "lib/frontier/block.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/url/url.h"

void
blocks_fini(struct blocks *blocks)
{
	for (size_t i = 0; i < blocks->n; i++)
		free(blocks->items[i]);
	free(blocks->items);
	*blocks = BLOCKS_NONE;
}

/* --- patterns ------------------------------------------------------------ */

static struct span
without_last_dot(struct span host)
{
	if (host.len > 1 && host.ptr[host.len - 1] == '.')
		host.len--;
	return host;
}

/* A name by the URL parser's rules, into `out` behind what is there. */
static int
read_name(struct span name, struct buf *out)
{
	struct buf text;
	struct url url;
	struct span host;
	int r;

	buf_init(&text, BLOCK_LONGEST + 16);
	url_init(&url);
	r = buf_printf(&text, "http://%.*s/", SPAN_ARG(name));
	if (r == 0)
		r = url_parse(buf_span(&text), NULL, &url);
	/* Nothing else may have come of it: no port, no path, no user. */
	if (r == 0 &&
	    (url.port >= 0 || url_has_credentials(&url) ||
		url_path(&url).len != 1 || url_query(&url).len > 0 ||
		memchr(name.ptr, ':', name.len) != NULL) &&
	    name.ptr[0] != '[')
		r = -EINVAL;
	host = without_last_dot(url_host(&url));
	if (r == 0 && (host.len == 0 || host.len > BLOCK_LONGEST - 2))
		r = -EINVAL;
	if (r == 0)
		r = buf_add_span(out, host);
	url_fini(&url);
	buf_fini(&text);
	return r == -EMSGSIZE ? -EINVAL : r;
}

/* A whole URL: its host. */
static int
read_url(struct span text, struct buf *out)
{
	struct url url;
	int r;

	url_init(&url);
	r = url_parse(text, NULL, &url);
	if (r == 0 && (!url_fetchable(&url) || url_host(&url).len == 0))
		r = -EINVAL;
	if (r == 0)
		r = buf_add_span(out, without_last_dot(url_host(&url)));
	url_fini(&url);
	return r == -EMSGSIZE ? -EINVAL : r;
}

int
block_read(struct span text, struct buf *out, struct err *err)
{
	struct span name = span_trim(text);
	char shown[URL_SHOWN];
	int r = 0;

	buf_clear(out);
	if (name.len == 0 || name.len > BLOCK_LONGEST)
		r = -EINVAL;
	else if (memmem(name.ptr, name.len, "://", 3) != NULL)
		r = read_url(name, out);
	else {
		if (span_starts(name, SPAN("*."))) {
			r = buf_add(out, "*.", 2);
			name = span_from_at(name, 2);
		} else if (name.ptr[0] == '.') {
			r = buf_add(out, ".", 1);
			name = span_from_at(name, 1);
		}
		if (r == 0)
			r = name.len > 0 ? read_name(name, out) : -EINVAL;
	}
	/* URLs may have one in a host's name; here it would say something. */
	name = buf_span(out);
	if (span_starts(name, SPAN("*.")))
		name = span_from_at(name, 2);
	if (r == 0 && (memchr(name.ptr, '*', name.len) != NULL ||
			  (name.len > 0 && name.ptr[name.len - 1] == '.')))
		r = -EINVAL;
	if (r == -EINVAL)
		err_set(err, r,
		    "%s is no host: a name without scheme, port and path "
		    "(example.org), *.example.org for all below it, "
		    ".example.org for both",
		    url_shown(text, shown));
	return r;
}

struct span
block_host(struct span origin)
{
	const char *slashes = memmem(origin.ptr, origin.len, "://", 3);
	struct span host = origin;
	size_t end;

	if (slashes != NULL)
		host = span_from_at(origin, (size_t)(slashes - origin.ptr) + 3);
	/* A port is digits behind the last ':'; an IPv6 address ends with ']'.
	 */
	for (end = host.len;
	     end > 0 && host.ptr[end - 1] >= '0' && host.ptr[end - 1] <= '9';
	     end--)
		;
	if (end > 0 && end < host.len && host.ptr[end - 1] == ':')
		host.len = end - 1;
	return without_last_dot(host);
}

/* --- the list ------------------------------------------------------------ */

static int
compare(const char *item, struct span pattern)
{
	size_t len = strlen(item);
	size_t n = len < pattern.len ? len : pattern.len;
	int order = n > 0 ? memcmp(item, pattern.ptr, n) : 0;

	if (order != 0)
		return order;
	return len < pattern.len ? -1 : len > pattern.len;
}

/* Where it is, or would be. */
static size_t
find(const struct blocks *blocks, struct span pattern, bool *there)
{
	size_t low = 0, high = blocks->n;

	*there = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare(blocks->items[middle], pattern);

		if (order == 0) {
			*there = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int
blocks_add(struct blocks *blocks, struct span pattern)
{
	bool there;
	size_t at = find(blocks, pattern, &there);
	char *item;

	if (there)
		return 0;
	if (blocks->n == BLOCKS_MAX)
		return -ENOSPC;
	if (blocks->n == blocks->room) {
		size_t room = blocks->room * 2 + 16;
		char **items = realloc(blocks->items, room * sizeof(*items));

		if (items == NULL)
			return -ENOMEM;
		blocks->items = items;
		blocks->room = room;
	}
	item = malloc(pattern.len + 1);
	if (item == NULL)
		return -ENOMEM;
	memcpy(item, pattern.ptr, pattern.len);
	item[pattern.len] = '\0';
	memmove(blocks->items + at + 1, blocks->items + at,
	    (blocks->n - at) * sizeof(*blocks->items));
	blocks->items[at] = item;
	blocks->n++;
	return 1;
}

bool
blocks_remove(struct blocks *blocks, struct span pattern)
{
	bool there;
	size_t at = find(blocks, pattern, &there);

	if (!there)
		return false;
	free(blocks->items[at]);
	blocks->n--;
	memmove(blocks->items + at, blocks->items + at + 1,
	    (blocks->n - at) * sizeof(*blocks->items));
	return true;
}

static const char *
lookup(const struct blocks *blocks, const char *mark, struct span name)
{
	char pattern[BLOCK_LONGEST + 1];
	size_t len = strlen(mark), at;
	bool there;

	if (name.len == 0 || len + name.len > BLOCK_LONGEST)
		return NULL;
	memcpy(pattern, mark, len);
	memcpy(pattern + len, name.ptr, name.len);
	at = find(blocks, span_of(pattern, len + name.len), &there);
	return there ? blocks->items[at] : NULL;
}

const char *
blocks_match(const struct blocks *blocks, struct span host)
{
	struct span name = without_last_dot(host);
	const char *found;

	if (blocks->n == 0)
		return NULL;
	found = lookup(blocks, "", name);
	if (found == NULL)
		found = lookup(blocks, ".", name);
	/* "*." and "." with each name above it. */
	while (found == NULL && name.len > 0) {
		const char *dot = memchr(name.ptr, '.', name.len);

		if (dot == NULL)
			break;
		name = span_from_at(name, (size_t)(dot - name.ptr) + 1);
		found = lookup(blocks, "*.", name);
		if (found == NULL)
			found = lookup(blocks, ".", name);
	}
	return found;
}
