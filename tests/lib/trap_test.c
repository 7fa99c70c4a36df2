/*
 * Shapes of traps, and patterns: real traps fall together, real sites do not
 * fall.
 */
#include "lib/frontier/trap.h"

#include <dirent.h>
#include <stdio.h>

#include "lib/url/url.h"
#include "tests/harness.h"

START_TEST(paths_that_repeat_or_go_too_deep_are_traps_by_their_shape)
{
	static const struct {
		const char *path;
		enum trap_shape shape;
	} cases[] = {
		{ "/", TRAP_NO },
		{ "", TRAP_NO },
		{ "/a/b/c", TRAP_NO },
		{ "/foo/foo", TRAP_NO },
		{ "/foo/foo/foo", TRAP_REPEATS },
		{ "/x/x/x/", TRAP_REPEATS },
		{ "/a/b/a/b/a/b", TRAP_REPEATS },
		{ "/a/b/a/b/a/c", TRAP_NO },
		{ "/r/a/b/c/a/b/c/a/b/c/end", TRAP_REPEATS },
		{ "//x//x//x", TRAP_REPEATS },
		{ "/a/b/b/c/b/b", TRAP_NO },
		{ "/foo/foofoo/foo/foo", TRAP_NO },
		{ "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20",
		    TRAP_NO },
		{ "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/",
		    TRAP_NO },
		{ "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/21",
		    TRAP_DEEP },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int shape = trap_shape_of(span_from(cases[i].path), 20, 3);

		ck_assert_msg(shape == (int)cases[i].shape, "%s: %d",
		    cases[i].path, shape);
	}
	ck_assert_int_eq(trap_shape_of(SPAN("/x/x/x/x"), 0, 0), TRAP_NO);
	ck_assert_int_eq(trap_shape_of(SPAN("/x/x"), 0, 1), TRAP_REPEATS);
	ck_assert_int_eq(trap_shape_of(SPAN("/x/y"), 0, 1), TRAP_NO);
	ck_assert_int_eq(trap_shape_of(SPAN("/x/x/x/x"), 0, 5), TRAP_NO);
	ck_assert_int_eq(trap_shape_of(SPAN("/x/x/x/x/x"), 0, 5), TRAP_REPEATS);
}
END_TEST

/* Longer than what is looked at: its end decides, in little time. */
START_TEST(a_path_of_thousands_of_segments_is_looked_at_from_its_end)
{
	static char path[8192];
	size_t len = 0;

	for (int i = 0; len < 4000; i++)
		len += (size_t)sprintf(path + len, "/%d", i);
	ck_assert_int_eq(trap_shape_of(span_of(path, len), 0, 3), TRAP_NO);
	ck_assert_int_eq(trap_shape_of(span_of(path, len), 20, 3), TRAP_DEEP);
	len += (size_t)sprintf(path + len, "/x/y/x/y/x/y");
	ck_assert_int_eq(trap_shape_of(span_of(path, len), 0, 3), TRAP_REPEATS);
}
END_TEST

/* "a b", or "" for none. */
static void
patterns(const char *path, const char *query, const char *expected)
{
	struct trap_pattern out[TRAP_VIEWS];
	char all[2000] = "";
	size_t n = trap_patterns(span_from(path), span_from(query), out);

	for (size_t i = 0; i < n; i++)
		sprintf(all + strlen(all), "%s%.*s", i > 0 ? " " : "",
		    (int)out[i].len, out[i].text);
	ck_assert_msg(strcmp(all, expected) == 0, "%s?%s: \"%s\", not \"%s\"",
	    path, query, all, expected);
}

START_TEST(what_a_machine_counts_is_taken_out_of_a_pattern)
{
	patterns("/", "", "");
	patterns("/about/us.html", "", "");
	patterns("/article/17", "", "/article/N");
	patterns("/page12.html", "", "/pageN.html");
	patterns("/2024/01/02/", "", "/N/N/N/");
	patterns("/log/2024-01-02", "", "/log/D");
	patterns("/log/2024-01.html", "", "/log/D.html");
	patterns("/log/1.2.3", "", "/log/N.N.N");
	patterns("/c/deadbeef12", "", "/c/X");
	patterns("/c/deadbeef", "", ""); /* a word, for all we know */
	patterns("/c/0b6f2d4a-1111-4222-8333-0123456789ab/edit", "",
	    "/c/X/edit /c/X/*");
	patterns("/a;jsessionid=0A1B2C3D/b", "",
	    "/a;jsessionid=X/b "
	    "/a;jsessionid=X/*");
	patterns("/cal", "date=2024-01-02", "/cal?date");
	patterns("/list", "b=2&a=1&b=3", "/list?a&b /list?*");
	patterns("/list", "a=1&b=2", "/list?a&b /list?*");
	patterns("/list", "a", "/list?a");
	patterns("/list", "&&", "");
	patterns("/p", "sid=0123456789abcdef0123", "/p?sid *?sid=X");
	patterns("/other/p", "x=1&sid=k3Jd8fK2lsP9qwe1",
	    "/other/p?sid&x /other/p?* *?sid=X");
	patterns("/p", "f12=1", "/p?fN");
}
END_TEST

/* As many as one likes, and long: nothing is written past its end. */
START_TEST(patterns_of_hostile_urls_are_short)
{
	struct trap_pattern out[TRAP_VIEWS];
	static char path[70000], query[70000];
	uint64_t random = test_seed();

	for (int round = 0; round < 300; round++) {
		static const char bytes[] = "//;;==&&ab12-._%\xff\0x0f9";
		size_t n = test_random(&random) % sizeof(path);
		size_t m = test_random(&random) % sizeof(query);

		for (size_t i = 0; i < n; i++)
			path[i] = bytes[test_random(&random) % sizeof(bytes)];
		for (size_t i = 0; i < m; i++)
			query[i] = bytes[test_random(&random) % sizeof(bytes)];
		n = trap_patterns(span_of(path, n), span_of(query, m), out);
		ck_assert_uint_le(n, TRAP_VIEWS);
		for (size_t i = 0; i < n; i++)
			ck_assert_uint_le(out[i].len, TRAP_LONGEST);
	}
}
END_TEST

START_TEST(counts_are_right_and_never_more_than_right_when_room_is_short)
{
	struct trap_counts *counts = trap_counts_new();
	uint64_t random = test_seed();

	ck_assert_ptr_nonnull(counts);
	for (uint32_t i = 1; i <= 1000; i++)
		ck_assert_uint_eq(trap_counts_add(counts, 77), i);
	for (uint32_t i = 1; i <= 5; i++)
		ck_assert_uint_eq(trap_counts_add(counts, 78), i);
	/* A million others, each once: none of them is ever many, and the
	 * frequent one is not forgotten. */
	for (int i = 0; i < 1000000; i++) {
		if (trap_counts_add(counts, test_random(&random) | 1) > 2)
			ck_abort_msg("one that came once was counted thrice");
	}
	ck_assert_uint_eq(trap_counts_add(counts, 77), 1001);
	trap_counts_free(counts);
	counts = trap_counts_new();
	ck_assert_ptr_nonnull(counts);
	/* Eight frequent ones have a place to themselves: who comes to it once
	 * is not counted as they are, and they are not forgotten for it. */
	for (uint64_t i = 0; i < 5 * 8; i++)
		ck_assert_uint_ge(trap_counts_add(counts,
				      (i % 8) << 40 | 5 << 20),
		    1);
	for (uint64_t i = 100; i < 120; i++)
		ck_assert_uint_eq(trap_counts_add(counts, i << 40 | 5 << 20),
		    1);
	ck_assert_uint_ge(trap_counts_add(counts, UINT64_C(7) << 40 | 5 << 20),
	    3);
	trap_counts_free(counts);
}
END_TEST

/* --- an honest site ------------------------------------------------------ */

/* The documentation that `make crawl` crawls: nothing in it is a trap. */
START_TEST(nothing_of_the_postgresql_documentation_is_a_trap)
{
	DIR *folder = opendir("/usr/share/doc/postgresql-doc-15/html");
	struct dirent *entry;
	struct url url;
	size_t n = 0;

	url_init(&url);
	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		char text[600];

		snprintf(text, sizeof(text), "http://doc.test/docs/15/html/%s",
		    entry->d_name);
		if (entry->d_name[0] == '.' ||
		    url_parse(span_from(text), NULL, &url) < 0)
			continue;
		n++;
		ck_assert_msg(trap_shape_of(url_path(&url), 20, 3) == TRAP_NO,
		    "%s", text);
	}
	if (folder != NULL) {
		closedir(folder);
		ck_assert_uint_gt(n, 1000);
	}
	url_fini(&url);
}
END_TEST

TEST_MAIN("trap", paths_that_repeat_or_go_too_deep_are_traps_by_their_shape,
    a_path_of_thousands_of_segments_is_looked_at_from_its_end,
    what_a_machine_counts_is_taken_out_of_a_pattern,
    patterns_of_hostile_urls_are_short,
    counts_are_right_and_never_more_than_right_when_room_is_short,
    nothing_of_the_postgresql_documentation_is_a_trap)
