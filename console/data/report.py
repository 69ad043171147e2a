"""The `report` command: a page of a customer's costs, use, bills and checks."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from meterfarm.console.command_context import open_store
from meterfarm.console.errors import UsageError
from meterfarm.console.terminal.output import print_json, print_line
from meterfarm.services.customers import find_customer
from meterfarm.services.report import customer_report
from meterfarm.support.aside import written_aside

_DEFAULT = "out/report-{}.html"


async def report(reference: str, out: Path | None, *, as_json: bool) -> int:
    """Write the page, which only its owner can read; what is there already is replaced.

    Raises:
        NotFound: there is no such customer.
        UsageError: the page cannot be written there.
    """
    with open_store() as (_, store):
        customer = find_customer(store, reference)
        page = await asyncio.to_thread(customer_report, store, customer, datetime.now(UTC))
    content = page.encode()
    target = out or Path(_DEFAULT.format(customer.id))
    await asyncio.to_thread(_write, target, content)
    if as_json:
        print_json({"customer": customer.id, "file": str(target), "bytes": len(content)})
    else:
        print_line(f"{target} has the report of customer {customer.id}; open it in a browser")
    return 0


def _write(target: Path, content: bytes) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with written_aside(target) as aside:
            aside.write_bytes(content)
            aside.replace(target)
    except OSError as exc:
        why = exc.strerror or exc
        raise UsageError(f"{target} cannot be written: {why}; name another file with --out.") from exc
