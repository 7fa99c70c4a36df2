#include "lib/url/scope.h"

#include <errno.h>
#include <sys/random.h>
#include <xxhash.h>

#include "lib/url/site.h"

enum {
	SET_FIRST = 16,
	RULES_FIRST = 8,
};

/*
 * 64-bit hashes, open addressing, linear probing; 0 is a free slot.  Three
 * quarters full at the most, so 8 bytes of slots are 11 to 21 a member, and
 * 32 while it grows.
 */
struct set {
	uint64_t *slots;
	size_t size; /* a power of two, or 0 */
	size_t n;
};

/* What a compiled glob is made of: a byte as it is, or one of these. */
enum {
	GLOB_ANY = 256, /* '?' */
	GLOB_RUN,       /* '*', never two of them in a row */
};

struct rule {
	bool include;
	uint16_t len;
	uint16_t *glob;
};

struct scope {
	enum scope_kind kind;
	uint64_t secret;
	struct set set;
	struct rule *rules;
	size_t n_rules, cap_rules;
};

/* The slot of `hash`, or the free one where it belongs. */
static size_t
set_slot(const struct set *set, uint64_t hash)
{
	size_t at = hash & (set->size - 1);

	while (set->slots[at] != 0 && set->slots[at] != hash)
		at = (at + 1) & (set->size - 1);
	return at;
}

static bool
set_has(const struct set *set, uint64_t hash)
{
	return set->n > 0 && set->slots[set_slot(set, hash)] == hash;
}

static int
set_grow(struct set *set)
{
	struct set grown = { .size = set->size ? set->size * 2 : SET_FIRST };

	grown.slots = calloc(grown.size, sizeof(grown.slots[0]));
	if (grown.slots == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < set->size; i++) {
		if (set->slots[i] != 0)
			grown.slots[set_slot(&grown, set->slots[i])] =
			    set->slots[i];
	}
	grown.n = set->n;
	free(set->slots);
	*set = grown;
	return 0;
}

static int
set_add(struct set *set, uint64_t hash)
{
	int r;

	if (set_has(set, hash))
		return 0;
	if (set->n >= set->size / 4 * 3) {
		r = set_grow(set);
		if (r < 0)
			return r;
	}
	set->slots[set_slot(set, hash)] = hash;
	set->n++;
	return 0;
}

struct scope *
scope_new(enum scope_kind kind)
{
	struct scope *scope = calloc(1, sizeof(*scope));

	if (scope == NULL)
		return NULL;
	scope->kind = kind;
	/*
	 * Only hashes are kept, so a page that could make two names collide
	 * could lead the crawl out of its scope: it must not know the seed.
	 * Without randomness the answers are right, only foreseeable.
	 */
	if (getrandom(&scope->secret, sizeof(scope->secret), GRND_NONBLOCK) !=
	    (ssize_t)sizeof(scope->secret))
		scope->secret = (uintptr_t)scope;
	return scope;
}

void
scope_free(struct scope *scope)
{
	if (scope == NULL)
		return;
	for (size_t i = 0; i < scope->n_rules; i++)
		free(scope->rules[i].glob);
	free(scope->rules);
	free(scope->set.slots);
	free(scope);
}

/* Chained, so that a prefix costs one pass over the path.  Never 0. */
static uint64_t
hash_on(uint64_t before, struct span s)
{
	uint64_t hash = XXH3_64bits_withSeed(s.ptr, s.len, before);

	return hash ? hash : 1;
}

/* With and without a dot at its end a name is the same. */
static struct span
name_of(const struct url *url)
{
	struct span host = url_host(url);

	if (host.len > 1 && host.ptr[host.len - 1] == '.')
		host.len--;
	return host;
}

static uint64_t
hash_host(const struct scope *scope, const struct url *url)
{
	uint64_t hash = hash_on(scope->secret, name_of(url));
	uint16_t port;

	if (url->port < 0) /* the scheme's own: http or https */
		return hash;
	port = (uint16_t)url->port;
	return hash_on(hash, span_of((const char *)&port, sizeof(port)));
}

static uint64_t
hash_domain(const struct scope *scope, const struct url *url)
{
	struct span domain = name_of(url);

	if (!site_registrable(domain, &domain))
		domain = name_of(url);
	return hash_on(scope->secret, domain);
}

/* The next segment with its '/', off *path; false: none ends with one. */
static bool
next_folder(struct span *path, struct span *out)
{
	const char *slash = memchr(path->ptr, '/', path->len);

	if (slash == NULL)
		return false;
	*out = span_of(path->ptr, (size_t)(slash + 1 - path->ptr));
	*path = span_from_at(*path, out->len);
	return true;
}

int
scope_add_seed(struct scope *scope, const struct url *seed)
{
	struct span path = url_path(seed), folder;
	uint64_t hash;

	if (scope->kind == SCOPE_ANY)
		return 0;
	if (url_host(seed).len == 0)
		return -EINVAL;
	if (scope->kind == SCOPE_DOMAIN)
		return set_add(&scope->set, hash_domain(scope, seed));
	hash = hash_host(scope, seed);
	if (scope->kind == SCOPE_PREFIX) {
		while (next_folder(&path, &folder))
			hash = hash_on(hash, folder);
	}
	return set_add(&scope->set, hash);
}

static bool
in_prefix(const struct scope *scope, const struct url *url)
{
	struct span path = url_path(url), folder;
	uint64_t hash = hash_host(scope, url);

	while (next_folder(&path, &folder)) {
		hash = hash_on(hash, folder);
		if (set_has(&scope->set, hash))
			return true;
	}
	return false;
}

static bool
measured(const struct scope *scope, const struct url *url)
{
	if (scope->kind == SCOPE_ANY)
		return true;
	if (url_host(url).len == 0)
		return false;
	switch (scope->kind) {
	case SCOPE_HOST:
		return set_has(&scope->set, hash_host(scope, url));
	case SCOPE_DOMAIN:
		return set_has(&scope->set, hash_domain(scope, url));
	case SCOPE_PREFIX:
		return in_prefix(scope, url);
	default:
		return false;
	}
}

/* Write the compiled form of `glob`; returns its length, 0: it is wrong. */
static uint16_t
glob_compile(struct span glob, uint16_t *out)
{
	uint16_t len = 0;

	for (size_t i = 0; i < glob.len; i++) {
		uint16_t c = (uint8_t)glob.ptr[i];

		if (c == '\\') {
			if (++i == glob.len)
				return 0;
			c = (uint8_t)glob.ptr[i];
		} else if (c == '?') {
			c = GLOB_ANY;
		} else if (c == '*') {
			c = GLOB_RUN;
			if (len > 0 && out[len - 1] == GLOB_RUN)
				continue;
		}
		out[len++] = c;
	}
	return len;
}

static bool
glob_matches(const struct rule *rule, struct span s)
{
	const uint16_t *glob = rule->glob;
	size_t g = 0, at = 0;
	size_t star = SIZE_MAX, mark = 0; /* the last run, and where it ends */

	for (;;) {
		if (g < rule->len && glob[g] == GLOB_RUN) {
			star = g++;
			mark = at;
			if (g == rule->len)
				return true;
		} else if (at < s.len && g < rule->len &&
			   (glob[g] == GLOB_ANY ||
			       glob[g] == (uint8_t)s.ptr[at])) {
			g++;
			at++;
		} else if (at == s.len && g == rule->len) {
			return true;
		} else if (star != SIZE_MAX && mark < s.len) {
			/*
			 * The last run takes one more.  No earlier one needs
			 * to: what stands between them was matched as far to
			 * the left as it can be.
			 */
			at = ++mark;
			g = star + 1;
		} else {
			return false;
		}
	}
}

static int
rules_grow(struct scope *scope)
{
	size_t cap = scope->cap_rules ? scope->cap_rules * 2 : RULES_FIRST;
	struct rule *rules;

	if (scope->n_rules < scope->cap_rules)
		return 0;
	rules = realloc(scope->rules, cap * sizeof(rules[0]));
	if (rules == NULL)
		return -ENOMEM;
	scope->rules = rules;
	scope->cap_rules = cap;
	return 0;
}

int
scope_add_rule(struct scope *scope, bool include, struct span glob,
    struct err *err)
{
	uint16_t compiled[SCOPE_GLOB_MAX];
	struct rule rule = { .include = include };
	int r;

	if (glob.len == 0)
		return err_set(err, -EINVAL,
		    "an empty scope rule: '*' is "
		    "every URL");
	if (glob.len > SCOPE_GLOB_MAX)
		return err_set(err, -EINVAL,
		    "scope rule '%.40s...' is longer than %d bytes", glob.ptr,
		    SCOPE_GLOB_MAX);
	if (scope->n_rules == SCOPE_RULES_MAX)
		return err_set(err, -EINVAL, "more than %d scope rules",
		    SCOPE_RULES_MAX);
	rule.len = glob_compile(glob, compiled);
	if (rule.len == 0)
		return err_set(err, -EINVAL,
		    "scope rule '%.*s' ends with a backslash: "
		    "it takes the next character as it is",
		    SPAN_ARG(glob));
	r = rules_grow(scope);
	if (r < 0)
		return r;
	rule.glob = malloc(rule.len * sizeof(rule.glob[0]));
	if (rule.glob == NULL)
		return -ENOMEM;
	memcpy(rule.glob, compiled, rule.len * sizeof(rule.glob[0]));
	scope->rules[scope->n_rules++] = rule;
	return 0;
}

enum scope_answer
scope_ask(const struct scope *scope, const struct url *url)
{
	struct span text = url_href_bare(url);

	for (size_t i = scope->n_rules; i > 0; i--) {
		const struct rule *rule = &scope->rules[i - 1];

		if (glob_matches(rule, text))
			return rule->include ? SCOPE_IN : SCOPE_OUT_RULE;
	}
	return measured(scope, url) ? SCOPE_IN : SCOPE_OUT_KIND;
}
