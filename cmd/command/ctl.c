/*
 * ctl - status, stop, restart, kill: one request to the running crawl, one
 * answer.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cmd/command/command.h"
#include "cmd/command/crashes.h"
#include "cmd/command/settings.h"
#include "cmd/command/talk.h"
#include "cmd/crawl.h"
#include "lib/base/plural.h"

enum {
	ANSWER_MS = 5000
};

static int
complain(const char *text)
{
	fprintf(stderr, "mpcrawl: %s\n", text);
	return EXIT_USAGE;
}

static void
complain_of_none(const struct config *config)
{
	fprintf(stderr,
	    "mpcrawl: no crawl is running in %s; `mpcrawl start --dir %s` goes "
	    "on with it\n",
	    config->dir, config->dir);
}

static int
dial(const struct config *config, int timeout_ms, int *fd)
{
	int r = talk_dial(config->dir, timeout_ms, fd);

	if (r == 0)
		return EXIT_FINISHED;
	if (r == -ENAMETOOLONG)
		return complain("dir: path too long");
	if (r == -ENOENT)
		complain_of_none(config);
	else
		fprintf(stderr, "mpcrawl: %s/mpcrawl.sock: %s\n", config->dir,
		    strerror(-r));
	return EXIT_STOPPED;
}

/*
 * Settings, connection, request, answer.  EXIT_FINISHED: *reply is the
 * caller's and says ok; *fd stays open for it.
 */
static int
converse(int argc, char **argv, json_t *request, bool wants_worker,
    json_t **reply, int *fd)
{
	struct config config;
	struct err err = ERR_NONE;
	int n_words, status;
	json_t *answer = NULL;

	*fd = -1;
	if (settings_load(&config, argc - 1, argv + 1, &n_words, &err) < 0)
		status = complain(err.text);
	else if (wants_worker && n_words != 1)
		status = complain("which worker? parser.1, crawler, all; "
				  "`mpcrawl status` names them");
	else if (!wants_worker && n_words > 0)
		status = complain("this command takes options only");
	else
		status = dial(&config, ANSWER_MS + (int)config.stop_timeout_ms,
		    fd);
	if (status == EXIT_FINISHED && wants_worker)
		json_object_set_new(request, "worker", json_string(argv[1]));
	if (status == EXIT_FINISHED) {
		answer = talk_ask(*fd, request);
		if (answer == NULL && talk_is_over(config.dir, ANSWER_MS)) {
			complain_of_none(&config);
			status = EXIT_STOPPED;
		} else if (answer == NULL) {
			fprintf(stderr,
			    "mpcrawl: the crawl in %s does not "
			    "answer\n",
			    config.dir);
			status = EXIT_INTERNAL;
		} else if (!json_is_true(json_object_get(answer, "ok"))) {
			const char *text = json_string_value(
			    json_object_get(answer, "error"));

			status = complain(text ? text : "refused");
		}
	}
	json_decref(request);
	config_fini(&config);
	if (status != EXIT_FINISHED) {
		json_decref(answer);
		if (*fd >= 0)
			close(*fd);
		return status;
	}
	*reply = answer;
	return EXIT_FINISHED;
}

static long long
number(json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *
plural_in(json_t *object, const char *key)
{
	return plural((uint64_t)number(object, key));
}

static const char *
text_of(json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* Hosts that have used a budget up. */
static void
print_parked(json_t *parked)
{
	const char *key, *between = "hosts parked: ";
	json_t *n;

	json_object_foreach(parked, key, n)
	{
		printf("%s%lld by %s", between,
		    (long long)json_integer_value(n), key);
		between = ", ";
	}
	if (json_object_size(parked) > 0)
		putchar('\n');
}

static void
print_status(json_t *status)
{
	json_t *totals = json_object_get(status, "totals");
	json_t *worker;
	size_t i;

	printf("%s: %s for %lld s, pid %lld, %.0f pages/s, %lld %s under "
	       "way\n",
	    text_of(status, "dir"), text_of(status, "phase"),
	    number(status, "uptime_ms") / 1000, number(status, "pid"),
	    json_real_value(json_object_get(status, "pages_per_s")),
	    number(status, "fetching"),
	    plural_of((uint64_t)number(status, "fetching"), "fetch",
		"fetches"));
	printf("%lld admitted = %lld done + %lld failed + %lld excluded + %lld "
	       "quarantined + %lld queued + %lld in flight\n",
	    number(totals, "admitted"), number(totals, "done"),
	    number(totals, "failed"), number(totals, "excluded"),
	    number(totals, "quarantined"), number(totals, "queued"),
	    number(totals, "in_flight"));
	if (number(totals, "outage_ms") > 0)
		printf("our own network has been out for %lld s: the crawl "
		       "pauses, a probe now and then looks whether it is back "
		       "(outage_give_up)\n",
		    number(totals, "outage_ms") / 1000);
	print_parked(json_object_get(status, "parked"));
	if (number(totals, "traps") > 0)
		printf("%lld pattern%s of very many URLs, %lld of them closed, "
		       "%lld URL%s put last: `mpcrawl trap`\n",
		    number(totals, "traps"), plural_in(totals, "traps"),
		    number(totals, "traps_closed"), number(totals, "late"),
		    plural_in(totals, "late"));
	if (number(totals, "blocked") > 0)
		printf("%lld %s blocked: `mpcrawl block --list`\n",
		    number(totals, "blocked"),
		    number(totals, "blocked") == 1 ? "host is" : "hosts are");
	printf("%-12s %8s %-10s %6s %10s %9s  %s\n", "worker", "pid", "state",
	    "starts", "jobs", "cpu s", "");
	json_array_foreach(json_object_get(status, "workers"), i, worker)
	    printf("%-12s %8lld %-10s %6lld %10lld %9.2f  %s%s\n",
		text_of(worker, "name"), number(worker, "pid"),
		text_of(worker, "state"), number(worker, "starts"),
		number(worker, "jobs"),
		json_real_value(json_object_get(worker, "cpu_ms")) / 1000,
		text_of(worker, "waits_for"),
		text_of(worker, "state")[0] == 'r' ? text_of(worker, "last_end")
						   : "");
}

/* From the crawl's directory: nobody is asked. */
static int
show_crashes(int argc, char **argv, bool json)
{
	struct config config;
	struct err err = ERR_NONE;
	int n_words, status;

	if (settings_load(&config, argc - 1, argv + 1, &n_words, &err) < 0)
		status = complain(err.text);
	else if (n_words > 0)
		status = complain("this command takes options only");
	else
		status = crashes_show(config.dir, json);
	config_fini(&config);
	return status;
}

int
command_status(int argc, char **argv)
{
	bool json = settings_take_flag(&argc, argv, "--json");
	bool crashes = settings_take_flag(&argc, argv, "--crashes");
	json_t *reply;
	int fd, status;

	if (crashes)
		return show_crashes(argc, argv, json);
	status = converse(argc, argv, json_pack("{s:s}", "cmd", "status"),
	    false, &reply, &fd);
	if (status != EXIT_FINISHED)
		return status;
	if (json) {
		json_dumpf(reply, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		print_status(reply);
	}
	json_decref(reply);
	close(fd);
	return EXIT_FINISHED;
}

int
command_stop(int argc, char **argv)
{
	bool now = settings_take_flag(&argc, argv, "--now");
	json_t *reply;
	char byte;
	int fd;
	int status = converse(argc, argv,
	    json_pack("{s:s, s:b}", "cmd", "stop", "now", now), false, &reply,
	    &fd);

	if (status != EXIT_FINISHED)
		return status;
	json_decref(reply);
	/* The connection ends with the crawl. */
	if (recv(fd, &byte, 1, 0) < 0 && errno == EAGAIN) {
		fprintf(stderr, "mpcrawl: it does not end within stop_timeout; "
				"`mpcrawl stop --now` kills it\n");
		status = EXIT_INTERNAL;
	}
	close(fd);
	return status;
}

static int
command_workers(int argc, char **argv, const char *request)
{
	json_t *reply, *name;
	size_t i;
	int fd;
	int status = converse(argc, argv, json_pack("{s:s}", "cmd", request),
	    true, &reply, &fd);

	if (status != EXIT_FINISHED)
		return status;
	json_array_foreach(json_object_get(reply, "workers"), i, name)
	    printf("%s %s\n", request, json_string_value(name));
	json_decref(reply);
	close(fd);
	return EXIT_FINISHED;
}

int
command_restart(int argc, char **argv)
{
	return command_workers(argc, argv, "restart");
}

int
command_kill(int argc, char **argv)
{
	return command_workers(argc, argv, "kill");
}
