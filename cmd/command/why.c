/*
 * why - all that decides about one URL.
 */
#include <stdio.h>
#include <string.h>

#include "cmd/bundle.h"
#include "cmd/command/command.h"
#include "cmd/command/inquire.h"
#include "cmd/command/settings.h"

const char command_why_more[] =
    "Whether the crawl knows the URL, and how it stands or ended; what rule\n"
    "of the scope, what line of robots.txt, what budget, block or trap\n"
    "decides; how many URLs of its host are before it, when the next request\n"
    "to that host may leave, and what that waits for.  Of a sitemap: whether\n"
    "it was read, for which site, when it is asked for again; of a site's\n"
    "robots.txt: since when and until when its rules hold, or since when it\n"
    "cannot be had.  Of a URL that is not known: what would become of a link\n"
    "to it.  Of a crawl that runs, and of one that does not, with the\n"
    "settings that it is given then.\n";

static void
print(json_t *text)
{
	bundle_print(stdout,
	    span_of(json_string_value(text), json_string_length(text)));
}

/* A member, by its kind: text, a number, yes. */
static void
print_value(json_t *value)
{
	if (json_is_string(value))
		print(value);
	else if (json_is_integer(value))
		printf("%lld", (long long)json_integer_value(value));
	else if (json_is_boolean(value))
		printf("%s", json_is_true(value) ? "yes" : "no");
}

static void
print_members(const char *head, json_t *object)
{
	const char *key, *between = "";
	json_t *value;

	printf("%-9s", head);
	json_object_foreach(object, key, value)
	{
		if (json_is_object(value) || json_is_array(value))
			continue;
		printf("%s%s ", between, key);
		print_value(value);
		between = ", ";
	}
	putchar('\n');
}

static void
print_budgets(json_t *budgets)
{
	const char *key, *between = "";
	json_t *budget;

	if (json_object_size(budgets) == 0)
		return;
	printf("%-9s", "budgets");
	json_object_foreach(budgets, key, budget)
	{
		printf("%s%lld of %lld (%s)", between,
		    (long long)json_integer_value(
			json_object_get(budget, "used")),
		    (long long)json_integer_value(
			json_object_get(budget, "limit")),
		    key);
		between = ", ";
	}
	putchar('\n');
}

/* What is told of the URL itself. */
static const char *const own[] = { "state", "verdict", "reason", "status",
	"tries", "waits", "depth", "hops", "found", "via", "redirected_to",
	"fetched_at", "retry_at", "ordered_at", "before", "or_more", "last" };

static void
print_own(json_t *reply)
{
	json_t *object = json_object();

	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		json_t *value = json_object_get(reply, own[i]);

		if (value != NULL)
			json_object_set(object, own[i], value);
	}
	print_members("known", object);
	json_decref(object);
}

static void
show(json_t *reply)
{
	json_t *key = json_object_get(reply, "key");
	json_t *host = json_object_get(reply, "host");
	json_t *trap, *map;
	size_t i;

	print(json_object_get(reply, "url"));
	printf("\n  ");
	print(json_object_get(reply, "answer"));
	if (json_is_false(json_object_get(reply, "runs")))
		printf(
		    "\n  (the crawl does not run: so it stands for a start)");
	printf("\n\n%-9s", "key");
	print(json_object_get(key, "site"));
	print(json_object_get(key, "page"));
	printf("\n%-9s", "id");
	print(json_object_get(reply, "id"));
	putchar('\n');
	if (json_is_true(json_object_get(reply, "known")))
		print_own(reply);
	json_array_foreach(json_object_get(reply, "sitemap"), i, map)
	    print_members("sitemap", map);
	print_members("link", json_object_get(reply, "link"));
	printf("%-9s", "robots");
	print(json_object_get(json_object_get(reply, "robots"), "says"));
	putchar('\n');
	if (host != NULL) {
		print_members("host", host);
		print_budgets(json_object_get(host, "budgets"));
	}
	json_array_foreach(json_object_get(reply, "traps"), i, trap)
	    print_members("pattern", trap);
}

int
command_why(int argc, char **argv)
{
	struct crawl crawl = { .lock_fd = -1, .notice_fd = -1 };
	struct err err = ERR_NONE;
	bool json = settings_take_flag(&argc, argv, "--json");
	json_t *request = NULL, *reply;
	int n_words, status = EXIT_USAGE;

	if (settings_load(&crawl.config, argc - 1, argv + 1, &n_words, &err) <
	    0)
		fprintf(stderr, "mpcrawl: %s\n", err.text);
	else if (n_words != 1)
		fprintf(stderr, "mpcrawl: mpcrawl why URL [--json]\n");
	else
		request = json_pack("{s:s, s:s}", "cmd", "why", "url", argv[1]);
	if (request != NULL)
		status = inquire(&crawl, request, &reply);
	else if (n_words == 1 && err.text[0] == '\0')
		fprintf(stderr, "mpcrawl: %s: not UTF-8; write it with %%\n",
		    "why");
	json_decref(request);
	if (status == EXIT_FINISHED) {
		if (json) {
			json_dumpf(reply, stdout, JSON_COMPACT);
			putchar('\n');
		} else {
			show(reply);
		}
		json_decref(reply);
	}
	crawl_close(&crawl);
	config_fini(&crawl.config);
	return status;
}
