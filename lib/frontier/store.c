#include "lib/frontier/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <rocksdb/c.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/frontier/manifest.h"

/*
 * "default" must be there for RocksDB; nothing is in it.  Another table is
 * another layout: an older mpcrawl refuses it, see store_open().
 */
static const char *const names[STORE_TABLES + 1] = {
	[STORE_URLS] = "u",
	[STORE_QUEUE] = "q",
	[STORE_DUE] = "d",
	[STORE_HOSTS] = "h",
	[STORE_ROBOTS] = "r",
	[STORE_META] = "m",
	[STORE_SITEMAPS] = "s",
	[STORE_NAMES] = "n",
	[STORE_TABLES] = "default",
};

enum {
	MEMTABLE = 16 << 20,
	MEMTABLE_SMALL = 2 << 20, /* tables of few rows */
	WAL_TOTAL = 64 << 20,     /* replayed at open: about half a second */
	BLOOM_BITS = 10,
	BLOCK = 8 << 10,
	OPEN_FILES = 512,
	/*
	 * Files that wait to be merged.  Each opening after a kill writes one
	 * a table; killed again before a compaction has ended, the process
	 * leaves them to the next.  At RocksDB's own 20 and 36 the commits
	 * after some dozens of kills stood still for seconds.
	 */
	FILES_SLOW = 256,
	FILES_STOP = 512,
};

struct store {
	rocksdb_t *db;
	rocksdb_options_t *options;
	rocksdb_options_t *table_options[STORE_TABLES + 1];
	rocksdb_column_family_handle_t *tables[STORE_TABLES + 1];
	rocksdb_cache_t *cache;
	rocksdb_readoptions_t *read;
	rocksdb_writeoptions_t *write;
	rocksdb_writebatch_wi_t *batch;
	struct err trouble;               /* the last one */
	char stand_in[MANIFEST_STAND_IN]; /* "": opened where it is */
};

struct store_scan {
	struct store *store;
	rocksdb_readoptions_t *read;
	rocksdb_iterator_t *iter;
	char *below; /* RocksDB borrows it for the life of the scan */
	size_t below_len;
	bool started;
};

/* RocksDB tells what went wrong in words only. */
static int
store_error(struct store *store, char *words, struct err *err, const char *what)
{
	int r = -EIO;

	if (strstr(words, "No space left") != NULL ||
	    strstr(words, "NoSpace") != NULL ||
	    strstr(words, "quota exceeded") != NULL)
		r = -ENOSPC;
	else if (strstr(words, "families not opened") != NULL)
		r = -EPROTO;
	if (r == -EPROTO)
		err_set(&store->trouble, r, "%s: made by a newer mpcrawl: %s",
		    what, words);
	else
		err_set(&store->trouble, r, "%s: %s", what, words);
	if (err != NULL)
		*err = store->trouble;
	rocksdb_free(words);
	return r;
}

static void
store_options(struct store *store, uint64_t cache_bytes)
{
	rocksdb_options_t *o = rocksdb_options_create();

	store->options = o;
	rocksdb_options_set_create_if_missing(o, 1);
	rocksdb_options_set_create_missing_column_families(o, 1);
	/* One thread for flushes, one for compactions. */
	rocksdb_options_set_max_background_jobs(o, 2);
	rocksdb_options_set_db_write_buffer_size(o, cache_bytes / 2);
	rocksdb_options_set_max_total_wal_size(o, WAL_TOTAL);
	rocksdb_options_set_max_open_files(o, OPEN_FILES);
	/* Else 15 threads start at each opening, for every table that has a
	 * file, to open at most 16 files. */
	rocksdb_options_set_max_file_opening_threads(o, 1);
	rocksdb_options_set_manifest_preallocation_size(o, 64 << 10);
	rocksdb_options_set_allow_concurrent_memtable_write(o, 0);
	/*
	 * A torn last record is what a power cut leaves, and is not an error;
	 * what follows one is never used.
	 */
	rocksdb_options_set_wal_recovery_mode(o,
	    rocksdb_point_in_time_recovery);
	/*
	 * A log of what it found when it was opened, no statistics.  Lines
	 * later on would come when a write has failed, and the next write of
	 * the same file aborts the process.
	 */
	rocksdb_options_set_info_log_level(o, 4);
	rocksdb_options_set_keep_log_file_num(o, 1);
	rocksdb_options_set_max_log_file_size(o, 1 << 20);
	rocksdb_options_set_stats_dump_period_sec(o, 0);
	rocksdb_options_set_stats_persist_period_sec(o, 0);
	rocksdb_options_set_skip_stats_update_on_db_open(o, 1);

	/* A cache of fewer shards than its default: ours is small. */
	store->cache = rocksdb_cache_create_lru(cache_bytes / 2);
	for (int i = 0; i <= STORE_TABLES; i++) {
		bool large = i == STORE_URLS || i == STORE_QUEUE;
		rocksdb_options_t *t = rocksdb_options_create();
		rocksdb_block_based_table_options_t *b =
		    rocksdb_block_based_options_create();

		rocksdb_block_based_options_set_block_cache(b, store->cache);
		rocksdb_block_based_options_set_block_size(b, BLOCK);
		rocksdb_block_based_options_set_cache_index_and_filter_blocks(b,
		    1);
		rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(
		    b, 1);
		/* Only tables that are asked for rows they do not have; `q`
		 * and `d` are read in ranges. */
		if (i == STORE_URLS || i == STORE_HOSTS)
			rocksdb_block_based_options_set_filter_policy(b,
			    rocksdb_filterpolicy_create_bloom_full(BLOOM_BITS));
		rocksdb_options_set_block_based_table_factory(t, b);
		rocksdb_block_based_options_destroy(b);
		rocksdb_options_set_compression(t, rocksdb_lz4_compression);
		rocksdb_options_set_level_compaction_dynamic_level_bytes(t, 1);
		rocksdb_options_set_write_buffer_size(t,
		    large ? MEMTABLE : MEMTABLE_SMALL);
		rocksdb_options_set_arena_block_size(t, 64 << 10);
		rocksdb_options_set_level0_slowdown_writes_trigger(t,
		    FILES_SLOW);
		rocksdb_options_set_level0_stop_writes_trigger(t, FILES_STOP);
		store->table_options[i] = t;
	}
	store->read = rocksdb_readoptions_create();
	store->write = rocksdb_writeoptions_create();
	rocksdb_writeoptions_set_sync(store->write, 1);
	store->batch = rocksdb_writebatch_wi_create(0, 1);
}

/*
 * RocksDB would make missing folders above it too, and sync none of them.  The
 * one above has the store's name: synced at each open, for whoever made the
 * name may have been killed before it could.
 */
static int
folder_make(const char *dir, struct err *err)
{
	int fd = -1, above = -1, r = 0;

	if (mkdir(dir, 0700) == 0 || errno == EEXIST) {
		fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			above = openat(fd, "..",
			    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (above < 0 || fsync(above) < 0)
		r = err_set(err,
		    errno == ENOSPC || errno == EDQUOT ? -ENOSPC : -EIO,
		    "%s: cannot make the folder: %s", dir, strerror(errno));
	if (above >= 0)
		close(above);
	if (fd >= 0)
		close(fd);
	return r;
}

int
store_open(const char *dir, uint64_t cache_bytes, struct store **out,
    struct err *err)
{
	struct store *store = calloc(1, sizeof(*store));
	char *words = NULL;
	int r = 0;

	if (store == NULL)
		return err_set(err, -ENOMEM, "%s: out of memory", dir);
	r = folder_make(dir, err);
	if (r == 0)
		r = manifest_mend(dir, err);
	if (r < 0)
		goto done;
	store_options(store, cache_bytes);
	store->db = rocksdb_open_column_families(store->options, dir,
	    STORE_TABLES + 1, names,
	    (const rocksdb_options_t *const *)store->table_options,
	    store->tables, &words);
	if (words != NULL) {
		store->db = NULL;
		r = store_error(store, words, err, dir);
		goto done;
	}
	*out = store;
	store = NULL;
done:
	store_close(store);
	return r;
}

int
store_open_to_read(const char *dir, uint64_t cache_bytes, struct store **out,
    struct err *err)
{
	struct store *store;
	char *words = NULL, current[PATH_MAX];
	int r = 0;

	/* RocksDB names it last when it makes a store. */
	snprintf(current, sizeof(current), "%s/CURRENT", dir);
	if (access(current, F_OK) < 0)
		return err_set(err, errno == ENOENT ? -ENOENT : -EIO, "%s: %s",
		    current, strerror(errno));
	store = calloc(1, sizeof(*store));
	if (store == NULL)
		return err_set(err, -ENOMEM, "%s: out of memory", dir);
	r = manifest_stand_in(dir, store->stand_in, err);
	if (r < 0) {
		store_close(store);
		return r;
	}
	store_options(store, cache_bytes);
	store->db = rocksdb_open_for_read_only_column_families(store->options,
	    r == 0 ? dir : store->stand_in, STORE_TABLES + 1, names,
	    (const rocksdb_options_t *const *)store->table_options,
	    store->tables, 0, &words);
	if (words != NULL) {
		/* They are made one by one, before there is any row. */
		bool halfway = strstr(words, "family not found") != NULL;

		store->db = NULL;
		r = store_error(store, words, err, dir);
		if (halfway)
			r = -ENOENT;
	} else {
		*out = store;
		store = NULL;
		r = 0;
	}
	store_close(store);
	return r;
}

const char *
store_trouble(const struct store *store)
{
	return store->trouble.text;
}

void
store_close(struct store *store)
{
	if (store == NULL)
		return;
	if (store->batch != NULL)
		rocksdb_writebatch_wi_destroy(store->batch);
	if (store->db != NULL) {
		for (int i = 0; i <= STORE_TABLES; i++)
			rocksdb_column_family_handle_destroy(store->tables[i]);
		rocksdb_close(store->db);
	}
	for (int i = 0; i <= STORE_TABLES; i++) {
		if (store->table_options[i] != NULL)
			rocksdb_options_destroy(store->table_options[i]);
	}
	if (store->write != NULL)
		rocksdb_writeoptions_destroy(store->write);
	if (store->read != NULL)
		rocksdb_readoptions_destroy(store->read);
	if (store->cache != NULL)
		rocksdb_cache_destroy(store->cache);
	if (store->options != NULL)
		rocksdb_options_destroy(store->options);
	if (store->stand_in[0] != '\0')
		manifest_drop_stand_in(store->stand_in);
	free(store);
}

int
store_get(struct store *store, enum store_table table, struct span key,
    struct buf *out)
{
	char *words = NULL, *value;
	size_t len = 0;
	int r = 1;

	value = rocksdb_writebatch_wi_get_from_batch_and_db_cf(store->batch,
	    store->db, store->read, store->tables[table], key.ptr, key.len,
	    &len, &words);
	if (words != NULL)
		return store_error(store, words, NULL, "reading the store");
	if (value == NULL)
		return 0;
	if (out != NULL) {
		buf_clear(out);
		r = buf_add(out, value, len);
		if (r == 0)
			r = 1;
	}
	rocksdb_free(value);
	return r;
}

void
store_put(struct store *store, enum store_table table, struct span key,
    struct span value)
{
	rocksdb_writebatch_wi_put_cf(store->batch, store->tables[table],
	    key.ptr, key.len, value.ptr, value.len);
}

void
store_delete(struct store *store, enum store_table table, struct span key)
{
	rocksdb_writebatch_wi_delete_cf(store->batch, store->tables[table],
	    key.ptr, key.len);
}

size_t
store_batch_bytes(const struct store *store)
{
	size_t size = 0;

	rocksdb_writebatch_wi_data(store->batch, &size);
	return size;
}

int
store_commit(struct store *store, struct err *err)
{
	char *words = NULL;

	rocksdb_write_writebatch_wi(store->db, store->write, store->batch,
	    &words);
	if (words != NULL)
		return store_error(store, words, err, "commit");
	rocksdb_writebatch_wi_clear(store->batch);
	return 0;
}

int
store_scan_open(struct store *store, enum store_table table, struct span from,
    struct span below, bool with_batch, struct store_scan **out)
{
	struct store_scan *scan = calloc(1, sizeof(*scan) + below.len);
	rocksdb_iterator_t *base;

	if (scan == NULL)
		return -ENOMEM;
	scan->store = store;
	scan->below = (char *)(scan + 1);
	scan->below_len = below.len;
	if (below.len > 0)
		memcpy(scan->below, below.ptr, below.len);
	scan->read = rocksdb_readoptions_create();
	if (below.len > 0)
		rocksdb_readoptions_set_iterate_upper_bound(scan->read,
		    scan->below, scan->below_len);
	base = rocksdb_create_iterator_cf(store->db, scan->read,
	    store->tables[table]);
	/* It takes the base over. */
	scan->iter = with_batch
			 ? rocksdb_writebatch_wi_create_iterator_with_base_cf(
			       store->batch, base, store->tables[table])
			 : base;
	if (from.len > 0)
		rocksdb_iter_seek(scan->iter, from.ptr, from.len);
	else
		rocksdb_iter_seek_to_first(scan->iter);
	*out = scan;
	return 0;
}

int
store_scan_next(struct store_scan *scan, struct span *key, struct span *value)
{
	char *words = NULL;

	if (scan->started)
		rocksdb_iter_next(scan->iter);
	scan->started = true;
	if (!rocksdb_iter_valid(scan->iter)) {
		/* After the end, next() is not allowed. */
		scan->started = false;
		rocksdb_iter_get_error(scan->iter, &words);
		return words == NULL ? 0
				     : store_error(scan->store, words, NULL,
					   "reading the store");
	}
	key->ptr = rocksdb_iter_key(scan->iter, &key->len);
	value->ptr = rocksdb_iter_value(scan->iter, &value->len);
	/* The bound holds for the disk, not for the batch. */
	if (scan->below_len > 0) {
		size_t n = key->len < scan->below_len ? key->len
						      : scan->below_len;
		int order = memcmp(key->ptr, scan->below, n);

		if (order > 0 || (order == 0 && key->len >= scan->below_len))
			return 0;
	}
	return 1;
}

void
store_scan_close(struct store_scan *scan)
{
	if (scan == NULL)
		return;
	rocksdb_iter_destroy(scan->iter);
	rocksdb_readoptions_destroy(scan->read);
	free(scan);
}
