"""The currency of a bill, by its sign and the country of the addresses."""

from __future__ import annotations

import re

_CANADA = re.compile(
    r"\b(?:on|ab|bc|qc|mb|sk|ns|nb|nl|pe)\b\.? {1,2}[a-z]\d[a-z] ?\d[a-z]\d\b|\bgst\b|\bhst\b"
)
_STATE_ZIP = re.compile(r"\b[a-z]{2}\.?,? +\d{5}(?:-\d{4})?\b")
_AUSTRALIA = re.compile(r"\babn\b|\bnmi\b|\b(?:nsw|vic|qld|tas) \d{4}\b")


def currency_of(text: str, language: str) -> str:
    """By ISO 4217, "" if that is not certain."""
    euros, pounds, dollars = (
        text.count("€") + len(re.findall(r"\beur(?:o)?\b", text)),
        text.count("£"),
        text.count("$"),
    )
    if re.search(r"\bchf\b", text) and not dollars and not euros > 3:
        return "CHF"
    best = max(euros, pounds, dollars)
    if not best:
        if language == "en" and _CANADA.search(text):
            return "CAD"
        return "USD" if language == "en" and _STATE_ZIP.search(text) else ""
    if best == euros:
        return "EUR" if euros > 2 * max(dollars, pounds) else ""
    if best == pounds:
        return "GBP" if pounds > 2 * max(dollars, euros) else ""
    if _AUSTRALIA.search(text):
        return "AUD"
    if _CANADA.search(text):
        return "CAD"
    return "USD" if _STATE_ZIP.search(text) or language == "en" else ""
