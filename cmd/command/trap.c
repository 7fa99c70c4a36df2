/*
 * trap - the patterns of which a host has so many URLs that they come last.
 */
#include <stdio.h>

#include "cmd/bundle.h"
#include "cmd/command/command.h"
#include "cmd/command/inquire.h"
#include "cmd/command/settings.h"
#include "lib/base/plural.h"

const char command_trap_more[] =
    "Of a host that has more than trap_pattern_max URLs of one pattern, those\n"
    "that are found from there on come after all else of that host; past\n"
    "trap_pattern_cap, or when trap_pattern_same per cent of their pages are\n"
    "as another one, they are refused: it may be a calendar without end, or a\n"
    "session in each link.  In a pattern digits are N, dates D, names that a\n"
    "machine made X.  Without an option: the list, each as throttled (more of\n"
    "its URLs come last), closed (they are refused) or released.\n\n"
    "  --release ID   it is no trap: from here on its URLs are as any other\n"
    "  --throttle ID  it is one, after all\n\n"
    "Both hold for good, in a crawl that runs and in one that does not.\n";

static void
print(const char *head, json_t *element, const char *key)
{
	json_t *text = json_object_get(element, key);

	fputs(head, stdout);
	bundle_print(stdout,
	    span_of(json_string_value(text), json_string_length(text)));
}

static void
show(void *arg, json_t *element)
{
	json_int_t urls = json_integer_value(json_object_get(element, "urls"));
	bool *json = arg;

	if (*json) {
		json_dumpf(element, stdout, JSON_COMPACT);
		putchar('\n');
		return;
	}
	print("", element, "id");
	printf("  %-9s  %lld URL%s, %lld refused  ",
	    json_string_value(json_object_get(element, "state")),
	    (long long)urls, plural((uint64_t)urls),
	    (long long)json_integer_value(json_object_get(element, "refused")));
	print("", element, "host");
	print(" ", element, "pattern");
	print("\n   ", element, "example");
	putchar('\n');
}

static int
set(struct crawl *crawl, const char *id, bool released, bool json)
{
	json_t *request = json_pack("{s:s, s:s, s:b}", "cmd", "trap", "id", id,
	    "released", released);
	json_t *reply;
	int status;

	if (request == NULL) {
		fprintf(stderr, "mpcrawl: an id is 16 digits of hex\n");
		return EXIT_USAGE;
	}
	status = inquire(crawl, request, &reply);
	json_decref(request);
	if (status != EXIT_FINISHED)
		return status;
	show(&json, json_object_get(reply, "trap"));
	json_decref(reply);
	return EXIT_FINISHED;
}

int
command_trap(int argc, char **argv)
{
	struct crawl crawl = { .lock_fd = -1, .notice_fd = -1 };
	struct err err = ERR_NONE;
	bool releases = settings_take_flag(&argc, argv, "--release");
	bool throttles = settings_take_flag(&argc, argv, "--throttle");
	bool json = settings_take_flag(&argc, argv, "--json");
	int n_words, status;

	if (settings_load(&crawl.config, argc - 1, argv + 1, &n_words, &err) <
	    0) {
		fprintf(stderr, "mpcrawl: %s\n", err.text);
		status = EXIT_USAGE;
	} else if (!releases && !throttles && n_words == 0) {
		status = inquire_list(&crawl, "traps", "traps", show, &json);
	} else if (releases == throttles || n_words != 1) {
		fprintf(stderr,
		    "mpcrawl: mpcrawl trap [--release ID | --throttle ID] "
		    "[--json]\n");
		status = EXIT_USAGE;
	} else {
		status = set(&crawl, argv[1], releases, json);
	}
	crawl_close(&crawl);
	config_fini(&crawl.config);
	return status;
}
