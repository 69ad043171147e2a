"""How many cells the rows of a table have: a comma too many or too few moves values under other columns."""

from __future__ import annotations

from collections.abc import Sequence

from meterfarm.formats.tables.cells import clean, refused
from meterfarm.formats.tables.columns import is_number
from meterfarm.formats.tables.remarks import Remarks


class Widths:
    """Of the rows below one header, which has ``width`` cells; those up to the place ``last`` are read.

    ``placed`` is of a workbook, which says of each cell what column it stands in.
    """

    def __init__(self, width: int, last: int, remarks: Remarks, *, placed: bool) -> None:
        self._width, self._last, self._remarks, self._placed = width, last, remarks, placed
        self.usual = -1
        """Cells of the rows so far; ``look`` need be called only for a row that has another number."""
        self._surplus: int | None = None
        self._sample: Sequence[str] = ()

    def look(self, line: int, cells: Sequence[str]) -> None:
        """Raises FormatError if a row's values cannot be what they seem."""
        count = len(cells)
        if count > self._width or self._surplus:
            self._look_beyond(line, cells)
        self._surplus = max(0, count - self._width) if self._surplus is None else self._surplus
        if self._placed or self.usual in (-1, count):
            self.usual, self._sample = count, cells
            return
        within, usual = min(count, self._width), min(self.usual, self._width)
        if within < usual and within <= self._last:
            raise refused(line, f"it has {count} cells, and the rows above it have {self.usual}")
        shorter, longer = sorted((cells, self._sample), key=len)
        if within == usual:
            moved = count < self.usual and self._lacks_value(cells)
        else:
            moved = min(within, usual) <= self._last or _may_be_moved(shorter, longer)
        if moved:
            self._remarks.short(line)
        if within > usual:
            self.usual, self._sample = count, cells

    def _lacks_value(self, cells: Sequence[str]) -> bool:
        """Whether a cell that is read is blank, and was not in the row before: it may have been left out."""
        read = range(min(self._last + 1, len(cells), len(self._sample)))
        return any(clean(self._sample[each]) and not clean(cells[each]) for each in read)

    def _look_beyond(self, line: int, cells: Sequence[str]) -> None:
        """Cells beyond the header are blank, and as many in each row; else a comma shifted the row."""
        surplus = max(0, len(cells) - self._width)
        if surplus > (surplus if self._surplus is None else self._surplus) or any(
            map(clean, cells[self._width :])
        ):
            raise refused(line, f"it has {len(cells)} cells under a header of {self._width}")


def _may_be_moved(shorter: Sequence[str], longer: Sequence[str]) -> bool:
    """Whether the last cell may be of the next column, as it is if one before it is missing."""
    return not shorter or _kind(shorter[-1]) == _kind(longer[len(shorter)])


def _kind(cell: str) -> str:
    text = clean(cell)
    if not text:
        return ""
    return "money" if text.strip("-(")[:1] in "$€£" else "number" if is_number(text) else "text"
