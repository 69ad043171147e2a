"""Any file at all: what it is, and what is in it if it is a ZIP."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from meterfarm.formats.errors import FormatError
from meterfarm.formats.recognise import recognise
from meterfarm.records import Series

SAMPLES = Path(__file__).parents[2] / "utilities" / "speculoos_power" / "samples"
_XML = (SAMPLES / "intervals_electric_autumn" / "input.xml").read_bytes()[:6_000]
_ZONE = ZoneInfo("America/St_Johns")
_MOST = 2_000_000
"""Readings that no damage makes of these samples, but an endless loop."""


def _zip(members: Sequence[tuple[str, bytes]], method: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


SEEDS: Sequence[bytes] = (
    _zip([("a.xml", _XML)], zipfile.ZIP_STORED),
    _zip([("a.xml", _XML), ("b/style.xsl", b"<x/>"), ("c.csv", b"a,b\n1,2\n")], zipfile.ZIP_DEFLATED),
    _zip([("xl/workbook.xml", b"<workbook/>"), ("[Content_Types].xml", b"<Types/>")], zipfile.ZIP_DEFLATED),
    _zip([("inner.zip", _zip([("a.csv", b"1")], zipfile.ZIP_BZIP2))], zipfile.ZIP_DEFLATED),
    _zip([("a.csv", b"a,b\n1,2\n")], zipfile.ZIP_LZMA),
    b"<html><body>Sign in</body></html>",
    "a;b\n1;2\n".encode("utf-16"),
    b"\x1f\x8b\x08\x00",
)


def one(data: bytes) -> None:
    """It is read as far as it can be; a FormatError is an answer."""
    readings = 0
    try:
        for found in recognise("export", io.BytesIO(data), _ZONE):
            try:
                readings += sum(len(each.readings) for each in found.contents if isinstance(each, Series))
            except FormatError:
                continue
    except FormatError:
        return
    if readings > _MOST:
        raise ValueError(f"{readings} readings")
