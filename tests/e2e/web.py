"""A web of thousands of hosts, by one process (tests/site/web), and its log.

    web = t.web({"127.0.1.1": {"robots": "User-agent: *\\nDisallow: /x\\n",
                               "pages": {"/": page("first", ["/a", "/x"]),
                                         "/a": {"body": "late", "delay_ms": 200}}},
                 "127.1.{0-7}.{1-250}": {"pages": {"/*": {"make": "tree", "n": 50}}}})
    crawl = t.crawl(web.url("127.0.1.1")).run()
    web.arrivals("127.0.1.1")

What a host and a row may say: tests/site/table.h.  Any address of 127.0.0.0/8
is a host; so is any name that ends in ".localhost", at 127.0.0.1: libcurl
resolves those itself.  All hosts are at one port, which speaks TLS as well.
"""

import base64
import json
import os
import subprocess

from harness import BUILD, SANITISED, Missing, check

PROGRAM = os.path.join(BUILD, "tests", "site", "web")


# --- rows --------------------------------------------------------------------

def page(title="", links=(), more="", **row):
    """A page of HTML."""
    return {"title": title, "links": list(links), "more": more, **row}


def redirect(to, status=302, **row):
    return {"to": to, "status": status, **row}


def answer(body=b"", status=200, type="text/html; charset=utf-8", **row):
    """These bytes, whatever they are."""
    if isinstance(body, str):
        body = body.encode()
    return {"base64": base64.b64encode(body).decode(), "status": status, "type": type, **row}


def later(seconds):
    """The row's header that asks to come back in so many seconds."""
    return {"Retry-After": str(seconds)}


def later_date(seconds):
    """The same as a date."""
    return {"Retry-After": "{date+%d}" % seconds}


# --- the log -----------------------------------------------------------------

class Arrival:
    """One request, as the server saw it.  Times are in seconds, monotonic."""

    def __init__(self, line, port=0):
        self.number = line["n"]
        self.origin = (line["scheme"], line["host"], port)
        self.connection = line["conn"]
        self.host, self.ip = line["host"], line["ip"]
        self.method, self.path = line["method"], line["path"]
        self.scheme, self.h2, self.resumed = line["scheme"], line["h2"], line["resumed"]
        self.headers = line["headers"]
        self.when = line["us"] / 1e6
        self.unix = line["unix_us"] / 1e6
        # Of its answer: None while it is under way.
        self.end = self.status = self.sent = self.whole = None

    def __repr__(self):
        return f"{self.when:.3f} {self.method} {self.scheme}://{self.host}{self.path}"


def read_log(lines, port=0):
    """The arrivals in order, with their ends, and {connection: address}."""
    arrivals, connections = {}, {}
    for text in lines:
        line = json.loads(text)
        if line["t"] == "arrive":
            arrivals[line["n"]] = Arrival(line, port)
        elif line["t"] == "connect":
            connections[line["conn"]] = line["ip"]
        else:
            one = arrivals[line["n"]]
            one.end = line["us"] / 1e6
            one.status, one.sent, one.whole = line["status"], line["sent"], line["whole"]
    return list(arrivals.values()), connections


# --- the program -------------------------------------------------------------

class Web:
    """The server, until the test ends.  t.web(hosts) makes one."""

    def __init__(self, t, hosts=None):
        if not os.access(PROGRAM, os.X_OK):
            raise Missing(f"{PROGRAM} (make tests)")
        number = t.number()
        self.log = t.path(f"web{number}.log")
        self.ca = t.path(f"web{number}.ca.pem")  # for --tls-ca-file and such
        # What it leaves behind is the operating system's: no report of leaks.
        environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"} if SANITISED else None
        self.process = subprocess.Popen(
            [PROGRAM, "--control", "--log", self.log, "--ca", self.ca], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        words = self.process.stdout.readline().split()
        check(words[:1] == ["port"], f"the web does not start: {words}")
        self.port = int(words[1])
        if hosts:
            self.add(hosts)

    def add(self, hosts):
        """More hosts, or other pages for those that are there; at once."""
        self.process.stdin.write(json.dumps({"hosts": hosts}) + "\n")
        self.process.stdin.flush()
        said = self.process.stdout.readline().strip()
        check(said == "ok", f"the table: {said or 'the web has died'}")
        return self

    def url(self, host, path="/", scheme="http"):
        return f"{scheme}://{host}:{self.port}{path}"

    def read(self):
        with open(self.log, encoding="ascii") as f:
            # The last line may be on its way.
            return read_log((line for line in f.read().split("\n")[:-1]), self.port)

    def arrivals(self, host=None, path=None):
        """What was asked of a host, or of all, in order."""
        return [one for one in self.read()[0]
                if host in (None, one.host) and path in (None, one.path)]

    def paths(self, host=None):
        return [one.path for one in self.arrivals(host)]

    def hits(self, host, path):
        return len(self.arrivals(host, path))

    def connections(self, ip=None):
        """How many were made to an address."""
        return sum(1 for to in self.read()[1].values() if ip in (None, to))

    def close(self):
        check(self.process.poll() is None, "the web has died")
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
