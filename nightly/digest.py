"""Readings in a few figures that no two different series share. Wh, or thousandths of a therm."""

from __future__ import annotations

import zlib

from meterfarm.nightly.test_cases import Tree


class Digest:
    """Add readings in their order; ``tree`` is what they come to."""

    def __init__(self) -> None:
        self._count = self._sum = self._estimated = self._crc = 0
        self._first: int | None = None
        self._end: int | None = None

    def add(self, start: int, seconds: int, value: int, *, estimated: bool) -> None:
        """Count one reading: its start in seconds since 1970, its length in seconds."""
        self._count += 1
        self._sum += value
        self._estimated += estimated
        if self._first is None:
            self._first = start
        self._end = start + seconds
        self._crc = zlib.crc32(f"{start} {seconds} {value} {estimated:d};".encode(), self._crc)

    @property
    def tree(self) -> Tree:
        """The figures to compare."""
        return {
            "count": self._count,
            "first": self._first,
            "end": self._end,
            "sum": self._sum,
            "estimated": self._estimated,
            "checksum": self._crc,
        }
