#!/usr/bin/python3
"""A worker that was killed is replaced at once, and work goes on.  The long form
(LONG=1) is scripts/bench-recovery: what it measures is told, and its targets
are not judged here, on a machine that may be busy with anything."""

import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "e2e"))
sys.dont_write_bytecode = True

import harness  # noqa: E402
from harness import check  # noqa: E402
import recovery  # noqa: E402

LONG = os.environ.get("LONG") == "1"
harness.TEST_SECONDS = 3600 if LONG else 300


def test_a_worker_that_had_taken_work_is_replaced_without_a_rest(t):
    try:
        if LONG:
            figures = recovery.measure(t, kills=200, urls=1_000_000, turns=5)
        else:
            figures = recovery.measure(t, kills=8, urls=50_000, turns=1, hosts_of=(1,))
        figures.show()
    finally:
        said = t.crawls[-1].err()
        rested = [line for line in said.splitlines() if "it starts again in" in line]
        check(not rested, f"somebody rested first: {rested[:3]}")
    check("started again" in said, f"nobody was replaced: {said}")


if __name__ == "__main__":
    sys.exit(harness.main())
