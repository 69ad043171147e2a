"""One connection to a mailbox, which only ever looks: EXAMINE and BODY.PEEK. Blocking."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from meterfarm.mfa.mailbox import HEADERS, Envelope, read_envelope
from meterfarm.records import MailSecurity
from meterfarm.storage.channels import MailAccount

if TYPE_CHECKING:
    from meterfarm.farm.codes.imap_bounded import BoundedClient, Budget

_SECONDS = 30.0
"""For each exchange: to connect, log in and look; to look for new mail; to read one."""
_LITTLE = 2 * 1024 * 1024
_SLACK = 64 * 1024
_LONGEST = 512 * 1024
"""Bytes of a mail that are read; a code stands further up."""
_LONGEST_HEAD = 8 * 1024
"""Bytes of the header fields; Python takes 20 s to read some of 64 KB, and no portal writes such."""
_MOST = 500
"""New mails that are looked at, the newest."""
_ATOM = re.compile(r'[^\x00-\x20\x7f"(){%*\\]+', re.ASCII)
_FOR_NOW = re.compile(r"\[(UNAVAILABLE|INUSE|LIMIT|SERVERBUG)\b")
"""By which a server says that a refusal has nothing to do with what was asked (RFC 5530)."""
_HEADERS = f"BODY.PEEK[HEADER.FIELDS ({' '.join(HEADERS).upper()})]<0.{_LONGEST_HEAD + 1}>"


class MailboxDown(OSError):
    """A mailbox cannot be used; the text says why. ``refused``: to try again soon could lock it."""

    def __init__(self, reason: str, *, refused: bool = False) -> None:
        super().__init__(reason)
        self.refused = refused


@dataclass(frozen=True, slots=True)
class MailboxCursor:
    """Where new mail begins: the mailbox's next UID ``at`` an instant. It holds while ``validity`` does."""

    validity: int
    uid: int
    at: datetime


@dataclass(frozen=True, slots=True)
class MailHead:
    """A mail by its headers, and when it arrived by the mail server's clock."""

    uid: int
    received_at: datetime | None
    envelope: Envelope | None


class Imap:
    """Made by ``open``. Every method raises MailboxDown, at the latest after ``seconds`` of talk.

    ``can_idle``: the server announces new mail by itself. ``mails``: how many there were when last marked.
    """

    def __init__(self, account: MailAccount, password: SecretStr, seconds: float = _SECONDS) -> None:
        self._account = account
        self._password = password
        self._seconds = seconds
        self._client: BoundedClient | None = None
        self._budget: Budget | None = None
        self.can_idle = False
        self.validity = 0
        self.mails = 0

    @property
    def socket(self) -> socket.socket:
        """To be watched while the mailbox idles."""
        watched: socket.socket = self._connected.socket()
        return watched

    @property
    def _connected(self) -> BoundedClient:
        if self._client is None:
            raise MailboxDown(f"{self._account} is not connected.")
        return self._client

    def open(self) -> MailboxCursor:
        """Connect, log in and look at the folder; where new mail begins."""
        from meterfarm.farm.codes.imap_bounded import Budget  # slow to import, and rarely needed

        self._budget = Budget(literal=_LONGEST + _SLACK)
        with self._exchange():
            self._connect(self._budget)
            self._log_in(self._connected)
            self.can_idle = bool(self._connected.has_capability("IDLE"))
            return self._examined()

    def cursor(self) -> MailboxCursor:
        """Where new mail begins now."""
        with self._exchange():
            return self._examined()

    def heads(self, first: int, known: Collection[int]) -> Sequence[MailHead]:
        """The mails from this UID on that are not known yet."""
        with self._exchange(_MOST * (_LONGEST_HEAD + 1024) + _LITTLE):
            client = self._connected
            client.noop()
            found = client.search(["UID", f"{first}:*"])
            uids = sorted(uid for uid in found if uid >= first and uid not in known)[-_MOST:]
            if not uids:
                return []
            fetched: dict[int, dict[bytes, Any]] = client.fetch(uids, ["INTERNALDATE", _HEADERS])
            return [self._head(uid, fetched[uid]) for uid in uids if uid in fetched]

    def content(self, uid: int) -> bytes:
        """A mail as it is, if need be without its end; b"" if it is gone."""
        with self._exchange():
            fetched: dict[int, dict[bytes, Any]] = self._connected.fetch(
                [uid], [f"BODY.PEEK[]<0.{_LONGEST}>"]
            )
            return next(
                (_bytes(value) for name, value in fetched.get(uid, {}).items() if _is_body(name)), b""
            )

    def idle(self) -> None:
        """Begin to wait for announcements of the server on ``socket``."""
        with self._exchange():
            self._connected.idle()

    def idle_done(self) -> None:
        """End ``idle``: the next exchange may begin."""
        with self._exchange():
            self._connected.idle_done()

    def close(self) -> None:
        """Log out, without waiting for it. What is under way in another thread ends at once."""
        client, self._client = self._client, None
        if client is not None:
            threading.Thread(target=_leave, args=(client,), daemon=True, name="imap").start()

    def _exchange(self, size: int = _LITTLE) -> _Explained:
        """What a server sends in answer has its time and its size, in bytes."""
        if self._budget is not None:
            self._budget.begin(self._seconds, size)
        return _Explained(self._account)

    def _connect(self, budget: Budget) -> None:
        from meterfarm.farm.codes.imap_bounded import BoundedClient

        account = self._account
        context = ssl.create_default_context() if account.security is MailSecurity.TLS else None
        client = self._client = BoundedClient(account, budget, context)
        client.normalise_times = False
        if account.security is MailSecurity.STARTTLS:
            if not client.has_capability("STARTTLS"):
                raise MailboxDown(f"{account} offers no STARTTLS; its password is not sent without it.")
            client.starttls(ssl.create_default_context())

    def _log_in(self, client: BoundedClient) -> None:
        from imapclient.exceptions import (  # type: ignore[import-untyped]
            IMAPClientAbortError,
            LoginError,
        )

        account, password = self._account, self._password.get_secret_value()
        if client.has_capability("LOGINDISABLED"):
            raise MailboxDown(f"{account} takes no password over this connection; use --tls or --starttls.")
        try:
            if _ATOM.fullmatch(account.username) and (account.username + password).isascii():
                client.login(account.username, password)
            elif client.has_capability("AUTH=PLAIN"):
                client.plain_login(account.username, password)
            elif (account.username + password).isascii():
                client.login(_quoted(account.username), password)
            else:
                raise MailboxDown(f"{account} takes only user names and passwords in ASCII.", refused=True)
        except LoginError as error:
            if isinstance(error.__context__, IMAPClientAbortError):
                raise MailboxDown(f"{account} ended the connection while logging in.") from None
            if _FOR_NOW.search(str(error)):
                raise MailboxDown(f"{account} says that nobody can log in just now.") from None
            sentence = f"{account} refuses the user name or the password; give it again."
            raise MailboxDown(sentence, refused=True) from None

    def _examined(self) -> MailboxCursor:
        from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

        try:
            selected = self._connected.select_folder(self._account.folder, readonly=True)
        except IMAPClientAbortError:
            raise
        except IMAPClientError as error:
            if _FOR_NOW.search(str(error)):
                raise
            sentence = f"{self._account} has no folder “{self._account.folder}” that can be looked into."
            raise MailboxDown(sentence) from None
        self.validity = int(selected.get(b"UIDVALIDITY", 0))
        self.mails = int(selected.get(b"EXISTS", 0))
        following = selected.get(b"UIDNEXT")
        if following is None:
            following = max(self._connected.search(["UID", "*"]), default=0) + 1
        return MailboxCursor(self.validity, int(following), datetime.now(UTC))

    def _head(self, uid: int, fetched: dict[bytes, Any]) -> MailHead:
        received_at = fetched.get(b"INTERNALDATE")
        if isinstance(received_at, datetime) and received_at.tzinfo is None:
            received_at = received_at.replace(tzinfo=UTC)
        headers = next((_bytes(value) for name, value in fetched.items() if _is_body(name)), b"")
        place = f"{self._account} {self._account.folder} {self.validity} {uid}"
        is_short = len(headers) <= _LONGEST_HEAD
        return MailHead(uid, received_at, read_envelope(headers, place) if is_short else None)


class _Explained:
    """Turns what goes wrong with a mailbox into MailboxDown, most specific first."""

    def __init__(self, account: MailAccount) -> None:
        self._account = account

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, MailboxDown):
            return
        from imapclient.exceptions import IMAPClientError

        from meterfarm.farm.codes.imap_bounded import TooMuch

        where = str(self._account)
        if isinstance(error, ssl.SSLCertVerificationError):
            raise MailboxDown(
                f"{where} shows a certificate that is not to be trusted: {error.verify_message}."
            )
        if isinstance(error, ssl.SSLError):
            raise MailboxDown(f"{where} does not speak TLS as asked; look at the port, --tls and --starttls.")
        if isinstance(error, socket.gaierror):
            raise MailboxDown(f"{where} is not known by this name; correct it, or see that DNS works.")
        if isinstance(error, TooMuch):
            raise MailboxDown(f"{where} sends more than was asked for; see that it is a mail server.")
        if isinstance(error, TimeoutError):
            raise MailboxDown(f"{where} does not answer in time.")
        if isinstance(error, OSError):
            raise MailboxDown(f"{where} cannot be reached: {error.strerror or type(error).__name__}.")
        if isinstance(error, IMAPClientError):
            raise MailboxDown(f"{where} answers with an error, or ended the connection.")
        if isinstance(error, Exception):
            raise MailboxDown(f"{where} answers with what is no IMAP ({type(error).__name__}).")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _is_body(name: bytes) -> bool:
    return name.startswith(b"BODY[")


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""


def _leave(client: BoundedClient) -> None:
    """The socket is shut first: that ends a read in another thread, which would hold up all else."""
    from imapclient.exceptions import IMAPClientError

    with suppress(OSError, IMAPClientError, AttributeError, ValueError):
        client.socket().shutdown(socket.SHUT_RDWR)
    with suppress(OSError, IMAPClientError, AttributeError, ValueError):
        client.shutdown()
