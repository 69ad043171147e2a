"""Bill layouts that are declarations, and how `utility layout new` drafts one from a bill."""

from __future__ import annotations

import asyncio
import json
import os
import time
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from meterfarm import utilities
from meterfarm.console.doctor.doctor_outside import examine_bill_layouts
from meterfarm.console.errors import ReaderGone
from meterfarm.console.scraping.layout_questions import answer
from meterfarm.formats.bills.checks import checks_of
from meterfarm.formats.bills.layout import BillLayout, LayoutReader, layout_of
from meterfarm.formats.bills.layout_patterns import row_values, text_of
from meterfarm.formats.bills.pdf import pdf_text
from meterfarm.formats.errors import Contradiction, FormatError
from meterfarm.records import Address, Bill, Commodity, Quantity, Unit
from meterfarm.utilities import broken_utilities, load_bill_layouts
from tests.console.command import Command
from tests.formats.bills_made import MadeBill
from tests.utilities.reading import plain

BILL = """
14~ANYTOWN MUNICIPAL POWER || 130~BILL DATE || 170~ACCOUNT NUMBER
14~100 Main Street || 130~{billed} || 170~{account}
14~JANE Q PUBLIC || 110~Service Period || 150~{first} to {last}
14~Your charges
14~Delivery of {used} kWh at 0.1 || 170~${energy}
14~Basic Charge || 170~${basic}
14~Delivery Services Total || 170~${delivery}
14~Supply Services Total || 170~${supply}
14~Electric Charges in all || 170~${electric}
14~Balance Brought Forward || 170~${before}
14~Total Amount Due by {due} || 170~${total}
14~Service Location || 100~Questions? Call us
14~77 ELM ST
14~ALBANY, NY 12205
14~Meter {meter} || 60~{previous} || 90~{current} || 120~{used} kWh || 150~Rate Residential
"""
ONE = {
    **{"billed": "Apr 15, 2024", "account": "5550-123456", "first": "Mar 14, 2024", "last": "Apr 12, 2024"},
    **{"delivery": "66.91", "supply": "51.46", "electric": "118.37", "before": "0.00", "total": "118.37"},
    **{"due": "May 9, 2024", "meter": "02233445", "previous": "34172", "current": "34712", "used": "540"},
    **{"energy": "54.00", "basic": "12.91"},
}
OTHER = {
    **{"billed": "December 2, 2024", "account": "7000-0001", "first": "Oct 31, 2024", "last": "Nov 29, 2024"},
    **{"delivery": "1,066.91", "supply": "51.46", "electric": "1,118.37", "before": "12.00"},
    **{"total": "1,130.37", "due": "December 24, 2024", "meter": "AX998877", "previous": "100.5"},
    **{"current": "1,700.75", "used": "1,600.25", "energy": "160.03", "basic": "906.88"},
}


def _pdf(*bills: dict[str, str]) -> bytes:
    return MadeBill("anytown", "\f".join(BILL.format(**values) for values in bills), {}).pdf()


ANSWERS = (
    *("5550-123456", "Apr 15, 2024", "May 9, 2024", "Mar 14, 2024", "Apr 12, 2024"),
    *("$118.37", "0.00", "118.37", "66.91", "51.46", "-", "-"),
    *("1", "Meter {id} {previous} {current} {used} {unit} Rate {tariff}", "-"),
    *("1", "Your charges", "Delivery Services Total", "1", "2", "-", "-"),
    *("Anytown", "ANYTOWN MUNICIPAL POWER"),
)
"""What a person types; “Anytown” is written otherwise on the bill."""


def _drafted(command: Command, tmp_path: Path, answers: tuple[str, ...] = ANSWERS) -> tuple[int, str, str]:
    (tmp_path / "april.pdf").write_bytes(_pdf(ONE))
    ran = command(
        *("utility", "layout", "new", str(tmp_path / "april.pdf"), "--utility", "anytown_power"),
        *("--name", "Anytown Power", "--to", str(tmp_path / "utilities")),
        stdin="\n".join(answers) + "\n",
    )
    return ran.status, ran.stdout, ran.stderr


def _read(reader: LayoutReader, pdf: bytes) -> Bill:
    return reader.read_bill(pdf_text(pdf))


def test_a_drafted_layout_reads_its_bill_and_the_next(command: Command, tmp_path: Path) -> None:
    status, shown, errors = _drafted(command, tmp_path)
    assert status == 0, errors
    assert '"account_number": "5550-123456"' in shown
    (reader,) = load_bill_layouts(tmp_path / "utilities")
    sample = tmp_path / "utilities" / "anytown_power" / "samples" / "bill_1"
    expected = json.loads((sample / "expected.json").read_text("utf-8"))
    assert plain(_read(reader, (sample / "input.pdf").read_bytes())) == expected
    assert set(json.loads((sample / "meta.json").read_text("utf-8"))) == {"source", "date", "reads", "shows"}
    bill = _read(reader, _pdf(OTHER))
    assert (bill.account_number, bill.billed_on, bill.due_on) == (
        "7000-0001",
        date(2024, 12, 2),
        date(2024, 12, 24),
    )
    assert (bill.billing_period_from, bill.billing_period_to) == (date(2024, 10, 31), date(2024, 11, 29))
    assert (bill.total_amount, bill.outstanding_balance) == (113037, 1200)
    assert (bill.electricity_amount, bill.delivery_charge, bill.supply_charge) == (111837, 106691, 5146)
    (meter,) = bill.meters
    assert (meter.id, meter.commodity, meter.tariff) == ("AX998877", Commodity.ELECTRIC, "Residential")
    assert (meter.consumption, meter.previous_read) == (Quantity(160025, 1, Unit.WH), Decimal("100.5"))
    assert bill.address == Address("77 ELM ST", "ALBANY", "NY", "12205")
    energy, basic = bill.line_items
    assert (energy.name, energy.cost, energy.volume, energy.unit, energy.rate) == (
        *("Delivery of", 16003, Decimal("1600.25"), "kWh", Decimal("0.1")),
    )
    assert (basic.name, basic.cost, basic.proved_by, energy.proved_by) == (
        *("Basic Charge", 90688, ["sum"], ["product", "sum"]),
    )
    assert [check for check in checks_of(bill) if not check.passed] == []


_ROW = "Meter {id} {previous} {current} {used} {unit} Rate {tariff}"


@pytest.mark.parametrize(
    "line",
    [
        f"Meter 1 {'1 ' * 400}",
        f"Meter 1 {'123 ' * 110}",
        f"Meter {'1' * 460}",
        "Meter 1 " + "1" * 450,
        f"Meter 1 2 3 1 kWh Rate {'x ' * 230}",
        "1 " * 240 + "Meter",
        f"Meter 1 {'1,1 ' * 20_000}",
    ],
)
def test_a_hostile_line_takes_no_time(line: str) -> None:
    """A minute and more for each of some of them, if the parts of a row were not bounded."""
    began = time.process_time()
    list(row_values(text_of([f"{line}\n" * 20]), _ROW))
    assert time.process_time() - began < 2


@pytest.mark.parametrize("row", ["{id} * * * * {used} {unit}", "{id} * * {a} * {used} {unit}"])
def test_a_pattern_with_many_stars_reaches_less_far(row: str) -> None:
    began = time.process_time()
    list(row_values(text_of(["1 " * 250]), row))
    assert time.process_time() - began < 2
    (found,) = row_values(text_of(["77 one of three words or 5 kWh"]), row)
    assert (found["id"], found["used"]) == ("77", "5")


def test_a_number_with_blanks_has_three_digits_after_each() -> None:
    (found,) = row_values(text_of(["Meter 12 34 172 1 034 712,5 540 kWh Rate A"]), _ROW)
    assert (found["previous"], found["current"], found["used"]) == ("34 172", "1 034 712,5", "540")
    (found,) = row_values(text_of(["Meter 12 34172 34712 540 kWh Rate A"]), _ROW)
    assert (found["previous"], found["current"], found["used"]) == ("34172", "34712", "540")


def test_a_balance_that_the_layout_does_not_read_is_not_zero() -> None:
    """Else the bill would not add up."""
    fields = {
        **{
            "account_number": "ACCOUNT NUMBER\n* {day} {}",
            "billed_on": "BILL DATE ACCOUNT NUMBER\n* Main Street {}",
        },
        **{"billing_period_from": "Service Period {}", "billing_period_to": "Service Period {day} to {}"},
        **{
            "total_amount": "Total Amount Due by {day} {}",
            "electricity_amount": "Electric Charges in all {}",
        },
    }
    layout = BillLayout(name="Anytown", version=1, has="ANYTOWN MUNICIPAL POWER", fields=fields)
    bill = _read(LayoutReader("anytown", layout), _pdf(OTHER))
    assert (bill.total_amount, bill.electricity_amount, bill.outstanding_balance) == (113037, 111837, None)
    assert [check for check in checks_of(bill) if not check.passed] == []


def test_what_is_not_on_the_bill_is_asked_for_again(command: Command, tmp_path: Path) -> None:
    wrong = ("-", "999999999", "anything", *ANSWERS)
    status, _, errors = _drafted(command, tmp_path, wrong)
    assert status == 0, errors
    assert [line.partition(":")[0] for line in errors.splitlines()] == [
        "Every bill needs it",
        "“999999999” does not stand on the bill",
        "“anything” is not a number",
        "“Anytown” does not stand on the bill",
    ]


def test_a_text_that_is_too_long_is_asked_for_again(command: Command, tmp_path: Path) -> None:
    status, _, errors = _drafted(command, tmp_path, (*ANSWERS[:-1], "A" * 201, ANSWERS[-1]))
    assert status == 0, errors
    assert errors.splitlines()[-1] == "It needs 3 to 200 characters: type a part of a line."


def test_a_prompt_that_nobody_reads_ends_the_dialogue(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe, monkeypatch.context() as patched:
        patched.setattr("sys.stdout", pipe)
        with pytest.raises(ReaderGone):
            asyncio.run(answer("1"))
        os.dup2(os.open(os.devnull, os.O_WRONLY), writing)


def test_samples_that_are_there_are_kept(command: Command, tmp_path: Path) -> None:
    samples = tmp_path / "utilities" / "anytown_power" / "samples"
    (samples / "bill_1").mkdir(parents=True)
    (samples / "bill_1" / "input.pdf").write_bytes(b"another bill")
    status, _, errors = _drafted(command, tmp_path)
    assert status == 0, errors
    assert (samples / "bill_1" / "input.pdf").read_bytes() == b"another bill"
    assert (samples / "bill_2" / "expected.json").is_file()


def test_a_layout_that_cannot_be_written_leaves_no_sample(command: Command, tmp_path: Path) -> None:
    folder = tmp_path / "utilities" / "anytown_power"
    folder.mkdir(parents=True)
    (folder / "bill.toml").symlink_to(tmp_path / "elsewhere")
    status, _, errors = _drafted(command, tmp_path)
    assert (status, errors.splitlines()[-1].partition(" cannot be written")[1]) == (1, " cannot be written")
    assert not list((folder / "samples").iterdir())
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("count", [0, 3, len(ANSWERS) - 1])
def test_answers_that_end_early_leave_nothing(command: Command, tmp_path: Path, count: int) -> None:
    status, _, errors = _drafted(command, tmp_path, ANSWERS[:count])
    assert status == 2
    assert "ended before all was asked; nothing was written" in errors
    assert not (tmp_path / "utilities").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["{file}", "--utility", "Acme Power"], "lowercase letters"),
        (["{file}", "--utility", "acme", "--name", "A" * 121], "1 to 120 characters"),
        (["{file}", "--utility", "speculoos_power"], "has a layout of bills"),
        (["{file}", "--utility", "suikerwafel_energy"], "has a layout of bills, stroopwafel_energy"),
        (["{lost}", "--utility", "acme"], "cannot be opened"),
        (["{text}", "--utility", "acme"], "not a PDF"),
    ],
)
def test_what_cannot_be_drafted_is_one_sentence(
    command: Command, tmp_path: Path, arguments: list[str], says: str
) -> None:
    places = {name: tmp_path / f"{name}.pdf" for name in ("file", "lost", "text")}
    places["file"].write_bytes(_pdf(ONE))
    places["text"].write_text("text")
    ran = command("utility", "layout", "new", *(each.format(**places) for each in arguments))
    assert (ran.status, len(ran.stderr.splitlines())) == (2, 1)
    assert says in ran.stderr


LAYOUT = """
name = "Anytown Power"
version = 1
has = "ANYTOWN MUNICIPAL POWER"
[fields]
account_number = "ACCOUNT NUMBER\\n* {day} {}"
billed_on = "BILL DATE ACCOUNT NUMBER\\n* {}"
billing_period_from = "Service Period {}"
billing_period_to = "Service Period * to {}"
total_amount = "Total Amount Due by {day} {}"
[[meters]]
row = "Meter {id} {previous} {current} {used} {unit} Rate {tariff}"
"""


TABLE = """
[address]
pattern = "Service Location *\\n{line_1}\\n{city}, {state} {postal_code}"
[[items]]
after = "Your charges"
before = "Delivery Services Total"
rows = ["{name} {volume} {unit} at {rate} {cost}", "{name} {cost}"]
"""


def _with_table(**changed: str) -> Bill:
    return _read(LayoutReader("anytown", layout_of(LAYOUT + TABLE)), _pdf({**ONE, **changed}))


def test_a_table_of_charges_is_held_against_its_sum_and_its_rates() -> None:
    bill = _with_table()
    assert [(item.name, item.cost, item.proved_by) for item in bill.line_items] == [
        ("Delivery of", 5400, ["product", "sum"]),
        ("Basic Charge", 1291, ["sum"]),
    ]
    assert bill.address == Address("77 ELM ST", "ALBANY", "NY", "12205")
    altered = _with_table(energy="54.20")
    assert [item.cost for item in altered.line_items] == [5420, 1291]
    failed = [check.what for check in altered.checks if not check.passed]
    assert failed == [
        "“Delivery of” of 540 kWh x 0.1 makes 54.0000; its cost is 54.20.",
        "The 2 lines make 67.11; “Delivery Services Total” is 66.91.",
    ]
    pdf = MadeBill("credit", BILL.format(**ONE).replace("$54.00", "<$54.00>"), {}).pdf()
    credit = _read(LayoutReader("anytown", layout_of(LAYOUT + TABLE)), pdf)
    assert [item.cost for item in credit.line_items] == [-5400, 1291], "angles are a minus"


def test_a_line_of_a_table_that_is_written_otherwise_is_a_failed_check() -> None:
    layout = layout_of((LAYOUT + TABLE).replace(', "{name} {cost}"]', "]"))
    bill = _read(LayoutReader("anytown", layout), _pdf(ONE))
    failed = [check.what for check in bill.checks if not check.passed]
    assert failed == [
        "“Basic Charge $12.91” below “Your charges” is not written as the rows of its table are.",
        "The line makes 54.00; “Delivery Services Total” is 66.91.",
    ]


def test_a_table_without_an_end_is_no_bill_of_the_layout_and_one_that_is_not_there_is_none() -> None:
    layout = (LAYOUT + TABLE).replace("Delivery Services Total", "Delivery in all")
    with pytest.raises(FormatError, match="below “Your charges” has no “Delivery in all” at its end"):
        _read(LayoutReader("anytown", layout_of(layout)), _pdf(ONE))
    absent = layout_of((LAYOUT + TABLE).replace('after = "Your charges"', 'after = "Gas charges"'))
    assert _read(LayoutReader("anytown", absent), _pdf(ONE)).line_items == []


def test_two_addresses_are_no_bill_of_the_layout() -> None:
    two = f"{BILL}14~Service Location || 100~Call us\n14~1 OAK AVE\n14~TROY, NY 12180\n"
    pdf = MadeBill("two", two.format(**ONE), {}).pdf()
    with pytest.raises(Contradiction, match="more than one address, “77 ELM ST” and “1 OAK AVE”"):
        _read(LayoutReader("anytown", layout_of(LAYOUT + TABLE)), pdf)


@pytest.mark.parametrize(
    "row", ["{name} {volume} {unit} at {rate} {cost}", "{name} * * {cost}", "{name} {cost}"]
)
def test_a_hostile_line_of_a_table_takes_no_time(row: str) -> None:
    began = time.process_time()
    for line in ("1 " * 250, "1" * 499, "1,1 kWh at " * 45, "x" * 499, "a 1 kWh at 1.1 " * 33):
        list(row_values(text_of([f"{line}\n" * 20]), row, "item"))
    for line in ("A " * 250, "A" * 499, "Service Location\n" + "A, NY " * 80):
        how = "Service Location *\n{line_1} * \n{city}, {state} {postal_code}"
        list(row_values(text_of([f"Service Location x\n{line}\n" * 20]), how, "address"))
    assert time.process_time() - began < 2


def test_a_layout_is_read_as_it_is_written() -> None:
    bill = _read(LayoutReader("anytown", layout_of(LAYOUT)), _pdf(ONE))
    assert (bill.total_amount, bill.billing_period_to, bill.billed_on) == (
        *(11837, date(2024, 4, 12), date(2024, 4, 15)),
    )
    assert bill.meters[0].current_read == 34712


def test_several_bills_and_those_of_others_are_not_read() -> None:
    reader = LayoutReader("anytown", layout_of(LAYOUT))
    with pytest.raises(Contradiction, match="more than one account number"):
        _read(reader, _pdf(ONE, OTHER))
    with pytest.raises(FormatError, match="shows no “ANYTOWN"):
        reader.read_bill(["Some other company\nAccount 123"])
    with pytest.raises(FormatError, match="has the unit “gal”"):
        _read(reader, MadeBill("x", BILL.replace("kWh", "gal").format(**ONE), {}).pdf())


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("version = 1", "version = ", "no TOML"),
        ("version = 1", "version = 0", "version"),
        ("version = 1", "version = 1\nnext = 2", "next"),
        ("total_amount", "totale", "no field “totale”"),
        ('total_amount = "Total Amount Due by {day} {}"', "", "lacks total_amount"),
        ("Due by {day} {}", "Due by *", "needs {} once"),
        ("Due by {day} {}", "Due * * * * * {}", "at most 4 *"),
        ("{id}", "{used}", "each name once"),
        ("{name} {cost}", "{name}", "the row of a charge needs {name} and {cost}"),
        ("{name} {cost}", "{name} {costs} {cost}", "has no part {costs}"),
        ("{line_1}", "{street}", "an address needs {line_1} and {city} and {postal_code}"),
        ('before = "Delivery Services Total"', "", "items.0.before: Field required"),
    ],
)
def test_a_file_that_is_no_layout_is_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(FormatError, match=says):
        layout_of((LAYOUT + TABLE).replace(old, new))
    (tmp_path / "anytown").mkdir()
    (tmp_path / "anytown" / "bill.toml").write_text((LAYOUT + TABLE).replace(old, new))
    assert load_bill_layouts(tmp_path) == []


def test_read_finds_a_layout_without_a_script_by_itself(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, _, errors = _drafted(command, tmp_path)
    assert status == 0, errors
    root = tmp_path / "utilities"
    assert utilities.load_utilities()
    assert utilities.directory()  # both remember what there is
    monkeypatch.setattr(utilities, "__path__", [str(root)])
    (tmp_path / "december.pdf").write_bytes(_pdf(OTHER))
    ran = command("read", "--json", str(tmp_path / "december.pdf"))
    (bill,) = json.loads(ran.stdout)["bills"]
    assert (ran.status, bill["utility"], bill["reader"], bill["total_amount"]) == (
        *(0, "anytown_power", "anytown_power", 113037),
    )
    assert {check["name"] for check in bill["checks"] if check["passed"]} >= {
        "total_amount",
        "electricity_amount",
    }


def test_a_file_that_is_no_layout_is_listed_and_its_utility_works(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "speculoos_power").mkdir()
    (tmp_path / "speculoos_power" / "bill.toml").write_text("version = 1")
    assert utilities.load_utilities()
    assert utilities.directory()  # both remember what there is
    monkeypatch.setattr(utilities, "__path__", [str(tmp_path)])
    assert not broken_utilities()
    (layout,) = examine_bill_layouts()
    assert (layout.check, layout.health, layout.detail) == (
        *("bill layout speculoos_power/bill.toml", "warning", "it is none: name: Field required"),
    )
    listed = {each["id"]: each for each in json.loads(command("utilities", "--json").stdout)}
    assert listed["speculoos_power"]["status"] != "broken"
    assert listed["speculoos_power/bill.toml"]["evidence"] == "name: Field required"


def test_every_declared_layout_reads_its_samples() -> None:
    root = Path(utilities.__path__[0])
    assert len(load_bill_layouts()) == len(list(root.glob("*/bill.toml")))
    for reader in load_bill_layouts():
        samples = sorted((root / reader.id / "samples").glob("*/input.pdf"))
        assert samples, f"{reader.id} has no sample"
        for sample in samples:
            expected = json.loads(sample.with_name("expected.json").read_text("utf-8"))
            assert plain(_read(reader, sample.read_bytes())) == expected
