#include "lib/html/doc.h"

#include <errno.h>
#include <setjmp.h>
#include <time.h>

enum {
	/* doc_learn(): its page's depth, and how many blocks it looks at */
	DOC_LEARN_DEPTH = 200,
	DOC_LEARN_BLOCKS = 64,
};

struct doc {
	struct arena arena;
	struct doc_limits limits;
	GumboOptions options;
	jmp_buf stop;
	enum doc_end why;
	int64_t deadline_ns; /* of the thread's CPU clock */

	/*
	 * Blocks until the allocator looks around: first when the stack of
	 * open elements is made, then every DOC_LOOK.
	 */
	uint32_t countdown;
	void *last; /* the newest block */
	size_t last_size;

	/* Which block of a parse is the stack's; 0: could not be learnt. */
	uint32_t stack_number;
	void *stack;
	size_t stack_size; /* bytes */

	GumboOutput *output;
};

static int64_t
doc_clock_ns(void)
{
	struct timespec t;

	/* Cannot fail: the clock is there and the pointer is good. */
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static __attribute__((noreturn)) void
doc_stop(struct doc *doc, enum doc_end why)
{
	doc->why = why;
	longjmp(doc->stop, 1);
}

/* The rare half of the allocator.  `block` is the one just made. */
static void
doc_look(struct doc *doc, void *block, size_t size)
{
	doc->countdown = DOC_LOOK;
	if (doc->output == NULL) { /* the first block of all */
		doc->output = block;
		if (doc->stack_number > 1)
			doc->countdown = doc->stack_number - 1;
		return;
	}
	if (doc->stack == NULL && doc->stack_number > 0) {
		doc->stack = block;
		doc->stack_size = size;
		return;
	}
	if (doc_clock_ns() > doc->deadline_ns)
		doc_stop(doc, DOC_SLOW);
}

static void *
doc_allocate(void *arg, size_t size)
{
	struct doc *doc = arg;
	void *block = arena_alloc(&doc->arena, size);

	if (UNLIKELY(block == NULL))
		doc_stop(doc, DOC_LARGE);
	doc->last = block;
	doc->last_size = size;
	if (UNLIKELY(--doc->countdown == 0))
		doc_look(doc, block, size);
	return block;
}

/*
 * gumbo's vectors grow by a block of twice the size, a copy, and giving up the
 * old block: so the stack's next block is the newest one when its last one is
 * given up.  A stack that outgrows the limit is too deep.
 */
static void
doc_deallocate(void *arg, void *block)
{
	struct doc *doc = arg;

	if (LIKELY(block != doc->stack || block == NULL))
		return;
	/* Given up for good, when the parse ends, it has no successor. */
	if (doc->last_size != 2 * doc->stack_size ||
	    memcmp(doc->last, block, doc->stack_size) != 0)
		return;
	if (doc->stack_size / sizeof(void *) >= doc->limits.depth)
		doc_stop(doc, DOC_DEEP);
	doc->stack = doc->last;
	doc->stack_size = doc->last_size;
}

/*
 * doc_learn - which block of a parse holds the stack of open elements.
 *
 * gumbo tells nobody how deep it is.  But it makes the same blocks in the same
 * order before it looks at any input, so the stack's is known by its number;
 * which number that is, is learnt from a page in which nothing grows but the
 * stack.
 */
struct doc_learn {
	struct arena *arena;
	jmp_buf no_memory;
	uint32_t n; /* blocks so far */
	void *last;
	size_t last_size;
	struct {
		void *block;
		size_t size;
	} seen[DOC_LEARN_BLOCKS];
};

static void *
doc_learn_allocate(void *arg, size_t size)
{
	struct doc_learn *learn = arg;

	learn->last = arena_alloc(learn->arena, size);
	if (learn->last == NULL)
		longjmp(learn->no_memory, 1);
	learn->last_size = size;
	if (learn->n < DOC_LEARN_BLOCKS) {
		learn->seen[learn->n].block = learn->last;
		learn->seen[learn->n].size = size;
	}
	learn->n++;
	return learn->last;
}

static void
doc_learn_deallocate(void *arg, void *block)
{
	struct doc_learn *learn = arg;

	for (size_t i = 0; i < DOC_LEARN_BLOCKS && i < learn->n; i++) {
		if (block == NULL || learn->seen[i].block != block ||
		    learn->last_size != 2 * learn->seen[i].size)
			continue;
		learn->seen[i].block = learn->last;
		learn->seen[i].size = learn->last_size;
	}
}

/* 0, with *number 0 when it cannot be told; -ENOMEM. */
static int
doc_learn(uint32_t *number)
{
	static const char tag[] = "<div>";
	char page[DOC_LEARN_DEPTH * (sizeof(tag) - 1)];
	struct arena arena;
	struct doc_learn learn = { .arena = &arena };
	GumboOptions options = kGumboDefaultOptions;

	for (size_t i = 0; i < DOC_LEARN_DEPTH; i++)
		memcpy(page + i * (sizeof(tag) - 1), tag, sizeof(tag) - 1);
	arena_init(&arena, 16 << 20);
	options.allocator = doc_learn_allocate;
	options.deallocator = doc_learn_deallocate;
	options.userdata = &learn;
	options.max_errors = 0;
	if (setjmp(learn.no_memory) != 0) {
		arena_fini(&arena);
		return -ENOMEM;
	}
	gumbo_parse_with_options(&options, page, sizeof(page));
	arena_fini(&arena);
	*number = 0;
	for (uint32_t i = 0; i < DOC_LEARN_BLOCKS && i < learn.n; i++) {
		if (*number == 0 &&
		    learn.seen[i].size >= DOC_LEARN_DEPTH * sizeof(void *))
			*number = i + 1;
	}
	return 0;
}

struct doc *
doc_new(const struct doc_limits *limits)
{
	struct doc *doc = calloc(1, sizeof(*doc));

	if (doc == NULL)
		return NULL;
	doc->limits = *limits;
	doc->options = kGumboDefaultOptions;
	doc->options.allocator = doc_allocate;
	doc->options.deallocator = doc_deallocate;
	doc->options.userdata = doc;
	doc->options.max_errors = 0; /* each would be kept, with its stack */
	if (doc_learn(&doc->stack_number) < 0) {
		free(doc);
		return NULL;
	}
	arena_init(&doc->arena, limits->memory < SIZE_MAX / 2
				    ? (size_t)limits->memory
				    : SIZE_MAX / 2);
	doc_begin(doc);
	return doc;
}

void
doc_free(struct doc *doc)
{
	if (doc == NULL)
		return;
	arena_fini(&doc->arena);
	free(doc);
}

void
doc_begin(struct doc *doc)
{
	int64_t ms = doc->limits.cpu_ms;

	doc->deadline_ns = INT64_MAX;
	if (ms < INT64_MAX / 2 / 1000000)
		doc->deadline_ns = doc_clock_ns() + ms * 1000000;
}

enum doc_end
doc_parse(struct doc *doc, struct span text, const GumboNode **root)
{
	arena_reset(&doc->arena);
	doc->countdown = 1;
	doc->output = NULL;
	doc->stack = NULL;
	doc->why = DOC_WHOLE;
	if (setjmp(doc->stop) == 0)
		gumbo_parse_with_options(&doc->options,
		    text.ptr ? text.ptr : "", text.len);
	/*
	 * The stack is made after the document's node.  Without it the node
	 * may not be there yet.
	 */
	*root = NULL;
	if (doc->why == DOC_WHOLE || doc->stack != NULL)
		*root = doc->output->document;
	return doc->why;
}

bool
doc_watches_depth(const struct doc *doc)
{
	return doc->stack_number > 0;
}
