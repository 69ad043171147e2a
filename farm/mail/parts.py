"""The PDFs of a mail, wherever in it they are: attached, in a forwarded mail, in a ZIP. Pure, bounded.

The mail is anybody's. It is walked by offsets, without a copy for each level, and its fields are read only as
far as they are short: Python's parser takes minutes over some mails.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.header import decode_header, make_header
from email.message import Message

from meterfarm.formats.archive import is_zip, unpack
from meterfarm.formats.errors import FormatError
from meterfarm.support.foreign_text import file_name, one_line

MOST_PDFS = 30
_MOST_PARTS = 300
_DEEPEST = 12
_MOST_HEADER = 256 * 1024
"""Bytes of the header fields of a mail; those of a part are short."""
_LONGEST_FIELD = 2_000
_UNPACKED = 64 * 1024 * 1024
"""Bytes of all ZIPs of a mail."""
_PACKED_FILES = 100
_SHOWN = 60
_END_OF_FIELDS = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(r"\r?\n(?=[ \t])")
_BOUNDARY = re.compile(r"[^\x00-\x1f\x7f-\uffff]{1,70}")
_PDF = b"%PDF-"
_ZIP_TYPES = frozenset(
    {"application/zip", "application/x-zip-compressed", "application/x-zip", "multipart/x-zip"}
)
_PDF_TYPES = frozenset({"application/pdf", "application/x-pdf"})
_TNEF_TYPES = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
_SEALED_TYPES = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime", "application/pgp-encrypted"})
_MAIL_TYPES = frozenset({"message/rfc822", "message/global"})


class MailUnreadable(Exception):
    """The mail as a whole cannot be taken apart; a sentence says why."""


@dataclass(frozen=True, slots=True)
class MailedPdf:
    """A PDF that a mail has, with the name that its sender gave it."""

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file of a mail that is not taken, and why, in a sentence."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class MailedFiles:
    """What a mail brings. ``others`` are the names of files that are neither PDFs nor ZIPs."""

    pdfs: Sequence[MailedPdf]
    left_out: Sequence[LeftOut]
    others: Sequence[str]


def fields_of(content: bytes) -> Sequence[tuple[str, str]]:
    """The header fields of a mail from the top: names in small letters, values unfolded, byte for byte.

    Raises:
        MailUnreadable: there are too many.
    """
    end = _END_OF_FIELDS.search(content, 0, _MOST_HEADER)
    if end is None and len(content) > _MOST_HEADER:
        raise MailUnreadable("The mail's header is too long.")
    return _fields(content[: end.start() if end else len(content)])


def files_of(content: bytes) -> MailedFiles:
    """The PDFs of a mail, in its order, and what of it is not taken.

    Raises:
        MailUnreadable: it has too many parts, or parts within parts.
    """
    walk = _Walk()
    walk.entity(content, 0, len(content), 0)
    return MailedFiles(walk.pdfs, walk.left_out, walk.others)


class _Walk:
    def __init__(self) -> None:
        self.pdfs: list[MailedPdf] = []
        self.left_out: list[LeftOut] = []
        self.others: list[str] = []
        self._parts = 0
        self._unpacked = _UNPACKED

    def entity(self, content: bytes, start: int, end: int, depth: int) -> None:
        """A mail or a part: fields, then a body."""
        self._parts += 1
        if self._parts > _MOST_PARTS or depth > _DEEPEST:
            raise MailUnreadable("The mail has too many parts, or too many mails within mails.")
        head, body = _split(content, start, end)
        fields = _by_name(_fields(content[start : min(head, start + _MOST_HEADER)]))
        described = _described(fields)
        kind = described.get_content_type()
        if kind.startswith("multipart/") and kind not in _ZIP_TYPES:
            self._multipart(content, body, end, depth, str(described.get_boundary("")))
        elif kind in _MAIL_TYPES:
            inner = _decoded(content[body:end], fields) if _is_encoded(fields) else None
            if inner is None:
                self.entity(content, body, end, depth + 1)
            else:
                self.entity(inner, 0, len(inner), depth + 1)
        else:
            self._leaf(content, body, end, fields, kind, _name(described))

    def _multipart(self, content: bytes, start: int, end: int, depth: int, boundary: str) -> None:
        boundary = boundary.rstrip(" ")
        if not _BOUNDARY.fullmatch(boundary):
            return
        line = re.compile(rb"^--" + re.escape(boundary.encode("latin-1")) + rb"(--)?[ \t]*\r?$", re.MULTILINE)
        begun: int | None = None
        for found in line.finditer(content, start, end):
            if begun is not None:
                self.entity(content, begun, _without_line_end(content, begun, found.start()), depth + 1)
            begun = None if found[1] else min(found.end() + 1, end)
            if found[1]:
                return
        if begun is not None:
            self.entity(content, begun, end, depth + 1)

    def _leaf(
        self, content: bytes, start: int, end: int, fields: Mapping[str, str], kind: str, name: str
    ) -> None:
        lower = name.lower()
        if kind in _TNEF_TYPES or lower == "winmail.dat":
            why = "is Outlook's own format (winmail.dat): forward the mail as HTML, or attach the PDF again."
            self.left_out.append(LeftOut(name or "winmail.dat", f"It {why}"))
            return
        if kind in _SEALED_TYPES:
            self.left_out.append(LeftOut(name or kind, "It is encrypted: send the PDF without encryption."))
            return
        named_pdf = kind in _PDF_TYPES or lower.endswith(".pdf")
        named_zip = kind in _ZIP_TYPES or lower.endswith(".zip")
        if not (named_pdf or named_zip or kind == "application/octet-stream"):
            if name and not kind.startswith("text/"):
                self.others.append(name)
            return
        body = _decoded(content[start:end], fields)
        if _is_pdf(body):
            self._pdf(MailedPdf(name or "bill.pdf", body))
        elif is_zip(body) and (named_zip or not lower.endswith(_OFFICE)):
            self._zip(name or "archive.zip", body)
        elif named_pdf or named_zip:
            what = "PDF" if named_pdf else "ZIP"
            self.left_out.append(
                LeftOut(name or kind, f"It is no {what}, or a damaged one: attach it again.")
            )
        else:
            self.others.append(name or "an attachment without a name")

    def _pdf(self, pdf: MailedPdf) -> None:
        if len(self.pdfs) < MOST_PDFS:
            self.pdfs.append(pdf)
        else:
            self.left_out.append(LeftOut(pdf.name, f"A mail may bring {MOST_PDFS} PDFs: send it in another."))

    def _zip(self, name: str, content: bytes) -> None:
        before = len(self.pdfs) + len(self.left_out)
        try:
            for number, (inner, file) in enumerate(unpack(content, name, most=self._unpacked)):
                self._unpacked -= len(file)
                shown = file_name(inner) or name
                if number >= _PACKED_FILES:
                    many = f"Of a ZIP file {_PACKED_FILES} files are looked at, and it has more: send fewer."
                    self.left_out.append(LeftOut(name, many))
                    return
                if _is_pdf(file):
                    self._pdf(MailedPdf(shown, file))
                elif is_zip(file) and not shown.lower().endswith(_OFFICE):
                    self.left_out.append(
                        LeftOut(shown, "A ZIP within a ZIP is not opened: send it by itself.")
                    )
                elif shown.lower().endswith(".pdf"):
                    self.left_out.append(LeftOut(shown, "It is no PDF, or a damaged one."))
        except FormatError as exc:
            self.left_out.append(LeftOut(name, str(exc)))
            return
        if len(self.pdfs) + len(self.left_out) == before:
            self.left_out.append(LeftOut(name, "The ZIP file holds no PDF."))


_OFFICE = (".docx", ".xlsx", ".pptx", ".odt", ".ods", ".jar", ".epub")
"""ZIPs that hold no files of anybody."""


def _is_pdf(content: bytes) -> bool:
    """PDFs may have something before them; readers look at the first 1,024 bytes."""
    return _PDF in content[:1024]


def _without_line_end(content: bytes, start: int, end: int) -> int:
    """Where a part ends: the line end before a boundary is the boundary's."""
    for line_end in (b"\r\n", b"\n"):
        if end - len(line_end) >= start and content[end - len(line_end) : end] == line_end:
            return end - len(line_end)
    return end


def _split(content: bytes, start: int, end: int) -> tuple[int, int]:
    """Where the fields end, and where the body begins."""
    if content[start : start + 1] == b"\n" or content[start : start + 2] == b"\r\n":
        return start, start + (1 if content[start : start + 1] == b"\n" else 2)
    found = _END_OF_FIELDS.search(content, start, end)
    return (found.start(), found.end()) if found else (end, end)


def _fields(head: bytes) -> Sequence[tuple[str, str]]:
    text = _FOLD.sub("", head.decode("latin-1"))
    found = []
    for line in re.split(r"\r?\n", text):
        name, colon, value = line.partition(":")
        if colon and name.strip() and " " not in name.strip():
            found.append((name.strip().casefold(), value.strip()))
    return found


def _by_name(fields: Sequence[tuple[str, str]]) -> Mapping[str, str]:
    """The first of each name that says what a part is; a long one says nothing."""
    found: dict[str, str] = {}
    for name, value in fields:
        if name.startswith("content-") and len(value) <= _LONGEST_FIELD:
            found.setdefault(name, value)
    return found


def _described(fields: Mapping[str, str]) -> Message:
    """What a part says of itself, alone, for Python to read."""
    message = Message()
    for name in ("content-type", "content-disposition"):
        if name in fields:
            message[name] = fields[name].encode("latin-1").decode("utf-8", "replace")
    return message


def _name(described: Message) -> str:
    try:
        given = described.get_filename("") or ""
        if "=?" in given:
            given = str(make_header(decode_header(given[:_LONGEST_FIELD])))
    except (ValueError, LookupError, UnicodeError, TypeError, binascii.Error):
        given = ""
    return one_line(file_name(given), _SHOWN)


def _is_encoded(fields: Mapping[str, str]) -> bool:
    return _encoding(fields) in ("base64", "quoted-printable")


def _encoding(fields: Mapping[str, str]) -> str:
    return fields.get("content-transfer-encoding", "").partition(";")[0].strip().casefold()


def _decoded(body: bytes, fields: Mapping[str, str]) -> bytes:
    """What is encoded otherwise comes as it is, what is damaged as far as it goes."""
    encoding = _encoding(fields)
    if encoding == "base64":
        try:
            return binascii.a2b_base64(body)
        except binascii.Error:
            letters = re.sub(rb"[^A-Za-z0-9+/]", b"", body)
            return binascii.a2b_base64(letters[: len(letters) // 4 * 4])
    if encoding == "quoted-printable":
        return binascii.a2b_qp(body)
    return body
