"""Documents that harm whoever takes them: too large, unpacking to far too much, with names that lead out."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from functools import cache

OUTSIDE = "../../../../../../../../tmp/meterfarm-outside"
"""A name that leads out of any folder, and to where everybody may write."""
LARGE = 80 * 2**20
_PIECE = 2**20
_UNPACKED = 2**30
_BEGINS = {"application/pdf": b"%PDF-1.4\n", "application/json": b"{}"}


def large(media_type: str) -> Iterator[bytes]:
    """80 MB that begin as the type does."""
    begin = _BEGINS.get(media_type, b"")
    yield begin.ljust(_PIECE)
    for _ in range(LARGE // _PIECE - 1):
        yield bytes(_PIECE).replace(b"\0", b" ")


def outside(content: bytes, name: str) -> bytes:
    """A ZIP with what the file has, or with the file, under names that lead out of any folder."""
    files = {name: content}
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            files = {each: archive.read(each) for each in archive.namelist()}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for each, data in files.items():
            archive.writestr(f"{OUTSIDE}-{each}", data)
    return packed.getvalue()


@cache
def zip_bomb() -> bytes:
    """A ZIP of 1 MB whose one file has 1 GiB."""
    name, packed = f"{OUTSIDE}-usage.csv".encode(), _deflated()
    sizes = (0, len(packed), _UNPACKED, len(name), 0)
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 33, *sizes) + name
    listed = struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 8, 0, 33, *sizes, 0, 0, 0, 0, 0) + name
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(listed), len(local) + len(packed), 0)
    return local + packed + listed + end


@cache
def gzip_bomb() -> bytes:
    """1 MB of gzip that is 1 GiB of blanks."""
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + _deflated() + bytes(8)


@cache
def _deflated() -> bytes:
    """Of a mebibyte of blanks, so often."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    once = packer.compress(b" " * _PIECE) + packer.flush(zlib.Z_FULL_FLUSH)
    return once * (_UNPACKED // _PIECE) + packer.flush(zlib.Z_FINISH)
