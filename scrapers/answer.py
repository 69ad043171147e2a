"""What a portal answered to a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from records import Document


@dataclass(frozen=True, slots=True)
class Answer:
    """What the portal answered: the address it ended at, the status, the headers (lower case), the bytes."""

    url: str
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")

    def document(self) -> Document:
        """The answer as a file, under the name the portal gave it."""
        header = Message()
        header["content-disposition"] = self.headers.get("content-disposition", "")
        name = header.get_filename() or unquote(PurePosixPath(urlsplit(self.url).path).name)
        return Document(self.content, self.media_type, name)
