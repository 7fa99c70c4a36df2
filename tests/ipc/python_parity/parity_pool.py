"""Pool: order, chunks, results, workers."""

import multiprocessing as mp
import os
import time

from parity import PATIENCE_S, SHORT_S, Flag, main, numbers, outcome, until


def _setup():
    """What workers inherit, new in each scenario."""
    global FLAGS, BEGUN, COUNT, COUNT_LOCK
    FLAGS = [Flag() for _ in range(4)]
    BEGUN = Flag()
    COUNT = numbers(16)
    COUNT_LOCK = mp.Lock()


def _square(x):
    return x * x


def _add(a, b):
    return a + b


def _pid(_x):
    return os.getpid()


def _refuse_3(x):
    COUNT[x] += 1
    if x == 3:
        raise ValueError("three")
    return x


def _wait_for(i):
    BEGUN.up()
    FLAGS[i].wait()
    return i


def _raise_next(i):
    """In a chain: each lets the one before it go on."""
    FLAGS[i].wait()
    if i > 0:
        FLAGS[i - 1].up()
    return i


def _count(_x):
    COUNT[0] += 1
    return COUNT[0]


def _initialize(i, n):
    with COUNT_LOCK:
        COUNT[i] += n


def apply_gives_what_the_function_gave():
    return mp.Pool(2).apply(_square, (7,))


def map_is_in_order():
    return mp.Pool(3).map(_square, range(10))


def map_of_nothing():
    return mp.Pool(2).map(_square, [])


def map_async_is_in_order():
    return mp.Pool(2).map_async(_square, range(6)).get(PATIENCE_S)


def map_by_any_chunksize():
    pool = mp.Pool(2)
    return [sum(pool.map(_square, range(20), chunksize)) for chunksize in (1, 3, 7, 20, 100)]


def map_of_five_hundred_one_by_one():
    got = mp.Pool(2).map(_square, range(500), 1)
    return len(got), got == [x * x for x in range(500)]


def starmap_takes_several_arguments():
    return mp.Pool(2).starmap(_add, [(1, 2), (10, 20), (100, 200)])


def imap_is_in_order():
    return list(mp.Pool(3).imap(_square, range(8)))


def imap_is_in_order_by_chunks():
    return list(mp.Pool(3).imap(_square, range(8), 3))


def imap_waits_for_the_first_though_the_last_is_done():
    pool = mp.Pool(3)
    it = pool.imap(_raise_next, [0, 1, 2])
    FLAGS[2].up()
    return [next(it) for _ in range(3)]


def imap_next_gives_up_after_its_timeout():
    pool = mp.Pool(1)
    it = pool.imap(_wait_for, [0])
    early = outcome(it.next, SHORT_S)
    FLAGS[0].up()
    return early, it.next(PATIENCE_S)


def imap_unordered_has_all_of_them():
    return sorted(mp.Pool(3).imap_unordered(_square, range(8)))


def imap_unordered_is_in_order_of_finishing():
    pool = mp.Pool(3)
    it = pool.imap_unordered(_wait_for, [0, 1, 2])
    BEGUN.wait(3)
    order = []
    for i in (1, 2, 0):
        FLAGS[i].up()
        order.append(next(it))
    return order


def apply_async_get_gives_up_after_its_timeout():
    pool = mp.Pool(1)
    result = pool.apply_async(_wait_for, (0,))
    early = outcome(result.get, SHORT_S)
    FLAGS[0].up()
    return early, result.get(PATIENCE_S)


def apply_async_get_twice():
    result = mp.Pool(1).apply_async(_square, (3,))
    return result.get(), result.get()


def ready_and_successful():
    pool = mp.Pool(1)
    result = pool.apply_async(_wait_for, (0,))
    early = result.ready()
    FLAGS[0].up()
    result.wait()
    return early, result.ready(), result.successful()


def wait_gives_up_after_its_timeout():
    pool = mp.Pool(1)
    result = pool.apply_async(_wait_for, (0,))
    result.wait(SHORT_S)
    early = result.ready()
    FLAGS[0].up()
    result.wait(PATIENCE_S)
    return early, result.ready()


def an_error_comes_out_of_get():
    result = mp.Pool(1).apply_async(_refuse_3, (3,))
    result.wait()
    return result.ready(), result.successful(), outcome(result.get)


def an_error_leaves_the_worker_at_work():
    pool = mp.Pool(1)
    return outcome(pool.apply, _refuse_3, (3,)), pool.apply(_refuse_3, (4,))


def an_error_in_a_map_is_what_map_gives():
    pool = mp.Pool(2)
    word = outcome(pool.map, _refuse_3, range(8), 1)
    until(lambda: sum(COUNT) == 8)
    return word, list(COUNT)[:8]


def an_error_in_an_imap_is_at_its_place():
    it = mp.Pool(2).imap(_refuse_3, range(6))
    return [outcome(next, it) for _ in range(6)]


def closed_it_takes_no_more():
    pool = mp.Pool(1)
    pool.close()
    return outcome(pool.apply, _square, (1,)), outcome(pool.map, _square, [1])


def closed_it_does_what_it_has():
    pool = mp.Pool(1)
    results = [pool.apply_async(_square, (x,)) for x in range(10)]
    pool.close()
    pool.join()
    return [r.get(0) for r in results]


def join_of_one_that_is_open():
    return outcome(mp.Pool(1).join)


def terminate_does_not_wait_for_tasks():
    pool = mp.Pool(1)
    pool.apply_async(_wait_for, (0,))
    BEGUN.wait()
    pool.terminate()
    return outcome(pool.join), len(mp.active_children())


def its_workers_are_other_processes():
    pids = mp.Pool(2).map(_pid, range(40), 1)
    return os.getpid() in pids, len(set(pids)) <= 2


def one_worker_does_all_in_order():
    pool = mp.Pool(1)
    results = [pool.apply_async(_count, (x,)) for x in range(5)]
    return [r.get() for r in results]


def two_workers_work_at_the_same_time():
    pool = mp.Pool(2)
    results = [pool.apply_async(_wait_for, (i,)) for i in range(2)]
    BEGUN.wait(2)
    FLAGS[0].up()
    FLAGS[1].up()
    return [r.get() for r in results]


def maxtasksperchild_is_how_many_a_worker_does():
    pool = mp.Pool(1, maxtasksperchild=2)
    pids = [pool.apply(_pid, (0,)) for _ in range(6)]
    return (len(set(pids)), pids[0] == pids[1], pids[2] == pids[3], pids[4] == pids[5],
            pids[1] != pids[2])


def a_chunk_is_one_task():
    pool = mp.Pool(1, maxtasksperchild=1)
    pids = pool.map(_pid, range(12), 3)
    return len(set(pids)), [pids.count(pid) for pid in dict.fromkeys(pids)]


def initializer_runs_once_in_each_worker():
    pool = mp.Pool(3, _initialize, (5, 10))
    until(lambda: COUNT[5] == 30)
    pool.map(_square, range(20))
    return COUNT[5]


def initializer_runs_in_those_that_come_later():
    pool = mp.Pool(1, _initialize, (6, 1), maxtasksperchild=1)
    for _ in range(3):
        pool.apply(_square, (1,))
    until(lambda: COUNT[6] >= 3)
    return COUNT[6] >= 3


def _reverse(message):
    return message[::-1]


def a_task_and_a_result_of_a_million_bytes():
    big = bytes(i * 7 % 251 for i in range(1000)) * 1000
    got = mp.Pool(1).apply(_reverse, (big,))
    return len(got), got == big[::-1]


def _am_i_daemon(_x):
    return mp.current_process().daemon


def its_workers_are_daemons():
    return mp.Pool(1).apply(_am_i_daemon, (0,))


main(_setup)
