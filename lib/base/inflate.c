#include "lib/base/inflate.h"

#include <errno.h>
#include <zlib.h>

#include "lib/base/buf.h"

enum {
	INFLATE_FIRST = 64 << 10, /* room that zlib is offered at least */
	INFLATE_KEEP = 4 << 20,   /* output memory kept from body to body */
	/* zlib's names for the format, in windowBits */
	WINDOW_ZLIB = MAX_WBITS,
	WINDOW_RAW = -MAX_WBITS,
	WINDOW_GZIP = MAX_WBITS + 16,
};

struct inflate {
	z_stream stream;
	bool open; /* inflateInit2() was called */
	/* of inflate_step() */
	bool whole;   /* a member has ended */
	bool between; /* and nothing of another was seen */
	struct buf out;
};

enum inflate_coding
inflate_coding(struct span list)
{
	enum inflate_coding coding = INFLATE_NONE;

	while (list.len > 0) {
		const char *comma = memchr(list.ptr, ',', list.len);
		size_t len = comma ? (size_t)(comma - list.ptr) : list.len;
		struct span word = span_trim(span_of(list.ptr, len));

		list = span_from_at(list, len + 1);
		if (word.len == 0 || span_eq_nocase(word, SPAN("identity")))
			continue;
		if (coding != INFLATE_NONE)
			return INFLATE_UNKNOWN;
		if (span_eq_nocase(word, SPAN("gzip")) ||
		    span_eq_nocase(word, SPAN("x-gzip")))
			coding = INFLATE_GZIP;
		else if (span_eq_nocase(word, SPAN("deflate")))
			coding = INFLATE_DEFLATE;
		else
			return INFLATE_UNKNOWN;
	}
	return coding;
}

struct inflate *
inflate_new(void)
{
	struct inflate *inf = calloc(1, sizeof(*inf));

	if (inf != NULL)
		buf_init(&inf->out, 0);
	return inf;
}

void
inflate_free(struct inflate *inf)
{
	if (inf == NULL)
		return;
	if (inf->open)
		inflateEnd(&inf->stream);
	buf_fini(&inf->out);
	free(inf);
}

/* Make the stream ready for a format. */
static int
inflate_format(struct inflate *inf, int window)
{
	int z;

	if (inf->open) {
		z = inflateReset2(&inf->stream, window);
	} else {
		z = inflateInit2(&inf->stream, window);
		inf->open = z == Z_OK;
	}
	must(z == Z_OK || z == Z_MEM_ERROR); /* else our own arguments */
	return z == Z_OK ? 0 : -ENOMEM;
}

/* Give the stream up to 4 GiB of what is left: its counters are short. */
static void
inflate_feed(z_stream *z, struct span *left)
{
	uInt n = left->len > UINT32_MAX ? UINT32_MAX : (uInt)left->len;

	if (z->avail_in > 0)
		return;
	z->next_in = (Bytef *)(uintptr_t)left->ptr;
	z->avail_in = n;
	*left = span_from_at(*left, n);
}

/* A further member follows, as `cat a.gz b.gz` makes; anything else behind
 * the first is padding. */
static bool
inflate_more(const z_stream *z)
{
	return z->avail_in >= 2 && z->next_in[0] == 0x1F &&
	       z->next_in[1] == 0x8B;
}

/* Run one format over the body, appending to inf->out up to `cap` bytes. */
static int
inflate_run(struct inflate *inf, int window, struct span left, uint64_t cap,
    enum inflate_end *end)
{
	z_stream *z = &inf->stream;
	size_t want = left.len * 4;
	int r;

	r = inflate_format(inf, window);
	if (r < 0)
		return r;
	z->avail_in = 0;
	for (;;) {
		/* One byte past the cap tells a whole stream from a cut one. */
		uint64_t space = cap + 1 - inf->out.len;
		size_t room = want > INFLATE_FIRST ? want : INFLATE_FIRST;
		char *at;

		if (space == 0) {
			inf->out.len--;
			*end = INFLATE_LIMIT;
			return 0;
		}
		want = inf->out.len; /* so the buffer doubles */
		if (room > space)
			room = (size_t)space;
		if (room > UINT32_MAX)
			room = UINT32_MAX;
		at = buf_room(&inf->out, room);
		if (at == NULL)
			return -ENOMEM;
		inflate_feed(z, &left);
		z->next_out = (Bytef *)at;
		z->avail_out = (uInt)room;
		r = inflate(z, Z_NO_FLUSH);
		inf->out.len += room - z->avail_out;
		if (r == Z_MEM_ERROR)
			return -ENOMEM;
		if (r == Z_STREAM_END && window == WINDOW_GZIP &&
		    inflate_more(z))
			r = inflateReset(z);
		else if (r == Z_STREAM_END)
			break;
		/* Z_BUF_ERROR: no step was possible, so input is missing. */
		if (r != Z_OK)
			break;
	}
	*end = r == Z_STREAM_END ? INFLATE_WHOLE : INFLATE_BROKEN;
	if (inf->out.len > cap) {
		inf->out.len = cap;
		*end = INFLATE_LIMIT;
	}
	return 0;
}

/* RFC 1950: method 8, and a check over the first two bytes. */
static bool
inflate_is_zlib(struct span body)
{
	const unsigned char *p = (const unsigned char *)body.ptr;

	return body.len >= 2 && (p[0] & 0x0F) == 8 &&
	       (p[0] << 8 | p[1]) % 31 == 0;
}

static int
inflate_deflate(struct inflate *inf, struct span body, uint64_t cap,
    enum inflate_end *end)
{
	int r;

	if (inflate_is_zlib(body)) {
		r = inflate_run(inf, WINDOW_ZLIB, body, cap, end);
		if (r < 0 || inf->out.len > 0 || *end != INFLATE_BROKEN)
			return r;
	}
	/* One raw stream in 700 begins as if it had the head. */
	return inflate_run(inf, WINDOW_RAW, body, cap, end);
}

int
inflate_body(struct inflate *inf, enum inflate_coding coding, struct span body,
    uint64_t max, uint32_t ratio, struct span *out, enum inflate_end *end)
{
	uint64_t cap;
	int r;

	if (coding == INFLATE_GZIP && !span_starts(body, SPAN("\x1F\x8B")))
		coding = INFLATE_NONE;
	if (coding == INFLATE_NONE || coding == INFLATE_UNKNOWN ||
	    body.len == 0) {
		*end = body.len > max ? INFLATE_LIMIT : INFLATE_WHOLE;
		*out = span_of(body.ptr, body.len > max ? max : body.len);
		return 0;
	}

	cap = max;
	if (ratio > 0 && cap / ratio > body.len)
		cap = body.len * (uint64_t)ratio;
	if (cap < INFLATE_RATIO_FROM)
		cap = max < INFLATE_RATIO_FROM ? max : INFLATE_RATIO_FROM;

	if (inf->out.cap > INFLATE_KEEP)
		buf_fini(&inf->out);
	buf_clear(&inf->out);
	inf->out.limit = (size_t)cap + 1;
	if (inf->out.limit < inf->out.cap)
		inf->out.limit = inf->out.cap; /* what is there stays there */
	if (coding == INFLATE_GZIP)
		r = inflate_run(inf, WINDOW_GZIP, body, cap, end);
	else
		r = inflate_deflate(inf, body, cap, end);
	if (r < 0)
		return r;
	*out = buf_span(&inf->out);
	return 0;
}

int
inflate_begin(struct inflate *inf)
{
	inf->whole = inf->between = false;
	return inflate_format(inf, WINDOW_GZIP);
}

int
inflate_step(struct inflate *inf, struct span *piece, char *out, size_t size,
    size_t *n)
{
	z_stream *z = &inf->stream;
	uInt given = piece->len > UINT32_MAX ? UINT32_MAX : (uInt)piece->len;
	int r;

	*n = 0;
	if (inf->between && given == 0)
		return 1;
	if (inf->between && piece->ptr[0] != 0x1F)
		return 0;
	if (inf->between) {
		r = inflateReset(z);
		must(r == Z_OK);
		inf->between = false;
	}
	z->next_in = (Bytef *)(uintptr_t)piece->ptr;
	z->avail_in = given;
	z->next_out = (Bytef *)out;
	z->avail_out = size > UINT32_MAX ? UINT32_MAX : (uInt)size;
	*n = z->avail_out;
	r = inflate(z, Z_NO_FLUSH);
	*n -= z->avail_out;
	*piece = span_from_at(*piece, given - z->avail_in);
	switch (r) {
	case Z_STREAM_END:
		inf->whole = inf->between = true;
		return 1;
	case Z_OK:
	case Z_BUF_ERROR: /* no step was possible: input is missing */
		return 1;
	case Z_MEM_ERROR:
		return -ENOMEM;
	default:
		/* 0x1F behind a whole member, and then no other one. */
		if (!inf->whole || z->total_out > 0 || z->total_in > 2)
			return -EBADMSG;
		inf->between = true;
		return 0;
	}
}

bool
inflate_is_whole(const struct inflate *inf)
{
	return inf->between;
}
