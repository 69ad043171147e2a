"""Who: the account, the invoice, the meter, the tariff, supplier and network."""

from __future__ import annotations

import re
from collections.abc import Sequence

from meterfarm.formats.bills.generic.found import Occurrence, Settled
from meterfarm.formats.bills.generic.labels import Field, plain
from meterfarm.formats.bills.generic.sheet import BillSheet, Label

_MOST_NUMBERS = 2
"""So many numbers of accounts may be on a bill of one; more are those of a list."""
_CLIENT = re.compile(r"client|kunde|customer|cliente")
_CONTRACT = re.compile(r"contrat")
_SAME = re.compile(r"[^A-Za-z0-9]")


def settle_account(sheet: BillSheet, settled: Settled) -> None:
    """The account number, if the labels that could be of one agree."""
    found = [
        (Occurrence(value, region.line, region.cell, label.text, region.how), _rank(label))
        for label in sheet.labels_of(Field.ACCOUNT)
        if label.start <= 40 and len(sheet.plains[label.line][label.cell]) <= 140
        if (at := sheet.id_at(label)) is not None
        for value, region in [at]
        if not (region.how == "below" and " " in value and _heads_more(sheet, label))
    ]
    if not found:
        settled.leave("account_number", "no label of an account has a number beside it")
        return
    on_first = [each for each in found if sheet.lines[each[0].line].page == sheet.pages[0].number]
    if len({_SAME.sub("", sighting.value) for sighting, _ in on_first}) == 1:
        found = on_first
    groups: dict[str, list[tuple[Occurrence[str], int]]] = {}
    for sighting, rank in found:
        groups.setdefault(_SAME.sub("", sighting.value), []).append((sighting, rank))
    best_rank = min(rank for _, rank in found)
    ranked = [key for key, places in groups.items() if any(rank == best_rank for _, rank in places)]
    others = _others(sheet)
    ranked = [key for key in ranked if key not in others] or ranked
    if len(ranked) > 1:
        counted = sorted(ranked, key=lambda key: -_places(groups[key]))
        if len(ranked) > _MOST_NUMBERS or _places(groups[counted[0]]) < 2 * _places(groups[counted[1]]):
            whole = [key for key in counted if all(other in key for other in counted)]
            if len(whole) != 1 or any(" " in sighting.value for sighting, _ in groups[whole[0]]):
                settled.leave("account_number", "the bill shows several account numbers")
                return
            counted = whole
        ranked = counted
    key = ranked[0]
    if sheet.language == "es" and best_rank == 1 and any(rank == 2 for _, rank in found):
        settled.leave("account_number", "the bill has a number of a customer and another of a contract")
        return
    if (
        best_rank == 0
        and (sheet.language in ("de", "it", "es") or (sheet.language == "fr" and sheet.currency == "EUR"))
        and len(groups) > 1
        and any(rank == 1 for other, places in groups.items() if other != key for _, rank in places)
    ):
        settled.leave("account_number", "the bill has a number of an account and another of a customer")
        return
    proofs = []
    if _places(groups[key]) > 1:
        proofs.append(f"it stands at {_places(groups[key])} places")
    digits = re.sub(r"\D", "", key)
    own = {sighting.line for sighting, _ in groups[key]}
    runs = [
        re.sub(r"\D", "", text)
        for index, text in enumerate(sheet.plain_lines)
        if index not in own and sum(map(str.isdigit, text)) > 18
    ]
    if len(digits) >= 6 and any(digits in run and run != digits for run in runs):
        proofs.append("the line for machines has it")
    value = max(
        (sighting.value for sighting, _ in groups[key]),
        key=lambda text: (text.count(" ") + text.count("-"), len(text)),
    )
    settled.keep("account_number", value, *(proofs or ["its label names no other number"]))


def _heads_more(sheet: BillSheet, label: Label) -> bool:
    """Whether the cell of a label names a further column, so that two numbers below it are of two."""
    return bool(re.search(r"[a-z]{2}", sheet.plains[label.line][label.cell][label.end :]))


def _places(sightings: Sequence[tuple[Occurrence[str], int]]) -> int:
    return len({(each.line, each.cell) for each, _ in sightings})


def _rank(label: Label) -> int:
    """0 of an account, 1 of a customer, 2 of a contract."""
    if _CLIENT.search(label.text) and not re.search(r"account|compte|konto|conto|cuenta", label.text):
        return 1
    return (
        2 if _CONTRACT.search(label.text) and "account" not in label.text and "konto" not in label.text else 0
    )


def _others(sheet: BillSheet) -> set[str]:
    """Numbers that labels say are of an invoice, a meter or a supply point."""
    found = set()
    for label in sheet.labels_of(Field.INVOICE, Field.METER, Field.SUPPLY_POINT, Field.CUSTOMER):
        at = sheet.id_at(label)
        if at is not None:
            found.add(_SAME.sub("", at[0]))
    return found


def meter_ids(sheet: BillSheet) -> list[tuple[str, int]]:
    """The numbers that labels say are of meters, with their lines."""
    found: dict[str, int] = {}
    for label in sheet.labels_of(Field.METER):
        at = sheet.id_at(label)
        if at is not None and at[1].how != "below":
            found.setdefault(at[0], at[1].line)
    if not found:
        for label in sheet.labels_of(Field.METER):
            at = sheet.id_at(label)
            if at is not None:
                found.setdefault(at[0], at[1].line)
    return list(found.items())


def settle_invoice(sheet: BillSheet, settled: Settled) -> None:
    """The invoice's number, if there is one."""
    found = {at[0] for label in sheet.labels_of(Field.INVOICE) if (at := sheet.id_at(label)) is not None}
    if len(found) == 1 and len(settled.values) > 1:
        (number,) = found
        if _SAME.sub("", number) != _SAME.sub("", str(settled.values.get("account_number", ""))):
            settled.keep("invoice_number", number, "no other number has its label")


def settle_names(sheet: BillSheet, settled: Settled) -> None:
    """Supplier and network, where the bill names them."""
    for field, name in ((Field.SUPPLIER, "supplier"), (Field.DISTRIBUTOR, "delivery_company")):
        found = set()
        for label in sheet.labels_of(field):
            if label.start > 3:
                continue
            for region in sheet.regions(label):
                cell = sheet.lines[region.line].cells[region.cell].text
                whole = cell[label.end :] if region.how == "same" else region.text
                text = whole.strip(" :").split("  ")[0]
                if region.how in ("below", "above") or not 3 < len(text) < 60 or not text[0].isupper():
                    break
                if _UNFINISHED.search(plain(text)):
                    break
                if (sheet.labels_in(region.line, region.cell) and region.how == "right") or ":" in text:
                    break
                if (
                    sheet.plains[label.line][label.cell][label.end :].lstrip()[:1] == ":"
                    or region.how == "right"
                    or label.text.endswith((":", "is"))
                ):
                    found.add(_without_stop(_CONTACT.split(text, maxsplit=1)[0]))
                break
        if len(found) == 1:
            settled.keep(name, found.pop(), "the bill names one")


_CONTACT = re.compile(
    r"[\s,;(-]+(?:(?:tel|phone|call|ph)\b.*|\(?(?:1[-. ])?\(?\d{3}\)?[-. ]\d{3}[-. ]\d{4}.*)$", re.IGNORECASE
)
"""A telephone number behind a company's name."""


def _without_stop(name: str) -> str:
    """A name without the stop of a sentence; one of an abbreviation (S.p.A.) stays."""
    bare = name.rstrip(",. ")
    return f"{bare}." if "." in bare.split()[-1] and name.startswith(f"{bare}.") else bare


_UNFINISHED = re.compile(r"(?:\b(?:de|del|y|e|di|et|du|des|und|der|and|of|the|for|la|a)|[,&/-])$")
"""The end of a name that goes on elsewhere."""
_TARIFF_END = re.compile(r"[ ,(]+(?:cycle|route|effective|eff\.|read by)(?![a-z])", re.IGNORECASE)
_ES_TARIFF = re.compile(r"\b(?:2\.0|2\.1|3\.0|3\.1|6\.[1-4]) ?(?:TD|A|DHA|DHS)\b")


def settle_tariff(sheet: BillSheet, settled: Settled) -> None:
    """The tariff, where its label names one code and no other does."""
    spanish = (
        {match[0] for line in sheet.lines for match in _ES_TARIFF.finditer(line.text)}
        if sheet.language == "es"
        else set()
    )
    found: dict[str, int] = {}
    for label in sheet.labels_of(Field.TARIFF):
        text = sheet.plains[label.line][label.cell]
        if label.start > 2 or len(text) > 90:
            continue
        for region in sheet.regions(label):
            if region.how in ("below", "above"):
                break
            value = _TARIFF_END.split(re.sub(r"\s+", " ", region.text.strip(" :.-")), maxsplit=1)[0]
            if label.text == "schedule":
                value = f"Schedule {value}"
            is_name = (
                2 <= len(value) <= 50 and any(map(str.isalpha, value)) and re.search(r"\d|-[A-Z]", value)
            )
            if is_name and not re.search(r"\d{5}|[$€:@]|%|\bkWh\b|\d\.\d\d\d", value):
                found[value] = found.get(value, 0) + 1
            break
    if len(spanish) == 1:
        settled.keep("tariff", spanish.pop(), "the bill names one")
    elif len(found) == 1:
        settled.keep("tariff", next(iter(found)), "its label names no other")
    elif found:
        settled.leave("tariff", "the bill names several")


def same_name(one: str, other: str) -> bool:
    """Whether two names are one but for capitals and accents."""
    return plain(one) == plain(other)
