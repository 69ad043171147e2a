"""An answer's head is put right before aiohttp reads it, so that what browsers take is taken here too.

Portals send header lines without a colon, names with blanks, lengths twice, status lines of their own making.
A script must not find the portal down over HTTP where a browser page found nothing amiss. What browsers
refuse is refused: a NUL, lengths that contradict each other, a head of more than 256 KiB. It was measured
with Chromium; its rules are in ``http_stream_parser.cc`` and ``http_response_headers.cc``.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler

from meterfarm.scrapers.http.body import Unreadable

LARGEST = 256 * 1024
MOST_FIELDS = LARGEST // 4
_END = re.compile(rb"\n\r?\n")
_STATUS = re.compile(rb".{0,4}?HTTP(?:/(\d+)(?:\.(\d+))?)?(?:[ \t]+(\d{3}))?(?!\d)[ \t]*(.*)", re.IGNORECASE)
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_INTERIM = re.compile(rb"HTTP/1\.\d 1\d\d ")
_BLANKS = b" \t"


class LenientConnector(aiohttp.TCPConnector):
    """Connections over which heads are read as browsers read them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        handler = partial(_Handler, loop=asyncio.get_running_loop())
        self._factory = cast("partial[ResponseHandler]", handler)


class _Handler(ResponseHandler):
    """Holds an answer's head back until it is whole, and hands it on put right."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._head: bytearray | None = None

    def set_response_params(self, **options: Any) -> None:
        """A request goes out; what comes next is a head."""
        self._head = bytearray()
        super().set_response_params(**options)

    def data_received(self, data: bytes) -> None:
        while self._head is not None and data:
            data = data if self._head else data.lstrip(b"\r\n")
            searched = max(0, len(self._head) - 2)
            self._head += data
            end = _END.search(self._head, searched)
            if end is None:
                self._refuse_too_large(len(self._head))
                return
            self._refuse_too_large(end.end())
            head, data = put_right(bytes(self._head[: end.end()])), bytes(self._head[end.end() :])
            self._head = bytearray() if _INTERIM.match(head) else None
            super().data_received(head)
        if data or self._head is None:
            super().data_received(data)

    def set_exception(self, exc: BaseException, exc_cause: BaseException | None = None) -> None:
        """Also whoever reads the body learns of it at once, not when time is up."""
        if self._payload is not None and not self._payload.is_eof():
            self._payload.set_exception(aiohttp.ClientPayloadError("the body is not framed as announced"))
        super().set_exception(exc, *([exc_cause] if exc_cause is not None else []))

    def _refuse_too_large(self, size: int) -> None:
        if size > LARGEST:
            self.set_exception(Unreadable(f"has more than {LARGEST // 1024} KiB of headers"))
            self.close()


def put_right(head: bytes) -> bytes:
    """A head and its blank line as a strict parser takes them; as they are where browsers refuse them."""
    first, *lines = head.rstrip(b"\r\n").split(b"\n")
    status = _STATUS.fullmatch(first.rstrip(b"\r"))
    if status is None or b"\0" in head:
        return head
    version = b"1.0" if (status[1] or b"1", status[2] or b"0") == (b"1", b"0") else b"1.1"
    fields = list(_fields(lines))
    framing = _framing(fields, may_be_chunked=version == b"1.1")
    if framing is None:
        return head
    kept = [field for field in fields if field[0].lower() not in {b"content-length", b"transfer-encoding"}]
    written = b"".join(b"%s: %s\r\n" % field for field in [*kept, *framing])
    return b"HTTP/%s %s %s\r\n%s\r\n" % (version, status[3] or b"200", status[4].strip(), written)


_Field = tuple[bytes, bytes]


def _fields(lines: Iterable[bytes]) -> Iterator[_Field]:
    """Names and values; what has no name is left out, and a line that begins with a blank goes on."""
    last: _Field | None = None
    for line in lines:
        text = line.rstrip(b"\r").replace(b"\r", b" ")
        if text[:1] in {b" ", b"\t"}:
            last = (last[0], last[1] + b" " + text.strip(_BLANKS)) if last else None
            continue
        if last:
            yield last
        name, colon, value = text.partition(b":")
        name = name.rstrip(_BLANKS)
        last = (name, value.strip(_BLANKS)) if colon and _TOKEN.fullmatch(name) else None
    if last:
        yield last


def _framing(fields: Iterable[_Field], *, may_be_chunked: bool) -> Sequence[_Field] | None:
    """How the body's end is known: one field, or none if it is the connection's; None if they disagree."""
    coded = [value for name, value in fields if name.lower() == b"transfer-encoding"]
    if may_be_chunked and any(value.lower().endswith(b"chunked") for value in coded):
        return [(b"Transfer-Encoding", b"chunked")]
    given = [value for name, value in fields if name.lower() == b"content-length"]
    lengths = {length.strip(_BLANKS) for value in given for length in value.split(b",")}
    if len(lengths) > 1:
        return None
    return [(b"Content-Length", length) for length in lengths if re.fullmatch(rb"\d{1,18}", length)]
