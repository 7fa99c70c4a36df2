"""What the tests of this folder share: the way to tests/e2e, the form that
runs, the figures, and crawls with a library of tests/preload under them."""

import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "e2e"))

import harness  # noqa: E402 (its place is known only now)

LONG = harness.LONG


def figure(name, value):
    """For the table of scripts/torture."""
    print(f"figure: {name}: {value}", flush=True)


def layered(crawl, library, **environment):
    """Have `crawl` run on tests/preload/<library>.c; its environment."""
    path = os.path.join(harness.BUILD, "tests", "preload", library + ".so")
    if not os.path.exists(path):
        raise harness.Missing(f"{path}: make tests")
    ordinary = crawl.environment
    environment["LD_PRELOAD"] = path
    crawl.environment = lambda: {**ordinary(), **environment}
    return crawl
