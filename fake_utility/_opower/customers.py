"""The customers of the stand-ins: what their readings lack, and how their visits end."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from meterfarm.fake_utility.kit.accounts import Commodity, make_account
from meterfarm.fake_utility.kit.customers import Customer, Factor, Gate, Oddities
from meterfarm.fake_utility.kit.numbered import CustomerBook

Costs = Literal["all", "some", "none", "refused"]
_NAME = "Opal Watts"
CONED = "coned.example"
"""The domain of its customers' user names."""
TOTP_SECRET = "JBSWY3DPEBLW64TMMQQQKY3POJXHG53B"  # noqa: S105 - made up, shown in the list on purpose
_ELECTRIC: tuple[Commodity, ...] = ("electric",)


@dataclass(frozen=True, slots=True)
class Household(Customer):
    """`costs`: of all readings, of three in four, of none, or their address answers HTTP 500.

    `empty_days`: so many days ago, first and last, of which there is nothing. `history_days`: so far back
    there is anything.
    """

    costs: Costs = "all"
    empty_days: tuple[int, int] | None = None
    history_days: int = 380
    resolution: str = "QUARTER_HOUR"


def household(
    domain: str,
    local: str,
    purpose: str,
    *,
    accounts: int = 1,
    commodities: tuple[Commodity, ...] = _ELECTRIC,
    solar: bool = False,
    new: bool = False,
    outcome: str = "complete",
    gate: Gate | None = None,
    challenges: tuple[tuple[Factor, ...], ...] = (),
    totp_secret: str | None = None,
    costs: Costs = "all",
    empty_days: tuple[int, int] | None = None,
    history_days: int = 20,
) -> Household:
    """A customer of a stand-in."""
    username = f"{local}@{domain}"
    made = tuple(
        make_account(username, _NAME, place, commodities=commodities, solar=solar, new=new)
        for place in range(accounts)
    )
    return Household(
        username,
        purpose,
        _NAME,
        made,
        outcome=outcome,
        challenges=challenges,
        totp_secret=totp_secret,
        oddities=Oddities(gate=gate, redesigned_bills=outcome == "layout_changed"),
        costs=costs,
        empty_days=empty_days,
        history_days=history_days,
    )


def of_all(domain: str, challenges: tuple[tuple[Factor, ...], ...] = ()) -> Sequence[Household]:
    """The customers that each stand-in has."""

    def one(local: str, purpose: str, **about: object) -> Household:
        return household(domain, local, purpose, challenges=challenges, **about)  # type: ignore[arg-type]

    return [
        one("iamvalid", "electricity by the quarter-hour", history_days=380),
        one("solar", "a solar roof: registers of both directions", solar=True),
        one("gas", "a gas meter beside the electric one", commodities=("electric", "gas")),
        one("multi-account", "two accounts", accounts=2),
        one("some-costs", "a reading in four has no cost", costs="some"),
        one("no-costs", "no reading has a cost", costs="none"),
        one("usage-only", "the address of costs answers HTTP 500", costs="refused"),
        one("gap", "days of which there is nothing", empty_days=(11, 8)),
        one("no_data_yet", "the meter was installed today", new=True, outcome="no_data_yet"),
        one("no_accounts", "no active account", accounts=0, outcome="no_accounts"),
        one("portal_down", "the portal answers 500", gate="server_error", outcome="portal_down"),
        one("maintenance", "a page of maintenance, 503", gate="maintenance", outcome="portal_down"),
        one("rate_limited", "429, Retry-After 120", gate="too_many_requests", outcome="rate_limited"),
        one("blocked", "a firewall's 403 page", gate="firewall", outcome="blocked"),
        one("layout_changed", "JSON of another shape where its accounts are due", outcome="layout_changed"),
        one("unknown_page", "a page where JSON is due", gate="splash", outcome="unknown_page"),
    ]


CON_EDISON: CustomerBook[Household] = CustomerBook(
    (
        *of_all(CONED),
        household(
            CONED,
            "totp",
            "MFA: an authenticator's code; a used one is refused",
            challenges=(("totp",),),
            totp_secret=TOTP_SECRET,
        ),
    )
)

COMED = "comed.example"
COMMONWEALTH_EDISON: CustomerBook[Household] = CustomerBook(
    (
        *of_all(COMED, (("sms", "email"),)),
        household(
            COMED,
            "account_locked",
            "sign-in says that the account is locked",
            gate="locked",
            outcome="account_locked",
            challenges=(("sms", "email"),),
        ),
    )
)
