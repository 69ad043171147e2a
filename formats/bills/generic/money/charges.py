"""The charges on a bill: rows with an amount, proved by their sums and by quantity times rate."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import permutations

from meterfarm.formats.bills.generic.amounts import CENTS, UNIT, Amount, Money, rounded
from meterfarm.formats.bills.generic.labels import LABELS, Field, plain
from meterfarm.formats.bills.generic.sheet import BillSheet

_SAME_COLUMN = 5.0
_SAME_LEFT = 4.0
_INDENT = 20.0
_NEXT_LINE = 18.0
_MOST_ROWS = 3_000
_MOST_ADDENDS = 45
_TOTAL = re.compile(
    r"\b(?:sub)?total(?:e|es)?\b|\bsummary\b|\bsumme\b|\bgesamt|\bcharges\b|\bamount due\b|"
    r"\bimponibile\b|\bbase imponible\b|"
    r"\bbalance\b|\bnew charges\b|\bsomme\b|\bimporte\b|\bspesa\b|\bquota\b|\bservices?\b|\btaxes\b"
)
_TIMES = re.compile(
    r"\bx\b|@|\*|\bat\b|\bper\b|/\s?k?wh|/\s?therm|/\s?ccf|/\s?day|/\s?mes|/\s?smc|/\s?m|€/|c€|"
    r"\bkwh\b|\bccf\b|="
)
_CENTS = re.compile(rf"c€|¢|\bct/|cents?\b|\bcts?\b|rp\./|\d\s?(?:{CENTS})")


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
        beside = ""
        last_amount = max(
            (place for place, cell in enumerate(line.cells) if numbers.money(cell.text)), default=-1
        )
        for place, cell in enumerate(line.cells):
            found = [
                each
                for each in numbers.money(cell.text)
                if not _PER.match(cell.text[each.end :])
                and not (place < last_amount and _is_quantity(cell.text, each))
            ]
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
            over = "" if lead else _heading(sheet, index, cell.left, must_end=":")
            if over:
                cells, name = [(cell.left, over)], over
            elif beside and not says(name):
                name = f"{beside} {name}" if any(map(str.isalpha, name)) else name
            elif (
                UNIT.search(name) and not says(name) and (over := _heading(sheet, index, line.cells[0].left))
            ):
                cells, name = [(cells[0][0], over), *cells], f"{over} {name}"
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
            beside = name or beside


def _is_quantity(text: str, money: Money) -> bool:
    """Whether an amount that another follows has a unit of use behind it, or is multiplied with."""
    return bool(UNIT.match(text[money.end :].lstrip().lower()) or _TIMES_BEFORE.search(text[: money.start]))


_TIMES_BEFORE = re.compile(
    r"(?:\d|\b[a-zA-Z]+)\s?(?:@|[x*\u00d7]|\bat|\bat a rate of|\bà)\s?$", re.IGNORECASE
)
_PER = re.compile(r"\s?(?:€|eur|euro|[$£])?\s?(?:/\s?[a-z]|[x*]\s?[\d.,$€£])", re.IGNORECASE)
"""What follows a price or a factor, which are no amounts."""
_WORD = re.compile(r"[^\W\d_]{3,}")
_NO_NAME = frozenset(
    {"kwh", "kvar", "kvarh", "kva", "mwh", "smc", "therms", "therm", "ccf", "hcf", "gal", "kgal"}
    | {"per", "each", "from", "and", "the", "bis", "von", "dal", "euro", "eur", "chf", "usd"}
    | {"days", "day", "dias", "giorni", "jours", "tage", "mese", "mesi", "mes"}
)
_LONGEST_HEADING = 60


def says(name: str) -> bool:
    """Whether a name has a word that is no unit."""
    return any(word not in _NO_NAME for word in _WORD.findall(plain(name)))


def _heading(sheet: BillSheet, index: int, left: float, must_end: str = "") -> str:
    """The text just above a place on a line that names what stands there, "" if none does."""
    line = sheet.lines[index - 1] if index else None
    if line is None or line.page != sheet.lines[index].page or sheet.numbers is None:
        return ""
    if line.middle - sheet.lines[index].middle > _NEXT_LINE or (not must_end and len(line.cells) > 1):
        return ""
    for cell in line.cells:
        text = cell.text.strip()
        if (
            -_SAME_LEFT < left - cell.left < (_SAME_LEFT if must_end else _INDENT)
            and text.endswith(must_end)
            and says(text)
        ):
            named = len(text) <= _LONGEST_HEADING and not sheet.numbers.money(text)
            return text.rstrip(":") if named and not re.search(r"\d{3}", text) else ""
    return ""


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
    text = row.text
    numbers = sheet.numbers.amounts(text)
    if numbers and rounded(abs(numbers[-1].value)) == abs(row.cents):
        numbers = numbers[:-1]
    numbers = [each for each in numbers if each.value][:9]
    hundredth = bool(_CENTS.search(plain(row.text)))
    wanted = abs(row.cents)
    divisors = (100, 1) if hundredth else (1,)
    prices = {each.start for each in numbers if _is_price(text, each)}
    for quantity, rate in permutations(numbers, 2):
        in_unit = rate.unit and rate.start not in prices
        if quantity.start in prices or (in_unit and (quantity.start > rate.start or not quantity.unit)):
            continue
        if not quantity.unit and not prices and abs(quantity.value) < 1 <= abs(rate.value):
            continue
        if "." not in str(rate.value) or (
            quantity.unit == "" and "." in str(quantity.value) and len(numbers) > 3
        ):
            continue
        for divisor in divisors:
            off = abs(rounded(abs(quantity.value * rate.value) / divisor) - wanted)
            if off <= max(1 if wanted > 200 else 0, _rounding(quantity, rate, divisor, wanted)):
                row.proved.add("product")
                sign = -1 if row.cents < 0 and _is_negative(text, rate) else 1
                row.volume, row.rate = quantity, sign * abs(rate.value) / divisor
                return
    if len(numbers) >= 3:
        for one, other, rate in permutations(numbers[:6], 3):
            if one.start > other.start or "." not in str(rate.value) or other.value > 400:
                continue
            if {one.start, other.start} & prices or 1 in (one.value, other.value):
                continue
            for divisor in (1, 365, 366, 12):
                if (
                    abs(rounded(abs(one.value * other.value * rate.value) / divisor) - wanted) <= 1
                    and wanted > 50
                ):
                    row.proved.add("product")
                    volume = one if one.unit or not other.unit else other
                    if volume.unit:
                        row.volume, row.rate = volume, abs(rate.value)
                    return


_BEFORE_PRICE = re.compile(r"(?:€|\beuro?|[$£])\s?/\s?[^\s\d]+\s*$", re.IGNORECASE)
_AFTER_PRICE = re.compile(
    r"\s?(?:c?€|euro?|[$£¢]|cts?|cents?|rp\.?|[pc])?\s?(?:/|\bper\b)\s?[a-z]", re.IGNORECASE
)


def _is_price(text: str, number: Amount) -> bool:
    """Whether a number is a price by the money per unit before or after it."""
    after = "" if number.unit else text[number.end :]
    return bool(_BEFORE_PRICE.search(text[: number.start]) or _AFTER_PRICE.match(after))


def _is_negative(text: str, number: Amount) -> bool:
    after = text[number.end : number.end + 2]
    return number.value < 0 or (after[:1] == "-" and not after[1:].strip().isalnum())


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
        name = _name(" ".join(kept))
        if len(kept) < len(row.cells) and (says(name) or (name and not says(row.name))):
            row.name = name


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
