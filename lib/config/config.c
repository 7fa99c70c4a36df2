#include "lib/config/config.h"

#include <errno.h>

#include "lib/config/config_impl.h"
#include "lib/url/url.h"

struct config_text
config_show_text(const char *value)
{
	struct config_text shown;
	size_t n = 0;

	for (; value[n] != '\0' && n < sizeof(shown.text) - 1; n++) {
		unsigned char c = (unsigned char)value[n];

		shown.text[n] = c < 0x20 || c == 0x7f ? '?' : value[n];
	}
	shown.text[n] = '\0';
	if (value[n] != '\0')
		memcpy(&shown.text[n - 3], "...", 3);
	return shown;
}

/* "key = value: why"; returns `r`. */
static int
refuse(const struct config_row *row, const char *value, int r, struct err *err,
    const char *why)
{
	return err_set(err, r, "%s = %s: %s", row->key,
	    config_show_text(value).text, why);
}

static int
refuse_range(const struct config_row *row, const char *value, struct err *err)
{
	return err_set(err, -ERANGE, "%s = %s: allowed are %s to %s%s",
	    row->key, config_show_text(value).text,
	    config_show(row, row->min).text, config_show(row, row->max).text,
	    row->unset != NULL && strcmp(row->unset, "auto") == 0 ? ", and auto"
								  : "");
}

static int
set_text(char **member, const struct config_row *row, const char *value,
    struct err *err)
{
	size_t len = strlen(value);
	char *copy = NULL;

	if (config_has_control(span_from(value)))
		return refuse(row, value, -EINVAL, err,
		    "control characters are not allowed");
	if (len < row->min)
		return refuse(row, value, -EINVAL, err, "must not be empty");
	if (len > row->max)
		return err_set(err, -ERANGE,
		    "%s = %s: at most %u bytes are allowed", row->key,
		    config_show_text(value).text, (unsigned)row->max);
	if (len > 0) {
		copy = strdup(value);
		if (copy == NULL)
			return -ENOMEM;
	}
	free(*member);
	*member = copy;
	return 0;
}

static int
set_bool(bool *member, const struct config_row *row, const char *value,
    struct err *err)
{
	static const char *const yes[] = { "yes", "true", "on", "1" };
	static const char *const no[] = { "no", "false", "off", "0" };

	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		if (strcmp(value, yes[i]) == 0 || strcmp(value, no[i]) == 0) {
			*member = strcmp(value, yes[i]) == 0;
			return 0;
		}
	}
	return refuse(row, value, -EINVAL, err, "allowed are yes and no");
}

/* COUNT, BYTES and NUMBER, within the range of the row. */
static int
read_number(const struct config_row *row, const char *value, uint64_t *out,
    struct err *err)
{
	uint64_t kilo = row->type == CONFIG_BYTES ? 1024 : 1000;
	uint64_t number;
	int r;

	if (row->unset != NULL && strcmp(row->unset, "auto") == 0 &&
	    strcmp(value, "auto") == 0) {
		*out = row->type == CONFIG_BYTES ? CONFIG_AUTO_BYTES : 0;
		return 0;
	}
	r = config_value_number(span_from(value), kilo, &number);
	if (r == -EINVAL)
		return refuse(row, value, r, err,
		    row->type == CONFIG_BYTES
			? "a size is a whole number, with K, M or G for "
			  "powers of 1024"
			: "a count is a whole number, with K, M or G for "
			  "powers of 1000");
	if (r == -ERANGE || number < row->min || number > row->max)
		return refuse_range(row, value, err);
	*out = number;
	return 0;
}

static int
read_time(const struct config_row *row, const char *value, struct span text,
    int64_t *out_ms, struct err *err)
{
	int64_t ms;
	int r;

	r = config_value_time(text, &ms);
	if (r == -EINVAL)
		return refuse(row, value, r, err,
		    "a time is a whole number and its unit: ms, s, m, h or d");
	if (r == -ERANGE || (uint64_t)ms < row->min || (uint64_t)ms > row->max)
		return refuse_range(row, value, err);
	*out_ms = ms;
	return 0;
}

/* A whole number and at most three places behind the point. */
static int
set_decimal(uint32_t *member, const struct config_row *row, const char *value,
    struct err *err)
{
	uint64_t number;
	int r;

	r = config_value_decimal(span_from(value), &number);
	if (r == -EINVAL)
		return refuse(row, value, r, err,
		    "it is a number with at most three digits behind its "
		    "point, as in 0.25");
	if (r == -ERANGE || number < row->min || number > row->max)
		return refuse_range(row, value, err);
	*member = (uint32_t)number;
	return 0;
}

static int
set_times(struct config_times *member, const struct config_row *row,
    const char *value, struct err *err)
{
	/* Like a TIME in its messages. */
	struct config_row as_time = *row;
	struct config_times times = { .n = 0 };
	struct span list = span_from(value), word;
	int r;

	as_time.type = CONFIG_TIME;
	while (config_next_word(&list, &word)) {
		if (times.n == CONFIG_RETRY_DELAYS)
			return err_set(err, -ERANGE,
			    "%s = %s: at most %d times are allowed", row->key,
			    config_show_text(value).text, CONFIG_RETRY_DELAYS);
		r = read_time(&as_time, value, word, &times.ms[times.n], err);
		if (r < 0)
			return r;
		times.n++;
	}
	if (times.n == 0)
		return refuse(row, value, -EINVAL, err,
		    "at least one time is needed, as in 30s, 5m");
	*member = times;
	return 0;
}

/* Which of the words in `choices`; -1: none of them. */
static int
choice_of(const char *choices, struct span word)
{
	struct span list = span_from(choices), choice;

	for (int i = 0; config_next_word(&list, &choice); i++) {
		if (span_eq(choice, word))
			return i;
	}
	return -1;
}

static int
set_choice(int *member, const struct config_row *row, const char *value,
    struct err *err)
{
	int choice = choice_of(row->choices, span_from(value));

	if (choice < 0)
		return err_set(err, -EINVAL, "%s = %s: it is one of: %s",
		    row->key, config_show_text(value).text, row->choices);
	*member = (int)row->min + choice;
	return 0;
}

/* What it means is the scope's to say, when the settings are whole. */
static int
add_rule(struct config *config, const struct config_row *row, const char *value,
    struct err *err)
{
	struct config_rule *rules;
	char *copy;

	if (*value == '\0' || config_has_control(span_from(value)))
		return refuse(row, value, -EINVAL, err,
		    "a rule has at least one character, and no control "
		    "characters");
	if (config->n_rules == SCOPE_RULES_MAX)
		return err_set(err, -ERANGE,
		    "%s = %s: at most %d include and exclude are allowed",
		    row->key, config_show_text(value).text, SCOPE_RULES_MAX);
	rules = reallocarray(config->rules, config->n_rules + 1,
	    sizeof(*rules));
	if (rules == NULL)
		return -ENOMEM;
	config->rules = rules;
	copy = strdup(value);
	if (copy == NULL)
		return -ENOMEM;
	rules[config->n_rules++] = (struct config_rule){
		.include = strcmp(row->key, "include") == 0,
		.text = copy,
	};
	return 0;
}

static int
add_word(struct config_list *list, const struct config_row *row,
    const char *value, struct span word, struct err *err)
{
	char **items;
	char *copy;

	if (list->n == CONFIG_WORDS_MAX)
		return err_set(err, -ERANGE,
		    "%s = %s: at most %d words are allowed", row->key,
		    config_show_text(value).text, CONFIG_WORDS_MAX);
	items = reallocarray(list->items, list->n + 1, sizeof(*items));
	if (items == NULL)
		return -ENOMEM;
	list->items = items;
	copy = strndup(word.ptr, word.len);
	if (copy == NULL)
		return -ENOMEM;
	items[list->n++] = copy;
	return 0;
}

/* All of them, or none. */
static int
add_words(struct config_list *list, const struct config_row *row,
    const char *value, struct err *err)
{
	struct span rest = span_from(value), word;
	size_t before = list->n;
	int r = 0;

	if (config_has_control(span_from(value)))
		return refuse(row, value, -EINVAL, err,
		    "control characters are not allowed");
	while (r == 0 && config_next_word(&rest, &word))
		r = add_word(list, row, value, word, err);
	while (r < 0 && list->n > before)
		free(list->items[--list->n]);
	return r;
}

/* As it is: a URL may hold commas.  Whether it is one, the crawl finds out. */
static int
add_url(struct config_list *list, const struct config_row *row,
    const char *value, struct err *err)
{
	struct span text = span_trim(span_from(value));
	char shown[URL_SHOWN];

	if (text.len == 0 || config_has_control(span_from(value)))
		return refuse(row, url_shown(text, shown), -EINVAL, err,
		    "a URL is needed, without control characters");
	return add_word(list, row, value, text, err);
}

/* A list of flags, each a bit in the order of row->choices. */
static int
set_flags(uint32_t *member, const struct config_row *row, const char *value,
    struct err *err)
{
	struct span list = span_from(value), word;
	bool amends = true, first = true;
	uint32_t bits = *member;

	while (config_next_word(&list, &word)) {
		char sign = word.ptr[0];
		bool is_signed = sign == '+' || sign == '-';
		int flag;

		/* A list that begins without a sign is the whole list. */
		if (first && !is_signed)
			amends = false;
		if (first && !amends)
			bits = 0;
		first = false;
		flag = choice_of(row->choices,
		    span_from_at(word, is_signed ? 1 : 0));
		if (flag < 0)
			return err_set(err, -EINVAL,
			    "%s = %s: it is a list of: %s; as in +%.*s",
			    row->key, config_show_text(value).text,
			    row->choices, (int)strcspn(row->choices, " "),
			    row->choices);
		if (sign == '-')
			bits &= ~(UINT32_C(1) << flag);
		else
			bits |= UINT32_C(1) << flag;
	}
	*member = first ? 0 : bits;
	return 0;
}

static int
set_fields(struct config *config, const struct config_row *row,
    const char *value, struct err *err)
{
	/* In the order of row->choices. */
	uint32_t bits = (config->field_links ? 1 : 0) |
			(config->field_body ? 2 : 0);
	int r = set_flags(&bits, row, value, err);

	if (r < 0)
		return r;
	config->field_links = bits & 1;
	config->field_body = bits & 2;
	return 0;
}

/* "1K/s for 20s", "1K/20s", or 0. */
static int
set_speed(struct config *config, const struct config_row *row,
    const char *value, struct err *err)
{
	const char *slash = strchr(value, '/');
	uint64_t bytes = 0;
	int64_t ms = 0;
	struct span time;
	int r;

	if (slash == NULL) {
		r = config_value_number(span_from(value), 1024, &bytes);
		if (r == 0 && bytes != 0)
			r = -EINVAL; /* for how long? */
	} else {
		time = span_from(slash + 1);
		if (span_starts(time, SPAN("s for ")))
			time = span_from_at(time, 6);
		r = config_value_number(span_of(value, (size_t)(slash - value)),
		    1024, &bytes);
		if (r == 0)
			r = config_value_time(time, &ms);
	}
	/* libcurl keeps both in a long, the time in whole seconds. */
	if (r == 0 && bytes != 0 &&
	    (bytes > INT32_MAX || ms < 1000 || ms > 3600 * 1000))
		r = -ERANGE;
	if (r == -ERANGE)
		return refuse(row, value, r, err,
		    "allowed are 1/s to 2047M/s, for 1s to 1h");
	if (r < 0)
		return refuse(row, value, r, err,
		    "it is a size a second for a time, as in 1K/s for 20s, "
		    "or 0");
	config->low_speed_bytes = bytes;
	config->low_speed_ms = bytes != 0 ? ms : 0;
	return 0;
}

int
config_apply(struct config *config, const struct config_row *row,
    const char *value, struct err *err)
{
	uint64_t number;
	int r;

	switch (row->type) {
	case CONFIG_TEXT:
		return set_text(MEMBER(char *, config, row), row, value, err);
	case CONFIG_BOOL:
		return set_bool(MEMBER(bool, config, row), row, value, err);
	case CONFIG_COUNT:
		r = read_number(row, value, &number, err);
		if (r == 0)
			*MEMBER(uint32_t, config, row) = (uint32_t)number;
		return r;
	case CONFIG_BYTES:
	case CONFIG_NUMBER:
		return read_number(row, value, MEMBER(uint64_t, config, row),
		    err);
	case CONFIG_TIME:
		return read_time(row, value, span_from(value),
		    MEMBER(int64_t, config, row), err);
	case CONFIG_DECIMAL:
		return set_decimal(MEMBER(uint32_t, config, row), row, value,
		    err);
	case CONFIG_TIMES:
		return set_times(MEMBER(struct config_times, config, row), row,
		    value, err);
	case CONFIG_CHOICE:
		return set_choice(MEMBER(int, config, row), row, value, err);
	case CONFIG_RULE:
		return add_rule(config, row, value, err);
	case CONFIG_WORDS:
		return add_words(MEMBER(struct config_list, config, row), row,
		    value, err);
	case CONFIG_URLS:
		return add_url(MEMBER(struct config_list, config, row), row,
		    value, err);
	case CONFIG_FIELDS:
		return set_fields(config, row, value, err);
	case CONFIG_FLAGS:
		return set_flags(MEMBER(uint32_t, config, row), row, value,
		    err);
	case CONFIG_SPEED:
		return set_speed(config, row, value, err);
	case CONFIG_PROXY:
		return config_set_proxy(MEMBER(char *, config, row), row, value,
		    err);
	case CONFIG_ADDRESS:
		return config_set_address(MEMBER(char *, config, row), row,
		    value, err);
	case CONFIG_HEADER:
		return config_set_header(MEMBER(char *, config, row), row,
		    value, err);
	case CONFIG_AUTH:
		return config_add_auth(MEMBER(struct config_list, config, row),
		    row, value, err);
	case CONFIG_SECTION:
		return config_section_option(config, value, err);
	}
	must(!"a row of an unknown type");
	return -EINVAL;
}

int
config_set(struct config *config, const char *key, const char *value,
    struct err *err)
{
	const struct config_row *row = config_row(key);
	const char *nearest;

	if (row != NULL)
		return config_apply(config, row, value, err);
	nearest = config_nearest_key(key);
	return err_set(err, -ENOENT, "%s: there is no such setting%s%s%s",
	    config_show_text(key).text, nearest ? "; did you mean " : "",
	    nearest ? nearest : "", nearest ? "?" : "");
}

int
config_init(struct config *config)
{
	struct err err = ERR_NONE;
	int r;

	*config = (struct config){ 0 };
	for (size_t i = 0; i < config_table_len; i++) {
		const struct config_row *row = &config_table[i];

		if (row->unset == NULL)
			continue;
		r = config_apply(config, row, row->unset, &err);
		if (r == -ENOMEM) {
			config_fini(config);
			return r;
		}
		must(r == 0); /* a default that its own row refuses */
	}
	return 0;
}

void
config_fini(struct config *config)
{
	if (config == NULL)
		return;
	for (size_t i = 0; i < config_table_len; i++) {
		const struct config_row *row = &config_table[i];

		if (config_row_is_text(row)) {
			free(*MEMBER(char *, config, row));
		} else if (row->type == CONFIG_AUTH ||
			   row->type == CONFIG_WORDS ||
			   row->type == CONFIG_URLS) {
			struct config_list *list = MEMBER(struct config_list,
			    config, row);

			for (size_t j = 0; j < list->n; j++)
				free(list->items[j]);
			free(list->items);
		}
	}
	for (size_t i = 0; i < config->n_rules; i++)
		free(config->rules[i].text);
	free(config->rules);
	config_sections_free(config->sections);
	*config = (struct config){ 0 };
}
