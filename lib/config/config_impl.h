/*
 * config_impl - what the files of lib/config share: values and rows.
 */
#ifndef LIB_CONFIG_CONFIG_IMPL_H
#define LIB_CONFIG_CONFIG_IMPL_H

#include "lib/config/config.h"

enum {
	/* Each is looked at once for each host, and a file is a megabyte. */
	CONFIG_SECTIONS_MAX = 10000,
	CONFIG_KEY_MAX = 64 /* no key is longer; nor is a mistyped one read */
};

/* The member of a row, whose type the table checked at compile time. */
#define MEMBER(T, config, row) ((T *)(void *)((char *)(config) + (row)->offset))

/* "auto" and its stand-in in a BYTES. */
#define CONFIG_AUTO_BYTES UINT64_MAX

/* The row of a key, NULL: none. */
const struct config_row *config_row(const char *key);
/* The row of a short option, NULL: none. */
const struct config_row *config_row_of_letter(char letter);
/* The key nearest to `word`, in which '-' counts as '_'; NULL: none. */
const char *config_nearest_key(const char *word);

/* Set by row; errors as config_set(). */
MUST_USE int config_apply(struct config *config, const struct config_row *row,
    const char *value, struct err *err);

/*
 * A whole number and its unit: K M G as powers of `kilo`; ms s m h d, which
 * only 0 may lack.  0; -EINVAL: not of that form; -ERANGE: does not fit.
 */
MUST_USE int config_value_number(struct span text, uint64_t kilo,
    uint64_t *out);
MUST_USE int config_value_time(struct span text, int64_t *out_ms);
/* "0.25", in thousandths. */
MUST_USE int config_value_decimal(struct span text, uint64_t *out);

/* The shortest exact notation of a value, for messages. */
struct config_shown {
	char text[32];
};
struct config_shown config_show(const struct config_row *row, uint64_t value);

/* A value as it can be shown: short, and without control characters. */
struct config_text {
	char text[80];
};
struct config_text config_show_text(const char *value);

/*
 * config_host.c: a section begins, with all that stands between the brackets;
 * a setting of the last one.  `where` is for messages that come later:
 * "FILE:LINE", or "--host".  Errors as config_set(); -EINVAL: no pattern, or
 * not a setting of a host.
 */
MUST_USE int config_section_begin(struct config *config, struct span inside,
    const char *where, struct err *err);
MUST_USE int config_section_set(struct config *config, const char *key,
    const char *value, struct err *err);
/* "PATTERN: KEY = VALUE". */
MUST_USE int config_section_option(struct config *config, const char *value,
    struct err *err);
void config_sections_free(struct config_sections *sections);
/* What holds between the settings of one host, section by section. */
MUST_USE int config_sections_check(const struct config *config,
    int (*check)(const struct config_host *host, struct err *err),
    struct err *err);

/* config_net.c: as config_set() says. */
MUST_USE int config_set_proxy(char **member, const struct config_row *row,
    const char *value, struct err *err);
MUST_USE int config_set_address(char **member, const struct config_row *row,
    const char *value, struct err *err);
MUST_USE int config_set_header(char **member, const struct config_row *row,
    const char *value, struct err *err);
MUST_USE int config_add_auth(struct config_list *list,
    const struct config_row *row, const char *value, struct err *err);
/* Control characters: in headers, logs and on terminals one may begin a line or
 * move a cursor. */
bool config_has_control(struct span text);
/* Is it for nobody else to see, as an option would be in the list of
 * processes?  And the value, without what is secret in it. */
bool config_is_secret(const struct config_row *row, const char *value);
/* -EINVAL, with that said. */
int config_refuse_secret(const struct config_row *row, struct err *err);
struct config_text config_show_public(const struct config_row *row,
    const char *value);

/* A text that its struct owns. */
static inline bool
config_row_is_text(const struct config_row *row)
{
	return row->type == CONFIG_TEXT || row->type == CONFIG_PROXY ||
	       row->type == CONFIG_ADDRESS || row->type == CONFIG_HEADER;
}

/* Cut the next item off a list of words between commas and blanks; false:
 * there is no more. */
bool config_next_word(struct span *list, struct span *word);

#endif
