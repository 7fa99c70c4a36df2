/*
 * The same rings with threads instead of processes: what ThreadSanitizer can
 * judge.  Each thread is a worker with a view of its own; payloads are plain
 * memory, so a missing acquire or release is a data race.
 */
#include <poll.h>
#include <pthread.h>

#include "tests/ipc/fixture.h"

enum {
	CELLS = 24,
	PRODUCERS = 2,
	CONSUMERS = 2,
	EACH = 20000
};

struct payload {
	uint64_t producer, n, sum;
};

struct actor {
	pthread_t thread;
	struct conveyor *cv;
	_Atomic size_t *consumed; /* of all consumers */
	uint64_t last[PRODUCERS];
	size_t deaths;
};

static void
actor_start(struct actor *actor, const struct conveyor *cv, uint8_t me,
    void *(*run)(void *))
{
	actor->cv = worker(cv, me);
	ck_assert_int_eq(pthread_create(&actor->thread, NULL, run, actor), 0);
}

static void
actor_join(struct actor *actor)
{
	ck_assert_int_eq(pthread_join(actor->thread, NULL), 0);
	conveyor_detach(actor->cv);
}

static uint32_t
wait_pop(struct conveyor *cv, uint8_t queue)
{
	uint32_t cell;
	int r;

	while ((r = conveyor_pop(cv, queue, &cell)) == 0)
		conveyor_wait(cv, queue, -1);
	must(r == 1);
	return cell;
}

static void *
produce(void *arg)
{
	struct actor *actor = arg;
	uint64_t me = actor->cv->me - 1u;

	for (uint64_t n = 1; n <= EACH; n++) {
		uint32_t cell = wait_pop(actor->cv, Q_FREE);
		struct payload *payload = conveyor_order(actor->cv, cell);

		payload->producer = me;
		payload->n = n;
		payload->sum = ~(me ^ n);
		if (n % 7 == 0)
			must(conveyor_push_many(actor->cv, Q_PAGES, &cell, 1) ==
			     0);
		else
			must(conveyor_push(actor->cv, Q_PAGES, cell) == 0);
	}
	return NULL;
}

static void *
consume(void *arg)
{
	struct actor *actor = arg;
	struct conveyor *cv = actor->cv;

	while (atomic_load(actor->consumed) < PRODUCERS * EACH) {
		uint32_t cells[4];
		int n = conveyor_pop_many(cv, Q_PAGES, cells, 4);

		must(n >= 0);
		if (n == 0)
			conveyor_wait(cv, Q_PAGES, 20);
		for (int i = 0; i < n; i++) {
			struct payload *payload = conveyor_order(cv, cells[i]);

			must(payload->sum == ~(payload->producer ^ payload->n));
			/* By position: what one pushed comes in its order. */
			must(payload->n > actor->last[payload->producer]);
			actor->last[payload->producer] = payload->n;
			memset(payload, 0, sizeof(*payload));
		}
		if (n > 0)
			must(conveyor_push_many(cv, Q_FREE, cells, (size_t)n) ==
			     0);
		atomic_fetch_add(actor->consumed, (size_t)n);
	}
	return NULL;
}

START_TEST(threads_deliver_each_message_once_whole_and_in_order)
{
	struct conveyor *cv = fixture_new(CELLS, NULL);
	struct actor actors[PRODUCERS + CONSUMERS] = { 0 };
	_Atomic size_t consumed = 0;

	/* Without the belt a lost wake-up is a hang, not a delay. */
	cv->belt_ms = 60 * 60 * 1000;
	for (uint8_t i = 0; i < ARRAY_LEN(actors); i++) {
		actors[i].consumed = &consumed;
		actor_start(&actors[i], cv, i + 1,
		    i < PRODUCERS ? produce : consume);
	}
	for (size_t i = 0; i < ARRAY_LEN(actors); i++)
		actor_join(&actors[i]);
	ck_assert_uint_eq(consumed, PRODUCERS * EACH);
	ck_assert_uint_eq(conveyor_length(cv, Q_FREE), CELLS);
	ck_sound(cv);
	conveyor_detach(cv);
}
END_TEST

/* Takes pages and drops dead with one in hand, or half way into a push. */
static void *
die(void *arg)
{
	struct actor *actor = arg;
	struct conveyor *cv = actor->cv;
	uint32_t cell = wait_pop(cv, Q_PAGES);
	struct cell_word w = conveyor_word(cv, cell);
	struct payload *payload = conveyor_order(cv, cell);

	must(payload->sum == ~(payload->producer ^ payload->n));
	if (actor->deaths % 3 == 0)
		return NULL;
	w.gen++;
	w.state = CELL_SENDING;
	atomic_store(word_of(cv, cell), cell_pack(w));
	if (actor->deaths % 3 == 1)
		must(ring_insert(cv, Q_PAGES, cell, w.gen) == 0);
	return NULL;
}

static void *
pass_on(void *arg)
{
	struct actor *actor = arg;

	while (atomic_load(actor->consumed) == 0) {
		uint32_t cell;
		int r = conveyor_pop(actor->cv, Q_PAGES, &cell);
		struct payload *payload;

		must(r >= 0);
		if (r == 0) {
			conveyor_wait(actor->cv, Q_PAGES, 20);
			continue;
		}
		payload = conveyor_order(actor->cv, cell);
		must(payload->sum == ~(payload->producer ^ payload->n));
		payload->n++;
		payload->sum = ~(payload->producer ^ payload->n);
		must(conveyor_push(actor->cv, Q_PAGES, cell) == 0);
	}
	return NULL;
}

START_TEST(threads_recovery_works_beside_live_workers)
{
	struct conveyor *cv = fixture_new(CELLS, NULL);
	struct actor live[2] = { 0 }, dead = { 0 };
	_Atomic size_t stop = 0;

	for (uint32_t i = 0; i < CELLS; i++) {
		uint32_t cell = pop(cv, Q_FREE);
		struct payload *payload = conveyor_order(cv, cell);

		*payload = (struct payload){ .sum = ~UINT64_C(0) };
		push(cv, Q_PAGES, cell);
	}
	for (uint8_t i = 0; i < 2; i++) {
		live[i].consumed = &stop;
		actor_start(&live[i], cv, i + 1, pass_on);
	}
	for (dead.deaths = 0; dead.deaths < 300; dead.deaths++) {
		size_t n;

		actor_start(&dead, cv, 3, die);
		actor_join(&dead);
		ck_assert_int_eq(conveyor_recover(cv, 3, &routes, NULL, &n), 0);
		ck_assert_uint_le(n, 1);
	}
	atomic_store(&stop, 1);
	for (size_t i = 0; i < 2; i++)
		actor_join(&live[i]);
	ck_sound(cv);
	for (uint32_t c = 0; c < CELLS; c++)
		ck_word(cv, c, CELL_QUEUED, Q_PAGES, 0);
	conveyor_detach(cv);
}
END_TEST

/*
 * Producers, consumers and mortals on the same two rings, and a supervisor that
 * recovers beside all of them.  A mortal takes a batch from either end and drops
 * dead somewhere on its way: its cells come again, and the consumers get each
 * message once.
 */
enum {
	CROWD = 3,            /* producers, and as many consumers */
	CROWD_EACH = 4 << 20, /* messages at most */
	CROWD_DEATHS = 320,
	CROWD_DEATHS_LONG = 8000,
	END = CROWD, /* "producer" of what ends a consumer */
	MORTAL = 2 * CROWD + 1,
	MORTAL_BATCH = 3,
	PHASES = 8
};

struct crowd {
	_Atomic uint8_t *consumed; /* per message: how often */
	_Atomic size_t produced[CROWD];
	_Atomic size_t torn;
	atomic_bool stop; /* producers */
};

struct member {
	pthread_t thread;
	struct conveyor *cv;
	struct crowd *crowd;
	unsigned phase;
	uint8_t from;
};

static void
payload_write(struct conveyor *cv, uint32_t cell, uint64_t producer, uint64_t n)
{
	struct payload *payload = conveyor_order(cv, cell);

	*payload = (struct payload){ producer, n, ~(producer ^ n) };
}

static void *
crowd_produce(void *arg)
{
	struct member *me = arg;
	uint64_t number = me->cv->me - 1u, n = 0;

	while (
	    !atomic_load(&me->crowd->stop) && n + MORTAL_BATCH <= CROWD_EACH) {
		uint32_t cells[MORTAL_BATCH];
		int got = conveyor_pop_many(me->cv, Q_FREE, cells,
		    1 + n % MORTAL_BATCH);

		must(got >= 0);
		if (got == 0)
			conveyor_wait(me->cv, Q_FREE, -1);
		for (int i = 0; i < got; i++)
			payload_write(me->cv, cells[i], number, n++);
		if (got > 0)
			must(conveyor_push_many(me->cv, Q_PAGES, cells,
				 (size_t)got) == 0);
	}
	atomic_store(&me->crowd->produced[number], n);
	return NULL;
}

/* Takes one message; true: it was an end. */
static bool
crowd_take(struct crowd *crowd, struct payload *payload)
{
	struct payload got = *payload;

	memset(payload, 0, sizeof(*payload));
	if (got.sum != ~(got.producer ^ got.n) || got.producer > END ||
	    got.n >= CROWD_EACH)
		atomic_fetch_add(&crowd->torn, 1);
	else if (got.producer != END)
		atomic_fetch_add(&crowd->consumed[got.producer * CROWD_EACH +
						  got.n],
		    1);
	return got.producer == END;
}

static void *
crowd_consume(void *arg)
{
	struct member *me = arg;
	bool ended = false;

	while (!ended) {
		uint32_t cells[MORTAL_BATCH];
		int n = conveyor_pop_many(me->cv, Q_PAGES, cells, MORTAL_BATCH);

		must(n >= 0);
		if (n == 0)
			conveyor_wait(me->cv, Q_PAGES, -1);
		for (int i = 0; i < n; i++) {
			bool end = crowd_take(me->crowd,
			    conveyor_order(me->cv, cells[i]));

			/* One for each consumer: this is a colleague's. */
			if (end && ended)
				payload_write(me->cv, cells[i], END, 0);
			must(conveyor_push(me->cv,
				 end && ended ? Q_PAGES : Q_FREE,
				 cells[i]) == 0);
			ended |= end;
		}
	}
	return NULL;
}

/* As after C3: held, and its entry still there; in vain if another was first. */
static void
claim_and_die(struct conveyor *cv, uint8_t queue)
{
	uint64_t head = atomic_load(&ring_of(cv, queue)->head), old;
	struct cell_word w;
	uint32_t cell;
	uint16_t gen;

	if (!ring_entry_at(cv, queue, head, &cell, &gen))
		return;
	old = atomic_load(word_of(cv, cell));
	w = cell_unpack(old);
	if (w.state == CELL_HELD || w.queue != queue || (uint16_t)w.gen != gen)
		return;
	w.gen++, w.owner = cv->me, w.state = CELL_HELD;
	atomic_compare_exchange_strong(word_of(cv, cell), &old, cell_pack(w));
}

/* Back where it came from, as far as `phase` says; then nothing more. */
static void *
crowd_die(void *arg)
{
	struct member *me = arg;
	struct conveyor *cv = me->cv;
	uint32_t cells[MORTAL_BATCH];
	unsigned phase = me->phase;
	int n;

	if (phase == 0)
		claim_and_die(cv, me->from);
	if (phase == 1)
		gate_enter(cv, me->from); /* and asleep there for ever */
	if (phase < 2)
		return NULL;
	n = conveyor_pop_many(cv, me->from, cells, MORTAL_BATCH);
	must(n >= 0);
	/* 2: all held; 3 … 5: one to three of them on their way; 6: with
	 * entries, not woken and not QUEUED; 7: and woken. */
	for (int i = 0; i < n && phase >= 3; i++) {
		struct cell_word w = conveyor_word(cv, cells[i]);

		if (phase < 6 && (unsigned)i > phase - 3)
			break;
		w.gen++, w.state = CELL_SENDING;
		atomic_store_explicit(word_of(cv, cells[i]), cell_pack(w),
		    memory_order_release);
		if (phase >= 6)
			must(ring_insert(cv, me->from, cells[i], w.gen) == 0);
	}
	if (phase == 7)
		gate_wake(cv, me->from, (uint32_t)n);
	return NULL;
}

static void
member_start(struct member *member, const struct conveyor *cv, uint8_t me,
    void *(*run)(void *))
{
	member->cv = worker(cv, me);
	ck_assert_int_eq(pthread_create(&member->thread, NULL, run, member), 0);
}

static void
member_join(struct member *member)
{
	ck_assert_int_eq(pthread_join(member->thread, NULL), 0);
	conveyor_detach(member->cv);
}

/* Messages that came other than once. */
static size_t
crowd_wrong(const struct crowd *crowd, size_t *all)
{
	size_t wrong = 0;

	*all = 0;
	for (size_t p = 0; p < CROWD; p++)
		for (size_t n = 0; n < CROWD_EACH; n++) {
			bool sent = n < crowd->produced[p];

			*all += sent;
			wrong += crowd->consumed[p * CROWD_EACH + n] != sent;
		}
	return wrong;
}

START_TEST(threads_deliver_each_message_once_beside_deaths)
{
	const char *longer = getenv("LONG");
	bool is_long = longer != NULL && *longer != '\0' && *longer != '0';
	size_t deaths = is_long ? CROWD_DEATHS_LONG : CROWD_DEATHS;
	size_t all, n, recovered = 0;
	struct crowd crowd = { 0 };
	struct member members[2 * CROWD] = { 0 };
	struct conveyor *cv = fixture_new(CELLS, NULL);

	crowd.consumed = calloc(CROWD, CROWD_EACH);
	ck_assert_ptr_nonnull(crowd.consumed);
	/* Without the belt a wake-up that a dead one took along is a hang. */
	cv->belt_ms = 60 * 60 * 1000;
	for (uint8_t i = 0; i < ARRAY_LEN(members); i++) {
		members[i].crowd = &crowd;
		member_start(&members[i], cv, i + 1,
		    i < CROWD ? crowd_produce : crowd_consume);
	}
	for (size_t i = 0; i < deaths; i++) {
		struct member mortal = { .phase = i % PHASES,
			.from = i / PHASES % 2 ? Q_FREE : Q_PAGES };

		member_start(&mortal, cv, MORTAL, crowd_die);
		member_join(&mortal);
		ck_assert_int_eq(conveyor_recover(cv, MORTAL, &routes, NULL,
				     &n),
		    0);
		ck_assert_uint_le(n, MORTAL_BATCH);
		recovered += n;
	}
	atomic_store(&crowd.stop, true);
	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		/* The producers are through, and their messages before it. */
		if (i >= CROWD) {
			uint32_t cell = wait_pop(cv, Q_FREE);

			payload_write(cv, cell, END, 0);
			push(cv, Q_PAGES, cell);
		} else {
			member_join(&members[i]);
		}
	}
	for (size_t i = CROWD; i < ARRAY_LEN(members); i++)
		member_join(&members[i]);
	ck_assert_uint_eq(crowd_wrong(&crowd, &all), 0);
	ck_assert_uint_eq(crowd.torn, 0);
	ck_sound(cv);
	for (uint32_t c = 0; c < CELLS; c++)
		ck_word(cv, c, CELL_QUEUED, Q_FREE, 0);
	printf("figure: threads: messages, each once: %zu\n", all);
	printf("figure: threads: deaths beside them: %zu\n", deaths);
	printf("figure: threads: cells recovered: %zu\n", recovered);
	fflush(stdout);
	ck_assert_uint_gt(recovered, deaths / 8);
	free(crowd.consumed);
	conveyor_detach(cv);
}
END_TEST

static void *
publish(void *arg)
{
	struct actor *actor = arg;

	for (uint64_t n = 1; n <= EACH; n++) {
		uint64_t values[CONVEYOR_SNAPSHOT];
		char note[32];

		for (size_t i = 0; i < ARRAY_LEN(values); i++)
			values[i] = n;
		conveyor_publish_snapshot(actor->cv, values, ARRAY_LEN(values));
		conveyor_publish_out(actor->cv, n, ~n);
		memset(note, 'a' + (int)(n % 26), sizeof(note) - 1);
		note[sizeof(note) - 1] = '\0';
		roster_note(actor->cv, note);
		roster_event(actor->cv, (int64_t)n, 1 + n % 255, -1, n);
	}
	atomic_store(actor->consumed, 1);
	return NULL;
}

START_TEST(threads_read_whole_snapshots)
{
	struct conveyor *cv = fixture_new(CELLS, NULL);
	struct actor writer = { 0 };
	_Atomic size_t stop = 0;
	uint64_t before = 0;

	writer.consumed = &stop;
	ck_assert_int_eq(roster_keep_events(cv, 1), 0);
	actor_start(&writer, cv, 1, publish);
	while (atomic_load(&stop) == 0) {
		uint64_t values[CONVEYOR_SNAPSHOT], seq, end;
		struct roster_event events[ROSTER_EVENTS];
		char note[ROSTER_NOTE];
		bool whole = true;

		conveyor_snapshot(cv, values, ARRAY_LEN(values));
		for (size_t i = 1; i < ARRAY_LEN(values); i++)
			ck_assert_uint_eq(values[i], values[0]);
		ck_assert_uint_ge(values[0], before);
		before = values[0];
		if (conveyor_read_out(cv, &seq, &end))
			ck_assert_uint_eq(end, ~seq);
		roster_read_note(cv, 1, note);
		for (size_t i = 1; note[i] != '\0'; i++)
			ck_assert_int_eq(note[i], note[0]);
		for (size_t i = roster_events(cv, 1, events); i-- > 0;)
			whole = whole &&
				(uint64_t)events[i].at_us == events[i].value &&
				events[i].kind == 1 + events[i].value % 255;
		ck_assert(whole);
	}
	actor_join(&writer);
	conveyor_detach(cv);
}
END_TEST

START_TEST(threads_bell_rings_beside_the_loop_that_arms_it)
{
	struct conveyor *cv = fixture_new(CELLS, NULL);
	struct conveyor *role = worker(cv, 9);
	struct actor producer = { 0 };
	struct conveyor_bell *bell;
	uint64_t got = 0;

	ck_assert_int_eq(conveyor_bell_new(role, Q_PAGES, true, &bell), 0);
	actor_start(&producer, cv, 1, produce);
	while (got < EACH) {
		struct pollfd wait = { .fd = conveyor_bell_fd(bell),
			.events = POLLIN };
		uint32_t cell;
		uint64_t n;

		while (conveyor_pop(role, Q_PAGES, &cell) == 1) {
			got++;
			push(role, Q_FREE, cell);
		}
		if (got == EACH)
			break;
		conveyor_bell_arm(bell);
		ck_assert_int_eq(poll(&wait, 1, 10000), 1);
		ck_assert_int_eq(read(wait.fd, &n, sizeof(n)), 8);
	}
	actor_join(&producer);
	conveyor_bell_free(bell);
	conveyor_detach(role);
	conveyor_detach(cv);
}
END_TEST

TEST_MAIN("conveyor_threads",
    threads_deliver_each_message_once_whole_and_in_order,
    threads_recovery_works_beside_live_workers,
    threads_deliver_each_message_once_beside_deaths,
    threads_read_whole_snapshots,
    threads_bell_rings_beside_the_loop_that_arms_it)
