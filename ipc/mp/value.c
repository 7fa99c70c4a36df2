#include "ipc/mp/value.h"

#include <string.h>

#include "ipc/mp/context_impl.h"

/* attr[0]; attr[1] is the first value's bits. */
enum value_type {
	TYPE_I64,
	TYPE_F64
};

/* seq_cst throughout: whoever reads one reads what was written before it. */
struct mp_value_i64 {
	struct mp_context *ctx;
	struct mp_object *object;
	_Atomic uint64_t *word;
};

struct mp_value_f64 {
	struct mp_value_i64 base;
};

static uint64_t
bits_of(double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static double
double_of(uint64_t bits)
{
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static int
make(struct mp_context *ctx, struct mp_object *object)
{
	(void)ctx;
	atomic_store((_Atomic uint64_t *)object->body, object->attr[1]);
	return 0;
}

static int
open_value(struct mp_context *ctx, const char *name, enum value_type type,
    uint64_t first, struct mp_value_i64 *out)
{
	const uint64_t attr[4] = { type, first };
	int r;

	r = mp_object_open(ctx, MP_KIND_VALUE, name, attr, make, &out->object);
	if (r == 0) {
		out->ctx = ctx;
		out->word = (_Atomic uint64_t *)out->object->body;
	}
	return r;
}

/* --- integers ------------------------------------------------------------- */

int
mp_value_i64_open(struct mp_context *ctx, const char *name, int64_t first,
    struct mp_value_i64 **out)
{
	struct mp_value_i64 *value = malloc(sizeof(*value));
	int r = value == NULL
		    ? -ENOMEM
		    : open_value(ctx, name, TYPE_I64, (uint64_t)first, value);

	if (r == 0) {
		*out = value;
		value = NULL;
	}
	free(value);
	return r;
}

void
mp_value_i64_close(struct mp_value_i64 *value)
{
	free(value);
}

void
mp_value_i64_unlink(struct mp_value_i64 *value)
{
	mp_object_free(value->ctx, value->object, NULL);
}

int64_t
mp_value_i64_get(const struct mp_value_i64 *value)
{
	return (int64_t)atomic_load(value->word);
}

void
mp_value_i64_set(struct mp_value_i64 *value, int64_t to)
{
	atomic_store(value->word, (uint64_t)to);
}

int64_t
mp_value_i64_add(struct mp_value_i64 *value, int64_t n)
{
	return (
	    int64_t)(atomic_fetch_add(value->word, (uint64_t)n) + (uint64_t)n);
}

bool
mp_value_i64_compare_exchange(struct mp_value_i64 *value, int64_t *expected,
    int64_t to)
{
	uint64_t bits = (uint64_t)*expected;
	bool done = atomic_compare_exchange_strong(value->word, &bits,
	    (uint64_t)to);

	*expected = (int64_t)bits;
	return done;
}

/* --- doubles -------------------------------------------------------------- */

int
mp_value_f64_open(struct mp_context *ctx, const char *name, double first,
    struct mp_value_f64 **out)
{
	struct mp_value_f64 *value = malloc(sizeof(*value));
	int r = value == NULL ? -ENOMEM
			      : open_value(ctx, name, TYPE_F64, bits_of(first),
				    &value->base);

	if (r == 0) {
		*out = value;
		value = NULL;
	}
	free(value);
	return r;
}

void
mp_value_f64_close(struct mp_value_f64 *value)
{
	free(value);
}

void
mp_value_f64_unlink(struct mp_value_f64 *value)
{
	mp_value_i64_unlink(&value->base);
}

double
mp_value_f64_get(const struct mp_value_f64 *value)
{
	return double_of(atomic_load(value->base.word));
}

void
mp_value_f64_set(struct mp_value_f64 *value, double to)
{
	atomic_store(value->base.word, bits_of(to));
}

double
mp_value_f64_add(struct mp_value_f64 *value, double n)
{
	uint64_t old = atomic_load(value->base.word);

	while (!atomic_compare_exchange_weak(value->base.word, &old,
	    bits_of(double_of(old) + n)))
		;
	return double_of(old) + n;
}

bool
mp_value_f64_compare_exchange(struct mp_value_f64 *value, double *expected,
    double to)
{
	uint64_t bits = bits_of(*expected);
	bool done = atomic_compare_exchange_strong(value->base.word, &bits,
	    bits_of(to));

	*expected = double_of(bits);
	return done;
}
