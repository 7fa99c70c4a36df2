#!/usr/bin/python3
"""Sitemaps in a crawl: found, asked for, broken, too many, through kills."""

import gzip
import json
import sys
import time

from faults import FaultServer, answer, in_turn, page, redirect
from harness import NO_SEED, SANITISED, USAGE, check, main, same, same_set, tail, wait_until

XML = "application/xml"


def urlset(urls, more=""):
    return ("<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>" +
            "".join(f"<url><loc>{url}</loc>{more}</url>\n" for url in urls) + "</urlset>")


def index(urls):
    return ("<sitemapindex>" + "".join(f"<sitemap><loc>{url}</loc></sitemap>" for url in urls) +
            "</sitemapindex>")


def xml(text):
    return answer(text, 200, XML)


def gz(text):
    return answer(gzip.compress(text.encode()), 200, "application/gzip")


def site(t, n, robots="", host="127.0.0.1"):
    """A first page, and `n` that nothing links to; robots.txt names /map.xml."""
    server = t.server(FaultServer(host))
    server.on("/", page("first"))
    for i in range(n):
        server.on(f"/{i}", page(f"page {i}"))
    server.robots(f"User-agent: *\n{robots}Sitemap: {server.url('/map.xml')}\n")
    return server


def pages(server, n):
    return [server.url(f"/{i}") for i in range(n)]


def test_urls_of_a_sitemap_are_crawled_within_scope_and_rules(t):
    server = site(t, 5, "Disallow: /3\n")
    other = t.server(FaultServer("127.0.0.2").on("/", page("another host")))
    server.on("/map.xml", xml(urlset([*pages(server, 5), other.url(), "ftp://a.test/"],
                                     "<lastmod>2024-05-01</lastmod><priority>0.8</priority>"
                                     "<changefreq>weekly</changefreq>")))
    crawl = t.crawl(server.url()).run()
    same_set(crawl.by_url(), [server.url(), *pages(server, 5)], "records")
    same(crawl.record(server.url("/3"))["reason"], "robots_denied", "reason")
    same(server.hits("/3"), 0, "requests of what is disallowed")
    same(other.paths(), [], "requests of another host")
    record = crawl.record(server.url("/1"))
    same([record[key] for key in ("depth", "hops", "via", "sitemap_lastmod", "sitemap_priority",
                                  "sitemap_changefreq")],
         [1, "M", server.url("/map.xml"), "2024-05-01T00:00:00.000Z", 0.8, "weekly"], "record")
    report = crawl.report()
    same([report[key] for key in ("sitemaps", "sitemap_urls", "sitemaps_broken",
                                  "sitemaps_failed")], [1, 5, 0, 0], "counters")
    same(report["refused"], {"out_of_scope": 1, "sitemap_entry": 1}, "refused")
    check(f"sitemaps: 1 read, 5 URLs by them" in crawl.said(), crawl.said)


def test_sitemaps_wait_for_their_host_like_pages(t):
    server = site(t, 3)
    server.on("/map.xml", xml(urlset(pages(server, 3))))
    t.crawl(server.url(), host_delay="200ms").run()
    arrivals = sorted(server.arrivals())
    same(len(arrivals), 6, "requests")
    for before, after in zip(arrivals, arrivals[1:]):
        check(after - before >= 0.190, lambda: f"{after - before:.3f} s after another")


def test_indexes_end_and_redirects_and_gzip_are_followed(t):
    """An index that names itself, one that names it back, a sitemap that moved."""
    server = site(t, 4)
    server.on("/map.xml", xml(index([server.url("/map.xml"), server.url("/b.xml"),
                                     server.url("/moved.xml"), "http://127.0.0.9/s.xml"])))
    server.on("/b.xml", xml(index([server.url("/map.xml"), server.url("/c.xml.gz")])))
    server.on("/c.xml.gz", gz(urlset(pages(server, 2))))
    server.on("/moved.xml", redirect("/d.txt", 301))
    server.on("/d.txt", answer("\n".join(pages(server, 4)), 200, "text/plain"))
    crawl = t.crawl(server.url()).run()
    same_set(crawl.by_url(), [server.url(), *pages(server, 4)], "records")
    for path in ("/map.xml", "/b.xml", "/c.xml.gz", "/moved.xml", "/d.txt"):
        same(server.hits(path), 1, f"requests of {path}")
    same(crawl.report()["sitemaps"], 4, "sitemaps")


def test_a_broken_sitemap_gives_what_could_be_read_and_a_warning(t):
    server = site(t, 5)
    whole = urlset(pages(server, 5))
    server.on("/map.xml", xml(whole.replace("/2</loc>", "/2?a&b</loc>")))
    server.on("/cut.xml.gz", answer(gzip.compress(whole.encode())[:-14], 200, XML))
    server.robots("Sitemap: /map.xml\nSitemap: /cut.xml.gz\nSitemap: /none.xml\n"
                  "Sitemap: /page.html\n")
    server.on("/page.html", page("no sitemap", ["/never"]))
    crawl = t.crawl(server.url()).run()
    same_set(crawl.by_url(), [server.url(), *pages(server, 5)], "records")
    same(server.hits("/never"), 0, "requests of what a page in a sitemap's place links to")
    for words in ("/map.xml: line 3: not well-formed (invalid token); 4 entries were read",
                  "/cut.xml.gz: its gzip stream is cut or broken; ",
                  "/none.xml is not read: status 404",
                  "/page.html: "):
        check(f"warning: sitemap {server.url()[:-1]}{words}" in crawl.said(),
              lambda: f"no warning {words}: {crawl.said()}")
    report = crawl.report()
    same([report["sitemaps"], report["sitemaps_broken"], report["sitemaps_failed"]], [3, 3, 1],
         "counters")


def test_entries_that_are_left_out_are_counted_and_told_once(t):
    server = site(t, 3)
    bad = ["http://a.test/" + "x" * 5000, "&nbsp;", "ftp://a.test/", ""]
    for name, locs in (("map", [*pages(server, 2), *bad]), ("one", [server.url("/2"), bad[3]])):
        server.on(f"/{name}.xml", xml("<!DOCTYPE urlset [<!ENTITY nbsp SYSTEM 'x'>]>" + urlset(locs)))
    server.on("/list.txt", answer(server.url("/0") + "\nno URL\n", 200, "text/plain"))
    server.robots("Sitemap: /map.xml\nSitemap: /one.xml\nSitemap: /list.txt\n")
    crawl = t.crawl(server.url()).run()
    same_set(crawl.by_url(), [server.url(), *pages(server, 3)], "records")
    for words in ("map.xml: 4 entries were left out (of the first: its URL is longer than "
                  "max_url_length); 2 entries were read",
                  "one.xml: 1 entry was left out (there is no URL in it); 1 entry was read",
                  "list.txt: 1 entry was left out (what it has is no URL); 1 entry was read"):
        same(crawl.said().count(f"warning: sitemap {server.url('/')}{words}\n"), 1,
             f"warnings {words} in {crawl.said()}")
    report = crawl.report()
    same((report["sitemap_entries_dropped"], report["sitemaps_broken"]), (6, 0), "counters")
    same(report["refused"], {"sitemap_entry": 6}, "refused")
    check("entries without a URL to fetch: 6" in crawl.said(), crawl.said())


def test_a_sitemap_asked_for_is_a_list_of_seeds(t):
    server = site(t, 4)
    server.on("/map.xml", xml(urlset(pages(server, 2))))
    server.on("/list,2.txt", answer("\n".join(pages(server, 4)), 200, "text/plain"))
    server.on("/0", page("0", ["/deeper"]))
    crawl = t.crawl(sitemap=[server.url("/list,2.txt")], max_depth=0).run()
    same_set(crawl.by_url(), pages(server, 4), "records")
    same(crawl.record(server.url("/0"))["depth"], 0, "depth")
    # Once more: nothing is asked for again.
    before = server.paths()
    crawl.start().ends()
    same(server.paths(), before, "requests of the second run")
    # What robots.txt names counts when a page of its site is crawled, unless
    # nobody wants it.
    crawl = t.crawl(server.url(), "--sitemaps=no").run()
    same_set(crawl.by_url(), [server.url()], "records without sitemaps")


def test_a_wrong_sitemap_is_said_before_anything_starts(t):
    crawl = t.crawl(sitemap="no-url")
    crawl.run(status=USAGE)
    check("sitemap = no-url" in crawl.said(), crawl.said)
    crawl = t.crawl(sitemap="http://127.0.0.1/map.xml", allow_private=None)
    crawl.run(status=USAGE)
    check("--allow-private" in crawl.said(), crawl.said)
    server = t.server(FaultServer())
    crawl = t.crawl(sitemap=server.url("/none.xml")).run(status=NO_SEED)
    check("/none.xml is not read: status 404" in crawl.said(), crawl.said)


def test_a_failed_sitemap_is_tried_again(t):
    server = site(t, 2)
    server.on("/map.xml", in_turn(answer("", 500), answer("", 500), xml(urlset(pages(server, 2)))))
    crawl = t.crawl(server.url(), retry_delay="100ms").run()
    same_set(crawl.by_url(), [server.url(), *pages(server, 2)], "records")
    same(server.hits("/map.xml"), 3, "requests")


def test_kills_lose_no_url_of_a_sitemap(t):
    """kill -9 of each role, and of all at once, while sitemaps are read."""
    # What a sanitised build does between two kills takes it longer.
    each = 40 if SANITISED else 10
    server = site(t, 12 * each)
    maps = [server.url(f"/map{i}.xml") for i in range(12)]
    server.on("/map.xml", xml(index(maps)))
    urls = pages(server, 12 * each)
    for i in range(12):
        server.on(f"/map{i}.xml", xml(urlset(urls[i * each:i * each + each])))
    crawl = t.crawl(server.url(), host_delay="15ms", crawlers=1, parsers=1).start()
    crawl.wait_answers()
    for count, role in ((5, "scheduler"), (15, "parser.0"), (25, "crawler.0"), (35, "recorder"),
                        (45, "scheduler")):
        crawl.wait_count(count)
        crawl.kill_worker(role)
    crawl.wait_count(55)
    crawl.kill_everything()
    crawl.start().wait_answers()
    crawl.wait_count(70)
    crawl.kill_everything()
    crawl.lose_shm()
    crawl.start().ends(seconds=60)
    same_set(crawl.by_url(), [server.url(), *urls], "records")
    same(crawl.report()["sitemap_urls"], len(urls), "URLs of sitemaps")
    for path in ["/map.xml", *(f"/map{i}.xml" for i in range(12))]:
        # A kill may have one fetched again, and no more: they were few.
        check(1 <= server.hits(path) <= 4, lambda: f"{server.hits(path)} requests of {path}")
    same(crawl.command("fsck", seconds=30).status, 0, "exit status of fsck")


def rss(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM:"))


def test_fifty_thousand_urls_are_all_admitted(t):
    server = site(t, 0, "Disallow: /no/\n")
    urls = [server.url(f"/no/such/page/of/usual/length/number-{i}.html") for i in range(50000)]
    text = urlset(urls)
    server.on("/map.xml", xml(text))
    start = time.monotonic()
    crawl = t.crawl(server.url(), host_max_pages=0).start().wait_answers()
    wait_until(lambda: crawl.status()["sitemap_urls"] == 50000, 60,
               lambda: f"all to be admitted; it said:\n{tail(crawl.said())}")
    took = time.monotonic() - start
    memory = {name: rss(pid) >> 10 for name, pid in crawl.workers().items()}
    print(f"figure: {len(text) >> 10} KiB, 50,000 URLs admitted {took:.2f} s after the start; "
          f"MiB: {json.dumps(memory)}")
    crawl.ends(seconds=120)
    report = crawl.report()
    same(report["admitted"], 50001, "admitted")
    same(report["reasons"], {"robots_denied": 50000}, "reasons")
    same(report["sitemaps_broken"], 0, "broken sitemaps")


if __name__ == "__main__":
    sys.exit(main())
