/*
 * scheduler_answer - what a person asks, by way of the supervisor.
 *
 * What changes something is committed before it is answered, so whoever has
 * the answer has it for good.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cmd/inquiry.h"
#include "cmd/log.h"
#include "cmd/relay.h"
#include "cmd/role/scheduler_impl.h"

enum {
	ANSWERS_TURN = 8, /* of one turn: pages come first */
};

/* An order that lies aside was taken before the answer, and may be what is not
 * to be sent any more: it is taken anew. */
static void
take_aside_back(struct scheduler *s, int64_t now)
{
	struct order order;

	if (!s->has_aside)
		return;
	s->has_aside = false;
	if (order_read(s->aside, s->shape.order_size, &order) == 0)
		frontier_come_back(s->frontier, &order, now);
}

static int
answer(struct scheduler *s, const struct relay_packet *packet, size_t len,
    int64_t now)
{
	json_t *request = json_loadb(packet->text, len, 0, NULL);
	struct inquiry inquiry = { .frontier = s->frontier,
		.config = s->config,
		.now_ms = now };
	json_t *reply = inquiry_answer(&inquiry, request);
	char *text = NULL;
	int r = 0;

	if (inquiry.changed) {
		take_aside_back(s, now);
		r = scheduler_commit(s, now);
	}
	if (r == 0)
		text = json_dumps(reply, JSON_COMPACT);
	/* Unanswered, who asked is told so by the supervisor in time. */
	if (text != NULL &&
	    relay_send(s->channel, packet->number, text, strlen(text)) < 0)
		log_warn("an answer for the control socket was dropped: the "
			 "supervisor does not read, or it was too long");
	free(text);
	json_decref(reply);
	json_decref(request);
	return r;
}

int
scheduler_answer(struct scheduler *s, int64_t now)
{
	static struct relay_packet packet;
	size_t len;
	int r = 0;

	for (int i = 0; r == 0 && i < ANSWERS_TURN && s->channel >= 0; i++) {
		int got = relay_receive(s->channel, &packet, &len);

		if (got == -EPIPE) {
			loop_forget(&s->loop, s->channel);
			close(s->channel);
			s->channel = -1;
		}
		if (got <= 0)
			break;
		r = answer(s, &packet, len, now);
	}
	return r;
}
