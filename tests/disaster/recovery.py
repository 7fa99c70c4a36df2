"""How long work stands still after a kill: of a worker, and of everything.

Worker: from the kill -9 to the moment at which its successor took work, both
on the machine's monotonic clock, each kill at a random moment of the work.

Cold restart: everything is killed at once; from the exec of `mpcrawl start
--dir D` to the first request that reaches the server, with the shared segment
as the kill left it, or lost as after a power cut.

The crawl is at full speed, of a list given by `mpcrawl start -i`: pages of the
real site again and again, told apart by a query.
"""

import json
import math
import os
import random
import socket
import statistics
import time

import sites
from chaos import Handle
from harness import check, wait_until

ROLES = ["crawler.0", "parser.0", "recorder", "scheduler"]
MOST_MS = {"crawler.0": 250, "parser.0": 250, "recorder": 250, "scheduler": 1500}
MOST_COLD_MS = 3000
HOSTS = 250  # the case of many

QUICK = {"host_concurrency": 8, "host_max_pages": 0, "stats_interval": "1h"}


class Socket:
    """The control socket, asked without a process of mpcrawl for each answer."""

    def __init__(self, dir):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(10)
        # Its path may be longer than a socket's may be.
        here = os.open(dir, os.O_PATH)
        self.socket.connect(f"/proc/self/fd/{here}/mpcrawl.sock")
        os.close(here)
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def workers(self):
        try:
            self.socket.sendall(b'{"cmd":"status"}\n')
            line = self.file.readline()
        except ConnectionError:
            line = b""
        check(line, "the crawl has ended: it needs more --urls")
        return {worker["name"]: worker for worker in json.loads(line)["workers"]}

    def at_work(self, name, besides=None):
        """The worker `name` once it has taken work; not the one `besides`."""
        def look():
            worker = self.workers().get(name, {})
            return worker if "took_work_us" in worker and worker["pid"] != besides else None
        return wait_until(look, 60, f"{name} to take work")


def kill_once(control, name):
    """ms from the kill to its successor's first work."""
    old = control.at_work(name)["pid"]
    time.sleep(random.uniform(0.02, 0.12))  # at any moment of its work
    with Handle(old) as handle:
        killed_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) / 1000
        handle.send(9)
        check(handle.dies(10), f"{name} does not die")
    return (control.at_work(name, besides=old)["took_work_us"] - killed_us) / 1000


def percentile(values, share):
    return sorted(values)[math.ceil(len(values) * share) - 1]


def seed_list(t, site, root, urls, hosts):
    """A file of so many URLs, on so many hosts: the same pages again and again,
    told apart by a query."""
    names = sorted(name for name in os.listdir(root) if name.endswith(".html"))
    port = site.url.rsplit(":", 1)[1]
    bases = [f"http://127.0.{n // 250}.{n % 250 + 1}:{port}" for n in range(hosts)]
    path = t.path(f"seeds{t.number()}")
    with open(path, "w", encoding="ascii") as f:
        for i in range(urls):
            f.write(f"{bases[i % hosts]}{names[i % len(names)]}?n={i}\n")
    return path


class Log:
    """The server's log, from here on."""

    def __init__(self, site):
        self.path = os.path.join(site.state, "access.log")
        self.at = os.path.getsize(self.path)

    def first(self, seconds=60):
        """When the first request from here on came, in unix seconds."""
        with open(self.path, encoding="ascii") as f:
            f.seek(self.at)
            line = wait_until(lambda: self.whole_line(f), seconds, "a request")
        end, took, _, _ = line.split(" ", 3)
        return float(end) - float(took)

    def whole_line(self, f):
        f.seek(self.at)
        line = f.readline()
        return line if line.endswith("\n") else None


def begin(t, root, urls, hosts):
    """A crawl of a list that runs; the seconds that the list took."""
    site = t.site(root, hosts=hosts)
    crawl = t.crawl(**QUICK)
    path = seed_list(t, site, root, urls, hosts)
    log, start = Log(site), time.time()
    crawl.start("-i", path)
    took = log.first(600) - start
    crawl.words = []
    return site, crawl, took


def measure_cold(crawl, site, turns, lose):
    found = []
    for _ in range(turns):
        crawl.wait_answers()
        time.sleep(random.uniform(0.5, 1.5))
        crawl.kill_everything()
        if lose:
            crawl.lose_shm()
        log, start = Log(site), time.time()
        crawl.start()
        found.append((log.first() - start) * 1000)
    wait_until(lambda: crawl.answers() and crawl.status()["phase"] == "crawling", 60,
               "the scheduler")
    return found, crawl.status()["queued"]


def measure_workers(crawl, kills):
    found = {}
    for name in ROLES:
        with Socket(crawl.dir) as control:
            found[name] = [kill_once(control, name) for _ in range(kills)]
        print(f"{name}: {kills} kills", flush=True)
    return found


class Figures:
    """What was measured, beside its target: lines for people, and figures."""

    def __init__(self):
        self.rows = []  # (what, values in ms, the one that is judged, its limit)

    def add(self, what, values, share, most):
        self.rows.append((what, values, percentile(values, share), most))

    def missed(self):
        return [what for what, _, judged, most in self.rows if judged >= most]

    def show(self):
        print(f"\n{os.cpu_count()} cores; ms from the kill to work taken, from exec to the first "
              "request\n")
        print(f"{'':44} {'n':>4} {'median':>8} {'p99':>8} {'most':>8} {'target':>8}")
        for what, values, judged, most in self.rows:
            print(f"{what:44} {len(values):4d} {statistics.median(values):8.1f} "
                  f"{percentile(values, 0.99):8.1f} {max(values):8.1f} {most:8d}  "
                  f"{'met' if judged < most else 'NOT MET'}")
        print()
        for what, values, judged, most in self.rows:
            print(f"figure: {what}, ms: median {statistics.median(values):.0f}, p99 {judged:.0f}, "
                  f"target {most} {'met' if judged < most else 'NOT MET'}", flush=True)


def measure(t, kills, urls, turns, hosts_of=(HOSTS, 1)):
    """All of it; the kills of workers on the last of the crawls."""
    root, figures = sites.postgres(), Figures()
    for hosts in hosts_of:
        many = "1 host" if hosts == 1 else f"{hosts} hosts"
        site, crawl, took = begin(t, root, urls, hosts)
        print(f"{urls:,} seeds on {many}: the first fetch after {took:.1f} s", flush=True)
        for lose in (False, True) if turns else ():
            values, queued = measure_cold(crawl, site, turns, lose)
            what = f"cold restart, {many}, segment {'lost' if lose else 'there'}"
            figures.add(what, values, 0.99, MOST_COLD_MS)
            print(f"{what}: {queued:,} queued at the last", flush=True)
        if hosts == hosts_of[-1]:
            for name, values in measure_workers(crawl, kills).items():
                figures.add(f"{name.partition('.')[0]} killed", values, 0.99, MOST_MS[name])
        crawl.command("stop", "--now")
        crawl.wait(30)
    return figures
