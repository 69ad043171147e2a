"""The quirks that the portals can have: for a person, for a program, and as the page of the documentation."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence

from meterfarm.fake_utility.kit.outcomes import OUTCOMES
from meterfarm.fake_utility.kit.quirk_list import IMPOSSIBLE, NUMBERS, SENTENCES
from meterfarm.fake_utility.kit.quirks import Quirk
from meterfarm.fake_utility.registry import fake_portals

_COLUMNS = ("number", "quirk", "utility", "outcome", "then", "who_acts", "switch", "customer", "does")
_BEGIN = """# Quirks

What real portals do that scripts stumble over, and what a visit must come to all the same. Each fake
portal has those that it can have, on switches ([fake-utility.md](fake-utility.md#quirks)). This page is made
by `./run fake --list-quirks --markdown`, and a test compares.

*overcome*: all comes home, as the portal's own figures have it. An outcome is what a visit ends in instead;
who acts follows from it ([architecture.md](architecture.md#outcomes)).
"""


def rows() -> list[dict[str, object]]:
    """A row for each quirk of each portal, in the list's order."""
    found = [_row(portal.id, quirk) for portal in fake_portals() for quirk in portal.quirks]
    return sorted(found, key=lambda row: NUMBERS[str(row["quirk"])])


def _row(utility: str, quirk: Quirk) -> dict[str, object]:
    return {
        "number": quirk.number,
        "quirk": quirk.name,
        "utility": utility,
        "outcome": quirk.outcome,
        "then": quirk.then or quirk.outcome,
        "who_acts": OUTCOMES[quirk.outcome].who_acts,
        "switch": _switch(quirk),
        "customer": quirk.customer,
        "does": quirk.sentence,
    }


def _switch(quirk: Quirk) -> str:
    """Whom it can be switched for; "later": for a customer who was there before."""
    if quirk.always:
        return "always on"
    return "everybody" if quirk.is_before_sign_in else "later" if quirk.is_change else "customer"


def as_json() -> str:
    """All rows."""
    return json.dumps(rows(), indent=2)


def as_tsv() -> str:
    """A header, then a line for each row."""
    lines = [_COLUMNS, *([str(row[name]) for name in _COLUMNS] for row in rows())]
    return "\n".join("\t".join(line) for line in lines)


def print_quirks() -> None:
    """A table for a person, tab-separated lines in a pipe."""
    if not sys.stdout.isatty():
        sys.stdout.write(as_tsv() + "\n")
        return
    # rich is loaded only where a person looks: it takes a while.
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    console = Console(highlight=False)
    width = max(map(len, SENTENCES))
    for name, of_portals in _by_quirk().items():
        console.print(Text.assemble(f"{NUMBERS[name]:>2} ", (name.ljust(width), "bold")))
        console.print(Padding(Text(SENTENCES[name], "dim"), (0, 0, 0, 3)))
        for result, utilities in _by_result(of_portals).items():
            console.print(Padding(Text(f"{result}: {', '.join(utilities)}"), (0, 0, 0, 3)))


def _by_quirk() -> Mapping[str, Sequence[Mapping[str, object]]]:
    found: dict[str, list[Mapping[str, object]]] = {}
    for row in rows():
        found.setdefault(str(row["quirk"]), []).append(row)
    return found


def _by_result(of_portals: Sequence[Mapping[str, object]]) -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = {}
    for row in of_portals:
        found.setdefault(_result(row), []).append(str(row["utility"]))
    return found


def _result(row: Mapping[str, object]) -> str:
    first = "overcome" if row["outcome"] == "complete" else str(row["outcome"])
    return first if row["then"] == row["outcome"] else f"{first}, then {row['then']}"


def as_page() -> str:
    """The page of the documentation."""
    return "\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    yield _BEGIN
    yield "| | quirk | what the portal does | switched for | a visit |"
    yield "|---|---|---|---|---|"
    had = _by_quirk()
    for name, of_portals in had.items():
        switches = _by_switch(of_portals)
        results = "; ".join(
            f"{result}" if len(of_results) == 1 else f"{result}: {', '.join(utilities)}"
            for of_results in [_by_result(of_portals)]
            for result, utilities in of_results.items()
        )
        yield f"| {NUMBERS[name]} | `{name}` | {SENTENCES[name]} | {switches} | {results} |"
    if missing := [name for name in SENTENCES if name not in had and name not in IMPOSSIBLE]:
        yield f"\nNot there yet: {', '.join(f'`{name}`' for name in missing)}."
    if IMPOSSIBLE:
        yield "\n## What no fake portal can have\n\n| quirk | why |\n|---|---|"
        yield from (f"| `{name}` | {reason} |" for name, reason in IMPOSSIBLE.items())


def _by_switch(of_portals: Sequence[Mapping[str, object]]) -> str:
    found: dict[str, list[str]] = {}
    for row in of_portals:
        found.setdefault(str(row["switch"]), []).append(str(row["utility"]))
    return "; ".join(f"{switch}: {', '.join(utilities)}" for switch, utilities in found.items())
