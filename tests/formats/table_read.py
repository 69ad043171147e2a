"""Tables of intervals as tests make them, and what is read of one."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from decimal import Decimal
from io import BytesIO
from zoneinfo import ZoneInfo

from openpyxl import Workbook  # type: ignore[import-untyped]

from meterfarm.formats.errors import FormatError
from meterfarm.formats.tables.interval_csv import read_table
from meterfarm.formats.tables.layout import Layout
from meterfarm.records import Issue, Measure, Series, Severity

NEW_YORK = ZoneInfo("America/New_York")


OPOWER = "Service,Service 1\n\nTYPE,DATE,START TIME,END TIME,USAGE (kWh),COST,NOTES\n"


class Read:
    """All that came out of a table, and the error that ended it."""

    def __init__(
        self,
        text: str | bytes,
        zone: ZoneInfo | None = NEW_YORK,
        layouts: Sequence[Layout] = (),
        name: str = "x.csv",
    ) -> None:
        self.series: list[Series] = []
        self.issues: list[Issue] = []
        self.error = ""
        content = text if isinstance(text, bytes) else text.encode()
        try:
            for each in read_table(name, BytesIO(content), zone, layouts):
                if isinstance(each, Series):
                    self.series.append(each)
                else:
                    self.issues.append(each)
        except FormatError as exc:
            self.error = str(exc)

    @property
    def doubts(self) -> str:
        return " / ".join(str(each) for each in self.issues if each.severity is not Severity.NOTE)

    @property
    def notes(self) -> str:
        return " / ".join(str(each) for each in self.issues if each.severity is Severity.NOTE)

    def values(self, place: int = 0) -> list[Decimal]:
        series = self.series[place]
        return [Decimal(each.mantissa).scaleb(series.exponent) for each in series.readings]

    def starts(self, place: int = 0) -> list[str]:
        return [each.starts_at.strftime("%dT%H:%M") for each in self.series[place].readings]

    def lengths(self, place: int = 0) -> list[int]:
        return [each.seconds for each in self.series[place].readings]


def opower(*rows: str) -> str:
    return OPOWER + "".join(f"Electric usage,{row}\n" for row in rows)


def energy(read: Read) -> list[Decimal]:
    return [
        Decimal(each.mantissa).scaleb(one.exponent)
        for one in read.series
        if one.measure is Measure.ENERGY
        for each in one.readings
    ]


def as_book(*sheets: str) -> bytes:
    workbook = Workbook()
    workbook.remove(workbook.active)
    for text in sheets:
        sheet = workbook.create_sheet()
        for row in csv.reader(text.splitlines()):
            sheet.append(row)
    file = BytesIO()
    workbook.save(file)
    return file.getvalue()
