#!/usr/bin/python3
"""`mpcrawl why URL`: its first sentence is what is really waited for, and a
sitemap or a robots.txt is no stranger to it."""

import re
import sys
import time

from asking_test import PATHS, many, sound, why
from faults import FaultServer, answer, page, silence
from harness import STOPPED, check, main, same, wait_until
from sitemap_test import index, urlset, xml

BUSY = answer("later", 503, headers=["Retry-After: 100"])


def moment(text):
    """The unix time of the first "2026-11-27T05:00:00Z" in it."""
    at = re.search(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text)
    check(at is not None, f"no time in: {text}")
    return time.mktime(time.strptime(at.group() + " UTC", "%Y-%m-%dT%H:%M:%SZ %Z")) - time.timezone


def says(reply, *texts):
    for text in texts:
        check(text in reply["answer"], f"{text!r} is not in: {reply['answer']}")


def says_not(reply, *texts):
    for text in texts:
        check(text not in reply["answer"], f"{text!r} is in: {reply['answer']}")


def stop(crawl):
    same(crawl.command("stop", seconds=15).status, 0, "stop")
    crawl.ends(STOPPED)


def test_a_page_waits_for_a_robots_txt_that_cannot_be_had(t):
    server = t.server(FaultServer().on("/", page("first")))
    server.on("/robots.txt", answer("broken", 500))
    crawl = t.crawl(server.url(), retry_delay="90s").start().wait_answers()
    wait_until(lambda: why(crawl, server.url())["robots"].get("state") == "outage", 20,
               "robots.txt to fail")
    page_ = why(crawl, server.url())
    same(page_["state"], "queued", "state")
    says(page_, "queued, with 0 URLs", "without its robots.txt, which could not be had 1 time,",
         "asked for again at ", "(retry_delay)")
    says_not(page_, "may leave now")
    check(60 < moment(page_["answer"].split("again at")[1]) - time.time() <= 91, page_["answer"])
    robots = why(crawl, server.url("/robots.txt"))
    same((robots["kind"], robots["state"], robots["known"]), ("robots.txt", "outage", False),
         "robots.txt")
    says(robots, "could not be had 1 time, since 20", "asked for again at",
         "nothing of the site is fetched until then")
    same((robots["robots"]["fails"], robots["robots"]["asked_again_at"] >
          robots["robots"]["since"]), (1, True), "its numbers")
    stop(crawl)
    says(why(crawl, server.url("/robots.txt")), "could not be had 1 time")  # at rest
    same((page_["runs"], why(crawl, server.url())["runs"]), (True, False), "does it run")
    check("the crawl does not run" in crawl.command("why", server.url()).out, "it is not told")


def test_a_page_waits_for_a_robots_txt_that_is_under_way(t):
    server = t.server(FaultServer().on("/", page("first")).on("/robots.txt", silence()))
    crawl = t.crawl(server.url()).start().wait_answers()
    wait_until(lambda: server.hits("/robots.txt"), 20, "robots.txt to be asked for")
    says(why(crawl, server.url()), "its robots.txt comes first, and has been under way for")
    robots = why(crawl, server.url("/robots.txt"))
    same((robots["kind"], robots["state"]), ("robots.txt", "asked"), "robots.txt")
    says(robots, "being asked for: under way, for")
    check("asked_at" in robots["robots"], f"{robots['robots']}")
    crawl.command("stop", "--now", seconds=15)
    crawl.ends(STOPPED)


def test_a_robots_txt_that_was_had_says_until_when(t):
    server = FaultServer().robots("User-agent: *\nDisallow: /private\n")
    t.server(server.on("/", page("first")))
    other = t.server(FaultServer("127.0.0.2").on("/", page("first")))  # 404: all is allowed
    crawl = t.crawl(server.url(), other.url(), robots_ttl="2h").run()
    robots = why(crawl, server.url("/robots.txt"))
    same((robots["kind"], robots["state"]), ("robots.txt", "rules"), "robots.txt")
    says(robots, "whose rules hold, asked for at 20", "(robots_ttl)")
    since, until = (moment(robots["robots"][key]) for key in ("since", "until"))
    check(abs(since - time.time()) < 60, f"{robots['robots']}")
    check(abs(until - since - 7200) < 2, f"{robots['robots']}")
    says(why(crawl, other.url("/robots.txt")), "is not there or has no rule for us")
    same(why(crawl, "http://127.0.0.3/robots.txt")["kind"], "page", "of a site not known")
    ignored = crawl.command("why", server.url("/robots.txt"), "--robots", "ignore")
    check("not asked for (robots = ignore)" in ignored.out, f"{ignored!r}")


def test_a_page_waits_for_the_request_before_it(t):
    """The clock would let the next one go, but one at a time is under way."""
    server = FaultServer().on("/", page("first", ["/slow", "/next"]))
    server.on("/slow", silence()).on("/next", page("next"))
    t.server(server)
    crawl = t.crawl(server.url(), host_delay="0s").start().wait_answers()
    wait_until(lambda: server.hits("/slow"), 20, "the slow one")
    same(why(crawl, server.url("/slow"))["state"], "in flight", "the slow one")
    says(why(crawl, server.url("/next")), "when one that is under way has ended "
         "(host_concurrency)")
    crawl.command("stop", "--now", seconds=15)
    crawl.ends(STOPPED)


def test_a_retry_waits_for_the_later_of_its_own_time_and_its_hosts(t):
    server = FaultServer().on("/", page("first", ["/broken", "/busy"]))
    server.on("/broken", answer("broken", 500)).on("/busy", BUSY)
    t.server(server)
    crawl = t.crawl(server.url(), retry_delay="30s", host_delay="50ms").start().wait_answers()
    wait_until(lambda: server.hits("/busy") and why(crawl, server.url("/busy"))["state"] == "waiting",
               20, "the host to want a pause")
    broken = why(crawl, server.url("/broken"))
    same(broken["state"], "waiting", "state")
    says(broken, "after 1 failure and 0 pauses", "queued again at ",
         "; the next request to that host may leave at", "Retry-After")
    own, host = broken["answer"].split("; the next request")
    check(moment(host) - moment(own.split("queued again")[1]) > 60, broken["answer"])
    # The host's pause is that of the one that was told of it: said once.
    stop(crawl)


def test_a_retry_whose_host_is_ready_before_it_tells_its_own_time_alone(t):
    server = FaultServer().on("/", page("first", ["/broken"])).on("/broken", answer("broken", 500))
    t.server(server)
    crawl = t.crawl(server.url(), retry_delay="90s", host_delay="50ms").start().wait_answers()
    wait_until(lambda: why(crawl, server.url("/broken"))["state"] == "waiting", 20, "a retry")
    says_not(why(crawl, server.url("/broken")), "the next request")
    stop(crawl)


def test_what_is_excluded_meanwhile_or_past_a_limit_is_told(t):
    server, crawl = many(t, PATHS)
    stop(crawl)
    for option, text in ((("--exclude", "*/29"), "to be excluded when its turn comes: by rule 1, "
                          "exclude = */29"),
                         (("--max-pages", "1"), "the crawl has reached max_pages")):
        out = crawl.command("why", server.url("/29"), *option).out
        check(text in out, f"{text!r} is not in: {out}")
        check("may leave" not in out, out)


def test_a_sitemap_tells_its_state_and_whom_it_is_for(t):
    server = FaultServer().on("/", page("first"))
    names = ["good", "gone", "busy", "slow"]
    server.robots("User-agent: *\n" + "".join(f"Sitemap: {server.url(f'/{name}.xml')}\n"
                                              for name in names))
    server.on("/good.xml", xml(urlset([server.url("/")]))).on("/busy.xml", answer("x", 500))
    server.on("/slow.xml", silence()).on("/given.xml", xml(index([server.url("/nested.xml")])))
    t.server(server)
    crawl = t.crawl(server.url(), sitemap=server.url("/given.xml"), retry_delay="90s",
                    host_delay="50ms").start().wait_answers()
    wait_until(lambda: server.hits("/slow.xml"), 20, "the sitemaps")

    def state(name):
        reply = why(crawl, server.url(f"/{name}.xml"))
        same((reply["kind"], reply["known"], len(reply["sitemap"])), ("sitemap", False, 1), name)
        same(reply["sitemap"][0]["for"] + "/", server.url(), f"whom {name} is for")
        return reply

    for name, expected in (("good", "read"), ("gone", "failed"), ("busy", "pending"),
                           ("slow", "in flight"), ("given", "read")):
        wait_until(lambda name=name, expected=expected: state(name)["state"] == expected, 20,
                   f"{name} to be {expected}")
        reply = state(name)
        same(reply["sitemap"][0]["given"], name == "given", f"{name}: given")
    says(state("good"), f"a sitemap for {server.url()[:-1]}, which was read")
    says(state("gone"), "could not be read, or may not be")
    says(state("slow"), "under way, for")
    says(state("given"), "(--sitemap), which was read")
    busy = state("busy")
    says(busy, "asked for again at", "after 1 failure and 0 pauses")
    same(busy["sitemap"][0]["tries"], 1, "tries")
    check(60 < moment(busy["answer"]) - time.time() <= 91, busy["answer"])
    same(moment(busy["answer"]), moment(busy["sitemap"][0]["retry_at"]), "when it is asked again")
    says(state("nested"), "to be read in turns", "when one that is under way has ended")
    text = crawl.command("why", server.url("/busy.xml")).out
    check("\nsitemap  state pending, given no, for " in text, text)
    crawl.command("stop", "--now", seconds=15)
    crawl.ends(STOPPED)
    same(state("busy")["state"], "pending", "at rest")
    sound(crawl)


def test_a_sitemap_that_robots_txt_denies_is_told_so(t):
    server = FaultServer().on("/", page("first", ["/a"])).on("/a", page("a"))
    server.robots(f"User-agent: *\nDisallow: /map\nSitemap: {server.url('/map.xml')}\n")
    t.server(server)
    crawl = t.crawl(server.url(), host_delay="60s", max_delay="60s").start().wait_answers()
    wait_until(lambda: why(crawl, server.url("/map.xml"))["kind"] == "sitemap", 20, "the sitemap")
    says(why(crawl, server.url("/map.xml")), "not to be read when its turn comes: robots.txt "
         "denies it: line 2, Disallow: /map")
    stop(crawl)


def test_no_password_that_is_asked_about_is_shown(t):
    server, crawl = many(t, PATHS)
    secret = "s3cret"
    with_it = server.url("/29").replace("http://", f"http://me:{secret}@")
    reply = why(crawl, with_it)
    same((reply["url"], reply["state"]), (server.url("/29"), "queued"), "the page")
    asks = [("why",), ("why", "--json"), ("start",), ("start", server.url(), "--sitemap")]
    urls = [f"ftp://me:{secret}@h/", f"http://me:{secret}@h:99999/", f"me:{secret}@h",
            f"http://me:{secret}@h/\nx y:z@[", f"http://me:{secret}@",
            f"http://me:{secret}@h/" + "x" * 5000]

    def hides(*words):
        result = crawl.command(*words)
        check(secret not in result.out + result.err, f"{words}: {result!r}")
        return result.status

    for words in asks:
        hides(*words, with_it)
        for url in urls:
            hides(*words, url)
    for url in urls:
        hides("block", url)
        hides("unblock", url)
    stop(crawl)
    for url in urls:
        hides("why", url)
        hides("start", url)
    hides("start", server.url(), "--sitemap", urls[1])
    same((hides("block", with_it), hides("unblock", with_it)), (0, 0), "block and unblock")


if __name__ == "__main__":
    sys.exit(main())
