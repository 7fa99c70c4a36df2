#!/usr/bin/python3
"""The line filters over tests/data, graded as its READMEs say, and what holds
of every filter whatever it is asked.  `make conformance` runs this alone."""

import base64
import json
import os
import shutil
import subprocess
import sys

from harness import MPCRAWL, PATIENCE, TOP, check, main, same

DATA = os.path.join(TOP, "tests", "data")


def lines(*path):
    with open(os.path.join(DATA, *path), encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.strip()]


def ask_bytes(words, data):
    """The lines that a filter answers, as they come."""
    run = subprocess.run([MPCRAWL, *words], input=data, capture_output=True,
                         timeout=60 * PATIENCE, check=False)
    same(run.returncode, 0, f"{words}: exit status: {run.stderr[-300:]}")
    check(run.stdout == b"" or run.stdout.endswith(b"\n"), f"{words}: the last line is cut")
    return run.stdout.splitlines()


def ask(words, questions):
    # ASCII, as json.dumps has it: lone surrogates come through.
    answers = ask_bytes(words, "".join(json.dumps(q) + "\n" for q in questions).encode())
    same(len(answers), len(questions), f"{words}: answers")
    return [json.loads(answer) for answer in answers]


class Tally:
    """Of a suite: how many held, by level; what did not is told."""

    def __init__(self, name):
        self.name = name
        self.held = {"must": 0, "optional": 0}
        self.all = {"must": 0, "optional": 0}

    def grade(self, case, name, why):
        """`why` it did not hold, "" when it did."""
        level = case.get("level", "must")
        self.all[level] += 1
        self.held[level] += not why
        if why:
            print(f"    {self.name} {level} {name}: {why[:400]}", flush=True)

    def close(self, cases):
        """All that must hold did; and no case was left out."""
        shown = f"{self.held['must']}/{self.all['must']}"
        if self.all["optional"]:
            shown = (f"must {shown} optional "
                     f"{self.held['optional']}/{self.all['optional']}")
        print(f"conformance: {self.name} {shown}", flush=True)
        same(sum(self.all.values()), cases, f"{self.name}: cases")
        same(self.held["must"], self.all["must"], f"{self.name}: of those that must hold")


def differs(answer, expected):
    return "" if answer == expected else f"{answer!r}, not {expected!r}"


# --- the suites ---------------------------------------------------------------


def test_url(t):
    tally = Tally("url")
    cases = lines("url", "resolve.jsonl") + lines("url", "failure.jsonl")
    questions = [{"input": case["input"], "base": case.get("base")} for case in cases]
    for case, answer in zip(cases, ask(["url", "resolve"], questions)):
        expected = {"failure": True} if case.get("failure") else {"href": case["href"]}
        tally.grade(case, repr(case["input"]), differs(answer, expected))
    tally.close(482)


def test_robots(t):
    tally = Tally("robots")
    cases = lines("robots", "cases.jsonl")
    asked = ("robots", "robots_b64", "agent", "url", "status", "repeat_before")
    questions = [{key: case[key] for key in asked if key in case} for case in cases]
    for case, answer in zip(cases, ask(["robots-check"], questions)):
        why = [f"{key}: {differs(answer.get(key), case[key])}"
               for key in ("allowed", "sitemaps", "crawl_delay")
               if key in case and answer.get(key, "nothing") != case[key]]
        tally.grade(case, case["id"], ", ".join(why))
    tally.close(198)


def test_encoding(t):
    tally = Tally("encoding")
    cases = lines("encoding", "sniff-html5lib.jsonl") + lines("encoding", "sniff.jsonl")
    questions = [{"body_b64": case["body_b64"], "content_type": case["content_type"]}
                 for case in cases]
    for case, answer in zip(cases, ask(["sniff"], questions)):
        tally.grade(case, case["id"], differs(answer, {"encoding": case["encoding"]}))
    tally.close(82 + 41)


def test_decoders_beside_node(_t):
    """What charset_standard_test holds the decoders to, beside the TextDecoder
    of a Node that is there: it differs where standard.mjs says why, only."""
    node = shutil.which("node")
    if node is None:
        print("    no node to compare with", flush=True)
        return
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.lstrip("v").split(".")[0]) < 20:
        print(f"    node {version.strip()} is too old to compare with", flush=True)
        return
    run = subprocess.run([node, os.path.join(DATA, "encoding", "standard.mjs"), "check"],
                         capture_output=True, text=True, timeout=60 * PATIENCE, check=False)
    print(f"    {run.stdout.splitlines()[0] if run.stdout else run.stderr}", flush=True)
    same(run.returncode, 0, f"standard.mjs check: {run.stdout}{run.stderr}")


def test_labels_of_encodings(t):
    tally = Tally("labels")
    with open(os.path.join(DATA, "encoding", "labels.tsv"), encoding="utf-8") as f:
        labels = [line.rstrip("\n").split("\t") for line in f]
    body = base64.b64encode(b"text").decode()
    questions = [{"body_b64": body, "content_type": f'text/html; charset="{label}"'}
                 for label, _ in labels]
    for (label, name), answer in zip(labels, ask(["sniff"], questions)):
        tally.grade({}, label, differs(answer, {"encoding": name}))
    tally.close(215)


def locs(entries):
    return {entry["loc"]: entry for entry in entries or []}


def sitemap_differs(answer, expect):
    """A list of what is not as expected."""
    why = []
    urls, expected = locs(answer.get("urls")), locs(expect.get("urls"))
    optional = set(expect.get("optional_urls", []))
    if answer.get("type") != expect["type"]:
        why.append(f"type {differs(answer.get('type'), expect['type'])}")
    if "urls" in expect:
        missing = set(expected) - set(urls) - optional
        more = set() if expect.get("at_least") else set(urls) - set(expected) - optional
        why += [f"without {missing}"] * bool(missing) + [f"besides {more}"] * bool(more)
    if "in_scope" in expect:
        covered = {loc for loc, entry in urls.items() if entry.get("in_scope")}
        if covered != set(expect["in_scope"]):
            why.append(f"in scope: {differs(covered, set(expect['in_scope']))}")
    for loc, fields in expected.items():
        for key, value in fields.items():
            found = urls.get(loc, {}).get(key, "nothing")
            # Numbers by their value: "0.8" and 0.8 say the same.
            if str(found) != str(value) and loc in urls:
                why.append(f"{key} of {loc}: {differs(found, value)}")
    if set(locs(answer.get("sitemaps"))) != set(locs(expect.get("sitemaps"))):
        why.append(f"sitemaps {differs(answer.get('sitemaps'), expect.get('sitemaps'))}")
    if not expect.get("any_error") and bool(answer.get("error")) != bool(expect.get("error")):
        why.append(f"error {answer.get('error')!r}")
    if "count" in expect:
        n = len(answer.get("urls") or [])
        if not expect["count"] <= n <= expect["count_max"]:
            why.append(f"{n} URLs")
        elif not (answer["urls"][0]["loc"] == expect["first"]
                  and answer["urls"][expect["count"] - 1]["loc"] == expect["last"]):
            why.append("not from the first to the last")
    return why


def test_sitemap(t):
    tally = Tally("sitemap")
    with open(os.path.join(DATA, "sitemap", "expected.json"), encoding="utf-8") as f:
        cases = json.load(f)
    questions = []
    for case in cases:
        with open(os.path.join(DATA, "sitemap", case["file"]), "rb") as f:
            body = base64.b64encode(f.read()).decode()
        questions.append({"url": case["url"], "content_type": case["content_type"],
                          "body_b64": body})
    for case, answer in zip(cases, ask(["sitemap"], questions)):
        tally.grade(case, case["file"], ", ".join(sitemap_differs(answer, case["expect"])))
    tally.close(49)


def bare(url):
    return url and url.partition("#")[0]


def link_set(links):
    return {(bare(link["url"]), link["kind"], *(bool(link.get(flag)) for flag in
                                                ("nofollow", "ugc", "sponsored")))
            for link in links}


def refresh_of(refresh):
    return refresh and (refresh["delay"], bare(refresh["url"]))


def page_differs(answer, expect):
    why = []
    for key, of in (("links", link_set), ("base", bare), ("canonical", bare),
                    ("encoding", str), ("refresh", refresh_of)):
        if key in expect and (key not in answer or of(answer[key]) != of(expect[key])):
            why.append(f"{key}: {differs(answer.get(key), expect[key])}")
    for key, value in expect.get("robots", {}).items():
        if answer.get("robots", {}).get(key) is not value:
            why.append(f"robots: {differs(answer.get('robots'), expect['robots'])}")
    return why


def test_links(t):
    tally = Tally("links")
    cases = lines("links", "cases.jsonl")
    asked = ("base_url", "content_type", "headers", "html", "html_b64")
    questions = [{key: case[key] for key in asked if key in case} for case in cases]
    for case, answer in zip(cases, ask(["parse"], questions)):
        tally.grade(case, case["id"], ", ".join(page_differs(answer, case["expect"])))
    tally.close(150)


def test_psl(t):
    tally = Tally("psl")
    cases = lines("psl", "psl.jsonl")
    questions = [{"domain": case["domain"]} for case in cases]
    for case, answer in zip(cases, ask(["psl"], questions)):
        tally.grade(case, repr(case["domain"]),
                    differs(answer, {"registrable": case["registrable"]}))
    tally.close(78)


# --- the contract --------------------------------------------------------------

# A filter, a question that it understands, a key of the answer, and members
# that have to be of another type than these.
FILTERS = (
    (["url", "resolve"], {"input": "http://h/"}, "href", {"input": 1, "base": []}),
    (["url", "canon"], {"input": "http://h/"}, "key", {"input": {}, "base": True}),
    (["psl"], {"domain": "a.example.org"}, "registrable", {"domain": 1.5}),
    (["robots-check"], {"robots": "", "agent": "a", "url": "http://h/"}, "allowed",
     {"robots": 1, "agent": None, "url": [], "status": "200"}),
    (["parse"], {"base_url": "http://h/", "content_type": "text/html", "html": ""}, "links",
     {"base_url": 1, "content_type": {}, "html": [], "headers": "x: y"}),
    (["sniff"], {"body_b64": "", "content_type": "text/html"}, "encoding",
     {"body_b64": 7, "content_type": ["text/html"]}),
    (["sitemap"], {"url": "http://h/s.xml", "content_type": "text/xml", "body_b64": ""}, "type",
     {"url": 1, "body_b64": 2, "content_type": 3}),
)


def test_filters_answer_each_line_in_its_place(t):
    """Whatever a line is, it has one answer, and the lines around it theirs."""
    for words, good, key, wrong in FILTERS:
        fine = json.dumps(good).encode()
        bad = [json.dumps({**good, name: value}).encode() for name, value in wrong.items()]
        bad += [b"", b" ", b"{", b"}", b"[]", b"null", b"1", b"\"text\"", b"\0", b"\xff\xfe",
                fine + fine, fine[:-1], fine[:-1] + b",}", b"{\"a\":\"\xff\"}",
                b"{\"a\":\"\xed\xa0\x80\"}", b"[" * 100000, b"{}",
                fine + b"\0", b"\xef\xbb\xbf" + fine]
        data = b"".join(line + b"\n" + fine + b"\n" for line in bad)
        answers = [json.loads(answer) for answer in ask_bytes(words, data)]
        same(len(answers), 2 * len(bad), f"{words}: answers")
        for line, answer in zip(bad, answers[::2]):
            check(isinstance(answer.get("error"), str) and answer["error"] and len(answer) == 1,
                  f"{words}: {line[:80]!r}: {answer}")
        for answer in answers[1::2]:
            check(key in answer and not (key != "type" and "error" in answer),
                  f"{words}: {answer} after a bad line")


def test_filters_ignore_what_they_do_not_know(t):
    for words, good, _, _ in FILTERS:
        plain, more = ask(words, [good, {"x": [1, {"y": None}], **good, "zz": "\u0000"}])
        same(more, plain, f"{words}: the answer with keys that mean nothing")


def test_filters_take_a_last_line_without_its_end(t):
    for words, good, key, _ in FILTERS:
        answers = ask_bytes(words, json.dumps(good).encode())
        same(len(answers), 1, f"{words}: answers")
        check(key in json.loads(answers[0]), f"{words}: {answers[0]}")
        same(ask_bytes(words, b""), [], f"{words}: answers to nothing")
        # A line that windows ended.
        answers = ask_bytes(words, json.dumps(good).encode() + b"\r\n")
        check(key in json.loads(answers[0]), f"{words}: {answers[0]}")


def test_filters_answer_a_line_that_is_too_long(t):
    """And go on behind it, with no more memory than one line takes."""
    huge = b"{\"x\":\"" + b"a" * (33 << 20) + b"\"}\n"
    for words, good, key, _ in FILTERS:
        answers = [json.loads(line) for line in
                   ask_bytes(words, huge + json.dumps(good).encode() + b"\n")]
        same(len(answers), 2, f"{words}: answers")
        check("longer" in answers[0].get("error", ""), f"{words}: {answers[0]}")
        check(key in answers[1], f"{words}: {answers[1]}")


def test_filters_answer_before_they_wait(t):
    """So they can be talked to: the answer comes, the pipe still open."""
    for words, good, key, _ in FILTERS:
        with subprocess.Popen([MPCRAWL, *words], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as talk:
            try:
                for line in (good, [], good):
                    talk.stdin.write(json.dumps(line).encode() + b"\n")
                    talk.stdin.flush()
                    answer = json.loads(talk.stdout.readline())  # or the time limit
                    check((key if line else "error") in answer, f"{words}: {answer}")
                # Half a line is none, until it is whole.
                text = json.dumps(good).encode() + b"\n"
                talk.stdin.write(text[:7])
                talk.stdin.flush()
                talk.stdin.write(text[7:])
                talk.stdin.flush()
                check(key in json.loads(talk.stdout.readline()), f"{words}: in two pieces")
                talk.stdin.close()
                same(talk.wait(20 * PATIENCE), 0, f"{words}: exit status")
            finally:
                talk.kill()


def test_filters_refuse_words_they_do_not_know(t):
    for words, _, _, _ in FILTERS:
        run = subprocess.run([MPCRAWL, *words, "nonsense"], input=b"", capture_output=True,
                             timeout=20 * PATIENCE, check=False)
        same(run.returncode, 2, f"{words}: exit status")
        check(b"usage" in run.stderr, f"{words}: {run.stderr!r}")
        same(run.stdout, b"", f"{words}: answers")


if __name__ == "__main__":
    sys.exit(main())
