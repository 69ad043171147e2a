"""`read` tells what any file is; what it cannot read it refuses with a sentence, and status 3."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from meterfarm.console.data.read import _copy, read_file
from meterfarm.console.data.read_report import tables
from meterfarm.formats.errors import FormatError
from tests.console.command import Command

SAMPLES = Path(__file__).parents[2] / "utilities" / "speculoos_power" / "samples"
AUTUMN = SAMPLES / "intervals_electric_autumn" / "input.xml"
SPRING = SAMPLES / "intervals_solar_spring" / "input.xml"
BILL = SAMPLES / "bill_gas_only" / "input.pdf"
AUTUMN_SERIES = {
    "meter": "E6979515",
    "commodity": "electricity",
    "measure": "energy",
    "quantity": "energy",
    "direction": "delivered",
    "unit": "Wh",
    "count": 196,
    "total": "25790",
    "first_start": "2026-10-31T04:00:00Z",
    "last_end": "2026-11-02T05:00:00Z",
    "interval_seconds": 900,
}


def _read(command: Command, *arguments: str | Path) -> tuple[int, list[dict[str, Any]]]:
    ran = command("read", "--json", *map(str, arguments))
    return ran.status, [json.loads(line) for line in ran.stdout.splitlines()]


def _refusal(told: Mapping[str, Any]) -> str:
    (refused,) = [problem["what"] for problem in told["problems"] if problem["severity"] == "refused"]
    return str(refused)


def _zip(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), content)
    return path


def test_a_file_is_told_as_one_object(command: Command) -> None:
    status, (told,) = _read(command, AUTUMN)
    assert status == 0
    assert told == {
        "file": str(AUTUMN),
        "kind": "green_button",
        "layout": "espi",
        "bills": [],
        "series": [AUTUMN_SERIES],
        "problems": [],
    }


def test_a_name_says_nothing_of_what_a_file_is(command: Command, tmp_path: Path) -> None:
    odd = tmp_path / "Zähler 12 月.pdf"
    shutil.copy(AUTUMN, odd)
    status, (told,) = _read(command, odd)
    assert (status, told["file"], told["series"]) == (0, str(odd), [AUTUMN_SERIES])


def test_a_zip_is_told_as_what_is_in_it(command: Command, tmp_path: Path) -> None:
    file = _zip(tmp_path / "export.zip", folder__a_xml=AUTUMN.read_bytes(), style_xsl=b"<xsl/>")
    status, (told,) = _read(command, file)
    assert (status, told["kind"], told["series"]) == (0, "green_button", [AUTUMN_SERIES])
    assert [(one["where"], one["severity"]) for one in told["problems"]] == [("style.xsl", "note")]


def test_members_that_follow_each_other_are_one_series(command: Command, tmp_path: Path) -> None:
    whole = AUTUMN.read_text()
    later = whole.replace("<start>17", "<start>18")
    assert later != whole
    file = _zip(tmp_path / "months.zip", a_xml=whole.encode(), b_xml=later.encode())
    status, (told,) = _read(command, file)
    (series,) = told["series"]
    assert (status, series["count"], series["total"], told["problems"]) == (0, 392, "51580", [])


def test_members_that_say_the_same_are_not_added_up(command: Command, tmp_path: Path) -> None:
    file = _zip(tmp_path / "twice.zip", a_xml=AUTUMN.read_bytes(), b_xml=AUTUMN.read_bytes())
    status, (told,) = _read(command, file)
    assert (status, told["series"]) == (0, [AUTUMN_SERIES, AUTUMN_SERIES])
    assert [one["where"] for one in told["problems"]] == ["b.xml"]


def test_a_block_that_stands_there_twice_is_counted_and_doubted(command: Command, tmp_path: Path) -> None:
    text = AUTUMN.read_text()
    block = re.search(r"<((\w+:)?IntervalBlock)\b.*?</\1>", text, re.DOTALL)
    assert block
    file = tmp_path / "twice.xml"
    file.write_text(text.replace(block[0], block[0] * 2))
    status, (told,) = _read(command, file)
    assert status == 0
    assert told["series"][0]["count"] > AUTUMN_SERIES["count"]
    assert [(one["where"], one["severity"]) for one in told["problems"]] == [
        ("2026-10-31T04:00:00Z", "doubt")
    ]


def test_a_feed_of_readings_that_cannot_be_used_is_refused(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "milliseconds.xml"
    file.write_text(re.sub(r"start>(\d+)<", r"start>\g<1>000<", AUTUMN.read_text()))
    status, (told,) = _read(command, file)
    assert (status, told["kind"], told["series"]) == (3, "green_button", [])
    assert "None of the readings" in _refusal(told)


def test_one_bad_member_is_refused_and_the_others_are_read(command: Command, tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as nested:
        nested.writestr("a.xml", AUTUMN.read_bytes())
    file = _zip(
        tmp_path / "some.zip", a_xml=AUTUMN.read_bytes(), b_xml=b"<html>", c_zip=inner.getvalue(), d=b""
    )
    status, (told,) = _read(command, file)
    assert (status, told["series"]) == (3, [AUTUMN_SERIES])
    assert {one["where"]: one["severity"] for one in told["problems"]} == {
        "b.xml": "refused",
        "c.zip": "refused",
        "d": "refused",
    }


def test_a_bill_is_read_by_the_layout_that_fits_or_is_named(command: Command) -> None:
    for arguments in ([BILL], [BILL, "--utility", "speculoos_power"]):
        status, (told,) = _read(command, *arguments)
        assert (status, told["kind"], told["layout"], told["problems"]) == (0, "bill", "speculoos_power", [])
        (bill,) = told["bills"]
        assert (bill["account_number"], bill["total_amount"], bill["gas_consumption_unit"]) == (
            "361488365064181",
            8392,
            "therms",
        )
        assert "customer_id" not in bill


def test_a_bill_that_no_layout_reads_is_refused(command: Command) -> None:
    status, (told,) = _read(command, SAMPLES / "bill_placeholder" / "input.pdf")
    assert (status, told["kind"]) == (3, "bill")
    assert "--utility" in _refusal(told)
    status, (told,) = _read(
        command, SAMPLES / "bill_placeholder" / "input.pdf", "--utility", "speculoos_power"
    )
    assert status == 3
    assert "not read" in _refusal(told)


def test_of_a_pdf_of_two_bills_the_reason_is_told() -> None:
    report = read_file(str(SAMPLES / "bill_two_in_one" / "input.pdf"), None, None)
    assert not report.bills
    assert ["more than one billing period" in each.what for each in report.issues] == [True]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"<!DOCTYPE html><title>Sign in</title>", "web page"),
        ("<html>".encode("utf-16"), "web page"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "XLS"),
        (b"\x00\x01\x02\x03" * 100, "neither text nor"),
        (b"PK\x03\x04 cut", "damaged"),
        (b"%PDF-1.7 nothing more", "cut short"),
        (b"<feed xmlns='http://www.w3.org/2005/Atom'><entry>", ""),
        (b"name,colour\nana,red\n", ""),
        (b"one\0two\n", ""),
    ],
)
def test_what_is_no_export_is_refused_with_a_sentence(
    command: Command, tmp_path: Path, content: bytes, says: str
) -> None:
    file = tmp_path / "export"
    file.write_bytes(content)
    status, (told,) = _read(command, file, "--zone", "America/New_York")
    assert status == 3
    assert (told["file"], told["series"], told["bills"]) == (str(file), [], [])
    assert told["kind"] == ("bill" if content.startswith(b"%PDF") else "unknown")
    assert says in _refusal(told)
    assert _refusal(told).endswith(".")


def test_what_cannot_be_opened_is_told_beside_what_can(command: Command, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    missing = tmp_path / "missing.xml"
    status, told = _read(command, missing, tmp_path, tmp_path / "pipe", AUTUMN)
    assert status == 3
    assert [_refusal(one) for one in told[:3]] == [
        "The file cannot be opened: No such file or directory.",
        "This is a directory: name the files in it.",
        "This is no file: save it as one.",
    ]
    assert told[3]["series"] == [AUTUMN_SERIES]


def test_standard_input_is_a_file_too(command: Command) -> None:
    ran = command("read", "--json", "-", stdin=AUTUMN.read_text())
    assert ran.status == 0
    told = json.loads(ran.stdout)
    assert (told["file"], told["series"]) == ("-", [AUTUMN_SERIES])


def test_people_get_tables(command: Command) -> None:
    ran = command("read", str(SPRING), str(BILL), str(AUTUMN.parent))
    assert ran.status == 3
    for words in ("green button", "E6638432", "received", "26.101 kWh", "15 min", "83.92", "a directory"):
        assert words in ran.stdout


def test_a_narrow_screen_cuts_no_number() -> None:
    shown = Console(width=80, file=io.StringIO())
    shown.print(*tables(read_file(str(SPRING), None, None)))
    assert isinstance(shown.file, io.StringIO)
    lines = shown.file.getvalue().splitlines()
    assert "…" not in "".join(lines)
    assert any("26.101 kWh in " in line for line in lines)
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--zone", "America/Nowhere"], "no time zone “America/Nowhere”"),
        (["--zone", "../../etc/passwd"], "no time zone"),
        (["--utility", "speculos_power"], "did you mean speculoos_power"),
    ],
)
def test_an_option_that_cannot_be_is_a_usage_error(command: Command, arguments: list[str], says: str) -> None:
    ran = command("read", str(AUTUMN), *arguments)
    assert ran.status == 2
    assert says in ran.stderr


def test_names_of_files_and_meters_never_act_on_the_terminal(command: Command, tmp_path: Path) -> None:
    evil = "\x1b]0;owned\x07[evil]\u202e"
    file = tmp_path / f"{evil}.csv"
    file.write_text(f"meter,start,end,kWh\n{evil},2026-11-01 00:00,2026-11-01 01:00,1\n", encoding="utf-8")
    for option in ([], ["--json"]):
        ran = command("read", str(file), "--zone", "UTC", *option)
        assert "[evil]" in ran.stdout
        assert ran.stdout.replace("\n", "").isprintable(), ascii(ran.stdout)


def test_what_comes_on_standard_input_without_end_is_refused() -> None:
    endless, copy = io.BytesIO(b"x" * 5_000_000), io.BytesIO()
    with pytest.raises(FormatError, match="save it, and read the file"):
        _copy(endless, copy, 3_000_000)
    assert len(copy.getvalue()) <= 3_000_000
