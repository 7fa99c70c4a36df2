#include "lib/base/err.h"

#include <stdarg.h>

int
err_set(struct err *err, int r, const char *fmt, ...)
{
	va_list ap;

	if (err == NULL)
		return r;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return r;
}
