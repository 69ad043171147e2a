"""Keeping secrets out of everything that is kept or shown.

A secret is replaced wherever it stands, raw or encoded: hex, base64 at any alignment, and whatever reads like
it once the escapes of URLs, HTML, JSON, scripts and mails are taken back (``support/decoded.py``).
Very short ones are replaced only where they stand alone, or a one-letter password would blank out every text.
"""

from __future__ import annotations

import base64
import html
import json
import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from urllib.parse import quote, quote_plus

from meterfarm.support.decoded import Layer, joined, layers, plain

MASK = "[redacted]"
_STANDS_ALONE_BELOW = 4
_SPLIT_FROM = 6
"""Shorter ones would be found in what has nothing to do with them, once texts are put together."""
_ESCAPES = re.compile('[\\\\&%=<\u00ad\u200b-\u200f\u2060\ufeff]|",')


class Secrets:
    """The secrets of one visit, which grow with it."""

    def __init__(self) -> None:
        self._forms: dict[str, Collection[str]] = {}
        self._plain: dict[str, Collection[str]] = {}
        self._characters: set[str] = set()

    def add(self, *values: str) -> None:
        """Replace these from now on; empty ones are ignored."""
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
        return self._decoded(_pattern(found).sub(MASK, text) if found else text)

    def holds(self, text: str) -> bool:
        """Whether somebody who reads ``text`` reads a secret, also with other capitals or spaces in it."""
        if self.scrub(text) != text:
            return True
        squeezed = _squeezed(text)
        return any(
            len(secret) >= _SPLIT_FROM and secret in squeezed for secret in map(_squeezed, tuple(self._forms))
        )

    def _decoded(self, text: str) -> str:
        """``text`` without what is a secret only once escapes are taken back, whatever they are."""
        if not self._forms or not _ESCAPES.search(text):
            return text
        spans = [span for layer in layers(text) for span in self._spans(layer)]
        if (layer := joined(text)) is not None:
            spans += self._spans(layer, at_least=_SPLIT_FROM)
        return _masked(text, spans)

    def _spans(self, layer: Layer, at_least: int = 1) -> Iterator[tuple[int, int]]:
        """Where in the source of ``layer`` the secrets stand that are in it."""
        for value in tuple(self._forms):
            if len(value) < at_least:
                continue
            for form in self._plain_of(value):
                if form in layer.text:
                    for found in _pattern([form]).finditer(layer.text):
                        yield layer.source(*found.span())

    def _plain_of(self, value: str) -> Collection[str]:
        forms = self._plain.get(value)
        if forms is None:
            forms = self._plain[value] = frozenset(_plain_forms(value))
        return forms

    def scrub_bytes(self, content: bytes) -> bytes:
        """``content`` with every secret replaced; bytes that are no text pass through unharmed."""
        try:
            scrubbed = self.scrub(content.decode()).encode()
        except UnicodeDecodeError:
            scrubbed = self.scrub(content.decode("latin-1")).encode("latin-1")
        return self._without_utf16(scrubbed) if b"\0" in scrubbed else scrubbed

    def _without_utf16(self, content: bytes) -> bytes:
        for value in tuple(self._forms):
            if len(value) < _STANDS_ALONE_BELOW:
                continue
            for form in {value, *_html_forms(value), *_json_forms(value)}:
                for encoding in ("utf-16-le", "utf-16-be"):
                    content = content.replace(form.encode(encoding, "surrogatepass"), MASK.encode(encoding))
        return content

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


def _plain_forms(value: str) -> Iterator[str]:
    """How ``value`` reads in a text without escapes: also where it looks like one, was read as latin-1, has
    its accents apart, was posted with ``+`` for a space, or lies in hex or base64."""
    raw = _bytes(value)
    normal = {unicodedata.normalize(form, value) for form in ("NFC", "NFD")}
    forms = {value, *normal, plain(value), raw.decode("latin-1"), value.replace(" ", "+")}
    forms |= {layer.text for form in (value, *normal) if (layer := joined(form)) is not None}
    yield from (form for form in forms if form == value or len(form.strip()) >= _STANDS_ALONE_BELOW)
    if len(value) >= _STANDS_ALONE_BELOW:
        yield from (raw.hex(), raw.hex().upper(), *_base64_forms(raw))


def _squeezed(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def _masked(text: str, spans: Collection[tuple[int, int]]) -> str:
    """``text`` with what stands there replaced."""
    parts, read = [], 0
    for begin, end in sorted(spans):
        if begin >= read:
            parts += [text[read:begin], MASK]
        read = max(read, end)
    return "".join([*parts, text[read:]])


def _field_values(characters: Collection[str]) -> re.Pattern[str]:
    """A character as HTML and traces write a field's value, also within JSON in JSON."""
    any_of = "|".join(map(re.escape, characters))
    return re.compile(rf"""(value_?\\*"?\s*[:=]\s*\\*")(?:{any_of})(?=\\*")""")


def encoded_forms(value: str) -> Iterator[str]:
    """Every way ``value`` is written in logs, traces and databases; as latin-1 reads the bytes."""
    raw = _bytes(value)
    forms = {value, raw.hex(), raw.hex().upper(), *_html_forms(value), *_percent_forms(raw)}
    for escaped in _json_forms(value):
        forms |= {escaped, json.dumps(escaped)[1:-1], json.dumps(escaped, ensure_ascii=False)[1:-1]}
    forms |= {unicodedata.normalize(form, value) for form in ("NFC", "NFD")}
    forms |= {_bytes(form).decode("latin-1") for form in tuple(forms)}
    yield from forms
    wide = [value.encode(encoding, "surrogatepass") for encoding in ("utf-16-le", "utf-16-be")]
    for content in {raw, *wide, *map(_bytes, _json_forms(value)), quote(raw, safe="").encode()}:
        yield from _base64_forms(content)


def _bytes(text: str) -> bytes:
    """UTF-8; bytes that came in as no UTF-8 are given back as they were."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _json_forms(value: str) -> Sequence[str]:
    return json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]


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
