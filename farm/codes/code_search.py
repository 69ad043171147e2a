"""Which mail of a mailbox has the code that a run waits for: only what is certain counts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import structlog

from meterfarm.farm.codes.answer_codec import encode_code
from meterfarm.farm.codes.imap import Imap, MailboxCursor, MailHead
from meterfarm.mfa.mailbox import CodeMail, is_stale, mail_code, matching
from meterfarm.mfa.mailbox_owner import Neighbours, goes_by_mask, is_for
from meterfarm.storage.customers import Customer
from meterfarm.storage.store import CompanyStore
from meterfarm.support.tasks import in_daemon_thread

_UNREADABLE = "a mail came from which no code could be read; somebody has to answer."
_UNCERTAIN = "a mail came of which it is not certain for which customer it is; somebody has to answer."
_UNKNOWN = datetime.min.replace(tzinfo=UTC)


@dataclass(eq=False)
class PendingCode:
    """The code that one run waits for. ``after`` is the cursor that its mail comes after, once it is known.

    ``challenge_id`` is 0 until the portal's challenge is open, ``destination`` where it says the code went.
    ``skipped_because`` says why, if a mail came that may be meant for it but was not used.
    """

    customer: Customer
    declared: Sequence[CodeMail]
    run_id: int
    after: MailboxCursor | None = None
    challenge_id: int = 0
    destination: str = ""
    tried: set[str] = field(default_factory=set, repr=False)
    passed_over: set[int] = field(default_factory=set)
    skipped_because: str = ""

    def begin(self, after: MailboxCursor | None) -> None:
        """Only what comes from now on counts."""
        self.after, self.skipped_because = after, ""
        self.passed_over.clear()


class CodeSearch:
    """The newest mails of one mailbox, whoever they are for. ``validity``: by which numbers they go."""

    def __init__(self, store: CompanyStore, mailbox_id: int) -> None:
        self._store = store
        self._mailbox_id = mailbox_id
        self._heads: dict[int, MailHead] = {}
        self._validity = 0
        self._log: Any = structlog.get_logger("mailbox").bind(mailbox=mailbox_id)

    def go_by(self, validity: int) -> None:
        """Mails have the numbers of this UIDVALIDITY from now on."""
        if validity != self._validity:
            self._heads, self._validity = {}, validity

    async def refresh(self, imap: Imap, first: int) -> None:
        """See what came since, and forget what is older than this UID. Raises MailboxDown."""
        self._heads = {uid: head for uid, head in self._heads.items() if uid >= first}
        for head in await in_daemon_thread(lambda: imap.heads(first, self._heads)):
            self._heads[head.uid] = head

    async def answers(self, pending: PendingCode, imap: Imap) -> bool:
        """Whether a mail has answered the challenge, the one sent last first.

        Raises:
            MailboxDown: a mail could not be read.
            StorageError: the customers of the mailbox could not be read, or the answer not stored.
        """
        cursor, challenge_id = pending.after, pending.challenge_id
        for uid in sorted(self._heads, key=self._order, reverse=True):
            if cursor is None or uid < cursor.uid or uid in pending.passed_over:
                continue
            code = await self._code_for(pending, cursor, self._heads[uid], imap)
            if pending.after is not cursor:
                return False  # another was sent for meanwhile: this one is old
            if code and await self._answer(pending, challenge_id, self._heads[uid], code):
                pending.tried.add(code)
                pending.begin(MailboxCursor(cursor.validity, max(self._heads) + 1, cursor.at))
                return True
            if code and await self._is_settled(challenge_id):
                return False  # a person was quicker: this one may be for what the portal asks next
            pending.passed_over.add(uid)
        return False

    async def _is_settled(self, challenge_id: int) -> bool:
        return bool(await asyncio.to_thread(self._store.farm.challenges.closed, [challenge_id]))

    def _order(self, uid: int) -> tuple[datetime, int]:
        """Mails may overtake each other; those of one sender go by its clock."""
        envelope = self._heads[uid].envelope
        return (envelope.sent_at if envelope and envelope.sent_at else _UNKNOWN, uid)

    async def _code_for(self, pending: PendingCode, cursor: MailboxCursor, head: MailHead, imap: Imap) -> str:
        """The code that a mail brings this customer, "" if it is any other mail."""
        envelope = head.envelope
        if envelope is None:
            return ""
        declared = matching(pending.declared, envelope)
        if not declared or is_stale(envelope, head.received_at, cursor.at):
            return ""
        username, destination = pending.customer.username, pending.destination
        if not is_for(envelope, username, destination, Neighbours(are_none=True)):
            return ""
        others = await asyncio.to_thread(
            self._store.channels.neighbours,
            self._mailbox_id,
            pending.customer,
            envelope.recipients,
            masks=goes_by_mask(username, destination),
        )
        if not is_for(envelope, username, destination, others):
            self._skip(pending, cursor, _UNCERTAIN)
            return ""
        code = await in_daemon_thread(lambda: mail_code(declared, imap.content(head.uid)))
        if not code:
            self._skip(pending, cursor, _UNREADABLE)
        return "" if code in pending.tried else code

    def _skip(self, pending: PendingCode, cursor: MailboxCursor, reason: str) -> None:
        if pending.after is cursor:
            pending.skipped_because = reason
        self._log.info("mail.skipped", run=pending.run_id, reason=reason)

    async def _answer(self, pending: PendingCode, challenge_id: int, head: MailHead, code: str) -> bool:
        if head.envelope is None:
            return False
        return await asyncio.to_thread(
            self._store.channels.answer_by_mail,
            self._mailbox_id,
            head.envelope.fingerprint,
            pending.customer,
            challenge_id,
            encode_code(code),
        )
