#include "lib/html/srcset.h"

static bool
srcset_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

/* Past the descriptors: up to a comma that stands in no parentheses. */
static struct span
srcset_skip_descriptors(struct span s)
{
	bool inside = false;
	size_t i;

	for (i = 0; i < s.len; i++) {
		if (s.ptr[i] == '(')
			inside = true;
		else if (s.ptr[i] == ')')
			inside = false;
		else if (s.ptr[i] == ',' && !inside)
			break;
	}
	return span_from_at(s, i);
}

bool
srcset_next(struct span *list, struct span *url)
{
	struct span s = *list;
	size_t len = 0;

	while (s.len > 0 && (srcset_space(s.ptr[0]) || s.ptr[0] == ','))
		s = span_from_at(s, 1);
	while (len < s.len && !srcset_space(s.ptr[len]))
		len++;
	*url = span_of(s.ptr, len);
	s = span_from_at(s, len);
	if (len > 0 && url->ptr[len - 1] == ',') {
		while (url->len > 0 && url->ptr[url->len - 1] == ',')
			url->len--;
	} else {
		s = srcset_skip_descriptors(s);
	}
	*list = s;
	return len > 0;
}
