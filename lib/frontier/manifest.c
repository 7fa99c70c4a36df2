#include "lib/frontier/manifest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/attr.h"

/*
 * The log format of LevelDB, which RocksDB kept: blocks of 32 KiB, in them
 * records: masked CRC-32C of type and bytes, length, type, bytes.  A record
 * that does not fit is in parts: FIRST, MIDDLE …, LAST.
 */
enum {
	BLOCK = 32768,
	HEAD = 7,
	TAIL_MOST = 64 << 10, /* of bytes that no sync has covered */
};

enum part {
	PART_ZERO, /* nothing was written here */
	PART_FULL,
	PART_FIRST,
	PART_MIDDLE,
	PART_LAST
};

struct list {
	uint8_t *bytes;
	size_t len;
};

static uint32_t
crc32c(const uint8_t *bytes, size_t len)
{
	uint32_t crc = ~UINT32_C(0);

	for (size_t i = 0; i < len; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82f63b78) : 0);
	}
	return ~crc;
}

/* The part at `at`, when it is whole there: its type, and where it ends. */
static bool
part_at(const struct list *list, size_t at, enum part *type, size_t *end)
{
	const uint8_t *head = list->bytes + at;
	size_t room = BLOCK - at % BLOCK, len;
	uint32_t crc, said;

	if (room > list->len - at)
		room = list->len - at;
	if (room < HEAD)
		return false;
	len = head[4] | (size_t)head[5] << 8;
	if (len > room - HEAD || head[6] < PART_FULL || head[6] > PART_LAST)
		return false;
	said = head[0] | (uint32_t)head[1] << 8 | (uint32_t)head[2] << 16 |
	       (uint32_t)head[3] << 24;
	crc = crc32c(head + 6, len + 1);
	if (said != (crc >> 15 | crc << 17) + UINT32_C(0xa282ead8))
		return false;
	*type = (enum part)head[6];
	*end = at + HEAD + len;
	return true;
}

/* Where the last whole record ends, and where what follows it begins. */
static size_t
whole_to(const struct list *list, size_t *torn)
{
	size_t at = 0, end, whole = 0;
	enum part type;

	for (;;) {
		/* Too little for a head is left empty. */
		if (BLOCK - at % BLOCK < HEAD)
			at += BLOCK - at % BLOCK;
		if (at >= list->len || !part_at(list, at, &type, &end))
			break;
		at = end;
		if (type == PART_FULL || type == PART_LAST)
			whole = at;
	}
	*torn = at < list->len ? at : list->len;
	return whole;
}

/* Can nobody have relied on what is there from `torn` on? */
static bool
is_tail(const struct list *list, size_t torn)
{
	enum part type;
	size_t end;

	if (list->len - torn > TAIL_MOST)
		return false;
	for (size_t at = torn; at < list->len; at++) {
		if (part_at(list, at, &type, &end))
			return false;
	}
	return true;
}

/* 1 and the path of the list that is in force; 0: there is none. */
static int
find(const char *dir, char path[PATH_MAX])
{
	char name[64];
	ssize_t n;
	int fd;

	if (snprintf(path, PATH_MAX, "%s/CURRENT", dir) >= PATH_MAX)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	n = read(fd, name, sizeof(name) - 1);
	close(fd);
	if (n < 0)
		return -EIO;
	name[n] = '\0';
	name[strcspn(name, "\n")] = '\0';
	/* Whatever else it says is for RocksDB to refuse. */
	if (strncmp(name, "MANIFEST-", 9) != 0 || strchr(name, '/') != NULL ||
	    snprintf(path, PATH_MAX, "%s/%s", dir, name) >= PATH_MAX)
		return 0;
	return 1;
}

static int
read_list(int fd, struct list *list)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return -errno;
	list->len = (size_t)st.st_size;
	list->bytes = malloc(list->len + 1);
	if (list->bytes == NULL)
		return -ENOMEM;
	for (size_t at = 0; at < list->len; at += (size_t)n) {
		n = pread(fd, list->bytes + at, list->len - at, (off_t)at);
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
	}
	return 0;
}

/* 1: the list at `path`, which is `list`, is to be cut behind `whole` bytes;
 * 0: it is not, or there is none; -errno. */
static int
judge(const char *dir, char path[PATH_MAX], struct list *list, size_t *whole)
{
	size_t torn;
	int fd, r;

	r = find(dir, path);
	if (r <= 0)
		return r;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) /* RocksDB says what is missing */
		return errno == ENOENT ? 0 : -errno;
	r = read_list(fd, list);
	close(fd);
	if (r < 0)
		return r;
	*whole = whole_to(list, &torn);
	return torn<list->len && * whole> 0 && is_tail(list, torn);
}

static int
told(int r, const char *path, struct err *err)
{
	if (r >= 0)
		return r;
	if (r != -ENOMEM)
		r = r == -ENOSPC || r == -EDQUOT ? -ENOSPC : -EIO;
	return err_set(err, r, "%s: cannot be read: %s", path, strerror(-r));
}

int
manifest_mend(const char *dir, struct err *err)
{
	struct list list = { NULL, 0 };
	char path[PATH_MAX] = "";
	size_t whole;
	int fd, r;

	r = judge(dir, path, &list, &whole);
	if (r > 0) {
		fd = open(path, O_WRONLY | O_CLOEXEC);
		r = fd < 0 || ftruncate(fd, (off_t)whole) < 0 || fsync(fd) < 0
			? -errno
			: 0;
		if (fd >= 0)
			close(fd);
	}
	free(list.bytes);
	return told(r, path, err);
}

/* Links to all that is in `dir` but what is called `but`. */
static int
link_all(const char *dir, const char *to, const char *but)
{
	char real[PATH_MAX], from[PATH_MAX], name[PATH_MAX];
	struct dirent *entry;
	DIR *folder;
	int r = 0;

	if (realpath(dir, real) == NULL)
		return -errno;
	folder = opendir(real);
	if (folder == NULL)
		return -errno;
	while (r == 0 && (entry = readdir(folder)) != NULL) {
		if (entry->d_name[0] == '.' || strcmp(entry->d_name, but) == 0)
			continue;
		if (snprintf(from, sizeof(from), "%s/%s", real,
			entry->d_name) >= PATH_MAX ||
		    snprintf(name, sizeof(name), "%s/%s", to, entry->d_name) >=
			PATH_MAX)
			r = -ENAMETOOLONG;
		else if (symlink(from, name) < 0)
			r = -errno;
	}
	closedir(folder);
	return r;
}

static int
write_list(const char *to, const char *name, const struct list *list,
    size_t whole)
{
	char path[PATH_MAX];
	int fd, r = 0;

	if (snprintf(path, sizeof(path), "%s/%s", to, name) >= PATH_MAX)
		return -ENAMETOOLONG;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (write(fd, list->bytes, whole) != (ssize_t)whole)
		r = -EIO;
	close(fd);
	return r;
}

int
manifest_stand_in(const char *dir, char stand_in[MANIFEST_STAND_IN],
    struct err *err)
{
	struct list list = { NULL, 0 };
	char path[PATH_MAX] = "";
	size_t whole;
	int r;

	r = judge(dir, path, &list, &whole);
	if (r > 0) {
		const char *name = strrchr(path, '/') + 1;

		snprintf(stand_in, MANIFEST_STAND_IN, "/tmp/mpcrawl.%d.XXXXXX",
		    (int)getpid());
		r = mkdtemp(stand_in) == NULL ? -errno : 0;
		if (r == 0) {
			r = link_all(dir, stand_in, name);
			if (r == 0)
				r = write_list(stand_in, name, &list, whole);
			if (r < 0)
				manifest_drop_stand_in(stand_in);
		}
		if (r < 0)
			stand_in[0] = '\0';
		else
			r = 1;
	}
	free(list.bytes);
	return told(r, path, err);
}

void
manifest_drop_stand_in(const char *stand_in)
{
	DIR *folder = opendir(stand_in);
	struct dirent *entry;

	/* Links, the list, and what RocksDB writes of its looking. */
	while (folder != NULL && (entry = readdir(folder)) != NULL)
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(folder), entry->d_name, 0);
	if (folder != NULL)
		closedir(folder);
	rmdir(stand_in);
}
