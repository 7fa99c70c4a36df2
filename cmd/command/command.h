/*
 * command - the subcommands of mpcrawl, one file each; main.c has the table.
 *
 * Each gets the words behind `mpcrawl`, its own name first, and returns the
 * exit status.
 */
#ifndef CMD_COMMAND_COMMAND_H
#define CMD_COMMAND_COMMAND_H

#include <stdbool.h>

typedef int command_fn(int argc, char **argv);

command_fn command_start;
command_fn command_check;
command_fn command_fsck;
command_fn command_help;
command_fn command_version;

/* ctl.c: one request to the running crawl, one answer. */
command_fn command_status;
command_fn command_stop;
command_fn command_restart;
command_fn command_kill;

/* why.c, block.c, trap.c: asked of the scheduler, or of the store at rest. */
command_fn command_why;
command_fn command_block;
command_fn command_unblock;
command_fn command_trap;

/* quarantine.c: the pages that killed their workers. */
command_fn command_quarantine;

/* Line filters: a JSON object a line in, one out. */
command_fn command_url;
command_fn command_robots_check;
command_fn command_parse; /* and sniff: parse.c */
command_fn command_sniff;
command_fn command_psl;
command_fn command_sitemap;

/* demo.c: lessons, of cmd/demo/. */
command_fn command_demo;

extern const char command_demo_more[];
extern const char command_fsck_more[];
extern const char command_url_more[];
extern const char command_parse_more[];
extern const char command_sniff_more[];
extern const char command_robots_check_more[];
extern const char command_psl_more[];
extern const char command_sitemap_more[];
extern const char command_why_more[];
extern const char command_block_more[];
extern const char command_unblock_more[];
extern const char command_trap_more[];

/* The subcommands, for help and suggestions; ends with a NULL name. */
struct command {
	const char *name;
	const char *words; /* "[URL...]" */
	const char *help;
	command_fn *fn;
	bool takes_settings; /* as options */
	const char *more;    /* lines for `mpcrawl help NAME`, or NULL */
};
extern const struct command command_table[];

#endif
