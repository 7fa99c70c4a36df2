/*
 * config: the file, and the command line.
 *
 *     'a' then arguments, each ended by a NUL; anything else: a file's text
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/config/config.h"
#include "tests/fuzz/fuzz.h"

/* What a person would read: one sentence, ended, that a terminal can show. */
static void
says_why(const struct err *err)
{
	size_t len = strnlen(err->text, sizeof(err->text));

	fuzz_holds(len > 0 && len < sizeof(err->text));
}

/* A file of this text, by a name that can be opened; the caller closes. */
static int
as_file(struct span text, char path[64])
{
	int fd = memfd_create("config_fuzz", MFD_CLOEXEC);

	fuzz_holds(fd >= 0);
	fuzz_holds(write(fd, text.ptr, text.len) == (ssize_t)text.len);
	snprintf(path, 64, "/proc/self/fd/%d", fd);
	return fd;
}

/* What it shows of its sections could stand in a file, and means the same. */
static void
sections_read_back(const struct config *config)
{
	struct config again;
	struct err err = ERR_NONE;
	struct buf first, second;
	char path[64];
	int fd;

	buf_init(&first, 4 << 20);
	buf_init(&second, 4 << 20);
	fuzz_holds(config_show_sections(config, &first) == 0);
	fuzz_holds(config_init(&again) == 0);
	fd = as_file(buf_span(&first), path);
	fuzz_holds(config_read(&again, path, &err) == 0);
	close(fd);
	fuzz_holds(config_show_sections(&again, &second) == 0);
	fuzz_holds(span_eq(buf_span(&first), buf_span(&second)));
	config_fini(&again);
	buf_fini(&first);
	buf_fini(&second);
}

static void
finishes(struct config *config)
{
	static const char *const urls[] = { "http://www.example.org",
		"https://a.test:8443/x", "http://127.0.0.1",
		"http://[::1]:80" };
	struct err err = ERR_NONE;
	int r = config_finish(config, 2, 1024, 1u << 30, &err);

	fuzz_holds(r == 0 || r == -EINVAL);
	if (r < 0) {
		says_why(&err);
		return;
	}
	fuzz_holds(config->user_agent != NULL);
	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		const struct config_host *host = config_host(config,
		    span_from(urls[i]));

		fuzz_holds(host != NULL);
		fuzz_holds(host->host_concurrency > 0);
		fuzz_holds(host->host_delay_ms >= 0);
		/* The same, asked again. */
		fuzz_holds(config_host(config, span_from(urls[i])) == host);
	}
	sections_read_back(config);
}

static void
read_as_file(struct config *config, struct span text)
{
	struct err err = ERR_NONE;
	char path[64];
	int fd = as_file(text, path);
	int r = config_read(config, path, &err);

	close(fd);
	fuzz_holds(r == 0 || r == -EINVAL || r == -ERANGE);
	if (r < 0) {
		says_why(&err);
		/* With the line to look at. */
		fuzz_holds(strncmp(err.text, path, strlen(path)) == 0);
	} else {
		finishes(config);
	}
}

static void
read_as_arguments(struct config *config, struct fuzz_input in)
{
	char *argv[64], *owned[64]; /* it moves those of argv about */
	struct err err = ERR_NONE;
	int argc = 0, n_words = -1, r;

	/* No file of this machine is read, but where an argument names one. */
	argv[argc++] = strdup("--dir=/nonexistent");
	while (in.left.len > 0 && argc < 63) {
		struct span part = fuzz_part(&in);

		argv[argc++] = strndup(part.ptr, part.len);
	}
	argv[argc] = NULL;
	memcpy(owned, argv, sizeof(owned));
	r = config_load(config, argc, argv, &n_words, &err);
	fuzz_holds(r == 0 || r == -EINVAL || r == -ERANGE || r == -ENOENT ||
		   r == -ENOTDIR || r == -ENAMETOOLONG || r == -EACCES ||
		   r == -ELOOP || r == -EISDIR);
	if (r < 0) {
		says_why(&err);
	} else {
		fuzz_holds(n_words >= 0 && n_words <= argc);
		finishes(config);
	}
	for (int i = 0; i < argc; i++)
		free(owned[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = fuzz_input(data, size);
	struct config config;

	fuzz_holds(config_init(&config) == 0);
	if (size > 0 && data[0] == 'a') {
		fuzz_byte(&in);
		read_as_arguments(&config, in);
	} else {
		read_as_file(&config, in.left);
	}
	config_fini(&config);
	return 0;
}
