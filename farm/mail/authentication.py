"""What a mail server states of who sent a mail: Authentication-Results (RFC 8601), read strictly. Pure.

Anybody can write such a field into a mail. The operator's mail server puts its own on top, under its own
authserv-id: of those with this id only the first counts, and what cannot be read states nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

_LONGEST = 8 * 1024
_MOST_RESULTS = 50
_WORD = r"[A-Za-z0-9!#$%&'*+.^_`{|}~:@/\[\]-]+"
_ID = re.compile(rf"\s*(?P<id>{_WORD})(?:\s+[0-9]{{1,4}})?\s*")
_RESULT = re.compile(
    r"\s*(?P<method>[A-Za-z0-9][A-Za-z0-9-]*)(?:\s*/\s*[0-9]{1,4})?\s*=\s*(?P<result>[A-Za-z]+)"
)
_PROPERTY = re.compile(
    rf"\s+(?P<name>[A-Za-z]+\s*\.\s*[A-Za-z0-9_-]+|reason)\s*=\s*(?P<value>\"[^\"\\]*\"|{_WORD})"
)


class SenderCheck(StrEnum):
    """By what a sender's domain was verified."""

    DMARC = "dmarc"
    DKIM = "dkim"
    SPF = "spf"


@dataclass(frozen=True, slots=True)
class CheckedMethod:
    """One result: of a method, with its properties by name (``header.d``), all in small letters."""

    method: str
    result: str
    properties: Sequence[tuple[str, str]]

    def of(self, name: str) -> str:
        """The one value of a property, "" if it has none or several."""
        found = [value for each, value in self.properties if each == name]
        return found[0] if len(found) == 1 else ""


def stated(fields: Sequence[str], authserv_id: str) -> Sequence[CheckedMethod] | None:
    """What the first of these fields states that is the server's of this id; None if there is none.

    ``fields`` are the values of all Authentication-Results of a mail, from the top. A field of that id that
    cannot be read states nothing: those below it do not count instead.
    """
    for field in fields:
        parts = _parts(field)
        name = _ID.fullmatch(parts[0])
        if name is None:
            if authserv_id.casefold() in field[:_LONGEST].casefold():
                return []
            continue
        if name["id"].casefold() == authserv_id.casefold():
            return _results(parts[1:])
    return None


def verified_by(
    results: Sequence[CheckedMethod], from_domain: str, envelope_domain: str
) -> SenderCheck | None:
    """By what the domains of the From field and of the envelope are verified; None if they are not.

    Domains are those of addresses, equal and not only below one another. A DMARC result that failed
    overrules the others; of several, of which one was slipped in, nothing is believed.
    """
    dmarc = [each for each in results if each.method == SenderCheck.DMARC]
    if len(dmarc) > 1 or any(each.result == "fail" for each in dmarc):
        return None
    if any(each.result == "pass" and each.of("header.from") == from_domain for each in dmarc):
        return SenderCheck.DMARC
    for each in results:
        if each.method == SenderCheck.DKIM and each.result == "pass":
            signer = each.of("header.d") or each.of("header.i").rpartition("@")[2]
            if signer == from_domain:
                return SenderCheck.DKIM
    for each in results:
        if each.method == SenderCheck.SPF and each.result == "pass":
            sender = each.of("smtp.mailfrom").rpartition("@")[2]
            if sender == envelope_domain == from_domain:
                return SenderCheck.SPF
    return None


def _results(parts: Sequence[str]) -> Sequence[CheckedMethod]:
    """Nothing if one of them cannot be read, or there are too many."""
    found = []
    for part in parts if len(parts) <= _MOST_RESULTS else ():
        if not part.strip() or part.strip().casefold() == "none":
            continue
        match = _RESULT.match(part)
        if match is None:
            return []
        properties, place = [], match.end()
        while (one := _PROPERTY.match(part, place)) is not None:
            name = "".join(one["name"].split()).casefold()
            properties.append((name, one["value"].strip('"').casefold()))
            place = one.end()
        if part[place:].strip():
            return []
        found.append(CheckedMethod(match["method"].casefold(), match["result"].casefold(), properties))
    return found


def _parts(field: str) -> Sequence[str]:
    """What stands between semicolons, without comments; [""] if it is too long, or a comment has no end."""
    if len(field) > _LONGEST:
        return [""]
    parts: list[list[str]] = [[]]
    depth, quoted, escaped = 0, False, False
    for char in field:
        if escaped or char == "\\":
            if quoted or depth == 0:
                return [""]  # nobody writes such; what it would be taken for is not clear
            escaped = not escaped
        elif quoted:
            quoted = char != '"'
            parts[-1].append(char)
        elif char in "()":
            depth += 1 if char == "(" else -1
            if depth < 0:
                return [""]
            parts[-1].append(" ")  # it stands between words, and joins none
        elif depth == 0 and char == ";":
            parts.append([])
        elif depth == 0:
            quoted = char == '"'
            parts[-1].append(" " if char in "\r\n\t" else char)
    return ["".join(part) for part in parts] if depth == 0 and not quoted and not escaped else [""]
