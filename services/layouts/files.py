"""The files of a drafted layout: its TOML, and the bill as its sample."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from itertools import count
from pathlib import Path
from shutil import rmtree
from typing import Any

from meterfarm.formats.bills.layout import BillLayout, layout_of
from meterfarm.records import LineItem
from meterfarm.services.layouts.drafts import LayoutDraft


def layout_toml(layout: BillLayout) -> str:
    """A layout as its file has it."""
    lines = [
        f"name = {_quoted(layout.name)}",
        f"version = {layout.version}",
        f"has = {_quoted(layout.has)}",
        f"day_first = {str(layout.day_first).lower()}",
        f"decimal_comma = {str(layout.decimal_comma).lower()}",
        "",
        "[fields]",
        *(f"{name} = {_quoted(pattern)}" for name, pattern in layout.fields.items()),
    ]
    if layout.address is not None:
        lines += ["", "[address]", f"pattern = {_quoted(layout.address.pattern)}"]
        lines += [f"country = {_quoted(layout.address.country)}"]
    for row in layout.meters:
        lines += ["", "[[meters]]", f"row = {_quoted(row.row)}"]
    for table in layout.items:
        lines += ["", "[[items]]", f"after = {_quoted(table.after)}", f"before = {_quoted(table.before)}"]
        lines += ["rows = [", *(f"    {_quoted(row)}," for row in table.rows), "]"]
    return "\n".join(lines) + "\n"


def write_draft(draft: LayoutDraft, pdf: bytes, folder: Path, source: str, today: date) -> Sequence[Path]:
    """Write the bill as a sample of its own below ``folder``, with what was read from it, then ``bill.toml``.

    Raises:
        OSError: it cannot be written, or ``bill.toml`` is there; no sample is left then.
        FormatError: the draft does not read its bill, or is no layout.
    """
    layout_of(toml := layout_toml(draft.layout()))
    meta = {
        "source": source,
        "date": today.isoformat(),
        "reads": "bill",
        "shows": "the bill it was drafted from",
    }
    read = draft.bill()
    shown = {each.name: getattr(read, each.name) for each in fields(read) if each.name != "checks"}
    bill = json.dumps(_plain(shown), indent=1, ensure_ascii=False)
    files: Mapping[str, bytes] = {
        "input.pdf": pdf,
        "expected.json": f"{bill}\n".encode(),
        "meta.json": f"{json.dumps(meta, indent=2, ensure_ascii=False)}\n".encode(),
    }
    sample, layout = _new_sample(folder / "samples"), folder / "bill.toml"
    try:
        for name, content in files.items():
            (sample / name).write_bytes(content)
        with layout.open("xb") as opened:
            opened.write(toml.encode())
    except OSError:
        rmtree(sample, ignore_errors=True)
        raise
    return [layout, *(sample / name for name in files)]


def _new_sample(samples: Path) -> Path:
    """The first folder ``bill_1``, ``bill_2`` ... that is not there, made."""
    samples.mkdir(parents=True, exist_ok=True)
    for number in count(1):
        sample = samples / f"bill_{number}"
        try:
            sample.mkdir()
        except FileExistsError:
            continue
        break
    return sample


def _quoted(text: str) -> str:
    """A string of TOML, as which JSON's are read."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _plain(value: Any) -> Any:
    """As a sample has it: a line item is one line of text."""
    if isinstance(value, LineItem):
        by = f"{value.volume} {value.unit}{f' x {value.rate}' if value.rate else ''} " if value.volume else ""
        return f"{value.section}: {value.name} {by}= {value.cost} cents, by {' and '.join(value.proved_by)}"
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, Enum | date | Decimal):
        return str(value)
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value
