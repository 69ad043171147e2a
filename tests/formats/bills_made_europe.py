"""Bills made to look like those of utilities in Spain, France, Germany and Italy."""

from __future__ import annotations

from tests.formats.bills_made import MadeBill

EUROPEAN = (
    MadeBill(
        "Spain: power and energy, taxes below",
        """
14~IBERLUZ CLIENTES, S.A.U. || 120~FACTURA DE ELECTRICIDAD
14~Titular: MARIA GARCIA || 120~Nº de factura: 21240205010123456
14~Dirección de suministro: || 120~Fecha de emisión: 05/02/2024
14~CALLE MAYOR 12 || 120~Periodo de facturación: 31/12/2023 - 31/01/2024
14~28013 MADRID || 120~Días facturados: 31
14~Nº de contrato: 123456789 || 120~CUPS: ES0021000012345678AB
14~Peaje de acceso: 2.0TD || 120~Nº de contador: 0501234567
14~TOTAL FACTURA || 120~!62,41 €
14~Fecha límite de pago: 15/02/2024
14~RESUMEN DE FACTURA
14~Potencia facturada || 80~4,6 kW x 31 días x 0,102230 €/kW día || 180~14,58 €
14~Energía consumida || 80~201 kWh x 0,152390 €/kWh || 180~30,63 €
14~Impuesto electricidad || 80~5,11269632% s/45,21 € || 180~2,31 €
14~Alquiler contador || 80~31 días x 0,026557 €/día || 180~0,82 €
14~Otros servicios || 180~3,24 €
14~Importe total || 180~51,58 €
14~IVA || 80~21% s/51,58 € || 180~10,83 €
14~TOTAL IMPORTE FACTURA || 180~62,41 €
14~Lectura anterior || 80~10.211 kWh || 120~Lectura actual || 160~10.412 kWh
14~Consumo en este periodo || 80~201 kWh
14~Su consumo medio diario ha sido de 6,48 kWh. Consumo del mismo periodo del año anterior: 245 kWh.
""",
        {
            "account_number": "123456789",
            "billed_on": "2024-02-05",
            "due_on": "2024-02-15",
            "billing_period_from": "2023-12-31",
            "billing_period_to": "2024-01-31",
            "total_amount": 6241,
            "electricity_consumption": 201000,
            "tariff": "2.0TD",
            "invoice_number": "21240205010123456",
            "meters": ["0501234567"],
            "currency": "EUR",
        },
    ),
    MadeBill(
        "France: excluding and including tax",
        """
14~Votre facture d'électricité || 120~Facture du 12/03/2024
14~N° de client : 6 012 345 678 || 120~N° de facture 10123456789
14~Lieu de consommation : || 120~Période du 10/01/2024 au 09/03/2024
14~8 RUE DES LILAS || 120~soit 59 jours
14~69003 LYON
14~Montant total à payer (TTC) || 120~184,56 €
14~A régler avant le : 29/03/2024
14~Abonnement || 120~24,80 €
14~Consommation 1 050 kWh x 0,11480 €/kWh || 120~120,54 €
14~Taxes et contributions || 120~12,40 €
14~Total hors TVA || 120~157,74 €
14~TVA || 120~26,82 €
14~Total TTC || 120~184,56 €
14~N° de compteur : 021576123456 || 90~Ancien index 32 410 || 140~Nouvel index 33 460
14~Consommation totale || 120~1 050 kWh
""",
        {
            "account_number": "6 012 345 678",
            "billed_on": "2024-03-12",
            "due_on": "2024-03-29",
            "billing_period_from": "2024-01-10",
            "billing_period_to": "2024-03-09",
            "total_amount": 18456,
            "electricity_consumption": 1050000,
            "currency": "EUR",
        },
    ),
    MadeBill(
        "Germany: a year's bill with advances, a credit",
        """
14~Stadtwerke Musterstadt GmbH || 120~Rechnungsdatum: 15.01.2024
14~Vertragskonto: 200 345 678 9 || 120~Rechnungsnummer: 9004567123
14~Jahresabrechnung Strom || 120~Abrechnungszeitraum: 01.01.2023 - 31.12.2023 (365 Tage)
14~Verbrauchsstelle: || 120~Zählernummer: 1EMH0012345678
14~Gartenweg 5
14~12345 Musterstadt
14~Zählerstand alt || 70~24.310 || 110~Zählerstand neu || 150~27.122
14~Verbrauch || 120~2.812 kWh
14~Arbeitspreis || 70~2.812 kWh x 0,3050 EUR || 150~857,66 EUR
14~Grundpreis || 70~365 Tage || 150~120,00 EUR
14~Summe netto || 150~977,66 EUR
14~Umsatzsteuer 19 % || 150~185,76 EUR
14~Rechnungsbetrag || 150~1.163,42 EUR
14~Abzüglich Abschläge || 150~-1.200,00 EUR
14~Ihr Guthaben || 150~36,58 EUR
14~Ihr Verbrauch im Vorjahr: 3.040 kWh. Neuer Abschlag: 97,00 EUR, fällig ab 01.02.2024.
""",
        {
            "billed_on": "2024-01-15",
            "billing_period_from": "2023-01-01",
            "billing_period_to": "2023-12-31",
            "account_number": "200 345 678 9",
            "total_amount": -3658,
            "electricity_consumption": 2812000,
            "meters": ["1EMH0012345678"],
            "currency": "EUR",
        },
    ),
    MadeBill(
        "Germany: gas with heat content",
        """
14~Gasversorgung Süd || 120~Rechnung vom 08.03.2024
14~Kundennummer: 40012345 || 120~Rechnungs-Nr.: 77001234
14~Abrechnungszeitraum 01.02.2024 bis 29.02.2024 || 120~29 Tage
14~Zählernummer: 7GMT0098765432
14~Verbrauch 210 m³ x 11,20 kWh/m³ x 0,9500 || 150~2.234 kWh
14~Arbeitspreis || 70~2.234 kWh x 0,0890 EUR || 150~198,83 EUR
14~Grundpreis || 150~12,50 EUR
14~Summe netto || 150~211,33 EUR
14~Umsatzsteuer 19 % || 150~40,15 EUR
14~Rechnungsbetrag brutto || 150~251,48 EUR
14~Zu zahlender Betrag || 150~251,48 EUR
14~Zahlbar bis 22.03.2024
""",
        {
            "account_number": "40012345",
            "billed_on": "2024-03-08",
            "due_on": "2024-03-22",
            "billing_period_from": "2024-02-01",
            "billing_period_to": "2024-02-29",
            "total_amount": 25148,
            "currency": "EUR",
        },
    ),
    MadeBill(
        "Italy: receipt of energy, last year below",
        """
14~Luce Sempre S.p.A. || 120~Bolletta dell'energia elettrica
14~Numero cliente: 771234567 || 120~Fattura n. 004412345678 del 09/04/2024
14~Indirizzo di fornitura: || 120~Periodo di riferimento: dal 01/02/2024 al 31/03/2024
14~VIA DANTE 4 || 120~Codice POD: IT001E12345678
14~20121 MILANO MI
14~Totale da pagare || 120~!98,70 €
14~Scadenza: 29/04/2024
14~Scontrino dell'energia
14~Quota per consumi || 80~310 kWh x 0,201290 €/kWh || 180~62,40 €
14~Quota fissa || 80~2 mesi x 9,100000 €/mese || 180~18,20 €
14~Accise e IVA || 180~9,10 €
14~Totale bolletta || 180~89,70 €
14~Canone di abbonamento alla televisione || 180~9,00 €
14~Totale da pagare || 180~98,70 €
14~Consumo fatturato: 310 kWh
14~Consumo annuo dal 01/04/2023 al 31/03/2024: 1.890 kWh
14~Distributore: RETI SPA
""",
        {
            "account_number": "771234567",
            "billed_on": "2024-04-09",
            "due_on": "2024-04-29",
            "billing_period_from": "2024-02-01",
            "billing_period_to": "2024-03-31",
            "total_amount": 9870,
            "electricity_consumption": 310000,
            "invoice_number": "004412345678",
            "currency": "EUR",
        },
    ),
)
