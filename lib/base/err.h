/*
 * err - one sentence for a person: what failed, where, what would be right.
 *
 * The number says what a caller does next, the sentence is for who must mend
 * it.  Filled where the facts are known, printed once, in cmd/.
 */
#ifndef LIB_BASE_ERR_H
#define LIB_BASE_ERR_H

#include "lib/base/attr.h"

struct err {
	char text[512];
};

#define ERR_NONE ((struct err){ { 0 } })

/*
 * Write the sentence (cut at the size of `text`) and return `r`, so that
 * `return err_set(err, -EINVAL, ...)` is one line.  `err` may be NULL.
 */
int err_set(struct err *err, int r, const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif
