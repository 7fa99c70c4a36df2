#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/mp/manager.h"
#include "tests/ipc/python_parity/parity.h"

enum {
	BIG = 1000000
};

static struct mp_manager *manager;
static struct mp_dict *dict, *second;
static struct mp_list *list;

static void
start(struct mp_context *ctx)
{
	must(mp_manager_start(ctx, NULL, 0, &manager));
	must(mp_manager_dict(manager, NULL, &dict));
	must(mp_manager_list(manager, NULL, &list));
}

static void
set(struct mp_dict *d, const char *key, const char *value)
{
	must(mp_dict_set(d, key, strlen(key), value, strlen(value)));
}

/* What a function filled in, or what is wrong. */
static char text[256];
static size_t len;

static const char *
filled(int r)
{
	if (r < 0)
		return word(r);
	text[len] = '\0';
	return text;
}

#define ROOM text, sizeof(text) - 1, &len

static const char *
get(struct mp_dict *d, const char *key)
{
	return filled(mp_dict_get(d, key, strlen(key), ROOM));
}

static const char *
pop(const char *key)
{
	return filled(mp_dict_pop(dict, key, strlen(key), ROOM));
}

static const char *
contains(const char *key)
{
	return yes(must(mp_dict_contains(dict, key, strlen(key))));
}

static void
say_size(void)
{
	size_t n = 0;

	must(mp_dict_size(dict, &n));
	say("%zu", n);
}

static void
say_items(int r, struct mp_items *all)
{
	size_t n = mp_items_count(all);

	must(r);
	items();
	if (n == 0)
		item("-");
	for (size_t i = 0; i < n; i++) {
		size_t l;
		const char *at = mp_items_at(all, i, &l);

		item("%.*s", (int)l, at);
	}
	mp_items_free(all);
}

static void
say_keys(void)
{
	struct mp_items *all = NULL;
	int r = mp_dict_keys(dict, &all);

	say_items(r, all);
}

SCENARIO(dict_keeps_what_is_set)
{
	start(ctx);
	set(dict, "a", "1");
	set(dict, "b", "2");
	set(dict, "a", "3");
	say("%s", get(dict, "a"));
	say("%s", get(dict, "b"));
	say_size();
}

SCENARIO(dict_without_the_key)
{
	start(ctx);
	say("%s", get(dict, "a"));
	say("%s", word(mp_dict_delete(dict, "a", 1)));
	say("%s", pop("a"));
	say("%s", contains("a"));
	say_size();
}

SCENARIO(dict_delete_and_pop)
{
	start(ctx);
	set(dict, "a", "a");
	set(dict, "b", "b");
	set(dict, "c", "c");
	must(mp_dict_delete(dict, "a", 1));
	say("%s", pop("b"));
	say("%s", contains("a"));
	say("%s", contains("b"));
	say("%s", contains("c"));
	say_size();
}

SCENARIO(dict_setdefault)
{
	start(ctx);
	say("%s", filled(mp_dict_setdefault(dict, "a", 1, "1", 1, ROOM)));
	say("%s", filled(mp_dict_setdefault(dict, "a", 1, "2", 1, ROOM)));
	say("%s", get(dict, "a"));
}

SCENARIO(dict_keys_in_order_of_coming)
{
	start(ctx);
	set(dict, "z", "");
	set(dict, "a", "");
	set(dict, "m", "");
	set(dict, "z", "again");
	say_keys();
}

SCENARIO(dict_clear)
{
	start(ctx);
	set(dict, "a", "1");
	must(mp_dict_clear(dict));
	say_size();
	say_keys();
	say("%s", contains("a"));
}

CHILD(sets)
{
	char value[16];

	snprintf(value, sizeof(value), "from %s", (const char *)arg);
	set(dict, arg, value);
	return 0;
}

SCENARIO(dict_of_all_processes)
{
	static char keys[3][2] = { "x", "y", "z" };
	struct mp_process *ps[3];

	start(ctx);
	for (int i = 0; i < 3; i++)
		ps[i] = go(ctx, sets, keys[i]);
	say_ends(ps, 3);
	say_size();
	for (int i = 0; i < 3; i++)
		say("%s", get(dict, keys[i]));
}

CHILD(wants_to_win)
{
	char me = (char)('0' + (intptr_t)arg);

	must(mp_dict_setdefault(dict, "winner", 6, &me, 1, ROOM));
	if (len == 1 && text[0] == me)
		must(mp_list_append(list, &me, 1));
	return 0;
}

static const char *
at(int64_t index)
{
	return filled(mp_list_get(list, index, ROOM));
}

static void
say_list_size(void)
{
	size_t n = 0;

	must(mp_list_size(list, &n));
	say("%zu", n);
}

SCENARIO(dict_setdefault_is_won_by_one)
{
	struct mp_process *ps[4];
	char winner[2] = "";

	start(ctx);
	for (int i = 0; i < 4; i++)
		ps[i] = go(ctx, wants_to_win, number(i));
	say_ends(ps, 4);
	say_list_size();
	winner[0] = at(0)[0];
	say("%s", yes(strcmp(winner, get(dict, "winner")) == 0));
}

SCENARIO(two_dicts_do_not_mix)
{
	start(ctx);
	must(mp_manager_dict(manager, NULL, &second));
	set(dict, "k", "a");
	set(second, "k", "b");
	say("%s", get(dict, "k"));
	say("%s", get(second, "k"));
}

SCENARIO(a_large_value)
{
	char *back = malloc(BIG);

	start(ctx);
	must(mp_dict_set(dict, "big", 3, pattern(BIG), BIG));
	must(mp_dict_get(dict, "big", 3, back, BIG, &len));
	say("%zu", len);
}

SCENARIO(any_byte_comes_through)
{
	unsigned char all[256], back[256];
	bool same;

	for (int i = 0; i < 256; i++)
		all[i] = (unsigned char)i;
	start(ctx);
	must(mp_list_append(list, all, 256));
	must(mp_list_append(list, NULL, 0));
	must(mp_list_get(list, 0, back, 256, &len));
	same = len == 256 && memcmp(all, back, 256) == 0;
	must(mp_list_get(list, 1, back, 256, &len));
	say("%s", yes(same));
	say("%zu", len);
}

static void
append(const char *letters)
{
	for (; *letters != '\0'; letters++)
		must(mp_list_append(list, letters, 1));
}

static void
say_list(void)
{
	struct mp_items *all = NULL;
	int r = mp_list_items(list, &all);

	say_items(r, all);
}

SCENARIO(list_keeps_order)
{
	start(ctx);
	append("abc");
	say_list_size();
	say_list();
	say("%s", at(0));
	say("%s", at(2));
}

SCENARIO(list_counts_from_the_end)
{
	start(ctx);
	append("abc");
	say("%s", at(-1));
	say("%s", at(-3));
	say("%s", at(-4));
}

SCENARIO(list_beyond_its_end)
{
	start(ctx);
	append("a");
	say("%s", at(1));
	say("%s", word(mp_list_set(list, 1, "x", 1)));
	say("%s", filled(mp_list_pop(list, 5, ROOM)));
}

SCENARIO(list_set_changes_one)
{
	start(ctx);
	append("abc");
	must(mp_list_set(list, 1, "X", 1));
	must(mp_list_set(list, -1, "Y", 1));
	say_list();
}

SCENARIO(list_insert_puts_before)
{
	start(ctx);
	append("ab");
	must(mp_list_insert(list, 0, "first", 5));
	must(mp_list_insert(list, 2, "mid", 3));
	must(mp_list_insert(list, 100, "last", 4));
	must(mp_list_insert(list, -1, "near", 4));
	must(mp_list_insert(list, -100, "front", 5));
	say_list();
}

SCENARIO(list_pop_takes_away)
{
	start(ctx);
	append("abcd");
	say("%s", filled(mp_list_pop(list, -1, ROOM)));
	say("%s", filled(mp_list_pop(list, 0, ROOM)));
	say("%s", filled(mp_list_pop(list, -2, ROOM)));
	say_list();
	say("%s", filled(mp_list_pop(list, -1, ROOM)));
	say("%s", filled(mp_list_pop(list, -1, ROOM)));
}

SCENARIO(list_clear)
{
	start(ctx);
	append("a");
	must(mp_list_clear(list));
	append("b");
	say_list();
}

CHILD(appends_twenty)
{
	for (int i = 0; i < 20; i++) {
		int n = 100 * (int)(intptr_t)arg + i;

		must(mp_list_append(list, &n, sizeof(n)));
	}
	return 0;
}

SCENARIO(list_appended_to_by_all)
{
	struct mp_process *ps[3];
	struct mp_items *all;
	int next[3] = { 0, 0, 0 };
	bool in_order = true;
	size_t n;

	start(ctx);
	for (int i = 0; i < 3; i++)
		ps[i] = go(ctx, appends_twenty, number(i));
	say_ends(ps, 3);
	must(mp_list_items(list, &all));
	n = mp_items_count(all);
	say("%zu", n);
	for (size_t i = 0; i < n; i++) {
		size_t l;
		int what = *(const int *)mp_items_at(all, i, &l);

		in_order &= what % 100 == next[what / 100]++;
	}
	say("%s", yes(in_order));
}

CHILD(sets_for_ever)
{
	set(dict, "a", "its");
	flag_up(GOT, 1);
	for (;;)
		set(dict, "b", get(dict, "a"));
	return 0;
}

SCENARIO(a_killed_client_is_not_noticed)
{
	struct mp_process *p;

	start(ctx);
	p = go(ctx, sets_for_ever, NULL);
	flag_wait(GOT, 1);
	must(mp_process_kill(p));
	say("%d", ends(p));
	set(dict, "c", "ours");
	say("%s", get(dict, "a"));
	say("%s", get(dict, "c"));
}

SCENARIO(gone_with_its_process)
{
	start(ctx);
	set(dict, "a", "1");
	kill(mp_manager_pid(manager), SIGKILL);
	say("%s", yes(strcmp(get(dict, "a"), "EOF") == 0));
}
