#include <errno.h>
#include <xxhash.h>

#include "lib/config/config_impl.h"
#include "lib/url/url.h"

enum {
	COMBINATION_SLOTS = 256,
	PATTERN_MAX = 512 /* bytes; no name of DNS is longer than 255 */
};

struct config_setting {
	const struct config_row *row;
	char *value; /* owned; as written, and checked */
};

struct config_section {
	char *where;   /* owned; of its first line */
	char *pattern; /* owned; as written */
	char *glob;    /* owned; as a URL has it: lower case, "xn--" */
	uint16_t port; /* 0: any */
	struct config_setting *settings;
	size_t n;
};

/* The sections that name one host, or many: amended once, for all of them. */
struct combination {
	struct combination *chain;
	struct config amended; /* its .host, and nothing else */
	size_t n;
	uint32_t sections[];
};

struct config_sections {
	struct config_section *list;
	size_t n;
	/* Built when they are asked for, of settings that are final then. */
	struct combination *made[COMBINATION_SLOTS];
	uint32_t *matches; /* scratch: of each section, one */
};

bool
config_row_is_of_host(const struct config_row *row)
{
	size_t from = offsetof(struct config, host);

	/* Rows without a member have the offset 0. */
	return row->offset >= from &&
	       row->offset < from + sizeof(struct config_host) &&
	       row->type != CONFIG_RULE && row->type != CONFIG_FIELDS &&
	       row->type != CONFIG_SECTION;
}

/* --- patterns ------------------------------------------------------------ */

/* A ":8080" at the end of a name or an address; 0: there is none. */
static uint16_t
cut_port(struct span *name)
{
	uint32_t port = 0, place = 1;
	size_t at = name->len;

	while (at > 0 && name->ptr[at - 1] >= '0' && name->ptr[at - 1] <= '9' &&
	       place <= 10000) {
		port += place * (uint32_t)(name->ptr[--at] - '0');
		place *= 10;
	}
	if (at == name->len || at == 0 || name->ptr[at - 1] != ':' ||
	    port == 0 || port > UINT16_MAX)
		return 0;
	name->len = at - 1;
	return (uint16_t)port;
}

/*
 * As the URL parser writes it, so that a pattern is compared with what a URL
 * becomes: '*' is a character that it takes.  Tabs and newlines, which it drops,
 * would be lines of their own where the pattern is shown.
 */
static int
canonical(struct span name, char **out)
{
	struct url url;
	struct buf text;
	int r;

	if (config_has_control(name))
		return -EINVAL;
	url_init(&url);
	buf_init(&text, PATTERN_MAX + 16);
	r = buf_add_span(&text, SPAN("http://"));
	if (r == 0)
		r = buf_add_span(&text, name);
	if (r == 0)
		r = url_parse(buf_span(&text), NULL, &url);
	/* Nothing but a host, be it that a colon with nothing behind it is
	 * a URL's. */
	if (r == 0 && span_ends(name, SPAN(":")))
		r = -EINVAL;
	if (r == 0 && (url_has_credentials(&url) || url.port >= 0 ||
			  !span_eq(url_target(&url), SPAN("/")) ||
			  url_href(&url).len != url_href_bare(&url).len))
		r = -EINVAL;
	if (r == 0) {
		*out = strndup(url_host(&url).ptr, url_host(&url).len);
		r = *out != NULL ? 0 : -ENOMEM;
	}
	buf_fini(&text);
	url_fini(&url);
	return r;
}

/* '*' is any run of characters.  Each star is gone back to only until the
 * next one: no more than the product of the lengths. */
static bool
glob_matches(const char *glob, struct span name)
{
	const char *star = NULL;
	size_t at = 0, from = 0;

	while (at < name.len) {
		if (*glob == '*') {
			star = ++glob;
			from = at;
		} else if (*glob == name.ptr[at]) {
			glob++;
			at++;
		} else if (star != NULL) {
			glob = star;
			at = ++from;
		} else {
			return false;
		}
	}
	while (*glob == '*')
		glob++;
	return *glob == '\0';
}

struct span
config_host_name(struct span url, uint16_t *port)
{
	struct span rest = url;
	const char *at = memmem(url.ptr, url.len, "://", 3);
	size_t len = 0;

	*port = span_starts(url, SPAN("https:")) ? 443 : 80;
	if (at != NULL)
		rest = span_from_at(url, (size_t)(at - url.ptr) + 3);
	while (len < rest.len && strchr("/?#", rest.ptr[len]) == NULL)
		len++;
	rest.len = len;
	at = len > 0 ? memrchr(rest.ptr, '@', len) : NULL;
	if (at != NULL)
		rest = span_from_at(rest, (size_t)(at - rest.ptr) + 1);
	len = rest.len;
	if (len > 0 && rest.ptr[len - 1] != ']') {
		uint16_t given = cut_port(&rest);

		if (given != 0)
			*port = given;
	}
	if (span_ends(rest, SPAN(".")))
		rest.len--; /* the root of all names: the same host */
	return rest;
}

/* --- reading ------------------------------------------------------------- */

/* "host" and a quoted pattern; false: it is something else. */
static bool
cut_pattern(struct span inside, struct span *pattern)
{
	inside = span_trim(inside);
	if (!span_starts(inside, SPAN("host")))
		return false;
	inside = span_trim(span_from_at(inside, 4));
	if (inside.len < 2 || !span_starts(inside, SPAN("\"")) ||
	    !span_ends(inside, SPAN("\"")))
		return false;
	*pattern = span_of(inside.ptr + 1, inside.len - 2);
	return true;
}

static void
section_fini(struct config_section *section)
{
	for (size_t i = 0; i < section->n; i++)
		free(section->settings[i].value);
	free(section->settings);
	free(section->where);
	free(section->pattern);
	free(section->glob);
}

static int
section_add(struct config *config, struct span pattern, const char *where,
    struct err *err)
{
	struct config_sections *sections = config->sections;
	struct config_section section = { .port = 0 }, *list;
	struct span name = pattern;
	uint32_t *matches;
	int r;

	if (sections->n == CONFIG_SECTIONS_MAX)
		return err_set(err, -ERANGE, "at most %d sections are allowed",
		    CONFIG_SECTIONS_MAX);
	list = reallocarray(sections->list, sections->n + 1, sizeof(*list));
	if (list == NULL)
		return -ENOMEM;
	sections->list = list;
	matches = reallocarray(sections->matches, sections->n + 1,
	    sizeof(*matches));
	if (matches == NULL)
		return -ENOMEM;
	sections->matches = matches;

	section.pattern = strndup(pattern.ptr, pattern.len);
	section.where = strdup(where);
	if (section.pattern == NULL || section.where == NULL) {
		r = -ENOMEM;
		goto done;
	}
	if (!span_ends(name, SPAN("]")))
		section.port = cut_port(&name);
	if (span_ends(name, SPAN(".")))
		name.len--;
	r = pattern.len <= PATTERN_MAX ? canonical(name, &section.glob)
				       : -EINVAL;
	if (r < 0 && r != -ENOMEM)
		r = err_set(err, -EINVAL,
		    "[host \"%s\"]: a pattern is the name or the address of a "
		    "host, in which * stands for any characters, and its port "
		    "or none, as in *.example.org, [::1] or 127.0.0.1:8080",
		    config_show_text(section.pattern).text);
	if (r < 0)
		goto done;
	sections->list[sections->n++] = section;
	section = (struct config_section){ .port = 0 };
done:
	section_fini(&section);
	return r;
}

int
config_section_begin(struct config *config, struct span inside,
    const char *where, struct err *err)
{
	struct span pattern;

	if (!cut_pattern(inside, &pattern))
		return err_set(err, -EINVAL,
		    "[%.*s]: there is no such section; there is "
		    "[host \"PATTERN\"], as in [host \"*.example.org\"]",
		    (int)(inside.len < 60 ? inside.len : 60), inside.ptr);
	if (config->sections == NULL)
		config->sections = calloc(1, sizeof(*config->sections));
	if (config->sections == NULL)
		return -ENOMEM;
	return section_add(config, pattern, where, err);
}

/* The nearest of the keys that a section may have: of max_pages, that is
 * host_max_pages. */
static const char *
nearest_of_host(const char *key)
{
	char of_host[CONFIG_KEY_MAX + 1];
	const struct config_row *row;
	const char *keys[256];
	size_t n = 0;

	snprintf(of_host, sizeof(of_host), "host_%s", key);
	row = config_row(of_host);
	if (row != NULL && config_row_is_of_host(row))
		return row->key;
	must(config_table_len <= ARRAY_LEN(keys));
	for (size_t i = 0; i < config_table_len; i++) {
		if (config_row_is_of_host(&config_table[i]))
			keys[n++] = config_table[i].key;
	}
	return config_nearest(key, keys, n);
}

static int
not_of_host(const struct config_section *section, const char *key,
    bool is_setting, struct err *err)
{
	const char *nearest = nearest_of_host(key);

	return err_set(err, is_setting ? -EINVAL : -ENOENT,
	    "[host \"%s\"]: %s%s%s%s%s",
	    config_show_text(section->pattern).text, config_show_text(key).text,
	    is_setting ? " is not a setting of a host"
		       : ": there is no such setting",
	    nearest ? "; did you mean " : "", nearest ? nearest : "",
	    nearest ? "?" : "");
}

int
config_section_set(struct config *config, const char *key, const char *value,
    struct err *err)
{
	struct config_sections *sections = config->sections;
	struct config_section *section = &sections->list[sections->n - 1];
	const struct config_row *row = config_row(key);
	struct config scratch = { .sections = NULL };
	struct config_setting *settings;
	struct err why = ERR_NONE;
	char *copy;
	int r;

	if (row == NULL || !config_row_is_of_host(row))
		return not_of_host(section, key, row != NULL, err);
	r = config_apply(&scratch, row, value, &why);
	config_fini(&scratch);
	if (r < 0)
		return r == -ENOMEM
			   ? r
			   : err_set(err, r, "[host \"%s\"]: %s",
				 config_show_text(section->pattern).text,
				 why.text);
	settings = reallocarray(section->settings, section->n + 1,
	    sizeof(*settings));
	if (settings == NULL)
		return -ENOMEM;
	section->settings = settings;
	copy = strdup(value);
	if (copy == NULL)
		return -ENOMEM;
	settings[section->n++] = (struct config_setting){ row, copy };
	return 0;
}

/* Where the pattern ends: at a colon with a blank behind it, for a port and an
 * IPv6 address have colons of their own. */
static const char *
pattern_end(const char *value)
{
	for (const char *c = value; *c != '\0'; c++) {
		if (c[0] == ':' && (c[1] == ' ' || c[1] == '\t'))
			return c;
	}
	return NULL;
}

int
config_section_option(struct config *config, const char *value, struct err *err)
{
	const char *end = pattern_end(value);
	const char *equals = end ? strchr(end, '=') : NULL;
	struct span key, text;
	struct buf inside;
	char *name, *given;
	int r = 0;

	if (equals == NULL)
		return err_set(err, -EINVAL,
		    "host = %s: it is PATTERN: KEY = VALUE, as in "
		    "\"*.example.org: host_delay = 5s\"",
		    config_show_text(value).text);
	/* Without the blanks around them, as a file is read. */
	key = span_trim(span_of(end + 1, (size_t)(equals - end - 1)));
	text = span_trim(span_from(equals + 1));
	name = strndup(key.ptr, key.len);
	given = strndup(text.ptr, text.len);
	buf_init(&inside, PATTERN_MAX * 2);
	if (name == NULL || given == NULL)
		r = -ENOMEM;
	if (r == 0)
		r = buf_printf(&inside, "host \"%.*s\"", (int)(end - value),
		    value);
	if (r == 0)
		r = config_section_begin(config, buf_span(&inside), "--host",
		    err);
	else if (r == -EMSGSIZE)
		r = err_set(err, -EINVAL, "host = %s: the pattern is too long",
		    config_show_text(value).text);
	if (r == 0 && config_row(name) != NULL &&
	    config_is_secret(config_row(name), given))
		r = config_refuse_secret(config_row(name), err);
	if (r == 0)
		r = config_section_set(config, name, given, err);
	buf_fini(&inside);
	free(given);
	free(name);
	return r;
}

/* --- asking -------------------------------------------------------------- */

/* Copies of what a struct config_host owns. */
static int
copy_owned(struct config *config, const struct config *from)
{
	for (size_t i = 0; i < config_table_len; i++) {
		const struct config_row *row = &config_table[i];

		if (!config_row_is_of_host(row))
			continue;
		must(row->type != CONFIG_WORDS); /* nobody has needed one */
		if (config_row_is_text(row)) {
			char *text = *MEMBER(char *, from, row);

			*MEMBER(char *, config, row) = NULL;
			if (text == NULL)
				continue;
			text = strdup(text);
			if (text == NULL)
				return -ENOMEM;
			*MEMBER(char *, config, row) = text;
		}
	}
	return 0;
}

/* Settings whose .host is that of `config`, to be amended. */
static int
amend_begin(const struct config *config, struct config *out)
{
	struct config none = { .sections = NULL };

	*out = none;
	out->host = config->host;
	/* The copies that are not made yet are not freed either. */
	for (size_t i = 0; i < config_table_len; i++) {
		if (config_row_is_text(&config_table[i]) &&
		    config_row_is_of_host(&config_table[i]))
			*MEMBER(char *, out, &config_table[i]) = NULL;
	}
	return copy_owned(out, config);
}

static int
amend(struct config *config, const struct config_section *section)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < section->n; i++) {
		r = config_apply(config, section->settings[i].row,
		    section->settings[i].value, NULL);
		must(r == 0 || r == -ENOMEM); /* it was checked */
	}
	return r;
}

static struct combination *
combination_new(const struct config *config, size_t n)
{
	const struct config_sections *sections = config->sections;
	struct combination *made = calloc(1,
	    sizeof(*made) + n * sizeof(made->sections[0]));
	int r;

	if (made == NULL)
		return NULL;
	made->n = n;
	memcpy(made->sections, sections->matches,
	    n * sizeof(made->sections[0]));
	r = amend_begin(config, &made->amended);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = amend(&made->amended, &sections->list[made->sections[i]]);
	if (r < 0) {
		config_fini(&made->amended);
		free(made);
		return NULL;
	}
	return made;
}

const struct config_host *
config_host(const struct config *config, struct span url)
{
	struct config_sections *sections = config->sections;
	struct combination *made, **slot;
	struct span name;
	uint16_t port;
	size_t n = 0, size;

	if (sections == NULL)
		return &config->host;
	name = config_host_name(url, &port);
	for (size_t i = 0; i < sections->n; i++) {
		const struct config_section *section = &sections->list[i];

		if ((section->port == 0 || section->port == port) &&
		    glob_matches(section->glob, name))
			sections->matches[n++] = (uint32_t)i;
	}
	if (n == 0)
		return &config->host;
	size = n * sizeof(sections->matches[0]);
	slot = &sections->made[XXH3_64bits(sections->matches, size) %
			       COMBINATION_SLOTS];
	for (made = *slot; made != NULL; made = made->chain) {
		if (made->n == n &&
		    memcmp(made->sections, sections->matches, size) == 0)
			return &made->amended.host;
	}
	made = combination_new(config, n);
	if (made == NULL)
		return NULL;
	made->chain = *slot;
	*slot = made;
	return &made->amended.host;
}

void
config_sections_free(struct config_sections *sections)
{
	if (sections == NULL)
		return;
	for (size_t i = 0; i < COMBINATION_SLOTS; i++) {
		struct combination *made = sections->made[i], *chain;

		for (; made != NULL; made = chain) {
			chain = made->chain;
			config_fini(&made->amended);
			free(made);
		}
	}
	for (size_t i = 0; i < sections->n; i++)
		section_fini(&sections->list[i]);
	free(sections->list);
	free(sections->matches);
	free(sections);
}

int
config_sections_check(const struct config *config,
    int (*check)(const struct config_host *host, struct err *err),
    struct err *err)
{
	const struct config_sections *sections = config->sections;
	int r = 0;

	for (size_t i = 0; sections != NULL && r == 0 && i < sections->n; i++) {
		const struct config_section *section = &sections->list[i];
		struct config amended;
		struct err why = ERR_NONE;

		r = amend_begin(config, &amended);
		if (r == 0)
			r = amend(&amended, section);
		if (r == 0)
			r = check(&amended.host, &why);
		if (r < 0 && r != -ENOMEM)
			r = err_set(err, r, "%s: [host \"%s\"]: %s",
			    section->where,
			    config_show_text(section->pattern).text, why.text);
		config_fini(&amended);
	}
	return r;
}

int
config_show_sections(const struct config *config, struct buf *out)
{
	const struct config_sections *sections = config->sections;
	int r = 0;

	for (size_t i = 0; sections != NULL && r == 0 && i < sections->n; i++) {
		const struct config_section *section = &sections->list[i];

		r = buf_printf(out, "%s[host \"%s\"]\n", i > 0 ? "\n" : "",
		    section->pattern);
		for (size_t j = 0; r == 0 && j < section->n; j++)
			r = buf_printf(out, "%s = %s\n",
			    section->settings[j].row->key,
			    config_is_secret(section->settings[j].row,
				section->settings[j].value)
				? config_show_public(section->settings[j].row,
				      section->settings[j].value)
				      .text
				: section->settings[j].value);
	}
	return r;
}
