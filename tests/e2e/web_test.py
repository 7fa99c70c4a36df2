#!/usr/bin/python3
"""The test web itself: that it is as bad as its table says, and its log true."""

import gzip
import http.client
import socket
import ssl
import subprocess
import sys
import time
import urllib.request

from harness import Failure, check, main, same, same_set, wait_until
from web import answer, later_date, page, redirect

HOST = "127.0.1.1"


def get(web, path, host=HOST, headers=None):
    """(status, headers, body) of one request on a connection of its own."""
    connection = http.client.HTTPConnection(host, web.port, timeout=10)
    connection.request("GET", path, headers=headers or {})
    answered = connection.getresponse()
    body = answered.read()
    connection.close()
    return answered.status, answered.headers, body


def one(t, row, **host):
    return t.web({HOST: {"pages": {"/": row}, **host}})


def test_what_a_row_says_is_what_comes(t):
    web = t.web({HOST: {"robots": "User-agent: *\n", "pages": {
        "/": page("first", ["/a", "http://127.0.1.2:{port}/"]),
        "/jp": {"body": "日本", "encode": "shift_jis", "type": "text/plain; charset=latin1"},
        "/zip": {"body": "a" * 1000, "gzip": True},
        "/raw": answer(b"\xff\0\xfe", type=""),
        "/to": redirect("/a", 301),
        "/x*": "any x", "/xy*": "any xy", "*": "any"}}})
    status, headers, body = get(web, "/")
    same((status, headers["content-type"]), (200, "text/html; charset=utf-8"), "first")
    check(f"http://127.0.1.2:{web.port}/".encode() in body, f"the port: {body}")
    same(get(web, "/robots.txt")[2], b"User-agent: *\n", "robots.txt")
    same(get(web, "/jp")[2], "日本".encode("shift_jis"), "an encoded body")
    status, headers, body = get(web, "/zip")
    same((headers["content-encoding"], gzip.decompress(body)), ("gzip", b"a" * 1000), "gzip")
    status, headers, body = get(web, "/raw")
    same((headers["content-type"], body), (None, b"\xff\0\xfe"), "bytes")
    status, headers, body = get(web, "/to")
    same((status, headers["location"]), (301, "/a"), "a redirect")
    same([get(web, path)[2] for path in ("/x", "/x1", "/xyz", "/z")],
         [b"any x", b"any x", b"any xy", b"any"], "prefixes")
    same(get(web, "/", host="127.9.9.9")[0], 404, "status of a host that is in no table")


def test_rows_answer_in_turn_and_tell_what_time_it_is(t):
    web = one(t, [{"status": 503, "headers": later_date(30)}, "{n}"])
    status, headers, _ = get(web, "/")
    same(status, 503, "the first answer")
    wait = time.mktime(time.strptime(headers["retry-after"], "%a, %d %b %Y %H:%M:%S GMT"))
    wait -= time.mktime(time.gmtime())
    check(20 < wait <= 31, f"Retry-After is in {wait} s")
    same([get(web, "/")[2] for _ in range(2)], [b"2", b"3"], "the answers that follow")


def fails(web, path="/"):
    try:
        get(web, path)
    except (OSError, http.client.HTTPException) as e:
        return type(e)
    return None


def test_it_breaks_off_as_it_is_told(t):
    web = t.web({HOST: {"pages": {
        "/half": {"body": "0123456789", "how": "half"}, "/hang": {"how": "hang-up"},
        "/reset": {"how": "reset"}, "/raw": {"body": "no HTTP", "how": "raw"},
        "/longer": {"body": "0123456789", "how": "longer"},
        "/close": {"body": "all of it", "how": "close"},
        "/chunked": {"body": "all of it", "how": "chunked"}}}})
    same([fails(web, path) for path in ("/half", "/hang", "/reset", "/raw", "/longer")],
         [http.client.IncompleteRead, http.client.RemoteDisconnected, ConnectionResetError,
          http.client.BadStatusLine, None], "how it fails")
    same(get(web, "/longer")[2], b"01234", "as long as it was promised")
    same([get(web, path)[2] for path in ("/close", "/chunked")], [b"all of it"] * 2, "bodies")


def test_it_is_slow_as_it_is_told_and_nobody_else_waits(t):
    web = t.web({HOST: {"pages": {
        "/late": {"body": "x", "delay_ms": 300}, "/silent": {"how": "silent"},
        "/drip": {"body": "0123456789", "drip_ms": 30, "burst": 4}, "/": "quick"}}})
    silent = socket.create_connection((HOST, web.port))
    silent.sendall(b"GET /silent HTTP/1.1\r\n\r\n")
    wait_until(lambda: web.arrivals(path="/silent"), 5, "the request that gets no answer")
    for path, least in (("/late", 0.3), ("/drip", 0.15), ("/", 0)):
        start = time.monotonic()
        get(web, path)
        check(time.monotonic() - start >= least, f"{path} came too soon")
    same([a.end for a in web.arrivals(path="/silent")], [None], "end of what never ends")
    silent.close()
    gone = wait_until(lambda: [a for a in web.arrivals(path="/silent") if a.end], 5, "its end")
    same(gone[0].whole, False, "whole")


def ended(web, n):
    """The first `n` requests, once all of them have ended."""
    return wait_until(lambda: len(done := [a for a in web.arrivals() if a.end]) >= n and done,
                      5, f"{n} answers in the log")


def test_the_log_says_who_asked_what_when(t):
    web = one(t, {"body": "x", "delay_ms": 100})
    before = time.monotonic(), time.time()
    connection = http.client.HTTPConnection(HOST, web.port)
    for number in range(2):
        connection.request("GET", "/", headers={"Cookie": f"a={number}"})
        connection.getresponse().read()
    get(web, "/", headers={"Host": "name.localhost"})
    after = time.monotonic(), time.time()
    first, second, third = ended(web, 3)
    same(first.connection, second.connection, "connection of the second")
    check(third.connection != first.connection, "a connection of its own")
    same([a.headers.get("cookie") for a in (first, second, third)], ["a=0", "a=1", None], "cookie")
    same([(a.host, a.ip) for a in (first, third)], [(HOST, HOST), ("name.localhost", HOST)],
         "host and address")
    check(before[0] <= first.when < first.end <= second.when <= after[0], "the order of times")
    check(first.end - first.when >= 0.1, "the time of an answer")
    check(before[1] <= first.unix <= after[1], "the time of day")
    same((first.status, first.whole, web.connections(HOST)), (200, True, 2), "what came of it")


def test_a_table_is_replaced_while_it_runs(t):
    web = one(t, "old")
    same(get(web, "/")[2], b"old", "body")
    web.add({HOST: {"pages": {"/": "new"}}, "127.3.{0-1}.{1-3}": {"pages": {"/": "range {host}"}}})
    same(get(web, "/")[2], b"new", "body")
    same(get(web, "/", host="127.3.1.3")[2], b"range 127.3.1.3", "body of one of a range")


def test_a_table_that_is_wrong_is_refused_by_name(t):
    web = one(t, "old")
    for hosts, word in (({HOST: {"page": {}}}, "page"),
                        ({HOST: {"pages": {"/": {"stauts": 1}}}}, "stauts"),
                        ({HOST: {"pages": {"/": {"status": "200"}}}}, "status"),
                        ({HOST: {"pages": {"/": {"how": "badly"}}}}, "badly"),
                        ({"127.1.{9-1}.1": {}}, "{9-1}"), ({HOST: 7}, "host")):
        try:
            web.add(hosts)
        except Failure as failure:
            check(word in str(failure), f"it does not say {word}: {failure}")
        else:
            raise Failure(f"taken: {hosts}")
    same(get(web, "/")[2], b"old", "body, afterwards")


def test_traps_and_trees_are_made_when_they_are_asked_for(t):
    web = t.web({HOST: {"pages": {
        "/tree/*": {"make": "tree", "n": 30}, "/cal/*": {"make": "calendar"},
        "/f*": {"make": "facets", "n": 3}, "/hop/*": {"make": "countdown", "status": 301},
        "/deep/*": page("deep", ["{path}a/"]), "/s*": page("s", ["/s?sid={n}"])}}})
    seen, todo = set(), [""]
    while todo:
        name = todo.pop()
        status, _, body = get(web, f"/tree/{name}")
        same(status, 200, f"status of {name}")
        for word in body.decode().split('href="')[1:]:
            link = word.split('"')[0].replace("./", "")
            if link not in seen:
                seen.add(link)
                todo.append(link)
    same_set(seen, ["", *(f"page{i}.html" for i in range(1, 30))], "pages of the tree")
    same(get(web, "/tree/page30.html")[0], 404, "status of a page too many")
    check(b'"/cal/2027/1"' in get(web, "/cal/2026/12")[2], "the month after December")
    check(b"?f1=1&amp;f0=1" in get(web, "/f?f1=1")[2], "another filter")
    status, headers, _ = get(web, "/hop/7")
    same((status, headers["location"]), (301, "/hop/6"), "a hop")
    same(get(web, "/hop/0")[0], 200, "status of the last hop")
    check(b'"/deep/b/a/"' in get(web, "/deep/b/")[2], "deeper")
    get(web, "/s")
    check(b'"/s?sid=2"' in get(web, "/s")[2], "another session")


def curl(web, url, *words):
    done = subprocess.run(["curl", "-s", "-m", "5", "-w", "%{http_version}", *words, url],
                          capture_output=True, check=False)
    return done.returncode, done.stdout


def test_it_speaks_tls_by_its_own_authority(t):
    web = t.web({HOST: {"pages": {"/": "safe {base}"}},
                 "name.localhost": {"pages": {"/": "named"}},
                 "expired.localhost": {"tls": "expired"}, "other.localhost": {"tls": "other-name"},
                 "self.localhost": {"tls": "self"}, "none.localhost": {"tls": "none"},
                 "silent.localhost": {"tls": "silent"}})
    context = ssl.create_default_context(cafile=web.ca)
    body = urllib.request.urlopen(web.url(HOST, scheme="https"), context=context).read()
    same(body, b"safe " + web.url(HOST, "", "https").encode(), "body")

    def shake(name):
        raw = socket.create_connection(("127.0.0.1", web.port), timeout=0.3)
        try:
            context.wrap_socket(raw, server_hostname=name).close()
        except ssl.SSLCertVerificationError as e:
            return e.verify_message
        except (TimeoutError, ssl.SSLError) as e:
            return type(e).__name__
        finally:
            raw.close()
        return None
    same(shake("name.localhost"), None, "a good certificate")
    check("expired" in shake("expired.localhost"), "it has not expired")
    check("mismatch" in shake("other.localhost"), "it is for this name")
    check("self" in shake("self.localhost"), "it is not its own")
    same(shake("none.localhost"), "SSLError", "no TLS")
    same(shake("silent.localhost"), "TimeoutError", "no answer to the handshake")


def test_it_speaks_http2_where_tls_offers_it(t):
    web = t.web({HOST: {"pages": {
        "/": {"body": "0123456789", "size": 100000, "headers": {"X-Y": "z"}},
        "/half": {"body": "0123456789", "how": "half"}, "/hang": {"how": "hang-up"},
        "/drip": {"body": "0123", "drip_ms": 20}, "/late": {"body": "late", "delay_ms": 100}}}})

    def ask(path, *words):
        return curl(web, web.url(HOST, path, "https"), "--cacert", web.ca, *words)
    same(ask("/"), (0, b"0123456789" * 10000 + b"2"), "a long body")
    same(ask("/", "--http1.1")[1][-3:], b"1.1", "version")
    same([ask(path) for path in ("/drip", "/late")], [(0, b"01232"), (0, b"late2")], "slow ones")
    check(ask("/half")[0] != 0 and ask("/half")[1].startswith(b"01234"), f"{ask('/half')}")
    check(ask("/hang")[0] != 0, f"{ask('/hang')}")
    # Many at once, on one connection.
    urls = [web.url(HOST, "/late", "https")] * 20
    done = subprocess.run(["curl", "-s", "-m", "5", "-Z", "--cacert", web.ca, *urls],
                          capture_output=True, check=False)
    same(done.stdout, b"late" * 20, "twenty at once")
    late = [a for a in ended(web, 26) if a.path == "/late"][1:]
    check(all(a.h2 and a.scheme == "https" for a in late), "HTTP/2 by the log")
    check(max(a.when for a in late[5:]) < min(a.end for a in late[5:]), "one after the other")
    check(len({a.connection for a in late}) <= 3, "a connection for each")


def test_it_takes_thousands_of_connections(t):
    web = t.web({"127.2.{0-7}.{1-250}": {"pages": {"/": {"body": "x", "delay_ms": 500}}}})
    peers = []
    for i in range(2000):
        peer = socket.create_connection((f"127.2.{i // 250}.{i % 250 + 1}", web.port), 10)
        peer.sendall(b"GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % peer.getpeername()[0].encode())
        peers.append(peer)
    for peer in peers:
        check(peer.recv(4096).startswith(b"HTTP/1.1 200"), "no answer")
        peer.close()
    same(len({a.host for a in web.arrivals()}), 2000, "hosts")


if __name__ == "__main__":
    sys.exit(main())
