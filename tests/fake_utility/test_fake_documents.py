"""What the portal hands out: bills as PDFs, exports as Green Button XML, CSV and ZIP."""

import csv
import io
import re
import zipfile
from datetime import date, datetime, timedelta
from itertools import pairwise

import pypdfium2
import pytest
from lxml import etree

from meterfarm.fake_utility.kit.accounts import Account, Meter
from meterfarm.fake_utility.kit.billing import bills
from meterfarm.fake_utility.kit.calendar import ZONE, days, long_date
from meterfarm.fake_utility.kit.money import dollars, quantity
from meterfarm.fake_utility.kit.readings import day_of_readings
from meterfarm.fake_utility.speculoos_power.bill_pdf import placeholder_pdf, render_bill
from meterfarm.fake_utility.speculoos_power.customers import CUSTOMERS
from meterfarm.fake_utility.speculoos_power.exports import BadExport, parse_export

TODAY = date(2026, 11, 21)
TOMORROW = TODAY + timedelta(days=1)
VALID = CUSTOMERS["iamvalid@bayou.energy"].accounts[0]
SOLAR = CUSTOMERS["solar@speculoos.example"].accounts[0]
COMMUNITY = CUSTOMERS["multi-account@bayou.energy"].accounts[1]
ESPI = "{http://naesb.org/espi}"
ATOM = "{http://www.w3.org/2005/Atom}"


def text_of(pdf: bytes) -> list[list[str]]:
    """The lines of each page."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        return [page.get_textpage().get_text_range().splitlines() for page in document]
    finally:
        document.close()


def cents(text: str) -> int:
    return int(re.sub(r"[$,.]", "", text))


def amounts(lines: list[str], label: str) -> list[int]:
    """The amounts at the end of the lines that begin with a label."""
    return [cents(line.rpartition(" ")[2]) for line in lines if line.startswith(label)]


@pytest.mark.parametrize(("account", "place"), [(VALID, 0), (SOLAR, 4), (COMMUNITY, 9)])
def test_what_a_bill_prints_adds_up(account: Account, place: int) -> None:
    bill = bills(account, TODAY)[place]
    first, second = text_of(render_bill(bill))
    for line in (
        f"Account number {bill.account.number}",
        f"Statement date {long_date(bill.billed_on)}",
        f"Billing period {long_date(bill.period.start)} to {long_date(bill.period.to)}",
        f"Amount due by {long_date(bill.due_on)}",
        f"Service address {bill.account.address}",
        f"Total amount due {dollars(bill.total_cents)}",
    ):
        assert line in first
    (electric,), (gas,) = amounts(second, "Total electric charges"), amounts(second, "Total gas charges")
    assert (
        electric
        == amounts(second, "Total electric delivery")[0] + amounts(second, "Total electric supply")[0]
    )
    assert gas == amounts(second, "Total gas delivery")[0] + amounts(second, "Total gas supply")[0]
    credit = sum(amounts(second, "Solar credit") + amounts(second, "Community solar credit"))
    (previous,) = amounts(first, "Previous balance")
    assert electric + gas + credit + previous == bill.total_cents
    assert amounts(first, "Last bill")[0] + amounts(first, "Payments received")[0] == previous
    assert (credit < 0) == (bill.account is not VALID)


def test_a_bill_prints_a_row_for_each_meter() -> None:
    bill = bills(SOLAR, TODAY)[4]
    lines = text_of(render_bill(bill))[1]
    for row in (row for row in bill.reads if row.direction == "delivered"):
        unit = "therms" if row.meter.commodity == "gas" else "kWh"
        period = f"{bill.period.start:%m/%d/%Y} {bill.period.to:%m/%d/%Y}"
        reads = f"{quantity(row.previous)} {quantity(row.current)} {quantity(row.usage)} {unit}"
        assert f"{row.meter.id} {row.meter.service_number} {row.meter.tariff} {period} {reads}" in lines
    (exported,) = [line for line in lines if line.startswith("Exported energy")]
    assert exported.endswith(f"{quantity(bill.usage('electric', 'received'))} kWh")


def test_a_bill_printed_twice_is_the_same_file() -> None:
    bill = bills(VALID, TODAY)[2]
    first = render_bill(bill)
    assert render_bill(bill) == first
    assert first != render_bill(bills(VALID, TODAY)[3])


def test_the_placeholder_is_one_page_and_no_bill() -> None:
    (lines,) = text_of(placeholder_pdf())
    assert "This bill is currently unavailable" in lines
    assert not any("Account number" in line for line in lines)


def export(
    account: Account, meter: Meter, start: date, to: date, kind: str = "xml", today: date = TOMORROW
) -> bytes:
    fields = {"meter": meter.id, "from": str(start), "to": str(to), "format": kind}
    return parse_export(account, fields, today).content()


def series(xml: bytes) -> list[tuple[int, list[tuple[int, int, int, bool]]]]:
    """The flow direction of each series, and its readings: start, seconds, value, estimated."""
    found: list[tuple[int, list[tuple[int, int, int, bool]]]] = []
    for element in etree.fromstring(xml).iter(f"{ESPI}ReadingType", f"{ESPI}IntervalReading"):
        if element.tag == f"{ESPI}ReadingType":
            found.append((int(element.findtext(f"{ESPI}flowDirection", "")), []))
            continue
        period = element.find(f"{ESPI}timePeriod")
        assert period is not None
        start, seconds = (int(period.findtext(f"{ESPI}{name}", "")) for name in ("start", "duration"))
        estimated = element.findtext(f"{ESPI}ReadingQuality/{ESPI}quality") == "8"
        found[-1][1].append((start, seconds, int(element.findtext(f"{ESPI}value", "")), estimated))
    return found


@pytest.mark.parametrize(
    ("place", "kind", "unit", "power", "step"), [(0, "0", "72", "0", 900), (1, "1", "169", "-3", 3600)]
)
def test_green_button_holds_every_reading_once(
    place: int, kind: str, unit: str, power: str, step: int
) -> None:
    meter, start, to = VALID.meters[place], date(2025, 10, 20), date(2026, 11, 20)
    xml = export(VALID, meter, start, to)
    tree = etree.fromstring(xml)
    assert tree.findtext(f".//{ESPI}ServiceCategory/{ESPI}kind") == kind
    assert [tree.findtext(f".//{ESPI}{name}") for name in ("uom", "powerOfTenMultiplier")] == [unit, power]
    assert meter.id in [title.text for title in tree.iter(f"{ATOM}title")]
    ((flow, readings),) = series(xml)
    assert flow == 1
    assert all(this[0] + this[1] == then[0] for this, then in pairwise(readings))
    assert {seconds for _, seconds, _, _ in readings} == {step}
    assert datetime.fromtimestamp(readings[0][0], ZONE) == datetime(2025, 10, 20, tzinfo=ZONE)
    assert readings[-1][0] + step == int(datetime(2026, 11, 21, tzinfo=ZONE).timestamp())
    expected = [day_of_readings(meter, "delivered", day) for day in days(start, to)]
    assert [value for _, _, value, _ in readings] == [value for day in expected for value in day.values]
    assert sum(estimated for *_, estimated in readings) == sum(len(day.estimated) for day in expected) > 0


def test_a_solar_meter_exports_both_directions_in_one_file() -> None:
    meter, day = SOLAR.meters[0], date(2026, 6, 1)
    delivered, received = series(export(SOLAR, meter, day, day + timedelta(days=2)))
    assert (delivered[0], received[0]) == (1, 19)
    assert len(delivered[1]) == len(received[1]) == 3 * 96
    assert sum(value for _, _, value, _ in received[1]) > 0


def test_csv_shows_local_time_and_the_doubled_hour_twice() -> None:
    meter, day = VALID.meters[0], date(2026, 11, 1)
    rows = list(csv.reader(io.StringIO(export(VALID, meter, day, day, "csv").decode())))
    assert rows[:4] == [
        ["Name", VALID.name],
        ["Address", str(VALID.address)],
        ["Account Number", VALID.number],
        ["Meter", meter.id],
    ]
    assert rows[5] == ["TYPE", "DATE", "START TIME", "END TIME", "USAGE", "UNITS", "NOTES"]
    readings = rows[6:]
    assert len(readings) == 100
    assert readings[0][:4] == ["Electric usage", "2026-11-01", "00:00", "00:14"]
    assert [row[2] for row in readings[4:12]] == ["01:00", "01:15", "01:30", "01:45"] * 2
    assert [row[4] for row in readings] == [
        quantity(n) for n in day_of_readings(meter, "delivered", day).values
    ]


def test_csv_skips_the_hour_that_spring_skips_and_marks_estimates() -> None:
    gas = VALID.meters[1]
    rows = export(VALID, gas, date(2026, 3, 8), date(2026, 3, 8), "csv").decode().splitlines()[6:]
    assert [row.split(",")[2] for row in rows[:3]] == ["00:00", "01:00", "03:00"]
    whole = export(VALID, gas, date(2025, 11, 1), TODAY - timedelta(days=1), "csv").decode()
    assert ",therms,Estimated\r\n" in whole
    assert "Natural gas usage,2026-11-20,23:00,23:59," in whole


def test_zip_holds_the_same_xml() -> None:
    meter, start, to = VALID.meters[1], date(2026, 1, 1), date(2026, 1, 31)
    with zipfile.ZipFile(io.BytesIO(export(VALID, meter, start, to, "zip"))) as archive:
        (name,) = archive.namelist()
        assert name == f"SpeculoosPower_{meter.id}_2026-01-01_2026-01-31.xml"
        assert archive.read(name) == export(VALID, meter, start, to)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"meter": "E0000000"}, "Choose one of the meters"),
        ({"from": "2026-02-30"}, "The first day is not a date"),
        ({"to": "yesterday"}, "The last day is not a date"),
        ({"to": "2025-12-31"}, "must not be later"),
        ({"from": "2025-10-19", "to": "2026-11-20"}, "up to 13 months"),
        ({"to": "2026-11-21"}, "available from 2024-10-01 to 2026-11-20"),
        ({"from": "2024-09-30", "to": "2024-10-02"}, "available from 2024-10-01"),
        ({"format": "pdf"}, "Choose one of the formats"),
    ],
)
def test_an_export_that_cannot_be_is_refused_with_its_reason(changed: dict[str, str], says: str) -> None:
    fields = {
        "meter": VALID.meters[0].id,
        "from": "2026-01-01",
        "to": "2026-01-02",
        "format": "xml",
    } | changed
    with pytest.raises(BadExport, match=says):
        parse_export(VALID, fields, TODAY)
