"""Bills that are pictures, read by RapidOCR as the extra `ocr` installs it: what is stated is right."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pypdfium2
import pytest
from fpdf import FPDF

from meterfarm.records import BillReading, BillStatus
from meterfarm.services.bill_reading import bill_readings, reading_json
from tests.formats.bills_made import AMERICAN, MadeBill
from tests.formats.bills_made_europe import EUROPEAN

_DOTS_PER_POINT = 200 / 72
_MADE = (*AMERICAN, *EUROPEAN)


def _scanned(made: MadeBill, degrees: float = 0.0) -> bytes:
    """A bill as a scanner makes it: grey, 200 dots an inch, as JPEG, perhaps not quite straight."""
    scan = FPDF(format="Letter", unit="pt")
    document = pypdfium2.PdfDocument(made.pdf())
    try:
        for page in document:
            picture = page.render(scale=_DOTS_PER_POINT, grayscale=True).to_pil()
            turned = io.BytesIO()
            picture.rotate(degrees, fillcolor=250).save(turned, "JPEG", quality=80)
            scan.add_page()
            scan.image(turned, x=0, y=0, w=scan.w, h=scan.h)
    finally:
        document.close()
    return bytes(scan.output())


def _stated(reading: BillReading, made: MadeBill) -> dict[str, object]:
    shown = reading_json(reading)
    meters = shown["meters"]
    assert isinstance(meters, list)
    fields = {**shown, "meters": [meter["id"] for meter in meters]}
    return {name: _joined(name, fields[name]) for name in made.truth if fields[name] not in (None, [])}


def _joined(name: str, value: object) -> object:
    """A number of an account without its blanks: recognition loses some."""
    return str(value).replace(" ", "") if name == "account_number" else value


@pytest.mark.parametrize("made", _MADE, ids=lambda made: made.name)
@pytest.mark.parametrize("degrees", [0.0, 0.4], ids=["straight", "turned"])
def test_what_is_stated_of_a_scanned_bill_is_right(made: MadeBill, degrees: float) -> None:
    (reading,) = bill_readings(io.BytesIO(_scanned(made, degrees)), None)
    assert reading.ocr
    stated = _stated(reading, made)
    assert stated == {name: _joined(name, made.truth[name]) for name in stated}


def test_most_of_a_scanned_bill_is_found() -> None:
    found = []
    for made in AMERICAN:
        (reading,) = bill_readings(io.BytesIO(_scanned(made)), None)
        found.append((len(_stated(reading, made)), len(made.truth), reading.status is BillStatus.UNLOCKED))
    assert sum(stated for stated, _, _ in found) > 0.7 * sum(known for _, known, _ in found), found
    assert sum(unlocked for _, _, unlocked in found) >= 4, found


def test_a_scan_is_read_without_a_network_and_has_the_mark(tmp_path: Path) -> None:
    """The models lie in the wheel: none is fetched when a bill is read."""
    (tmp_path / "scan.pdf").write_bytes(_scanned(AMERICAN[2]))
    alone = ["unshare", "--net", sys.executable, "-P", "-m", "meterfarm.cli", "read", "--json"]
    ran = subprocess.run([*alone, str(tmp_path / "scan.pdf")], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    (bill,) = json.loads(ran.stdout)["bills"]
    assert (bill["ocr"], bill["reader"], bill["total_amount"]) == (True, "generic", 24762)
