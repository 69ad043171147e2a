"""A file within a JSON answer, written as text."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

from meterfarm.records import Document, Outcome
from meterfarm.scrapers.http.response import HttpResponse
from meterfarm.scrapers.outcomes import Stop
from meterfarm.support.foreign_text import file_name

_DATA = re.compile(r"\s*data:([^,;]*)((?:;[^,;]*)*),", re.IGNORECASE)
_HEX = re.compile(r"(?:0x|\\x)?(?:[0-9a-f]{2})+", re.IGNORECASE)
_FROM_URL_SAFE = str.maketrans("-_", "+/")
_BEGINNINGS = (b"%PDF", b"PK\x03\x04", b"\x1f\x8b", b"<?xml", b"\xef\xbb\xbf")


def file_in(answer: HttpResponse, pointer: str, name: str) -> Document:
    """The file that stands at this JSON pointer.

    In base64 (RFC 4648, both alphabets, with or without padding, in lines), as a ``data:`` address (RFC
    2397), or in hexadecimal digits.

    Raises:
        Stop: ``layout_changed``: it is not there, or written otherwise.
    """
    text = answer.at(pointer, str)
    media_type = ""
    if data := _DATA.match(text):
        media_type, text = data[1].strip().lower(), text[data.end() :]
        if "base64" not in data[2].lower():
            return Document(unquote_to_bytes(text), media_type, file_name(name))
    content = _decoded("".join(text.split()))
    if content is None:
        raise Stop(
            Outcome.LAYOUT_CHANGED,
            f"{answer.portal} sends something at {pointer} that is no file in base64 or hexadecimal digits; "
            "the script needs mending.",
        )
    return Document(content, media_type, file_name(name))


def _decoded(text: str) -> bytes | None:
    """Digits alone may be either; the beginning of a file decides, else they are hexadecimal."""
    in_base64 = _from_base64(text)
    if _HEX.fullmatch(text):
        from_hex = binascii.unhexlify(re.sub(r"^(0x|\\x)", "", text, flags=re.IGNORECASE))
        if in_base64 is None or not in_base64.startswith(_BEGINNINGS):
            return from_hex
    return in_base64 or None


def _from_base64(text: str) -> bytes | None:
    bare = text.rstrip("=").translate(_FROM_URL_SAFE)
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except binascii.Error:
        return None
