"""The language of a bill, by the words that bills of it have."""

from __future__ import annotations

_LANGUAGES = {
    "en": "the your bill charges account due meter amount service payment current usage",
    "es": "factura consumo energia importe periodo potencia termino suministro contrato de la el",
    "fr": "facture votre consommation montant periode electricite du le abonnement compteur releve",
    "de": "rechnung verbrauch betrag zahler und der ihre strom abschlag netto vertragskonto preis",
    "it": "bolletta fattura consumo importo periodo fornitura spesa del il energia totale lettura",
}
_LANGUAGE_WORDS = {language: frozenset(words.split()) for language, words in _LANGUAGES.items()}
KNOWN_WORDS = frozenset().union(*_LANGUAGE_WORDS.values()) - {"de", "la", "el", "le", "il", "der", "del"}
"""Words that bills of these languages have."""


def language_of(words: list[str]) -> str:
    """The language that most of some hundred of a bill's words are of, by its code; "en" if none is."""
    counts = dict.fromkeys(_LANGUAGE_WORDS, 0)
    for word in words:
        for language, known in _LANGUAGE_WORDS.items():
            counts[language] += word in known
    best = max(counts, key=lambda each: counts[each])
    return best if counts[best] else "en"
