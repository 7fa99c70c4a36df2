"""Queue: order, limits, waiting, many of both sides."""

import multiprocessing as mp
import time
import zlib

from parity import PATIENCE_S, SHORT_S, Flag, ends, go, main, numbers, outcome, until


def first_in_first_out():
    q = mp.Queue()
    for i in range(5):
        q.put(i)
    return [q.get() for _ in range(5)]


def an_empty_one_has_nothing():
    return outcome(mp.Queue().get_nowait)


def an_empty_one_is_waited_for_in_vain():
    begun = time.monotonic()
    return outcome(mp.Queue().get, timeout=SHORT_S), time.monotonic() - begun >= SHORT_S


def a_full_one_refuses():
    q = mp.Queue(2)
    q.put("a")
    q.put("b")
    return outcome(q.put_nowait, "c"), q.qsize(), q.get(), q.get()


def a_full_one_is_waited_for_in_vain():
    q = mp.Queue(1)
    q.put("a")
    begun = time.monotonic()
    return outcome(q.put, "b", timeout=SHORT_S), time.monotonic() - begun >= SHORT_S


def get_makes_room():
    q = mp.Queue(1)
    q.put("a")
    full = outcome(q.put_nowait, "b")
    first = q.get()
    return full, first, outcome(q.put_nowait, "c"), q.get()


def no_time_is_nowait():
    q = mp.Queue(1)
    empty = outcome(q.get, timeout=0)
    q.put("a")
    return empty, outcome(q.put, "b", timeout=0)


def qsize_goes_up_and_down():
    q = mp.Queue()
    sizes = [q.qsize()]
    for i in range(3):
        q.put(i)
        sizes.append(q.qsize())
    for _ in range(3):
        q.get()
        sizes.append(q.qsize())
    return sizes


def empty_until_something_is_put():
    q = mp.Queue()
    before = q.empty()
    q.put("a")
    until(lambda: not q.empty())
    during = q.empty()
    q.get()
    return before, during, q.empty()


def full_is_at_maxsize():
    q = mp.Queue(2)
    seen = [q.full()]
    for _ in range(2):
        q.put("a")
        seen.append(q.full())
    q.get()
    return seen, q.full()


def without_maxsize_it_takes_500():
    q = mp.Queue()
    for i in range(500):
        q.put_nowait(i)
    return q.full(), q.qsize(), [q.get() for _ in range(500)] == list(range(500))


def _put_each(q, *items):
    for item in items:
        q.put(item)


def a_child_puts():
    q = mp.Queue()
    p = go(_put_each, q, "x", "y", "z")
    return [q.get() for _ in range(3)], ends(p)


def _get_three(q, back):
    back.put(b"".join(q.get() for _ in range(3)))


def a_child_gets():
    q, back = mp.Queue(), mp.Queue()
    p = go(_get_three, q, back)
    _put_each(q, b"x", b"y", b"z")
    return back.get(), ends(p)


def a_grandchild_puts():
    q = mp.Queue()
    p = go(lambda: ends(go(_put_each, q, "deep")))
    return q.get(), ends(p)


def what_a_dead_child_put_is_there():
    q = mp.Queue()
    ends(go(_put_each, q, "left", "behind"))
    return q.get(), q.get()


def _number(q, producer, n):
    for i in range(n):
        q.put((producer, i))


def many_producers_each_in_order():
    q = mp.Queue()
    ps = [go(_number, q, producer, 50) for producer in range(4)]
    got = [q.get(timeout=PATIENCE_S) for _ in range(200)]
    ends(*ps)
    return (len(set(got)), outcome(q.get_nowait),
            all([i for who, i in got if who == producer] == list(range(50))
                for producer in range(4)))


def _sum_up(q, sums, me):
    while (item := q.get()) is not None:
        sums[me] += item


def many_consumers_each_item_once():
    q, sums = mp.Queue(), numbers(3)
    ps = [go(_sum_up, q, sums, me) for me in range(3)]
    for i in range(1, 101):
        q.put(i)
    for _ in ps:
        q.put(None)
    return ends(*ps), sum(sums)


def many_of_both_by_a_small_one():
    q, sums = mp.Queue(3), numbers(2)
    makers = [go(_put_each, q, *range(1, 51)) for _ in range(3)]
    takers = [go(_sum_up, q, sums, me) for me in range(2)]
    made = ends(*makers)
    q.put(None)
    q.put(None)
    return made, ends(*takers), sum(sums)


def messages_keep_their_bounds():
    q = mp.Queue()
    _put_each(q, b"a", b"", b"bcd", b"e" * 1000)
    return [len(q.get()) for _ in range(4)]


def an_empty_message_is_one():
    q = mp.Queue()
    q.put(b"")
    return q.qsize(), len(q.get()), q.qsize()


def any_byte_comes_through():
    q = mp.Queue()
    q.put(bytes(range(256)))
    return q.get() == bytes(range(256))


def _big(n):
    return bytes(i * 7 % 251 for i in range(1000)) * (n // 1000)


def a_message_of_a_million_bytes():
    q = mp.Queue()
    p = go(_put_each, q, _big(1000000))
    got = q.get()
    return len(got), zlib.crc32(got) == zlib.crc32(_big(1000000)), ends(p)


def a_message_of_eight_million_bytes_both_ways():
    q, back = mp.Queue(), mp.Queue()
    p = go(lambda: back.put(q.get()))
    q.put(_big(8000000))
    got = back.get()
    return len(got), zlib.crc32(got) == zlib.crc32(_big(8000000)), ends(p)


def _get_and_tell(q, begun, got):
    begun.up()
    q.get()
    got.up()


def get_waits_until_something_is_put():
    q, begun, got = mp.Queue(), Flag(), Flag()
    p = go(_get_and_tell, q, begun, got)
    begun.wait()
    early = got.seen()
    q.put("a")
    got.wait()
    return early, ends(p)


def _put_and_tell(q, put):
    for item in ("a", "b"):
        q.put(item)
        put.up()


def put_waits_until_there_is_room():
    q, put = mp.Queue(1), Flag()
    p = go(_put_and_tell, q, put)
    put.wait()
    early = put.seen()
    first = q.get()
    put.wait()
    return early, first, q.get(), ends(p)


def get_with_time_is_woken_in_time():
    q, begun, got = mp.Queue(), Flag(), Flag()

    def getter():
        begun.up()
        got.up(1 if outcome(q.get, timeout=PATIENCE_S) == "a" else 2)

    p = go(getter)
    begun.wait()
    q.put("a")
    got.wait()
    return got.seen(0), ends(p)


def maxsize_is_of_all_processes():
    q = mp.Queue(3)
    codes = ends(go(_put_each, q, "a"), go(_put_each, q, "b"))
    q.put("c")
    return codes, outcome(q.put_nowait, "d"), q.qsize()


def _close(q):
    q.close()
    return outcome(q.put, "a"), outcome(q.get_nowait)


def a_closed_one_takes_nothing():
    return _close(mp.Queue())[0]


def two_queues_do_not_mix():
    a, b = mp.Queue(), mp.Queue()
    _put_each(a, "a", "b")
    _put_each(b, "x", "y")
    return b.get(), a.get(), b.get(), a.get()


def _turns(mine, other, n, log):
    for _ in range(n):
        mine.get()
        log[0] += 1
        other.put("go")


def two_take_turns_by_two_queues():
    a, b, log = mp.Queue(), mp.Queue(), numbers(1)
    p = go(_turns, a, b, 50, log)
    seen = []
    for i in range(50):
        a.put("go")
        b.get()
        seen.append(log[0] == i + 1)
    return all(seen), ends(p)


def an_item_put_back_goes_to_the_end():
    q = mp.Queue()
    _put_each(q, "a", "b", "c")
    q.put(q.get())
    return q.get(), q.get(), q.get()


main()
