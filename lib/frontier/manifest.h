/*
 * manifest - RocksDB's list of its files, after a power cut.
 *
 * RocksDB appends a record, syncs, and goes on.  It takes a list that ends
 * early, but not one whose last record is there in part with the length of the
 * whole: the store then cannot be opened, although that record was never
 * acknowledged.
 */
#ifndef LIB_FRONTIER_MANIFEST_H
#define LIB_FRONTIER_MANIFEST_H

#include "lib/base/err.h"

/*
 * Cut the list of the store in `dir` behind its last whole record, if what
 * follows can only be a torn one: no whole record is in it.  Damage anywhere
 * else is left for RocksDB to refuse.  Before the store is opened.
 * 0 (also: no store, nothing to cut); -EIO, -ENOSPC, -ENOMEM with `err`.
 */
MUST_USE int manifest_mend(const char *dir, struct err *err);

enum {
	MANIFEST_STAND_IN = 40
};

/*
 * For who looks and must not write: where manifest_mend() would cut, a folder,
 * /tmp/mpcrawl.PID.…, is made with links to what is in `dir`, and the list as it would be.
 * 1: open that one instead, and drop it when it is closed; 0: `dir` will do;
 * errors as above.
 */
MUST_USE int manifest_stand_in(const char *dir,
    char stand_in[MANIFEST_STAND_IN], struct err *err);
void manifest_drop_stand_in(const char *stand_in);

#endif
