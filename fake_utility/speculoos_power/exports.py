"""What may be exported: a meter, a range of local days, a format."""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from meterfarm.fake_utility.kit.accounts import Account, Meter
from meterfarm.fake_utility.kit.calendar import readings_span
from meterfarm.fake_utility.speculoos_power.espi import green_button
from meterfarm.fake_utility.speculoos_power.interval_csv import interval_csv

LONGEST = 397
FORMATS = {"xml": "application/xml", "csv": "text/csv; charset=utf-8", "zip": "application/zip"}


class BadExport(ValueError):
    """An export that cannot be given; its text is for the page."""


@dataclass(frozen=True, slots=True)
class Export:
    """`start` and `to` are local days, both included. `to_newest`: `to` is the newest day available."""

    account: Account
    meter: Meter
    start: date
    to: date
    format: str
    to_newest: bool = False

    @property
    def file_name(self) -> str:
        """The name of the file that is handed out."""
        return f"{self._stem}.{self.format}"

    @property
    def media_type(self) -> str:
        """Its media type."""
        return FORMATS[self.format]

    @property
    def _stem(self) -> str:
        return f"SpeculoosPower_{self.meter.id}_{self.start}_{self.to}"

    def content(self) -> bytes:
        """The readings in its format."""
        write = interval_csv if self.format == "csv" else green_button
        content = write(self.account, self.meter, self.start, self.to, to_newest=self.to_newest)
        return _zip(f"{self._stem}.xml", content) if self.format == "zip" else content


def parse_export(account: Account, fields: Mapping[str, str], today: date) -> Export:
    """Raises BadExport, saying which field is wrong."""
    meter = account.meter(fields.get("meter", ""))
    if meter is None:
        raise BadExport("Choose one of the meters on this account.")
    start, to = _date("from", fields), _date("to", fields)
    if start > to:
        raise BadExport("The first day must not be later than the last day.")
    if (to - start).days + 1 > LONGEST:
        raise BadExport(
            f"You can download up to 13 months ({LONGEST} days) at a time. Choose a shorter range."
        )
    first, last = readings_span(today)
    if start < first or to > last:
        raise BadExport(f"Usage data is available from {first} to {last}. Choose days in that range.")
    format_ = fields.get("format", "")
    if format_ not in FORMATS:
        raise BadExport("Choose one of the formats: Green Button XML, CSV or ZIP.")
    return Export(account, meter, start, to, format_, to_newest=to == last)


def _date(name: str, fields: Mapping[str, str]) -> date:
    try:
        return date.fromisoformat(fields.get(name, ""))
    except ValueError as exc:
        which = "first" if name == "from" else "last"
        raise BadExport(f"The {which} day is not a date. Write it like 2026-03-31.") from exc


def _zip(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    member = zipfile.ZipInfo(name, date_time=(2020, 1, 1, 0, 0, 0))
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(member, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
