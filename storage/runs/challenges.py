"""Challenges of portals, and the sealed answers on their way to the worker that holds the page."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from meterfarm.records import Challenge, ChallengeState, Factor, FactorOption, RunState
from meterfarm.storage import AnswerRefused
from meterfarm.storage.channels import NO_INBOX, WAITS_FOR_TEXT, SmsReceiverInfo
from meterfarm.storage.customers import Customer, identity
from meterfarm.storage.database import RUN, FarmRepository, Repository, now, reading, writing
from meterfarm.storage.runs import ChallengeInfo, Lease, leases
from meterfarm.storage.runs.queue import add_step
from meterfarm.storage.tables import ChallengeRow, CustomerRow, SmsReceiverRow
from meterfarm.storage.vault import Vault
from meterfarm.support.foreign_text import NAME, one_line

_ALIVE = timedelta(seconds=60)


class Challenges(Repository):
    """As ``CompanyStore.challenges``."""

    @writing
    def open(self, session: Session, lease: Lease, challenge: Challenge, wait: timedelta) -> int:
        """Enter a challenge that the run now waits for; its id. Raises LeaseLost."""
        run = leases.held(session, lease, self._company_id)
        run.state = RunState.WAITING.value
        at = now(session)
        expires_at = min(at + wait, challenge.expires_at) if challenge.expires_at else at + wait
        row = ChallengeRow(
            company_id=run.company_id,
            customer_id=run.customer_id,
            run_id=run.id,
            state=ChallengeState.OPEN.value,
            factor=challenge.factor.value if challenge.factor else "",
            prompt=challenge.prompt,
            destination=challenge.destination,
            options=[
                {
                    "factor": option.factor.value,
                    "label": one_line(option.label, NAME),
                    "destination": one_line(option.destination, NAME),
                }
                for option in challenge.options
            ],
            error=challenge.error,
            attempts_left=challenge.attempts_left,
            can_resend=challenge.can_resend,
            asked_at=at,
            expires_at=expires_at,
        )
        session.add(row)
        session.flush()
        add_step(session, run.id, "asked", challenge.error or challenge.prompt)
        return row.id

    @writing
    def answer(self, session: Session, challenge_id: int, given: Mapping[str, str]) -> None:
        """Seal an answer for the worker that waits for it.

        Raises:
            AnswerRefused: nobody waits for it any more.
        """
        answer(session, self._vault, self._company_id, challenge_id, given)

    @writing
    def take_answer(self, session: Session, lease: Lease, challenge_id: int) -> Mapping[str, str] | None:
        """The answer, once; without one the challenge has expired. Either way the run continues.

        Raises:
            LeaseLost: the run is not held any more.
        """
        session.info[RUN] = lease.run_id
        run = leases.held(session, lease, self._company_id)
        row = _locked(session, self._company_id, challenge_id)
        run.state = RunState.RUNNING.value
        if row is None or row.state != ChallengeState.ANSWERED or row.answer is None:
            if row is not None and row.state == ChallengeState.OPEN:
                row.state = ChallengeState.EXPIRED.value
                add_step(session, run.id, "expired", "nobody answered in time")
            return None
        given: dict[str, str] = json.loads(
            identity.unseal(session, self._vault, _customer_of(session, row), _bound_to(row.id), row.answer)
        )
        row.state, row.answer = ChallengeState.USED.value, None
        return given

    @reading
    def list(
        self, session: Session, *, only_open: bool = False, limit: int = 1000
    ) -> Sequence[ChallengeInfo]:
        """Newest first."""
        return listed(session, self._company_id, only_open=only_open, limit=limit)

    @reading
    def find(self, session: Session, challenge_id: int) -> ChallengeInfo | None:
        """The challenge, None if there is no such one."""
        return next(iter(listed(session, self._company_id, challenge_id=challenge_id)), None)


class FarmChallenges(FarmRepository):
    """As ``Store.challenges``."""

    @reading
    def closed(self, session: Session, ids: Collection[int]) -> Sequence[int]:
        """Which of these challenges are open no more."""
        query = select(ChallengeRow.id).where(
            col(ChallengeRow.id).in_(ids), ChallengeRow.state != ChallengeState.OPEN.value
        )
        return session.exec(query).all()


def answer(
    session: Session,
    vault: Vault,
    company_id: int,
    challenge_id: int,
    given: Mapping[str, str],
    how: str = "",
) -> None:
    """Seal an answer for the worker that waits for it. Raises AnswerRefused."""
    row = _locked(session, company_id, challenge_id)
    if row is None:
        raise AnswerRefused(f"There is no challenge {challenge_id}; `challenges` lists those that are open.")
    at = now(session)
    if row.state != ChallengeState.OPEN or row.expires_at <= at:
        raise AnswerRefused(_why_not(row, at))
    row.answer = identity.seal(
        session, vault, _customer_of(session, row), _bound_to(row.id), json.dumps(dict(given)).encode()
    )
    row.state, row.answered_at = ChallengeState.ANSWERED.value, at
    add_step(session, row.run_id, "answered", how)


def listed(
    session: Session,
    company_id: int,
    *,
    challenge_id: int | None = None,
    run_id: int | None = None,
    only_open: bool = False,
    limit: int = 1000,
) -> Sequence[ChallengeInfo]:
    """Newest first."""
    query = (
        select(ChallengeRow, CustomerRow)
        .join(CustomerRow, col(CustomerRow.id) == ChallengeRow.customer_id)
        .where(ChallengeRow.company_id == company_id)
        .order_by(col(ChallengeRow.id).desc())
        .limit(limit)
    )
    if challenge_id is not None:
        query = query.where(ChallengeRow.id == challenge_id)
    if run_id is not None:
        query = query.where(ChallengeRow.run_id == run_id)
    if only_open:
        query = query.where(ChallengeRow.state == ChallengeState.OPEN.value)
        query = query.where(col(ChallengeRow.expires_at) > now(session))
    return _as_of_now(session, [_info(*found) for found in session.exec(query)])


def sms_receivers(session: Session) -> Sequence[SmsReceiverInfo]:
    """The processes that receive text messages now."""
    alive = col(SmsReceiverRow.beat_at) > now(session) - _ALIVE
    rows = session.exec(select(SmsReceiverRow).where(alive).order_by(col(SmsReceiverRow.worker)))
    return [SmsReceiverInfo(row.worker, row.address, row.beat_at) for row in rows]


def _as_of_now(session: Session, found: Sequence[ChallengeInfo]) -> Sequence[ChallengeInfo]:
    """Whether text messages are received was recorded when the portal asked; it may have changed since."""
    texts = (WAITS_FOR_TEXT, NO_INBOX)
    if not any(challenge.channel.endswith(texts) for challenge in found):
        return found
    how = WAITS_FOR_TEXT if sms_receivers(session) else NO_INBOX
    return [
        replace(challenge, channel=f"{challenge.channel.partition(': ')[0]}: {how}")
        if challenge.state is ChallengeState.OPEN and challenge.channel.endswith(texts)
        else challenge
        for challenge in found
    ]


def _info(row: ChallengeRow, customer: CustomerRow) -> ChallengeInfo:
    asked = Challenge(
        prompt=row.prompt,
        factor=Factor(row.factor) if row.factor else None,
        destination=row.destination,
        options=[
            FactorOption(Factor(option["factor"]), option["label"], option["destination"])
            for option in row.options
        ],
        error=row.error,
        attempts_left=row.attempts_left,
        can_resend=row.can_resend,
        expires_at=row.expires_at,
    )
    return ChallengeInfo(
        id=row.id,
        run_id=row.run_id,
        customer_id=row.customer_id,
        utility=customer.utility,
        username=customer.username,
        state=ChallengeState(row.state),
        challenge=asked,
        asked_at=row.asked_at,
        expires_at=row.expires_at,
        answered_at=row.answered_at,
        channel=row.channel,
    )


def _why_not(row: ChallengeRow, at: datetime) -> str:
    what = f"The challenge {row.id}"
    if row.state in (ChallengeState.USED, ChallengeState.ANSWERED):
        when = f"{row.answered_at:%H:%M:%S} UTC"
        return f"{what} was answered at {when}; if the portal asks again, that is a new one."
    if row.state == ChallengeState.LOST:
        return f"{what} was lost with the worker that waited; the portal asks afresh under another number."
    return (
        f"{what} expired at {min(row.expires_at, at):%H:%M:%S} UTC; "
        f"`run retry {row.run_id}` has the portal ask again."
    )


def _locked(session: Session, company_id: int, challenge_id: int) -> ChallengeRow | None:
    query = select(ChallengeRow).where(ChallengeRow.id == challenge_id, ChallengeRow.company_id == company_id)
    return session.exec(query.with_for_update()).first()


def _customer_of(session: Session, row: ChallengeRow) -> Customer:
    return Customer.of(session.exec(select(CustomerRow).where(CustomerRow.id == row.customer_id)).one())


def _bound_to(challenge_id: int) -> str:
    return f"answer {challenge_id}"
