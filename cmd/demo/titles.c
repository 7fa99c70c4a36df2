#include "cmd/demo/titles.h"

#include <gumbo.h>

static void
add_text(const GumboNode *node, struct buf *out)
{
	if (node->type == GUMBO_NODE_TEXT ||
	    node->type == GUMBO_NODE_WHITESPACE)
		must(buf_add_span(out, span_from(node->v.text.text)) == 0);
	if (node->type != GUMBO_NODE_ELEMENT)
		return;
	for (unsigned i = 0; i < node->v.element.children.length; i++)
		add_text(node->v.element.children.data[i], out);
}

static const char *
attribute(const GumboNode *node, const char *name)
{
	const GumboAttribute *a =
	    gumbo_get_attribute(&node->v.element.attributes, name);

	return a != NULL ? a->value : "";
}

static unsigned
titles_below(const GumboNode *node, struct buf *out)
{
	unsigned n = 0;

	if (node->type != GUMBO_NODE_ELEMENT)
		return 0;
	if (node->v.element.tag == GUMBO_TAG_A &&
	    strcmp(attribute(node, "class"), "post-item-title") == 0) {
		must(buf_printf(out, "%s\t", attribute(node, "href")) == 0);
		add_text(node, out);
		must(buf_add_char(out, '\n') == 0);
		return 1;
	}
	for (unsigned i = 0; i < node->v.element.children.length; i++)
		n += titles_below(node->v.element.children.data[i], out);
	return n;
}

unsigned
titles_of(struct span page, struct buf *out)
{
	GumboOutput *tree = gumbo_parse_with_options(&kGumboDefaultOptions,
	    page.ptr, page.len);
	const unsigned n = titles_below(tree->root, out);

	gumbo_destroy_output(&kGumboDefaultOptions, tree);
	return n;
}
