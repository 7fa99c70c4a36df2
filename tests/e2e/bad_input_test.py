#!/usr/bin/python3
"""What is refused, with which exit status, and what the message says."""

import json
import os
import re
import subprocess
import sys

import sites
import store
from faults import FaultServer, page
from harness import (INTERNAL, MPCRAWL, PATIENCE, STOPPED, TOP, USAGE, check, kill, main,
                     own_mounts, read_bytes, same, tail)

GOOD = "http://127.0.0.1:9/"  # never asked: each of these ends before a fetch


def refused(t, words, *texts):
    """`mpcrawl start` with these words is refused, and says these texts."""
    crawl = t.crawl()
    crawl.command("start", *words).refused(*texts)
    same(crawl.count(), 0, "records")
    crawl.leaves_nothing()
    return crawl


def test_no_url(t):
    refused(t, [], "url")


def test_what_is_no_url_is_named(t):
    for word in ("nonsense", "http://", "http://[::1", "http://127.0.0.1:99999/",
                 "http://a b/"):
        refused(t, [word, "--allow-private"], word)


def test_a_scheme_that_is_not_fetched_is_named(t):
    refused(t, ["ftp://127.0.0.1/", "--allow-private"], "ftp://127.0.0.1/")


def test_one_bad_url_among_good_ones_starts_nothing(t):
    server = t.server(FaultServer())
    crawl = refused(t, [server.url(), "nonsense", "--allow-private"], "nonsense")
    same(server.paths(), [], "requests")
    check(not crawl.outputs(), "there are records")


def test_a_bad_line_in_a_file_of_seeds_is_named_and_left_out(t):
    """A list of a million is not refused for one of them."""
    server = t.server(FaultServer().on("/", page()))
    seeds = t.write("seeds", f"{server.url()}\n\n# a remark\nnonsense\n")
    crawl = t.crawl(input=seeds).run()
    same(list(crawl.by_url()), [server.url()], "records")
    for text in (seeds, "nonsense", "line 4"):
        check(text in crawl.said(), f"it does not say {text}: {tail(crawl.said())}")


def test_a_file_with_nothing_but_bad_lines(t):
    refused(t, ["-i", t.write("seeds", "# none\n\n"), "--allow-private"], "no url")


def test_a_file_of_seeds_that_is_not_there(t):
    refused(t, ["-i", t.path("nowhere"), "--allow-private"], "nowhere", "no such file")


def test_an_unknown_option_gets_the_nearest_name(t):
    refused(t, [GOOD, "--host-dely", "1s"], "host-dely", "host-delay")
    refused(t, [GOOD, "--alow-private"], "alow-private", "allow-private")


def test_an_unknown_key_of_the_file_gets_line_and_nearest_name(t):
    crawl = t.crawl()
    os.mkdir(crawl.dir)
    t.write(os.path.join(crawl.dir, "mpcrawl.conf"), "host_delay = 2s\nmax_boddy = 3M\n")
    crawl.command("start", GOOD).refused("mpcrawl.conf", "2", "max_boddy", "max_body")


def test_a_bad_value_of_the_file_names_line_and_key(t):
    crawl = t.crawl()
    os.mkdir(crawl.dir)
    t.write(os.path.join(crawl.dir, "mpcrawl.conf"), "# mine\n\nhost_delay = soon\n")
    crawl.command("start", GOOD).refused("mpcrawl.conf", "3", "host_delay", "soon")


def test_a_value_out_of_range_names_key_value_and_range(t):
    refused(t, [GOOD, "--host-concurrency", "99999999"], "host-concurrency", "99999999")
    refused(t, [GOOD, "--crawlers", "10000"], "crawlers", "10000")
    refused(t, [GOOD, "--host-delay", "-1s"], "host-delay", "-1s")


def test_a_value_of_another_kind_names_key_and_value(t):
    refused(t, [GOOD, "--host-delay", "soon"], "host-delay", "soon")
    refused(t, [GOOD, "--max-body", "1X"], "max-body", "1X")
    refused(t, [GOOD, "--scope", "hosts"], "scope", "hosts", "host", "domain", "prefix", "any")
    refused(t, [GOOD, "--allow-private=perhaps"], "allow-private", "perhaps")


def test_a_header_that_would_be_two_or_is_not_ours_to_give(t):
    refused(t, [GOOD, "--header", "X: a\r\nHost: evil.example"], "header", "control characters")
    refused(t, [GOOD, "--header", "Host: evil.example"], "header", "that of the URL")
    refused(t, [GOOD, "--header", ": x"], "header", "no name")
    crawl = t.crawl()
    os.mkdir(crawl.dir)
    t.write(os.path.join(crawl.dir, "mpcrawl.conf"), "header = Cookie: k=v\n")
    crawl.command("start", GOOD).refused("mpcrawl.conf", "1", "header", "see cookies")


def test_an_option_without_its_value(t):
    refused(t, [GOOD, "--host-delay"], "host-delay")


def test_an_unknown_command_gets_the_nearest_name(t):
    crawl = t.crawl()
    crawl.command("strat", GOOD).refused("strat", "start")
    crawl.command("frobnicate").refused("frobnicate", "help")


def test_no_contact_off_loopback(t):
    refused(t, ["http://www.example.invalid/"], "contact")


def test_a_private_address_is_not_a_seed_unless_allowed(t):
    server = t.server(FaultServer().on("/", page()))
    for url, kind in ((server.url(), "loopback"), ("http://localhost:9/", "loopback"),
                      ("http://10.1.2.3/", "private"), ("http://[fe80::1]/", "link-local"),
                      ("http://[::ffff:192.168.0.1]/", "private"),
                      ("http://2130706433/", "loopback")):
        refused(t, [url, "--contact", "me@example.org"], url, kind, "--allow-private")
    same(server.paths(), [], "requests")


def test_a_name_that_looks_like_loopback_needs_a_contact(t):
    for url in ("http://127.example.invalid/", "http://localhost.example.invalid/"):
        refused(t, [url], "contact")


def test_a_dir_that_is_a_file(t):
    path = t.write("file", "mine\n")
    crawl = t.crawl(dir=path)
    crawl.command("start", GOOD, "--allow-private").refused(path, "not a directory")
    check("mpcrawl.conf" not in crawl.command("status").err, "it speaks of a file within")
    with open(path, encoding="utf-8") as f:
        same(f.read(), "mine\n", "the file")


def test_a_dir_that_cannot_be_written_to(t):
    there = t.path("full")
    t.tmpfs(there, "1M")
    subprocess.run(["mount", "-i", "-t", "tmpfs", "-o", "remount,ro", "tmpfs", there], check=True)
    crawl = t.crawl(dir=os.path.join(there, "crawl"))
    crawl.command("start", GOOD, "--allow-private").refused(there, "read-only")
    crawl = t.crawl(dir=there)
    crawl.command("start", GOOD, "--allow-private").refused(there, "read-only")


def test_a_dir_whose_parent_is_not_there(t):
    crawl = t.crawl(dir=t.path("no", "such", "place"))
    result = crawl.command("start", GOOD, "--allow-private", "--max-time", "2s",
                           "--retries", "0")
    # Made with its parents, or refused by name; never a silent other place.
    if result.status == USAGE:
        result.refused("no")
    else:
        check(os.path.isdir(crawl.dir), f"the crawl is elsewhere: {result!r}")


def test_a_dir_in_use_names_the_pid(t):
    root = t.path("site")
    sites.generate(root, 50)
    site = t.site(root)
    crawl = t.crawl(site.url + "index.html", host_delay="1h")
    crawl.start().wait_answers()
    pid = crawl.process.pid
    again = crawl.command("start", GOOD, "--allow-private", seconds=15)
    again.refused(str(pid))
    check(crawl.running(), "the first was disturbed")
    crawl.answers()
    kill(pid, 15)
    crawl.ends(STOPPED)


def test_a_dir_of_a_newer_layout_is_left_alone(t):
    server = t.server(FaultServer().on("/", page("old")))
    crawl = t.crawl(server.url()).run()
    before = crawl.records()
    store.set_layout(os.path.join(crawl.dir, "frontier"), 99)
    crawl.command("start", GOOD, "--allow-private", seconds=15).refused("layout 99", "version")
    same(crawl.records(), before, "the records")


def test_what_is_in_the_sockets_place_is_left_alone(t):
    crawl = t.crawl(GOOD)
    os.mkdir(crawl.dir)
    path = os.path.join(crawl.dir, "mpcrawl.sock")
    with open(path, "w", encoding="utf-8") as file:
        file.write("somebody's")
    crawl.run(INTERNAL)
    same(read_bytes(path), b"somebody's", "what was there")
    same(crawl.said().count("File exists"), 1, "times that it says why")


def test_no_such_crawl(t):
    crawl = t.crawl(dir=t.path("nothing"))
    for words in (["status"], ["stop"], ["restart", "parser"], ["kill", "crawler.0"]):
        result = crawl.command(*words)
        same(result.status, STOPPED, f"{result!r}")
        check("nothing" in result.err, f"the directory is not named: {result!r}")
    check(not os.path.exists(crawl.dir), "a question made the directory")


def say(*words):
    return subprocess.run([MPCRAWL, *words], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, timeout=10 * PATIENCE)


def test_help_and_version_are_answers(t):
    for words in (["help"], ["--help"], ["version"], ["--version"]):
        done = say(*words)
        same((done.returncode, done.stderr), (0, ""), f"status and complaints of {words}")
        check(done.stdout, f"{words} says nothing")
    check("--host-delay" in say("help", "settings").stdout, "the settings are not listed")


def test_each_command_has_its_help(t):
    """As `help NAME` and as `NAME --help`, and it does nothing else."""
    names = [line.split()[1] for line in say("help").stdout.splitlines()
             if line.startswith("  mpcrawl ") and "://" not in line]
    check("start" in names and "robots-check" in names, f"commands: {names}")
    for name in names:
        for words in (["help", name], [name, "--help"], [name, "-h"]):
            done = say(*words)
            same((done.returncode, done.stderr), (0, ""), f"status and complaints of {words}")
            check(re.match(rf"  mpcrawl {name}( |\n)", done.stdout), f"{words} said: {done.stdout}")
            for line in done.stdout.splitlines():
                check(line == line.rstrip(), f"{words}: blanks behind {line!r}")
    done = say("help", "frobnicate")
    same(done.returncode, USAGE, "exit status")
    check("frobnicate" in done.stderr, f"it said: {done.stderr}")


def test_the_example_of_each_line_filter_works_as_it_stands(t):
    answers = {"url": {"href": "http://a.test/b?x=1"}, "psl": {"registrable": "example.co.uk"},
               "robots-check": {"allowed": False, "sitemaps": [], "crawl_delay": None},
               "sitemap": {"type": "text", "urls": [{"loc": "http://a.test/x", "in_scope": True}],
                           "sitemaps": [], "error": None},
               "parse": {"encoding": "windows-1252"}, "sniff": {"encoding": "utf-8"}}
    for name, expected in answers.items():
        example = say("help", name).stdout.split("\n\n  ")[1].split("\n\n")[0]
        done = subprocess.run(["sh", "-c", example], capture_output=True, text=True, check=False,
                              env={**os.environ, "PATH": f"{os.path.dirname(MPCRAWL)}:/usr/bin:/bin"},
                              timeout=10 * PATIENCE)
        same((done.returncode, done.stderr), (0, ""), f"status and complaints of {example}")
        answer = json.loads(done.stdout)
        same({key: answer.get(key) for key in expected}, expected, example)


def test_a_line_that_is_no_object_is_said_to_be_none(t):
    lines = ["null", '"x"', "7", "true", "[]", "hello", "", "{}"]
    for words in (["url", "resolve"], ["psl"], ["robots-check"], ["sniff"], ["parse"], ["sitemap"]):
        done = subprocess.run([MPCRAWL, *words], input="\n".join(lines) + "\n", capture_output=True,
                              text=True, check=False, timeout=10 * PATIENCE)
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        same((done.returncode, len(answers)), (0, len(lines)), f"{words}: {done.stdout}")
        for line, answer in list(zip(lines, answers))[:5]:
            same(answer, {"error": "the line is not a JSON object"}, f"{words}: {line}")
        for line, answer in list(zip(lines, answers))[5:]:
            check("error" in answer, f"{words}: {line!r} has the answer {answer}")


def test_settings_are_checked_without_a_crawl(t):
    crawl = t.crawl()
    crawl.command("check", "--host-delay", "soon").refused("host-delay", "soon")
    for url in ("javascript:x", "a.test/map.xml", "ftp://a.test/", "http://u:p@a.test/", "http://["):
        result = crawl.command("check", "--sitemap", url)
        result.refused("sitemap = ")
        same(crawl.command("start", "--sitemap", url).err.split("error: ")[1],
             result.err.split("mpcrawl: ")[1], "what start says")
    same(crawl.command("check", "--sitemap", "http://a.test/map.xml?a,b").status, 0, "a right one")
    result = crawl.command("check", "--host-delay", "3s")
    same(result.status, 0, f"{result!r}")


def test_setup_without_rights_prints_the_line_to_run(t):
    """Neither root nor sudo, and one package missing."""
    tools = t.path("tools")
    os.mkdir(tools)
    for name, text in (("id", "echo 1000"),
                       ("dpkg-query", '[ "$4" != check ] && echo installed')):
        path = t.write(os.path.join(tools, name), f"#!/bin/sh\n{text}\n")
        os.chmod(path, 0o755)
    done = subprocess.run([os.path.join(TOP, "scripts/setup")], env={"PATH": tools},
                          capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, timeout=10 * PATIENCE)
    same(done.returncode, 1, "exit status")
    same(done.stderr.splitlines()[1:], ["    apt-get install --no-install-recommends check"],
         "the line to run")


def test_nothing_at_all_says_how_to_start(t):
    done = say()
    check("start" in done.stdout + done.stderr, f"it said: {done}")


if __name__ == "__main__":
    own_mounts()
    sys.exit(main())
