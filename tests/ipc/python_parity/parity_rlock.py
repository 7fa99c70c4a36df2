"""RLock: again by its holder, and by nobody else."""

import multiprocessing as mp

from parity import PATIENCE_S, SHORT_S, Flag, ends, go, main, numbers, outcome


def its_holder_may_have_it_again():
    lock = mp.RLock()
    return lock.acquire(), lock.acquire(), lock.acquire(False), lock.acquire(timeout=SHORT_S)


def _try(lock, count):
    count[0] = lock.acquire(False)
    if count[0]:
        lock.release()


def it_is_free_after_as_many_releases():
    lock = mp.RLock()
    count = numbers(1)
    for _ in range(3):
        lock.acquire()
    seen = []
    for _ in range(3):
        ends(go(_try, lock, count))
        seen.append(bool(count[0]))
        lock.release()
    ends(go(_try, lock, count))
    return seen, bool(count[0])


def release_of_one_that_is_free():
    return outcome(mp.RLock().release)


def release_once_too_often():
    lock = mp.RLock()
    lock.acquire()
    lock.acquire()
    return outcome(lock.release), outcome(lock.release), outcome(lock.release)


def release_by_another_process():
    lock = mp.RLock()
    r, w = mp.Pipe(False)
    lock.acquire()
    p = go(lambda: w.send(outcome(lock.release)))
    code = ends(p)
    return code, r.recv(), outcome(lock.release)


def another_waits_in_vain():
    lock = mp.RLock()
    count = numbers(1)
    lock.acquire()

    def child():
        count[0] = lock.acquire(timeout=SHORT_S)

    return ends(go(child)), bool(count[0])


def acquire_waits_for_the_last_release():
    lock, begun, got = mp.RLock(), Flag(), Flag()

    def child():
        begun.up()
        lock.acquire()
        got.up()
        lock.release()

    lock.acquire()
    lock.acquire()
    p = go(child)
    begun.wait()
    lock.release()
    early = got.seen()
    lock.release()
    got.wait()
    return early, ends(p), lock.acquire(timeout=PATIENCE_S)


def a_child_does_not_inherit_what_its_parent_holds():
    lock = mp.RLock()
    count = numbers(1)
    lock.acquire()
    ends(go(_try, lock, count))
    return bool(count[0])


def three_processes_count_to_300_twice_inside():
    lock = mp.RLock()
    count = numbers(1)

    def add():
        with lock:
            count[0] += 1

    def child():
        for _ in range(100):
            with lock:
                add()

    return ends(*[go(child) for _ in range(3)]), count[0]


main()
