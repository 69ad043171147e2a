"""A register's readings turned into the amounts between them. Readers never do so by themselves."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from meterfarm.formats.espi.units import MEASURES
from meterfarm.records import IntervalData, Issue, Measure, Reading, Series


def deltas(register: Series) -> IntervalData:
    """What was used from each reading of a register to the next, as a series of energy or volume.

    A reading is of the end of its interval, or of its instant if it has no length. Where a register
    goes down (it ran over, or the meter was changed) the amount is unknown, which is an issue. An amount is
    estimated where one of its ends is.

    Raises:
        ValueError: The series is no register.
    """
    if register.measure is not Measure.REGISTER:
        raise ValueError(f"these readings are {register.measure} and no register's standings")
    measure = MEASURES.get(register.unit, Measure.OTHER)
    readings: list[Reading] = []
    issues: list[Issue] = []
    for one, other in pairwise(register.readings):
        start, end = one.start + one.seconds, other.start + other.seconds
        used = other.mantissa - one.mantissa
        if used < 0:
            before, after = (f"{each.ends_at:%Y-%m-%d %H:%MZ}" for each in (one, other))
            what = f"The register goes down between {before} and {after}: nothing is known of that time."
            issues.append(Issue(f"meter {register.meter_id!r}", what))
        elif end > start:
            readings.append(Reading(start, end - start, used, one.estimated or other.estimated))
    return IntervalData((replace(register, measure=measure, readings=tuple(readings)),), tuple(issues))
