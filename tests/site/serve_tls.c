/*
 * serve_tls - a test CA that is made at the start, and a certificate for each
 * host when it is first asked for.  One key for all of them.
 */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <time.h>

#include "tests/site/serve_impl.h"

enum {
	DAY_S = 24 * 3600
};

struct serve_ca {
	struct serve *serve;
	SSL_CTX *ctx;
	EVP_PKEY *key;
	X509 *certificate;
	long serial;
};

static void
add_extension(X509 *to, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *extension;

	X509V3_set_ctx(&ctx, issuer, to, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	must(extension != NULL && X509_add_ext(to, extension, -1) == 1);
	X509_EXTENSION_free(extension);
}

/* For `name`; by `issuer`, NULL: by itself, and then it is a CA. */
static X509 *
make_certificate(struct serve_ca *ca, const char *name, X509 *issuer,
    const char *alt, long from_s, long to_s)
{
	X509 *made = X509_new();
	X509_NAME *subject;

	must(made != NULL && X509_set_version(made, 2) == 1);
	/* Not the ones of a former run: a client may remember those. */
	must(ASN1_INTEGER_set_int64(X509_get_serialNumber(made),
		 (int64_t)time(NULL) << 20 | ca->serial++) == 1);
	must(X509_gmtime_adj(X509_getm_notBefore(made), from_s) != NULL);
	must(X509_gmtime_adj(X509_getm_notAfter(made), to_s) != NULL);
	subject = X509_get_subject_name(made);
	must(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
		 (const unsigned char *)name, -1, -1, 0) == 1);
	must(X509_set_issuer_name(made,
		 issuer ? X509_get_subject_name(issuer) : subject) == 1);
	must(X509_set_pubkey(made, ca->key) == 1);
	if (alt == NULL)
		add_extension(made, made, NID_basic_constraints,
		    "critical,CA:TRUE");
	else
		add_extension(made, issuer ? issuer : made,
		    NID_subject_alt_name, alt);
	must(X509_sign(made, ca->key, EVP_sha256()) > 0);
	return made;
}

static X509 *
certificate_of(struct serve_ca *ca, struct serve_host *host, const char *name)
{
	const char *subject = "site";
	char alt[300];
	int digits = (int)strspn(name, "0123456789.");

	if (host->certificate != NULL && host->certified == host->tls)
		return host->certificate;
	snprintf(alt, sizeof(alt), "%s:%s", name[digits] == '\0' ? "IP" : "DNS",
	    name);
	if (host->tls == SITE_TLS_OTHER_NAME)
		snprintf(alt, sizeof(alt), "DNS:somebody-else.example");
	host->certified = host->tls;
	host->certificate = make_certificate(ca, subject,
	    host->tls == SITE_TLS_SELF ? NULL : ca->certificate, alt,
	    -10 * DAY_S, host->tls == SITE_TLS_EXPIRED ? -DAY_S : 2 * DAY_S);
	return host->certificate;
}

/* 1 goes on, 0 an alert, -1 never goes on. */
static int
choose_certificate(SSL *ssl, void *arg)
{
	struct serve_peer *peer = SSL_get_app_data(ssl);
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	struct serve_ca *ca = arg;
	struct serve_host *host, nobody = { .tls = SITE_TLS_GOOD };
	X509 *certificate;
	int r;

	if (name == NULL)
		name = peer->ip;
	host = serve_find(ca->serve, span_from(name));
	/* That of "*" has many names. */
	if (host == NULL || strcmp(host->name, "*") == 0) {
		nobody.tls = host ? host->tls : SITE_TLS_GOOD;
		host = &nobody;
	}
	if (host->tls == SITE_TLS_NONE)
		return 0;
	if (host->tls == SITE_TLS_SILENT)
		return -1;
	certificate = certificate_of(ca, host, name);
	r = SSL_use_certificate(ssl, certificate) == 1 &&
	    SSL_use_PrivateKey(ssl, ca->key) == 1;
	X509_free(nobody.certificate);
	return r;
}

/* h2 if they have it, else whatever: HTTP/1.1. */
static int
choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
    const unsigned char *in, unsigned in_len, void *arg)
{
	static const unsigned char ours[] = "\x02h2\x08http/1.1";

	(void)ssl, (void)arg;
	if (SSL_select_next_proto((unsigned char **)out, out_len, ours,
		sizeof(ours) - 1, in, in_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	return SSL_TLSEXT_ERR_OK;
}

struct serve_ca *
serve_ca_new(struct serve *serve, const char *path)
{
	struct serve_ca *ca = calloc(1, sizeof(*ca));
	FILE *file;

	must(ca != NULL);
	ca->serve = serve;
	ca->key = EVP_EC_gen("P-256");
	ca->ctx = SSL_CTX_new(TLS_server_method());
	must(ca->key != NULL && ca->ctx != NULL);
	ca->certificate = make_certificate(ca, "mpcrawl test CA", NULL, NULL,
	    -20 * DAY_S, 20 * DAY_S);
	SSL_CTX_set_mode(ca->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_cert_cb(ca->ctx, choose_certificate, ca);
	SSL_CTX_set_alpn_select_cb(ca->ctx, choose_protocol, NULL);
	if (path == NULL)
		return ca;
	file = fopen(path, "we");
	if (file == NULL)
		return NULL;
	must(PEM_write_X509(file, ca->certificate) == 1);
	return fclose(file) == 0 ? ca : NULL;
}

SSL *
serve_ca_accept(struct serve_ca *ca, struct serve_peer *peer)
{
	SSL *ssl = SSL_new(ca->ctx);

	must(ssl != NULL && SSL_set_fd(ssl, peer->fd) == 1);
	SSL_set_app_data(ssl, peer);
	return ssl;
}
