"""What `mail list` and `mail test` do."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence

from meterfarm.console.command_context import command_context, open_farm
from meterfarm.console.errors import NotSetUp
from meterfarm.console.exit_status import MACHINE, OK
from meterfarm.console.terminal.listing import Column, Listing, Shown, styled
from meterfarm.console.terminal.output import print_json, print_line, show, show_empty
from meterfarm.farm.mail.message import composed
from meterfarm.farm.mail.sending import MailSender
from meterfarm.services.mail import checked_address, outgoing_mails
from meterfarm.storage.channels import MailState, OutgoingMail
from meterfarm.support.instants import instant, shown

_STYLES = {MailState.SENT: "", MailState.PENDING: "yellow", MailState.GIVEN_UP: "red"}
_SUBJECT = "Meterfarm sends mail"


async def list_all(limit: int, *, failed: bool, as_json: bool) -> int:
    """Print a row for each mail."""
    with open_farm() as (_, farm):
        found = await asyncio.to_thread(lambda: outgoing_mails(farm, failed=failed, limit=limit))
    if as_json:
        print_json([_document(mail) for mail in found])
    elif not found:
        show_empty("No mail has failed." if failed else "No mail went out yet.", _table(()))
    else:
        show(_table(found))
    return OK


async def send_test(address: str) -> int:
    """Send one now; 1 if the mail server did not take it."""
    to = checked_address(address)
    with command_context() as context:
        server = context.farm.mail_server
        if server is None:
            raise NotSetUp("No mail goes out from here: set METERFARM_SMTP_URL and METERFARM_MAIL_FROM.")
        text = ["This mail was sent to try the mail server. Nothing is to be done."]
        result = await MailSender(server).send(composed(to, _SUBJECT, text), secrets.token_hex(16))
    print_line(result.fault or f"The mail server {server.where} took a mail to {to}.")
    return MACHINE if result.fault else OK


def _document(mail: OutgoingMail) -> dict[str, object]:
    return {
        "id": mail.id,
        "company": mail.company_id,
        "about": mail.about,
        "to": mail.to,
        "state": mail.state,
        "tries": mail.attempts,
        "since": instant(mail.since),
        "next_at": instant(mail.next_at) if mail.next_at else None,
        "ended_at": instant(mail.ended_at) if mail.ended_at else None,
        "fault": mail.fault,
    }


def _table(found: Sequence[OutgoingMail]) -> Listing:
    columns = [
        Column("id", right=True),
        Column("to"),
        Column("about"),
        Column("state"),
        Column("tries", right=True),
        Column("since", if_room=True),
    ]
    names = ("id", "company", "to", "about", "state", "tries", "since", "next_at", "ended_at", "fault")
    table = Listing(columns, names)
    for mail in found:
        cells: list[Shown] = [
            str(mail.id),
            mail.to,
            mail.about,
            styled(mail.state.value, _STYLES[mail.state]),
            str(mail.attempts),
            shown(mail.since),
        ]
        table.add(cells, _document(mail), [styled(mail.fault, "red")])
    return table
