"""A web server that misbehaves on purpose, path by path.

An answer is a function answer(connection) that writes to the socket what it
likes; it returns False when the connection must end.  What came when is kept:
the server's log is the judge of politeness.
"""

import contextlib
import gzip
import socket
import ssl
import threading
import time

REASONS = {200: "OK", 301: "Moved Permanently", 302: "Found", 404: "Not Found",
           429: "Too Many Requests", 500: "Internal Server Error",
           503: "Service Unavailable"}


# --- answers -----------------------------------------------------------------

def answer(body=b"", status=200, content_type="text/html; charset=utf-8", headers=()):
    """An ordinary one."""
    if isinstance(body, str):
        body = body.encode()
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Whatever')}",
             f"Content-Length: {len(body)}"]
    if content_type:
        lines.append(f"Content-Type: {content_type}")
    lines += headers
    return raw(head(lines) + body, keep=True)


def head(lines):
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def html(title="", links=(), more=""):
    anchors = "".join(f'<a href="{link}">x</a>\n' for link in links)
    return f"<!DOCTYPE html><title>{title}</title>\n<p>{anchors}{more}"


def page(title="", links=(), more=""):
    return answer(html(title, links, more))


def redirect(target, status=302):
    return answer("", status, headers=[f"Location: {target}"])


def raw(data, keep=False):
    """These bytes, and then the end of the connection."""
    def write(connection):
        connection.sendall(data)
        return keep
    return write


def drip(data, seconds, first=b""):
    """A byte at a time."""
    def write(connection):
        connection.sendall(first)
        for i in range(len(data)):
            connection.sendall(data[i:i + 1])
            time.sleep(seconds)
        return False
    return write


def silence(seconds=60):
    """No answer at all; the connection stays open."""
    def write(connection):
        # Ends as soon as the client gives up.
        connection.settimeout(seconds)
        with contextlib.suppress(OSError):
            connection.recv(1)
        return False
    return write


def in_turn(*answers):
    """The first time the first, …; the last one from then on."""
    left = list(answers)

    def write(connection):
        return (left.pop(0) if len(left) > 1 else left[0])(connection)
    return write


def bomb(megabytes):
    """Gzip of that much HTML: about a thousandth of it on the wire."""
    block = b"<p>" + b"a" * 1021
    body = gzip.compress(b"<!DOCTYPE html><title>bomb</title>" + block * (1024 * megabytes))
    return answer(body, headers=["Content-Encoding: gzip"])


# --- the server --------------------------------------------------------------

class FaultServer:
    """On `host`, any address of 127.0.0.0/8, and a free port unless given.

    `certificate` (a PEM file with its key) makes it speak TLS.
    """

    def __init__(self, host="127.0.0.1", port=0, certificate=None):
        self.answers = {"/robots.txt": answer("no", 404, "text/plain")}
        self.host = host
        self.lock = threading.Lock()
        self.log = []  # (monotonic arrival, path), under lock
        self.heads = {}  # path: the last request's head, under lock
        self.open_now = self.open_most = 0  # requests being answered, under lock
        self.context = None
        self.closing = False
        self.connections = set()  # under lock
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(certificate)
        self.listener = socket.create_server((host, port), backlog=512)
        self.port = self.listener.getsockname()[1]
        scheme = "https" if certificate else "http"
        self.base = f"{scheme}://{host}:{self.port}"

    def url(self, path="/"):
        return self.base + path

    def on(self, path, function):
        self.answers[path] = function
        return self

    def robots(self, text):
        return self.on("/robots.txt", answer(text, 200, "text/plain"))

    def start(self):
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.closing = True
        # Wakes accept(), which close() alone does not.
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            connections = list(self.connections)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    # What was asked of it

    def arrivals(self, path=None):
        with self.lock:
            return [when for when, asked in self.log if path in (None, asked)]

    def paths(self):
        with self.lock:
            return [path for _, path in self.log]

    def head(self, path):
        with self.lock:
            return self.heads[path]

    def hits(self, path):
        return self.paths().count(path)

    # How it answers

    def accept(self):
        while not self.closing:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with contextlib.suppress(OSError, ssl.SSLError):
            if self.context:
                connection.settimeout(10)
                connection = self.context.wrap_socket(connection, server_side=True)
                connection.settimeout(None)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.connections.add(connection)
            while self.serve_one(connection):
                pass
        with self.lock:
            self.connections.discard(connection)
        connection.close()

    def serve_one(self, connection):
        request = b""
        while b"\r\n\r\n" not in request:
            part = connection.recv(65536)
            if not part:
                return False
            request += part
            if not request[:1].isalpha():  # TLS, where none is spoken
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                return False
        path = request.split(b" ", 2)[1].decode("latin-1")
        with self.lock:
            self.log.append((time.monotonic(), path))
            self.heads[path] = request.decode("latin-1")
            self.open_now += 1
            self.open_most = max(self.open_most, self.open_now)
        try:
            return self.answers.get(path, answer("no such page", 404))(connection)
        finally:
            with self.lock:
                self.open_now -= 1
