#!/usr/bin/python3
"""Pages that are known to hurt parsers: each ends within a page's limits, as an
ordinary record, and takes no worker along.  LONG=1: all of them."""

import gzip
import os
import random
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

from faults import FaultServer, answer, page  # noqa: E402
from harness import FINISHED, check, main, same, tail  # noqa: E402

LONG = os.environ.get("LONG") == "1"
HASTY = {"retries": 2, "retry_delay": "50ms", "robots": "ignore"}
GOOD = ["/good1", "/good2"]


def killers():
    """{path: (body, content type, headers)}: each met by limits alone."""
    m = 1000 * 1000
    plain = "text/html; charset=utf-8"
    pages = {
        "deep": b"<div>" * m,
        "deep-inline": b"<b>" * m,
        "deep-unknown": b"<x>" * (2 * m),
        "deep-tables": b"<table><tr><td>" * (m // 3),
        "deep-closed": b"<div>" * 300_000 + b"</div>" * 300_000,
        "deep-svg": b"<svg>" + b"<g>" * m,
        "b-p": b"<b>x<p>" * (m // 2),
        "a-p": b"<a href=x>x<p>" * (m // 4),
        "misnested": b"<b><i><u><s>x</b></i></u></s><p>" * (m // 8),
        "adoption": b"<a><b><i><em><strong><p></a></b></i></em></strong>" * (m // 16),
        "formatting": b"".join(b"<font size=%d>" % i for i in range(200_000)) + b"<p>" * 20_000,
        "foster": b"<table>" + b"x<b>" * (m // 2),
        "nested-forms": b"<form><select><option><table>" * (m // 8),
        "attribute-long": b'<a href="' + b"x" * (10 * m - 100) + b'">x</a>',
        "attributes-many": b"<a " + b" ".join(b"a%d=1" % i for i in range(100_000)) + b">x</a>",
        "attributes-same": b"<a " + b"href=x " * m + b">x</a>",
        "tag-long": b"<" + b"x" * (10 * m - 100) + b">",
        "comment": b"<!--" + b"-" * (10 * m - 100),
        "comments": b"<!---->" * m,
        "entities": b"&amp;" * (2 * m),
        "entities-open": b"&" * (5 * m),
        "entities-unknown": b"&CounterClockwiseContourIntegra" * (m // 4),
        "cdata": b"<svg><![CDATA[" + b"]" * (5 * m),
        "script": b"<script>" + b"<!--<script>" * (m // 2),
        "title": b"<title>" + b"x" * (8 * m),
        "nulls": b"\0" * (5 * m),
        "bodies": b"<body a=b>" * (m // 2),
        "links": b"".join(b"<a href=/l/%d>" % i for i in range(300_000)),
        "links-long": b"<a href='" + b"%zz/../" * 1_000_000 + b"'>",
        "base-links": b"<base href='http://x/" + b"a/" * 100_000 + b"'>" + b"<a href=../x>" * 100_000,
    }
    found = {name: (b"<!DOCTYPE html>" + body, plain, []) for name, body in pages.items()}
    # Each byte three, in another charset; and no charset that there is.
    found["charset-wide"] = (b"\x80" * (9 * m), "text/html; charset=windows-1252", [])
    found["charset-guess"] = (bytes(range(128, 256)) * (m // 16), "text/html", [])
    found["charset-late"] = (b"<p>" + b" " * 2000 + b"<meta charset=iso-2022-jp>" +
                             b"\x1b$B" * (2 * m), "text/html", [])
    found["utf-16"] = (b"\xff\xfe" + "<b>".encode("utf-16-le") * m, "text/html", [])
    inner = b"<b>" * (20 * m)
    found["gzip-deep"] = (gzip.compress(inner), plain, ["Content-Encoding: gzip"])
    found["gzip-twice"] = (gzip.compress(gzip.compress(b"x" * (50 * m))), plain,
                           ["Content-Encoding: gzip, gzip"])
    # All that may be there at once: as inflated, as decoded, and a tree.
    wide = b"".join((b"<b>" + bytes(random.randrange(128, 256) for _ in range(997))) * 20
                    for _ in range(3200))
    found["gzip-wide"] = (gzip.compress(wide), "text/html; charset=windows-1252",
                          ["Content-Encoding: gzip"])
    found["gzip-zeros"] = (gzip.compress(b"\0" * (60 * m)), plain, ["Content-Encoding: gzip"])
    return found


# Those of the short form: some of each sort, and the worst of the long one.
SOME = ("deep", "deep-tables", "b-p", "misnested", "adoption", "attribute-long",
        "attributes-many", "entities", "comment", "charset-wide", "gzip-zeros", "gzip-deep")


def test_each_known_killer_of_parsers_ends_within_its_limits(t):
    """As `quarantine reproduce` runs it: alone, in a process with a parser's
    limits, which would end it by a signal."""
    crawl = t.crawl()
    os.makedirs(os.path.join(crawl.dir, "frontier"))
    costs = []
    for i, (name, (body, kind, headers)) in enumerate(killers().items()):
        if not LONG and name not in SOME:
            continue
        folder = os.path.join(crawl.dir, "quarantine", f"{i:016x}-{0:016x}")
        os.makedirs(folder)
        encoding = "".join(h.split(": ")[1] for h in headers)
        with open(os.path.join(folder, "about.txt"), "w", encoding="ascii") as f:
            f.write(f"url: http://127.0.0.1/{name}\ncause: parser\ncontent-type: {kind}\n"
                    f"content-encoding: {encoding}\n\n")
        with open(os.path.join(folder, "body"), "wb") as f:
            f.write(body)
        result = crawl.command("quarantine", "reproduce", os.path.basename(folder), seconds=60)
        same(result.status, FINISHED, f"{name}: exit status of {result!r}")
        said = re.search(r"it was read: .*?(truncated: \w+)?\n([0-9.]+) s .*, (\d+) MiB",
                         result.out)
        check(said, f"{name}: {result!r}")
        costs.append((float(said[2]), int(said[3]), name, said[1] or "whole"))
    for seconds, memory, name, end in sorted(costs, reverse=True):
        print(f"  {name:17} {seconds:6.2f} s  {memory:4} MiB  {end}", flush=True)
    print(f"figure: known killers of parsers, most CPU: {max(costs)[0]:.2f} s ({max(costs)[2]})")
    print(f"figure: known killers of parsers, most memory: {max(c[1] for c in costs)} MiB",
          flush=True)


def test_pages_that_are_known_to_kill_parsers_are_ordinary_records(t):
    """Each within its limits, none by a death."""
    pages = killers()
    if not LONG:
        pages = {name: pages[name] for name in SOME}
    paths = {f"/k/{name}": answer(body, 200, kind, headers)
             for name, (body, kind, headers) in pages.items()}
    server = FaultServer().on("/", page("first", ["/good1", *paths, "/good2"]))
    for path in GOOD:
        server.on(path, page(path))
    for path, function in paths.items():
        server.on(path, function)
    t.server(server)
    crawl = t.crawl(server.url(), parsers=2, exclude="*/l/*", max_depth=1, **HASTY)
    crawl.run(FINISHED, 60)
    for path in GOOD:
        same(crawl.record(server.url(path))["status"], 200, f"status of {path}")
    for path in paths:
        record = crawl.record(server.url(path))
        same(record["status"], 200, f"status of {path}")
        check("reason" not in record, f"the record: {record}")
    check("signal" not in crawl.said(), f"a parser died: {tail(crawl.said())}")
    same(crawl.report()["quarantined"], 0, "quarantined")
    print(f"figure: known killers of parsers: {len(paths)} pages, all ended in records",
          flush=True)


if __name__ == "__main__":
    sys.exit(main())
