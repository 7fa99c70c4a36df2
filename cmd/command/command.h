/*
 * command - the subcommands of mpcrawl: each takes its words, its own name
 * first, and returns the exit status.
 */
#ifndef CMD_COMMAND_COMMAND_H
#define CMD_COMMAND_COMMAND_H

/* `resolve` and `canon`: URLs on standard input, one JSON object a line. */
int command_url(int argc, char **argv);
/* What a robots.txt allows: JSON lines on standard input and output. */
int command_robots_check(int argc, char **argv);

#endif
