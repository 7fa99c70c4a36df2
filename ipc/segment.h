/*
 * segment - a named shared-memory object of which every page that is touched
 * has been allocated first.
 *
 * A sparse object on a full tmpfs kills with SIGBUS whoever touches the
 * missing page; so no byte is touched before segment_grow() said 0.
 */
#ifndef IPC_SEGMENT_H
#define IPC_SEGMENT_H

#include <stddef.h>
#include <stdint.h>

#include "ipc/attr.h"

struct segment {
	int fd;     /* -1: none */
	char *base; /* NULL: none */
	size_t size;
};

#define SEGMENT_NONE ((struct segment){ .fd = -1 })

/* A new object of `size` bytes, all sparse, mapped MAP_NORESERVE, mode 0600.
 * `name` NULL: without one, at no moment, for those who inherit it by fork.
 * 0, -EEXIST, -ENOMEM (address space), or -errno. */
MUST_USE int segment_create(const char *name, size_t size, struct segment *out);

/* An existing object, whole.  Refused with -EACCES when it is not ours (uid)
 * or open to others; -EBADMSG when it has no size yet; -ENOENT. */
MUST_USE int segment_attach(const char *name, struct segment *out);

/* The same, to look at only. */
MUST_USE int segment_watch(const char *name, struct segment *out);

void segment_detach(struct segment *segment);
int segment_unlink(const char *name);

/* Allocate the pages of [at, at + len): 0, or -ENOSPC, -ENOMEM.  Any process,
 * any number of times. */
MUST_USE int segment_grow(struct segment *segment, size_t at, size_t len);

/* Give the pages of [at, at + len) back; they read as zero if grown again. */
MUST_USE int segment_punch(struct segment *segment, size_t at, size_t len);

/* Bytes free in the filesystem of shared memory (fstatvfs); 0 when it cannot
 * be told. */
uint64_t segment_space(void);

#endif
