/*
 * queue_pipeline - a producer, two consumers, and results; one consumer is
 * killed with a number in its hand, and nothing is lost or comes twice.
 */
#include <mpipc/mpipc.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define NUMBERS 100
#define UNLUCKY 40

static struct mp_queue *numbers, *squares;

static void
need(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, mp_strerror(r));
	_exit(1);
}

static int
produce(struct mp_context *ctx, void *arg)
{
	(void)ctx, (void)arg;
	for (int64_t i = 1; i <= NUMBERS; i++)
		need(mp_queue_put(numbers, &i, sizeof(i), -1), "put");
	return 0;
}

/* Until the queue is shut: take one, and hand the same message on. */
static int
consume(struct mp_context *ctx, void *arg)
{
	struct mp_msg *m;
	int r;

	(void)ctx, (void)arg;
	while ((r = mp_queue_pop(numbers, &m, -1)) == 0) {
		int64_t *n = mp_msg_data(m);

		if (*n == UNLUCKY && mp_msg_attempts(m) == 0) {
			printf("killed with %d in hand\n", (int)*n);
			kill(getpid(), SIGKILL);
		}
		*n *= *n;
		need(mp_msg_forward(m, squares), "forward");
	}
	return r == MP_ECLOSED ? 0 : 1;
}

static struct mp_process *
start(struct mp_context *ctx, mp_target *fn)
{
	struct mp_process *p;

	need(mp_process_create(ctx, NULL, fn, NULL, &p), "create");
	need(mp_process_start(p), "start");
	return p;
}

int
main(void)
{
	struct mp_context *ctx;
	struct mp_process *p[3];
	int64_t square, sum = 0;
	size_t len;
	int code;

	setvbuf(stdout, NULL, _IOLBF, 0);
	need(mp_context_open(NULL, NULL, &ctx), "context");
	need(mp_queue_open(ctx, NULL, NULL, &numbers), "queue");
	need(mp_queue_open(ctx, NULL, NULL, &squares), "queue");
	p[0] = start(ctx, produce);
	p[1] = start(ctx, consume);
	p[2] = start(ctx, consume);

	need(mp_process_join(p[0], -1), "join");        /* all are put */
	need(mp_queue_join(numbers, -1), "queue_join"); /* and handed on */
	mp_queue_shut(numbers);                         /* consumers end */
	for (int i = 0; i < 3; i++) {
		need(mp_process_join(p[i], -1), "join");
		if (mp_process_exitcode(p[i], &code) && code != 0)
			printf("a consumer: exit code %d\n", code);
		mp_process_close(p[i]);
	}
	printf("%d squares", (int)mp_queue_size(squares));
	while (mp_queue_try_get(squares, &square, sizeof(square), &len) == 0)
		sum += square;
	printf(", their sum is %d\n", (int)sum);
	mp_queue_close(squares);
	mp_queue_close(numbers);
	mp_context_close(ctx);
	return 0;
}
