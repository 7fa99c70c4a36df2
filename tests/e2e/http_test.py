#!/usr/bin/python3
"""HTTP as it is configured, and where redirects may lead, by the servers' logs."""

import base64
import json
import os
import sys

from faults import FaultServer, answer, html, page, redirect
from harness import FINISHED, NO_SEED, check, main, read_bytes, same, same_set, tail, wait_until
from relay import Relay
from web import page as web_page

HASTY = {"retries": 1, "retry_delay": "50ms", "host_give_up": "1s", "robots_give_up": "1s"}


def settings(t, text):
    """A crawl directory with these settings in its file."""
    folder = t.path(f"crawl-{t.number()}")
    os.makedirs(folder)
    with open(folder + "/mpcrawl.conf", "w", encoding="ascii") as f:
        f.write(text)
    return folder


def headers(server, path):
    """{name: value} of the last request of this path, names in lower case."""
    lines = server.head(path).split("\r\n")[1:]
    return {name.lower(): value for name, _, value in
            (line.partition(": ") for line in lines if line)}


def everything(folder):
    """All that the crawl has written, but for its settings."""
    return {os.path.join(path, name): read_bytes(os.path.join(path, name))
            for path, _, names in os.walk(folder) for name in names if name != "mpcrawl.conf"}


# --- what one host is given ----------------------------------------------------

def test_one_host_gets_its_password_headers_and_cookies_and_no_other(t):
    mine, other = FaultServer("127.0.0.1"), FaultServer("127.0.0.2")
    mine.on("/", answer("<a href=/in>x</a><a href=/out>x</a>", headers=["Set-Cookie: s=seen"]))
    mine.on("/in", page("in")).on("/out", redirect(other.url("/there")))
    other.on("/there", answer("<a href=/more>x</a>", headers=["Set-Cookie: o=x"]))
    other.on("/more", page("more"))
    for server in (mine, other):
        t.server(server)
    folder = settings(t, f"""
header = Accept-Language: en
auth = {mine.url("/")} me:very secret
[host "127.0.0.1:{mine.port}"]
header = X-Key: for you alone
cookies = host
""")
    crawl = t.crawl(mine.url("/"), dir=folder, scope="any", host_concurrency=1, **HASTY).run()
    word = "Basic " + base64.b64encode(b"me:very secret").decode()
    for path in ("/robots.txt", "/", "/in", "/out"):
        got = headers(mine, path)
        same((got.get("authorization"), got.get("x-key"), got.get("accept-language")),
             (word, "for you alone", "en"), f"headers of {path}")
    same([headers(mine, path).get("cookie") for path in ("/", "/in")], [None, "s=seen"], "cookies")
    for path in ("/robots.txt", "/there", "/more"):
        got = headers(other, path)
        same_set(got, ["host", "user-agent", "accept", "accept-encoding", "accept-language"],
                 f"headers of {path} at the other host")
    # The password is nowhere but in the settings.
    for name, content in everything(folder).items():
        check(b"very secret" not in content and word.encode() not in content, f"in {name}")
    check("very secret" not in crawl.said(), "the log has the password")
    check("very secret" not in crawl.command("check").out, "check shows the password")


def test_a_password_among_the_options_or_in_a_seed_is_refused(t):
    server = t.server(FaultServer().on("/", page()))
    url = server.url("/").replace("http://", "http://me:secret@")
    crawl = t.crawl(url, **HASTY).start()
    check(crawl.wait() != FINISHED, "a seed with a password was taken")
    check("auth" in crawl.said() and "secret" not in crawl.said(), f"said: {tail(crawl.said())}")
    for url, key in (("http://me:secret@10.0.0.1/", "allow_private"),
                     ("http://me:secret@far.example/", "contact")):
        crawl = t.crawl(url, allow_private=None)
        check(crawl.start().wait() != FINISHED, f"{url} was taken")
        check(key in crawl.said() and "secret" not in crawl.said(), f"said: {crawl.said()}")
    result = t.crawl().command("check", "--auth", server.url("/") + " me:secret")
    result.refused("mpcrawl.conf")
    check("secret" not in result.err, f"{result!r}")
    same(server.paths(), [], "requests")


def test_a_link_with_a_password_is_asked_for_without(t):
    server = FaultServer()
    server.on("/", page("first", [f"http://me:secret@127.0.0.1:{server.port}/in"]))
    t.server(server.on("/in", page("in")))
    crawl = t.crawl(server.url("/"), **HASTY).run()
    same(crawl.record(server.url("/in"))["status"], 200, "status")
    check("authorization" not in headers(server, "/in"), "the page's password was sent")


def test_a_password_of_a_link_is_written_nowhere(t):
    """In a page, in its headers, in redirects, in robots.txt, in a sitemap, and asked about."""
    server = FaultServer()
    loud = f"http://me:secret@127.0.0.1:{server.port}"
    more = f'<img src="{loud}/i"><form action="{loud}/f"></form>'
    server.on("/robots.txt", redirect(loud + "/r.txt"))
    server.on("/r.txt", answer(f"Sitemap: {loud}/map.xml\nSitemap: {loud}/none.xml\n",
                               content_type="text/plain"))
    server.on("/map.xml", answer(f"<urlset><url><loc>{loud}/listed</loc></url></urlset>",
                                 content_type="application/xml"))
    server.on("/", answer(html("first", [loud + "/in", loud + "/gone", loud + "/moved", "#x"], more),
                          headers=[f"Link: <{loud}/next>; rel=next, <{loud}/>; rel=canonical"]))
    server.on("/moved", redirect(loud + "/target"))
    for path in ("/in", "/listed", "/next", "/i", "/f", "/target"):
        server.on(path, page(path))
    t.server(server)
    crawl = t.crawl(server.url("/"), fields="+links", resources=True, forms=True, host_delay=0,
                    **HASTY).run()
    paths = ["/", "/in", "/gone", "/moved", "/target", "/listed", "/next", "/i", "/f"]
    same_set(crawl.by_url(), [server.url(path) for path in paths], "records")
    links = [link["url"] for link in crawl.record(server.url("/"))["links"]]
    same_set([url for url in links if url != server.url("/")],
             [server.url(path) for path in ("/in", "/gone", "/moved", "/next", "/i", "/f")], "links")
    same(crawl.record(server.url("/"))["canonical"], server.url("/"), "canonical")
    told = crawl.command("why", loud + "/in", "--json")
    same(json.loads(told.out)["url"], server.url("/in"), "the URL that is told of")
    told = told.out + crawl.command("why", loud + "/in").out + crawl.command("why", loud + "/x").out
    check("secret" not in told + crawl.said(), f"{told}\n{crawl.said()}")
    # The store has robots.txt as it was served; nobody reads a line of it there.
    for name, content in everything(os.path.join(crawl.dir, "out")).items():
        check(b"secret" not in content, f"in {name}")


def test_a_cookie_wall_is_passed_with_cookies_and_a_loop_without(t):
    for cookies, status in (("host", FINISHED), ("off", NO_SEED)):
        server = FaultServer()

        def wall(connection, server=server):
            if "cookie: ok=1" in server.head("/").lower():
                return page("behind")(connection)
            return answer("", 302, headers=["Location: /", "Set-Cookie: ok=1"])(connection)
        t.server(server.on("/", wall))
        crawl = t.crawl(server.url("/"), cookies=cookies, **HASTY).run(status)
        record = crawl.record(server.url("/"))
        if cookies == "host":
            same((record["title"], record["redirect_chain"]),
                 ("behind", [{"url": server.url("/"), "status": 302}]), "title and chain")
        else:
            same(record["reason"], "redirect_loop", "reason")


def test_a_crawl_goes_through_its_proxy(t):
    """An HTTP proxy is asked for whole URLs, of hosts that only it can find."""
    proxy = FaultServer()
    site = "http://far.example"
    proxy.on(site + "/robots.txt", answer("User-agent: *\nDisallow: /no", 200, "text/plain"))
    direct = t.server(FaultServer("127.0.0.3").on("/", page("direct")))
    proxy.on(site + "/", page("far", ["/in", "/no", "http://10.0.0.1/", direct.url("/"),
                                      "http://[::ffff:10.0.0.1]/"]))
    t.server(proxy.on(site + "/in", page("in")))
    folder = settings(t, f"""
proxy = {proxy.url("")}
allow_private = no
contact = me@example.org
[host "127.0.0.3"]
proxy = none
""")
    crawl = t.crawl(site + "/", dir=folder, scope="any", max_depth=1,
                    allow_private=None, **HASTY).run()
    found = crawl.by_url()
    same((found[site + "/in"]["title"], found[site + "/in"].get("proxied")), ("in", True),
         "the page behind the proxy")
    check("ip" not in found[site + "/in"], "an address that nobody knows")
    same(found[site + "/no"]["reason"], "robots_denied", "robots.txt through the proxy")
    for url in ("http://10.0.0.1/", "http://[::ffff:a00:1]/"):
        same(found[url]["reason"], "blocked_ssrf", f"a private address, {url}")
    same(found[direct.url("/")]["reason"], "blocked_ssrf", "loopback, without the proxy")
    asked = [path for path in proxy.paths() if not path.startswith(site)]
    same(asked, [], "private addresses that the proxy was asked for")
    same(direct.paths(), [], "requests of loopback")


def through(t, web, relay, proxy):
    """A crawl of a site over TLS, whose name the proxy alone can look up."""
    folder = settings(t, f"""
proxy = {proxy}@127.0.0.1:{relay.port}
header = X-Key: for the site alone
allow_private = no
contact = me@example.org
""")
    return t.crawl(web.url("far.example", scheme="https"), dir=folder, allow_private=None, **HASTY)


def test_a_site_over_tls_is_asked_through_a_tunnel(t):
    """The proxy learns a name, a port and our password for it; the site nothing of the proxy."""
    for scheme in ("http", "socks5"):
        web = t.web({"far.example": {"robots": "User-agent: *\nDisallow: /no\n", "pages": {
            "/": web_page("far", ["/in", "/no"]), "/in": web_page("in"), "/no": web_page("no")}}})
        relay = t.server(Relay("me", "very-secret"))
        crawl = through(t, web, relay, f"{scheme}://me:very-secret").run()
        found = {path: crawl.record(web.url("far.example", path, "https"))
                 for path in ("/", "/in", "/no")}
        same([found[path].get("title", found[path].get("reason")) for path in found],
             ["far", "in", "robots_denied"], f"records, by {scheme}")
        for path in ("/", "/in"):
            record = found[path]
            same((record["proxied"], "ip" in record, record["tls"]["cert_ok"]), (True, False, False),
                 f"{path}: the proxy, an address that nobody knows, a certificate of our own")
        same(set(relay.tunnels), {f"far.example:{web.port}"}, "where the proxy led")
        same(relay.refused, 0, "requests without its password")
        same(web.paths("far.example"), ["/robots.txt", "/", "/in"], "requests of the site")
        for one in web.arrivals():
            names = {name.lower() for name in one.headers}
            check(one.scheme == "https" and "x-key" in names, f"{one}: {one.headers}")
            check(not any("proxy" in name for name in names) and
                  "secret" not in str(one.headers), f"{one} tells of the proxy: {one.headers}")
        for head in relay.heads:
            check(head.startswith("CONNECT ") and "x-key" not in head.lower(), head)
        for name, content in everything(crawl.dir).items():
            check(b"very-secret" not in content, f"in {name}")
        check("very-secret" not in crawl.said() + crawl.command("check").out, crawl.said())


def test_a_proxy_that_refuses_us_is_told_and_not_passed_by(t):
    for scheme in ("http", "socks5"):
        web = t.web({"far.example": {"pages": {"/": web_page("far")}}})
        relay = t.server(Relay("me", "very-secret"))
        crawl = through(t, web, relay, f"{scheme}://me:wrong").run(NO_SEED)
        record = crawl.record(web.url("far.example", scheme="https"))
        same(record["reason"], "host_down", f"reason, by {scheme}")
        check("proxy_fail (proxy)" in crawl.said() and "wrong" not in crawl.said(), crawl.said())
        check(relay.refused > 0 and not relay.tunnels, f"{relay.refused}, {relay.tunnels}")
        same(web.paths(), [], "requests of the site")


# --- where redirects lead ------------------------------------------------------

def test_a_redirect_is_no_way_around_robots_scope_or_clock(t):
    here, there = FaultServer("127.0.0.1"), FaultServer("127.0.0.2")
    out = t.server(FaultServer("127.0.0.3").on("/", page("out")))
    here.on("/", page("first", [f"/r{i}" for i in range(6)]))
    for i, target in enumerate((there.url("/secret"), there.url("/a"), there.url("/b"),
                                there.url("/c"), out.url("/"), "ftp://127.0.0.2/")):
        here.on(f"/r{i}", redirect(target))
    there.robots("User-agent: *\nDisallow: /secret\n")
    for path in ("/secret", "/a", "/b", "/c"):
        there.on(path, page(path))
    for server in (here, there):
        t.server(server)
    folder = settings(t, '[host "127.0.0.2"]\nhost_delay = 300ms\n')
    crawl = t.crawl(here.url("/"), dir=folder, scope="any", exclude="*127.0.0.3*", **HASTY).run()
    found = crawl.by_url()
    same(found[there.url("/secret")]["reason"], "robots_denied", "reason")
    same(found[there.url("/secret")]["redirect_chain"],
         [{"url": here.url("/r0"), "status": 302}], "chain of what was denied")
    same_set(there.paths(), ["/robots.txt", "/a", "/b", "/c"], "requests there")
    same(out.paths(), [], "requests out of scope")
    times = there.arrivals()
    gaps = [later - sooner for sooner, later in zip(times, times[1:])]
    check(min(gaps) >= 0.29, f"the other host's clock was not kept: {gaps}")
    refused = crawl.report()["refused"]
    same((refused["excluded_by_rule"], refused["not_http"]), (1, 1), "targets not followed")


def test_a_redirect_is_no_way_to_a_private_address(t):
    """The seed is asked through a proxy, so that nothing of it is private."""
    victim = t.server(FaultServer("127.0.0.9").on("/", page("secret")))
    proxy = FaultServer()
    proxy.on("http://evil.example/", redirect(victim.url("/")))
    proxy.on("http://evil.example/2", redirect(f"http://localhost:{victim.port}/"))
    # IPv4 addresses in the clothes of IPv6: these reach the same server.
    mapped = f"http://[::ffff:7f00:9]:{victim.port}/"
    proxy.on("http://evil.example/3", redirect(f"http://[::ffff:127.0.0.9]:{victim.port}/"))
    proxy.on("http://evil.example/4", page("links", [mapped + "x", "http://[::ffff:10.0.0.1]/"]))
    t.server(proxy)
    folder = settings(t, f"""
allow_private = no
contact = me@example.org
robots = ignore
[host "evil.example"]
proxy = {proxy.url("")}
""")
    seeds = ["http://evil.example/" + path for path in ("", "2", "3", "4")]
    crawl = t.crawl(*seeds, dir=folder, scope="any", allow_private=None, **HASTY).run()
    for url in (victim.url("/"), f"http://localhost:{victim.port}/", mapped, mapped + "x",
                "http://[::ffff:a00:1]/"):
        same(crawl.record(url)["reason"], "blocked_ssrf", f"reason of {url}")
    same(victim.paths(), [], "requests of the private address")
    # And where private addresses are asked for, it is there.
    t.crawl(mapped).run()
    same(victim.paths(), ["/robots.txt", "/"], "requests when they are allowed")


# --- aliases -------------------------------------------------------------------

def test_a_host_that_has_moved_is_asked_no_more_also_after_a_kill(t):
    old, new = FaultServer("127.0.0.1"), FaultServer("127.0.0.2")
    names = [f"/p{i}" for i in range(40)]
    gate = {"open": False}

    def hub(connection):
        wait_until(lambda: gate["open"], 30, "the crawl to be killed")
        return page("hub", [old.url(name) for name in names[20:]])(connection)
    for name in names:
        old.on(name, redirect(new.url(name), 301))
        new.on(name, page(name))
    new.on("/first", page("first", [old.url(name) for name in names[:20]]))
    new.on("/hub", hub)
    for server in (old, new):
        t.server(server)
    crawl = t.crawl(new.url("/first"), new.url("/hub"), scope="any", host_concurrency=4,
                    **HASTY).start().wait_answers()
    # All that was linked at once was queued at once: it is asked for there.
    wait_until(lambda: crawl.status()["done"] >= 41, 30, "the first half")
    crawl.kill_everything()
    asked = len(old.paths())
    gate["open"] = True
    crawl.start().ends(FINISHED, 60)
    found = crawl.by_url()
    same_set([url for url in found if url.startswith(new.base)],
             [new.url(path) for path in ["/first", "/hub", *names]], "records of the new host")
    later = [path for path in old.paths()[asked:] if path != "/robots.txt"]
    same(later, [], "requests of the old host after its alias was learned")
    same(crawl.report()["aliased"], 20, "aliased")
    # The crawl at rest tells it of both: a page that was asked for, and one never.
    told = {path: json.loads(crawl.command("why", old.url(path), "--json").out)
            for path in ("/p0", "/p30")}
    same(told["/p0"]["redirected_to"], new.url("/p0"), "where the page has gone")
    same([answer["link"]["taken_for_host"] for answer in told.values()], [new.base, new.base],
         "the host that it is an alias of")
    chains = [json.loads(crawl.command("why", new.url(path), "--json").out).get("redirect_chain")
              for path in ("/p0", "/p30")]
    same(chains, [[{"url": old.url("/p0"), "status": 301}], None], "chains")


if __name__ == "__main__":
    sys.exit(main())
