"""A workbook for people (XLSX), written row by row: memory does not grow with the rows.

XlsxWriter writes it: every cell is written as what it is, so no text becomes a formula or a link.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from decimal import Decimal
from enum import Enum, auto
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from meterfarm.support.foreign_text import one_line

if TYPE_CHECKING:
    from xlsxwriter import Workbook  # type: ignore[import-untyped]
    from xlsxwriter.worksheet import Worksheet  # type: ignore[import-untyped]

MOST_ROWS = 1_048_576
"""Of a sheet, its heading included. Source: Excel specifications and limits."""
_LONGEST = 32_767
"""Characters of a cell, likewise."""
_EPOCH = date(1899, 12, 30)
_EPOCH_DAYS = 25_569
"""From Excel's day 0 to 1970-01-01."""
_DAY = 86_400
_DOLLARS = "[$$-409]#,##0.00;[Red]-[$$-409]#,##0.00"


class Instant(NamedTuple):
    """An instant as epoch seconds of whatever clock its column has."""

    seconds: int


class MoneyCell(NamedTuple):
    """An amount in hundredths of a currency (ISO 4217), "" if that is not known."""

    cents: int
    currency: str


Cell = str | int | float | Decimal | bool | date | Instant | MoneyCell | None


class SheetColumn(NamedTuple):
    """A column: its heading, and its width in characters."""

    heading: str
    width: int = 14


class _Form(Enum):
    HEAD, DAY, TIME = auto(), auto(), auto()


class SheetBook:
    """A workbook that is being written; its sheets may be written in turns."""

    def __init__(self, book: Workbook, most_rows: int) -> None:
        self.most_rows = most_rows
        self._book = book
        self.sheets: list[SheetWriter] = []
        self._forms: dict[object, Any] = {
            _Form.HEAD: book.add_format(
                {"bold": True, "bottom": 1, "text_wrap": True, "valign": "top", "bg_color": "#E8EDF2"}
            ),
            _Form.DAY: book.add_format({"num_format": "yyyy-mm-dd"}),
            _Form.TIME: book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
        }

    def sheet(self, name: str, columns: Sequence[SheetColumn]) -> SheetWriter:
        """A sheet with a frozen heading; it has more of its kind where rows exceed what Excel takes."""
        made = SheetWriter(self, name, columns)
        self.sheets.append(made)
        return made

    def page(self, name: str) -> Worksheet:
        """A worksheet of XlsxWriter's."""
        return self._book.add_worksheet(name)

    def form(self, of: object) -> Any:
        """The format of a heading, of days, of times, or of a currency's amounts."""
        if of not in self._forms:
            code = "".join(filter(str.isalpha, str(of)))[:3]
            after = f' "{code}"' if code else ""
            shown = _DOLLARS if code == "USD" else f"#,##0.00{after};[Red]-#,##0.00{after}"
            self._forms[of] = self._book.add_format({"num_format": shown})
        return self._forms[of]


class SheetWriter:
    """Rows of one kind: a sheet, or several if there are more than fit one."""

    def __init__(self, book: SheetBook, name: str, columns: Sequence[SheetColumn]) -> None:
        self.name = name
        self.rows = 0
        self.parts = 0
        self._book, self._columns = book, columns
        self._next = 0
        self._page: Worksheet = self._begun()

    def add(self, cells: Sequence[Cell]) -> None:
        """Write a row; None is an empty cell."""
        if self._next == self._book.most_rows:
            self._page = self._begun()
        for place, value in enumerate(cells):
            if value is not None:
                self._write(place, value)
        self._next += 1
        self.rows += 1

    def _begun(self) -> Worksheet:
        if self.parts:
            self.finish()
        self.parts += 1
        page = self._book.page(self.name if self.parts == 1 else f"{self.name} {self.parts}")
        head = self._book.form(_Form.HEAD)
        page.freeze_panes(1, 0)
        for place, column in enumerate(self._columns):
            page.set_column(place, place, column.width)
            page.write_string(0, place, column.heading, head)
        self._next = 1
        return page

    def finish(self) -> None:
        """Let people filter the rows: after the last of them."""
        if self._next > 1:
            self._page.autofilter(0, 0, self._next - 1, len(self._columns) - 1)

    def _write(self, place: int, value: Cell) -> None:
        page, row = self._page, self._next
        if isinstance(value, str):
            page.write_string(row, place, one_line(value, _LONGEST))
        elif isinstance(value, Instant):
            page.write_number(row, place, _EPOCH_DAYS + value.seconds / _DAY, self._book.form(_Form.TIME))
        elif isinstance(value, MoneyCell):
            page.write_number(row, place, value.cents / 100, self._book.form(value.currency))
        elif isinstance(value, bool):
            page.write_string(row, place, "yes" if value else "no")
        elif isinstance(value, date):
            page.write_number(row, place, (value - _EPOCH).days, self._book.form(_Form.DAY))
        elif value is not None:
            page.write_number(row, place, float(value))


@contextmanager
def sheet_book(target: Path, most_rows: int = MOST_ROWS) -> Iterator[SheetBook]:
    """A workbook that replaces ``target`` when all went well; its sheets have ``most_rows`` at most.

    Raises:
        OSError: it cannot be written.
    """
    from xlsxwriter import Workbook
    from xlsxwriter.exceptions import FileCreateError  # type: ignore[import-untyped]

    with TemporaryDirectory(dir=target.parent, prefix=".tmp-") as aside:
        whole = Path(aside) / "book.xlsx"
        book = Workbook(str(whole), {"constant_memory": True, "tmpdir": aside})
        book.use_zip64()
        made = SheetBook(book, most_rows)
        try:
            yield made
            for sheet in made.sheets:
                sheet.finish()
        except BaseException:
            with suppress(FileCreateError, OSError):
                book.close()  # its files are open until then
            raise
        try:
            book.close()
        except FileCreateError as exc:
            raise OSError(0, f"the workbook cannot be written: {exc}") from exc
        whole.chmod(0o600)
        whole.replace(target)
