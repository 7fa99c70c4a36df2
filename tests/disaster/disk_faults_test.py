#!/usr/bin/python3
"""A disk that fails: the n-th call of a kind, once or from then on, in each
process that writes.  Nothing is lost, nothing twice, nobody hangs, and what
cannot be mended is said.

tests/preload/fault.c makes the calls fail.  LONG=1: every n that a crawl
comes to; else some of each kind."""

import mmap
import os
import random
import signal
import struct
import sys

from disaster import LONG, figure, layered
from reading import Reading

import sites
from harness import (DISK, FINISHED, INTERNAL, STOPPED, USAGE, Failure, check, kill, main, same,
                     same_set, tail, wait_until)

# As in tests/preload/fault.c.
ROLES = ["mpcrawl", "scheduler", "recorder"]
KINDS = ["open", "read", "write", "fsync", "fdatasync", "ftruncate", "fallocate", "rename",
         "unlink", "mkdir"]
STATE = 4096

# What each kind fails with.
ERRORS = {"open": ["EIO", "ENOSPC"], "read": ["EIO"],
          "write": ["ENOSPC", "EIO", "EDQUOT", "SHORT"], "fsync": ["EIO", "ENOSPC"],
          "fdatasync": ["EIO", "ENOSPC", "EDQUOT"], "ftruncate": ["EIO"],
          "fallocate": ["ENOSPC"], "rename": ["EIO", "ENOSPC"], "unlink": ["EIO"],
          "mkdir": ["ENOSPC", "EIO"]}

PAGES = 40
BATCH = 8  # crawls at the same time: mostly they wait


class Disk:
    """The state that all processes of a crawl share: counts and the switch."""

    def __init__(self, path):
        self.path = path
        with open(path, "wb") as f:
            f.write(bytes(STATE))
        with open(path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), STATE)

    def word(self, i):
        return struct.unpack_from("=Q", self.map, 8 * i)[0]

    def fired(self):
        return self.word(1)

    def heal(self):
        struct.pack_into("=Q", self.map, 0, 1)

    def calls(self):
        """{(role, kind): how many there were}"""
        return {(role, kind): self.word(2 + r * len(KINDS) + k)
                for r, role in enumerate(ROLES) for k, kind in enumerate(KINDS)}


class Faulty:
    """A site, and crawls of it on a disk that fails."""

    def __init__(self, t, pages=PAGES, below="", **settings):
        root = t.path("site")
        names = sites.generate(os.path.join(root, below), pages)
        self.t = t
        self.site = t.site(root)
        self.first = self.site.url + below + "index.html"
        self.urls = {self.site.url + below + name for name in names}
        self.settings = {"host_concurrency": 4, **settings}

    def crawl(self, fault):
        folder = self.t.path(f"crawl{self.t.number()}")
        os.mkdir(folder)
        disk = Disk(folder + ".disk")
        crawl = layered(self.t.crawl(self.first, dir=folder, **self.settings), "fault",
                        MPCRAWL_FAULT_DIR=os.path.realpath(folder),
                        MPCRAWL_FAULT_STATE=disk.path, MPCRAWL_FAULT=fault)
        return crawl, disk

    def complete(self, crawl):
        """Every page has its one record, by mpcrawl's own word and by ours."""
        found = crawl.by_url()
        same_set(found, self.urls, "records")
        same({record["status"] for record in found.values()}, {200}, "statuses")
        crawl.report()
        same_set(Reading(crawl.dir).records, self.urls, "records of the other reading")

    def begin(self, fault):
        crawl, disk = self.crawl(fault)
        return fault, crawl.start(), disk

    def judge_once(self, fault, crawl, disk):
        """One call has failed; true when there was such a call."""
        try:
            status = crawl.wait(30)
            crawl.leaves_nothing()
            if status != FINISHED:
                # Only who starts may end for it, and says what is wrong.
                check(fault.startswith("mpcrawl") and status in (INTERNAL, USAGE, DISK),
                      f"exit status {status}")
                check("error:" in crawl.err(), "it does not say why")
                crawl.start().ends(FINISHED)
            self.complete(crawl)
        except Exception as why:  # any: it is the fault that has to be known
            raise FaultNotMended(f"{fault}: {why}; it said:\n{tail(crawl.said(), 12)}") from why
        self.t.crawls.remove(crawl)
        return disk.fired() > 0

    def once(self, faults):
        """All at the same time; returns how many there were, and why not."""
        fired, failures = 0, []
        for begun in [self.begin(fault) for fault in faults]:
            try:
                fired += self.judge_once(*begun)
            except FaultNotMended as why:
                fired += 1
                failures.append(str(why))
        return fired, failures


class FaultNotMended(Failure):
    """Which fault, and what it did."""


def calls_of(faulty):
    """How many calls of each kind an undisturbed crawl makes."""
    crawl, disk = faulty.crawl("")
    crawl.run(FINISHED)
    return disk.calls()


def some(role, calls):
    """Faults of every kind and error, of some calls: in batches."""
    faults = [f"{role} {kind} {n} {error}" for kind in KINDS for error in ERRORS[kind]
              for n in {1, random.randint(1, max(1, calls[role, kind]))} if calls[role, kind]]
    for i in range(0, len(faults), BATCH):
        yield faults[i:i + BATCH]


def every(role, calls, was_short):
    """Faults of every call that there is: until a batch is not met as a whole."""
    for kind in KINDS:
        for error in ERRORS[kind] if calls[role, kind] else ():
            first = 1
            while first == 1 or not was_short():
                yield [f"{role} {kind} {n} {error}" for n in range(first, first + BATCH)]
                first += BATCH


def try_all(t, role):
    faulty = Faulty(t)
    calls = calls_of(faulty)
    tried, fired, failures = 0, BATCH, []
    batches = every(role, calls, lambda: fired < BATCH) if LONG else some(role, calls)
    for batch in batches:
        fired, why = faulty.once(batch)
        tried += fired
        failures += why
    figure(f"disk faults, once, {role}", tried)
    check(not failures, lambda: f"{len(failures)} of {tried} faults:\n" + "\n".join(failures[:8]))


def test_any_call_of_the_recorder_fails_once(t):
    try_all(t, "recorder")


def test_any_call_of_the_store_fails_once(t):
    try_all(t, "scheduler")


def test_any_call_of_who_starts_fails_once(t):
    try_all(t, "mpcrawl")


def test_the_store_fails_while_it_flushes(t):
    """Its own threads meet the error: the next commit says so, nobody hangs."""
    # Long names for long rows, in small tables.
    faulty = Faulty(t, pages=1000, below=f"{'long' * 50}/" * 2, db_cache="1M")
    faulty.settings["host_concurrency"] = 8
    calls = calls_of(faulty)
    kinds = ["open", "write", "fsync", "fdatasync", "fallocate", "unlink"]
    tried, failures = 0, []
    for _ in range(20 if LONG else 1):
        batch = [f"scheduler {kind} {random.randint(1, calls['scheduler', kind])} {error}"
                 for kind in kinds for error in ERRORS[kind][:2]]
        random.shuffle(batch)
        fired, why = faulty.once(batch[:BATCH])
        tried += fired
        failures += why
    figure("disk faults, while the store flushes", tried)
    check(not failures, lambda: f"{len(failures)} of {tried} faults:\n" + "\n".join(failures[:8]))


# --- faults that last -----------------------------------------------------------

# From which call on: so that it begins with it, and in the middle.
LASTING = {"open": [1], "write": [1, 25], "fsync": [1], "fdatasync": [1, 3]}


def lasting(roles, kinds, errors):
    """Rows of LASTING: all of them, or one of each kind."""
    return [f"{role} {kind} {n}+ {error}" for role in roles for error in errors for kind in kinds
            for n in (LASTING[kind] if LONG else [random.choice(LASTING[kind])])]


def begin_all(t, rows):
    """Crawls that all wait at the same time: [(fault, crawl, its disk)]."""
    faulty = Faulty(t, pages=80)
    faulty.settings["host_concurrency"] = 1  # groups and commits enough
    return faulty, [faulty.begin(fault) for fault in rows]


def says_it_waits(fault, crawl, disk):
    wait_until(lambda: "room" in crawl.said() or not crawl.running(), 20,
               lambda: f"{fault}: it to say so; it said:\n{tail(crawl.said())}")
    check(crawl.running() and disk.fired(),
          lambda: f"{fault}: it did not wait; it said:\n{tail(crawl.said())}")
    wait_until(crawl.answers, 10, f"{fault}: status to answer")


def full():
    """A disk that is full, or a quota that is, for each who writes."""
    return lasting(["recorder", "scheduler"], ["write", "fdatasync"], ["ENOSPC", "EDQUOT"])


def test_a_crawl_waits_for_room_and_goes_on(t):
    rows = full()
    faulty, begun = begin_all(t, rows)
    for row in begun:
        says_it_waits(*row)
    for fault, crawl, disk in begun:
        disk.heal()
        crawl.ends(FINISHED, 40)
        faulty.complete(crawl)
    figure("disk faults, until there is room", len(rows))


def test_a_crawl_that_waits_for_room_is_stopped(t):
    rows = full()
    faulty, begun = begin_all(t, rows)
    for row in begun:
        says_it_waits(*row)
    for fault, crawl, disk in begun[1:]:
        kill(crawl.process.pid, signal.SIGTERM)
    same(begun[0][1].command("stop", seconds=15).status, 0, "exit status of stop")
    for fault, crawl, disk in begun:
        status = crawl.wait(15)
        check(status in (DISK, STOPPED), f"{fault}: exit status {status}")
        crawl.leaves_nothing()
        disk.heal()
        crawl.start().ends(FINISHED)
        faulty.complete(crawl)
    figure("disk faults, stopped", len(rows))


def test_a_disk_that_fails_ends_the_crawl(t):
    """What a restart cannot mend: said with the file and the key."""
    rows = lasting(["recorder", "scheduler"], LASTING, ["EIO"])
    faulty, begun = begin_all(t, rows)
    for fault, crawl, disk in begun:
        status = crawl.wait(40)
        said = crawl.err()
        crawl.leaves_nothing()
        same(status, INTERNAL, f"{fault}: exit status; it said:\n{tail(said)}")
        errors = [line for line in said.splitlines() if "error:" in line]
        check(any(crawl.dir in line and "key dir" in line for line in errors),
              lambda: f"{fault}: file and key are not named:\n{tail(said)}")
        check(not any("no room" in line for line in errors), f"{fault}: it spoke of room")
        disk.heal()
        crawl.start().ends(FINISHED)
        faulty.complete(crawl)
    figure("disk faults, lasting EIO", len(rows))


def test_a_disk_that_fails_refuses_the_start(t):
    rows = {f"mpcrawl {kind} 1+ {error}": status
            for error, status in (("EIO", INTERNAL), ("ENOSPC", DISK))
            for kind in ("write", "fsync", "mkdir")}
    faulty, begun = begin_all(t, rows)
    for fault, crawl, disk in begun:
        same(crawl.wait(20), rows[fault], f"{fault}: exit status; it said:\n{tail(crawl.err())}")
        check(crawl.dir in crawl.err() and "dir" in crawl.err(),
              lambda: f"{fault}: file and key are not named:\n{tail(crawl.err())}")
        disk.heal()
        crawl.start().ends(FINISHED)
        faulty.complete(crawl)
    figure("disk faults, at the start", len(rows))


if __name__ == "__main__":
    sys.exit(main())
