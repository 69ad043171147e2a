"""Entities of HTML in XML: ``&nbsp;`` is written by exporters, though XML knows five names alone.

They are replaced by numbers, which XML knows, before it is parsed; nothing is declared or expanded.
"""

from __future__ import annotations

import re
from html.entities import html5

_XML = frozenset({b"lt", b"gt", b"amp", b"quot", b"apos"})
_ENTITY = re.compile(rb"&([A-Za-z][A-Za-z0-9]{1,31});")
_BEGUN = re.compile(rb"&[A-Za-z0-9]{0,32}\Z")


class Entities:
    """Replaces them in bytes that come in chunks, of an encoding with a byte for each plain letter."""

    def __init__(self) -> None:
        self._held = b""

    def replace(self, chunk: bytes, last: bool) -> bytes:
        if not self._held and b"&" not in chunk:
            return chunk
        content, self._held = self._held + chunk, b""
        begun = None if last else _BEGUN.search(content, max(0, len(content) - 34))
        if begun:
            content, self._held = content[: begun.start()], content[begun.start() :]
        return _ENTITY.sub(_numbered, content)


def _numbered(found: re.Match[bytes]) -> bytes:
    name = found[1]
    text = "" if name in _XML else html5.get(f"{name.decode('ascii')};", "")
    return "".join(f"&#{ord(each)};" for each in text).encode() or found[0]
