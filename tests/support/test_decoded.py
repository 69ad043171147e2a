"""A secret is found however a portal writes it, and nothing else is replaced with it."""

from __future__ import annotations

import base64
import html
import json
import time
from collections.abc import Callable, Iterator
from html.entities import codepoint2name, html5
from itertools import cycle
from urllib.parse import quote

import pytest

from meterfarm.support.decoded import Layer, joined, layers
from meterfarm.support.redact import MASK, Secrets

PASSWORD = "C@n/ary+p&ss='1\"<9>\\é"
NAMED = {text: name for name, text in html5.items() if name.endswith(";")} | {
    chr(number): f"{name};" for number, name in codepoint2name.items()
}
ONE_BY_ONE: dict[str, Callable[[str], str]] = {
    "json, capitals": lambda letter: f"\\u{ord(letter):04X}",
    "json, small": lambda letter: f"\\u{ord(letter):04x}",
    "json in json": lambda letter: f"\\\\u{ord(letter):04x}",
    "script, hex": lambda letter: f"\\x{ord(letter):02x}",
    "script, code point": lambda letter: f"\\u{{{ord(letter):x}}}",
    "script, octal": lambda letter: f"\\{ord(letter):03o}" if letter.isascii() else letter,
    "decimal": lambda letter: f"&#{ord(letter)};",
    "decimal, zeros, no end": lambda letter: f"&#00{ord(letter)}",
    "hexadecimal": lambda letter: f"&#x{ord(letter):x};",
    "hexadecimal, capitals": lambda letter: f"&#X{ord(letter):04X};",
    "named": lambda letter: f"&{NAMED[letter]}" if letter in NAMED else letter,
    "html in html": lambda letter: f"&amp;#{ord(letter)};",
    "html in html in html": lambda letter: f"&amp;amp;#x{ord(letter):x};",
    "html in json": lambda letter: f"\\u0026#{ord(letter)};",
    "address": lambda letter: "".join(f"%{octet:02x}" for octet in letter.encode()),
    "address in address": lambda letter: quote(quote(letter, safe=""), safe=""),
    "address in address in address": lambda letter: quote(quote(quote(letter, safe=""), safe=""), safe=""),
    "old address": lambda letter: f"%u{ord(letter):04X}",
    "style sheet": lambda letter: f"\\{ord(letter):x} ",
    "style sheet, six": lambda letter: f"\\{ord(letter):06X}",
    "mail": lambda letter: f"={ord(letter):02X}" if letter.isascii() else letter,
    "mail, small": lambda letter: f"={ord(letter):02x}" if letter.isascii() else letter,
    "eight digits": lambda letter: f"\\U{ord(letter):08x}",
    "slashes": lambda letter: letter if letter.isalnum() else f"\\{letter}",
    "slashes in json": lambda letter: letter if letter.isalnum() else f"\\\\\\{letter}",
    "elements": lambda letter: f"<span class='x'>{html.escape(letter)}</span>",
    "long elements": lambda letter: f"<i class='{'x' * 1500}'>{html.escape(letter)}</i>",
    "zero width": lambda letter: f"{letter}\u200b",
}


def each(way: Callable[[str], str]) -> str:
    return "".join(map(way, PASSWORD))


@pytest.mark.parametrize("way", ONE_BY_ONE)
@pytest.mark.parametrize("around", ["{}", '<p title="{}">Hello</p>', '{{"typed": "{}"}}', "q={}&lang=nl"])
def test_each_character_may_be_written_in_its_own_way(way: str, around: str) -> None:
    secrets = Secrets()
    secrets.add(PASSWORD)
    before, _, after = around.replace("{{", "{").replace("}}", "}").partition("{}")
    scrubbed = secrets.scrub(before + each(ONE_BY_ONE[way]) + after)
    assert scrubbed.startswith(before)
    assert scrubbed.endswith(after)
    assert MASK in scrubbed
    assert len(scrubbed) < len(before) + len(after) + len(MASK) + 20


def test_ways_may_be_mixed() -> None:
    ways = [
        ONE_BY_ONE[way]
        for way in ("json, small", "decimal", "address", "hexadecimal", "script, hex", "named")
    ]
    secrets = Secrets()
    secrets.add(PASSWORD)
    for first in range(len(ways)):
        mixed = "".join(way(letter) for way, letter in zip(cycle(ways[first:] + ways[:first]), PASSWORD))
        assert secrets.scrub(f"({mixed})") == f"({MASK})"


@pytest.mark.parametrize(
    "secret", ["p&amp;w", "50%25off", r"a\u0062cd", r"pass\new", "a+b c&d", "&#43;&#43;", "%zz%%a"]
)
def test_a_secret_that_looks_like_an_escape_is_found_as_it_is_and_escaped(secret: str) -> None:
    secrets = Secrets()
    secrets.add(secret)
    for written in (secret, json.dumps(secret)[1:-1], html.escape(secret), quote(secret, safe="")):
        for twice in (written, json.dumps(written)[1:-1], html.escape(written), quote(written, safe="")):
            assert secret not in secrets.scrub(f"x{twice}x")
            assert secrets.scrub(f"x {twice} x") == f"x {MASK} x"


@pytest.mark.parametrize(
    "written",
    [lambda text: json.dumps({"p": text}), lambda text: f"p={quote(text, safe='')}"],
    ids=["json", "form"],
)
def test_what_was_escaped_before_it_was_put_in_base64_is_found(written: Callable[[str], str]) -> None:
    secrets = Secrets()
    secrets.add(PASSWORD)
    for content in (written(PASSWORD).encode(), PASSWORD.encode("utf-16-be"), PASSWORD.encode("utf-16-le")):
        assert MASK in secrets.scrub(base64.b64encode(b"u=1&" + content).decode())


def test_base64_within_json_is_found_with_its_slashes_escaped() -> None:
    secret = "???>>>~~~canary"
    secrets = Secrets()
    secrets.add(secret)
    kept = json.dumps({"kept": base64.b64encode(secret.encode()).decode()}).replace("/", "\\/")
    assert "/" in kept
    assert "Pz8" not in secrets.scrub(kept)


def test_accents_may_stand_apart_and_surrogates_in_pairs() -> None:
    secrets = Secrets()
    secrets.add("zoë-café-😀!")
    for written in (
        "zoe\u0308-cafe\u0301-😀!",
        r"zo\u00eb-caf\u00e9-\ud83d\ude00!",
        "zo%C3%AB-caf%C3%A9-&#128512;!",
    ):
        assert secrets.scrub(written) == MASK
    assert secrets.scrub_bytes("zoë-café-\\ud83d\\ude00!".encode()) == MASK.encode()


def test_texts_of_a_traces_snapshot_that_belong_together_are_read_together() -> None:
    secrets = Secrets()
    secrets.add("hunter2-hunter2")
    snapshot = '["P",{},"Hello ",["B",{"class":"x"},"hunter2"],["I",{},"-hun"],["I",{},"ter2"],"!"]'
    scrubbed = secrets.scrub(snapshot)
    assert "hunter2" not in scrubbed
    assert "ter2" not in scrubbed
    assert "Hello" in scrubbed


def test_what_is_no_secret_stays_as_it_was() -> None:
    secrets = Secrets()
    secrets.add("hunter2!", "é/é/é/", "654321")
    text = r'{"a": "\u0041\/b", "b": "&amp;amp;%20%C3%A9"} <a href="?q=%2Fx&amp;y=1">65&nbsp;4321</a> \ud83d'
    assert secrets.scrub(text) == text
    assert secrets.scrub_bytes(bytes(range(256)) * 3) == bytes(range(256)) * 3


def test_a_layer_knows_where_each_part_stood() -> None:
    text = r"a\u0062c&amp;#100;e%66 <b>g</b>"
    for layer in (*layers(text), *filter(None, [joined(text)])):
        for begin in range(len(layer.text)):
            low, high = layer.source(begin, begin + 1)
            assert 0 <= low < high <= len(text)
    assert [text[slice(*layer.source(0, 6))] for layer in layers(text)][1] == text[:22]
    assert Layer("abc").source(1, 2) == (1, 2)


def big() -> Iterator[tuple[str, str]]:
    rows = "".join(
        f'<tr class="row"><td>{number}&nbsp;kWh</td><td>&euro;&#8239;{number / 7:.2f}</td></tr>'
        for number in range(3_000)
    )
    yield "html", rows
    yield "json", json.dumps([{"html": rows}, {"text": "\\u00e9/" * 15_000}])
    yield "backslashes", "\\" * 1_500_000
    yield "ampersands", "&" * 300_000 + "&#" * 60_000 + "%" * 120_000
    yield "tags", "<" * 300_000 + '"]' * 100_000 + '",' * 100_000


@pytest.mark.parametrize(("name", "text"), list(big()), ids=lambda value: value if len(value) < 20 else "")
def test_large_texts_take_no_long_time(name: str, text: str) -> None:
    secrets = Secrets()
    secrets.add(*(f"{PASSWORD}{number}" for number in range(20)))
    began = time.process_time()
    assert secrets.scrub(text) == text
    assert time.process_time() - began < 8, name
