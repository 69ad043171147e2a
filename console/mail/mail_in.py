"""The `mail-in` command: an SMTP server that takes in bills from the operator's mail server."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from meterfarm.console.channels.inbox import listening
from meterfarm.console.command_context import open_farm
from meterfarm.console.errors import NotSetUp, UsageError
from meterfarm.console.exit_status import OK
from meterfarm.console.terminal.output import print_line
from meterfarm.farm.mail.receiving import MailRate, MailReceiver
from meterfarm.services.mail_in import (
    BillMailRefused,
    MailInPlace,
    company_of_sender,
    take_mail,
    verified_mail,
)
from meterfarm.storage.store import Store

_NO_SUCH = "550 5.1.1 There is no such address here"
_TOO_MANY = "450 4.7.1 Too many mails of this company in a short time; try again later"
_REFUSALS = {"files": "554 5.6.0", "unreadable": "554 5.6.0", "loop": "554 5.4.6"}
_MOST_OF_A_COMPANY, _IN_SECONDS = 200, 600.0


@dataclass(frozen=True, slots=True)
class MailInOptions:
    """As the command line has them."""

    host: str
    port: int
    certificate: Path | None
    key: Path | None


class BillMailTaker:
    """Decides what becomes of each mail, by the replies that SMTP has for it (``MailTaker``)."""

    def __init__(self, farm: Store, place: MailInPlace) -> None:
        self._farm = farm
        self._place = place
        self._rate = MailRate(_MOST_OF_A_COMPANY, _IN_SECONDS)
        self._log: Any = structlog.get_logger("mail_in")

    async def recipient(self, sender: str, recipient: str) -> str:
        """Whether the address is ours, and the sender may mail bills to it. Raises StorageError."""
        live = self._place.is_live(recipient)
        if live is None:
            return _NO_SUCH
        try:
            await asyncio.to_thread(partial(company_of_sender, self._farm, sender, live=live))
        except BillMailRefused as exc:
            return self._refused(exc)
        return ""

    async def mail(self, sender: str, recipient: str, content: bytes) -> str:
        """Keep its bills. Raises StorageError."""
        live = self._place.is_live(recipient)
        if live is None:
            return _NO_SUCH
        try:
            company = await asyncio.to_thread(partial(company_of_sender, self._farm, sender, live=live))
            given = (self._farm, self._place, company, sender, content)
            verified = await asyncio.to_thread(verified_mail, *given)
            if not self._rate.allows(str(company.id)):  # what others forge in its name is not counted
                return _TOO_MANY
            taken = await take_mail(self._farm, verified)
        except BillMailRefused as exc:
            return self._refused(exc)
        self._log.info(
            "mail.taken", company=taken.company_id, bills=len(taken.bills), left_out=len(taken.left_out)
        )
        return ""

    def _refused(self, refusal: BillMailRefused) -> str:
        self._log.warning("mail.refused", kind=refusal.kind)
        return f"{_REFUSALS.get(refusal.kind, '550 5.7.1')} {refusal}"


async def serve(options: MailInOptions) -> int:
    """Receive mail until Ctrl-C or SIGTERM."""
    with open_farm() as (context, farm):
        settings = context.farm
        if not settings.mail_in_address or not settings.mail_in_authserv_id:
            raise NotSetUp(
                "Bills by mail need METERFARM_MAIL_IN_ADDRESS and METERFARM_MAIL_IN_AUTHSERV_ID "
                "(docs/mail.md)."
            )
        place = MailInPlace(settings.mail_in_address, settings.mail_in_authserv_id)
        name = place.address.partition("@")[2]
        tls = _tls(options)
        receiver = MailReceiver(BillMailTaker(farm, place), name, settings.mail_peers, tls=tls)
        with listening(options.host, options.port) as listener:
            host, port = listener.getsockname()[:2]
            print_line(f"Mail to {place.address} is received at {host}:{port}; Ctrl-C stops it.")
            with suppress(asyncio.CancelledError):  # how one ends it
                await receiver.serve(listener)
    return OK


def _tls(options: MailInOptions) -> ssl.SSLContext | None:
    """For STARTTLS, if a certificate is given. Raises UsageError."""
    if options.certificate is None and options.key is None:
        return None
    if options.certificate is None or options.key is None:
        raise UsageError("Give --tls-cert and --tls-key together.")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(options.certificate, options.key)
    except (OSError, ssl.SSLError) as exc:
        raise UsageError(
            f"The certificate {options.certificate} and its key {options.key} cannot be used: {exc.strerror}."
        ) from exc
    return context
