/*
 * The rows of sitemaps: what the frontier would stumble over at its next
 * start, or never read.  How many a site had is only a limit, and not counted.
 */
#include <errno.h>

#include "lib/audit/audit_impl.h"

/* 1 it is right; 0 not, *why says it. */
static int
is_right(struct audit *audit, struct span key, struct span value,
    const char **why)
{
	struct canon_hash hash;
	struct map_row row;
	uint64_t ids[3];
	int r;

	*why = "its key is none";
	if (row_key_read(key, 3, ids) < 0)
		return 0;
	*why = "it cannot be read";
	if (map_row_read(value, &row) < 0)
		return 0;
	*why = "its text is no URL";
	r = audit_hash(audit, row.text, &hash);
	if (r <= 0)
		return r;
	*why = "its key is that of another URL";
	return (hash.site64 == ids[0] && hash.url64 == ids[1]) ||
	       audit_key_may_differ(audit);
}

int
audit_sitemaps(struct audit *audit)
{
	struct store_scan *scan;
	struct span key, value;
	const char *why;
	int r, is;

	r = store_scan_open(audit->store, STORE_SITEMAPS, SPAN_NONE, SPAN_NONE,
	    false, &scan);
	if (r < 0)
		return audit_fail(audit, r, "frontier");
	while (r == 0 && (r = store_scan_next(scan, &key, &value)) == 1) {
		is = is_right(audit, key, value, &why);
		r = is < 0 ? is : 0;
		if (is != 0)
			continue;
		audit_problem(audit, AUDIT_SITEMAP_ROW, "a row of table s: %s",
		    why);
		if (!audit->mends)
			continue;
		r = audit_remove(audit, STORE_SITEMAPS, key, value);
		if (r == 0)
			audit_repaired(audit, AUDIT_SITEMAP_ROW,
			    "it is in lost+found instead; the sitemap is found "
			    "again with its robots.txt, or with --sitemap");
	}
	store_scan_close(scan);
	return r < 0 && audit->err->text[0] == '\0'
		   ? audit_fail(audit, r, "frontier")
		   : r;
}
