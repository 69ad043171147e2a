"""Keeping secrets out of everything that is kept or shown.

A secret is replaced wherever it stands, raw or encoded: URL, HTML, JSON, hex, and base64 at any alignment.
Very short ones are replaced only where they stand alone, or a one-letter password would blank out every text.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Collection, Iterator
from urllib.parse import quote, quote_plus

MASK = "[redacted]"
_STANDS_ALONE_BELOW = 4


class Secrets:
    """The secrets of one visit, growing as it goes on."""

    def __init__(self) -> None:
        self._forms: dict[str, Collection[str]] = {}
        self._characters: set[str] = set()

    def add(self, *values: str) -> None:
        for value in values:
            if value:
                self._forms.setdefault(value, ())

    def add_character(self, value: str) -> None:
        """One character of a secret that is typed box by box: replaced only as the value of a field."""
        self._characters.add(value)

    def scrub(self, text: str) -> str:
        """``text`` with every secret replaced. Nothing is compiled for a text that has none, as most."""
        if not text:
            return text
        if self._characters:
            text = _field_values(self._characters).sub(rf"\1{MASK}", text)
        found = {form for value in tuple(self._forms) for form in self._forms_of(value) if form in text}
        return _pattern(found).sub(MASK, text) if found else text

    def holds(self, text: str) -> bool:
        """Whether ``text`` has a secret, in any form."""
        return self.scrub(text) != text

    def scrub_bytes(self, content: bytes) -> bytes:
        """``content`` with every secret replaced; bytes that are no text pass through unharmed."""
        return self.scrub(content.decode("latin-1")).encode("latin-1")

    def _forms_of(self, value: str) -> Collection[str]:
        """Written out when first looked for: many visits end without a text to scrub."""
        forms = self._forms[value]
        if not forms:
            forms = (value,) if len(value) < _STANDS_ALONE_BELOW else tuple(set(encoded_forms(value)))
            self._forms[value] = forms
        return forms


def _pattern(forms: Collection[str]) -> re.Pattern[str]:
    """The longest form that fits is replaced; the short ones are secrets as they are."""
    parts = [
        rf"(?<![0-9A-Za-z]){re.escape(form)}(?![0-9A-Za-z])"
        if len(form) < _STANDS_ALONE_BELOW
        else re.escape(form)
        for form in sorted(forms, key=len, reverse=True)
    ]
    return re.compile("|".join(parts))


def _field_values(characters: Collection[str]) -> re.Pattern[str]:
    """A character as HTML and traces write a field's value, also within JSON in JSON."""
    any_of = "|".join(map(re.escape, characters))
    return re.compile(rf"""(value_?\\*"?\s*[:=]\s*\\*")(?:{any_of})(?=\\*")""")


def encoded_forms(value: str) -> Iterator[str]:
    """Every way ``value`` is written in logs, traces and databases; as latin-1 reads the bytes."""
    raw = _bytes(value)
    forms = {value, raw.hex(), raw.hex().upper(), *_html_forms(value), *_percent_forms(raw)}
    for escaped in (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]):
        forms |= {escaped, json.dumps(escaped)[1:-1], json.dumps(escaped, ensure_ascii=False)[1:-1]}
    forms |= {_bytes(form).decode("latin-1") for form in tuple(forms)}
    yield from forms
    for content in {raw, value.encode("utf-16-le", "surrogatepass")}:
        yield from _base64_forms(content)


def _bytes(text: str) -> bytes:
    """UTF-8; bytes that came in as no UTF-8 are given back as they were."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _html_forms(value: str) -> Iterator[str]:
    """As Python, template engines and browsers (in a text, in an attribute) escape it."""
    escaped = html.escape(value)
    yield escaped
    yield escaped.replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
    yield html.escape(value, quote=False)
    in_attribute = value.replace("&", "&amp;").replace('"', "&quot;")
    yield in_attribute
    yield in_attribute.replace("<", "&lt;").replace(">", "&gt;")


def _percent_forms(raw: bytes) -> Iterator[str]:
    """As Python, a posted form, and a browser's ``encodeURIComponent`` and ``encodeURI`` encode it."""
    posted = quote_plus(raw, safe="*").replace("~", "%7E")
    scripted = [quote(raw, safe=safe) for safe in ("!'()*", "!'()*;/?:@&=+$,#")]
    for percent in (quote(raw), quote(raw, safe=""), quote_plus(raw), posted, *scripted):
        yield percent
        yield re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), percent)
        yield quote(percent, safe="")


def _base64_forms(content: bytes) -> Iterator[str]:
    """What base64 makes of ``content`` inside a longer text, at each of the three alignments."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + content).decode().rstrip("=")
        start = -(-before * 8 // 6)
        end = (before + len(content)) * 8 // 6
        inner = encoded[start:end]
        if len(inner) >= _STANDS_ALONE_BELOW:
            yield inner
            yield inner.replace("+", "-").replace("/", "_")
