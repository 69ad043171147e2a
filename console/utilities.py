"""The `utilities` command: what can be fetched from, and how far each script is verified."""

from __future__ import annotations

from meterfarm.console.listing import Column, Listing
from meterfarm.console.output import show
from meterfarm.utilities import load_utility, utility_ids


def show_utilities() -> None:
    """Print a row for each utility."""
    columns = [Column("id"), Column("name"), Column("status"), Column("since")]
    table = Listing(columns, ("id", "name", "portal", "status", "since", "evidence"))
    for utility_id in utility_ids():
        utility = load_utility(utility_id)
        verified = utility.verified
        record = {
            "id": utility_id,
            "name": utility.name,
            "portal": utility.home,
            "status": verified.status,
            "since": verified.on,
            "evidence": verified.evidence,
        }
        portal = utility.home or "the fake utility only"
        cells = [utility_id, utility.name, verified.status, str(verified.on)]
        table.add(cells, record, [f"portal: {portal}", f"evidence: {verified.evidence}"])
    show(table)
