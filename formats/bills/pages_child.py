"""Reads a PDF on standard input and writes its first pages to standard output, one below the other: a PNG.

``page_pictures`` runs this file as a process of its own: a page may be made so that PDFium draws it for
hours or takes all memory for it. The argument is how many seconds of processor time it has. The exit status
is 0, DAMAGED, or another if a limit ended it.
"""

import resource
import struct
import sys
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

MEMORY = 768 * 1024 * 1024
"""Bytes of addresses."""
MOST_PAGES = 10
WIDTH, TALLEST = 1040, 2000
"""Dots of a page: letter paper has 122 an inch, where print of 6 points can be read."""
BETWEEN = 12
DAMAGED = 3
_PACKING = 4
_LINE = b"\xc4" * 3


def _limit(seconds: int) -> None:
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        _, hard = resource.getrlimit(what)
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (least, least))


def _scales(document: Any) -> Sequence[tuple[float, int]]:
    """Dots of a point, and dots of height, of each page that is drawn."""
    sizes = [document.get_page_size(place) for place in range(min(len(document), MOST_PAGES))]
    scales = [min(WIDTH / max(wide, 1), TALLEST / max(tall, 1)) for wide, tall in sizes]
    return [(scale, max(round(tall * scale), 1)) for (_, tall), scale in zip(sizes, scales, strict=True)]


def _rows(document: Any, scales: Sequence[tuple[float, int]]) -> Iterator[bytes]:
    """The rows of dots, each with the byte that says that it is as it stands."""
    for place, (scale, tall) in enumerate(scales):
        if place:
            yield (b"\0" + _LINE * WIDTH) * BETWEEN
        page = document[place]
        drawn = page.render(scale=scale, rev_byteorder=True, maybe_alpha=False)
        dots = memoryview(drawn.buffer).cast("B")
        wide = min(drawn.width, WIDTH) * 3
        for row in range(min(tall, drawn.height)):
            start = row * drawn.stride
            yield b"\0" + bytes(dots[start : start + wide]).ljust(3 * WIDTH, b"\xff")
        for _ in range(tall - drawn.height):
            yield b"\0" + b"\xff" * (3 * WIDTH)
        page.close()


def _chunk(to: BinaryIO, kind: bytes, content: bytes) -> None:
    to.write(struct.pack(">I", len(content)) + kind + content)
    to.write(struct.pack(">I", zlib.crc32(kind + content)))


def _write(document: Any, to: BinaryIO) -> None:
    """As RFC 2083 has it: eight bits of red, green and blue."""
    scales = _scales(document)
    tall = sum(each for _, each in scales) + BETWEEN * (len(scales) - 1)
    to.write(b"\x89PNG\r\n\x1a\n")
    _chunk(to, b"IHDR", struct.pack(">IIBBBBB", WIDTH, tall, 8, 2, 0, 0, 0))
    packing = zlib.compressobj(_PACKING)
    for row in _rows(document, scales):
        if packed := packing.compress(row):
            _chunk(to, b"IDAT", packed)
    _chunk(to, b"IDAT", packing.flush())
    _chunk(to, b"IEND", b"")


def main() -> int:
    """Draw the pages; gives the exit status."""
    import pypdfium2

    content = sys.stdin.buffer.read()
    _limit(int(sys.argv[1]))
    try:
        with pypdfium2.PdfDocument(content) as document:
            _write(document, sys.stdout.buffer)
    except pypdfium2.PdfiumError:
        return DAMAGED
    return 0


if __name__ == "__main__":
    sys.exit(main())
