"""The `utility layout new` command: asks what each value of a bill is, and writes a layout that reads it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from meterfarm import utilities
from meterfarm.console.errors import UsageError
from meterfarm.console.scraping.layout_questions import (
    NONE,
    WIDE,
    answer,
    ask_address,
    ask_items,
    is_number_of,
)
from meterfarm.console.terminal.output import print_json, print_line, warn
from meterfarm.formats.bills.bayou import unstored_bill_json
from meterfarm.formats.bills.layout import LONGEST_NAME, LONGEST_TEXT, REQUIRED, SHORTEST_TEXT
from meterfarm.formats.errors import FormatError
from meterfarm.services.layouts.drafts import Candidate, LayoutDraft, NotOnTheBill
from meterfarm.services.layouts.files import write_draft
from meterfarm.support.errors import MachineError
from meterfarm.support.foreign_text import one_line

_ID = re.compile(r"[a-z][a-z0-9_]{0,63}")
_LARGEST = 4 * 1024 * 1024
_ASKED = {
    "account_number": "The account's number",
    "billed_on": "The day on which it was issued",
    "due_on": "The day by which it is to be paid",
    "billing_period_from": "The first day that it is of",
    "billing_period_to": "The last day that it is of",
    "total_amount": "What is to be paid in all",
    "outstanding_balance": "What was owed from before, after payments",
    "electricity_amount": "The charges for electricity in all",
    "delivery_charge": "Of those, the delivery",
    "supply_charge": "Of those, the supply",
    "gas_amount": "The charges for gas in all",
    "community_solar_bill_credit": "The credit for community solar or net metering",
}


async def new_layout(file: Path, utility_id: str, name: str | None, root: Path | None) -> int:
    """Ask, write ``<root>/<utility>/bill.toml`` with a sample, and show what it reads.

    Raises:
        UsageError: the file is no bill to read, the id is none or has a layout, or the answers end early.
        MachineError: the folder cannot be written.
    """
    if not _ID.fullmatch(utility_id):
        raise UsageError("An id has lowercase letters, digits and underscores only, such as acme_power.")
    if name is not None and not 1 <= len(name.strip()) <= LONGEST_NAME:
        raise UsageError(f"A --name has 1 to {LONGEST_NAME} characters, such as 'Acme Power'.")
    folder = (root or Path(utilities.__path__[0])) / utility_id
    if (folder / utilities.BILL_LAYOUT).exists() or (folder / "bill.py").exists():
        raise UsageError(f"{utility_id} has a layout of bills in {folder}: edit that one.")
    with suppress(utilities.UtilityUnavailable):  # without a script that works, it has none from there
        if inherited := utilities.load_utility(utility_id).bill_layout:
            raise UsageError(
                f"{utility_id} has a layout of bills, {inherited}, by its script: edit that one."
            )
    pdf = _read(file)
    try:
        draft = LayoutDraft(pdf, name.strip() if name else utility_id.replace("_", " ").title())
    except FormatError as exc:
        raise UsageError(f"{file}: {exc}") from exc
    print_line(_INTRODUCTION)
    for field in _ASKED:
        await _ask_value(draft, field)
    await _ask_meters(draft)
    await ask_address(draft)
    await ask_items(draft)
    await _ask_text(draft)
    return _written(draft, pdf, folder, file.name)


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            pdf = opened.read(_LARGEST + 1)
    except OSError as exc:
        raise UsageError(f"{file} cannot be opened: {exc.strerror or exc}.") from exc
    if len(pdf) > _LARGEST:
        raise UsageError(f"{file} is larger than 4 MiB, more than a sample has: print it anew.")
    return pdf


_INTRODUCTION = (
    "For each value: the number of a line below it, the value as it is printed,\n"
    "or - if the bill has none. An empty line takes what stands in brackets."
)


async def _ask_value(draft: LayoutDraft, field: str) -> None:
    candidates = draft.candidates(field)
    print_line(f"\n{_ASKED[field]} ({field})")
    for number, each in enumerate(candidates, start=1):
        print_line(f" {number}  {_in_line(each)}")
    proposed = bool(candidates) and draft.is_proposed(field, candidates[0])
    default = "1" if proposed else "" if field in REQUIRED else NONE
    while True:
        given = await answer(default)
        if given == NONE and field not in REQUIRED:
            return
        try:
            draft.fields[field] = _chosen(draft, field, given, candidates).pattern
        except NotOnTheBill as exc:
            warn(str(exc), by="")
            continue
        return


def _chosen(draft: LayoutDraft, field: str, given: str, candidates: Sequence[Candidate]) -> Candidate:
    if given in ("", NONE):
        raise NotOnTheBill("Every bill needs it: name its line, or type it as it is printed.")
    if is_number_of(given, candidates):
        return candidates[int(given) - 1]
    return draft.entered(field, given)


def _in_line(candidate: Candidate) -> str:
    """The value, and the text that leads to it."""
    lead = candidate.pattern.partition("{}")[0].replace("\n", " / ").strip()
    return f"{one_line(candidate.printed, 24):<24}  {one_line(lead, WIDE - 32)}"


async def _ask_meters(draft: LayoutDraft) -> None:
    lines = draft.rows.meter_lines()
    print_line("\nThe row of a meter, one after the other")
    for number, line in enumerate(lines, start=1):
        print_line(f" {number}  {one_line(line, WIDE - 4)}")
    print_line(
        "Then its pattern: {id}, {used} and where they are {from}, {to}, {previous},\n"
        "{current}, {unit}, {tariff}; * for what else differs."
    )
    asked = 0
    while True:
        given = await answer(NONE if asked or not lines else "1")
        if given == NONE:
            return
        if not is_number_of(given, lines):
            warn("Name the number of one of these lines, or -.", by="")
            continue
        asked += 1
        proposed = draft.rows.proposed_row(lines[int(given) - 1])
        print_line(f" {proposed}")
        row = await answer(proposed)
        try:
            count = draft.add_meter(row)
        except NotOnTheBill as exc:
            warn(str(exc), by="")
            continue
        print_line(f" {count} row{'s' if count > 1 else ''} found. Another one, or -.")


async def _ask_text(draft: LayoutDraft) -> None:
    print_line("\nA text that all bills of this utility have and no others, such as its name")
    while True:
        given = await answer(draft.proposed_text)
        if not SHORTEST_TEXT <= len(given) <= LONGEST_TEXT:
            warn(f"It needs {SHORTEST_TEXT} to {LONGEST_TEXT} characters: type a part of a line.", by="")
            continue
        if given in draft.text:
            draft.has = given
            return
        warn(f"“{one_line(given, 60)}” does not stand on the bill: type a part of a line of it.", by="")


def _written(draft: LayoutDraft, pdf: bytes, folder: Path, source: str) -> int:
    try:
        bill = draft.bill()
        shown = unstored_bill_json(bill, folder.name)
        written = write_draft(draft, pdf, folder, source, datetime.now(UTC).date())
    except FormatError as exc:
        raise UsageError(f"The layout does not read the bill: {exc}. Nothing was written.") from exc
    except OSError as exc:
        raise MachineError(
            f"{folder} cannot be written ({exc.strerror}): make it writable, or name --to."
        ) from exc
    print_line("\nIt reads the bill as:")
    print_json(shown)
    for path in written:
        print_line(f"written: {path}")
    print_line("Look whether that is right. If it is a customer's bill, make a sample up instead.")
    return 0
