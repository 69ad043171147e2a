"""Interval tables of every layout, and NEM12, damaged."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from zoneinfo import ZoneInfo

from meterfarm.formats.errors import FormatError
from meterfarm.formats.tables.interval_csv import read_table
from meterfarm.records import Reading, Series
from tests.formats.table_writers import SHAPES, rows

_ZONE = "America/St_Johns"
_BEFORE_AUTUMN = 1_730_512_800  # the clock is put back an hour and a half later
_LONGEST = 400 * 86_400


def _readings(seconds: int) -> Sequence[Reading]:
    return [
        Reading(_BEFORE_AUTUMN + place * seconds, seconds, 7 * place) for place in range(14_400 // seconds)
    ]


_DAY = b",".join(b"%d.25" % number for number in range(48))
_NEM12 = (
    b"100,NEM12,200405011135,MDA1,Ret1\r\n200,VABD000163,E1Q1,1,E1,N1,METSER123,kWh,30,\r\n"
    b"300,20040201," + _DAY + b",A,,,20040202120025,\r\n300,20040202," + _DAY + b",V,,,20040202120025,\r\n"
    b"400,1,20,F14,76,\r\n400,21,48,A,,\r\n500,O,S01009,20040202120025,\r\n900\r\n"
)
_NEM13 = (
    b"100,NEM13,200405011135,MDA1,Ret1\n250,NCDE001111,11,1,11,11,METSER,E,1,20030101000000,A,,,12,"
    b"20030401000000,E64,77,,11.5,kWh,20030701,20030402000000,\n900\n"
)
_REGISTERS = (
    b"eancodeasn,meternummer,meterreadingdate,reading1,usage1,reading2,usage2\n"
    b"1,E1,05-06-2023,1.2,,3.4,\n1,E1,06-06-2023,1.4,.2,3.4,0\n1,G1,06-06-2023,1.4,.2,,\n"
)
_BILLS = (
    b'Bill Date,Electric Usage (kWh),Total Charges\n"09/24/2025","450","(112.77)"\n"08/26/2025","5","-$1"\n'
)

SEEDS: Sequence[bytes] = (
    *(shape.write(rows(_readings(shape.seconds), _ZONE)).encode(shape.encoding) for shape in SHAPES),
    _NEM12,
    _NEM13,
    _REGISTERS,
    _BILLS,
)


def one(data: bytes) -> None:
    """It is read as far as it can be; a FormatError is an answer, and no reading is from nowhere."""
    readings = 0
    try:
        for each in read_table("pge_x.csv", BytesIO(data), ZoneInfo(_ZONE)):
            if isinstance(each, Series):
                readings += len(each.readings)
                for reading in each.readings:
                    if not 0 <= reading.seconds <= _LONGEST or not 0 < reading.start < 2**33:
                        raise ValueError(f"a reading {reading}")
    except FormatError as exc:
        if len(str(exc)) > 600 or "\n" in str(exc):
            raise ValueError("an error of more than a sentence") from exc
    if readings > len(data):
        raise ValueError(f"{readings} readings of {len(data)} bytes")
