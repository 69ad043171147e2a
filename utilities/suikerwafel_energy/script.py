"""Suikerwafel Power & Light: its sister's portal by another name."""

from collections.abc import Sequence
from typing import ClassVar

from meterfarm.mfa.mailbox import CodeMail
from meterfarm.mfa.text_message import CodeText
from meterfarm.utilities.stroopwafel_energy.script import StroopwafelEnergy, mails, texts


class SuikerwafelEnergy(StroopwafelEnergy):
    """See ``StroopwafelEnergy``."""

    id = "suikerwafel_energy"
    name: ClassVar[str] = "Suikerwafel Power & Light"
    domain: ClassVar[str] = "suikerwafel.example"
    tenant: ClassVar[str] = "suikerwafelcustomers.onmicrosoft.com"
    client: ClassVar[str] = "suikerwafel_energy-web"
    mail_codes: ClassVar[Sequence[CodeMail]] = mails(name, domain)
    text_codes: ClassVar[Sequence[CodeText]] = texts(name, "+18885550188")
