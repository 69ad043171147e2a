"""Writes what is stored of a customer to a directory of plain files. What is there already is left alone."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

from meterfarm.formats.readings_csv import write_readings_csv
from meterfarm.services.bayou import stored_bill_json
from meterfarm.storage import StorageError
from meterfarm.storage.customers import Customer
from meterfarm.storage.data import StoredAccount, StoredBill
from meterfarm.storage.store import CompanyStore
from meterfarm.support.aside import written_aside
from meterfarm.support.file_names import Names, safe_name
from meterfarm.support.foreign_text import as_json, one_line

_MANIFEST = ".written.json"
_CSV_COLUMNS = 2
"""Counts up when the CSVs are written differently."""


def write_out(store: CompanyStore, customer: Customer, out: Path, zone: ZoneInfo) -> Sequence[str]:
    """Fill ``<out>/<utility>/<account number>/`` with bills, their JSON, interval CSVs and raw exports.

    ``zone`` is the utility's, for the CSVs' local column. Returns a sentence for each document that the
    store has lost the bytes of; bills.json has such a bill without a file. Raises StorageError if ``out`` is
    not writable.
    """
    names = Names()
    lost: list[str] = []
    for stored in store.accounts.list(customer):
        folder = out / safe_name(customer.utility) / names.take(stored.account.number)
        with output_errors(out):
            lost += _write_account(store, customer, stored, folder, zone)
    return lost


@contextmanager
def output_errors(out: Path) -> Iterator[None]:
    """The boundary around writing below ``out``. Raises StorageError for what the file system refuses."""
    try:
        yield
    except OSError as exc:
        raise StorageError(
            f"The output directory {out} cannot be written ({exc.strerror}); "
            "make it writable, free some space or choose another one."
        ) from exc


def _write_account(
    store: CompanyStore, customer: Customer, stored: StoredAccount, folder: Path, zone: ZoneInfo
) -> list[str]:
    raw, intervals = folder / "raw", folder / "intervals"
    for directory in (raw, intervals):
        directory.mkdir(parents=True, exist_ok=True)
    lost = write_bills(store, customer, stored, folder)
    names = Names()
    for export in store.readings.exports(stored.id):
        name = names.take(export.name or export.key)
        if not _copy(store, export.sha256, raw / name):
            what = f"The export {name} of account {stored.account.number}"
            lost.append(_lost(what, store, export.sha256, "restore it from a backup"))
    _write_intervals(store, stored, intervals, folder / _MANIFEST, zone)
    return lost


def write_bills(store: CompanyStore, customer: Customer, stored: StoredAccount, folder: Path) -> list[str]:
    """Fill ``folder`` with an account's ``bills/*.pdf`` and ``bills.json``, in Bayou's fields.

    Returns a sentence for each bill that the store has lost the bytes of. Raises OSError if ``folder`` is not
    writable.
    """
    bills = folder / "bills"
    bills.mkdir(parents=True, exist_ok=True)
    listed: list[dict[str, object]] = []
    lost: list[str] = []
    names = Names()
    for bill in store.bills.of_account(stored.id).values():
        name = names.take(f"{bill.billed_on.isoformat()}{_suffix(bill)}")
        there = _copy(store, bill.sha256, bills / name)
        listed.append(stored_bill_json(customer, stored, bill, f"bills/{name}" if there else None))
        if not there:
            what = f"The bill of {bill.billed_on} of account {one_line(stored.account.number)}"
            lost.append(_lost(what, store, bill.sha256, "run again to fetch it, or restore it from a backup"))
    _write(folder / "bills.json", as_json(listed, indent=2).encode() + b"\n")
    return lost


def _lost(what: str, store: CompanyStore, sha256: str, advice: str) -> str:
    return f"{what} was not written, because its file {store.files.where(sha256)} is missing; {advice}."


def _suffix(bill: StoredBill) -> str:
    return ".pdf" if bill.media_type == "application/pdf" else Path(safe_name(bill.name)).suffix


def _write_intervals(
    store: CompanyStore, stored: StoredAccount, folder: Path, manifest: Path, zone: ZoneInfo
) -> None:
    """The CSVs with readings that changed since they were written, as the manifest remembers them."""
    names = Names()
    targets = {
        meter: (folder / f"{names.take(f'{meter}.csv')}", f"{state} {zone.key} {_CSV_COLUMNS}")
        for meter, state in store.readings.fingerprints(stored.id).items()
    }
    known = _read_manifest(manifest)
    stale = [
        meter for meter, (path, state) in targets.items() if known.get(path.name) != [state, *_stamp(path)]
    ]
    for meter in stale:
        text = io.StringIO(newline="")
        write_readings_csv(text, store.readings.series(stored.id, meter), zone)
        _write(targets[meter][0], text.getvalue().encode())
    if stale:
        written = {path.name: [state, *_stamp(path)] for path, state in targets.values()}
        _write(manifest, json.dumps(written).encode())


def _read_manifest(path: Path) -> dict[str, object]:
    """What each CSV was made of and its stamp then; empty if that is unknown."""
    try:
        read = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}


def _stamp(path: Path) -> list[int]:
    try:
        status = path.stat()
    except FileNotFoundError:
        return []
    return [status.st_size, status.st_mtime_ns]


def _copy(store: CompanyStore, sha256: str, target: Path) -> bool:
    """Whether ``target`` has the bytes now; not if it had others and the store has lost them."""
    if target.exists() and hashlib.sha256(target.read_bytes()).hexdigest() == sha256:
        return True
    if not store.files.has(sha256):
        return False
    _replace(target, store.files.read(sha256))
    return True


def _write(target: Path, content: bytes) -> None:
    if not target.exists() or target.read_bytes() != content:
        _replace(target, content)


def _replace(target: Path, content: bytes) -> None:
    with written_aside(target) as aside:
        aside.write_bytes(content)
        aside.replace(target)
