"""Mails to users: an invitation, or a link to a new password."""

from __future__ import annotations

from urllib.parse import urlencode

from meterfarm.farm.mail.message import composed
from meterfarm.services.errors import InvalidRequest
from meterfarm.services.mail import queue_mail
from meterfarm.services.users import INVITATION_LASTS, RESET_LASTS
from meterfarm.storage.customers import User
from meterfarm.web.context import WebContext
from meterfarm.web.dashboard.access import HOME, Refused

_NO_MAIL = (
    "This farm sends no mail. Whoever runs it can give you the link instead: `user link EMAIL` prints it."
)


def must_send(web: WebContext) -> None:
    """Nothing is begun that a mail must end.

    Raises:
        Refused: this farm sends no mail.
    """
    if not web.sends_mail:
        raise Refused(503, "No mail can be sent", _NO_MAIL)


def send_link(web: WebContext, user: User, link: str) -> None:
    """Send a user the link by which a password is chosen.

    Raises:
        Refused: this farm sends no mail, or none to such an address.
    """
    must_send(web)
    address = f"{web.public_url}{HOME}/password?{urlencode({'link': link})}"
    company = web.store.companies.get(user.company_id)
    if user.is_invited:
        subject = f"Your account at {company.name if company else 'Meterfarm'}"
        text = "You are invited to the dashboard. Choose a password, within 7 days:"
        button, good_for = "Create my account", INVITATION_LASTS
    else:
        subject = "A new password"
        text = "A new password was asked for. Choose one within an hour, or ignore this mail:"
        button, good_for = "Reset my password", RESET_LASTS
    mail = composed(user.email, subject, [text], button=(button, address))
    try:
        queue_mail(web.store.within(user.company_id), mail, good_for=good_for)
    except InvalidRequest as exc:
        raise Refused(422, "No mail can be sent", str(exc)) from exc
