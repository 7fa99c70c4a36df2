/*
 * store - the frontier's tables on disk, and one batch that is not there yet.
 *
 * Everything is written into the batch and read through it, so its writer
 * sees its own rows at once and the disk sees all of them together or none.
 *
 * Tables are RocksDB column families.  Numbers in keys are big-endian, so that
 * they sort; values are little-endian (rows.h).
 *
 *   u  site64 url64        a URL: its state, how it was found, its text
 *   q  site64 place        -> url64; place = prio:8 seq:56, so a site's URLs
 *                             lie by priority, then first come first served
 *   d  due_ms site64 url64 -> nothing; URLs that wait for another try
 *   h  site64              a host: name, counters, clocks, head of its queue
 *   n  name64 site64       -> nothing; the rows of `h` of one host name
 *   n  name64              -> the budget that the host name has used up
 *   r  site64              the compiled rules of its robots.txt
 *   s  site64 url64 asker64 -> a sitemap on a site, read for another one or
 *                             for itself
 *   m  text                "layout", "crawl", "state", "seed." + URL,
 *                          "begun": orders may have left, "block." + host,
 *                          "trap." + 16 digits of hex
 */
#ifndef LIB_FRONTIER_STORE_H
#define LIB_FRONTIER_STORE_H

#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

enum store_table {
	STORE_URLS,
	STORE_QUEUE,
	STORE_DUE,
	STORE_HOSTS,
	STORE_ROBOTS,
	STORE_META,
	STORE_SITEMAPS,
	STORE_NAMES,
	STORE_TABLES
};

enum {
	STORE_KEY = 24 /* the longest key, those of `m` apart */
};

struct store;

/*
 * Open or make the tables in `dir`.  `cache_bytes` is shared by block cache
 * and memtables.  0, -EPROTO tables of a newer layout, -ENOSPC, -EIO, -ENOMEM.
 */
MUST_USE int store_open(const char *dir, uint64_t cache_bytes,
    struct store **out, struct err *err);
/*
 * The same tables to be looked at: nothing is written, nothing made.  -ENOENT
 * there is no store, or a kill ended its making before it had all its tables.
 */
MUST_USE int store_open_to_read(const char *dir, uint64_t cache_bytes,
    struct store **out, struct err *err);
/* What RocksDB said of the last error, with the file's name; "": none.  For
 * those that were given no `err`. */
const char *store_trouble(const struct store *store);
/* The batch is dropped. */
void store_close(struct store *store);

/* 1 and the value appended to `out`, which is cleared first; 0 no such row;
 * -EIO, -ENOMEM, -EMSGSIZE past out's limit.  `out` NULL: only ask. */
MUST_USE int store_get(struct store *store, enum store_table table,
    struct span key, struct buf *out);

/* Into the batch. */
void store_put(struct store *store, enum store_table table, struct span key,
    struct span value);
void store_delete(struct store *store, enum store_table table, struct span key);

size_t store_batch_bytes(const struct store *store);

/*
 * The batch, durable: synced before this returns.  0, -ENOSPC or -EIO: then
 * close; the batch is on disk whole or not at all.
 */
MUST_USE int store_commit(struct store *store, struct err *err);

/*
 * Rows of a table with `from` <= key < `below` (empty: to the end), in order.
 * Over the batch too, then nothing may be written while the scan is open; or
 * over what is committed at its beginning only, then anything may.
 */
struct store_scan;
MUST_USE int store_scan_open(struct store *store, enum store_table table,
    struct span from, struct span below, bool with_batch,
    struct store_scan **out);
/* 1 and the row, borrowed until the next call; 0 the end; -EIO. */
MUST_USE int store_scan_next(struct store_scan *scan, struct span *key,
    struct span *value);
void store_scan_close(struct store_scan *scan);

#endif
