"""Brings an export and the stored series it belongs to to one exponent, exactly: the finer of the two."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, select, update
from sqlmodel import Session

from meterfarm.formats.errors import FormatError
from meterfarm.records import Reading, Series
from meterfarm.storage.tables import ReadingRevisionRow, ReadingRow, SeriesRow, metadata

_LIMIT = 2**63 - 1
_TABLES = [metadata.tables[str(row.__tablename__)] for row in (ReadingRow, ReadingRevisionRow)]


def align(session: Session, row: SeriesRow, shown: Series) -> Sequence[Reading]:
    """The readings at the stored series' exponent, which is lowered first if theirs is finer.

    Raises FormatError if a value does not fit 64 bits.
    """
    if shown.exponent < row.exponent:
        _refine(session, row, shown)
    factor = 10 ** (shown.exponent - row.exponent)
    mantissas = [reading[2] for reading in shown.readings]
    if max(max(mantissas), -min(mantissas)) * factor > _LIMIT:
        raise _too_long(shown)
    if factor == 1:
        return shown.readings
    return [reading._replace(mantissa=reading.mantissa * factor) for reading in shown.readings]


def _refine(session: Session, row: SeriesRow, shown: Series) -> None:
    """Lower the stored series' exponent: former values go along, and no value changes."""
    factor = 10 ** (row.exponent - shown.exponent)
    connection = session.connection()
    for table in _TABLES:
        mantissa: ColumnElement[int] = table.c.mantissa
        own = table.c.series_id == row.id
        largest = connection.scalar(select(func.max(func.abs(mantissa))).where(own)) or 0
        if largest * factor > _LIMIT:
            raise _too_long(shown)
        if largest:
            connection.execute(update(table).where(own).values(mantissa=mantissa * factor))
    row.exponent = shown.exponent
    session.flush()


def _too_long(shown: Series) -> FormatError:
    return FormatError(
        f"Meter {shown.meter_id} has values with too many digits to be kept in steps of "
        f"10^{shown.exponent} {shown.unit.value}; "
        "nothing of this export was stored, have the utility's script looked at."
    )
