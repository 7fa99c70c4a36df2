#include "lib/message/output.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

struct output_head {
	_Atomic uint64_t
	    lap;      /* release in output_end(), acquire in output_open() */
	uint64_t len; /* of the items */
};

struct item_head {
	uint8_t tag;
	uint8_t link_kind;
	uint8_t link_flags;
	uint8_t link_place;
	uint32_t len;
};

static_assert(sizeof(struct output_head) == OUTPUT_HEAD, "layout");
static_assert(sizeof(struct item_head) == OUTPUT_ITEM, "layout");

/* clang-format off */
static const struct {
	const char *element, *attribute;
} places[LINK_PLACES] = {
	[PLACE_A_HREF]          = { "a",      "href" },
	[PLACE_AREA_HREF]       = { "area",   "href" },
	[PLACE_IFRAME_SRC]      = { "iframe", "src" },
	[PLACE_FRAME_SRC]       = { "frame",  "src" },
	[PLACE_LINK_HREF]       = { "link",   "href" },
	[PLACE_META_CONTENT]    = { "meta",   "content" },
	[PLACE_LINK_HEADER]     = { NULL,     "link" },
	[PLACE_REFRESH_HEADER]  = { NULL,     "refresh" },
	[PLACE_IMG_SRC]         = { "img",    "src" },
	[PLACE_IMG_SRCSET]      = { "img",    "srcset" },
	[PLACE_SOURCE_SRC]      = { "source", "src" },
	[PLACE_SOURCE_SRCSET]   = { "source", "srcset" },
	[PLACE_SCRIPT_SRC]      = { "script", "src" },
	[PLACE_VIDEO_SRC]       = { "video",  "src" },
	[PLACE_VIDEO_POSTER]    = { "video",  "poster" },
	[PLACE_AUDIO_SRC]       = { "audio",  "src" },
	[PLACE_TRACK_SRC]       = { "track",  "src" },
	[PLACE_EMBED_SRC]       = { "embed",  "src" },
	[PLACE_OBJECT_DATA]     = { "object", "data" },
	[PLACE_INPUT_SRC]       = { "input",  "src" },
	[PLACE_FORM_ACTION]     = { "form",   "action" },
	[PLACE_STYLE]           = { "style",  NULL },
	[PLACE_STYLE_ATTRIBUTE] = { NULL,     "style" },
};
/* clang-format on */

const char *
link_place_element(unsigned place)
{
	return place < LINK_PLACES ? places[place].element : NULL;
}

const char *
link_place_attribute(unsigned place)
{
	return place < LINK_PLACES ? places[place].attribute : NULL;
}

void
output_begin(struct output_writer *writer, void *ptr, size_t size)
{
	must(size >= OUTPUT_HEAD);
	*writer = (struct output_writer){ ptr, size, OUTPUT_HEAD };
}

static int
output_item(struct output_writer *writer, struct item_head head,
    struct span bytes)
{
	size_t room = writer->size - writer->used;
	char *to = writer->ptr + writer->used;

	if (room < OUTPUT_ITEM || bytes.len > room - OUTPUT_ITEM ||
	    bytes.len > UINT32_MAX)
		return -ENOSPC;
	head.len = (uint32_t)bytes.len;
	memcpy(to, &head, sizeof(head));
	if (bytes.len > 0)
		memcpy(to + OUTPUT_ITEM, bytes.ptr, bytes.len);
	writer->used += OUTPUT_ITEM + bytes.len;
	return 0;
}

int
output_add(struct output_writer *writer, uint8_t tag, struct span bytes)
{
	return output_item(writer, (struct item_head){ .tag = tag }, bytes);
}

int
output_add_item(struct output_writer *writer, const struct output_item *item)
{
	return output_item(writer,
	    (struct item_head){ .tag = item->tag,
		.link_kind = item->link_kind,
		.link_flags = item->link_flags,
		.link_place = item->link_place },
	    item->bytes);
}

int
output_add_link(struct output_writer *writer, uint8_t kind, uint8_t flags,
    struct span url)
{
	return output_add_item(writer,
	    &(struct output_item){ .tag = OUTPUT_LINK,
		.link_kind = kind,
		.link_flags = flags,
		.bytes = url });
}

void
output_end(struct output_writer *writer, uint64_t lap)
{
	struct output_head *head = (void *)writer->ptr;

	head->len = writer->used - OUTPUT_HEAD;
	atomic_store_explicit(&head->lap, lap, memory_order_release);
}

int
output_open(struct output_reader *reader, const void *ptr, size_t size,
    uint64_t lap)
{
	const struct output_head *head = ptr;
	uint64_t len;

	if (size < OUTPUT_HEAD ||
	    atomic_load_explicit(&head->lap, memory_order_acquire) != lap)
		return 0;
	len = head->len;
	if (len > size - OUTPUT_HEAD)
		return 0;
	*reader = (struct output_reader){ (const char *)ptr + OUTPUT_HEAD,
		(size_t)len };
	return 1;
}

int
output_next(struct output_reader *reader, struct output_item *out)
{
	struct item_head head;

	if (reader->left == 0)
		return 0;
	if (reader->left < OUTPUT_ITEM)
		return -EBADMSG;
	/* Copied before it is checked: the writer may still be scribbling. */
	memcpy(&head, reader->ptr, sizeof(head));
	if (head.len > reader->left - OUTPUT_ITEM || head.tag == OUTPUT_END ||
	    head.tag >= OUTPUT_TAGS)
		return -EBADMSG;
	*out = (struct output_item){ .tag = head.tag,
		.link_kind = head.link_kind,
		.link_flags = head.link_flags,
		.link_place = head.link_place,
		.bytes = span_of(reader->ptr + OUTPUT_ITEM, head.len) };
	reader->ptr += OUTPUT_ITEM + head.len;
	reader->left -= OUTPUT_ITEM + head.len;
	return 1;
}
