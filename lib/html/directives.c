#include "lib/html/directives.h"

#include "lib/html/page.h"

enum {
	DIRECTIVES_DATE = 64, /* bytes; what is longer is none */
};

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

/*
 * The date behind "unavailable_after:", where that is in front of `text`.
 * There may be a comma in it, behind the day of the week.
 */
static bool
directives_date(struct span text, struct span *date)
{
	static const struct span name = SPAN("unavailable_after");
	struct span s = text, part;

	if (text.len <= name.len ||
	    !span_eq_nocase(span_of(text.ptr, name.len), name))
		return false;
	s = span_trim(span_from_at(text, name.len));
	if (s.len == 0 || s.ptr[0] != ':')
		return false;
	s = span_trim(span_from_at(s, 1));
	text = s;
	part = directives_next(&s, ",");
	while (part.len > 0 && s.len > 0) {
		struct span rest = s, more = directives_next(&rest, ",");

		if (more.len == 0 || more.ptr[0] < '0' || more.ptr[0] > '9')
			break;
		part = more;
		s = rest;
	}
	if (part.len == 0)
		return false;
	*date = span_of(text.ptr, (size_t)(part.ptr + part.len - text.ptr));
	return date->len <= DIRECTIVES_DATE;
}

unsigned
directives_of_meta(struct span content, struct span *after)
{
	unsigned robots = 0;

	/* Commas part them; many write blanks, which no directive holds. */
	while (content.len > 0) {
		struct span date;

		if (after != NULL && directives_date(content, &date))
			*after = date;
		robots |= directives_of_word(
		    directives_next(&content, ", \t\n\f\r"));
	}
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
directives_of_header(struct span value, struct span agent, struct span *after)
{
	unsigned robots = 0;
	bool ours = true;

	while (value.len > 0) {
		struct span whole = span_trim(value), date;
		struct span part = directives_next(&value, ",");
		const char *colon = NULL;

		if (part.len > 0)
			colon = memchr(part.ptr, ':', part.len);
		if (colon != NULL) {
			struct span name = span_trim(
			    span_of(part.ptr, (size_t)(colon - part.ptr)));

			if (directives_has_value(name) ||
			    !directives_is_agent(name)) {
				if (ours && after != NULL &&
				    directives_date(whole, &date))
					*after = date;
				continue;
			}
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
