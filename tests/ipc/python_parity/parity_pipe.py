"""Pipe, Connection and wait: both ways, bounds, ends."""

import multiprocessing as mp
import os
import select
import zlib
from multiprocessing.connection import wait

from parity import PATIENCE_S, SHORT_S, Flag, ends, go, main, outcome


def duplex_goes_both_ways():
    a, b = mp.Pipe()
    a.send_bytes(b"there")
    b.send_bytes(b"back")
    return b.recv_bytes(), a.recv_bytes()


def simplex_goes_from_second_to_first():
    r, w = mp.Pipe(False)
    w.send_bytes(b"a")
    return r.recv_bytes(), outcome(r.send_bytes, b"x"), outcome(w.recv_bytes)


def first_in_first_out():
    r, w = mp.Pipe(False)
    for i in range(5):
        w.send_bytes(b"%d" % i)
    return [r.recv_bytes() for _ in range(5)]


def messages_keep_their_bounds():
    r, w = mp.Pipe(False)
    for message in (b"a", b"bcd", b"e" * 1000, b"f"):
        w.send_bytes(message)
    return [len(r.recv_bytes()) for _ in range(4)]


def an_empty_message_is_no_end():
    a, b = mp.Pipe()
    a.send_bytes(b"")
    a.send_bytes(b"x")
    return b.poll(), len(b.recv_bytes()), b.recv_bytes()


def any_byte_comes_through():
    a, b = mp.Pipe()
    a.send_bytes(bytes(range(256)))
    return b.recv_bytes() == bytes(range(256))


def end_of_file_when_the_other_is_closed():
    a, b = mp.Pipe()
    a.close()
    return outcome(b.recv_bytes), outcome(b.recv_bytes)


def what_was_sent_comes_before_the_end():
    a, b = mp.Pipe()
    a.send_bytes(b"last")
    a.send_bytes(b"words")
    a.close()
    return b.recv_bytes(), b.recv_bytes(), outcome(b.recv_bytes)


def sending_to_nobody():
    a, b = mp.Pipe()
    b.close()
    return outcome(a.send_bytes, b"x")


def sending_into_a_simplex_that_nobody_reads():
    r, w = mp.Pipe(False)
    r.close()
    return outcome(w.send_bytes, b"x")


def poll_looks_and_takes_nothing():
    a, b = mp.Pipe()
    before = b.poll()
    a.send_bytes(b"x")
    return before, b.poll(), b.poll(), b.recv_bytes(), b.poll()


def poll_gives_up_after_its_timeout():
    _a, b = mp.Pipe()
    return b.poll(SHORT_S)


def poll_says_yes_at_the_end_of_file():
    a, b = mp.Pipe()
    a.close()
    return b.poll(), outcome(b.recv_bytes)


def poll_is_woken_by_a_message():
    a, b = mp.Pipe()
    begun, seen = Flag(), Flag()

    def poller():
        begun.up()
        if b.poll(PATIENCE_S):
            seen.up()

    p = go(poller)
    begun.wait()
    early = seen.seen()
    a.send_bytes(b"x")
    seen.wait()
    return early, ends(p)


def recv_waits_for_a_message():
    r, w = mp.Pipe(False)
    begun, got = Flag(), Flag()

    def receiver():
        begun.up()
        r.recv_bytes()
        got.up()

    p = go(receiver)
    begun.wait()
    early = got.seen()
    w.send_bytes(b"x")
    got.wait()
    return early, ends(p)


def a_child_sends():
    r, w = mp.Pipe(False)
    p = go(w.send_bytes, b"from below")
    return r.recv_bytes(), ends(p)


def a_child_answers_a_hundred_times():
    a, b = mp.Pipe()

    def echo():
        for _ in range(100):
            b.send_bytes(b.recv_bytes() + b"!")

    p = go(echo)
    right = 0
    for i in range(100):
        a.send_bytes(b"%d" % i)
        right += a.recv_bytes() == b"%d!" % i
    return right, ends(p)


def the_end_of_a_child_is_end_of_file():
    r, w = mp.Pipe(False)
    p = go(w.send_bytes, b"only")
    w.close()
    return r.recv_bytes(), outcome(r.recv_bytes), ends(p)


def the_kill_of_a_child_is_end_of_file():
    r, w = mp.Pipe(False)
    p = go(Flag().wait)
    w.close()
    before = r.poll(SHORT_S)
    p.kill()
    return before, outcome(r.recv_bytes), ends(p)


def a_message_of_a_million_bytes():
    r, w = mp.Pipe(False)
    big = bytes(i * 7 % 251 for i in range(1000)) * 1000
    p = go(w.send_bytes, big)
    got = r.recv_bytes()
    return len(got), zlib.crc32(got) == zlib.crc32(big), ends(p)


def large_and_small_in_order():
    r, w = mp.Pipe(False)
    sizes = [10, 300000, 20, 100000, 30]

    def sender():
        for size in sizes:
            w.send_bytes(b"z" * size)

    p = go(sender)
    return [len(r.recv_bytes()) for _ in sizes], ends(p)


def a_message_above_what_is_taken():
    r, w = mp.Pipe(False)
    w.send_bytes(b"x" * 100)
    return outcome(r.recv_bytes, 10)


def two_senders_take_turns_by_a_lock():
    r, w = mp.Pipe(False)
    lock = mp.Lock()

    def sender(first):
        for i in range(50):
            with lock:
                w.send_bytes(b"%d" % (first + i))

    ps = [go(sender, 0), go(sender, 1000)]
    got = [int(r.recv_bytes()) for _ in range(100)]
    return (len(set(got)), [i for i in got if i < 1000] == list(range(50)),
            [i for i in got if i >= 1000] == list(range(1000, 1050)), ends(*ps))


def fileno_can_be_polled():
    a, b = mp.Pipe()
    poll = select.poll()
    poll.register(b.fileno(), select.POLLIN)
    before = len(poll.poll(0))
    a.send_bytes(b"x")
    return before, len(poll.poll(PATIENCE_S * 1000))


def wait_says_which_are_ready():
    pipes = [mp.Pipe(False) for _ in range(4)]
    for i in (1, 3):
        pipes[i][1].send_bytes(b"x")
    ready = wait([r for r, _ in pipes], PATIENCE_S)
    return [i for i, (r, _) in enumerate(pipes) if r in ready]


def wait_gives_up_after_its_timeout():
    pipes = [mp.Pipe(False) for _ in range(2)]
    return len(wait([r for r, _ in pipes], SHORT_S)), len(wait([r for r, _ in pipes], 0))


def wait_is_woken_by_one():
    pipes = [mp.Pipe(False) for _ in range(3)]
    go_on = Flag()

    def sender():
        go_on.wait()
        pipes[2][1].send_bytes(b"x")

    p = go(sender)
    go_on.up()
    ready = wait([r for r, _ in pipes])
    return [i for i, (r, _) in enumerate(pipes) if r in ready], ends(p)


def wait_says_that_an_end_is_ready():
    pipes = [mp.Pipe(False) for _ in range(2)]
    pipes[0][1].close()
    ready = wait([r for r, _ in pipes], PATIENCE_S)
    return [i for i, (r, _) in enumerate(pipes) if r in ready], outcome(pipes[0][0].recv_bytes)


def wait_takes_sentinels_too():
    r, _w = mp.Pipe(False)
    flag = Flag()
    p = go(flag.wait)
    early = len(wait([r, p.sentinel], SHORT_S))
    flag.up()
    return early, [x is r for x in wait([r, p.sentinel])], ends(p)


def closed_in_the_parent_it_lives_in_the_child():
    a, b = mp.Pipe()
    flag = Flag()

    def child():
        a.close()
        flag.wait()
        b.send_bytes(b"alive")

    p = go(child)
    b.close()
    early = a.poll(SHORT_S)
    flag.up()
    return early, a.recv_bytes(), outcome(a.recv_bytes), ends(p)


def descriptors_are_given_back():
    for _ in range(3):
        a, b = mp.Pipe()
        a.close()
        b.close()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        a, b = mp.Pipe()
        a.close()
        b.close()
    return len(os.listdir("/proc/self/fd")) - before


main()
