/*
 * inquire - one question about a crawl, whether it runs or not.
 *
 * A crawl that runs is asked through its socket, and its scheduler answers; of
 * one at rest the store is opened here, for as long as it takes, with the
 * crawl's lock held.
 */
#ifndef CMD_COMMAND_INQUIRE_H
#define CMD_COMMAND_INQUIRE_H

#include <jansson.h>

#include "cmd/crawl.h"

/*
 * `crawl` has its config, and nothing else yet; the caller crawl_close()s it.
 * `request` is one of inquiry.h's; it stays the caller's.
 * EXIT_FINISHED and *reply, which says ok; else another status, and the
 * message is printed.
 */
int inquire(struct crawl *crawl, json_t *request, json_t **reply);

/*
 * All of a list that comes in parts: `each` gets every element of `key`.
 * *running: it was told by a crawl that runs.
 */
int inquire_list(struct crawl *crawl, const char *cmd, const char *key,
    void (*each)(void *arg, json_t *element), void *arg);

#endif
