#!/usr/bin/python3
"""status, stop, restart, kill; and whatever else is written to the socket."""

import json
import os
import signal
import socket
import sys
import time

from faults import FaultServer, page, silence
from harness import (PATIENCE, STOPPED, USAGE, check, check_sum, children, main, mode, same,
                     same_set, wait_until)


class Waiting:
    """A crawl that has its first page and now waits for the second for ever."""

    def __init__(self, t, **settings):
        paths = [f"/{i}" for i in range(10)]
        self.server = FaultServer().on("/", page("first", paths))
        for path in paths:
            self.server.on(path, silence(600))
        t.server(self.server)
        self.crawl = t.crawl(self.server.url(), first_byte_timeout="1h", total_timeout="1h",
                             **settings)
        self.crawl.start().wait_answers()
        wait_until(self.is_waiting, 10, lambda: f"the first page to be committed: "
                                                f"{self.crawl.status()}")

    def is_waiting(self):
        status = self.crawl.status()
        return status["done"] == 1 and status["in_flight"] == 1

    def stop(self):
        result = self.crawl.command("stop", seconds=15)
        same(result.status, 0, f"{result!r}")
        self.crawl.ends(STOPPED)


def connect(crawl):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.settimeout(5 * PATIENCE)
    # The path may be longer than an address takes: go there by the folder.
    folder = os.open(crawl.dir, os.O_PATH)
    try:
        s.connect(f"/proc/self/fd/{folder}/mpcrawl.sock")
    finally:
        os.close(folder)
    return s


def read_all(s):
    """Until the other end closes, or falls silent."""
    data = b""
    try:
        while part := s.recv(65536):
            data += part
    except (TimeoutError, ConnectionResetError):
        pass
    return data


def test_status_tells_people_and_programs_the_same(t):
    waiting = Waiting(t)
    crawl = waiting.crawl
    status = crawl.status()
    check_sum(status)
    same({key: status[key] for key in ("admitted", "done", "in_flight", "queued")},
         {"admitted": 11, "done": 1, "in_flight": 1, "queued": 9}, "totals")
    same(status["pid"], crawl.process.pid, "pid")
    text = crawl.command("status")
    same(text.status, 0, f"{text!r}")
    for word in ("parser.0", "crawler.0", "recorder", "scheduler"):
        check(word in text.out, f"{word} is not in: {text.out}")
    waiting.stop()


def test_status_names_every_process(t):
    waiting = Waiting(t, parsers=3, crawlers=2)
    crawl = waiting.crawl
    workers = crawl.workers()
    same_set(workers, ["scheduler", "recorder", "crawler.0", "crawler.1", "parser.0", "parser.1",
                       "parser.2"], "workers")
    same_set(workers.values(), children(crawl.process.pid), "pids")
    waiting.stop()


def test_stop_ends_it_in_order(t):
    waiting = Waiting(t)
    start = time.monotonic()
    waiting.stop()
    check(time.monotonic() - start < 5 * PATIENCE, "an idle crawl took long to stop")
    same(len(waiting.crawl.records()), 1, "records")
    report = waiting.crawl.report()
    same((report["in_flight"], report["queued"]), (0, 10), "in flight and queued")


def test_stop_now_ends_it_at_once(t):
    waiting = Waiting(t, stop_timeout="60s")
    for pid in waiting.crawl.workers().values():
        os.kill(pid, signal.SIGSTOP)
    start = time.monotonic()
    result = waiting.crawl.command("stop", "--now", seconds=15)
    same(result.status, 0, f"{result!r}")
    same(waiting.crawl.wait(10), STOPPED, "exit status")
    check(time.monotonic() - start < 5 * PATIENCE, "it was not at once")


def test_restart_and_kill_replace_the_worker_they_name(t):
    waiting = Waiting(t, parsers=2)
    crawl = waiting.crawl
    for command in ("restart", "kill"):
        for name in ("parser.1", "crawler.0", "recorder", "scheduler"):
            before = crawl.workers()
            result = crawl.command(command, name)
            same(result.status, 0, f"{result!r}")
            after = wait_until(lambda: replaced(crawl, before, [name]), 15,
                               f"{name} to be replaced by {command}")
            same_set({n for n in before if before[n] != after[n]}, [name], "replaced")
    waiting.stop()


def replaced(crawl, before, names):
    after = crawl.workers()
    if set(after) == set(before) and all(after[name] != before[name] for name in names):
        return after
    return None


def test_a_role_or_all_can_be_named(t):
    waiting = Waiting(t, parsers=2)
    crawl = waiting.crawl
    for word, names in (("parser", ["parser.0", "parser.1"]), ("all", None)):
        before = crawl.workers()
        result = crawl.command("restart", word)
        same(result.status, 0, f"{result!r}")
        wait_until(lambda: replaced(crawl, before, names or list(before)), 20,
                   f"{word} to be restarted")
    waiting.stop()


def test_an_unknown_worker_is_named(t):
    waiting = Waiting(t)
    crawl = waiting.crawl
    before = crawl.workers()
    for word in ("parsr", "parser.99", "parser.x", "supervisor", "parser.-1", "crawler.0.0"):
        for command in ("restart", "kill"):
            result = crawl.command(command, word)
            same(result.status, USAGE, f"{result!r}")
            check(word in result.err, f"it is not named: {result!r}")
    same(crawl.command("restart").status, USAGE, "restart of nothing")
    same(crawl.workers(), before, "workers")
    waiting.stop()


def test_the_socket_is_the_owners(t):
    waiting = Waiting(t)
    same(mode(os.path.join(waiting.crawl.dir, "mpcrawl.sock")), 0o600, "mode of the socket")
    left = waiting.crawl.shm_left()
    check(len(left) > 1, f"a segment and semaphores, not {left}")
    for name in left:
        same(mode(os.path.join("/dev/shm", name)), 0o600, f"mode of {name}")
    waiting.stop()


def test_garbage_on_the_socket_is_answered_or_dropped(t):
    waiting = Waiting(t)
    crawl = waiting.crawl
    garbage = [b"\n", b"\0\0\0\n", b"{\n", b"[]\n", b"{}\n", b"null\n", b'{"cmd":7}\n',
               b'{"cmd":"frobnicate"}\n', b"\xff\xfe\n", b'{"cmd":"restart"}\n',
               b'{"cmd":"kill","worker":["parser"]}\n', b"[" * 5000 + b"\n",
               b'{"cmd":"status"' + b" " * 3000, b"GET / HTTP/1.1\r\n\r\n", os.urandom(2000)]
    before = crawl.workers()
    for data in garbage:
        with connect(crawl) as s:
            try:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
            except OSError:
                continue  # it has hung up already, which is an answer
            for line in read_all(s).splitlines():
                json.loads(line)
    same(crawl.workers(), before, "workers")
    waiting.stop()


def test_a_huge_line_is_not_kept(t):
    waiting = Waiting(t)
    crawl = waiting.crawl
    before = resident(crawl.process.pid)
    with connect(crawl) as s:
        try:
            for _ in range(640):
                s.sendall(b"x" * 100_000)
        except OSError:
            pass  # it hangs up, rightly
    check(crawl.answers(), "the socket is dead")
    grown = resident(crawl.process.pid) - before
    check(grown < 8_000, f"the supervisor has grown by {grown} KiB")
    waiting.stop()


def resident(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(next(line for line in f if line.startswith("VmRSS")).split()[1])


def test_clients_that_say_nothing_do_not_shut_others_out(t):
    waiting = Waiting(t)
    crawl = waiting.crawl
    idle = []
    try:
        for _ in range(200):
            try:
                idle.append(connect(crawl))
            except OSError:
                break  # refused: that is a limit, and a good one
        wait_until(crawl.answers, 10, "an answer in spite of them")
    finally:
        for s in idle:
            s.close()
    check(crawl.answers(), "the socket is dead")
    waiting.stop()


def test_a_client_that_does_not_read_does_not_block_it(t):
    waiting = Waiting(t)
    crawl = waiting.crawl
    with connect(crawl) as s:
        s.setblocking(False)
        try:
            for _ in range(20_000):
                s.send(b'{"cmd":"status"}\n')
        except OSError:
            pass  # full, or hung up
        start = time.monotonic()
        check(crawl.answers(), "no answer while another does not read")
        check(time.monotonic() - start < 3 * PATIENCE, "it took long")
    waiting.stop()


def test_a_deep_directory_still_has_its_socket(t):
    """A socket's address holds 107 bytes; a path may be longer."""
    deep = t.path(*["a-folder-with-a-long-name"] * 8)
    os.makedirs(deep)
    crawl = t.crawl("http://127.0.0.1:9/", dir=os.path.join(deep, "crawl"), host_delay="1h")
    crawl.start().wait_answers()
    same(crawl.command("stop", seconds=15).status, 0, "exit status of stop")
    crawl.ends(STOPPED)


def test_a_folder_whose_name_is_not_utf8_is_told(t):
    slow = t.crawl(t.server(FaultServer().on("/", silence(600))).url(), robots="ignore",
                   dir=os.fsdecode(os.fsencode(t.path("crawl")) + b"-\xff"))
    slow.start().wait_answers()
    check(slow.command("status", "--json").out.count("crawl-?"), "no name in the status")
    slow.command("stop", seconds=20)
    slow.ends(STOPPED)


if __name__ == "__main__":
    sys.exit(main())
