#include "cmd/command/reproduce.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/crawl.h"
#include "cmd/role/parser_limits.h"
#include "cmd/role/poison.h"
#include "lib/base/digest.h"
#include "lib/base/plural.h"

static void
say_read(const struct page *page)
{
	printf("it was read: %s, %llu bytes decoded, %zu link%s%s%s\n",
	    page->mime ? page->mime : "of no known type",
	    (unsigned long long)page->decoded_len, page->n_links,
	    plural(page->n_links),
	    page->truncated != TRUNCATED_NO ? ", truncated: " : "",
	    truncated_name(page->truncated));
	fflush(stdout);
}

/* What the parser does with a page between two queues. */
static int
child_main(const struct config *config, const struct bundle *bundle,
    struct span body)
{
	struct parser_limits limits;
	struct page_reader *reader;
	struct page_input input = {
		.body = body,
		.content_type = bundle->field[BUNDLE_TYPE],
		.content_encoding = bundle->field[BUNDLE_ENCODING],
		.headers = bundle->headers,
		.robots_agent = span_from(config->robots_agent),
		.want_text = config->field_body,
		.want_rel = config->field_links,
		.want_resources = config->resources,
		.want_forms = config->forms,
	};
	char digest[DIGEST_SHA1_TEXT];
	struct page page;
	struct url url;
	int r;

	parser_limits_init(&limits, config);
	reader = page_reader_new(&limits.page);
	url_init(&url);
	if (reader == NULL || parser_limits_apply(&limits) < 0 ||
	    url_parse(bundle->field[BUNDLE_URL], NULL, &url) < 0)
		return EXIT_USAGE;
	input.url = &url;
	parser_limits_page(&limits);
	poison_setup();
	poison_look(ROLE_PARSER, 0, body);
	r = page_read(reader, &input, &page);
	if (r == -ENOMEM)
		abort(); /* as the parser does */
	if (r < 0)
		return EXIT_USAGE;
	say_read(&page);
	if (digest_sha1(body, digest) < 0)
		return EXIT_USAGE;
	return EXIT_FINISHED;
}

/* False: it was killed for it. */
static bool
ends_in_time(pid_t pid, int64_t wall_ms)
{
	struct pollfd fd = { .fd = (int)syscall(SYS_pidfd_open, pid, 0),
		.events = POLLIN };
	int r;

	if (fd.fd < 0)
		return true; /* its processor time is limited all the same */
	do
		r = poll(&fd, 1, (int)wall_ms); /* a day at the most */
	while (r < 0 && errno == EINTR);
	close(fd.fd);
	if (r == 0)
		kill(pid, SIGKILL);
	return r != 0;
}

static double
cpu_of(const struct rusage *usage)
{
	return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) +
	       (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) /
		   1e6;
}

int
reproduce(const struct config *config, const struct bundle *bundle,
    struct span body, struct err *err)
{
	struct crawl_cause cause = { .role = ROLE_PARSER };
	struct rusage usage;
	char text[80];
	int status;
	pid_t pid;

	if (!span_starts(bundle->field[BUNDLE_CAUSE],
		span_from(crawl_role_name(ROLE_PARSER))))
		printf("it was no parser that died of it: what a parser does "
		       "is done here, and no more\n");
	fflush(stdout); /* or the child would say it, too */
	pid = fork();
	if (pid == 0) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
			_exit(EXIT_USAGE);
		_exit(child_main(config, bundle, body));
	}
	if (pid < 0) {
		err_set(err, -errno, "fork: %m");
		return EXIT_USAGE;
	}
	cause.hung = !ends_in_time(pid, config->parse_wall_ms);
	while (wait4(pid, &status, 0, &usage) < 0) {
		if (errno != EINTR)
			return EXIT_USAGE;
	}
	if (WIFSIGNALED(status))
		cause.signal = (uint8_t)WTERMSIG(status);
	else
		cause.status = (uint8_t)WEXITSTATUS(status);
	if (cause.signal == 0 && cause.status == EXIT_USAGE) {
		err_set(err, -EINVAL, "it cannot be parsed here: %s",
		    "no memory, or its URL is none");
		return EXIT_USAGE;
	}
	printf("%.2f s of processor time, %ld MiB of memory at most\n",
	    cpu_of(&usage), usage.ru_maxrss >> 10);
	if (cause.signal == 0 && cause.status == EXIT_FINISHED)
		return EXIT_FINISHED;
	crawl_describe_cause(crawl_pack_cause(cause), text);
	printf("%s\n", text);
	return EXIT_INTERNAL;
}
