#include <arpa/inet.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xxhash.h>

#include "lib/config/config.h"
#include "lib/fetch/addrguard.h"
#include "lib/fetch/fetch_impl.h"
#include "lib/message/reason.h"

/*
 * The receive buffer, which each transfer in flight has.  Measured at 14 and
 * 26 KB a page: 4 KB costs 40 % more CPU, 8 KB 15 %, 32 KB 6 % less, 64 KB no
 * less than that; of the 28 KB that a transfer takes it is the larger part.
 */
#define TRANSFER_BUFFER (16u << 10)

/* How often names that are too old are dropped. */
#define TRANSFER_SWEEP_MS 1000

/* For the record, be it that nothing comes of it. */
static void
transfer_note_address(struct transfer *t, const struct sockaddr *to)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (to->sa_family == AF_INET) {
		memcpy(&in, to, sizeof(in));
		inet_ntop(AF_INET, &in.sin_addr, t->run.ip, sizeof(t->run.ip));
		t->run.port = ntohs(in.sin_port);
	} else if (to->sa_family == AF_INET6) {
		memcpy(&in6, to, sizeof(in6));
		inet_ntop(AF_INET6, &in6.sin6_addr, t->run.ip,
		    sizeof(t->run.ip));
		t->run.port = ntohs(in6.sin6_port);
	}
}

/*
 * Called by libcurl.  The address is known, nothing is connected: the place
 * for the guard, since a name may resolve to anything, and to something else
 * the next time.
 */
static curl_socket_t
transfer_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct transfer *t = arg;
	int fd;

	(void)purpose;
	if (!t->run.proxied)
		transfer_note_address(t, &to->addr);
	if (!t->pool->options.allow_private && !t->run.proxied &&
	    addrguard_refuses(&to->addr) != NULL) {
		t->run.refused = true;
		return CURL_SOCKET_BAD;
	}
	fd = socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			  errno == ENOMEM))
		t->run.starved = true;
	t->run.allowed = true;
	return fd;
}

/* What the connection has agreed on; a libcurl over another library than
 * OpenSSL does not tell. */
static void
transfer_note_tls(struct transfer *t)
{
	const struct curl_tlssessioninfo *info = NULL;
	const SSL *ssl;

	if (!t->run.is_tls ||
	    curl_easy_getinfo(t->easy, CURLINFO_TLS_SSL_PTR, &info) !=
		CURLE_OK ||
	    info == NULL || info->backend != CURLSSLBACKEND_OPENSSL ||
	    info->internals == NULL)
		return;
	ssl = info->internals;
	t->run.tls_version = SSL_get_version(ssl);
	t->run.tls_cipher = SSL_get_cipher_name(ssl);
}

/* Called by libcurl when there is a connection and the request comes next. */
static int
transfer_connected(void *arg, char *ip, char *local_ip, int port,
    int local_port)
{
	struct transfer *t = arg;

	(void)local_ip, (void)local_port;
	if (!t->run.proxied) {
		snprintf(t->run.ip, sizeof(t->run.ip), "%s", ip);
		t->run.port = (uint16_t)port;
	}
	transfer_note_tls(t);
	t->run.phase = TRANSFER_SENT;
	watchdog_watch(&t->pool->first_byte, &t->watched, t->pool->clock_ms);
	return CURL_PREREQFUNC_OK;
}

/* The headers are there: whoever started it may not want the rest. */
static bool
transfer_is_wanted(struct transfer *t)
{
	const struct fetch_hooks *hooks = &t->pool->hooks;
	uint16_t status = header_status(&t->header);

	if (status == 0 || t->run.asked || hooks->wants == NULL)
		return true;
	t->run.asked = true;
	return hooks->wants(hooks->arg, t->run.user, status,
	    header_find(buf_span(&t->header.lines), SPAN("content-type")));
}

/* Called by libcurl with one line of the header. */
static size_t
transfer_take_header(char *bytes, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	int r;

	if (t->run.phase != TRANSFER_ANSWERED) {
		t->run.phase = TRANSFER_ANSWERED;
		watchdog_watch(&t->pool->low_speed, &t->watched,
		    t->pool->clock_ms);
	}
	t->run.window += size * n;
	r = header_add(&t->header, span_of(bytes, size * n));
	if (r == 0 && transfer_is_wanted(t))
		return size * n;
	if (r == 0) {
		t->run.end = FETCH_END_UNWANTED;
		return 0;
	}
	t->run.end = r == -ENOMEM ? FETCH_END_NO_MEMORY : FETCH_END_HEADERS;
	return 0; /* ends the transfer */
}

/* Called by libcurl with bytes of the body. */
static size_t
transfer_take_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	const struct fetch_hooks *hooks = &t->pool->hooks;
	size_t len = size * n, fits = len;

	t->run.window += len;
	if (fits > t->run.max_body - t->run.taken)
		fits = (size_t)(t->run.max_body - t->run.taken);
	if (fits > 0 &&
	    hooks->body(hooks->arg, t->run.user, bytes, fits) != 0) {
		t->run.end = FETCH_END_NO_ROOM;
		return 0;
	}
	t->run.taken += fits;
	if (fits == len)
		return len;
	t->run.end = FETCH_END_LENGTH;
	return 0;
}

/* All that never changes from one transfer to the next. */
static CURLcode
transfer_set_options(struct transfer *t)
{
	const struct fetch_options *o = &t->pool->options;
	CURL *easy = t->easy;
	CURLcode code = CURLE_OK;

#define SET(option, value)                                                     \
	if (code == CURLE_OK)                                                  \
	code = curl_easy_setopt(easy, option, value)

	SET(CURLOPT_PRIVATE, t);
	SET(CURLOPT_NOSIGNAL, 1L);
	/* Never wait for a look-up that is stuck in its thread. */
	SET(CURLOPT_QUICK_EXIT, 1L);
	SET(CURLOPT_BUFFERSIZE, (long)TRANSFER_BUFFER);

	/* What is asked for. */
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_PATH_AS_IS, 1L);
	SET(CURLOPT_HTTP_VERSION, o->http >= 2 ? (long)CURL_HTTP_VERSION_2TLS
					       : (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_USERAGENT, o->user_agent);
	SET(CURLOPT_HTTPHEADER, t->pool->headers);
	/* Nothing of this machine, nothing of an earlier answer. */
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NOPROXY, "");
	/* What a proxy says before it is the site's turn. */
	SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	SET(CURLOPT_IPRESOLVE, o->ip_version == 4 ? (long)CURL_IPRESOLVE_V4
			       : o->ip_version == 6
				   ? (long)CURL_IPRESOLVE_V6
				   : (long)CURL_IPRESOLVE_WHATEVER);
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	/* Bodies as they are sent: digests are over these bytes. */
	SET(CURLOPT_HTTP_CONTENT_DECODING, 0L);
	SET(CURLOPT_HTTP09_ALLOWED, 0L);

	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)o->connect_timeout_ms);
	SET(CURLOPT_TIMEOUT_MS, (long)o->total_timeout_ms);

	if (o->ca_file != NULL) {
		SET(CURLOPT_CAINFO, o->ca_file);
		SET(CURLOPT_PROXY_CAINFO, o->ca_file);
	}
	/*
	 * One file and no folder: only then does libcurl keep the list of
	 * authorities in memory, instead of reading it for each connection.
	 */
	SET(CURLOPT_CAPATH, NULL);
	SET(CURLOPT_PROXY_CAPATH, NULL);

	SET(CURLOPT_OPENSOCKETFUNCTION, transfer_open_socket);
	SET(CURLOPT_OPENSOCKETDATA, t);
	SET(CURLOPT_PREREQFUNCTION, transfer_connected);
	SET(CURLOPT_PREREQDATA, t);
	SET(CURLOPT_HEADERFUNCTION, transfer_take_header);
	SET(CURLOPT_HEADERDATA, t);
	SET(CURLOPT_WRITEFUNCTION, transfer_take_body);
	SET(CURLOPT_WRITEDATA, t);
#undef SET
	return code;
}

/*
 * libcurl goes through all of its names at the end of each transfer, to drop
 * those that are too old: with 20,000 hosts that is 0.35 ms a page.  Told that
 * names live for ever it does not; so most transfers are told that, and one
 * now and then knows the true age and cleans up for all.
 */
static void
transfer_set_dns_age(struct transfer *t, bool sweeps)
{
	int64_t age_ms = t->pool->options.dns_cache_ms;

	t->run.sweeps = sweeps;
	curl_easy_setopt(t->easy, CURLOPT_DNS_CACHE_TIMEOUT,
	    sweeps || age_ms == 0 ? (long)(age_ms / 1000) : -1L);
}

static void
transfer_verify(struct transfer *t, bool verify)
{
	curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
	curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
	t->run.unverified = !verify;
}

int
transfer_new(struct fetch_pool *pool, struct transfer **out)
{
	struct transfer *t = calloc(1, sizeof(*t));
	CURLcode code;
	int r = -ENOMEM;

	if (t == NULL)
		return -ENOMEM;
	t->pool = pool;
	buf_init(&t->url, URL_MAX + 1);
	header_init(&t->header);
	t->easy = curl_easy_init();
	if (t->easy == NULL)
		goto done;
	code = transfer_set_options(t);
	if (code != CURLE_OK) {
		r = code == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL;
		goto done;
	}
	transfer_set_dns_age(t, false);
	transfer_reset(t);
	*out = t;
	t = NULL;
	r = 0;
done:
	transfer_free(t);
	return r;
}

void
transfer_free(struct transfer *t)
{
	if (t == NULL)
		return;
	curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->headers);
	curl_slist_free_all(t->connect_to);
	buf_fini(&t->url);
	header_fini(&t->header);
	free(t);
}

/* Without one it is as it was: a whole handshake. */
static void
transfer_share(struct transfer *t, struct span url)
{
	struct fetch_pool *pool = t->pool;
	const char *slash = memchr(url.ptr + 8, '/', url.len - 8);
	size_t len = slash ? (size_t)(slash - url.ptr) : url.len;
	CURLSH **share = &pool->shares[XXH3_64bits(url.ptr, len) % POOL_SHARES];

	if (*share == NULL) {
		*share = curl_share_init();
		if (*share != NULL &&
		    curl_share_setopt(*share, CURLSHOPT_SHARE,
			CURL_LOCK_DATA_SSL_SESSION) != CURLSHE_OK) {
			curl_share_cleanup(*share);
			*share = NULL;
		}
	}
	curl_easy_setopt(t->easy, CURLOPT_SHARE, *share);
}

int
transfer_begin(struct transfer *t, const struct fetch_request *request)
{
	struct fetch_pool *pool = t->pool;
	CURLUcode unfit;
	CURLcode code;
	int r;

	must(request->user != NULL);
	if (memchr(request->url.ptr, '\0', request->url.len) != NULL)
		return -EINVAL;
	buf_clear(&t->url);
	r = buf_add_span(&t->url, request->url);
	if (r == 0)
		r = buf_add_char(&t->url, '\0');
	if (r < 0)
		return r == -EMSGSIZE ? -EINVAL : r;

	/* libcurl would find out when the transfer runs, and then it is too
	 * late to say so here. */
	t->run.is_tls = span_starts(request->url, SPAN("https://"));
	if (!t->run.is_tls && !span_starts(request->url, SPAN("http://")))
		return -EINVAL;
	unfit = curl_url_set(pool->checker, CURLUPART_URL, t->url.ptr,
	    CURLU_PATH_AS_IS);
	if (unfit != CURLUE_OK)
		return unfit == CURLUE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL;
	code = curl_easy_setopt(t->easy, CURLOPT_URL, t->url.ptr);
	if (code != CURLE_OK)
		return code == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL;
	if (t->run.is_tls)
		transfer_share(t, request->url);
	r = transfer_amend(t, request);
	if (r < 0)
		return r;

	if (pool->clock_ms >= pool->sweep_due_ms) {
		pool->sweep_due_ms = pool->clock_ms + TRANSFER_SWEEP_MS;
		transfer_set_dns_age(t, true);
	}
	t->run.user = request->user;
	t->run.max_body = request->max_body;
	if (t->run.is_tls && pool->options.tls_verify == CONFIG_TLS_RECORD &&
	    !t->run.is_secret &&
	    badcert_has(&pool->badcert, request->url, pool->clock_ms))
		transfer_verify(t, false);
	return 0;
}

void
transfer_reset(struct transfer *t)
{
	bool verify = t->pool->options.tls_verify != CONFIG_TLS_OFF;

	if (t->run.sweeps)
		transfer_set_dns_age(t, false);
	if (t->run.spent_ms > 0)
		curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS,
		    (long)t->pool->options.total_timeout_ms);
	if (t->run.amended)
		transfer_restore(t);
	t->run = (struct transfer_run){ 0 };
	transfer_verify(t, verify);
	header_clear(&t->header);
}

static int32_t
transfer_ms(const struct transfer *t, CURLINFO info)
{
	curl_off_t us = 0;

	curl_easy_getinfo(t->easy, info, &us);
	return us / 1000 > INT32_MAX ? INT32_MAX : (int32_t)(us / 1000);
}

/*
 * libcurl and the resolver say "no such host" and "no such file" when there
 * was no descriptor to ask with.  Was it that?  What the attempt held is free
 * again by now, so ask for as many as one takes: the two of libcurl's thread
 * and those of the resolver in it.
 */
static bool
transfer_lacked_descriptors(void)
{
	int fds[4], n = 0;
	bool lacks = false;

	while (n < (int)ARRAY_LEN(fds) && !lacks) {
		int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		if (fd >= 0)
			fds[n++] = fd;
		else
			lacks = true;
	}
	while (n > 0)
		close(fds[--n]);
	return lacks;
}

/* The list of authorities is there; who could not read it lacked something
 * else. */
static bool
transfer_has_authorities(const struct transfer *t)
{
	const char *file = t->pool->options.ca_file;

	if (file == NULL)
		file = curl_version_info(CURLVERSION_NOW)->cainfo;
	return file != NULL && access(file, R_OK) == 0;
}

bool
transfer_retries_unverified(struct transfer *t, CURLcode code)
{
	struct fetch_pool *pool = t->pool;
	int64_t total_ms = pool->options.total_timeout_ms;
	int32_t spent_ms = transfer_ms(t, CURLINFO_TOTAL_TIME_T);

	/* Nobody is told a secret who cannot say who he is. */
	if (pool->options.tls_verify != CONFIG_TLS_RECORD ||
	    t->run.unverified || t->run.is_secret ||
	    t->run.phase != TRANSFER_CONNECTING ||
	    (code != CURLE_PEER_FAILED_VERIFICATION &&
		code != CURLE_SSL_CACERT_BADFILE))
		return false;
	if (total_ms > 0 && spent_ms >= total_ms)
		return false;
	if (code == CURLE_SSL_CACERT_BADFILE && transfer_has_authorities(t))
		return false;
	badcert_add(&pool->badcert, span_of(t->url.ptr, t->url.len - 1),
	    pool->clock_ms);
	transfer_verify(t, false);
	/* At least 1, which is how transfer_reset() knows. */
	t->run.spent_ms = spent_ms > 0 ? spent_ms : 1;
	if (total_ms > 0)
		curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS,
		    (long)(total_ms - spent_ms));
	return true;
}

bool
transfer_is_refused(const struct transfer *t)
{
	return t->run.proxied && t->run.refused;
}

bool
transfer_is_slow(const struct transfer *t)
{
	const struct fetch_options *o = &t->pool->options;

	return t->run.window <
	       o->low_speed_bytes * (uint64_t)o->low_speed_ms / 1000;
}

/* Is it the proxy that failed, rather than what is behind it? */
static bool
transfer_is_proxys(const struct transfer *t)
{
	long answer = 0;

	if (!t->run.proxied || t->run.end != FETCH_END_LIBCURL)
		return false;
	curl_easy_getinfo(t->easy, CURLINFO_HTTP_CONNECTCODE, &answer);
	return t->run.code == CURLE_COULDNT_RESOLVE_PROXY ||
	       t->run.code == CURLE_PROXY ||
	       t->run.code == CURLE_COULDNT_CONNECT || answer >= 300;
}

static struct fetch_cause
transfer_cause(const struct transfer *t)
{
	if (transfer_is_proxys(t))
		return (struct fetch_cause){ .reason = REASON_PROXY_FAIL };
	/* What libcurl says of a header line over 100 KB, once connected. */
	if (t->run.end == FETCH_END_LIBCURL &&
	    t->run.code == CURLE_OUT_OF_MEMORY && t->run.port != 0)
		return fetch_table_end(FETCH_END_HEADERS);
	return t->run.end == FETCH_END_LIBCURL
		   ? fetch_table_code(t->run.code)
		   : fetch_table_end((enum fetch_end)t->run.end);
}

void
transfer_end(struct transfer *t, CURLcode code)
{
	t->run.code = code;
	t->run.end_unix_ms = t->pool->unix_ms;
	if (header_status(&t->header) != 0 || !transfer_cause(t).maybe_short)
		return;
	/* Failures are rare enough for a few system calls each. */
	if (code == CURLE_COULDNT_RESOLVE_HOST)
		t->run.starved = transfer_lacked_descriptors();
	else if (code == CURLE_SSL_CACERT_BADFILE)
		t->run.starved = transfer_has_authorities(t);
	else
		t->run.starved = true;
}

/* Why there is no answer.  The cause is refined by how far we had got. */
static uint8_t
transfer_reason(const struct transfer *t, struct fetch_cause cause)
{
	int64_t total_ms = t->pool->options.total_timeout_ms;

	if (t->run.starved && t->run.phase == TRANSFER_CONNECTING)
		return REASON_CONNECT_FAIL;
	if (cause.reason == REASON_CONNECT_FAIL && t->run.refused &&
	    !t->run.allowed)
		return REASON_BLOCKED_SSRF;
	/* libcurl has one code for its two timeouts. */
	if (cause.reason == REASON_TIMEOUT_TOTAL &&
	    t->run.phase == TRANSFER_CONNECTING &&
	    (total_ms <= 0 ||
		t->run.spent_ms + transfer_ms(t, CURLINFO_TOTAL_TIME_T) <
		    total_ms))
		return transfer_ms(t, CURLINFO_NAMELOOKUP_TIME_T) == 0 &&
			       !t->run.allowed && !t->run.refused
			   ? REASON_DNS_FAIL
			   : REASON_TIMEOUT_CONNECT;
	return cause.reason;
}

static uint8_t
transfer_protocol(const struct transfer *t)
{
	long version = 0;

	curl_easy_getinfo(t->easy, CURLINFO_HTTP_VERSION, &version);
	switch (version) {
	case CURL_HTTP_VERSION_1_0:
		return PROTOCOL_HTTP_1_0;
	case CURL_HTTP_VERSION_1_1:
		return PROTOCOL_HTTP_1_1;
	case CURL_HTTP_VERSION_2_0:
		return PROTOCOL_HTTP_2;
	}
	return PROTOCOL_NONE;
}

static uint8_t
transfer_tls(const struct transfer *t)
{
	if (!t->run.is_tls || t->run.phase == TRANSFER_CONNECTING)
		return TLS_NONE;
	if (!t->run.unverified)
		return TLS_GOOD;
	/* Nobody looked: nothing is known of the certificate. */
	return t->pool->options.tls_verify == CONFIG_TLS_OFF ? TLS_NONE
							     : TLS_BAD_CERT;
}

/* Phases, from the sums that libcurl keeps. */
static void
transfer_times(const struct transfer *t, struct capture *out)
{
	int32_t dns = transfer_ms(t, CURLINFO_NAMELOOKUP_TIME_T);
	int32_t connect = transfer_ms(t, CURLINFO_CONNECT_TIME_T);
	int32_t tls = transfer_ms(t, CURLINFO_APPCONNECT_TIME_T);
	int32_t sent = transfer_ms(t, CURLINFO_PRETRANSFER_TIME_T);
	int32_t first = transfer_ms(t, CURLINFO_STARTTRANSFER_TIME_T);
	int32_t total = transfer_ms(t, CURLINFO_TOTAL_TIME_T);
	bool looked_up = t->run.allowed || t->run.refused;
	bool connected = t->run.phase != TRANSFER_CONNECTING;
	bool opened = t->run.allowed; /* not a connection that was there */

	out->fetch_end_ms = t->run.end_unix_ms;
	out->started_ms = t->run.end_unix_ms;
	out->dns_ms = out->connect_ms = out->tls_ms = out->ttfb_ms = -1;
	out->total_ms = 0;
	if (t->run.end == FETCH_END_REFUSED)
		return; /* what libcurl knows is of another run */
	out->total_ms = total + t->run.spent_ms;
	out->dns_ms = looked_up ? dns : -1;
	out->connect_ms = opened && (connected || connect > 0) ? connect - dns
							       : -1;
	out->tls_ms = opened && connected && t->run.is_tls ? tls - connect : -1;
	out->ttfb_ms = t->run.phase == TRANSFER_ANSWERED ? first - sent : -1;
	out->started_ms = t->run.end_unix_ms - out->total_ms;
}

void
transfer_capture(struct transfer *t, struct capture *out, bool *short_fd)
{
	struct fetch_cause cause = transfer_cause(t);
	struct span lines = buf_span(&t->header.lines);

	*out = (struct capture){ .retry_after_ms = -1 };
	out->port = t->run.port;
	out->ip = span_from(t->run.ip);
	out->tls = transfer_tls(t);
	out->tls_version = span_from(t->run.tls_version);
	out->tls_cipher = span_from(t->run.tls_cipher);
	transfer_times(t, out);
	*short_fd = false;
	out->proxied = t->run.proxied;
	out->status = header_status(&t->header);
	/* It wants to know who we are, and the site has not been asked. */
	if (t->run.proxied && out->status == 407) {
		out->status = 0;
		out->reason = REASON_PROXY_FAIL;
		return;
	}
	if (out->status == 0) {
		out->reason = transfer_reason(t, cause);
		*short_fd = t->run.starved &&
			    out->reason == REASON_CONNECT_FAIL;
		return;
	}
	out->truncated = cause.truncated;
	if (t->run.end == FETCH_END_UNWANTED)
		out->reason = cause.reason;
	out->protocol = transfer_protocol(t);
	out->body_len = t->run.taken;
	out->headers = lines;
	out->content_type = header_find(lines, SPAN("content-type"));
	out->content_encoding = header_find(lines, SPAN("content-encoding"));
	out->retry_after_ms = header_retry_after(lines, t->run.end_unix_ms);
	transfer_location(t, out);
}
