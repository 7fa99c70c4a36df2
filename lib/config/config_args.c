#include <errno.h>

#include "lib/config/config_impl.h"

struct args {
	int argc;
	char **argv;
	int at;
	bool words_only; /* "--" was read */
};

enum arg_kind {
	ARG_END,
	ARG_WORD,
	ARG_OPTION,
};

struct arg {
	enum arg_kind kind;
	char *word;
	const struct config_row *row;
	const char *value;
};

/* "--host-delay" of a key. */
struct option_name {
	char text[CONFIG_KEY_MAX + 3];
};

static struct option_name
option_of(const char *key)
{
	struct option_name name;

	snprintf(name.text, sizeof(name.text), "--%s", key);
	for (char *c = name.text; *c != '\0'; c++) {
		if (*c == '_')
			*c = '-';
	}
	return name;
}

/* Copied with '-' as '_'.  Options are spelled with dashes alone, so that
 * each has one spelling: false for an underscore, and for what is too long. */
static bool
key_of(struct span name, char key[static CONFIG_KEY_MAX + 1])
{
	if (name.len > CONFIG_KEY_MAX)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		if (name.ptr[i] == '_')
			return false;
		key[i] = name.ptr[i] == '-' ? '_' : name.ptr[i];
	}
	key[name.len] = '\0';
	return true;
}

static int
no_such_option(struct span text, struct err *err)
{
	char word[CONFIG_KEY_MAX + 1];
	const char *nearest = NULL;
	struct span name = text;

	while (span_starts(name, SPAN("-")))
		name = span_from_at(name, 1);
	if (name.len <= CONFIG_KEY_MAX) {
		memcpy(word, name.ptr, name.len);
		word[name.len] = '\0';
		nearest = config_nearest_key(word);
	}
	if (text.len > 100)
		text.len = 100;
	return err_set(err, -ENOENT, "%.*s: there is no such option%s%s%s",
	    SPAN_ARG(text), nearest ? "; did you mean " : "",
	    nearest ? option_of(nearest).text : "", nearest ? "?" : "");
}

/*
 * The value of an option that has none attached: a yes/no takes none, others
 * take the next word.  A word that begins with "--" is an option whose
 * neighbour was forgotten, far more often than it is meant as a value.
 */
static int
separate_value(struct args *args, const struct config_row *row,
    const char *shown, const char **value, struct err *err)
{
	const char *next;

	if (row->type == CONFIG_BOOL) {
		*value = "yes";
		return 0;
	}
	next = args->at < args->argc ? args->argv[args->at] : NULL;
	if (next == NULL || (next[0] == '-' && next[1] == '-'))
		return err_set(err, -EINVAL, "%s: a value is missing", shown);
	args->at++;
	*value = next;
	return 0;
}

/* Fill *out with what comes next. */
static int
next_arg(struct args *args, struct arg *out, struct err *err)
{
	char key[CONFIG_KEY_MAX + 1];
	const char *equals;
	struct span name;
	char *arg;

	if (args->at == args->argc) {
		*out = (struct arg){ .kind = ARG_END };
		return 0;
	}
	arg = args->argv[args->at++];
	if (!args->words_only && strcmp(arg, "--") == 0) {
		args->words_only = true;
		return next_arg(args, out, err);
	}
	/* "-" alone is a word: it stands for standard input. */
	if (args->words_only || arg[0] != '-' || arg[1] == '\0') {
		*out = (struct arg){ .kind = ARG_WORD, .word = arg };
		return 0;
	}
	*out = (struct arg){ .kind = ARG_OPTION };
	if (arg[1] != '-') {
		out->row = arg[2] == '\0' ? config_row_of_letter(arg[1]) : NULL;
		if (out->row == NULL)
			return no_such_option(span_from(arg), err);
		return separate_value(args, out->row, arg, &out->value, err);
	}
	equals = strchr(arg, '=');
	name = equals ? span_of(arg, (size_t)(equals - arg)) : span_from(arg);
	if (key_of(span_from_at(name, 2), key))
		out->row = config_row(key);
	if (out->row == NULL)
		return no_such_option(name, err);
	if (equals == NULL)
		return separate_value(args, out->row, arg, &out->value, err);
	out->value = equals + 1;
	return 0;
}

/* All of argv is checked before anything is read from the disk; only `only`
 * is set, or, when that is NULL, everything. */
static int
apply_args(struct config *config, int argc, char **argv,
    const struct config_row *only, int *n_words, struct err *err)
{
	struct args args = { .argc = argc, .argv = argv };
	struct arg arg;
	int words = 0;
	int r;

	for (;;) {
		r = next_arg(&args, &arg, err);
		if (r < 0)
			return r;
		if (arg.kind == ARG_END)
			break;
		if (arg.kind == ARG_WORD) {
			/* Never ahead of what is still to be read. */
			if (only == NULL)
				argv[words] = arg.word;
			words++;
			continue;
		}
		if (only != NULL && arg.row != only)
			continue;
		if (config_is_secret(arg.row, arg.value))
			r = config_refuse_secret(arg.row, err);
		else
			r = config_apply(config, arg.row, arg.value, err);
		if (r < 0)
			return r;
	}
	*n_words = words;
	return 0;
}

int
config_load(struct config *config, int argc, char **argv, int *n_words,
    struct err *err)
{
	char *path = NULL;
	int words = 0;
	int r;

	r = apply_args(config, argc, argv, config_row("dir"), &words, err);
	if (r < 0)
		return r;
	if (asprintf(&path, "%s/mpcrawl.conf", config->dir) < 0)
		return -ENOMEM;
	r = config_read(config, path, err);
	free(path);
	if (r == -ENOTDIR)
		return err_set(err, r, "dir: %s is not a directory",
		    config->dir);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == -ENOENT && err != NULL)
		*err = ERR_NONE; /* a crawl without a file is quite right */
	r = apply_args(config, argc, argv, NULL, &words, err);
	if (r < 0)
		return r;
	*n_words = words;
	return 0;
}
