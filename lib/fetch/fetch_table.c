#include "lib/fetch/fetch_table.h"

#include "lib/base/attr.h"

/* clang-format off */

/*
 * A code left out, and one of a later libcurl, is a failure to read: the
 * connection was there, and what came over it was no answer, or half of one.
 * CURLE_OK is listed since libcurl is content with an answer that ends in the
 * middle of its headers, and we are not.
 */
static const struct fetch_cause codes[] = {
	[CURLE_OK]                      = { REASON_READ_FAIL,     TRUNCATED_NO, false },
	[CURLE_URL_MALFORMAT]           = { REASON_DNS_FAIL,      TRUNCATED_DISCONNECT, false },
	[CURLE_COULDNT_RESOLVE_HOST]    = { REASON_DNS_FAIL,      TRUNCATED_DISCONNECT, true },
	[CURLE_COULDNT_CONNECT]         = { REASON_CONNECT_FAIL,  TRUNCATED_DISCONNECT, false },
	[CURLE_NO_CONNECTION_AVAILABLE] = { REASON_CONNECT_FAIL,  TRUNCATED_DISCONNECT, false },
	[CURLE_FAILED_INIT]             = { REASON_CONNECT_FAIL,  TRUNCATED_MEMORY, true },
	[CURLE_OUT_OF_MEMORY]           = { REASON_CONNECT_FAIL,  TRUNCATED_MEMORY, true },
	[CURLE_OPERATION_TIMEDOUT]      = { REASON_TIMEOUT_TOTAL, TRUNCATED_TIME, false },
	[CURLE_SSL_CONNECT_ERROR]       = { REASON_TLS_FAIL,      TRUNCATED_DISCONNECT, false },
	[CURLE_SSL_ENGINE_NOTFOUND]     = { REASON_TLS_FAIL,      TRUNCATED_DISCONNECT, false },
	[CURLE_SSL_ENGINE_SETFAILED]    = { REASON_TLS_FAIL,      TRUNCATED_DISCONNECT, false },
	[CURLE_SSL_ENGINE_INITFAILED]   = { REASON_TLS_FAIL,      TRUNCATED_DISCONNECT, false },
	[CURLE_SSL_CERTPROBLEM]         = { REASON_TLS_FAIL,      TRUNCATED_DISCONNECT, false },
	[CURLE_SSL_CIPHER]              = { REASON_TLS_FAIL,      TRUNCATED_DISCONNECT, false },
	[CURLE_SSL_CLIENTCERT]          = { REASON_TLS_FAIL,      TRUNCATED_DISCONNECT, false },
	[CURLE_SSL_CACERT_BADFILE]      = { REASON_TLS_FAIL,      TRUNCATED_DISCONNECT, true },
	[CURLE_SSL_CRL_BADFILE]         = { REASON_TLS_FAIL,      TRUNCATED_DISCONNECT, false },
	[CURLE_SSL_ISSUER_ERROR]        = { REASON_TLS_FAIL,      TRUNCATED_DISCONNECT, false },
	[CURLE_SSL_INVALIDCERTSTATUS]   = { REASON_TLS_FAIL,      TRUNCATED_DISCONNECT, false },
	[CURLE_SSL_PINNEDPUBKEYNOTMATCH] = { REASON_TLS_FAIL,     TRUNCATED_DISCONNECT, false },
	[CURLE_PEER_FAILED_VERIFICATION] = { REASON_TLS_FAIL,     TRUNCATED_DISCONNECT, false },
};

static const struct fetch_cause ends[FETCH_ENDS] = {
	[FETCH_END_LENGTH]     = { REASON_READ_FAIL,          TRUNCATED_LENGTH, false },
	[FETCH_END_NO_ROOM]    = { REASON_READ_FAIL,          TRUNCATED_MEMORY, false },
	[FETCH_END_FIRST_BYTE] = { REASON_TIMEOUT_FIRST_BYTE, TRUNCATED_TIME, false },
	[FETCH_END_LOW_SPEED]  = { REASON_LOW_SPEED,          TRUNCATED_TIME, false },
	[FETCH_END_HEADERS]    = { REASON_READ_FAIL,          TRUNCATED_DISCONNECT, false },
	[FETCH_END_UNWANTED]   = { REASON_RULE,               TRUNCATED_NO, false },
	[FETCH_END_NO_MEMORY]  = { REASON_CONNECT_FAIL,       TRUNCATED_MEMORY, true },
	[FETCH_END_REFUSED]    = { REASON_BLOCKED_SSRF,       TRUNCATED_NO, false },
};

/* clang-format on */

static const struct fetch_cause unreadable = { REASON_READ_FAIL,
	TRUNCATED_DISCONNECT, false };

struct fetch_cause
fetch_table_code(CURLcode code)
{
	if ((size_t)code >= ARRAY_LEN(codes) ||
	    codes[code].reason == REASON_NONE)
		return unreadable;
	return codes[code];
}

struct fetch_cause
fetch_table_end(enum fetch_end end)
{
	must(end > FETCH_END_LIBCURL && end < FETCH_ENDS);
	return ends[end];
}
