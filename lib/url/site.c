#include "lib/url/site.h"

#include <libpsl.h>

#include "lib/base/utf8.h"

enum {
	/* 253 in A-labels; the same name in U-labels may take more bytes. */
	SITE_NAME_MAX = 1023
};

static bool
ipv4_like(struct span host)
{
	size_t at = host.len;

	while (at > 0 && host.ptr[at - 1] >= '0' && host.ptr[at - 1] <= '9')
		at--;
	return at < host.len && (at == 0 || host.ptr[at - 1] == '.');
}

/* A lower-case C string of `host`, if it is a name. */
static bool
copy_name(struct span host, char name[SITE_NAME_MAX + 1])
{
	if (host.len == 0 || host.len > SITE_NAME_MAX || ipv4_like(host) ||
	    host.ptr[host.len - 1] == '.' ||
	    utf8_valid_prefix(host) != host.len)
		return false;
	for (size_t i = 0; i < host.len; i++) {
		if (host.ptr[i] == '\0' || host.ptr[i] == '[' ||
		    (host.ptr[i] == '.' && (i == 0 || host.ptr[i - 1] == '.')))
			return false;
		name[i] = span_lower(host.ptr[i]);
	}
	name[host.len] = '\0';
	return true;
}

bool
site_registrable(struct span host, struct span *out)
{
	const psl_ctx_t *list = psl_builtin();
	char name[SITE_NAME_MAX + 1];
	const char *found;

	if (host.len > 0 && host.ptr[host.len - 1] == '.')
		host.len--;
	if (list == NULL || !copy_name(host, name))
		return false;
	found = psl_registrable_domain(list, name);
	if (found == NULL)
		return false;
	*out = span_from_at(host, (size_t)(found - name));
	return true;
}
