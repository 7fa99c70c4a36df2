#!/usr/bin/python3
"""Every reachable state of small models, by Spin: README.md says of what.

Each row of MODELS is one test.  A model passes if the search was complete and
found nothing; a mutant, which is a model with one line of the code wrong,
passes if the search found that out.

    ONLY=ring /usr/bin/python3 tests/model/models_test.py     rows by name
    LONG=1 ...                                                larger ones too

The lines of a row that fails end with the commands that repeat it by hand.
"""

import collections
import concurrent.futures
import os
import re
import resource
import shlex
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
LONG = os.environ.get("LONG", "") not in ("", "0")
ONLY = os.environ.get("ONLY", "")

# Of one row: MB, and seconds after which it hangs.  Short ones run two at a time
# and share 2 GB.
SHORT_LIMIT = 900, 600
LONG_LIMIT = 6000, 1800
DEPTH = 200_000

CLEAN = None
# How Spin says that a mutant was caught.
ASSERTION = "assertion violated"
STUCK = "invalid end state"
ENDLESS = "non-progress cycle"

# file, what is defined, what is expected: CLEAN or how the mutant is caught.
# acyclic: what is looked for is a run that never ends, and nothing else.
Row = collections.namedtuple("Row", "name file defines expect long acyclic",
                             defaults=(CLEAN, False, False))

RING = "PRODUCERS=1 CONSUMERS=1 CELLS=2 SLOTS=4 MESSAGES=4 DEATHS=1"
RING_ROUND = "PRODUCERS=1 CONSUMERS=1 CELLS=1 SLOTS=2 MESSAGES=6 DEATHS=2"
RECOVERY = "PRODUCERS=1 CONSUMERS=1 CELLS=2 SLOTS=4 MESSAGES=2 DEATHS=1 SUPERVISOR_DEATHS=1"
GATE_DEATH = "PRODUCERS=1 CONSUMERS=2 EACH=1 TAKE=1 SLOTS=2 DEATHS=1"
GATE_TWO = "PRODUCERS=1 CONSUMERS=2 EACH=2 TAKE=1 SLOTS=4 DEATHS=0"
BATCH = "BATCH PRODUCERS=1 CONSUMERS=2 EACH=2 TAKE=1 SLOTS=4 DEATHS=0"
BATCH_DEATH = "BATCH PRODUCERS=1 CONSUMERS=1 EACH=2 TAKE=2 SLOTS=4 DEATHS=1"
DRAIN = "CELLS=1 SLOTS=3 DEATHS=2 ORDERED=2"


def mutants(prefix, file, defines, *names):
    """A row for each MUTANT_* of a model; all end in an assertion."""
    return [Row(f"{prefix}_mutant_{name}", file, f"{defines} MUTANT_{name.upper()}", ASSERTION)
            for name in names]


MODELS = [
    Row("ring_with_a_death", "ring.pml", RING),
    Row("ring_goes_round_six_times_with_two_deaths", "ring.pml", RING_ROUND),
    *mutants("ring", "ring.pml", RING,
             "entry_before_word", "no_gen_in_slot", "p5_raises_gen", "c4_before_c3"),

    Row("recovery_killed_beside_live_workers", "ring.pml", RECOVERY),
    *mutants("recovery", "ring.pml", RING,
             "recovery_ignores_sending", "recovery_inserts_first", "recovery_keeps_gen",
             "recovery_of_the_living"),
    *mutants("recovery", "ring.pml", RECOVERY,
             "rebuild_forgets_its_own", "rebuild_keeps_rings", "no_lock"),

    Row("gate_with_a_death", "gate.pml", GATE_DEATH),
    Row("gate_two_messages_for_two_sleepers", "gate.pml", GATE_TWO),
    Row("gate_with_a_credit_left_over", "gate.pml", GATE_TWO + " TIMEOUTS=1"),
    *mutants("gate", "gate.pml", GATE_DEATH, "no_r3", "r3_counts_credit"),
    *mutants("gate", "gate.pml", GATE_TWO,
             "first_wake_rule", "no_second_look", "bit_after_look", "wake_before_entry"),
    # What protocol.md 11 says, both ways: a stopped poster needs the belt.
    Row("gate_mutant_stopped_poster_without_belt", "gate.pml", GATE_TWO + " STOPS=1", ASSERTION),
    Row("gate_stopped_poster_with_belt", "gate.pml", GATE_TWO + " STOPS=1 BELT"),

    Row("batch_for_two_sleepers", "gate.pml", BATCH),
    Row("batch_with_a_death", "gate.pml", BATCH_DEATH),
    *mutants("batch", "gate.pml", BATCH, "wakes_one_for_all"),
    *mutants("batch", "gate.pml", BATCH_DEATH, "p5_before_entry"),

    Row("drain_with_two_deaths", "drain.pml", DRAIN),
    *mutants("drain", "drain.pml", DRAIN,
             "one_look_at_bound", "adopts_without_draining", "drains_before_unbinding",
             "no_retake"),
    # A consumer that has claimed and not yet cleared needs a slot of its own.
    Row("drain_mutant_ring_of_two_a_cell", "drain.pml", "CELLS=1 SLOTS=2 DEATHS=2 ORDERED=2",
        ASSERTION),

    Row("ring_with_two_consumers", "ring.pml",
        "PRODUCERS=1 CONSUMERS=2 CELLS=2 SLOTS=4 MESSAGES=2 DEATHS=1", long=True),
    Row("ring_with_two_producers", "ring.pml",
        "PRODUCERS=2 CONSUMERS=1 CELLS=2 SLOTS=4 MESSAGES=2 DEATHS=1", long=True),
    Row("ring_with_three_deaths", "ring.pml",
        "PRODUCERS=1 CONSUMERS=1 CELLS=2 SLOTS=4 MESSAGES=4 DEATHS=3", long=True),
    Row("recovery_killed_twice", "ring.pml",
        "PRODUCERS=1 CONSUMERS=1 CELLS=2 SLOTS=4 MESSAGES=2 DEATHS=1 SUPERVISOR_DEATHS=2",
        long=True),
    Row("gate_with_two_deaths", "gate.pml",
        "PRODUCERS=1 CONSUMERS=2 EACH=1 TAKE=1 SLOTS=2 DEATHS=2", long=True),
    Row("gate_two_messages_and_a_death", "gate.pml",
        "PRODUCERS=1 CONSUMERS=2 EACH=2 TAKE=1 SLOTS=4 DEATHS=1", long=True),
    Row("gate_two_producers", "gate.pml",
        "PRODUCERS=2 CONSUMERS=2 EACH=1 TAKE=1 SLOTS=4 DEATHS=0 TIMEOUTS=1", long=True),
    Row("gate_three_sleepers", "gate.pml",
        "PRODUCERS=1 CONSUMERS=3 EACH=2 TAKE=1 SLOTS=4 DEATHS=0", long=True),
    Row("drain_of_two_cells", "drain.pml", "CELLS=2 SLOTS=4 DEATHS=1 ORDERED=3", long=True),
    Row("batch_for_two_sleepers_with_a_death", "gate.pml",
        "BATCH PRODUCERS=1 CONSUMERS=2 EACH=2 TAKE=2 SLOTS=4 DEATHS=1", long=True),
]

# The outputs and the store: recorder, scheduler, files, power.
CUT_MUTANTS = {
    # The five that protocol.md 5 names, and what it takes to see each.
    "offset_read_before_the_cells": "OFFSET_FIRST KILLS=1",
    "cells_freed_before_publishing": "FREE_FIRST KILLS=1",
    "commit_not_contiguous": "GAPS KILLS=1",
    "no_sync": "NO_SYNC POWERS=1",
    "forwarded_not_in_order": "ANY_ORDER KILLS=1",
    # The files.
    "failed_sync_tried_again": "SYNC_AGAIN FAULTS=1 POWERS=1",
    "folder_not_synced": "NO_FOLDER_SYNC POWERS=1",
    "full_file_not_synced": "LEAVE_UNSYNCED POWERS=1",
    "short_file_accepted": "STRETCH URLS=2 ENDS=1 DAMAGES=1",
    "tail_not_cut": "KEEP_TAIL KILLS=1",
    "cut_before_the_store_is_open": "NO_WAIT ENDS=1",
    # header.out, adoption, recovery.
    "turn_before_its_pair": "TURN_FIRST KILLS=1",
    "adoption_believes_an_old_seq": "STALE_SEQ KILLS=2",
    "committed_twice": "COMMIT_AGAIN KILLS=1",
    "no_adoption": "NO_ADOPTION KILLS=1",
    "no_recovery": "NO_RECOVERY KILLS=1",
}
MODELS += [
    Row("cut_kills", "cut.pml", "KILLS=2"),
    Row("cut_kill_and_power", "cut.pml", "KILLS=1 POWERS=1"),
    Row("cut_all_killed_and_retries", "cut.pml", "ENDS=1 RETRIES=1"),
    Row("cut_sync_fails", "cut.pml", "FAULTS=1 POWERS=1"),
    Row("cut_files_shortened", "cut.pml", "URLS=2 ENDS=1 DAMAGES=1"),
    Row("cut_ends_whatever_happens", "cut.pml", "KILLS=1", acyclic=True),
    *(Row("cut_mutant_" + name, "cut.pml", "MUTANT_" + defines, ASSERTION)
      for name, defines in CUT_MUTANTS.items()),
    Row("cut_mutant_sync_tried_for_ever", "cut.pml", "MUTANT_SYNC_FOR_EVER FAULTS=1", ENDLESS,
        acyclic=True),
    Row("cut_many_kills", "cut.pml", "KILLS=3", long=True),
    Row("cut_kills_and_power", "cut.pml", "KILLS=2 POWERS=1 RETRIES=1", long=True),
    Row("cut_kill_and_powers", "cut.pml", "KILLS=1 POWERS=2", long=True),
    Row("cut_three_cells", "cut.pml", "CELLS=3 GROUP=3 URLS=4 KILLS=1", long=True),
    Row("cut_three_cells_and_power", "cut.pml", "CELLS=3 GROUP=3 KILLS=1 POWERS=1", long=True),
    Row("cut_all_killed_in_a_recovery", "cut.pml", "KILLS=1 ENDS=1 POWERS=1", long=True),
    Row("cut_all_killed_again", "cut.pml", "ENDS=2", long=True),
    Row("cut_faults_and_kills", "cut.pml", "KILLS=1 FAULTS=2 POWERS=1", long=True),
    Row("cut_a_file_for_each_record", "cut.pml", "FILE_RECORDS=1 KILLS=1 POWERS=1", long=True),
    Row("cut_files_shortened_and_kills", "cut.pml", "KILLS=1 ENDS=1 DAMAGES=1", long=True),
    Row("cut_ends_after_power_and_kill", "cut.pml", "KILLS=1 POWERS=1 RETRIES=1",
        long=True, acyclic=True),
]


class Failure(Exception):
    """The row is not what it should be."""


def run(words, cwd, seconds, memory_mb=None):
    def limit():
        size = memory_mb << 20
        resource.setrlimit(resource.RLIMIT_AS, (size, size))

    done = subprocess.run(words, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, timeout=seconds, text=True, check=False,
                          preexec_fn=limit if memory_mb else None)
    return done.returncode, done.stdout


def commands(row, memory_mb):
    """The four that make, run and explain a search."""
    defines = ["-D" + word for word in row.defines.split()]
    path = os.path.join(HERE, row.file)
    # A short search takes less time than its compiler would to hasten it.
    level = "-O2" if row.long else "-O0"
    # No step is called progress, so every cycle is one without.
    kind, look = ("-DNP", ["-l"]) if row.acyclic else ("-DSAFETY", [])
    return {
        "make": ["spin", "-a", *defines, path],
        "compile": ["gcc", level, "-w", kind, "-DCOLLAPSE", f"-DMEMLIM={memory_mb}",
                    "-o", "pan", "pan.c"],
        "search": ["./pan", *look, f"-m{DEPTH}"],
        "explain": ["spin", "-t", "-p", "-g", *defines, path],
    }


def number(pattern, text):
    found = re.search(pattern, text)
    if not found:
        raise Failure(f"no {pattern!r} in what pan says")
    return float(found.group(1))


def search(row):
    """(states, MB) of a search that ended as it should."""
    memory_mb, seconds = LONG_LIMIT if row.long else SHORT_LIMIT
    words = commands(row, memory_mb)
    with tempfile.TemporaryDirectory(prefix="model.") as folder:
        for step in ("make", "compile"):
            status, said = run(words[step], folder, 600)
            if status != 0:
                raise Failure(f"{shlex.join(words[step])}:\n{said}")
        # MEMLIM is for states alone; the search's own stack comes on top.
        status, said = run(words["search"], folder, seconds, memory_mb + 500)
    states = int(number(r"(?m)^\s*(\d+) states, stored", said))
    memory = number(r"(?m)^\s*([\d.]+)\s+total actual memory usage", said)
    errors = int(number(r"errors: (\d+)", said))
    if row.expect is CLEAN:
        if "max search depth too small" in said:
            raise Failure(f"cut at depth {DEPTH}")
        if errors or status != 0 or "Search not completed" in said:
            raise Failure(f"not clean, or not complete:\n{said}")
    elif not errors:
        raise Failure(f"the mutant was not caught:\n{said}")
    elif row.expect not in said:
        raise Failure(f"caught, but not by {row.expect!r}:\n{said}")
    return states, memory


def judge(row):
    """One row: (None or why it failed, states, MB, seconds)."""
    start = time.monotonic()
    why, states, memory = None, 0, 0.0
    try:
        states, memory = search(row)
    except Failure as failure:
        why = str(failure)
    except subprocess.TimeoutExpired as late:
        why = f"not at an end after {late.timeout} s"
    return why, states, memory, time.monotonic() - start


def by_hand(row):
    return "by hand:\n" + "\n".join(
        "    " + shlex.join(words) for words in commands(row, 6000).values())


def main():
    rows = [row for row in MODELS if ONLY in row.name + " models_test" and (LONG or not row.long)]
    passed = failed = total = caught = 0
    # Large ones one after another: memory.
    with concurrent.futures.ThreadPoolExecutor(2) as pool, \
            concurrent.futures.ThreadPoolExecutor(1) as alone:
        jobs = [(row, (alone if row.long else pool).submit(judge, row)) for row in rows]
        for row, job in jobs:
            why, states, memory, seconds = job.result()
            if why is None:
                passed += 1
                print(f"ok   {row.name}  {states} states  {memory:.0f} MB  {seconds:.1f} s",
                      flush=True)
            else:
                failed += 1
                print(f"FAIL {row.name}  {seconds:.1f} s\n{why}\n{by_hand(row)}", flush=True)
            if row.expect is CLEAN:
                total += states
                print(f"figure: model {row.name} states: {states}")
            elif why is None:
                caught += 1
    mutants = sum(row.expect is not CLEAN for row in rows)
    print(f"figure: model states in all: {total}")
    print(f"figure: model mutants caught: {caught} of {mutants}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
