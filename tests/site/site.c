#include "tests/site/site.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/attr.h"
#include "tests/site/serve.h"

#define SITE_REQUEST 65536

/* Written by the child, read by the parent. */
struct site_shared {
	atomic_uint connections;
	atomic_uint requests;
	char last_request[SITE_REQUEST];
};

struct site {
	struct site_shared *shared;
	pid_t pid;
	uint16_t port;
};

static void
on_connect(void *arg, const struct serve_connection *connection)
{
	struct site_shared *shared = arg;

	(void)connection;
	atomic_fetch_add(&shared->connections, 1);
}

static void
on_arrival(void *arg, const struct serve_arrival *arrival)
{
	struct site_shared *shared = arg;
	size_t len = arrival->raw.len;

	if (len > 0 && len < sizeof(shared->last_request)) {
		memcpy(shared->last_request, arrival->raw.ptr, len);
		shared->last_request[len - 1] = '\0';
	}
	atomic_fetch_add(&shared->requests, 1);
}

/* In the child; says its port, or why it has none, to who waits for it. */
static void __attribute__((noreturn)) site_serve(struct site_shared *shared,
    const struct site_page *pages, size_t n, int say)
{
	const struct serve_hooks hooks = { .connected = on_connect,
		.arrived = on_arrival,
		.arg = shared };
	struct serve *serve = serve_new(&hooks);
	uint16_t port = 0;
	int r;

	signal(SIGPIPE, SIG_IGN);
	serve_host(serve, "*", serve_table(pages, n), SITE_TLS_GOOD);
	r = serve_listen(serve, "127.0.0.1", &port);
	if (r == 0)
		r = port;
	must(write(say, &r, sizeof(r)) == sizeof(r));
	close(say);
	if (r > 0)
		serve_run(serve);
	_exit(1);
}

int
site_start(const struct site_page *pages, size_t n, struct site **out)
{
	struct site *site = calloc(1, sizeof(*site));
	pid_t parent = getpid();
	int heard[2], r = -EIO;

	if (site == NULL)
		return -ENOMEM;
	must(pipe(heard) == 0);
	site->shared = mmap(NULL, sizeof(*site->shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(site->shared != MAP_FAILED);
	site->pid = fork();
	must(site->pid >= 0);
	if (site->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		site_serve(site->shared, pages, n, heard[1]);
	}
	close(heard[1]);
	if (read(heard[0], &r, sizeof(r)) != sizeof(r))
		r = -EIO;
	close(heard[0]);
	if (r < 0) {
		site_stop(site);
		return r;
	}
	site->port = (uint16_t)r;
	*out = site;
	return 0;
}

void
site_stop(struct site *site)
{
	if (site == NULL)
		return;
	kill(site->pid, SIGKILL);
	while (waitpid(site->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	munmap(site->shared, sizeof(*site->shared));
	free(site);
}

uint16_t
site_port(const struct site *site)
{
	return site->port;
}

unsigned
site_connections(const struct site *site)
{
	return atomic_load(&site->shared->connections);
}

unsigned
site_requests(const struct site *site)
{
	return atomic_load(&site->shared->requests);
}

const char *
site_last_request(const struct site *site)
{
	return site->shared->last_request;
}
