#include <errno.h>

#include "lib/config/config_impl.h"

enum {
	COLUMNS = 80,
	HELP_COLUMN = 32, /* where the words of the help begin */
	OPTION_MAX = 128
};

/* What stands for the value in "--key VALUE". */
static const char *
placeholder(const struct config_row *row)
{
	switch (row->type) {
	case CONFIG_TEXT:
		return "TEXT";
	case CONFIG_BOOL:
		return NULL;
	case CONFIG_COUNT:
	case CONFIG_NUMBER:
	case CONFIG_DECIMAL:
		return "N";
	case CONFIG_BYTES:
		return "SIZE";
	case CONFIG_TIME:
		return "TIME";
	case CONFIG_TIMES:
		return "TIME,...";
	case CONFIG_CHOICE:
		return "WORD";
	case CONFIG_RULE:
		return "RULE";
	case CONFIG_WORDS:
		return "NAME,...";
	case CONFIG_URLS:
		return "URL";
	case CONFIG_FIELDS:
	case CONFIG_FLAGS:
		return "LIST";
	case CONFIG_SPEED:
		return "RATE";
	case CONFIG_PROXY:
		return "URL";
	case CONFIG_ADDRESS:
		return "ADDRESS";
	case CONFIG_HEADER:
		return "LINE";
	case CONFIG_AUTH:
		return "TEXT";
	case CONFIG_SECTION:
		return "PATTERN: KEY = VALUE";
	}
	return NULL;
}

/* Add words, broken so that no line passes the last column. */
static int
add_wrapped(struct buf *out, const char *text, size_t *column)
{
	struct span rest = span_from(text);
	int r = 0;

	while (r == 0 && rest.len > 0) {
		const char *blank = memchr(rest.ptr, ' ', rest.len);
		size_t len = blank ? (size_t)(blank - rest.ptr) : rest.len;

		/* In front of each word but the first of a line, a blank. */
		if (*column > HELP_COLUMN && *column + 1 + len >= COLUMNS) {
			r = buf_printf(out, "\n%*s", HELP_COLUMN, "");
			*column = HELP_COLUMN;
		} else if (*column > HELP_COLUMN) {
			r = buf_add_char(out, ' ');
			*column += 1;
		}
		if (r == 0)
			r = buf_add(out, rest.ptr, len);
		*column += len;
		rest = span_from_at(rest, len + 1);
	}
	return r;
}

static int
add_row(struct buf *out, const struct config_row *row)
{
	const char *value = placeholder(row);
	char option[OPTION_MAX];
	char note[OPTION_MAX];
	size_t column = HELP_COLUMN;
	int len, r;

	len = snprintf(option, sizeof(option), "  %c%c%c --%s%s%s",
	    row->letter ? '-' : ' ', row->letter ? row->letter : ' ',
	    row->letter ? ',' : ' ', row->key, value ? " " : "",
	    value ? value : "");
	must(len > 0 && len < OPTION_MAX);
	/* Dashes in the key alone: the placeholders have no underscore. */
	for (char *c = option; *c != '\0'; c++) {
		if (*c == '_')
			*c = '-';
	}
	if (len + 2 <= HELP_COLUMN)
		r = buf_printf(out, "%-*s", HELP_COLUMN, option);
	else
		r = buf_printf(out, "%s\n%*s", option, HELP_COLUMN, "");
	if (r == 0)
		r = add_wrapped(out, row->help, &column);
	if (r == 0 && row->choices != NULL && row->type == CONFIG_CHOICE) {
		snprintf(note, sizeof(note), "(one of: %s)", row->choices);
		r = add_wrapped(out, note, &column);
	}
	if (r == 0 && config_row_is_of_host(row))
		r = add_wrapped(out, "(host)", &column);
	if (r == 0 && row->unset != NULL && row->unset[0] != '\0' &&
	    row->type != CONFIG_BOOL) {
		snprintf(note, sizeof(note), "[%s]", row->unset);
		r = add_wrapped(out, note, &column);
	}
	if (r == 0)
		r = buf_add_char(out, '\n');
	return r;
}

int
config_help(struct buf *out)
{
	const char *group = "";
	int r;

	r = buf_add_span(out,
	    SPAN("Settings, as options here and as keys of DIR/mpcrawl.conf\n"
		 "(--host-delay 2s is host_delay = 2s); options win.  In "
		 "brackets the default.\n"
		 "TIME is a number and ms, s, m, h or d; SIZE and N take K, M "
		 "and G.\nThose marked (host) may differ from host to host: in "
		 "a section\n[host \"*.example.org\"] of the file, or by "
		 "--host; it wins over the option.\n"));
	for (size_t i = 0; r == 0 && i < config_table_len; i++) {
		const struct config_row *row = &config_table[i];

		if (strcmp(group, row->group) != 0) {
			group = row->group;
			r = buf_printf(out, "\n%s\n", group);
		}
		if (r == 0)
			r = add_row(out, row);
	}
	return r;
}
