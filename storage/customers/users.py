"""Users of the dashboard: people of companies, the browsers they are signed in with, links sent to them.

Of passwords there are hashes, of cookies, links and recovery codes digests; each second factor's secret is
sealed with a key of its own.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import bindparam
from sqlalchemy import select as columns
from sqlmodel import Session, col, delete, select

from meterfarm.storage import AlreadyThere, audit
from meterfarm.storage.channels import USER_MAIL, outgoing
from meterfarm.storage.customers import (
    IDLE,
    LONGEST_SESSION,
    MOST_TRIES,
    TIME_FOR_A_CODE,
    Role,
    User,
    UserSession,
)
from meterfarm.storage.database import FarmRepository, SingleRead, insert_if_absent, now, reading, writing
from meterfarm.storage.tables import DashboardUserRow, UserLinkRow, UserSessionRow
from meterfarm.storage.vault import Vault

_SECRET = "totp"  # noqa: S105 - the kind of the secret
_OLD_LINK = "Its link is not good any more."


_FOUND = SingleRead(
    columns(
        col(UserSessionRow.id),
        col(UserSessionRow.factor_lacks),
        col(UserSessionRow.agent),
        col(UserSessionRow.began_at),
        col(UserSessionRow.seen_at),
        col(DashboardUserRow.id),
        col(DashboardUserRow.company_id),
        col(DashboardUserRow.email),
        col(DashboardUserRow.role),
        col(DashboardUserRow.is_operator),
        col(DashboardUserRow.password_hash),
        col(DashboardUserRow.key_id),
        col(DashboardUserRow.created_at),
    )
    .join(DashboardUserRow, col(DashboardUserRow.id) == UserSessionRow.user_id)
    .where(col(UserSessionRow.digest) == bindparam("digest"))
)


class Users(FarmRepository):
    """As ``Store.users``. A user's company is given by the id of its test side."""

    @writing
    def add(
        self, session: Session, company_id: int, email: str, role: Role, *, is_operator: bool = False
    ) -> User:
        """A new user, without a password.

        Raises:
            AlreadyThere: there is one of this address, at whatever company.
        """
        values = {
            "email": email,
            "company_id": company_id,
            "role": role.value,
            "is_operator": is_operator,
            "password_hash": "",
            "key_id": "",
            "wrapped_key": b"",
            "ciphertext": b"",
            "totp_step": 0,
            "recovery": "",
            "created_at": now(session),
        }
        if not insert_if_absent(session, DashboardUserRow, values):
            raise AlreadyThere(f"There is a user {email} already.")
        return _user(session.exec(select(DashboardUserRow).where(DashboardUserRow.email == email)).one())

    @reading
    def list(self, session: Session, company_id: int | None = None) -> Sequence[User]:
        """By id: of a company, or of the farm."""
        query = select(DashboardUserRow).order_by(col(DashboardUserRow.id))
        if company_id is not None:
            query = query.where(DashboardUserRow.company_id == company_id)
        return [_user(row) for row in session.exec(query)]

    @reading
    def of_email(self, session: Session, email: str) -> tuple[User, str] | None:
        """The user with this address, and the password's hash."""
        row = session.exec(select(DashboardUserRow).where(DashboardUserRow.email == email)).first()
        return (_user(row), row.password_hash) if row else None

    @reading
    def password_hash(self, session: Session, user_id: int) -> str:
        """The hash of a user's password, "" if there is none."""
        row = session.get(DashboardUserRow, user_id)
        return row.password_hash if row else ""

    @writing
    def set_password(
        self, session: Session, user_id: int, password_hash: str, link: str | None = None
    ) -> bool:
        """A new password: links end, and every browser is signed out.

        False, and nothing is changed, if there is no such user any more, or the ``link`` by which it is
        chosen was used meanwhile.
        """
        row = session.get(DashboardUserRow, user_id, with_for_update=True)
        if row is None or (link is not None and _of_link(session, link) != user_id):
            return False
        row.password_hash = password_hash
        _end_links(session, row)
        session.exec(delete(UserSessionRow).where(col(UserSessionRow.user_id) == user_id))
        return True

    @writing
    def rehash(self, session: Session, user_id: int, before: str, password_hash: str) -> None:
        """The same password, hashed as it is done today; nothing if it was changed since."""
        row = session.get(DashboardUserRow, user_id, with_for_update=True)
        if row is not None and row.password_hash == before:
            row.password_hash = password_hash

    @writing
    def change_role(self, session: Session, company_id: int, user_id: int, role: Role) -> bool:
        """Whether it was changed: not if nobody would be left who is an owner and has a password."""
        row = _of_company(session, company_id, user_id)
        if row is None or (role is not Role.OWNER and _is_last_owner(session, row)):
            return False
        row.role = role.value
        return True

    @writing
    def remove(self, session: Session, company_id: int, user_id: int) -> bool:
        """Whether the user was removed: not if nobody would be left who is an owner and has a password."""
        row = _of_company(session, company_id, user_id)
        if row is None or _is_last_owner(session, row):
            return False
        _end_links(session, row)
        session.delete(row)
        return True

    @writing
    def new_link(self, session: Session, user_id: int, lifetime: timedelta) -> str:
        """What a link ends in that lets its reader set the user's password; former links end."""
        _end_links(session, session.get_one(DashboardUserRow, user_id, with_for_update=True))
        text = secrets.token_urlsafe(32)
        session.add(UserLinkRow(digest=_digest(text), user_id=user_id, expires_at=now(session) + lifetime))
        return text

    @reading
    def of_link(self, session: Session, text: str) -> User | None:
        """Whom a link was sent to, if it is good still."""
        user_id = _of_link(session, text)
        return _user(session.get_one(DashboardUserRow, user_id)) if user_id is not None else None

    @writing
    def open_session(self, session: Session, user_id: int, agent: str, *, factor_lacks: bool) -> str:
        """What the cookie of a new session has. Sessions that have ended are forgotten."""
        at = now(session)
        session.exec(delete(UserSessionRow).where(col(UserSessionRow.began_at) < at - LONGEST_SESSION))
        session.exec(delete(UserSessionRow).where(col(UserSessionRow.seen_at) < at - IDLE))
        text = secrets.token_urlsafe(32)
        session.add(
            UserSessionRow(
                user_id=user_id,
                digest=_digest(text),
                factor_lacks=factor_lacks,
                agent=agent,
                began_at=at,
                seen_at=at,
            )
        )
        return text

    def session(self, text: str, at: datetime) -> UserSession | None:
        """The session of a cookie, ``at`` this time; None if it is none, or over."""
        row = _FOUND.first(self._database, {"digest": _digest(text)})
        if row is None:
            return None
        number, factor_lacks, agent, began_at, seen_at, *of_user = row
        user_id, company_id, email, role, is_operator, password_hash, key_id, created_at = of_user
        user = User(
            *(user_id, company_id, email, Role(role), is_operator, not password_hash, bool(key_id)),
            created_at,
        )
        found = UserSession(number, user, factor_lacks, agent, began_at, seen_at)
        return found if _goes_on(found, at) else None

    @writing
    def seen(self, session: Session, opened: UserSession) -> None:
        """A page was asked for: the time is noted now and then."""
        at = now(session)
        row = session.get(UserSessionRow, opened.id, with_for_update=True)
        if row is not None:
            row.seen_at = at

    @reading
    def sessions(self, session: Session, user_id: int) -> Sequence[UserSession]:
        """Where the user is signed in, the latest first."""
        at = now(session)
        user = _user(session.get_one(DashboardUserRow, user_id))
        query = select(UserSessionRow).where(UserSessionRow.user_id == user_id)
        found = [
            UserSession(row.id, user, row.factor_lacks, row.agent, row.began_at, row.seen_at)
            for row in session.exec(query.order_by(col(UserSessionRow.seen_at).desc()))
        ]
        return [each for each in found if _goes_on(each, at) and not each.factor_lacks]

    @writing
    def end_session(self, session: Session, user_id: int, session_id: int | None = None) -> None:
        """Sign a browser of the user's out; without a number all of them."""
        query = delete(UserSessionRow).where(col(UserSessionRow.user_id) == user_id)
        if session_id is not None:
            query = query.where(col(UserSessionRow.id) == session_id)
        session.exec(query)

    @writing
    def totp_secret(self, session: Session, user_id: int) -> str:
        """The secret of the second factor, "" if there is none."""
        row = session.get_one(DashboardUserRow, user_id)
        if not row.key_id:
            return ""
        audit.note(session, "user_totp", company_id=row.company_id)
        vault = self._farm.vault
        return vault.unseal(row.key_id, row.wrapped_key, _owner(row), _SECRET, row.ciphertext).decode()

    @writing
    def set_totp(
        self, session: Session, user_id: int, secret: str, step: int, recovery: Sequence[str]
    ) -> None:
        """From now on the second factor is asked for; ``step`` was used to prove it. "" takes it away."""
        row = session.get_one(DashboardUserRow, user_id, with_for_update=True)
        row.totp_step = step
        row.recovery = " ".join(_digest(code).hex() for code in recovery)
        row.key_id, row.wrapped_key, row.ciphertext = "", b"", b""
        if secret:
            vault = self._farm.vault
            row.key_id, row.wrapped_key = vault.new_data_key(_owner(row))
            row.ciphertext = vault.seal(row.key_id, row.wrapped_key, _owner(row), _SECRET, secret.encode())

    @writing
    def pass_factor(
        self, session: Session, opened: UserSession, *, step: int | None = None, recovery: str = ""
    ) -> str | None:
        """What the cookie has once the second factor was given: a time step or a recovery code, each once.

        None if it was used before, or is none; the session ends after ``MOST_TRIES`` of those.
        """
        row = session.get(UserSessionRow, opened.id, with_for_update=True)
        if row is None or not row.factor_lacks:
            return None
        user = session.get_one(DashboardUserRow, row.user_id, with_for_update=True)
        known, digest = user.recovery.split(), _digest(recovery).hex()
        if step is not None and step > user.totp_step:
            user.totp_step = step
        elif recovery and digest in known:
            user.recovery = " ".join(each for each in known if each != digest)
        else:
            row.tries += 1
            if row.tries >= MOST_TRIES:
                session.delete(row)
            return None
        text = secrets.token_urlsafe(32)
        row.digest, row.factor_lacks, row.began_at = _digest(text), False, now(session)
        return text


def rotate_factors(session: Session, vault: Vault) -> None:
    """Wrap the keys of all second factors with the primary master key."""
    query = select(DashboardUserRow).where(
        DashboardUserRow.key_id != vault.primary.id, DashboardUserRow.key_id != ""
    )
    for row in session.exec(query.with_for_update()).all():
        row.key_id, row.wrapped_key = vault.rewrap(row.key_id, row.wrapped_key, _owner(row))


def _end_links(session: Session, user: DashboardUserRow) -> None:
    """None is good any more, and the mails with them that were not sent yet stay here."""
    session.exec(delete(UserLinkRow).where(col(UserLinkRow.user_id) == user.id))
    outgoing.withdraw(session, user.company_id, USER_MAIL, user.email, _OLD_LINK)


def _of_link(session: Session, text: str) -> int | None:
    row = session.get(UserLinkRow, _digest(text))
    return row.user_id if row is not None and row.expires_at > now(session) else None


def _goes_on(opened: UserSession, at: datetime) -> bool:
    if opened.factor_lacks:
        return at < opened.began_at + TIME_FOR_A_CODE
    return at < opened.began_at + LONGEST_SESSION and at < opened.seen_at + IDLE


def _of_company(session: Session, company_id: int, user_id: int) -> DashboardUserRow | None:
    """All of the company are held: two owners do not remove each other."""
    query = (
        select(DashboardUserRow)
        .where(DashboardUserRow.company_id == company_id)
        .order_by(col(DashboardUserRow.id))
    )
    rows = session.exec(query.with_for_update()).all()
    return next((row for row in rows if row.id == user_id), None)


def _is_last_owner(session: Session, user: DashboardUserRow) -> bool:
    query = select(DashboardUserRow.id).where(
        DashboardUserRow.company_id == user.company_id,
        DashboardUserRow.role == Role.OWNER.value,
        DashboardUserRow.password_hash != "",
        DashboardUserRow.id != user.id,
    )
    return bool(user.password_hash) and user.role == Role.OWNER.value and session.exec(query).first() is None


def _user(row: DashboardUserRow) -> User:
    return User(
        row.id,
        row.company_id,
        row.email,
        Role(row.role),
        row.is_operator,
        not row.password_hash,
        bool(row.key_id),
        row.created_at,
    )


def _owner(row: DashboardUserRow) -> str:
    return f"user {row.id}"


def _digest(text: str) -> bytes:
    """256 random bits need no salt and no slow hash."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
