"""Readings written as each portal would: what the readers of ``formats/tables/layouts/`` are tried on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import NamedTuple
from zoneinfo import ZoneInfo

from meterfarm.formats.readings_csv import plain
from meterfarm.records import Reading


class Row(NamedTuple):
    """One reading as a portal shows it: clocks of both ends, the value in thousandths, as text."""

    start: datetime
    end: datetime
    value: str


class Shape(NamedTuple):
    """How a portal writes readings of so many seconds; ``exponent`` of Wh that its values mean."""

    name: str
    seconds: int
    write: Callable[[Sequence[Row]], str]
    exponent: int = 0
    encoding: str = "utf-8"


def rows(readings: Sequence[Reading], zone: str) -> Sequence[Row]:
    local = ZoneInfo(zone)
    return [
        Row(
            datetime.fromtimestamp(each.start, local),
            datetime.fromtimestamp(each.start + each.seconds, local),
            plain(each.mantissa, -3),
        )
        for each in readings
    ]


def _table(head: str, lines: Sequence[str], newline: str = "\n") -> str:
    return newline.join([head, *lines, ""])


_OPOWER = 'Name,A. PERSON\nAddress,"1 ELM ST, TROY, NY"\nAccount Number,1\nService,Service 1\n\n'


def _last_minute(row: Row, seconds: int) -> str:
    """Opower's end: the clock of the last minute, however the clock is moved meanwhile."""
    return f"{row.start + timedelta(seconds=seconds - 60):%H:%M}"


def _opower(seconds: int) -> Callable[[Sequence[Row]], str]:
    def write(rows: Sequence[Row]) -> str:
        lines = [
            f"Electric usage,{row.start:%Y-%m-%d,%H:%M},{_last_minute(row, seconds)},{row.value},$0.01"
            for row in rows
        ]
        return _table(f"{_OPOWER}TYPE,DATE,START TIME,END TIME,USAGE (kWh),COST,NOTES", lines)

    return write


def _opower_old(rows: Sequence[Row]) -> str:
    lines = [
        f"Electric usage,{row.start:%-m/%-d/%Y,%-H:%M},{_last_minute(row, 900)},{row.value},kWh,$0.01,"
        for row in rows
    ]
    return _table(f"{_OPOWER}TYPE,DATE,START TIME,END TIME,USAGE,UNITS,COST,NOTES", lines, "\r\n")


def _opower_starts(rows: Sequence[Row]) -> str:
    """As BGE hands it to businesses: the steps tell how long an interval is."""
    lines = [f"Electric Usage,D1-1,{row.start:%-m/%-d/%Y,%-H:%M},{row.value},kWh" for row in rows]
    return _table(f"{_OPOWER}Type,Meter,Date,Start Time,Usage,Usage Unit", lines)


def _firstfuel(rows: Sequence[Row]) -> str:
    stamp = "%-m/%-d/%Y %-H:%M"
    lines = [
        f"563,{row.start:{stamp}},{row.end:{stamp}},{row.value},KWH,56,FAHRENHEIT,148.8,KW," for row in rows
    ]
    head = (
        "Service Agreement,Start Date Time,End Date Time,Usage,Usage Unit,Avg. Temperature,Temperature Unit,"
        "Peak Demand,Demand Unit,Event Flags"
    )
    return _table(head, lines)


def _sce(rows: Sequence[Row]) -> str:
    parts = ['Energy Usage Information\n"For location: 1 ELM ST"\n\nDetailed Usage']
    for day, of_day in groupby(rows, key=lambda row: row.start.date()):
        parts.append(f'\n"Data for period starting: {day} 00:00:00\xa0 for 24 hours"')
        parts.append("Energy consumption time period,Usage(Real energy in kilowatt-hours),Reading quality")
        parts += [
            f'"{row.start:%Y-%m-%d %H:%M:%S}\xa0to {row.end:%Y-%m-%d %H:%M:%S}","{row.value}",""'
            for row in of_day
        ]
    return "\n".join([*parts, ""])


def _sce_of_late(rows: Sequence[Row]) -> str:
    head = (
        '"For location: 1 ELM ST"\n"Type of readings: Electricity"\n'
        "Date,Energy Consumption time Period Start,Energy Consumption time Period End,Delivered,Received"
    )
    stamp = "%m/%d/%Y %I:%M%p "
    lines = [
        f'"{row.start:%m/%d/%Y} ","{row.start:{stamp}}","{row.end:{stamp}}","{row.value}","0.000"'
        for row in rows
    ]
    return _table(head, lines)


def _sdge(rows: Sequence[Row]) -> str:
    head = (
        "Name,A\nResource,Electric\nMeter Number,0123\nUOM,kWh\n"
        "Meter Number,Date,Start Time,Duration,Consumption,Generation,Net"
    )
    lines = [f'"0123","{row.start:%-m/%-d/%Y","%-I:%M %p}","15","{row.value}","",""' for row in rows]
    return _table(head, lines, "\r\n")


def _texas(rows: Sequence[Row]) -> str:
    head = (
        "ESIID,USAGE_DATE,REVISION_DATE,USAGE_START_TIME,USAGE_END_TIME,USAGE_KWH,ESTIMATED_ACTUAL,"
        "CONSUMPTION_SURPLUSGENERATION"
    )
    lines = [
        f"'10443,{row.start:%m/%d/%Y},03/02/2024 06:18:33, {row.start:%H:%M}, {row.end:%H:%M},"
        f"{row.value.removeprefix('0')},A,Consumption"
        for row in rows
    ]
    return _table(head, lines)


def _meterwatch(rows: Sequence[Row]) -> str:
    head = "Starting Date,Ending Date,Starting Time,Ending Time,kWh Cost,kWh Usage,kvarh"
    lines = [
        f"{row.start:%m/%d/%Y},{row.end:%m/%d/%Y},{row.start:%H:%M}:01,{row.end:%H:%M:%S},,{row.value},"
        for row in rows
    ]
    return _table(head, lines, "\r\n")


def _mvweb(rows: Sequence[Row]) -> str:
    head = (
        "Meter ID         , Date / Time        , KWH(ch: 1  set:0)   , KVARH(ch: 2  set:0) , PF(ch: 3  set:0)"
    )
    lines = [f"0027     , {row.end:%-m/%-d/%y %H:%M}   , {row.value}   , 1.5   , 0.95   " for row in rows]
    return _table(head, lines, "\r\n")


def _ameren(rows: Sequence[Row]) -> str:
    columns = "Start Interval Date/Time,Meter Id,Usage,Units,Interval,Usage,Units,Interval"
    head = f"Commodity,Electric,,,,,,\n\n{columns}"
    return _table(head, [f"{row.start:%m/%d/%Y %H:%M},7,-,-,-,{row.value},kwh,15min" for row in rows])


def _bchydro(rows: Sequence[Row]) -> str:
    head = '"Account Number","Meter Number","Interval Start Date/Time","Inflow (kWh)","Outflow (kWh)"'
    return _table(head, [f'"\'01","\'02","{row.start:%Y-%m-%d %H:%M}","{row.value}","N/A"' for row in rows])


def _octopus(rows: Sequence[Row]) -> str:
    lines = [f"{row.value}, {row.start.isoformat()}, {row.end.isoformat()}" for row in rows]
    return _table(" Consumption (kwh), Start, End", lines)


def _octopus_utc(rows: Sequence[Row]) -> str:
    stamps = "%Y-%m-%dT%H:%M:%SZ"
    lines = [
        f"{row.value},{row.start.astimezone(UTC):{stamps}},{row.end.astimezone(UTC):{stamps}}" for row in rows
    ]
    return _table("Consumption (kWh),Start,End", lines)


def _esb(unit: str) -> Callable[[Sequence[Row]], str]:
    def write(rows: Sequence[Row]) -> str:
        lines = [
            f"1,2,{row.value},Active Import Interval ({unit}),{row.end:%d-%m-%Y %H:%M}" for row in rows[::-1]
        ]
        return _table("MPRN,Meter Serial Number,Read Value,Read Type,Read Date and End Time", lines, "\r\n")

    return write


def _fluvius(head: str, taken: str) -> Callable[[Sequence[Row]], str]:
    def write(rows: Sequence[Row]) -> str:
        lines = [
            f'{row.start:%d-%m-%Y;%H:%M:%S};{row.end:%d-%m-%Y;%H:%M:%S};="5414";1SAG1;Meter;{taken};'
            f"{row.value.replace('.', ',')};kWh;Ok"
            for row in rows
        ]
        return "\ufeff" + _table(head, lines, "\r\n")

    return write


def _enel(rows: Sequence[Row]) -> str:
    """A grid of a day's quarter-hours; the second pass of a doubled hour stands after the first."""
    columns: list[str] = []
    for minute in range(0, 1440, 15):
        end = (minute + 15) % 1440
        columns.append(f"{minute // 60:02}:{minute % 60:02}-{end // 60:02}:{end % 60:02}")
    lines = []
    days = [list(of_day) for _, of_day in groupby(rows, key=lambda row: row.start.date())]
    twice = sorted({f"{row.start:%H:%M}" for day in days for row in day if row.start.fold})
    names = [each for column in columns for each in [column] * (2 if column[:5] in twice else 1)]
    for day in days:
        cells = []
        for place, column in enumerate(names):
            fold = int(place > 0 and names[place - 1] == column)
            found = (
                row.value for row in day if f"{row.start:%H:%M}" == column[:5] and row.start.fold == fold
            )
            cells.append(f'"{next(found, "").replace(".", ",")}"')
        lines.append(f'"{day[0].start:%d/%m/%Y}";{";".join(cells)};')
    return _table(";".join(["Giorno", *names]), lines)


def _smarthub(rows: Sequence[Row]) -> str:
    head = (
        "====\n Usage Information\n For: 17\n ====\n"
        " Type of readings: Electricity, Energy Consumption, Real energy in kilowatt-hours \n"
        " Energy consumption time period,Usage(Real energy in kilowatt-hours),Events occurred"
    )
    lines = [f" {row.start:%Y-%m-%d %H:%M} to {row.end:%Y-%m-%d %H:%M},{row.value},," for row in rows]
    return _table(head, lines)


def _ottawa(rows: Sequence[Row]) -> str:
    return _table(
        "Date,Time,Usage tier 1 (kWh)", [f"{row.start:%Y-%m-%d,%-I %p},{row.value}" for row in rows]
    )


_NL = (
    "Van datum;Van tijdstip;Tot datum;Tot tijdstip;EAN;Meter;Metertype;Register;Volume;Eenheid;"
    "Validatiestatus"
)
_EN = (
    "From (date);From (time);Until (date);Until (time);EAN code;Meter;Meter type;Register;Volume;Unit;"
    "Validation status"
)
_FR = (
    "De (date);De (heure);À (date);À (heure);Code EAN;Compteur;Type de compteur;Registre;Volume;Unité;"
    "Statut de validation"
)
SHAPES = (
    Shape("opower, quarter-hours", 900, _opower(900)),
    Shape("opower, half hours", 1800, _opower(1800)),
    Shape("opower, hours, UTF-16", 3600, _opower(3600), encoding="utf-16"),
    Shape("opower, of old", 900, _opower_old),
    Shape("opower, starts alone", 900, _opower_starts),
    Shape("firstfuel", 900, _firstfuel),
    Shape("sce", 900, _sce),
    Shape("sce, of late", 900, _sce_of_late),
    Shape("sdge", 900, _sdge),
    Shape("smart meter texas", 900, _texas),
    Shape("meterwatch", 900, _meterwatch),
    Shape("mv-web", 900, _mvweb),
    Shape("ameren", 900, _ameren),
    Shape("bchydro", 3600, _bchydro),
    Shape("octopus", 1800, _octopus),
    Shape("octopus, UTC", 1800, _octopus_utc),
    Shape("esb, kW", 1800, _esb("kW"), -1),
    Shape("esb, kWh", 1800, _esb("kWh")),
    Shape("fluvius, Dutch", 900, _fluvius(_NL, "Afname Dag")),
    Shape("fluvius, English", 3600, _fluvius(_EN, "Offtake Night")),
    Shape("fluvius, French", 900, _fluvius(_FR, "Prélèvement Jour")),
    Shape("enel", 900, _enel),
    Shape("smarthub", 3600, _smarthub),
    Shape("hydro ottawa", 3600, _ottawa),
)
