"""Files out of a ZIP or gzip, within bounds; a portal may hand over the same export plain or packed.

``unpack`` gives them as bytes, ``spooled`` as files, which takes no more memory for large ones.
"""

from __future__ import annotations

import gzip
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import IO, BinaryIO, cast

from meterfarm.formats.errors import FormatError

MAX_FILES = 1_000
MAX_BYTES = 256 * 1024 * 1024
MAX_SPOOLED = 4 * 1024 * 1024 * 1024
MAX_RATIO = 200
_IN_MEMORY = 4 * 1024 * 1024
_CHUNK = 1024 * 1024
_LARGEST_DIRECTORY = 4 * 1024 * 1024
"""Bytes of a ZIP's list of files, which is read as a whole: a million take 400 MB."""
_FREE = 8 * 1024 * 1024  # unpacked bytes that no ratio is asked of: so little harms nobody
_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
_GZIP, _GZ = b"\x1f\x8b\x08", ".gz"
_LOCAL_HEADER = 30
_ENCRYPTED = 0x1
_METHODS = (
    zipfile.ZIP_STORED,
    zipfile.ZIP_DEFLATED,
    zipfile.ZIP_BZIP2,
)  # LZMA takes as much memory as the file demands
_DAMAGES = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    ValueError,
)


def unpack(content: bytes, name: str, *, most: int = MAX_BYTES) -> Iterator[tuple[str, bytes]]:
    """Yield (name, bytes) of every file in a ZIP, names without their folders, or the one in a gzip.

    Anything else yields itself. ``most`` bytes are unpacked in all.

    Raises:
        FormatError: It is damaged, encrypted, without files, or unpacks beyond the bounds.
    """
    if is_gzip(content):
        with gunzipped(BytesIO(content), most) as file:
            yield without_gz(name), file.read()
        return
    if not is_zip(content):
        yield name, content
        return
    allowed = min(most, max(_FREE, len(content) * MAX_RATIO))
    with _opened(BytesIO(content)) as archive:
        for member in _members(archive):
            with _as_damage():
                data = _read(archive, member, allowed)
            allowed -= len(data)
            yield _base_name(member.filename), data


def is_zip(content: bytes) -> bool:
    """Whether these first bytes are those of a ZIP."""
    return content.startswith(_SIGNATURES)


def is_gzip(content: bytes) -> bool:
    """Whether these first bytes are those of a gzip."""
    return content.startswith(_GZIP)


def without_gz(name: str) -> str:
    """The name of the file that was packed."""
    return name[: -len(_GZ)] if name.lower().endswith(_GZ) else name


@contextmanager
def gunzipped(file: BinaryIO, most: int = MAX_SPOOLED) -> Iterator[BinaryIO]:
    """The file in a gzip, all its members one after the other, to be sought in; a large one is on the disk.

    Raises:
        FormatError: It is damaged, cut off, or unpacks beyond ``most`` bytes or the usual ratio.
    """
    allowed = min(most, max(_FREE, file.seek(0, 2) * MAX_RATIO))
    file.seek(0)
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as copy:
        try:
            with gzip.GzipFile(fileobj=file, mode="rb") as packed:
                _copy_within(cast(IO[bytes], packed), copy, allowed, "gzip")
        except (OSError, EOFError, zlib.error, struct.error) as exc:
            raise FormatError("The gzip file is cut short or damaged: download it again.") from exc
        copy.seek(0)
        yield copy  # type: ignore[misc]  # it is one but by name


def member_names(file: BinaryIO) -> list[str]:
    """The paths in a ZIP, folders too. Raises FormatError if it is damaged."""
    with _opened(file) as archive:
        return archive.namelist()


def file_names(file: BinaryIO) -> list[str]:
    """The names of the files in a ZIP, without their folders, as ``spooled`` gives them."""
    return list(filter(None, map(_base_name, member_names(file))))


def spooled(file: BinaryIO) -> Iterator[tuple[str, BinaryIO]]:
    """Yield (name, file) of every file in a ZIP; each can be sought in, until the next is asked for.

    Large ones are on the disk meanwhile.

    Raises:
        FormatError: As ``unpack``, with a higher bound.
    """
    allowed = min(MAX_SPOOLED, max(_FREE, file.seek(0, 2) * MAX_RATIO))
    with _opened(file) as archive:
        for member in _members(archive):
            with tempfile.SpooledTemporaryFile(_IN_MEMORY) as copy:
                with _as_damage():
                    allowed -= _copy(archive, member, copy, allowed)
                copy.seek(0)
                yield _base_name(member.filename), copy  # type: ignore[misc]  # it is one but by name


@contextmanager
def _opened(file: BinaryIO) -> Iterator[zipfile.ZipFile]:
    with _as_damage():
        end = zipfile._EndRecData(file)  # type: ignore[attr-defined] # by which zipfile finds the directory
        if end is not None and end[zipfile._ECD_SIZE] > _LARGEST_DIRECTORY:  # type: ignore[attr-defined] # too
            raise FormatError(f"The ZIP file holds far more than the {MAX_FILES} files that are taken.")
        archive = zipfile.ZipFile(file)
    with archive:
        yield archive


@contextmanager
def _as_damage() -> Iterator[None]:
    """Around zipfile alone: what readers raise is theirs."""
    try:
        yield
    except FormatError:
        raise
    except _DAMAGES as exc:
        raise FormatError("The ZIP file is cut short or damaged: download it again.") from exc


def _copy(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: IO[bytes], allowed: int) -> int:
    """How many bytes there were; no more than are allowed, whatever size the ZIP claims."""
    with archive.open(member) as file:
        return _copy_within(file, target, allowed, "ZIP")


def _copy_within(file: IO[bytes], target: IO[bytes], allowed: int, kind: str) -> int:
    copied = 0
    while chunk := file.read(_CHUNK):
        copied += len(chunk)
        if copied > allowed:
            raise _too_much(kind)
        target.write(chunk)
    return copied


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
    if any(each.compress_type not in _METHODS for each in members):
        raise FormatError("The ZIP file is packed by a method that is not read: pack it anew as a plain ZIP.")
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
    """Nothing of what claims to be more than is allowed; of what claims less, no more is ever unpacked."""
    if member.file_size > allowed:
        raise _too_much()
    with archive.open(member) as file:
        return file.read(member.file_size)


def _too_much(kind: str = "ZIP") -> FormatError:
    return FormatError(f"The {kind} file unpacks to far more than an export holds and is refused.")


def _base_name(path: str) -> str:
    """The last part of either kind of path; empty for a folder."""
    return path.replace("\\", "/").rpartition("/")[2]
