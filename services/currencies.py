"""In which currency the amounts of bills are: by what was read, else by the country of the addresses."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from meterfarm.records import Account
from meterfarm.storage.data import StoredBill

_OF_COUNTRIES = {
    **{"US": "USD", "CA": "CAD", "AU": "AUD", "NZ": "NZD", "GB": "GBP", "CH": "CHF"},
    **dict.fromkeys(("AT", "BE", "DE", "ES", "FI", "FR", "GR", "IE", "IT", "LU", "NL", "PT"), "EUR"),
}
_SYMBOLS = {
    **dict.fromkeys(("USD", "CAD", "AUD", "NZD"), "$"),
    **{"GBP": "£", "EUR": "€", "CHF": "CHF "},
}


def currency_of(account: Account, bills: Sequence[StoredBill], withheld: Collection[int] = ()) -> str:
    """The one currency of the bills (ISO 4217), without those ``withheld``; "" if it is not known.

    If none was read, it is that of the country where the account is.
    """
    shown = [each for each in bills if each.id not in withheld]
    if read := {currency_read(each) for each in shown} - {""}:
        return read.pop() if len(read) == 1 else ""
    addresses = [account.address, *(each.bill.address for each in shown if each.bill is not None)]
    country = next((address.country for address in addresses if address is not None), "")
    return _OF_COUNTRIES.get(country, "")


def currency_read(bill: StoredBill) -> str:
    """What was read of a bill (ISO 4217), "" if nothing was."""
    return str(bill.reading.fields.get("currency") or "") if bill.reading is not None else ""


def symbol_of(currency: str) -> str:
    """What stands before an amount in it; "" for a currency that is not known."""
    return _SYMBOLS.get(currency, f"{currency} " if currency else "")
