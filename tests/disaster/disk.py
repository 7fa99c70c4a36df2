"""What a power cut leaves of a folder, made from a log of what was done to it
(tests/preload/record.c).

The model, after ext4 (data=ordered) and XFS, and weaker where POSIX is:

- A sync of a file that has returned covers what was written to the file, and
  its sizes, up to when it was called.  It does not cover the file's name.
- What no sync covers may be there or not, page by page (4 KiB): a page is as
  it was at any moment since, for it is written back whenever the kernel likes;
  one page of a write may be there and its neighbours not, and a page may be
  torn between two states at any byte.
- A file's size is its own: any that it had since the last sync, or any byte
  between two of them.  Where the size is there and the data is not, there are
  zeros.
- Cuts of a file (truncate) take effect in their order, and what lies behind a
  cut does not come back once it did; the page that was cut through is written
  before.  A cut that no sync covers may not have happened, and a later write
  into the same page may have.
- Names in a folder change in their order: what is left is the state after any
  number of changes, at least those that a sync of that folder covers.  Each
  folder for itself: a name may be there in one and a later one in another not.
  A rename is whole or not at all.
- A preallocation that keeps the size cannot be seen.

A cut is a place in the log: what stands before it was done.
"""

import bisect
import copy
import os
import stat
import struct

PAGE = 4096
HEAD = struct.Struct("=8s16sQQQIHHQ")


class Op:
    """A line of the log."""

    __slots__ = ("kind", "who", "ino", "size", "name", "name2", "data", "at")


def text(raw):
    return raw.rstrip(b"\0").decode()


def read_log(path):
    with open(path, "rb") as f:
        log = f.read()
    ops, at = [], 0
    while at < len(log):
        op = Op()
        op.at = at
        kind, who, op.ino, op.size, _, _, name, name2, data = HEAD.unpack_from(log, at)
        op.kind, op.who = text(kind), text(who.split(b"\0")[0])
        at += HEAD.size
        op.name, op.name2 = log[at:at + name].decode(), log[at + name:at + name + name2].decode()
        at += name + name2
        op.data = log[at:at + data]
        at += data
        ops.append(op)
    return ops


# --- files and folders ---------------------------------------------------------

def change(content, kind, at, data):
    """One change of a file's bytes; `at` is an offset or a size."""
    if kind == "write":
        if at > len(content):
            content.extend(bytes(at - len(content)))
        content[at:at + len(data)] = data
    elif kind == "trunc" and at < len(content):
        del content[at:]
    elif at > len(content):  # longer: "trunc" or "grow"
        content.extend(bytes(at - len(content)))


class File:
    def __init__(self):
        self.now, self.durable = bytearray(), bytearray()
        self.pending = []  # (place in the log, kind, offset or size, bytes)

    def do(self, place, kind, at, data):
        change(self.now, kind, at, data)
        self.pending.append((place, kind, at, data))

    def sync(self, covered):
        while self.pending and self.pending[0][0] < covered:
            change(self.durable, *self.pending.pop(0)[1:])

    def cut(self, rng, style):
        if style == "mixed":
            style = rng.choice(("least", "most", "torn", "pages", "pages"))
        if style == "least" or not self.pending:
            return bytes(self.durable)
        if style == "most":
            return bytes(self.now)
        return self.torn(rng) if style == "torn" else self.paged(rng)

    def torn(self, rng):
        """The changes in order up to one of them, of which a part."""
        n = rng.randrange(len(self.pending))
        content = bytearray(self.durable)
        for _, kind, at, data in self.pending[:n]:
            change(content, kind, at, data)
        _, kind, at, data = self.pending[n]
        if kind == "write":
            part = rng.randint(0, len(data))
            change(content, kind, at, data[:part])
            if rng.random() < 0.5:  # the size is there, the rest is not
                change(content, "grow", at + len(data), b"")
        return bytes(content)

    def paged(self, rng):
        """Cuts in order, the size by itself, each page by itself."""
        states = [bytes(self.durable)]  # after each change
        content = bytearray(self.durable)
        for _, kind, at, data in self.pending:
            change(content, kind, at, data)
            states.append(bytes(content))
        cuts = [i + 1 for i, change_ in enumerate(self.pending) if change_[1] == "trunc"]
        happened = rng.randint(0, len(cuts))
        first = cuts[happened - 1] if happened else 0  # the state it begins with
        before = cuts[happened] if happened < len(cuts) else len(states)
        sizes = sorted({len(state) for state in states[first:before]})
        size = rng.choice((sizes[0], sizes[-1], rng.choice(sizes),
                           rng.randint(sizes[0], sizes[-1])))
        behind = len(states[first]) // PAGE if happened else size // PAGE + 1
        pages = []
        for page in range((size + PAGE - 1) // PAGE):
            choice = rng.randint(first if page >= behind else 0, len(states) - 1)
            part = self.page(states[choice], page)
            if choice + 1 < len(states) and rng.random() < 0.3:
                tear = rng.randint(0, PAGE)
                part = part[:tear] + self.page(states[choice + 1], page)[tear:]
            pages.append(part)
        return b"".join(pages)[:size]

    @staticmethod
    def page(state, number):
        return state[number * PAGE:(number + 1) * PAGE].ljust(PAGE, b"\0")


class Folder:
    def __init__(self):
        self.now, self.durable = {}, {}
        self.pending = []  # (place in the log, {name: what is there, None: nothing})

    def do(self, place, names):
        self.update(self.now, names)
        self.pending.append((place, names))

    @staticmethod
    def update(entries, names):
        for name, what in names.items():
            if what is None:
                entries.pop(name, None)
            else:
                entries[name] = what

    def sync(self, covered):
        while self.pending and self.pending[0][0] < covered:
            self.update(self.durable, self.pending.pop(0)[1])

    def cut(self, rng, style):
        n = {"least": 0, "most": len(self.pending)}.get(style)
        if n is None:
            n = rng.choice((0, len(self.pending), rng.randint(0, len(self.pending))))
        entries = dict(self.durable)
        for _, names in self.pending[:n]:
            self.update(entries, names)
        return entries


# --- the whole folder ------------------------------------------------------------

class Disk:
    """The folder before `ops`: as it is on disk now, all of it durable.  Take it
    before the crawl that makes the log."""

    def __init__(self, folder):
        self.by_ino = {}
        self.root = self.load(folder)
        self.done = 0
        self.told = []  # what went to standard output
        self.began = False  # a scheduler ran: the seeds are in the store
        self.syncs = 0

    def load(self, path):
        what = Folder() if os.path.isdir(path) else File()
        self.by_ino[os.stat(path).st_ino] = what
        if isinstance(what, File):
            with open(path, "rb") as f:
                what.durable = bytearray(f.read())
            what.now = bytearray(what.durable)
        else:
            what.durable = {name: self.load(os.path.join(path, name))
                            for name in os.listdir(path)}
            what.now = dict(what.durable)
        return what

    def then(self, ops):
        """What happens from here on; a copy, so that it may be run again."""
        disk = copy.deepcopy(self)
        disk.ops, disk.offsets = ops, [op.at for op in ops]
        return disk

    def run(self, upto):
        """Do what comes before the place `upto`."""
        while self.done < upto:
            self.do(self.done, self.ops[self.done])
            self.done += 1
        return self

    def parent(self, path):
        folder, *rest = self.root, *path.split("/")
        for name in rest[:-1]:
            folder = folder.now[name]
        return folder, rest[-1]

    def do(self, place, op):
        self.began = self.began or op.who == "scheduler"
        if op.kind in ("create", "mkdir"):
            what = File() if op.kind == "create" else Folder()
            if op.name:  # else a file without one (O_TMPFILE)
                folder, name = self.parent(op.name)
                folder.do(place, {name: what})
            self.by_ino[op.ino] = what
        elif op.kind in ("write", "trunc", "grow"):
            self.by_ino[op.ino].do(place, op.kind, op.size, op.data)
        elif op.kind == "unlink":
            folder, name = self.parent(op.name)
            folder.do(place, {name: None})
        elif op.kind in ("rename", "link"):
            folder, name = self.parent(op.name)
            folder2, name2 = self.parent(op.name2)
            what = folder.now[name]
            if op.kind == "link":
                folder2.do(place, {name2: what})
            elif folder is folder2:
                folder.do(place, {name: None, name2: what})
            else:
                raise ValueError(f"a rename between folders is not modelled: {op.name}")
        elif op.kind == "sync":
            self.by_ino[op.ino].sync(bisect.bisect_left(self.offsets, op.size))
            self.syncs += 1
        elif op.kind == "told":
            self.told.append(op.data)
        else:
            raise ValueError(f"unknown: {op.kind}")

    def cut(self, rng, target):
        """Write what the power cut leaves; returns in which style."""
        style = rng.choice(("least", "most", "mixed", "mixed", "mixed"))
        self.write(self.root, target, lambda what: what.cut(rng, style))
        return style

    def write(self, folder, target, view):
        os.mkdir(target, 0o700)
        for name, what in view(folder).items():
            path = os.path.join(target, name)
            if isinstance(what, Folder):
                self.write(what, path, view)
            else:
                with open(path, "wb") as f:
                    f.write(view(what))

    def bytes_in(self, path):
        """{name: bytes} of the files of a folder, as they are now."""
        folder = self.root.now.get(path)
        return {name: bytes(what.now) for name, what in (folder.now if folder else {}).items()}

    def differs(self, folder, what=None):
        """How the folder on disk differs from what the log says; "": it does
        not.  Sockets are not looked at."""
        what = what or self.root
        names = {name for name in os.listdir(folder)
                 if not stat.S_ISSOCK(os.lstat(os.path.join(folder, name)).st_mode)}
        if names != set(what.now):
            return f"{folder} has {sorted(names)}, the log {sorted(what.now)}"
        for name, inner in what.now.items():
            path = os.path.join(folder, name)
            if isinstance(inner, Folder):
                why = self.differs(path, inner)
                if why:
                    return why
            else:
                with open(path, "rb") as f:
                    if f.read() != inner.now:
                        return f"{path} has other bytes than the log"
        return ""
