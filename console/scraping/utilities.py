"""The `utilities` command: what can be fetched from, how far each script is verified, and which is broken."""

from __future__ import annotations

from meterfarm.console.terminal.listing import Column, Listing
from meterfarm.console.terminal.output import show
from meterfarm.utilities import broken_utilities, load_utilities, refused_utilities


def show_utilities() -> None:
    """Print a row for each utility."""
    columns = [Column("id"), Column("name"), Column("status"), Column("since")]
    table = Listing(columns, ("id", "name", "portal", "status", "since", "evidence", "offers"))
    for utility in load_utilities():
        verified = utility.verified
        offers = " and ".join(sorted(utility.capabilities.parts))
        record = {
            "id": utility.id,
            "name": utility.name,
            "portal": utility.home,
            "status": verified.status,
            "since": verified.on,
            "evidence": verified.evidence,
            "offers": offers,
        }
        portal = utility.home or "the fake utility only"
        cells = [utility.id, utility.name, verified.status, str(verified.on)]
        table.add(cells, record, [f"portal: {portal}", f"offers: {offers}", f"evidence: {verified.evidence}"])
    for broken in (*broken_utilities(), *refused_utilities()):
        record = {"id": broken.id, "name": None, "portal": None, "status": "broken", "since": None}
        table.add(
            [broken.id, "", "broken", ""], {**record, "evidence": broken.reason}, [f"reason: {broken.reason}"]
        )
    show(table)
