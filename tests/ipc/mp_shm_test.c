#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipc/mp/shm.h"
#include "tests/harness.h"

enum {
	SIZE = 100 * 1000
};

static struct mp_shm *
shm_new(const char *name)
{
	struct mp_shm *shm = NULL;

	ck_assert_int_eq(mp_shm_create(name, SIZE, &shm), 0);
	return shm;
}

START_TEST(a_block_is_what_all_who_attach_it_see)
{
	const char *name = test_unique_name();
	struct mp_shm *one = shm_new(name), *other = NULL;
	struct stat st;
	pid_t child;
	int fd;

	ck_assert_uint_eq(mp_shm_size(one), SIZE);
	ck_assert_str_eq(mp_shm_name(one), name);
	ck_assert_int_eq(((char *)mp_shm_data(one))[SIZE - 1], 0);
	child = fork();
	if (child == 0) {
		if (mp_shm_attach(name, &other) != 0 ||
		    mp_shm_size(other) != SIZE)
			_exit(1);
		((char *)mp_shm_data(other))[SIZE - 1] = 'x';
		raise(SIGKILL);
	}
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert_int_eq(((char *)mp_shm_data(one))[SIZE - 1], 'x');

	/* Allocated, and nobody else's. */
	fd = shm_open(name, O_RDONLY, 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_ge(st.st_blocks * 512, SIZE);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	close(fd);
	ck_assert_int_eq(mp_shm_unlink(one), 0);
	mp_shm_close(one);
}
END_TEST

START_TEST(a_block_stays_until_it_is_unlinked_and_then_for_those_who_have_it)
{
	const char *name = test_unique_name();
	struct mp_shm *one = shm_new(name), *other = NULL;

	memset(mp_shm_data(one), 7, SIZE);
	mp_shm_close(one);
	ck_assert_int_eq(mp_shm_attach(name, &one), 0);
	ck_assert_int_eq(mp_shm_unlink(one), 0);
	ck_assert_int_eq(mp_shm_unlink(one), -ENOENT);
	ck_assert_int_eq(mp_shm_attach(name, &other), -ENOENT);
	ck_assert_int_eq(((char *)mp_shm_data(one))[SIZE - 1], 7);
	mp_shm_close(one);
	mp_shm_close(NULL);
}
END_TEST

START_TEST(a_name_in_use_is_refused_and_one_that_is_wrong)
{
	const char *name = test_unique_name();
	struct mp_shm *one = shm_new(name), *other = NULL;

	ck_assert_int_eq(mp_shm_create(name, SIZE, &other), -EEXIST);
	ck_assert_int_eq(mp_shm_create(test_unique_name(), 0, &other),
	    MP_EINVAL);
	ck_assert_int_eq(mp_shm_create("none", SIZE, &other), MP_EINVAL);
	ck_assert_int_eq(mp_shm_create("/", SIZE, &other), MP_EINVAL);
	ck_assert_int_eq(mp_shm_create("/a/b", SIZE, &other), MP_EINVAL);
	ck_assert_int_eq(mp_shm_create("/0123456789012345678901234567890123"
				       "4567890123456",
			     SIZE, &other),
	    MP_EINVAL);
	ck_assert_int_eq(mp_shm_attach("none", &other), MP_EINVAL);
	ck_assert_int_eq(mp_shm_attach(test_unique_name(), &other), -ENOENT);
	mp_shm_unlink(one);
	mp_shm_close(one);
}
END_TEST

START_TEST(without_a_name_one_is_found)
{
	struct mp_shm *one = shm_new(NULL), *other = shm_new(NULL);

	ck_assert_str_ne(mp_shm_name(one), mp_shm_name(other));
	ck_assert_int_eq(mp_shm_unlink(other), 0);
	mp_shm_close(other);
	ck_assert_int_eq(mp_shm_attach(mp_shm_name(one), &other), 0);
	ck_assert_int_eq(mp_shm_unlink(one), 0);
	mp_shm_close(one);
	mp_shm_close(other);
}
END_TEST

START_TEST(one_that_is_open_to_others_or_half_made_is_refused)
{
	const char *name = test_unique_name();
	struct mp_shm *shm = NULL;
	int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(mp_shm_attach(name, &shm), MP_ECORRUPT);
	ck_assert_int_eq(ftruncate(fd, SIZE), 0);
	ck_assert_int_eq(mp_shm_attach(name, &shm), 0);
	mp_shm_close(shm);
	ck_assert_int_eq(fchmod(fd, 0644), 0);
	ck_assert_int_eq(mp_shm_attach(name, &shm), -EACCES);
	close(fd);
	shm_unlink(name);
}
END_TEST

START_TEST(what_does_not_fit_is_refused_whole_and_nobody_gets_sigbus)
{
	const char *name = test_unique_name();
	struct mp_shm *shm = NULL;
	int fd;

	if (!test_small_shm(1 << 20))
		return;
	ck_assert_int_eq(mp_shm_create(name, 2 << 20, &shm), MP_ENOSPC);
	ck_assert_int_eq(mp_shm_attach(name, &shm), -ENOENT);
	/* Half made by one who was killed there. */
	fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
	ck_assert_int_eq(ftruncate(fd, 2 << 20), 0);
	ck_assert_int_eq(mp_shm_attach(name, &shm), MP_ENOSPC);
	close(fd);
	shm_unlink(name);
	shm = shm_new(name);
	memset(mp_shm_data(shm), 1, SIZE);
	ck_assert_int_eq(mp_shm_unlink(shm), 0);
	mp_shm_close(shm);
}
END_TEST

TEST_MAIN("mp_shm", a_block_is_what_all_who_attach_it_see,
    a_block_stays_until_it_is_unlinked_and_then_for_those_who_have_it,
    a_name_in_use_is_refused_and_one_that_is_wrong, without_a_name_one_is_found,
    one_that_is_open_to_others_or_half_made_is_refused,
    what_does_not_fit_is_refused_whole_and_nobody_gets_sigbus)
