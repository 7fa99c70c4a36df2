"""Python's half of the suite: scenarios, and what all of them share.

A scenario is a function of a file parity_<family>.py; what it returns is what
there was to be seen.  Each runs in a process and a process group of its own,
with a time limit, and is one line of output:

    queue/a_full_one_refuses: Full 2

parity_<family>.c says the same lines by libmpipc; parity.h is this file's twin.

    /usr/bin/python3 tests/ipc/python_parity/parity_queue.py [part of a name]
"""

import concurrent.futures.process
import contextlib
import ctypes
import gc
import importlib
import multiprocessing as mp
import os
import queue
import select
import signal
import sys
import threading
import time

mp.set_start_method("fork")
# Once, not in each scenario.
for _part in ("connection", "managers", "pool", "popen_fork", "queues", "resource_tracker",
              "shared_memory", "sharedctypes", "synchronize"):
    importlib.import_module(f"multiprocessing.{_part}")
gc.freeze()

# Of one scenario; and of what is waited for in one, before it is given up.
LIMIT_S = 20
PATIENCE_S = 10
# How long one looks that something does not happen.
SHORT_S = 0.06


# --- what is seen -------------------------------------------------------------

# Exceptions, by type and a part of what they say, as one word; the same words
# are in parity.c, by number.
WORDS = [
    (queue.Full, "", "Full"),
    (queue.Empty, "", "Empty"),
    (threading.BrokenBarrierError, "", "Broken"),
    (concurrent.futures.process.BrokenProcessPool, "", "Broken"),
    (concurrent.futures.CancelledError, "", "Cancelled"),
    (mp.TimeoutError, "", "Timeout"),
    (concurrent.futures.TimeoutError, "", "Timeout"),
    (TimeoutError, "", "Timeout"),
    (EOFError, "", "EOF"),
    (BrokenPipeError, "", "Broken"),
    (ConnectionError, "", "EOF"),
    (FileExistsError, "", "Exists"),
    (FileNotFoundError, "", "NotFound"),
    (OSError, "bad message length", "TooLong"),
    (OSError, "-only", "NotAllowed"),
    (OSError, "Invalid argument", "Invalid"),
    (ValueError, "closed", "Closed"),
    (ValueError, "not running", "Closed"),
    (RuntimeError, "after shutdown", "Closed"),
    (AssertionError, "owned", "NotAllowed"),
    (AssertionError, "must acquire", "NotAllowed"),
    (AssertionError, "attempt to release", "NotAllowed"),
    (AssertionError, "", "Invalid"),
    (ValueError, "", "Invalid"),
    (IndexError, "", "OutOfRange"),
    (KeyError, "", "NotFound"),
]


def word(error):
    for kind, part, name in WORDS:
        if isinstance(error, kind) and part in str(error):
            return name
    return f"{type(error).__name__}({error})"


def outcome(fn, *args, **named):
    """What a call gave: its value, "ok" for none, or the error's word."""
    try:
        value = fn(*args, **named)
    except Exception as error:  # pylint: disable=broad-except
        return word(error)
    return "ok" if value is None else value


def show(value):
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ",".join(map(show, value)) or "-"
    if isinstance(value, bytes):
        return value.decode("latin-1") or "''"
    return str(value)


# --- what scenarios are made of -----------------------------------------------

class Flag:
    """Processes tell each other how far they are, by something that is not
    what is looked at: an eventfd.  Raised n times it lets n waits through."""

    def __init__(self):
        self.fd = os.eventfd(0, os.EFD_SEMAPHORE)

    def up(self, times=1):
        os.eventfd_write(self.fd, times)

    def seen(self, timeout_s=SHORT_S):
        if not select.select([self.fd], [], [], timeout_s)[0]:
            return False
        os.eventfd_read(self.fd)
        return True

    def wait(self, times=1):
        for _ in range(times):
            if not self.seen(PATIENCE_S):
                raise Stuck("nobody raised a flag")


class Stuck(Exception):
    """What should have happened did not."""


def numbers(n):
    """Integers that all processes of a scenario see."""
    return mp.RawArray("q", n)


def until(predicate):
    end = time.monotonic() + PATIENCE_S
    while not predicate():
        if time.monotonic() > end:
            raise Stuck("waited in vain")
        time.sleep(0.001)


def go(fn, *args, **attr):
    """A child that runs fn, started."""
    p = mp.Process(target=fn, args=args, **attr)
    p.start()
    return p


def ends(*processes):
    """Their exit codes, once they have ended."""
    codes = []
    for p in processes:
        p.join(PATIENCE_S)
        if p.exitcode is None:
            raise Stuck(f"{p.name} does not end")
        codes.append(p.exitcode)
    return codes[0] if len(codes) == 1 else codes


# --- running them --------------------------------------------------------------

LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def run_one(scenario, setup):
    # It says itself, by its line, what went wrong.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    threading.excepthook = lambda _: None
    try:
        setup()
        result = scenario()
        if not isinstance(result, tuple):
            result = (result,)
        return " ".join(map(show, result))
    except Exception as error:  # pylint: disable=broad-except
        return f"{type(error).__name__}: {error}".replace("\n", " ")


def run_group(run, limit_s):
    """run()'s answer, from a process group of its own; all that is in it is
    gone afterwards.  None: not there in time."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.close(read)
        os.write(write, run().encode("utf-8", "replace"))
        os._exit(0)
    with contextlib.suppress(OSError):
        os.setpgid(pid, pid)
    os.close(write)
    ready = select.select([read], [], [], limit_s)[0]
    answer = os.read(read, 65536).decode() if ready else None
    os.close(read)
    # Its number is the group's until it is reaped; nobody else has it.
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return answer


def main(setup=lambda: None):
    """Every function that the caller's file has defined, in that order; setup()
    before each, in its process."""
    module = sys.modules["__main__"]
    family = os.path.basename(module.__file__).removeprefix("parity_").removesuffix(".py")
    part = sys.argv[1] if len(sys.argv) > 1 else ""
    for name, fn in list(vars(module).items()):
        if (not callable(fn) or getattr(fn, "__module__", "") != "__main__"
                or isinstance(fn, type) or name.startswith("_") or part not in name):
            continue
        answer = run_group(lambda fn=fn: run_one(fn, setup), LIMIT_S)
        print(f"{family}/{name}: {'hangs' if answer is None else answer or 'dies'}", flush=True)
