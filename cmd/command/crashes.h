/*
 * crashes - prints the reports of workers that died (supervisor/crash.h).
 */
#ifndef CMD_COMMAND_CRASHES_H
#define CMD_COMMAND_CRASHES_H

#include <stdbool.h>

#include "lib/base/attr.h"

/*
 * To standard output: for people the last few, or as JSON all, an object a
 * line.  Bounded, and safe for a terminal, whatever the files hold; a line
 * that is no report is left out and counted.  The exit status.
 */
MUST_USE int crashes_show(const char *dir, bool json);

#endif
