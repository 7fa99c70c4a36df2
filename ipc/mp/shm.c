#include "ipc/mp/shm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "ipc/segment.h"

struct mp_shm {
	struct segment segment;
	char name[MP_SHM_NAME_MAX + 1];
};

static int
name_check(const char *name)
{
	size_t len = strlen(name);

	return name[0] == '/' && len > 1 && len <= MP_SHM_NAME_MAX &&
		       strchr(name + 1, '/') == NULL
		   ? 0
		   : MP_EINVAL;
}

static int
name_random(char out[MP_SHM_NAME_MAX + 1])
{
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -errno;
	snprintf(out, MP_SHM_NAME_MAX + 1, "/mpshm.%016llx",
	    (unsigned long long)number);
	return 0;
}

/* All its pages, whatever its maker came to: then touching it never fails. */
static int
take_whole(struct mp_shm *shm)
{
	return segment_grow(&shm->segment, 0, shm->segment.size);
}

int
mp_shm_create(const char *name, size_t size, struct mp_shm **out)
{
	struct mp_shm *shm;
	int r;

	if (size == 0 || size > INT64_MAX ||
	    (name != NULL && name_check(name) < 0))
		return MP_EINVAL;
	shm = malloc(sizeof(*shm));
	if (shm == NULL)
		return -ENOMEM;
	*shm = (struct mp_shm){ .segment = SEGMENT_NONE };
	r = 0;
	if (name != NULL)
		memcpy(shm->name, name, strlen(name) + 1);
	else
		r = name_random(shm->name);
	if (r == 0)
		r = segment_create(shm->name, size, &shm->segment);
	if (r < 0)
		goto done;
	r = take_whole(shm);
	if (r < 0) {
		(void)!segment_unlink(shm->name);
		goto done;
	}
	*out = shm;
	shm = NULL;
done:
	mp_shm_close(shm);
	return r;
}

int
mp_shm_attach(const char *name, struct mp_shm **out)
{
	struct mp_shm *shm;
	int r;

	if (name_check(name) < 0)
		return MP_EINVAL;
	shm = malloc(sizeof(*shm));
	if (shm == NULL)
		return -ENOMEM;
	*shm = (struct mp_shm){ .segment = SEGMENT_NONE };
	memcpy(shm->name, name, strlen(name) + 1);
	r = segment_attach(name, &shm->segment);
	if (r == 0)
		r = take_whole(shm);
	if (r == 0) {
		*out = shm;
		shm = NULL;
	}
	mp_shm_close(shm);
	return r;
}

void
mp_shm_close(struct mp_shm *shm)
{
	if (shm == NULL)
		return;
	segment_detach(&shm->segment);
	free(shm);
}

int
mp_shm_unlink(struct mp_shm *shm)
{
	return segment_unlink(shm->name);
}

void *
mp_shm_data(struct mp_shm *shm)
{
	return shm->segment.base;
}

size_t
mp_shm_size(const struct mp_shm *shm)
{
	return shm->segment.size;
}

const char *
mp_shm_name(const struct mp_shm *shm)
{
	return shm->name;
}
