#include "lib/frontier/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/frontier/rows.h"
#include "tests/harness.h"
#include "tests/lib/frontier_fixture.h"

enum {
	CACHE = 8 << 20
};

/* The program's own function wins over libc's, for RocksDB too. */
static ino_t synced_for;
static int syncs; /* of it */

int
fsync(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && st.st_ino == synced_for)
		syncs++;
	return (int)syscall(SYS_fsync, fd);
}

static struct store *
open_store(const char *dir)
{
	struct err err = ERR_NONE;
	struct store *store;
	int r = store_open(dir, CACHE, &store, &err);

	ck_assert_msg(r == 0, "%d: %s", r, err.text);
	return store;
}

static void
put(struct store *store, uint64_t n)
{
	struct row_key key = row_key1(n);

	store_put(store, STORE_QUEUE, row_key_span(&key), SPAN("value"));
}

static int
has(struct store *store, uint64_t n)
{
	struct row_key key = row_key1(n);

	return store_get(store, STORE_QUEUE, row_key_span(&key), NULL);
}

static unsigned
scan(struct store *store, uint64_t from, uint64_t below, bool with_batch)
{
	struct row_key a = row_key1(from), b = row_key1(below);
	struct store_scan *s;
	struct span key, value;
	uint64_t n, last = 0;
	unsigned found = 0;

	ck_assert_int_eq(store_scan_open(store, STORE_QUEUE, row_key_span(&a),
			     row_key_span(&b), with_batch, &s),
	    0);
	while (store_scan_next(s, &key, &value) == 1) {
		ck_assert_int_eq(row_key_read(key, 1, &n), 0);
		ck_assert(n >= from && n < below && n > last);
		last = n;
		found++;
	}
	store_scan_close(s);
	return found;
}

START_TEST(store_reads_its_batch_and_keeps_it_only_by_a_commit)
{
	const char *dir = test_temp_dir();
	struct store *store = open_store(dir);
	struct row_key two = row_key1(2);

	for (uint64_t i = 1; i <= 5; i++)
		put(store, i);
	ck_assert_int_eq(store_commit(store, NULL), 0);
	put(store, 6);
	put(store, 99);
	store_delete(store, STORE_QUEUE, row_key_span(&two));
	ck_assert_int_eq(has(store, 6), 1);
	ck_assert_int_eq(has(store, 2), 0);
	ck_assert_uint_eq(scan(store, 1, 50, true), 5);
	ck_assert_uint_eq(scan(store, 1, 50, false), 5);
	ck_assert_uint_eq(scan(store, 2, 4, true), 1);
	ck_assert_uint_eq(scan(store, 2, 4, false), 2);
	ck_assert_uint_gt(store_batch_bytes(store), 20);
	store_close(store);
	store = open_store(dir);
	ck_assert_int_eq(has(store, 6), 0);
	ck_assert_int_eq(has(store, 2), 1);
	store_close(store);
}
END_TEST

START_TEST(store_keys_sort_as_numbers)
{
	struct row_key small = row_key2(1, UINT64_MAX), large = row_key2(2, 0);
	uint64_t n[2];

	ck_assert_int_lt(memcmp(small.bytes, large.bytes, small.len), 0);
	ck_assert_int_eq(row_key_read(row_key_span(&small), 2, n), 0);
	ck_assert_uint_eq(n[1], UINT64_MAX);
	ck_assert_int_eq(row_key_read(row_key_span(&small), 1, n), -EBADMSG);
	ck_assert_uint_lt(place_of(1, PLACE_SEQ_MAX), place_of(2, 0));
	ck_assert_uint_eq(place_prio(place_of(7, 9)), 7);
	ck_assert_uint_eq(place_seq(place_of(7, 9)), 9);
}
END_TEST

START_TEST(store_rows_that_are_cut_are_refused)
{
	struct url_row row = { .state = URL_WAITING,
		.found = LINK_A,
		.depth = 3,
		.place = 77,
		.via_url64 = 5,
		.chain = SPAN("301 http://a/\n"),
		.target = SPAN("http://b/"),
		.text = SPAN("/x?y") };
	struct crawl_row crawl = { .next_seq = 4 }, crawl_again;
	struct url_row again;
	struct buf buf;

	buf_init(&buf, 4096);
	ck_assert_int_eq(url_row_write(&row, &buf), 0);
	ck_assert_int_eq(url_row_read(buf_span(&buf), &again), 0);
	ck_assert(span_eq(again.text, row.text));
	ck_assert_uint_eq(again.place, 77);
	ck_assert(span_eq(again.chain, row.chain));
	ck_assert(span_eq(again.target, row.target));
	ck_assert(!again.whole);
	for (size_t len = 0; len <= buf.len - row.text.len; len++)
		ck_assert_int_eq(url_row_read(span_of(buf.ptr, len), &again),
		    -EBADMSG);
	buf.ptr[4] ^= 0x40; /* a flag that there is not */
	ck_assert_int_eq(url_row_read(buf_span(&buf), &again), -EBADMSG);
	buf.ptr[4] ^= 0x40;
	buf.ptr[0] = URL_STATES;
	ck_assert_int_eq(url_row_read(buf_span(&buf), &again), -EBADMSG);

	buf_clear(&buf);
	crawl.totals.refused[REFUSALS - 1] = 9;
	ck_assert_int_eq(crawl_row_write(&crawl, &buf), 0);
	ck_assert_int_eq(crawl_row_read(buf_span(&buf), &crawl_again), 0);
	ck_assert_uint_eq(crawl_again.totals.refused[REFUSALS - 1], 9);
	for (size_t len = 0; len < buf.len; len++)
		ck_assert_int_eq(crawl_row_read(span_of(buf.ptr, len),
				     &crawl_again),
		    -EBADMSG);
	buf_fini(&buf);
}
END_TEST

START_TEST(store_that_is_damaged_says_where)
{
	const char *dir = test_temp_dir();
	struct store *store = open_store(dir);
	struct err err = ERR_NONE;
	char path[300];
	FILE *file;

	store_close(store);
	snprintf(path, sizeof(path), "%s/CURRENT", dir);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs("nonsense\n", file);
	fclose(file);
	ck_assert_int_eq(store_open(dir, CACHE, &store, &err), -EIO);
	ck_assert_ptr_nonnull(strstr(err.text, dir));
	ck_assert_int_eq(store_open("/proc/no/such/folder", CACHE, &store,
			     &err),
	    -EIO);
}
END_TEST

START_TEST(a_full_disk_is_told_and_loses_nothing)
{
	struct fixture x;
	struct order o = { .lap = 0 };
	struct frontier_totals t;
	char url[700], ballast[300];
	FILE *file;
	uint64_t commits = 0, done;
	int r = 0;

	fixture_init(&x);
	if (!test_tmpfs(x.dir, "size=8m")) {
		config_fini(&x.config);
		return;
	}
	snprintf(ballast, sizeof(ballast), "%s/ballast", x.dir);
	file = fopen(ballast, "w");
	ck_assert_ptr_nonnull(file);
	for (int i = 0; i < 2 << 20; i++)
		fputc(i, file);
	ck_assert_int_eq(fclose(file), 0);
	x.config.host.host_delay_ms = 0;
	fixture_open(&x);
	fixture_seed(&x, "http://a.test/");
	while (r == 0) {
		ck_assert(fixture_next(&x, &o));
		for (int i = 0; i < 200; i++) {
			int len = snprintf(url, sizeof(url),
			    "http://a.test/%d/%d/", (int)commits, i);

			memset(url + len, 'x', 600);
			ck_assert_int_eq(frontier_offer(x.f, &o,
					     span_of(url, (size_t)len + 600),
					     LINK_A, 0, x.now),
			    1);
		}
		fixture_settle(&x, &o, 200);
		x.cut.seq++;
		t = fixture_totals(&x);
		r = frontier_commit(x.f, x.cut, x.now);
		commits += r == 0;
		ck_assert_uint_lt(commits, 1000);
	}
	ck_assert_int_eq(r, -ENOSPC);
	ck_assert_uint_gt(commits, 2);
	done = t.done;
	fixture_close(&x);

	/* Still full: it may open or not, but it says why. */
	r = frontier_open(x.dir, &x.config, fixture_id, x.now, &x.f, NULL);
	ck_assert(r == 0 || r == -ENOSPC);
	if (r == 0)
		frontier_close(x.f);

	/* With room again it is as of the last commit, or whole one later:
	 * what cannot be is a part of it. */
	ck_assert_int_eq(remove(ballast), 0);
	fixture_open(&x);
	fixture_balances(&x);
	t = fixture_totals(&x);
	ck_assert(t.done == done || t.done == done + 1);
	ck_assert_uint_eq(frontier_cut(x.f).seq, t.done);
	ck_assert_uint_eq(t.admitted, 1 + 200 * t.done);
	x.now += 1000;
	ck_assert(fixture_next(&x, &o));
	fixture_settle(&x, &o, 200);
	fixture_commit(&x);
	ck_assert_uint_eq(fixture_totals(&x).done, t.done + 1);
	fixture_fini(&x);
	ck_assert_int_eq(umount2(x.dir, MNT_DETACH), 0);
}
END_TEST

/* At how many files of the first level writes slow down or stop, the least of
 * all tables: RocksDB writes its options beside the tables. */
static int
least_files(const char *dir)
{
	char line[300], path[PATH_MAX] = "";
	int least = INT_MAX, n;
	struct dirent *entry;
	FILE *file;
	DIR *d = opendir(dir);

	ck_assert_ptr_nonnull(d);
	while ((entry = readdir(d)) != NULL)
		if (strncmp(entry->d_name, "OPTIONS-", 8) == 0)
			snprintf(path, sizeof(path), "%s/%.80s", dir,
			    entry->d_name);
	closedir(d);
	file = fopen(path, "re");
	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, " level0_slowdown_writes_trigger=%d", &n) ==
			1 ||
		    sscanf(line, " level0_stop_writes_trigger=%d", &n) == 1)
			least = n < least ? n : least;
	fclose(file);
	return least;
}

/* Each opening after a kill writes a file that no compaction lives to merge;
 * RocksDB's default is to stand still at 36 of them, for seconds. */
START_TEST(store_that_is_killed_again_and_again_does_not_stand_still)
{
	const char *dir = test_temp_dir();
	enum {
		KILLS = 50
	};

	for (int i = 0; i < KILLS; i++) {
		pid_t pid = fork();
		int status;

		ck_assert_int_ge(pid, 0);
		if (pid == 0) {
			struct store *store = open_store(dir);

			put(store, (uint64_t)i);
			ck_assert_int_eq(store_commit(store, NULL), 0);
			ck_assert_int_gt(least_files(dir), 4 * KILLS);
			_exit(0); /* and not closed */
		}
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_int_eq(status, 0);
	}
}
END_TEST

/* The folder above has the store's name.  Who made it may have been killed
 * before it was synced, so each open does it. */
START_TEST(store_has_its_name_after_a_power_cut)
{
	const char *dir = test_temp_dir();
	char path[PATH_MAX];
	struct stat st;

	ck_assert_int_eq(stat(dir, &st), 0);
	synced_for = st.st_ino;
	snprintf(path, sizeof(path), "%s/frontier", dir);
	for (int i = 1; i <= 2; i++) {
		store_close(open_store(path));
		ck_assert_int_eq(syncs, i);
	}
}
END_TEST

/* The list of the store's files, which CURRENT names. */
static int
open_manifest(const char *dir)
{
	char path[PATH_MAX], name[64] = "";
	FILE *file;
	int fd;

	snprintf(path, sizeof(path), "%s/CURRENT", dir);
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%63s", name), 1);
	fclose(file);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDWR);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static void
fill(const char *dir)
{
	struct store *store = open_store(dir);

	put(store, 1);
	ck_assert_int_eq(store_commit(store, NULL), 0);
	store_close(store);
}

/* A record of it is torn at any byte: its length is there, of its bytes some
 * are. */
START_TEST(store_opens_after_a_power_cut_tore_its_list_of_files)
{
	static const uint8_t head[7] = { 1, 2, 3, 4, 200, 0, 1 };
	const char *dir = test_temp_dir();

	for (size_t kept = 0; kept <= 200; kept += 50) {
		uint8_t bytes[200] = { 0 };
		struct store *store;
		off_t end;
		int fd;

		memset(bytes, 'x', kept);
		fill(dir);
		fd = open_manifest(dir);
		end = lseek(fd, 0, SEEK_END);
		ck_assert_int_eq(pwrite(fd, head, sizeof(head), end),
		    sizeof(head));
		ck_assert_int_eq(pwrite(fd, bytes, sizeof(bytes), end + 7),
		    sizeof(bytes));
		close(fd);
		store = open_store(dir);
		ck_assert_int_eq(has(store, 1), 1);
		store_close(store);
	}
}
END_TEST

/* Of this process. */
static size_t
stand_ins(void)
{
	glob_t found = { 0 };
	char pattern[64];
	size_t n;

	snprintf(pattern, sizeof(pattern), "/tmp/mpcrawl.%d.*", (int)getpid());
	(void)!glob(pattern, 0, NULL, &found);
	n = found.gl_pathc;
	globfree(&found);
	return n;
}

/* Who only looks finds the same, and leaves it as it was. */
START_TEST(store_that_a_power_cut_tore_can_be_looked_at)
{
	static const uint8_t torn[207] = { 1, 2, 3, 4, 200, 0, 1, 'x' };
	const char *dir = test_temp_dir();
	struct err err = ERR_NONE;
	struct store *store;
	struct stat before, after;
	int fd;

	fill(dir);
	fd = open_manifest(dir);
	ck_assert_int_eq(pwrite(fd, torn, sizeof(torn), lseek(fd, 0, SEEK_END)),
	    sizeof(torn));
	ck_assert_int_eq(fstat(fd, &before), 0);
	ck_assert_msg(store_open_to_read(dir, CACHE, &store, &err) == 0, "%s",
	    err.text);
	ck_assert_int_eq(has(store, 1), 1);
	ck_assert_uint_eq(stand_ins(), 1);
	store_close(store);
	ck_assert_uint_eq(stand_ins(), 0);
	ck_assert_int_eq(fstat(fd, &after), 0);
	ck_assert_int_eq(after.st_size, before.st_size);
	close(fd);
}
END_TEST

/* A power cut does not do that: what is behind was relied on. */
START_TEST(store_whose_list_of_files_is_damaged_is_refused)
{
	const char *dir = test_temp_dir();
	struct err err = ERR_NONE;
	struct store *store;
	struct stat before, after;
	char byte;
	int fd;

	fill(dir);
	fd = open_manifest(dir);
	ck_assert_int_eq(fstat(fd, &before), 0);
	ck_assert_int_eq(pread(fd, &byte, 1, 20), 1);
	byte ^= 1;
	ck_assert_int_eq(pwrite(fd, &byte, 1, 20), 1);
	ck_assert_int_eq(store_open(dir, CACHE, &store, &err), -EIO);
	ck_assert_int_eq(fstat(fd, &after), 0);
	ck_assert_int_eq(after.st_size, before.st_size);
	close(fd);
}
END_TEST

TEST_MAIN("store", store_reads_its_batch_and_keeps_it_only_by_a_commit,
    store_keys_sort_as_numbers, store_rows_that_are_cut_are_refused,
    store_that_is_damaged_says_where,
    store_that_is_killed_again_and_again_does_not_stand_still,
    store_has_its_name_after_a_power_cut,
    store_opens_after_a_power_cut_tore_its_list_of_files,
    store_that_a_power_cut_tore_can_be_looked_at,
    store_whose_list_of_files_is_damaged_is_refused,
    a_full_disk_is_told_and_loses_nothing)
