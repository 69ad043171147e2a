"""A bill's text, by its fields: one that stands there more than once has to say the same each time."""

from __future__ import annotations

import re
from collections.abc import Sequence

from meterfarm.formats.errors import FormatError

_SHOWN = 60
_PAGE_NUMBER = re.compile(r"\bPage \d+ (?:of|/) \d+")


def different_pages(pages: Sequence[str]) -> list[str]:
    """Each page once: a copy may differ in its page number."""
    return list({_PAGE_NUMBER.sub("", page): page for page in reversed(pages)}.values())[::-1]


class BillText:
    """Takes the first match of each field and keeps where others differ from it, in ``differ``."""

    def __init__(self, pages: Sequence[str]) -> None:
        self.text = "\n".join(pages)
        self.differ: list[str] = []

    def field(self, pattern: str, what: str) -> tuple[str, ...]:
        """The groups of ``pattern``. Raises FormatError if it does not match."""
        found = self.optional(pattern, what)
        if found is None:
            raise FormatError(f"the bill shows no {what}")
        return found

    def optional(self, pattern: str, what: str) -> tuple[str, ...] | None:
        """As ``field``, None if it does not match."""
        matches = re.finditer(pattern, self.text, re.MULTILINE)
        found = list(dict.fromkeys(match.groups(default="") for match in matches))
        if len(found) > 1:
            one, other = (" ".join(filter(None, groups))[:_SHOWN] for groups in found[:2])
            self.differ.append(f"the bill shows more than one {what}, “{one}” and “{other}”")
        return found[0] if found else None

    def every(self, pattern: str) -> list[tuple[str, ...]]:
        """The groups of every match, in the order of the text; for what a bill may say several times."""
        return [found.groups(default="") for found in re.finditer(pattern, self.text, re.MULTILINE)]
