#include "lib/message/verdict.h"

#include "lib/message/chain.h"

/* Reasons that another try may cure. */
static bool
passes(unsigned reason)
{
	/* clang-format off */
	static const bool table[REASONS] = {
		[REASON_CONNECT_FAIL]       = true,
		[REASON_TLS_FAIL]           = true,
		[REASON_TIMEOUT_CONNECT]    = true,
		[REASON_TIMEOUT_FIRST_BYTE] = true,
		[REASON_TIMEOUT_TOTAL]      = true,
		[REASON_LOW_SPEED]          = true,
		[REASON_READ_FAIL]          = true,
		[REASON_PROXY_FAIL]         = true,
	};
	/* clang-format on */

	return reason < REASONS && table[reason];
}

bool
verdict_is_no_name(const struct capture *capture)
{
	return capture->status == 0 && capture->reason == REASON_DNS_FAIL;
}

bool
verdict_is_wait(const struct capture *capture)
{
	return capture->status == 429 || capture->status == 503 ||
	       verdict_is_no_name(capture);
}

bool
verdict_is_host_trouble(const struct capture *capture)
{
	return capture->status == 0 &&
	       (capture->reason == REASON_DNS_FAIL ||
		   capture->reason == REASON_CONNECT_FAIL ||
		   capture->reason == REASON_TLS_FAIL ||
		   capture->reason == REASON_PROXY_FAIL ||
		   capture->reason == REASON_TIMEOUT_CONNECT);
}

/* Again while `used` leaves some of `allowed`, else failed. */
static struct decision
decide_again(uint32_t used, uint32_t allowed, unsigned reason)
{
	return (
	    struct decision){ used < allowed ? VERDICT_RETRY : VERDICT_FAILED,
		(uint8_t)reason };
}

static bool
is_downgrade(struct span from, struct span to)
{
	return span_starts(from, SPAN("https:")) &&
	       span_starts(to, SPAN("http:"));
}

static struct decision
decide_redirect(const struct verdict_limits *limits, const struct order *order,
    const struct capture *capture)
{
	bool same = capture->redirect == REDIRECT_SAME;
	bool to_itself = span_eq(capture->location, order->url);

	if (chain_has(order->chain, capture->location) || (to_itself && !same))
		return (
		    struct decision){ VERDICT_FAILED, REASON_REDIRECT_LOOP };
	if (limits->refuse_downgrade &&
	    is_downgrade(order->url, capture->location))
		return (struct decision){ VERDICT_FAILED,
			REASON_REDIRECT_DOWNGRADE };
	/* The tries end it should the frontier not take it for the same. */
	if (order->hops >= limits->max_redirects ||
	    (same && order->tries > limits->retries))
		return (struct decision){ VERDICT_FAILED,
			REASON_TOO_MANY_REDIRECTS };
	return (
	    struct decision){ same ? VERDICT_RETRY : VERDICT_REDIRECTED, 0 };
}

struct decision
verdict_decide(const struct verdict_limits *limits, const struct order *order,
    const struct capture *capture)
{
	struct decision none = { VERDICT_QUARANTINED, REASON_QUARANTINED };
	unsigned status;

	if (order->reason == REASON_HOST_DOWN)
		return (struct decision){ VERDICT_FAILED, order->reason };
	if (order->reason != REASON_NONE)
		return (struct decision){ VERDICT_EXCLUDED, order->reason };
	if (capture == NULL)
		return none;
	status = capture->status;
	if (status != 0 && capture->reason == REASON_RULE)
		return (struct decision){ VERDICT_EXCLUDED, REASON_RULE };
	if (order->is_probe && verdict_is_host_trouble(capture))
		return (struct decision){ VERDICT_RETRY, capture->reason };
	if (verdict_is_no_name(capture))
		return decide_again(order->waits,
		    limits->retries > 0 ? limits->max_waits : 0,
		    capture->reason);
	if (status == 0)
		return decide_again(order->tries,
		    passes(capture->reason) ? limits->retries : 0,
		    capture->reason);
	if (verdict_is_wait(capture))
		return decide_again(order->waits, limits->max_waits, 0);
	if (status >= 500 || status == 408)
		return decide_again(order->tries, limits->retries, 0);
	if (status >= 300 && status < 400 && capture->location.len > 0)
		return decide_redirect(limits, order, capture);
	if (status == 404 || status == 410)
		return (struct decision){ VERDICT_GONE, 0 };
	return (struct decision){ VERDICT_DONE, 0 };
}
