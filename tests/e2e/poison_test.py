#!/usr/bin/python3
"""Pages that kill whoever reads them: tried again, then kept apart; the crawl
goes on.  MPCRAWL_TEST_POISON (cmd/role/poison.h) makes workers die on purpose;
the pages that need no such help are those of tests/disaster/killers_test.py."""

import contextlib
import json
import os
import random
import shlex
import signal
import subprocess
import sys

from faults import FaultServer, answer, html, page
from harness import (FINISHED, INTERNAL, MPCRAWL, PATIENCE, QUARANTINED, SANITISED, USAGE,
                     check, kill, main, read_bytes, same, same_set, tail, wait_until)

MARK = "e2e-poison"
LONG = os.environ.get("LONG") == "1"
KILLS = 1000 if LONG else 100  # of the parser that holds one page
HASTY = {"retries": 2, "retry_delay": "50ms", "backoff": "1s", "max_backoff": "1s",
         "robots": "ignore"}
GOOD = ["/good1", "/good2", "/good3"]


@contextlib.contextmanager
def poisoned():
    """Crawls that are started in here heed the mark."""
    os.environ["MPCRAWL_TEST_POISON"] = MARK
    try:
        yield
    finally:
        del os.environ["MPCRAWL_TEST_POISON"]


def poison(how, role="parser"):
    return f"<!-- {MARK}:{role}:{how} -->"


def site(t, pages):
    """A site whose first page links to all of `pages`, {path: answer}, and to
    good ones before and after."""
    server = FaultServer()
    links = [*GOOD[:1], *pages, *GOOD[1:]]
    server.on("/", page("first", links))
    for path in GOOD:
        server.on(path, page(path))
    for path, function in pages.items():
        server.on(path, function)
    return t.server(server)


def good_are_done(crawl, server):
    for path in GOOD:
        same(crawl.record(server.url(path))["status"], 200, f"status of {path}")


def bundles(crawl):
    """What `mpcrawl quarantine --json` lists, by URL."""
    result = crawl.command("quarantine", "--json")
    same(result.status, 0, f"exit status of {result!r}")
    return {b["url"]: b for b in map(json.loads, result.out.splitlines())}


def test_a_robots_txt_that_kills_its_parser_allows_nothing(t):
    server = site(t, {})
    server.robots(f"User-agent: *\n# {poison('segv')}\nDisallow: /good1\n")
    with poisoned():
        crawl = t.crawl(server.url(), **{**HASTY, "robots": "obey", "robots_give_up": "1s"})
        crawl.start()
    crawl.wait(60)
    same(crawl.record(server.url())["reason"], "robots_unreachable", "reason")
    same(set(server.paths()), {"/robots.txt"}, "paths asked for")


# --- workers that die, by the hook ---------------------------------------------

# How a page ends its parser, and what is told of it.
KINDS = {
    "segv": "signal 11",
    "abort": "signal 6",
    "exit": "status 3",
    "memory": "signal 6",
    "spin": f"signal {int(signal.SIGXCPU)}",
}
# A sanitised parser has no limit of memory: it would take all there is.
if SANITISED:
    del KINDS["memory"]
TIGHT = {"parse_cpu": "500ms", "parse_cpu_hard": "1s", "parse_memory": "16M",
         "max_decoded": "4M", "max_body": "1M", "max_links": 100}


def test_pages_that_kill_their_parser_are_quarantined_and_the_crawl_goes_on(t):
    server = site(t, {f"/{kind}": page(kind, more=poison(kind)) for kind in KINDS})
    with poisoned():
        crawl = t.crawl(server.url(), **TIGHT, **HASTY).run(QUARANTINED, 60)
    good_are_done(crawl, server)
    report = crawl.report()
    same(report["quarantined"], len(KINDS), "quarantined")
    found = bundles(crawl)
    same_set(found, [server.url(f"/{kind}") for kind in KINDS], "bundles")
    for kind, cause in KINDS.items():
        url = server.url(f"/{kind}")
        record = crawl.record(url)
        same((record["reason"], record["status"]), ("quarantined", 200), f"the record of {kind}")
        same(server.hits(f"/{kind}"), 1, f"requests of {kind}: it is parsed again, not fetched")
        bundle = found[url]
        check(bundle["cause"].startswith("parser") and cause in bundle["cause"],
              f"{kind}: its cause is {bundle['cause']!r}, not {cause!r}")
        same(bundle["blamed"], 3, f"{kind}: times it was blamed")
        folder = os.path.join(crawl.dir, "quarantine", bundle["name"])
        body = read_bytes(os.path.join(folder, "body")).decode()
        same(body, html(kind, more=poison(kind)), f"{kind}: the body kept")
        about = read_bytes(os.path.join(folder, "about.txt")).decode()
        for text in (url, "content-type: text/html", "mpcrawl quarantine reproduce"):
            check(text in about, f"{kind}: about.txt does not say {text!r}: {about}")
    check("quarantined" in crawl.said(), f"it was not said: {tail(crawl.said())}")
    print(f"figure: poison pages: {len(KINDS)} kinds, all ended", flush=True)


def test_the_command_of_a_bundle_reproduces_the_death(t):
    server = site(t, {f"/{kind}": page(kind, more=poison(kind)) for kind in KINDS})
    with poisoned():
        # A name that a shell must be told of; a sanitiser's options cannot hold it.
        folder = t.path("crawl" if SANITISED else "it's a crawl")
        crawl = t.crawl(server.url(), dir=folder, **TIGHT, **HASTY)
        crawl.run(QUARANTINED, 60)
        for url, bundle in bundles(crawl).items():
            kind = url.rsplit("/", 1)[1]
            about = read_bytes(os.path.join(crawl.dir, "quarantine", bundle["name"],
                                            "about.txt")).decode()
            line = next(text[7:] for text in about.splitlines() if text.startswith("again: "))
            same(line, bundle["again"], f"{kind}: the command in the list")
            words = shlex.split(line)
            same(words[0], "mpcrawl", f"{kind}: the command")
            done = subprocess.run([MPCRAWL, *words[1:]], cwd="/", env=crawl.environment(),
                                  capture_output=True, text=True, timeout=60, check=False)
            same(done.returncode, INTERNAL, f"{kind}: exit status of {line}: {done}")
            check(KINDS[kind] in done.stdout, f"{kind}: it says {done.stdout!r}")
        if LONG:  # it takes half a minute of waiting
            with open(os.path.join(crawl.dir, "quarantine", bundle["name"], "body"), "w",
                      encoding="ascii") as f:
                f.write(poison("hang"))
            result = crawl.command("quarantine", "reproduce", bundle["name"], seconds=50)
            same(result.status, INTERNAL, f"exit status of {result!r}")
            check("parser hung and was killed" in result.out, f"{result!r}")
    # Without what kills it the page is read, and the command says so.
    first = next(iter(bundles(crawl).values()))["name"]
    result = crawl.command("quarantine", "reproduce", first)
    same(result.status, FINISHED, f"exit status of {result!r}")
    check("it was read: text/html" in result.out, f"{result!r}")


def test_a_page_that_kills_twice_gets_an_ordinary_record(t):
    server = site(t, {"/twice": page("twice", ["/behind"], poison("segv:2"))})
    with poisoned():
        crawl = t.crawl(server.url(), **HASTY).run(FINISHED)
    record = crawl.record(server.url("/twice"))
    same((record["status"], record["title"]), (200, "twice"), "status and title")
    check("reason" not in record, f"the record: {record}")
    crawl.record(server.url("/behind"))
    same(crawl.report()["quarantined"], 0, "quarantined")
    same(crawl.said().count("signal 11"), 2, "deaths")
    check(not os.path.exists(os.path.join(crawl.dir, "quarantine")), "a bundle of it")


def test_a_parser_killed_from_outside_blames_no_page(t):
    """Again and again the one that holds the page: it is done in the end."""
    server = site(t, {"/hang": page("hang", more=poison("hang"))})
    with poisoned():
        crawl = t.crawl(server.url(), parsers=1, **HASTY).start().wait_answers()
    wait_until(lambda: server.hits("/hang"), 10, "the page to be fetched")
    kills, seen = 0, set()
    while kills < KILLS:
        pid = wait_until(lambda: crawl.workers().get("parser.0") not in {None, *seen}
                         and crawl.workers()["parser.0"], 10, "a parser")
        seen.add(pid)
        wait_until(lambda p=pid: asleep_in_pause(p), 10, "it to hold the page")
        kill(pid)
        kills += 1
    # The last one finds the page harmless: the next supervisor has no hook.
    crawl.kill_everything()
    crawl.start().ends(FINISHED)
    record = crawl.record(server.url("/hang"))
    same(record["title"], "hang", "title")
    good_are_done(crawl, server)
    same(crawl.report()["quarantined"], 0, "quarantined")
    print(f"figure: kill -9 of the parser of one page: {kills}, blamed 0 times", flush=True)


def asleep_in_pause(pid):
    """In pause(2), which nothing else of a parser calls: x86-64 34, and
    elsewhere ppoll without descriptors."""
    words = read_bytes(f"/proc/{pid}/syscall").split()
    return bool(words) and words[0] in (b"34", b"73")


def test_a_crawler_that_dies_blames_one_of_its_orders_only(t):
    """It is in no page's hands when it dies: all it held are suspects, ordered
    one at a time until it is known."""
    poison_path = f"/{MARK}:crawler:abort"
    paths = [f"/page{i}" for i in range(20)]
    server = site(t, {poison_path: page("never"), **{path: page(path) for path in paths}})
    with poisoned():
        crawl = t.crawl(server.url(), host_concurrency=8, host_delay=0, crawlers=1, **HASTY)
        crawl.run(QUARANTINED, 60)
    record = crawl.record(server.url(poison_path))
    same(record["reason"], "quarantined", "reason")
    check("status" not in record, "a status came from nowhere")
    same(server.hits(poison_path), 0, "requests of it")
    for path in paths:
        same(crawl.record(server.url(path))["status"], 200, f"status of {path}")
    same(crawl.report()["quarantined"], 1, "quarantined")
    # Once among others, and three times alone.
    deaths = crawl.said().count("crawler.0 died of signal 6")
    check(deaths in (3, 4), f"{deaths} deaths")
    (bundle,) = bundles(crawl).values()
    check("crawler died of signal 6" in bundle["cause"], f"the bundle: {bundle}")
    same((bundle["blamed"], bundle["bytes"]), (3, 0), "blames and bytes")


def test_a_page_that_kills_the_scheduler_loses_its_links_not_its_record(t):
    """From SETTLED nothing goes to the quarantine: its record is written."""
    path = f"/{MARK}:scheduler:segv"
    server = site(t, {path: page("deadly", ["/behind"])})
    with poisoned():
        crawl = t.crawl(server.url(), **HASTY).run(FINISHED, 60)
    record = crawl.record(server.url(path))
    same((record["status"], record["title"]), (200, "deadly"), "status and title")
    same(server.hits("/behind"), 0, "requests of what it links to")
    good_are_done(crawl, server)
    same(crawl.report()["quarantined"], 0, "quarantined")
    same(crawl.said().count("scheduler died of signal 11") > 0, True, "it died")


def test_a_page_that_kills_the_recorder_has_a_record_and_no_bundle(t):
    """Its capture kills: at six blames the order alone is looked at."""
    server = site(t, {"/capture": page("capture", more=poison("segv", "recorder"))})
    with poisoned():
        crawl = t.crawl(server.url(), **HASTY).run(QUARANTINED, 60)
    record = crawl.record(server.url("/capture"))
    same(record["reason"], "quarantined", "reason")
    check("status" not in record, f"its capture was read: {record}")
    good_are_done(crawl, server)
    same(crawl.report()["quarantined"], 1, "quarantined")
    same(bundles(crawl), {}, "bundles")
    same(crawl.said().count("warning: recorder died of signal 11"), 6, "deaths")


def test_an_order_that_kills_the_recorder_is_a_corrupt_segment(t):
    """At nine blames; and after some of those the crawl gives up, and nothing
    is lost: without what kills it, it goes on to its end."""
    path = f"/{MARK}:recorder:segv"
    server = site(t, {})
    server.on(path, page("order"))
    with poisoned():  # not linked to: the mark would stand in that page, too
        crawl = t.crawl(server.url(), server.url(path), **HASTY).start()
        same(crawl.wait(100), INTERNAL, "exit status")
    # Four segments, and the fourth is one too many.
    same(crawl.said().count("recorder died of signal 11"), 4 * 9, "deaths")
    check("too often" in crawl.said(), f"it said {tail(crawl.said())}")
    crawl.run(FINISHED)
    same(crawl.record(server.url(path))["title"], "order", "title")
    good_are_done(crawl, server)
    crawl.report()


# --- the command -----------------------------------------------------------------

def quarantined(t, n=1, **settings):
    """A crawl that has ended with `n` pages in quarantine, and its server."""
    paths = [f"/bad{i}" for i in range(n)]
    server = site(t, {path: page(path, [f"{path}/behind"], poison("segv")) for path in paths})
    with poisoned():
        crawl = t.crawl(server.url(), **HASTY, **settings).run(QUARANTINED, 60)
    return crawl, server, paths


def test_a_retried_page_is_fetched_again_and_has_a_second_record(t):
    crawl, server, (path,) = quarantined(t)
    url = server.url(path)
    result = crawl.command("quarantine", "retry", "1")
    same(result.status, 0, f"exit status of {result!r}")
    check(f"queued again: {url}" in result.out, f"{result!r}")
    same(os.listdir(os.path.join(crawl.dir, "quarantine")), [], "bundles left")
    crawl.run(FINISHED)
    same(server.hits(path), 2, "requests")
    of_it = [record for record in crawl.records() if record["url"] == url]
    same([record.get("reason") for record in of_it], ["quarantined", None], "its records")
    same(of_it[1]["title"], path, "title")
    same(of_it[0]["id"], of_it[1]["id"], "their id")
    same(sum(record["url"] == server.url(f"{path}/behind") for record in crawl.records()), 1,
         "records of what it links to")
    totals = json.loads(read_bytes(crawl.report_path))["totals"]
    same((totals["quarantined"], totals["queued"]), (0, 0), "quarantined and queued")
    same(totals["admitted"], totals["done"], "admitted and done")


def test_a_page_that_kills_again_is_quarantined_again(t):
    crawl, server, (path,) = quarantined(t)
    (first,) = bundles(crawl).values()
    same(crawl.command("quarantine", "retry", first["name"]).status, 0, "exit status of retry")
    with poisoned():
        crawl.start().ends(QUARANTINED, 60)
    (second,) = bundles(crawl).values()
    same(second["name"], first["name"], "the bundle's name")
    same(second["blamed"], 3, "blames: the old ones are forgotten")
    of_it = [record for record in crawl.records() if record["url"] == server.url(path)]
    same([record["reason"] for record in of_it], ["quarantined", "quarantined"], "its records")
    same(json.loads(read_bytes(crawl.report_path))["totals"]["quarantined"], 1, "quarantined")


def test_retry_all_and_what_is_retried_already(t):
    crawl, server, paths = quarantined(t, 3)
    # As a kill between the store and the folders leaves it.
    folder = os.path.join(crawl.dir, "quarantine")
    name = bundles(crawl)[server.url(paths[0])]["name"]
    saved = {file: read_bytes(os.path.join(folder, name, file)) for file in ("about.txt", "body")}
    same(crawl.command("quarantine", "retry", name).status, 0, "exit status of retry")
    os.mkdir(os.path.join(folder, name))
    for file, data in saved.items():
        with open(os.path.join(folder, name, file), "wb") as f:
            f.write(data)
    shown = crawl.command("quarantine", "show", name)
    check("not quarantined any more" in shown.out, f"{shown!r}")
    result = crawl.command("quarantine", "retry", "all")
    same(result.status, 0, f"exit status of {result!r}")
    same((result.out.count("queued again: "), result.out.count("queued again already")), (2, 1),
         f"what it says: {result!r}")
    check(crawl.command("quarantine").out.startswith("no page's bytes are in quarantine"),
          "the list is not empty")
    crawl.run(FINISHED)
    for path in paths:
        same(server.hits(path), 2, f"requests of {path}")


def test_a_retry_that_is_killed_loses_no_page(t):
    """Whatever it had come to: each page is quarantined or queued."""
    crawl, server, paths = quarantined(t, 30)
    kills = 0
    while bundles(crawl):
        words = crawl.argv("quarantine", "retry", "all")
        process = subprocess.Popen(words, cwd=t.folder, env=crawl.environment(),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # Longer each time, so that it comes to an end.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(random.uniform(0, 0.01) * PATIENCE * (1 + kills))
        kills += process.poll() is None
        kill(process.pid)
        process.wait()
    crawl.run(FINISHED)
    for path in paths:
        same(server.hits(path), 2, f"requests of {path}")
        same([record.get("reason") for record in crawl.records()
              if record["url"] == server.url(path)], ["quarantined", None], f"records of {path}")
    print(f"figure: kill -9 of a retry of 30 pages: {kills}, 0 lost", flush=True)


def test_a_crawl_that_runs_is_not_touched(t):
    server = site(t, {"/bad": page("bad", more=poison("segv")),
                      "/hang": page("hang", more=poison("hang"))})
    with poisoned():
        crawl = t.crawl(server.url(), parsers=2, **HASTY).start()
        folder = os.path.join(crawl.dir, "quarantine")
        wait_until(lambda: os.path.isdir(folder) and bundles(crawl), 20, "a bundle")
    refused = crawl.command("quarantine", "retry", "1").refused("stop", str(crawl.supervisor()))
    check("Traceback" not in refused.err, "")
    # Looking is no touching.
    for words in (("quarantine",), ("quarantine", "show", "1"),
                  ("quarantine", "reproduce", "1")):
        same(crawl.command(*words).status, 0, f"exit status of {words}")
    crawl.kill_everything()
    crawl.command("quarantine", "retry", "1").refused("killed", "start")
    crawl.start().ends(QUARANTINED)
    same(crawl.command("quarantine", "retry", "1").status, 0, "exit status of retry")


def test_what_is_said_of_a_bundle(t):
    server = site(t, {"/bad": answer(html("bad", more=poison("segv")),
                                     headers=["X-Shown: yes"])})
    with poisoned():
        crawl = t.crawl(server.url(), **HASTY).run(QUARANTINED, 60)
    listed = crawl.command("quarantine")
    for text in (server.url("/bad"), "signal 11", "bytes"):
        check(text in listed.out, f"the list does not say {text!r}: {listed!r}")
    shown = crawl.command("quarantine", "show", "1")
    for text in (server.url("/bad"), "parser died of signal 11", "blamed", "x-shown: yes", "reproduce", "retry", "quarantined"):
        check(text in shown.out, f"show does not say {text!r}: {shown!r}")
    check("\x1b" not in shown.out + listed.out, "a control byte came through")
    whole = json.loads(crawl.command("quarantine", "show", "1", "--json").out)
    same((whole["status"], whole["blamed"], whole["state"]), (200, 3, "quarantined"), "as JSON")
    crawl.command("quarantine", "show", "2").refused("list")
    crawl.command("quarantine", "show", "../../etc").refused("list")
    crawl.command("quarantine", "shoe", "1").refused("show")
    crawl.command("quarantine", "show").refused("show")
    t.crawl(dir=t.path("none")).command("quarantine").refused("none")
    check(not os.path.exists(t.path("none")), "it was made")


def test_a_bundle_that_cannot_be_written_blames_the_disk_and_loses_no_bytes(t):
    """The folder may be a link to another disk, and that may not be there."""
    server = site(t, {"/bad": page("bad", more=poison("segv"))})
    disk = t.path("disk")
    with poisoned():
        crawl = t.crawl(server.url(), **HASTY)
        os.mkdir(crawl.dir)
        folder = os.path.join(crawl.dir, "quarantine")
        os.symlink(disk, folder)
        crawl.start()
        same(crawl.wait(100), INTERNAL, "exit status")
        check(folder + "/" in crawl.said() and "No such file" in crawl.said(),
              f"it does not say where and what: {tail(crawl.said())}")
        same([r for r in crawl.records() if r["url"] == server.url("/bad")], [], "its records")
        os.mkdir(disk)
        crawl.start().ends(QUARANTINED, 60)
    (bundle,) = bundles(crawl).values()
    check(bundle["cause"].startswith("parser died of signal 11"), f"its cause: {bundle}")
    check(bundle["bytes"] > 0, f"its bytes are lost: {bundle}")
    same(sum(r["url"] == server.url("/bad") for r in crawl.records()), 1, "records of it")
    good_are_done(crawl, server)


def test_looking_at_a_bundle_makes_no_crawl_id(t):
    """One that is gone must be put back: another in its place would say that
    the store is a stranger's."""
    crawl, _, _ = quarantined(t)
    path = os.path.join(crawl.dir, "crawl_id")
    saved = read_bytes(path)
    os.unlink(path)
    crawl.command("quarantine", "show", "1")
    crawl.command("quarantine", "retry", "1").refused("crawl_id is gone")
    check(not os.path.exists(path), "a crawl_id was made")
    with open(path, "wb") as f:
        f.write(saved)
    same(crawl.command("quarantine", "retry", "1").status, 0, "exit status of retry")


def test_a_page_is_reproduced_for_as_long_as_its_crawl_waited(t):
    server = site(t, {"/hang": page("hang", more=poison("hang"))})
    with poisoned():
        crawl = t.crawl(server.url(), parse_cpu="100ms", parse_wall="1s", **HASTY)
        crawl.run(QUARANTINED, 60)
        (bundle,) = bundles(crawl).values()
        check("hung" in bundle["cause"], f"its cause: {bundle['cause']}")
        words = shlex.split(bundle["again"])
        # Well below the default of parse_wall.
        done = subprocess.run([MPCRAWL, *words[1:]], cwd="/", env=crawl.environment(),
                              capture_output=True, text=True, timeout=20, check=False)
    same(done.returncode, INTERNAL, f"exit status of {bundle['again']}: {done}")
    check("parser hung and was killed" in done.stdout, f"it says {done.stdout!r}")


def test_bundles_of_somebody_else_do_no_harm(t):
    crawl, server, (path,) = quarantined(t)
    folder = os.path.join(crawl.dir, "quarantine")
    good = bundles(crawl)[server.url(path)]["name"]
    secret = t.write("secret", "url: http://secret/\n\n")

    def make(i, about=b"url: http://x.test/\n\n", body=b"x"):
        where = os.path.join(folder, f"{i:016x}-{0:016x}")
        os.mkdir(where)
        for name, data in (("about.txt", about), ("body", body)):
            if data is not None:
                with open(os.path.join(where, name), "wb") as f:
                    f.write(data)
        return where

    make(1, b"\x00\xff\x1b[2J" * 1000)
    make(2, b"url: http://x.test/\x1b]0;title\x07\nblamed: \xff\xfe99999999999999999999\n")
    os.symlink(secret, os.path.join(make(3, None), "about.txt"))
    with open(os.path.join(make(4), "body"), "r+b") as f:
        f.truncate(1 << 40)
    with open(os.path.join(make(5), "about.txt"), "r+b") as f:
        f.truncate(1 << 40)
    os.mkfifo(os.path.join(make(6, body=None), "body"))
    make(7, None, None)
    os.symlink("/etc", os.path.join(folder, f"{8:016x}-{0:016x}"))
    os.mkdir(os.path.join(folder, "not a bundle\x1b[31m"))
    with open(os.path.join(make(9), "more"), "wb") as f:
        f.write(b"not ours")

    for words in (("quarantine",), ("quarantine", "--json")):
        result = crawl.command(*words)
        same(result.status, 0, f"exit status of {result!r}")
        check("\x1b" not in result.out + result.err, f"a control byte came through: {result!r}")
        check("secret" not in result.out, "a link was followed")
        check(good in result.out, f"the good one is missing: {result!r}")
    for i in range(1, 10):
        for verb in ("show", "reproduce"):
            result = crawl.command("quarantine", verb, f"{i:016x}-{0:016x}")
            check(result.status in (FINISHED, USAGE), f"{result!r}")
            check("\x1b" not in result.out + result.err, f"a control byte: {result!r}")
    shown = crawl.command("quarantine", "show", f"{2:016x}-{0:016x}")
    check("http://x.test/\\x1b]0;title\\x07" in shown.out, f"{shown!r}")
    result = crawl.command("quarantine", "retry", "all")
    same(result.status, USAGE, f"exit status of {result!r}")
    same(result.out.count("queued again: "), 1, f"{result!r}")
    check(not os.path.exists(os.path.join(folder, good)), "the good one's bundle is left")
    same(len(os.listdir(folder)), 10, "what is not ours is left as it was")
    crawl.run(FINISHED)


if __name__ == "__main__":
    sys.exit(main())
