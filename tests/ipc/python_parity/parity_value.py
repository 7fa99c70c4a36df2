"""Value and Array: numbers that all see."""

import multiprocessing as mp

from parity import ends, go, main


def it_begins_with_what_was_given():
    return mp.Value("q", 42).value, mp.Value("q").value, mp.Value("q", -(2**63)).value


def a_child_changes_it():
    v = mp.Value("q", 1)

    def child():
        v.value = -7

    return ends(go(child)), v.value


def a_fraction_is_kept_whole():
    v = mp.Value("d", 0.5)

    def child():
        v.value = v.value / 4

    return ends(go(child)), v.value


def additions_of_all_are_there():
    v = mp.Value("q", 0)

    def child():
        for _ in range(100):
            with v.get_lock():
                v.value += 1

    return ends(*[go(child) for _ in range(4)]), v.value


def two_values_do_not_mix():
    a, b = mp.Value("q", 1), mp.Value("q", 2)
    a.value = 10
    return a.value, b.value


main()
