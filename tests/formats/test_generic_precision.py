"""Bills that seem to state what they don't: each gives the true value, or none with the reason."""

from __future__ import annotations

import time

import pytest

from meterfarm.formats.bills.generic.read import read_unknown
from meterfarm.formats.bills.words import pages_of
from meterfarm.records import BillReading
from tests.formats.bills_made import MadeBill

_US = """
14~ACME ELECTRIC || 120~Account Number: 1234-5678-90
14~Bill Date: 02/09/2024 || 120~Due Date: 03/01/2024
14~Service period: 01/06/2024 - 02/05/2024 (30 days)
"""
_PAID = f"{_US}14~Total amount due || 160~$104.84\n14~Amount due || 160~$104.84\n"
_DE = """
14~Stadtwerke Musterstadt GmbH || 120~Rechnungsdatum: 15.01.2024
14~Kundennummer: 200345678 || 120~Rechnungsnummer: 9004567123
14~Abrechnungszeitraum: 01.01.2023 - 31.12.2023
"""
_FR = """
14~Votre facture d'électricité || 120~Facture du 12/03/2024
14~N° client : 6 012 345 678 || 120~N° de facture 10123456789
14~Période du 10/01/2024 au 09/03/2024
"""
_ES = """
14~IBERDROLA || 120~FACTURA DE ELECTRICIDAD
14~Nº de factura: P24CON012345678 || 120~Fecha de emisión: 05/02/2024
14~Periodo de facturación: 01/12/2023 - 31/12/2023 (31 días)
"""
_ACCOUNTS = "".join(
    f"\f14~Account Number 100000{number}-1\n14~Amount due || 160~$34.94\n" for number in (1, 2, 3)
)
_METERS = "14~Meter No. || 40~Previous || 70~Present || 100~Difference kWh || 130~Multiplier\n"


def test_a_bill_of_many_meters_is_read_in_time() -> None:
    rows = "\n".join(
        f"14~Meter {place:05d}9 || 50~Previous {place * 37 + 100} || 90~Present {place * 37 + 100 + used} || "
        f"140~{used} kWh"
        for place, used in enumerate([60_007, *range(1_000, 1_280, 7)])
    )
    start = time.process_time()
    (reading,) = _read(f"{_PAID}14~Electricity\n{rows}\n14~Electricity used 60007 kWh\n")
    assert time.process_time() - start < 4
    assert reading.fields["electricity_consumption"] is None


def _read(text: str) -> list[BillReading]:
    return read_unknown(list(pages_of(MadeBill("made", text, {}).pdf())))


@pytest.mark.parametrize(
    ("head", "lines", "field", "value"),
    [
        pytest.param(
            _US,
            "14~Previous balance || 120~$200.00\n14~Payment received || 120~-$105.00\n"
            "14~Balance forward || 120~$95.00\n14~Current charges || 120~$187.42\n"
            "14~Total account balance || 120~$282.42\n14~Budget plan amount || 120~$105.00\n"
            "14~Please pay || 120~$105.00",
            "total_amount",
            None,
            id="a budget plan asks for less than the balance",
        ),
        pytest.param(
            _US,
            "14~Prompt payment discount || 120~-$7.56\n14~Net amount due || 120~$143.66\n"
            "14~Gross amount due after 03/01/2024 || 120~$151.22\n"
            "14~Amount due after 03/01/2024 || 120~$151.22",
            "total_amount",
            None,
            id="gross after the day, net before it",
        ),
        pytest.param(
            _US,
            "14~Water || 120~$30.00\n14~Sewer || 120~$61.25\n14~Total current charges || 120~$91.25\n"
            "14~Amount due by due date || 120~$91.25\n14~Amount due after due date || 120~$100.38\n"
            "14~Amount due now || 120~$91.25\n14~Amount due after 03/01/2024 || 120~$100.38",
            "total_amount",
            9125,
            id="more after the due date",
        ),
        pytest.param(
            _DE,
            "14~Rechnungsbetrag brutto || 150~1.163,42 EUR\n14~Bereits gezahlt || 150~-1.000,00 EUR\n"
            "14~Restforderung || 150~163,42 EUR\n14~Gesamtkosten || 150~1.163,42 EUR",
            "total_amount",
            None,
            id="a year's sum of which most is paid",
        ),
        pytest.param(
            _DE,
            "14~Rechnungsbetrag || 150~1.163,42 EUR\n14~Vorauszahlungen || 150~1.000,00 EUR\n"
            "14~Saldo || 150~163,42 EUR\n14~Neuer Abschlag || 150~97,00 EUR\n"
            "14~Zu zahlen ab 01.02.2024 || 150~97,00 EUR\n14~Monatlich zu zahlender Betrag || 150~97,00 EUR",
            "total_amount",
            None,
            id="a new instalment",
        ),
        pytest.param(
            _FR,
            "14~Montant total de la facture TTC || 120~1 264,56 €\n14~Total TTC || 120~1 264,56 €\n"
            "14~Déduction des mensualités || 120~-1 100,00 €\n14~Reste à payer || 120~164,56 €",
            "total_amount",
            None,
            id="what is left to pay after instalments",
        ),
        pytest.param(
            _ES,
            "14~Total factura || 120~60,50 €\n14~Importe de la factura || 120~60,50 €\n"
            "14~Saldo anterior || 120~12,00 €\n14~Importe a pagar || 120~72,50 €",
            "total_amount",
            None,
            id="a balance added to the invoice",
        ),
        *(
            pytest.param(
                _US,
                f"14~Total amount due || {amount}\n14~Amount due || {amount}",
                "total_amount",
                -2510,
                id=f"a credit as {amount}",
            )
            for amount in ("120~$25.10 || 160~CR", "120~CR 25.10", "120~<$25.10>")
        ),
        pytest.param(
            _PAID, "14~CREDIT BALANCE - DO NOT PAY", "total_amount", None, id="a credit without a sign"
        ),
        pytest.param(
            _DE,
            "14~Jahresrechnung Gas || 120~Verbrauch || 150~10.640 kWh\n"
            "14~Arbeitspreis || 70~10.640 kWh x 0,0890 EUR || 150~946,96 EUR",
            "electricity_consumption",
            None,
            id="gas in kWh",
        ),
        pytest.param(
            _DE,
            "14~Fernwärme || 120~Verbrauch || 150~10.640 kWh\n"
            "14~Arbeitspreis || 70~10.640 kWh x 0,0890 EUR || 150~946,96 EUR",
            "electricity_consumption",
            None,
            id="heat in kWh",
        ),
        pytest.param(
            _PAID,
            f"{_METERS}14~66778899 || 40~2051 || 70~2157 || 100~106 || 130~40",
            "electricity_consumption",
            None,
            id="reads that are still to be multiplied",
        ),
        pytest.param(
            _PAID,
            f"{_METERS}14~66778899 || 40~2051 || 70~2157 || 100~106 || 130~40 || 160~4240\n"
            "14~Energy charge 4,240 kWh at $0.02000 || 160~$84.80",
            "electricity_consumption",
            4240000,
            id="difference, multiplier and use",
        ),
        pytest.param(
            _PAID,
            "14~Meter No. || 40~Previous || 70~Present || 100~kWh\n"
            "14~66778899 Delivered || 40~20511 || 70~21715 || 100~1204\n"
            "14~66778899 Received || 40~10511 || 70~11415 || 100~904\n"
            "14~Net usage || 100~300 kWh\n14~Total kWh used || 100~1204 kWh",
            "electricity_consumption",
            None,
            id="delivered and net",
        ),
        pytest.param(
            _PAID,
            "14~Register || 60~Previous || 80~Current || 100~kWh\n"
            "14~Delivered to you || 60~10221 || 80~10933 || 100~712\n"
            "14~Received from you || 60~8450 || 80~9402 || 100~952\n14~Banked kWh || 100~1118",
            "electricity_consumption",
            None,
            id="delivered, and banked",
        ),
        pytest.param(
            _PAID,
            "14~Peak usage 612.5 kWh @ 0.33200 || 160~$203.35\n"
            "14~Off peak usage 240.0 kWh @ 0.21100 || 160~$50.64\n14~Meter 0988776 Peak || 160~612.5 kWh",
            "electricity_consumption",
            None,
            id="peak and off peak",
        ),
        pytest.param(
            _PAID,
            "14~Wind power 100 kWh @ 0.01000 || 160~$1.00\n14~Energy 300 kWh @ 0.20000 || 160~$60.00\n"
            "14~Energy 300 kWh",
            "electricity_consumption",
            None,
            id="volumes of several charges",
        ),
        pytest.param(
            _US,
            "14~CANCELLATION of bill 990012 dated January 8, 2024\n"
            "14~Meter Number 4471982 || 70~Previous 51220 || 100~Present 52460 || 150~1,240 kWh\n"
            "14~Energy charge 1,240 kWh || 150~-$161.20\n14~Amount due || 150~-$161.20\n"
            "14~Total amount due || 150~-$161.20",
            "electricity_consumption",
            None,
            id="a bill that is taken back",
        ),
        pytest.param(
            _PAID.replace("$", "£"),
            "14~Electricity charges\n14~Energy 244.5 kWh @ 27.35p/kWh || 160~£66.87\n14~Gas charges\n"
            "14~Gas used || 100~58.4 m3\n14~Gas used 58.4 m3 x 1.02264 x 39.5 / 3.6 = 655.3 kWh\n"
            "14~Energy 655.3 kWh @ 6.89p/kWh || 160~£45.15",
            "gas_consumption",
            655.3,
            id="a volume of gas that is charged as heat",
        ),
        pytest.param(
            _US.replace("1234-5678-90", "9900001") + "14~Account Number || 100~Amount\n"
            "14~1000001-1 || 100~$34.94\n14~1000002-1 || 100~$34.94\n14~1000003-1 || 100~$34.96\n"
            "14~Total amount due || 160~$104.84\n14~Amount due || 160~$104.84",
            _ACCOUNTS,
            "account_number",
            None,
            id="a list of accounts",
        ),
        pytest.param(
            _PAID.replace("Account Number: 1234-5678-90", "Account No 112-334-5567"),
            "14~Account questions: 800-555-0101",
            "account_number",
            "112-334-5567",
            id="an account that looks like a telephone number",
        ),
        pytest.param(
            _PAID,
            "14~66778899 || 40~40210 || 70~40460 || 100~10 || 130~2500\n"
            "14~Energy charge 2500 kWh @ $0.04 || 160~$100.00",
            "electricity_consumption",
            2_500_000,
            id="a row of reads without a head",
        ),
        pytest.param(
            _PAID,
            "14~Energy HT 812 kWh @ 0.0500 || 160~$40.60\n14~Energy NT 640 kWh @ 0.0400 || 160~$25.60\n"
            "14~Grid 1,452 kWh @ 0.0200 || 160~$29.04",
            "electricity_consumption",
            1_452_000,
            id="two times of day, and their sum",
        ),
        pytest.param(
            _PAID,
            "14~Gas charges\n14~Usage 31 therms || 70~Meter 5561 prev 4001 pres 4031 || 150~30 ccf\n"
            "14~Gas supply 31 therms @ $0.48 || 150~$14.88",
            "gas_consumption",
            31.0,
            id="gas that is measured in ccf and charged in therms",
        ),
        pytest.param(
            _PAID,
            "14~On peak kWh 500 || 70~Off-peak kWh 704\n"
            "14~On-peak usage 500 kWh x $0.10 || 160~$50.00\n14~On-peak energy used 500 kWh",
            "electricity_consumption",
            None,
            id="used on peak",
        ),
        pytest.param(
            _PAID,
            "14~Water meter || 60~Previous || 90~Present || 120~Usage (1000 gal)\n"
            "14~66778899 || 60~2051 || 90~2057 || 120~6\n14~Water usage || 120~6 gal\n"
            "14~Water charges || 160~$30.00",
            "water_consumption",
            None,
            id="thousands of gallons",
        ),
        pytest.param(
            _PAID,
            "14~Gas service therms\n14~Meter No. || 40~Previous || 70~Present || 100~Usage (100 ccf)\n"
            "14~66778899 || 40~2051 || 70~2057 || 100~6",
            "gas_consumption",
            None,
            id="hundreds of ccf",
        ),
        pytest.param(
            _PAID.replace("Due Date: 03/01/2024", "Next bill due by 04/01/2024"),
            "14~Thank you",
            "due_on",
            None,
            id="the day to pay the next bill by",
        ),
        pytest.param(
            _PAID.replace("Bill Date: 02/09/2024", "Previous bill date 01/29/2024"),
            "14~Thank you",
            "billed_on",
            None,
            id="the day of the bill before",
        ),
        pytest.param(
            _PAID.replace("Account Number: 1234-5678-90", "Welcome"),
            "14~Welcome || 90~Account Number Premise Number\n90~1234567890 556677889",
            "account_number",
            None,
            id="two columns in one",
        ),
        pytest.param(
            _ES,
            "14~Referencia de contrato de suministro: 85001234567 || 120~Nº de cliente: 44332211",
            "account_number",
            None,
            id="numbers of a contract and a customer",
        ),
        pytest.param(
            _PAID,
            "14~Rate: Residential R-1 Cycle 12 || 120~Meter Number 66778899",
            "tariff",
            "Residential R-1",
            id="a tariff before a cycle",
        ),
        pytest.param(
            _US,
            "14~Electric charges || 120~$145.10\n14~Community solar credit || 120~$120.00\n"
            "14~Total current charges || 120~$25.10\n14~Amount due || 120~$25.10",
            "community_solar_bill_credit",
            -12000,
            id="a solar credit without a sign",
        ),
    ],
)
def test_a_field_is_true_or_left_out(head: str, lines: str, field: str, value: object) -> None:
    (reading,) = _read(f"{head}{lines}\n")
    assert reading.fields[field] == value


def test_bills_of_two_accounts_are_told_apart_without_numbers_of_pages() -> None:
    other = _PAID.replace("1234-5678-90", "9934-5678-91").replace("104.84", "17.42")
    readings = _read(f"{_PAID}\f{other}")
    found = [(reading.fields["account_number"], reading.fields["total_amount"]) for reading in readings]
    assert found == [("1234-5678-90", 10484), ("9934-5678-91", 1742)]


def test_a_second_page_of_one_account_is_no_other_bill() -> None:
    (reading,) = _read(f"{_PAID}\f{_PAID}")
    assert reading.fields["total_amount"] == 10484


def test_sums_and_balances_are_no_line_items() -> None:
    (reading,) = _read(
        f"{_FR}14~Abonnement || 120~24,80 €\n14~Consommation || 120~120,54 €\n"
        "14~Total hors TVA || 120~145,34 €\n"
        "14~TVA || 120~19,22 €\n14~Total TTC || 120~164,56 €\n14~Solde précédent || 120~20,00 €\n"
        "14~Montant total à payer || 120~184,56 €\n"
    )
    assert [item.name for item in reading.line_items] == ["Abonnement", "Consommation", "TVA"]
