#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/command/command.h"
#include "cmd/command/settings.h"
#include "cmd/crawl.h"
#include "cmd/now.h"
#include "ipc/segment.h"
#include "lib/archive/jsonl.h"
#include "lib/audit/audit.h"
#include "lib/base/plural.h"

const char command_fsck_more[] =
    "The store against the outputs: each URL that has ended has its record,\n"
    "each once; queues, hosts and totals against the URLs; each line and each\n"
    "row for itself.  Without --repair nothing is changed.  It says\n"
    "\n"
    "  problem: WHAT: ...    what is wrong\n"
    "  repaired: WHAT: ...   what --repair did about it\n"
    "  note: WHAT: ...       as a kill -9 may leave it: the next start sees to "
    "it\n"
    "\n"
    "and last what was looked at; with --json, an object a line.  What is "
    "taken\n"
    "out of store and outputs is kept in DIR/lost+found.\n"
    "\n"
    "A record that is gone or cannot be read has its URL fetched again.  A "
    "store\n"
    "that cannot be opened, or is another crawl's, is for a person to put "
    "back.\n"
    "Memory: 24 bytes for each URL, and db_cache.\n"
    "\n"
    "Exit status: 0 sound, or all is repaired; 1 there are problems; 2 it "
    "cannot\n"
    "be looked at: no crawl, one that runs, a store that cannot be opened.\n";

enum {
	FSCK_SOUND = EXIT_FINISHED,
	FSCK_PROBLEMS = EXIT_INTERNAL,
	FSCK_REFUSED = EXIT_USAGE,
};

struct fsck {
	struct crawl crawl;
	struct audit_options audit;
	bool repair, json;
	struct buf line;
};

static void
write_json(struct fsck *fsck, struct jsonl *json)
{
	if (jsonl_end(json) == 0)
		fwrite(fsck->line.ptr, 1, fsck->line.len, stdout);
	buf_clear(&fsck->line);
}

static void
say(void *arg, enum audit_level level, const char *what, const char *details)
{
	static const char *const levels[] = {
		[AUDIT_PROBLEM] = "problem",
		[AUDIT_REPAIRED] = "repaired",
		[AUDIT_NOTE] = "note",
	};
	struct fsck *fsck = arg;
	struct jsonl json;

	if (!fsck->json) {
		printf("%s: %s: %s\n", levels[level], what, details);
		return;
	}
	jsonl_begin(&json, &fsck->line);
	jsonl_text(&json, "type", span_from(levels[level]));
	jsonl_text(&json, "what", span_from(what));
	jsonl_text(&json, "details", span_from(details));
	write_json(fsck, &json);
}

static void
say_end(struct fsck *fsck, const struct audit_result *result)
{
	struct jsonl json;

	if (fsck->json) {
		jsonl_begin(&json, &fsck->line);
		jsonl_text(&json, "type", SPAN("end"));
		jsonl_uint(&json, "urls", result->urls);
		jsonl_uint(&json, "records", result->records);
		jsonl_uint(&json, "bytes", result->bytes);
		jsonl_uint(&json, "problems", result->problems);
		jsonl_uint(&json, "repaired", result->repaired);
		jsonl_bool(&json, "sound", result->problems == 0);
		write_json(fsck, &json);
		return;
	}
	printf("%llu URL%s, %llu record%s, %llu bytes: ",
	    (unsigned long long)result->urls, plural(result->urls),
	    (unsigned long long)result->records, plural(result->records),
	    (unsigned long long)result->bytes);
	if (result->problems == 0 && result->repaired == 0)
		printf("sound\n");
	else if (result->problems == 0)
		printf("sound, %llu repaired\n",
		    (unsigned long long)result->repaired);
	else
		printf("%llu problem%s%s\n",
		    (unsigned long long)result->problems,
		    plural(result->problems),
		    fsck->repair ? " left"
				 : "; --repair mends what can be mended");
}

/* What a crawl left that was killed: its cells may vouch for more than the
 * store knows. */
static bool
has_segment(const struct fsck *fsck)
{
	struct segment segment = SEGMENT_NONE;
	int r = segment_watch(fsck->crawl.segment, &segment);

	segment_detach(&segment);
	return r != -ENOENT;
}

static int
run(struct fsck *fsck, struct err *err)
{
	bool segment = has_segment(fsck), mends;
	struct audit_result result;
	int r;

	if (segment)
		say(fsck, AUDIT_NOTE, "segment",
		    "the shared memory of a run that was killed is still "
		    "there; the next start goes on with it");
	r = audit_look(&fsck->audit, &result, err);
	if (r < 0)
		return r;
	/* A tail that no segment vouches for is nobody's. */
	mends = result.problems > 0 || (result.tail.files > 0 && !segment);
	if (fsck->repair && mends) {
		if (segment) {
			conveyor_unlink(fsck->crawl.segment);
			say(fsck, AUDIT_REPAIRED, "segment",
			    "it is discarded; what was under way is fetched "
			    "again");
		}
		r = audit_mend(&fsck->audit, &result, err);
		if (r < 0)
			return r;
	}
	say_end(fsck, &result);
	return result.problems == 0 ? FSCK_SOUND : FSCK_PROBLEMS;
}

static int
start(struct fsck *fsck, int argc, char **argv, struct err *err)
{
	int n_words, r;

	fsck->repair = settings_take_flag(&argc, argv, "--repair");
	fsck->json = settings_take_flag(&argc, argv, "--json");
	r = settings_load(&fsck->crawl.config, argc - 1, argv + 1, &n_words,
	    err);
	if (r == 0 && n_words > 0)
		r = err_set(err, -EINVAL, "fsck takes options only, not %s",
		    argv[1]);
	if (r == 0)
		r = crawl_find(&fsck->crawl, err);
	if (r < 0)
		return r;
	fsck->audit = (struct audit_options){
		.dir = fsck->crawl.dir,
		.config = &fsck->crawl.config,
		.now_ms = now_unix_ms(),
		.say = say,
		.arg = fsck,
	};
	memcpy(fsck->audit.crawl_id, fsck->crawl.id,
	    sizeof(fsck->audit.crawl_id));
	return 0;
}

int
command_fsck(int argc, char **argv)
{
	struct fsck fsck = { .crawl = { .lock_fd = -1, .notice_fd = -1 } };
	struct err err = ERR_NONE;
	int r;

	buf_init(&fsck.line, 1 << 20);
	r = start(&fsck, argc, argv, &err);
	if (r == 0)
		r = run(&fsck, &err);
	if (r < 0) {
		fprintf(stderr, "mpcrawl: %s\n",
		    err.text[0] ? err.text : strerror(-r));
		r = FSCK_REFUSED;
	}
	buf_fini(&fsck.line);
	crawl_close(&fsck.crawl);
	config_fini(&fsck.crawl.config);
	return r;
}
