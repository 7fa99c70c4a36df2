#!/usr/bin/python3
"""mpcrawl demo: each does what it says, and says what happened.

What rests on a clock is printed as such, and may fail on a busy machine: then
the exit status says so, and nothing here depends on it."""

import os
import re
import subprocess
import sys
import xml.etree.ElementTree

from harness import (FINISHED, INTERNAL, MPCRAWL, PATIENCE, USAGE, Result, check, main, same,
                     same_set)

SVG = "{http://www.w3.org/2000/svg}"
BUSY = "[not this time"


def demo(t, *words, seconds=50):
    """`mpcrawl demo WORDS`, in the test's folder."""
    words = [MPCRAWL, "demo", *words]
    done = subprocess.run(words, cwd=t.folder, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=seconds * PATIENCE, check=False)
    return Result(words, done.returncode, done.stdout, done.stderr)


def shown(t, *words):
    """What it printed: every claim but those about time came true."""
    result = demo(t, *words)
    check("[NO]" not in result.out, f"a claim does not hold: {result!r}")
    same(result.status, INTERNAL if BUSY in result.out else FINISHED, f"{result!r}")
    for text in "Question: ", "\nAnswer: ":
        check(text in result.out, f"no {text!r}: {result!r}")
    return result.out


def holds(out, *claims):
    """Each is printed, as one that came true."""
    for claim in claims:
        check(any(line.startswith("  [yes] ") and claim in line for line in out.splitlines()),
              f"no claim {claim!r} in:\n{out}")


def rows(out, *names):
    """The rows of a table that begin so, in this order: their numbers."""
    found = [line for line in out.splitlines() if line.startswith(tuple(f"  {n}" for n in names))]
    same(len(found), len(names), f"rows of {names} in:\n{out}")
    for name, line in zip(names, found):
        check(line.startswith(f"  {name}"), f"{line!r} where {name!r} should be")
    return [[float(n) for n in re.findall(r"\d+\.\d+", line)] for line in found]


def names(t):
    return re.findall(r"^  mpcrawl demo (\w+) +\S", demo(t).out, re.MULTILINE)


def test_all_demos_are_listed_and_have_help(t):
    listed = names(t)
    same_set(listed, NAMES, "demos")
    for name in listed:
        result = demo(t, name, "--help")
        same((result.status, result.err), (FINISHED, ""), f"{result!r}")
        check(f"mpcrawl demo {name}" in result.out and "?" in result.out, f"{result!r}")
        demo(t, name, "--no-such-option").refused("--no-such-option", "--help")


def test_a_name_that_is_none_is_refused_with_the_nearest(t):
    demo(t, "thraeds").refused("thraeds", "did you mean threads?", status=USAGE)
    demo(t, "zzzzzz").refused("no demo zzzzzz", "mpcrawl demo")
    demo(t, "threads", "--pages", "0").refused("--pages", "0 is not a number from 1 to 64")
    demo(t, "threads", "--pages").refused("--pages", "N")


def test_threads(t):
    out = shown(t, "threads", "--pages", "6")
    times = rows(out, "one after another", "one thread each", "a pool of 4 processes")
    # No answer comes before its 20 ms: a fact, however busy the machine.
    check(times[0][0] >= 6 * 20 and min(times[1][0], times[2][0]) >= 20, f"times: {times}")
    holds(out, "all three fetched the same", "joined with a timeout", "it ended by itself",
          "that did its work", "nobody is told")


def test_coroutine(t):
    out = shown(t, "coroutine", "--items", "4")
    parts = out.split("Computing:")
    for part in parts:
        rows(part, "one after another", "coroutines, one thread", "threads  ", "processes")
        holds(part, "all four came to the same result")
    holds(parts[1], "nobody else had a turn")


WAYS = ["one after another", "threads and a GIL", "threads without it", "processes, a queue"]


def test_gil(t):
    svg = t.path("lanes.svg")
    out = shown(t, "gil", "--runs", "1", "--work-ms", "30", "--workers", "2", "--svg", svg)
    for heading in "Computing: ", "Waiting: ":
        table = out.split(f"\n{heading}")[1].split("\n\n")[1]
        for numbers in rows(table, *WAYS):
            same(len(numbers), 4, f"time, spread, speed, CPU in {table}")
        check("forced, for another had asked" in out.split(f"\n{heading}")[1], out)
    for interval in "0.5", "5.0", "50.0":
        check(re.search(rf"switch interval +{interval} ms: waits +\d", out), f"convoy: {out}")
    for cost in "to start one", "memory that it has", "a message of 64 bytes", "a page of":
        check(re.search(rf"  {cost}.* [\d.]+ (us|KiB)", out), f"{cost}: {out}")
    holds(out, "all four ways found the same links", "no two threads ever held the lock at once",
          "once a wait", "Python found the same links")
    check("free-threaded" in out and "Python 3." in out, out)
    # A lane a worker, of each of eight runs, in the three colours of the legend.
    picture = xml.etree.ElementTree.parse(svg).getroot()
    texts = ["".join(text.itertext()) for text in picture.iter(f"{SVG}text")]
    same(sum(bool(re.fullmatch(r"(thread|process) \d", text)) for text in texts), 14, "lanes")
    colours = {rect.get("fill") for rect in picture.iter(f"{SVG}rect")}
    check({"#2da44e", "#b6bcc4", "#54a3ff", "#8250df"} <= colours, f"colours: {colours}")


def test_gil_without_python_and_picture(t):
    out = shown(t, "gil", "--runs", "1", "--work-ms", "10", "--python", "no-such-python",
                "--svg", "-")
    check("left out" in out and "picture" not in out, out)
    same(os.listdir(t.folder), [], "files")


def test_process(t):
    out = shown(t, "process")
    holds(out, "own variable is still 7, the shared one is 8", "returned 3: exit code 3",
          "killed by signal 9: exit code -9", "100 tasks were done in each way")
    # In the child that pid is its parent, and the one that prints.
    parent, child, of = re.search(r"parent (\d+): plain = 7, shared = 7\n"
                                  r"  child (\d+) of (\d+), Process-1: ", out).groups()
    check(parent == of != child, out)
    rows(out, "a process for each task", "one process for all")


def test_pool(t):
    out = shown(t, "pool")
    for part, claim in zip(out.split("\n\n")[3::2], ("in order: ", "of submission: ", "last")):
        came = re.findall(r"^ +\d+ ms  task (\d)$", part, re.M)
        same(sorted(came), list("012345"), f"tasks of {part}")
        if claim != "last":  # that rests on a clock
            same(came, list("012345"), f"order of {part}")
            holds(part, claim + "0 1 2 3 4 5")


def test_lock(t):
    out = shown(t, "lock")
    without, with_lock, in_one_step, killed = out.split("\n\n  800 asked")[1:] + [out]
    check("paid out: 1600; left: 200" in without, without)
    for part in with_lock, in_one_step:
        check("paid out: 800; left: 200" in part, part)
    same([out.count(": paid\n"), out.count(": refused\n")], [4, 2], "withdrawals")
    holds(killed, "both withdrawals succeed: 1600 of 1000",
          "one withdrawal is refused: 800 of 1000", "it was killed, with 800 gone and 0 paid",
          "and is told: its owner died", "it put the account right, 1000")


def test_alternate(t):
    out = shown(t, "alternate")
    line = " ".join(f"{2 * i + 1}{2 * i + 2}{chr(65 + i)}" for i in range(26))
    check(line.startswith("12A 34B 56C") and line.endswith("4950Y 5152Z"), line)
    lines = out.splitlines()
    for who in "Two threads", "Two processes":
        for how in "two locks", "two semaphores", "a condition", "a queue to each":
            at = lines.index(f"{who}, by {how}:")
            same(lines[at + 1:at + 3], [line, "  [yes] strictly in turn"], f"{who}, by {how}")


def pairs(path):
    with open(path, encoding="utf-8") as f:
        return [tuple(line.rstrip("\n").split("\t")) for line in f]


def test_queue(t):
    out = shown(t, "queue")
    found = pairs(t.path("queue_data.txt"))
    # Twenty posts of each page, by number.
    same(sorted(int(href[len("/post/"):-len(".html")]) for href, _ in found),
         list(range(2 * 20, 20 * 20)), "posts")
    check(all(re.fullmatch(r"On [a-z ]+ and [a-z ]+, part \d", text) for _, text in found),
          lambda: f"texts: {found[:5]}")
    fetched = re.findall(r"^  (craw\d) +fetched (\S+) +urls +(\d+)  htmls +(\d+)$", out, re.M)
    same(sorted(path for _, path, _, _ in fetched),
         sorted(f"/?page={n}" for n in range(2, 20)), "fetched")
    workers = {name for name, *_ in fetched} | set(re.findall(r"^  (parse\d) ", out, re.M))
    check(workers <= {"craw0", "craw1", "craw2", "parse0", "parse1"}, f"who worked: {workers}")
    same(len(re.findall(r"^  parse\d +found 20 titles +urls +\d+  htmls +\d+$", out, re.M)), 18,
         "pages parsed")
    holds(out, "18 addresses, and one page: http://127.0.0.1/",
          "all five processes ended by themselves", "has 360 pairs",
          "two processes put 20 items into it, and 10 are lost")
    check("while True" in out, out)


def test_queue_with_fragments_fetches_one_page_18_times(t):
    out = shown(t, "queue", "--keep-fragments", "--out", t.path("other.txt"))
    found = pairs(t.path("other.txt"))
    same((len(found), len(set(found))), (360, 20), "pairs")
    for n in range(2, 20):
        check(f"fetched /#p{n} " in out, f"#p{n} in {out}")


NAMES = ["process", "threads", "coroutine", "queue", "pool", "lock", "alternate", "gil"]

if __name__ == "__main__":
    sys.exit(main())
