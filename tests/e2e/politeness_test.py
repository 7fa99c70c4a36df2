#!/usr/bin/python3
"""What the site sees, by the site's own log: gaps, robots, scope."""

import sys
import threading

from faults import FaultServer, answer, html, in_turn, page, redirect
from harness import (NO_SEED, STOPPED, check, check_sum, kill, main, same, same_set)

# Clocks of two processes: a request that left in time may be seen this early.
SLACK = 0.010


def many(server, n, links=()):
    """`n` pages linked from the first, which has these other links too."""
    paths = [f"/{i}" for i in range(1, n)]
    server.on("/", page("first", [*paths, *links]))
    for i, path in enumerate(paths):
        server.on(path, page(f"page {i}"))
    return ["/", *paths]


def gaps_are(server, least):
    arrivals = sorted(server.arrivals())
    for before, after in zip(arrivals, arrivals[1:]):
        check(after - before >= least - SLACK,
              lambda: f"{after - before:.3f} s after another, not {least}; "
                      f"{[f'{when - arrivals[0]:.3f}' for when in arrivals]}")


def test_one_request_at_a_time_and_not_sooner_than_the_delay(t):
    server = t.server(FaultServer())
    paths = many(server, 8)
    t.crawl(server.url(), host_delay="300ms", crawlers=2, parsers=2).run()
    same_set(server.paths(), [*paths, "/robots.txt"], "requests")
    same(server.open_most, 1, "requests at a time")
    gaps_are(server, 0.3)


def test_the_delay_holds_over_kills_stops_and_starts(t):
    server = t.server(FaultServer())
    paths = many(server, 18)
    crawl = t.crawl(server.url(), host_delay="300ms").start().wait_answers()
    crawl.wait_count(2)
    crawl.kill_worker("scheduler")
    crawl.kill_worker("crawler.0")
    crawl.wait_count(5)
    crawl.kill_everything()
    crawl.start().wait_answers()
    crawl.wait_count(8)
    kill(crawl.process.pid, 2)
    crawl.ends(STOPPED)
    crawl.start().ends()
    same_set(crawl.by_url(), [server.url(path) for path in paths], "records")
    gaps_are(server, 0.3)


def test_two_hosts_are_fetched_side_by_side(t):
    servers = [t.server(FaultServer(f"127.0.0.{i}")) for i in (2, 3)]
    for server in servers:
        many(server, 6)
    t.crawl(*(server.url() for server in servers), host_delay="300ms").run()
    for server in servers:
        gaps_are(server, 0.3)
    first, second = (server.arrivals() for server in servers)
    check(first[0] < second[-1] and second[0] < first[-1], "one after the other")


def test_host_concurrency_is_a_limit(t):
    server = t.server(FaultServer())
    many(server, 60)
    # However quick or slow the machine: the first answers once it has company.
    together = threading.Event()

    def in_company(connection):
        if server.open_now > 1:
            together.set()
        together.wait(10)
        return page("one")(connection)

    for path in list(server.answers):
        if path not in ("/", "/robots.txt"):
            server.on(path, in_company)
    t.crawl(server.url(), host_concurrency=3, crawlers=2).run()
    check(1 < server.open_most <= 3, f"{server.open_most} at a time")


ROBOTS = """
User-agent: *
Disallow: /

User-agent: mpcrawl
Disallow: /private
Disallow: /*.cgi$
Allow: /private/open
"""


def test_robots_are_read_first_and_obeyed(t):
    server = t.server(FaultServer().robots(ROBOTS))
    denied = ["/private", "/private/x", "/a/b.cgi"]
    allowed = ["/private/open/x", "/b.cgi?x"]
    many(server, 3, links=denied + allowed)
    crawl = t.crawl(server.url()).run()
    same(server.paths()[0], "/robots.txt", "the first request")
    same(server.hits("/robots.txt"), 1, "requests of robots.txt")
    for path in denied:
        same(server.hits(path), 0, f"requests of {path}")
        record = crawl.record(server.url(path))
        same(record["reason"], "robots_denied", f"reason of {path}")
        check("status" not in record, f"a status came from nowhere: {record}")
    for path in allowed:
        same(server.hits(path), 1, f"requests of {path}")
    same(crawl.report()["excluded"], len(denied), "excluded")


def test_robots_that_deny_everything(t):
    server = t.server(FaultServer().robots("User-agent: *\nDisallow: /\n"))
    crawl = t.crawl(server.url()).run(NO_SEED)
    same(server.paths(), ["/robots.txt"], "requests")
    same(crawl.record(server.url())["reason"], "robots_denied", "reason")
    check("robots" in crawl.said(), f"it does not say why: {crawl.said()}")


def test_robots_ignored_on_purpose_are_not_even_asked_for(t):
    server = t.server(FaultServer().robots("User-agent: *\nDisallow: /\n").on("/", page()))
    crawl = t.crawl(server.url(), robots="ignore").run()
    same(crawl.record(server.url())["status"], 200, "status")


def test_crawl_delay_is_a_floor(t):
    server = t.server(FaultServer().robots("User-agent: *\nCrawl-delay: 0.7\n"))
    many(server, 4)
    t.crawl(server.url(), host_delay="100ms", host_concurrency=4).run()
    pages = [when for when, path in server.log if path != "/robots.txt"]
    for before, after in zip(pages, pages[1:]):
        check(after - before >= 0.7 - SLACK, f"{after - before:.3f} s apart, not 0.7")


def test_the_hosts_delay_is_kept_where_crawl_delay_is_less(t):
    server = t.server(FaultServer().robots("User-agent: *\nCrawl-delay: 0.01\n"))
    many(server, 4)
    t.crawl(server.url(), host_delay="300ms").run()
    gaps_are(server, 0.3)


def test_robots_that_are_missing_allow_everything(t):
    for status in (404, 403, 410):
        server = FaultServer().on("/", page())
        server.on("/robots.txt", answer("no", status))
        t.server(server)
        crawl = t.crawl(server.url()).run()
        same(crawl.record(server.url())["status"], 200, f"status, with robots {status}")


def test_robots_that_cannot_be_read_are_asked_for_again(t):
    server = FaultServer().on("/", page())
    server.on("/robots.txt", in_turn(answer("oops", 500), answer("", 404)))
    t.server(server)
    crawl = t.crawl(server.url(), backoff="1s", max_backoff="1s", retry_delay="100ms").run()
    same(server.paths(), ["/robots.txt", "/robots.txt", "/"], "requests")
    same(crawl.record(server.url())["status"], 200, "status")


def test_robots_that_can_never_be_read_exclude_the_origin(t):
    server = FaultServer().on("/", page())
    server.on("/robots.txt", answer("oops", 500))
    t.server(server)
    crawl = t.crawl(server.url(), backoff="1s", max_backoff="1s", retry_delay="100ms",
                    robots_give_up="1s").run(NO_SEED)
    same(crawl.record(server.url())["reason"], "robots_unreachable", "reason")
    check(server.hits("/robots.txt") >= 3, f"{server.hits('/robots.txt')} tries only")
    same(server.hits("/"), 0, "requests of the page")
    check_sum(crawl.report())


def test_robots_are_read_behind_a_redirect(t):
    server = FaultServer().on("/robots.txt", redirect("/elsewhere.txt"))
    server.on("/elsewhere.txt", answer("User-agent: *\nDisallow: /x\n", 200, "text/plain"))
    server.on("/", page("first", ["/x", "/y"])).on("/y", page())
    t.server(server)
    crawl = t.crawl(server.url()).run()
    same(crawl.record(server.url("/x"))["reason"], "robots_denied", "reason of /x")
    same(crawl.record(server.url("/y"))["status"], 200, "status of /y")
    same(server.hits("/x"), 0, "requests of /x")


def test_what_is_out_of_scope_is_counted_and_never_fetched(t):
    other = t.server(FaultServer("127.0.0.2").on("/", page()))
    server = t.server(FaultServer())
    paths = many(server, 3, links=[other.url("/"), "mailto:a@b", "ftp://127.0.0.1/x"])
    crawl = t.crawl(server.url()).run()
    same_set(crawl.by_url(), [server.url(path) for path in paths], "records")
    same(other.paths(), [], "requests of the other host")
    same(crawl.report()["refused"]["out_of_scope"], 1, "refused for their scope")


def test_nofollow_is_obeyed(t):
    server = FaultServer()
    server.on("/", page("first", ["/plain"], '<a rel="nofollow" href="/shy">x</a>'))
    server.on("/plain", page("p", ["/behind"], '<meta name="robots" content="nofollow">'))
    t.server(server)
    t.crawl(server.url()).run()
    same_set(server.paths(), ["/robots.txt", "/", "/plain"], "requests")


def asking(t):
    """A site whose pages ask robots for something in each way there is."""
    server = FaultServer()
    server.robots("User-agent: *\nDisallow: /no\n")
    server.on("/", page("first", ["/meta", "/header", "/no"],
                        '<a rel="nofollow" href="/shy">x</a><a rel="ugc" href="/ugc">x</a>'
                        '<img src="/i.png"><form action="/form"></form>'))
    server.on("/meta", page("m", ["/behind-meta"], '<meta name="robots" content="nofollow">'))
    server.on("/header", answer(html("h", ["/behind-header"]), headers=["X-Robots-Tag: nofollow"]))
    for path in ("/no", "/shy", "/ugc", "/i.png", "/form", "/behind-meta", "/behind-header"):
        server.on(path, page(path))
    return t.server(server)


def test_txt_only_hears_robots_txt_and_nothing_else(t):
    server = asking(t)
    t.crawl(server.url(), robots="txt_only").run()
    same_set(server.paths(), ["/robots.txt", "/", "/meta", "/header", "/shy", "/ugc", "/behind-meta",
                              "/behind-header"], "requests")


def test_each_asking_has_its_setting(t):
    server = asking(t)
    crawl = t.crawl(server.url(), rel_nofollow="ignore", rel_ugc="obey", meta_robots="ignore",
                    resources=True, forms=True, fields="+links").run()
    same_set(server.paths(), ["/robots.txt", "/", "/meta", "/header", "/shy", "/behind-meta",
                              "/i.png", "/form"], "requests")
    same(crawl.report()["refused"], {"ugc": 1, "header_nofollow": 1}, "links refused")
    said = crawl.said()
    check("1 ugc (rel_ugc), 1 header_nofollow (x_robots_tag)" in said, f"it says: {said}")
    records = crawl.by_url()
    for path, meta, header in (("/", None, None), ("/meta", ["nofollow"], None),
                               ("/header", None, ["nofollow"])):
        record = records[server.url(path)]
        same((record.get("robots_meta"), record.get("robots_header")), (meta, header), path)
    links = {link["url"][len(server.url("")):]: link for link in records[server.url("/")]["links"]}
    for path, el, attr, rel in (("/shy", "a", "href", "nofollow"), ("/i.png", "img", "src", None),
                                ("/form", "form", "action", None), ("/ugc", "a", "href", "ugc")):
        link = links[path]
        same((link["el"], link["attr"], link.get("rel")), (el, attr, rel), f"of the link to {path}")


def test_it_says_who_it_is(t):
    server = t.server(FaultServer().on("/", page()))
    t.crawl(server.url(), contact="me@example.org").run()
    for path in ("/", "/robots.txt"):
        text = server.head(path).lower()
        check("user-agent: mpcrawl/" in text and "me@example.org" in text, f"it says: {text}")
    check("accept-encoding: gzip" in server.head("/").lower(), server.head("/"))


if __name__ == "__main__":
    sys.exit(main())
