"""Mail that carries a code: what a utility declares of it, and whether one is meant. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import getaddresses, parsedate_to_datetime
from hashlib import sha256

from meterfarm.mfa.code_pattern import code_in
from meterfarm.mfa.mailbox_text import texts_of

_RECIPIENTS = ("To", "Cc", "Delivered-To", "X-Original-To", "X-Forwarded-To", "Envelope-To")
HEADERS = ("From", "Subject", "Date", "Message-ID", *_RECIPIENTS)
"""The header fields by which a mail is judged; nothing else of it is read before it is found to be meant."""
_SLACK = timedelta(minutes=2)
_CONTENT_FIELD = re.compile(
    rb"(?:^|[\r\n])content-[a-z-]{1,40}[ \t]*:[^\r\n]*(?:(?:\r\n|\r|\n)[ \t][^\r\n]*)*", re.IGNORECASE
)
_LONGEST_FIELD = 2_000
"""Bytes of what a mail says of a part's kind; Python takes minutes to read some of 500 KB."""
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"')


@dataclass(frozen=True, slots=True)
class CodeMail:
    """A mail in which a portal sends its code, declared by the utility's script.

    ``senders`` are addresses, compared in any case; ``pattern`` is a regular expression with one group, the
    code, and is looked for in the text and in the HTML as it is read; ``subject`` is one that the subject
    must hold.
    """

    senders: Sequence[str]
    pattern: str
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A mail by its headers. ``recipients`` are in small letters; ``fingerprint`` is that of every copy."""

    sender: str
    subject: str
    recipients: frozenset[str]
    sent_at: datetime | None
    fingerprint: str


def read_envelope(headers: bytes, place: str) -> Envelope | None:
    """A mail's headers; None if they cannot be read. ``place`` tells apart mails without a Message-ID."""
    try:
        mail = message_from_bytes(headers, EmailMessage, policy=policy.default)
        senders = _addresses(mail, "From")
        message_id = str(mail.get("Message-ID") or place)
        same = "\0".join((message_id, str(mail.get("Date") or ""), *senders))
        return Envelope(
            sender=senders[0] if len(senders) == 1 and _names_one_sender(mail) else "",
            subject=" ".join(str(mail.get("Subject") or "").split()),
            recipients=frozenset(address for name in _RECIPIENTS for address in _addresses(mail, name)),
            sent_at=_sent_at(str(mail.get("Date") or "")),
            fingerprint=sha256(same.encode("utf-8", "surrogatepass")).hexdigest(),
        )
    except Exception:  # noqa: BLE001 - anybody may send headers that trip Python's parser in a new way
        return None


def matching(declared: Sequence[CodeMail], envelope: Envelope) -> Sequence[CodeMail]:
    """Those of the declared mails that this may be, by sender and subject."""
    return [
        one
        for one in declared
        if envelope.sender in {sender.casefold() for sender in one.senders}
        and re.search(one.subject, envelope.subject)
    ]


def mail_code(declared: Sequence[CodeMail], content: bytes) -> str:
    """The code in a whole mail, or ""; its text and its HTML must not differ."""
    if any(len(found[0]) > _LONGEST_FIELD for found in _CONTENT_FIELD.finditer(content)):
        return ""
    try:
        texts = texts_of(message_from_bytes(content, EmailMessage, policy=policy.default))
    except Exception:  # noqa: BLE001 - as above
        return ""
    found = {code for one in declared if (code := code_in(one.pattern, *texts))}
    return found.pop() if len(found) == 1 else ""


def is_stale(envelope: Envelope, received_at: datetime | None, asked_at: datetime) -> bool:
    """Whether a mail that came late into the mailbox is an old one all the same, moved there or held up.

    The mail server's clock and the sender's may each be wrong, but hardly both: both must say so.
    """
    before = asked_at - _SLACK
    times = [at for at in (received_at, envelope.sent_at) if at is not None]
    return bool(times) and all(at < before for at in times)


def _names_one_sender(mail: EmailMessage) -> bool:
    """Not so in ``codes@portal.example <evil@evil.example>``: Python reads the first, others the last."""
    written = "".join(str(value) for name, value in mail.raw_items() if name.casefold() == "from")
    named = {word.casefold() for word in re.split(r"[\s<>]+", _QUOTED.sub("", written)) if "@" in word}
    return len(named) == 1 and named.pop().count("@") == 1


def _addresses(mail: EmailMessage, name: str) -> list[str]:
    fields = [str(field) for field in mail.get_all(name, [])]
    return [address.strip().casefold() for _, address in getaddresses(fields) if "@" in address]


def _sent_at(text: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
