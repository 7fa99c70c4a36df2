/*
 * reproduce - the page of a bundle once more through the parser's steps, in a
 * child with the parser's limits: it dies as the parser did, if it was the
 * page.
 */
#ifndef CMD_COMMAND_REPRODUCE_H
#define CMD_COMMAND_REPRODUCE_H

#include "cmd/bundle.h"
#include "lib/config/config.h"

/*
 * Says on standard output how it went.  EXIT_FINISHED it was read;
 * EXIT_INTERNAL it died, or hung and was killed; EXIT_USAGE with `err` filled:
 * it could not be tried.
 */
int reproduce(const struct config *config, const struct bundle *bundle,
    struct span body, struct err *err);

#endif
