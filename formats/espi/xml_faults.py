"""What is wrong with a Green Button file that is no well-formed XML, in a sentence; and entities of HTML.

``&nbsp;`` is written by exporters, though XML knows five names alone. Such are replaced by numbers, which XML
knows, before it is parsed; nothing is declared or expanded.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html.entities import html5
from xml.parsers import expat  # for its codes

from meterfarm.formats.errors import FormatError

_CODES = expat.errors.codes
DECLARATION = _CODES[expat.errors.XML_ERROR_XML_DECL]
_UNDEFINED = _CODES[expat.errors.XML_ERROR_UNDEFINED_ENTITY]
JUNK = _CODES[expat.errors.XML_ERROR_JUNK_AFTER_DOC_ELEMENT]
_AT_END = {
    _CODES[expat.errors.XML_ERROR_NO_ELEMENTS],
    _CODES[expat.errors.XML_ERROR_UNCLOSED_TOKEN],
    _CODES[expat.errors.XML_ERROR_PARTIAL_CHAR],
    _CODES[expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION],
}
_ENCODINGS = {
    _CODES[expat.errors.XML_ERROR_UNKNOWN_ENCODING],
    _CODES[expat.errors.XML_ERROR_INCORRECT_ENCODING],
}
_ENTITY = re.compile(rb"&(?!(?:lt|gt|amp|quot|apos);)[A-Za-z_][\w.:-]{0,40};")
_LONGEST_NAME = 40


def refusal(code: int, line: int, path: Sequence[str], rest: bytes, last: bool) -> FormatError:
    """By the parser's ``code``. ``path`` are the open elements, ``rest`` the text from where it stopped.

    ``last`` says that the file has no more than that.
    """
    line = max(1, line)
    if code in _ENCODINGS:
        return undeclared()
    if code == _UNDEFINED:
        found = _ENTITY.search(rest)
        name = found[0].decode("ascii", "replace") if found else "an entity"
        return FormatError(
            f"The Green Button file has {name} at line {line}, which XML does not define: "
            "ask the portal for well-formed XML."
        )
    if last and code in _AT_END:
        within = f"inside <{path[-1][:_LONGEST_NAME]}>" if path else "before its first element"
        return FormatError(
            f"The Green Button file is cut short: it ends at line {line}, {within}; download it again."
        )
    what = expat.ErrorString(code) or "not well-formed"
    what = what.removeprefix("not well-formed (").removesuffix(")")
    return FormatError(
        f"The Green Button file is not well-formed XML at line {line} ({what}): "
        "download it again, and else ask the portal for well-formed XML."
    )


def undeclared() -> FormatError:
    """For a file in another encoding than it declares."""
    return FormatError("The Green Button file is not in the encoding that it declares: download it again.")


_XML = frozenset({b"lt", b"gt", b"amp", b"quot", b"apos"})
_HTML_ENTITY = re.compile(rb"&([A-Za-z][A-Za-z0-9]{1,31});")
_BEGUN = re.compile(rb"&[A-Za-z0-9]{0,32}\Z")


def refuse_document_type(*_: object) -> None:
    """Raises FormatError: entities of a file's own could be anything."""
    raise FormatError(
        "The Green Button file declares a document type (DTD), which is refused: get a plain export."
    )


def too_deep() -> FormatError:
    """For elements within elements without end."""
    return FormatError("The Green Button file is nested too deeply: check that it is an export.")


def too_long(line: int) -> FormatError:
    """For a tag or a comment without end."""
    return FormatError(
        f"The Green Button file has a tag or a comment of more than 2 MB at line {line}: "
        "check that it is an export."
    )


class Entities:
    """Replaces them in bytes that come in chunks, of an encoding with a byte for each plain letter."""

    def __init__(self) -> None:
        self._held = b""

    def replace(self, chunk: bytes, last: bool) -> bytes:
        """The bytes to parse in place of ``chunk``; what may be a part of an entity waits for the next."""
        if not self._held and b"&" not in chunk:
            return chunk
        content, self._held = self._held + chunk, b""
        begun = None if last else _BEGUN.search(content, max(0, len(content) - 34))
        if begun:
            content, self._held = content[: begun.start()], content[begun.start() :]
        return _HTML_ENTITY.sub(_numbered, content)


def _numbered(found: re.Match[bytes]) -> bytes:
    name = found[1]
    text = "" if name in _XML else html5.get(f"{name.decode('ascii')};", "")
    return "".join(f"&#{ord(each)};" for each in text).encode() or found[0]
