#include "cmd/demo/demo.h"

#include <stdio.h>
#include <string.h>

#include "cmd/command/command.h"
#include "cmd/crawl.h"
#include "cmd/demo/pair.h"

const struct demo *const demo_table[] = {
	&demo_process,
	&demo_threads,
	&demo_coroutine,
	&demo_queue,
	&demo_pool,
	&demo_lock,
	&demo_alternate,
	&demo_gil,
	NULL,
};

const char command_demo_more[] =
    "Each answers a question about processes, threads, queues and locks by "
    "doing it\n"
    "here, says what happened, and ends by itself.  `mpcrawl demo` names "
    "them, and\n"
    "`mpcrawl demo NAME --help` tells of one.  Exit status 0: all that it "
    "claims came\n"
    "true in this run; 1: something did not, and is marked.\n";

static const struct demo *
find(const char *name)
{
	for (size_t i = 0; demo_table[i] != NULL; i++) {
		if (strcmp(demo_table[i]->name, name) == 0)
			return demo_table[i];
	}
	return NULL;
}

static void
list(void)
{
	printf("Questions, answered by doing it:\n\n");
	for (size_t i = 0; demo_table[i] != NULL; i++)
		printf("  mpcrawl demo %-10s %s\n", demo_table[i]->name,
		    demo_table[i]->question);
	printf("\n%s", command_demo_more);
}

static int
unknown(const char *word)
{
	const char *names[16], *near;
	size_t n = 0;

	for (; demo_table[n] != NULL && n < ARRAY_LEN(names); n++)
		names[n] = demo_table[n]->name;
	near = config_nearest(word, names, n);
	fprintf(stderr,
	    "mpcrawl: no demo %s%s%s%s; `mpcrawl demo` names them\n", word,
	    near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
	return EXIT_USAGE;
}

static void
help(const struct demo *demo)
{
	printf("  mpcrawl demo %s%s\n\n%s\n\n%s", demo->name,
	    demo->options ? " [OPTIONS]" : "", demo->question, demo->about);
	if (demo->options == NULL)
		return;
	putchar('\n');
	for (const struct demo_option *o = demo->options; o->name; o++)
		printf("  %s %-*s  %s\n", o->name, (int)(20 - strlen(o->name)),
		    o->value ? o->value : "", o->help);
}

static bool
take_number(const struct demo_option *option, const char *word)
{
	char *end;
	long number = strtol(word, &end, 10);

	if (end == word || *end != '\0' || number < option->least ||
	    number > option->most) {
		fprintf(stderr,
		    "mpcrawl: %s: %s is not a number from %ld to %ld\n",
		    option->name, word, option->least, option->most);
		return false;
	}
	*option->number = number;
	return true;
}

/* One option, its value in argv[1] if it has one.  How many words; 0: wrong. */
static int
take_option(const struct demo *demo, int argc, char **argv)
{
	const struct demo_option *o = demo->options;

	while (o != NULL && o->name != NULL && strcmp(o->name, argv[0]) != 0)
		o++;
	if (o == NULL || o->name == NULL) {
		fprintf(stderr,
		    "mpcrawl: demo %s has no option %s; `mpcrawl demo %s "
		    "--help` names them\n",
		    demo->name, argv[0], demo->name);
		return 0;
	}
	if (o->value == NULL) {
		*o->flag = true;
		return 1;
	}
	if (argc < 2) {
		fprintf(stderr, "mpcrawl: %s wants a value, %s\n", o->name,
		    o->value);
		return 0;
	}
	if (o->number != NULL)
		return take_number(o, argv[1]) ? 2 : 0;
	*o->text = argv[1];
	return 2;
}

static int
run(const struct demo *demo)
{
	int r;

	/* Children inherit no half a line. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("Question: %s\n\n%s", demo->question, demo->about);
	r = demo->run != NULL ? demo->run() : pair_steps(demo->steps);
	if (r < 0) {
		fprintf(stderr, "mpcrawl demo %s: %s\n", demo->name,
		    strerror(-r));
		return EXIT_INTERNAL;
	}
	printf("%s", demo->answer);
	return demo_all_held() ? EXIT_FINISHED : EXIT_INTERNAL;
}

int
command_demo(int argc, char **argv)
{
	const struct demo *demo;

	if (argc < 2) {
		list();
		return EXIT_FINISHED;
	}
	demo = find(argv[1]);
	if (demo == NULL)
		return unknown(argv[1]);
	for (int i = 2, n; i < argc; i += n) {
		if (strcmp(argv[i], "--help") == 0 ||
		    strcmp(argv[i], "-h") == 0) {
			help(demo);
			return EXIT_FINISHED;
		}
		n = take_option(demo, argc - i, argv + i);
		if (n == 0)
			return EXIT_USAGE;
	}
	return run(demo);
}
