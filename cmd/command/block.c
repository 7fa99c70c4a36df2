/*
 * block, unblock - a host from which nothing is fetched any more.
 */
#include <stdio.h>
#include <string.h>

#include "cmd/command/command.h"
#include "cmd/command/inquire.h"
#include "cmd/command/settings.h"
#include "lib/base/plural.h"

const char command_block_more[] =
    "HOST is a name, for all its schemes and ports: example.org; or\n"
    "*.example.org, all names below that one; or .example.org, it and all\n"
    "below.  A URL stands for its host.\n\n"
    "No request to it is sent from here on, and when the command has returned\n"
    "this outlives any crash.  What it has queued is recorded as excluded,\n"
    "host_blocked; links to it are refused and counted.  A request that is\n"
    "under way ends, within total_timeout.  Works on a crawl that runs and on\n"
    "one that does not.  `mpcrawl unblock HOST` lets in what is found from\n"
    "there on; what was excluded stays so.\n";

const char command_unblock_more[] =
    "HOST is written as it was for `mpcrawl block`, which --list shows.\n\n"
    "Links to it that are found from here on are followed again.  What the\n"
    "block excluded has its record and stays so.  The change is durable when\n"
    "the command has returned.  Works on a crawl that runs and on one that\n"
    "does not.\n";

static int
usage(const char *name)
{
	fprintf(stderr, "mpcrawl: mpcrawl %s HOST%s\n", name,
	    name[0] == 'b' ? ", or mpcrawl block --list" : "");
	return EXIT_USAGE;
}

struct block_list {
	bool json;
	size_t n;
};

static void
show(void *arg, json_t *element)
{
	struct block_list *all = arg;

	all->n++;
	if (all->json)
		json_dumpf(element, stdout, JSON_ENCODE_ANY);
	else
		fputs(json_string_value(element), stdout);
	putchar('\n');
}

static int
list(struct crawl *crawl, bool json)
{
	struct block_list all = { .json = json };
	int status = inquire_list(crawl, "blocks", "blocks", show, &all);

	if (status == EXIT_FINISHED && all.n == 0 && !json)
		printf("no host is blocked\n");
	return status;
}

static void
tell(const char *name, json_t *reply)
{
	const char *pattern = json_string_value(
	    json_object_get(reply, "pattern"));
	const char *wider = json_string_value(
	    json_object_get(reply, "still_blocked_by"));
	json_int_t queued = json_integer_value(
	    json_object_get(reply, "queued"));
	json_int_t hosts = json_integer_value(json_object_get(reply, "hosts"));
	json_int_t under_way = json_integer_value(
	    json_object_get(reply, "under_way"));

	if (strcmp(name, "unblock") == 0)
		printf("%s is not blocked any more%s%s\n", pattern,
		    wider ? ", but still by " : "", wider ? wider : "");
	else if (!json_is_true(json_object_get(reply, "new")))
		printf("%s is blocked already\n", pattern);
	else
		printf("%s is blocked: %lld URL%s of %lld host%s excluded, "
		       "%lld request%s under way left to end\n",
		    pattern, (long long)queued, plural((uint64_t)queued),
		    (long long)hosts, plural((uint64_t)hosts),
		    (long long)under_way, plural((uint64_t)under_way));
}

static int
one(struct crawl *crawl, const char *name, const char *host, bool json)
{
	json_t *request = json_pack("{s:s, s:s}", "cmd", name, "host", host);
	json_t *reply;
	int status;

	if (request == NULL) {
		fprintf(stderr, "mpcrawl: a host's name is UTF-8\n");
		return EXIT_USAGE;
	}
	status = inquire(crawl, request, &reply);
	json_decref(request);
	if (status != EXIT_FINISHED)
		return status;
	if (json) {
		json_dumpf(reply, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		tell(name, reply);
	}
	json_decref(reply);
	return EXIT_FINISHED;
}

static int
run(int argc, char **argv, const char *name)
{
	struct crawl crawl = { .lock_fd = -1, .notice_fd = -1 };
	struct err err = ERR_NONE;
	bool lists = settings_take_flag(&argc, argv, "--list");
	bool json = settings_take_flag(&argc, argv, "--json");
	int n_words, status;

	if (settings_load(&crawl.config, argc - 1, argv + 1, &n_words, &err) <
	    0) {
		fprintf(stderr, "mpcrawl: %s\n", err.text);
		status = EXIT_USAGE;
	} else if (lists && name[0] == 'b' && n_words == 0) {
		status = list(&crawl, json);
	} else if (lists || n_words != 1) {
		status = usage(name);
	} else {
		status = one(&crawl, name, argv[1], json);
	}
	crawl_close(&crawl);
	config_fini(&crawl.config);
	return status;
}

int
command_block(int argc, char **argv)
{
	return run(argc, argv, "block");
}

int
command_unblock(int argc, char **argv)
{
	return run(argc, argv, "unblock");
}
