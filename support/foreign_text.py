"""Text that portals, files and mails bring, made safe and short for whoever shows, stores or writes it. Pure.

Such text may hold terminal escapes, marks that reverse or hide other text, line ends, lone surrogates, a
formula for a spreadsheet, or ten million characters. None of it is markup: what shows it takes plain text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from unicodedata import category

SENTENCE = 600
"""Characters of a message or a prompt that are kept."""
NAME = 255
"""Characters of a name, a number or a key that are kept."""
DOCUMENT = 20_000
"""Characters of a single text in a JSON document or a log line that are kept."""

_UNKNOWN = "\ufffd"
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOT_STORABLE = re.compile("[\0\ud800-\udfff]")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)*(?:[eE][+-]?[0-9]+)?%?")
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet takes for the beginning of a formula, also in its full-width forms."""


def one_line(text: str, most: int = SENTENCE) -> str:
    """``text`` as one line of at most ``most`` characters, without a character that acts on a terminal.

    Line ends, tabs and odd spaces are single spaces, control characters and lone surrogates U+FFFD; marks
    that change direction or take no room are left out. A cut at the end shows as ``…``.
    """
    if len(text) <= most and text.isprintable() and text == text.strip() and "  " not in text:
        return text
    head = text[: most * 4]
    safe = " ".join(_harmless(head, kept="").split())
    return safe if len(safe) <= most and len(head) == len(text) else f"{safe[: most - 1].rstrip()}…"


def lines(text: str, most: int = DOCUMENT) -> str:
    """The same with line ends and spaces as they are."""
    safe = text if text.isprintable() else _harmless(text[: most + 1], kept="\n")
    return safe if len(safe) <= most else f"{safe[: most - 1]}…"


def storable(text: str, most: int = NAME) -> str:
    """``text`` as every database holds it, at most ``most`` characters; else as it is, for it is a name."""
    safe = _NOT_STORABLE.sub(_UNKNOWN, text[: most + 1])
    return safe if len(safe) <= most else f"{safe[: most - 1]}…"


def cell(text: str) -> str:
    """``text`` as a cell of CSV or TSV, uncut: a line that no spreadsheet runs. Numbers stay numbers.

    Of a cell of TSV a spreadsheet takes off the quotes that nobody put there for it.
    """
    safe = text if text.isprintable() else " ".join(_harmless(text, kept="").split())
    return f"'{safe}" if safe.lstrip(' "').startswith(_FORMULA) and not _NUMBER.fullmatch(safe) else safe


def xml_text(text: str) -> str:
    """``text`` as XML 1.0 can hold it: what it cannot is U+FFFD."""
    return _NOT_IN_XML.sub(_UNKNOWN, text)


def as_json(value: object, *, indent: int | None = None) -> str:
    """JSON with letters as they are, but with each character escaped that a terminal would act on.

    Texts of more than 20,000 characters are cut.
    """
    document = json.dumps(_cut(value), indent=indent, ensure_ascii=False)
    if document.isascii() and "\x7f" not in document:
        return document
    return "".join(one if one.isprintable() or one in "\n\u00a0" else _escaped(one) for one in document)


def _harmless(text: str, kept: str) -> str:
    return "".join(one if one.isprintable() or one in kept else _instead(one) for one in text)


def _instead(one: str) -> str:
    kind = category(one)
    if one.isspace() or kind.startswith("Z"):
        return " "
    if kind == "Cf":
        return ""
    if kind in {"Cc", "Cs"} or ord(one) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(one) <= 0xFDEF:
        return _UNKNOWN
    return one


def _escaped(one: str) -> str:
    return json.dumps(one)[1:-1] if one > "\x7f" else f"\\u{ord(one):04x}"


def _cut(value: object) -> Any:
    if isinstance(value, str):
        return value if len(value) <= DOCUMENT else f"{value[: DOCUMENT - 1]}…"
    if isinstance(value, Mapping):
        return {_cut(key): _cut(item) for key, item in value.items()}
    if isinstance(value, Iterable):
        return [_cut(item) for item in value]
    return value


def file_name(text: str) -> str:
    """A portal's name for a file as a name alone: the last part of a path, without what would hide it."""
    last = one_line(text.replace("\\", "/").rpartition("/")[2], NAME)
    return last.lstrip(". ")
