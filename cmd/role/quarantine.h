/*
 * quarantine - from a cell whose page killed its workers to its bundle.
 */
#ifndef CMD_ROLE_QUARANTINE_H
#define CMD_ROLE_QUARANTINE_H

#include "cmd/role/role.h"
#include "lib/message/capture.h"
#include "lib/message/order.h"

/*
 * Write D/quarantine/<site>-<url>/ (cmd/bundle.h): all that is known, and the
 * body as received.  `capture` is NULL when it was not fetched: no bytes then.
 * Durable when it returns.  0; -ENOSPC or -EIO with `err` filled; -ENOMEM,
 * -EBADMSG, -ENAMETOOLONG.
 */
MUST_USE int quarantine_write(struct worker *worker, uint32_t cell,
    const struct order *order, const struct capture *capture, struct err *err);

#endif
