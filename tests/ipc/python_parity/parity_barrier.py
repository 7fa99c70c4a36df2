"""Barrier: all or nobody."""

import multiprocessing as mp

from parity import PATIENCE_S, SHORT_S, Flag, ends, go, main, numbers, outcome, until


def _tell_outcome(b, w, timeout=None):
    """As a child: what wait() gave."""
    w.put(outcome(b.wait, timeout))


def _parties(b, n, timeout=None):
    """n children at it, and the queue of what they were told."""
    told = mp.SimpleQueue()
    return [go(_tell_outcome, b, told, timeout) for _ in range(n)], told


def each_gets_another_index():
    b = mp.Barrier(3)
    ps, told = _parties(b, 3)
    return sorted(told.get() for _ in ps), ends(*ps)


def parties_and_who_waits():
    b = mp.Barrier(3)
    before = b.n_waiting
    ps, told = _parties(b, 2)
    until(lambda: b.n_waiting == 2)
    own = outcome(b.wait)
    return (b.parties, before, sorted([told.get(), told.get(), own]), ends(*ps), b.n_waiting,
            b.broken)


def alone_it_lets_through():
    b = mp.Barrier(1)
    return b.wait(), b.wait(), b.broken


def none_goes_on_before_the_last():
    b = mp.Barrier(3)
    ps, told = _parties(b, 2)
    until(lambda: b.n_waiting == 2)
    early = not told.empty()
    ps.append(go(_tell_outcome, b, told))
    return early, ends(*ps), sorted(told.get() for _ in ps)


def it_is_used_again():
    b = mp.Barrier(3)
    count = numbers(3)

    def child(me):
        for _ in range(5):
            b.wait()
            count[me] += 1
            b.wait()

    return ends(*[go(child, me) for me in range(3)]), list(count)


def rounds_do_not_overtake_each_other():
    b = mp.Barrier(2)
    count, bad = numbers(2), numbers(2)

    def child(me):
        for i in range(10):
            count[me] = i
            b.wait()
            if count[1 - me] != i:
                bad[me] += 1
            b.wait()

    return ends(go(child, 0), go(child, 1)), list(bad)


def a_timeout_breaks_it():
    b = mp.Barrier(2)
    return outcome(b.wait, SHORT_S), b.broken, outcome(b.wait), b.n_waiting


def a_timeout_breaks_it_for_those_who_wait():
    b = mp.Barrier(3)
    ps, told = _parties(b, 1)
    until(lambda: b.n_waiting == 1)
    own = outcome(b.wait, SHORT_S)
    return own, told.get(), ends(*ps), b.broken


def a_timeout_of_all_its_waits():
    b = mp.Barrier(2, timeout=SHORT_S)
    return outcome(b.wait), b.broken


def abort_breaks_it():
    b = mp.Barrier(3)
    ps, told = _parties(b, 2)
    until(lambda: b.n_waiting == 2)
    b.abort()
    return told.get(), told.get(), ends(*ps), b.broken, outcome(b.wait)


def abort_of_one_where_nobody_waits():
    b = mp.Barrier(2)
    b.abort()
    return b.broken, outcome(b.wait)


def reset_mends_a_broken_one():
    b = mp.Barrier(2)
    b.abort()
    b.reset()
    whole = not b.broken
    ps, told = _parties(b, 2)
    return whole, sorted(told.get() for _ in ps), ends(*ps)


def reset_breaks_it_for_those_who_wait():
    b = mp.Barrier(3)
    ps, told = _parties(b, 2)
    until(lambda: b.n_waiting == 2)
    b.reset()
    words = told.get(), told.get()
    codes = ends(*ps)
    ps, told = _parties(b, 3)
    return words, codes, b.broken, sorted(told.get() for _ in ps), ends(*ps)


def reset_of_one_where_nobody_waits():
    b = mp.Barrier(2)
    b.reset()
    ps, told = _parties(b, 2)
    return b.broken, sorted(told.get() for _ in ps), ends(*ps)


def its_action_is_done_once_a_round():
    count = numbers(1)

    def action():
        count[0] += 1

    b = mp.Barrier(3, action)

    def child():
        for _ in range(4):
            b.wait()

    return ends(*[go(child) for _ in range(3)]), count[0]


def its_action_is_done_before_they_go_on():
    count, seen = numbers(1), numbers(2)

    def action():
        count[0] = 7

    b = mp.Barrier(2, action)

    def child(me):
        b.wait()
        seen[me] = count[0]

    return ends(go(child, 0), go(child, 1)), list(seen)


main()
