"""What a text really is, judged by its first bytes: portals answer with web pages where files were due."""

from __future__ import annotations

import re

_BOM = b"\xef\xbb\xbf"
_ENOUGH = 40
_WIDE = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_PAGE_STARTS = (
    *(b"<!doctype html", b"<html", b"<head", b"<body", b"<table", b"<meta", b"<style", b"<title"),
    *(b"<script", b"<link", b"<div", b"<center", b"<p>", b"<br"),
)
_JSON = re.compile(rb"\s*(\{\s*[\"}]|\[\s*[\[{\"\]\d-])")


def text_of_head(head: bytes) -> str:
    """The text of a file's first bytes; UTF-16 is recognised without its mark too."""
    for mark, encoding in _WIDE.items():
        if head.startswith(mark):
            return head[2:].decode(encoding, "replace")
    if not any(head[1:_ENOUGH:2]):
        return head.decode("utf-16-le", "replace")
    if not any(head[0:_ENOUGH:2]):
        return head.decode("utf-16-be", "replace")
    return head.removeprefix(_BOM).decode("latin-1")


def looks_like_json(content: bytes) -> bool:
    """Whether ``content`` starts as an object or a list of JSON does."""
    return _JSON.match(content.removeprefix(_BOM)) is not None


def looks_like_html(content: bytes) -> bool:
    """Whether ``content`` starts as a web page does, after any byte order mark, declaration and comments."""
    head = content[:4096].removeprefix(_BOM).lstrip().lower()
    while head.startswith((b"<?", b"<!--")):
        closing = b"?>" if head.startswith(b"<?") else b"-->"
        _, found, rest = head.partition(closing)
        if not found:
            return False
        head = rest.lstrip()
    return head.startswith(_PAGE_STARTS)
