"""The `utilities` command: the catalogue, how far each script is verified, and which is broken."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import starmap
from typing import TYPE_CHECKING, Any

from meterfarm.console.program import program
from meterfarm.console.terminal.listing import Column, Facts, Listing
from meterfarm.console.terminal.output import print_json, print_line, show, warn
from meterfarm.services.utilities import UtilityInfo, UtilityStatus, find_utility_entry, list_utilities
from meterfarm.support.errors import MeterfarmError
from meterfarm.support.extras import ExtraMissing, require
from meterfarm.support.instants import instant, shown
from meterfarm.utilities import broken_bill_layouts, refused_utilities

if TYPE_CHECKING:  # listed also where nothing is installed that stores
    from meterfarm.storage.store import Store

_NAMES = ("id", "name", "parts", "status", "since", "evidence", "last_success")


async def show_utilities(name: str | None, *, everything: bool, as_json: bool) -> int:
    """All utilities; at a terminal those with a script, unless ``everything``; or the one of this name."""
    with _own_runs() as farm:
        if name is not None:
            _show_one(find_utility_entry(name, farm), as_json=as_json)
            return 0
        infos = list_utilities(farm)
    supported = [info for info in infos if info.status is not UtilityStatus.NOT_SUPPORTED]
    others = [info for info in infos if info.status is UtilityStatus.NOT_SUPPORTED]
    refused = [(each.id, each.reason) for each in refused_utilities()]
    refused += [(layout.file, layout.reason) for layout in broken_bill_layouts()]
    if as_json:
        records = [_record(info) for info in (*supported, *others)]
        print_json([*records, *starmap(_record_of_refused, refused)])
    else:
        _show_listing(supported, others, refused, everything=everything)
    return 0


def _show_listing(
    supported: Iterable[UtilityInfo],
    others: Sequence[UtilityInfo],
    refused: Iterable[tuple[str, str]],
    *,
    everything: bool,
) -> None:
    columns = [Column("id"), Column("name"), Column("status"), Column("since", if_room=True)]
    table = Listing(columns, _NAMES)
    for info in supported:
        table.add(_cells(info), _in_tsv(_record(info)), _below(info))
    for name, reason in refused:
        record = _record_of_refused(name, reason)
        table.add([name, "", "broken", ""], _in_tsv(record), [f"evidence: {reason}"])
    is_whole = everything or not sys.stdout.isatty()
    for info in others if is_whole else ():
        table.add(_cells(info), _in_tsv(_record(info)))
    show(table)
    if not is_whole:
        print_line(
            f"{len(others)} more are known without a script; `{program()} utilities --all` lists them."
        )


@contextmanager
def _own_runs() -> Iterator[Store | None]:
    """The farm's store where there is one; None if nothing was stored here yet, or it cannot be read."""
    try:
        require("scrape", "the farm's own runs")
    except ExtraMissing:
        yield None
        return
    from meterfarm.console.command_context import command_context
    from meterfarm.storage.settings import DATABASE
    from meterfarm.storage.store import Store

    with command_context() as context:
        settings = context.settings
        if not settings.database_url.get_secret_value() and not (settings.home / DATABASE).exists():
            yield None
            return
        try:
            store = Store.open(settings)
        except MeterfarmError as exc:
            warn(f"{exc} How our own runs went is left out.")
            yield None
            return
        with store:
            yield store


def _show_one(info: UtilityInfo, *, as_json: bool) -> None:
    if as_json:
        print_json(_details(info))
        return
    entry = info.entry
    show(
        Facts(
            [
                ("id", entry.id),
                ("name", entry.name),
                ("also called", ", ".join(entry.aliases)),
                ("group", entry.group),
                ("status", info.status.value),
                ("since", _since(info)),
                ("evidence", info.evidence),
                ("portal", info.portal),
                ("offers", _offers(info)),
                ("MFA", _mfa(info)),
                ("meters have", ", ".join(entry.meter_attributes)),
                ("electric meters have", ", ".join(entry.electric_meter_attributes)),
                ("sums of an account", f"meter “{entry.account_meter}”" if entry.account_meter else ""),
                ("own runs", _own(info)),
                ("last success", shown(info.last_success)),
            ]
        )
    )


def _cells(info: UtilityInfo) -> list[str]:
    return [info.entry.id, info.entry.name, info.status.value.replace("_", " "), _since(info)]


def _below(info: UtilityInfo) -> list[str]:
    portal = info.portal or ("the fake utility only" if info.is_active else "")
    facts = [
        ("portal", portal),
        ("offers", _offers(info)),
        ("evidence", info.evidence),
        ("own runs", _own(info)),
    ]
    return [f"{name}: {text}" for name, text in facts if text]


def _offers(info: UtilityInfo) -> str:
    return " and ".join(sorted(info.entry.parts))


def _mfa(info: UtilityInfo) -> str:
    by = f" by {', '.join(sorted(info.entry.factors))}" if info.entry.factors else ""
    return f"{info.entry.mfa}{by}"


def _own(info: UtilityInfo) -> str:
    if info.record is None or info.success_rate is None:
        return ""
    count = info.record.succeeded + info.record.failed
    took = f", in {info.median_seconds:.1f} s (median)" if info.median_seconds is not None else ""
    return f"{info.success_rate:.0%} of {count} succeeded{took}"


def _since(info: UtilityInfo) -> str:
    return str(info.since)[:10] if info.since else ""


def _in_tsv(record: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**record, "parts": " ".join(record["parts"])}


def _record(info: UtilityInfo) -> dict[str, Any]:
    return {
        "id": info.entry.id,
        "name": info.entry.name,
        "parts": sorted(info.entry.parts),
        "status": info.status,
        "since": instant(info.since) if isinstance(info.since, datetime) else info.since and str(info.since),
        "evidence": info.evidence,
        "last_success": info.last_success,
    }


def _record_of_refused(name: str, reason: str) -> dict[str, Any]:
    """Of what is left out: an entry point, or the file of a bill layout."""
    return {
        "id": name,
        "name": name,
        "parts": [],
        "status": UtilityStatus.BROKEN,
        "since": None,
        "evidence": reason,
        "last_success": None,
    }


def _details(info: UtilityInfo) -> dict[str, Any]:
    entry = info.entry
    return {
        **_record(info),
        "aliases": entry.aliases,
        "group": entry.group or None,
        "portal": info.portal or None,
        "velocity": entry.velocity or None,
        "mfa": entry.mfa or None,
        "factors": entry.factors,
        "meter_attributes": entry.meter_attributes,
        "electric_meter_attributes": entry.electric_meter_attributes,
        "account_meter": entry.account_meter or None,
        "success_rate": info.success_rate,
        "median_seconds": info.median_seconds,
    }
