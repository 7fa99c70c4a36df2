"""Array: numbers side by side, that all see."""

import multiprocessing as mp

from parity import Flag, ends, go, main


def it_begins_with_zeros():
    return list(mp.Array("q", 4)), len(mp.Array("q", 4))


def it_begins_with_what_was_given():
    a = mp.Array("q", [3, 1, 2])
    return len(a), list(a)


def a_child_changes_it():
    a = mp.Array("q", range(5))

    def child():
        for i in range(5):
            a[i] = a[i] * a[i]

    return ends(go(child)), list(a)


def each_child_has_its_own_element():
    a = mp.Array("q", 4)

    def child(me):
        for _ in range(50):
            a[me] += me

    return ends(*[go(child, me) for me in range(4)]), list(a)


def additions_under_its_lock_are_all_there():
    a = mp.Array("q", 2)

    def child():
        for _ in range(50):
            with a.get_lock():
                a[0] += 1
                a[1] = a[0] * 2

    return ends(*[go(child) for _ in range(4)]), list(a)


def its_lock_keeps_others_out():
    a = mp.Array("q", 1)
    got = Flag()

    def child():
        with a.get_lock():
            a[0] = 1
        got.up()

    a.get_lock().acquire()
    p = go(child)
    early = got.seen()
    a.get_lock().release()
    return early, ends(p), a[0]


def elements_may_be_fractions():
    a = mp.Array("d", [0.25, -1.5])

    def child():
        a[1] = a[0] + a[1]

    return ends(go(child)), list(a)


def elements_may_be_bytes():
    a = mp.Array("c", 8)
    a[0:5] = b"hello"

    def child():
        a[0] = a[0].upper()

    return ends(go(child)), a[0:5]


def ten_thousand_elements():
    a = mp.Array("q", 10000)

    def child():
        for i in range(0, 10000, 100):
            a[i] = i

    return ends(go(child)), sum(a), a[9900], a[9901]


main()
