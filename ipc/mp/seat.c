/*
 * Who takes part, who is dead, and what becomes of what the dead held.
 */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/pidfd.h>
#include <time.h>
#include <unistd.h>

#include "ipc/mp/context_impl.h"

enum {
	STAT_STARTED = 22, /* field of /proc/PID/stat: start, in ticks */
	STAT_ROOM = 1024
};

struct seat_word {
	uint32_t incarnation;
	uint8_t parent;
	uint8_t state;
};

static uint64_t
seat_pack(struct seat_word w)
{
	return (uint64_t)w.incarnation << 32 | (uint64_t)w.parent << 8 |
	       w.state;
}

static struct seat_word
seat_unpack(uint64_t word)
{
	return (struct seat_word){ .incarnation = (uint32_t)(word >> 32),
		.parent = (uint8_t)(word >> 8),
		.state = (uint8_t)word };
}

static struct seat_word
seat_read(const struct mp_shared *shared, unsigned seat)
{
	return seat_unpack(atomic_load(&shared->seat[seat].word));
}

uint32_t
mp_seat_incarnation(const struct mp_context *ctx, uint8_t seat)
{
	return seat_read(ctx->shared, seat).incarnation;
}

bool
mp_seat_left(const struct mp_context *ctx, uint8_t seat)
{
	return seat_read(ctx->shared, seat).state == MP_SEAT_LEFT;
}

/* --- what the kernel says ------------------------------------------------- */

#define SECOND_NS UINT64_C(1000000000)

/* On the clock that the kernel counts starts by. */
static uint64_t
since_boot_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

/* When `pid` started, in ticks since boot; 0: it cannot be told. */
static uint64_t
started_of(pid_t pid)
{
	char path[64], text[STAT_ROOM];
	const char *at;
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (len <= 0)
		return 0;
	text[len] = '\0';
	/* The second field is a name, and may hold anything but an end. */
	at = strrchr(text, ')');
	for (int field = 2; at != NULL && field < STAT_STARTED; field++)
		at = strchr(at + 1, ' ');
	return at == NULL ? 0 : strtoull(at + 1, NULL, 10);
}

/*
 * A process that has ended touches no memory any more, reaped or not.  That of
 * `pid` started after `since_ns` is another.  Who looks asks when that was, so
 * that who sits down need not: /proc costs more than all the rest of a start.
 */
static bool
has_ended(pid_t pid, uint64_t since_ns)
{
	struct pollfd ended = { .events = POLLIN };
	uint64_t ticks = (uint64_t)sysconf(_SC_CLK_TCK);
	uint64_t started;
	bool yes;

	if (pid == getpid())
		return false;
	if (pid <= 0)
		return true; /* nobody wrote that */
	ended.fd = pidfd_open(pid, 0);
	if (ended.fd < 0)
		return errno == ESRCH;
	yes = poll(&ended, 1, 0) == 1;
	close(ended.fd);
	if (yes)
		return true;
	started = started_of(pid);
	return since_ns != 0 &&
	       started > since_ns / SECOND_NS * ticks +
			     since_ns % SECOND_NS * ticks / SECOND_NS;
}

static bool
seat_is_dead(const struct mp_shared *shared, unsigned seat)
{
	const struct mp_seat *s = &shared->seat[seat];

	return has_ended((pid_t)atomic_load(&s->pid),
	    atomic_load(&s->since_ns));
}

bool
mp_seats_anyone(const struct mp_shared *shared)
{
	for (unsigned i = 1; i <= shared->seats; i++) {
		struct seat_word w = seat_read(shared, i);

		if ((w.state == MP_SEAT_STARTING || w.state == MP_SEAT_LIVE) &&
		    !seat_is_dead(shared, i))
			return true;
	}
	return false;
}

unsigned
mp_context_seats(const struct mp_context *ctx)
{
	unsigned n = 0;

	for (unsigned i = 1; i <= ctx->shared->seats; i++)
		n += seat_read(ctx->shared, i).state == MP_SEAT_LIVE;
	return n;
}

/* --- taking and leaving --------------------------------------------------- */

static int
take_free(struct mp_context *ctx, uint8_t parent, uint32_t *incarnation)
{
	for (unsigned i = 1; i <= ctx->shared->seats; i++) {
		struct seat_word w = seat_read(ctx->shared, i);

		if (w.state != MP_SEAT_FREE)
			continue;
		w.incarnation++;
		w.parent = parent;
		w.state = MP_SEAT_STARTING;
		/* What the dead left in it: waiters that never went, credits.
		 * Whoever may still post took a bit of the one before. */
		sem_init(&ctx->shared->seat[i].sem, 1, 0);
		atomic_store(&ctx->shared->seat[i].pid, getpid());
		atomic_store(&ctx->shared->seat[i].since_ns, 0);
		atomic_store(&ctx->shared->seat[i].word, seat_pack(w));
		*incarnation = w.incarnation;
		return (int)i;
	}
	return MP_ENOSPC;
}

int
mp_seat_take(struct mp_context *ctx, uint8_t parent, uint32_t *incarnation)
{
	int seat = take_free(ctx, parent, incarnation);

	if (seat == MP_ENOSPC && mp_tend_locked(ctx) > 0)
		seat = take_free(ctx, parent, incarnation);
	return seat;
}

int
mp_seat_sit(struct mp_context *ctx, uint8_t seat, uint32_t incarnation)
{
	struct mp_seat *s = &ctx->shared->seat[seat];
	uint64_t old = atomic_load(&s->word);
	struct seat_word w = seat_unpack(old);

	if (w.state != MP_SEAT_STARTING || w.incarnation != incarnation)
		return MP_EPERM;
	atomic_store(&s->pid, getpid());
	atomic_store(&s->since_ns, since_boot_ns());
	w.state = MP_SEAT_LIVE;
	/* The parent died, and somebody freed it meanwhile: not ours. */
	if (!atomic_compare_exchange_strong(&s->word, &old, seat_pack(w)))
		return MP_EPERM;
	return 0;
}

/* --- burying -------------------------------------------------------------- */

/*
 * R3.  Every living seat once, whatever the masks say: the dead may have taken
 * a sleeper's bit and not come to post.  One credit too many is one loop.
 */
static void
wake_everyone(struct mp_context *ctx)
{
	for (unsigned i = 1; i <= ctx->shared->seats; i++) {
		int value = 1;

		if (seat_read(ctx->shared, i).state == MP_SEAT_LIVE &&
		    sem_getvalue(ctx->sems[i], &value) == 0 && value == 0)
			sem_post(ctx->sems[i]);
	}
}

/* Under the lock.  Killed at any instruction: the seat is still there, and
 * the next one does it again. */
static int
bury(struct mp_context *ctx, uint8_t seat, bool died)
{
	const struct conveyor_fault fault = { .cause = 1 };
	struct conveyor_routes routes;
	struct seat_word w;
	size_t moved;
	int r;

	mp_queue_routes(ctx, &routes);
	/* As whoever buries: what we hold half way is found with us. */
	r = conveyor_recover(mp_view(ctx) != NULL ? mp_view(ctx) : ctx->cv,
	    seat, &routes, died ? &fault : NULL, &moved);
	if (r < 0)
		return r;
	mp_objects_forget(ctx, seat);
	wake_everyone(ctx);
	/* Children that had not begun have nobody to begin for. */
	for (unsigned i = 1; i <= ctx->shared->seats; i++) {
		uint64_t old = atomic_load(&ctx->shared->seat[i].word);

		w = seat_unpack(old);
		if (w.state != MP_SEAT_STARTING || w.parent != seat)
			continue;
		w.state = MP_SEAT_FREE;
		(void)!atomic_compare_exchange_strong(&ctx->shared->seat[i]
							   .word,
		    &old, seat_pack(w));
	}
	w = seat_read(ctx->shared, seat);
	w.state = MP_SEAT_FREE;
	atomic_store(&ctx->shared->seat[seat].word, seat_pack(w));
	return 0;
}

int
mp_seat_bury(struct mp_context *ctx, uint8_t seat, uint32_t incarnation)
{
	struct seat_word w;
	int r;

	r = mp_context_lock(ctx);
	if (r < 0)
		return r;
	w = seat_read(ctx->shared, seat);
	if (w.incarnation == incarnation && w.state != MP_SEAT_FREE)
		r = bury(ctx, seat, w.state == MP_SEAT_LIVE);
	mp_context_unlock(ctx);
	return r;
}

void
mp_seat_leave(struct mp_context *ctx, uint8_t seat, uint32_t incarnation)
{
	struct seat_word w;

	if (mp_context_lock(ctx) < 0)
		return; /* found dead when this process is */
	w = seat_read(ctx->shared, seat);
	if (w.incarnation == incarnation && w.state == MP_SEAT_LIVE) {
		w.state = MP_SEAT_LEFT;
		atomic_store(&ctx->shared->seat[seat].word, seat_pack(w));
		/* Nobody buries itself: the process's own seat waits for the
		 * next who looks. */
		if (ctx->cv->me != seat)
			(void)!bury(ctx, seat, false);
		else
			wake_everyone(ctx);
	}
	mp_context_unlock(ctx);
}

void
mp_seat_resign(struct mp_context *ctx, uint8_t seat, uint32_t incarnation)
{
	uint64_t old = atomic_load(&ctx->shared->seat[seat].word);
	struct seat_word w = seat_unpack(old);

	if (w.incarnation != incarnation || w.state != MP_SEAT_LIVE)
		return;
	w.state = MP_SEAT_LEFT;
	/* Nobody else changes the word of one who lives. */
	(void)!atomic_compare_exchange_strong(&ctx->shared->seat[seat].word,
	    &old, seat_pack(w));
}

int
mp_tend_locked(struct mp_context *ctx)
{
	int n = 0;

	for (unsigned i = 1; i <= ctx->shared->seats; i++) {
		struct seat_word w = seat_read(ctx->shared, i);
		int r;

		/* Who took it for itself; a child's is its parent's to free. */
		if (w.state == MP_SEAT_FREE ||
		    (w.state == MP_SEAT_STARTING && w.parent != 0) ||
		    (w.state != MP_SEAT_LEFT && !seat_is_dead(ctx->shared, i)))
			continue;
		r = bury(ctx, (uint8_t)i, w.state == MP_SEAT_LIVE);
		if (r < 0)
			return r;
		n++;
	}
	return n;
}

int
mp_context_tend(struct mp_context *ctx)
{
	int r;

	if (mp_view(ctx) == NULL)
		return MP_EPERM;
	r = mp_context_lock(ctx);
	if (r < 0)
		return r;
	r = mp_tend_locked(ctx);
	mp_context_unlock(ctx);
	return r;
}

void
mp_tend_sometimes(struct mp_context *ctx)
{
	struct timespec now;
	int64_t now_ms, last = atomic_load(&ctx->shared->tended_ms);

	clock_gettime(CLOCK_MONOTONIC, &now);
	now_ms = now.tv_sec * 1000 + now.tv_nsec / 1000000;
	/* One of all who wait, and nobody who has just been there. */
	if (now_ms - last >= MP_LOOK_MS &&
	    atomic_compare_exchange_strong(&ctx->shared->tended_ms, &last,
		now_ms))
		(void)!mp_context_tend(ctx);
}
