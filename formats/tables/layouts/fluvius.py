"""Fluvius, Belgium: quarter-hours, hours or days, electricity and gas, in the customer's language.

Source: samples of 2021-10 (Dutch) and 2023-10 (English); French as public code reads it.
"""

from meterfarm.formats.tables.layout import (
    DELIVERED,
    ELECTRIC,
    GAS,
    RECEIVED,
    DateOrder,
    Layout,
    Times,
    Value,
    What,
)

_TAKEN = "afname|offtake|consumption|prélèvement|prelevement|consommation"
_SENT = "injectie|injection"
_DAY = r"\(?(dag|day|jour)\)?"
_NIGHT = r"\(?(nacht|night|nuit)\)?"
_HEAT = ".*calori.*"
_KINDS: dict[str, What] = {
    f"({words})( {time})": What(register=register).over(flow)
    for words, flow in ((_TAKEN, DELIVERED), (_SENT, RECEIVED))
    for time, register in ((_DAY, "day"), (_NIGHT, "night"))
} | {f"({_TAKEN})( actief| active| active energy)?": DELIVERED, f"({_SENT})( actief| active)?": RECEIVED}


def _layout(times: Times, unit: str, register: str, status: str, *, gas: bool) -> Layout:
    return Layout(
        id="fluvius",
        title="Fluvius",
        zone="Europe/Brussels",
        times=times,
        values=(Value(column="volume"),),
        unit=unit,
        has=(_HEAT,) if gas else (),
        meters={".*": GAS} if gas else {"7.*": GAS, ".*": ELECTRIC},
        meter=("meter", "compteur", "ean-code", "ean code", "code ean", "ean"),
        kind=register,
        kinds=_KINDS,
        estimated=status,
        estimates=("geschat", "estimat", "estimé"),
        ignored=(
            "ean.*",
            "code ean",
            "metertype|meter type|type de compteur",
            "omschrijving|description",
            _HEAT,
        ),
        comma=True,
    )


def _times(start_day: str, start_time: str, end_day: str, end_time: str) -> Times:
    return Times(
        start=f"{start_day} + {start_time}", end=f"{end_day} + {end_time}", order=DateOrder.DAY_FIRST
    )


_DUTCH = _times(
    "van datum|van (datum)",
    "van tijdstip|van (tijdstip)",
    "tot datum|tot (datum)",
    "tot tijdstip|tot (tijdstip)",
)
_ENGLISH = _times(
    "from (date)|from date", "from (time)|from time", "until (date)|to (date)", "until (time)|to (time)"
)
_FRENCH = _times(
    "de (date)|du (date)|à partir de (date)",
    "de (heure)|du (heure)|à partir de (heure)",
    "à (date)|au (date)|jusqu'à (date)|jusque (date)",
    "à (heure)|au (heure)|jusqu'à (heure)|jusque (heure)",
)
_LANGUAGES = (
    (_DUTCH, "eenheid", "register", "validatiestatus"),
    (_ENGLISH, "unit", "register", "validation status"),
    (_FRENCH, "unité", "registre", "statut de validation"),
)
LAYOUTS = tuple(_layout(*words, gas=gas) for gas in (True, False) for words in _LANGUAGES)
