#include <errno.h>

#include "lib/url/rule_impl.h"

/* What a compiled glob is made of: a byte as it is, or one of these. */
enum {
	GLOB_ANY = 256, /* '?' */
	GLOB_RUN,       /* '*', never two of them in a row */
};

struct glob {
	size_t len;
	uint16_t parts[];
};

static int
glob_compile(struct span text, void **out, struct err *err)
{
	struct glob *glob;

	glob = malloc(sizeof(*glob) + text.len * sizeof(glob->parts[0]));
	if (glob == NULL)
		return -ENOMEM;
	glob->len = 0;
	for (size_t i = 0; i < text.len; i++) {
		uint16_t c = (uint8_t)text.ptr[i];

		if (c == '\\') {
			if (++i == text.len) {
				free(glob);
				return err_set(err, -EINVAL,
				    "it ends with a backslash, which takes the "
				    "next character as it is");
			}
			c = (uint8_t)text.ptr[i];
		} else if (c == '?') {
			c = GLOB_ANY;
		} else if (c == '*') {
			c = GLOB_RUN;
			if (glob->len > 0 &&
			    glob->parts[glob->len - 1] == GLOB_RUN)
				continue;
		}
		glob->parts[glob->len++] = c;
	}
	*out = glob;
	return 0;
}

static bool
matches(const struct glob *glob, struct span s)
{
	const uint16_t *parts = glob->parts;
	size_t g = 0, at = 0;
	size_t star = SIZE_MAX, mark = 0; /* the last run, and where it ends */

	for (;;) {
		if (g < glob->len && parts[g] == GLOB_RUN) {
			star = g++;
			mark = at;
			if (g == glob->len)
				return true;
		} else if (at < s.len && g < glob->len &&
			   (parts[g] == GLOB_ANY ||
			       parts[g] == (uint8_t)s.ptr[at])) {
			g++;
			at++;
		} else if (at == s.len && g == glob->len) {
			return true;
		} else if (star != SIZE_MAX && mark < s.len) {
			/*
			 * The last run takes one more.  No earlier one needs
			 * to: what stands between them was matched as far to
			 * the left as it can be.
			 */
			at = ++mark;
			g = star + 1;
		} else {
			return false;
		}
	}
}

static enum rule_match
glob_match(const void *compiled, const struct scope_subject *subject)
{
	return matches(compiled, url_href_bare(subject->url)) ? RULE_MATCHES
							      : RULE_MISSES;
}

const struct rule_kind rule_glob = { "glob", glob_compile, glob_match, NULL };
