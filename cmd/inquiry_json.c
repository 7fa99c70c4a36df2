#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cmd/inquiry_impl.h"

json_t *
inquiry_text(struct span bytes)
{
	size_t len = bytes.len < 5000 ? bytes.len : 5000;
	json_t *json = json_stringn(bytes.ptr ? bytes.ptr : "", len);
	char copy[5000];

	if (json != NULL)
		return json;
	for (size_t i = 0; i < len; i++)
		copy[i] = (unsigned char)bytes.ptr[i] < 0x80 ? bytes.ptr[i]
							     : '?';
	return json_stringn(copy, len);
}

void
inquiry_put(json_t *object, const char *key, struct span text)
{
	if (text.len > 0)
		json_object_set_new(object, key, inquiry_text(text));
}

void
inquiry_put_number(json_t *object, const char *key, uint64_t n)
{
	json_object_set_new(object, key,
	    json_integer(n < INT64_MAX ? (json_int_t)n : INT64_MAX));
}

json_t *
inquiry_refusal(const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return json_pack("{s:b, s:o}", "ok", 0, "error",
	    inquiry_text(span_from(text)));
}

const char *
inquiry_time(int64_t ms, char out[INQUIRY_TIME])
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;

	if (gmtime_r(&s, &tm) == NULL ||
	    strftime(out, INQUIRY_TIME, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		snprintf(out, INQUIRY_TIME, "?");
	return out;
}

const char *
inquiry_when(int64_t ms, int64_t now_ms, char out[INQUIRY_TIME])
{
	char at[INQUIRY_TIME];

	if (ms <= now_ms)
		snprintf(out, INQUIRY_TIME, "now");
	else
		snprintf(out, INQUIRY_TIME, "at %.28s", inquiry_time(ms, at));
	return out;
}

void
inquiry_put_time(json_t *object, const char *key, int64_t ms)
{
	char text[INQUIRY_TIME];

	if (ms > 0 && ms < INT64_MAX)
		json_object_set_new(object, key,
		    json_string(inquiry_time(ms, text)));
}

size_t
inquiry_from(json_t *request)
{
	json_int_t from = json_integer_value(json_object_get(request, "from"));

	return from > 0 && from < INT32_MAX ? (size_t)from : 0;
}
