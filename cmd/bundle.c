#include "cmd/bundle.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/utf8.h"

enum {
	ABOUT_MAX = 1 << 20, /* headers are a few KiB at the most */
	NAMES_MAX = 1 << 20,
};

/* clang-format off */
static const char *const keys[BUNDLE_FIELDS] = {
	[BUNDLE_URL]         = "url",
	[BUNDLE_CAUSE]       = "cause",
	[BUNDLE_BLAMED]      = "blamed",
	[BUNDLE_QUARANTINED] = "quarantined",
	[BUNDLE_FETCHED]     = "fetched",
	[BUNDLE_STATUS]      = "status",
	[BUNDLE_TYPE]        = "content-type",
	[BUNDLE_ENCODING]    = "content-encoding",
	[BUNDLE_TRUNCATED]   = "truncated",
	[BUNDLE_AGAIN]       = "again",
	[BUNDLE_RETRY]       = "retry",
};
/* clang-format on */

const char *
bundle_key(enum bundle_field field)
{
	return field < BUNDLE_FIELDS ? keys[field] : "?";
}

void
bundle_name(uint64_t site64, uint64_t url64, char out[BUNDLE_NAME])
{
	snprintf(out, BUNDLE_NAME, "%016" PRIx64 "-%016" PRIx64, site64, url64);
}

bool
bundle_name_read(const char *name, uint64_t *site64, uint64_t *url64)
{
	char same[BUNDLE_NAME];

	if (strlen(name) != BUNDLE_NAME - 1)
		return false;
	*site64 = strtoull(name, NULL, 16);
	*url64 = strtoull(name + 17, NULL, 16);
	bundle_name(*site64, *url64, same);
	return strcmp(same, name) == 0; /* signs, spaces, capitals */
}

/* --- writing ------------------------------------------------------------- */

static int
write_file(int dir, const char *name, struct span bytes)
{
	int fd = openat(dir, name,
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = 0;

	if (fd < 0)
		return -errno;
	while (r == 0 && bytes.len > 0) {
		ssize_t n = write(fd, bytes.ptr, bytes.len);

		if (n < 0)
			r = -errno;
		else
			bytes = span_from_at(bytes, (size_t)n);
	}
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	close(fd);
	return r;
}

/* One line, whatever it holds. */
static int
add_line(struct buf *text, const char *key, struct span value)
{
	size_t at;
	int r = buf_printf(text, "%s: ", key);

	at = text->len;
	if (r == 0)
		r = buf_add_span(text, value);
	for (; r == 0 && at < text->len; at++) {
		if (text->ptr[at] == '\n' || text->ptr[at] == '\r')
			text->ptr[at] = '?';
	}
	return r < 0 ? r : buf_add_char(text, '\n');
}

static int
add_about(struct buf *text, const struct bundle *bundle)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < BUNDLE_FIELDS; i++) {
		if (bundle->field[i].len > 0)
			r = add_line(text, keys[i], bundle->field[i]);
	}
	if (r == 0)
		r = buf_add_char(text, '\n');
	return r < 0 ? r : buf_add_span(text, bundle->headers);
}

static int
open_folder(int dir, const char *name)
{
	int fd = openat(dir, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* All of them.  This one may be a link: a person's, to another disk. */
static int
open_parent(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Both files, durable, in a folder that nobody looks at. */
static int
write_new(int parent, const struct bundle *bundle, struct span body)
{
	struct buf text;
	int dir, r;

	if (mkdirat(parent, ".new", 0700) < 0 && errno != EEXIST)
		return -errno;
	dir = open_folder(parent, ".new");
	if (dir < 0)
		return dir;
	buf_init(&text, ABOUT_MAX);
	r = add_about(&text, bundle);
	if (r == 0)
		r = write_file(dir, "about.txt", buf_span(&text));
	if (r == 0)
		r = write_file(dir, "body", body);
	if (r == 0 && fsync(dir) < 0)
		r = -errno;
	buf_fini(&text);
	close(dir);
	return r;
}

int
bundle_write(const char *path, const struct bundle *bundle, struct span body)
{
	int parent, r;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	parent = open_parent(path);
	if (parent < 0)
		return parent;
	r = write_new(parent, bundle, body);
	if (r == 0 && renameat(parent, ".new", parent, bundle->name) < 0)
		r = -errno;
	/* An older one is written over the next time. */
	if (r == -EEXIST || r == -ENOTEMPTY)
		r = renameat2(parent, ".new", parent, bundle->name,
			RENAME_EXCHANGE) < 0
			? -errno
			: 0;
	if (r == 0 && fsync(parent) < 0)
		r = -errno;
	close(parent);
	return r;
}

/* --- reading ------------------------------------------------------------- */

/* The folder of a bundle. */
static int
open_bundle(const char *path, const char *name)
{
	int parent = open_parent(path);
	int dir;

	if (parent < 0)
		return parent;
	dir = open_folder(parent, name);
	close(parent);
	return dir;
}

/* A regular file, and not one that is reached by a link.  FIFOs do not block:
 * they are refused before they are read. */
static int
open_file(int dir, const char *name, uint64_t *size)
{
	int fd = openat(dir, name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return errno == ELOOP ? -EBADMSG : -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return -EBADMSG;
	}
	*size = (uint64_t)st.st_size;
	return fd;
}

/* As long as it is now. */
static int
read_file(int dir, const char *name, struct buf *out)
{
	uint64_t size = 0;
	int fd = open_file(dir, name, &size);
	int r = fd < 0 ? fd : 0;
	ssize_t n = 1;

	if (r == 0 && size > out->limit)
		r = -EMSGSIZE;
	if (r == 0 && buf_room(out, (size_t)size) == NULL)
		r = -ENOMEM;
	while (r == 0 && n > 0 && out->len < size) {
		n = read(fd, out->ptr + out->len, (size_t)size - out->len);
		if (n < 0)
			r = -errno;
		else
			out->len += (size_t)n;
	}
	if (fd >= 0)
		close(fd);
	return r;
}

/* The first of a key counts. */
static void
take_line(struct bundle *bundle, struct span line)
{
	const char *colon = memchr(line.ptr, ':', line.len);
	size_t len = colon ? (size_t)(colon - line.ptr) : line.len;

	for (unsigned i = 0; colon != NULL && i < BUNDLE_FIELDS; i++) {
		if (bundle->field[i].ptr == NULL &&
		    span_eq(span_of(line.ptr, len), span_from(keys[i])))
			bundle->field[i] = span_trim(
			    span_from_at(line, len + 1));
	}
}

static void
take_about(struct bundle *bundle)
{
	struct span rest = buf_span(&bundle->text);

	while (rest.len > 0) {
		const char *end = memchr(rest.ptr, '\n', rest.len);
		size_t len = end ? (size_t)(end - rest.ptr) : rest.len;

		if (len == 0) {
			bundle->headers = span_from_at(rest, 1);
			return;
		}
		take_line(bundle, span_of(rest.ptr, len));
		rest = span_from_at(rest, len + 1);
	}
}

int
bundle_read(const char *path, const char *name, struct bundle *out)
{
	struct bundle bundle = { .bytes = 0 };
	uint64_t site64, url64;
	int dir, fd = -1, r;

	if (!bundle_name_read(name, &site64, &url64))
		return -ENOENT;
	bundle_name(site64, url64, bundle.name);
	dir = open_bundle(path, name);
	if (dir < 0)
		return dir == -ENOTDIR || dir == -ELOOP ? -EBADMSG : dir;
	buf_init(&bundle.text, ABOUT_MAX);
	r = read_file(dir, "about.txt", &bundle.text);
	if (r == -EMSGSIZE || r == -ENOENT)
		r = -EBADMSG;
	if (r == 0) {
		take_about(&bundle);
		fd = open_file(dir, "body", &bundle.bytes);
		if (fd < 0 || bundle.field[BUNDLE_URL].len == 0)
			r = -EBADMSG;
	}
	if (fd >= 0)
		close(fd);
	close(dir);
	if (r == 0)
		*out = bundle;
	else
		buf_fini(&bundle.text);
	return r;
}

void
bundle_fini(struct bundle *bundle)
{
	if (bundle != NULL)
		buf_fini(&bundle->text);
}

int
bundle_read_body(const char *path, const char *name, struct buf *out)
{
	int dir = open_bundle(path, name);
	int r;

	if (dir < 0)
		return dir;
	r = read_file(dir, "body", out);
	close(dir);
	return r;
}

int
bundle_remove(const char *path, const char *name)
{
	static const char *const files[] = { "about.txt", "body" };
	int parent = open_parent(path);
	int dir, r = 0;

	if (parent < 0)
		return parent == -ENOENT ? 0 : parent;
	dir = open_folder(parent, name);
	if (dir < 0 && dir != -ENOENT)
		r = dir;
	for (size_t i = 0; dir >= 0 && r == 0 && i < ARRAY_LEN(files); i++) {
		if (unlinkat(dir, files[i], 0) < 0 && errno != ENOENT)
			r = -errno;
	}
	if (dir >= 0)
		close(dir);
	if (r == 0 && dir >= 0 && unlinkat(parent, name, AT_REMOVEDIR) < 0)
		r = -errno;
	close(parent);
	return r == -EEXIST ? -ENOTEMPTY : r;
}

/* --- the list ------------------------------------------------------------ */

struct listed {
	char name[BUNDLE_NAME];
	char when[24];
};

static int
compare_listed(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;
	int r = strcmp(x->when, y->when);

	return r != 0 ? r : strcmp(x->name, y->name);
}

/* One that cannot be read is first: it is named, and said to be broken. */
static void
look_up_when(const char *path, struct listed *listed)
{
	struct bundle bundle;
	struct span when;

	if (bundle_read(path, listed->name, &bundle) < 0)
		return;
	when = bundle.field[BUNDLE_QUARANTINED];
	snprintf(listed->when, sizeof(listed->when), "%.*s",
	    (int)(when.len < 23 ? when.len : 23), when.ptr ? when.ptr : "");
	bundle_fini(&bundle);
}

int
bundle_list(const char *path, char (**names)[BUNDLE_NAME], size_t *n)
{
	struct buf found;
	struct listed *all;
	struct dirent *entry;
	uint64_t site64, url64;
	size_t count = 0;
	DIR *dir;
	int fd = open_parent(path), r = 0;

	*names = NULL;
	*n = 0;
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	dir = fdopendir(fd);
	if (dir == NULL) {
		close(fd);
		return -ENOMEM;
	}
	buf_init(&found, (size_t)NAMES_MAX * sizeof(*all));
	while (r == 0 && (entry = readdir(dir)) != NULL) {
		struct listed one = { .when = "" };

		if (!bundle_name_read(entry->d_name, &site64, &url64))
			continue;
		bundle_name(site64, url64, one.name);
		look_up_when(path, &one);
		r = buf_add(&found, &one, sizeof(one));
	}
	closedir(dir);
	all = (struct listed *)(void *)found.ptr;
	count = found.len / sizeof(*all);
	if (r == 0 && count > 0) {
		qsort(all, count, sizeof(*all), compare_listed);
		*names = calloc(count, sizeof(**names));
		if (*names == NULL)
			r = -ENOMEM;
	}
	for (size_t i = 0; r == 0 && i < count; i++)
		memcpy((*names)[i], all[i].name, BUNDLE_NAME);
	if (r == 0)
		*n = count;
	buf_fini(&found);
	return r;
}

void
bundle_print(FILE *out, struct span text)
{
	while (text.len > 0) {
		size_t len;
		bool ok;
		uint32_t cp = utf8_decode(text, &len, &ok);

		/* C1 controls are control bytes to a terminal, too. */
		if (ok && cp >= 0x20 && (cp < 0x7f || cp > 0x9f))
			fwrite(text.ptr, 1, len, out);
		else
			for (size_t i = 0; i < len; i++)
				fprintf(out, "\\x%02x",
				    (unsigned char)text.ptr[i]);
		text = span_from_at(text, len);
	}
}
