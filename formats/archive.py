"""Files out of a ZIP, within bounds; a portal may hand over the same export plain or zipped."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from lzma import LZMAError

from formats.errors import FormatError

MAX_FILES = 1_000
MAX_BYTES = 256 * 1024 * 1024
MAX_RATIO = 200
_FREE = 8 * 1024 * 1024  # unpacked bytes that no ratio is asked of: so little harms nobody
_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
_LOCAL_HEADER = 30
_ENCRYPTED = 0x1
_DAMAGES = (
    zipfile.BadZipFile,
    zlib.error,
    LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    ValueError,
)


def unpack(content: bytes, name: str) -> Iterator[tuple[str, bytes]]:
    """Yield (name, bytes) of every file in a ZIP, names without their folders; anything else yields itself.

    Raises FormatError if the ZIP is damaged, encrypted, without files or unpacks beyond the bounds.
    """
    if not content.startswith(_SIGNATURES):
        yield name, content
        return
    allowed = min(MAX_BYTES, max(_FREE, len(content) * MAX_RATIO))
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            for member in _members(archive):
                data = _read(archive, member, allowed)
                allowed -= len(data)
                yield _base_name(member.filename), data
    except FormatError:
        raise
    except _DAMAGES as exc:
        raise FormatError("The ZIP file is cut short or damaged: download it again.") from exc


def _members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    members = [each for each in archive.infolist() if _base_name(each.filename)]
    if not members:
        raise FormatError("The ZIP file holds no files: check what was asked for.")
    if len(members) > MAX_FILES:
        raise FormatError(
            f"The ZIP file holds {len(members)} files, more than the {MAX_FILES} that are taken."
        )
    if any(each.flag_bits & _ENCRYPTED for each in members):
        raise FormatError("The ZIP file is encrypted: it opens only with a password.")
    _check_apart(archive)
    return members


def _check_apart(archive: zipfile.ZipFile) -> None:
    """Files that share bytes are damage, or a ZIP bomb."""
    end = archive.start_dir
    for member in sorted(archive.infolist(), key=lambda each: each.header_offset, reverse=True):
        if member.header_offset + _LOCAL_HEADER + member.compress_size > end:
            raise FormatError("The ZIP file's parts overlap, it is damaged: download it again.")
        end = member.header_offset


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, allowed: int) -> bytes:
    """Reads no more than is allowed, whatever size the ZIP claims."""
    with archive.open(member) as file:
        data = file.read(allowed + 1)
    if len(data) > allowed:
        raise FormatError("The ZIP file unpacks to far more than an export holds and is refused.")
    return data


def _base_name(path: str) -> str:
    """The last part of either kind of path; empty for a folder."""
    return path.replace("\\", "/").rpartition("/")[2]
