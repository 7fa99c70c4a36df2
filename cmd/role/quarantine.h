/*
 * quarantine - a page that killed its workers, kept for a person to look at.
 */
#ifndef CMD_ROLE_QUARANTINE_H
#define CMD_ROLE_QUARANTINE_H

#include "cmd/role/role.h"
#include "lib/message/capture.h"
#include "lib/message/order.h"

/*
 * Write D/quarantine/<site>-<url>/ with the body as received and a text of
 * what is known.  Made beside it and renamed: it is whole or not there; one
 * that is there already stays.  0 or -errno.
 */
MUST_USE int quarantine_write(struct worker *worker, uint32_t cell,
    const struct order *order, const struct capture *capture);

#endif
