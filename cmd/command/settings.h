/*
 * settings - the settings of this call on this machine, for every command.
 */
#ifndef CMD_COMMAND_SETTINGS_H
#define CMD_COMMAND_SETTINGS_H

#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/config/config.h"

/*
 * Defaults, file and options, with `auto` filled in for this machine; rules
 * tried.  Words are moved to the front of argv.  0 or -errno with `err`.  The
 * caller config_fini()s in either case.
 */
MUST_USE int settings_load(struct config *config, int argc, char **argv,
    int *n_words, struct err *err);

/* A flag that is the command's own, not a setting (--json): taken out of argv,
 * before settings_load() sees it. */
bool settings_take_flag(int *argc, char **argv, const char *flag);

#endif
