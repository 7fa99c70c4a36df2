"""Condition: wait gives the lock back, notify wakes as many as it says."""

import multiprocessing as mp
import os

from parity import PATIENCE_S, SHORT_S, Flag, ends, go, main, numbers, outcome


class _Waiters:
    """Children that wait at a condition; `tell` is up once for each that will
    have begun to when the lock can be had, `woken` for each that goes on."""

    def __init__(self, c, n):
        self.c, self.tell, self.woken = c, Flag(), Flag()
        self.ps = [go(self._wait) for _ in range(n)]
        self.tell.wait(n)
        with c:  # all are in wait() now
            pass

    def _wait(self):
        with self.c:
            self.tell.up()
            self.c.wait()
        self.woken.up()


def wait_gives_up_after_its_timeout():
    c = mp.Condition()
    with c:
        return c.wait(SHORT_S)


def wait_says_yes_when_it_was_notified():
    c, tell = mp.Condition(), Flag()
    count = numbers(1)

    def child():
        with c:
            tell.up()
            count[0] = c.wait(PATIENCE_S)

    p = go(child)
    tell.wait()
    with c:
        c.notify()
    return ends(p), bool(count[0])


def notify_wakes_one():
    c = mp.Condition()
    waiters = _Waiters(c, 3)
    seen = []
    for _ in range(3):
        with c:
            c.notify()
        waiters.woken.wait()
        seen.append(waiters.woken.seen())
    return seen, ends(*waiters.ps)


def notify_two_wakes_two():
    c = mp.Condition()
    waiters = _Waiters(c, 3)
    with c:
        c.notify(2)
    waiters.woken.wait(2)
    third = waiters.woken.seen()
    with c:
        c.notify()
    return third, ends(*waiters.ps)


def notify_more_than_there_are():
    c = mp.Condition()
    waiters = _Waiters(c, 2)
    with c:
        c.notify(10)
    return ends(*waiters.ps)


def notify_all_wakes_all():
    c = mp.Condition()
    waiters = _Waiters(c, 4)
    with c:
        c.notify_all()
    return ends(*waiters.ps)


def notify_is_not_kept_for_later():
    c = mp.Condition()
    with c:
        c.notify()
        c.notify_all()
        return c.wait(SHORT_S)


def wait_without_the_lock():
    return outcome(mp.Condition().wait, SHORT_S)


def notify_without_the_lock():
    c = mp.Condition()
    return outcome(c.notify), outcome(c.notify_all)


def release_without_the_lock():
    return outcome(mp.Condition().release)


def wait_gives_the_lock_back():
    c = mp.Condition()
    waiters = _Waiters(c, 1)
    got = c.acquire(timeout=PATIENCE_S)
    c.notify()
    early = waiters.woken.seen()
    c.release()
    return got, early, ends(*waiters.ps)


def wait_has_the_lock_again_when_it_returns():
    c, tell, woken, on = mp.Condition(), Flag(), Flag(), Flag()

    def child():
        with c:
            tell.up()
            c.wait()
            woken.up()
            on.wait()

    p = go(child)
    tell.wait()
    with c:
        c.notify()
    woken.wait()
    held = c.acquire(False)
    on.up()
    return held, ends(p), c.acquire(timeout=PATIENCE_S)


def wait_has_the_lock_again_after_its_timeout():
    c = mp.Condition()
    c.acquire()
    c.wait(SHORT_S)
    count = numbers(1)

    def child():
        count[0] = c.acquire(False)

    return ends(go(child)), bool(count[0]), outcome(c.release)


def wait_for_what_is_true_already():
    c = mp.Condition()
    with c:
        return c.wait_for(lambda: True, SHORT_S)


def wait_for_what_never_comes():
    c = mp.Condition()
    with c:
        return c.wait_for(lambda: False, SHORT_S)


def wait_for_sleeps_on_until_it_is_true():
    c, tell, woken = mp.Condition(), Flag(), Flag()
    count = numbers(1)

    def child():
        with c:
            tell.up()
            c.wait_for(lambda: count[0] >= 2)
            woken.up()

    p = go(child)
    tell.wait()
    early = []
    for _ in range(2):
        early.append(woken.seen())
        with c:
            count[0] += 1
            c.notify_all()
    return early, ends(p)


def two_take_turns():
    c = mp.Condition()
    log = mp.RawArray("c", 21)
    count = numbers(1)

    def turns(me, text):
        for letter in text:
            with c:
                c.wait_for(lambda: count[0] % 2 == me)
                log[count[0]] = ord(letter)
                count[0] += 1
                c.notify()

    return ends(go(turns, 0, "abcdefghij"), go(turns, 1, "0123456789")), log.value


def a_lock_of_ours_is_its_lock():
    lock = mp.RLock()
    c = mp.Condition(lock)
    count = numbers(1)

    def child():
        count[0] = lock.acquire(False)

    with c:
        ends(go(child))
        held = bool(count[0])
    ends(go(child))
    return held, bool(count[0])


def wait_gives_it_back_however_often_it_was_taken():
    c = mp.Condition()
    count = numbers(1)

    def child():
        with c:
            count[0] += 1
            c.notify()

    with c, c, c:
        p = go(child)
        woken = c.wait(PATIENCE_S)
        ends(p)
        p = go(lambda: os._exit(c.acquire(False)))
        held = ends(p)
    return woken, count[0], held, outcome(c.release)


main()
