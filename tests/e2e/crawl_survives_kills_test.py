#!/usr/bin/python3
"""kill -9 of anything, at any moment: the same records, once each."""

import os
import random
import signal
import sys
import time

import sites
from harness import (FINISHED, PATIENCE, STOPPED, alive, check, children, kill, main, same,
                     same_set, tail, wait_until)

# One page at a time, some twenty a second: time to act in the middle.
SLOW = {"host_concurrency": 1, "host_delay": "50ms"}


class Slow:
    """A generated site of `n` pages, and a slow crawl of it that has begun."""

    def __init__(self, t, n, **settings):
        root = t.path("site")
        self.names = sites.generate(root, n)
        self.site = t.site(root)
        self.crawl = t.crawl(self.site.url + "index.html", **{**SLOW, **settings})
        self.crawl.start().wait_answers()

    def finishes(self, kills, seconds=60):
        """Every page has its one record, and was asked for again only where a
        kill met the one fetch that can be in flight."""
        self.crawl.ends(FINISHED, seconds)
        found = self.crawl.by_url()
        same_set(found, [self.site.url + name for name in self.names], "records")
        same({record["status"] for record in found.values()}, {200}, "statuses")
        self.crawl.report()
        fetched = [path for _, _, path in self.site.requests() if path != "/robots.txt"]
        again = len(fetched) - len(set(fetched))
        check(again <= kills, f"{again} pages were fetched twice, by {kills} kills")


def test_each_role_is_killed_by_hand_and_by_command(t):
    slow = Slow(t, 200)
    crawl = slow.crawl
    crawl.wait_count(5)
    for role in ("crawler.0", "parser.0", "recorder", "scheduler"):
        seen = crawl.count()
        crawl.kill_worker(role)
        crawl.wait_count(seen + 5)

    old = crawl.worker("parser.0")
    result = crawl.command("restart", "parser")
    same(result.status, 0, f"{result!r}")
    wait_until(lambda: crawl.workers().get("parser.0") not in (None, old), 10, "a new parser")

    old = crawl.worker("crawler.0")
    result = crawl.command("kill", "crawler.0")
    same(result.status, 0, f"{result!r}")
    wait_until(lambda: crawl.workers().get("crawler.0") not in (None, old), 10, "a new crawler")
    slow.finishes(kills=6)


def test_everything_is_killed_and_the_crawl_goes_on(t):
    slow = Slow(t, 80)
    slow.crawl.wait_count(30)
    killed = slow.crawl.kill_everything()
    check(len(killed) >= 5, f"a supervisor and four roles, not {killed}")
    slow.crawl.start().wait_answers()
    slow.finishes(kills=1)


def test_everything_is_killed_at_once_again_and_again_at_full_speed(t):
    """At any moment: also in the middle of the start."""
    root = t.path("site")
    names = sites.generate(root, 600)
    site = t.site(root)
    crawl = t.crawl(site.url + "index.html", host_concurrency=8)
    for _ in range(8):
        crawl.start()
        time.sleep(random.uniform(0.02, 0.4) * PATIENCE)
        if not crawl.running():
            break
        crawl.kill_everything()
    crawl.start().ends(FINISHED, 60)
    same_set(crawl.by_url(), [site.url + name for name in names], "records")


def test_random_workers_are_killed_at_full_speed(t):
    root = t.path("site")
    names = sites.generate(root, 5000)
    site = t.site(root)
    crawl = t.crawl(site.url + "index.html", host_concurrency=4, crawlers=2, parsers=2)
    crawl.start().wait_answers()
    kills = 0
    while crawl.running() and kills < 25:
        workers = children(crawl.process.pid)
        if workers:
            kill(random.choice(workers))
            kills += 1
        time.sleep(random.uniform(0, 0.1))
    check(kills >= 5, f"only {kills} kills")
    crawl.ends(FINISHED, 60)
    same_set(crawl.by_url(), [site.url + name for name in names], "records")
    crawl.report()


def test_sigterm_to_all_at_once_is_an_orderly_stop(t):
    """As systemd and timeout(1) send it: workers leave when they are told to."""
    slow = Slow(t, 60)
    slow.crawl.wait_count(10)
    for pid in [slow.crawl.process.pid, *slow.crawl.workers().values()]:
        kill(pid, signal.SIGTERM)
    slow.crawl.ends(STOPPED)
    check("started again" not in slow.crawl.said(), f"it said: {tail(slow.crawl.said())}")
    slow.crawl.start()
    slow.finishes(1)


def test_the_supervisor_alone_is_killed(t):
    slow = Slow(t, 60)
    crawl = slow.crawl
    crawl.wait_count(10)
    workers = list(crawl.workers().values())
    kill(crawl.process.pid)
    crawl.reap()
    wait_until(lambda: not any(alive(pid) for pid in workers), 2,
               "the workers to die with their supervisor")
    crawl.start().wait_answers()
    slow.finishes(kills=1)


def test_ctrl_c_stops_in_time_and_starting_again_finishes(t):
    slow = Slow(t, 60)
    crawl = slow.crawl
    crawl.wait_count(10)
    start = time.monotonic()
    # As a terminal does: to the whole foreground group.
    os.killpg(crawl.process.pid, signal.SIGINT)
    crawl.ends(STOPPED, 10)
    took = time.monotonic() - start
    check(took < 10 * PATIENCE, f"it took {took:.1f} s")
    stopped_at = len(crawl.records())
    check(10 <= stopped_at < 60, f"{stopped_at} records when it was stopped")
    crawl.start().wait_answers()
    slow.finishes(kills=0)


def test_sigterm_is_an_orderly_stop_too(t):
    slow = Slow(t, 60)
    slow.crawl.wait_count(5)
    kill(slow.crawl.process.pid, signal.SIGTERM)
    slow.crawl.ends(STOPPED, 10)
    slow.crawl.start().wait_answers()
    slow.finishes(kills=0)


def test_stop_ends_in_time_although_a_worker_hangs(t):
    slow = Slow(t, 60, stop_timeout="2s")
    crawl = slow.crawl
    crawl.wait_count(5)
    for pid in crawl.workers().values():
        kill(pid, signal.SIGSTOP)
    start = time.monotonic()
    kill(crawl.process.pid, signal.SIGINT)
    crawl.ends(STOPPED, 8)
    took = time.monotonic() - start
    check(took < 4 * PATIENCE, f"it took {took:.1f} s, with a stop_timeout of 2 s")
    crawl.start().wait_answers()
    slow.finishes(kills=1)


def test_a_second_ctrl_c_ends_it_now(t):
    slow = Slow(t, 60, stop_timeout="50s")
    crawl = slow.crawl
    crawl.wait_count(5)
    for pid in crawl.workers().values():
        kill(pid, signal.SIGSTOP)
    kill(crawl.process.pid, signal.SIGINT)
    # The first must have been taken before the second is a second one.
    wait_until(lambda: not pending(crawl.process.pid, signal.SIGINT), 5, "the first to be taken")
    time.sleep(0.2)
    start = time.monotonic()
    kill(crawl.process.pid, signal.SIGINT)
    same(crawl.wait(5), STOPPED, "exit status")
    check(time.monotonic() - start < 3 * PATIENCE, "it was not at once")
    crawl.start().wait_answers()
    slow.finishes(kills=1)


def pending(pid, sig):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        masks = [int(line.split()[1], 16) for line in f if line.startswith(("SigPnd", "ShdPnd"))]
    return any(mask >> (sig - 1) & 1 for mask in masks)


def test_status_answers_while_every_worker_hangs(t):
    slow = Slow(t, 40)
    crawl = slow.crawl
    crawl.wait_count(5)
    workers = list(crawl.workers().values())
    for pid in workers:
        kill(pid, signal.SIGSTOP)
    start = time.monotonic()
    status = crawl.status(seconds=2)
    check(time.monotonic() - start < 1 * PATIENCE, "it took long")
    same(sorted(worker["pid"] for worker in status["workers"] if worker["pid"]),
         sorted(workers), "workers")
    for pid in workers:
        kill(pid, signal.SIGCONT)
    slow.finishes(kills=0)


def test_a_lost_segment_costs_refetching_never_a_record(t):
    """Power cut: the shared memory is gone, the directory is as it was."""
    slow = Slow(t, 60)
    crawl = slow.crawl
    crawl.wait_count(20)
    crawl.kill_everything()
    crawl.lose_shm()
    crawl.start().wait_answers()
    # What was fetched and not yet committed when everything died: some pages.
    slow.finishes(kills=30)


def test_a_worker_that_dies_again_and_again_is_throttled_and_shown(t):
    slow = Slow(t, 120)
    crawl = slow.crawl
    crawl.wait_count(3)
    end = time.monotonic() + 2
    deaths = 0
    while time.monotonic() < end:
        pid = crawl.workers().get("parser.0")
        if pid:
            kill(pid)
            deaths += 1
    check(deaths < 200, f"{deaths} forks in 2 s: no back-off")
    slow.finishes(kills=0)
    check("parser.0" in crawl.said(), f"its deaths were not told: {tail(crawl.said())}")


if __name__ == "__main__":
    sys.exit(main())
