#include "lib/html/directives.h"

#include "lib/html/page.h"

static unsigned
directives_of_word(struct span word)
{
	if (span_eq_nocase(word, SPAN("noindex")))
		return PAGE_NOINDEX;
	if (span_eq_nocase(word, SPAN("nofollow")))
		return PAGE_NOFOLLOW;
	if (span_eq_nocase(word, SPAN("noarchive")))
		return PAGE_NOARCHIVE;
	if (span_eq_nocase(word, SPAN("none")))
		return PAGE_NOINDEX | PAGE_NOFOLLOW;
	return 0;
}

bool
directives_meet(struct span name, struct span agent)
{
	name = span_trim(name);
	return span_eq_nocase(name, SPAN("robots")) ||
	       (agent.len > 0 && span_eq_nocase(name, agent));
}

/* Take the next part, up to one of the bytes of `set`, off the front. */
static struct span
directives_next(struct span *list, const char *set)
{
	size_t len = 0;
	struct span part;

	while (len < list->len &&
	       (list->ptr[len] == '\0' || strchr(set, list->ptr[len]) == NULL))
		len++;
	part = span_of(list->ptr, len);
	*list = span_from_at(*list, len + 1);
	return span_trim(part);
}

unsigned
directives_of_meta(struct span content)
{
	unsigned robots = 0;

	/* Commas part them; many write blanks, which no directive holds. */
	while (content.len > 0)
		robots |= directives_of_word(
		    directives_next(&content, ", \t\n\f\r"));
	return robots;
}

/* Directives that have a value behind a ':' of their own. */
static bool
directives_has_value(struct span name)
{
	static const struct span names[] = {
		SPAN("max-snippet"),
		SPAN("max-image-preview"),
		SPAN("max-video-preview"),
		SPAN("unavailable_after"),
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (span_eq_nocase(name, names[i]))
			return true;
	}
	return false;
}

/* A crawler's name: one word of letters, and not the hour of a date. */
static bool
directives_is_agent(struct span name)
{
	bool letter = false;

	for (size_t i = 0; i < name.len; i++) {
		char c = span_lower(name.ptr[i]);

		if (c <= ' ' || c == 0x7F)
			return false;
		letter |= c >= 'a' && c <= 'z';
	}
	return letter || span_eq(name, SPAN("*"));
}

unsigned
directives_of_header(struct span value, struct span agent)
{
	unsigned robots = 0;
	bool ours = true;

	while (value.len > 0) {
		struct span part = directives_next(&value, ",");
		const char *colon = NULL;

		if (part.len > 0)
			colon = memchr(part.ptr, ':', part.len);
		if (colon != NULL) {
			struct span name = span_trim(
			    span_of(part.ptr, (size_t)(colon - part.ptr)));

			if (directives_has_value(name) ||
			    !directives_is_agent(name))
				continue;
			ours = directives_meet(name, agent) ||
			       span_eq(name, SPAN("*"));
			part = span_trim(
			    span_from_at(part, (size_t)(colon + 1 - part.ptr)));
		}
		if (ours)
			robots |= directives_of_word(part);
	}
	return robots;
}
