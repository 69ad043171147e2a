"""Text as it reads once its escapes are taken back, and where in the text each part of that stood.

Who looks for a secret need not know how it was written: ``\\u002B``, ``&#43;``, ``&plus;``, ``%2b``, one
within another, or each character in its own way.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.entities import html5

_DEEPEST = 5
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v"}
_LAST = 0x10FFFF

_COMMON = re.compile(
    r"\\{16,}(?=\\{16})"
    r"|\\\\{0,15}u([dD][89abAB][0-9A-Fa-f]{2})\\{1,16}u([dD][c-fC-F][0-9A-Fa-f]{2})"
    r"|\\\\{0,15}u\{0{0,9}([0-9A-Fa-f]{1,6})\}"
    r"|\\\\{0,15}(?:u|U0{4})([0-9A-Fa-f]{4})"
    r"|\\\\{0,15}[xX]([0-9A-Fa-f]{2})"
    r"|&\#[xX]0{0,9}([0-9A-Fa-f]{1,6});?"
    r"|%u([0-9A-Fa-f]{4})"
    r"|&\#0{0,9}([0-9]{1,7});?"
    r"|%([0-9A-Fa-f]{2}(?:%[0-9A-Fa-f]{2})*)"
    r"|&([A-Za-z][A-Za-z0-9]{1,31};)"
    r"|&(amp|lt|gt|quot)(?![A-Za-z0-9;])"
    r"|\\\\{0,15}([^0-9A-Za-z\\]|[ntrbfv])"
    r"|\\(?=\\)"
)
_CSS = re.compile(r"\\{16,}(?=\\{16})|\\\\{0,15}([0-9A-Fa-f]{1,6})[ \t\n]?")
_OCTAL = re.compile(r"\\{16,}(?=\\{16})|\\\\{0,15}([0-7]{2,3})")
_PRINTABLE = re.compile(r"=([0-9A-Fa-f]{2})|=\r?\n")
_BETWEEN = re.compile(
    r"<[^<>]{1,5000}>"
    r'|"\]*,(?:\["[\w:-]{1,40}",\{[^{}]{0,300}\},)*"'
    r"|\\+"
    r"|[\u00ad\u200b-\u200f\u2060\ufeff]"
)
"""Tags, what stands between texts in a trace's snapshot, and characters that nobody sees."""


@dataclass(slots=True)
class Layer:
    """A text that was made of another by taking back escapes: what of it comes from where.

    ``at`` are where the replaced parts begin in ``text``, ``after`` where they end; ``begins`` and ``ends``
    the same in the text it was made of, which has a ``below`` of its own or is the first.
    """

    text: str
    below: Layer | None = None
    at: list[int] = field(default_factory=list)
    after: list[int] = field(default_factory=list)
    begins: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    def source(self, begin: int, end: int) -> tuple[int, int]:
        """Where ``text[begin:end]``, which is not empty, stood in the very first text."""
        if self.below is None:
            return begin, end
        return self.below.source(self._first(begin), self._last(end - 1))

    def _first(self, index: int) -> int:
        number = bisect_right(self.at, index) - 1
        while number >= 0 and self.after[number] == self.at[number] == index:
            number -= 1  # nothing is left of that part
        if number < 0:
            return index
        if index < self.after[number]:
            return self.begins[number]
        return self.ends[number] + index - self.after[number]

    def _last(self, index: int) -> int:
        number = bisect_right(self.at, index) - 1
        if number < 0:
            return index + 1
        if index < self.after[number]:
            return self.ends[number]
        return self.ends[number] + index - self.after[number] + 1


def layers(text: str) -> Iterator[Layer]:
    """``text`` as it reads with ever more escapes taken back; not ``text`` itself."""
    first = Layer(text)
    yield from _unescaped(first)
    for pattern, replace in ((_CSS, _by(16)), (_OCTAL, _by(8)), (_PRINTABLE, _by(16))):
        other = _replaced(first, pattern, replace)
        if other is not None:
            yield other
            yield from _unescaped(other)


def joined(text: str) -> Layer | None:
    """``text`` with its escapes taken back and without what stands between the parts that a person reads."""
    first = Layer(text)
    return _replaced([first, *_unescaped(first)][-1], _BETWEEN, lambda found: "")


def plain(text: str) -> str:
    """``text`` with all of its common escapes taken back, also if it has none but looks like it."""
    first = Layer(text)
    return [first, *_unescaped(first)][-1].text


def _unescaped(layer: Layer) -> Iterator[Layer]:
    for _ in range(_DEEPEST):
        above = _replaced(layer, _COMMON, _common)
        if above is None:
            return
        yield above
        layer = above


def _replaced(
    below: Layer, pattern: re.Pattern[str], replace: Callable[[re.Match[str]], str]
) -> Layer | None:
    text, parts, layer = below.text, [], Layer("", below)
    read = written = 0
    for found in pattern.finditer(text):
        instead = replace(found)
        if instead == found[0]:
            continue
        begin, end = found.span()
        parts += [text[read:begin], instead]
        written += begin - read
        layer.at.append(written)
        written += len(instead)
        layer.after.append(written)
        layer.begins.append(begin)
        layer.ends.append(end)
        read = end
    if not layer.at:
        return None
    parts.append(text[read:])
    layer.text = "".join(parts)
    return layer


def _common(found: re.Match[str]) -> str:
    kind = found.lastindex
    if kind is None:
        return ""
    written: str = found[kind]
    if kind == 2:
        high, low = int(found[1], 16), int(written, 16)
        return chr(0x10000 + ((high - 0xD800) << 10) + low - 0xDC00)
    if kind <= 7:
        return _character(written, 16)
    if kind == 8:
        return _character(written, 10)
    if kind == 9:
        return _octets(bytes.fromhex(written.replace("%", "")))
    if kind in {10, 11}:
        return html5.get(written, found[0])
    return _CONTROLS.get(written, written)


def _by(base: int) -> Callable[[re.Match[str]], str]:
    return lambda found: _character(found[1], base) if found[1] else ""


def _character(digits: str, base: int) -> str:
    number = int(digits, base)
    return chr(number) if number <= _LAST else ""


def _octets(octets: bytes) -> str:
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1")
