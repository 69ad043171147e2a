"""One mail handed to the operator's mail server, within its time; what became of it in a sentence."""

from __future__ import annotations

import asyncio
import os
import ssl
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

from meterfarm.farm.mail.message import written
from meterfarm.farm.mail.server import SMTP_URL, SmtpServer, mail_address
from meterfarm.records import Mail, MailSecurity
from meterfarm.support.foreign_text import one_line

_SECONDS = 60.0
_LEAVE_SECONDS = 5.0
_SHOWN = 200
_FOR_GOOD = range(500, 600)


@dataclass(frozen=True, slots=True)
class MailResult:
    """How it went: ``fault`` is "" if the server took the mail. ``is_final``: it will not take it later."""

    fault: str = ""
    is_final: bool = False


class MailSender:
    """Hands mails in. ``seconds`` is what one may take in all."""

    def __init__(self, server: SmtpServer, *, seconds: float = _SECONDS) -> None:
        self._server = server
        self._seconds = seconds
        self._tls = ssl.create_default_context()

    async def send(self, mail: Mail, message_id: str) -> MailResult:
        """Hand in a mail. Nothing is raised. A mail that is sent again has the same ``message_id``."""
        try:
            content = written(mail, self._server.sender, message_id, datetime.now(UTC))
        except ValueError as exc:
            return MailResult(str(exc), is_final=True)
        return await self._explained(content, mail)

    async def check(self) -> str:
        """Connect and sign in; why that does not succeed, "" if it does."""
        return (await self._explained(None, None)).fault

    async def _explained(self, content: bytes | None, mail: Mail | None) -> MailResult:
        where = f"The mail server {self._server.where}"
        try:
            async with asyncio.timeout(self._seconds):
                client = await self._hand_in(content, mail)
        except SMTPAuthenticationError as exc:
            return MailResult(f"{where} refuses the user or the password of {SMTP_URL} ({exc.code}).")
        except SMTPRecipientsRefused as exc:
            return _refused(f"{where} refuses the recipient", exc.recipients[0])
        except SMTPSenderRefused as exc:
            return MailResult(f"{where} refuses the sender of METERFARM_MAIL_FROM ({_words(exc)}).")
        except SMTPResponseException as exc:
            return _refused(f"{where} refuses the mail", exc)
        except TimeoutError:
            return MailResult(f"{where} did not answer within {self._seconds:g} s.")
        except ssl.SSLError as exc:
            return MailResult(_about_tls(where, exc))
        except SMTPConnectError as exc:
            return MailResult(_unreachable(where, exc))
        except ConnectionError:
            return MailResult(f"{where} ended the connection.")
        except SMTPException as exc:
            return MailResult(f"{where}: {one_line(exc.message, _SHOWN)}")
        except OSError as exc:
            return MailResult(_unreachable(where, exc))
        except ValueError:
            return MailResult(f"{where} has a name that cannot be looked up; correct {SMTP_URL}.")
        await _leave(client)
        return MailResult()

    async def _hand_in(self, content: bytes | None, mail: Mail | None) -> SMTP:
        """The connection, once the server has taken the mail."""
        server = self._server
        client = SMTP(
            hostname=server.host,
            port=server.port,
            local_hostname=server.sender.domain,
            use_tls=server.security is MailSecurity.TLS,
            start_tls=server.security is MailSecurity.STARTTLS,
            tls_context=None if server.security is MailSecurity.NONE else self._tls,
            timeout=self._seconds,
        )
        try:
            await client.connect()
            if server.username:
                await client.login(server.username, server.password.get_secret_value())
            if content is not None and mail is not None:
                # an answer has no sender, so that nothing answers it (RFC 3834)
                await client.mail("" if mail.answers else server.sender.addr_spec)
                await self._to(client, mail_address(mail.to))
                await client.data(content)
        except BaseException:
            client.close()
            raise
        return client

    @staticmethod
    async def _to(client: SMTP, address: str) -> None:
        try:
            await client.rcpt(address)
        except SMTPRecipientRefused as exc:
            raise SMTPRecipientsRefused([exc]) from exc


async def _leave(client: SMTP) -> None:
    with suppress(SMTPException, OSError):
        await client.quit(timeout=_LEAVE_SECONDS)
    client.close()


def _refused(what: str, exc: SMTPResponseException) -> MailResult:
    return MailResult(f"{what} ({_words(exc)}).", is_final=exc.code in _FOR_GOOD)


def _words(exc: SMTPResponseException) -> str:
    return f"{exc.code} {one_line(exc.message, _SHOWN)}".strip()


def _about_tls(where: str, exc: ssl.SSLError) -> str:
    if isinstance(exc, ssl.SSLCertVerificationError):
        return f"{where} has a certificate that is not trusted here: {one_line(exc.verify_message, _SHOWN)}."
    return f"{where} does not speak TLS there; smtps:// is for TLS from the start, smtp:// for STARTTLS."


def _unreachable(where: str, exc: OSError) -> str:
    cause = exc.__cause__ if isinstance(exc.__cause__, OSError) else exc
    if isinstance(cause, ssl.SSLError):
        return _about_tls(where, cause)
    known = os.strerror(cause.errno) if cause.errno and cause.errno > 0 else "no connection"
    return f"{where} cannot be reached ({known})."
