#include "cmd/demo/demo.h"

#include <poll.h>
#include <stdarg.h>
#include <time.h>

static bool all_held = true;

void
demo_heading(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	putchar('\n');
	vprintf(fmt, args);
	va_end(args);
	printf("\n\n");
}

static PRINTF_LIKE(3, 0) void verdict(bool holds, const char *failed,
    const char *fmt, va_list args)
{
	printf("  [%s] ", holds ? "yes" : failed);
	vprintf(fmt, args);
	putchar('\n');
	if (!holds)
		all_held = false;
}

void
demo_claim(bool holds, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	verdict(holds, "NO", fmt, args);
	va_end(args);
}

void
demo_measured(bool holds, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	verdict(holds, "not this time: the machine is busy?", fmt, args);
	va_end(args);
}

bool
demo_all_held(void)
{
	return all_held;
}

int64_t
demo_now_ns(void)
{
	struct timespec t;

	/* Cannot fail: the clock is there and the pointer is good. */
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void
demo_wait_ms(int ms)
{
	poll(NULL, 0, ms);
}

static int
by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double
demo_median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), by_value);
	return n % 2 == 1 ? values[n / 2]
			  : (values[n / 2 - 1] + values[n / 2]) / 2;
}
