"""What every end-to-end test shares: mpcrawl from the outside, as a process.

A test is a function test_*(t) of a program tests/e2e/*_test.py; its name is the
promise that it checks.  `t` makes sites, servers and crawls, and ends them all
when the test ends, however it ends.  A crawl that is left with a process or
with something in /dev/shm fails its test.

    BUILD=build/asan ONLY=kill /usr/bin/python3 tests/e2e/x_test.py

BUILD names the build folder, ONLY picks tests by a part of their name.
E2E_PATIENCE multiplies every time limit (sanitised builds: 4 unless given).
"""

import contextlib
import ctypes
import glob
import json
import os
import random
import shutil
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import time
import traceback

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, os.environ.get("BUILD", "build/release"))
MPCRAWL = os.path.join(BUILD, "mpcrawl")
SANITISED = os.path.basename(BUILD) in ("asan", "tsan")
PATIENCE = float(os.environ.get("E2E_PATIENCE", "4" if SANITISED else "1"))
CI = os.environ.get("CI") == "true"

# Exit status, DESIGN.md 5.
FINISHED, INTERNAL, USAGE, STOPPED, LIMIT, DISK, QUARANTINED, NO_SEED = range(8)

# How many seconds one test may take, before patience.
LONG = os.environ.get("LONG") == "1"  # the form of `make torture`
TEST_SECONDS = 7200 if LONG else 60


def limit(seconds):
    """How long that is here.  A disk that others use, too, may stand still for
    half a minute: where nobody sits and waits, only a hang is too long."""
    return seconds * PATIENCE * (4 if CI or LONG else 1)


# In the environment of every process that a crawl starts: how we find those
# whose parent is dead.
MARK = "MPCRAWL_E2E"


class Failure(Exception):
    """The promise does not hold."""


class Missing(Exception):
    """The machine lacks something that the test needs."""


def check(truth, message):
    if not truth:
        raise Failure(message() if callable(message) else message)


def same(actual, expected, what):
    check(actual == expected, lambda: f"{what}: {actual!r}, not {expected!r}")


def same_set(actual, expected, what):
    """Like same(), but says what differs, not all of it."""
    extra, missing = set(actual) - set(expected), set(expected) - set(actual)
    check(not extra and not missing,
          lambda: f"{what}: {len(missing)} missing, as {sorted(missing)[:5]}; "
                  f"{len(extra)} too many, as {sorted(extra)[:5]}")


def wait_until(predicate, seconds, what):
    """Until predicate() is true; its value."""
    end = time.monotonic() + limit(seconds)
    while True:
        value = predicate()
        if value:
            return value
        check(time.monotonic() < end, lambda: f"waited {limit(seconds):g} s for "
                                              f"{what() if callable(what) else what}")
        time.sleep(0.01)


# --- processes and shared memory ---------------------------------------------

def read_bytes(path):
    """A file of /proc, empty when its process is gone or not ours to see."""
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError:
        return b""


def pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def alive(pid):
    """Runs, or could: a zombie waits only for its reaper."""
    state = read_bytes(f"/proc/{pid}/stat").rpartition(b") ")[2][:1]
    return state not in (b"", b"Z", b"X")


def children(pid):
    return [int(word) for word in read_bytes(f"/proc/{pid}/task/{pid}/children").split()
            if alive(int(word))]


def kill(pid, sig=signal.SIGKILL):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, sig)


def segment_of(dir):
    """The name in /dev/shm of the segment of the crawl in `dir`, with which
    those of its semaphores begin; None when no crawl has begun there.  Other
    crawls of this machine are not looked at: between a kill and the start that
    follows theirs is nobody's too."""
    crawl_id = read_bytes(os.path.join(dir, "crawl_id"))
    if len(crawl_id) != 16:
        return None
    here = os.stat(dir)
    key = struct.pack("=QQ16s", here.st_dev, here.st_ino, crawl_id)
    xxh3 = ctypes.CDLL("libxxhash.so.0").XXH3_64bits  # mpcrawl's own
    xxh3.restype, xxh3.argtypes = ctypes.c_uint64, (ctypes.c_char_p, ctypes.c_size_t)
    return f"mpc.{xxh3(key, len(key)):016x}"


# --- a crawl -----------------------------------------------------------------

class Result:
    """What a short command of mpcrawl said."""

    def __init__(self, words, status, out, err):
        self.words, self.status, self.out, self.err = words, status, out, err

    def __repr__(self):
        return f"{' '.join(self.words)}: exit status {self.status}\n{self.out}{self.err}"

    def refused(self, *texts, status=USAGE):
        """Not done, and the message names each of `texts` (- and _ are one)."""
        same(self.status, status, f"exit status of {self!r}")
        said = self.err.lower().replace("-", "_")
        for text in texts:
            check(text.lower().replace("-", "_") in said,
                  lambda: f"the message does not say {text!r}: {self!r}")
        return self


def options(settings):
    """Settings as options: None leaves one out, a list repeats it."""
    words = []
    for key, value in settings.items():
        name = "--" + key.replace("_", "-")
        if value is True:
            words.append(name)
        elif value is not None:
            for one in value if isinstance(value, list) else [value]:
                words += [name, str(one)]
    return words


class Crawl:
    """One crawl directory, and the mpcrawl that works in it, if any."""

    def __init__(self, t, words, dir, stdin, prefix, settings):
        self.t = t
        self.words = list(words)  # seeds, mostly
        self.dir = dir or os.path.join(t.folder, f"crawl{t.number()}")
        self.report_path = self.dir + ".report"
        self.prefix = list(prefix)
        self.stdin = stdin
        self.settings = {
            "allow_private": True, "host_delay": 0, "disk_reserve": "16M",
            "report": self.report_path, **settings,
        }
        self.mark = f"{os.getpid()}.{random.getrandbits(64):x}"
        self.segments = set()
        self.process = None
        self.runs = 0

    def environment(self):
        # A sanitiser's report must not drown in the log of a worker that is
        # then replaced: it goes to a file, and any such file is a failure.
        log = f"log_path={self.dir}.sanitizer"
        return {**os.environ, MARK: self.mark,
                "ASAN_OPTIONS": f"detect_leaks=1:{log}",
                "UBSAN_OPTIONS": f"print_stacktrace=1:{log}"}

    def argv(self, *words):
        return [*self.prefix, MPCRAWL, *words, "--dir", self.dir]

    # Starting and ending

    def start(self, *words, **settings):
        """`mpcrawl start`, with the words given here or at first."""
        self.runs += 1
        chosen = options({**self.settings, **settings})
        with open(self.out_path(), "wb") as out, open(self.err_path(), "wb") as err:
            self.process = subprocess.Popen(
                self.argv("start", *(words or self.words), *chosen), cwd=self.t.folder,
                stdin=self.stdin or subprocess.DEVNULL, stdout=out, stderr=err,
                env=self.environment(), start_new_session=True)
        return self

    def out_path(self):
        return f"{self.dir}.out{self.runs}"

    def err_path(self, run=None):
        return f"{self.dir}.err{run or self.runs}"

    def out(self):
        return read_bytes(self.out_path()).decode("utf-8", "replace")

    def err(self):
        return read_bytes(self.err_path()).decode("utf-8", "replace")

    def said(self):
        return self.out() + self.err()

    def wait(self, seconds=30):
        """Its exit status; a crawl that does not end is a failure."""
        try:
            status = self.process.wait(limit(seconds))
        except subprocess.TimeoutExpired:
            raise Failure(f"the crawl did not end in {limit(seconds):g} s; "
                          f"it said:\n{tail(self.said())}") from None
        self.check_sanitizer()
        return status

    def ends(self, status=FINISHED, seconds=30):
        """Ends with this status, and leaves nothing behind."""
        actual = self.wait(seconds)
        check(actual == status, lambda: f"exit status {actual}, not {status}; "
                                        f"it said:\n{tail(self.said())}")
        self.leaves_nothing()
        return self

    def run(self, status=FINISHED, seconds=30):
        return self.start().ends(status, seconds)

    def check_sanitizer(self):
        for path in glob.glob(glob.escape(self.dir) + ".sanitizer*"):
            raise Failure(f"a sanitiser's report:\n{tail(read_bytes(path).decode(), 80)}")

    def pids(self):
        """Every process of this crawl that is alive, orphans included."""
        mark = f"{MARK}={self.mark}".encode()
        lock = os.path.join(os.path.realpath(self.dir), "lock")
        return [pid for pid in pids()
                if (mark in read_bytes(f"/proc/{pid}/environ").split(b"\0")
                    or has_open(pid, lock)) and alive(pid)]

    def leaves_nothing(self):
        wait_until(lambda: not self.pids(), 3, lambda: f"processes {self.pids()} to end")
        self.leaves_no_shm()

    def shm_left(self):
        """What is in /dev/shm of this crawl."""
        self.segments |= {segment_of(self.dir)} - {None}
        return {name for name in os.listdir("/dev/shm")
                if name.removeprefix("sem.")[:20] in self.segments}

    def leaves_no_shm(self):
        left = self.shm_left()
        check(not left, f"left in /dev/shm: {sorted(left)}")

    def kill_everything(self):
        """kill -9 of all processes, the supervisor first."""
        first = self.supervisor()
        found = sorted(self.pids(), key=lambda pid: pid != first)
        for pid in found:
            kill(pid)
        self.reap()
        wait_until(lambda: not self.pids(), 5, "the killed to be gone")
        return found

    def reap(self):
        if self.process and self.process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(5 * PATIENCE)

    def close(self):
        """The end of the test: nothing of this crawl may outlive it."""
        found = self.pids()
        for pid in found:
            kill(pid)
        self.reap()
        # Names of a process that is dying still are its own.
        end = time.monotonic() + 5 * PATIENCE
        while self.pids() and time.monotonic() < end:
            time.sleep(0.01)
        self.lose_shm()
        return found

    def lose_shm(self):
        """Unlink what of the dead crawl is in shared memory."""
        for name in self.shm_left():
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join("/dev/shm", name))

    # Looking at it

    def supervisor(self):
        """The pid of mpcrawl itself, whatever it was started by; or None."""
        words = read_bytes(os.path.join(self.dir, "lock")).split()
        return int(words[0]) if words and alive(int(words[0])) else None

    def command(self, *words, seconds=10, input=None):
        done = subprocess.run(self.argv(*words), cwd=self.t.folder, env=self.environment(),
                              input=input, stdin=None if input else subprocess.DEVNULL,
                              capture_output=True, timeout=limit(seconds), check=False)
        return Result(words, done.returncode, done.stdout.decode("utf-8", "replace"),
                      done.stderr.decode("utf-8", "replace"))

    def status(self, seconds=10):
        result = self.command("status", "--json", seconds=seconds)
        same(result.status, 0, f"exit status of {result!r}")
        status = json.loads(result.out)
        return {**status, **status["totals"]}

    def answers(self):
        """True once the control socket does."""
        return self.command("status", "--json").status == 0

    def wait_answers(self, seconds=10):
        wait_until(self.answers, seconds, lambda: f"status to answer; it said:\n{self.said()}")
        return self

    def workers(self):
        """{"parser.0": pid, …} as mpcrawl tells it: those that run."""
        return {worker["name"]: worker["pid"] for worker in self.status()["workers"]
                if worker["pid"]}

    def worker(self, name):
        """The pid of a worker, waiting for it if it is being replaced."""
        return wait_until(lambda: self.workers().get(name), 10, f"{name} to run")

    def kill_worker(self, name):
        """kill -9 by hand; returns once another has its place."""
        old = self.worker(name)
        kill(old)
        return wait_until(lambda: self.workers().get(name) not in (None, old), 10,
                          f"a successor of {name}")

    def outputs(self):
        return sorted(glob.glob(glob.escape(self.dir) + "/out/pages-*.jsonl"))

    def count(self):
        """Whole records in the files, now."""
        return sum(read_bytes(path).count(b"\n") for path in self.outputs())

    def wait_count(self, n, seconds=30):
        wait_until(lambda: self.count() >= n or not self.running(), seconds,
                   lambda: f"{n} records; {self.count()} are there; it said:\n{tail(self.said())}")
        check(self.running(), lambda: f"the crawl ended at {self.count()} records, before "
                                      f"the test could act; it said:\n{tail(self.said())}")

    def running(self):
        return self.process.poll() is None

    def records(self):
        """Every record, in order; a line that is not one is a failure."""
        records = []
        for path in self.outputs():
            data = read_bytes(path)
            check(not data or data.endswith(b"\n"), f"{path}: the last line is torn")
            for line in data.splitlines():
                records.append(json.loads(line.decode("utf-8")))
        return records

    def by_url(self):
        """{url: record}; a URL that has two is a failure."""
        found = {}
        for record in self.records():
            check(record["url"] not in found, lambda: f"two records of {record['url']}")
            found[record["url"]] = record
        return found

    def record(self, url):
        found = self.by_url()
        check(url in found, lambda: f"no record of {url}; there are {sorted(found)[:20]}; "
                                    f"it said:\n{tail(self.said())}")
        return found[url]

    def report(self):
        """The closing report as JSON, its sum checked."""
        report = json.loads(read_bytes(self.report_path))
        report.update(report["totals"])
        check_sum(report)
        same(report["admitted"] - report["queued"] - report["in_flight"], len(self.records()),
             "records for what is done with")
        return report


def check_sum(numbers):
    """admitted = done + failed + excluded + quarantined + queued + in flight"""
    parts = ["done", "failed", "excluded", "quarantined", "queued", "in_flight"]
    same(numbers["admitted"], sum(numbers[part] for part in parts),
         f"the sum of {numbers}")


def has_open(pid, path):
    try:
        names = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return False
    for name in names:
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/{pid}/fd/{name}") == path:
                return True
    return False


def tail(text, lines=30):
    return "\n".join(text.splitlines()[-lines:])


# --- a site, by nginx --------------------------------------------------------

class Site:
    """A folder, served by scripts/site."""

    def __init__(self, t, root, gzip=False, hosts=1):
        self.state = os.path.join(t.folder, f"site{t.number()}")
        self.script = os.path.join(TOP, "scripts", "site")
        environment = {**os.environ, "SITE_GZIP": "on" if gzip else "off",
                       "SITE_HOSTS": str(hosts)}
        done = subprocess.run([self.script, "start", self.state, root], env=environment,
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Missing(f"no site: {done.stderr}")
        self.url = done.stdout.strip()

    def requests(self):
        """[(arrival in unix seconds, status, path)] in order of arrival."""
        found = []
        for line in read_bytes(os.path.join(self.state, "access.log")).decode().splitlines():
            end, took, status, path = line.split(" ", 3)
            found.append((float(end) - float(took), int(status), path))
        return sorted(found)

    def close(self):
        subprocess.run([self.script, "stop", self.state], check=True)


# --- the test and its runner -------------------------------------------------

class Test:
    """What one test has made."""

    has_mounts = False

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="mpcrawl-e2e.")
        self.stack = contextlib.ExitStack()
        self.crawls = []
        self.count = 0
        self.kept = False

    def number(self):
        self.count += 1
        return self.count

    def crawl(self, *words, dir=None, stdin=None, prefix=(), **settings):
        crawl = Crawl(self, words, dir, stdin, prefix, settings)
        self.crawls.append(crawl)
        return crawl

    def site(self, root, gzip=False, hosts=1):
        site = Site(self, root, gzip, hosts)
        self.stack.callback(site.close)
        return site

    def web(self, hosts=None):
        """Many hosts, by one server: web.py."""
        from web import Web
        web = Web(self, hosts)
        self.stack.callback(web.close)
        return web

    def server(self, server):
        """Adopt a server with start() and close()."""
        self.stack.callback(server.close)
        server.start()
        return server

    def command(self, words, seconds, **environment):
        """Run a script with all that it starts: (exit status, what it said)."""
        with open(self.path(f"said{self.number()}"), "w+b") as said:
            process = subprocess.Popen(words, cwd=self.folder, stdin=subprocess.DEVNULL,
                                       stdout=said, stderr=subprocess.STDOUT,
                                       env={**os.environ, **environment},
                                       start_new_session=True)
            try:
                status = process.wait(limit(seconds))
            except subprocess.TimeoutExpired:
                status = "none: it did not end"
            finally:
                # Its process group, whoever is left of it.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            said.seek(0)
            return status, said.read().decode("utf-8", "replace")

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, text):
        path = self.path(name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def tmpfs(self, path, size):
        """A small filesystem at `path`, until the test ends."""
        if not self.has_mounts:
            raise Missing("a mount namespace (unshare -m)")
        os.makedirs(path, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], check=True)
        # Lazily: who still has a file open there must not fail the next test.
        self.stack.callback(subprocess.run, ["umount", "-l", path], check=True)

    def resize_tmpfs(self, path, size):
        # With type and source named, mount does not repeat the old options,
        # which the kernel refuses in a user namespace.
        subprocess.run(["mount", "-i", "-t", "tmpfs", "-o", f"remount,size={size}", "tmpfs",
                        path], check=True)

    def close(self):
        """What the crawls had left running."""
        with contextlib.ExitStack() as stack:
            if not self.kept:
                stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
            stack.push(self.stack)
            return [pid for crawl in self.crawls for pid in crawl.close()]

    def keep(self):
        """What the test wrote outlives it, in this folder."""
        self.kept = True
        return self.folder


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def on_alarm(_signal, _frame):
    raise Failure("the time limit of the test")


def run_one(function):
    """None, or why it failed."""
    test = Test()
    why, left = None, []
    try:
        signal.setitimer(signal.ITIMER_REAL, limit(TEST_SECONDS))
        try:
            function(test)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except Missing as missing:
        # On a bare machine some things cannot be had; in CI everything can.
        if CI:
            why = f"missing: {missing}"
        else:
            print(f"    skipped: {missing}", flush=True)
    except Exception:  # any: the test has failed, and the next one runs
        why = traceback.format_exc(limit=-4)
    try:
        left = test.close()
    except Exception:  # any: so has one that cannot end what it began
        why = (why or "") + traceback.format_exc(limit=-4)
    if why is None and left:
        why = f"processes left: {left}"
    return why


def own_mounts():
    """Run this program again with a mount namespace of its own, so that a test
    may put a small filesystem where it needs one.  As an ordinary user that
    takes a user namespace too."""
    if os.environ.pop("MPCRAWL_E2E_MOUNTS", None) == str(os.getpid()):
        Test.has_mounts = True
        return
    words = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-r", "-m"]
    if subprocess.run([*words, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0:
        os.environ["MPCRAWL_E2E_MOUNTS"] = str(os.getpid())  # exec keeps the pid
        os.execvp(words[0], [*words, sys.executable, *sys.argv])


def main():
    """Run the tests of the program that was started."""
    program = sys.modules["__main__"]
    name = os.path.basename(program.__file__).removesuffix(".py")
    if not os.access(MPCRAWL, os.X_OK):
        sys.exit(f"{name}: {MPCRAWL} is not there: make first")
    only = os.environ.get("ONLY", "")
    seed = int(os.environ.get("TEST_SEED", random.getrandbits(32)))
    print(f"{name}: TEST_SEED={seed}", flush=True)
    random.seed(seed)
    signal.signal(signal.SIGALRM, on_alarm)

    passed = failed = 0
    for key, function in list(vars(program).items()):
        if not key.startswith("test_") or not (only in key or only in name):
            continue
        start = time.monotonic()
        why = run_one(function)
        took = time.monotonic() - start
        if why is None:
            passed += 1
            print(f"ok   {key}  {took:.1f} s", flush=True)
        else:
            failed += 1
            print(f"FAIL {key}  {took:.1f} s\n{why}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0
