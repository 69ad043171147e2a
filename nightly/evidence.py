"""What workers kept of visits, copied beside the report."""

from __future__ import annotations

import base64
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from meterfarm.nightly.nightly_run import NightlyRun, Result
from meterfarm.storage.customers import Customer
from meterfarm.storage.store import CompanyStore

FOLDER = "evidence"
_SCREENSHOTS = ("page.png", "form.png")
_LARGEST_EMBEDDED = 3 << 20
_FEW = 3
_LIVE = "live sign-in page"


@dataclass(frozen=True, slots=True)
class Kept:
    """A file of evidence: its name, and its address relative to the report."""

    name: str
    link: str
    path: Path


def keep_unread(store: CompanyStore, customer: Customer, folder: Path) -> None:
    """Put the newest bills that no layout could read into ``folder``. Raises StorageError, OSError."""
    bills = [
        bill
        for account in store.accounts.list(customer)
        for bill in store.bills.of_account(account.id).values()
    ]
    unread = [bill for bill in bills if bill.bill is None and bill.has_file]
    for bill in sorted(unread, key=lambda bill: bill.billed_on)[-_FEW:]:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        suffix = ".pdf" if bill.media_type == "application/pdf" else ""
        (folder / f"unread-{bill.billed_on}{suffix}").write_bytes(store.files.read(bill.sha256))


def copy_evidence(night: NightlyRun, report: Path) -> Mapping[str, Sequence[Kept]]:
    """By the key of a customer or a look. What an earlier night left of these portals is removed.

    Raises:
        OSError: it cannot be copied.
    """
    for portal in {*(portal.id for portal in night.portals), *(look.portal for look in night.live)}:
        shutil.rmtree(report / FOLDER / portal, ignore_errors=True)
    found: dict[str, Sequence[Kept]] = {}
    for result in night.every:
        files: list[Kept] = []
        for number, visit in enumerate(result.visits, start=1):
            source = Path(visit.evidence) if visit.evidence else None
            if source is not None and source.is_dir():
                files += _copied(source, report, f"{_folder(result)}/{number}")
        if files:
            found[result.key] = files
    for look in night.live:
        if look.evidence and Path(look.evidence).is_dir():
            found[look.key] = _copied(Path(look.evidence), report, f"{look.portal}/{_LIVE}")
    return found


def screenshot(files: Sequence[Kept]) -> str:
    """The last screenshot as a data address, "" if there is none that is small enough."""
    shots = [file.path for file in files if file.name in _SCREENSHOTS]
    if not shots or shots[-1].stat().st_size > _LARGEST_EMBEDDED:
        return ""
    return "data:image/png;base64," + base64.b64encode(shots[-1].read_bytes()).decode()


def _folder(result: Result) -> str:
    name = f"{result.username}-{result.way}" if result.way else result.quirks or result.username
    return f"{result.portal}/{re.sub(r'[^A-Za-z0-9.@+-]', '_', name)}"


def _copied(source: Path, report: Path, place: str) -> list[Kept]:
    target = report / FOLDER / place
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = []
    for file in sorted(source.iterdir()):
        shutil.copy2(file, target / file.name)
        kept.append(Kept(file.name, quote(f"{FOLDER}/{place}/{file.name}"), target / file.name))
    return kept
