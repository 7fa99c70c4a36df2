#include "lib/frontier/alias.h"

#include <errno.h>
#include <stdlib.h>

static struct alias **
slot_of(const struct aliases *aliases, uint64_t site64)
{
	return &aliases->slots[site64 % ALIAS_SLOTS];
}

static struct alias *
find(const struct aliases *aliases, uint64_t site64)
{
	struct alias *alias;

	if (aliases->n == 0)
		return NULL;
	alias = *slot_of(aliases, site64);
	while (alias != NULL && alias->site64 != site64)
		alias = alias->chain;
	return alias;
}

void
aliases_init(struct aliases *aliases)
{
	*aliases = (struct aliases){ .n = 0 };
}

void
aliases_fini(struct aliases *aliases)
{
	for (size_t i = 0; aliases->slots != NULL && i < ALIAS_SLOTS; i++) {
		struct alias *alias = aliases->slots[i], *chain;

		for (; alias != NULL; alias = chain) {
			chain = alias->chain;
			free(alias);
		}
	}
	free(aliases->slots);
	aliases_init(aliases);
}

struct span
alias_of(const struct aliases *aliases, uint64_t site64)
{
	const struct alias *alias = find(aliases, site64);

	return alias ? span_of(alias->to, alias->len) : SPAN_NONE;
}

int
alias_restore(struct aliases *aliases, uint64_t site64, struct span to)
{
	struct alias *alias, **slot;

	if (aliases->n >= ALIAS_HOSTS || find(aliases, site64) != NULL)
		return 0;
	if (aliases->slots == NULL)
		aliases->slots = calloc(ALIAS_SLOTS, sizeof(*aliases->slots));
	alias = aliases->slots ? malloc(sizeof(*alias) + to.len) : NULL;
	if (alias == NULL)
		return -ENOMEM;
	slot = slot_of(aliases, site64);
	alias->site64 = site64;
	alias->len = to.len;
	if (to.len > 0)
		memcpy(alias->to, to.ptr, to.len);
	alias->chain = *slot;
	*slot = alias;
	aliases->n++;
	return 0;
}

int
alias_proof(struct aliases *aliases, uint64_t site64, uint64_t to64,
    struct span to)
{
	struct alias_maybe *maybe = &aliases->maybe[site64 % ALIAS_MAYBE];
	int r;

	if (aliases->n >= ALIAS_HOSTS || find(aliases, site64) != NULL)
		return 0;
	if (maybe->site64 != site64 || maybe->to64 != to64)
		*maybe = (struct alias_maybe){ site64, to64, 0 };
	if (++maybe->proofs < ALIAS_PROOFS)
		return 0;
	r = alias_restore(aliases, site64, to);
	return r < 0 ? r : 1;
}

bool
alias_doubt(struct aliases *aliases, uint64_t site64)
{
	struct alias_maybe *maybe = &aliases->maybe[site64 % ALIAS_MAYBE];
	struct alias *alias = find(aliases, site64);

	if (maybe->site64 == site64)
		maybe->proofs = 0;
	if (alias == NULL || alias->len == 0)
		return false;
	alias->len = 0;
	return true;
}
