#!/usr/bin/python3
"""The power is cut at any moment: a record is there if and only if its URL is
done, and the crawl goes on.

A crawl runs once with all that it does to its folder recorded; then, for many
moments of it, the folder is made that a power cut would have left (disk.py
has the model), read by other means than mpcrawl's, and crawled to its end.

LONG=1: 500 cuts and more."""

import contextlib
import fcntl
import functools
import json
import os
import random
import shutil
import subprocess
import sys

from disaster import LONG, figure, layered
from disk import Disk, read_log
from reading import Reading

import sites
from harness import (FINISHED, MPCRAWL, USAGE, check, kill, main, read_bytes, same, same_set,
                     wait_until)

# Of each of the recorded crawls.
CUTS = 150 if LONG else 10
# Of so many one is cut again while it recovers.
AGAIN = 4

# Small: the tables are flushed and compacted, the outputs begin new files.
SMALL = {"db_cache": "1M", "output_size": "64K"}
# Pages come slowly enough for many groups and commits.
STEADY = {"host_delay": "3ms", "host_concurrency": 2}
# Those that go on after a cut need not.
SWIFT = {"host_delay": 0, "host_concurrency": 8}


class Recorded:
    """A crawl of a generated site with all that it does to its folder."""

    def __init__(self, t, pages, below="", **settings):
        root = t.path("site")
        names = sites.generate(os.path.join(root, below), pages)
        with open(os.path.join(root, below, "index.html"), "a", encoding="utf-8") as f:
            f.writelines(f'<a href="missing{i}.html">gone</a>' for i in range(5))
        self.t = t
        self.site = t.site(root)
        self.first = self.site.url + below + "index.html"
        self.urls = {self.site.url + below + name for name in names}
        self.urls |= {self.site.url + below + f"missing{i}.html" for i in range(5)}
        self.settings = {**STEADY, **settings}
        self.folder = t.path("recorded")
        os.mkdir(self.folder)
        self.before = Disk(self.folder)
        self.crawl = self.make(self.folder, output="-")

    def make(self, folder, **settings):
        """A crawl in `folder`, with a log beside it."""
        crawl = self.t.crawl(self.first, dir=folder, **{**self.settings, **settings})
        return layered(crawl, "record", MPCRAWL_RECORD=folder + ".log",
                       MPCRAWL_RECORD_DIR=os.path.realpath(folder))

    @contextlib.contextmanager
    def still(self):
        """Nobody is in the middle of a change of a file."""
        with open(self.folder + ".log", "ab") as log:
            fcntl.lockf(log, fcntl.LOCK_EX)
            yield

    def kill_worker(self, name):
        pid = self.crawl.worker(name)
        with self.still():
            kill(pid)
            wait_until(lambda: not read_bytes(f"/proc/{pid}/maps"), 5, f"{name} to be gone")
        wait_until(lambda: self.crawl.workers().get(name) not in (None, pid), 10,
                   f"a successor of {name}")

    def kill_everything(self):
        with self.still():
            self.crawl.kill_everything()

    def ends(self):
        """The undisturbed result, and the proof that the log is all of it."""
        self.crawl.ends(FINISHED, 60)
        self.crawl.report()
        self.facts = facts(self.crawl)
        same_set({url for url, *_ in self.facts}, self.urls, "records")
        same_set(Reading(self.folder).records, self.urls, "records of the other reading")
        self.ops = read_log(self.folder + ".log")
        self.after = self.before.then(self.ops).run(len(self.ops))
        same(self.after.differs(self.folder), "", "the folder, beside the log of it")
        check(self.after.syncs > 20, f"only {self.after.syncs} syncs were recorded")
        figure(f"operations recorded, {self.t.what}", len(self.ops))
        return self

    # A cut

    def cut(self, place, again):
        """The power is cut before the change number `place`; and, `again`, once
        more while the crawl recovers from it."""
        image = self.t.path(f"cut{place}")
        disk = self.before.then(self.ops).run(place)
        style = disk.cut(random, image)
        words = f"cut before change {place} of {len(self.ops)}, {style}"
        try:
            before = Reading(image)
            self.judge_told(disk, before)
            start = Disk(image)
            ops = self.judge_going_on(image, disk.began, before, start)
            if again:
                # Mostly in what opening and cutting does.
                place = random.randint(1, random.choice((min(len(ops), 150), len(ops))))
                disk2 = start.then(ops).run(place)
                style = disk2.cut(random, image + "b")
                words += f", then before change {place} of {len(ops)}, {style}"
                self.judge_going_on(image + "b", disk.began or disk2.began,
                                    Reading(image + "b"), Disk(image + "b"))
        except Exception as why:  # any: it is the cut that has to be known
            self.keep(image)
            raise CutWentWrong(f"{words}: {why}") from why
        self.forget(image)

    def judge_told(self, disk, before):
        """What was told was committed, and is so still."""
        told = whole_records(b"".join(disk.told))
        lost = told - set(b"".join(before.vouched).splitlines())
        check(not lost, lambda: f"{len(lost)} records were given to the reader of standard "
                                f"output and are not in the outputs now")

    def judge_going_on(self, image, began, before, start):
        """Returns the log of what the crawl did to finish."""
        crawl = self.make(image, **SWIFT)
        self.judge_fsck(crawl, began)
        asked = len(self.site.requests())
        # Where a scheduler ran the seeds are in the store, and need not be
        # given again.
        if began:
            crawl.words = []
        crawl.run(FINISHED, 60)
        crawl.report()
        self.judge_fsck(crawl, True)
        same_set(facts(crawl), self.facts, "records after the crawl went on")
        ops = read_log(image + ".log")
        self.judge_tail(start.then(ops), before)
        after = Reading(image)
        for number, part in enumerate(before.vouched):
            check(after.vouched[number].startswith(part),
                  f"output file {number + 1} has lost what was vouched for")
        again = {self.site.url + path.lstrip("/")
                 for _, _, path in self.site.requests()[asked:]}
        same_set(again & before.ended, set(), "URLs that were done and are fetched again")
        return ops

    def judge_tail(self, disk, before):
        """When the first record is written the outputs are what is vouched for,
        to the byte."""
        first = first_record(disk.ops)
        # The file that it makes for that is not of before.
        while first > 0 and disk.ops[first - 1].kind == "create":
            first -= 1
        there = [data for _, data in sorted(disk.run(first).bytes_in("out").items())]
        same([len(data) for data in there], [len(data) for data in before.vouched],
             "bytes in the output files when the first record is written")
        check(there == before.vouched, "the outputs were not cut to what is vouched for")

    def judge_fsck(self, crawl, began):
        if not has_fsck_command():
            return
        result = crawl.command("fsck")
        check(result.status == 0 or (not began and result.status == USAGE),
              lambda: f"fsck: {result!r}")

    def forget(self, image):
        self.t.crawls = [crawl for crawl in self.t.crawls if not crawl.dir.startswith(image)]
        for folder in (image, image + "b"):
            shutil.rmtree(folder, ignore_errors=True)

    @staticmethod
    def keep(image):
        """For whoever looks into it: KEEP=FOLDER."""
        if os.environ.get("KEEP"):
            for folder in (image, image + "b"):
                if os.path.exists(folder):
                    shutil.copytree(folder, os.path.join(os.environ["KEEP"],
                                                         os.path.basename(folder)))


class CutWentWrong(Exception):
    """Which cut, and how."""


@functools.cache
def has_fsck_command():
    done = subprocess.run([MPCRAWL, "--help"], capture_output=True, text=True, check=False)
    return "fsck" in done.stdout


def first_record(ops):
    """The place of the recorder's first write.  A file without a name is how a
    worker tries the disk."""
    trial = None
    for place, op in enumerate(ops):
        if op.who != "recorder":
            continue
        if op.kind == "create":
            trial = None if op.name else op.ino
        elif op.kind == "write" and op.ino != trial:
            return place
    return len(ops)


def whole_records(told):
    """Lines that are a record; the streamer ends a torn one by a newline."""
    found = set()
    for line in told.split(b"\n")[:-1]:
        with contextlib.suppress(ValueError):
            json.loads(line)
            found.add(line)
    return found


def facts(crawl):
    """What of each record does not depend on when it was written."""
    return {(url, record.get("status"), record.get("reason"), record.get("digest"),
             record.get("title")) for url, record in crawl.by_url().items()}


def moments(ops):
    """Of the whole log; one half where it is not records that are written, for
    most lines are that."""
    rare = [i + 1 for i, op in enumerate(ops) if op.kind != "write" or op.who != "recorder"]
    rare = random.sample(rare, CUTS // 2)
    rest = random.sample(sorted(set(range(1, len(ops) + 1)) - set(rare)), CUTS - len(rare))
    return sorted(rare + rest)


def cuts(t, recorded):
    recorded.ends()
    places = moments(recorded.ops)
    failures = []
    for i, place in enumerate(places):
        try:
            recorded.cut(place, i % AGAIN == 0)
        except CutWentWrong as why:
            failures.append(str(why))
    figure(f"power cuts, {t.what}", len(places) + (len(places) + AGAIN - 1) // AGAIN)
    check(not failures, lambda: f"{len(failures)} of {len(places)} cuts went wrong:\n"
                                + "\n".join(failures[:5]))


def test_a_power_cut_of_an_ordinary_crawl(t):
    t.what = "ordinary"
    recorded = Recorded(t, 120)
    recorded.crawl.start()
    cuts(t, recorded)


def test_a_power_cut_of_a_crawl_whose_workers_are_killed(t):
    t.what = "with kills"
    # Slow enough to be killed so many times.
    recorded = Recorded(t, 300, host_delay="10ms", host_concurrency=1)
    crawl = recorded.crawl
    crawl.start().wait_answers()
    for name in ("recorder", "scheduler", "recorder", "scheduler"):
        crawl.wait_count(crawl.count() + 10)
        recorded.kill_worker(name)
    crawl.wait_count(crawl.count() + 10)
    recorded.kill_everything()
    crawl.start()
    cuts(t, recorded)


def test_a_power_cut_of_a_crawl_with_small_files(t):
    """Outputs that go on in new files, tables that are flushed and merged."""
    t.what = "small files"
    # Long names, for long rows.
    recorded = Recorded(t, 4000 if LONG else 1200, below=f"{'long' * 50}/" * 2, **SMALL, **SWIFT)
    recorded.crawl.start()
    cuts(t, recorded)
    made = [op.name for op in recorded.ops if op.kind == "create" and op.who == "scheduler"]
    for kind, least in ((".sst", 6), (".log", 3)):
        n = len([name for name in made if name.endswith(kind)])
        check(n >= least, f"the store made {n} files {kind}: too few to be a test of them")


if __name__ == "__main__":
    sys.exit(main())
