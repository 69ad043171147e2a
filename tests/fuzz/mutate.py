"""Inputs made of samples by damaging them; each is told by a seed and a number, and can be made again."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

MOST_BYTES = 200_000
_WORD = re.compile(rb"[A-Za-z]{2,}|\d+|[^\sA-Za-z\d]", re.ASCII)
_ODD = (
    *(
        b"",
        b"\0",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b'"',
        b"'",
        b"<",
        b">",
        b"&",
        b"]]>",
    ),
    *(b",", b";", b"\t", b"\r\n", b"\r", b"\n\n", b"&#0;", b"&lol;", b"<!DOCTYPE a [", b"<!--", b"<![CDATA["),
    *(b"-1", b"0", b"1e9", b"1e999999999", b"NaN", b"-Infinity", b"1_000", b"9" * 30, b"-" + b"9" * 5000),
    *(b"0.0000000000000000001", b"2147483648", b"9223372036854775808", b"-62135596801", b"253402300800"),
    *(
        "٣".encode(),
        "\u22125".encode(),
        "\u2028".encode(),
        "1\u00a0000,5".encode(),
        b"24:00",
        b"02:30",
        b"2:60",
    ),
    *(b"2021-02-30", b"0000-00-00", b"31/12/9999", b"12/31/1969", b"2021-11-07 01:30", b"(1,234.5)", b"-"),
)

_Change = Callable[[random.Random, bytearray, Sequence[bytes]], None]


def made(seeds: Sequence[bytes], seed: int, number: int) -> bytes:
    """The input with this number: the samples themselves come first, then what a few changes make of one."""
    if number < len(seeds):
        return seeds[number]
    chance = random.Random(f"{seed}:{number}")  # noqa: S311 - nothing secret
    data = bytearray(chance.choice(seeds))
    if len(data) > 4_000 and chance.random() < 0.5:
        _shorten(chance, data, seeds)
    for _ in range(chance.choice((1, 1, 2, 3, 5, 8, 20))):
        chance.choice(_CHANGES)(chance, data, seeds)
        del data[MOST_BYTES:]
    return bytes(data)


def _span(chance: random.Random, data: bytes | bytearray, longest: int = 400) -> tuple[int, int]:
    start = chance.randrange(len(data) + 1)
    return start, min(len(data), start + chance.randrange(1, longest))


def _line(chance: random.Random, data: bytes | bytearray) -> tuple[int, int]:
    """A line, or what stands between two tags."""
    at = chance.randrange(len(data) + 1)
    mark = chance.choice((b"\n", b">"))
    start, end = data.rfind(mark, 0, at) + 1, data.find(mark, at)
    return start, end + 1 if end >= 0 else len(data)


def _flip(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _odd(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = chance.randrange(len(data) + 1)
    data[at:at] = chance.choice(_ODD)


def _odd_word(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = chance.randrange(len(data) + 1)
    if word := _WORD.search(data, at):
        data[word.start() : word.end()] = chance.choice(_ODD)


def _other_word(chance: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    other = chance.choice(seeds)
    word, its = _WORD.search(data, chance.randrange(len(data) + 1)), None
    its = _WORD.search(other, chance.randrange(len(other) + 1))
    if word and its:
        data[word.start() : word.end()] = its[0]


def _cut(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    start, end = _span(chance, data)
    del data[start:end]


def _cut_line(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    start, end = _line(chance, data)
    del data[start:end]


def _truncate(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    del data[chance.randrange(len(data) + 1) :]


def _repeat(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    start, end = chance.choice((_span, _line))(chance, data)
    data[end:end] = data[start:end] * chance.choice((1, 1, 1, 2, 40))


def _move(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    start, end = chance.choice((_span, _line))(chance, data)
    taken = data[start:end]
    del data[start:end]
    at = _line(chance, data)[0]
    data[at:at] = taken


def _graft(chance: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    other = chance.choice(seeds)
    start, end = chance.choice((_span, _line))(chance, other)
    at = _line(chance, data)[0]
    data[at:at] = other[start:end]


def _recode(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    text = data.decode("latin-1")
    data[:] = text.encode(chance.choice(("utf-8", "utf-16", "utf-16-le", "utf-32")))


def _shorten(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    """Take most of the middle out: shorter inputs are read more often."""
    start = chance.randrange(len(data) // 2)
    del data[start : start + len(data) // 2 - chance.randrange(1_000)]


_CHANGES: tuple[_Change, ...] = (
    *(_flip, _odd, _odd, _odd_word, _odd_word, _odd_word, _other_word, _other_word, _cut, _cut_line),
    *(_cut_line, _truncate, _repeat, _repeat, _move, _graft, _graft, _recode),
)
