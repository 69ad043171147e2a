"""Users of the dashboard: made, invited, signed in; passwords, second factors, and where one is signed in.

Passwords are hashed by argon2id with the library's own parameters (RFC 9106, low memory).
"""

from __future__ import annotations

import re
import secrets
import time
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from meterfarm.farm.mail.server import mail_address
from meterfarm.services.companies import add_company, free_company_name
from meterfarm.services.customer_fields import tidied
from meterfarm.services.errors import Conflict, InvalidRequest, NotFound, store_refusals
from meterfarm.storage.customers import Company, Role, User, UserSession
from meterfarm.storage.store import Store
from meterfarm.support.foreign_text import one_line

INVITATION_LASTS = timedelta(days=7)
RESET_LASTS = timedelta(hours=1)
SHORTEST_PASSWORD, LONGEST_PASSWORD = 10, 200
"""Characters. A phrase is welcome; nothing is asked of what it is made of (NIST SP 800-63B, 5.1.1)."""
_FEWEST_KINDS = 5
"""Of characters, beside those of the user's address."""
_RECOVERY_CODES = 8
_RECOVERY_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_STEP = 30
_TOTP_SECRET = re.compile("[A-Z2-7]{32}")
_USED = "This link was used already, or has expired. Ask for a new one."
_ISSUER = "Meterfarm"
_AGENT = 120
_hasher = PasswordHasher()
_nobody: list[str] = []
"""A hash that is compared with where there is no user, so that it takes as long."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """``cookie`` is what the browser keeps; ``factor_lacks``: the second factor is asked for first."""

    cookie: str
    factor_lacks: bool


def add_user(
    farm: Store, company: Company, email: str, role: Role, *, is_operator: bool = False
) -> tuple[User, str]:
    """A user of a company's both sides, and what the link ends in by which a password is chosen.

    Raises:
        InvalidRequest: the address is none.
        Conflict: there is a user with this address.
    """
    address = _address(email)
    with store_refusals():
        user = farm.users.add(workspace(farm, company).id, address, role, is_operator=is_operator)
    return user, farm.users.new_link(user.id, INVITATION_LASTS)


def sign_up(farm: Store, company_name: str, email: str) -> tuple[User, str]:
    """A company of one's own, its first user and owner, and what the link to a password ends in.

    Who is a user already gets no company, but a link to a new password.

    Raises:
        InvalidRequest: the name or the address cannot be used.
        Conflict: there is a company of this name.
    """
    check_sign_up(farm, company_name, email)
    known = forgot_password(farm, email)
    return known or add_user(farm, add_company(farm, company_name), email, Role.OWNER)


def check_sign_up(farm: Store, company_name: str, email: str) -> None:
    """Whether somebody can sign up so; nothing follows from it about who is a user.

    Raises:
        InvalidRequest: the name or the address cannot be used.
        Conflict: there is a company of this name.
    """
    _address(email)
    free_company_name(farm, company_name)


def invite_again(farm: Store, company: Company, user_id: int) -> tuple[User, str]:
    """A new link for somebody who has not chosen a password yet; the former one ends.

    Raises:
        NotFound: the company has no such user.
        Conflict: a password was chosen.
    """
    user = find_user(farm, company, user_id)
    if not user.is_invited:
        raise Conflict(f"{user.email} has a password already.")
    return user, farm.users.new_link(user.id, INVITATION_LASTS)


def forgot_password(farm: Store, email: str) -> tuple[User, str] | None:
    """The user with this address and what the link to a new password ends in; None if there is none."""
    found = farm.users.of_email(user_address(email))
    if found is None:
        return None
    user, _ = found
    return user, farm.users.new_link(user.id, INVITATION_LASTS if user.is_invited else RESET_LASTS)


def choose_password(farm: Store, link: str, password: str) -> User:
    """Set the password of whom the link was sent to; all browsers are signed out.

    Raises:
        NotFound: the link is none, was used or has expired.
        InvalidRequest: the password is too easy.
    """
    user = farm.users.of_link(link)
    if user is None:
        raise NotFound(_USED)
    _set_password(farm, user, password, link)
    return user


def change_password(farm: Store, user: User, before: str, password: str) -> None:
    """Another password for who knows the present one; all browsers are signed out.

    Raises:
        InvalidRequest: the present one is wrong, or the new one too easy.
        NotFound: the user was just removed.
    """
    if not _is_right(farm.users.password_hash(user.id), before):
        raise InvalidRequest("This is not your present password.")
    _set_password(farm, user, password)


def sign_in(farm: Store, email: str, password: str, agent: str = "") -> SignedIn | None:
    """A session for who knows the password; None for anybody else, after the same time."""
    found = farm.users.of_email(user_address(email))
    known = found[1] if found else ""
    if not _is_right(known, password) or found is None:
        return None
    user = found[0]
    if _hasher.check_needs_rehash(known):
        farm.users.rehash(user.id, known, _hashed(password))
    cookie = farm.users.open_session(user.id, one_line(agent, _AGENT), factor_lacks=user.has_factor)
    return SignedIn(cookie, user.has_factor)


def session_of(farm: Store, cookie: str) -> UserSession | None:
    """The session that the cookie opens; None if it is none, or over."""
    return farm.users.session(cookie, datetime.now(UTC)) if cookie else None


def give_factor(farm: Store, opened: UserSession, code: str) -> str | None:
    """What the cookie has from now on, for a right code that was not used before; None for any other."""
    given = "".join(tidied(code).replace("-", "").split()).casefold()
    secret = farm.users.totp_secret(opened.user.id)
    step = _step_of(secret, given)
    return farm.users.pass_factor(opened, step=step, recovery="" if given.isdigit() else given)


def new_factor(user: User) -> tuple[str, str]:
    """A fresh secret for an authenticator, and its ``otpauth`` address. Nothing is kept yet."""
    secret = pyotp.random_base32()
    return secret, factor_address(user, secret)


def factor_address(user: User, secret: str) -> str:
    """What a QR code shows to an authenticator.

    Raises:
        ValueError: the secret is none of ours.
    """
    if not _TOTP_SECRET.fullmatch(secret):
        raise ValueError("the secret of a second factor has 32 letters of base32")
    return pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name=_ISSUER)


def confirm_factor(farm: Store, user: User, secret: str, code: str) -> Sequence[str]:
    """Ask for the second factor from now on; codes for who loses it, each good for once.

    Raises:
        InvalidRequest: the code is not the secret's, or there is a second factor already.
    """
    if user.has_factor:
        raise InvalidRequest("There is a second factor already; turn it off first.")
    step = _step_of(secret, "".join(code.split())) if _TOTP_SECRET.fullmatch(secret) else None
    if step is None:
        raise InvalidRequest("This code is not right. Give the one that your app shows now.")
    codes = [_recovery_code() for _ in range(_RECOVERY_CODES)]
    farm.users.set_totp(user.id, secret, step, [code.replace("-", "") for code in codes])
    return codes


def remove_factor(farm: Store, user: User, password: str) -> None:
    """Ask for the password alone again.

    Raises:
        InvalidRequest: the password is wrong.
    """
    if not _is_right(farm.users.password_hash(user.id), password):
        raise InvalidRequest("This is not your present password.")
    farm.users.set_totp(user.id, "", 0, ())


def users_of(farm: Store, company: Company) -> Sequence[User]:
    """Those of both sides of the company."""
    return farm.users.list(workspace(farm, company).id)


def find_user(farm: Store, company: Company, user_id: int) -> User:
    """The user of the company with this number.

    Raises:
        NotFound: the company has none.
    """
    found = next((user for user in users_of(farm, company) if user.id == user_id), None)
    if found is None:
        raise NotFound(f"There is no user {user_id}.")
    return found


def change_role(farm: Store, company: Company, user_id: int, role: Role) -> User:
    """Let a user do more or less.

    Raises:
        NotFound: the company has no such user.
        Conflict: nobody would be left who may do everything.
    """
    user = find_user(farm, company, user_id)
    if not farm.users.change_role(user.company_id, user.id, role):
        raise Conflict(f"{user.email} is the only owner: make somebody else one first.")
    return user


def remove_user(farm: Store, company: Company, user_id: int) -> User:
    """From now on the user is signed in nowhere, and signs in no more.

    Raises:
        NotFound: the company has no such user.
        Conflict: nobody would be left who may do everything.
    """
    user = find_user(farm, company, user_id)
    if not farm.users.remove(user.company_id, user.id):
        raise Conflict(f"{user.email} is the only owner: make somebody else one first.")
    return user


def workspace(farm: Store, company: Company) -> Company:
    """The test side of a company, by which its users are kept."""
    return farm.companies.find(company.name, live=False) if company.live else company


def sides_of(farm: Store, user: User) -> tuple[Company, Company]:
    """The test and the live side of a user's company."""
    test = farm.companies.get(user.company_id)
    if test is None:
        raise NotFound("The company of this user is not there any more.")
    return test, farm.companies.find(test.name, live=True)


def user_address(email: str) -> str:
    """An address as users are found by it, however it is written; "" if no mail goes to it."""
    return mail_address(tidied(email)).casefold()


def _address(email: str) -> str:
    address = user_address(email)
    if not address:
        raise InvalidRequest("This is no e-mail address: it has a name, an @ and a domain.")
    return address


def _set_password(farm: Store, user: User, password: str, link: str | None = None) -> None:
    if len(password) < SHORTEST_PASSWORD:
        raise InvalidRequest(f"The password has fewer than {SHORTEST_PASSWORD} characters.")
    if len(password) > LONGEST_PASSWORD:
        raise InvalidRequest(f"The password has more than {LONGEST_PASSWORD} characters.")
    rest = password.casefold()
    for part in sorted(re.split("[@.]", user.email), key=len, reverse=True):
        rest = rest.replace(part, "")
    if len(set(rest)) < _FEWEST_KINDS:
        raise InvalidRequest("This password is too easy to guess: take another one.")
    if not farm.users.set_password(user.id, _hashed(password), link):
        raise NotFound(_USED if link is not None else "This user was removed.")


def _hashed(password: str) -> str:
    return _hasher.hash(_normal(password))


def _normal(password: str) -> str:
    """The same whichever keyboard it was typed on (NIST SP 800-63B, 5.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def _is_right(known: str, password: str) -> bool:
    if not known and not _nobody:
        _nobody.append(_hashed(secrets.token_hex()))
    try:
        is_right = _hasher.verify(known or _nobody[0], _normal(password[: LONGEST_PASSWORD + 1]))
    except (VerificationError, InvalidHashError):
        return False
    return is_right and bool(known)


def _step_of(secret: str, code: str) -> int | None:
    """The time step of which this is the code: the present one or one of its neighbours."""
    if not secret or not (code.isascii() and code.isdigit()):
        return None
    totp, now = pyotp.TOTP(secret), int(time.time()) // _STEP
    return next((step for step in (now, now - 1, now + 1) if totp.verify(code, for_time=step * _STEP)), None)


def _recovery_code() -> str:
    """79 random bits."""
    parts = ("".join(secrets.choice(_RECOVERY_ALPHABET) for _ in range(4)) for _ in range(4))
    return "-".join(parts)
