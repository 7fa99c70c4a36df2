"""A crawl's folder read by other means than mpcrawl's: the store by RocksDB's
C interface, the outputs as lines of JSON; and whether the two agree."""

import ctypes
import ctypes.util
import json
import os
import shutil
import struct
import tempfile

from harness import Missing, check, same, same_set
from rows import (ENDED, QUEUED, TABLES, WAITING, WHOLE, crawl_row, host_row, url_row,
                  url_text)

POINTERS = ("rocksdb_options_create", "rocksdb_readoptions_create", "rocksdb_create_iterator_cf",
            "rocksdb_open_for_read_only_column_families", "rocksdb_iter_key",
            "rocksdb_iter_value")


def library():
    name = ctypes.util.find_library("rocksdb")
    if name is None:
        raise Missing("librocksdb")
    db = ctypes.CDLL(name)
    for function in POINTERS:
        getattr(db, function).restype = ctypes.c_void_p
    return db


def read_tables(folder):
    """{table: {key: value}} of a store, which is left as it is; None: there is
    none, or one in which nothing was ever written."""
    if not os.path.exists(os.path.join(folder, "CURRENT")):
        return None
    db = library()
    scratch = tempfile.mkdtemp(prefix="mpcrawl-reading.")
    try:
        # RocksDB makes a log in what it reads, too.
        copy = os.path.join(scratch, "store")
        shutil.copytree(folder, copy)
        cut_list(copy)
        return read_copy(db, copy)
    finally:
        shutil.rmtree(scratch)


def crc32c_table():
    for i in range(256):
        for _ in range(8):
            i = i >> 1 ^ (0x82f63b78 if i & 1 else 0)
        yield i


CRC32C = list(crc32c_table())


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ CRC32C[(crc ^ byte) & 0xff]
    return crc ^ 0xffffffff


def cut_list(folder):
    """The last record of RocksDB's list of files may be torn: it was not synced,
    so nobody relied on it, but RocksDB would not open the store."""
    with open(os.path.join(folder, "CURRENT"), encoding="ascii", errors="replace") as f:
        path = os.path.join(folder, f.read().strip())
    with open(path, "rb") as f:
        data = f.read()
    at = whole = 0
    while at + 7 <= len(data):
        if at % 32768 > 32768 - 7:
            at += 32768 - at % 32768
            continue
        said, length, kind = struct.unpack_from("<IHB", data, at)
        crc = crc32c(data[at + 6:at + 7 + length])
        if kind not in (1, 2, 3, 4) or at + 7 + length > len(data) \
                or said != ((crc >> 15 | crc << 17) + 0xa282ead8) & 0xffffffff:
            break
        at += 7 + length
        if kind in (1, 4):
            whole = at
    os.truncate(path, whole)


def read_copy(db, folder):
    error = ctypes.c_char_p()
    n = len(TABLES)
    options = ctypes.c_void_p(db.rocksdb_options_create())
    handles = (ctypes.c_void_p * n)()
    store = ctypes.c_void_p(db.rocksdb_open_for_read_only_column_families(
        options, folder.encode(), n, (ctypes.c_char_p * n)(*TABLES),
        (ctypes.c_void_p * n)(*[options] * n), handles, ctypes.c_ubyte(0), ctypes.byref(error)))
    if error.value and b"olumn family not found" in error.value:
        return None  # it was being made
    check(not error.value, f"{folder}: {error.value}")
    read = ctypes.c_void_p(db.rocksdb_readoptions_create())
    tables = {}
    for name, handle in zip(TABLES, handles):
        rows = tables[name.decode()] = {}
        scan = ctypes.c_void_p(db.rocksdb_create_iterator_cf(store, read,
                                                             ctypes.c_void_p(handle)))
        db.rocksdb_iter_seek_to_first(scan)
        while db.rocksdb_iter_valid(scan) & 0xff:
            length = ctypes.c_size_t()
            key = ctypes.string_at(db.rocksdb_iter_key(scan, ctypes.byref(length)), length.value)
            value = ctypes.string_at(db.rocksdb_iter_value(scan, ctypes.byref(length)),
                                     length.value)
            rows[key] = value
            db.rocksdb_iter_next(scan)
        db.rocksdb_iter_get_error(scan, ctypes.byref(error))
        check(not error.value, f"{folder}, table {name}: {error.value}")
        db.rocksdb_iter_destroy(scan)
        db.rocksdb_column_family_handle_destroy(ctypes.c_void_p(handle))
    db.rocksdb_readoptions_destroy(read)
    db.rocksdb_close(store)
    db.rocksdb_options_destroy(options)
    return tables


class Reading:
    """What is in a crawl's folder, and that it is one piece: a record in the
    outputs, up to where the store vouches for them, if and only if its URL has
    ended; the queues and the sum as the URLs' states say."""

    def __init__(self, folder):
        tables = read_tables(os.path.join(folder, "frontier"))
        state = tables["m"].get(b"state") if tables else None
        self.end = (0, 0)  # segment, byte
        self.ended, self.open = set(), set()
        if state:
            self.read_store(tables, crawl_row(state))
        elif tables:
            same(len(tables["u"]), 0, "URLs, where no state of the crawl is")
        self.vouched = self.read_outputs(os.path.join(folder, "out"))
        self.records = {}
        for line in b"".join(self.vouched).splitlines(keepends=True):
            check(line.endswith(b"\n"), f"a torn line: {line[-80:]!r}")
            record = json.loads(line)
            check(record["url"] not in self.records, lambda: f"two records of {record['url']}")
            self.records[record["url"]] = record
        same_set(self.records, self.ended, "records, beside the URLs that have ended")

    def read_store(self, tables, row):
        self.end = (row.end >> 40, row.end & ((1 << 40) - 1))
        hosts = {key: host_row(value).name.decode() for key, value in tables["h"].items()}
        places = set()
        for key, value in tables["u"].items():
            url = url_row(value)
            text = url_text(url)
            if not url.whole & WHOLE:
                text = hosts[key[:8]] + text
            (self.ended if url.state == ENDED else self.open).add(text)
            place = struct.pack(">Q", url.place)
            if url.state == QUEUED:
                places.add((b"q", key[:8] + place, key[8:]))
            elif url.state == WAITING:
                places.add((b"d", place + key, b""))
        rows = {(table.encode(), key, value) for table in ("q", "d")
                for key, value in tables[table].items()}
        same_set(rows, places, "rows of the queues, beside the URLs that wait")
        same(len(self.ended), row.done + row.failed + row.excluded + row.quarantined,
             "URLs that have ended")
        same(len(self.open), row.queued, "URLs that wait")
        same(row.admitted, len(self.ended) + len(self.open), "URLs admitted")

    def read_outputs(self, folder):
        """The bytes of each output file, up to the end that is vouched for."""
        last, byte = self.end
        parts = []
        for number in range(1, last + 1):
            path = os.path.join(folder, f"pages-{number:06d}.jsonl")
            if not os.path.exists(path):
                check(number == last and byte == 0, f"{path} is missing")
                continue
            with open(path, "rb") as f:
                part = f.read()
            if number == last:
                check(len(part) >= byte, f"{path}: {len(part)} bytes, {byte} are vouched for")
                part = part[:byte]
            parts.append(part)
        return parts
