"""Text messages on their way to the challenge they answer. The database's clock alone says what is newer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlmodel import Session, col, select

from meterfarm.mfa.text_message import is_sent_to
from meterfarm.records import ChallengeState, Factor
from meterfarm.storage import challenges, customers, leases
from meterfarm.storage.challenges import AnswerRefused
from meterfarm.storage.database import insert_if_absent, now, put
from meterfarm.storage.processes import this_process
from meterfarm.storage.queue import HELD
from meterfarm.storage.receiving import Fate, InboundText, Received
from meterfarm.storage.results import Customer
from meterfarm.storage.tables import AwaitedCodeRow, ChallengeRow, InboxRow, ReceivedRow, RunRow
from meterfarm.storage.vault import Vault
from meterfarm.storage.work import Lease

_SMS = Factor.SMS.value
_MAY_STILL_COME = timedelta(minutes=15)
"""For how long a code that nobody received may still be on its way."""


def expect(session: Session, lease: Lease, customer: Customer, factor: Factor | None) -> None:
    """The portal is about to be made to send a code, in this way if that is known. LeaseLost."""
    leases.check(session, lease)
    values = {
        "customer_id": customer.id,
        "fence": lease.fence,
        "factor": factor.value if factor else "",
        "since": now(session),
        "came": False,
    }
    put(session, AwaitedCodeRow, {"run_id": lease.run_id}, values)
    _drop_kept(session, customer.id)


def receive(
    session: Session, vault: Vault, text: InboundText, codes: Mapping[Customer, Mapping[str, str]], idle: Fate
) -> Received:
    """Take in a text message. ``codes`` are what it says to each customer that it can be for.

    If it is for nobody at all, ``idle`` is why. It answers the one customer who waits for it, or is kept
    sealed if their challenge is about to be asked.
    """
    at = now(session)
    values = {
        "key": text.key,
        "company_id": customers.company(session),
        "kind": _SMS,
        "place": text.number,
        "at": at,
        "said": idle.value,
    }
    if not insert_if_absent(session, ReceivedRow, values):
        return Received(Fate.REPLAYED)
    same = (ReceivedRow.key == text.key, ReceivedRow.kind == _SMS)
    row = session.exec(select(ReceivedRow).where(*same)).one()
    received = Received(idle)
    if codes:
        received = _hand_on(session, vault, row, {customer.id: customer for customer in codes}, codes, at)
    row.said, row.challenge_id = received.fate.value, received.challenge_id
    return received


def _hand_on(
    session: Session,
    vault: Vault,
    row: ReceivedRow,
    whose: Mapping[int, Customer],
    codes: Mapping[Customer, Mapping[str, str]],
    at: datetime,
) -> Received:
    asked = _awaited(session, list(whose), at)
    waiting = [one for one in asked if _waits(session, one, at)]
    if not waiting:  # the code that came may prove wrong: another is kept for when the portal asks again
        waiting = [one for one in asked if one.came and _has_live_run(session, one)]
    if len(waiting) != 1:
        return Received(Fate.UNCERTAIN if waiting else Fate.UNASKED)
    awaited, customer = waiting[0], whose[waiting[0].customer_id]
    run = session.exec(select(RunRow).where(RunRow.id == awaited.run_id).with_for_update()).first()
    if run is None or not _is_live(run, awaited):
        return Received(Fate.UNASKED)
    said = codes[customer]
    row.customer_id = customer.id
    row.digest = customers.digest(session, vault, customer, said.get("text", ""))
    if _was_used(session, row, awaited.since):
        return Received(Fate.COPY)
    challenge = _open_challenge(session, awaited.run_id, at)
    if challenge is None:
        sealed = json.dumps(dict(said)).encode()
        row.code = customers.seal(session, vault, customer, _bound_to(row), sealed)
        return Received(Fate.KEPT)
    return _answer(session, vault, row, awaited, challenge, said)


def take_kept(session: Session, vault: Vault, lease: Lease, customer: Customer, challenge_id: int) -> bool:
    """Answer a challenge that was just opened, if its code came in before: by the newest alone. LeaseLost."""
    leases.check(session, lease)
    awaited = session.get(AwaitedCodeRow, lease.run_id)
    challenge = session.get(ChallengeRow, challenge_id)
    if awaited is None or challenge is None or challenge.factor != _SMS:
        return False
    awaited.factor = _SMS
    query = (
        select(ReceivedRow)
        .where(ReceivedRow.customer_id == customer.id, ReceivedRow.kind == _SMS)
        .where(col(ReceivedRow.code).is_not(None), col(ReceivedRow.at) >= awaited.since)
        .order_by(col(ReceivedRow.id).desc())
    )
    for row in session.exec(query).all():
        opened = customers.unseal(session, vault, customer, _bound_to(row), row.code or b"")
        received = _answer(session, vault, row, awaited, challenge, json.loads(opened))
        row.code, row.said, row.challenge_id = None, received.fate.value, received.challenge_id
        if received.fate is Fate.ANSWERED:
            _drop_kept(session, customer.id)
            return True
    return False


def beat(session: Session, address: str) -> None:
    """This process takes in text messages. Codes that were kept and not asked for are forgotten."""
    put(session, InboxRow, {"worker": this_process()}, {"address": address, "beat_at": now(session)})
    old = (col(ReceivedRow.code).is_not(None), col(ReceivedRow.at) < now(session) - _MAY_STILL_COME)
    session.execute(update(ReceivedRow).where(*old).values(code=None))


def leave(session: Session) -> None:
    """This process takes in no text messages any more."""
    row = session.get(InboxRow, this_process())
    if row is not None:
        session.delete(row)


def _answer(
    session: Session,
    vault: Vault,
    row: ReceivedRow,
    awaited: AwaitedCodeRow,
    challenge: ChallengeRow,
    said: Mapping[str, str],
) -> Received:
    if not is_sent_to(challenge.destination, row.place):
        return Received(Fate.ELSEWHERE)
    try:
        challenges.answer(session, vault, challenge.id, said, f"by a text message to {row.place}")
    except AnswerRefused:
        return Received(Fate.UNASKED)
    awaited.came = True
    return Received(Fate.ANSWERED, challenge.id)


def _awaited(session: Session, customer_ids: Sequence[int], at: datetime) -> Sequence[AwaitedCodeRow]:
    query = select(AwaitedCodeRow).where(
        col(AwaitedCodeRow.customer_id).in_(customer_ids),
        col(AwaitedCodeRow.factor).in_(("", _SMS)),
        col(AwaitedCodeRow.since) <= at,
    )
    return session.exec(query.order_by(col(AwaitedCodeRow.run_id))).all()


def _waits(session: Session, awaited: AwaitedCodeRow, at: datetime) -> bool:
    """Whether a code for it may come in: its run waits for one, or gave up waiting a short while ago."""
    if _has_live_run(session, awaited):
        return not awaited.came or _open_challenge(session, awaited.run_id, at) is not None
    return awaited.factor == _SMS and not awaited.came and awaited.since > at - _MAY_STILL_COME


def _has_live_run(session: Session, awaited: AwaitedCodeRow) -> bool:
    run = session.get(RunRow, awaited.run_id)
    return run is not None and _is_live(run, awaited)


def _is_live(run: RunRow, awaited: AwaitedCodeRow) -> bool:
    return run.state in HELD and run.fence == awaited.fence


def _open_challenge(session: Session, run_id: int, at: datetime) -> ChallengeRow | None:
    query = select(ChallengeRow).where(
        ChallengeRow.run_id == run_id,
        ChallengeRow.state == ChallengeState.OPEN.value,
        ChallengeRow.factor == _SMS,
        col(ChallengeRow.expires_at) > at,
    )
    return session.exec(query).first()


def _was_used(session: Session, row: ReceivedRow, since: datetime) -> bool:
    """Whether the same code came in before, since it was asked for."""
    query = select(ReceivedRow.id).where(
        ReceivedRow.customer_id == row.customer_id,
        ReceivedRow.digest == row.digest,
        col(ReceivedRow.at) >= since,
        ReceivedRow.id != row.id,
    )
    return session.exec(query).first() is not None


def _drop_kept(session: Session, customer_id: int) -> None:
    kept = (col(ReceivedRow.customer_id) == customer_id, col(ReceivedRow.code).is_not(None))
    session.execute(update(ReceivedRow).where(*kept).values(code=None))


def _bound_to(row: ReceivedRow) -> str:
    return f"text message {row.id}"
