"""The tables of test customers, for a person and for a program."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from meterfarm.fake_utility.kit.customers import Customer
from meterfarm.fake_utility.kit.numbered import NOTE, numbered_form
from meterfarm.fake_utility.kit.outcomes import OUTCOMES, Outcome
from meterfarm.fake_utility.kit.portal import FakePortal
from meterfarm.fake_utility.registry import fake_portals

if TYPE_CHECKING:
    from rich.console import RenderableType


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
    """Print the test customers by portal, as fits 80 columns."""
    # rich is loaded only where a person looks: it takes a while.
    from rich.console import Console

    console = Console(width=None if Console().is_terminal else 100, highlight=False)
    for portal in fake_portals():
        for part in _shown(portal):
            console.print(part)
        console.print()
    answers = ", ".join(sorted({one.question.answer for _, one in _all() if one.question}))
    console.print(
        "0: nobody has to act, 10: the customer, 11: the portal, 12 and 13: those who mend scripts. "
        f"Any password is accepted. Codes are 1234 (unless random), the security answer is {answers}.\n{NOTE}"
    )


def _shown(portal: FakePortal) -> Iterator[RenderableType]:
    """Its name, then of each customer name, exit status and outcome, and in a second line what for."""
    from rich.padding import Padding
    from rich.text import Text

    yield Text.assemble((portal.name, "bold underline"), f"  {portal.id}  {portal.home}".rstrip())
    width = max(map(len, portal.book.listed))
    for customer in portal.book.listed.values():
        outcome = OUTCOMES[customer.outcome]
        name = f"{outcome.name}, then {customer.then}" if customer.then else outcome.name
        secret = f"; secret {customer.totp_secret}" if customer.totp_secret else ""
        ends = f"  {outcome.exit_code:>2} {name}"
        yield Text.assemble((customer.username.ljust(width), "bold"), ends)
        yield Padding(Text(customer.purpose + secret, "dim"), (0, 0, 0, 4))
