"""Lock: one at a time; anybody may release it."""

import multiprocessing as mp
import time

from parity import PATIENCE_S, SHORT_S, Flag, ends, go, main, numbers, outcome


def one_has_it_at_a_time():
    lock = mp.Lock()
    return lock.acquire(), lock.acquire(False), outcome(lock.release), lock.acquire(False)


def it_is_not_recursive():
    lock = mp.Lock()
    lock.acquire()
    return lock.acquire(timeout=SHORT_S)


def timeout_of_one_that_is_held():
    lock = mp.Lock()
    lock.acquire()
    begun = time.monotonic()
    return lock.acquire(timeout=SHORT_S), time.monotonic() - begun >= SHORT_S


def timeout_is_not_waited_for_when_it_is_free():
    return mp.Lock().acquire(timeout=PATIENCE_S)


def no_time_is_a_try():
    lock = mp.Lock()
    return lock.acquire(timeout=0), lock.acquire(timeout=0)


def release_of_one_that_is_free():
    return outcome(mp.Lock().release)


def release_twice():
    lock = mp.Lock()
    lock.acquire()
    return outcome(lock.release), outcome(lock.release)


def another_process_cannot_have_it():
    lock = mp.Lock()
    count = numbers(1)
    lock.acquire()

    def child():
        count[0] = lock.acquire(False)

    ends(go(child))
    lock.release()
    held = bool(count[0])
    ends(go(child))
    return held, bool(count[0])


def another_process_may_release_it():
    lock = mp.Lock()
    lock.acquire()
    code = ends(go(lock.release))
    return code, lock.acquire(False)


def acquire_waits_for_release():
    lock, begun, got = mp.Lock(), Flag(), Flag()

    def child():
        begun.up()
        lock.acquire()
        got.up()
        lock.release()

    lock.acquire()
    p = go(child)
    begun.wait()
    early = got.seen()
    lock.release()
    got.wait()
    return early, ends(p), lock.acquire(timeout=PATIENCE_S)


def acquire_with_time_is_woken_in_time():
    lock, begun = mp.Lock(), Flag()
    count = numbers(1)

    def child():
        begun.up()
        count[0] = lock.acquire(timeout=PATIENCE_S)

    lock.acquire()
    p = go(child)
    begun.wait()
    lock.release()
    return ends(p), bool(count[0])


def four_processes_count_to_400():
    lock = mp.Lock()
    count = numbers(1)

    def child():
        for _ in range(100):
            with lock:
                count[0] += 1

    codes = ends(*[go(child) for _ in range(4)])
    return codes, count[0]


def two_withdrawals_by_two_processes():
    lock = mp.Lock()
    account = numbers(3)
    account[0] = 1000

    def withdraw(me):
        with lock:
            if account[0] >= 800:
                account[0] -= 800
                account[1 + me] = 1

    ends(go(withdraw, 0), go(withdraw, 1))
    return account[0], account[1] + account[2]


def two_take_turns_by_two_locks():
    mine, other = mp.Lock(), mp.Lock()
    log = mp.RawArray("c", 27)
    count = numbers(1)

    def turns(lock, next_lock, text):
        for letter in text:
            lock.acquire()
            log[count[0]] = ord(letter)
            count[0] += 1
            next_lock.release()

    other.acquire()
    codes = ends(go(turns, mine, other, "abcdefghijklm"), go(turns, other, mine, "ABCDEFGHIJKLM"))
    return codes, log.value


def two_locks_do_not_mix():
    a, b = mp.Lock(), mp.Lock()
    a.acquire()
    return b.acquire(False), a.acquire(False), outcome(a.release), b.acquire(False)


def five_that_wait_all_get_it():
    lock = mp.Lock()
    begun = Flag()
    count = numbers(1)

    def child():
        begun.up()
        with lock:
            count[0] += 1

    lock.acquire()
    ps = [go(child) for _ in range(5)]
    begun.wait(5)
    lock.release()
    return ends(*ps), count[0]


main()
