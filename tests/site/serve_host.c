/*
 * serve_host - hosts by name, and the rows of their tables by path.
 */
#include <stdlib.h>

#include "tests/site/serve_impl.h"

/* --- tables --------------------------------------------------------------- */

struct serve_table {
	const struct site_page *pages;
	size_t n;
	struct site_answer *ready; /* made when it is first asked for */
	bool *has_ready;
	/* Rows: the exact ones by path, then the prefixes, long ones first. */
	size_t *order;
	size_t n_exact, n_ordered;
	const struct site_page *any;
};

static bool
is_prefix(const char *path)
{
	size_t len = strlen(path);

	return len > 0 && path[len - 1] == '*';
}

static int
row_compare(const void *a, const void *b, void *arg)
{
	const struct site_page *pages = arg;
	size_t i = *(const size_t *)a, k = *(const size_t *)b;
	const char *p = pages[i].path, *q = pages[k].path;
	int r;

	if (is_prefix(p) != is_prefix(q))
		return is_prefix(p) ? 1 : -1;
	if (is_prefix(p) && strlen(p) != strlen(q))
		return strlen(p) > strlen(q) ? -1 : 1;
	r = strcmp(p, q);
	return r ? r : i < k ? -1 : i > k;
}

struct serve_table *
serve_table(const struct site_page *pages, size_t n)
{
	struct serve_table *table = calloc(1, sizeof(*table));

	must(table != NULL);
	table->pages = pages;
	table->n = n;
	table->ready = calloc(n + 1, sizeof(*table->ready));
	table->has_ready = calloc(n + 1, sizeof(*table->has_ready));
	table->order = calloc(n + 1, sizeof(*table->order));
	must(table->ready && table->has_ready && table->order);
	for (size_t i = 0; i < n; i++) {
		if (pages[i].path == NULL) {
			table->any = &pages[i];
			continue;
		}
		table->order[table->n_ordered++] = i;
		table->n_exact += !is_prefix(pages[i].path);
	}
	qsort_r(table->order, table->n_ordered, sizeof(*table->order),
	    row_compare, (void *)pages);
	return table;
}

static const char *
ordered_path(const struct serve_table *table, size_t at)
{
	return table->pages[table->order[at]].path;
}

static int
span_compare(struct span a, struct span b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int r = len ? memcmp(a.ptr, b.ptr, len) : 0;

	return r ? r : a.len < b.len ? -1 : a.len > b.len;
}

/* Where in the order the first row of this path is; n_ordered: nowhere. */
static size_t
find_rows(const struct serve_table *table, struct span path)
{
	size_t low = 0, high = table->n_exact;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (span_compare(span_from(ordered_path(table, mid)), path) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < table->n_exact &&
	    span_eq(span_from(ordered_path(table, low)), path))
		return low;
	for (size_t i = table->n_exact; i < table->n_ordered; i++) {
		const char *prefix = ordered_path(table, i);

		if (span_starts(path, span_of(prefix, strlen(prefix) - 1)))
			return i;
	}
	return table->n_ordered;
}

const struct site_page *
serve_page(struct serve_host *host, struct span path, unsigned *n)
{
	struct serve_table *table = host->table;
	size_t at = find_rows(table, path), turn = 0;
	const char *name;

	if (host->asked == NULL)
		host->asked = calloc(table->n + 1, sizeof(*host->asked));
	must(host->asked != NULL);
	if (at == table->n_ordered) {
		*n = ++host->asked[table->n];
		return table->any;
	}
	*n = ++host->asked[table->order[at]];
	name = ordered_path(table, at);
	while (turn + 1 < *n && at + 1 < table->n_ordered &&
	       strcmp(ordered_path(table, at + 1), name) == 0) {
		at++;
		turn++;
	}
	return &table->pages[table->order[at]];
}

/* --- hosts ---------------------------------------------------------------- */

/* Where it is, or where it belongs. */
static size_t
host_place(const struct serve *serve, struct span name)
{
	size_t low = 0, high = serve->n_hosts;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (span_compare(span_from(serve->hosts[mid]->name), name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct serve_host *
serve_find(struct serve *serve, struct span name)
{
	size_t at = host_place(serve, name);

	if (at < serve->n_hosts &&
	    span_eq(span_from(serve->hosts[at]->name), name))
		return serve->hosts[at];
	return serve->any_host;
}

void
serve_host(struct serve *serve, const char *name, struct serve_table *table,
    enum site_tls tls)
{
	bool any = strcmp(name, "*") == 0;
	size_t at = host_place(serve, span_from(name));
	struct serve_host *host = serve->any_host;

	if (!any)
		host = at < serve->n_hosts &&
			       strcmp(serve->hosts[at]->name, name) == 0
			   ? serve->hosts[at]
			   : NULL;
	if (host == NULL) {
		host = calloc(1, sizeof(*host));
		must(host != NULL);
		host->name = strdup(name);
		must(host->name != NULL);
		if (any) {
			serve->any_host = host;
		} else {
			if (serve->n_hosts == serve->hosts_room) {
				serve->hosts_room = serve->hosts_room
							? serve->hosts_room * 2
							: 64;
				serve->hosts = reallocarray(serve->hosts,
				    serve->hosts_room, sizeof(*serve->hosts));
				must(serve->hosts != NULL);
			}
			memmove(&serve->hosts[at + 1], &serve->hosts[at],
			    (serve->n_hosts - at) * sizeof(*serve->hosts));
			serve->hosts[at] = host;
			serve->n_hosts++;
		}
	}
	host->table = table;
	host->tls = tls;
	free(host->asked);
	host->asked = NULL;
}

const struct site_answer *
serve_fixed(struct serve_host *host, const struct site_page *page,
    const struct site_ask *ask)
{
	struct serve_table *table = host->table;
	size_t i = (size_t)(page - table->pages);

	if (!table->has_ready[i])
		site_answer_make(&table->ready[i], page, ask);
	table->has_ready[i] = true;
	return &table->ready[i];
}
