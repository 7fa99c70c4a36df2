#!/usr/bin/python3
"""why, block, unblock, trap: what only the scheduler knows, asked of a crawl that
runs, hangs, dies or rests."""

import contextlib
import json
import os
import random
import re
import signal
import socket
import sys
import threading
import time

from control_commands_test import connect
from faults import FaultServer, page
from harness import (FINISHED, STOPPED, check, check_sum, kill, main, same, same_set,
                     wait_until)


def many(t, paths, host="127.0.0.1", **settings):
    """A crawl of one host: its first page, and then a page a second."""
    server = FaultServer(host).on("/", page("first", paths))
    for path in paths:
        server.on(path, page(path))
    t.server(server)
    crawl = t.crawl(server.url(), host_delay="1s", **settings)
    crawl.start().wait_answers()
    wait_until(lambda: crawl.status()["done"] >= 1, 20, "the first page to be committed")
    return server, crawl


def ask(crawl, *words, seconds=10):
    result = crawl.command(*words, "--json", seconds=seconds)
    same(result.status, 0, f"{result!r}")
    return json.loads(result.out)


def why(crawl, url):
    return ask(crawl, "why", url)


def sound(crawl):
    result = crawl.command("fsck", seconds=30)
    same(result.status, 0, f"{result!r}")


PATHS = [f"/{i}" for i in range(30)]


def test_why_tells_how_a_url_of_a_running_crawl_stands(t):
    server = FaultServer().robots("User-agent: *\n# ours\nDisallow: /private\n")
    server.on("/", page("first", [*PATHS, "/private/a"]))
    for path in PATHS:
        server.on(path, page(path))
    t.server(server)
    crawl = t.crawl(server.url(), host_delay="1s").start().wait_answers()
    wait_until(lambda: crawl.status()["done"] >= 1, 20, "the first page")

    first = why(crawl, server.url("/"))
    same((first["state"], first["verdict"], first["status"], first["found"]),
         ("ended", "done", 200, "seed"), "the first page")
    last = why(crawl, server.url("/29"))
    same((last["state"], last["depth"], last["via"]), ("queued", 1, server.url("/")), "the last")
    check(20 <= last["before"] <= 29, f"{last['before']} before it")
    host = last["host"]
    same((host["waits_for"], host["delay_of"], host["delay_ms"]),
         ("host_delay", "host_delay", 1000), f"its clock: {host}")
    check(host["waits_since"] <= host["next_request_at"], f"its clock: {host}")
    check("it waits for the delay between two requests (host_delay), since" in last["answer"],
          last["answer"])
    same(last["host"]["budgets"]["host_max_pages"]["limit"], 100000, "budget")
    private = why(crawl, server.url("/private/a"))
    same((private["robots"]["denied"], private["robots"]["line"], private["robots"]["rule"]),
         (True, 3, "Disallow: /private"), "robots.txt")
    check("line 3, Disallow: /private" in private["answer"], private["answer"])
    # What would become of a link.
    for url, said in ((server.url("/new"), "would be followed"),
                      ("http://elsewhere.example/", "no seed measures it (scope)"),
                      (server.url("/private/b"), "line 3, Disallow: /private"),
                      (server.url("/x/x/x"), "max_path_repeat")):
        unknown = why(crawl, url)
        same((unknown["known"], unknown["state"]), (False, "unknown"), url)
        check(said in unknown["answer"], f"{url}: {unknown['answer']}")
    new = why(crawl, server.url("/new"))
    check("unless it or its page asks not to (rel_nofollow, meta_robots, x_robots_tag)"
          in new["answer"], new["answer"])
    same(new["link"]["unless_asked"], ["rel_nofollow", "meta_robots", "x_robots_tag"], "askings")
    text = crawl.command("why", server.url("/29")).out
    for word in (server.url("/29"), "queued", "robots", "host", "before"):
        check(word in text, f"{word} is not in: {text}")
    crawl.command("why", "not a url").refused("not a url")
    crawl.command("why").refused("why URL")
    same(crawl.command("stop", seconds=15).status, 0, "stop")
    crawl.ends(STOPPED)

    # The same of the crawl at rest, and nothing is written for it.
    rest = why(crawl, server.url("/29"))
    same((rest["state"], rest["id"]), ("queued", last["id"]), "at rest")
    check(why(crawl, server.url("/private/a"))["robots"]["line"] == 3, "its rules")
    # With what it is started with next: robots.txt alone is obeyed still.
    bare = ask(crawl, "why", server.url("/private/b"), "--robots", "txt_only")
    same((bare["robots"]["denied"], bare["link"]["unless_asked"]), (True, []), "txt_only")
    sound(crawl)


def test_a_scheduler_that_hangs_is_answered_for(t):
    _, crawl = many(t, PATHS)
    pid = crawl.worker("scheduler")
    os.kill(pid, signal.SIGSTOP)
    start = time.monotonic()
    crawl.command("why", "http://127.0.0.1/", seconds=20).refused("did not answer within 5 s")
    check(time.monotonic() - start > 4.5, "it was given less time than is said")
    check(crawl.answers(), "status does not answer meanwhile")
    os.kill(pid, signal.SIGCONT)
    wait_until(lambda: crawl.command("why", "http://127.0.0.1/").status == 0, 10, "an answer")
    crawl.command("stop", seconds=15)
    crawl.ends(STOPPED)


def test_a_request_outlives_the_scheduler(t):
    """It dies over it: its successor is asked the same."""
    server, crawl = many(t, PATHS)
    for _ in range(3):
        pid = crawl.worker("scheduler")
        os.kill(pid, signal.SIGSTOP)
        with connect(crawl) as s:
            request = {"cmd": "why", "url": server.url("/29")}
            # Two at once: the second is answered after the first.
            s.sendall((json.dumps(request) + "\n" + '{"cmd":"blocks"}\n').encode())
            kill(pid)
            lines = s.makefile()
            same(json.loads(lines.readline())["state"], "queued", "the successor's answer")
            same(json.loads(lines.readline())["blocks"], [], "the next answer")
    # What was answered is durable, although nothing else makes it so.
    pid = crawl.worker("scheduler")
    ask(crawl, "block", "nobody.example")
    kill(pid)
    same(crawl.command("block", "--list").out.split(), ["nobody.example"], "blocked")
    crawl.command("stop", seconds=15)
    crawl.ends(STOPPED)


def test_block_holds_from_its_answer_on_whatever_is_killed(t):
    """By the server's log: no request after the command has returned."""
    for turn in range(3):
        server, crawl = many(t, PATHS, host=f"127.0.0.{10 + turn}")
        pid = crawl.worker("scheduler")
        answer = ask(crawl, "block", server.host)
        blocked = time.monotonic()
        same((answer["pattern"], answer["new"]), (server.host, True), "answer")
        if turn == 1:
            kill(pid)
        if turn == 2:
            crawl.kill_everything()
            crawl.start()
        crawl.ends(FINISHED)
        # One may have been on its way.
        late = [at for at in server.arrivals() if at > blocked + 0.5]
        same(late, [], f"requests after the block, turn {turn}")
        records = crawl.by_url()
        same_set(records, [server.url(), *[server.url(path) for path in PATHS]], "records")
        reasons = [record.get("reason") for record in records.values()]
        check(reasons.count("host_blocked") >= 25, f"reasons: {reasons}")
        same(set(reasons) - {None, "host_blocked"}, set(), "other reasons")
        check_sum(crawl.report())
        sound(crawl)
        # A start that names it once more does not open it again.
        crawl.run()
        same([at for at in server.arrivals() if at > blocked + 0.5], [], "requests after all")
        crawl.command("start", server.url("/other"), *["--allow-private"]).refused("unblock")


def test_block_and_unblock_work_on_a_crawl_at_rest(t):
    server, crawl = many(t, PATHS)
    crawl.command("stop", seconds=15)
    crawl.ends(STOPPED)
    hits = len(server.paths())
    same(ask(crawl, "block", "*.Example.org")["pattern"], "*.example.org", "pattern")
    same(ask(crawl, "block", server.url("/a"))["pattern"], "127.0.0.1", "pattern")
    same(ask(crawl, "block", "127.0.0.1")["new"], False, "new")
    same(crawl.command("block", "--list").out.split(), ["*.example.org", "127.0.0.1"], "list")
    crawl.command("block", "a b").refused("a b")
    crawl.command("unblock", "x.example.org").refused("*.example.org")
    same(ask(crawl, "unblock", "*.example.org")["pattern"], "*.example.org", "unblocked")
    crawl.run()
    same(len(server.paths()), hits, "requests")
    same(ask(crawl, "unblock", "127.0.0.1")["ok"], True, "unblock")
    check("no host is blocked" in crawl.command("block", "--list").out, "list")
    sound(crawl)


def test_a_blocked_hosts_links_are_refused_and_counted(t):
    other = t.server(FaultServer("127.0.0.2").on("/", page("other")))
    server = FaultServer().on("/", page("first", ["/1"])).on("/1", page("1", [other.url("/")]))
    t.server(server)
    crawl = t.crawl(server.url(), scope="any", host_delay="2s").start().wait_answers()
    wait_until(lambda: crawl.status()["done"] == 1, 20, "the first page")
    ask(crawl, "block", "127.0.0.2")
    crawl.ends(FINISHED)
    report = crawl.report()
    same(report["refused"], {"host_blocked": 1}, "refused")
    same(other.paths(), [], "requests")
    check("1 host is blocked" in crawl.said(), crawl.said())
    same(crawl.command("block", "127.0.0.3").out,
         "127.0.0.3 is blocked: 0 URLs of 0 hosts excluded, 0 requests under way left to end\n",
         "the answer")


def test_a_calendar_comes_last_and_can_be_released(t):
    """A calendar without end, beside pages of words that are found later."""
    server = FaultServer()
    words = [f"/{a}{b}" for a in "abcdefgh" for b in "xyz"]
    days = [f"/cal?day={i}" for i in range(60)]
    server.on("/", page("first", days + ["/words"]))
    server.on("/words", page("words", words))
    for path in days + words:
        server.on(path, page(path))
    t.server(server)
    crawl = t.crawl(server.url(), trap_pattern_max=20, host_delay="20ms").run()
    got = [path for path in server.paths() if path != "/robots.txt"]
    same_set(got, ["/", "/words", *words, *days], "pages")
    check(max(map(got.index, words)) < min(map(got.index, days[30:])),
          f"a word came after the calendar: {got}")
    report = crawl.report()
    same((report["late"], report["traps"]), (40, 1), "put last, patterns")
    for text in ("/cal?day", "trap --release", "1 pattern of very many URLs"):
        check(text in crawl.said(), f"it does not say {text}: {crawl.said()}")
    trap = ask(crawl, "trap")
    same((trap["pattern"], trap["urls"], trap["released"]), ("/cal?day", 60, False), "trap")
    check("after all else" in why(crawl, server.url("/cal?day=99"))["answer"], "why")
    same(ask(crawl, "trap", "--release", trap["id"])["released"], True, "released")
    check("after all else" not in why(crawl, server.url("/cal?day=99"))["answer"], "why")
    same(ask(crawl, "trap")["released"], True, "the list")
    crawl.command("trap", "--release", "zz").refused("zz")
    crawl.command("trap", "--release", "0" * 16).refused("0" * 16)
    sound(crawl)


def test_a_pattern_at_its_cap_is_closed_and_said_so(t):
    server = FaultServer()
    days = [f"/cal?day={i}" for i in range(60)]
    server.on("/", page("first", days))
    for path in days:
        server.on(path, page(path))
    t.server(server)
    crawl = t.crawl(server.url(), trap_pattern_max=20, trap_pattern_cap=40, host_delay="1s")
    crawl.start().wait_answers()
    wait_until(lambda: crawl.status()["totals"]["traps_closed"] == 1, 20, "the cap")
    check("1 pattern of very many URLs, 1 of them closed, 20 URLs" in crawl.command("status").out,
          "status")
    crawl.command("stop", seconds=15)
    crawl.ends(STOPPED)
    options = ("--trap-pattern-max", "20", "--trap-pattern-cap", "40")
    trap = json.loads(crawl.command("trap", "--json", *options).out)
    same((trap["state"], trap["closed_by"], trap["urls"], trap["refused"]),
         ("closed", "trap_pattern_cap", 40, 20), "trap")
    said = f"has 40 URLs of the pattern /cal?day, such as {server.url('/cal?day=19')}; it is closed"
    same((crawl.said().count(said), crawl.said().count(f"trap --release {trap['id']}")), (1, 2),
         "warnings")
    check("closed     40 URLs, 20 refused" in crawl.command("trap", *options).out, "the list")
    out = crawl.command("why", server.url("/cal?day=99"), *options).out
    check(f"has 40 URLs of the pattern /cal?day, which is closed (trap_pattern_cap); `mpcrawl trap "
          f"--release {trap['id']}` opens it" in out, out)
    check("state closed" in out, out)
    out = crawl.command("trap", "--release", trap["id"], *options).out
    check("released   40 URLs" in out, out)


def test_a_session_in_each_link_is_closed(t):
    """The pages are the same, so after a hundred of them no more are wanted."""
    server = FaultServer()
    paths = [f"/p?s={i}" for i in range(130)]
    more = [f"/p?s={i}" for i in range(200, 220)]
    server.on("/", page("first", paths))
    for path in paths + more:
        server.on(path, page("the same"))
    server.on(paths[-1], page("with more", [*more, "/word"])).on("/word", page("word"))
    t.server(server)
    crawl = t.crawl(server.url(), trap_pattern_max=10).run()
    same_set([path for path in server.paths() if path != "/robots.txt"],
             ["/", *paths, "/word"], "pages")
    same(crawl.report()["refused"], {"trap": len(more)}, "refused")
    check("trap_pattern_same" in crawl.said(), crawl.said())
    sound(crawl)


def five_servers(t, paths, ports=(0,) * 5):
    servers = [FaultServer(f"127.0.0.{i}", port) for i, port in enumerate(ports, start=2)]
    for server in servers:
        server.on("/", page("first", paths))
        for path in paths:
            server.on(path, page(path))
        t.server(server)
    return servers


def goes_out(crawl, servers):
    """All servers of a crawl, which have answered, are gone at once."""
    crawl.start().wait_answers()
    wait_until(lambda: crawl.status()["done"] >= 5, 20, "their first pages")
    check("our own network" not in crawl.command("status").out, "an outage before there is one")
    for server in servers:
        server.close()
    wait_until(lambda: crawl.status()["outage_ms"] > 0, 30, "the outage")


def test_an_outage_of_our_own_network_is_told(t):
    servers = five_servers(t, PATHS)
    crawl = t.crawl(*(server.url() for server in servers), host_delay="1s")
    goes_out(crawl, servers)
    text = crawl.command("status").out
    check(re.search(r"^our own network has been out for \d+ s: the crawl pauses, a probe now and "
                    r"then looks whether it is back \(outage_give_up\)$", text, re.M), text)
    answer = why(crawl, servers[0].url("/29"))
    check("our own network has been out for" in answer["answer"], answer["answer"])
    check(answer["host"]["outage_ms"] > 0, f"{answer['host']}")
    same(crawl.command("stop", seconds=15).status, 0, "stop")
    crawl.ends(STOPPED)
    check("our own network was out 1 time (outage_give_up), and still is\n" in crawl.said(),
          crawl.said())


def test_an_outage_that_is_over_is_told_at_the_end_and_has_cost_no_url(t):
    servers = five_servers(t, PATHS[:3])
    crawl = t.crawl(*(server.url() for server in servers), host_delay="1s", retries=1,
                    retry_delay="100ms", stats_interval="100ms")
    goes_out(crawl, servers)
    wait_until(lambda: ", our network is out" in crawl.said(), 10, "the line that tells it")
    servers = five_servers(t, PATHS[:3], [server.port for server in servers])
    wait_until(lambda: crawl.status()["outage_ms"] == 0, 30, "its end")
    check("our own network" not in crawl.command("status").out, "an outage that is over")
    crawl.ends(FINISHED, 60)
    said = crawl.said()
    check("our own network was out 1 time (outage_give_up)\n" in said, said)
    check(", our network is out" not in said[said.rindex(" pages, "):], said)
    report = crawl.report()
    same((report["done"], report["failed"], report["outages"], report["outage_ms"]),
         (20, 0, 1, 0), "done, failed, outages, of now")


def test_a_hosts_errors_park_it_loudly(t):
    server = FaultServer().on("/", page("first", PATHS))  # and 404 for all else
    t.server(server)
    crawl = t.crawl(server.url(), host_max_errors=5, host_delay="50ms").run()
    report = crawl.report()
    same(report["parked"], {"host_max_errors": 1}, "parked")
    check(report["reasons"]["budget"] >= 20, f"reasons: {report['reasons']}")
    check("is parked: it has used up host_max_errors" in crawl.said(), crawl.said())
    check("hosts parked: 1 host_max_errors" in crawl.said(), crawl.said())
    sound(crawl)


def test_hostile_requests_for_the_scheduler_harm_nobody(t):
    server, crawl = many(t, PATHS)
    before = crawl.workers()
    requests = [{"cmd": "why"}, {"cmd": "why", "url": 7}, {"cmd": "why", "url": "x" * 3000},
                {"cmd": "why", "url": "http://a\0b/"}, {"cmd": "why", "url": []},
                {"cmd": "block"}, {"cmd": "block", "host": {}}, {"cmd": "block", "host": "a" * 3000},
                {"cmd": "block", "host": "*"}, {"cmd": "unblock", "host": "nobody.example"},
                {"cmd": "blocks", "from": -1}, {"cmd": "blocks", "from": "x"},
                {"cmd": "traps", "from": 2 ** 62}, {"cmd": "trap", "id": "%n%n%n"},
                {"cmd": "trap", "id": "0" * 16, "released": "yes"}]
    random.shuffle(requests)
    with connect(crawl) as s:
        # All at once; each is answered, in order.
        for request in requests:
            s.sendall((json.dumps(request) + "\n").encode())
            answer = json.loads(s.makefile().readline())
            check("ok" in answer, f"{request}: {answer}")
    # Clients that leave before they are answered, more than there are places.
    for _ in range(200):
        with contextlib.suppress(BlockingIOError), connect(crawl) as s:
            s.sendall(b'{"cmd":"why","url":"http://127.0.0.1/"}\n')
    wait_until(crawl.answers, 10, "an answer after them")
    with connect(crawl) as s:
        s.setblocking(False)
        try:
            for _ in range(5000):
                s.send(b'{"cmd":"why","url":"http://127.0.0.1/"}\n')
        except OSError:
            pass  # it reads no more of one that has not had its answers
        check(crawl.answers(), "no answer while another does not read")
    same(ask(crawl, "why", server.url("/29"))["known"], True, "an ordinary request")
    same(crawl.workers(), before, "workers")
    crawl.command("stop", seconds=15)
    crawl.ends(STOPPED)


def test_a_crawl_that_ends_over_a_question_is_asked_at_rest(t):
    """Its end is played: a socket that is closed, and gone, when it was asked."""
    server, crawl = many(t, PATHS)
    stop = crawl.command("stop", seconds=15)
    same(stop.status, 0, f"{stop!r}")
    crawl.ends(STOPPED)
    path = os.path.join(crawl.dir, "mpcrawl.sock")

    def end_over_it():
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            ready.set()
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                os.unlink(path)
                listener.close()

    for words, status, text in ((("block", "a.example"), 0, "a.example is blocked"),
                                (("unblock", "a.example"), 0, "not blocked any more"),
                                (("why", server.url("/29")), 0, "queued"),
                                (("block", "--list"), 0, "no host is blocked"),
                                (("status",), STOPPED, "goes on with it"),
                                (("stop",), STOPPED, "goes on with it")):
        ready = threading.Event()
        player = threading.Thread(target=end_over_it)
        player.start()
        ready.wait()
        result = crawl.command(*words)
        player.join()
        same(result.status, status, f"{result!r}")
        check(text in result.out + result.err, f"{result!r}")


def test_no_crawl_is_said_so(t):
    crawl = t.crawl("http://127.0.0.1:9/")
    for words in (("why", "http://127.0.0.1/"), ("block", "a.example"), ("unblock", "a.example"),
                  ("block", "--list"), ("trap",)):
        crawl.command(*words).refused("crawl")
        check(not os.path.exists(crawl.dir), f"{words} made {crawl.dir}")


if __name__ == "__main__":
    sys.exit(main())
