"""The rows of the frontier's store (lib/frontier/rows.c), for who reads them
without mpcrawl, and for who spoils them."""

import collections
import struct

QUEUED, WAITING, ENDED = 1, 2, 3
TABLES = (b"u", b"q", b"d", b"h", b"r", b"m", b"s", b"n", b"default")

# `whole` has bits beside its own: what stands in front of the text.
WHOLE, CHAIN, TARGET = 1, 4, 8
BY_SITEMAP = 12  # `found`: what the sitemap says stands there, too
LISTING = 6

Url = collections.namedtuple("Url", "state verdict reason found whole depth hops tries waits "
                                    "status place via_site via_url at text")
Host = collections.namedtuple("Host", "admitted queued fetched head bytes errors begun "
                                      "sitemaps next blocked backoffs blocked_by response "
                                      "trouble first_fail fails trouble_by down "
                                      "ip robots block robots_fails since at delay name")
URL, HOST = struct.Struct("<5B5HQQQq"), struct.Struct("<6QqI2q2Bi2qH2B16s2BH3q")
Crawl = collections.namedtuple("Crawl", "seq end next_seq elapsed fetched admitted done failed "
                                        "excluded quarantined queued")
CRAWL = struct.Struct("<3Qq7Q")  # in part


def url_row(value):
    return Url(*URL.unpack(value[:URL.size]), value[URL.size:])


def url_text(row):
    """The URL's own text, behind what stands in front of it."""
    text = row.text[LISTING if row.found == BY_SITEMAP else 0:]
    for bit in (CHAIN, TARGET):
        if row.whole & bit:
            text = text[4 + int.from_bytes(text[:4], "little"):]
    return text.decode()


def host_row(value):
    return Host(*HOST.unpack(value[:HOST.size]), value[HOST.size:])


def crawl_row(value):
    return Crawl(*CRAWL.unpack_from(value))


def packed(row):
    return (URL if isinstance(row, Url) else HOST).pack(*row[:-1]) + row[-1]
