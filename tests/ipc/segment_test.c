#include "ipc/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/harness.h"

enum {
	MIB = 1 << 20
};

START_TEST(segment_create_refuses_a_name_in_use)
{
	const char *name = test_unique_name();
	struct segment first = SEGMENT_NONE, second = SEGMENT_NONE;

	ck_assert_int_eq(segment_create(name, 4096, &first), 0);
	ck_assert_int_eq(segment_create(name, 4096, &second), -EEXIST);
	ck_assert_ptr_null(second.base);
	/* And leaves the one that was there alone. */
	ck_assert_int_eq(segment_attach(name, &second), 0);
	segment_detach(&second);
	segment_detach(&first);
}
END_TEST

START_TEST(segment_is_the_same_bytes_for_all)
{
	const char *name = test_unique_name();
	struct segment a = SEGMENT_NONE, b = SEGMENT_NONE, c = SEGMENT_NONE;
	struct stat st;

	umask(0777); /* the mode is ours to say all the same */
	ck_assert_int_eq(segment_create(name, 3 * MIB, &a), 0);
	ck_assert_int_eq(fstat(a.fd, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(st.st_blocks, 0); /* sparse until grown */
	ck_assert_int_eq(segment_grow(&a, MIB, 4096), 0);
	ck_assert_int_eq(fstat(a.fd, &st), 0);
	ck_assert_int_eq(st.st_blocks * 512, 4096);
	strcpy(a.base + MIB, "hello");
	ck_assert_int_eq(segment_attach(name, &b), 0);
	ck_assert_int_eq(segment_watch(name, &c), 0);
	ck_assert_uint_eq(b.size, 3 * MIB);
	ck_assert_str_eq(b.base + MIB, "hello");
	strcpy(b.base + MIB, "world");
	ck_assert_str_eq(c.base + MIB, "world");
	segment_detach(&a);
	segment_detach(&b);
	segment_detach(&b); /* twice is fine */
	segment_detach(&c);
	ck_assert_int_eq(segment_unlink(name), 0);
	ck_assert_int_eq(segment_unlink(name), -ENOENT);
	ck_assert_int_eq(segment_attach(name, &b), -ENOENT);
}
END_TEST

START_TEST(segment_open_to_others_is_refused)
{
	const char *name = test_unique_name();
	struct segment a = SEGMENT_NONE, b = SEGMENT_NONE;

	ck_assert_int_eq(segment_create(name, 4096, &a), 0);
	ck_assert_int_eq(fchmod(a.fd, 0640), 0);
	ck_assert_int_eq(segment_attach(name, &b), -EACCES);
	ck_assert_int_eq(fchmod(a.fd, 0602), 0);
	ck_assert_int_eq(segment_watch(name, &b), -EACCES);
	ck_assert_int_eq(fchmod(a.fd, 0600), 0);
	if (getuid() == 0) {
		ck_assert_int_eq(fchown(a.fd, 12345, 0), 0);
		ck_assert_int_eq(segment_attach(name, &b), -EACCES);
	}
	ck_assert_int_lt(b.fd, 0);
	segment_detach(&a);
}
END_TEST

START_TEST(segment_punched_pages_are_given_back_and_read_as_zero)
{
	struct segment seg = SEGMENT_NONE;
	struct stat st;

	ck_assert_int_eq(segment_create(test_unique_name(), 4 * MIB, &seg), 0);
	ck_assert_int_eq(segment_grow(&seg, 0, 4 * MIB), 0);
	memset(seg.base, 'x', 4 * MIB);
	ck_assert_int_eq(segment_punch(&seg, MIB, 2 * MIB), 0);
	ck_assert_int_eq(fstat(seg.fd, &st), 0);
	ck_assert_int_eq(st.st_blocks * 512, 2 * MIB);
	ck_assert_int_eq(segment_grow(&seg, MIB, 2 * MIB), 0);
	ck_assert(seg.base[MIB - 1] == 'x' && seg.base[MIB] == 0);
	ck_assert(seg.base[3 * MIB - 1] == 0 && seg.base[3 * MIB] == 'x');
	ck_assert_int_eq(segment_punch(&seg, 0, 0), 0);
	segment_detach(&seg);
}
END_TEST

START_TEST(segment_grows_within_itself_only)
{
	struct segment seg = SEGMENT_NONE;

	ck_assert_int_eq(segment_create(test_unique_name(), MIB, &seg), 0);
	ck_assert_int_eq(segment_grow(&seg, MIB, 1), -EINVAL);
	ck_assert_int_eq(segment_grow(&seg, 4096, MIB), -EINVAL);
	ck_assert_int_eq(segment_grow(&seg, 4096, SIZE_MAX), -EINVAL);
	ck_assert_int_eq(segment_punch(&seg, MIB + 1, 0), -EINVAL);
	ck_assert_int_eq(segment_grow(&seg, 0, MIB), 0);
	ck_assert_int_eq(segment_grow(&seg, 0, MIB), 0);
	segment_detach(&seg);
}
END_TEST

START_TEST(segment_on_a_full_tmpfs_is_an_error_and_no_signal)
{
	struct segment seg = SEGMENT_NONE;
	size_t had = 0;

	if (!test_small_shm(MIB))
		return;
	ck_assert_uint_eq(segment_space(), MIB);
	ck_assert_int_eq(segment_create(test_unique_name(), 64 * MIB, &seg), 0);
	while (had < 2 * MIB && segment_grow(&seg, had, 65536) == 0) {
		memset(seg.base + had, 1, 65536);
		had += 65536;
	}
	ck_assert_uint_eq(had, MIB);
	ck_assert_int_eq(segment_grow(&seg, had, 65536), -ENOSPC);
	ck_assert_uint_eq(segment_space(), 0);
	/* Room again, once some is given back. */
	ck_assert_int_eq(segment_punch(&seg, 0, 65536), 0);
	ck_assert_int_eq(segment_grow(&seg, had, 65536), 0);
	segment_detach(&seg);
}
END_TEST

TEST_MAIN("segment", segment_create_refuses_a_name_in_use,
    segment_is_the_same_bytes_for_all, segment_open_to_others_is_refused,
    segment_punched_pages_are_given_back_and_read_as_zero,
    segment_grows_within_itself_only,
    segment_on_a_full_tmpfs_is_an_error_and_no_signal)
