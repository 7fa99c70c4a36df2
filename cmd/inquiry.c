#include "cmd/inquiry.h"

#include <string.h>

#include "cmd/inquiry_impl.h"

static const struct {
	const char *cmd;
	inquiry_ask *ask;
	bool writes;
} table[] = {
	{ "why", inquiry_why, false },
	{ "block", inquiry_block, true },
	{ "unblock", inquiry_unblock, true },
	{ "blocks", inquiry_blocks, false },
	{ "traps", inquiry_traps, false },
	{ "trap", inquiry_trap, true },
};

bool
inquiry_knows(const char *cmd, bool *writes)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (strcmp(table[i].cmd, cmd) != 0)
			continue;
		*writes = table[i].writes;
		return true;
	}
	return false;
}

json_t *
inquiry_answer(struct inquiry *q, json_t *request)
{
	const char *cmd = json_string_value(json_object_get(request, "cmd"));

	q->changed = false;
	for (size_t i = 0; cmd != NULL && i < ARRAY_LEN(table); i++) {
		if (strcmp(table[i].cmd, cmd) == 0)
			return table[i].ask(q, request);
	}
	return inquiry_refusal("no such request");
}
