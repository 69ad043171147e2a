"""Pepernoot Co-op's test customers: members with electricity by the quarter-hour, one with gas too."""

from dataclasses import dataclass, replace
from typing import Literal

from meterfarm.fake_utility.kit.accounts import Account, Commodity, make_account
from meterfarm.fake_utility.kit.customers import Customer, Gate, Oddities
from meterfarm.fake_utility.kit.numbered import CustomerBook

DOMAIN = "pepernoot.example"
_NAME = "Robin Kruidnoot"
TOTP_SECRET = "MJXXE3DFOJZXAZLDOVWGC5DJN5XHGZLF"  # noqa: S105 - made up, shown in the list on purpose


@dataclass(frozen=True, slots=True)
class Member(Customer):
    """`exports`: "fail": some of them do when first asked for, or are forgotten; "hours": that of the oldest
    days takes so long, and the meter is a few weeks old."""

    exports: Literal["", "fail", "hours"] = ""


_ELECTRIC: tuple[Commodity, ...] = ("electric",)


def _account(
    username: str,
    name: str,
    place: int = 0,
    *,
    solar: bool = False,
    new: bool = False,
    commodities: tuple[Commodity, ...] = _ELECTRIC,
) -> Account:
    return make_account(username, name, place, commodities=commodities, solar=solar, new=new)


def _moved() -> Member:
    """Whose first account is closed."""
    moved = _member("moved", "two accounts, one of which is closed", "Mo Haystack", accounts=2)
    closed, *others = moved.accounts
    return replace(moved, accounts=(replace(closed, closed=True), *others))


def _member(
    local: str,
    purpose: str,
    name: str,
    *,
    accounts: int = 1,
    solar: bool = False,
    commodities: tuple[Commodity, ...] = _ELECTRIC,
    then: str | None = None,
    oddities: Oddities = Oddities(),  # noqa: B008 - it is frozen
    totp_secret: str | None = None,
    exports: Literal["", "fail", "hours"] = "",
    outcome: str = "complete",
    gaps: int = 0,
) -> Member:
    username = f"{local}@{DOMAIN}"
    return Member(
        username,
        purpose,
        name,
        tuple(
            _account(username, name, place, solar=solar, commodities=commodities) for place in range(accounts)
        ),
        outcome=outcome,
        then=then,
        challenges=(("totp",),) if totp_secret else (),
        totp_secret=totp_secret,
        oddities=oddities,
        gaps=gaps,
        exports=exports,
    )


def _odd(outcome: str, purpose: str, oddities: Oddities, *, gaps: int = 0) -> Member:
    return _member(outcome, purpose, _NAME, outcome=outcome, oddities=oddities, gaps=gaps)


def _gated(outcome: str, purpose: str, gate: Gate) -> Member:
    return _odd(outcome, purpose, Oddities(gate=gate))


def _ordinary() -> list[Member]:
    return [
        _member("iamvalid", "electricity, no MFA", "Ida Meadow"),
        _member("multi-account", "two accounts", "Morgan Fields", accounts=2),
        _member("solar", "a solar roof: electricity in both directions", "Sol Barn", solar=True),
        _moved(),
        _member(
            "gas",
            "a gas meter beside the electric one; its gas is billed by others",
            "Gus Burner",
            commodities=("electric", "gas"),
        ),
        _member(
            "totp",
            "MFA: an authenticator's code within the sign-in; a used code is refused",
            "Timo Windmill",
            totp_secret=TOTP_SECRET,
        ),
        _member(
            "export-failed",
            "some exports fail or are forgotten",
            "Fay Ling",
            exports="fail",
        ),
        _member(
            "session-lost",
            "its first session ends half-way, after 6 bills",
            "Les Silo",
            oddities=Oddities(session_ends_after_bills=6),
        ),
        _member(
            "must-reauthenticate",
            "serves its data once, then its password is refused",
            "Rae Gate",
            then="bad_credentials",
            oddities=Oddities(one_visit=True),
        ),
    ]


def _outcomes() -> list[Member]:
    """One for each thing that can go wrong at this portal."""
    new, nobody = f"no_data_yet@{DOMAIN}", f"no_accounts@{DOMAIN}"
    return [
        _member(
            "pending",
            "a meter of five weeks, the export of whose oldest days takes six hours",
            "Pia Patience",
            exports="hours",
            outcome="pending",
        ),
        _gated("account_locked", "sign-in says that the profile is locked", "locked"),
        _gated("password_change_required", "must choose a new password", "password"),
        _gated("action_required", "must accept new terms of use", "terms"),
        _gated("captcha", "a CAPTCHA after the password", "captcha"),
        _gated("portal_down", "the portal answers 500", "server_error"),
        _gated("maintenance", "HTML of a maintenance page where JSON is due", "maintenance"),
        _gated("rate_limited", "the portal answers 429, Retry-After 120", "too_many_requests"),
        _gated("blocked", "a firewall's 403 page where JSON is due", "firewall"),
        Member(nobody, "no accounts are linked to the profile", _NAME, (), outcome="no_accounts"),
        Member(
            new,
            "the meter was installed today",
            _NAME,
            (_account(new, _NAME, new=True),),
            outcome="no_data_yet",
        ),
        _odd("partial", "one bill's PDF is a placeholder", Oddities(placeholder_bill=3), gaps=1),
        _odd("layout_changed", "billing history of another make", Oddities(redesigned_bills=True), gaps=1),
        _gated("unknown_page", "a page like no other after sign-in", "splash"),
    ]


BOOK: CustomerBook[Member] = CustomerBook((*_ordinary(), *_outcomes()))
STRANGER = f"nobody@{DOMAIN}"
