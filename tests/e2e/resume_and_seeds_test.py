#!/usr/bin/python3
"""Where seeds come from, what starting again does, where records go."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time

import sites
from faults import FaultServer, answer, in_turn, page, silence
from harness import (FINISHED, STOPPED, USAGE, Result, alive, check, main, read_bytes, same,
                     same_set, tail, wait_until)


def server_of(t, n):
    """`n` pages that nothing links to."""
    server = FaultServer()
    for i in range(n):
        server.on(f"/{i}", page(f"page {i}"))
    return t.server(server)


def test_starting_again_with_another_seed_adds_it(t):
    server = server_of(t, 3)
    crawl = t.crawl(server.url("/0")).run()
    same_set(crawl.by_url(), [server.url("/0")], "records of the first run")
    crawl.start(server.url("/1"), server.url("/2")).ends()
    same_set(crawl.by_url(), [server.url(f"/{i}") for i in range(3)], "records of both")
    same(server.hits("/0"), 1, "requests of the first seed")


def test_starting_again_without_a_seed_has_nothing_left_to_do(t):
    server = server_of(t, 1)
    crawl = t.crawl(server.url("/0")).run()
    crawl.words = []
    before = read_bytes(crawl.outputs()[0])
    crawl.start().ends(FINISHED)
    same(read_bytes(crawl.outputs()[0]), before, "the records")
    same(server.hits("/0"), 1, "requests")


def test_going_on_without_what_its_seeds_need_is_refused(t):
    """Options are not remembered: without this one, all that is left would end as
    blocked_ssrf."""
    server = server_of(t, 9)
    urls = [server.url(f"/{i}") for i in range(9)]
    crawl = t.crawl(*urls, max_pages=3).run(status=4)
    before = crawl.records()
    crawl.command("start").refused(server.url(), "allow_private", "--allow-private")
    same(crawl.records(), before, "records")
    crawl.words = []
    crawl.settings["max_pages"] = 0
    crawl.start().ends(FINISHED)
    same_set(crawl.by_url(), urls, "records")
    # With nothing left to do there is nothing to refuse.
    same(crawl.command("start").status, FINISHED, "exit status")


def test_going_on_without_the_contact_is_refused(t):
    crawl = t.crawl("http://host.invalid/", contact="me@example.org", max_time="1s").run(status=4)
    crawl.command("start", "--allow-private").refused("http://host.invalid/", "contact")


def test_a_seed_that_is_known_is_not_fetched_again(t):
    server = server_of(t, 1)
    crawl = t.crawl(server.url("/0"), server.url("/0")).run()
    crawl.start(server.url("/0")).ends()
    same(len(crawl.records()), 1, "records")
    same(server.hits("/0"), 1, "requests")


def test_seeds_come_from_a_file(t):
    server = server_of(t, 50)
    seeds = t.write("seeds", "# seeds\n\n" + "".join(server.url(f"/{i}\r\n") for i in range(50)))
    crawl = t.crawl(input=seeds, host_concurrency=4).run()
    same_set(crawl.by_url(), [server.url(f"/{i}") for i in range(50)], "records")


def test_seeds_are_streamed_from_standard_input(t):
    server = server_of(t, 2000)
    lines = "".join(server.url(f"/{i}\n") for i in range(2000))
    with open(t.write("seeds", lines), "rb") as seeds:
        crawl = t.crawl("-i", "-", stdin=seeds, host_concurrency=8).run(seconds=60)
    same(len(crawl.by_url()), 2000, "records")


def test_seeds_that_come_slowly_are_all_taken(t):
    server = server_of(t, 4)
    shell = ["bash", "-c", '(for i in 0 1 2 3; do echo "$0/$i"; sleep 0.2; done) | "$@"',
             server.base]
    crawl = t.crawl("-i", "-", prefix=shell).run()
    same_set(crawl.by_url(), [server.url(f"/{i}") for i in range(4)], "records")


def test_seeds_are_durable_before_the_first_fetch(t):
    """Killed at the first request, started again without them: all are there."""
    server = server_of(t, 30)
    crawl = t.crawl(*(server.url(f"/{i}") for i in range(30)), host_delay="50ms")
    crawl.start()
    wait_until(server.paths, 10, "the first request")
    crawl.kill_everything()
    crawl.lose_shm()
    crawl.words = []
    crawl.start().ends()
    same_set(crawl.by_url(), [server.url(f"/{i}") for i in range(30)], "records")


def test_a_running_crawl_is_not_started_twice(t):
    server = server_of(t, 2)
    crawl = t.crawl(server.url("/0"), server.url("/1"), host_delay="1h").start().wait_answers()
    result = crawl.command("start", server.url("/1"), "--allow-private", seconds=20)
    result.refused("in use", str(crawl.process.pid))
    same(crawl.command("stop", seconds=15).status, 0, "exit status of stop")
    crawl.ends(STOPPED)


def test_records_stream_to_standard_output(t):
    root = t.path("site")
    names = sites.generate(root, 120)
    site = t.site(root)
    crawl = t.crawl(site.url + "index.html", "-o", "-", host_concurrency=4).run()
    lines = [json.loads(line) for line in crawl.out().splitlines()]
    same_set([line["url"] for line in lines], [site.url + name for name in names], "streamed")
    same(len(lines), len(names), "lines")
    same(sorted(line["id"] for line in lines), sorted(r["id"] for r in crawl.records()), "ids")


def test_outputs_are_rotated_by_size(t):
    root = t.path("site")
    names = sites.generate(root, 500)
    site = t.site(root)
    crawl = t.crawl(site.url + "index.html", output_size="64K", host_concurrency=4).run()
    same_set(crawl.by_url(), [site.url + name for name in names], "records")
    check(len(crawl.outputs()) > 3, f"the files: {crawl.outputs()}")
    same(os.path.basename(crawl.outputs()[0]), "pages-000001.jsonl", "the first file")


def test_detached_it_goes_on_until_it_is_stopped(t):
    server = server_of(t, 1).on("/for-ever", silence(600))
    crawl = t.crawl(server.url("/0"), server.url("/for-ever"), "-d")
    same(crawl.start().wait(), 0, f"exit status; it said: {crawl.said()}")
    check(crawl.answers(), "detached, it does not answer at once")
    pid = crawl.supervisor()
    check(pid and os.getsid(pid) != os.getsid(0) and os.getsid(pid) != crawl.process.pid,
          "it is still of our session")
    wait_until(lambda: crawl.count() == 1, 10, "the first record")
    crawl.start(server.url("/0")).wait()
    check(f"pid {pid}" in crawl.said(), f"the pid that is refused is not {pid}: {crawl.said()}")
    result = crawl.command("stop", seconds=20)
    same(result.status, 0, f"{result!r}")
    wait_until(lambda: not alive(pid), 3, "the supervisor to end: stop returned before")
    crawl.leaves_nothing()


def test_detached_it_says_in_the_foreground_why_it_cannot(t):
    crawl = t.crawl("nonsense", "-d")
    same(crawl.start().wait(), USAGE, "exit status")
    check("nonsense" in crawl.err(), f"it said: {crawl.said()}")


def test_settings_of_the_file_count_and_options_win(t):
    server = server_of(t, 1)
    crawl = t.crawl(server.url("/0"), allow_private=None, disk_reserve=None)
    os.mkdir(crawl.dir)
    t.write(os.path.join(crawl.dir, "mpcrawl.conf"),
            "allow_private = yes\ndisk_reserve = 16M\nhost_delay = 1h\n"
            "user_agent = from-the-file\n")
    crawl.run()  # --host-delay 0 among its options
    same(crawl.record(server.url("/0"))["status"], 200, "status")


def test_the_current_directory_is_left_alone(t):
    """Everything is under --dir; without it, under ./crawl."""
    server = server_of(t, 1)
    crawl = t.crawl(dir=t.path("here", "crawl"))
    os.mkdir(t.path("here"))
    words = [crawl.argv()[0], "start", server.url("/0"), "--allow-private"]
    done = subprocess.run(words, cwd=t.path("here"), env=crawl.environment(), text=True,
                          capture_output=True, timeout=60, check=False)
    result = Result(words, done.returncode, done.stdout, done.stderr)
    same(result.status, 0, f"{result!r}")
    same(os.listdir(t.path("here")), ["crawl"], "what is there")
    same(len(crawl.records()), 1, f"records; it said: {tail(done.stderr)}")


def test_many_retries_that_are_due_at_once(t):
    """More of them than a commit takes, before anything has settled."""
    paths = [f"/{i}{'x' * 3900}" for i in range(2600)]
    server = FaultServer()
    for path in paths:
        server.on(path, in_turn(answer(status=500), page("good")))
    t.server(server)
    seeds = t.write("seeds", "".join(server.url(path) + "\n" for path in paths))
    crawl = t.crawl(input=seeds, robots="ignore", host_concurrency=32, retry_delay="4s").start()
    wait_until(lambda: crawl.answers() and crawl.status()["retried"] > 2400, 20, "retries to wait")
    crawl.command("stop")
    crawl.ends(STOPPED)
    time.sleep(4)
    del crawl.settings["input"]
    crawl.start().ends(FINISHED, 40)
    same_set(crawl.by_url(), [server.url(path) for path in paths], "records")


def test_workers_of_a_killed_run_that_wait_for_their_disk_are_waited_for(t):
    """They hold the lock in the name of a supervisor that is dead."""
    server = t.server(FaultServer())
    server.on("/", page("only"))
    crawl = t.crawl(server.url())
    os.makedirs(crawl.dir)
    dead = subprocess.Popen(["true"])
    dead.wait()
    with open(os.path.join(crawl.dir, "lock"), "w", encoding="ascii") as lock:
        lock.write(f"{dead.pid} 0\n")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        crawl.start()
        wait_until(lambda: "have not ended yet" in crawl.said(), 15, "it to say so")
    crawl.ends(FINISHED)


def test_records_whose_store_is_gone_are_left_alone(t):
    server = t.server(FaultServer())
    server.on("/", page("only"))
    crawl = t.crawl(server.url())
    crawl.run()
    records = read_bytes(os.path.join(crawl.dir, "out", "pages-000001.jsonl"))
    shutil.rmtree(os.path.join(crawl.dir, "frontier"))
    for _ in range(2):  # the first attempt must not pave the way for the second
        crawl.start().ends(USAGE)
        check("is gone" in crawl.said(), f"it said: {tail(crawl.said())}")
        same(read_bytes(os.path.join(crawl.dir, "out", "pages-000001.jsonl")), records, "records")


if __name__ == "__main__":
    sys.exit(main())
