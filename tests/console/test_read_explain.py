"""`read --explain` marks on pictures of a bill's pages where each value was found."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops

from meterfarm.formats.bills.generic.amounts import Money, NumberStyle
from meterfarm.formats.bills.generic.sheet import BillSheet
from meterfarm.formats.bills.pdf import opened
from meterfarm.formats.bills.picture import Tagged, drawn_page
from meterfarm.formats.bills.places import Mark, marks_of
from meterfarm.formats.bills.words import PageText, pages_of
from meterfarm.records import BillReading, BillStatus, LineItem
from meterfarm.services.bill_explain import reasons
from meterfarm.services.bill_reading import bill_readings
from tests.console.command import Command
from tests.formats.bills_made import AMERICAN, MadeBill
from tests.formats.bills_made_europe import EUROPEAN

UTILITIES = Path(__file__).parents[2] / "utilities"
SOLAR = UTILITIES / "speculoos_power" / "samples" / "bill_community_solar" / "input.pdf"


def _text(pages: list[PageText], mark: Mark) -> str:
    """The words whose middle is in a mark's box."""
    return " ".join(
        word.text
        for line in pages[mark.page - 1].lines
        for cell in line.cells
        for word in cell.words
        if mark.left - 1 < (word.left + word.right) / 2 < mark.right + 1
        and mark.bottom < word.middle < mark.top
    )


def _marked(pdf: bytes) -> dict[str, str]:
    pages = list(pages_of(pdf))
    (reading,) = bill_readings(io.BytesIO(pdf), None)
    return {mark.name: _text(pages, mark) for mark in marks_of(BillSheet(pages), reading).found}


def test_the_boxes_of_a_layouts_values_are_around_what_is_printed() -> None:
    found = _marked(SOLAR.read_bytes())
    assert found["account_number"] == "563167841431180"
    assert (found["billed_on"], found["billing_period_to"]) == ("November 11, 2026", "November 8, 2026")
    assert (found["total_amount"], found["community_solar_bill_credit"]) == ("$134.52", "-$18.20")
    assert (found["meter E8539620"], found["electricity_consumption"]) == ("E8539620", "369.800")
    assert next(text for name, text in found.items() if name.startswith("line: Gas supply")) == "$25.41"


def test_of_several_places_the_one_beside_the_label_is_marked() -> None:
    made = next(bill for bill in AMERICAN if bill.name.startswith("delivery and supply, reads"))
    pages = list(pages_of(made.pdf()))
    (reading,) = bill_readings(io.BytesIO(made.pdf()), None)
    marks = {mark.name: mark for mark in marks_of(BillSheet(pages), reading).found}
    lines = {}
    for name, mark in marks.items():
        (line,) = [each for each in pages[0].lines if mark.bottom < each.middle < mark.top]
        lines[name] = line.text
    assert lines["current_charges"].startswith("Current Charges")
    assert lines["total_amount"].startswith("Amount Due")
    assert lines["electricity_consumption"].startswith("Total Usage")


@pytest.mark.parametrize("made", EUROPEAN, ids=lambda made: made.name)
def test_every_kept_amount_and_day_of_other_languages_is_found_again(made: Any) -> None:
    pages = list(pages_of(made.pdf()))
    for reading in bill_readings(io.BytesIO(made.pdf()), None):
        marks = marks_of(BillSheet(pages), reading)
        assert {"total_amount", "billed_on", "account_number"}.isdisjoint(dict(marks.nowhere))
        assert len(marks.found) > len(marks.nowhere)


def test_pictures_have_the_page_with_a_legend_beside_it(command: Command, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_bytes(b"not ours")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".input-page-1.png").symlink_to(kept)
    ran = command("read", "--json", "--explain", "--out", str(tmp_path / "out"), str(SOLAR))
    assert (ran.status, kept.read_bytes()) == (0, b"not ours")
    (tmp_path / "out" / ".input-page-1.png").unlink(missing_ok=True)
    pictures = json.loads(ran.stdout)["pictures"]
    assert [Path(each).name for each in pictures] == ["input-page-1.png", "input-page-2.png"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "input-page-1.png",
        "input-page-2.png",
    ]
    for each in pictures:
        assert Path(each).stat().st_mode & 0o777 == 0o600
        with Image.open(each) as picture:
            counted: Any = picture.convert("RGB").getcolors(1 << 20)
            colours = {colour for _, colour in counted}
            assert picture.size[0] > 1_400
            assert picture.size[1] < 1_800
        assert any(red > 150 and green < 60 and blue < 60 for red, green, blue in colours), "no mark of money"


def test_a_long_bills_line_items_are_found_without_reading_every_cell_for_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [f"14~Charge {chr(97 + n % 26)}{chr(97 + n // 26)} || 180~$1.{n:02}" for n in range(48)]
    sheet = BillSheet(list(pages_of(MadeBill("", "\n".join(rows), {}).pdf())))
    items = [LineItem(line.cells[0].text, 100 + n) for n, line in enumerate(sheet.lines)]
    asked: list[str] = []
    read = NumberStyle.money

    def counted(self: NumberStyle, text: str) -> list[Money]:
        asked.append(text)
        return read(self, text)

    monkeypatch.setattr(NumberStyle, "money", counted)
    found = marks_of(sheet, BillReading("generic", BillStatus.UNPARSED, {}, line_items=items)).found
    assert [mark.value for mark in found] == [item.cost for item in items]
    assert len(items) == 48
    assert len(asked) == 96, "each cell once"


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_boxes_are_where_the_values_are_seen_on_turned_and_cropped_pages(turned: int) -> None:
    with opened(MadeBill("", "60~\n60~TOTAL", {}).pdf()) as document:
        page = document[0]
        page.set_cropbox(100, 500, 400, 780)
        page.set_rotation(turned)
        changed = io.BytesIO()
        document.save(changed)
    (text,) = pages_of(changed.getvalue())
    mark = Mark("total_amount", 1, 1, *text.lines[0].cells[0][:4])
    with opened(changed.getvalue()) as document:
        picture: Any = drawn_page(document, text, [Tagged(mark, "#ff0000")], []).convert("RGB")
    red, green, _ = picture.split()
    ink: Any = picture.convert("L").point(lambda light: 255 * (light < 60)).getbbox()
    strong = red.point(lambda light: 255 * (light > 200))
    box: Any = ImageChops.multiply(strong, green.point(lambda light: 255 * (light < 60))).getbbox()
    room = [inner - outer for inner, outer in zip(ink, box, strict=True)]
    assert all(0 <= each <= 14 for each in (room[0], room[1], -room[2], -room[3])), (ink, box)


def test_what_is_left_out_for_one_reason_has_it_once() -> None:
    why = "the row has no days of use"
    left_out = {"billing_period_from": why, "demand": "several", "billing_period_to": why}
    found = reasons(BillReading("generic", BillStatus.UNPARSED, {}, left_out=left_out))
    assert found == [("Billing period from, billing period to", why), ("Demand", "several")]


def test_drawing_needs_no_other_extra() -> None:
    code = """import sys
from meterfarm.support.extras import EXTRAS
sys.modules |= dict.fromkeys({*EXTRAS["scrape"], *EXTRAS["farm"]} - {"PIL"})
import meterfarm.services.bill_explain"""
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_bill_of_which_too_little_is_certain_is_drawn_too(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "odd name é.pdf"
    made = AMERICAN[0]
    file.write_bytes(type(made)("x", "14~ENERGY BILL || 130~Account No: 4815162342-7\n14~kWh used", {}).pdf())
    ran = command("read", "--explain", "--out", str(tmp_path / "out"), str(file))
    assert ran.status == 3
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["odd_name_é-page-1.png"]
    assert "drawn: " in ran.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["--out", "somewhere", str(SOLAR)], 2, "add --explain, or leave --out out"),
        (["--explain", "--out", "{file}", str(SOLAR)], 1, "cannot be written to"),
        (["--explain", "--out", "{out}", "{file}"], 3, "refused"),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence(
    command: Command, tmp_path: Path, arguments: list[str], status: int, says: str
) -> None:
    (tmp_path / "file").write_bytes(b"%PDF-1.7 and no more")
    places = {"file": tmp_path / "file", "out": tmp_path / "out"}
    ran = command("read", *(each.format(**places) for each in arguments))
    assert ran.status == status
    assert says in ran.stdout + ran.stderr
    assert not (tmp_path / "out").exists()
