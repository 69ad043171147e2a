"""Mails to users: an invitation, or a link to a new password."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec
from urllib.parse import urlencode

import structlog
from starlette.background import BackgroundTask
from starlette.responses import Response

from meterfarm.farm.mail.message import composed
from meterfarm.services.errors import InvalidRequest, ServiceError
from meterfarm.services.mail import plain_name, queue_mail
from meterfarm.services.users import INVITATION_LASTS, RESET_LASTS, user_address
from meterfarm.storage import StorageError
from meterfarm.storage.customers import User
from meterfarm.web.context import WebContext
from meterfarm.web.dashboard.access import HOME, Refused

P = ParamSpec("P")
_log = structlog.get_logger("dashboard")
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


def wait_for(web: WebContext, email: str) -> int:
    """Seconds until the address may be mailed to again, whoever asks for it; 0 if now."""
    address = user_address(email)
    return web.limits.mailed.take(address) if address else 0


def send_afterwards(
    answer: Response,
    web: WebContext,
    find: Callable[P, tuple[User, str] | None],
    *given: P.args,
    **named: P.kwargs,
) -> Response:
    """The answer, which goes out first: how long it takes does not show whether there is such a user.

    ``find`` gives the user and what the link ends in, None if nobody gets one.
    """

    def find_and_send() -> None:
        try:
            if (found := find(*given, **named)) is not None:
                send_link(web, *found)
        except (ServiceError, StorageError, Refused) as exc:
            _log.warning("dashboard.link_not_sent", fault=type(exc).__name__)

    answer.background = BackgroundTask(find_and_send)
    return answer


def send_link(web: WebContext, user: User, link: str) -> None:
    """Send a user the link by which a password is chosen.

    Raises:
        Refused: this farm sends no mail, or none to such an address.
    """
    must_send(web)
    address = f"{web.public_url}{HOME}/password?{urlencode({'link': link})}"
    company = web.store.companies.get(user.company_id)
    if user.is_invited:
        name = plain_name(company.name) if company else ""
        subject = f"Your account at {name or 'Meterfarm'}"
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
