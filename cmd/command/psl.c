#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/command/command.h"
#include "cmd/command/filter.h"
#include "lib/url/site.h"

static json_t *
answer_domain(void *ctx, json_t *question)
{
	json_t *domain = json_object_get(question, "domain");
	struct span found;
	json_t *answer;
	char *lower;

	(void)ctx;
	if (json_is_null(domain)) /* no name has no owner */
		return json_pack("{s:n}", "registrable");
	if (!json_is_string(domain))
		return filter_error("\"domain\" has to be a string or null");
	if (!site_registrable(span_of(json_string_value(domain),
				  json_string_length(domain)),
		&found))
		return json_pack("{s:n}", "registrable");
	/* Names are the same in either case: one spelling for an answer. */
	lower = malloc(found.len + 1);
	if (lower == NULL)
		return NULL;
	for (size_t i = 0; i < found.len; i++)
		lower[i] = span_lower(found.ptr[i]);
	answer = json_pack("{s:s%}", "registrable", lower, found.len);
	free(lower);
	return answer;
}

const char command_psl_more[] =
    "The answer, {\"registrable\": NAME}, is what one owner holds of it; null: "
    "a\n"
    "public suffix, an address or no name.\n\n"
    "  echo '{\"domain\": \"www.example.co.uk\"}' | mpcrawl psl\n";

int
command_psl(int argc, char **argv)
{
	int r;

	if (argc > 1) {
		fprintf(stderr,
		    "usage: mpcrawl %s < questions\n"
		    "a question is a line {\"domain\": NAME}; the answer is "
		    "what one owner holds of it, or null\n",
		    argv[0]);
		return 2;
	}
	r = filter_run(answer_domain, NULL, STDIN_FILENO, STDOUT_FILENO);
	if (r < 0)
		fprintf(stderr, "mpcrawl psl: %s\n", strerror(-r));
	return r < 0 ? 1 : 0;
}
