/*
 * Hosts that a person has closed: rows of `m`, a flag of each host in memory.
 */
#include <errno.h>

#include "lib/frontier/frontier_impl.h"

/* "block." and the pattern, into f->name. */
static int
block_key(struct frontier *f, struct span pattern)
{
	int r;

	buf_clear(&f->name);
	r = buf_add_span(&f->name, SPAN("block."));
	return r < 0 ? r : buf_add_span(&f->name, pattern);
}

void
frontier_block_look(struct frontier *f, struct host *host)
{
	host->blocked = blocks_match(&f->blocks, block_host(host_name(host))) !=
			NULL;
}

int
frontier_blocks_open(struct frontier *f)
{
	struct store_scan *scan;
	struct span key, value;
	int r;

	r = store_scan_open(f->store, STORE_META, SPAN("block."),
	    SPAN("block/"), false, &scan);
	if (r < 0)
		return r;
	while ((r = store_scan_next(scan, &key, &value)) == 1) {
		r = blocks_add(&f->blocks, span_from_at(key, 6));
		if (r < 0)
			break;
	}
	store_scan_close(scan);
	f->live.blocked = f->blocks.n;
	f->shown.blocked = f->blocks.n;
	/* What waited when they were closed may wait still. */
	f->blocked_waiting = f->blocks.n > 0;
	return r;
}

/* The list has changed: so may every host, and what was known of links. */
static void
look_at_all(struct frontier *f, int64_t now_ms)
{
	for (struct host *host = hosts_each(&f->hosts, NULL); host != NULL;
	     host = hosts_each(&f->hosts, host)) {
		bool was = host->blocked;

		frontier_block_look(f, host);
		if (host->blocked != was)
			frontier_schedule(f, host, now_ms);
	}
	memset(f->texts, 0, sizeof(f->texts));
	f->live.blocked = f->blocks.n;
	f->blocked_waiting = f->blocks.n > 0;
	f->blocked_from_ms = 0;
}

int
frontier_block(struct frontier *f, struct span pattern, int64_t now_ms)
{
	int r;

	f->now_ms = now_ms;
	r = block_key(f, pattern);
	if (r == 0)
		r = blocks_add(&f->blocks, pattern);
	if (r <= 0)
		return r;
	store_put(f->store, STORE_META, buf_span(&f->name), SPAN_NONE);
	look_at_all(f, now_ms);
	return 1;
}

int
frontier_unblock(struct frontier *f, struct span pattern, int64_t now_ms)
{
	int r;

	f->now_ms = now_ms;
	r = block_key(f, pattern);
	if (r < 0)
		return r;
	if (!blocks_remove(&f->blocks, pattern))
		return 0;
	store_delete(f->store, STORE_META, buf_span(&f->name));
	look_at_all(f, now_ms);
	return 1;
}

const char *
frontier_blocked(const struct frontier *f, size_t i)
{
	return i < f->blocks.n ? f->blocks.items[i] : NULL;
}

const char *
frontier_blocks_host(const struct frontier *f, struct span host)
{
	return blocks_match(&f->blocks, host);
}

struct frontier_blocking
frontier_blocking(const struct frontier *f, struct span pattern)
{
	struct frontier_blocking out = { 0 };
	struct blocks one = { (char *[]){ NULL }, 1, 1 };
	char text[BLOCK_LONGEST + 1];

	if (pattern.len > BLOCK_LONGEST)
		return out;
	memcpy(text, pattern.ptr, pattern.len);
	text[pattern.len] = '\0';
	one.items[0] = text;
	for (const struct host *host = hosts_each(&f->hosts, NULL);
	     host != NULL; host = hosts_each(&f->hosts, host)) {
		if (blocks_match(&one, block_host(host_name(host))) == NULL)
			continue;
		out.hosts++;
		out.queued += host->queued;
		out.under_way += host->slots;
	}
	return out;
}

/* --- URLs that wait for another try -------------------------------------- */

/*
 * URLs of closed hosts in `d`, a few at a time, into their queues: nobody
 * waits for a try that will not be made.
 */
int
frontier_block_sweep(struct frontier *f, int64_t now_ms)
{
	struct row_key from = row_key1((uint64_t)f->blocked_from_ms);
	struct due_key due[SWEEP];
	struct store_scan *scan;
	struct span key, value;
	size_t n = 0;
	int r;

	if (!f->blocked_waiting)
		return 0;
	r = store_scan_open(f->store, STORE_DUE, row_key_span(&from), SPAN_NONE,
	    true, &scan);
	if (r < 0)
		return r;
	while (n < SWEEP && (r = store_scan_next(scan, &key, &value)) == 1) {
		if (row_key_read(key, 3, &due[n].due_ms) < 0) {
			r = -EIO;
			break;
		}
		n++;
	}
	store_scan_close(scan);
	/* The next look begins with the last time of this one; a time that
	 * fills a look by itself is left to come due. */
	if (n < SWEEP)
		f->blocked_waiting = false;
	else if ((int64_t)due[n - 1].due_ms > f->blocked_from_ms)
		f->blocked_from_ms = (int64_t)due[n - 1].due_ms;
	else
		f->blocked_from_ms++;
	for (size_t i = 0; r >= 0 && i < n; i++) {
		struct host *host;

		r = frontier_host_load(f, due[i].site64, &host);
		if (r == 1 && host->blocked)
			r = frontier_sweep_one(f, &due[i], now_ms);
		else if (r == 1 && !host->changed && host_is_idle(host))
			frontier_host_free(f, host);
	}
	return r < 0 ? r : 0;
}
