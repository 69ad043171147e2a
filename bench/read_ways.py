"""The ways to read a Green Button file that `bench read` compares; run as a module, the memory one takes.

``python -m meterfarm.bench.read_ways WAY FILE`` prints the MiB that reading the file once adds to it.
"""

from __future__ import annotations

import re
import resource
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from zoneinfo import ZoneInfo

from lxml import etree

from meterfarm.formats.batches import ReadingBatch
from meterfarm.formats.espi.green_button import stream_columns, stream_green_button
from meterfarm.formats.espi.green_button_writer import write_green_button
from meterfarm.records import Commodity, Direction, Reading, Series, Unit

READINGS = 365 * 96
_STEP = 900
_START = 1_704_085_200
_PEER = "greenbutton_objects.parse"  # installed for `bench read` only
_VALUE = "{http://naesb.org/espi}value"


def write_year(file: Path, readings: int) -> None:
    """Quarter-hours of one meter, a block a day."""
    rows = tuple(
        Reading(_START + place * _STEP, _STEP, 100 + place * 7919 % 900) for place in range(readings)
    )
    series = Series("E1234567", Commodity.ELECTRIC, Direction.DELIVERED, Unit.WH, 0, rows)
    with file.open("wb") as target:
        write_green_button(target, [series], ZoneInfo("America/New_York"))


def lxml_walk(file: Path) -> int:
    """The least that reads each value with lxml: neither time nor type nor meter is looked at."""
    root = etree.fromstring(file.read_bytes())
    return len([int(value.text or "") for value in root.iter(_VALUE)])


def columns(file: Path) -> int:
    """How many readings Meterfarm finds in a file."""
    with file.open("rb") as content:
        return sum(len(each.starts) for each in stream_columns(content) if isinstance(each, ReadingBatch))


def objects(file: Path) -> int:
    """All readings at once, as objects."""
    with file.open("rb") as content:
        series = [each for each in stream_green_button(content) if isinstance(each, Series)]
    return sum(len(each.readings) for each in series)


def greenbutton_objects(file: Path) -> int:
    """How many readings the library greenbutton-objects finds."""
    points = import_module(_PEER).parse_feed(str(file))
    return sum(
        len(block.intervalReadings)
        for point in points
        for reading in point.meterReadings
        for block in reading.intervalBlocks
    )


WAYS: dict[str, Callable[[Path], int]] = {
    "lxml walk": lxml_walk,
    "columns": columns,
    "objects": objects,
    "greenbutton-objects": greenbutton_objects,
}


def peak() -> float:
    """MiB. Where the system has it for this program alone: ``getrusage`` counts what started it as well."""
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        if found:
            return int(found[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Read a file in one way and print how long it took."""
    way, file = sys.argv[1:]
    if way == "greenbutton-objects":
        import_module(_PEER)  # its own memory is not that of reading
    before = peak()
    WAYS[way](Path(file))
    sys.stdout.write(f"{peak() - before}\n")


if __name__ == "__main__":
    main()
