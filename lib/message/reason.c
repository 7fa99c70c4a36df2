#include "lib/message/reason.h"

#include <stddef.h>

/* clang-format off */
static const char *const reasons[REASONS] = {
	[REASON_NONE]               = "",
	[REASON_DNS_FAIL]           = "dns_fail",
	[REASON_CONNECT_FAIL]       = "connect_fail",
	[REASON_TLS_FAIL]           = "tls_fail",
	[REASON_TIMEOUT_CONNECT]    = "timeout_connect",
	[REASON_TIMEOUT_FIRST_BYTE] = "timeout_first_byte",
	[REASON_TIMEOUT_TOTAL]      = "timeout_total",
	[REASON_LOW_SPEED]          = "low_speed",
	[REASON_READ_FAIL]          = "read_fail",
	[REASON_BLOCKED_SSRF]       = "blocked_ssrf",
	[REASON_ROBOTS_DENIED]      = "robots_denied",
	[REASON_ROBOTS_UNREACHABLE] = "robots_unreachable",
	[REASON_OUT_OF_SCOPE]       = "out_of_scope",
	[REASON_TOO_LARGE]          = "too_large",
	[REASON_TOO_MANY_REDIRECTS] = "too_many_redirects",
	[REASON_TRAP]               = "trap",
	[REASON_QUARANTINED]        = "quarantined",
	[REASON_HOST_BLOCKED]       = "host_blocked",
	[REASON_HOST_DOWN]          = "host_down",
	[REASON_BUDGET]             = "budget",
};

static const char *const refusals[REFUSALS] = {
	[REFUSED_SCOPE]    = "out_of_scope",
	[REFUSED_RULE]     = "excluded_by_rule",
	[REFUSED_DEPTH]    = "too_deep",
	[REFUSED_LENGTH]   = "too_long",
	[REFUSED_SCHEME]   = "not_http",
	[REFUSED_NOFOLLOW] = "nofollow",
};

static const char *const truncateds[TRUNCATEDS] = {
	[TRUNCATED_NO]         = "",
	[TRUNCATED_LENGTH]     = "length",
	[TRUNCATED_DISCONNECT] = "disconnect",
	[TRUNCATED_TIME]       = "time",
	[TRUNCATED_MEMORY]     = "memory",
	[TRUNCATED_DECODED]    = "decoded",
	[TRUNCATED_PARSE]      = "parse",
	[TRUNCATED_LINKS]      = "links",
};

static const char *const verdicts[VERDICTS] = {
	[VERDICT_NONE]        = "none",
	[VERDICT_DONE]        = "done",
	[VERDICT_REDIRECTED]  = "redirected",
	[VERDICT_GONE]        = "gone",
	[VERDICT_FAILED]      = "failed",
	[VERDICT_EXCLUDED]    = "excluded",
	[VERDICT_QUARANTINED] = "quarantined",
	[VERDICT_RETRY]       = "retry",
};
/* clang-format on */

static const char *
name_of(const char *const *names, size_t n, unsigned i)
{
	return i < n && names[i] != NULL ? names[i] : "?";
}

const char *
reason_name(unsigned reason)
{
	return name_of(reasons, ARRAY_LEN(reasons), reason);
}

const char *
refusal_name(unsigned refusal)
{
	return name_of(refusals, ARRAY_LEN(refusals), refusal);
}

const char *
truncated_name(unsigned truncated)
{
	return name_of(truncateds, ARRAY_LEN(truncateds), truncated);
}

const char *
verdict_name(unsigned verdict)
{
	return name_of(verdicts, ARRAY_LEN(verdicts), verdict);
}
