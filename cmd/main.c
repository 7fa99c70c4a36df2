#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cmd/command/command.h"
#include "cmd/crawl.h"

/* clang-format off */
const struct command command_table[] = {
	{ "start",   "[URL...]", "crawl, or go on with a crawl; adds the URLs as seeds", command_start, true },
	{ "status",  "[--crashes] [--json]", "how the crawl stands, however its workers hang; --crashes: what they died of", command_status, true },
	{ "stop",    "[--now]",  "end the crawl within stop_timeout; start goes on with it", command_stop, true },
	{ "restart", "WORKER",   "end workers and start them again: parser.1, crawler, all", command_restart, true },
	{ "kill",    "WORKER",   "kill -9 workers; nothing is lost, they start again", command_kill, true },
	{ "why",     "URL [--json]", "what decides about a URL, sitemap or robots.txt: scope, rules, budget, block, place, its host's clock", command_why, true, command_why_more },
	{ "block",   "HOST|--list", "no request to this host from now on, for good; drops what it has queued; --json", command_block, true, command_block_more },
	{ "unblock", "HOST",     "let a host in again that was blocked", command_unblock, true, command_unblock_more },
	{ "trap",    "[--release|--throttle ID]", "patterns of so many URLs that more of them come last; --json", command_trap, true, command_trap_more },
	{ "quarantine", "[VERB N]", "pages that killed their workers: a list; show N, reproduce N, retry N|all; --json", command_quarantine, true },
	{ "check",   "",         "read the settings and say whether they are right", command_check, true },
	{ "fsck",    "[--repair] [--json]", "look whether a crawl that does not run is sound; mend it", command_fsck, true, command_fsck_more },
	{ "url",     "resolve|canon", "line filter: a JSON object with `input` and `base` a line", command_url, false, command_url_more },
	{ "parse",   "",         "line filter: a JSON object with `base_url`, `content_type` and `html`", command_parse, true, command_parse_more },
	{ "sniff",   "",         "line filter: a JSON object with `body_b64` and `content_type`", command_sniff, true, command_sniff_more },
	{ "robots-check", "",    "line filter: a JSON object with `robots`, `agent` and `url`", command_robots_check, false, command_robots_check_more },
	{ "psl",     "",         "line filter: the registrable domain of each `domain`, by the public suffix list", command_psl, false, command_psl_more },
	{ "sitemap", "",         "line filter: a JSON object with `url` and `body_b64`", command_sitemap, false, command_sitemap_more },
	{ "demo",    "[NAME]",   "lessons in processes, threads, queues and locks, each done here and explained", command_demo, false, command_demo_more },
	{ "version", "",         "versions of mpcrawl and its libraries", command_version, false },
	{ "help",    "[COMMAND|settings]", "this text, a command, or all settings", command_help, false },
	{ NULL, NULL, NULL, NULL, false },
};
/* clang-format on */

static int
unknown(const char *word)
{
	const char *names[32];
	const char *near;
	size_t n = 0;

	while (command_table[n].name != NULL) {
		names[n] = command_table[n].name;
		n++;
	}
	near = config_nearest(word, names, n);
	fprintf(stderr,
	    "mpcrawl: no command %s%s%s%s; `mpcrawl help` names "
	    "them\n",
	    word, near ? " (did you mean " : "", near ? near : "",
	    near ? "?)" : "");
	return EXIT_USAGE;
}

static bool
asks_for_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

int
main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "help";

	if (asks_for_help(word))
		word = "help";
	if (strcmp(word, "--version") == 0)
		word = "version";
	for (const struct command *c = command_table; c->name != NULL; c++) {
		if (strcmp(c->name, word) != 0)
			continue;
		if (argc > 2 && asks_for_help(argv[2]))
			return command_help(2, (char *[]){ argv[2], argv[1] });
		return c->fn(argc > 1 ? argc - 1 : argc,
		    argc > 1 ? argv + 1 : argv);
	}
	return unknown(word);
}
