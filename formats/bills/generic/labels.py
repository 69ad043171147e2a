"""What bills call things, in English, Spanish, French, German and Italian: patterns over plain text.

Sources: bills of some forty utilities as they publish or hand them out; for Italy the glossary of ARERA, for
Spain the model invoice of CNMC, for Germany section 40 EnWG.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from enum import StrEnum


def _table() -> dict[int, str]:
    table: dict[int, str] = {}
    for code in (*range(0x41, 0x5B), *range(0xC0, 0x250), *range(0x1E00, 0x1F00)):
        base = unicodedata.normalize("NFKD", chr(code))[0].lower()
        table[code] = base if len(base) == 1 else chr(code)
    table[ord("ß")] = "s"
    table[ord("º")] = "°"
    table[ord("\t")] = " "
    return table


_PLAIN = _table()


def plain(text: str) -> str:
    """A text without accents and capitals, as long as it was."""
    return text.translate(_PLAIN)


class Field(StrEnum):
    """What a label may be of."""

    ACCOUNT = "account_number"
    CUSTOMER = "customer_number"
    INVOICE = "invoice_number"
    METER = "meter_id"
    SUPPLY_POINT = "supply_point"
    BILLED_ON = "billed_on"
    DUE_ON = "due_on"
    PERIOD = "billing_period"
    DUE = "total_amount"
    BILL_TOTAL = "bill_total"
    PREVIOUS = "previous_balance"
    PAYMENTS = "payments"
    FORWARD = "outstanding_balance"
    CURRENT = "current_charges"
    ADJUSTMENTS = "adjustments"
    LATE_FEES = "late_fees"
    DEPOSITS = "deposits"
    TAXES = "taxes"
    ELECTRIC_AMOUNT = "electricity_amount"
    GAS_AMOUNT = "gas_amount"
    WATER_AMOUNT = "water_amount"
    SEWER_AMOUNT = "sewer_amount"
    DELIVERY = "delivery_charge"
    SUPPLY = "supply_charge"
    SOLAR_CREDIT = "community_solar_bill_credit"
    USAGE = "usage"
    DAYS = "days"
    TARIFF = "tariff"
    DEMAND = "demand"
    POWER_FACTOR = "power_factor"
    LOAD_FACTOR = "load_factor"
    SERVICE_ADDRESS = "service_address"
    MAILING_ADDRESS = "mailing_address"
    CUSTOMER_NAME = "customer_name"
    SUPPLIER = "supplier"
    DISTRIBUTOR = "delivery_company"


_NO = r"(?:number|num|no|nr|#)\.?"
_N = r"(?:n\.?\s?°|n°|nº|no\.|nr\.?|num\.?|numero|nummer|n\.)"

_LABELS: Mapping[Field, str] = {
    Field.ACCOUNT: (
        rf"\b(?:bill(?:ing)? |customer |utility |energy |service |gas |electric |"
        rf"water )?account(?: {_NO}| {_N}|"
        rf"\s?#|:)\s?:?|\bacct\.?\s?(?:{_NO}|#)|\byour account {_NO}|"
        r"\bcontract account\b|\baccount(?=:? \d[\d-]{4})|"
        rf"\bvertragskonto(?:nummer)?\b|\bkundennummer\b|\bkunden-?\s?nr\.?|\bkundenkonto\b|"
        rf"\b{_N} (?:de |du )?(?:compte(?: client| contrat| de facturation)?|client)\b|"
        r"\bcompte (?:de facturation|client|contrat|commercial)\b|\breference client\b|"
        r"\bvotre reference client\b|"
        r"\bnumero cliente\b|\bcodice cliente\b|\bn\.? cliente\b|\bn° cliente\b|\bconto contrattuale\b|"
        r"\bnumero utenza\b|\bcustomer account(?= \d)|\bnumero contratto\b|\bcodice fornitura\b|"
        rf"\b{_N} (?:de )?(?:contrato|cliente)\b|\breferencia (?:de |del )?contrato(?: de suministro)?\b|"
        r"\bcontrato n°|\bcuenta (?:contrato|n°)|\bn° de cuenta\b"
    ),
    Field.CUSTOMER: rf"\bcustomer (?:{_NO}|id)|\bverification code\b",
    Field.INVOICE: (
        rf"\b(?:invoice|bill|statement|document) (?:{_NO}|id)|\binvoice:|\bfattura (?:elettronica )?n\.|"
        r"\bnumero (?:fattura|documento|bolletta)|\bn\.? ?documento|\bnr\. documento|\bn\. fattura|"
        rf"\b{_N} (?:de )?factura|\bfactura n°|\b{_N} (?:de )?facture|\bfacture n°|\brechnungsnummer|"
        rf"\brechnungs-?nr"
    ),
    Field.METER: (
        rf"\bmeter (?:serial )?(?:{_NO}|id)|\bmeter#|\bmeter:|\b{_N} (?:de )?contador|"
        rf"\b{_N} (?:de )?compteur|"
        r"\bzahlernummer|\bzahler-?nr\.?|\bzahler(?:nummer)? |\bmatricola(?: del)? contatore|\bmatricola\b|"
        r"\bcontador n°|\bcompteur n°"
    ),
    Field.SUPPLY_POINT: (
        r"\bcups\b|\b(?:codice )?pod\b|\b(?:codice )?pdr\b|\bpdl\b|\bprm\b|\bpce\b|"
        r"\breference acheminement|"
        r"\bpoint de (?:livraison|mesure)|\bmarktlokation(?:s-id)?|\bzahlpunkt|\bmesslokation|\besi ?id|"
        rf"\bservice (?:id|agreement|point)|\bsite id|\bpremises? (?:{_NO}|id)|\bmpan\b|\bmprn\b|"
        rf"\bsa ?#|\bchoice id"
    ),
    Field.BILLED_ON: (
        r"\b(?:current )?(?:bill|billing|statement|invoice|issue|issued)(?: print| prepared)? date\b|"
        r"\bdate (?:of bill|of issue|of invoice|issued|billed|prepared|mailed|bill prepared)|"
        r"\bbill (?:issued|mailed)|"
        r"\bissued(?: on)?\b|\bstatement of\b|\bfecha y n° (?:de )?factura|"
        r"\bfecha (?:de )?(?:la )?(?:emision|factura|expedicion)(?: de (?:la )?factura)?|\bemitida el|"
        r"\bfacture (?:d'electricite |de gaz(?: naturel)? )?du\b|"
        r"\bdate (?:de |d')?(?:la )?(?:facture|emission|facturation)|\bemise? le\b|"
        r"\brechnungsdatum|\brechnung vom|\bausstellungsdatum|\bdatum der rechnung|"
        r"\bdata (?:di )?(?:emissione|fattura|bolletta)|\bdata (?:della )?fattura|\bemessa il|"
        r"\bfattura n[.°]?\s?\d+ del\b|\bbolletta n[.°]\s?[\d/]{5,20} del\b|"
        r"\bfacture n°\s?\d[\d ]{4,20} du\b|\bbill prepared(?: on)?\b"
    ),
    Field.DUE_ON: (
        r"\b(?:payment |bill |current )?due (?:date|by|on)\b|\bdate due\b|\bpay(?:able)? by\b|"
        r"\bplease pay by|"
        r"\bpayment due\b|\bdue:|\b(?:new )?charges due by|\b(?:amount|total|bill) due by\b|"
        r"\bpast due after\b|\bpay on or before\b|\b(?:on or before|before) due date|"
        r"\bto be paid by\b|\bmust be paid by|"
        r"\bcurrent bill due\b|\btotal amount due by|\bdue date for current bill|"
        r"\bfecha (?:limite|tope) de pago|\bvencimiento|\bfecha de vencimiento|\bpagar antes del|"
        r"\b(?:date )?(?:limite de paiement|d'echeance|echeance)|\ba payer avant le|\ba regler avant le|"
        r"\bfallig(?:keit)?(?: am| zum| bis)?\b|\bzahlbar bis|\bfalligkeitsdatum|\bzu zahlen bis|"
        r"\bzahlungsziel|"
        r"\bscadenza(?! (?:condizioni|contratto|offerta|dell))|"
        r"\bdata (?:di )?scadenza(?! (?:condizioni|contratto|offerta|dell))|"
        r"\bda pagare entro(?: il)?|\bentro il\b|\bquando scade"
    ),
    Field.PERIOD: (
        r"\b(?:billing|service|bill|usage|charge|statement) period\b|\bfor service\b|"
        r"\bservice (?:from|dates?)\b|\bdates? of service\b|"
        r"\bread dates?\b|\bperiod(?: covered)?:|\bservice period:?|\bfor the period\b|"
        r"\bbilling dates?:|\bfor:|"
        r"\bperiodo (?:de )?(?:la )?(?:facturacion|consumo|facturado|suministro)|\bperiodo de factura|"
        r"\bperiode (?:de )?(?:facturation|consommation|facturee|du)|\bperiode du\b|"
        r"\babrechnungszeitraum|\brechnungszeitraum|\blieferzeitraum|\bverbrauchszeitraum|\bzeitraum\b|"
        r"\bperiodo (?:di )?(?:riferimento|fatturazione|fornitura|fatturato)|"
        r"\bperiodo oggetto di fatturazione|"
        r"\bdi riferimento\b|\bperiodo\b"
    ),
    Field.DUE: (
        r"\btotal (?:amount )?(?:now )?due\b|\bamount (?:now )?due(?: now)?\b(?! on previous|"
        r" on your last)|"
        r"\btotal amount you owe|"
        r"\bplease pay\b|\bpay this amount|\bcurrent account balance|\btotal account balance|"
        r"\baccount balance\b|"
        r"\bbalance due\b|\btotal balance\b|\bnew balance|\bamount payable|\btotal payable|\btotal to pay|"
        r"\bamount to be withdrawn|\bpre-?authorized (?:amount to be withdrawn|withdrawal)|"
        r"\bcurrent bill due|"
        r"\btotal bill\b|\bpayable on or before due date|\bbefore due date|\bwhat you owe|"
        r"\bto(?:tal)? (?:be )?paid?:|"
        r"\btotal (?:importe )?(?:de (?:la |tu )?)?factura|\bimporte (?:total |de la )?factura|"
        r"\btotal a pagar|"
        r"\bimporte total|\bimporte a pagar|\btotal importe|"
        r"\b(?:montant )?total (?:a payer|a regler|ttc)|\bmontant (?:a payer|ttc|total|du|a regler)|"
        r"\bnet a payer|"
        r"\ba payer \(ttc\)|\bmontant preleve|\bpreleve d'un montant de|\btotal en chf|"
        r"\bmontant de (?:la|votre) facture|"
        r"\bfacture ttc|\bsolde a (?:payer|regler)|"
        r"\bzu zahlen(?:der betrag)?\b|\bzahlbetrag|\bnachzahlung\b|\bnoch zu zahlen|\boffener betrag|"
        r"\bforderung\b|\bihre? guthaben|\bguthaben\b|\bendbetrag|\bzu uberweisen|"
        r"\btotale da pagare|\bimporto (?:totale )?da pagare|\btotale (?:bolletta|fattura|"
        r"bolletta/fattura) da pagare|"
        r"\bquanto (?:devo|devi) pagare|\bdovrai pagare|\bnetto a pagare"
    ),
    Field.BILL_TOTAL: (
        r"\b(?:rechnungs|gesamt)(?:betrag|summe|kosten)\b|\bsumme brutto|\bbruttobetrag|\bgesamtbetrag|"
        r"\btotale (?:bolletta|fattura|bolletta/fattura)\b"
    ),
    Field.PREVIOUS: (
        r"\bprevious (?:account |statement |bill )?(?:balance|amount(?: due)?|bill(?: amount)?)\b|"
        r"\b(?:balance|amount) (?:from|of|on|due on)(?: your| the)? (?:previous|last|prior) (?:bill|"
        r"statement)|"
        r"\bamount due on previous statement|\blast bill(?: amount)?\b|\bprior (?:balance|bill)(?: due)?\b|"
        r"\bbalance last bill|\bprevious charges\b(?! and)|\btotal of your last bill|\byour last bill|"
        r"\bbeginning balance|"
        r"\bopening balance|\bsaldo anterior|\bsolde (?:precedent|anterieur)|\bsaldo precedente|"
        r"\bsaldovortrag"
    ),
    Field.PAYMENTS: (
        r"\b(?:total )?payments?(?:\(s\))?(?:/credits?)?(?: (?:received|made|applied|we (?:processed|"
        r"received)|posted))?\b"
        r"(?! (?:received )?after| options| must| amount| plan| method| slip| stub| withdrawal|"
        r" charge| fee| due| coupon)|"
        r"\bthank you for (?:your )?payment|\bwe received\b|\bpaid since then|"
        r"\bpagos?\b|\bpaiements? recus?|\bvos reglements|\b(?:geleistete |bereits gezahlte |abzuglich )?"
        r"(?:abschlage|abschlagszahlungen|abschlagsbetrage|teilbetrage|ihre zahlungen|gezahlte)\b|"
        r"\bacconti\b|"
        r"\bmensualites\b"
    ),
    Field.FORWARD: (
        r"\bbalance forward\b|\b(?:remaining|outstanding|unpaid|past due|overdue) (?:balance|amount)|"
        r"\bprevious unpaid balance|\bbalance before new charges|\bbalance prior to|"
        r"\bbalance carried forward|"
        r"\bcredit balance\b|\bbalance remaining|\bcarried over|\b\w* ?outstanding balance"
    ),
    Field.CURRENT: (
        r"\b(?:total |your )?(?:current|new) (?:month's |period )?charges\b(?! past due| due|"
        r" -)(?: total)?|"
        r"\btotal new charges|\btotal current (?:bill|period)|\bcharges this (?:bill|period|month)|"
        r"\bcurrent amount\b|"
        r"\bcurrent bill\b(?! due| date)|\bnew charges this bill|\bcurrent energy charges|"
        r"\bcurrent activity total"
    ),
    Field.ADJUSTMENTS: (
        r"\b(?:total )?(?:billing )?adjustments?\b(?! factor| schedule)|\bcredit corrections|"
        r"\bother adjustments"
    ),
    Field.LATE_FEES: r"\blate (?:payment )?(?:charge|fee)s?\b(?! of| is| may| will| to)|\bpenalty\b",
    Field.DEPOSITS: r"\b(?:security )?deposits?\b(?: (?:applied|billed|on hand))?",
    Field.TAXES: (
        r"\b(?:total )?(?:taxes (?:and|&) (?:fees|surcharges)|taxes)\b|\btotal taxes|"
        r"\btax/fee charge total|\btotal gst\b|"
        r"\bimpuestos\b|\bcuota iva|\bmontant tva|\btva\b|\bmehrwertsteuer|\bumsatzsteuer|\baccise e iva|"
        r"\btotale imposte(?: e iva)?"
    ),
    Field.ELECTRIC_AMOUNT: (
        r"\b(?:(?:total|current|your|actual) )*electric(?:ity)?(?: charges?| service(?: amount)?|"
        r" amount| total)*|"
        r"\btotal electricite|\btotal electricidad|\btotale energia elettrica"
    ),
    Field.GAS_AMOUNT: (
        r"\b(?:(?:total|current|your|actual) )*(?:natural )?gas(?: charges?| service(?: amount)?|"
        r" amount| total)*|"
        r"\b(?:total )?charges for natural gas|\btotal gaz"
    ),
    Field.WATER_AMOUNT: (
        r"\b(?:(?:total|current) )*water(?: rate)?(?: charges?| service| total| amount)*|\btotal eau|"
        r"\bwater treatment and supply"
    ),
    Field.SEWER_AMOUNT: (
        r"\b(?:(?:total|current) )*(?:sewer|waste ?water)(?: charges?| service| total| amount)*|"
        r"\bwastewater collection and treatment"
    ),
    Field.DELIVERY: (
        r"\b(?:(?:total|subtotal|current) )*(?:\w+ )?(?:electric |gas )?(?:delivery|"
        r"distribution)(?: services?| charges?| total| subtotal)*"
    ),
    Field.SUPPLY: (
        r"\b(?:(?:total|subtotal|current) )*(?:\w+ )?(?:electric |gas )?(?:supply|power supply|"
        r"generation)(?: services?| charges?| total| subtotal)*|"
        r"\btotal electric supplier"
    ),
    Field.SOLAR_CREDIT: r"\bcommunity (?:solar|distributed generation)(?: bill)? credits?",
    Field.USAGE: (
        r"\b(?:total )?(?:billed )?(?:energy|electric(?:ity)?|gas|water|kwh|kw-h) (?:used?|usage|"
        r"consumption)\b|"
        r"\btotal (?:kwh|usage|consumption|used|therms|ccf|gallons|metered)(?: used| usage)?\b|"
        r"\bkwh (?:used|consumption|usage)|"
        r"\bactual usage(?: in \w+)?|\b(?:therms|ccf|gallons) used|\bgas used(?: this period)?|"
        r"\bmetered consumption|"
        r"\bconsommation (?:facturee|totale|relevee)?|\bconsumo (?:en este periodo|total|del periodo|"
        r"facturado|electrico)|"
        r"\bconsumo\b|\bconsumi\b|\bconsumo (?:totale )?fatturato|\bconsumi fatturati|"
        r"\bconsumo energia elettrica|"
        r"\b(?:gesamt)?verbrauch\b|\bihr (?:strom|gas)?verbrauch|\bstromverbrauch|\bgasverbrauch|"
        r"\bamount used"
    ),
    Field.DAYS: (
        r"\bdays (?:billed|in billing period|of service|used)\b|\b(?:number of |billing |"
        r"service )days\b|\belapsed days|"
        r"\bdias facturados|\bdays\b"
    ),
    Field.TARIFF: (
        r"\brate (?:schedule|class|plan|code|category)\b|\brate:|\byour (?:current )?rate\b(?: is)?|"
        r"\btariff(?![a-z]):?|"
        r"\bpeaje(?: de acceso| de transporte y distribucion)?\b|\btarifa\b|\btarif\b:|\bprix:\b|"
        r"\btariffa\b|"
        r"\bnome offerta|\bofferta:|\bihr (?:tarif|produkt)\b|\bprodukt:|\bpricing method|"
        r"\bservice class(?:ification)?|\bschedule\b"
    ),
    Field.DEMAND: (
        r"\b(?:billed|billing|actual|peak|maximum|metered|max\.?) (?:kw )?demand\b|\bdemand kw\b|"
        r"\bkw demand|\bdemand \(kw\)|\b(?:measured|recorded|registered) (?:kw )?demand\b|"
        r"\b(?:billed|billing|actual|metered|measured) kw\b(?!h)|"
        r"\bpotencia maxima demandada|\bpuissance atteinte"
    ),
    Field.POWER_FACTOR: r"\bpower factor\b(?! charge| adj)",
    Field.LOAD_FACTOR: r"\bload factor",
    Field.SERVICE_ADDRESS: (
        r"\bservice (?:address|location|for|at)\b:?|\bservice provided at|\bpremise address|\bservice to:|"
        r"\bdireccion (?:de |del )?suministro|\blieu de consommation|\badresse de (?:consommation|"
        r"fourniture)|"
        r"\bverbrauchsstelle|\blieferadresse|\babnahmestelle|\bindirizzo (?:di |della )?fornitura|"
        r"\bla fornitura .{0,25}e in:|\bforniamo energia in"
    ),
    Field.MAILING_ADDRESS: (
        r"\b(?:your )?(?:mailing|billing) address\b:?|\b(?:mail(?:ed)?|bill(?:ed)?) to\b:|"
        r"\bdireccion (?:de )?(?:facturacion|envio|correspondencia|postal)\b|"
        r"\badresse (?:de facturation|postale)\b|\brechnungsanschrift|\brechnungsadresse|\bpostanschrift|"
        r"\bindirizzo (?:di )?(?:recapito|spedizione)\b"
    ),
    Field.CUSTOMER_NAME: (
        r"\b(?:account|customer|member) name\b:?|\b(?:member|customer|account holder|prepared for):"
    ),
    Field.SUPPLIER: (
        r"\b(?:electric(?:ity)? |gas |natural gas |energy )?(?:supplier|service provider)\b:?|"
        r"\bcomercializadora\b|\bfournisseur\b|"
        r"\bihr lieferant|\bvenditore\b"
    ),
    Field.DISTRIBUTOR: (
        r"\byour distributor is\b|\bdistributor:|\bdistribuidora\b|\bgestionnaire de reseau|"
        r"\bnetzbetreiber\b|"
        r"\bdistributore(?: locale| di riferimento)?\b|\bdelivery company"
    ),
}
LABELS: Mapping[Field, re.Pattern[str]] = {field: re.compile(pattern) for field, pattern in _LABELS.items()}
"""A pattern for each field, over plain text."""
