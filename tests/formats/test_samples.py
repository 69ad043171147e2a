"""Every reader reads its samples as expected, and every reader has one.

A case is a folder of ``samples/``: ``input.*``; ``meta.json`` with the reader (``module.function``), the time
zone it needs if any, and what the sample shows; ``expected.json`` with what comes out, or with the ``error``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from importlib import import_module
from inspect import getmembers, isfunction
from pathlib import Path
from pkgutil import walk_packages
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from meterfarm import formats
from meterfarm.formats import archive
from meterfarm.formats.bills import pdf
from meterfarm.formats.errors import FormatError
from meterfarm.formats.espi import green_button
from meterfarm.formats.tables import interval_csv
from meterfarm.records import Series

SAMPLES = Path(__file__).parent / "samples"
CASES = sorted(folder.name for folder in SAMPLES.iterdir())


def _series(series: Iterable[Series]) -> list[dict[str, object]]:
    return [
        {
            "meter_id": each.meter_id,
            "commodity": each.commodity.value,
            "direction": each.direction.value,
            "unit": each.unit.value,
            "exponent": each.exponent,
            "readings": [
                [reading.starts_at.strftime("%Y-%m-%dT%H:%M:%SZ"), *reading[1:]] for reading in each.readings
            ],
        }
        for each in series
    ]


def _green_button(content: bytes, _: dict[str, str]) -> object:
    read = green_button.read_green_button(content)
    measured = [
        one | {"measure": each.measure.value}
        for one, each in zip(_series(read.series), read.series, strict=True)
    ]
    return {"series": measured, "problems": [f"{each.severity}: {each}" for each in read.issues]}


def _interval_csv(content: bytes, meta: dict[str, str]) -> object:
    return _series(interval_csv.read_interval_csv(content, ZoneInfo(meta["zone"])).series)


def _archive(content: bytes, _: dict[str, str]) -> object:
    return [[name, data.decode()] for name, data in archive.unpack(content, "sample.zip")]


def _pdf(content: bytes, _: dict[str, str]) -> object:
    return pdf.pdf_text(content)


READERS: dict[str, Callable[[bytes, dict[str, str]], object]] = {
    "archive.unpack": _archive,
    "green_button.read_green_button": _green_button,
    "interval_csv.read_interval_csv": _interval_csv,
    "pdf.pdf_text": _pdf,
}


def _meta(case: str) -> dict[str, str]:
    meta: dict[str, str] = json.loads((SAMPLES / case / "meta.json").read_text())
    return meta


@pytest.mark.parametrize("case", CASES)
def test_a_sample_reads_as_expected(case: str) -> None:
    meta = _meta(case)
    expected: Any = json.loads((SAMPLES / case / "expected.json").read_text())
    (file,) = (SAMPLES / case).glob("input.*")
    if "error" in expected:
        with pytest.raises(FormatError) as caught:
            READERS[meta["reader"]](file.read_bytes(), meta)
        assert str(caught.value) == expected["error"]
    else:
        assert READERS[meta["reader"]](file.read_bytes(), meta) == expected


def _readers() -> set[str]:
    """The functions of the room that take a file's content and give something back, helpers aside."""
    helpers = {
        "archive.is_zip",
        "archive.is_gzip",
        "runs.is_wide",
        "sniff.looks_like_html",
        "sniff.looks_like_json",
        "pdf.check_pdf",
    }
    modules = [module.name for module in walk_packages(formats.__path__, "meterfarm.formats.")]
    found = {
        f"{module.rpartition('.')[2]}.{name}"
        for module in modules
        for name, function in getmembers(import_module(module), isfunction)
        if function.__module__ == module
        and not name.startswith("_")
        and next(iter(function.__annotations__), "") == "content"
    }
    return found - helpers


def test_every_reader_has_a_sample() -> None:
    assert _readers() == {_meta(case)["reader"] for case in CASES}
