"""Reading a utility's samples, and writing what was read as JSON that a person can check."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date
from decimal import Decimal
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any

from meterfarm import utilities
from meterfarm.formats.bills.pdf import check_pdf, pdf_text
from meterfarm.formats.errors import FormatError
from meterfarm.records import Bill, Commodity, Document, LineItem, Meter, Reading, Series
from meterfarm.scrapers.http.response import HttpResponse
from meterfarm.scrapers.outcomes import VisitError
from meterfarm.scrapers.utility import Utility

_HERE = Path(__file__).parent
MEDIA_TYPES = {
    ".xml": "application/xml",
    ".csv": "text/csv",
    ".zip": "application/zip",
    ".json": "application/json",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """A folder of a utility's samples: ``input.*``, ``expected.json``, ``meta.json``."""

    utility: Utility
    folder: Path

    @property
    def input(self) -> Path:
        (file,) = self.folder.glob("input.*")
        return file

    @property
    def meta(self) -> dict[str, str]:
        meta: dict[str, str] = json.loads((self.folder / "meta.json").read_text(encoding="utf-8"))
        return meta

    @property
    def expected(self) -> Any:
        return json.loads((self.folder / "expected.json").read_text(encoding="utf-8"))

    @property
    def is_export(self) -> bool:
        """Whether it holds readings, and is no page or answer of an API."""
        return self.input.suffix in MEDIA_TYPES and self.meta.get("reads", "intervals") == "intervals"

    def read(self) -> Any:
        """What the utility's own reader makes of it, or ``{"error": its sentence}``."""
        try:
            return plain(self._read())
        except (FormatError, VisitError) as exc:
            return {"error": str(exc)}

    def _read(self) -> object:
        utility = self.utility
        content = self.input.read_bytes()
        if self.input.suffix == ".pdf":
            check_pdf(content)
            return utility.read_bill(pdf_text(content))
        if self.input.suffix == ".html":
            pages = import_module(f"meterfarm.utilities.{utility.id}.pages")
            return getattr(pages, self.meta["reads"])(content.decode())
        if self.input.suffix == ".json" and not self.is_export:
            answers = import_module(f"meterfarm.utilities.{utility.id}.answers")
            answer = HttpResponse("/sample", 200, {"content-type": "application/json"}, content, utility.name)
            return getattr(answers, self.meta["reads"])(answer)
        return utility.read_intervals(
            Document(content, MEDIA_TYPES[self.input.suffix], f"sample{self.input.suffix}"),
            Meter(self.meta.get("meter", ""), Commodity(self.meta.get("commodity", Commodity.ELECTRIC))),
        )


def samples(utility: Utility) -> Sequence[Sample]:
    """In the utility's folder, else in its family's; of a portal of the tests in ``samples/<id>`` here."""
    module = type(utility).__module__
    own = Path(utilities.__path__[0]) / utility.id
    if not own.is_dir() and module.startswith(f"{utilities.__name__}._families."):
        own = Path(import_module(module).__file__ or "").parent
    is_ours = module.startswith("meterfarm.")
    root = own / "samples" if is_ours else _HERE / "samples" / utility.id
    return [Sample(utility, folder) for folder in sorted(root.glob("*/"))]


def plain(value: Any) -> Any:
    """``value`` as JSON has it; a reading is one line: its start, its seconds, its mantissa."""
    if isinstance(value, Reading):
        estimated = " estimated" if value.estimated else ""
        return f"{value.starts_at:%Y-%m-%dT%H:%M:%SZ} {value.seconds} {value.mantissa}{estimated}"
    if isinstance(value, Series):
        about = {name: getattr(value, name) for name in ("meter_id", "commodity", "direction", "unit")}
        readings = [plain(reading) for reading in value.readings]
        return plain(about) | {"exponent": value.exponent, "readings": readings}
    if isinstance(value, LineItem):
        by = f"{value.volume} {value.unit}{f' x {value.rate}' if value.rate else ''} " if value.volume else ""
        return f"{value.section}: {value.name} {by}= {value.cost} cents, by {' and '.join(value.proved_by)}"
    if isinstance(value, Bill):
        return {
            each.name: plain(getattr(value, each.name)) for each in fields(value) if each.name != "checks"
        }
    if isinstance(value, Enum | date | Decimal):
        return str(value)
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if not hasattr(value, "__dataclass_fields__"):
        return value
    shown = plain(asdict(value))
    for name in ("more_in", "covers"):  # few portals say when they have more, or of which days an export is
        if isinstance(shown, dict) and shown.get(name, 0) is None:
            del shown[name]
    return shown
