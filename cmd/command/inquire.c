#include "cmd/command/inquire.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/command/talk.h"
#include "cmd/inquiry.h"
#include "cmd/now.h"

enum {
	ANSWER_MS = 15000, /* the supervisor says after 5 s what is wrong */
};

static int
complain(const char *text)
{
	fprintf(stderr, "mpcrawl: %s\n", text);
	return EXIT_USAGE;
}

/* Its text when it does not say ok. */
static int
judge(json_t *answer, json_t **reply)
{
	const char *text;

	if (json_is_true(json_object_get(answer, "ok"))) {
		*reply = answer;
		return EXIT_FINISHED;
	}
	text = json_string_value(json_object_get(answer, "error"));
	complain(text ? text : "refused");
	json_decref(answer);
	return EXIT_USAGE;
}

/* Nothing is written for a question that changes nothing. */
static int
open_store(struct crawl *crawl, bool writes, struct frontier **out,
    struct err *err)
{
	char dir[PATH_MAX];
	int r = crawl->lock_fd < 0 ? crawl_find(crawl, err) : 0;

	if (r == 0)
		r = crawl_path(crawl, "frontier", dir, err);
	if (r < 0)
		return r;
	return writes ? frontier_open(dir, &crawl->config, crawl->id,
			    now_unix_ms(), out, err)
		      : frontier_open_to_read(dir, &crawl->config, crawl->id,
			    now_unix_ms(), out, err);
}

static int
ask_at_rest(struct crawl *crawl, json_t *request, json_t **reply)
{
	const char *cmd = json_string_value(json_object_get(request, "cmd"));
	struct inquiry inquiry = { .config = &crawl->config,
		.now_ms = now_unix_ms(),
		.at_rest = true };
	struct err err = ERR_NONE;
	json_t *answer = NULL;
	bool writes = false;
	int r;

	if (!inquiry_knows(cmd ? cmd : "", &writes))
		return complain("no such request");
	r = open_store(crawl, writes, &inquiry.frontier, &err);
	if (r == 0) {
		answer = inquiry_answer(&inquiry, request);
		if (answer == NULL)
			r = -ENOMEM;
	}
	if (r == 0 && inquiry.changed) {
		r = frontier_commit(inquiry.frontier,
		    frontier_cut(inquiry.frontier), now_unix_ms());
		if (r < 0)
			err_set(&err, r, "%s",
			    frontier_trouble(inquiry.frontier));
	}
	/* After a failed write it is left as it is, see scheduler_main(). */
	if (r != -EIO && r != -ENOSPC)
		frontier_close(inquiry.frontier);
	if (r == 0)
		return judge(answer, reply);
	json_decref(answer);
	complain(err.text[0] ? err.text : strerror(-r));
	return r == -ENOSPC ? EXIT_DISK
	       : r == -EIO  ? EXIT_INTERNAL
			    : EXIT_USAGE;
}

static int
ask_running(struct crawl *crawl, int fd, json_t *request, json_t **reply)
{
	json_t *answer = talk_ask(fd, request);

	if (answer != NULL)
		return judge(answer, reply);
	/* It has ended meanwhile; a request bears being done twice. */
	if (talk_is_over(crawl->config.dir, ANSWER_MS))
		return ask_at_rest(crawl, request, reply);
	fprintf(stderr, "mpcrawl: the crawl in %s does not answer\n",
	    crawl->config.dir);
	return EXIT_INTERNAL;
}

int
inquire(struct crawl *crawl, json_t *request, json_t **reply)
{
	int fd, status;
	int r = crawl->lock_fd < 0
		    ? talk_dial(crawl->config.dir, ANSWER_MS, &fd)
		    : -ENOENT; /* it is ours already: nobody runs it */

	if (r == -ENOENT)
		return ask_at_rest(crawl, request, reply);
	if (r < 0) {
		fprintf(stderr, "mpcrawl: %s/mpcrawl.sock: %s\n",
		    crawl->config.dir, strerror(-r));
		return EXIT_STOPPED;
	}
	status = ask_running(crawl, fd, request, reply);
	close(fd);
	return status;
}

int
inquire_list(struct crawl *crawl, const char *cmd, const char *key,
    void (*each)(void *arg, json_t *element), void *arg)
{
	json_int_t from = 0;
	int status;

	do {
		json_t *request = json_pack("{s:s, s:I}", "cmd", cmd, "from",
		    from);
		json_t *reply, *element;
		size_t i;

		status = inquire(crawl, request, &reply);
		json_decref(request);
		if (status != EXIT_FINISHED)
			return status;
		json_array_foreach(json_object_get(reply, key), i, element)
		    each(arg, element);
		from = json_integer_value(json_object_get(reply, "next"));
		json_decref(reply);
	} while (from > 0);
	return EXIT_FINISHED;
}
