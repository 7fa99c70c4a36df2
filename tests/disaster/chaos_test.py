#!/usr/bin/python3
"""Processes are killed at random while they crawl: the records are those of a
crawl that nobody disturbed.  The long form (LONG=1) kills a thousand times in
one crawl of the real site."""

import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "e2e"))
sys.dont_write_bytecode = True

import harness  # noqa: E402
from harness import check  # noqa: E402
import sites  # noqa: E402
from chaos import chaos, random_settings  # noqa: E402

LONG = os.environ.get("LONG") == "1"
harness.TEST_SECONDS = 3600 if LONG else 300


def test_a_real_site_is_crawled_whole_while_everything_is_killed(t):
    if LONG:
        chaos(t, sites.postgres(), kills=1000, copies=4, seconds=3000)
    else:
        chaos(t, sites.postgres(), kills=60)


def test_at_full_speed_every_kill_meets_work(t):
    """Not slowed: what is killed holds hundreds of cells each time."""
    root = t.path("site")
    sites.generate(root, 100_000 if LONG else 6_000)
    killer = chaos(t, root, kills=1500 if LONG else 60, delay_ms=0, seconds=3000,
                   name=" at full speed", killer={"rate": (10, 40), "stops": 0.03},
                   **random_settings())
    check(killer.total() >= 10, f"only {killer.summary()}")


if __name__ == "__main__":
    sys.exit(harness.main())
