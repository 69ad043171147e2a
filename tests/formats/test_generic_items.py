"""Line items, names and sums of bills of unknown layouts: what stands beside them is not taken for them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from meterfarm.formats.bills.generic.read import read_unknown
from meterfarm.formats.bills.words import pages_of
from meterfarm.records import BillReading, LineItem
from tests.formats.bills_made import MadeBill

_US = """
14~ACME ELECTRIC || 120~Account Number: 1234-5678-90
14~Bill Date: 02/09/2024 || 120~Due Date: 03/01/2024
14~Service period: 01/06/2024 - 02/05/2024 (30 days)
"""
_PERIOD = "14~SERVICE FOR || 90~BILLING PERIOD\n14~JANE PUBLIC\n90~Jan 6, 2024 to Feb 5, 2024\n"
_DE = """
14~Stadtwerke Musterstadt GmbH || 120~Rechnungsdatum: 15.01.2024
14~Kundennummer: 200345678 || 120~Abrechnungszeitraum: 01.01.2023 - 31.12.2023
"""
_IT = """
14~Energia Uno || 120~Data emissione 28/04/2026
14~Codice cliente: 25829339 || 120~Periodo di riferimento 01/03/2026 - 31/03/2026
14~Bolletta della fornitura di energia || 120~Scadenza 03/06/2026
"""


def _read(text: str) -> BillReading:
    (reading,) = read_unknown(list(pages_of(MadeBill("made", text, {}).pdf())))
    return reading


def _items(text: str) -> list[LineItem]:
    return list(_read(text).line_items)


def test_a_price_before_a_quantity_is_the_rate() -> None:
    (item,) = _items(f"{_IT}14~materia prima gas || 70~€/Smc 0,620537 || 110~420,000000 || 170~260,63\n")
    assert (item.volume, item.rate) == (Decimal("420.000000"), Decimal("0.620537"))


def test_what_has_a_unit_is_the_quantity() -> None:
    (item,) = _items(f"{_US}14~Demand || 70~15.49 x 17.4 kW || 160~269.53\n")
    assert (item.volume, item.unit, item.rate) == (Decimal("17.4"), "kw", Decimal("15.49"))


@pytest.mark.parametrize(
    ("head", "price", "rate"),
    [
        (_US, "28.00p per kWh", "0.28"),
        (_US, "28.00 c/kWh", "0.28"),
        (_US, "28.000 cents per kWh", "0.28"),
        (_US, "$0.28", "0.28"),
        (_DE, "28,00 ct/kWh", "0.28"),
        (_DE, "28,00 Cent/kWh", "0.28"),
        (_DE, "0,28 €/kWh", "0.28"),
    ],
)
def test_a_price_is_the_rate_however_it_is_written(head: str, price: str, rate: str) -> None:
    volume, cost = ("256,40", "71,79 €") if "," in price else ("256.40", "$71.79")
    (item,) = _items(f"{head}14~Energy {volume} kWh x {price} || 160~{cost}\n")
    assert (item.volume, item.unit, item.rate, item.cost) == (Decimal("256.40"), "kwh", Decimal(rate), 7179)
    sign = "at" if head is _US else "zu"
    (item,) = _items(f"{head}14~Energy {volume} kWh {sign} {price} || 160~{cost}\n")
    assert (item.volume, item.rate) == (Decimal("256.40"), Decimal(rate))


def test_what_was_credited_is_negative_and_what_was_owed_or_paid_is_no_charge() -> None:
    items = _items(
        f"{_US}14~Previous balance || 150~$40.00\n14~Direct Debit collected on 20th Feb || 150~-$40.00\n"
        "14~Energy 300 kWh @ $0.20 || 150~$60.00\n14~Feed-in 100 kWh @ $0.07 || 150~$7.00cr\n"
        "14~CURRENT BILL || 150~$53.00\n14~ARREARS || 150~$10.00\n14~TOTAL DUE || 150~$63.00\n"
    )
    assert [(item.name.partition(" ")[0], item.cost) for item in items] == [
        ("Energy", 6000),
        ("Feed-in", -700),
    ]


def test_a_price_per_unit_is_no_cost() -> None:
    items = _items(
        f"{_IT}14~Energia || 100~0,04 €/kWh || 150~33,99 €\n14~Quota fissa || 100~0,02 €/kWh || 150~14,98 €\n"
        "14~Totale spesa || 100~0,06 €/kWh || 150~48,97 €\n"
    )
    assert [item.cost for item in items] == [3399, 1498]


def test_what_a_charge_is_made_of_is_no_further_charge() -> None:
    items = _items(
        f"{_IT}14~Quota per consumi || 150~48,97 €\n14~di cui spesa per la rete || 150~33,99 €\n"
        "14~di cui spesa per vendita || 150~14,98 €\n14~Quota fissa || 150~11,00 €\n"
        "14~Accise || 150~5,00 €\n14~Totale bolletta || 150~64,97 €\n"
    )
    assert not [item for item in items if item.name.startswith("di cui")]


def test_the_base_of_a_tax_is_no_charge() -> None:
    items = _items(
        f"{_IT}14~Consumo || 140~400,00 €\n14~Quota fissa || 140~54,79 €\n14~Imponibile || 140~454,79 €\n"
        "14~IVA || 140~IMPONIBILE || 170~IMPOSTA\n14~Iva 22% || 140~454,79 € || 170~100,05 €\n"
        "14~Altro || 140~0,00 €\n14~Totale || 140~454,79 €\n"
    )
    assert 45479 not in [item.cost for item in items]


def test_what_a_tax_is_taken_on_is_no_charge_and_nothing_is_none() -> None:
    items = _items(
        f"{_US}14~Delivery || 150~$13.13\n14~Adjustments || 150~$0.00\n"
        "14~Harmonized Sales Tax on || 150~$51.96\n14~Total || 150~$65.09\n"
    )
    assert [(item.name, item.cost) for item in items] == [("Delivery", 1313)]


def test_a_credit_has_the_sign_of_its_rate() -> None:
    (item,) = _items(f"{_US}14~EDIT credit || 70~31680 kWh x $0.0027850- per kWh || 160~88.23-\n")
    assert (item.cost, item.rate) == (-8823, Decimal("-0.0027850"))


def test_a_charge_without_words_has_the_name_above_it() -> None:
    (item,) = _items(f"{_US}14~Fuel rider\n14~300.000 kWh @ $0.18776300 || 160~$56.33\n")
    assert item.name == "Fuel rider 300.000 kWh @ $0.18776300"


def test_the_charge_of_a_capacity_over_days_is_of_the_capacity() -> None:
    items = _items(
        f"{_IT}14~Potencia P1 || 60~35 kW x 31 días x 23,588276 €/kWaño || 160~70,12 €\n"
        "14~Potencia P2 || 60~28 días x 3,30 x 0,127406 || 160~11,77 €\n"
    )
    assert [(item.volume, item.unit) for item in items] == [(Decimal(35), "kw"), (None, "")]


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        pytest.param(
            f"{_US}14~Previous balance || 120~$145.00\n14~Payments || 120~-$145.00\n"
            "14~Balance forward || 120~$0.00\n14~Level payment || 120~$145.00\n"
            "14~Total amount due || 120~$145.00\n14~Amount due || 120~$145.00\n"
            "14~Supply || 150~$91.38\n14~Delivery || 150~$80.00\n14~Total current charges || 150~$171.38\n",
            "current_charges",
            None,
            id="charges that a level plan does not ask for",
        ),
        pytest.param(
            f"{_US}14~Gas service || 60~Current || 80~Previous || 100~Multiplier || 120~CCF || 140~Therms\n"
            "14~Meter reading || 60~62375 || 80~59585 || 100~10 || 120~27900 || 140~28638\n"
            "14~Gas delivery 28638 therms x 0.0150 || 160~$429.57\n",
            "gas_consumption",
            None,
            id="gas counted as a volume and charged as heat",
        ),
        pytest.param(
            f"{_PERIOD}14~Account Number: 1234-5678-90 || 120~Bill Date: Feb 9, 2024\n\f{_PERIOD}"
            "14~SERVICE PERIOD Jan 7 - Feb 5 || 90~NUMBER OF DAYS IN PERIOD || 160~29\n",
            "billing_period_from",
            "2024-01-06",
            id="a service that begins a day after the bill",
        ),
        pytest.param(
            f"{_US}14~Balance Forward || 140~2,141.52\n14~Current Charges || 140~+ 2,641.97\n"
            "14~Amount Due || 140~$ 4,783.49\n80~DELIVERY || 110~ADJUSTMENTS || 150~TOTAL\n"
            "14~Electric Service || 80~2,935.52 || 150~2,935.52\n"
            "14~Other Charges/Adjustments || 110~-293.55 || 150~-293.55\n"
            "14~Total Current Charges || 80~$ 2,935.52 || 110~-$ 293.55 || 150~$ 2,641.97\n",
            "current_charges",
            264197,
            id="a sum of columns",
        ),
        pytest.param(
            f"{_IT}14~Energia || 140~36,80 €\n14~Accisa || 140~0,30 €\n14~Addizionale || 140~0,06 €\n"
            "14~Totale imposte || 140~0,36 €\n14~Iva 22% || 140~8,18 €\n14~Totale bolletta || 140~45,34 €\n",
            "taxes",
            None,
            id="excise without the tax on sales",
        ),
        pytest.param(
            f"{_IT}14~Energia || 140~36,80 €\n14~Accisa || 140~0,36 €\n14~Iva 22% || 140~8,18 €\n"
            "14~Totale imposte e IVA || 140~8,54 €\n14~Totale bolletta || 140~45,34 €\n",
            "taxes",
            854,
            id="both taxes",
        ),
        pytest.param(
            f"{_DE}14~Arbeitspreis || 140~1.050,00 €\n14~Stromsteuer || 140~71,75 €\n"
            "14~Nettobetrag || 140~1.121,75 €\n14~Umsatzsteuer 19 % || 140~213,13 €\n"
            "14~Rechnungsbetrag || 140~1.334,88 €\n",
            "taxes",
            None,
            id="the tax on sales without that on electricity",
        ),
        *(
            pytest.param(
                f"{_US}14~Energy || 140~112.00\n14~{name} || 140~-2.00\n14~Total charges || 140~110.00\n",
                field,
                None,
                id=name,
            )
            for name, field in (("Deposit interest", "deposits"), ("Late fee reversal", "late_fees"))
        ),
        pytest.param(
            f"{_US}14~Service period: Feb 29 - Jan 5, 2024\n14~Total due || 140~$1.00\n",
            "billing_period_to",
            "2024-02-05",
            id="a day that the year before has not",
        ),
        pytest.param(
            f"{_US}14~Electric supplier: Green Choice Energy LLC, 1-800-555-0101\n",
            "supplier",
            "Green Choice Energy LLC",
            id="a name before a telephone number",
        ),
        pytest.param(
            f"{_US.replace('01/06/2024 - 02/05/2024 (30 days)', 'Jan 06 - Feb 05 || 120~30 days')}"
            "14~Total due || 140~$1.00\n",
            "billing_period_to",
            "2024-02-05",
            id="a day without a year before a count of days",
        ),
        pytest.param(
            f"{_IT}14~Comercializadora: Repsol Comercializadora de Electricidad y Gas, S.L.U.\n",
            "supplier",
            "Repsol Comercializadora de Electricidad y Gas, S.L.U.",
            id="a name that has the word for suppliers in it",
        ),
        pytest.param(
            f"{_US}14~Supplier: Clean Choice of\n14~the Midwest\n",
            "supplier",
            None,
            id="a name that goes on below",
        ),
    ],
)
def test_a_field_is_true_or_left_out(text: str, field: str, value: object) -> None:
    assert _read(text).fields[field] == value


def test_a_read_at_the_beginning_of_its_row_is_no_meter() -> None:
    reading = _read(
        f"{_US}14~Total amount due || 160~$104.84\n14~Amount due || 160~$104.84\n"
        "14~Meter Number || 60~Current || 90~Previous || 120~kWh used\n"
        "14~KZG017156518 || 60~Feb 5 || 90~Jan 6\n"
        "14~Use (kWh) || 60~098619 || 90~091909 || 120~6710\n14~Electricity used 6,710 kWh\n"
    )
    meters = reading.fields["meters"]
    assert reading.fields["electricity_consumption"] == 6710000
    assert isinstance(meters, list)
    assert [meter["id"] for meter in meters] == ["KZG017156518"]
