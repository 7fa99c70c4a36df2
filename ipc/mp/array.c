/*
 * A lock and, behind it in the object's page, the elements.  Those that do not
 * fit are a segment of their own: "<context>.a<number of the object>", made
 * before anybody can see the object, removed with it or with the context.  In a
 * context without a name it has none either, and is handed on by fork.
 */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipc/mp/sync_impl.h"
#include "ipc/mp/value.h"

struct array_body {
	struct mp_latch_body lock;
	alignas(MP_LINE) unsigned char data[MP_PAGE - 4 * MP_LINE];
};

static_assert(sizeof(struct array_body) ==
		  sizeof(((struct mp_object *)0)->body),
    "fills an object");

/* The attributes of its object. */
enum array_attr {
	ATTR_ELEM_SIZE,
	ATTR_LEN,
	ATTR_ANONYMOUS /* 0: found by its name; else nobody else's number */
};

enum {
	SEGMENT_NAME = LAYOUT_NAME_MAX + 16
};

struct mp_array {
	struct mp_context *ctx;
	struct mp_object *object;
	struct mp_latch latch;
	struct segment segment; /* none: it is in the page */
	size_t elem_size, len;
	void *data;
};

static struct array_body *
body_of(struct mp_object *object)
{
	return (struct array_body *)object->body;
}

static void
segment_name(const struct mp_context *ctx, const struct mp_object *object,
    char out[SEGMENT_NAME])
{
	snprintf(out, SEGMENT_NAME, "%s.a%u", ctx->name,
	    (unsigned)(object - mp_object_at(ctx, 0)));
}

static bool
is_named_segment(const struct mp_object *object)
{
	size_t size;

	return object->attr[ATTR_ANONYMOUS] == 0 &&
	       !__builtin_mul_overflow(object->attr[ATTR_ELEM_SIZE],
		   object->attr[ATTR_LEN], &size) &&
	       size > sizeof(body_of(NULL)->data);
}

/* Allocated whole, so that nobody dies of touching it. */
static int
make_segment(const char *name, size_t size, struct segment *out)
{
	struct segment segment = SEGMENT_NONE;
	int r = segment_create(name, size, &segment);

	if (r < 0)
		return r;
	r = segment_grow(&segment, 0, size);
	if (r == 0) {
		*out = segment;
		segment = SEGMENT_NONE;
	} else if (name != NULL) {
		(void)!segment_unlink(name);
	}
	segment_detach(&segment);
	return r;
}

/* Under the lock, for one that is found by its name. */
static int
make(struct mp_context *ctx, struct mp_object *object)
{
	struct segment segment = SEGMENT_NONE;
	char name[SEGMENT_NAME];
	int r;

	if (!is_named_segment(object))
		return 0;
	segment_name(ctx, object, name);
	/* Of one who was killed here: the object is nobody's. */
	(void)!segment_unlink(name);
	r = make_segment(name,
	    object->attr[ATTR_ELEM_SIZE] * object->attr[ATTR_LEN], &segment);
	segment_detach(&segment);
	return r;
}

static void
unmake(struct mp_context *ctx, struct mp_object *object)
{
	char name[SEGMENT_NAME];

	if (!is_named_segment(object))
		return;
	segment_name(ctx, object, name);
	(void)!segment_unlink(name);
}

/* "<digits>", and nothing else. */
static bool
is_number(const char *text)
{
	size_t len = strspn(text, "0123456789");

	return len > 0 && text[len] == '\0';
}

void
mp_arrays_unlink(const char *name)
{
	char prefix[SEGMENT_NAME];
	int len = snprintf(prefix, sizeof(prefix), "%s.a", name + 1);
	DIR *dir = opendir("/dev/shm");
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		struct stat st;

		if (strncmp(entry->d_name, prefix, (size_t)len) != 0 ||
		    !is_number(entry->d_name + len))
			continue;
		/* Never another user's, even where we could. */
		if (fstatat(dirfd(dir), entry->d_name, &st,
			AT_SYMLINK_NOFOLLOW) == 0 &&
		    st.st_uid == geteuid())
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
	if (dir != NULL)
		closedir(dir);
}

static int
attach(struct mp_array *array, size_t size)
{
	char name[SEGMENT_NAME];
	int r;

	segment_name(array->ctx, array->object, name);
	r = segment_attach(name, &array->segment);
	if (r == 0 && array->segment.size != size)
		r = MP_ECORRUPT;
	return r;
}

static int
open_array(struct mp_array *array, const char *name, size_t size)
{
	uint64_t attr[4] = { array->elem_size, array->len };
	bool large = size > sizeof(body_of(NULL)->data);
	bool anonymous = large && array->ctx->name[0] == '\0';
	int r = 0;

	if (mp_view(array->ctx) == NULL)
		return MP_EPERM;
	/* A number that no other opener has: to those it is refused. */
	if (anonymous && getrandom(&attr[ATTR_ANONYMOUS], sizeof(attr[0]), 0) !=
			     sizeof(attr[0]))
		return -errno;
	if (anonymous) {
		attr[ATTR_ANONYMOUS] |= 1;
		r = make_segment(NULL, size, &array->segment);
	}
	if (r == 0)
		r = mp_object_open(array->ctx, MP_KIND_ARRAY, name, attr, make,
		    &array->object);
	if (r == 0 && large && !anonymous)
		r = attach(array, size);
	if (r < 0)
		return r;
	array->latch = mp_latch_in(array->ctx, &body_of(array->object)->lock,
	    true);
	array->data = large ? (void *)array->segment.base
			    : body_of(array->object)->data;
	return 0;
}

int
mp_array_open(struct mp_context *ctx, const char *name, size_t elem_size,
    size_t n, struct mp_array **out)
{
	struct mp_array *array;
	size_t size;
	int r;

	if (elem_size == 0 || __builtin_mul_overflow(elem_size, n, &size) ||
	    size > INT64_MAX)
		return MP_EINVAL;
	array = malloc(sizeof(*array));
	if (array == NULL)
		return -ENOMEM;
	*array = (struct mp_array){ .ctx = ctx,
		.segment = SEGMENT_NONE,
		.elem_size = elem_size,
		.len = n };
	r = open_array(array, name, size);
	if (r == 0) {
		*out = array;
		array = NULL;
	}
	mp_array_close(array);
	return r;
}

void
mp_array_close(struct mp_array *array)
{
	if (array == NULL)
		return;
	segment_detach(&array->segment);
	free(array);
}

void
mp_array_unlink(struct mp_array *array)
{
	mp_object_free(array->ctx, array->object, unmake);
}

void *
mp_array_data(struct mp_array *array)
{
	return array->data;
}

size_t
mp_array_len(const struct mp_array *array)
{
	return array->len;
}

size_t
mp_array_elem_size(const struct mp_array *array)
{
	return array->elem_size;
}

int
mp_array_lock(struct mp_array *array, int timeout_ms)
{
	return mp_latch_acquire(&array->latch, timeout_ms);
}

int
mp_array_unlock(struct mp_array *array)
{
	return mp_latch_release(&array->latch);
}

int
mp_array_consistent(struct mp_array *array)
{
	return mp_latch_consistent(&array->latch);
}

void
mp_array_forget(struct mp_context *ctx, struct mp_object *object, uint8_t seat)
{
	(void)ctx;
	mp_latch_forget(&body_of(object)->lock, seat);
}
