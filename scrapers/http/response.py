"""What a portal answered to a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from email.message import Message
from pathlib import PurePosixPath
from typing import Any, TypeVar, overload
from urllib.parse import unquote, urlsplit

from meterfarm.records import Document, Outcome
from meterfarm.scrapers.http.json_answer import NoJson, may_be_json, parsed
from meterfarm.scrapers.json_pointer import pointed_at
from meterfarm.scrapers.outcomes import Sign, Stop
from meterfarm.support.charset import decoded
from meterfarm.support.foreign_text import file_name

T = TypeVar("T")
_KINDS: Mapping[type, str] = {
    str: "text",
    int: "whole number",
    Decimal: "number",
    bool: "true or false",
    list: "list",
    dict: "object",
}


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What the portal answered: the address it ended at, the status, the headers (lower case), the bytes.

    ``sign`` is the declared sign that it carries, if it is none that ends the run; ``portal`` its name.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)
    portal: str = "The portal"
    sign: Sign | None = None
    _parsed: list[Any] = field(default_factory=list, repr=False, compare=False)

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

    @property
    def may_be_json(self) -> bool:
        """Whether it looks like JSON, by its type and how it begins."""
        return may_be_json(self.content, self.media_type)

    def json(self) -> Any:
        """The JSON that it has, without what guards it; numbers with a fraction are ``Decimal``.

        Raises:
            Stop: ``unknown_page`` for a page in its place, ``layout_changed`` for what cannot be read.
        """
        if not self._parsed:
            path = urlsplit(self.url).path
            if self.is_page:
                raise Stop(
                    Outcome.UNKNOWN_PAGE,
                    f"{self.portal} shows a page at {path} where its script awaits data; the script needs "
                    "mending.",
                )
            try:
                self._parsed.append(parsed(self.content, self.content_type))
            except NoJson as exc:
                raise Stop(
                    Outcome.LAYOUT_CHANGED,
                    f"{self.portal} sends data at {path} that its script cannot read ({exc}).",
                ) from exc
        return self._parsed[0]

    @overload
    def at(self, pointer: str, kind: type[T]) -> T: ...
    @overload
    def at(self, pointer: str, kind: type[T], default: T) -> T: ...
    def at(self, pointer: str, kind: type[T], default: T | None = None) -> T:
        """What stands at a JSON pointer (RFC 6901), as ``/data/0/id``: str, int, Decimal, bool, list or dict.

        ``default`` stands for what is not there, or null.

        Raises:
            Stop: ``layout_changed``: nothing of this kind stands there; otherwise as ``json``.
        """
        try:
            found = pointed_at(self.json(), pointer)
        except LookupError:
            found = None
        if found is None and default is not None:
            return default
        if kind is Decimal and isinstance(found, int) and not isinstance(found, bool):
            found = Decimal(found)
        if isinstance(found, kind) and (kind is bool or not isinstance(found, bool)):
            return found
        raise Stop(
            Outcome.LAYOUT_CHANGED,
            f"{self.portal} sends no {_KINDS.get(kind, kind.__name__)} at {pointer} in its "
            f"answer to {urlsplit(self.url).path}; the script needs mending.",
        )

    def holding(self, content: bytes) -> HttpResponse:
        """The same answer with its body."""
        return replace(self, content=content, _parsed=[])

    def document(self) -> Document:
        """The answer as a file, under the name the portal gave it."""
        header = Message()
        header["content-disposition"] = self.headers.get("content-disposition", "")
        try:
            name = header.get_filename()
        except ValueError:  # a name in an encoding that is none, or not this one
            name = None
        name = name or unquote(PurePosixPath(urlsplit(self.url).path).name)
        return Document(self.content, self.media_type, file_name(name))


def readable(value: str) -> str:
    """A header's value, read as Latin-1 where its bytes are not UTF-8, as browsers do."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogateescape").decode("latin-1")
    return value
