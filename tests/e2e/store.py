"""The frontier's store, opened behind mpcrawl's back by RocksDB's C interface."""

import ctypes
import ctypes.util

from harness import Missing, check

TABLE, KEY = b"m", b"layout"


def set_layout(folder, number):
    """Make the store in `folder` one of the layout `number`."""
    name = ctypes.util.find_library("rocksdb")
    if name is None:
        raise Missing("librocksdb")
    db = ctypes.CDLL(name)
    for function in ("rocksdb_options_create", "rocksdb_writeoptions_create",
                     "rocksdb_readoptions_create", "rocksdb_list_column_families",
                     "rocksdb_open_column_families", "rocksdb_get_cf"):
        getattr(db, function).restype = ctypes.c_void_p

    error = ctypes.c_char_p()
    options = ctypes.c_void_p(db.rocksdb_options_create())
    count = ctypes.c_size_t()
    path = folder.encode()
    listed = db.rocksdb_list_column_families(options, path, ctypes.byref(count),
                                             ctypes.byref(error))
    check(not error.value, f"{folder}: {error.value}")
    n = count.value
    names = (ctypes.c_char_p * n).from_address(listed)
    check(TABLE in list(names), f"{folder}: the tables are {list(names)}")
    handles = (ctypes.c_void_p * n)()
    store = ctypes.c_void_p(db.rocksdb_open_column_families(
        options, path, n, names, (ctypes.c_void_p * n)(*[options] * n), handles,
        ctypes.byref(error)))
    check(not error.value, f"{folder}: {error.value}")

    meta = ctypes.c_void_p(handles[list(names).index(TABLE)])
    length = ctypes.c_size_t()
    old = db.rocksdb_get_cf(store, ctypes.c_void_p(db.rocksdb_readoptions_create()), meta, KEY,
                            ctypes.c_size_t(len(KEY)), ctypes.byref(length), ctypes.byref(error))
    check(old and not error.value, f"{folder}: it has no layout: {error.value}")
    # A number of as many bytes as the old one, little-endian.
    value = number.to_bytes(length.value, "little")
    db.rocksdb_put_cf(store, ctypes.c_void_p(db.rocksdb_writeoptions_create()), meta, KEY,
                      ctypes.c_size_t(len(KEY)), value, ctypes.c_size_t(len(value)),
                      ctypes.byref(error))
    check(not error.value, f"{folder}: {error.value}")
    for handle in handles:
        db.rocksdb_column_family_handle_destroy(ctypes.c_void_p(handle))
    db.rocksdb_close(store)
