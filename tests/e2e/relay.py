"""A proxy that leads to this machine, whatever the name: HTTP's CONNECT, and SOCKS5.

Both want to know who asks.  What it was told is kept; what goes through it is not read.
"""

import base64
import contextlib
import select
import socket
import threading


class Relay:
    """At a free port of 127.0.0.1, until the test ends: t.server(Relay("me", "secret"))."""

    def __init__(self, user, password):
        self.user, self.password = user, password
        self.lock = threading.Lock()
        self.tunnels = []  # "name:port" of each that was opened, under lock
        self.refused = 0  # who did not say who they are, or something else; under lock
        self.heads = []  # of each CONNECT, under lock
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]

    def start(self):
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection, contextlib.suppress(OSError, ValueError):
            socks = connection.recv(1, socket.MSG_PEEK) == b"\5"
            target = self.ask_socks(connection) if socks else self.ask_http(connection)
            with self.lock:
                self.tunnels += [target] if target else []
                self.refused += not target
            if target:
                with socket.create_connection(("127.0.0.1", int(target.split(":")[1]))) as site:
                    connection.sendall(b"\5\0\0\1\0\0\0\0\0\0" if socks else b"HTTP/1.1 200 OK\r\n\r\n")
                    pump(connection, site)

    def ask_http(self, connection):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += take(connection, 1)
        head = head.decode("latin-1")
        with self.lock:
            self.heads.append(head)
        word = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        if head.startswith("CONNECT ") and f"Proxy-Authorization: Basic {word}\r\n" in head:
            return head.split(" ")[1]
        connection.sendall(b"HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=x\r\n"
                           b"Content-Length: 0\r\n\r\n")
        return None

    def ask_socks(self, connection):
        """RFC 1928, with the names and passwords of RFC 1929."""
        take(connection, take(connection, 2)[1])
        connection.sendall(b"\5\2")
        user = take(connection, take(connection, 2)[1])
        password = take(connection, take(connection, 1)[0])
        right = (user, password) == (self.user.encode(), self.password.encode())
        connection.sendall(b"\1\0" if right else b"\1\1")
        if not right or take(connection, 4)[3] != 3:  # by name, and nothing else
            return None
        name = take(connection, take(connection, 1)[0]).decode()
        return f"{name}:{int.from_bytes(take(connection, 2), 'big')}"


def take(connection, n):
    got = connection.recv(n, socket.MSG_WAITALL)
    if len(got) < n:
        raise ValueError("it has gone")
    return got


def pump(a, b):
    while True:
        for ready in select.select([a, b], [], [])[0]:
            got = ready.recv(65536)
            if not got:
                return
            (b if ready is a else a).sendall(got)
