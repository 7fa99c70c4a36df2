/*
 * driver - a main for the harnesses where libFuzzer is not: `make check`.
 *
 *   build/release/tests/fuzz/url_fuzz           what is kept, the seeds, and
 *                                               a short run of mutations
 *   build/release/tests/fuzz/url_fuzz FILE...   these files
 *
 * tests/fuzz/url.repro/ are inputs that once broke something; build/seeds/url/
 * is made of tests/data by scripts/fuzz-seeds.  Every input runs in a child,
 * which goes on from one to the next until one kills it: that one is told,
 * and written to build/crashers/.
 *
 * FUZZ_RUNS: how many mutations (3000; 100 times as many with LONG=1).
 * TEST_SEED: repeats a run.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

enum {
	INPUT_MAX = 1 << 20,    /* of a file */
	MUTATED_MAX = 16 << 10, /* bigger ones take their time, and find less */
	INPUT_SECONDS = 20,     /* then it hangs */
	TROUBLES_MAX = 5,       /* enough to look at */
};

struct file {
	struct file *next;
	char *path;
	char *bytes;
	size_t len;
};

/* Shared with the child: what it is at. */
struct at {
	size_t number;
	size_t len;
	char bytes[INPUT_MAX];
};

static struct at *at;
static const char *name; /* "url" */
static uint64_t seed;
static unsigned passed, failed;

/* splitmix64: any state is a good one. */
static uint64_t
next_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9E3779B97F4A7C15u);

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
	z = (z ^ z >> 27) * 0x94D049BB133111EBu;
	return z ^ z >> 31;
}

/* --- files --------------------------------------------------------------- */

static struct file *
file_read(const char *path)
{
	struct file *file = calloc(1, sizeof(*file));
	FILE *in = fopen(path, "rb");

	fuzz_holds(file != NULL);
	file->path = strdup(path);
	file->bytes = malloc(INPUT_MAX);
	fuzz_holds(file->path != NULL && file->bytes != NULL);
	if (in == NULL) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	file->len = fread(file->bytes, 1, INPUT_MAX, in);
	fclose(in);
	return file;
}

static void
file_free(struct file *file)
{
	free(file->path);
	free(file->bytes);
	free(file);
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* All files of a folder, in the order of their names, in front of `list`. */
static struct file *
folder_read(const char *folder, struct file *list, size_t *n)
{
	struct dirent **entries;
	int found = scandir(folder, &entries, NULL, by_name);

	*n = 0;
	for (int i = found - 1; i >= 0; i--) {
		char path[512];

		snprintf(path, sizeof(path), "%s/%s", folder,
		    entries[i]->d_name);
		if (entries[i]->d_name[0] != '.') {
			struct file *file = file_read(path);

			file->next = list;
			list = file;
			++*n;
		}
		free(entries[i]);
	}
	if (found >= 0)
		free(entries);
	return list;
}

/* --- mutations ----------------------------------------------------------- */

static void
cut_out(size_t from, size_t len)
{
	memmove(at->bytes + from, at->bytes + from + len, at->len - from - len);
	at->len -= len;
}

static void
put_in(size_t to, const char *bytes, size_t len)
{
	if (len > MUTATED_MAX - at->len)
		len = MUTATED_MAX - at->len;
	memmove(at->bytes + to + len, at->bytes + to, at->len - to);
	if (len > 0)
		memcpy(at->bytes + to, bytes, len);
	at->len += len;
}

/* A piece of a file, `len` bytes at the most, to where `to` says. */
static void
splice(const struct file *other, size_t to, uint64_t *state)
{
	size_t from, len;

	if (other->len == 0)
		return;
	from = next_random(state) % other->len;
	len = 1 + next_random(state) % 64;
	if (len > other->len - from)
		len = other->len - from;
	put_in(to, other->bytes + from, len);
}

static void
mutate_once(const struct file *other, uint64_t *state)
{
	static const char bytes[] = "\0\0\xff\xff\x7f\x80 \t\r\n:/?#@%&=<>\"'[]"
				    "{},;.*$\\0aA\xc3\xe2\xf0";
	static const uint32_t words[] = { 0, 1, 0x7f, 0x80, 0xff, 0x7fff,
		0x7fffffff, 0x80000000, 0xffffffff, 0xfffffff8 };
	size_t where = next_random(state) % (at->len + 1);
	size_t len = 1 + next_random(state) % 16;
	char piece[16];

	switch (next_random(state) % 8) {
	case 0:
		if (where < at->len)
			at->bytes[where] ^= (char)(1 << next_random(state) % 8);
		break;
	case 1:
		if (where < at->len)
			at->bytes[where] = (char)next_random(state);
		break;
	case 2:
		piece[0] = bytes[next_random(state) % (sizeof(bytes) - 1)];
		put_in(where, piece, 1);
		break;
	case 3:
		if (len <= at->len - where)
			cut_out(where, len);
		break;
	case 4: /* the same again */
		if (len > at->len - where)
			break;
		memcpy(piece, at->bytes + where, len);
		for (size_t n = 1 + next_random(state) % 20; n > 0; n--)
			put_in(where, piece, len);
		break;
	case 5:
		if (where + 4 <= at->len)
			memcpy(at->bytes + where,
			    &words[next_random(state) % ARRAY_LEN(words)], 4);
		break;
	case 6:
		splice(other, where, state);
		break;
	default:
		at->len = where; /* cut off */
		break;
	}
}

/* Into `at`: the n-th mutation, the same for the same seed and files. */
static void
mutate(struct file *const *files, size_t n_files, size_t number)
{
	uint64_t state = seed + number * 0x2545F4914F6CDD1Du;
	const struct file *file = files[next_random(&state) % n_files];
	size_t times = 1 + next_random(&state) % 6;

	at->len = file->len < MUTATED_MAX ? file->len : MUTATED_MAX;
	memcpy(at->bytes, file->bytes, at->len);
	while (times-- > 0)
		mutate_once(files[next_random(&state) % n_files], &state);
}

/* --- running ------------------------------------------------------------- */

/* An input by its number, into `at`; what to call it. */
struct inputs {
	struct file **files;
	size_t n_files;
	bool mutated;
	size_t n;
};

static void
input_make(const struct inputs *inputs, size_t number)
{
	at->number = number;
	if (inputs->mutated) {
		mutate(inputs->files, inputs->n_files, number);
		return;
	}
	at->len = inputs->files[number]->len;
	memcpy(at->bytes, inputs->files[number]->bytes, at->len);
}

static void
child(const struct inputs *inputs, size_t from)
{
	for (size_t i = from; i < inputs->n; i++) {
		char *exact;

		input_make(inputs, i);
		exact = fuzz_exact(span_of(at->bytes, at->len));
		alarm(INPUT_SECONDS);
		LLVMFuzzerTestOneInput((const uint8_t *)exact, at->len);
		alarm(0);
		free(exact);
	}
	at->number = inputs->n;
	exit(0); /* a leak is told, and is an exit status */
}

/* Where a person can find the input that did it. */
static void
keep(void)
{
	uint64_t hash = 1469598103934665603u; /* FNV-1a */
	char path[200];
	FILE *out;

	for (size_t i = 0; i < at->len; i++)
		hash = (hash ^ (uint8_t)at->bytes[i]) * 1099511628211u;
	mkdir("build", 0777);
	mkdir("build/crashers", 0777);
	snprintf(path, sizeof(path), "build/crashers/%s-%016llx", name,
	    (unsigned long long)hash);
	out = fopen(path, "wb");
	if (out == NULL || fwrite(at->bytes, 1, at->len, out) != at->len)
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
	if (out != NULL)
		fclose(out);
	printf("the input is kept in %s\n", path);
}

static void
told(const struct inputs *inputs, int status)
{
	char how[64];

	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		snprintf(how, sizeof(how), "takes more than %d s",
		    INPUT_SECONDS);
	else if (WIFSIGNALED(status))
		snprintf(how, sizeof(how), "signal %d", WTERMSIG(status));
	else
		snprintf(how, sizeof(how), "exit status %d",
		    WEXITSTATUS(status));
	if (at->number >= inputs->n)
		printf("%s_fuzz: %s after the last input: a leak?\n", name,
		    how);
	else if (inputs->mutated)
		printf("%s_fuzz: mutation %zu: %s\n", name, at->number, how);
	else
		printf("%s_fuzz: %s: %s\n", name,
		    inputs->files[at->number]->path, how);
	if (at->number < inputs->n)
		keep();
}

/* All of them; one test. */
static void
run(const struct inputs *inputs)
{
	unsigned troubles = 0;
	size_t from = 0;

	while (from < inputs->n && troubles < TROUBLES_MAX) {
		int status;
		pid_t pid;

		fflush(NULL);
		pid = fork();
		fuzz_holds(pid >= 0);
		if (pid == 0)
			child(inputs, from);
		while (waitpid(pid, &status, 0) < 0)
			fuzz_holds(errno == EINTR);
		if (status == 0)
			break;
		troubles++;
		told(inputs, status);
		from = at->number + 1;
	}
	if (troubles > 0)
		failed++;
	else
		passed++;
}

static size_t
mutations(void)
{
	const char *runs = getenv("FUZZ_RUNS");
	const char *is_long = getenv("LONG");

	if (runs != NULL && runs[0] != '\0')
		return strtoul(runs, NULL, 10);
	return is_long && strcmp(is_long, "1") == 0 ? 300000 : 3000;
}

static void
name_it(char *path)
{
	char *slash = strrchr(path, '/'), *end;

	name = slash ? slash + 1 : path;
	end = strstr(path, "_fuzz");
	if (end != NULL)
		*end = '\0';
}

int
main(int argc, char **argv)
{
	const char *given = getenv("TEST_SEED");
	struct file *list = NULL;
	struct inputs inputs = { 0 };
	size_t kept = 0, seeds = 0, i = 0;
	char folder[200];

	name_it(argv[0]);
	seed = given ? strtoull(given, NULL, 0)
		     : (uint64_t)time(NULL) * 1000003u + (uint64_t)getpid();
	at = mmap(NULL, sizeof(*at), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	fuzz_holds(at != MAP_FAILED);

	for (int arg = argc - 1; arg > 0; arg--) {
		struct file *file = file_read(argv[arg]);

		file->next = list;
		list = file;
		kept++;
	}
	if (argc == 1) {
		snprintf(folder, sizeof(folder), "build/seeds/%s", name);
		list = folder_read(folder, list, &seeds);
		snprintf(folder, sizeof(folder), "tests/fuzz/%s.repro", name);
		list = folder_read(folder, list, &kept);
		if (seeds == 0) {
			fprintf(stderr,
			    "build/seeds/%s: no seeds; run "
			    "scripts/fuzz-seeds\n",
			    name);
			return 1;
		}
	}
	inputs.files = calloc(kept + seeds + 1, sizeof(struct file *));
	fuzz_holds(inputs.files != NULL);
	for (struct file *file = list; file != NULL; file = file->next)
		inputs.files[i++] = file;
	inputs.n_files = inputs.n = i;
	run(&inputs);
	if (argc == 1) {
		inputs.mutated = true;
		inputs.n = mutations();
		printf("%s_fuzz: TEST_SEED=%llu: %zu kept, %zu seeds, "
		       "%zu mutations\n",
		    name, (unsigned long long)seed, kept, seeds, inputs.n);
		run(&inputs);
	}
	while (list != NULL) {
		struct file *file = list;

		list = file->next;
		file_free(file);
	}
	free(inputs.files);
	munmap(at, sizeof(*at));
	printf("%u passed, %u failed\n", passed, failed);
	return failed > 0;
}
