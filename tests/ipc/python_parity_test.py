#!/usr/bin/python3
"""libmpipc beside Python's multiprocessing: the same scenarios, line by line.

Each scenario of tests/ipc/python_parity is one test, named by its line, and
each row of the table of kills (kills.py) one more.  See the README.md there.

    BUILD=build/asan ONLY=queue/ /usr/bin/python3 tests/ipc/python_parity_test.py
"""

import concurrent.futures
import glob
import os
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, os.environ.get("BUILD", "build/release"))
HERE = os.path.join("tests", "ipc", "python_parity")
ONLY = os.environ.get("ONLY", "")
# Programs at a time: most of what they do is to wait for each other.
AT_A_TIME = 4
LONGEST = ("kills", "parity_executor", "parity_pool", "parity_process")
# Of a family: each scenario has a limit of its own.
LIMIT_S = 600
# The scenario itself went wrong, so that both did is no parity.
WRONG = ("hangs", "dies", "Stuck", "nothing")
BROKEN = ("hangs: ", "breaks: ")


def lines(words):
    """What a program says of each scenario, and of itself if it fails."""
    done = subprocess.run(words, cwd=TOP, capture_output=True, text=True, timeout=LIMIT_S,
                          check=False)
    said = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    if done.returncode != 0 or done.stderr:
        said["itself"] = f"exit status {done.returncode} {done.stderr[-2000:]}"
    return said


def both(program):
    """What Python and what libmpipc said, of the scenarios of a program."""
    return (lines(["/usr/bin/python3", os.path.join(HERE, program + ".py")]),
            lines([os.path.join(BUILD, HERE, program)]))


def same(name, python, ours):
    """Of a scenario: why it is no parity, "": it is; and its line."""
    if python != ours:
        return f"Python: {python}\n     libmpipc: {ours}", ""
    return f"both: {python}" if python.startswith(WRONG) else "", f"{name}: {python}"


def goes_on(name, python, ours):
    """The same of a row of the table of kills."""
    row = f"{name[len('kills/'):]:32} Python {python:48} libmpipc {ours}"
    return "" if python.startswith(BROKEN) and ours.startswith("goes on: ") else row, row


def main():
    # Those that take long first, so that none is left alone with them.
    programs = sorted((os.path.basename(path)[:-len(".c")]
                       for name in ("parity_*.c", "kills.c")
                       for path in glob.glob(os.path.join(TOP, HERE, name))),
                      key=lambda p: (p not in LONGEST, p))
    whole = ONLY in os.path.basename(__file__)
    family = ONLY.split("/")[0] if "/" in ONLY else ""
    # Of a name with its family only that one is run.
    wanted = [p for p in programs if p.removeprefix("parity_").endswith(family)]
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        for program, (python, ours) in zip(wanted, pool.map(both, wanted)):
            judge = goes_on if program == "kills" else same
            for name in list(python) + [name for name in ours if name not in python]:
                if not (whole or ONLY in name):
                    continue
                why, line = judge(name, python.get(name, "nothing"), ours.get(name, "nothing"))
                passed += not why
                failed += bool(why)
                print(f"FAIL {name}\n     {why}" if why else f"ok   {line}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


sys.exit(main())
