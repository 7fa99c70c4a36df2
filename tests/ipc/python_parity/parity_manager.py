"""Manager: a dict and a list that one process keeps for all."""

import multiprocessing as mp

from parity import Flag, ends, go, main, outcome


def dict_keeps_what_is_set():
    m = mp.Manager()
    d = m.dict()
    d["a"] = b"1"
    d["b"] = b"2"
    d["a"] = b"3"
    return d["a"], d["b"], len(d)


def dict_without_the_key():
    m = mp.Manager()
    d = m.dict()
    return (outcome(lambda: d["a"]), outcome(d.__delitem__, "a"), outcome(d.pop, "a"), "a" in d,
            len(d))


def dict_delete_and_pop():
    m = mp.Manager()
    d = m.dict()
    for key in "abc":
        d[key] = key.encode()
    del d["a"]
    return d.pop("b"), "a" in d, "b" in d, "c" in d, len(d)


def dict_setdefault():
    m = mp.Manager()
    d = m.dict()
    return d.setdefault("a", b"1"), d.setdefault("a", b"2"), d["a"]


def dict_keys_in_order_of_coming():
    m = mp.Manager()
    d = m.dict()
    for key in ("z", "a", "m"):
        d[key] = b""
    d["z"] = b"again"
    return d.keys()


def dict_clear():
    m = mp.Manager()
    d = m.dict()
    d["a"] = b"1"
    d.clear()
    return len(d), d.keys(), "a" in d


def dict_of_all_processes():
    m = mp.Manager()
    d = m.dict()

    def child(key):
        d[key] = b"from " + key.encode()

    codes = ends(*[go(child, key) for key in ("x", "y", "z")])
    return codes, len(d), d["x"], d["y"], d["z"]


def dict_setdefault_is_won_by_one():
    m = mp.Manager()
    d, l = m.dict(), m.list()

    def child(me):
        if d.setdefault("winner", me) == me:
            l.append(me)

    codes = ends(*[go(child, b"%d" % i) for i in range(4)])
    return codes, len(l), l[0] == d["winner"]


def two_dicts_do_not_mix():
    m = mp.Manager()
    a, b = m.dict(), m.dict()
    a["k"] = b"a"
    b["k"] = b"b"
    return a["k"], b["k"]


def a_large_value():
    m = mp.Manager()
    d = m.dict()
    d["big"] = bytes(1000000)
    return len(d["big"])


def any_byte_comes_through():
    m = mp.Manager()
    l = m.list()
    l.append(bytes(range(256)))
    l.append(b"")
    return l[0] == bytes(range(256)), len(l[1])


def list_keeps_order():
    m = mp.Manager()
    l = m.list()
    for item in (b"a", b"b", b"c"):
        l.append(item)
    return len(l), list(l[:]), l[0], l[2]


def list_counts_from_the_end():
    m = mp.Manager()
    l = m.list([b"a", b"b", b"c"])
    return l[-1], l[-3], outcome(lambda: l[-4])


def list_beyond_its_end():
    m = mp.Manager()
    l = m.list([b"a"])
    return outcome(lambda: l[1]), outcome(l.__setitem__, 1, b"x"), outcome(l.pop, 5)


def list_set_changes_one():
    m = mp.Manager()
    l = m.list([b"a", b"b", b"c"])
    l[1] = b"X"
    l[-1] = b"Y"
    return list(l[:])


def list_insert_puts_before():
    m = mp.Manager()
    l = m.list([b"a", b"b"])
    l.insert(0, b"first")
    l.insert(2, b"mid")
    l.insert(100, b"last")
    l.insert(-1, b"near")
    l.insert(-100, b"front")
    return list(l[:])


def list_pop_takes_away():
    m = mp.Manager()
    l = m.list([b"a", b"b", b"c", b"d"])
    return l.pop(), l.pop(0), l.pop(-2), list(l[:]), l.pop(), outcome(l.pop)


def list_clear():
    m = mp.Manager()
    l = m.list([b"a"])
    l[:] = []
    l.append(b"b")
    return list(l[:])


def list_appended_to_by_all():
    m = mp.Manager()
    l = m.list()

    def child(me):
        for i in range(20):
            l.append(b"%d" % (100 * me + i))

    codes = ends(*[go(child, me) for me in range(3)])
    got = [int(item) for item in l[:]]
    return (codes, len(set(got)),
            all([i for i in got if i // 100 == me] == list(range(100 * me, 100 * me + 20))
                for me in range(3)))


def a_killed_client_is_not_noticed():
    m = mp.Manager()
    d = m.dict()
    flag = Flag()

    def child():
        d["a"] = b"its"
        flag.up()
        while True:
            d["b"] = d["a"]

    p = go(child)
    flag.wait()
    p.kill()
    code = ends(p)
    d["c"] = b"ours"
    return code, d["a"], d["c"]


def gone_with_its_process():
    m = mp.Manager()
    d = m.dict()
    d["a"] = b"1"
    m._process.kill()
    m._process.join()
    return outcome(lambda: d["a"]) in ("EOF", "Broken")  # by how far the kernel was


main()
