#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/command/command.h"
#include "cmd/command/settings.h"
#include "cmd/crawl.h"
#include "cmd/log.h"
#include "cmd/now.h"
#include "cmd/role/seed.h"
#include "cmd/supervisor/supervisor.h"
#include "ipc/lock.h"

/*
 * Into the background: a session of its own, no terminal, messages to
 * D/mpcrawl.log.  The parent waits for the byte that says the crawl is up, and
 * leaves with the child's status when it never comes.
 * 0 in the child with *ready_fd; -errno.  The parent does not return.
 */
static int
detach(struct crawl *crawl, int *ready_fd, struct err *err)
{
	char path[PATH_MAX], byte;
	int pipe_fds[2], log_fd, null_fd, status;
	pid_t child;

	if (snprintf(path, sizeof(path), "%s/mpcrawl.log", crawl->dir) >=
	    (int)sizeof(path))
		return err_set(err, -ENAMETOOLONG, "dir: path too long");
	log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	null_fd = open("/dev/null", O_RDWR);
	if (log_fd < 0 || null_fd < 0 || pipe2(pipe_fds, O_CLOEXEC) < 0)
		return err_set(err, -errno, "%s: %m", path);
	child = fork();
	if (child < 0)
		return err_set(err, -errno, "fork: %m");
	if (child > 0) {
		close(pipe_fds[1]);
		if (read(pipe_fds[0], &byte, 1) == 1) {
			printf("mpcrawl runs as pid %d; messages are in %s\n",
			    (int)child, path);
			fflush(stdout);
			_exit(EXIT_FINISHED);
		}
		fprintf(stderr, "mpcrawl did not start; see %s\n", path);
		if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
			_exit(EXIT_INTERNAL);
		_exit(WEXITSTATUS(status));
	}
	close(pipe_fds[0]);
	setsid();
	lock_sign(crawl->lock_fd);
	dup2(null_fd, STDIN_FILENO);
	dup2(null_fd, STDOUT_FILENO);
	dup2(log_fd, STDERR_FILENO);
	close(null_fd);
	close(log_fd);
	*ready_fd = pipe_fds[1];
	return 0;
}

static int
prepare(struct crawl *crawl, struct err *err)
{
	const struct config *config = &crawl->config;

	crawl->crawlers = config->crawlers;
	crawl->parsers = config->parsers;
	crawl->live = isatty(STDERR_FILENO) && !config->detach;
	log_setup("mpcrawl", config->log, crawl->live);
	if (config->output != NULL && strcmp(config->output, "-") != 0)
		return err_set(err, -EINVAL,
		    "output: %s: only - (standard output) can be given; the "
		    "files are in --dir",
		    config->output);
	if (config->output != NULL && config->detach)
		return err_set(err, -EINVAL,
		    "output: - and --detach do not go together: a detached "
		    "crawl has no standard output");
	crawl->seeded = mmap(NULL, sizeof(*crawl->seeded),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (crawl->seeded == MAP_FAILED)
		return err_set(err, -errno, "mmap: %m");
	crawl->notice_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return crawl->notice_fd < 0 ? err_set(err, -errno, "eventfd: %m") : 0;
}

/* A crawl that could not be begun: mostly something a person wrote. */
static int
exit_status_of(int r)
{
	switch (r) {
	case -ENOSPC:
	case -EDQUOT:
		return EXIT_DISK;
	case -ENOMEM:
	case -EIO:
		return EXIT_INTERNAL;
	default:
		return EXIT_USAGE;
	}
}

int
command_start(int argc, char **argv)
{
	struct crawl crawl = { .lock_fd = -1,
		.notice_fd = -1,
		.channel_fd = -1 };
	struct err err = ERR_NONE;
	int n_words, r, ready_fd = -1;

	r = settings_load(&crawl.config, argc - 1, argv + 1, &n_words, &err);
	if (r == 0)
		r = crawl_open(&crawl, &err);
	if (r == 0)
		r = prepare(&crawl, &err);
	if (r < 0) {
		log_error("%s", err.text[0] ? err.text : strerror(-r));
		crawl_close(&crawl);
		config_fini(&crawl.config);
		return exit_status_of(r);
	}
	r = seed_run(&crawl, argv + 1, n_words);
	if (r == EXIT_FINISHED && crawl.config.detach &&
	    detach(&crawl, &ready_fd, &err) < 0) {
		log_error("%s", err.text);
		r = EXIT_INTERNAL;
	}
	if (r == EXIT_FINISHED)
		r = supervisor_run(&crawl, ready_fd);
	crawl_close(&crawl);
	config_fini(&crawl.config);
	return r;
}
