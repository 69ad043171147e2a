"""What a text really is, judged by its first bytes: portals answer with web pages where files were due."""

from __future__ import annotations

import re

_BOM = b"\xef\xbb\xbf"
_PAGE_STARTS = (b"<!doctype html", b"<html", b"<head", b"<body")
_JSON = re.compile(rb"\s*(\{\s*[\"}]|\[\s*[\[{\"\]\d-])")


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
