"""Reads a workbook on standard input and writes its rows to standard output, a JSON array a line.

``workbook`` runs this file as a process of its own: python-calamine holds a sheet as a whole
rectangle, however few of its cells are filled, and ends the process if there is no memory for it. The first
line has the sheets, ``[[name, is visible], ...]``; ``[sheet, row, cells]`` follow, sheets counted from 0 and
rows from 1, without blank rows. A cell is a string, a number, a truth value, ``["seconds", number]`` or
``["date" | "datetime" | "time", ISO 8601]``. The exit status is 0, PASSWORD, DAMAGED, or another if a limit
ended it.
"""

import json
import resource
import sys
from datetime import date, datetime, time, timedelta

MEMORY = 192 * 1024 * 1024
"""Bytes of addresses, what the interpreter takes (15 MB) among them."""
SECONDS = 40
WRITTEN = 256 * 1024 * 1024
PASSWORD, DAMAGED = 3, 4


def _limit() -> None:
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_FSIZE, WRITTEN),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        _, hard = resource.getrlimit(what)
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (least, least))


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return ["datetime", value.isoformat()]
    if isinstance(value, date):
        return ["date", value.isoformat()]
    if isinstance(value, time):
        return ["time", value.isoformat()]
    if isinstance(value, timedelta):
        return ["seconds", value.total_seconds()]
    return value if isinstance(value, str | int | float) else str(value)


def _write(what: object) -> None:
    sys.stdout.write(json.dumps(what, allow_nan=False) + "\n")


def main() -> int:
    """Read the workbook; gives the exit status."""
    _limit()
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetVisibleEnum

    try:
        book = CalamineWorkbook.from_filelike(sys.stdin.buffer)
        names = [[each.name, each.visible == SheetVisibleEnum.Visible] for each in book.sheets_metadata]
        _write(names)
        for place in range(len(names)):
            sheet = book.get_sheet_by_index(place)
            first = (sheet.start or (0, 0))[0] + 1
            for number, row in enumerate(sheet.iter_rows(), first):
                cells = [_cell(each) for each in row]
                while cells and cells[-1] == "":
                    cells.pop()
                if cells:
                    _write([place, number, cells])
    except PasswordError:
        return PASSWORD
    except (CalamineError, ValueError, OverflowError):
        return DAMAGED
    return 0


if __name__ == "__main__":
    sys.exit(main())
