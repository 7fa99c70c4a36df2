/*
 * report - what people see: the live line, `status`, the closing report.
 *
 * Read from the published snapshot and the roster; no worker is asked.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/log.h"
#include "cmd/now.h"
#include "cmd/supervisor/supervisor_impl.h"
#include "lib/base/plural.h"

/* Every number of the totals once: its name, and whether it is a part of the
 * sum. */
static const struct total {
	const char *name;
	size_t offset;
	bool in_sum;
} totals_table[] = {
	{ "admitted", offsetof(struct frontier_totals, admitted), false },
	{ "done", offsetof(struct frontier_totals, done), true },
	{ "failed", offsetof(struct frontier_totals, failed), true },
	{ "excluded", offsetof(struct frontier_totals, excluded), true },
	{ "quarantined", offsetof(struct frontier_totals, quarantined), true },
	{ "queued", offsetof(struct frontier_totals, queued), true },
	{ "in_flight", offsetof(struct frontier_totals, in_flight), true },
	{ "redirected", offsetof(struct frontier_totals, redirected), false },
	{ "gone", offsetof(struct frontier_totals, gone), false },
	{ "retried", offsetof(struct frontier_totals, retried), false },
	{ "bytes", offsetof(struct frontier_totals, bytes), false },
	{ "hosts", offsetof(struct frontier_totals, hosts), false },
	{ "robots_fetched", offsetof(struct frontier_totals, robots_fetched),
	    false },
	{ "late", offsetof(struct frontier_totals, late), false },
	{ "aliased", offsetof(struct frontier_totals, aliased), false },
	{ "traps", offsetof(struct frontier_totals, traps), false },
	{ "traps_closed", offsetof(struct frontier_totals, traps_closed),
	    false },
	{ "blocked", offsetof(struct frontier_totals, blocked), false },
	{ "outages", offsetof(struct frontier_totals, outages), false },
	{ "outage_ms", offsetof(struct frontier_totals, outage_ms), false },
	{ "sitemaps_waiting",
	    offsetof(struct frontier_totals, sitemaps_waiting), false },
	{ "sitemaps", offsetof(struct frontier_totals, sitemaps), false },
	{ "sitemap_urls", offsetof(struct frontier_totals, sitemap_urls),
	    false },
	{ "sitemaps_broken", offsetof(struct frontier_totals, sitemaps_broken),
	    false },
	{ "sitemaps_failed", offsetof(struct frontier_totals, sitemaps_failed),
	    false },
	{ "sitemap_entries_dropped",
	    offsetof(struct frontier_totals, refused[REFUSED_ENTRY]), false },
};

static uint64_t
value_of(const struct frontier_totals *totals, const struct total *total)
{
	uint64_t value;

	memcpy(&value, (const char *)totals + total->offset, sizeof(value));
	return value;
}

static bool
balances(const struct frontier_totals *totals)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < ARRAY_LEN(totals_table); i++) {
		if (totals_table[i].in_sum)
			sum += value_of(totals, &totals_table[i]);
	}
	return sum == totals->admitted;
}

static uint64_t
errors_of(const struct frontier_totals *totals)
{
	return totals->failed + totals->gone;
}

static const char *
phase_name(uint64_t phase)
{
	static const char *const names[] = { [PHASE_STARTING] = "starting",
		[PHASE_CRAWLING] = "crawling",
		[PHASE_WAITING_ROOM] = "waiting for room on the disk",
		[PHASE_LIMIT] = "limit reached",
		[PHASE_FINISHED] = "finished" };

	return phase < ARRAY_LEN(names) ? names[phase] : "?";
}

static void
print_bytes(char out[16], uint64_t bytes)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB",
		"TiB" };
	double n = (double)bytes;
	size_t unit = 0;

	while (n >= 1000 && unit + 1 < ARRAY_LEN(units)) {
		n /= 1024;
		unit++;
	}
	snprintf(out, 16, "%.*f %s", unit > 0 && n < 100 ? 1 : 0, n,
	    units[unit]);
}

uint64_t
report_cpu_us(pid_t pid)
{
	struct timespec ts;
	clockid_t clock;

	if (pid <= 0 || clock_getcpuclockid(pid, &clock) != 0 ||
	    clock_gettime(clock, &ts) < 0)
		return 0;
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* --- the live line ------------------------------------------------------- */

static void
update_rate(struct supervisor *sup, const struct snapshot *snap, int64_t now)
{
	struct rate *rate = &sup->rate;
	uint64_t pages = snap->totals.done + snap->totals.failed;
	double passed;

	if (rate->at_ms == 0)
		*rate = (struct rate){ sup->started_ms,
			sup->crawl->seeded->pages, 0 };
	/* Before the scheduler has told anything. */
	if (pages < rate->pages)
		return;
	passed = (double)(now - rate->at_ms) / 1000;
	if (passed < (rate->per_s > 0 ? 0.5 : 0.2))
		return;
	/* Half of it new, half as it was: steady, and soon right. */
	rate->per_s = rate->per_s > 0
			  ? (rate->per_s +
				(double)(pages - rate->pages) / passed) /
				2
			  : (double)(pages - rate->pages) / passed;
	rate->at_ms = now;
	rate->pages = pages;
}

/* Standard error may be a terminal that somebody has stopped. */
static void
say(const char *text, size_t len)
{
	struct pollfd pfd = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (poll(&pfd, 1, 0) == 1 && (pfd.revents & POLLOUT)) {
		ssize_t n = write(STDERR_FILENO, text, len);

		(void)n;
	}
}

void
report_tick(struct supervisor *sup)
{
	int64_t now = now_mono_ms();
	int64_t every = sup->tty ? 200 : sup->crawl->config.stats_interval_ms;
	const struct frontier_totals *t;
	struct snapshot snap;
	char line[300], bytes[16];
	int len;

	if (sup->line_ms == 0)
		sup->line_ms = sup->tty ? 1 : now;
	if (now - sup->line_ms < every || sup->crawl->cv == NULL || every == 0)
		return;
	sup->line_ms = now;
	crawl_snapshot(sup->crawl, &snap);
	update_rate(sup, &snap, now);
	t = &snap.totals;
	print_bytes(bytes, t->bytes);
	len = snprintf(line, sizeof(line),
	    "%llu page%s, %.0f/s, %llu queued, %llu in flight, %llu error%s, "
	    "%s, %lld s%s%s%s",
	    (unsigned long long)t->done, plural(t->done), sup->rate.per_s,
	    (unsigned long long)t->queued, (unsigned long long)t->in_flight,
	    (unsigned long long)errors_of(t), plural(errors_of(t)), bytes,
	    (long long)(now - sup->started_ms) / 1000,
	    t->outage_ms > 0 ? ", our network is out" : "",
	    snap.phase == PHASE_CRAWLING ? "" : ", ",
	    snap.phase == PHASE_CRAWLING ? "" : phase_name(snap.phase));
	if (!sup->tty) {
		log_info("%s", line);
		return;
	}
	memmove(line + 1, line, (size_t)len);
	line[0] = '\r';
	memcpy(line + 1 + len, "\033[K", 4);
	say(line, (size_t)len + 4);
}

/* --- status -------------------------------------------------------------- */

/* A folder's name is bytes, JSON is UTF-8: what is neither is shown as '?'. */
static json_t *
dir_json(const struct crawl *crawl)
{
	json_t *string = json_string(crawl->dir);
	char dir[PATH_MAX];

	for (size_t i = 0; string == NULL && i < sizeof(dir); i++) {
		dir[i] = (unsigned char)crawl->dir[i] < 0x80 ? crawl->dir[i]
							     : '?';
		if (dir[i] == '\0')
			string = json_string(dir);
	}
	return string;
}

static json_t *
totals_json(const struct frontier_totals *totals)
{
	json_t *object = json_object();

	for (size_t i = 0; i < ARRAY_LEN(totals_table); i++)
		json_object_set_new(object, totals_table[i].name,
		    json_integer(
			(json_int_t)value_of(totals, &totals_table[i])));
	return object;
}

typedef const char *name_fn(unsigned);

/* Only what is not 0: a closed list of names, open in what it shows. */
static json_t *
counts_json(const uint64_t *counts, unsigned n, name_fn *name)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < n; i++) {
		if (counts[i] > 0 && name(i)[0] != '\0')
			json_object_set_new(object, name(i),
			    json_integer((json_int_t)counts[i]));
	}
	return object;
}

static const char *
status_class(unsigned i)
{
	static const char *const names[] = { "", "1xx", "2xx", "3xx", "4xx",
		"5xx" };

	return i < ARRAY_LEN(names) ? names[i] : "?";
}

static void
add_counts(json_t *object, const struct snapshot *snap)
{
	const struct frontier_totals *t = &snap->totals;

	json_object_set_new(object, "totals", totals_json(t));
	json_object_set_new(object, "reasons",
	    counts_json(t->reasons, REASONS, reason_name));
	json_object_set_new(object, "statuses",
	    counts_json(t->statuses, ARRAY_LEN(t->statuses), status_class));
	json_object_set_new(object, "refused",
	    counts_json(t->refused, REFUSALS, refusal_name));
	json_object_set_new(object, "parked",
	    counts_json(t->spent, BUDGETS, budget_key));
	json_object_set_new(object, "balanced", json_boolean(balances(t)));
}

static json_t *
worker_json(struct supervisor *sup, const struct slot *slot)
{
	struct conveyor *cv = sup->crawl->cv;
	int64_t current = roster_current(cv, slot->id);
	int64_t worked_us = roster_worked_us(cv, slot->id);
	char note[ROSTER_NOTE];
	json_t *object;

	roster_read_note(cv, slot->id, note);
	object = json_pack("{s:s, s:i, s:s, s:I, s:I, s:I, s:I, s:f}", "name",
	    slot->name, "pid", (int)slot->pid, "state",
	    child_state_name(slot->child.state), "starts",
	    (json_int_t)slot->starts, "jobs",
	    (json_int_t)roster_counter(cv, slot->id, COUNTER_JOBS), "bytes",
	    (json_int_t)roster_counter(cv, slot->id, COUNTER_BYTES),
	    "beat_age_ms",
	    (json_int_t)(now_mono_ms() - roster_last_beat(cv, slot->id)),
	    "cpu_ms", (double)report_cpu_us(slot->pid) / 1000);
	if (object == NULL)
		return json_null();
	if (current >= 0)
		json_object_set_new(object, "cell", json_integer(current));
	/* On the machine's monotonic clock: whoever killed its predecessor can
	 * tell how long the place was empty. */
	if (slot_running(slot) && worked_us > 0)
		json_object_set_new(object, "took_work_us",
		    json_integer(worked_us));
	if (note[0] != '\0')
		json_object_set_new(object, "waits_for", json_string(note));
	if (slot->last[0] != '\0')
		json_object_set_new(object, "last_end",
		    json_string(slot->last));
	return object;
}

json_t *
report_status(struct supervisor *sup)
{
	struct crawl *crawl = sup->crawl;
	struct snapshot snap;
	json_t *workers = json_array();
	json_t *object;

	crawl_snapshot(crawl, &snap);
	if (crawl->cv == NULL) /* between a corrupt segment and its successor */
		return json_pack("{s:b, s:s}", "ok", 1, "phase", "starting");
	for (size_t i = 0; i < sup->n_slots; i++)
		json_array_append_new(workers,
		    worker_json(sup, &sup->slots[i]));
	update_rate(sup, &snap, now_mono_ms());
	object = json_pack("{s:b, s:i, s:o, s:s, s:I, s:f, s:I, s:I, s:I, s:o}",
	    "ok", 1, "pid", (int)getpid(), "dir", dir_json(crawl), "phase",
	    sup->stop != STOP_NOT ? "stopping" : phase_name(snap.phase),
	    "uptime_ms", (json_int_t)(now_mono_ms() - sup->started_ms),
	    "pages_per_s", sup->rate.per_s, "fetching",
	    (json_int_t)snap.fetching, "free_cells",
	    (json_int_t)snap.free_cells, "shm_bytes",
	    (json_int_t)conveyor_committed(crawl->cv), "workers", workers);
	if (object != NULL)
		add_counts(object, &snap);
	return object ? object : json_null();
}

/* --- the end ------------------------------------------------------------- */

struct ending {
	int status;
	const char *words;
};

static struct ending
judge(const struct supervisor *sup, const struct snapshot *snap)
{
	const struct frontier_totals *t = &snap->totals;
	/* The sum says it too: a scheduler that was killed at the very end has
	 * a successor that may be stopped before it has looked. */
	bool finished = snap->phase == PHASE_FINISHED ||
			(t->admitted > 0 && t->queued + t->in_flight == 0 &&
			    t->sitemaps_waiting == 0);

	if (sup->fatal != 0)
		return (struct ending){ sup->fatal, "broken off" };
	if (!balances(t))
		return (struct ending){ EXIT_INTERNAL,
			"the sum does not balance: a bug of mpcrawl" };
	if (!finished && sup->no_room)
		return (struct ending){ EXIT_DISK,
			"stopped while there was no room on the disk" };
	if (snap->phase == PHASE_LIMIT && !sup->interrupted)
		return (struct ending){ EXIT_LIMIT, "limit reached" };
	if (!finished)
		return (struct ending){ EXIT_STOPPED, "stopped" };
	if (t->quarantined > 0)
		return (struct ending){ EXIT_WITH_QUARANTINE,
			"finished, with quarantined pages" };
	if (t->done == 0 && (t->admitted > 0 || t->sitemaps_failed > 0))
		return (
		    struct ending){ EXIT_NO_SEED, "no seed could be fetched" };
	return (struct ending){ EXIT_FINISHED, "finished" };
}

/* What a person can do about it. */
static void
print_advice(const struct snapshot *snap, const struct ending *ending)
{
	switch (ending->status) {
	case EXIT_STOPPED:
	case EXIT_DISK:
		log_info("`mpcrawl start` with the same --dir and options goes "
			 "on");
		break;
	case EXIT_LIMIT:
		log_info("`mpcrawl start` with the same --dir and options, and "
			 "a higher %s, goes on",
		    crawl_limit_name(snap->limit));
		break;
	default:
		break;
	}
}

/* "3 timeout_total (total_timeout), …": with the key that decides it. */
static void
print_counts(const char *head, const uint64_t *counts, unsigned n,
    name_fn *name, name_fn *key)
{
	char line[1000]; /* a line of the log has room for it */
	size_t at = 0;

	for (unsigned i = 0; i < n && at < sizeof(line) - 96; i++) {
		const char *setting = key ? key(i) : "";

		if (counts[i] == 0 || name(i)[0] == '\0')
			continue;
		at += (size_t)snprintf(line + at, sizeof(line) - at,
		    "%s%llu %s%s%s%s", at > 0 ? ", " : "",
		    (unsigned long long)counts[i], name(i),
		    setting[0] ? " (" : "", setting, setting[0] ? ")" : "");
	}
	if (at > 0)
		log_info("%s %s", head, line);
}

static void
write_json(struct supervisor *sup, const struct snapshot *snap,
    const struct ending *ending, int64_t wall_ms)
{
	const char *path = sup->crawl->config.report;
	json_t *object, *roles = json_object();
	uint64_t starved = snap->busy_us
			       ? snap->starved_us * 10000 / snap->busy_us
			       : 0;

	for (int role = 0; role < ROLES; role++)
		json_object_set_new(roles, crawl_role_name(role),
		    json_real((double)sup->cpu_us[role] / 1000));
	json_object_set_new(roles, "seeds",
	    json_real((double)sup->cpu_us[ROLES] / 1000));
	json_object_set_new(roles, "supervisor",
	    json_real((double)report_cpu_us(getpid()) / 1000));
	object = json_pack("{s:i, s:o, s:i, s:s, s:I, s:I, s:o, s:f, s:I}", "v",
	    1, "dir", dir_json(sup->crawl), "exit_status", ending->status,
	    "end", ending->words, "pages", (json_int_t)snap->totals.done,
	    "wall_ms", (json_int_t)wall_ms, "cpu_ms", roles,
	    "slot_idle_for_commit", (double)starved / 10000, "commits",
	    (json_int_t)snap->commits);
	if (object != NULL) {
		if (snap->phase == PHASE_LIMIT)
			json_object_set_new(object, "limit",
			    json_string(crawl_limit_name(snap->limit)));
		add_counts(object, snap);
	}
	if (json_dump_file(object, path, JSON_INDENT(1)) < 0)
		log_error("report: cannot write %s: %m", path);
	json_decref(object);
}

int
report_end(struct supervisor *sup, const struct snapshot *snap)
{
	const struct frontier_totals *t = &snap->totals;
	struct ending ending = judge(sup, snap);
	int64_t wall_ms = now_mono_ms() - sup->started_ms;
	uint64_t before = sup->crawl->seeded->pages;
	uint64_t ended = t->done + t->failed;
	uint64_t now = ended > before ? ended - before : 0;
	char bytes[16];

	print_bytes(bytes, t->bytes);
	log_info("%s%s%s after %.1f s: %llu page%s, %s, %.0f pages/s",
	    ending.words, snap->phase == PHASE_LIMIT ? ": " : "",
	    crawl_limit_name(snap->limit), (double)wall_ms / 1000,
	    (unsigned long long)t->done, plural(t->done), bytes,
	    wall_ms > 0 ? (double)now * 1000 / (double)wall_ms : 0);
	log_info("%llu admitted = %llu done + %llu failed + %llu excluded + "
		 "%llu quarantined + %llu queued + %llu in flight%s",
	    (unsigned long long)t->admitted, (unsigned long long)t->done,
	    (unsigned long long)t->failed, (unsigned long long)t->excluded,
	    (unsigned long long)t->quarantined, (unsigned long long)t->queued,
	    (unsigned long long)t->in_flight,
	    balances(t) ? "" : "  THIS DOES NOT BALANCE");
	print_counts("answers:", t->statuses, ARRAY_LEN(t->statuses),
	    status_class, NULL);
	print_counts("reasons:", t->reasons, REASONS, reason_name, reason_key);
	if (t->sitemaps + t->sitemaps_failed > 0)
		log_info("sitemaps: %llu read, %llu URL%s by them; broken or "
			 "cut: %llu, not to be had: %llu, entries without a "
			 "URL to fetch: %llu",
		    (unsigned long long)t->sitemaps,
		    (unsigned long long)t->sitemap_urls,
		    plural(t->sitemap_urls),
		    (unsigned long long)t->sitemaps_broken,
		    (unsigned long long)t->sitemaps_failed,
		    (unsigned long long)t->refused[REFUSED_ENTRY]);
	print_counts("links not followed:", t->refused, REFUSALS, refusal_name,
	    refusal_key);
	if (t->outages > 0)
		log_info("our own network was out %llu time%s (outage_give_up)"
			 "%s",
		    (unsigned long long)t->outages, plural(t->outages),
		    t->outage_ms > 0 ? ", and still is" : "");
	print_counts("hosts parked:", t->spent, BUDGETS, budget_key, NULL);
	if (t->traps > 0)
		log_info("%llu pattern%s of very many URLs, %llu of them "
			 "closed, %llu URL%s put last: `mpcrawl trap --dir %s` "
			 "lists them",
		    (unsigned long long)t->traps, plural(t->traps),
		    (unsigned long long)t->traps_closed,
		    (unsigned long long)t->late, plural(t->late),
		    sup->crawl->config.dir);
	if (t->blocked > 0)
		log_info("%llu %s blocked: `mpcrawl block --list --dir %s`",
		    (unsigned long long)t->blocked,
		    plural_of(t->blocked, "host is", "hosts are"),
		    sup->crawl->config.dir);
	log_info("records are in %s/out", sup->crawl->dir);
	print_advice(snap, &ending);
	if (sup->crawl->config.report != NULL)
		write_json(sup, snap, &ending, wall_ms);
	return ending.status;
}
