#!/usr/bin/python3
"""A web that misbehaves and a machine that runs short: nothing is lost."""

import os
import subprocess
import sys
import time

import sites
from faults import (FaultServer, answer, bomb, drip, head, html, in_turn, page, raw, redirect,
                    silence)
from harness import (DISK, FINISHED, INTERNAL, LIMIT, NO_SEED, PATIENCE, STOPPED, USAGE, check,
                     kill, main, own_mounts, read_bytes, same, same_set, tail, wait_until)

# Trouble is tried again soon and given up soon, so that the tests are quick.
HASTY = {"retries": 2, "retry_delay": "50ms", "backoff": "1s", "max_backoff": "1s",
         "robots_give_up": "1s", "host_give_up": "1s"}
# The page itself is what meets the trouble, not its robots.txt before it.
ALONE = {**HASTY, "robots": "ignore"}


def meets(t, fault, seconds=20, path="/fault", **settings):
    """A site whose first page links to the fault and to a good page: both have
    their record, and the crawl ends as if nothing were wrong.  Returns the
    record of the fault, the server and the crawl."""
    server = FaultServer().on("/", page("first", [path, "/good"])).on("/good", page("good"))
    server.on(path, fault)
    t.server(server)
    crawl = t.crawl(server.url(), **{**HASTY, **settings}).run(FINISHED, seconds)
    same(crawl.record(server.url("/good"))["status"], 200, "status of the good page")
    same(crawl.record(server.url("/good"))["title"], "good", "title of the good page")
    crawl.report()
    calm(crawl)
    return crawl.record(server.url(path)), server, crawl


def calm(crawl):
    """No worker had to be replaced."""
    said = crawl.said().lower()
    for word in ("signal", "killed", "crash"):
        check(word not in said, f"it said {word!r}: {tail(crawl.said())}")


# --- the name, the connection, TLS ---------------------------------------------

def test_host_not_found(t):
    # Bounds the resolver's own patience, where there is no network.
    os.environ["RES_OPTIONS"] = "timeout:1 attempts:1"
    url = "http://no-such-host.invalid/"
    crawl = t.crawl(url, contact="me@example.org", dns_negative_ttl="1s", max_dns_negative_ttl="1s",
                    **ALONE).run(NO_SEED, 60)
    record = crawl.record(url)
    check(record["reason"] in ("dns_fail", "host_down"), f"the record: {record}")
    check("status" not in record, "a status came from nowhere")
    check("dns_fail" in crawl.said(), f"it does not say why: {tail(crawl.said())}")


def test_connection_refused(t):
    server = FaultServer()
    server.close()  # the port was free a moment ago
    crawl = t.crawl(server.url("/"), **ALONE).run(NO_SEED)
    same(crawl.record(server.url("/"))["reason"], "connect_fail", "reason")
    crawl.report()


def test_a_host_that_is_down_is_given_up(t):
    """Its robots.txt cannot be had either: nothing of it may be fetched."""
    server = FaultServer()
    server.close()
    urls = [server.url(f"/{i}") for i in range(5)]
    crawl = t.crawl(*urls, **HASTY).run(NO_SEED)
    found = crawl.by_url()
    same_set(found, urls, "records")
    for record in found.values():
        check(record["reason"] in ("robots_unreachable", "host_down", "connect_fail"),
              f"the record: {record}")
    crawl.report()


def test_a_crawl_that_only_waits_says_for_what(t):
    """At the defaults a robots.txt that cannot be had is waited for for an hour."""
    server = FaultServer()
    server.close()
    busy = t.server(FaultServer("127.0.0.2").on("/robots.txt", answer("busy", 503)))
    for url, why in ((server.url("/"), "connect_fail"), (busy.url("/"), "status 503")):
        crawl = t.crawl(url).start()
        wait_until(lambda c=crawl: "robots.txt" in c.said(), 10, "it to say what it waits for")
        for text in (url + "robots.txt", why, "robots_give_up"):
            check(text in crawl.said(), f"it does not say {text}: {tail(crawl.said())}")
        crawl.command("stop", seconds=15)
        crawl.ends(STOPPED, 15)
        same(crawl.said().count("robots.txt"), 1, "lines about it")


def test_a_refused_host_does_not_hold_up_another(t):
    dead = FaultServer("127.0.0.2")
    dead.close()
    good = t.server(FaultServer("127.0.0.3").on("/", page("good")))
    crawl = t.crawl(dead.url("/"), good.url("/"), **HASTY).run(FINISHED)
    check("reason" in crawl.record(dead.url("/")), "the dead host's record")
    same(crawl.record(good.url("/"))["status"], 200, "status")


def certificate(t):
    path = t.path("own.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=somebody.else", "-keyout", path + ".key", "-out", path],
                   check=True, capture_output=True)
    with open(path, "a", encoding="ascii") as out, open(path + ".key", encoding="ascii") as key:
        out.write(key.read())
    return path


def test_a_bad_certificate_is_refused(t):
    server = t.server(FaultServer(certificate=certificate(t)).on("/", page("secret")))
    crawl = t.crawl(server.url("/"), tls_verify="refuse", **ALONE).run(NO_SEED)
    same(crawl.record(server.url("/"))["reason"], "tls_fail", "reason")
    same(server.paths(), [], "requests")


def test_a_bad_certificate_is_recorded(t):
    server = t.server(FaultServer(certificate=certificate(t)).on("/", page("secret")))
    crawl = t.crawl(server.url("/"), tls_verify="record", **HASTY).run()
    record = crawl.record(server.url("/"))
    same(record["title"], "secret", "title")
    same(record["tls"]["cert_ok"], False, "cert_ok")


def test_a_server_that_does_not_speak_tls(t):
    server = t.server(FaultServer().on("/", page()))
    url = server.url("/").replace("http:", "https:")
    crawl = t.crawl(url, **ALONE).run(NO_SEED)
    same(crawl.record(url)["reason"], "tls_fail", "reason")


# --- statuses ------------------------------------------------------------------

def test_404_is_a_record_not_a_failure(t):
    record, server, crawl = meets(t, answer(html("gone", ["/behind"]), 404))
    same(record["status"], 404, "status")
    same(server.hits("/fault"), 1, "requests")
    same(crawl.report()["failed"], 0, "failed")


def test_500_is_tried_again_then_recorded(t):
    record, server, crawl = meets(t, answer("oops", 500))
    same(record["status"], 500, "status")
    same(server.hits("/fault"), 3, "requests: one, and two retries")
    same(crawl.report()["failed"], 1, "failed")


def test_500_that_passes_is_a_page(t):
    record, server, crawl = meets(t, in_turn(answer("oops", 500), page("well")))
    same((record["status"], record["title"]), (200, "well"), "status and title")
    same(server.hits("/fault"), 2, "requests")
    same(crawl.report()["failed"], 0, "failed")


def test_503_waits_as_long_as_the_site_asks(t):
    busy = answer("busy", 503, headers=["Retry-After: 2"])
    record, server, _ = meets(t, in_turn(busy, page("well")))
    same(record["status"], 200, "status")
    first, second = server.arrivals("/fault")
    check(second - first >= 2, f"asked again after {second - first:.2f} s, not 2")
    # The wish is the host's, not the page's.
    late = [when for when in server.arrivals() if first < when < first + 1.99]
    same(late, [], "requests while the host wanted a rest")


def test_503_for_ever_ends_in_a_record(t):
    # Asking for no time at all, so that the test need not wait for the end.
    busy = answer("busy", 503, headers=["Retry-After: 0"])
    record, _, crawl = meets(t, busy, seconds=40)
    same(record["status"], 503, "status")
    same(crawl.report()["failed"], 1, "failed")


def test_no_seed_fetched_has_its_own_status(t):
    server = t.server(FaultServer().on("/", raw(b"")))
    crawl = t.crawl(server.url("/"), **HASTY).run(NO_SEED)
    same(crawl.record(server.url("/"))["reason"], "read_fail", "reason")


# --- redirects -----------------------------------------------------------------

def test_a_redirect_is_a_record_and_its_target_another(t):
    record, server, crawl = meets(t, redirect("/target"))
    same(record["status"], 302, "status")
    same(crawl.record(server.url("/target"))["status"], 404, "status of the target")
    same(crawl.record(server.url("/target"))["via"], server.url("/fault"), "via")
    same(crawl.record(server.url("/target"))["redirect_chain"],
         [{"url": server.url("/fault"), "status": 302}], "chain")
    check("redirect_chain" not in record, "a chain in front of the first redirect")


def test_a_redirect_loop_ends(t):
    server = FaultServer().on("/", page("first", ["/a", "/self"]))
    server.on("/a", redirect("/b")).on("/b", redirect("/a")).on("/self", redirect("/self"))
    t.server(server)
    crawl = t.crawl(server.url(), **HASTY).run()
    same_set(crawl.by_url(), [server.url(path) for path in ("/", "/a", "/b", "/self")],
             "records")
    same(server.hits("/a"), 1, "requests of /a")
    same(server.hits("/self"), 1, "requests of /self")
    for path in ("/b", "/self"):
        same(crawl.record(server.url(path))["reason"], "redirect_loop", f"reason of {path}")
    check("reason" not in crawl.record(server.url("/a")), "the loop's first redirect failed")


def test_a_redirect_chain_is_cut_at_the_limit(t):
    server = FaultServer()
    for i in range(30):
        server.on(f"/hop{i}", redirect(f"/hop{i + 1}"))
    server.on("/", page("first", ["/hop0"]))
    t.server(server)
    crawl = t.crawl(server.url(), max_redirects=5, **HASTY).run()
    found = crawl.by_url()
    last = found[server.url("/hop5")]
    same(last["reason"], "too_many_redirects", "reason")
    check(server.url("/hop6") not in found, "the chain went on")
    same(len(found), 7, "records")
    same([hop["url"] for hop in last["redirect_chain"]],
         [server.url(f"/hop{i}") for i in range(5)], "chain")


def test_a_redirect_to_another_form_of_the_page_is_one_record(t):
    """The key of both is the same: the second form would be taken for seen."""
    server = FaultServer().on("/", page("first", ["/p?utm_source=x&b=1&a=2"]))
    server.on("/p?utm_source=x&b=1&a=2", redirect("/p?a=2&b=1", 301))
    t.server(server.on("/p?a=2&b=1", page("well", ["/behind"])))
    crawl = t.crawl(server.url(), **HASTY).run()
    found = crawl.by_url()
    same_set(found, [server.url(path) for path in ("/", "/p?a=2&b=1", "/behind")], "records")
    record = found[server.url("/p?a=2&b=1")]
    same((record["status"], record["title"]), (200, "well"), "status and title")
    same(record["redirect_chain"],
         [{"url": server.url("/p?utm_source=x&b=1&a=2"), "status": 301}], "chain")
    crawl.report()


def test_a_redirect_from_https_is_followed_unless_that_is_refused(t):
    plain = t.server(FaultServer().on("/target", page("plain")))
    secret = FaultServer(certificate=certificate(t)).on("/", redirect(plain.url("/target")))
    t.server(secret)
    crawl = t.crawl(secret.url("/"), scope="any", **HASTY).run()
    same(crawl.record(plain.url("/target"))["title"], "plain", "title")
    asked = plain.hits("/target")
    crawl = t.crawl(secret.url("/"), scope="any", downgrade="refuse", **HASTY).run(NO_SEED)
    same(crawl.record(secret.url("/"))["reason"], "redirect_downgrade", "reason")
    same(plain.hits("/target"), asked, "requests of the target")


def test_a_redirect_out_of_scope_is_not_followed(t):
    other = t.server(FaultServer("127.0.0.2").on("/", page()))
    record, _, _ = meets(t, redirect(other.url("/")))
    same(record["status"], 302, "status")
    same(other.paths(), [], "requests of the other host")


# --- bodies --------------------------------------------------------------------

def test_a_body_over_the_limit_is_cut_and_still_read(t):
    long = html("long", ["/behind"], "x" * 1_000_000)
    record, server, crawl = meets(t, answer(long), max_body="64K")
    same((record["status"], record["truncated"]), (200, "length"), "status and truncated")
    same(record["length_wire"], 65536, "length")
    same(record["title"], "long", "title")
    same(crawl.record(server.url("/behind"))["status"], 404, "the link before the cut")


def test_a_length_that_promises_too_much(t):
    body = html("liar", ["/behind"]).encode()
    lie = head(["HTTP/1.1 200 OK", "Content-Type: text/html", "Content-Length: 100000"])
    record, server, crawl = meets(t, raw(lie + body))
    same((record["status"], record["truncated"]), (200, "disconnect"), "status and truncated")
    same(record["title"], "liar", "title")
    crawl.record(server.url("/behind"))


def test_a_length_that_promises_too_little(t):
    body = html("liar").encode()
    lie = head(["HTTP/1.1 200 OK", "Content-Type: text/html", f"Content-Length: {len(body)}"])
    record, _, _ = meets(t, raw(lie + body + b"HTTP/1.1 200 OK\r\n\r\nsmuggled" * 50))
    same((record["status"], record["title"]), (200, "liar"), "status and title")
    same(record["length_wire"], len(body), "length")


def test_a_connection_closed_half_way_through_the_body(t):
    body = html("half", ["/behind"]).encode()
    begin = head(["HTTP/1.1 200 OK", "Content-Type: text/html", "Transfer-Encoding: chunked"])
    chunk = f"{len(body):x}\r\n".encode() + body + b"\r\n" + b"ffff\r\nand then"
    record, server, crawl = meets(t, raw(begin + chunk))
    same((record["status"], record["truncated"]), (200, "disconnect"), "status and truncated")
    same(record["title"], "half", "title")
    crawl.record(server.url("/behind"))


def test_a_connection_closed_half_way_through_the_head(t):
    record, server, _ = meets(t, raw(b"HTTP/1.1 200 OK\r\nContent-Ty"))
    check(record.get("reason") == "read_fail" or record.get("truncated") == "disconnect",
          f"the record: {record}")
    check(server.hits("/fault") <= 3, "more than two retries")


def test_an_answer_that_is_not_http(t):
    record, _, _ = meets(t, raw(b"220 mail.example.org ESMTP\r\n"))
    same(record["reason"], "read_fail", "reason")


def test_a_head_without_end(t):
    record, _, _ = meets(t, raw(b"HTTP/1.1 200 OK\r\n" + b"X-Filler: " + b"x" * 4_000_000))
    same(record["reason"], "read_fail", "reason")


def test_ten_thousand_header_lines(t):
    lines = ["HTTP/1.1 200 OK", "Content-Type: text/html", "Content-Length: 0"]
    record, _, _ = meets(t, raw(head(lines + [f"X-{i}: {i}" for i in range(10_000)])))
    check("status" in record or "reason" in record, f"the record: {record}")


def test_a_server_that_sends_one_byte_a_second(t):
    begin = head(["HTTP/1.1 200 OK", "Content-Type: text/html", "Content-Length: 5000"])
    body = html("slow").encode() + b"x" * 4000
    start = time.monotonic()
    record, _, _ = meets(t, drip(body, 1, begin), low_speed="1K/s for 2s", retries=0)
    check(time.monotonic() - start < 10 * PATIENCE, "the limit did not end it")
    check(record.get("truncated") == "time" or record.get("reason") == "low_speed",
          f"the record: {record}")


def test_a_server_that_never_ends_meets_the_total_limit(t):
    begin = head(["HTTP/1.1 200 OK", "Content-Type: text/html"])
    body = html("long").encode() * 5000
    record, _, _ = meets(t, drip(body, 0.01, begin), total_timeout="2s", retries=0)
    check(record.get("truncated") == "time" or record.get("reason") == "timeout_total",
          f"the record: {record}")


def test_a_server_that_never_answers_meets_the_first_byte_limit(t):
    record, server, _ = meets(t, silence(), first_byte_timeout="1s")
    same(record["reason"], "timeout_first_byte", "reason")
    same(server.hits("/fault"), 3, "requests: one, and two retries")


def test_no_content_type(t):
    record, server, crawl = meets(t, answer(html("bare", ["/behind"]), content_type=None))
    same(record["status"], 200, "status")
    same(record["title"], "bare", "title, of what was seen to be HTML")
    crawl.record(server.url("/behind"))


def test_an_image(t):
    png = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20 + b'<a href="/behind">'
    record, server, _ = meets(t, answer(png, content_type="image/png"))
    same((record["status"], record["content_type"]), (200, "image/png"), "status and type")
    same(record["length_wire"], len(png), "length")
    same(server.hits("/behind"), 0, "requests of what looked like a link")


def test_a_pdf(t):
    pdf = b"%PDF-1.7\n" + b'<a href="/behind">' * 50
    record, server, _ = meets(t, answer(pdf, content_type="application/pdf"))
    same((record["status"], record["content_type"]), (200, "application/pdf"), "status and type")
    same(server.hits("/behind"), 0, "requests of what looked like a link")


def test_an_empty_page(t):
    record, _, _ = meets(t, answer(b""))
    same((record["status"], record["length_wire"]), (200, 0), "status and length")


def test_a_page_of_nul_bytes(t):
    record, _, _ = meets(t, answer(b"\0" * 100_000))
    same((record["status"], record["length_wire"]), (200, 100_000), "status and length")


def test_random_bytes_as_html_in_every_charset(t):
    noise = os.urandom(50_000)
    for charset in ("utf-16le", "shift_jis", "iso-2022-jp", "gb18030", "nonsense"):
        record, _, _ = meets(t, answer(noise, content_type=f"text/html; charset={charset}"))
        same((record["status"], record["length_wire"]), (200, 50_000), "status and length")


def test_a_gzip_bomb(t):
    record, _, _ = meets(t, bomb(100), max_decoded="4M", max_body="2M")
    same((record["status"], record["truncated"]), (200, "decoded"), "status and truncated")
    check(record["length_wire"] < 2_000_000, f"the wire's length: {record}")


def test_gzip_that_is_not(t):
    record, _, _ = meets(t, answer(html("plain"), headers=["Content-Encoding: gzip"]))
    same(record["status"], 200, "status")


def test_a_hundred_thousand_deep(t):
    deep = "<!DOCTYPE html><title>deep</title>" + "<div>" * 100_000
    start = time.monotonic()
    record, _, _ = meets(t, answer(deep))
    same((record["status"], record["truncated"]), (200, "parse"), "status and truncated")
    check(time.monotonic() - start < 10 * PATIENCE, "it took long")


def test_hostile_links(t):
    links = ["http://" + "a" * 5000 + "/", "/" + "x" * 9000, "javascript:alert(1)",
             "mailto:a@b", "data:text/html,x", "http://[", "//", "?" + "&" * 3000, "\x01\x02",
             "http://127.0.0.1:0/", "http://0x7f.1/", "../" * 2000 + "etc"]
    record, _, _ = meets(t, page("links", links))
    same((record["status"], record["title"]), (200, "links"), "status and title")


# --- the machine ----------------------------------------------------------------

def small_site(t, n, size=600):
    root = t.path("site")
    names = sites.generate(root, n, size)
    site = t.site(root)
    return site, [site.url + name for name in names]


def test_dev_shm_of_1_mib(t):
    """Too small even for a small crawl: refused, with the way out; the seed is
    kept, and a larger one (a small one still) is enough to finish."""
    site, urls = small_site(t, 300)
    t.tmpfs("/dev/shm", "1M")
    crawl = t.crawl(site.url + "index.html", host_concurrency=8)
    status = crawl.start().wait()
    said = crawl.said()
    check("/dev/shm" in said, f"it does not say what is small: {tail(said)}")
    same(os.listdir("/dev/shm"), [], "left in /dev/shm")
    if status != FINISHED:
        same(status, USAGE, f"exit status; it said: {tail(said)}")
        check("size=" in said, f"it does not say what to do: {tail(said)}")
        t.resize_tmpfs("/dev/shm", "8M")
        crawl.words = []
        crawl.start().ends(FINISHED)
        check("/dev/shm is small" in crawl.said(), f"it said: {tail(crawl.said())}")
    same_set(crawl.by_url(), urls, "records")


def test_large_pages_through_a_small_dev_shm(t):
    """Many pages that do not fit side by side: they take turns."""
    site, urls = small_site(t, 60, size=1_500_000)
    t.tmpfs("/dev/shm", "12M")
    crawl = t.crawl(site.url + "index.html", host_concurrency=16).run(FINISHED, 60)
    same_set(crawl.by_url(), urls, "records")
    same({record["status"] for record in crawl.by_url().values()}, {200}, "statuses")
    cut = [url for url, record in crawl.by_url().items() if "truncated" in record]
    same(cut, [], "pages that were cut for want of memory")


def test_file_descriptors_run_out(t):
    site, urls = small_site(t, 200)
    shell = ["bash", "-c", 'ulimit -n 64; exec "$@"', "-"]
    crawl = t.crawl(site.url + "index.html", prefix=shell, host_concurrency=64, crawlers=2)
    crawl.run(FINISHED, 60)
    same_set(crawl.by_url(), urls, "records")
    same({record["status"] for record in crawl.by_url().values()}, {200}, "statuses")


def full_disk(t, **settings):
    """A crawl that has filled the small disk which its directory is on."""
    site, urls = small_site(t, 400, size=100_000)
    disk = t.path("disk")
    t.tmpfs(disk, "24M")
    crawl = t.crawl(site.url + "index.html", dir=os.path.join(disk, "crawl"), disk_reserve=0,
                    fields="+body", report=t.path("report"), **settings)
    crawl.report_path = t.path("report")
    crawl.start()
    wait_until(lambda: "disk_reserve" in crawl.said() or not crawl.running(), 30,
               lambda: f"it to say so; it said:\n{tail(crawl.said())}")
    check(crawl.running(), lambda: f"it ended; it said:\n{tail(crawl.said())}")
    return crawl, disk, urls


def test_a_full_disk_pauses_the_crawl_until_there_is_room(t):
    crawl, disk, urls = full_disk(t)
    wait_until(crawl.answers, 10, "status to answer")
    time.sleep(0.5)  # it must wait, not spin or end
    check(crawl.running(), lambda: f"it did not wait; it said:\n{tail(crawl.said())}")
    t.resize_tmpfs(disk, "200M")
    crawl.ends(FINISHED, 60)
    same_set(crawl.by_url(), urls, "records")
    crawl.report()


def test_a_stop_while_the_disk_is_full_has_its_own_status(t):
    crawl, disk, urls = full_disk(t)
    wait_until(crawl.answers, 10, "status to answer")
    crawl.command("stop", seconds=15)
    crawl.ends(DISK, 15)
    t.resize_tmpfs(disk, "200M")
    crawl.start().ends(FINISHED, 60)
    same_set(crawl.by_url(), urls, "records")


def test_output_that_nobody_reads_ends_with_the_crawl(t):
    """SIGPIPE, or a full pipe: the crawl is not held by its reader."""
    site, urls = small_site(t, 100)
    shell = ["bash", "-c", '"$@" | head -n 1 >/dev/null; exit "${PIPESTATUS[0]}"', "-"]
    crawl = t.crawl(site.url + "index.html", prefix=shell, output="-")
    status = crawl.start().wait()
    check(status in (FINISHED, STOPPED), f"exit status {status}: {tail(crawl.said())}")
    if status == FINISHED:
        same_set(crawl.by_url(), urls, "records")


def test_a_slow_reader_gets_every_line(t):
    """The crawl ends long before its reader does, and waits for it."""
    site, urls = small_site(t, 400)
    out = t.path("lines")
    shell = ["bash", "-c", '"$@" | (sleep 3; cat >' + str(out) + '); exit "${PIPESTATUS[0]}"', "-"]
    crawl = t.crawl(site.url + "index.html", prefix=shell, output="-", stop_timeout="1s")
    crawl.run(FINISHED)
    with open(out, "rb") as lines:
        read = lines.read()
    written = b"".join(read_bytes(path) for path in crawl.outputs())
    same(read.count(b"\n"), len(urls), "lines that the reader got")
    check(read == written, "what the reader got is not what was written")


def test_a_store_that_is_damaged_ends_the_crawl(t):
    """Nothing that a restart could mend: said, and not tried for ever."""
    site, _ = small_site(t, 50)
    crawl = t.crawl(site.url + "index.html", host_delay="100ms", robots="ignore")
    crawl.start().wait_count(2)
    with open(os.path.join(crawl.dir, "frontier", "CURRENT"), "w", encoding="utf-8") as f:
        f.write("nonsense")
    kill(crawl.workers()["scheduler"])
    crawl.ends(INTERNAL, 30)
    check("scheduler" in crawl.said() and "in a row" in crawl.said(),
          f"it said: {tail(crawl.said())}")


def test_the_longest_url_cannot_be_made_shorter(t):
    site, _ = small_site(t, 5)
    crawl = t.crawl(site.url + "index.html", max_pages=2).run(LIMIT)
    crawl.settings.pop("max_pages")
    crawl.words = []
    crawl.settings["max_url_length"] = 1024
    same(crawl.start().wait(), USAGE, f"exit status; it said: {crawl.said()}")
    check("max_url_length" in crawl.said(), f"it said: {crawl.said()}")


if __name__ == "__main__":
    own_mounts()
    sys.exit(main())
