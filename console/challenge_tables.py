"""Challenges as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.markup import escape
from rich.table import Table

from console.printed import lasted
from records import ChallengeState
from storage.work import ChallengeInfo


def challenges_table(found: Sequence[ChallengeInfo]) -> Table:
    """A row a challenge, in the portal's words; a column more if something answers any by itself."""
    table = Table("challenge", "run", "customer", "utility", "wants", "the portal says", "sent to")
    table.add_column("asked", justify="right")
    table.add_column("state")
    by_itself = any(one.channel for one in found)
    if by_itself:
        table.add_column("by itself")
    now = datetime.now(UTC)
    for one in found:
        asked = one.challenge
        table.add_row(
            str(one.id),
            str(one.run_id),
            escape(f"{one.customer_id} {one.username}"),
            one.utility,
            wants(one),
            escape(f"{asked.error} {asked.prompt}".strip()),
            escape(asked.destination),
            f"{lasted((now - one.asked_at).total_seconds())} ago",
            _state(one, now),
            *([escape(one.channel)] if by_itself else []),
        )
    return table


def wants(one: ChallengeInfo) -> str:
    """The factor, or those to choose from."""
    if one.challenge.options:
        return "choice: " + ", ".join(option.factor.value for option in one.challenge.options)
    return one.challenge.factor.value if one.challenge.factor else ""


def _state(one: ChallengeInfo, now: datetime) -> str:
    left = (one.expires_at - now).total_seconds()
    if one.state is not ChallengeState.OPEN:
        return one.state.value
    return f"open, expires in {lasted(left)}" if left > 0 else ChallengeState.EXPIRED.value
