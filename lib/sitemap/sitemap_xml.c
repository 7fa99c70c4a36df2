/*
 * XML by expat, as it comes.
 *
 * Names are compared by their local part and the prefix, without namespaces:
 * many files use prefixes that they do not declare, or declare another
 * namespace than they should.  "image:loc" is no loc, for its prefix is not
 * that of the root.
 *
 * expat ends at the first fault.  Then it begins anew with a root that we
 * write, at the next start tag of an entry: one bare '&' costs one URL.
 */
#include <errno.h>
#include <stdio.h>
#include <xxhash.h>

#include "lib/sitemap/sitemap_impl.h"

enum {
	DEPTH_MAX = 64,
	NAMES_MAX = 4096,    /* different names of elements, attributes */
	TOKEN_MAX = 1 << 20, /* a tag, a comment */
	DOCTYPE_MAX = 64 << 10,
	RESTARTS_MAX = 1000,
	/* Entities in attributes, which expat expands itself: so many bytes
	 * for one in the file, past the first 64 KiB. */
	EXPANSION_MAX = 10,
	EXPANSION_FROM = 64 << 10,
};

static const struct sitemap_format formats[] = {
	{ SITEMAP_URLSET, "urlset", "url", 2, false },
	{ SITEMAP_INDEX, "sitemapindex", "sitemap", 2, false },
	{ SITEMAP_RSS, "rss", "item", 3, true },
	{ SITEMAP_RSS, "RDF", "item", 2, true },
	{ SITEMAP_ATOM, "feed", "entry", 2, false },
};

static const struct {
	uint8_t type;
	const char *name;
	enum sitemap_field field;
} fields[] = {
	{ SITEMAP_URLSET, "loc", FIELD_LOC },
	{ SITEMAP_URLSET, "lastmod", FIELD_LASTMOD },
	{ SITEMAP_URLSET, "changefreq", FIELD_CHANGEFREQ },
	{ SITEMAP_URLSET, "priority", FIELD_PRIORITY },
	{ SITEMAP_INDEX, "loc", FIELD_LOC },
	{ SITEMAP_INDEX, "lastmod", FIELD_LASTMOD },
	{ SITEMAP_RSS, "link", FIELD_LOC },
	{ SITEMAP_RSS, "guid", FIELD_GUID },
};

/* --- names --------------------------------------------------------------- */

/* "sm:url" in two; the prefix may be empty. */
static struct span
local_name(const char *name, struct span *prefix)
{
	const char *colon = strchr(name, ':');

	*prefix = span_of(name, colon ? (size_t)(colon - name) : 0);
	return span_from(colon ? colon + 1 : name);
}

static void
add_prefix(struct sitemap_reader *rd, struct span prefix)
{
	if (rd->n_prefixes == SITEMAP_PREFIXES || prefix.len >= SITEMAP_PREFIX)
		return;
	if (prefix.len > 0)
		memcpy(rd->prefixes[rd->n_prefixes], prefix.ptr, prefix.len);
	rd->prefixes[rd->n_prefixes++][prefix.len] = '\0';
}

/* The prefix that an attribute declares ("xmlns" or "xmlns:sm")? */
static bool
declares(const char *attribute, struct span *prefix)
{
	struct span name = span_from(attribute);

	if (!span_starts(name, SPAN("xmlns")))
		return false;
	*prefix = span_from_at(name, 6);
	return name.len == 5 || name.ptr[5] == ':';
}

/* The root's own prefix, and all that stand for the same namespace. */
static void
learn_prefixes(struct sitemap_reader *rd, struct span own, const char **atts)
{
	const char *uri = NULL;
	struct span prefix;

	rd->n_prefixes = 0;
	if (rd->format->plain) {
		add_prefix(rd, SPAN_NONE);
		return;
	}
	add_prefix(rd, own);
	for (size_t i = 0; atts[i] != NULL; i += 2) {
		if (declares(atts[i], &prefix) && span_eq(prefix, own))
			uri = atts[i + 1];
	}
	for (size_t i = 0; uri != NULL && atts[i] != NULL; i += 2) {
		if (declares(atts[i], &prefix) && !span_eq(prefix, own) &&
		    strcmp(atts[i + 1], uri) == 0)
			add_prefix(rd, prefix);
	}
}

/* The local part of a name that is not an extension's; else empty. */
static struct span
our_name(const struct sitemap_reader *rd, const char *name)
{
	struct span prefix, local = local_name(name, &prefix);

	for (size_t i = 0; i < rd->n_prefixes; i++) {
		if (span_eq(prefix, span_from(rd->prefixes[i])))
			return local;
	}
	return SPAN_NONE;
}

/* --- ending early -------------------------------------------------------- */

static void
stop(struct sitemap_reader *rd)
{
	rd->done = true;
	XML_StopParser(rd->xml, XML_FALSE);
}

static void
refuse(struct sitemap_reader *rd, enum sitemap_defect defect)
{
	if (rd->report.defect == SITEMAP_SOUND && !rd->restarted)
		rd->report.line = (uint32_t)XML_GetCurrentLineNumber(rd->xml);
	sitemap_defect(rd, defect);
	stop(rd);
}

/* expat keeps each name for the life of a file, so their number is bounded:
 * counted by the bits of a hash, which is not exact, and need not be. */
static void
count_name(struct sitemap_reader *rd, const char *name)
{
	uint64_t bit = XXH3_64bits(name, strlen(name)) % SITEMAP_NAME_BITS;

	if (rd->names[bit / 8] & 1 << bit % 8)
		return;
	rd->names[bit / 8] |= (uint8_t)(1 << bit % 8);
	rd->n_names++;
}

/* --- entries ------------------------------------------------------------- */

static void
entry_begin(struct sitemap_reader *rd)
{
	for (size_t i = 0; i < FIELDS; i++) {
		buf_clear(&rd->fields[i]);
		rd->whole[i] = false;
	}
	rd->entry_depth = rd->depth;
	rd->field = FIELD_NONE;
	rd->bad_loc = SITEMAP_DROP_NONE;
	rd->is_permalink = false;
}

static void
entry_end(struct sitemap_reader *rd)
{
	enum sitemap_field from = rd->whole[FIELD_LOC] || !rd->is_permalink
				      ? FIELD_LOC
				      : FIELD_GUID;

	rd->entry_depth = 0;
	/* What was begun and not ended may be half of something. */
	for (size_t i = 0; i < FIELDS; i++) {
		if (!rd->whole[i])
			buf_clear(&rd->fields[i]);
	}
	if (rd->bad_loc != SITEMAP_DROP_NONE)
		sitemap_drop(rd, rd->bad_loc);
	else
		sitemap_emit(rd, buf_span(&rd->fields[from]));
	if (rd->done || rd->no_memory)
		stop(rd);
}

/* Of the links of an Atom entry, the one to the page itself. */
static void
atom_link(struct sitemap_reader *rd, const char **atts)
{
	const char *href = NULL, *rel = "alternate";

	for (size_t i = 0; atts[i] != NULL; i += 2) {
		if (strcmp(atts[i], "href") == 0)
			href = atts[i + 1];
		else if (strcmp(atts[i], "rel") == 0)
			rel = atts[i + 1];
	}
	if (href == NULL || strcmp(rel, "alternate") != 0 ||
	    rd->whole[FIELD_LOC])
		return;
	rd->whole[FIELD_LOC] = true;
	if (buf_add(&rd->fields[FIELD_LOC], href, strlen(href)) < 0)
		rd->bad_loc = SITEMAP_DROP_LONG;
}

static void
field_begin(struct sitemap_reader *rd, struct span name, const char **atts)
{
	if (rd->format->type == SITEMAP_ATOM && span_eq(name, SPAN("link"))) {
		atom_link(rd, atts);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		if (fields[i].type != rd->format->type ||
		    !span_eq(name, span_from(fields[i].name)))
			continue;
		/* The first counts. */
		if (!rd->whole[fields[i].field])
			rd->field = fields[i].field;
	}
	if (rd->field == FIELD_GUID) {
		rd->is_permalink = true;
		for (size_t i = 0; atts[i] != NULL; i += 2) {
			if (strcmp(atts[i], "isPermaLink") == 0)
				rd->is_permalink = strcmp(atts[i + 1],
						       "false") != 0;
		}
	}
}

/* --- expat's handlers ---------------------------------------------------- */

static void
root_begin(struct sitemap_reader *rd, const char *name, const char **atts)
{
	struct span prefix, local = local_name(name, &prefix);

	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		if (span_eq(local, span_from(formats[i].root)))
			rd->format = &formats[i];
	}
	if (rd->format == NULL || strlen(name) >= sizeof(rd->root) ||
	    prefix.len >= SITEMAP_PREFIX) {
		rd->format = NULL;
		refuse(rd, SITEMAP_UNKNOWN);
		return;
	}
	rd->report.type = rd->format->type;
	snprintf(rd->root, sizeof(rd->root), "%s", name);
	learn_prefixes(rd, prefix, atts);
}

static void
on_start(void *arg, const char *name, const char **atts)
{
	struct sitemap_reader *rd = arg;

	count_name(rd, name);
	for (size_t i = 0; atts[i] != NULL; i += 2)
		count_name(rd, atts[i]);
	rd->depth++;
	if (rd->depth > DEPTH_MAX || rd->n_names > NAMES_MAX) {
		refuse(rd, SITEMAP_EXCESSIVE);
		return;
	}
	if (rd->format == NULL)
		root_begin(rd, name, atts);
	else if (rd->entry_depth == 0 && rd->depth > 1 &&
		 rd->depth <= rd->format->depth &&
		 span_eq(our_name(rd, name), span_from(rd->format->entry)))
		entry_begin(rd);
	else if (rd->entry_depth > 0 && rd->depth == rd->entry_depth + 1)
		field_begin(rd, our_name(rd, name), atts);
}

static void
on_end(void *arg, const char *name)
{
	struct sitemap_reader *rd = arg;

	(void)name;
	if (rd->field != FIELD_NONE && rd->depth == rd->entry_depth + 1) {
		rd->whole[rd->field] = true;
		rd->field = FIELD_NONE;
	}
	if (rd->entry_depth > 0 && rd->depth == rd->entry_depth)
		entry_end(rd);
	/* The root's end is the file's, whatever follows. */
	if (--rd->depth == 0 && !rd->done)
		stop(rd);
}

static void
on_text(void *arg, const char *text, int len)
{
	struct sitemap_reader *rd = arg;
	int r;

	if (rd->field == FIELD_NONE || rd->depth != rd->entry_depth + 1)
		return;
	r = buf_add(&rd->fields[rd->field], text, (size_t)len);
	if (r == -ENOMEM) {
		rd->no_memory = true;
		stop(rd);
	} else if (r < 0 && rd->field == FIELD_LOC) {
		rd->bad_loc = SITEMAP_DROP_LONG;
	} else if (r < 0) {
		buf_clear(&rd->fields[rd->field]);
		rd->field = FIELD_NONE; /* too long to be what it says */
	}
}

/* An entity that the file declares is not expanded: a URL with one is none. */
static void
on_entity(void *arg, const char *name, int is_parameter)
{
	struct sitemap_reader *rd = arg;

	(void)name;
	if (!is_parameter && rd->field == FIELD_LOC)
		rd->bad_loc = SITEMAP_DROP_ENTITY;
}

/* That there is such a handler keeps expat from expanding them; it is told of
 * those that stand outside of the file. */
static void
on_other(void *arg, const char *text, int len)
{
	if (len > 0 && text[0] == '&')
		on_entity(arg, text, 0);
}

static void
on_declaration(void *arg, const char *version, const char *encoding,
    int standalone)
{
	struct sitemap_reader *rd = arg;

	(void)version, (void)standalone;
	if (encoding != NULL && rd->encoding[0] == '\0' &&
	    strlen(encoding) < sizeof(rd->encoding))
		snprintf(rd->encoding, sizeof(rd->encoding), "%s", encoding);
}

static void
on_doctype(void *arg, const char *name, const char *system_id,
    const char *public_id, int has_subset)
{
	struct sitemap_reader *rd = arg;

	(void)name, (void)system_id, (void)public_id, (void)has_subset;
	rd->in_doctype = true;
	rd->doctype_at = rd->fed;
}

static void
on_doctype_end(void *arg)
{
	struct sitemap_reader *rd = arg;

	rd->in_doctype = false;
}

/* --- feeding ------------------------------------------------------------- */

static int
parser_begin(struct sitemap_reader *rd, const char *encoding)
{
	if (!XML_ParserReset(rd->xml, encoding))
		return -ENOMEM;
	XML_SetUserData(rd->xml, rd);
	XML_SetElementHandler(rd->xml, on_start, on_end);
	XML_SetCharacterDataHandler(rd->xml, on_text);
	XML_SetSkippedEntityHandler(rd->xml, on_entity);
	XML_SetDefaultHandler(rd->xml, on_other);
	XML_SetXmlDeclHandler(rd->xml, on_declaration);
	XML_SetDoctypeDeclHandler(rd->xml, on_doctype, on_doctype_end);
	XML_SetUnknownEncodingHandler(rd->xml, sitemap_charset, &rd->no_memory);
	XML_SetParamEntityParsing(rd->xml, XML_PARAM_ENTITY_PARSING_NEVER);
	XML_SetBillionLaughsAttackProtectionMaximumAmplification(rd->xml,
	    EXPANSION_MAX);
	XML_SetBillionLaughsAttackProtectionActivationThreshold(rd->xml,
	    EXPANSION_FROM);
	rd->depth = rd->entry_depth = 0;
	rd->field = FIELD_NONE;
	rd->in_doctype = false;
	rd->fed = 0;
	return 0;
}

/* The encoding that HTTP names counts when the file names none. */
static void
outer_encoding(struct sitemap_reader *rd, struct span first)
{
	struct span type = rd->input->content_type, word;
	const char *end, *at;

	end = span_starts(first, SPAN("<?xml"))
		  ? memmem(first.ptr, first.len, "?>", 2)
		  : NULL;
	if (rd->is_wide ||
	    (end != NULL && memmem(first.ptr, (size_t)(end - first.ptr),
				"encoding", 8) != NULL))
		return;
	if (type.len == 0)
		return;
	at = memmem(type.ptr, type.len, "charset=", 8);
	if (at == NULL)
		return;
	word = span_from_at(type, (size_t)(at + 8 - type.ptr));
	end = memchr(word.ptr, ';', word.len);
	if (end != NULL)
		word.len = (size_t)(end - word.ptr);
	word = span_trim(word);
	if (word.len > 2 && word.ptr[0] == '"')
		word = span_of(word.ptr + 1, word.len - 2);
	if (word.len > 0 && word.len < sizeof(rd->encoding) &&
	    memchr(word.ptr, '\0', word.len) == NULL)
		snprintf(rd->encoding, sizeof(rd->encoding), "%.*s",
		    SPAN_ARG(word));
}

int
sitemap_xml_begin(struct sitemap_reader *rd, struct span first)
{
	rd->restarted = false;
	rd->restarts = 0;
	rd->wanted = NULL;
	rd->encoding[0] = '\0';
	memset(rd->names, 0, sizeof(rd->names));
	rd->n_names = 0;
	outer_encoding(rd, first);
	return parser_begin(rd, rd->encoding[0] ? rd->encoding : NULL);
}

/* 0 all was taken, or the reading has ended; 1 a fault, at *at of the bytes;
 * -ENOMEM. */
static int
parse(struct sitemap_reader *rd, struct span bytes, bool last, size_t *at)
{
	enum XML_Status status = XML_Parse(rd->xml, bytes.ptr, (int)bytes.len,
	    last);
	enum XML_Error error = XML_GetErrorCode(rd->xml);
	XML_Index index = XML_GetCurrentByteIndex(rd->xml);
	uint64_t before = rd->fed;

	rd->fed += bytes.len;
	if (rd->no_memory ||
	    (status != XML_STATUS_OK && error == XML_ERROR_NO_MEMORY))
		return -ENOMEM;
	if (rd->done)
		return 0;
	if (status == XML_STATUS_OK) {
		if ((index >= 0 && rd->fed - (uint64_t)index > TOKEN_MAX) ||
		    (rd->in_doctype &&
			rd->fed - rd->doctype_at > DOCTYPE_MAX)) {
			sitemap_defect(rd, SITEMAP_EXCESSIVE);
			rd->done = true;
		}
		return 0;
	}
	if (rd->report.defect == SITEMAP_SOUND) {
		rd->report.xml_error = (uint8_t)error;
		rd->report.line = (uint32_t)XML_GetCurrentLineNumber(rd->xml);
	}
	/* No root was met: it is nothing of ours. */
	sitemap_defect(rd, SITEMAP_MALFORMED);
	*at = index > (XML_Index)before ? (size_t)index - (size_t)before : 0;
	if (*at > bytes.len)
		*at = bytes.len;
	return 1;
}

/* What was whole of the entry counts; then a new beginning, behind a root of
 * the same name, at the next entry. */
static int
restart(struct sitemap_reader *rd)
{
	const char *colon = strchr(rd->root, ':');
	char head[4 * SITEMAP_PREFIX];
	size_t at;
	int r, n;

	if (rd->entry_depth > 0 && rd->whole[FIELD_LOC])
		entry_end(rd);
	if (rd->done)
		return 0;
	if (rd->format == NULL || rd->is_wide ||
	    ++rd->restarts > RESTARTS_MAX) {
		rd->done = true;
		return 0;
	}
	rd->restarted = true;
	r = parser_begin(rd, rd->encoding[0] ? rd->encoding : NULL);
	if (r < 0)
		return r;
	n = snprintf(head, sizeof(head), "<%s>%s", rd->root,
	    rd->format->depth > 2 ? "<channel>" : "");
	r = parse(rd, span_of(head, (size_t)n), false, &at);
	if (r != 0) {
		rd->done = true;
		return r < 0 ? r : 0;
	}
	snprintf(rd->pattern, sizeof(rd->pattern), "<%.*s%s",
	    colon && !rd->format->plain ? (int)(colon + 1 - rd->root) : 0,
	    rd->root, rd->format->entry);
	rd->wanted = rd->pattern;
	rd->matched = 0;
	return 0;
}

/* Up to the next start tag of an entry; what of it was read already, expat
 * gets from the pattern.  0, 1, -ENOMEM as parse(). */
static int
look_for_entry(struct sitemap_reader *rd, struct span *bytes)
{
	size_t len = strlen(rd->wanted), i, at;

	for (i = 0; i < bytes->len; i++) {
		char c = bytes->ptr[i];

		if (rd->matched == len && memchr(" \t\r\n/>", c, 6) != NULL)
			break;
		/* '<' is nowhere in it but in front. */
		if (rd->matched < len && c == rd->wanted[rd->matched])
			rd->matched++;
		else
			rd->matched = c == '<';
	}
	*bytes = span_from_at(*bytes, i);
	if (bytes->len == 0)
		return 0;
	rd->wanted = NULL;
	return parse(rd, span_of(rd->pattern, len), false, &at);
}

int
sitemap_xml_feed(struct sitemap_reader *rd, struct span bytes)
{
	size_t at = 0;
	int r = 0;

	while (r == 0 && bytes.len > 0 && !rd->done) {
		if (rd->wanted != NULL)
			r = look_for_entry(rd, &bytes);
		if (r != 0 || rd->wanted != NULL || bytes.len == 0 || rd->done)
			continue;
		r = parse(rd, bytes, false, &at);
		if (r != 1) {
			bytes.len = 0;
			continue;
		}
		bytes = span_from_at(bytes, at);
		r = restart(rd);
	}
	return r < 0 ? r : 0;
}

int
sitemap_xml_end(struct sitemap_reader *rd)
{
	size_t at;
	int r = 0;

	if (!rd->done && rd->wanted == NULL)
		r = parse(rd, SPAN(""), true, &at);
	if (r == 1 && rd->entry_depth > 0 && rd->whole[FIELD_LOC])
		entry_end(rd);
	return r < 0 ? r : 0;
}
