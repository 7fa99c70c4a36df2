#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/config/config_impl.h"

enum {
	FILE_MAX = 1 << 20,
	LINE_MAX_BYTES = 64 << 10
};

struct reading {
	struct config *config;
	const char *path;
	struct span rest;
	int line; /* of the line that libinih works on */
	bool in_section;
	struct err *err;
	int r; /* the first error */
};

static int
refuse_line(struct reading *reading, int r, const char *why)
{
	reading->r = err_set(reading->err, r, "%s:%d: %s", reading->path,
	    reading->line, why);
	return reading->r;
}

/* "[host "…"]", and whatever else begins like a section. */
static int
begin_section(struct reading *reading, struct span line)
{
	char *where = NULL;
	struct err err = ERR_NONE;
	int r;

	if (!span_ends(line, SPAN("]")))
		return refuse_line(reading, -EINVAL,
		    "a section, and no ] at its end");
	if (asprintf(&where, "%s:%d", reading->path, reading->line) < 0) {
		reading->r = -ENOMEM;
		return reading->r;
	}
	r = config_section_begin(reading->config,
	    span_of(line.ptr + 1, line.len - 2), where, &err);
	free(where);
	reading->in_section = true;
	if (r < 0 && r != -ENOMEM)
		return refuse_line(reading, r, err.text);
	reading->r = r;
	return r;
}

/*
 * What libinih would take without a word: a section (its handler hears of one
 * only with the first key in it), a line that it would cut, a byte that ends
 * a string early.
 */
static int
check_line(struct reading *reading, struct span line)
{
	if (line.len > LINE_MAX_BYTES)
		return refuse_line(reading, -EINVAL,
		    "a line is longer than 64K");
	if (line.len > 0 && memchr(line.ptr, '\0', line.len) != NULL)
		return refuse_line(reading, -EINVAL,
		    "a NUL byte: this is not a text file");
	if (reading->line == 1 && span_starts(line, SPAN("\xEF\xBB\xBF")))
		line = span_from_at(line, 3);
	line = span_trim(line);
	if (!span_starts(line, SPAN("[")))
		return 0;
	return begin_section(reading, line);
}

/* For libinih: one whole line each time, like fgets(), but counted. */
static char *
next_line(char *out, int size, void *arg)
{
	struct reading *reading = arg;
	const char *end;
	size_t len;

	if (reading->rest.len == 0 || reading->r < 0)
		return NULL;
	end = memchr(reading->rest.ptr, '\n', reading->rest.len);
	len = end ? (size_t)(end - reading->rest.ptr) + 1 : reading->rest.len;
	reading->line++;
	if (check_line(reading, span_of(reading->rest.ptr, len)) < 0)
		return NULL;
	must((size_t)size > len);
	memcpy(out, reading->rest.ptr, len);
	out[len] = '\0';
	reading->rest = span_from_at(reading->rest, len);
	return out;
}

/* For libinih: one setting.  0 stops it. */
static int
take_setting(void *arg, const char *section, const char *key, const char *value)
{
	struct reading *reading = arg;
	const struct config_row *row = config_row(key);
	struct err err = ERR_NONE;
	int r;

	(void)section; /* cut by libinih; check_line() has read it */
	if (reading->in_section)
		r = config_section_set(reading->config, key, value, &err);
	else if (row != NULL && row->option_only)
		r = err_set(&err, -EINVAL,
		    "%s is not a setting of a file, only an option", key);
	else
		r = config_set(reading->config, key, value, &err);
	if (r == 0)
		return 1;
	if (r == -ENOMEM)
		reading->r = r;
	else
		refuse_line(reading, r, err.text);
	return 0;
}

static int
parse(struct reading *reading)
{
	int bad_line;

	/* As they come, they cut lines at 200 bytes and begin a comment
	 * within a value. */
	ini_use_stack = false;
	ini_allow_realloc = true;
	ini_max_line = LINE_MAX_BYTES + 3;
	ini_initial_alloc = LINE_MAX_BYTES + 3;
	ini_allow_inline_comments = false;
	ini_allow_multiline = false;
	ini_allow_no_value = false;
	ini_stop_on_first_error = true;
	bad_line = ini_parse_stream(next_line, reading, take_setting, reading);
	if (reading->r < 0)
		return reading->r;
	if (bad_line == -2)
		return -ENOMEM;
	if (bad_line != 0) {
		reading->line = bad_line;
		return refuse_line(reading, -EINVAL,
		    "neither \"key = value\", nor a comment that begins with "
		    "# or ;");
	}
	return 0;
}

/* Whole, into `buf`. */
static int
read_file(const char *path, struct buf *buf, struct err *err)
{
	struct stat st;
	ssize_t n = 1;
	int fd, r = 0;

	/* Not to hang on a FIFO that someone left there. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		r = -errno;
		return err_set(err, r, "%s: %s", path, strerror(-r));
	}
	if (fstat(fd, &st) < 0)
		r = -errno;
	else if (!S_ISREG(st.st_mode))
		r = err_set(err, -EINVAL, "%s: not a file", path);
	while (r == 0 && n != 0) {
		char chunk[4096];

		n = read(fd, chunk, sizeof(chunk));
		if (n > 0)
			r = buf_add(buf, chunk, (size_t)n);
		else if (n < 0 && errno != EINTR)
			r = err_set(err, -errno, "%s: %s", path,
			    strerror(errno));
	}
	if (r == -EMSGSIZE)
		r = err_set(err, -EINVAL, "%s: larger than 1M", path);
	close(fd);
	return r;
}

int
config_read(struct config *config, const char *path, struct err *err)
{
	struct buf text;
	struct reading reading = {
		.config = config,
		.path = path,
		.err = err,
	};
	int r;

	buf_init(&text, FILE_MAX);
	r = read_file(path, &text, err);
	if (r == 0) {
		reading.rest = buf_span(&text);
		r = parse(&reading);
	}
	/* A missing file is told by this number alone. */
	if (r == -ENOENT && reading.line > 0)
		r = -EINVAL;
	buf_fini(&text);
	return r;
}
