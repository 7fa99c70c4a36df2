"""The sites that are crawled, and what is to be found on them."""

import collections
import os
import re
import urllib.parse

from harness import Missing

POSTGRES = "/usr/share/doc/postgresql-doc-15/html"

# What a <link rel> must say to name a page.
PAGE_RELS = {"next", "prev", "previous", "alternate", "canonical", "first", "last", "up",
             "contents", "index", "chapter", "section", "start", "glossary", "appendix",
             "help", "search", "author", "license"}


def postgres():
    if not os.path.isfile(os.path.join(POSTGRES, "index.html")):
        raise Missing("postgresql-doc-15 (scripts/setup)")
    return POSTGRES


def plain(text):
    """As document.title has it: ASCII white space stripped and collapsed."""
    return re.sub(r"[ \t\n\f\r]+", " ", text or "").strip(" ")


def walk(root, first, base):
    """Follow the links of the files under `root` with python3-lxml.

    Returns {url: title} of the HTML pages, and the set of linked URLs of the
    site that are no file.
    """
    import lxml.html

    queue = collections.deque([urllib.parse.urljoin(base, first)])
    seen = set(queue)
    pages, missing = {}, set()
    while queue:
        url = queue.popleft()
        name = urllib.parse.unquote(urllib.parse.urlsplit(url).path)
        path = root + name + ("index.html" if name.endswith("/") else "")
        if not os.path.isfile(path):
            missing.add(url)
            continue
        if not path.endswith((".html", ".htm")):
            continue
        document = lxml.html.parse(path).getroot()
        pages[url] = plain(document.findtext(".//title"))
        for element in document.iter("a", "area", "iframe", "frame", "link"):
            if element.tag == "link":
                rels = set((element.get("rel") or "").lower().split())
                if element.get("rev") == "made":
                    rels.add("author")  # as it was written once
                if not rels & PAGE_RELS or rels & {"stylesheet", "icon", "preload"}:
                    continue
            target = element.get("src" if element.tag in ("iframe", "frame") else "href")
            if target is None:
                continue
            target, _ = urllib.parse.urldefrag(urllib.parse.urljoin(url, target.strip()))
            if target.startswith(base) and target not in seen:
                seen.add(target)
                queue.append(target)
    return pages, missing


def generate(folder, n, size=600):
    """A site of `n` pages under `folder`: a tree of ten links each, with links
    back and across, so that most links lead to what is known.  Returns the
    names of its pages."""
    os.makedirs(folder, exist_ok=True)
    names = ["index.html"] + [f"page{i}.html" for i in range(1, n)]
    filler = "<p>" + "lorem ipsum " * (size // 12)
    for i, name in enumerate(names):
        to = {*range(10 * i + 1, min(10 * i + 11, n)), 0, i // 10, (i * 7 + 3) % n}
        links = "\n".join(f'<a href="{names[k]}">{k}</a>' for k in sorted(to))
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            f.write(f"<!DOCTYPE html><title>Page {i}</title>\n{links}\n{filler}\n")
    return names
