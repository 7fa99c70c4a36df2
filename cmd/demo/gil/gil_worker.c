#include <gumbo.h>

#include "cmd/demo/demo.h"
#include "cmd/demo/gil/gil_run.h"

static void
mark(struct gil_worker *w, enum gil_state state)
{
	struct gil_lane *lane = w->lane;

	if (lane != NULL && lane->n < GIL_MARKS)
		lane->marks[lane->n++] = (struct gil_mark){ demo_now_ns(),
			state };
}

void
gil_worker_init(struct gil_worker *w, struct gil *gil, int id,
    struct gil_trace *trace)
{
	*w = (struct gil_worker){ .gil = gil, .id = id };
	if (trace != NULL)
		w->lane = &trace->lanes[id - 1];
	/* Memory of its own: threads that share malloc()'s lock would wait
	 * for each other, GIL or none. */
	arena_init(&w->arena, 64 << 20);
}

void
gil_worker_fini(struct gil_worker *w)
{
	mark(w, GIL_STATE_END);
	arena_fini(&w->arena);
}

void
gil_worker_take(struct gil_worker *w)
{
	if (w->gil != NULL) {
		mark(w, GIL_STATE_WAIT);
		gil_take(w->gil, w->id);
	}
	mark(w, GIL_STATE_RUN);
}

void
gil_worker_drop(struct gil_worker *w, enum gil_state next)
{
	mark(w, next);
	if (w->gil != NULL)
		gil_drop(w->gil, w->id);
}

void
gil_worker_wait(struct gil_worker *w, int ms)
{
	gil_worker_drop(w, GIL_STATE_IO);
	demo_wait_ms(ms);
	gil_worker_take(w);
}

/*
 * gumbo asks for a piece of memory every few characters.  That is where an
 * interpreter would be between two instructions: a safe point.
 */
static void *
allocate(void *arg, size_t size)
{
	struct gil_worker *w = arg;
	void *block = arena_alloc(&w->arena, size);

	must(block != NULL); /* our own pages are small */
	if (w->gil != NULL && gil_asked(w->gil)) {
		gil_worker_drop(w, GIL_STATE_WAIT);
		gil_worker_take(w);
	}
	return block;
}

static void
deallocate(void *arg, void *block)
{
	(void)arg, (void)block; /* all of a page at once */
}

static unsigned
links_below(const GumboNode *node)
{
	const GumboVector *children;
	unsigned n = 0;

	if (node->type != GUMBO_NODE_ELEMENT)
		return 0;
	if (node->v.element.tag == GUMBO_TAG_A &&
	    gumbo_get_attribute(&node->v.element.attributes, "href") != NULL)
		n = 1;
	children = &node->v.element.children;
	for (unsigned i = 0; i < children->length; i++)
		n += links_below(children->data[i]);
	return n;
}

unsigned
gil_worker_parse(struct gil_worker *w, struct span page)
{
	GumboOptions options = kGumboDefaultOptions;
	const GumboOutput *output;

	options.allocator = allocate;
	options.deallocator = deallocate;
	options.userdata = w;
	options.max_errors = 0;
	arena_reset(&w->arena);
	output = gumbo_parse_with_options(&options, page.ptr, page.len);
	return links_below(output->root);
}
