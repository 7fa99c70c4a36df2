#include "cmd/role/poison.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	BLOCK = 1 << 20,
	/* Where there is no limit, the machine is not to suffer. */
	BLOCKS_MOST = 2048,
	STATUS = 3,
};

const char *poison_mark;

void
poison_setup(void)
{
	const char *mark = getenv("MPCRAWL_TEST_POISON");

	poison_mark = mark != NULL && mark[0] != '\0' ? mark : NULL;
}

/* Whatever handler a sanitiser has put there. */
static void
die_of(int number)
{
	signal(number, SIG_DFL);
	raise(number);
}

static void
segv(void)
{
	die_of(SIGSEGV);
}

static void
end(void)
{
	_exit(STATUS);
}

static void
memory(void)
{
	for (int i = 0; i < BLOCKS_MOST; i++) {
		char *block = malloc(BLOCK);

		if (block == NULL)
			abort();
		/* Written, and through a volatile: or it is never taken. */
		for (size_t at = 0; at < BLOCK; at += 4096)
			((volatile char *)block)[at] = 1;
	}
	_exit(STATUS);
}

static void
spin(void)
{
	for (volatile unsigned n = 0;; n++)
		;
}

static void
hang(void)
{
	for (;;)
		pause();
}

static const struct {
	const char *name;
	void (*die)(void);
} kinds[] = { { "segv", segv }, { "abort", abort }, { "exit", end },
	{ "memory", memory }, { "spin", spin }, { "hang", hang } };

/* The next word of "ROLE:HOW:N". */
static struct span
word(struct span *text)
{
	size_t n = 0;
	struct span s;

	if (text->len > 0 && text->ptr[0] == ':')
		*text = span_from_at(*text, 1);
	while (
	    n < text->len && ((text->ptr[n] >= 'a' && text->ptr[n] <= 'z') ||
				 (text->ptr[n] >= '0' && text->ptr[n] <= '9')))
		n++;
	s = span_of(text->ptr, n);
	*text = span_from_at(*text, n);
	return s;
}

static void
obey(enum role_id role, unsigned blames, struct span text)
{
	struct span who = word(&text), how = word(&text), most = word(&text);

	if (!span_eq(who, span_from(crawl_role_name(role))))
		return;
	if (most.len > 0 && blames >= (unsigned)(most.ptr[0] - '0'))
		return;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (span_eq(how, span_from(kinds[i].name)))
			kinds[i].die();
	}
}

void
poison_search(enum role_id role, unsigned blames, struct span text)
{
	struct span mark = span_from(poison_mark);
	const char *at;

	while (text.len > 0 &&
	       (at = memmem(text.ptr, text.len, mark.ptr, mark.len)) != NULL) {
		text = span_from_at(text, (size_t)(at - text.ptr) + mark.len);
		obey(role, blames, text);
	}
}
