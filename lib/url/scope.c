#include "lib/url/scope.h"

#include <errno.h>
#include <sys/random.h>
#include <xxhash.h>

#include "lib/url/rule_impl.h"
#include "lib/url/site.h"

enum {
	SET_FIRST = 16,
	RULES_FIRST = 8,
	DOMAINS = 256,
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

struct scope {
	enum scope_kind kind;
	uint64_t secret;
	struct set set;
	struct rule *rules;
	size_t n_rules, cap_rules;
	bool has_depth, has_type;
	/* Names that were asked about, and their domains, as hashes: the list
	 * takes a microsecond, and most links are to few hosts. */
	struct {
		uint64_t name, domain;
	} domains[DOMAINS];
	uint64_t gave_up;
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
		rule_fini(&scope->rules[i]);
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
hash_domain(struct scope *scope, const struct url *url)
{
	struct span name = name_of(url), domain = name;
	uint64_t hash = hash_on(scope->secret, name);
	size_t at = hash % DOMAINS;

	if (scope->domains[at].name != hash) {
		if (!site_registrable(name, &domain))
			domain = name;
		scope->domains[at].name = hash;
		scope->domains[at].domain = hash_on(scope->secret, domain);
	}
	return scope->domains[at].domain;
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
measured(struct scope *scope, const struct url *url)
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
scope_add_rule(struct scope *scope, bool include, struct span text,
    struct err *err)
{
	struct rule rule;
	int r;

	if (scope->n_rules == SCOPE_RULES_MAX)
		return err_set(err, -EINVAL,
		    "%s = %.*s: more than %d rules, include and exclude",
		    include ? "include" : "exclude",
		    (int)(text.len < 100 ? text.len : 100), text.ptr,
		    SCOPE_RULES_MAX);
	r = rules_grow(scope);
	if (r == 0)
		r = rule_init(&rule, include, text, err);
	if (r < 0)
		return r;
	scope->rules[scope->n_rules++] = rule;
	scope->has_depth = scope->has_depth || rule.kind == &rule_depth;
	scope->has_type = scope->has_type || rule.kind == &rule_type;
	return 0;
}

/* The last rule that decides, from 1; 0: none does. */
static size_t
deciding_rule(struct scope *scope, const struct scope_subject *subject,
    bool *gave_up)
{
	for (size_t i = scope->n_rules; i > 0; i--) {
		const struct rule *rule = &scope->rules[i - 1];
		enum rule_match match = rule_ask(rule, subject);

		if (match == RULE_GAVE_UP) {
			*gave_up = true;
			scope->gave_up++;
		}
		if (match == RULE_MATCHES ||
		    (match == RULE_GAVE_UP && !rule->include))
			return i;
	}
	return 0;
}

enum scope_answer
scope_ask(struct scope *scope, const struct scope_subject *subject,
    struct scope_why *why)
{
	bool gave_up = false;
	size_t i = deciding_rule(scope, subject, &gave_up);
	const struct rule *rule = i > 0 ? &scope->rules[i - 1] : NULL;

	if (why != NULL && rule == NULL)
		*why = (struct scope_why){ .gave_up = gave_up, .text = "" };
	else if (why != NULL)
		*why = (struct scope_why){ i, rule->include, gave_up,
			rule->text };
	if (rule != NULL)
		return rule->include ? SCOPE_IN : SCOPE_OUT_RULE;
	return measured(scope, subject->url) ? SCOPE_IN : SCOPE_OUT_KIND;
}

bool
scope_has_depth(const struct scope *scope)
{
	return scope->has_depth;
}

bool
scope_has_type(const struct scope *scope)
{
	return scope->has_type;
}

uint64_t
scope_gave_up(const struct scope *scope)
{
	return scope->gave_up;
}
