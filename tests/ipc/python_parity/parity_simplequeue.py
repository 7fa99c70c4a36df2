"""SimpleQueue: a queue without limits and times."""

import multiprocessing as mp

from parity import Flag, ends, go, main


def first_in_first_out():
    q = mp.SimpleQueue()
    for i in range(5):
        q.put(i)
    return [q.get() for _ in range(5)]


def empty_says_so():
    q = mp.SimpleQueue()
    before = q.empty()
    q.put("a")
    during = q.empty()
    q.get()
    return before, during, q.empty()


def a_child_answers():
    q, back = mp.SimpleQueue(), mp.SimpleQueue()
    p = go(lambda: back.put(q.get() + q.get()))
    q.put(b"ask")
    q.put(b"ed")
    return back.get(), ends(p)


def get_waits_until_something_is_put():
    q, begun, got = mp.SimpleQueue(), Flag(), Flag()

    def getter():
        begun.up()
        q.get()
        got.up()

    p = go(getter)
    begun.wait()
    early = got.seen()
    q.put("a")
    got.wait()
    return early, ends(p)


def messages_keep_their_bounds():
    q = mp.SimpleQueue()
    for message in (b"a", b"", b"bcd"):
        q.put(message)
    return [len(q.get()) for _ in range(3)]


def many_producers_each_item_once():
    q = mp.SimpleQueue()

    def producer(first):
        for i in range(25):
            q.put(first + i)

    ps = [go(producer, 100 * i) for i in range(4)]
    got = [q.get() for _ in range(100)]
    return len(set(got)), sum(got), ends(*ps), q.empty()


main()
