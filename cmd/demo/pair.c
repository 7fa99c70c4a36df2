#include "cmd/demo/pair.h"

#include <pthread.h>
#include <sys/mman.h>

void *
pair_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

void
pair_memory_free(void *memory, size_t size)
{
	if (memory != NULL)
		munmap(memory, size);
}

void
pair_meet(struct pair_meeting *meeting, int patience_ms)
{
	const int64_t end = demo_now_ns() + (int64_t)patience_ms * 1000000;

	meeting->came++;
	while (meeting->came < 2 && demo_now_ns() < end)
		demo_wait_ms(1);
}

int
pair_run(struct mp_context *ctx, mp_target *first, mp_target *second, void *arg,
    int codes[2])
{
	mp_target *const targets[] = { first, second };
	struct mp_process *p[2] = { NULL, NULL };
	int r = 0;

	for (int i = 0; r == 0 && i < 2 && targets[i] != NULL; i++) {
		r = mp_process_create(ctx, NULL, targets[i], arg, &p[i]);
		if (r == 0)
			r = mp_process_start(p[i]);
	}
	for (int i = 0; r == 0 && i < 2 && p[i] != NULL; i++) {
		r = mp_process_join(p[i], -1);
		if (r == 0)
			mp_process_exitcode(p[i], &codes[i]);
	}
	for (int i = 0; i < 2; i++)
		mp_process_close(p[i]);
	return r;
}

struct thread {
	struct mp_context *ctx;
	mp_target *fn;
	void *arg;
};

static void *
run_thread(void *arg)
{
	const struct thread *t = arg;
	int r = mp_thread_attach(t->ctx);

	if (r == 0)
		r = t->fn(t->ctx, t->arg);
	mp_thread_detach(t->ctx);
	return r == 0 ? NULL : arg;
}

int
pair_run_threads(struct mp_context *ctx, mp_target *first, mp_target *second,
    void *arg)
{
	struct thread t[2] = { { ctx, first, arg }, { ctx, second, arg } };
	pthread_t threads[2];
	void *failed[2];

	must(pthread_create(&threads[0], NULL, run_thread, &t[0]) == 0 &&
	     pthread_create(&threads[1], NULL, run_thread, &t[1]) == 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], &failed[i]);
	return failed[0] == NULL && failed[1] == NULL ? 0 : MP_EBROKEN;
}

int
pair_steps(demo_step *const *steps)
{
	struct mp_context *ctx;
	int r = mp_context_open(NULL, NULL, &ctx);

	if (r < 0)
		return r;
	while (r == 0 && *steps != NULL)
		r = (*steps++)(ctx);
	mp_context_close(ctx);
	return r;
}
