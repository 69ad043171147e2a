"""The table of test customers, for a person and for a program."""

import json

from meterfarm.fake_utility.outcomes import OUTCOMES, Outcome
from meterfarm.fake_utility.speculoos.customers import ANSWER, CUSTOMERS, Customer
from meterfarm.fake_utility.speculoos.numbered import NOTE, numbered_form


def as_json() -> str:
    """The test customers as JSON."""
    return json.dumps([_row(customer) for customer in CUSTOMERS.values()], indent=2)


def _row(customer: Customer) -> dict[str, object]:
    row: dict[str, object] = {
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
    if "question" in customer.factors:
        row["question_answer"] = ANSWER
    if customer.totp_secret:
        row["totp_secret"] = customer.totp_secret
    return row


def _outcome(outcome: Outcome) -> dict[str, object]:
    return {"outcome": outcome.name, "exit_code": outcome.exit_code, "who_acts": outcome.who_acts}


def print_table() -> None:
    """Print the test customers as a table."""
    # rich is loaded only where a person looks: it takes a while.
    from rich.console import Console
    from rich.table import Table

    table = Table(title="Test customers of Speculoos Power", title_justify="left", header_style="bold")
    for heading in ("Customer", "For", "Factors", "Outcome", "Exit", "Who acts"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("Customer", "Exit"))
    for customer in CUSTOMERS.values():
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
    console = Console(width=None if Console().is_terminal else 160)
    console.print(table)
    console.print(
        f"Any password is accepted. Codes are 1234 (unless random), the security answer is {ANSWER}.\n{NOTE}"
    )
