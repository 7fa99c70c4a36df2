#!/usr/bin/python3
"""A whole real site, against an independent walk of the same files."""

import collections
import os
import sys

import sites
from faults import FaultServer, answer, page, redirect
from harness import (BUILD, FINISHED, LIMIT, PATIENCE, SANITISED, TOP, check, check_sum, main, same,
                     same_set)

# The settings of `make crawl`.
QUICK = {"host_delay": 0, "host_concurrency": 8}


def is_html(record):
    return record.get("status") == 200 and record.get("content_type", "").startswith("text/html")


def finds_every_page(t, root, gzip):
    site = t.site(root, gzip)
    crawl = t.crawl(site.url + "index.html", **QUICK).run(seconds=60)
    pages, missing = sites.walk(root, "index.html", site.url)
    found = crawl.by_url()

    same_set([url for url, record in found.items() if is_html(record)], pages, "pages")
    same_set([url for url, record in found.items() if record.get("status") == 404], missing,
             "records of what is missing")
    same_set([url for url in found if url not in pages], missing, "other records")
    for url, title in pages.items():
        same(found[url].get("title", ""), title, f"title of {url}")
        same(found[url]["v"], 1, f"schema of {url}")
    same(len({record["id"] for record in found.values()}), len(found), "different ids")

    fetched = [path for _, status, path in site.requests()]
    same(len(fetched), len(set(fetched)), "requests, each URL once")
    same_set(fetched, [url.removeprefix(site.url.rstrip("/")) for url in found] +
             ["/robots.txt"], "requests")

    report = crawl.report()
    same(report["pages"], len(found), "pages in the report")
    same(report["done"], len(found), "done")
    said = crawl.said()
    check(str(len(found)) in said.replace(",", ""), f"the closing report names no count: {said}")
    return pages


def test_crawl_finds_every_page_of_a_real_site(t):
    pages = finds_every_page(t, sites.postgres(), gzip=False)
    check(len(pages) > 1000, f"the walk found {len(pages)} pages only")


def test_crawl_finds_every_page_when_they_come_compressed(t):
    root = sites.postgres()
    if SANITISED:
        # The same code, on fewer pages.
        root = t.path("site")
        sites.generate(root, 100)
    finds_every_page(t, root, gzip=True)


def test_many_crawlers_and_parsers_share_the_pages(t):
    root = t.path("site")
    names = sites.generate(root, 300)
    site = t.site(root)
    crawl = t.crawl(site.url + "index.html", crawlers=3, parsers=4, host_concurrency=16).run()
    same_set(crawl.by_url(), [site.url + name for name in names], "records")


def test_links_and_body_are_in_the_records_when_asked_for(t):
    root = t.path("site")
    os.mkdir(root)
    with open(os.path.join(root, "index.html"), "w", encoding="utf-8") as f:
        f.write('<!DOCTYPE html><meta charset=utf-8><title> A \n title </title>'
                '<a href="b.html#part">b</a><a href="http://127.0.0.9/x">far</a>ä')
    with open(os.path.join(root, "b.html"), "wb") as f:
        f.write(b"<!DOCTYPE html><meta charset=iso-8859-1><title>caf\xe9</title>")
    site = t.site(root)
    crawl = t.crawl(site.url + "index.html", fields="+links,+body").run()
    record = crawl.record(site.url + "index.html")
    same(record["title"], "A title", "title")
    same([link["url"] for link in record["links"]],
         [site.url + "b.html", "http://127.0.0.9/x"], "links")
    check(record["body"].endswith("ä"), f"the body: {record}")
    other = crawl.record(site.url + "b.html")
    same(other["title"], "café", "title, decoded")
    same(other["depth"], 1, "depth")
    same(other["via"], site.url + "index.html", "via")
    same(len(crawl.records()), 2, "records: what is out of scope has none")


def test_a_second_host_is_crawled_when_the_scope_is_any(t):
    root, far = t.path("site"), t.path("far")
    sites.generate(far, 5)
    other = t.site(far)
    os.mkdir(root)
    with open(os.path.join(root, "index.html"), "w", encoding="utf-8") as f:
        f.write(f'<a href="{other.url}index.html">far</a>')
    site = t.site(root)
    crawl = t.crawl(site.url + "index.html", scope="any").run()
    same(len(crawl.records()), 6, "records")


def test_limits_end_the_crawl_with_their_own_status(t):
    root = t.path("site")
    sites.generate(root, 200)
    site = t.site(root)
    crawl = t.crawl(site.url + "index.html", max_pages=20, host_concurrency=2)
    crawl.run(status=4)
    check("max_pages" in crawl.said().replace("-", "_"),
          f"the limit is not named: {crawl.said()}")
    check(20 <= len(crawl.records()) < 100, f"{len(crawl.records())} records")
    check_sum(crawl.report())


def test_limits_of_bytes_and_time_end_it_too(t):
    root = t.path("site")
    sites.generate(root, 200, size=10_000)
    site = t.site(root)
    # Time enough to start on a busy machine, and for some twenty pages.
    limits = (("max_bytes", "100K", 0),
              ("max_time", f"{1000 * PATIENCE:.0f}ms", f"{50 * PATIENCE:.0f}ms"))
    for key, value, delay in limits:
        crawl = t.crawl(site.url + "index.html", host_delay=delay, **{key: value}).run(status=4)
        for text in (f"limit reached: {key}", "goes on"):
            check(text in crawl.said(), f"it does not say {text}: {crawl.said()}")
        check(0 < len(crawl.records()) < 150, f"{len(crawl.records())} records")
        check_sum(crawl.report())


def test_a_hosts_limit_excludes_the_rest_of_it(t):
    root = t.path("site")
    sites.generate(root, 50)
    site = t.site(root)
    crawl = t.crawl(site.url + "index.html", host_max_pages=10).run()
    reasons = [record.get("reason") for record in crawl.by_url().values()]
    same(reasons.count(None), 10, "pages")
    check(set(reasons) == {None, "budget"}, f"reasons: {set(reasons)}")
    check("host_max_pages" in crawl.said(), f"the limit is not named: {crawl.said()}")
    check_sum(crawl.report())


def test_depth_and_globs_bound_what_is_fetched(t):
    root = t.path("site")
    names = sites.generate(root, 200)
    site = t.site(root)
    crawl = t.crawl(site.url + "index.html", max_depth=1).run()
    # Ten links down, and one across.
    same_set(crawl.by_url(), [site.url + name for name in names[:11]], "records")
    crawl = t.crawl(site.url + "index.html", exclude="*/page1*.html").run()
    check(not any("/page1" in url for url in crawl.by_url()), "an excluded page was fetched")


def test_rules_hold_for_links_redirects_and_responses(t):
    """Whatever leads there, what a rule excludes is not fetched; of what only
    the response tells, not the body."""
    there = t.server(FaultServer("127.0.0.2"))
    server = t.server(FaultServer())
    big = b"\x89PNG" + bytes(4 << 20)
    away = there.url("/elsewhere")
    server.answers.update({
        "/": page("root", ["/a.png", "/picture", "/private/x", "/away", "/out", "/deep/1"]),
        "/picture": answer(big, content_type="image/png"),
        "/away": redirect(away),
        "/out": redirect("/private/y"),
        "/deep/1": page("one", ["/deep/2"]),
    })
    crawl = t.crawl(server.url(), scope="any", **QUICK, exclude=[
        "type:image/*", f"surt:127.0.0.1:{server.port})/private", "host:127.0.0.2",
        "depth:>1"]).run()
    asked = set(server.paths()) - {"/robots.txt"}
    same_set(asked, ["/", "/picture", "/away", "/out", "/deep/1"], "requests")
    same(there.paths(), [], "requests to the host that is excluded")
    records = crawl.by_url()
    picture = records[server.url("/picture")]
    same((picture["status"], picture["reason"], picture["content_type"]),
         (200, "excluded_by_rule", "image/png"), "the picture")
    check("digest" not in picture and not picture.get("length_wire"), f"a body: {picture}")
    report = crawl.report()
    same(report["reasons"]["excluded_by_rule"], 1, "excluded")
    same(report["refused"]["excluded_by_rule"], 5, "refused")
    check_sum(report)

    # Who starts it again with another rule means what is queued, too.
    stopped = t.crawl(server.url(), max_pages=1, **QUICK).run(status=LIMIT)
    before = len(server.paths())
    stopped.start(max_pages=0, exclude="regex:^https?://[^/]+/(deep|out|away)").ends()
    same_set(server.paths()[before:], ["/a.png", "/picture", "/private/x"], "requests")
    ended = collections.Counter(r.get("reason") for r in stopped.records())
    same(ended["excluded_by_rule"], 3, "excluded when they were to be ordered")
    check_sum(stopped.report())


def test_make_crawl_crawls_a_real_site_again_and_again(t):
    """scripts/crawl, as `make crawl` calls it."""
    sites.postgres()
    for _ in range(1 if SANITISED else 2):
        status, said = t.command([os.path.join(TOP, "scripts/crawl")], 50,
                                 BUILD=os.path.relpath(BUILD, TOP))
        same(status, FINISHED, f"exit status; it said: {said}")
        check("loopback" in said and "--allow-private" in said, f"it does not say so: {said}")
        check("admitted =" in said, f"no closing report: {said}")


if __name__ == "__main__":
    sys.exit(main())
