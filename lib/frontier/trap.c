#include "lib/frontier/trap.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum {
	HEX_LEAST = 8,    /* letters and digits of hex, mixed: a machine's */
	ALNUM_LEAST = 16, /* of the alphabet */
	UUID = 36,
	PLACES = 8192,
	WAYS = 8,
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	c = span_lower(c);
	return c >= 'a' && c <= 'z';
}

static bool
is_hex(char c)
{
	c = span_lower(c);
	return is_digit(c) || (c >= 'a' && c <= 'f');
}

/* --- shapes -------------------------------------------------------------- */

/* Hashes of the last segments; how many there are in all. */
static size_t
split(struct span path, uint64_t hashes[TRAP_SEGMENTS], size_t *kept)
{
	size_t n = 0;

	while (path.len > 0) {
		const char *slash = memchr(path.ptr, '/', path.len);
		size_t len = slash ? (size_t)(slash - path.ptr) : path.len;

		if (len > 0)
			hashes[n++ % TRAP_SEGMENTS] = XXH3_64bits(path.ptr,
			    len);
		path = span_from_at(path, len + 1);
	}
	*kept = n < TRAP_SEGMENTS ? n : TRAP_SEGMENTS;
	return n;
}

/*
 * A run of `group` segments that comes `times` in a row is a stretch of
 * (times - 1) * group segments that equal those `group` further on.
 */
static bool
repeats(const uint64_t *hashes, size_t first, size_t n, size_t times)
{
	for (size_t group = 1; group * times <= n; group++) {
		size_t same = 0;

		for (size_t i = 0; i + group < n; i++) {
			uint64_t here = hashes[(first + i) % TRAP_SEGMENTS];
			uint64_t there =
			    hashes[(first + i + group) % TRAP_SEGMENTS];

			same = here == there ? same + 1 : 0;
			if (same >= group * (times - 1))
				return true;
		}
	}
	return false;
}

enum trap_shape
trap_shape_of(struct span path, uint32_t max_depth, uint32_t max_repeat)
{
	uint64_t hashes[TRAP_SEGMENTS];
	size_t kept, n = split(path, hashes, &kept);

	if (max_depth > 0 && n > max_depth)
		return TRAP_DEEP;
	if (max_repeat > 0 && repeats(hashes, n > kept ? n % TRAP_SEGMENTS : 0,
				  kept, max_repeat > 2 ? max_repeat : 2))
		return TRAP_REPEATS;
	return TRAP_NO;
}

/* --- patterns ------------------------------------------------------------ */

static void
add(struct trap_pattern *out, const char *text, size_t len)
{
	if (len > sizeof(out->text) - out->len)
		len = sizeof(out->text) - out->len;
	memcpy(out->text + out->len, text, len);
	out->len += len;
}

/* 8-4-4-4-12 digits of hex. */
static bool
is_uuid(struct span s)
{
	if (s.len < UUID)
		return false;
	for (size_t i = 0; i < UUID; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s.ptr[i] != '-' : !is_hex(s.ptr[i]))
			return false;
	}
	return true;
}

/* A date at the beginning, 2024-01-02 or 2024-01; its length, or 0. */
static size_t
date_len(struct span s)
{
	size_t len = 0;

	while (len < s.len && is_digit(s.ptr[len]))
		len++;
	if (len != 4)
		return 0;
	for (int part = 0; part < 2; part++) {
		size_t at = len;

		if (at >= s.len || strchr("-_.", s.ptr[at]) == NULL)
			break;
		for (at++; at < s.len && is_digit(s.ptr[at]); at++)
			;
		if (at - len > 3 || at - len < 2)
			break;
		len = at;
	}
	return len > 4 ? len : 0;
}

/* A run of letters and digits at the beginning. */
struct run {
	size_t len, digits, hex;
};

static struct run
run_of(struct span s)
{
	struct run run = { 0 };

	for (; run.len < s.len; run.len++) {
		char c = s.ptr[run.len];

		if (!is_digit(c) && !is_letter(c))
			break;
		run.digits += is_digit(c);
		run.hex += is_hex(c);
	}
	return run;
}

/* Letters and digits that no person would write so. */
static bool
is_machines(struct run run)
{
	if (run.digits == 0 || run.digits == run.len)
		return false;
	return (run.hex == run.len && run.len >= HEX_LEAST) ||
	       run.len >= ALNUM_LEAST;
}

struct marks {
	bool counted; /* something was taken out */
	bool machine; /* something that a machine made */
};

/* A segment, or a parameter's name, in general. */
static struct marks
generalise(struct span s, struct trap_pattern *out)
{
	struct marks marks = { false, false };

	while (s.len > 0) {
		size_t len = 1;
		struct run run = run_of(s);

		if (is_uuid(s) || is_machines(run)) {
			len = is_uuid(s) ? UUID : run.len;
			add(out, "X", 1);
			marks.counted = marks.machine = true;
		} else if ((len = date_len(s)) > 0) {
			add(out, "D", 1);
			marks.counted = true;
		} else if (is_digit(s.ptr[0])) {
			for (len = 1; len < s.len && is_digit(s.ptr[len]);
			     len++)
				;
			add(out, "N", 1);
			marks.counted = true;
		} else if (s.ptr[0] == ';') {
			/* Parameters of the segment: their values go. */
			const char *value = memchr(s.ptr, '=', s.len);

			if (value == NULL) {
				len = s.len;
				add(out, s.ptr, len);
			} else {
				add(out, s.ptr, (size_t)(value - s.ptr) + 1);
				add(out, "X", 1);
				len = s.len;
				marks.counted = marks.machine = true;
			}
		} else {
			for (len = 1;
			     len < s.len && !is_digit(s.ptr[len]) &&
			     is_letter(s.ptr[len]) == is_letter(s.ptr[0]) &&
			     s.ptr[len] != ';';
			     len++)
				;
			add(out, s.ptr, len);
		}
		s = span_from_at(s, len);
	}
	return marks;
}

/* The path; in *prefix its length up to and with the first segment that a
 * machine made, when others follow, else 0. */
static bool
generalise_path(struct span path, struct trap_pattern *out, size_t *prefix)
{
	bool counted = false;

	*prefix = 0;
	while (path.len > 0) {
		const char *slash = memchr(path.ptr, '/', path.len);
		size_t len = slash ? (size_t)(slash - path.ptr) : path.len;
		struct marks marks = generalise(span_of(path.ptr, len), out);

		counted |= marks.counted;
		if (slash != NULL)
			add(out, "/", 1);
		path = span_from_at(path, len + 1);
		if (marks.machine && *prefix == 0 && path.len > 0)
			*prefix = out->len;
	}
	return counted;
}

struct names {
	struct trap_pattern name[TRAP_NAMES];
	size_t n;
	bool more;
	struct trap_pattern machine; /* "sid=X": values that a machine made */
};

static int
by_text(const void *a, const void *b)
{
	const struct trap_pattern *x = a, *y = b;
	size_t n = x->len < y->len ? x->len : y->len;
	int order = memcmp(x->text, y->text, n);

	return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

static bool
is_machines_value(struct span value)
{
	struct run run;

	if (is_uuid(value))
		return true;
	run = run_of(value);
	return run.len == value.len &&
	       (is_machines(run) ||
		   (run.hex == run.len && run.len >= ALNUM_LEAST));
}

static void
take_names(struct span query, struct names *out)
{
	out->n = 0;
	out->more = false;
	out->machine.len = 0;
	while (query.len > 0) {
		const char *and = memchr(query.ptr, '&', query.len);
		size_t len = and? (size_t)(and-query.ptr) : query.len;
		const char *is = memchr(query.ptr, '=', len);
		size_t name = is ? (size_t)(is - query.ptr) : len;

		if (len > 0 && out->n == TRAP_NAMES) {
			out->more = true;
			break;
		}
		if (len > 0) {
			struct trap_pattern *pattern = &out->name[out->n++];

			pattern->len = 0;
			generalise(span_of(query.ptr, name), pattern);
			if (is != NULL &&
			    is_machines_value(
				span_of(is + 1, len - name - 1)) &&
			    out->machine.len == 0) {
				add(&out->machine, pattern->text, pattern->len);
				add(&out->machine, "=X", 2);
			}
		}
		query = span_from_at(query, len + 1);
	}
	qsort(out->name, out->n, sizeof(out->name[0]), by_text);
}

static void
add_names(struct trap_pattern *out, const struct names *names)
{
	add(out, "?", 1);
	for (size_t i = 0; i < names->n; i++) {
		if (i > 0 && by_text(&names->name[i - 1], &names->name[i]) == 0)
			continue;
		if (i > 0)
			add(out, "&", 1);
		add(out, names->name[i].text, names->name[i].len);
	}
	if (names->more)
		add(out, "&*", 2);
}

size_t
trap_patterns(struct span path, struct span query,
    struct trap_pattern out[TRAP_VIEWS])
{
	struct names names;
	size_t n = 0, prefix;
	bool counted;

	out[0].len = 0;
	counted = generalise_path(path, &out[0], &prefix);
	take_names(query, &names);
	if (names.n == 0 && !counted)
		return 0;
	n = 1;
	if (names.n > 1) {
		out[n] = out[0];
		add(&out[n++], "?*", 2);
	}
	if (names.machine.len > 0) {
		out[n].len = 0;
		add(&out[n], "*?", 2);
		add(&out[n], names.machine.text, names.machine.len);
		n++;
	} else if (prefix > 0) {
		out[n] = out[0];
		out[n].len = prefix;
		add(&out[n++], "*", 1);
	}
	if (names.n > 0)
		add_names(&out[0], &names);
	return n;
}

/* --- counting ------------------------------------------------------------ */

struct trap_counts {
	struct {
		uint64_t key;
		uint32_t n; /* 0: free */
	} at[PLACES][WAYS];
};

struct trap_counts *
trap_counts_new(void)
{
	return calloc(1, sizeof(struct trap_counts));
}

void
trap_counts_free(struct trap_counts *counts)
{
	free(counts);
}

uint32_t
trap_counts_add(struct trap_counts *counts, uint64_t key)
{
	size_t place = (key >> 20) % PLACES, least = 0;

	for (size_t i = 0; i < WAYS; i++) {
		if (counts->at[place][i].n > 0 &&
		    counts->at[place][i].key == key) {
			if (counts->at[place][i].n < UINT32_MAX)
				counts->at[place][i].n++;
			return counts->at[place][i].n;
		}
		if (counts->at[place][i].n < counts->at[place][least].n)
			least = i;
	}
	/* The rarest pays for each newcomer, until it has nothing left. */
	if (counts->at[place][least].n > 1) {
		counts->at[place][least].n--;
		return 1;
	}
	counts->at[place][least].key = key;
	counts->at[place][least].n = 1;
	return 1;
}
