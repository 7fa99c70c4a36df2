"""Event: set until it is cleared."""

import multiprocessing as mp
import time

from parity import PATIENCE_S, SHORT_S, Flag, ends, go, main


def it_begins_as_not_set():
    e = mp.Event()
    return e.is_set(), e.wait(0)


def set_and_clear():
    e = mp.Event()
    e.set()
    after = e.is_set()
    e.clear()
    return after, e.is_set()


def set_twice_is_set():
    e = mp.Event()
    e.set()
    e.set()
    seen = e.is_set()
    e.clear()
    return seen, e.is_set()


def wait_gives_up_after_its_timeout():
    e = mp.Event()
    begun = time.monotonic()
    return e.wait(SHORT_S), time.monotonic() - begun >= SHORT_S


def wait_for_one_that_is_set():
    e = mp.Event()
    e.set()
    return e.wait(), e.wait(PATIENCE_S), e.is_set()


def _waiter(e, begun, woken):
    begun.up()
    if e.wait():
        woken.up()


def set_wakes_all():
    e, begun, woken = mp.Event(), Flag(), Flag()
    ps = [go(_waiter, e, begun, woken) for _ in range(4)]
    begun.wait(4)
    early = woken.seen()
    e.set()
    woken.wait(4)
    return early, ends(*ps)


def a_child_sets_it():
    e = mp.Event()
    p = go(e.set)
    return e.wait(PATIENCE_S), ends(p)


def a_child_clears_it():
    e = mp.Event()
    e.set()
    return ends(go(e.clear)), e.is_set()


def it_stays_set_for_those_who_come_later():
    e, begun, woken = mp.Event(), Flag(), Flag()
    e.set()
    codes = ends(*[go(_waiter, e, begun, woken) for _ in range(2)])
    woken.wait(2)
    return codes, e.is_set()


def cleared_it_is_waited_for_again():
    e, begun, woken = mp.Event(), Flag(), Flag()
    e.set()
    e.clear()
    p = go(_waiter, e, begun, woken)
    begun.wait()
    early = woken.seen()
    e.set()
    return early, ends(p)


def two_take_turns_by_two_events():
    ask, answer = mp.Event(), mp.Event()

    def child():
        for _ in range(20):
            ask.wait()
            ask.clear()
            answer.set()

    p = go(child)
    turns = 0
    for _ in range(20):
        ask.set()
        turns += answer.wait(PATIENCE_S)
        answer.clear()
    return turns, ends(p)


main()
