#!/usr/bin/python3
"""mpcrawl demo: each does what it says, and says what happened.

What rests on a clock is printed as such, and may fail on a busy machine: then
the exit status says so, and nothing here depends on it."""

import re
import subprocess
import sys

from harness import (FINISHED, INTERNAL, MPCRAWL, PATIENCE, USAGE, Result, check, main, same,
                     same_set)

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


NAMES = ["threads", "coroutine"]

if __name__ == "__main__":
    sys.exit(main())
