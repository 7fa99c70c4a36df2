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
	[REASON_RULE]               = "excluded_by_rule",
	[REASON_REDIRECT_LOOP]      = "redirect_loop",
	[REASON_REDIRECT_DOWNGRADE] = "redirect_downgrade",
	[REASON_PROXY_FAIL]         = "proxy_fail",
};

/* What a person may change, when a reason surprises. */
static const char *const reason_keys[REASONS] = {
	[REASON_TLS_FAIL]           = "tls_verify",
	[REASON_TIMEOUT_CONNECT]    = "connect_timeout",
	[REASON_TIMEOUT_FIRST_BYTE] = "first_byte_timeout",
	[REASON_TIMEOUT_TOTAL]      = "total_timeout",
	[REASON_LOW_SPEED]          = "low_speed",
	[REASON_BLOCKED_SSRF]       = "allow_private",
	[REASON_ROBOTS_DENIED]      = "robots",
	[REASON_ROBOTS_UNREACHABLE] = "robots_give_up",
	[REASON_OUT_OF_SCOPE]       = "scope",
	[REASON_TOO_LARGE]          = "shm_budget",
	[REASON_TOO_MANY_REDIRECTS] = "max_redirects",
	[REASON_HOST_DOWN]          = "host_give_up",
	[REASON_BUDGET]             = "host_max_pages and its like",
	[REASON_RULE]               = "exclude",
	[REASON_REDIRECT_DOWNGRADE] = "downgrade",
	[REASON_PROXY_FAIL]         = "proxy",
};

static const char *const refusal_keys[REFUSALS] = {
	[REFUSED_SCOPE]           = "scope",
	[REFUSED_RULE]            = "exclude",
	[REFUSED_DEPTH]           = "max_depth",
	[REFUSED_LENGTH]          = "max_url_length",
	[REFUSED_NOFOLLOW]        = "rel_nofollow",
	[REFUSED_CONTACT]         = "contact",
	[REFUSED_TRAP]            = "max_path_depth, max_path_repeat, trap_pattern_cap and _same",
	[REFUSED_LOCATION]        = "sitemaps",
	[REFUSED_GAVE_UP]         = "exclude",
	[REFUSED_UGC]             = "rel_ugc",
	[REFUSED_SPONSORED]       = "rel_sponsored",
	[REFUSED_META_NOFOLLOW]   = "meta_robots",
	[REFUSED_HEADER_NOFOLLOW] = "x_robots_tag",
};

static const char *const refusals[REFUSALS] = {
	[REFUSED_SCOPE]           = "out_of_scope",
	[REFUSED_RULE]            = "excluded_by_rule",
	[REFUSED_DEPTH]           = "too_deep",
	[REFUSED_LENGTH]          = "too_long",
	[REFUSED_SCHEME]          = "not_http",
	[REFUSED_NOFOLLOW]        = "nofollow",
	[REFUSED_CONTACT]         = "no_contact",
	[REFUSED_TRAP]            = "trap",
	[REFUSED_BLOCKED]         = "host_blocked",
	[REFUSED_LOCATION]        = "not_of_the_sitemap",
	[REFUSED_GAVE_UP]         = "regex_gave_up",
	[REFUSED_UGC]             = "ugc",
	[REFUSED_SPONSORED]       = "sponsored",
	[REFUSED_META_NOFOLLOW]   = "meta_nofollow",
	[REFUSED_HEADER_NOFOLLOW] = "header_nofollow",
	[REFUSED_ENTRY]           = "sitemap_entry",
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
reason_key(unsigned reason)
{
	return reason < REASONS && reason_keys[reason] ? reason_keys[reason]
						       : "";
}

const char *
refusal_key(unsigned refusal)
{
	return refusal < REFUSALS && refusal_keys[refusal]
		   ? refusal_keys[refusal]
		   : "";
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
