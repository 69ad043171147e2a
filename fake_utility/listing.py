"""The tables of test customers, for a person and for a program."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from meterfarm.fake_utility.kit.customers import Customer
from meterfarm.fake_utility.kit.numbered import NOTE, numbered_form
from meterfarm.fake_utility.kit.outcomes import OUTCOMES, Outcome
from meterfarm.fake_utility.kit.portal import FakePortal
from meterfarm.fake_utility.registry import fake_portals

if TYPE_CHECKING:
    from rich.table import Table


def as_json() -> str:
    """The test customers of all portals as JSON."""
    return json.dumps(rows(), indent=2)


def rows(utility: str = "") -> list[dict[str, object]]:
    """The same before it is JSON; of one portal, if it is named."""
    return [_row(portal, one) for portal, one in _all() if utility in ("", portal.id)]


def _all() -> Sequence[tuple[FakePortal, Customer]]:
    return [(portal, customer) for portal in fake_portals() for customer in portal.book.listed.values()]


def _row(portal: FakePortal, customer: Customer) -> dict[str, object]:
    row: dict[str, object] = {
        "utility": portal.id,
        "username": customer.username,
        "numbered": numbered_form(customer),
        "for": customer.purpose,
        **_outcome(OUTCOMES[customer.outcome]),
        "factors": list(customer.factors),
        "accounts": len(customer.accounts),
        "meters": sum(len(account.meters) for account in customer.accounts),
    }
    if customer.then:
        row["then"] = _outcome(OUTCOMES[customer.then])
    if customer.question:
        row["question_answer"] = customer.question.answer
    if customer.totp_secret:
        row["totp_secret"] = customer.totp_secret
    return row


def _outcome(outcome: Outcome) -> dict[str, object]:
    return {"outcome": outcome.name, "exit_code": outcome.exit_code, "who_acts": outcome.who_acts}


def print_table() -> None:
    """Print the test customers, a table for each portal."""
    # rich is loaded only where a person looks: it takes a while.
    from rich.console import Console

    console = Console(width=None if Console().is_terminal else 160)
    for portal in fake_portals():
        console.print(_table(portal))
        console.print()
    questions = {one.question for _, one in _all() if one.question}
    answers = ", ".join(sorted(question.answer for question in questions))
    console.print(
        f"Any password is accepted. Codes are 1234 (unless random), the security answer is {answers}.\n{NOTE}"
    )


def _table(portal: FakePortal) -> Table:
    from rich.table import Table

    table = Table(title=f"{portal.name} ({portal.id})", title_justify="left", header_style="bold")
    for heading in ("Customer", "For", "Factors", "Outcome", "Exit", "Who acts"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("Customer", "Exit"))
    for customer in portal.book.listed.values():
        outcome = OUTCOMES[customer.outcome]
        name = f"{outcome.name}, then {customer.then}" if customer.then else outcome.name
        table.add_row(
            customer.username,
            customer.purpose + (f"; secret {customer.totp_secret}" if customer.totp_secret else ""),
            ", ".join(customer.factors),
            name,
            str(outcome.exit_code),
            outcome.who_acts,
        )
    return table
