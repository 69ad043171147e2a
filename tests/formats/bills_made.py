"""Bills made to look like those of well-known utilities, with what a person would read from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fpdf import FPDF

Truth = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class MadeBill:
    """``pages`` are texts, ``||`` between columns, ``x~`` before a text that begins at x mm."""

    name: str
    pages: str
    truth: Truth

    def pdf(self, *, compressed: bool = True) -> bytes:
        """As a PDF, pages parted by a form feed."""
        pdf = FPDF(format="Letter")
        pdf.set_compression(compressed)
        pdf.core_fonts_encoding = "cp1252"
        pdf.set_auto_page_break(False)
        for page in self.pages.strip("\n").split("\f"):
            pdf.add_page()
            y = 14.0
            for line in page.strip("\n").splitlines():
                for place, part in enumerate(line.split("||")):
                    x, mark, text = part.strip().partition("~")
                    size = 9
                    if text.startswith("!"):
                        size, text = 14, text[1:]
                    pdf.set_font("Helvetica", size=size)
                    at, shown = (float(x), text) if mark else (14.0 + 62 * place, part.strip())
                    if shown:
                        pdf.text(at, y, shown)
                y += 5.4
        return bytes(pdf.output())


AMERICAN = (
    MadeBill(
        "two services, summary and details, last year beside",
        """
14~ENERGY STATEMENT || 130~Account No: 4815162342-7
14~www.pge-like.example/MyEnergy || 130~Statement Date: 02/09/2024
130~Due Date: || 160~03/01/2024
14~Service For: || 110~Your Account Summary
14~JANE Q PUBLIC || 110~Amount Due on Previous Statement || 180~$201.11
14~1200 MARKET ST || 110~Payment(s) Received Since Last Statement || 180~-201.11
14~SAN FRANCISCO, CA 94103 || 110~Previous Unpaid Balance || 180~$0.00
110~Electric Charges || 180~$142.60
110~Natural Gas Charges || 180~$63.42
14~Questions? Call 1-800-743-5000 || 110~Total Amount Due by 03/01/2024 || 180~!$206.02
14~Please return this portion with your payment. No staples.
14~9990481516234270000020602000020602
14~Account Number: 4815162342-7 || 90~Due Date: 03/01/2024 || 140~Total Amount Due: || 180~$206.02

14~Details of Electric Charges || 120~01/06/2024 - 02/05/2024 (31 billing days)
14~Rate Schedule: E-1 || 120~Service Agreement ID: 4815162300
14~Meter # 1009876543 || 120~Total Usage || 160~412 kWh
14~Tier 1 Allowance || 90~300 kWh @ $0.33000 || 180~$99.00
14~Tier 2 Usage || 90~112 kWh @ $0.38930 || 180~43.60
14~Total Electric Charges || 180~$142.60
14~Average daily usage this period 13.29 kWh, last year 15.10 kWh

14~Details of Gas Charges || 120~01/06/2024 - 02/05/2024 (31 billing days)
14~Meter # 55512399
14~Current Meter Reading || 120~5532
14~Prior Meter Reading || 120~5504
14~Total Usage || 120~28 Therms
14~Gas Charges || 90~28 Therms @ $2.26500 || 180~$63.42
14~Usage in the same month of last year || 120~41 Therms
""",
        {
            "account_number": "4815162342-7",
            "billed_on": "2024-02-09",
            "due_on": "2024-03-01",
            "billing_period_from": "2024-01-06",
            "billing_period_to": "2024-02-05",
            "total_amount": 20602,
            "previous_balance": 20111,
            "payments": -20111,
            "outstanding_balance": 0,
            "electricity_consumption": 412000,
            "gas_consumption": 28.0,
            "gas_consumption_unit": "therms",
            "electricity_amount": 14260,
            "gas_amount": 6342,
            "currency": "USD",
        },
    ),
    MadeBill(
        "delivery and supply, reads in a table, invoice number near",
        """
14~nationalgrid-like || 110~SERVICE FOR || 150~BILLING PERIOD
110~JOHN DOE || 150~Mar 14, 2024 to Apr 12, 2024
110~77 ELM ST || 150~PAGE 1 of 2
110~ALBANY NY 12205
14~ACCOUNT NUMBER || 60~PLEASE PAY BY || 110~AMOUNT DUE
14~55501-23456 || 60~May 9, 2024 || 110~$118.37
14~ACCOUNT BALANCE
14~Previous Balance || 110~131.80
14~Payment Received on APR 2 THANK YOU || 110~-131.80
14~Current Charges || 110~+ 118.37
14~Amount Due || 110~$118.37
14~Invoice number 8800112233 || 110~DATE BILL ISSUED
110~Apr 15, 2024
14~To avoid late payment charges of 1.5%, $118.37 must be received by May 9 2024.
14~Meter Number 02233445
14~Current Reading || 60~34712 Actual
14~Previous Reading || 60~34172 Actual
14~Total Usage || 60~540 kWh
14~DETAIL OF CURRENT CHARGES
14~Delivery Services
14~Service Period || 60~No. of days || 110~Current Reading || 150~Previous Reading || 185~Usage
14~Mar 14 - Apr 12 || 60~29 || 110~34712 || 150~34172 || 185~540 kWh
14~METER NUMBER 02233445 || 100~RATE Electric SC1
14~Basic Service (not including usage) || 180~17.00
14~Delivery || 80~0.09000 x || 110~540 kWh || 180~48.60
14~Tariff Surcharge || 80~2.00000 % || 180~1.31
14~Total Delivery Services || 180~$66.91
14~Supply Services
14~Electricity Supply || 80~0.09529 x || 110~540 kWh || 180~51.46
14~Total Supply Services || 180~$51.46
14~Total Current Charges || 180~$118.37
""",
        {
            "account_number": "55501-23456",
            "billed_on": "2024-04-15",
            "due_on": "2024-05-09",
            "billing_period_from": "2024-03-14",
            "billing_period_to": "2024-04-12",
            "total_amount": 11837,
            "current_charges": 11837,
            "previous_balance": 13180,
            "payments": -13180,
            "outstanding_balance": 0,
            "electricity_consumption": 540000,
            "delivery_charge": 6691,
            "supply_charge": 5146,
            "invoice_number": "8800112233",
            "meters": ["02233445"],
            "currency": "USD",
        },
    ),
    MadeBill(
        "past due, in prose",
        """
14~Eastern Light Cooperative
14~Member: R. ROE || 120~Account # 700123-001
14~Bill Date: 11/04/2024
14~Your electric bill for service from 10/01/2024 to 10/31/2024 (30 days) is ready.
14~You used 1,204 kWh, which is 40.13 kWh per day. In October 2023 you used 1,377 kWh.
14~Previous balance || 120~$96.40
14~Payments received || 120~$0.00
14~Past due balance || 120~$96.40
14~Current charges || 120~$151.22
14~Total amount due || 120~$247.62
14~Due date || 120~11/24/2024
14~Meter 66778899 || 60~Previous 20,511 || 110~Present 21,715 || 160~kWh used 1,204
14~Facility charge || 120~$25.00
14~Energy charge 1,204 kWh at $0.10483 || 120~$126.22
14~Account # 700123-001 || 80~Amount due $247.62 || 140~Late after 11/24/2024
""",
        {
            "account_number": "700123-001",
            "billed_on": "2024-11-04",
            "due_on": "2024-11-24",
            "billing_period_from": "2024-10-01",
            "billing_period_to": "2024-10-31",
            "total_amount": 24762,
            "current_charges": 15122,
            "outstanding_balance": 9640,
            "electricity_consumption": 1204000,
            "currency": "USD",
        },
    ),
    MadeBill(
        "water and sewer, a credit balance",
        """
14~CITY OF SPRINGFIELD WATER DEPARTMENT
14~Account Number || 70~Service Address || 140~Bill Date
14~0099-4410-02 || 70~415 OAK AVE || 140~06/03/2024
14~Read Dates: 04/29/2024 - 05/29/2024 || 120~Days Billed: 30
14~Meter No. || 60~Previous Read || 100~Current Read || 150~Usage (CCF)
14~W887766 || 60~1204 || 100~1213 || 150~9
14~Previous Balance || 150~-12.00
14~Payments || 150~0.00
14~Balance Forward || 150~-12.00
14~Water Charges || 150~41.85
14~Sewer Charges || 150~38.20
14~Total Current Charges || 150~80.05
14~Total Amount Due || 150~68.05
14~Due Date || 150~06/24/2024
14~Mail to PO BOX 12, SPRINGFIELD IL 62701. Call (217) 555-0134.
14~0099441002 0000006805
""",
        {
            "account_number": "0099-4410-02",
            "billed_on": "2024-06-03",
            "due_on": "2024-06-24",
            "billing_period_from": "2024-04-29",
            "billing_period_to": "2024-05-29",
            "total_amount": 6805,
            "current_charges": 8005,
            "outstanding_balance": -1200,
            "water_consumption": 9.0,
            "water_amount": 4185,
            "sewer_amount": 3820,
            "currency": "USD",
        },
    ),
    MadeBill(
        "pounds, days first",
        """
14~Your energy bill || 130~Account number: 8500 1234 5678
14~Bill date: 3 May 2024
14~Billing period: 1 April 2024 to 30 April 2024 (30 days)
14~Balance on your last bill || 130~£96.10
14~Payments received || 130~-£96.10
14~Electricity charges || 130~£61.74
14~Gas charges || 130~£40.38
14~Total charges || 130~£102.12
14~Amount due || 130~£102.12
14~Please pay by 17 May 2024
14~Electricity meter S19X04321 || 90~12,410 to 12,631 || 150~221 kWh
14~Electricity used 221 kWh x 24.50p || 130~£54.15
14~Standing charge 30 days x 25.30p || 130~£7.59
14~Gas meter G4A99887 || 90~Gas used || 130~512 kWh
""",
        {
            "account_number": "8500 1234 5678",
            "billed_on": "2024-05-03",
            "due_on": "2024-05-17",
            "billing_period_from": "2024-04-01",
            "billing_period_to": "2024-04-30",
            "total_amount": 10212,
            "electricity_amount": 6174,
            "gas_amount": 4038,
            "previous_balance": 9610,
            "payments": -9610,
            "currency": "GBP",
        },
    ),
)
