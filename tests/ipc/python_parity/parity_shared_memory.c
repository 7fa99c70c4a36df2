#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ipc/mp/shm.h"
#include "tests/ipc/python_parity/parity.h"

static struct mp_shm *shm, *second;

static const char *
name(void)
{
	static char text[32];

	/* Of the program, which has one scenario at a time. */
	snprintf(text, sizeof(text), "/parity-c-%d", (int)getppid());
	return text;
}

static unsigned char *
bytes(struct mp_shm *of)
{
	return mp_shm_data(of);
}

static int
create(size_t size, struct mp_shm **out)
{
	return mp_shm_create(name(), size, out);
}

SCENARIO(it_begins_with_zeros)
{
	static const unsigned char zeros[1000];

	must(create(1000, &shm));
	must(mp_shm_unlink(shm));
	say("%zu", mp_shm_size(shm));
	say("%s", yes(memcmp(bytes(shm), zeros, 1000) == 0));
}

CHILD(changes_the_first)
{
	bytes(shm)[0] = bytes(shm)[1];
	return 0;
}

SCENARIO(a_child_sees_and_changes_it)
{
	must(create(100, &shm));
	must(mp_shm_unlink(shm));
	memcpy(bytes(shm), "hello", 5);
	say("%d", ends(go(ctx, changes_the_first, NULL)));
	say("%.5s", (const char *)bytes(shm));
}

CHILD(attaches)
{
	must(mp_shm_attach(arg, &second));
	count[0] = (int64_t)mp_shm_size(second);
	memcpy(bytes(second), "mine", 4);
	mp_shm_close(second);
	return 0;
}

SCENARIO(it_is_attached_by_name)
{
	char of[32];

	must(create(100, &shm));
	snprintf(of, sizeof(of), "%s", name());
	say("%d", ends(go(ctx, attaches, of)));
	must(mp_shm_unlink(shm));
	say("%d", (int)count[0]);
	say("%.4s", (const char *)bytes(shm));
}

SCENARIO(two_views_in_one_process)
{
	must(create(10, &shm));
	must(mp_shm_attach(name(), &second));
	must(mp_shm_unlink(shm));
	bytes(second)[3] = 7;
	say("%d", bytes(shm)[3]);
}

SCENARIO(a_name_that_is_taken)
{
	must(create(10, &shm));
	say("%s", word(create(10, &second)));
	must(mp_shm_unlink(shm));
}

SCENARIO(a_name_that_nobody_has)
{
	say("%s", word(mp_shm_attach(name(), &shm)));
}

SCENARIO(a_size_of_nothing)
{
	say("%s", word(mp_shm_create(NULL, 0, &shm)));
}

SCENARIO(unlinked_it_is_there_for_those_who_have_it)
{
	must(create(10, &shm));
	must(mp_shm_attach(name(), &second));
	must(mp_shm_unlink(shm));
	bytes(second)[0] = 9;
	say("%d", bytes(shm)[0]);
	say("%s", word(mp_shm_attach(name(), &second)));
}

SCENARIO(unlinked_its_name_is_free)
{
	must(create(10, &shm));
	bytes(shm)[0] = 1;
	must(mp_shm_unlink(shm));
	must(create(20, &second));
	must(mp_shm_unlink(second));
	say("%zu", mp_shm_size(shm));
	say("%d", bytes(shm)[0]);
	say("%zu", mp_shm_size(second));
	say("%d", bytes(second)[0]);
}

SCENARIO(unlink_twice)
{
	must(create(10, &shm));
	say("%s", word(mp_shm_unlink(shm)));
	say("%s", word(mp_shm_unlink(shm)));
}

SCENARIO(closed_by_one_it_is_there_for_the_other)
{
	must(create(10, &shm));
	must(mp_shm_attach(name(), &second));
	bytes(shm)[0] = 5;
	mp_shm_close(shm);
	say("%d", bytes(second)[0]);
	must(mp_shm_unlink(second));
}

SCENARIO(without_a_name_each_gets_another)
{
	must(mp_shm_create(NULL, 10, &shm));
	must(mp_shm_create(NULL, 10, &second));
	must(mp_shm_unlink(shm));
	must(mp_shm_unlink(second));
	say("%s", yes(strcmp(mp_shm_name(shm), mp_shm_name(second)) != 0));
}
