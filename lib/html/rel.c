#include "lib/html/rel.h"

#include "lib/message/order.h"
#include "lib/message/output.h"

/* Marks in the table below; a kind of link is its own number. */
enum {
	REL_FLAG = 100,
	REL_RESOURCE = 200, /* and its kind, where that is fetched */
};

/* clang-format off */
static const struct {
	struct span word;
	uint8_t means;
} rel_words[] = {
	{ SPAN("nofollow"),      REL_FLAG + LINK_NOFOLLOW },
	{ SPAN("ugc"),           REL_FLAG + LINK_UGC },
	{ SPAN("sponsored"),     REL_FLAG + LINK_SPONSORED },
	{ SPAN("stylesheet"),    REL_RESOURCE + LINK_STYLESHEET },
	{ SPAN("icon"),          REL_RESOURCE + LINK_ICON },
	{ SPAN("apple-touch-icon"), REL_RESOURCE + LINK_ICON },
	{ SPAN("manifest"),      REL_RESOURCE },
	{ SPAN("preload"),       REL_RESOURCE },
	{ SPAN("modulepreload"), REL_RESOURCE + LINK_SCRIPT },
	{ SPAN("preconnect"),    REL_RESOURCE },
	{ SPAN("dns-prefetch"),  REL_RESOURCE },
	{ SPAN("next"),          LINK_NEXT },
	{ SPAN("prev"),          LINK_PREV },
	{ SPAN("previous"),      LINK_PREV },
	{ SPAN("alternate"),     LINK_ALTERNATE },
	{ SPAN("canonical"),     LINK_CANONICAL },
	{ SPAN("amphtml"),       LINK_REL },
	{ SPAN("appendix"),      LINK_REL },
	{ SPAN("archives"),      LINK_REL },
	{ SPAN("author"),        LINK_REL },
	{ SPAN("begin"),         LINK_REL },
	{ SPAN("bookmark"),      LINK_REL },
	{ SPAN("chapter"),       LINK_REL },
	{ SPAN("contents"),      LINK_REL },
	{ SPAN("copyright"),     LINK_REL },
	{ SPAN("end"),           LINK_REL },
	{ SPAN("first"),         LINK_REL },
	{ SPAN("glossary"),      LINK_REL },
	{ SPAN("help"),          LINK_REL },
	{ SPAN("home"),          LINK_REL },
	{ SPAN("index"),         LINK_REL },
	{ SPAN("last"),          LINK_REL },
	{ SPAN("license"),       LINK_REL },
	{ SPAN("section"),       LINK_REL },
	{ SPAN("shortlink"),     LINK_REL },
	{ SPAN("start"),         LINK_REL },
	{ SPAN("subsection"),    LINK_REL },
	{ SPAN("tag"),           LINK_REL },
	{ SPAN("toc"),           LINK_REL },
	{ SPAN("top"),           LINK_REL },
	{ SPAN("up"),            LINK_REL },
};
/* clang-format on */
static_assert(LINK_KINDS <= 32, "a kind is a bit of rel.kinds");
static_assert((int)LINK_KINDS < (int)REL_FLAG, "a mark is no kind");

static void
rel_add(struct rel *rel, unsigned means)
{
	if (means >= REL_RESOURCE) {
		rel->resource = true;
		if (means > REL_RESOURCE)
			rel->resources |= 1u << (means - REL_RESOURCE);
	} else if (means >= REL_FLAG)
		rel->flags |= (uint8_t)(means - REL_FLAG);
	else
		rel->kinds |= 1u << means;
}

static bool
rel_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

struct rel
rel_parse(struct span text)
{
	struct rel rel = { 0 };
	size_t at = 0;

	while (at < text.len) {
		struct span word;
		size_t end;

		while (at < text.len && rel_space(text.ptr[at]))
			at++;
		for (end = at; end < text.len && !rel_space(text.ptr[end]);)
			end++;
		word = span_of(text.ptr + at, end - at);
		at = end;
		for (size_t i = 0; i < ARRAY_LEN(rel_words); i++) {
			if (span_eq_nocase(word, rel_words[i].word))
				rel_add(&rel, rel_words[i].means);
		}
	}
	return rel;
}
