#!/usr/bin/python3
"""Politeness, by the log of a web of dozens of hosts, over kills and restarts."""

import collections
import copy
import sys
import time

from harness import SANITISED, STOPPED, check, kill, main, same, wait_until
from polite import Rule, violations
from web import Arrival, later, later_date, page, redirect

DELAY = 0.3


# --- the web -----------------------------------------------------------------
#
# Each host below is there for one promise; its rule and the pauses that it asks
# for are said beside its pages, by the one who wrote the table.

class Town:
    def __init__(self):
        self.hosts, self.rules, self.pauses, self.seeds = {}, {}, {}, []

    def add(self, host, pages, robots=None, rule=None, pauses=None, schemes=("http",), **more):
        self.hosts[host] = {"pages": pages, "delay_ms": 20, **more}
        if robots is not None:
            self.hosts[host]["robots"] = robots
        if rule is not None:
            self.rules[host] = rule
            self.seeds += [(host, scheme) for scheme in schemes]
        if pauses:
            self.pauses[host] = pauses


def tree(n):
    return {"/*": {"make": "tree", "n": n}}


def links(n, *more):
    return [*(f"/{i}" for i in range(1, n)), *more]


def numbered(n, *more):
    """A first page with links to the others, and to `more`."""
    return {"/": page("first", links(n, *more)),
            **{f"/{i}": page(f"page {i}") for i in range(1, n)}}


OUT = "127.5.9.1"  # nobody's seed: out of scope
OUT_TOO = "127.5.9.2"
TWO_PORTS = "127.5.11.4"


def build(port, n):
    """The town; `n` is how long its hosts keep a crawler busy."""
    town = Town()
    plain = Rule(DELAY)
    town.add(OUT, {"*": "out of scope"})
    town.add(OUT_TOO, {"*": "out of scope"})
    for i in range(1, 9):
        town.add(f"127.5.1.{i}", tree(n), rule=plain)
    # Names that share an address: each is a host, and loopback has no IP clock.
    for name in ("one", "two", "three"):
        town.add(f"{name}.localhost", tree(n), rule=plain)
    # Crawl-delay: more than ours, less than ours, for us by name, not a number.
    for i, (text, delay) in enumerate([("User-agent: *\nCrawl-delay: 0.9\n", 0.9),
                                       ("User-agent: *\nCrawl-delay: 0.01\n", DELAY),
                                       ("User-agent: *\nCrawl-delay: 9\n"
                                        "User-agent: mpcrawl\nCrawl-delay: 0.7\n", 0.7),
                                       ("User-agent: *\nCrawl-delay: soon\n", DELAY)], 1):
        town.add(f"127.5.2.{i}", numbered(n // 2), robots=text, rule=Rule(delay))
    # A pause in seconds, as a date, of 429, of robots.txt itself; one that is
    # none (an hour ago).  A date has whole seconds: it may mean one less.
    for i, (status, headers, pause) in enumerate([(503, later(2), 2), (429, later(3), 3),
                                                  (503, later_date(3), 2),
                                                  (429, later_date(-3600), 0)], 1):
        pages = numbered(n // 2)
        pages["/3"] = [{"status": status, "headers": headers}] * 2 + [page("at last")]
        town.add(f"127.5.3.{i}", pages, rule=plain, pauses={"/3": [pause, pause]})
    town.add("127.5.3.5", {"/robots.txt": [{"status": 503, "headers": later(2)},
                                           {"body": "User-agent: *\nDisallow: /x\n"}],
                           **numbered(6, "/x")},
             rule=Rule(DELAY, ["/x"]), pauses={"/robots.txt": [2]})
    # 429 without a word about when: our own back-off, a second here.
    town.add("127.5.3.6", {**numbered(8), "/2": [{"status": 429}, page("at last")]}, rule=plain,
             pauses={"/2": [1]})
    # Forbidden, in every way that robots.txt comes.
    private = ["/private", "/x"]
    text = "User-agent: *\nDisallow: /private\nDisallow: /x\nDisallow: /*.cgi$\n"
    for i, row in enumerate([{"body": text}, {"body": "\ufeff" + text},
                             {"body": text.replace("\n", "\r")},
                             {"body": text.replace("\n", "\r\n")},
                             {"body": text + "# and so on\n", "size": 1 << 20},
                             {"body": text, "how": "chunked", "gzip": True},
                             {"body": text, "drip_ms": 5}], 1):
        town.add(f"127.5.4.{i}",
                 {"/robots.txt": {**row, "type": "text/plain"},
                  **numbered(8, "/private", "/private/1", "/x?y", "/a.cgi", "/%70rivate/2")},
                 rule=Rule(DELAY, [*private, "/a.cgi", "/%70rivate"]))
    town.add("127.5.4.8", {"/robots.txt": redirect("/r/3"), "/r/3": redirect("/r/2"),
                           "/r/2": redirect("/r/1", 301), "/r/1": {"body": text},
                           **numbered(8, "/private", "/x")},
             rule=Rule(DELAY, private))
    town.add("127.5.4.9", {"/robots.txt": redirect("http://127.5.4.8:{port}/r/1"),
                           **numbered(8, "/private", "/x")}, rule=Rule(DELAY, private))
    # No answer about what is allowed: nothing is.
    for i, row in enumerate([{"status": 500}, {"how": "silent"}, {"how": "hang-up"},
                             {"status": 503, "headers": later(1)}], 1):
        town.add(f"127.5.5.{i}", {"/robots.txt": row, "/": "never"}, rule=Rule(DELAY, pages=False))
    # Redirects into what is forbidden, here and at a neighbour, out of scope,
    # round and round, and too many.
    town.add("127.5.6.1", {
        **numbered(10, "/in", "/over", "/out", "/out?2", "/chain", "/round", "/many/30"),
        "/in": redirect("/private/1"), "/over": redirect("http://127.5.6.2:{port}/private/2", 301),
        "/out": redirect(f"http://{OUT}:{port}/redirected"),
        "/out?2": redirect(f"https://{OUT}:{port}/redirected"),
        "/chain": redirect("/chain/1"), "/chain/1": redirect("/chain/2"),
        "/chain/2": redirect(f"http://{OUT_TOO}:{port}/chained"),
        "/round": redirect("/round/1"), "/round/1": redirect("/round"),
        "/many/*": {"make": "countdown"}},
        robots=text, rule=Rule(DELAY, private))
    town.add("127.5.6.2", numbered(8, f"http://{OUT}:{port}/linked", "/back"), robots=text,
             rule=Rule(DELAY, private))
    town.hosts["127.5.6.2"]["pages"]["/back"] = redirect("http://127.5.6.1:{port}/x")
    # Those that misbehave: each of them has its delay from the end of that.
    town.add("127.5.7.1", {**numbered(5), "/2": {"how": "silent"}, "/3": {"how": "hang-up"},
                           "/4": {"how": "reset"}}, rule=plain)
    town.add("127.5.7.2", {**numbered(5), "/2": {"body": "slow" * 30, "drip_ms": 20},
                           "/3": {"body": "0123456789", "how": "half"}}, rule=plain)
    town.add("127.5.7.3", {**numbered(5), "/1": {"status": 500}, "/2": {"status": 502}}, rule=plain)
    # One host by two schemes: one clock, and a pause that one asks for is the other's.
    both = ("http", "https")
    town.add("127.5.11.1", tree(n), rule=plain, schemes=both)
    town.add("127.5.11.2", numbered(n // 2), robots="User-agent: *\nCrawl-delay: 0.5\n",
             rule=Rule(0.5), schemes=both)
    pages = numbered(n // 3)
    pages["/2"] = [{"status": 429, "headers": later(3)}, {"status": 503, "headers": later(2)},
                   page("at last")]
    town.add("127.5.11.3", pages, rule=plain, pauses={"/2": [3, 2]}, schemes=both)
    # And by two ports: open_town() has the other.
    town.add(TWO_PORTS, tree(n), rule=plain)
    return town


SETTINGS = {
    "host_delay": f"{int(DELAY * 1000)}ms", "crawlers": 4, "parsers": 2,
    "backoff": "1s", "max_backoff": "1s", "retry_delay": "500ms", "retries": 1,
    "first_byte_timeout": "2s", "robots_give_up": "8s", "max_redirects": 5, "tls_verify": "off",
}


def open_town(t, n):
    web = t.web()
    town = build(web.port, n)
    web.add(town.hosts)
    town.web_too = t.web({TWO_PORTS: {"delay_ms": 20, "pages": tree(n)}})
    return web, town, [web.url(host, scheme=scheme) for host, scheme in town.seeds] + \
        [town.web_too.url(TWO_PORTS)]


def arrivals(web, town):
    return web.arrivals() + town.web_too.arrivals()


def judge(web, town, kills=()):
    found = violations(arrivals(web, town), town.rules, town.pauses, kills)
    check(not found, lambda: f"{len(found)} violations, as\n  " + "\n  ".join(found[:10]))


def test_dozens_of_hosts_are_treated_as_each_may_expect_over_kills_and_restarts(t):
    # What a sanitised build does between two kills takes it longer.
    web, town, seeds = open_town(t, 70 if SANITISED else 36)
    crawl = t.crawl(*seeds, **SETTINGS).start().wait_answers()
    kills = []

    def strike(*names, then):
        for name in names:
            victim = crawl.worker(name)
            kills.append(time.monotonic())
            kill(victim)
        crawl.wait_count(crawl.count() + then)

    def strike_all():
        kills.append(time.monotonic())
        crawl.kill_everything()
    crawl.wait_count(20)
    for k in range(4):
        strike(f"crawler.{k}", then=20)
    strike("scheduler", then=30)
    strike_all()
    crawl.start().wait_answers()
    crawl.wait_count(crawl.count() + 40)
    strike("crawler.1", "scheduler", "crawler.3", "parser.0", "recorder", then=30)
    kill(crawl.process.pid, 2)
    crawl.ends(STOPPED)
    # And once with the conveyor lost: the store alone knows the clocks.
    crawl.start().wait_answers()
    crawl.wait_count(crawl.count() + 20)
    strike_all()
    crawl.lose_shm()
    crawl.start().ends(seconds=60)
    judge(web, town, kills)
    what_was_to_be_fetched_was(web, town, crawl)


def what_was_to_be_fetched_was(web, town, crawl):
    """Whoever asks nothing of anybody is polite, too."""
    records = crawl.by_url()
    for host, rule in town.rules.items():
        first = records[web.url(host)]
        if not rule.pages:
            same(first["reason"], "robots_unreachable", f"reason of {host}")
            continue
        same(first.get("status"), 200, f"status of {host}: {first}")
        least = int(1000 * rule.delay)
        check(all(record.get("host_delay_ms", least) >= least for record in records.values()
                  if record["url"].startswith(web.url(host, ""))), f"host_delay_ms of {host}")
    for host, _ in town.seeds:
        check(any(one.host == host for one in web.arrivals()), f"{host} was not asked")
    asked = collections.Counter(one.origin for one in arrivals(web, town))
    for i in range(1, 5):
        host = f"127.5.11.{i}"
        check(len({origin for origin in asked if origin[1] == host}) == 2 and
              min(n for origin, n in asked.items() if origin[1] == host) > 5,
              f"one origin of {host} was hardly asked: {asked}")
    for host in town.pauses:
        for path in town.pauses[host]:
            check(web.hits(host, path) >= 2, f"{host}{path} was not asked for again")
    for i in range(1, 10):
        same(records[web.url(f"127.5.4.{i}", "/x?y" if i < 8 else "/x")]["reason"],
             "robots_denied", f"reason of what 127.5.4.{i} forbids")
    for path in ("/private/1", "/private/2"):
        host = "127.5.6.1" if path == "/private/1" else "127.5.6.2"
        same(records[web.url(host, path)]["reason"], "robots_denied", f"reason of {path}")
    check(web.url(OUT, "/redirected") not in records and
          web.url(OUT, "/linked") not in records, "what is out of scope has a record")


def test_hosts_that_hang_or_drip_keep_nobody_waiting(t):
    """Each of them holds its own fetch slot; the others end while they hang."""
    well = [f"127.5.8.{i}" for i in range(1, 61)]
    ill = [f"127.5.10.{i}" for i in range(1, 31)]
    web = t.web({
        **{host: {"delay_ms": 20, "pages": {"/*": {"make": "tree", "n": 8}}} for host in well},
        **{host: {"robots": "", "pages": {"/": {"how": "silent"} if i % 2 else
                                          {"body": "drip" * 9999, "drip_ms": 1000}}}
           for i, host in enumerate(ill)}})
    crawl = t.crawl(*(web.url(host) for host in ill + well), host_delay="200ms", crawlers=2,
                    max_inflight=64, low_speed=0, first_byte_timeout="10m",
                    total_timeout="10m").start().wait_answers()
    # All the well ones' pages, while no sick one has been given up.
    wait_until(lambda: sum(1 for one in web.arrivals() if one.host in well and one.end) ==
               len(well) * 9, 30, "the pages of the well hosts")
    same([one for one in web.arrivals() if one.host in ill and one.path == "/" and one.end], [],
         "sick ones that have ended")
    same(len({one.host for one in web.arrivals() if one.host in ill and one.path == "/"}), len(ill),
         "sick ones that hang")
    wait_until(lambda: crawl.status()["fetching"] == len(ill), 10, "their slots alone")
    crawl.command("stop")
    crawl.ends(STOPPED)


# --- the judge ---------------------------------------------------------------

def arrival(number, host, path, when, end, status=200):
    one = Arrival({"n": number, "conn": 1, "host": host, "ip": host, "method": "GET",
                   "path": path, "scheme": "http", "h2": False, "resumed": False,
                   "headers": {}, "us": int(when * 1e6), "unix_us": 0})
    one.end, one.status, one.sent, one.whole = end, status, 1, end is not None
    return one


def test_the_judge_sees_each_violation(_t):
    """A judge that has nothing to say about a bad log says nothing about a good one."""
    host = "127.5.1.1"
    rules = {host: Rule(0.5, ["/private", "/x$"])}
    pauses = {host: {"/busy": [2, 0]}}
    good = [arrival(1, host, "/robots.txt", 1.0, 1.1), arrival(2, host, "/", 1.6, 1.8),
            arrival(3, host, "/busy", 2.3, 2.4, 503), arrival(4, host, "/busy", 4.4, 4.5),
            arrival(5, host, "/xy", 5.0, 5.1)]
    same(violations(good, rules, pauses), [], "what it says about a good log")

    def bad(word, change, rules=rules, kills=()):
        log = copy.deepcopy(good)
        change(log)
        found = violations(log, rules, pauses, kills)
        check(any(word in sentence for sentence in found), f"no word of {word!r}: {found}")

    def put(at, **values):
        return lambda log: vars(log[at]).update(values)
    bad("not 0.5", put(1, when=1.5))  # from the end, not from the arrival
    bad("not 0.5", put(4, when=4.9))
    bad("not 0.5", put(1, end=2.1, whole=False))  # that the client broke off
    bad("2 requests at a time", put(1, end=None))
    bad("2 requests at a time", put(1, end=2.35))
    bad("asked for 2", put(3, when=4.3))
    bad("asked for 2", put(3, path="/other", when=4.3))  # the whole host
    bad("forbidden", put(4, path="/private/y"))
    bad("forbidden", put(4, path="/x"))
    bad("out of scope", put(4, host="127.5.9.1"))
    bad("before its robots.txt", put(0, path="/y"))
    bad("before its robots.txt", put(0, end=1.65))
    bad("before its robots.txt", put(4, origin=("https", host, 0)))  # that of http says nothing
    bad("not 0.5", put(1, when=1.5, origin=("https", host, 0)))  # but the clock is one
    bad("forbidden", lambda log: None, rules={host: Rule(0.5, pages=False)})
    # What a killed crawler had just read, nobody knows; later ones are known.
    bad("asked for 2", put(3, when=4.3), kills=[2.6])
    log = copy.deepcopy(good)
    log[3].when = 4.3
    same(violations(log, rules, pauses, kills=[2.45]), [], "an answer that died with its reader")


def test_a_crawler_that_is_told_to_be_rude_is_found_out(t):
    """The same judge over a real log: with each promise switched off there is a
    sentence about each."""
    web, town, seeds = open_town(t, 12)
    rude = {"host_delay": "150ms", "crawl_delay": "ignore", "robots": "ignore", "scope": "any",
            "host_concurrency": 2, "max_time": "5s"}
    t.crawl(*seeds, **{**SETTINGS, **rude}).start().wait()
    found = "\n".join(violations(arrivals(web, town), town.rules, town.pauses))
    for word in ("not 0.3", "not 0.9", "is forbidden", "out of scope", "2 requests at a time",
                 "before its robots.txt"):
        check(word in found, lambda word=word: f"no word of {word!r}:\n{found[:2000]}")


if __name__ == "__main__":
    sys.exit(main())
