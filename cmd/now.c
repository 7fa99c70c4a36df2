#include "cmd/now.h"

#include <time.h>

static int64_t
clock_us(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
now_unix_ms(void)
{
	/* Taken by the supervisor before its first fork: all workers have the
	 * same. */
	static int64_t base_us;

	if (base_us == 0)
		base_us = clock_us(CLOCK_REALTIME) - clock_us(CLOCK_BOOTTIME);
	return (base_us + clock_us(CLOCK_BOOTTIME)) / 1000;
}

int64_t
now_mono_ms(void)
{
	return clock_us(CLOCK_MONOTONIC) / 1000;
}

int64_t
now_mono_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}
