"""The words of the messages that carry a code."""

from datetime import datetime

from meterfarm.fake_utility.kit.customers import Customer
from meterfarm.fake_utility.kit.letters import Sender
from meterfarm.fake_utility.kit.outbox import Message
from meterfarm.fake_utility.stroopwafel_energy.brand import Brand


def text_message(brand: Brand, customer: Customer, code: str, now: datetime) -> Message:
    """A code as a text message."""
    body = (
        f"{code} is your {brand.name} security code. It expires in 10 minutes. We never call to ask for it."
    )
    return _sender(brand).text_message(customer, code, body, now)


def mail(brand: Brand, customer: Customer, code: str, now: datetime) -> Message:
    """A code as a mail."""
    colours = brand.colours
    asks = "Somebody is signing in to My Account. If that is you, enter this code:"
    end = "It expires in 10 minutes. If it is not you, change your password."
    body = f"Hi {customer.name},\n\n{asks}\n\n    {code}\n\n{end}\n\n{brand.name}\n{brand.address}\n"
    html = (
        f'<html><body style="margin:0;background:{colours.cream};font-family:Georgia,serif;color:#22303c">'
        f'<table width="100%" cellpadding="0" cellspacing="0"><tr><td style="background:{colours.deep};'
        f'color:#fff;padding:20px 30px;font-size:22px">{brand.name}</td></tr><tr><td style="padding:30px">'
        f"<p>Hi {customer.name},</p><p>{asks}</p>"
        f'<p style="font:700 32px Courier,monospace;letter-spacing:8px;color:{colours.deep}">{code}</p>'
        f'<p>{end}</p><p style="color:#888">{brand.address}</p></td></tr></table></body></html>'
    )
    return _sender(brand).mail(customer, code, f"{brand.name}: your security code", body, html, now)


def _sender(brand: Brand) -> Sender:
    return Sender(brand.name, brand.sms_sender, brand.mail_sender)
