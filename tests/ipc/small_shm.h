/*
 * small_shm - a /dev/shm of a few bytes, for the calling process alone.
 */
#ifndef TESTS_IPC_SMALL_SHM_H
#define TESTS_IPC_SMALL_SHM_H

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "tests/harness.h"

static inline void
write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	if (file != NULL) {
		fputs(text, file);
		fclose(file);
	}
}

/* false: this machine lets us have no namespace; where CI=true that is a
 * failure, as a check that is never run checks nothing. */
static inline bool
small_shm(size_t bytes)
{
	const char *ci = getenv("CI");
	char map[32], options[32];
	uid_t uid = getuid();
	bool ok;

	ok = unshare(CLONE_NEWNS | (uid == 0 ? 0 : CLONE_NEWUSER)) == 0;
	if (ok && uid != 0) {
		snprintf(map, sizeof(map), "0 %u 1", uid);
		write_file("/proc/self/setgroups", "deny");
		write_file("/proc/self/uid_map", map);
	}
	snprintf(options, sizeof(options), "size=%zu", bytes);
	ok = ok && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	     mount("small", "/dev/shm", "tmpfs", 0, options) == 0;
	if (!ok)
		printf("no mount namespace here: not checked\n");
	ck_assert_msg(ok || ci == NULL || strcmp(ci, "true") != 0,
	    "CI needs root or user namespaces for this test");
	return ok;
}

#endif
