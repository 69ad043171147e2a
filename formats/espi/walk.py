"""A streaming walk over ESPI (Green Button) XML: the resources of a feed in document order, still unlinked.

Namespaces and prefixes do not matter, nor whether a resource sits in an Atom entry or stands bare. Nothing is
kept but what is being read, so memory does not grow with the file. A document type is refused before it is
read; no entity but XML's own five and no network is ever followed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from meterfarm.formats.errors import FormatError
from meterfarm.formats.espi.elements import Elements
from meterfarm.formats.espi.links import Links
from meterfarm.formats.espi.resources import Item
from meterfarm.formats.sniff import looks_like_html

CHUNK = 256 * 1024
_BOM = b"\xef\xbb\xbf"
_EMPTY = "The Green Button file is empty: download it again."
_HTML = "The Green Button file is a web page (HTML) instead of XML: download it again."
_NONE = "The XML file holds no Green Button data: check that it is a Green Button export."


@dataclass(slots=True)
class Walk:
    """A pass over a file that can be sought in. ``far`` has the links of entries too long to wait for.

    A pass that does not ``keep`` readings fills it, and says nothing of readings but where they are.
    """

    file: BinaryIO
    keep: bool = True
    far: dict[int, Links] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)
    """Names of the resources without readings that were come upon, such as ``Customer``."""

    def __iter__(self) -> Iterator[Item]:
        """The resources in the file's order.

        Raises:
            FormatError: Reading has to stop, after what was there until then: the file is empty, a web page,
                cut short, damaged or declares a document type; or it ended and held nothing of ESPI.
        """
        elements = Elements(self.keep, self.far, self.others)
        error: FormatError | None = None
        try:
            for chunk, last in self._chunks():
                elements.feed(chunk, last)
                yield from elements.entries.taken()
        except FormatError as exc:
            error = exc
        yield from elements.entries.rest()
        if error is not None:
            raise error
        if not elements.known:
            raise FormatError(_NONE)

    def _chunks(self) -> Iterator[tuple[bytes, bool]]:
        """The file's bytes from where its XML begins, each chunk with whether it is the last."""
        self.file.seek(0)
        chunk = self.file.read(CHUNK).removeprefix(_BOM)
        while chunk and not chunk.strip():
            chunk = self.file.read(CHUNK)
        if not chunk:
            raise FormatError(_EMPTY)
        if looks_like_html(chunk):
            raise FormatError(_HTML)
        if b"\0" not in chunk[:64]:
            chunk = chunk.lstrip()  # blanks before an XML declaration are common, though not allowed
        while chunk:
            following = self.file.read(CHUNK)
            yield chunk, not following
            chunk = following
