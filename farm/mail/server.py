"""The operator's mail server as METERFARM_SMTP_URL has it, and who our mails are from. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.headerregistry import Address
from email.utils import parseaddr
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import SecretStr

from meterfarm.records import MailSecurity
from meterfarm.scrapers.guard import is_loopback
from meterfarm.support.foreign_text import one_line

SMTP_URL = "METERFARM_SMTP_URL"
MAIL_FROM = "METERFARM_MAIL_FROM"
_SECURITIES = {
    "smtps": (MailSecurity.TLS, 465),
    "smtp": (MailSecurity.STARTTLS, 587),
    "smtp+plain": (MailSecurity.NONE, 25),
}
_LONGEST = 254
_LOCAL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mail is handed in, and ``sender``: the address that it is from, with a name or without."""

    host: str
    port: int
    security: MailSecurity
    username: str
    password: SecretStr
    sender: Address

    @property
    def where(self) -> str:
        """For people; without who signs in."""
        return f"{self.host}:{self.port}"


def parsed_server(url: SecretStr, mail_from: str) -> SmtpServer | None:
    """The mail server of the settings; None if there is none.

    Raises:
        ValueError: the address cannot be used, or one of the two settings is missing; says why.
    """
    text = url.get_secret_value().strip()
    if not text:
        return None
    if not mail_from:
        raise ValueError(f"{SMTP_URL} is set, and {MAIL_FROM} is not; write the address that mail is from")
    try:
        parts = urlsplit(text)
        security, usual_port = _SECURITIES[parts.scheme.lower()]
        host, port = parts.hostname or "", parts.port
    except (ValueError, KeyError):
        raise ValueError(_how_to_write()) from None
    if not _is_server(parts, host):
        raise ValueError(_how_to_write())
    if security is MailSecurity.NONE and not is_loopback(host):
        raise ValueError(
            f"{SMTP_URL} has smtp+plain://, which is for this machine; write smtp:// or smtps://"
        )
    return SmtpServer(
        host,
        usual_port if port is None else port,
        security,
        unquote(parts.username or ""),
        SecretStr(unquote(parts.password or "")),
        parsed_sender(mail_from),
    )


def parsed_sender(text: str) -> Address:
    """Who mail is from: an address, or a name and an address in angle brackets.

    Raises:
        ValueError: it is neither.
    """
    name, address = parseaddr(text)
    ascii_address = mail_address(address)
    if not ascii_address or name != one_line(name, _LONGEST):
        raise ValueError(f"{MAIL_FROM} is no address; write one: Meterfarm <noreply@example.com>")
    return Address(display_name=name, addr_spec=ascii_address)


def mail_address(text: str) -> str:
    """An address as SMTP takes it everywhere: its domain in ASCII; "" if it cannot be one.

    Only names that need no quotes: others are hardly ever meant.
    """
    local, _, domain = text.strip().rpartition("@")
    try:
        ascii_domain = domain.encode("idna").decode().lower() if not domain.isascii() else domain.lower()
    except UnicodeError:
        return ""
    labels = ascii_domain.split(".")
    is_well = len(labels) > 1 and all(map(_LABEL.fullmatch, labels)) and not labels[-1].isdigit()
    dots = local.startswith(".") or local.endswith(".") or ".." in local
    if not _LOCAL.fullmatch(local) or dots or not is_well or len(local) + 1 + len(ascii_domain) > _LONGEST:
        return ""
    return f"{local}@{ascii_domain}"


def _is_server(parts: SplitResult, host: str) -> bool:
    has_more = bool(parts.path.strip("/") or parts.query or parts.fragment)
    spelled = host == one_line(host) and " " not in host
    return (
        bool(host)
        and spelled
        and not has_more
        and parts.port != 0
        and bool(parts.username or not parts.password)
    )


def _how_to_write() -> str:
    return (
        f"{SMTP_URL} cannot be used; write smtps://user:password@host (TLS), smtp://... (STARTTLS) or "
        "smtp+plain://127.0.0.1:25 (on this machine), with marks in user and password as %40"
    )
