"""Semaphore and BoundedSemaphore: credits."""

import multiprocessing as mp
import time

from parity import SHORT_S, Flag, ends, go, main, numbers, outcome


def it_has_as_many_as_it_began_with():
    s = mp.Semaphore(3)
    return [s.acquire(False) for _ in range(4)]


def one_is_what_it_has_by_default():
    s = mp.Semaphore()
    return s.acquire(False), s.acquire(False)


def none_to_begin_with():
    s = mp.Semaphore(0)
    begun = time.monotonic()
    return s.acquire(timeout=SHORT_S), time.monotonic() - begun >= SHORT_S


def fewer_than_none():
    return outcome(mp.Semaphore, -1)


def get_value_counts():
    s = mp.Semaphore(2)
    seen = [s.get_value()]
    s.acquire()
    seen.append(s.get_value())
    s.acquire()
    seen.append(s.get_value())
    s.release()
    return seen, s.get_value()


def release_may_go_above_where_it_began():
    s = mp.Semaphore(1)
    s.release()
    s.release()
    return s.get_value(), [s.acquire(False) for _ in range(4)]


def another_process_may_release_it():
    s = mp.Semaphore(0)
    return ends(go(s.release)), s.acquire(False), s.acquire(False)


def acquire_waits_for_a_release():
    s, begun, got = mp.Semaphore(0), Flag(), Flag()

    def child():
        begun.up()
        s.acquire()
        got.up()

    p = go(child)
    begun.wait()
    early = got.seen()
    s.release()
    got.wait()
    return early, ends(p)


def as_many_go_on_as_are_released():
    s, begun, got = mp.Semaphore(0), Flag(), Flag()

    def child():
        begun.up()
        s.acquire()
        got.up()

    ps = [go(child) for _ in range(4)]
    begun.wait(4)
    s.release()
    s.release()
    got.wait(2)
    third = got.seen()
    s.release()
    s.release()
    got.wait(2)
    return third, ends(*ps)


def no_more_than_two_are_inside():
    s, lock = mp.Semaphore(2), mp.Lock()
    count = numbers(3)

    def child():
        for _ in range(20):
            with s:
                with lock:
                    count[0] += 1
                    count[1] = max(count[0], count[1])
                with lock:
                    count[0] -= 1
                    count[2] += 1

    return ends(*[go(child) for _ in range(4)]), count[1] <= 2, count[2]


def two_take_turns_by_two_semaphores():
    first, second = mp.Semaphore(1), mp.Semaphore(0)
    log = mp.RawArray("c", 21)
    count = numbers(1)

    def turns(mine, other, text):
        for letter in text:
            mine.acquire()
            log[count[0]] = ord(letter)
            count[0] += 1
            other.release()

    return (ends(go(turns, first, second, "abcdefghij"), go(turns, second, first, "0123456789")),
            log.value)


def a_bounded_one_refuses_one_too_many():
    s = mp.BoundedSemaphore(2)
    return outcome(s.release), s.get_value()


def a_bounded_one_goes_back_to_its_bound():
    s = mp.BoundedSemaphore(2)
    taken = [s.acquire(False) for _ in range(3)]
    return taken, outcome(s.release), outcome(s.release), outcome(s.release), s.get_value()


def a_bounded_one_is_released_by_another():
    s = mp.BoundedSemaphore(1)
    s.acquire()
    return ends(go(s.release)), s.acquire(False)


def a_bounded_one_is_waited_for_in_vain():
    s = mp.BoundedSemaphore(1)
    return s.acquire(), s.acquire(timeout=SHORT_S)


main()
