"""A killer let loose on a crawl, and the judge of what is left.

The killer sends SIGKILL to random workers of a running crawl, now and then to
its scheduler, its supervisor or everybody at once, and SIGSTOP for a while; it
starts the supervisor again whenever it has killed it.  The judge compares the
records of that crawl with those of one that nobody disturbed.
"""

import collections
import heapq
import os
import random
import re
import select
import signal
import time

from harness import FINISHED, check, children, read_bytes, same, tail, wait_until

# Roles as the table shows them; "all" is a kill of the whole process group,
# "newborn" a child that has no name yet: a worker just forked, or the process
# that adds the seeds before there are workers.
ROLES = ["parser", "crawler", "recorder", "scheduler", "supervisor", "newborn", "all"]
WORKERS = ["parser", "crawler", "recorder"]

# What of a record is of its run: the moment, and the path that led to the page.
OF_THE_RUN = {"crawl_id", "ts", "host_delay_ms", "dns_ms", "connect_ms", "tls_ms", "ttfb_ms",
              "total_ms", "via", "depth", "hops"}


def role_of(pid):
    name = read_bytes(f"/proc/{pid}/comm").decode().strip()
    return "newborn" if name == "mpcrawl" else name.partition(".")[0]


class Handle:
    """A process that exists, and no other that may get its number."""

    def __init__(self, pid):
        self.pid, self.fd = pid, os.pidfd_open(pid)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.fd)

    def send(self, sig):
        signal.pidfd_send_signal(self.fd, sig)

    def dies(self, seconds):
        """A pidfd can be read from once its process is dead."""
        return bool(select.select([self.fd], [], [], seconds)[0])


class Killer:
    """Kills of one crawl, counted: only those of a process that was alive, and
    that died."""

    def __init__(self, crawl, rate=(5, 20), rest=(2, 4), stops=0.06, all_at_once=0.3,
                 power_cuts=0.3):
        self.crawl = crawl
        self.rate = rate                # kills a second
        self.rest = rest                # seconds between two of scheduler, of supervisor
        self.stops = stops              # share of the actions that are SIGSTOP
        self.all_at_once = all_at_once  # share of the supervisor's that are everybody's
        self.power_cuts = power_cuts    # share of those that lose the shared memory too
        self.kills = collections.Counter()
        self.stopped = collections.Counter()
        self.restarts = self.lost = self.looks = 0
        self.asleep = []                # heap of (when to go on, pid, handle)
        self.began = time.monotonic()
        self.due = {role: self.began + random.uniform(*rest) for role in ("scheduler", "supervisor")}

    def total(self):
        return sum(self.kills.values())

    def seconds_for(self, kills):
        """What so many should take, as far as can be told."""
        each = sum(1 / rate for rate in self.rate) / 2
        if self.total() > 10:
            each = max(each, (time.monotonic() - self.began) / self.total())
        return kills * each

    def run(self, kills, seconds, settings):
        """Until so many have been killed, or the crawl has ended: True for the
        first.  settings() are changed when it is started again."""
        end = time.monotonic() + seconds
        while self.total() < kills:
            check(time.monotonic() < end,
                  lambda: f"{self.total()} kills in {seconds} s; it said:\n{self.words()}")
            if not self.crawl.running() and not self.start_again(settings()):
                return False
            self.act()
            self.pause(random.uniform(1 / self.rate[1], 1 / self.rate[0]))
        self.let_go_on(float("inf"))
        if not self.crawl.running():
            self.start_again(settings())
        return True

    def words(self):
        return tail(self.crawl.said())

    def start_again(self, settings):
        """False when the crawl has ended by itself."""
        status = self.crawl.wait(30)
        if status == FINISHED:
            return False
        # 1: the process that adds the seeds was killed, and it says so.
        check(status == -signal.SIGKILL or (status == 1 and self.kills["newborn"] > 0),
              lambda: f"exit status {status} after {self.summary()}; it said:\n{self.words()}")
        self.crawl.start(**settings)
        self.restarts += 1
        return True

    # One action

    def act(self):
        now = time.monotonic()
        if random.random() < self.stops:
            self.stop_one(now)
            return
        for role in ("supervisor", "scheduler"):
            if now >= self.due[role]:
                if self.kill_one(role):
                    self.due[role] = now + random.uniform(*self.rest)
                return
        self.kill_one(random.choice(WORKERS))

    def victims(self, role):
        if role == "supervisor":
            return [self.crawl.process.pid]
        found = [(pid, role_of(pid)) for pid in children(self.crawl.process.pid)]
        some = [pid for pid, is_role in found if is_role == role]
        # Before there is a worker: now and then what comes before them.
        if not some and random.random() < 0.05:
            some = [pid for pid, is_role in found if is_role == "newborn"]
        return some

    def kill_one(self, role):
        """True if somebody died by it."""
        if role == "supervisor" and random.random() < self.all_at_once:
            role = "all"
        pids = self.victims("supervisor" if role == "all" else role)
        if not pids:
            return False
        pid = random.choice(pids)
        try:
            handle = Handle(pid)
        except ProcessLookupError:
            return False
        with handle:
            if handle.dies(0):
                return False
            actual = role if role in ("supervisor", "all") else role_of(pid)
            if role == "all":
                os.killpg(pid, signal.SIGKILL)
            else:
                handle.send(signal.SIGKILL)
            check(handle.dies(20), f"{actual}, pid {pid}, does not die of SIGKILL")
        if role in ("supervisor", "all"):
            # Its status says what it died of: it may have ended by itself.
            if self.crawl.wait(30) != -signal.SIGKILL:
                return False
        if role == "all":
            wait_until(lambda: not self.crawl.pids(), 30, "the killed to be gone")
            if random.random() < self.power_cuts:
                self.lost += bool(self.crawl.shm_left())
                self.crawl.lose_shm()
            self.looks += fsck(self.crawl)
        self.kills[actual] += 1
        return True

    def stop_one(self, now):
        role = random.choice(WORKERS + ["scheduler", "supervisor"])
        pids = self.victims(role)
        if not pids:
            return
        try:
            handle = Handle(random.choice(pids))
        except ProcessLookupError:
            return
        try:
            handle.send(signal.SIGSTOP)
        except ProcessLookupError:
            os.close(handle.fd)
            return
        long = random.random() < 0.15
        seconds = random.uniform(1, 3) if long else random.uniform(0.01, 0.4)
        heapq.heappush(self.asleep, (now + seconds, handle.pid, handle))
        self.stopped[role] += 1

    def let_go_on(self, now):
        while self.asleep and self.asleep[0][0] <= now:
            with heapq.heappop(self.asleep)[2] as handle:
                try:
                    handle.send(signal.SIGCONT)
                except ProcessLookupError:
                    pass  # killed while it was stopped

    def pause(self, seconds):
        end = time.monotonic() + seconds
        while True:
            now = time.monotonic()
            self.let_go_on(now)
            if now >= end:
                return
            until = min(end, self.asleep[0][0]) if self.asleep else end
            time.sleep(max(0, until - now))

    # What there was

    def said(self):
        return "".join(read_bytes(self.crawl.err_path(run)).decode("utf-8", "replace")
                       for run in range(1, self.crawl.runs + 1))

    def told(self):
        """Deaths that the supervisors told of: fewer, for one that is killed
        tells of nothing more."""
        return collections.Counter(
            re.findall(r"([a-z]+)(?:\.\d+)? died of signal 9 .*recovered", self.said()))

    def check_quiet(self):
        """A kill is no error.  Above all: a segment that was discarded as
        corrupt costs fetches only, so the records would not show it."""
        errors = [line for line in self.said().splitlines()
                  if re.search("error:|corrupt|impossible", line)
                  and "adding the seeds ended by signal 9" not in line]
        check(not errors, lambda: f"{len(errors)} errors were told, as {errors[:5]}")

    def summary(self):
        return f"{self.total()} kills ({dict(self.kills)}), {self.restarts} restarts"


class Seen:
    """What there is of a crawl that has ended well."""

    def __init__(self, crawl):
        self.records = crawl.by_url()  # whole lines, each URL once
        self.report = crawl.report()   # and the sum is right


def differences(undisturbed, crawl):
    """[what differs]: records of the one that the other has not, or has
    otherwise."""
    found = []
    for url in sorted(set(undisturbed) | set(crawl)):
        a, b = undisturbed.get(url), crawl.get(url)
        if a is None or b is None:
            found.append(f"{url}: {'too many' if a is None else 'missing'}")
            continue
        for key in sorted((set(a) | set(b)) - OF_THE_RUN):
            if a.get(key) != b.get(key):
                found.append(f"{url}: {key}: {b.get(key)!r}, not {a.get(key)!r}")
    return found


def check_paths(records):
    """Each page was found on one that was recorded a step nearer to the seed."""
    for url, record in records.items():
        via = record.get("via")
        nearer = records[via]["depth"] + 1 if via in records else 0
        check(via in records or record.get("seed"), f"{url}: found on {via}, which has no record")
        same(record["depth"], nearer, f"depth of {url}")


def judge(undisturbed, crawl):
    """What is left of a crawl that was disturbed and has ended."""
    crawl.leaves_nothing()
    seen = Seen(crawl)
    found = differences(undisturbed.records, seen.records)
    check_paths(seen.records)
    same(seen.report["exit_status"], FINISHED, "exit status in the report")
    same(seen.report["quarantined"], 0, "quarantined pages")
    same(seen.report["failed"] + seen.report["excluded"], 0, "failed and excluded pages")
    same(seen.report["admitted"], undisturbed.report["admitted"], "admitted URLs")
    quarantine = os.path.join(crawl.dir, "quarantine")
    check(not os.path.isdir(quarantine) or not os.listdir(quarantine),
          "something is in the quarantine")
    fsck(crawl)
    return seen, found


def fsck(crawl):
    """`mpcrawl fsck` finds nothing, also in the middle of a crawl whose processes
    were all killed.  False when it did not look: nothing was there yet."""
    has_one = crawl.command("help", "fsck", seconds=60).status == 0
    if not has_one or not os.path.isdir(crawl.dir + "/out"):
        return False
    result = crawl.command("fsck", seconds=300)
    same(result.status, 0, f"exit status of {result!r}")
    return True


def table(killer, seen, found):
    """Lines for people, and figures."""
    told = killer.told()
    print(f"{'role':12} {'kills':>6} {'told of':>8} {'stops':>6}")
    for role in ROLES:
        print(f"{role:12} {killer.kills[role]:6d} {told.get(role, 0):8d} "
              f"{killer.stopped[role]:6d}")
    print(f"{'together':12} {killer.total():6d} {sum(told.values()):8d} "
          f"{sum(killer.stopped.values()):6d}")
    print(f"supervisor restarts  {killer.restarts}")
    print(f"segments lost        {killer.lost}")
    print(f"looks by fsck        {killer.looks}")
    print(f"records compared     {len(seen.records)}")
    print(f"differences          {len(found)}", flush=True)
    for line in found[:20]:
        print(f"    {line}")


def figures(killer, found, name=""):
    print(f"figure: kills in one crawl{name}: {killer.total()}")
    print(f"figure: stops{name}: {sum(killer.stopped.values())}")
    print(f"figure: looks by fsck in the middle{name}: {killer.looks}")
    print(f"figure: segments lost{name}: {killer.lost}")
    print(f"figure: records that differ{name}: {len(found)}")
    print(f"figure: supervisor restarts{name}: {killer.restarts}", flush=True)


# Settings under which a kill meets something else.
CHOICES = {
    "crawlers": (1, 2, 3), "parsers": (1, 2, 3), "host_concurrency": (4, 16, 32),
    "max_inflight": (None, None, 8, 64), "fields": (None, None, "+links", "+links,+body"),
    "output_size": (None, "64K", "1M"), "commit_interval": (None, "1ms", "1s"),
    "shm_budget": (None, "16M"), "seen_cache": (None, "1M"),
}


def random_settings():
    chosen = {key: random.choice(values) for key, values in CHOICES.items()}
    print("settings:", " ".join(f"{key}={value}" for key, value in chosen.items() if value),
          flush=True)
    return chosen


def chaos(t, root, copies=2, kills=80, seconds=240, delay_ms=None, name="", killer=None,
          **settings):
    """Crawl `copies` servers of the site in `root`, undisturbed and then with so
    many kills, and compare.  The kills over, the rest of it is crawled at full
    speed."""
    served = [t.site(root) for _ in range(copies)]
    seeds = [site.url + "index.html" for site in served]
    settings = {"host_concurrency": 8, "crawlers": 2, "parsers": 2, **settings}
    undisturbed = Seen(t.crawl(*seeds, **settings).run(seconds=300))
    pages = len(undisturbed.records)
    crawl = t.crawl(*seeds, **settings)
    k = Killer(crawl, **(killer or {}))

    def pace():
        """What is left lasts three times as long as the kills that are left."""
        ms = delay_ms
        if ms is None:
            left = max(1, pages - crawl.count())
            ms = int(3000 * k.seconds_for(kills - k.total()) * copies / left) + 1
        return {"host_delay": f"{ms}ms"}

    crawl.start(**pace())
    enough = k.run(kills, seconds, pace)
    check(enough or delay_ms == 0, f"the crawl ended after {k.summary()}: more --host-delay")
    if enough and crawl.running() and delay_ms != 0:
        result = crawl.command("stop", seconds=60)
        if result.status == 0:
            crawl.wait(60)
        crawl.start(host_delay=0)
    crawl.ends(FINISHED, 300)
    k.check_quiet()
    seen, found = judge(undisturbed, crawl)
    table(k, seen, found)
    figures(k, found, name)
    check(not found, f"{len(found)} differences, as {found[:5]}")
    return k
