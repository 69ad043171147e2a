"""The `utilities` command: what can be fetched from, and how far each script is verified."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from utilities import load_utility, utility_ids


def show_utilities() -> None:
    """Print a row for each utility."""
    table = Table("id", "name", "portal", "status", "since", "evidence")
    for utility_id in utility_ids():
        utility = load_utility(utility_id)
        verified = utility.verified
        table.add_row(
            utility_id,
            utility.name,
            utility.home or "the fake utility only",
            verified.status,
            str(verified.on),
            verified.evidence,
        )
    Console().print(table)
