/*
 * Killed while the segment is made, attached, or removed.
 *
 * After each step that changed a name, a size or a byte in the folder of shared
 * memory, what is there is copied to another name, and the next start is made
 * from the copy: it attaches, or finds nothing that it can use, removes that and
 * begins anew.  Then in earnest, with the next start under the same name.
 *
 * What may be left is one `sem.XXXXXX` of glibc, which makes a semaphore under
 * a name of that kind and links it to its own: killed in between, that name
 * stays.  Nobody finds it again but by looking; it is 32 bytes.
 */
#include <dirent.h>
#include <sys/stat.h>

#include "tests/kill/image.h"
#include "tests/kill/stepper.h"

#define SHM "/dev/shm"

enum {
	SHM_SIZE = 64 << 20,
	NAMES_MAX = 16, /* a segment, five semaphores, one half made */
	KILLS = 16,     /* in earnest, each; in the long form: all there are */
	AT_MAX = 4000
};

struct opening {
	const char *name;
	void (*prepare)(const char *name); /* what is there before */
	void (*run)(struct conveyor *);    /* in the child */
	/* What the next start must find, and may lose; what it finds. */
	bool must_attach, changes_nothing, finds_old;
};

/* A moment at which it is killed: at full speed over so many system calls, and
 * so many instructions on. */
struct moment {
	long syscalls, steps;
};

struct trace {
	long steps, changes, names;
	struct moment at[AT_MAX];
	size_t n;
};

/* The folder, as far as it is ours. */
struct folder {
	int n;
	struct {
		char name[64];
		off_t size;
		blkcnt_t blocks;
	} file[NAMES_MAX];
	char *bytes; /* of the segment: image_parts */
	size_t len;
};

static bool own_shm; /* everything in the folder is ours */
static char its_name[64];
static long points, kills, kills_planned, steps_all, leftovers;

/* ---- the folder -------------------------------------------------------------- */

/* glibc's, half made: "sem." and six. */
static bool
half_made(const char *file)
{
	return strncmp(file, "sem.", 4) == 0 && strlen(file) == 10;
}

static bool
is_of(const char *file, const char *name)
{
	size_t len = strlen(name + 1);

	if (strncmp(file, "sem.", 4) == 0)
		file += 4;
	return strncmp(file, name + 1, len) == 0 &&
	       (file[len] == '\0' || file[len] == '.');
}

/* Calls `each` for the files that belong to `name`, with NULL for those that
 * glibc left half made, if the folder is ours; the number of them. */
static int
folder_each(const char *name, void (*each)(const char *file, void *arg),
    void *arg)
{
	DIR *dir = opendir(SHM);
	struct dirent *entry;
	int n = 0;

	need(dir != NULL, SHM);
	while ((entry = readdir(dir)) != NULL)
		if (name != NULL ? is_of(entry->d_name, name)
				 : own_shm && half_made(entry->d_name)) {
			if (each != NULL)
				each(entry->d_name, arg);
			n++;
		}
	closedir(dir);
	return n;
}

static void
folder_add(const char *file, void *arg)
{
	struct folder *folder = arg;
	char path[300];
	struct stat st;

	snprintf(path, sizeof(path), SHM "/%s", file);
	need(stat(path, &st) == 0 && folder->n < NAMES_MAX, path);
	snprintf(folder->file[folder->n].name, 64, "%s", file);
	folder->file[folder->n].size = st.st_size;
	folder->file[folder->n].blocks = st.st_blocks;
	folder->n++;
}

/* Whether names, sizes or what is allocated changed since the last look. */
static bool
folder_names_changed(struct folder *folder)
{
	struct folder now = { .bytes = folder->bytes, .len = folder->len };
	bool same;

	folder_each(its_name, folder_add, &now);
	folder_each(NULL, folder_add, &now);
	same = now.n == folder->n &&
	       memcmp(now.file, folder->file, sizeof(now.file)) == 0;
	*folder = now;
	return !same;
}

/* Read, as who touches a page allocates it. */
static bool
folder_bytes_changed(struct folder *folder)
{
	static char *now;
	size_t len = 0;
	char path[80];
	int fd;

	if (now == NULL)
		now = image_memory();
	snprintf(path, sizeof(path), SHM "%s", its_name);
	fd = open(path, O_RDONLY);
	for (int i = 0; fd >= 0 && i < IMAGE_PARTS; i++) {
		ssize_t r = pread(fd, now + len, image_parts[i].len,
		    (off_t)image_parts[i].at);

		len += r > 0 ? (size_t)r : 0;
	}
	if (fd >= 0)
		close(fd);
	if (len == folder->len && memcmp(now, folder->bytes, len) == 0)
		return false;
	memcpy(folder->bytes, now, len);
	folder->len = len;
	return true;
}

static void
copy_file(const char *from, const char *to)
{
	static char buffer[1 << 16];
	int in = open(from, O_RDONLY);
	int out = open(to, O_RDWR | O_CREAT | O_EXCL, 0600);
	struct stat st;
	off_t at = 0, end;

	need(in >= 0 && out >= 0 && fstat(in, &st) == 0 &&
		 fchmod(out, st.st_mode & 0777) == 0 &&
		 ftruncate(out, st.st_size) == 0,
	    from);
	/* The holes stay holes. */
	while ((at = lseek(in, at, SEEK_DATA)) >= 0) {
		end = lseek(in, at, SEEK_HOLE);
		while (at < end) {
			size_t len = end - at < (off_t)sizeof(buffer)
					 ? (size_t)(end - at)
					 : sizeof(buffer);

			need(pread(in, buffer, len, at) == (ssize_t)len &&
				 pwrite(out, buffer, len, at) == (ssize_t)len,
			    to);
			at += (off_t)len;
		}
	}
	close(in);
	close(out);
}

static void
copy_to(const char *file, void *arg)
{
	const char *name = arg;
	bool sem = strncmp(file, "sem.", 4) == 0;
	char from[300], to[300];

	snprintf(from, sizeof(from), SHM "/%s", file);
	snprintf(to, sizeof(to), SHM "/%s%s%s", sem ? "sem." : "", name + 1,
	    file + (sem ? 4 : 0) + strlen(its_name + 1));
	copy_file(from, to);
}

/* ---- the next start ---------------------------------------------------------- */

/* As the supervisor does it.  1 attached, 0 made anew; -errno: neither. */
static int
next_start(const char *name, struct conveyor **out)
{
	struct conveyor_shape shape = crew_shape(CELLS);
	uint64_t room;
	int r = crew_attach(name, CELLS, out);

	if (r == 0)
		return 1;
	if (r == -EBADMSG)
		conveyor_unlink(name);
	if (r == -EBADMSG || r == -ENOENT)
		r = conveyor_create(name, &shape, crawl_id, Q_FREE, &gates, out,
		    &room);
	return r;
}

/* Made anew: every cell is free. */
static bool
check_fresh(struct conveyor *cv, const char *when)
{
	uint8_t seen[CELLS] = { 0 };
	char why[128] = "";
	bool ok = check(conveyor_check(cv, why, sizeof(why)) == 0, "%s: %s",
	    when, why);

	for (uint32_t c = 0; ok && c < CELLS; c++)
		ok = check(conveyor_word(cv, c).queue == Q_FREE,
		    "%s: cell %u is not free", when, c);
	ok = ok && check_pops(cv, when, seen);
	for (uint32_t c = 0; ok && c < CELLS; c++)
		ok = check(seen[c] == 1, "%s: cell %u is lost", when, c);
	return ok;
}

static void
remove_half_made(const char *file, void *arg)
{
	char path[300];

	(void)arg;
	snprintf(path, sizeof(path), SHM "/%s", file);
	unlink(path);
	leftovers++;
}

/* Starts from what is there under `name`, and leaves nothing behind. */
static bool
check_start(const struct opening *opening, const char *name, const char *when)
{
	const struct scenario as = { .places = AT(Q_PAGES) | AT(Q_RECORDS) };
	struct conveyor *cv = NULL;
	int r = next_start(name, &cv);
	bool ok;

	ok = check(r >= 0, "%s: no start: %d", when, r) &&
	     check(r > 0 || !opening->must_attach, "%s: thrown away", when);
	if (ok && r > 0 && opening->finds_old)
		ok = check_recovered(cv, &as, when);
	else if (ok)
		ok = check_fresh(cv, when);
	/* Fresh semaphores: five of one epoch, all without credit. */
	for (unsigned q = 0; ok && q < Q_COUNT; q++)
		ok = check(cv->sems[q] == NULL || sem_credit(cv->sems[q]) == 0,
		    "%s: credit at %u", when, q);
	conveyor_detach(cv);
	ok = ok && check(folder_each(name, NULL, NULL) == 6, "%s: %d names",
		       when, folder_each(name, NULL, NULL));
	conveyor_unlink(name);
	return ok &&
	       check(folder_each(name, NULL, NULL) == 0, "%s: %d names stay",
		   when, folder_each(name, NULL, NULL));
}

/* ---- what is stepped ------------------------------------------------------- */

static void
prepare_nothing(const char *name)
{
	(void)name;
}

/* As a dead supervisor leaves it, with a dead worker's cells. */
static void
prepare_left(const char *name)
{
	struct conveyor_shape shape = crew_shape(CELLS);
	struct conveyor *cv = NULL;
	uint64_t room;

	need(conveyor_create(name, &shape, crawl_id, Q_FREE, &gates, &cv,
		 &room) == 0,
	    "create");
	prepare_dead(cv);
	conveyor_become(cv, 0);
	note_before(cv);
	sem_post(cv->sems[Q_PAGES]);
	conveyor_bind(cv, 0, true);
	conveyor_publish_out(cv, 7, 70);
	conveyor_detach(cv);
}

/* As one leaves it that died before the magic: not to be used. */
static void
prepare_half(const char *name)
{
	struct segment segment = SEGMENT_NONE;

	prepare_left(name);
	need(segment_attach(name, &segment) == 0, "attach");
	((struct conveyor_header *)segment.base)->magic = 0;
	segment_detach(&segment);
}

static void
run_create(struct conveyor *none)
{
	struct conveyor_shape shape = crew_shape(CELLS);
	struct conveyor *cv;
	uint64_t room;

	(void)none;
	if (conveyor_create(its_name, &shape, crawl_id, Q_FREE, &gates, &cv,
		&room) != 0)
		_exit(1);
}

static void
run_attach(struct conveyor *none)
{
	struct conveyor *cv;

	(void)none;
	if (crew_attach(its_name, CELLS, &cv) != 0)
		_exit(1);
}

static void
run_start_over(struct conveyor *none)
{
	struct conveyor *cv;

	(void)none;
	if (next_start(its_name, &cv) < 0)
		_exit(1);
}

static void
run_unlink(struct conveyor *none)
{
	(void)none;
	conveyor_unlink(its_name);
}

static void
run_watch(struct conveyor *none)
{
	struct conveyor *cv;

	(void)none;
	if (conveyor_watch(its_name, &cv) != 0)
		_exit(1);
	conveyor_detach(cv);
}

/* clang-format off */
static const struct opening openings[] = {
	{ "create",     prepare_nothing, run_create },
	{ "attach",     prepare_left,    run_attach,
	    .must_attach = true, .finds_old = true },
	{ "start_over", prepare_half,    run_start_over },
	{ "unlink",     prepare_left,    run_unlink, .finds_old = true },
	{ "watch",      prepare_left,    run_watch,
	    .must_attach = true, .finds_old = true, .changes_nothing = true },
};
/* clang-format on */

/* ---- stepping --------------------------------------------------------------- */

static void
name_next(char name[64])
{
	static unsigned serial;

	snprintf(name, 64, "/mpct.open.%d.%u", (int)getpid(), ++serial);
}

static bool
check_copy(const struct opening *opening, long step)
{
	char name[64], when[80];

	points++;
	name_next(name);
	snprintf(when, sizeof(when), "%s, step %ld", opening->name, step);
	memcpy(crew_kept, name, sizeof(crew_kept));
	folder_each(its_name, copy_to, name);
	return check_start(opening, name, when);
}

static void
trace_add(struct trace *trace, struct moment at)
{
	need(trace->n < AT_MAX, "moments");
	trace->at[trace->n++] = at;
}

/* How many words of the segment are others at the end of a run at full speed:
 * so many changes it takes at least, and a name made or removed is one. */
static long
run_whole(const struct opening *opening)
{
	struct folder from = { .bytes = image_memory() }, to = from;
	int status;
	long least;
	pid_t child;

	to.bytes = image_memory();
	name_next(its_name);
	memcpy(crew_kept, its_name, sizeof(crew_kept));
	opening->prepare(its_name);
	folder_names_changed(&from);
	folder_bytes_changed(&from);
	fflush(stdout);
	child = fork();
	need(child >= 0, "fork");
	if (child == 0) {
		opening->run(NULL);
		_exit(0);
	}
	need(waitpid(child, &status, 0) == child, "waitpid");
	check(status == 0, "%s: status %#x", opening->name, (unsigned)status);
	folder_names_changed(&to);
	folder_bytes_changed(&to);
	least = labs((long)to.n - from.n);
	/* As many of the one at least as are not in the other. */
	for (size_t at = 0; at + 8 <= to.len; at += 8)
		least += from.len == to.len
			     ? memcmp(from.bytes + at, to.bytes + at, 8) != 0
			     : *(uint64_t *)(to.bytes + at) != 0;
	munmap(from.bytes, image_size);
	munmap(to.bytes, image_size);
	conveyor_unlink(its_name);
	return least;
}

/* Every instruction; the moments to be killed at in earnest: before and behind
 * each system call, and behind each change. */
static bool
sweep(const struct opening *opening, struct trace *trace)
{
	struct folder last = { .bytes = image_memory() };
	struct moment at = { 0 };
	long least = run_whole(opening);
	enum child_step r = STEP_DONE;
	bool ok = true;
	pid_t child;

	name_next(its_name);
	memcpy(crew_kept, its_name, sizeof(crew_kept));
	opening->prepare(its_name);
	folder_names_changed(&last);
	folder_bytes_changed(&last);
	child = child_start(NULL, opening->run, 0);
	while (ok) {
		bool in_kernel = child_at_syscall(child), changed = false;

		r = child_step(child);
		if (r != STEP_DONE)
			break;
		trace->steps++;
		at.steps++;
		if (in_kernel) {
			trace_add(trace, at);
			at = (struct moment){ at.syscalls + 1, 0 };
			changed = folder_names_changed(&last);
			trace->names += changed;
		}
		changed |= folder_bytes_changed(&last);
		if (!changed)
			continue;
		trace->changes++;
		trace_add(trace, at);
		memcpy(crew_kept, its_name, sizeof(crew_kept));
		ok = check_copy(opening, trace->steps);
	}
	child_kill(child);
	conveyor_unlink(its_name);
	munmap(last.bytes, image_size);
	printf("%-10s %6ld instructions, %3ld changes (at least %3ld)\n",
	    opening->name, trace->steps, trace->changes, least);
	return ok &&
	       check(r == STEP_THROUGH, "%s: did not finish", opening->name) &&
	       check(trace->changes >= least,
		   "%s: %ld changes seen, and it takes %ld", opening->name,
		   trace->changes, least) &&
	       check(!opening->changes_nothing || trace->changes == 0,
		   "%s: it changed something", opening->name);
}

static void
kill_at(const struct opening *opening, const struct moment *at)
{
	enum child_step r = STEP_DONE;
	char when[80];
	pid_t child;

	name_next(its_name);
	memcpy(crew_kept, its_name, sizeof(crew_kept));
	opening->prepare(its_name);
	child = child_start(NULL, opening->run, 0);
	for (long i = 0; i < at->syscalls && r == STEP_DONE; i++)
		r = child_over_syscall(child);
	for (long i = 0; i < at->steps && r == STEP_DONE; i++)
		r = child_step(child);
	snprintf(when, sizeof(when), "%s, killed %ld behind system call %ld",
	    opening->name, at->steps, at->syscalls);
	check(child_kill(child), "%s: it was gone", when);
	kills++;
	check_start(opening, its_name, when);
	folder_each(NULL, remove_half_made, NULL);
}

static void
kill_opening(const struct opening *opening)
{
	static struct trace trace;
	int failed = crew_failed;
	long sample;

	trace = (struct trace){ 0 };
	if (sweep(opening, &trace)) {
		sample = (long)trace.n;
		if (!crew_long() && sample > KILLS)
			sample = KILLS;
		kills_planned += sample;
		for (long i = 0; i < sample && crew_failed == failed; i++)
			kill_at(opening, &trace.at[(long)trace.n * i / sample]);
	}
	steps_all += trace.steps;
	if (crew_failed == failed)
		crew_passed++;
}

int
main(void)
{
	crew_pid = getpid();
	own_shm = crew_own_shm(SHM_SIZE);
	images_init();
	need(atexit(crew_remove) == 0, "atexit");
	for (size_t i = 0; i < ARRAY_LEN(openings); i++)
		kill_opening(&openings[i]);
	check(kills == kills_planned, "%ld kills of %ld", kills, kills_planned);
	figure("open: instructions stepped", steps_all);
	figure("open: kill points started from a copy", points);
	figure("open: SIGKILLs in earnest", kills);
	figure("open: names sem.XXXXXX that glibc left", leftovers);
	return crew_done();
}
