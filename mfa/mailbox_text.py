"""What a person reads in a mail: the text of its parts. Pure."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from email.message import EmailMessage, Message
from itertools import islice

from lxml import etree, html

from meterfarm.mfa.mailbox_html import seen_in_html

_READ = {"text/plain", "text/html"}
_MOST_PARTS = 50
_LARGEST = 1024 * 1024
"""Bytes of a part that are read: a mail that brings a code has far less."""
_NO_CHARSETS = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "utf-7"})
"""Codecs of Python that no mail is written in, or that cost more than they bring."""


def texts_of(mail: EmailMessage) -> list[str]:
    """The text of every part that is shown; attachments and mails within the mail are not."""
    return [_seen(part) for part in islice(_parts(mail), _MOST_PARTS)]


def _parts(mail: Message) -> Iterator[Message]:
    if mail.get_content_maintype() == "multipart":
        for part in mail.get_payload():
            if isinstance(part, Message):
                yield from _parts(part)
    elif mail.get_content_type() in _READ and mail.get_content_disposition() != "attachment":
        yield mail


def _seen(part: Message) -> str:
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return ""
    content, charset = content[:_LARGEST], part.get_content_charset("")
    if part.get_content_type() == "text/html":
        return seen_in_html(_decoded(content, charset or _charset_within(content)))
    text = _decoded(content, charset).replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " ")
    is_flowed = str(part.get_param("format", "")).lower() == "flowed"
    return _unflowed(text, part.get_param("delsp", "")) if is_flowed else text


def _decoded(content: bytes, charset: str) -> str:
    """By the charset it names; where it is not so written, or that is not known, as UTF-8 or Windows-1252."""
    for name in filter(None, (_known(charset), "utf-8", "cp1252")):
        try:
            return content.decode(name)
        except (UnicodeError, LookupError):
            continue
    return content.decode("latin-1")


def _known(charset: str) -> str:
    try:
        name = codecs.lookup(charset).name if charset else ""
    except (LookupError, ValueError):
        return ""
    return "" if name in _NO_CHARSETS else name


def _charset_within(content: bytes) -> str:
    """What a page says of itself in its first KB, as browsers look."""
    try:
        root = html.document_fromstring(content[:1024], html.HTMLParser(encoding="iso-8859-1"))
    except (etree.ParserError, ValueError):
        return ""
    for meta in root.iter("meta"):
        charset = meta.get("charset") or (meta.get("content") or "").lower().partition("charset=")[2]
        if charset:
            return str(charset).split(";")[0].strip(" \"'")
    return ""


def _unflowed(text: str, delsp: object) -> str:
    """Lines that only the sender's program broke in one (RFC 3676)."""
    joined: list[str] = []
    goes_on = False
    for line in text.split("\n"):
        plain = line.removeprefix(" ")
        is_soft = plain.endswith(" ") and plain != "-- "
        kept = plain[:-1] if is_soft and str(delsp).lower() == "yes" else plain
        if goes_on:
            joined[-1] += kept
        else:
            joined.append(kept)
        goes_on = is_soft
    return "\n".join(joined)
