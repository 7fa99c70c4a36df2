"""The frontier's store, opened behind mpcrawl's back by RocksDB's C interface."""

import ctypes
import ctypes.util

from harness import Missing, check
from rows import TABLES


def library():
    name = ctypes.util.find_library("rocksdb")
    if name is None:
        raise Missing("librocksdb")
    db = ctypes.CDLL(name)
    for function in ("options_create", "writeoptions_create", "readoptions_create",
                     "open_column_families", "get_cf", "create_iterator_cf", "iter_key",
                     "iter_value"):
        getattr(db, "rocksdb_" + function).restype = ctypes.c_void_p
    db.rocksdb_iter_valid.restype = ctypes.c_ubyte
    return db


class Store:
    """The tables in `folder`, for a `with` statement; no mpcrawl may have them
    open.  What is written is there when the statement ends."""

    def __init__(self, folder):
        self.folder = folder
        self.db = library()
        self.options = ctypes.c_void_p(self.db.rocksdb_options_create())
        self.read = ctypes.c_void_p(self.db.rocksdb_readoptions_create())
        self.write = ctypes.c_void_p(self.db.rocksdb_writeoptions_create())

    def __enter__(self):
        n = len(TABLES)
        self.handles = (ctypes.c_void_p * n)()
        error = ctypes.c_char_p()
        self.store = ctypes.c_void_p(self.db.rocksdb_open_column_families(
            self.options, self.folder.encode(), n, (ctypes.c_char_p * n)(*TABLES),
            (ctypes.c_void_p * n)(*[self.options] * n), self.handles, ctypes.byref(error)))
        check(not error.value, f"{self.folder}: {error.value}")
        return self

    def __exit__(self, *_):
        for handle in self.handles:
            self.db.rocksdb_column_family_handle_destroy(ctypes.c_void_p(handle))
        self.db.rocksdb_close(self.store)

    def table(self, letter):
        return ctypes.c_void_p(self.handles[TABLES.index(letter.encode())])

    def call(self, function, *arguments):
        error = ctypes.c_char_p()
        result = getattr(self.db, "rocksdb_" + function)(*arguments, ctypes.byref(error))
        check(not error.value, f"{self.folder}: {function}: {error.value}")
        return result

    def get(self, letter, key):
        """Its value, or None."""
        length = ctypes.c_size_t()
        found = self.call("get_cf", self.store, self.read, self.table(letter), key,
                          ctypes.c_size_t(len(key)), ctypes.byref(length))
        return None if found is None else ctypes.string_at(found, length.value)

    def put(self, letter, key, value):
        self.call("put_cf", self.store, self.write, self.table(letter), key,
                  ctypes.c_size_t(len(key)), value, ctypes.c_size_t(len(value)))

    def delete(self, letter, key):
        self.call("delete_cf", self.store, self.write, self.table(letter), key,
                  ctypes.c_size_t(len(key)))

    def items(self, letter):
        """[(key, value)] of a table, in order."""
        found = []
        each = ctypes.c_void_p(self.db.rocksdb_create_iterator_cf(self.store, self.read,
                                                                  self.table(letter)))
        self.db.rocksdb_iter_seek_to_first(each)
        while self.db.rocksdb_iter_valid(each):
            length = ctypes.c_size_t()
            key = self.db.rocksdb_iter_key(each, ctypes.byref(length))
            key = ctypes.string_at(key, length.value)
            value = self.db.rocksdb_iter_value(each, ctypes.byref(length))
            found.append((key, ctypes.string_at(value, length.value)))
            self.db.rocksdb_iter_next(each)
        self.db.rocksdb_iter_destroy(each)
        return found

    def rows(self):
        """All tables: {letter: [(key, value)]}."""
        return {letter: self.items(letter) for letter in "uqdhrm"}


def set_layout(folder, number):
    """Make the store in `folder` one of the layout `number`."""
    with Store(folder) as store:
        old = store.get("m", b"layout")
        check(old, f"{folder}: it has no layout")
        # A number of as many bytes as the old one, little-endian.
        store.put("m", b"layout", number.to_bytes(len(old), "little"))
