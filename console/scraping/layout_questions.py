"""What `utility layout new` asks beyond single values: the address that is served, and tables of charges."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from meterfarm.console.errors import UsageError
from meterfarm.console.terminal.output import print_line, print_prompt, warn
from meterfarm.console.terminal.secret_input import next_line
from meterfarm.services.layouts.drafts import LayoutDraft, NotOnTheBill
from meterfarm.support.foreign_text import one_line

WIDE = 78
NONE = "-"
_MOST_DOUBTS = 5


async def ask_address(draft: LayoutDraft) -> None:
    """Which address is served, by its line or by a pattern of one's own."""
    candidates = draft.address_candidates()
    print_line("\nThe address that is served (address)")
    for number, (address, _) in enumerate(candidates, start=1):
        shown = f"{address.line_1}, {address.city}, {address.state} {address.postal_code}"
        print_line(f" {number}  {one_line(shown, WIDE - 4)}")
    print_line(
        "Or its pattern, which begins with the text above or before it: {line_1},\n"
        "{city}, {postal_code}, perhaps {line_2}, {state}; \\n leads to the next line."
    )
    is_proposed = bool(candidates) and draft.is_proposed_address(candidates[0][0])
    while True:
        given = await answer("1" if is_proposed else NONE)
        if given == NONE:
            return
        pattern = candidates[int(given) - 1][1] if is_number_of(given, candidates) else given
        try:
            found = draft.set_address(pattern)
        except NotOnTheBill as exc:
            warn(str(exc), by="")
            continue
        print_line(f" {one_line(found.line_1, 40)}, {one_line(found.city, 30)}")
        return


async def ask_items(draft: LayoutDraft) -> None:
    """Which tables of charges there are, one after the other: between which lines, and how their rows are."""
    heads = draft.rows.item_heads()
    print_line("\nA table of charges: the line above its first row, or -")
    _list(heads)
    while True:
        head = await _line_or_text(heads, NONE)
        if head == NONE:
            return
        ends = draft.rows.item_ends(head)
        print_line("The text of the line below its last row; an amount behind it is their sum")
        _list(ends)
        end = await _line_or_text(ends, "")
        if end in ("", NONE):
            warn("A table needs a text at its end. Name another table, or -.", by="")
            continue
        await _ask_rows(draft, head, end)
        print_line("Another table: the line above its first row, or -")


async def _ask_rows(draft: LayoutDraft, head: str, end: str) -> None:
    proposed = draft.rows.item_rows(head, end)
    print_line(
        "How its rows are written, one way after the other: {name}, {cost} and where\n"
        "they are {volume}, {unit}, {rate}, {from}, {to}; * for what else differs."
    )
    _list(proposed)
    rows = []
    for place in range(len(proposed) + 9):
        given = await answer(proposed[place] if place < len(proposed) else NONE)
        if given == NONE:
            break
        rows.append(proposed[int(given) - 1] if is_number_of(given, proposed) else given)
    try:
        count, doubts = draft.add_items(head, end, list(dict.fromkeys(rows))[:9])
    except NotOnTheBill as exc:
        warn(str(exc), by="")
        return
    print_line(f" {count} line{'s' if count > 1 else ''} found.")
    for doubt in doubts[:_MOST_DOUBTS]:
        warn(one_line(doubt, 200), by="")


def _list(lines: Sequence[str]) -> None:
    for number, line in enumerate(lines, start=1):
        print_line(f" {number}  {one_line(line, WIDE - 4)}")


async def _line_or_text(lines: Sequence[str], default: str) -> str:
    given = await answer(default)
    return lines[int(given) - 1] if is_number_of(given, lines) else given


def is_number_of(text: str, listed: Sequence[object]) -> bool:
    """Whether a text is the number of one of the lines that were listed."""
    return text.isascii() and text.isdecimal() and 1 <= int(text) <= len(listed)


async def answer(default: str) -> str:
    """The next line; an empty one is the default. Raises UsageError at the end."""
    print_prompt(f"[{one_line(default, 40)}] > " if default else "> ")
    line = await next_line()
    if not sys.stdin.isatty():
        print_line("")
    if line is None:
        raise UsageError("The answers on standard input ended before all was asked; nothing was written.")
    return line.strip() or default
