"""Bills of a business with demand, and of several periods billed again, with holes to fill."""

from __future__ import annotations

from tests.formats.bills_made import MadeBill

BUSINESS = """
14~PRAIRIE ELECTRIC || 120~Account Number: 330012345
14~Bill Date: 07/08/2024 || 120~Due Date: 07/29/2024
14~Service Address: || 120~Billing Period: 06/03/2024 - 07/03/2024 (30 days)
14~400 INDUSTRY RD
14~OMAHA, NE 68102
14~Meter Number: 77881234 || 90~Rate: GS-2
14~Previous Reading 10,240 || 70~Present Reading 10,690 || 120~Multiplier 40 || 160~Usage 18,000 kWh
14~{measured}
14~{billed}
14~{factor}
14~Customer Charge || 160~$45.00
14~Energy Charge 18,000 kWh @ $0.06000 || 160~$1,080.00
14~{charge}
14~Total Current Charges || 160~${total}
14~Total Amount Due || 160~${total}
14~Mail to PO BOX 9, OMAHA NE 68101
"""
LINES = {
    "measured": "Measured Demand || 90~61.6 kW",
    "billed": "Billed Demand || 90~64.0 kW",
    "factor": "Power Factor || 90~93.5%",
    "charge": "Demand Charge 64.0 kW @ $12.50000 || 160~$800.00",
    "total": "1,925.00",
}

_PERIOD = """
14~Electric Service || 70~Billing Period {first} - {last} ({days} days)
14~Meter Number 00456-78901
14~Previous Read || 60~Current Read || 110~Usage
14~{previous} || 60~{current} || 110~{used} kWh
14~Energy {used} kWh x $0.20000 || 150~${cost}
14~Subtotal Electric Charges || 150~${cost}
"""
PERIODS = (
    *(("01/05/2024", "02/05/2024", 31, 20100, 20600, 500, "100.00"),),
    *(("02/05/2024", "03/06/2024", 30, 20600, 21050, 450, "90.00"),),
    *(("03/06/2024", "04/05/2024", 30, 21050, 21600, 550, "110.00"),),
)
_NAMES = ("first", "last", "days", "previous", "current", "used", "cost")
_REBILLED = """
14~CITY WATER AND POWER || 120~Account Number: 456 789 0123
14~{note} || 120~Bill Date: 04/10/2024
14~{span} || 120~Amount Due by 04/29/2024
14~Previous Balance || 150~$0.00
{taken}
14~Total Amount Due || 150~${total}
{periods}
14~Total Current Charges || 150~${total}
14~Account Number: 456 789 0123 || 100~Total Amount Due || 150~${total}
14~Mail to PO BOX 30808, LOS ANGELES CA 90030
"""
NOTE = "CORRECTED BILL. This bill replaces your bills since January."


def rebilled(
    note: str = NOTE, span: str = "", taken: str = "", total: str = "300.00", count: int = 3
) -> MadeBill:
    """A bill of the first ``count`` periods."""
    periods = "\n".join(
        _PERIOD.strip("\n").format(**dict(zip(_NAMES, each, strict=True))) for each in PERIODS[:count]
    )
    return MadeBill(
        "rebilled", _REBILLED.format(note=note, span=span, taken=taken, total=total, periods=periods), {}
    )
