#include <errno.h>

#include "lib/config/config.h"
#include "tests/harness.h"

static struct config config;
static struct err err;
static int n_words;

/* Load with these arguments, NULL last; a copy, because words move. */
static char *argv[16];

static int
loads(const char *const *args)
{
	int argc = 0;

	for (; args[argc] != NULL; argc++)
		argv[argc] = (char *)(uintptr_t)args[argc];
	err = ERR_NONE;
	n_words = -1;
	ck_assert_int_eq(config_init(&config), 0);
	return config_load(&config, argc, argv, &n_words, &err);
}
#define LOADS(...)                                                             \
	loads((const char *const[]){ "--dir", "/nonexistent", __VA_ARGS__,     \
	    NULL })

static void
write_file(const char *dir, const char *text)
{
	char *path = NULL;
	FILE *file;

	ck_assert(asprintf(&path, "%s/mpcrawl.conf", dir) > 0);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert(fputs(text, file) >= 0);
	ck_assert_int_eq(fclose(file), 0);
	free(path);
}

START_TEST(config_args_take_every_spelling_of_an_option)
{
	int r = LOADS("--host-delay", "2s", "--max-pages=5", "-o", "-", "-d",
	    "-i", "seeds", "--allow-private");

	ck_assert_msg(r == 0, "%s", err.text);
	ck_assert_int_eq(config.host.host_delay_ms, 2000);
	ck_assert_uint_eq(config.max_pages, 5);
	ck_assert_str_eq(config.output, "-");
	ck_assert_str_eq(config.input, "seeds");
	ck_assert(config.detach && config.allow_private);
	ck_assert_int_eq(n_words, 0);
	config_fini(&config);
}
END_TEST

START_TEST(config_args_yes_no_never_takes_the_next_word)
{
	ck_assert_int_eq(LOADS("--allow-private", "no", "-d", "yes"), 0);
	ck_assert(config.allow_private && config.detach);
	ck_assert_int_eq(n_words, 2);
	ck_assert_str_eq(argv[0], "no");
	ck_assert_str_eq(argv[1], "yes");
	config_fini(&config);

	ck_assert_int_eq(LOADS("--allow-private", "--allow-private=no"), 0);
	ck_assert(!config.allow_private);
	config_fini(&config);
}
END_TEST

START_TEST(config_args_words_stand_anywhere_and_keep_their_order)
{
	ck_assert_int_eq(LOADS("one", "--log", "warn", "two", "-", "--",
			     "--log", "-x"),
	    0);
	ck_assert_int_eq(config.log, 1);
	ck_assert_int_eq(n_words, 5);
	ck_assert_str_eq(argv[0], "one");
	ck_assert_str_eq(argv[1], "two");
	ck_assert_str_eq(argv[2], "-");
	ck_assert_str_eq(argv[3], "--log");
	ck_assert_str_eq(argv[4], "-x");
	config_fini(&config);
}
END_TEST

static void
refused(int got, int r, const char *words)
{
	ck_assert_int_eq(got, r);
	ck_assert_msg(strstr(err.text, words) != NULL, "\"%s\" lacks \"%s\"",
	    err.text, words);
	config_fini(&config);
}

START_TEST(config_args_refuse_an_unknown_option_with_the_nearest)
{
	refused(LOADS("--hostdelay", "2s"), -ENOENT,
	    "--hostdelay: there is no such option; did you mean --host-delay?");
	refused(LOADS("--host_delay=2s"), -ENOENT,
	    "--host_delay: there is no such option; did you mean "
	    "--host-delay?");
	refused(LOADS("-host-delay", "2s"), -ENOENT,
	    "did you mean --host-delay?");
	refused(LOADS("-z"), -ENOENT, "-z: there is no such option");
	ck_assert_ptr_null(strstr(err.text, "did you mean"));
	refused(LOADS("--elephant"), -ENOENT, "--elephant: there is no such");
	refused(LOADS("--=x"), -ENOENT, "there is no such");
	refused(LOADS("--host-delay2"), -ENOENT, "did you mean");
}
END_TEST

START_TEST(config_args_refuse_an_option_without_its_value)
{
	refused(LOADS("--contact"), -EINVAL, "--contact: a value is missing");
	refused(LOADS("--contact", "--detach"), -EINVAL, "value is missing");
	refused(LOADS("-i"), -EINVAL, "-i: a value is missing");
	refused(LOADS("--allow-private="), -EINVAL, "yes and no");
	refused(LOADS("--log", "loud"), -EINVAL, "log = loud: it is one of");
}
END_TEST

START_TEST(config_args_win_over_the_file_which_wins_over_defaults)
{
	const char *dir = test_temp_dir();
	const char *args[] = { "--host-delay=3s", "--exclude", "*/o", "--dir",
		dir, "--ignore-params=opt", "--fields=+body", NULL };

	write_file(dir, "host_delay = 2s\n"
			"max_pages = 7\n"
			"include = */f\n"
			"ignore_params = file\n"
			"fields = +links\n");
	ck_assert_msg(loads(args) == 0, "%s", err.text);
	ck_assert_int_eq(config.host.host_delay_ms, 3000);
	ck_assert_uint_eq(config.max_pages, 7);
	ck_assert_uint_eq(config.max_depth, 20);
	ck_assert_str_eq(config.dir, dir);
	/* Lists: the file's first, each option once. */
	ck_assert_uint_eq(config.n_rules, 2);
	ck_assert_str_eq(config.rules[0].text, "*/f");
	ck_assert_str_eq(config.rules[1].text, "*/o");
	ck_assert_uint_eq(config.ignore_params.n, 2);
	ck_assert_str_eq(config.ignore_params.items[0], "file");
	ck_assert(config.field_links && config.field_body);
	config_fini(&config);
}
END_TEST

START_TEST(config_args_the_last_dir_is_the_one_whose_file_is_read)
{
	const char *first = test_temp_dir(), *last = test_temp_dir();
	const char *args[] = { "--dir", first, "--dir", last, NULL };

	write_file(first, "max_pages = 1\n");
	write_file(last, "max_pages = 2\n");
	ck_assert_int_eq(loads(args), 0);
	ck_assert_uint_eq(config.max_pages, 2);
	config_fini(&config);
}
END_TEST

START_TEST(config_args_a_bad_file_is_told_with_its_line)
{
	const char *dir = test_temp_dir();
	const char *args[] = { "--dir", dir, NULL };

	write_file(dir, "\nlog = loud\n");
	refused(loads(args), -EINVAL, "mpcrawl.conf:2: log = loud");
	write_file(dir, "lgo = info\n");
	/* Not to be taken for a missing file. */
	refused(loads(args), -EINVAL, "mpcrawl.conf:1: lgo: there is no such");
}
END_TEST

TEST_MAIN("config_args", config_args_take_every_spelling_of_an_option,
    config_args_yes_no_never_takes_the_next_word,
    config_args_words_stand_anywhere_and_keep_their_order,
    config_args_refuse_an_unknown_option_with_the_nearest,
    config_args_refuse_an_option_without_its_value,
    config_args_win_over_the_file_which_wins_over_defaults,
    config_args_the_last_dir_is_the_one_whose_file_is_read,
    config_args_a_bad_file_is_told_with_its_line)
