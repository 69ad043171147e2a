"""Where: the address that is served, and the one that the bill is sent to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from meterfarm.formats.bills.generic.dates import dates_in
from meterfarm.formats.bills.generic.found import Settled
from meterfarm.formats.bills.generic.labels import Field, plain
from meterfarm.formats.bills.generic.sheet import BillSheet, Label
from meterfarm.records import Address

_STATES = {
    "0": "CT MA ME NH NJ NY PR RI VT VI",
    "1": "DE NY PA",
    "2": "DC MD NC SC VA WV",
    "3": "AL FL GA MS TN",
    "4": "IN KY MI OH",
    "5": "IA MN MT ND SD WI",
    "6": "IL KS MO NE",
    "7": "AR LA OK TX",
    "8": "AZ CO ID NM NV UT WY",
    "9": "AK AS CA GU HI MP OR WA",
}
_US = re.compile(
    r"^(?P<city>[A-Za-z][A-Za-z .'-]{1,40}?),? +(?P<state>[A-Z]{2})\.?,? +(?P<zip>\d{5}(?:-\d{4})?)$"
)
_US_LINE = re.compile(
    r"^(?P<line>\d[\w .#'/-]+?),? +(?P<city>[A-Z][A-Za-z .'-]+),? +(?P<state>[A-Z]{2}) +"
    r"(?P<zip>\d{5}(?:-\d{4})?)$"
)
_CANADA = re.compile(
    r"^(?P<city>[A-Za-z][A-Za-z .'-]{1,40}?),? +(?P<state>AB|BC|MB|NB|NL|NS|NT|NU|ON|PE|QC|SK|YT),? +"
    r"(?P<zip>[A-Z]\d[A-Z] ?\d[A-Z]\d)$"
)
_EUROPE = re.compile(
    r"^(?P<zip>\d{5}) +(?P<city>[A-ZÀ-Ý][\w .'À-ÿ-]{1,40}?)(?: -? ?\(?(?P<state>[A-Z]{2})\)?)?$"
)
_EUROPE_LINE = re.compile(
    r"^(?P<line>[A-ZÀ-Ý][\w .,'À-ÿ/-]{3,60}?),?(?: -)? +(?P<zip>\d{5}) +(?P<city>[A-ZÀ-Ý][\w .'À-ÿ-]{1,40}?)"
    r"(?: -? ?\(?(?P<state>[A-Z]{2})\)?)?$"
)
_COUNTRIES = {"it": "IT", "es": "ES", "fr": "FR", "de": "DE"}
_CERTAIN = re.compile(
    r"\bbill(?:ed)? to\b|\bbilling address|\bfacturacion|\bfacturation|\brechnungs|\brecapito|\bspedizione"
)
"""Labels of the customer's address alone."""
_TO_CUSTOMER = re.compile(r"\bbill(?:ed)? to\b")
"""Of those the ones that a utility does not write above its own."""
_UTILITY_NAME = re.compile(
    r"electri|\bpower\b|\blight\b|\benerg|\bgas\b|\bwater\b|\butilit|\bhydro\b|\bedison\b|stadtwerke|"
    r"\bbilling\b|\bpayment|\baccounts? (?:receivable|department)|\bcity of\b|\btown of\b"
)
_LETTERHEAD, _SHORTEST_NAME = 2, 6
"""Lines at the head of a bill, and letters."""
_SERVED = re.compile(r"\bserv|\bpremise|\blocation|\bsite\b|\bsuministro|\bfornitura|\bconsommation|stelle\b")
_OF_UTILITY = re.compile(
    r"\bremit|\bpay(?:ment|able|ing)?\b|\bcheck|\bquestion|\bcontact|\bcorrespond|\binquir|\boffice|"
    r"\bwrite\b|\bcustomer (?:service|care)|\bour\b|\bcomplain|\bdispute|\breclam"
)


def settle_address(sheet: BillSheet, settled: Settled) -> None:
    """The address that is served, where all of it is there and its parts fit together."""
    found: set[Address] = set()
    seen = False
    for label in sheet.labels_of(Field.SERVICE_ADDRESS):
        if label.start > 10:
            continue
        seen = True
        address = _address(_column(sheet, label), sheet)
        if address is not None:
            found.add(address)
    if len(found) == 1:
        settled.keep("address", found.pop(), "its postal code fits its town's state")
    elif found:
        settled.leave("address", "the bill shows several addresses")
    elif seen:
        settled.leave("address", "it is not there as a whole")


def _column(sheet: BillSheet, label: Label) -> list[str]:
    """The texts of an address: beside or below its label, and below the first of them."""
    regions = list(sheet.regions(label))
    if not regions:
        return []
    label_cell = sheet.lines[label.line].cells[label.cell]
    first = regions[0]
    if first.how == "right" and first.distance > 40:
        under = [
            each
            for each in regions
            if each.how == "below"
            and each.distance < 2.2 * (label_cell.top - label_cell.bottom)
            and abs(sheet.lines[each.line].cells[each.cell].left - label_cell.left) < 8
        ]
        first = under[0] if under else first
    texts = [first.text.strip(" :")]
    cell = sheet.lines[first.line].cells[first.cell]
    left = cell.left
    if first.how == "same":
        label_words = len(sheet.lines[first.line].cells[first.cell].text[: label.end].split())
        words = cell.words[label_words:] or cell.words
        left = words[0].left
    height = cell.top - cell.bottom
    at = sheet.lines[first.line]
    for index in range(first.line + 1, min(first.line + 6, len(sheet.lines))):
        line = sheet.lines[index]
        if line.page != at.page or at.middle - line.middle > 4.5 * height or len(texts) > 3:
            break
        below = [
            (place, other)
            for place, other in enumerate(line.cells)
            if abs(other.left - left) < 6 or (first.how == "same" and abs(other.left - cell.left) < 6)
        ]
        if below and not sheet.labels_in(index, below[0][0]):
            texts.append(below[0][1].text.strip(" :"))
    return texts


def _address(texts: Sequence[str], sheet: BillSheet) -> Address | None:
    for text in texts[:2]:
        match = _US_LINE.match(text) if sheet.currency == "USD" else None
        if match and _is_state(match["state"], match["zip"]):
            return None  # nothing shows where the street ends and the town begins
        match = _EUROPE_LINE.match(text) if sheet.language in _COUNTRIES else None
        if match:
            return Address(
                match["line"].strip(" ,-"),
                match["city"].strip(" -"),
                match["state"] or "",
                match["zip"],
                country=_COUNTRIES[sheet.language],
            )
    for index, text in enumerate(texts[1:4], 1):
        before = texts[index - 1]
        line_1, line_2 = before, ""
        if index > 1 and _is_street(sheet, texts[index - 2]) and _is_street(sheet, before):
            line_1, line_2 = _lines_of(texts[index - 2], before)
            if not line_1:
                continue
        us, canada = _US.match(text), _CANADA.match(text)
        if us and _is_state(us["state"], us["zip"]) and _is_street(sheet, texts[index - 1]):
            return Address(line_1, us["city"], us["state"], us["zip"], line_2)
        if canada and _is_street(sheet, texts[index - 1]):
            return Address(line_1, canada["city"], canada["state"], canada["zip"], line_2, "CA")
        europe = _EUROPE.match(text) if sheet.language in _COUNTRIES else None
        if europe and _is_street(sheet, texts[index - 1]):
            country = _COUNTRIES[sheet.language]
            city, state = europe["city"].strip(" -"), europe["state"] or ""
            return Address(line_1.strip(" ,"), city, state, europe["zip"], line_2, country)
    return None


_UNIT = re.compile(
    r"^(?:#|(?:apt|apartment|suite|ste|unit|floor|fl|room|rm|bldg|building|lot|space|spc|trlr|appt|bat|esc|"
    r"piso|scala|int|interno|whg|wohnung)\b|\d+(?:st|nd|rd|th|\.|°)? ?(?:fl|floor|og|etage|stock|piso)\b)"
)
_HOUSE = re.compile(r"^(?:\d+[a-z]? |p\.? ?o\.? box\b)")


def _lines_of(above: str, below: str) -> tuple[str, str]:
    """Of two lines with figures the street and what is within it; the upper may be a name: "" if unsure."""
    one, two = _HOUSE.match(plain(above)), _HOUSE.match(plain(below))
    if _UNIT.match(plain(below)) or (one and not two):
        return above, below
    return (below, "") if two and not one else ("", "")


def _is_street(sheet: BillSheet, text: str) -> bool:
    """Whether it can be a street with a number: no date, no amount, no label."""
    if not re.search(r"\d", text) or not re.search(r"[A-Za-z]{2}", text) or len(text) > 60:
        return False
    return not dates_in(plain(text)) and not (sheet.numbers and sheet.numbers.money(text)) and ":" not in text


def _is_state(state: str, postal_code: str) -> bool:
    return state in _STATES[postal_code[0]].split()


def settle_mailing_address(sheet: BillSheet, settled: Settled) -> None:
    """The address that the bill is sent to: by a label of it, or below the customer's name.

    The utility's own, for payments and letters, has such labels too: one that has not the customer's name
    above it counts only where the label leaves no doubt.
    """
    names = _customers(sheet)
    labelled, doubtful = set(), False
    for label in sheet.labels_of(Field.MAILING_ADDRESS):
        if label.start > 10 or _OF_UTILITY.search(_around_label(sheet, label)):
            continue
        texts = _column(sheet, label)
        address = _address(texts, sheet)
        if address is None:
            continue
        certain = _CERTAIN.search(label.text) and not _may_be_utilitys(sheet, label, texts, address)
        if certain or _has_name(texts, names) or address == settled.values.get("address"):
            labelled.add(address)
        else:
            doubtful = True
    places = list(_below_names(sheet, names))
    served = settled.values.get("address")
    below_name = {each for each in places if each != served or each in labelled or places.count(each) > 1}
    found = labelled | below_name
    if len(found) == 1:
        proofs = ["its label names no other"] if labelled else []
        proofs += ["the customer's name stands above it"] if below_name else []
        settled.keep("mailing_address", found.pop(), *proofs)
    elif found:
        settled.leave("mailing_address", "the bill shows several addresses of the customer")
    elif doubtful or places:
        why = "it may be the utility's own" if doubtful else "it may be that of the place served"
        settled.leave("mailing_address", why)


def _may_be_utilitys(sheet: BillSheet, label: Label, texts: Sequence[str], address: Address) -> bool:
    """Whether what stands above an address is no customer's: nothing, or a utility's name."""
    if _TO_CUSTOMER.search(label.text):
        return False
    name = plain(texts[0])
    if texts[0].strip(" ,") == address.line_1 or _UTILITY_NAME.search(name):
        return True
    return any(
        len(text) >= _SHORTEST_NAME and text in name for cells in sheet.plains[:_LETTERHEAD] for text in cells
    )


def _around_label(sheet: BillSheet, label: Label) -> str:
    """What stands in a label's cell and in those above it on the two lines before."""
    own = sheet.lines[label.line].cells[label.cell]
    texts = [sheet.plains[label.line][label.cell]]
    for index in range(max(0, label.line - 2), label.line):
        for place, cell in enumerate(sheet.lines[index].cells):
            if cell.left < own.right and cell.right > own.left:
                texts.append(sheet.plains[index][place])
    return " ".join(texts)


def _customers(sheet: BillSheet) -> frozenset[str]:
    """The customer's names, by their labels and as what stands first below that of the place served."""
    found = set()
    for label in sheet.labels_of(Field.CUSTOMER_NAME):
        if label.start > 10:
            continue
        region = next(sheet.regions(label), None)
        if region is not None and (name := _as_name(region.text)):
            found.add(name)
    for label in sheet.labels_of(Field.SERVICE_ADDRESS):
        texts = _column(sheet, label)
        if len(texts) > 2 and (name := _as_name(texts[0])):
            found.add(name)
    return frozenset(found)


def _as_name(text: str) -> str:
    """A name as it is compared, "" if it is none: two words and no figure."""
    words = plain(text).replace(",", " ").strip(" :.").split()
    is_name = 2 <= len(words) <= 6 and not any(map(str.isdigit, text)) and ":" not in text.strip(" :")
    return " ".join(sorted(words)) if is_name else ""


def _has_name(texts: Sequence[str], names: frozenset[str]) -> bool:
    return any(_as_name(text) in names for text in texts[:2])


def _below_names(sheet: BillSheet, names: frozenset[str]) -> Iterator[Address]:
    """The addresses below a customer's name that no label is beside: of the window of an envelope."""
    served = {at for label in sheet.labels_of(Field.SERVICE_ADDRESS) for at in _cells(sheet, label)}
    for index, line in enumerate(sheet.lines if names else ()):
        for place, cell in enumerate(line.cells):
            if _as_name(cell.text) not in names or _is_served(sheet, index, place):
                continue
            block = [(index, place), *_cells_below(sheet, index, place)]
            if served.intersection(block):
                continue
            texts = [sheet.lines[at].cells[of].text.strip(" :") for at, of in block]
            if (address := _address(texts, sheet)) is not None:
                yield address


def _is_served(sheet: BillSheet, index: int, place: int) -> bool:
    """Whether what stands above a cell, or before it on its line, speaks of the place served."""
    line = sheet.lines[index]
    cell = line.cells[place]
    near = sheet.plains[index][place - 1 : place] if place else []
    for above in range(max(0, index - 2), index):
        other = sheet.lines[above]
        if other.page == line.page and other.middle - line.middle < 3.5 * (cell.top - cell.bottom):
            near += [
                sheet.plains[above][at]
                for at, each in enumerate(other.cells)
                if each.left < cell.right and each.right > cell.left
            ]
    return any(_SERVED.search(text) for text in near)


def _cells(sheet: BillSheet, label: Label) -> Iterator[tuple[int, int]]:
    """The cells in which the address of a label may stand."""
    for region in sheet.regions(label):
        yield region.line, region.cell
        yield from _cells_below(sheet, region.line, region.cell)
        return


def _cells_below(sheet: BillSheet, index: int, place: int) -> list[tuple[int, int]]:
    """The cells that begin where this one does on the next lines, without a gap."""
    first = sheet.lines[index]
    cell = first.cells[place]
    height = cell.top - cell.bottom
    found: list[tuple[int, int]] = []
    at = first.middle
    for below in range(index + 1, min(index + 5, len(sheet.lines))):
        line = sheet.lines[below]
        if line.page != first.page or at - line.middle > 2.2 * height:
            break
        beside = [other for other, each in enumerate(line.cells) if abs(each.left - cell.left) < 6]
        if beside:
            found.append((below, beside[0]))
            at = line.middle
    return found
