"""What a portal answered to a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.message import Message
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from meterfarm.records import Document
from meterfarm.support.charset import decoded


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What the portal answered: the address it ended at, the status, the headers (lower case), the bytes."""

    url: str
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def media_type(self) -> str:
        """The content type without parameters, in lower case; "" without one."""
        return self.content_type.partition(";")[0].strip().lower()

    @property
    def content_type(self) -> str:
        """The Content-Type header; "" without one."""
        return self.headers.get("content-type", "")

    @property
    def is_page(self) -> bool:
        """Whether it is HTML."""
        return self.media_type in {"text/html", "application/xhtml+xml"}

    @property
    def text(self) -> str:
        """As a browser reads it, by whatever encoding header or page name."""
        return decoded(self.content, self.content_type)

    def holding(self, content: bytes) -> HttpResponse:
        """The same answer with its body."""
        return replace(self, content=content)

    def document(self) -> Document:
        """The answer as a file, under the name the portal gave it."""
        header = Message()
        header["content-disposition"] = self.headers.get("content-disposition", "")
        try:
            name = header.get_filename()
        except ValueError:  # a name in an encoding that is none, or not this one
            name = None
        name = name or unquote(PurePosixPath(urlsplit(self.url).path).name)
        return Document(self.content, self.media_type, name)


def readable(value: str) -> str:
    """A header's value, read as Latin-1 where its bytes are not UTF-8, as browsers do."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogateescape").decode("latin-1")
    return value
