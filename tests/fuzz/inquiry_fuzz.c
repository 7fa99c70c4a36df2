/*
 * inquiry: what a person asks of the frontier (why, block, unblock, trap), as
 * the scheduler answers it; over one frontier, which it changes.
 *
 *     the request, JSON
 */
#include <ftw.h>
#include <unistd.h>

#include "cmd/inquiry.h"
#include "tests/fuzz/fuzz.h"

enum {
	COMMIT_EVERY = 200 /* requests that changed something */
};

static struct config config;
static struct frontier *frontier;
static struct frontier_cut cut;
static char folder[] = "/tmp/mpcrawl-fuzz.XXXXXX";

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path) == 0 ? 0 : -1;
}

static void
clean(void)
{
	frontier_close(frontier);
	config_fini(&config);
	nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void
start(void)
{
	static const uint8_t id[16] = "a crawl to fuzz";
	static const char *const seeds[] = { "http://a.test/",
		"http://a.test/x?y=1", "http://127.0.0.1/", "https://b.test/" };
	struct err err = ERR_NONE;

	fuzz_holds(mkdtemp(folder) != NULL);
	fuzz_holds(config_init(&config) == 0);
	fuzz_holds(config_set(&config, "contact", "me@example.org", &err) == 0);
	config.seen_cache = 1 << 20;
	config.db_cache = 8 << 20;
	fuzz_holds(frontier_open(folder, &config, id, 1, &frontier, &err) == 0);
	fuzz_holds(frontier_begin(frontier, &err) == 0);
	cut = frontier_cut(frontier);
	for (size_t i = 0; i < ARRAY_LEN(seeds); i++)
		fuzz_holds(
		    frontier_seed(frontier, span_from(seeds[i]), 1, &err) == 1);
	atexit(clean);
}

static void
commit(void)
{
	cut.seq++;
	fuzz_holds(frontier_commit(frontier, cut, 1) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned changes;
	struct inquiry inquiry = { .config = &config, .now_ms = 1000 };
	json_t *request = json_loadb((const char *)data, size, 0, NULL);
	struct frontier_totals t;
	json_t *answer;
	char *text;

	if (frontier == NULL)
		start();
	if (!json_is_object(request)) {
		json_decref(request);
		return 0;
	}
	inquiry.frontier = frontier;
	answer = inquiry_answer(&inquiry, request);
	fuzz_holds(json_is_object(answer));
	fuzz_holds(json_is_boolean(json_object_get(answer, "ok")));
	fuzz_holds(json_is_true(json_object_get(answer, "ok")) ||
		   json_string_length(json_object_get(answer, "error")) > 0);
	/* It fits a packet, and is a line. */
	text = json_dumps(answer, JSON_COMPACT);
	fuzz_holds(text != NULL && strlen(text) < INQUIRY_MAX);
	fuzz_holds(strchr(text, '\n') == NULL);
	free(text);
	json_decref(answer);
	json_decref(request);
	if (inquiry.changed && ++changes % COMMIT_EVERY == 0)
		commit();
	/* Whatever was asked, the sum holds. */
	frontier_totals(frontier, &t);
	fuzz_holds(t.admitted == t.done + t.failed + t.excluded +
				     t.quarantined + t.queued + t.in_flight);
	return 0;
}
