#include "lib/message/order.h"

#include <errno.h>
#include <stdatomic.h>

#include "lib/message/chain.h"
#include "lib/message/reason.h"

/* As it lies in shared memory; a change of it is a new layout of the segment
 * (MESSAGE_VERSION). */
struct order_slot {
	_Atomic uint64_t lap; /* release in order_write(), acquire in readers */
	uint64_t site64;
	uint64_t url64;
	uint64_t qseq;
	uint64_t for_site64;
	int64_t ordered_ms;
	uint32_t delay_ms;
	uint32_t url_len;
	uint32_t via_len;
	uint32_t chain_len;
	uint16_t depth;
	uint16_t hops;
	uint16_t tries;
	uint16_t waits;
	struct listing listed;
	uint8_t prio;
	uint8_t kind;
	uint8_t reason;
	uint8_t found;
	uint8_t is_short;
	uint8_t attempts;
	uint8_t is_probe;
	char text[]; /* URL, via, chain */
};

enum {
	ORDER_VIA = 1024 /* a usual via fits beside the longest URL */
};

/* clang-format off */
static const char *const link_kinds[LINK_KINDS] = {
	[LINK_SEED]      = "seed",
	[LINK_A]         = "a",
	[LINK_AREA]      = "area",
	[LINK_IFRAME]    = "iframe",
	[LINK_FRAME]     = "frame",
	[LINK_NEXT]      = "next",
	[LINK_PREV]      = "prev",
	[LINK_ALTERNATE] = "alternate",
	[LINK_CANONICAL] = "canonical",
	[LINK_REL]       = "link",
	[LINK_REFRESH]   = "refresh",
	[LINK_REDIRECT]  = "redirect",
	[LINK_SITEMAP]   = "sitemap",
	[LINK_IMAGE]     = "img",
	[LINK_SRCSET]    = "srcset",
	[LINK_SCRIPT]    = "script",
	[LINK_STYLESHEET] = "stylesheet",
	[LINK_MEDIA]     = "media",
	[LINK_ICON]      = "icon",
	[LINK_EMBED]     = "embed",
	[LINK_CSS]       = "css",
	[LINK_FORM]      = "form",
};
/* clang-format on */

const char *
link_kind_name(unsigned kind)
{
	return kind < LINK_KINDS ? link_kinds[kind] : "?";
}

size_t
order_slot_size(size_t max_url)
{
	return (sizeof(struct order_slot) + max_url + ORDER_VIA + 63) &
	       ~(size_t)63;
}

int
order_write(void *slot, size_t size, const struct order *order)
{
	struct order_slot *s = slot;
	size_t room = size - sizeof(*s);
	size_t via_len = order->via.len;
	struct span chain;

	if (size < sizeof(*s) || order->url.len > room)
		return -EMSGSIZE;
	if (via_len > room - order->url.len)
		via_len = 0;
	chain = chain_tail(order->chain, room - order->url.len - via_len);
	s->site64 = order->site64;
	s->url64 = order->url64;
	s->qseq = order->qseq;
	s->for_site64 = order->for_site64;
	s->ordered_ms = order->ordered_ms;
	s->delay_ms = order->delay_ms;
	s->url_len = (uint32_t)order->url.len;
	s->via_len = (uint32_t)via_len;
	s->chain_len = (uint32_t)chain.len;
	s->depth = order->depth;
	s->hops = order->hops;
	s->tries = order->tries;
	s->waits = order->waits;
	s->listed = order->listed;
	s->prio = order->prio;
	s->kind = order->kind;
	s->reason = order->reason;
	s->found = order->found;
	s->is_short = order->is_short;
	s->attempts = order->attempts;
	s->is_probe = order->is_probe;
	memcpy(s->text, order->url.ptr, order->url.len);
	if (via_len > 0)
		memcpy(s->text + order->url.len, order->via.ptr, via_len);
	if (chain.len > 0)
		memcpy(s->text + order->url.len + via_len, chain.ptr,
		    chain.len);
	atomic_store_explicit(&s->lap, order->lap, memory_order_release);
	return 0;
}

uint64_t
order_lap(const void *slot)
{
	const struct order_slot *s = slot;

	return atomic_load_explicit(&s->lap, memory_order_acquire);
}

int
order_read(const void *slot, size_t size, struct order *out)
{
	const struct order_slot *s = slot;
	struct order o;
	size_t room = size - sizeof(*s);
	size_t url_len, via_len, chain_len;

	if (size < sizeof(*s))
		return -EBADMSG;
	o.lap = order_lap(slot);
	url_len = s->url_len;
	via_len = s->via_len;
	chain_len = s->chain_len;
	if (url_len == 0 || url_len > room || via_len > room - url_len ||
	    chain_len > room - url_len - via_len)
		return -EBADMSG;
	o.site64 = s->site64;
	o.url64 = s->url64;
	o.qseq = s->qseq;
	o.for_site64 = s->for_site64;
	o.ordered_ms = s->ordered_ms;
	o.delay_ms = s->delay_ms;
	o.depth = s->depth;
	o.hops = s->hops;
	o.tries = s->tries;
	o.waits = s->waits;
	o.listed = s->listed;
	o.prio = s->prio;
	o.kind = s->kind;
	o.reason = s->reason;
	o.found = s->found;
	o.is_short = s->is_short;
	o.attempts = s->attempts;
	o.is_probe = s->is_probe != 0;
	o.url = span_of(s->text, url_len);
	o.via = span_of(s->text + url_len, via_len);
	o.chain = span_of(s->text + url_len + via_len, chain_len);
	if (o.kind >= ORDER_KINDS || o.found >= LINK_KINDS ||
	    o.reason >= REASONS || !listing_valid(&o.listed))
		return -EBADMSG;
	*out = o;
	return 0;
}
