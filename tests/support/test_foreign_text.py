"""Text of portals, files and mails as it is shown, written into cells, XML and JSON."""

from __future__ import annotations

import json
import time

import pytest
from lxml import etree

from meterfarm.support.foreign_text import DOCUMENT, as_json, cell, lines, one_line, xml_text

HOSTILE = (
    "\x1b]0;owned\x07",
    "\x1b[2J\x1b[31m",
    "\x9b31mred",
    "\u202egnp.exe",
    "\u2066isolated\u2069",
    "zero\u200bwidth\u200d\ufeff",
    "\U000e0041tag",
    "tab\tand\r\nlines\u2028\x85",
    "lone \ud83d surrogate",
    "nul\x00 del\x7f",
    "\ufffe\ufdd0",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_character_that_acts_on_a_terminal_is_left(text: str) -> None:
    for safe in (one_line(text), cell(text)):
        assert safe.isprintable(), ascii(safe)
        safe.encode()
    assert lines(text).replace("\n", "").isprintable()
    document = as_json({text: [text]}, indent=2)
    assert document.replace("\n", "").isprintable()
    assert json.loads(document) == {text: [text]}
    element = etree.Element("name")
    element.text = xml_text(text)
    etree.fromstring(etree.tostring(element))


def test_names_of_any_script_stay_as_they_are() -> None:
    for name in ("Zoë Ångström", "山田 太郎", "שרה", "O'Neil & Söhne <GmbH>", "[/evil]", "😀 energy"):
        assert (one_line(name), cell(name), lines(name), xml_text(name)) == (name, name, name, name)
        assert name in as_json([name])


def test_text_is_bounded_at_once_and_says_so() -> None:
    """Also 10 MB of what has to be looked at character by character."""
    began = time.monotonic()
    for title in ("x" * 10_000_000, "\x1b" * 10_000_000, " \n" * 10_000_000):
        assert len(one_line(title)) <= 600
        assert len(lines(title)) <= DOCUMENT
        assert len(as_json({"title": title})) < 7 * DOCUMENT
    assert time.monotonic() - began < 2
    assert one_line("x" * 601).endswith("x…")
    assert one_line(one_line("x y " * 600)) == one_line("x y " * 600)


def test_a_cell_is_never_a_formula_and_a_number_stays_a_number() -> None:
    for formula in (
        "=1+1",
        "+cmd|' /C calc'!A0",
        "-2+3+cmd",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        " =1",
        '"=1+1"',
        '" =1"',
        "\uff1d1",
        "-",
    ):
        assert cell(formula).startswith("'"), formula
    for number in ("-1.5", "+15185550123", "-1e5", "12", "-1,234.50", "-3%"):
        assert cell(number) == number
    assert cell("a\tb\nc") == "a b c"
    assert len(cell("x" * 100_000)) == 100_000
