#include "lib/audit/lost.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

enum lost_file {
	LOST_LINES,
	LOST_ROWS,
	LOST_FILES
};

struct lost {
	FILE *files[LOST_FILES];
	long long number;
	char dir[];
};

int
lost_new(const char *dir, int64_t number, struct lost **out)
{
	struct lost *lost = calloc(1, sizeof(*lost) + strlen(dir) + 1);

	if (lost == NULL)
		return -ENOMEM;
	lost->number = number;
	memcpy(lost->dir, dir, strlen(dir));
	*out = lost;
	return 0;
}

void
lost_free(struct lost *lost)
{
	if (lost == NULL)
		return;
	for (size_t i = 0; i < LOST_FILES; i++) {
		if (lost->files[i] != NULL)
			fclose(lost->files[i]);
	}
	free(lost);
}

static int
lost_fail(const struct lost *lost, struct err *err)
{
	int r = errno == ENOSPC || errno == EDQUOT ? -ENOSPC : -EIO;

	return err_set(err, r, "%s/lost+found: cannot write: %m", lost->dir);
}

static int
lost_open(struct lost *lost, enum lost_file which, FILE **out, struct err *err)
{
	static const char *const endings[LOST_FILES] = {
		[LOST_LINES] = "lines",
		[LOST_ROWS] = "rows",
	};
	char path[PATH_MAX];
	int fd;

	*out = lost->files[which];
	if (*out != NULL)
		return 0;
	snprintf(path, sizeof(path), "%s/lost+found", lost->dir);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return lost_fail(lost, err);
	snprintf(path, sizeof(path), "%s/lost+found/%lld.%s", lost->dir,
	    lost->number, endings[which]);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC,
	    0600);
	if (fd < 0)
		return lost_fail(lost, err);
	*out = lost->files[which] = fdopen(fd, "a");
	if (*out == NULL) {
		close(fd);
		return lost_fail(lost, err);
	}
	return 0;
}

int
lost_bytes(struct lost *lost, struct span bytes, struct err *err)
{
	FILE *file;
	int r = lost_open(lost, LOST_LINES, &file, err);

	if (r == 0 && bytes.len > 0 &&
	    fwrite(bytes.ptr, 1, bytes.len, file) != bytes.len)
		r = lost_fail(lost, err);
	return r;
}

static void
put_hex(FILE *file, struct span bytes)
{
	putc(' ', file);
	for (size_t i = 0; i < bytes.len; i++)
		fprintf(file, "%02x", (uint8_t)bytes.ptr[i]);
}

int
lost_row(struct lost *lost, char table, struct span key, struct span value,
    struct err *err)
{
	FILE *file;
	int r = lost_open(lost, LOST_ROWS, &file, err);

	if (r < 0)
		return r;
	putc(table, file);
	put_hex(file, key);
	put_hex(file, value);
	putc('\n', file);
	return ferror(file) ? lost_fail(lost, err) : 0;
}

int
lost_sync(struct lost *lost, struct err *err)
{
	char path[PATH_MAX];
	bool any = false;
	int fd, r = 0;

	for (size_t i = 0; i < LOST_FILES; i++) {
		FILE *file = lost->files[i];

		if (file == NULL)
			continue;
		any = true;
		if (fflush(file) != 0 || fsync(fileno(file)) < 0)
			return lost_fail(lost, err);
	}
	if (!any)
		return 0;
	for (size_t i = 0; r == 0 && i < 2; i++) {
		snprintf(path, sizeof(path), "%s%s", lost->dir,
		    i == 0 ? "/lost+found" : "");
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 || fsync(fd) < 0)
			r = lost_fail(lost, err);
		if (fd >= 0)
			close(fd);
	}
	return r;
}
