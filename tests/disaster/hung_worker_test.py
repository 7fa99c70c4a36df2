#!/usr/bin/python3
"""A worker that hangs is killed and replaced; one that dies leaves a report."""

import json
import os
import signal
import sys
import time

import disaster  # noqa: F401 (the way to tests/e2e)
import sites
from crawl_survives_kills_test import Slow
from harness import (DISK, FINISHED, PATIENCE, SANITISED, check, kill, main, same, same_set,
                     tail, wait_until)

# Deadlines that a test can wait for.
SOON = {"stall_timeout": f"{2 * PATIENCE:g}s", "parse_cpu": "500ms",
        "parse_wall": f"{2 * PATIENCE:g}s"}
# A sanitiser takes SIGSEGV for itself.
FAULT = signal.SIGILL if SANITISED else signal.SIGSEGV


def crashes(crawl):
    """What `status --crashes --json` tells, of workers."""
    result = crawl.command("status", "--crashes", "--json")
    same(result.status, 0, f"exit status of {result!r}")
    return [json.loads(line) for line in result.out.splitlines()]


def told(crawl):
    result = crawl.command("status", "--crashes")
    same(result.status, 0, f"exit status of {result!r}")
    return result.out


def hung(crawl):
    return [report["worker"] for report in crashes(crawl) if report.get("hung")]


def write_crashes(crawl, data):
    os.makedirs(crawl.dir, exist_ok=True)
    with open(os.path.join(crawl.dir, "crashes.jsonl"), "wb") as f:
        f.write(data)


def test_a_worker_of_each_role_that_stands_still_is_killed_and_replaced(t):
    # One parser: no colleague ends the crawl while it hangs.
    slow = Slow(t, int(240 * PATIENCE), parsers=1, **SOON)
    crawl = slow.crawl
    crawl.wait_count(5)
    roles = ("parser.0", "crawler.0", "recorder", "scheduler")
    for role in roles:
        seen = crawl.count()
        old = crawl.worker(role)
        kill(old, signal.SIGSTOP)
        wait_until(lambda: crawl.workers().get(role) not in (None, old), 15,
                   lambda: f"{role} to be replaced; it said:\n{tail(crawl.said())}")
        crawl.wait_count(seen + 5)
    slow.finishes(kills=4)
    reports = [report for report in crashes(crawl) if report["hung"]]
    for role in roles:
        check(any(report["worker"] == role and report["signal"] == signal.SIGKILL
                  and report["events"] for report in reports),
              f"no report of {role}: {[(r['worker'], r['end']) for r in reports]}")
    same([report["worker"] for report in reports if report["end"].find("hung") < 0], [],
         "reports that do not say so")


def test_workers_that_work_are_left_alone(t):
    """Many pages, short deadlines, nobody hangs: nobody is killed."""
    root = t.path("site")
    names = sites.generate(root, 1500)
    site = t.site(root)
    crawl = t.crawl(site.url + "index.html", host_concurrency=8, **SOON)
    crawl.run()
    same_set(crawl.by_url(), [site.url + name for name in names], "records")
    same(crashes(crawl), [], "reports")


def large_page(t):
    """A site with a page that takes a parser a while."""
    root = t.path("site")
    os.makedirs(root)
    with open(os.path.join(root, "index.html"), "w", encoding="ascii") as f:
        f.write("<title>index</title><a href=large.html>large</a>")
    with open(os.path.join(root, "large.html"), "w", encoding="ascii") as f:
        f.write("<title>large</title>" + "<p>a<b>b<i>c</b>" * 250_000)
    return t.site(root)


def parser_in_large_page(crawl):
    """The pid of the parser that has it in hand."""
    def busy():
        for worker in crawl.status()["workers"]:
            if worker["name"].startswith("parser") and worker.get("cell") is not None \
                    and worker["cpu_ms"] > 30:
                return worker["name"], worker["pid"]
        return None
    return wait_until(busy, 20, lambda: f"a busy parser; it said:\n{tail(crawl.said())}")


def test_a_parser_that_dies_names_the_page_and_the_stage(t):
    site = large_page(t)
    crawl = t.crawl(site.url + "index.html", parsers=1, parse_cpu="8s")
    crawl.start().wait_answers()
    name, pid = parser_in_large_page(crawl)
    kill(pid, FAULT)
    crawl.ends(FINISHED)
    crawl.record(site.url + "large.html")
    report, = crashes(crawl)
    same((report["worker"], report["pid"], report["signal"], report["hung"], report["blamed"]),
         (name, pid, FAULT, False, True), "the report")
    same(report["url"], site.url + "large.html", "its URL")
    check(report["stage"].startswith("parses"), f"its stage: {report['stage']}")
    same(report["events"][-1]["what"], "parses", "its last event")
    same(report["events"][-1]["bytes"],
         os.path.getsize(t.path("site", "large.html")), "bytes of the last event")
    check(report["stage_ms"] < 0 and len(report["events"]) > 2, f"its events: {report}")
    text = told(crawl)
    for part in (name, site.url + "large.html", "parses", report["end"], "the page blamed"):
        check(part in text, f"status --crashes does not tell {part!r}:\n{text}")
    line, = [line for line in crawl.said().splitlines() if f"died of signal {FAULT:d}" in line]
    check(site.url + "large.html" in line and "parses" in line, f"the log: {line}")


def test_a_parser_that_stands_still_in_a_page_is_killed_and_the_page_blamed(t):
    site = large_page(t)
    crawl = t.crawl(site.url + "index.html", parsers=1, **{**SOON, "parse_cpu": "1s", "parse_wall": f"{4 * PATIENCE:g}s"})
    crawl.start().wait_answers()
    _, pid = parser_in_large_page(crawl)
    kill(pid, signal.SIGSTOP)
    crawl.ends(FINISHED)
    crawl.record(site.url + "large.html")
    report = crashes(crawl)[0]
    check(report["hung"] and report["blamed"] and "parse_wall" in report["end"],
          f"the report: {report}")
    same(report["url"], site.url + "large.html", "its URL")


def test_crashes_are_told_while_everything_hangs(t):
    slow = Slow(t, 60)
    crawl = slow.crawl
    crawl.wait_count(5)
    crawl.kill_worker("parser.0")
    wait_until(lambda: crashes(crawl), 5, "the report")
    stopped = [crawl.process.pid, *crawl.workers().values()]
    for pid in stopped:
        kill(pid, signal.SIGSTOP)
    report, = crashes(crawl)
    check("parser.0" in told(crawl), "parser.0 is not told")
    for pid in stopped:
        kill(pid, signal.SIGCONT)
    # By somebody else's hand: short, and nobody is blamed.
    same((report["worker"], report["signal"], report["blamed"]),
         ("parser.0", signal.SIGKILL, False), "the report")
    check("events" not in report, "a kill from outside needs no events")
    slow.finishes(kills=1)


def test_an_end_that_was_asked_for_is_no_crash(t):
    slow = Slow(t, 60)
    crawl = slow.crawl
    crawl.wait_count(5)
    for words in (("restart", "parser"), ("kill", "crawler.0"), ("restart", "recorder")):
        same(crawl.command(*words).status, 0, f"exit status of {words}")
    crawl.wait_count(15)
    slow.finishes(kills=1)
    same(crashes(crawl), [], "reports")
    check("no worker" in told(crawl), "it does not say that there are none")


def test_a_storm_of_deaths_does_not_fill_the_disk(t):
    slow = Slow(t, 400, host_delay="10ms")
    crawl = slow.crawl
    crawl.wait_count(3)
    killed = set()
    end = time.monotonic() + 20 * PATIENCE
    while len(killed) < 20 and time.monotonic() < end:
        # No scheduler: it takes a while to be back.
        for name, pid in crawl.workers().items():
            if name != "scheduler" and pid not in killed:
                kill(pid)
                killed.add(pid)
    check(len(killed) >= 20 and crawl.running(), f"only {len(killed)} deaths")
    kills = len(killed)
    slow.finishes(kills)
    reports = crashes(crawl)
    written = [report for report in reports if "worker" in report]
    check(len(written) < kills, f"{len(written)} reports of {kills} deaths")
    same(len(written) + sum(report["skipped"] for report in reports), kills,
         "deaths that are written or counted")


def test_a_damaged_file_hides_no_report_and_no_terminal_is_harmed(t):
    root = t.path("site")
    sites.generate(root, 40)
    site = t.site(root)
    crawl = t.crawl(site.url + "index.html", host_concurrency=1, host_delay="50ms")
    evil = json.dumps({"v": 1, "ts": "\x1b[2J", "worker": "\x1b]0;owned\x07", "end": "e\u009bx",
                       "url": "http://x/\x7f", "stage": 5, "events": [1, {"what": "\x1b[5m"}, []]})
    write_crashes(crawl, b"\xff\xfe\0garbage\n[1]\n{}\n" + evil.encode() + b"\n"
                  + b"[" * 5000 + b"\n" + b'{"worker":"torn", "ev')
    crawl.start().wait_answers()
    crawl.wait_count(5)
    crawl.kill_worker("parser.0")
    crawl.ends(FINISHED)
    result = crawl.command("status", "--crashes")
    same(result.status, 0, f"exit status of {result!r}")
    bad = {c for c in result.out if (ord(c) < 32 and c != "\n") or ord(c) > 126}
    same(bad, set(), "bytes that a terminal could act on")
    check("damaged" in result.err, f"it does not say what is damaged: {result!r}")
    # The line that was torn has taken nothing along.
    same([report.get("worker") for report in crashes(crawl)][-1], "parser.0", "the last report")


def test_a_file_that_is_full_is_put_aside(t):
    slow = Slow(t, 60)
    crawl = slow.crawl
    crawl.wait_count(3)
    line = json.dumps({"worker": "before", "events": ["x" * 1000]}).encode() + b"\n"
    write_crashes(crawl, line * (2 * 1024 * 1024 // len(line)))
    old = os.path.join(crawl.dir, "crashes.1.jsonl")
    crawl.kill_worker("parser.0")
    slow.finishes(kills=1)
    check(os.path.getsize(old) > 1024 * 1024, "it was not put aside")
    same([report["worker"] for report in crashes(crawl)][-2:], ["before", "parser.0"],
         "the last reports of both")
    check(os.path.getsize(os.path.join(crawl.dir, "crashes.jsonl")) < 5000, "a short report")
    check(len(told(crawl)) < 20000, "for people it is short")


def test_reports_that_cannot_be_written_stop_nothing(t):
    slow = Slow(t, 60)
    crawl = slow.crawl
    crawl.wait_count(3)
    # Nobody reads it: whoever opens it to write, waits.
    os.mkfifo(os.path.join(crawl.dir, "crashes.jsonl"))
    for _ in range(3):
        seen = crawl.count()
        crawl.kill_worker("parser.0")
        crawl.wait_count(seen + 3)
    slow.finishes(kills=3)
    same(crawl.said().count("crashes.jsonl: "), 1, "times that it was said")


def test_crashes_of_a_crawl_that_is_not_there(t):
    crawl = t.crawl()
    crawl.command("status", "--crashes").refused("no crawl")
    os.mkdir(crawl.dir)
    check("no worker" in told(crawl), "an empty folder has none")


def test_nobody_is_killed_because_all_slept(t):
    """Ctrl-Z and fg, a laptop's lid: time in which the supervisor slept too."""
    slow = Slow(t, 60, stall_timeout=f"{4 * PATIENCE:g}s", parse_wall=f"{4 * PATIENCE:g}s")
    crawl = slow.crawl
    crawl.wait_count(5)
    workers = list(crawl.workers().values())
    for pid in workers:
        kill(pid, signal.SIGSTOP)
    # Time itself is the matter here: it looks at them twice, sleeps longer than
    # any deadline, and looks again before they move.
    time.sleep(1.2)
    kill(crawl.process.pid, signal.SIGSTOP)
    time.sleep(max(5.5, 4 * PATIENCE))
    kill(crawl.process.pid, signal.SIGCONT)
    time.sleep(0.6)
    for pid in workers:
        kill(pid, signal.SIGCONT)
    slow.finishes(kills=0)
    same(crashes(crawl), [], "reports")


def test_who_waits_for_room_or_for_a_reader_is_left_alone(t):
    pages = int(200 * PATIENCE)
    slow = Slow(t, pages, output="-", **SOON)
    crawl = slow.crawl
    crawl.wait_count(5)
    streamer = crawl.worker("streamer")
    kill(streamer, signal.SIGSTOP)
    waiting = t.crawl(slow.site.url + "index.html", disk_reserve="900000G", **SOON)
    waiting.start().wait_answers()
    wait_until(lambda: [w for w in waiting.status()["workers"] if "waits_for" in w], 10,
               "somebody to wait for room")
    before = waiting.workers()
    time.sleep(5 * PATIENCE)  # more than two deadlines
    check(crawl.count() < pages, "it has ended meanwhile")
    same(crawl.workers().get("streamer"), streamer, "the streamer")
    same(waiting.workers(), before, "workers that wait for room")
    kill(streamer, signal.SIGCONT)
    slow.finishes(kills=0)
    kill(waiting.process.pid, signal.SIGINT)
    waiting.ends(DISK)
    same(hung(crawl) + hung(waiting), [], "workers that were killed")


if __name__ == "__main__":
    sys.exit(main())
