"""The charges on a bill: rows with an amount, proved by their sums and by quantity times rate."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import permutations

from meterfarm.formats.bills.generic.amounts import Amount, rounded
from meterfarm.formats.bills.generic.labels import LABELS, Field, plain
from meterfarm.formats.bills.generic.sheet import BillSheet

_SAME_COLUMN = 5.0
_MOST_ROWS = 3_000
_MOST_ADDENDS = 45
_TOTAL = re.compile(
    r"\b(?:sub)?total(?:e|es)?\b|\bsummary\b|\bsumme\b|\bgesamt|\bcharges\b|\bamount due\b|"
    r"\bimponibile\b|\bbase imponible\b|"
    r"\bbalance\b|\bnew charges\b|\bsomme\b|\bimporte\b|\bspesa\b|\bquota\b|\bservices?\b|\btaxes\b"
)
_OF_BALANCE = re.compile(
    r"\bprevious\b|\bpayment|\bbalance\b|\blast bill\b|\bprior\b|\bthank you\b|\bpaid\b|"
    r"\bpay this\b|\bplease pay\b|\bpast due\b|"
    r"\bsaldo\b|\bsolde\b|\babschlag|\bakonto|\bvorauszahl|\bguthaben|\bzahlbetrag|\bnachzahlung|"
    r"\brest(?:betrag|forderung)|\bmensualite|\bpreleve|\breste a payer|\bacconti\b|\bpagament|\bpagos?\b"
)
_SUM_NAME = re.compile(
    r"^(?:current|new) charges$|^(?:sous-?|sub-?)?total(?:e|es)?\b|\bsumme\b|zwischensumme|"
    r"^gesamt|\brechnungsbetrag|\bbruttobetrag|"
    r"\bnettobetrag|\bimponibile\b|\bbase imponible\b|\bimporte total\b"
)
_TIMES = re.compile(
    r"\bx\b|@|\*|\bat\b|\bper\b|/\s?k?wh|/\s?therm|/\s?ccf|/\s?day|/\s?mes|/\s?smc|/\s?m|€/|c€|"
    r"\bkwh\b|\bccf\b|="
)
_CENTS = re.compile(r"c€|¢|\bct/|cent/|\bct\b|rp\./")


@dataclass(slots=True)
class ChargeRow:
    """A row with an amount in cents. ``proved`` says by what; ``volume`` times ``rate`` is the amount."""

    page: int
    line: int
    cell: int
    right: float
    name: str
    cents: int
    text: str
    proved: set[str] = field(default_factory=set)
    is_total: bool = False
    volume: Amount | None = None
    rate: Decimal | None = None
    parts: tuple[int, ...] = ()
    cells: tuple[tuple[float, str], ...] = ()


def charge_rows(sheet: BillSheet) -> list[ChargeRow]:
    """The rows with an amount of money, in the bill's order, with what proves them."""
    if sheet.numbers is None:
        return []
    rows = list(_rows(sheet))[:_MOST_ROWS]
    for row in rows:
        _prove_product(sheet, row)
    columns = list(_columns(rows))
    slack = 2 if sheet.currency == "CHF" else 0  # totals are rounded to 5 centimes
    for column in columns:
        _cut_names(column)
        for _ in range(3):
            _prove_sums(_outermost(column), slack)
    for page in sorted({row.page for row in rows}):
        for _ in range(2):
            _prove_sums(_outermost([row for row in rows if row.page == page]), slack)
    return rows


def _rows(sheet: BillSheet) -> Iterator[ChargeRow]:
    numbers = sheet.numbers
    if numbers is None:
        return
    for index, line in enumerate(sheet.lines):
        before: list[tuple[float, str]] = []
        for place, cell in enumerate(line.cells):
            found = numbers.money(cell.text)
            if not found:
                before.append((cell.left, cell.text))
                continue
            last = found[-1]
            lead = cell.text[: last.start].strip(" .:$€£-+=_")
            is_end = not cell.text[last.end :].strip(" .€$*)")
            following = line.cells[place + 1 : place + 2]
            if lead and not is_end and len(cell.text) > 60:
                before = []
                continue
            cells = [*before[-5:], (cell.left, lead)]
            name = " ".join(text for _, text in cells).strip()
            if following and _is_factor(following[0].text) and not is_end:
                before.append((cell.left, cell.text))
                continue
            cents = last.cents
            if before and not last.signed and re.search(r"(?:^|\s)-\s?[$€£]?$", before[-1][1]):
                cents = -cents
            if cents > 0 and LABELS[Field.SOLAR_CREDIT].search(plain(name)):
                cents = -cents
            yield ChargeRow(
                line.page,
                index,
                place,
                cell.right,
                _name(name),
                cents,
                " ".join([*(text for _, text in before[-5:]), cell.text]),
                is_total=bool(_TOTAL.search(plain(name)) or _names_total(plain(name))),
                cells=tuple(cells),
            )
            before = []


def _names_total(name: str) -> bool:
    return any(LABELS[field].search(name) for field in (Field.DUE, Field.BILL_TOTAL))


def _is_factor(text: str) -> bool:
    return text.strip()[:1] in ("x", "*", "@")


def _name(text: str) -> str:
    text = re.sub(r"[._]{3,}", " ", text)
    return re.sub(r"\s+", " ", text).strip(" .:$€£=-")[:120]


def _prove_product(sheet: BillSheet, row: ChargeRow) -> None:
    """Whether a quantity times a rate is the amount, to the cent."""
    if sheet.numbers is None or abs(row.cents) < 5 or not _TIMES.search(plain(row.text)):
        return
    numbers = sheet.numbers.amounts(row.text)
    if numbers and rounded(abs(numbers[-1].value)) == abs(row.cents):
        numbers = numbers[:-1]
    numbers = [each for each in numbers if each.value][:9]
    hundredth = bool(_CENTS.search(plain(row.text)))
    wanted = abs(row.cents)
    divisors = (100, 1) if hundredth else (1,)
    for quantity, rate in permutations(numbers, 2):
        if quantity.start > rate.start and rate.unit:
            continue
        if "." not in str(rate.value) or (
            quantity.unit == "" and "." in str(quantity.value) and len(numbers) > 3
        ):
            continue
        for divisor in divisors:
            off = abs(rounded(abs(quantity.value * rate.value) / divisor) - wanted)
            if off <= max(1 if wanted > 200 else 0, _rounding(quantity, rate, divisor, wanted)):
                row.proved.add("product")
                row.volume, row.rate = quantity, abs(rate.value) / divisor
                return
    if len(numbers) >= 3:
        for one, other, rate in permutations(numbers[:6], 3):
            if one.start > other.start or "." not in str(rate.value) or other.value > 400:
                continue
            for divisor in (1, 365, 366, 12):
                if (
                    abs(rounded(abs(one.value * other.value * rate.value) / divisor) - wanted) <= 1
                    and wanted > 50
                ):
                    row.proved.add("product")
                    row.volume, row.rate = one, abs(rate.value)
                    return


def _rounding(quantity: Amount, rate: Amount, divisor: int, wanted: int) -> int:
    """By how many cents the product may differ as the rate is printed with so many digits."""
    if not quantity.unit:
        return 0
    half = Decimal("0.5").scaleb(int(rate.value.as_tuple().exponent))
    return int(min(abs(quantity.value) * half * 100 / divisor, Decimal(wanted) / 500))


def _outermost(rows: Sequence[ChargeRow]) -> list[ChargeRow]:
    """The rows without those that are parts of a total among them."""
    parts = {line for row in rows for line in row.parts}
    return [row for row in rows if row.line not in parts]


def _columns(rows: Sequence[ChargeRow]) -> Iterator[list[ChargeRow]]:
    """Rows of a page of which the amounts end at one place."""
    groups: dict[tuple[int, int], list[ChargeRow]] = {}
    for page in sorted({row.page for row in rows}):
        edges: list[float] = []
        for row in (each for each in rows if each.page == page):
            near = next(
                (index for index, edge in enumerate(edges) if abs(edge - row.right) < _SAME_COLUMN), None
            )
            if near is None:
                edges.append(row.right)
                near = len(edges) - 1
            groups.setdefault((page, near), []).append(row)
    yield from (group for group in groups.values() if len(group) > 2)


def _cut_names(rows: Sequence[ChargeRow]) -> None:
    """Drop what stands left of where the names of a column begin: text of another column."""
    starts: dict[int, int] = {}
    for row in rows:
        named = [left for left, text in row.cells if text[:1].isalpha()]
        if named:
            start = round(named[-1] / 4)
            starts[start] = starts.get(start, 0) + 1
    if not starts:
        return
    begin = max(starts, key=lambda start: starts[start]) * 4
    for row in rows:
        kept = [text for left, text in row.cells if left > begin - 7]
        if kept and any(text for text in kept) and len(kept) < len(row.cells):
            row.name = _name(" ".join(kept)) or row.name


def _prove_sums(rows: Sequence[ChargeRow], slack: int = 0) -> None:
    """Mark rows that add up to a total after or before them; a total may be a part of a further one."""
    stack: list[int] = []
    for index, row in enumerate(rows):
        if row.is_total and row.cents:
            parts = _addends(rows, stack, row.cents, slack if row.cents % 5 == 0 else 0)
            if parts:
                _mark(rows, parts, index)
                stack = [each for each in stack if each not in parts]
        stack.append(index)
    for index, row in enumerate(rows):
        if row.cents and ("sum" not in row.proved or not row.parts):
            total, parts = 0, []
            for place in range(index + 1, min(index + 1 + _MOST_ADDENDS, len(rows))):
                total += rows[place].cents
                parts.append(place)
                if total == row.cents and sum(1 for each in parts if rows[each].cents) > 1:
                    _mark(rows, parts, index)
                    break


def _addends(rows: Sequence[ChargeRow], stack: Sequence[int], wanted: int, slack: int) -> list[int]:
    total, parts = 0, []
    for place in reversed(stack[-_MOST_ADDENDS:]):
        total += rows[place].cents
        parts.append(place)
        if abs(total - wanted) <= slack and sum(1 for each in parts if rows[each].cents) > 1:
            return parts
    return []


def _mark(rows: Sequence[ChargeRow], parts: Sequence[int], total: int) -> None:
    for place in parts:
        rows[place].proved.add("sum")
    rows[total].proved.add("total")
    rows[total].parts = tuple(rows[place].line for place in parts)
    rows[total].is_total = True


def items_of(rows: Sequence[ChargeRow]) -> list[ChargeRow]:
    """The rows that are charges by themselves, each once: not what a summary repeats of them."""
    totals = {row.cents for row in rows if "total" in row.proved and row.parts}
    items = [row for row in rows if _is_item(row)]
    detailed = {row.cents for row in items if "product" in row.proved}
    return [
        row
        for row in items
        if "product" in row.proved or not (row.cents in totals or (row.cents and row.cents in detailed))
    ]


def _is_item(row: ChargeRow) -> bool:
    """Whether a row is proved, no total, and of no balance."""
    if not row.proved & {"sum", "product"} or "total" in row.proved:
        return False
    text = plain(row.name)
    if "product" not in row.proved and _SUM_NAME.search(text):
        return False
    return bool(text) and not _OF_BALANCE.search(text) and any(map(str.isalpha, text))
