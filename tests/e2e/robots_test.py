#!/usr/bin/python3
"""robots.txt as sites serve it: every kind of answer, by what is asked after it.

One crawl of many hosts; each has /no and /yes, and a robots.txt of its own.
"""

import gzip
import sys
import zlib

from faults import FaultServer, answer, head, in_turn, page, raw, redirect
from harness import check, main, same, same_set

RULES = b"User-agent: *\nDisallow: /no\n"
# Cut in its last line, this would allow what the line before forbids.
CUT = RULES + b"Allow: /no"
WHOLE = CUT + b"thing/that/is/here\n"

ALL, SOME, NONE = {"/no", "/yes"}, {"/yes"}, set()


def text(body, status=200, content_type="text/plain", headers=()):
    return answer(body, status, content_type, headers)


def stored(data):
    """Gzip that does not pack: what is cut off is what stood at the end."""
    packer = zlib.compressobj(0, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush()


def cut_gzip():
    whole = stored(WHOLE)
    return whole[:whole.index(CUT) + len(CUT)]


def short_of_its_length(body):
    return raw(head(["HTTP/1.1 200 OK", "Content-Type: text/plain",
                     f"Content-Length: {len(body) + 100}"]) + body)


# What it is: the answer, and what is asked for afterwards.
ANSWERS = {
    "as it should be": (text(RULES), SOME),
    "packed": (text(gzip.compress(RULES), headers=["Content-Encoding: gzip"]), SOME),
    "packed, and said to be plain": (text(RULES, headers=["Content-Encoding: gzip"]), SOME),
    "with a coding that is a charset": (text(RULES, headers=["Content-Encoding: UTF-8"]), SOME),
    "UTF-16 of an editor": (text(RULES.decode().encode("utf-16")), SOME),
    "lines of an old Mac": (text(RULES.replace(b"\n", b"\r")), SOME),
    "said to be a page": (text(RULES, content_type="text/html"), SOME),
    "of no type": (text(RULES, content_type=None), SOME),
    "a page": (text("<!doctype html><title>Not found</title>Disallow: /"), ALL),
    "partial content": (text(RULES, 206), SOME),
    "no content": (raw(head(["HTTP/1.1 204 No Content"])), ALL),
    "empty": (text(b""), ALL),
    "not authorised": (text(RULES, 401, headers=["WWW-Authenticate: Basic realm=x"]), ALL),
    "forbidden": (text(RULES, 403), ALL),
    "not there": (text(RULES, 404), ALL),
    "moved without a word where": (text(RULES, 301), ALL),
    "moved to itself": (redirect("/robots.txt", 301), ALL),
    "moved to a scheme that is none": (redirect("gopher://h/robots.txt"), ALL),
    "packed, and broken off": (text(cut_gzip(), headers=["Content-Encoding: gzip"]), SOME),
    "packed as nobody asked": (text(b"\x8b\x0b\x80" + bytes(range(200)),
                                    headers=["Content-Encoding: br"]), NONE),
    "broken off": (short_of_its_length(RULES), NONE),
    "out of order": (text(RULES, 500), NONE),
}


def site(t, number, robots):
    server = t.server(FaultServer(f"127.0.1.{number}"))
    return server.on("/robots.txt", robots).on("/no", page("no")).on("/yes", page("yes"))


def asked(server):
    return set(server.paths()) - {"/robots.txt"}


def test_every_kind_of_answer_is_obeyed_as_the_rfc_has_it(t):
    servers = {what: site(t, i + 1, robots)
               for i, (what, (robots, _)) in enumerate(ANSWERS.items())}
    seeds = [server.url(path) for server in servers.values() for path in ("/no", "/yes")]
    crawl = t.crawl(*seeds, robots_give_up=0, retry_delay="100ms").run()
    for what, server in servers.items():
        same_set(asked(server), ANSWERS[what][1], f"{what}: asked for")
    records = crawl.by_url()
    same_set(records, seeds, "records")
    for what, server in servers.items():
        for path in ("/no", "/yes"):
            record = records[server.url(path)]
            reason = ("robots_unreachable" if ANSWERS[what][1] is NONE
                      else "robots_denied" if path not in ANSWERS[what][1] else None)
            same(record.get("reason"), reason, f"{what}: {path}")
    # Asked often enough that it was no accident.
    for what, (_, expected) in ANSWERS.items():
        if expected is NONE:
            check(servers[what].paths().count("/robots.txt") >= 3, f"{what}: asked once")


def test_a_redirected_one_answers_for_the_host_that_asked(t):
    other = site(t, 201, text(b"User-agent: *\nDisallow: /yes\n")).on("/rules", text(RULES))
    server = site(t, 202, redirect(other.url("/rules"), 301))
    t.crawl(*(s.url(path) for s in (server, other) for path in ("/no", "/yes"))).run()
    same_set(asked(server), SOME, "of the one that was redirected")
    same_set(asked(other) - {"/rules"}, {"/no"}, "of the one that has the file")


def test_a_pause_that_is_asked_for_is_made(t):
    server = site(t, 203, in_turn(text(b"", 429, headers=["Retry-After: 1"]), text(RULES)))
    t.crawl(server.url("/no"), server.url("/yes"), retry_delay="100ms").run()
    same_set(asked(server), SOME, "asked for")
    arrivals = sorted(server.arrivals())
    check(arrivals[1] - arrivals[0] >= 0.99, f"again after {arrivals[1] - arrivals[0]:.3f} s")


def test_a_large_one_is_cut_at_a_line(t):
    """What stands behind robots_max_bytes is not read, nor half a line."""
    filler = b"# " + b"x" * 997 + b"\n"
    room = 500 * 1024 - len(CUT)
    body = filler * (room // 1000) + b"#" * (room % 1000 - 1) + b"\n" + WHOLE
    same(body[:500 * 1024][-len(CUT):], CUT, "the end of what is read")
    server = site(t, 204, text(body))
    t.crawl(server.url("/no"), server.url("/yes"), robots_max_bytes="500K").run()
    same_set(asked(server), SOME, "asked for")


if __name__ == "__main__":
    sys.exit(main())
