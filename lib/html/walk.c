#include "lib/html/walk.h"

/* Children that are still to be visited. */
struct walk_frame {
	void **next;
	void **end;
};

struct walk {
	uint32_t depth;
	struct walk_frame frames[];
};

struct walk *
walk_new(uint32_t depth)
{
	/* One more for the document, whose children are of depth 1. */
	struct walk *walk = malloc(
	    sizeof(*walk) + ((size_t)depth + 1) * sizeof(walk->frames[0]));

	if (walk != NULL)
		walk->depth = depth;
	return walk;
}

void
walk_free(struct walk *walk)
{
	free(walk);
}

static void
walk_attributes(const GumboElement *element, struct collector_element *el)
{
	/* In the order of enum collector_attr. */
	static const struct span names[] = {
		[COLLECTOR_ACTION] = SPAN("action"),
		[COLLECTOR_CHARSET] = SPAN("charset"),
		[COLLECTOR_CONTENT] = SPAN("content"),
		[COLLECTOR_DATA] = SPAN("data"),
		[COLLECTOR_HREF] = SPAN("href"),
		[COLLECTOR_HTTP_EQUIV] = SPAN("http-equiv"),
		[COLLECTOR_LANG] = SPAN("lang"),
		[COLLECTOR_METHOD] = SPAN("method"),
		[COLLECTOR_NAME] = SPAN("name"),
		[COLLECTOR_POSTER] = SPAN("poster"),
		[COLLECTOR_REL] = SPAN("rel"),
		[COLLECTOR_REV] = SPAN("rev"),
		[COLLECTOR_SRC] = SPAN("src"),
		[COLLECTOR_SRCDOC] = SPAN("srcdoc"),
		[COLLECTOR_SRCSET] = SPAN("srcset"),
		[COLLECTOR_STYLE] = SPAN("style"),
		[COLLECTOR_TYPE] = SPAN("type"),
	};
	static_assert(ARRAY_LEN(names) == COLLECTOR_ATTRS, "all of them");

	memset(el->attr, 0, sizeof(el->attr));
	for (unsigned i = 0; i < element->attributes.length; i++) {
		const GumboAttribute *attr = element->attributes.data[i];
		struct span name = span_from(attr->name);

		/* An svg link may say xlink:href; gumbo calls it href, too. */
		if (attr->attr_namespace != GUMBO_ATTR_NAMESPACE_NONE &&
		    attr->attr_namespace != GUMBO_ATTR_NAMESPACE_XLINK)
			continue;
		for (size_t a = 0; a < COLLECTOR_ATTRS && name.len > 0; a++) {
			/* Most names differ in their first letter. */
			if (name.ptr[0] < names[a].ptr[0])
				break;
			if (name.ptr[0] != names[a].ptr[0] ||
			    !span_eq(name, names[a]))
				continue;
			if (el->attr[a].ptr == NULL ||
			    attr->attr_namespace == GUMBO_ATTR_NAMESPACE_NONE)
				el->attr[a] = span_from(attr->value);
			break;
		}
	}
}

static void
walk_title(const GumboElement *element, struct collector *c)
{
	for (unsigned i = 0; i < element->children.length; i++) {
		const GumboNode *child = element->children.data[i];

		if (child->type == GUMBO_NODE_TEXT) {
			collector_title(c, span_from(child->v.text.text));
			return;
		}
	}
	collector_title(c, SPAN_NONE);
}

/* Which element the collector would call it; -1: none of its own. */
static int
walk_tag(const GumboElement *element, bool all)
{
	/* Those that are asked for only when all are wanted. */
	static const struct {
		GumboTag tag;
		enum collector_tag as;
	} more[] = {
		{ GUMBO_TAG_AUDIO, COLLECTOR_AUDIO },
		{ GUMBO_TAG_EMBED, COLLECTOR_EMBED },
		{ GUMBO_TAG_FORM, COLLECTOR_FORM },
		{ GUMBO_TAG_IMG, COLLECTOR_IMG },
		{ GUMBO_TAG_INPUT, COLLECTOR_INPUT },
		{ GUMBO_TAG_OBJECT, COLLECTOR_OBJECT },
		{ GUMBO_TAG_SCRIPT, COLLECTOR_SCRIPT },
		{ GUMBO_TAG_SOURCE, COLLECTOR_SOURCE },
		{ GUMBO_TAG_TRACK, COLLECTOR_TRACK },
		{ GUMBO_TAG_VIDEO, COLLECTOR_VIDEO },
	};

	/* Of the others' vocabularies only svg's link is known. */
	if (element->tag_namespace == GUMBO_NAMESPACE_SVG)
		return element->tag == GUMBO_TAG_A ? COLLECTOR_A : -1;
	if (element->tag_namespace != GUMBO_NAMESPACE_HTML)
		return -1;
	switch (element->tag) {
	case GUMBO_TAG_A:
		return COLLECTOR_A;
	case GUMBO_TAG_AREA:
		return COLLECTOR_AREA;
	case GUMBO_TAG_BASE:
		return COLLECTOR_BASE;
	case GUMBO_TAG_FRAME:
		return COLLECTOR_FRAME;
	case GUMBO_TAG_HTML:
		return COLLECTOR_HTML;
	case GUMBO_TAG_IFRAME:
		return COLLECTOR_IFRAME;
	case GUMBO_TAG_LINK:
		return COLLECTOR_LINK;
	case GUMBO_TAG_META:
		return COLLECTOR_META;
	default:
		break;
	}
	for (size_t i = 0; all && i < ARRAY_LEN(more); i++) {
		if (element->tag == more[i].tag)
			return (int)more[i].as;
	}
	return all && element->attributes.length > 0 ? COLLECTOR_OTHER : -1;
}

static void
walk_style(const GumboElement *element, struct collector *c)
{
	for (unsigned i = 0; i < element->children.length; i++) {
		const GumboNode *child = element->children.data[i];

		if (child->type == GUMBO_NODE_TEXT)
			collector_style(c, span_from(child->v.text.text),
			    PLACE_STYLE);
	}
}

static void
walk_element(const GumboElement *element, bool all, bool *in_head,
    struct collector *c)
{
	int tag = walk_tag(element, all);

	if (tag >= 0) {
		struct collector_element el = {
			.tag = (enum collector_tag)tag,
			.in_head = *in_head,
		};

		walk_attributes(element, &el);
		collector_element(c, &el);
	}
	if (element->tag_namespace != GUMBO_NAMESPACE_HTML)
		return;
	if (element->tag == GUMBO_TAG_TITLE)
		walk_title(element, c);
	else if (element->tag == GUMBO_TAG_STYLE && all)
		walk_style(element, c);
	else if (element->tag == GUMBO_TAG_BODY ||
		 element->tag == GUMBO_TAG_FRAMESET)
		*in_head = false;
}

static struct walk_frame
walk_children(const GumboVector *children)
{
	return (struct walk_frame){ children->data,
		children->data + children->length };
}

bool
walk_run(struct walk *walk, const GumboNode *root, struct collector *c)
{
	bool whole = true, in_head = true, all = collector_wants_all(c);
	size_t at = 0; /* the frame in use */

	walk->frames[0] = walk_children(&root->v.document.children);
	for (;;) {
		struct walk_frame *frame = &walk->frames[at];
		const GumboNode *node;

		if (frame->next == frame->end) {
			if (at == 0)
				break;
			at--;
			continue;
		}
		node = *frame->next++;
		if (node->type != GUMBO_NODE_ELEMENT)
			continue;
		if (at == walk->depth) {
			whole = false;
			continue;
		}
		walk_element(&node->v.element, all, &in_head, c);
		if (node->v.element.children.length > 0)
			walk->frames[++at] = walk_children(
			    &node->v.element.children);
	}
	return whole;
}
