/*
 * bare_bench - the yardstick of `make bench`: fetch and parse a list of URLs
 * with libcurl and gumbo in one process, and do nothing else.
 *
 *   bare_bench [-c N] [-z] FILE     one URL a line
 *     -c N   transfers in flight (32)
 *     -z     ask for gzip
 *
 * No queue, no store, no robots, no limits, no output: what this costs is the
 * floor, and what a crawler costs above it is the crawler.  So it uses nothing
 * of lib/, not even the arena: a slower lib/ must show in the comparison, not
 * move the yardstick.
 *
 * It prints one line of JSON: pages are answers of any status, parsed those of
 * type text/html.  Exit status: 1 when a URL had no answer, 2 for usage.
 */
#include <curl/curl.h>
#include <errno.h>
#include <gumbo.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* Of address space; only what a page touches becomes memory. */
#define ARENA_SIZE ((size_t)512 << 20)
#define BODY_MAX   ((size_t)64 << 20)

enum {
	IN_FLIGHT = 32,
	IN_FLIGHT_MAX = 10000,
	EVENTS = 64
};

struct transfer {
	struct bare *bare;
	CURL *easy;
	char *body;
	size_t len, cap;
};

struct bare {
	CURLM *multi;
	int epoll;
	int64_t timer_ms; /* when libcurl wants to be called; -1: not at all */
	struct transfer *transfers;
	int in_flight, running;
	char *text; /* of the file; lines are cut in place */
	char *next; /* the next URL in it */
	char *arena;
	size_t arena_used;
	uint64_t pages, parsed, failed, links, bytes;
};

static void __attribute__((noreturn, format(printf, 1, 2)))
die(const char *fmt, ...)
{
	va_list ap;

	fputs("bare_bench: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(2);
}

static int64_t
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* --- parsing ------------------------------------------------------------- */

static void *
arena_take(void *userdata, size_t size)
{
	struct bare *bare = userdata;
	void *block = bare->arena + bare->arena_used;

	if (size > ARENA_SIZE / 2 || bare->arena_used + size + 16 > ARENA_SIZE)
		die("a page takes more than %zu bytes of tree", ARENA_SIZE);
	bare->arena_used += (size + 15) & ~(size_t)15;
	return block;
}

/* The page's memory is given back at once, when it is done with. */
static void
arena_leave(void *userdata, void *block)
{
	(void)userdata, (void)block;
}

static const GumboVector *
children_of(const GumboNode *node)
{
	if (node->type == GUMBO_NODE_ELEMENT ||
	    node->type == GUMBO_NODE_TEMPLATE)
		return &node->v.element.children;
	return NULL;
}

/* The node behind `node` in document order, at `root` or below; NULL: none.
 * By way of the parents: a tree may be deeper than a stack. */
static const GumboNode *
next_node(const GumboNode *root, const GumboNode *node)
{
	const GumboVector *children = children_of(node);

	if (children != NULL && children->length > 0)
		return children->data[0];
	while (node != root) {
		size_t next = node->index_within_parent + 1;

		children = children_of(node->parent);
		if (next < children->length)
			return children->data[next];
		node = node->parent;
	}
	return NULL;
}

static void
parse(struct bare *bare, const char *body, size_t len)
{
	GumboOptions options = kGumboDefaultOptions;
	const GumboNode *node;
	GumboOutput *output;

	options.allocator = arena_take;
	options.deallocator = arena_leave;
	options.userdata = bare;
	options.max_errors = 0;
	bare->arena_used = 0;
	output = gumbo_parse_with_options(&options, body, len);
	for (node = output->root; node != NULL;
	     node = next_node(output->root, node)) {
		if (node->type == GUMBO_NODE_ELEMENT &&
		    node->v.element.tag == GUMBO_TAG_A &&
		    gumbo_get_attribute(&node->v.element.attributes, "href"))
			bare->links++;
	}
	bare->parsed++;
}

/* --- fetching ------------------------------------------------------------ */

static size_t
take_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct transfer *transfer = arg;
	size_t len = size * n, cap = transfer->cap ? transfer->cap : 65536;

	if (len > BODY_MAX - transfer->len)
		return 0;
	while (cap < transfer->len + len)
		cap *= 2;
	if (cap != transfer->cap) {
		transfer->body = realloc(transfer->body, cap);
		if (transfer->body == NULL)
			die("out of memory");
		transfer->cap = cap;
	}
	memcpy(transfer->body + transfer->len, bytes, len);
	transfer->len += len;
	return len;
}

static int
watch(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct bare *bare = arg;
	struct epoll_event event = { .data.fd = fd };
	int op = known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	(void)easy;
	if (what == CURL_POLL_REMOVE)
		op = EPOLL_CTL_DEL;
	if (what & CURL_POLL_IN)
		event.events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		event.events |= EPOLLOUT;
	/* A descriptor that was closed left by itself. */
	if (epoll_ctl(bare->epoll, op, fd, &event) < 0 && op != EPOLL_CTL_DEL)
		die("epoll_ctl: %s", strerror(errno));
	if (op != EPOLL_CTL_DEL)
		curl_multi_assign(bare->multi, fd, bare);
	return 0;
}

static int
set_timer(CURLM *multi, long ms, void *arg)
{
	struct bare *bare = arg;

	(void)multi;
	bare->timer_ms = ms < 0 ? -1 : now_us() / 1000 + ms;
	return 0;
}

/* The next URL of the file, or NULL. */
static const char *
next_url(struct bare *bare)
{
	while (*bare->next != '\0') {
		char *line = bare->next;
		size_t len = strcspn(line, "\n");

		bare->next += len + (line[len] == '\n');
		line[len] = '\0';
		if (len > 0)
			return line;
	}
	return NULL;
}

/* Start the next URL on this handle, whose connection is likely still warm. */
static void
start_next(struct transfer *transfer)
{
	struct bare *bare = transfer->bare;
	const char *url = next_url(bare);

	if (url == NULL)
		return;
	transfer->len = 0;
	curl_easy_setopt(transfer->easy, CURLOPT_URL, url);
	if (curl_multi_add_handle(bare->multi, transfer->easy) != CURLM_OK)
		die("curl_multi_add_handle failed");
	bare->running++;
}

static void
finish(struct bare *bare, CURL *easy, CURLcode result)
{
	struct transfer *transfer = NULL;
	const char *type = NULL;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&transfer);
	curl_multi_remove_handle(bare->multi, easy);
	bare->running--;
	if (result != CURLE_OK) {
		bare->failed++;
	} else {
		bare->pages++;
		bare->bytes += transfer->len;
		curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type);
		if (type != NULL && strncasecmp(type, "text/html", 9) == 0)
			parse(bare, transfer->body, transfer->len);
	}
	start_next(transfer);
}

static void
drain(struct bare *bare)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(bare->multi, &left)) != NULL) {
		if (message->msg == CURLMSG_DONE)
			finish(bare, message->easy_handle,
			    message->data.result);
	}
}

static void
act(struct bare *bare, curl_socket_t fd, int what)
{
	int running;

	if (curl_multi_socket_action(bare->multi, fd, what, &running) !=
	    CURLM_OK)
		die("curl_multi_socket_action failed");
}

static void
run(struct bare *bare)
{
	struct epoll_event events[EVENTS];

	for (int i = 0; i < bare->in_flight; i++)
		start_next(&bare->transfers[i]);
	while (bare->running > 0) {
		int64_t wait = -1;
		int n;

		if (bare->timer_ms >= 0)
			wait = bare->timer_ms - now_us() / 1000;
		if (wait < 0 && bare->timer_ms >= 0)
			wait = 0;
		n = epoll_wait(bare->epoll, events, EVENTS, (int)wait);
		if (n < 0 && errno != EINTR)
			die("epoll_wait: %s", strerror(errno));
		for (int i = 0; i < n; i++)
			act(bare, events[i].data.fd,
			    (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
				(events[i].events & EPOLLOUT ? CURL_CSELECT_OUT
							     : 0) |
				(events[i].events & (EPOLLERR | EPOLLHUP)
					? CURL_CSELECT_ERR
					: 0));
		if (bare->timer_ms >= 0 && now_us() / 1000 >= bare->timer_ms) {
			bare->timer_ms = -1;
			act(bare, CURL_SOCKET_TIMEOUT, 0);
		}
		drain(bare);
	}
}

/* --- setting up ---------------------------------------------------------- */

static char *
read_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	char *text;
	long size;

	if (file == NULL || fseek(file, 0, SEEK_END) < 0 ||
	    (size = ftell(file)) < 0)
		die("%s: %s", path, strerror(errno));
	rewind(file);
	text = malloc((size_t)size + 1);
	if (text == NULL || fread(text, 1, (size_t)size, file) != (size_t)size)
		die("%s: cannot be read", path);
	text[size] = '\0';
	fclose(file);
	return text;
}

static void
bare_init(struct bare *bare, const char *path, int in_flight, bool gzip)
{
	*bare = (struct bare){ .timer_ms = -1, .in_flight = in_flight };
	bare->text = bare->next = read_file(path);
	bare->arena = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	bare->epoll = epoll_create1(EPOLL_CLOEXEC);
	bare->transfers = calloc((size_t)in_flight, sizeof(*bare->transfers));
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		bare->multi = curl_multi_init();
	if (bare->arena == MAP_FAILED || bare->epoll < 0 ||
	    bare->transfers == NULL || bare->multi == NULL)
		die("cannot begin: %s", strerror(errno));
	curl_multi_setopt(bare->multi, CURLMOPT_SOCKETFUNCTION, watch);
	curl_multi_setopt(bare->multi, CURLMOPT_SOCKETDATA, bare);
	curl_multi_setopt(bare->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(bare->multi, CURLMOPT_TIMERDATA, bare);
	curl_multi_setopt(bare->multi, CURLMOPT_MAXCONNECTS, (long)in_flight);
	for (int i = 0; i < in_flight; i++) {
		struct transfer *transfer = &bare->transfers[i];
		CURL *easy = curl_easy_init();

		if (easy == NULL)
			die("out of memory");
		*transfer = (struct transfer){ .bare = bare, .easy = easy };
		curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
		curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
		curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
		curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
		curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
		    (long)CURL_HTTP_VERSION_1_1);
		curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 30000L);
		if (gzip)
			curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
	}
}

static void
bare_fini(struct bare *bare)
{
	for (int i = 0; i < bare->in_flight; i++) {
		curl_easy_cleanup(bare->transfers[i].easy);
		free(bare->transfers[i].body);
	}
	curl_multi_cleanup(bare->multi);
	curl_global_cleanup();
	close(bare->epoll);
	munmap(bare->arena, ARENA_SIZE);
	free(bare->transfers);
	free(bare->text);
}

/* Of the whole process: a crawler's start is in its figure too. */
static double
cpu_ms(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

int
main(int argc, char **argv)
{
	long in_flight = IN_FLIGHT;
	bool gzip = false;
	int64_t start = now_us();
	double wall_ms, cpu;
	struct bare bare;
	int option;

	while ((option = getopt(argc, argv, "c:z")) != -1) {
		if (option == 'c')
			in_flight = strtol(optarg, NULL, 10);
		else if (option == 'z')
			gzip = true;
		else
			return 2;
	}
	if (optind != argc - 1 || in_flight < 1 || in_flight > IN_FLIGHT_MAX)
		die("usage: bare_bench [-c 1..%d] [-z] FILE", IN_FLIGHT_MAX);
	bare_init(&bare, argv[optind], (int)in_flight, gzip);
	run(&bare);
	wall_ms = (double)(now_us() - start) / 1e3;
	cpu = cpu_ms();
	printf("{\"bench\":\"bare\",\"pages\":%llu,\"parsed\":%llu,"
	       "\"failed\":%llu,\"links\":%llu,\"bytes\":%llu,"
	       "\"in_flight\":%ld,\"wall_ms\":%.1f,\"cpu_ms\":%.1f,"
	       "\"pages_per_s\":%.0f,\"cpu_ms_per_page\":%.4f}\n",
	    (unsigned long long)bare.pages, (unsigned long long)bare.parsed,
	    (unsigned long long)bare.failed, (unsigned long long)bare.links,
	    (unsigned long long)bare.bytes, in_flight, wall_ms, cpu,
	    (double)bare.pages * 1e3 / wall_ms,
	    bare.pages > 0 ? cpu / (double)bare.pages : 0);
	bare_fini(&bare);
	return bare.failed > 0 || bare.pages == 0;
}
