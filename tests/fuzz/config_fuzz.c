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

static void
finishes(struct config *config)
{
	struct err err = ERR_NONE;
	int r = config_finish(config, 2, 1024, 1u << 30, &err);

	fuzz_holds(r == 0 || r == -EINVAL);
	if (r < 0)
		says_why(&err);
	else
		fuzz_holds(config->user_agent != NULL);
}

static void
read_as_file(struct config *config, struct span text)
{
	struct err err = ERR_NONE;
	char path[64];
	int fd = memfd_create("config_fuzz", MFD_CLOEXEC);
	int r;

	fuzz_holds(fd >= 0);
	fuzz_holds(write(fd, text.ptr, text.len) == (ssize_t)text.len);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = config_read(config, path, &err);
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
