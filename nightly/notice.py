"""A notice to the operator that something broke: JSON, posted to an address of theirs after the night.

It names portals, test customers and outcomes, and says what was looked for; nothing of it is anybody's data.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from meterfarm.farm.webhooks.posting import Poster
from meterfarm.nightly.history import changes
from meterfarm.nightly.nightly_run import NightlyRun, Remembered, remembered
from meterfarm.nightly.verdicts import UtilityVerdict, verdicts

_SECONDS = 10.0
_TRIES = 2
_MOST = 50
"""So many of what broke are listed."""


def notice_of(night: NightlyRun, nights: Sequence[Remembered], report: Path) -> Mapping[str, Any] | None:
    """What docs/nightly.md describes; None if nothing got worse since the last of ``nights``."""
    broken = [change for change in changes(nights, remembered(night)) if change.kind == "broken"]
    was_well = nights[-1].is_well if nights else True
    if not broken and (night.is_well or not was_well):
        return None
    wrong = [verdict for verdict in verdicts(night) if not verdict.is_well]
    return {
        "text": _in_words(wrong, len(broken), report),
        "at": night.at.isoformat(),
        "as_meant": night.is_well,
        "broken": [{"key": change.key, "what": change.what} for change in broken[:_MOST]],
        "more_broken": max(0, len(broken) - _MOST),
        "utilities": [_row(verdict) for verdict in wrong],
        "counts": {
            name: {"as_meant": well, "of": every} for name, (well, every) in night.counts.items() if every
        },
        "report": str(report.absolute()),
    }


async def deliver(notice: Mapping[str, Any], address: SecretStr) -> str:
    """Post it, once more if that fails; why it could not be delivered, "" if it was."""
    poster, fault = Poster(allows_private=True, seconds=_SECONDS), ""
    body = json.dumps(notice, ensure_ascii=False).encode()
    for _ in range(_TRIES):
        fault = (await poster.post(address.get_secret_value(), {}, body)).result.fault
        if not fault:
            break
    return fault


def _in_words(wrong: Sequence[UtilityVerdict], broken: int, report: Path) -> str:
    parts = [f"{verdict.name}: {verdict}" for verdict in wrong]
    parts += [f"{broken} broken since last night"] if broken else []
    return f"Meterfarm nightly: {'; '.join(parts) or 'not as meant'}. Report: {report.absolute()}"


def _row(verdict: UtilityVerdict) -> Mapping[str, Any]:
    look = verdict.live
    return {
        "id": verdict.id,
        "name": verdict.name,
        "verdict": list(verdict.words),
        "fake": asdict(verdict.fake) if verdict.fake else None,
        "live": {"outcome": look.outcome, "message": look.message} if look else None,
    }
