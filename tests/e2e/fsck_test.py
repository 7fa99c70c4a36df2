#!/usr/bin/python3
"""fsck: what was damaged behind mpcrawl's back is found by its name, left alone
unless --repair is given, mended with it, and then the crawl ends as if nothing
had been."""

import atexit
import collections
import concurrent.futures
import contextlib
import hashlib
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time

import faults
from harness import (FINISHED, INTERNAL, LIMIT, QUARANTINED, STOPPED, USAGE, check, main, read_bytes,
                     same, same_set, tail)
from poison_test import poisoned, quarantined
from rows import CHAIN, ENDED, QUEUED, WAITING, host_row, packed, url_row, url_text
from store import Store, set_layout

SOUND, PROBLEMS, REFUSED = 0, 1, 2
PAGES = 24
LONG = os.environ.get("LONG") == "1"

def key(*numbers):
    return b"".join(number.to_bytes(8, "big") for number in numbers)


# --- a crawl in the middle ---------------------------------------------------

class Base:
    """A crawl that reached a limit: URLs that are done, excluded, queued and
    waiting, on two hosts, in several files.  Made once; tests work on copies."""

    def __init__(self, t):
        self.folder = tempfile.mkdtemp(prefix="mpcrawl-fsck.")
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        self.servers = [faults.FaultServer(f"127.0.0.{i}") for i in (1, 2)]
        for i, server in enumerate(self.servers):
            paths = [f"/p{k}" for k in range(PAGES)] + ["/secret", "/gone", "/old"]
            server.robots("User-agent: *\nDisallow: /secret\n" if i == 0 else "")
            for path in paths[:PAGES]:
                server.on(path, faults.page(path, ["/"], "lorem ipsum " * 1200))
            server.on("/", faults.page("first", paths))
            server.on("/old", faults.redirect("/p0"))
            server.start()
            atexit.register(server.close)
        self.seeds = [server.url(path) for server in self.servers for path in ("/", "/flaky")]

        whole = self.crawl(t, os.path.join(self.folder, "whole"))
        whole.run()
        self.urls = sorted(record["url"] for record in records_of(whole))
        check(len(self.urls) == len(set(self.urls)), "a URL with two records")
        same_set(self.urls, [server.url(path) for server in self.servers
                             for path in ["/", "/flaky", "/secret", "/gone", "/old",
                                          *(f"/p{k}" for k in range(PAGES))]],
                 "the pages of the site")

        self.dir = os.path.join(self.folder, "base")
        self.crawl(t, self.dir).start(max_pages=PAGES).ends(LIMIT)
        with Store(self.dir + "/frontier") as store:
            rows = store.rows()
        states = collections.Counter(url_row(value).state for _, value in rows["u"])
        check(states[QUEUED] >= 4 and states[WAITING] >= 1 and states[ENDED] >= 10,
              f"states of the URLs: {states}")
        check(rows["d"] and rows["r"] and len(rows["h"]) == 2, f"rows: {rows}")
        check(len(os.listdir(self.dir + "/out")) >= 4, "too few output files")

    def crawl(self, t, folder):
        for server in self.servers:
            server.on("/flaky", faults.in_turn(faults.answer("", 500),
                                               faults.page("flaky", ["/"])))
        return t.crawl(*self.seeds, dir=folder, output_size="64K", retry_delay="2s",
                       fields="+links,+body")

    def copy(self, t):
        crawl = self.crawl(t, t.path(f"copy{t.number()}"))
        shutil.copytree(self.dir, crawl.dir)
        crawl.words = []
        # What was asked for once is answered well from now on.
        for server in self.servers:
            server.on("/flaky", faults.page("flaky", ["/"]))
        return crawl


base_made = []


def base(t):
    if not base_made:
        base_made.append(Base(t))
    return base_made[0]


def records_of(crawl):
    return [json.loads(line) for path in crawl.outputs()
            for line in read_bytes(path).splitlines()]


def readable_urls(crawl):
    """Of the records that are JSON, each once."""
    found = set()
    for path in crawl.outputs():
        for line in read_bytes(path).splitlines():
            with contextlib.suppress(ValueError):
                found.add(json.loads(line)["url"])
    return found


def path_of(url):
    return "/" + url.split("/", 3)[3]


def store_of(crawl):
    return Store(os.path.join(crawl.dir, "frontier"))


def fingerprint(crawl):
    """Every byte of the folder, the lock apart, which is signed."""
    found = {}
    for folder, _, names in os.walk(crawl.dir):
        for name in names:
            path = os.path.join(folder, name)
            if name != "lock":
                found[os.path.relpath(path, crawl.dir)] = \
                    hashlib.sha256(read_bytes(path)).hexdigest()
    return found


def unchanged(crawl, before, what):
    same_set(fingerprint(crawl).items(), before.items(), f"files, {what}")


def fsck(crawl, *words, status=SOUND):
    result = crawl.command("fsck", *words, seconds=30)
    same(result.status, status, f"exit status of {result!r}")
    crawl.check_sanitizer()
    return result


def kinds(result, level="problem"):
    return {line.split(": ")[1] for line in result.out.splitlines()
            if line.startswith(level + ": ")}


def is_sound(crawl):
    result = fsck(crawl)
    check(result.out.rstrip().endswith(": sound") and not kinds(result), f"{result!r}")
    return result


def finishes(crawl, urls):
    """The crawl goes on to its end, with each of `urls` recorded once."""
    crawl.start().ends(FINISHED)
    found = [record["url"] for record in records_of(crawl)]
    same_set(found, urls, "records")
    same(len(found), len(set(found)), "records of as many URLs")
    is_sound(crawl)


# --- damages: name of the problem, what does it ------------------------------

DAMAGES = []  # (kind, function)
figures = {"found": set(), "mended": set()}


def damage(kind):
    def register(function):
        DAMAGES.append((kind, function))
        return function
    return register


def first_of(store, state, but=()):
    for name, value in store.items("u"):
        row = url_row(value)
        # The seeds are found again by nobody, should they be lost.
        if row.state == state and row.found != 0 and name not in but:
            return name, row
    raise AssertionError(f"no URL in state {state}")


def edit(crawl, index, change):
    """One output file, by number from 0, through change(bytes)."""
    path = crawl.outputs()[index]
    data = read_bytes(path)
    changed = change(data)
    check(changed != data, f"nothing changed in {path}")
    with open(path, "wb") as f:
        f.write(changed)


def set_crawl_row(store, **fields):
    value = store.get("m", b"state")
    names = ("seq", "end", "next", "elapsed", "fetched", "admitted")
    # elapsed is the signed one; all six are of 8 bytes.
    numbers = dict(zip(names, struct.unpack("<6Q", value[:48])))
    for name, change in fields.items():
        numbers[name] = change(numbers[name])
    store.put("m", b"state", struct.pack("<6Q", *numbers.values()) + value[48:])


@damage("output-short")
def the_last_file_lost_its_end(crawl):
    path = crawl.outputs()[-1]
    os.truncate(path, os.path.getsize(path) // 2)


@damage("output-short")
def the_last_file_is_gone(crawl):
    os.unlink(crawl.outputs()[-1])


@damage("output-short")
def the_outputs_are_gone(crawl):
    shutil.rmtree(crawl.dir + "/out")


@damage("output-missing")
def a_file_in_the_middle_is_gone(crawl):
    os.unlink(crawl.outputs()[1])


@damage("line")
def a_line_is_not_utf8(crawl):
    edit(crawl, 0, lambda data: data.replace(b"http", b"ht\xffp", 1))


@damage("line")
def a_line_is_not_json(crawl):
    edit(crawl, 1, lambda data: b"x" + data[1:])


@damage("line")
def a_line_has_no_id(crawl):
    edit(crawl, 0, lambda data: data.replace(b'"id":', b'"xx":', 1))


@damage("line")
def two_lines_became_one(crawl):
    edit(crawl, 0, lambda data: data.replace(b"\n", b" ", 1))


@damage("line")
def a_block_is_zero(crawl):
    edit(crawl, 1, lambda data: data[:100] + bytes(1024) + data[1124:])


@damage("line")
def a_line_is_longer_than_any_record(crawl):
    edit(crawl, 0, lambda data: b"{" * (18 << 20) + b"\n" + data)


@damage("line")
def a_line_has_no_end(crawl):
    edit(crawl, 1, lambda data: data[:-1])


@damage("line")
def a_line_nests_too_deep(crawl):
    edit(crawl, 1, lambda data: b'{"v":' + b"[" * 100000 + b"]" * 100000 + b"}\n" + data)


@damage("cut")
def the_cut_is_inside_a_line(crawl):
    with store_of(crawl) as store:
        set_crawl_row(store, end=lambda end: end - 5)


@damage("record-twice")
def a_record_is_there_twice(crawl):
    edit(crawl, 0, lambda data: data + data.splitlines(True)[0])


@damage("record-foreign")
def a_record_is_of_another_crawl(crawl):
    edit(crawl, 0, lambda data: data.replace(b'"crawl_id":"', b'"crawl_id":"' + b"0" * 8, 1)
         .replace(records_of(crawl)[0]["crawl_id"].encode(),
                  records_of(crawl)[0]["crawl_id"][:24].encode(), 1))


@damage("record-key")
def a_record_has_the_id_of_another(crawl):
    old = records_of(crawl)[0]["id"]
    new = ("1" if old[-1] != "1" else "2")
    edit(crawl, 0, lambda data: data.replace(old.encode(), (old[:-1] + new).encode(), 1))


@damage("record-missing")
def a_line_is_gone(crawl):
    edit(crawl, 0, lambda data: data.split(b"\n", 1)[1])


@damage("record-early")
def a_url_with_a_record_is_queued(crawl):
    with store_of(crawl) as store:
        name, row = first_of(store, ENDED)
        place = 1 << 56 | 3
        store.put("u", name, packed(row._replace(state=QUEUED, place=place, verdict=0)))
        store.put("q", name[:8] + key(place), name[8:])


@damage("record-unknown")
def a_url_with_a_record_is_unknown(crawl):
    """One whose record another damage has not spoilt: nothing would be left of it."""
    with store_of(crawl) as store:
        rows = [(name, url_row(value)) for name, value in store.items("u")]
        ended = collections.Counter(url_text(row) for _, row in rows if row.state == ENDED)
        kept = collections.Counter(path_of(url) for url in readable_urls(crawl))
        spoilt = {name for name, row in rows if kept[url_text(row)] < ended[url_text(row)]}
        store.delete("u", first_of(store, ENDED, spoilt)[0])


@damage("url-row")
def the_row_of_a_url_that_ended_is_cut(crawl):
    with store_of(crawl) as store:
        name, row = first_of(store, ENDED)
        store.put("u", name, packed(row)[:20])


@damage("verdict")
def a_url_ended_without_a_verdict(crawl):
    with store_of(crawl) as store:
        name, row = first_of(store, ENDED)
        store.put("u", name, packed(row._replace(verdict=0)))


@damage("verdict")
def a_url_ended_in_quarantine_and_its_record_did_not(crawl):
    with store_of(crawl) as store:
        name, row = first_of(store, ENDED)
        store.put("u", name, packed(row._replace(verdict=6, reason=16)))


@damage("url-key")
def a_url_stands_under_another_key(crawl):
    with store_of(crawl) as store:
        name, row = first_of(store, QUEUED)
        store.delete("u", name)
        store.put("u", name[:8] + key(12345), packed(row))


@damage("url-key")
def a_url_is_no_url(crawl):
    with store_of(crawl) as store:
        _, row = first_of(store, ENDED)
        store.put("u", key(7, 7), packed(row._replace(whole=1, text=b"no\nURL\x1b[2J")))


@damage("host-row")
def a_host_cannot_be_read(crawl):
    with store_of(crawl) as store:
        store.put("h", store.items("h")[0][0], b"short")


@damage("host-row")
def a_host_has_the_name_of_another(crawl):
    with store_of(crawl) as store:
        (one, _), (_, other) = store.items("h")
        store.put("h", one, other)


@damage("host-row")
def the_robots_of_a_host_are_in_no_state(crawl):
    with store_of(crawl) as store:
        name, value = store.items("h")[1]
        store.put("h", name, packed(host_row(value)._replace(robots=200)))


@damage("host-missing")
def a_host_is_gone(crawl):
    with store_of(crawl) as store:
        store.delete("h", store.items("h")[1][0])


@damage("host-missing")
def a_host_is_gone_with_its_records(crawl):
    for path in crawl.outputs():
        os.truncate(path, 0)
    with store_of(crawl) as store:
        store.delete("h", store.items("h")[0][0])


@damage("name-missing")
def a_host_is_not_found_by_its_name(crawl):
    with store_of(crawl) as store:
        store.delete("n", store.items("n")[0][0])


@damage("name-stray")
def a_name_has_a_host_that_there_is_not(crawl):
    with store_of(crawl) as store:
        store.put("n", key(1, 2), b"")


@damage("name-stray")
def a_host_is_found_by_the_name_of_another(crawl):
    with store_of(crawl) as store:
        (one, _), (other, _) = store.items("n")
        store.put("n", one[:8] + other[8:], b"")


@damage("name-stray")
def a_name_has_used_up_a_budget_that_there_is_not(crawl):
    with store_of(crawl) as store:
        store.put("n", store.items("n")[0][0][:8], b"\x63")


@damage("totals")
def a_name_has_used_up_a_budget_that_nobody_counted(crawl):
    with store_of(crawl) as store:
        store.put("n", store.items("n")[0][0][:8], b"\x01")


@damage("host-counters")
def a_host_thinks_that_it_has_nothing_left(crawl):
    with store_of(crawl) as store:
        name, value = store.items("h")[0]
        store.put("h", name, packed(host_row(value)._replace(queued=0)))


@damage("host-head")
def a_host_is_read_from_behind_its_queue(crawl):
    with store_of(crawl) as store:
        name = store.items("q")[0][0][:8]
        store.put("h", name, packed(host_row(store.get("h", name))._replace(head=2**64 - 1)))


@damage("queue-stray")
def a_row_of_the_queue_is_of_no_url(crawl):
    with store_of(crawl) as store:
        site = store.items("h")[0][0]
        store.put("q", site + key(1 << 56 | 2), key(99))


@damage("queue-stray")
def a_row_of_the_queue_has_half_a_key(crawl):
    with store_of(crawl) as store:
        store.put("q", b"half", key(99))


@damage("queue-stray")
def a_place_belongs_to_another(crawl):
    with store_of(crawl) as store:
        name, _ = store.items("q")[0]
        store.put("q", name, key(99))


@damage("queue-missing")
def a_row_of_the_queue_is_gone(crawl):
    with store_of(crawl) as store:
        store.delete("q", store.items("q")[0][0])


@damage("queue-missing")
def the_queue_is_gone(crawl):
    with store_of(crawl) as store:
        for name, _ in store.items("q"):
            store.delete("q", name)


@damage("due-stray")
def a_row_waits_for_no_url(crawl):
    with store_of(crawl) as store:
        store.put("d", key(5, 6, 7), b"")


@damage("due-missing")
def a_url_waits_for_ever(crawl):
    with store_of(crawl) as store:
        for name, _ in store.items("d"):
            store.delete("d", name)


@damage("place")
def two_urls_have_one_place(crawl):
    with store_of(crawl) as store:
        name, row = first_of(store, QUEUED)
        for other, value in store.items("u"):
            if other[:8] == name[:8] and other != name and url_row(value).state == QUEUED:
                store.put("u", other, packed(url_row(value)._replace(place=row.place)))
                return
    raise AssertionError("no second URL")


@damage("place")
def the_numbers_begin_again(crawl):
    with store_of(crawl) as store:
        set_crawl_row(store, next=lambda _: 1)


@damage("robots-stray")
def there_are_rules_of_no_host(crawl):
    with store_of(crawl) as store:
        store.put("r", key(4711), store.items("r")[0][1])


@damage("robots-missing")
def the_rules_of_a_host_are_gone(crawl):
    with store_of(crawl) as store:
        store.delete("r", store.items("r")[0][0])


@damage("robots-row")
def the_rules_of_a_host_are_noise(crawl):
    with store_of(crawl) as store:
        store.put("r", store.items("r")[0][0], random.randbytes(200))


@damage("seed")
def a_seed_is_no_url(crawl):
    with store_of(crawl) as store:
        store.put("m", b"seed.\xff\x00nothing", b"")


@damage("alias")
def an_alias_leads_to_no_host(crawl):
    with store_of(crawl) as store:
        store.put("m", b"alias.http://127.0.0.1:7", b"http://127.0.0.1:8/path")


@damage("alias")
def an_alias_is_of_no_host(crawl):
    with store_of(crawl) as store:
        store.put("m", b"alias.nobody", b"")


@damage("url-row")
def a_chain_of_redirects_is_noise(crawl):
    with store_of(crawl) as store:
        # One that ended: of a queued URL only the pages that link to it tell again.
        name, row = first_of(store, ENDED)
        # A flag says that a chain stands in front of the text (rows.c).
        store.put("u", name, packed(row._replace(whole=row.whole | CHAIN,
                                                 text=struct.pack("<I", 5) + b"noise" + row.text)))


@damage("sum")
def the_sum_does_not_balance(crawl):
    with store_of(crawl) as store:
        set_crawl_row(store, admitted=lambda n: n + 1)


@damage("totals")
def fewer_pages_were_fetched_than_there_are(crawl):
    with store_of(crawl) as store:
        set_crawl_row(store, fetched=lambda n: n - 3)


def found_left_alone_and_mended(t, made, kind, function, to_the_end):
    crawl = made.copy(t)
    function(crawl)

    before = fingerprint(crawl)
    result = fsck(crawl, status=PROBLEMS)
    check(kind in kinds(result), f"no problem of the kind {kind!r}: {result!r}")
    check(result.out.isascii() and "\x1b" not in result.out, f"not for terminals: {result!r}")
    unchanged(crawl, before, "after it was looked at")
    figures["found"].add(function.__name__)

    mended = fsck(crawl, "--repair")
    check(kinds(mended, "repaired"), f"nothing is said to be repaired: {mended!r}")
    is_sound(crawl)
    if to_the_end:
        finishes(crawl, made.urls)
    figures["mended"].add(function.__name__)


GROUPS = {
    "outputs": ("output-short", "output-missing", "line", "cut"),
    "records": ("record-twice", "record-foreign", "record-key", "record-missing", "record-early",
                "record-unknown", "verdict"),
    "urls": ("url-row", "url-key", "seed", "alias", "sum", "totals"),
    "hosts": ("host-row", "host-missing", "host-counters", "host-head", "robots-stray",
              "robots-missing", "robots-row", "name-missing", "name-stray"),
    "queues": ("queue-stray", "queue-missing", "due-stray", "due-missing", "place"),
}


def find_and_mend(t, group):
    """A few at a time: most of it is waiting for disks."""
    made = base(t)
    chosen = [(kind, function) for kind, function in DAMAGES if kind in GROUPS[group]]
    failures = []

    def one(i, kind, function):
        try:
            found_left_alone_and_mended(t, made, kind, function, LONG or i % 4 == 0)
        except Exception as why:  # any: it is said with the damage's name
            failures.append(f"{function.__name__}: {why}")

    random.shuffle(chosen)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for i, (kind, function) in enumerate(chosen):
            pool.submit(one, i, kind, function)
    check(not failures, lambda: "\n".join(failures))


def test_each_damage_is_of_a_group(t):
    same_set({kind for kind, _ in DAMAGES}, {kind for kinds in GROUPS.values() for kind in kinds},
             "kinds of damages")


def test_damaged_outputs_are_found_and_mended(t):
    find_and_mend(t, "outputs")


def test_records_that_are_not_their_urls_are_found_and_mended(t):
    find_and_mend(t, "records")


def test_damaged_rows_of_urls_are_found_and_mended(t):
    find_and_mend(t, "urls")


def test_damaged_rows_of_hosts_are_found_and_mended(t):
    find_and_mend(t, "hosts")


def test_damaged_queues_are_found_and_mended(t):
    find_and_mend(t, "queues")


def test_many_damages_at_once_are_mended(t):
    """Whatever comes together: two looks later it is sound, and goes on."""
    made = base(t)
    for _ in range(20 if LONG else 2):
        crawl = made.copy(t)
        chosen = random.sample(DAMAGES, 5)
        done = []
        for _, function in chosen:
            # One may have taken away, or spoilt, what another would damage.
            with contextlib.suppress(Exception):
                function(crawl)
                done.append(function.__name__)
        fsck(crawl, status=PROBLEMS)
        mended = crawl.command("fsck", "--repair", seconds=30)
        check(mended.status == SOUND, lambda: f"{done}: {mended!r}")
        is_sound(crawl)
        crawl.start().ends(FINISHED)
        is_sound(crawl)


# --- what is not damage ------------------------------------------------------

def test_a_crawl_is_sound_after_its_end_a_stop_and_a_limit(t):
    made = base(t)
    is_sound(made.copy(t))

    crawl = made.copy(t)
    crawl.start().ends(FINISHED)
    records = len(records_of(crawl))
    said = is_sound(crawl).out
    size = sum(os.path.getsize(path) for path in crawl.outputs())
    same(said, f"{len(made.urls)} URLs, {records} records, {size} bytes: sound\n", "what it says")

    crawl = made.crawl(t, t.path("stopped"))
    crawl.settings["host_delay"] = "50ms"
    crawl.start().wait_count(3)
    crawl.command("stop")
    crawl.ends(STOPPED)
    is_sound(crawl)


def test_a_crawl_is_sound_after_kill_9_of_everything(t):
    """At any moment, and after each start from there."""
    made = base(t)
    notes = set()
    for _ in range(30 if LONG else 4):
        crawl = made.crawl(t, t.path(f"killed{t.number()}"))
        crawl.start()
        time.sleep(random.uniform(0, 1.2))  # a moment, not a condition
        crawl.kill_everything()
        if not os.path.exists(crawl.dir + "/crawl_id"):
            fsck(crawl, status=REFUSED)
        else:
            before = fingerprint(crawl)
            result = fsck(crawl)
            notes |= kinds(result, "note")
            same(kinds(result), set(), "problems")
            unchanged(crawl, before, "after it was looked at")
        crawl.start()
        same(crawl.wait(), FINISHED, f"exit status; it said {crawl.said()}")
        same_set([record["url"] for record in records_of(crawl)], made.urls, "records")
        is_sound(crawl)
    print(f"    notes: {sorted(notes)}")


def test_a_tail_is_cut_only_when_nobody_vouches_for_it(t):
    made = base(t)
    crawl = made.crawl(t, t.path("killed"))
    crawl.settings["host_delay"] = "20ms"
    crawl.start().wait_count(5)
    crawl.kill_everything()
    with open(crawl.outputs()[-1], "ab") as f:
        f.write(b'{"half a line')
    before = fingerprint(crawl)
    result = fsck(crawl, "--repair")
    same(kinds(result, "note"), {"segment", "tail"}, "notes")
    unchanged(crawl, before, "with the segment there")

    crawl.lose_shm()  # as after a power cut
    result = fsck(crawl, "--repair")
    check("tail" in kinds(result, "repaired"), f"{result!r}")
    lost = "".join(read_bytes(os.path.join(folder, name)).decode()
                   for folder, _, names in os.walk(crawl.dir + "/lost+found") for name in names)
    check(lost.endswith('{"half a line'), f"lost+found has {tail(lost)}")
    same(kinds(is_sound(crawl), "note"), set(), "notes")
    finishes(crawl, made.urls)


def test_repairing_discards_the_segment_of_a_killed_run(t):
    """Its cells speak of positions in outputs that are rewritten."""
    made = base(t)
    crawl = made.crawl(t, t.path("killed"))
    crawl.settings["host_delay"] = "20ms"
    crawl.start().wait_count(5)
    crawl.kill_everything()
    the_sum_does_not_balance(crawl)
    a_line_is_gone(crawl)
    check(crawl.shm_left(), "the killed crawl left no segment")
    result = fsck(crawl, "--repair")
    check("segment" in kinds(result, "repaired"), f"{result!r}")
    same(crawl.shm_left(), set(), "left in /dev/shm")
    same(kinds(fsck(crawl), "note"), set(), "notes afterwards")
    is_sound(crawl)
    finishes(crawl, made.urls)


def test_links_of_a_page_whose_record_came_before_the_commit_are_followed(t):
    """Such a record slips in front of the cut when lines before it are taken out."""
    made = base(t)
    crawl = made.crawl(t, t.path("early"))
    crawl.start(max_pages=2).ends(LIMIT)
    with store_of(crawl) as store:
        for name, value in store.items("u"):
            row = url_row(value)
            if row.found != 0:
                store.delete("u", name)
            elif row.state == ENDED:
                place = 1 << 56 | 3
                store.put("u", name, packed(row._replace(state=QUEUED, place=place, verdict=0)))
                store.put("q", name[:8] + key(place), name[8:])
        known = {name for name, _ in store.items("u")}
        for name, value in store.items("q"):
            if name[:8] + value not in known:
                store.delete("q", name)
    result = fsck(crawl, "--repair")
    check("record-early" in kinds(result, "repaired"), f"{result!r}")
    is_sound(crawl)
    finishes(crawl, made.urls)


def quarantine(line):
    """The record as if its page had been quarantined."""
    record = json.loads(line)
    record["reason"] = "quarantined"
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def test_a_page_tried_again_after_its_quarantine_may_have_two_records(t):
    def rewrite(crawl, change):
        edit(crawl, 0, lambda data: b"".join(change(data.splitlines(True))))

    made = base(t)
    again = made.copy(t)  # quarantined, then done
    rewrite(again, lambda lines: [quarantine(lines[0]), *lines])
    is_sound(again)

    twice = made.copy(t)  # quarantined, done, and done once more
    rewrite(twice, lambda lines: [quarantine(lines[0]), lines[0], *lines])
    check("record-twice" in kinds(fsck(twice, status=PROBLEMS)), "a record too many is sound")
    fsck(twice, "--repair")
    is_sound(twice)
    finished = twice.start().ends(FINISHED)
    same(len(records_of(finished)), len(made.urls) + 1, "records")
    is_sound(twice)

    late = made.copy(t)  # done, then quarantined
    rewrite(late, lambda lines: [*lines, quarantine(lines[0])])
    check("record-twice" in kinds(fsck(late, status=PROBLEMS)), "a late quarantine is sound")

    lost = made.copy(t)  # quarantined, tried again and done: that record is gone
    rewrite(lost, lambda lines: [quarantine(lines[0]), *lines[1:]])
    check("record-missing" in kinds(fsck(lost, status=PROBLEMS)), "a lost record is sound")


def test_a_crawl_is_sound_with_a_quarantine_a_retry_and_a_second_quarantine(t):
    crawl, _, paths = quarantined(t, 2)
    same(kinds(is_sound(crawl), "note"), set(), "notes")
    same(crawl.command("quarantine", "retry", "all").status, 0, "exit status of retry")
    same(kinds(is_sound(crawl), "note"), set(), "notes after the retry")
    with poisoned():
        crawl.start().ends(QUARANTINED, 60)
    is_sound(crawl)
    same(crawl.command("quarantine", "retry", "all").status, 0, "exit status of retry")
    crawl.run(FINISHED)
    is_sound(crawl)
    ids = [record["id"] for record in records_of(crawl)]
    same(len(ids), len(set(ids)) + 2 * len(paths), "records")


def test_keys_are_judged_by_the_rules_that_made_them(t):
    """The key of a URL with a query depends on settings; the store knows them."""
    server = t.server(faults.FaultServer())
    server.on("/", faults.page("first", ["/a?ref=1&x=2", "/b?x=1"]))
    for path in ("/a?ref=1&x=2", "/b?x=1"):
        server.on(path, faults.page("x"))
    crawl = t.crawl(server.url(), ignore_params="ref")
    crawl.run()
    same(kinds(fsck(crawl), "note"), set(), "notes")
    same(kinds(fsck(crawl), "problem"), set(), "problems")
    crawl.start(ignore_params="ref", canon="-sort_query")
    same(crawl.wait(), USAGE, "exit status with other rules")
    check("canon and ignore_params" in crawl.said(), f"it said: {tail(crawl.said())}")
    # Without that row nobody can tell: the settings are asked, and less sternly.
    with store_of(crawl) as store:
        store.delete("m", b"canon")
    same(kinds(fsck(crawl), "note"), {"keys"}, "notes without the row")
    same(kinds(fsck(crawl, "--ignore-params", "ref"), "note"), set(), "notes with the setting")


# --- repairs that are disturbed ----------------------------------------------

def test_a_repair_that_is_killed_is_finished_by_the_next(t):
    made = base(t)
    for _ in range(40 if LONG else 3):
        crawl = made.copy(t)
        for function in (a_line_is_not_json, a_record_is_there_twice, a_line_is_gone, a_host_is_gone,
                         the_queue_is_gone, a_url_with_a_record_is_unknown):
            function(crawl)
        process = subprocess.Popen(crawl.argv("fsck", "--repair"), stdout=subprocess.DEVNULL,
                                   env=crawl.environment())
        time.sleep(random.uniform(0, 0.5))  # a moment, not a condition
        process.kill()
        process.wait()
        fsck(crawl, "--repair")
        is_sound(crawl)
        finishes(crawl, made.urls)


def test_a_file_shorter_than_the_cut_names_fsck(t):
    made = base(t)
    crawl = made.copy(t)
    the_last_file_lost_its_end(crawl)
    crawl.start()
    same(crawl.wait(), INTERNAL, "exit status")
    check(f"`mpcrawl fsck --dir {crawl.dir} --repair`" in crawl.said(),
          f"it said: {tail(crawl.said())}")
    crawl.leaves_nothing()
    fsck(crawl, "--repair")
    finishes(crawl, made.urls)


def test_what_was_taken_out_is_in_lost_and_found(t):
    made = base(t)
    crawl = made.copy(t)
    # Not of a page with links: they would be found again.
    line = next(line for line in read_bytes(crawl.outputs()[0]).splitlines(True)
                if "/p" in json.loads(line)["url"])
    edit(crawl, 0, lambda data: data.replace(line, line.replace(b'"id":', b'"xx":')))
    with store_of(crawl) as store:
        name, row = first_of(store, QUEUED)
        store.put("u", name, packed(row)[:20])
    fsck(crawl, "--repair")
    kept = {path.rpartition(".")[2]: read_bytes(os.path.join(crawl.dir, "lost+found", path))
            for path in os.listdir(crawl.dir + "/lost+found")}
    same(kept["lines"], line.replace(b'"id":', b'"xx":'), "the line")
    check(f"u {name.hex()} {packed(row)[:20].hex()}\n".encode() in kept["rows"], f"{kept['rows']}")
    # The text of that one is nowhere else.
    finishes(crawl, [url for url in made.urls if not url.encode().endswith(row.text)] +
             [url for url in made.urls if url.encode().endswith(row.text)
              and url.split("/")[2] != host_of(made, name)])


def host_of(made, name):
    with Store(made.dir + "/frontier") as store:
        return host_row(store.get("h", name[:8])).name.decode().split("/")[2]


# --- folders that are no crawl -----------------------------------------------

def test_what_is_no_sound_crawl_folder_is_refused_and_left_alone(t):
    made = base(t)

    def broken(function):
        crawl = made.copy(t)
        function(crawl.dir)
        return crawl

    def overwrite(*names, data=b"garbage"):
        def change(folder):
            with open(os.path.join(folder, *names), "wb") as f:
                f.write(data)
        return change

    def damage_tables(folder):
        with Store(folder + "/frontier"):
            pass  # what was in the log is in a table afterwards
        for name in os.listdir(folder + "/frontier"):
            if name.endswith((".sst", ".log")) or name.startswith("MANIFEST"):
                overwrite("frontier", name)(folder)

    def no_state(folder):
        with Store(folder + "/frontier") as store:
            store.put("m", b"state", b"?")

    cases = {
        "no crawl": broken(lambda folder: (shutil.rmtree(folder), os.mkdir(folder))),
        "crawl_id is gone": broken(lambda folder: os.unlink(folder + "/crawl_id")),
        "16 bytes": broken(overwrite("crawl_id")),
        "different crawls": broken(overwrite("crawl_id", data=b"0123456789abcdef")),
        "store that they belong to is gone": broken(
            lambda folder: shutil.rmtree(folder + "/frontier")),
        "frontier": broken(overwrite("frontier", "CURRENT")),
        "Corruption": broken(damage_tables),
        "another version": broken(lambda folder: set_layout(folder + "/frontier", 99)),
        "its state cannot be read": broken(no_state),
        "cannot be read": broken(lambda folder: (shutil.rmtree(folder + "/out"),
                                                 overwrite("out")(folder))),
        "No such file": broken(shutil.rmtree),
        "not a directory": broken(lambda folder: (shutil.rmtree(folder), overwrite()(folder))),
    }
    for words in ((), ("--repair",)):
        for text, crawl in cases.items():
            before = fingerprint(crawl)
            fsck(crawl, *words, status=REFUSED).refused(text)
            unchanged(crawl, before, f"{text}")
    fsck(made.copy(t), "nonsense", status=REFUSED).refused("takes options only")


def test_an_output_file_that_is_none_is_for_a_person(t):
    crawl = base(t).copy(t)
    os.mkdir(crawl.dir + "/out/pages-009999.jsonl")
    same(kinds(fsck(crawl, status=PROBLEMS)), {"output-file"}, "problems")
    fsck(crawl, "--repair", status=PROBLEMS)
    os.rmdir(crawl.dir + "/out/pages-009999.jsonl")
    is_sound(crawl)


def test_a_running_crawl_is_refused_by_its_pid(t):
    made = base(t)
    crawl = made.crawl(t, t.path("running"))
    crawl.settings["host_delay"] = "100ms"
    crawl.start().wait_count(1)
    fsck(crawl, status=REFUSED).refused(str(crawl.supervisor()), "in use")
    fsck(crawl, "--repair", status=REFUSED).refused(str(crawl.supervisor()))
    crawl.command("stop")
    crawl.ends(STOPPED)


def test_json_says_the_same(t):
    crawl = base(t).copy(t)
    lines = [json.loads(line) for line in fsck(crawl, "--json").out.splitlines()]
    same([(line["type"], line["sound"], line["problems"]) for line in lines], [("end", True, 0)],
         "a sound one")
    a_line_is_gone(crawl)
    lines = [json.loads(line)
             for line in fsck(crawl, "--json", "--repair").out.splitlines()]
    same({line["type"] for line in lines}, {"problem", "repaired", "end"}, "lines")
    check(any(line.get("what") == "record-missing" for line in lines), f"{lines}")
    check(lines[-1]["sound"] and lines[-1]["repaired"] > 0, f"{lines[-1]}")


# --- noise -------------------------------------------------------------------

def test_noise_in_the_outputs_is_survived(t):
    made = base(t)
    for _ in range(60 if LONG else 4):
        crawl = made.copy(t)
        for _ in range(random.randint(1, 4)):
            path = random.choice(crawl.outputs())
            data = bytearray(read_bytes(path))
            at = random.randrange(len(data) + 1)
            data[at:at + random.choice((0, 1, 100))] = random.randbytes(random.choice((1, 2, 3000)))
            with open(path, "wb") as f:
                f.write(data)
        mended = crawl.command("fsck", "--repair", seconds=30)
        same(mended.status, SOUND, f"exit status of {mended!r}")
        is_sound(crawl)
        finishes(crawl, made.urls)


def test_noise_in_the_store_is_survived(t):
    """Of single rows; RocksDB's own checksums see to what lies on the disk."""
    made = base(t)
    for _ in range(60 if LONG else 4):
        crawl = made.copy(t)
        with store_of(crawl) as store:
            for letter in random.choices("uqdhr", k=6):
                items = store.items(letter)
                name, value = random.choice(items) if items else (key(1), b"")
                data = bytearray(value or b"?")
                data[random.randrange(len(data))] ^= 1 << random.randrange(8)
                store.put(letter, random.choice((name, random.randbytes(len(name)))), bytes(data))
        first = crawl.command("fsck", seconds=30)
        check(first.status in (SOUND, PROBLEMS), f"{first!r}")
        mended = crawl.command("fsck", "--repair", seconds=30)
        same(mended.status, SOUND, f"exit status of {mended!r}")
        is_sound(crawl)


if __name__ == "__main__":
    status = main()
    mended = [kind for kind, function in DAMAGES if function.__name__ in figures["mended"]]
    print(f"figure: damages found and repaired: {len(set(mended))} kinds, {len(mended)} ways")
    sys.exit(status)
