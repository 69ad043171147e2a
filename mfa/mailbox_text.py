"""What a person reads in a mail: the text of its parts. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import EmailMessage, Message

from lxml import etree, html
from lxml.html import defs

_READ = {"text/plain", "text/html"}
_CELLS = {"br", "caption", "center", "dd", "dt", "li", "tbody", "td", "tfoot", "th", "thead", "tr"}
_BLOCKS = defs.block_tags | _CELLS
_UNSEEN = ("head", "script", "style", "template", "title")


def texts_of(mail: EmailMessage) -> list[str]:
    """The text of every part that is shown; attachments and mails within the mail are not."""
    return [
        _seen_in_html(text) if part.get_content_type() == "text/html" else text
        for part in _parts(mail)
        for text in [_decoded(part)]
    ]


def _parts(mail: Message) -> Iterator[Message]:
    if mail.get_content_maintype() == "multipart":
        for part in mail.get_payload():
            if isinstance(part, Message):
                yield from _parts(part)
    elif mail.get_content_type() in _READ and mail.get_content_disposition() != "attachment":
        yield mail


def _decoded(part: Message) -> str:
    """Whatever the transfer encoding and the charset; one that Python does not know is read as UTF-8."""
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return ""
    try:
        return content.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:
        return content.decode("utf-8", "replace")


def _seen_in_html(source: str) -> str:
    """The words of a page, each block on a line of its own, in one piece what is only set differently."""
    try:
        root = html.document_fromstring(source.encode("utf-8", "replace"), html.HTMLParser(encoding="utf-8"))
    except (etree.ParserError, ValueError):
        return ""
    etree.strip_elements(root, etree.Comment, *_UNSEEN, with_tail=False)
    for element in root.iter():
        if element.tag in _BLOCKS:
            element.text = f"\n{element.text or ''}"
            element.tail = f"\n{element.tail or ''}"
    return str(root.text_content())
