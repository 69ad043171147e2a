"""The body of an answer, unpacked as it comes, and never more of it than its kind may have."""

from __future__ import annotations

import asyncio
import io
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

_MIB = 1024 * 1024
_PIECE = _MIB
_GZIP = 31
_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Limit:
    """What an answer may be at most: bytes, once unpacked, and seconds until it is there."""

    what: str
    size: int
    seconds: float = 30.0

    def must_hold(self, size: int) -> None:
        """Raise TooLarge if an answer with so many bytes is more than it may be."""
        if size > self.size:
            raise TooLarge(f"more than the {_told(self.size)} that {self.what} may have")

    def must_hold_announced(self, size: int) -> None:
        """Raise TooLarge if it is known before the answer comes that there will be too many bytes."""
        if size > self.size:
            raise TooLarge(f"{_told(size)}, more than the {_told(self.size)} that {self.what} may have")


PAGE = Limit("a page", 8 * _MIB)
LIST = Limit("a list", 32 * _MIB)
DOCUMENT = Limit("a document", 32 * _MIB)
EXPORT = Limit("an export", 128 * _MIB, 60.0)


class TooLarge(Exception):
    """There is more of it than its kind may have; the text says of how much it is known."""


class Unreadable(Exception):
    """It is not packed as its header says, or its end is missing."""


async def taken(pieces: AsyncIterator[bytes], encoding: str, announced: int | None, limit: Limit) -> bytes:
    """The whole body, unpacked as ``encoding`` (a Content-Encoding header) says.

    ``announced`` is the size in the header, if there is one: what is too large is not even begun.

    Raises:
        TooLarge, Unreadable.
    """
    limit.must_hold_announced(announced or 0)
    unpacking = _unpacking(encoding)
    whole = io.BytesIO()
    async for piece in pieces:
        if announced == len(piece) and isinstance(unpacking, _Plain):
            return piece
        for part in unpacking.fed(piece):
            _keep(whole, part, limit)
            await asyncio.sleep(0)  # a small piece may unpack to a lot: the others go on meanwhile
    for part in unpacking.ended():
        _keep(whole, part, limit)
    return whole.getvalue()


def _keep(whole: io.BytesIO, part: bytes, limit: Limit) -> None:
    limit.must_hold(whole.tell() + len(part))
    whole.write(part)


def _told(size: int) -> str:
    return f"{size / _MIB:,.0f} MiB" if size >= _MIB else f"{size:,} bytes"


class _Plain:
    """A body as it is."""

    def fed(self, piece: bytes) -> Iterator[bytes]:
        if piece:
            yield piece

    def ended(self) -> Iterator[bytes]:
        yield from ()


class _Zlib:
    """A body packed by gzip, in any number of members, or by deflate, with zlib's header or without.

    Like browsers, it does not mind what follows the last member.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._is_gzip = name == "gzip"
        self._inflater = zlib.decompressobj(_GZIP) if self._is_gzip else None
        self._begun = self._over = False
        self._early = b""

    def fed(self, piece: bytes) -> Iterator[bytes]:
        left = self._early + piece
        self._early = b""
        while left and not self._over:
            if (self._inflater is None or self._inflater.eof) and len(left) < len(_MAGIC):
                self._early = left
                return
            if self._inflater is None:
                self._inflater = zlib.decompressobj(_window(left))
            if self._inflater.eof:
                if not self._is_gzip or not left.startswith(_MAGIC):
                    self._over = True
                    return
                self._inflater = zlib.decompressobj(_GZIP)
            self._begun = True
            yield self._inflated(self._inflater, left)
            left = self._inflater.unused_data or self._inflater.unconsumed_tail

    def _inflated(self, inflater: zlib._Decompress, packed: bytes) -> bytes:
        try:
            return inflater.decompress(packed, _PIECE)
        except zlib.error as exc:
            raise Unreadable(f"is not packed by {self._name}, as its header says") from exc

    def ended(self) -> Iterator[bytes]:
        if self._early and not self._begun:
            raise Unreadable(f"is not packed by {self._name}, as its header says")
        while self._inflater is not None and not self._inflater.eof and self._begun:
            more = self._inflated(self._inflater, b"")
            if not more and not self._inflater.eof:
                raise Unreadable("is cut short")
            yield more


class _Arrow:
    """A body packed by Brotli or Zstandard, which nobody asked for: it is held until it ends."""

    def __init__(self, name: str, codec: str) -> None:
        self._name = name
        self._codec = codec
        self._packed = io.BytesIO()

    def fed(self, piece: bytes) -> Iterator[bytes]:
        if self._packed.tell() + len(piece) > EXPORT.size:
            raise TooLarge(f"more than {_told(EXPORT.size)}")
        self._packed.write(piece)
        yield from ()

    def ended(self) -> Iterator[bytes]:
        self._packed.seek(0)
        if not self._packed.getbuffer().nbytes:
            return
        try:
            import pyarrow as pa  # type: ignore[import-untyped]
        except ImportError as exc:
            raise Unreadable(f"is packed by {self._name}, which only the extra `arrow` can undo") from exc
        try:
            with pa.CompressedInputStream(pa.PythonFile(self._packed, "r"), self._codec) as stream:
                while part := stream.read(_PIECE):
                    yield part
        except (OSError, pa.ArrowException) as exc:
            raise Unreadable(f"is not packed by {self._name}, as its header says") from exc


class _Nested:
    """One packing around another."""

    def __init__(self, outer: _Zlib | _Arrow, inner: _Unpacking) -> None:
        self._outer = outer
        self._inner = inner

    def fed(self, piece: bytes) -> Iterator[bytes]:
        for part in self._outer.fed(piece):
            yield from self._inner.fed(part)

    def ended(self) -> Iterator[bytes]:
        for part in self._outer.ended():
            yield from self._inner.fed(part)
        yield from self._inner.ended()


_Unpacking = _Plain | _Zlib | _Arrow | _Nested
_MOST_PACKINGS = 3
_CODECS = {"br": "brotli", "zstd": "zstd"}


def _unpacking(encoding: str) -> _Unpacking:
    """By a Content-Encoding header, which names the outermost packing last. A name that browsers do not know
    they pass over, and so is it here."""
    unpacking: _Unpacking = _Plain()
    names: Sequence[str] = [name.strip().lower().removeprefix("x-") for name in encoding.split(",")]
    known = [name for name in names if name in {"gzip", "deflate", *_CODECS}]
    if len(known) > _MOST_PACKINGS:
        raise Unreadable(f"is packed {len(known)} times")
    for name in known:
        outer = _Arrow(name, _CODECS[name]) if name in _CODECS else _Zlib(name)
        unpacking = outer if isinstance(unpacking, _Plain) else _Nested(outer, unpacking)
    return unpacking


def _window(begin: bytes) -> int:
    """15 with zlib's header, -15 without."""
    has_header = begin[0] & 15 == 8 and (begin[0] << 8 | begin[1]) % 31 == 0
    return 15 if has_header else -15
