"""The company's test customers: what each is for, and how the portal treats it differently from the rest."""

from dataclasses import dataclass, replace

from meterfarm.fake_utility.kit.accounts import Account, Commodity, make_account
from meterfarm.fake_utility.kit.customers import Customer, Factor, Oddities
from meterfarm.fake_utility.kit.numbered import CustomerBook
from meterfarm.fake_utility.stroopwafel_energy.families import ACCESS_SECONDS

_MAIL: tuple[tuple[Factor, ...], ...] = (("email",),)
_TEXT: tuple[tuple[Factor, ...], ...] = (("sms",),)
_EITHER: tuple[tuple[Factor, ...], ...] = (("email", "sms"),)


@dataclass(frozen=True, slots=True)
class Subscriber(Customer):
    """`paperless`: asked about paperless billing when it is inside. `call`: a phone call is offered too.

    `refused`: no password is right; `refuses_codes`: nor is any code. `access_seconds`: how long its bearer
    tokens last.
    """

    paperless: bool = False
    call: bool = False
    refused: bool = False
    refuses_codes: bool = False
    access_seconds: int = ACCESS_SECONDS


def make_book(domain: str) -> CustomerBook[Subscriber]:
    """The customers of the company with this domain."""
    return CustomerBook([*_ordinary(domain), *_odd(domain)])


def _ordinary(domain: str) -> list[Subscriber]:
    def one(
        local: str,
        purpose: str,
        name: str,
        *,
        challenges: tuple[tuple[Factor, ...], ...] = (),
        commodities: tuple[Commodity, ...] = ("electric", "gas"),
        solar: bool = False,
        read_day: int | None = None,
    ) -> Subscriber:
        username = f"{local}@{domain}"
        account = make_account(username, name, commodities=commodities, solar=solar, read_day=read_day)
        return Subscriber(username, purpose, name, (account,), challenges=challenges)

    many = f"many@{domain}"
    accounts = [make_account(many, "Vera van Vele", place, commodities=("electric",)) for place in range(7)]
    accounts[3] = replace(accounts[3], closed=True)
    return [
        one("sanne", "electricity and gas, no MFA", "Sanne Siroop", read_day=1),
        replace(one("paperless", "asked about paperless billing", "Piet Papier"), paperless=True),
        one("mail", "MFA: code by e-mail", "Marijke Post", challenges=_MAIL),
        one("text", "MFA: code by text message", "Tim Toets", challenges=_TEXT),
        replace(one("choice", "MFA: e-mail, text or call", "Kees Keus", challenges=_EITHER), call=True),
        one(
            "solar",
            "electricity in both directions",
            "Zonne Dak",
            commodities=("electric",),
            solar=True,
            read_day=1,
        ),
        Subscriber(many, "seven accounts, one of them closed", "Vera van Vele", tuple(accounts)),
        replace(
            one("quick", "its bearer tokens last two seconds", "Snel Snelle", commodities=("electric",)),
            access_seconds=2,
        ),
        replace(
            one("signed-out", "signed out once, after 12 bills", "Les Loshof", commodities=("electric",)),
            oddities=Oddities(session_ends_after_bills=12),
        ),
    ]


def _odd(domain: str) -> list[Subscriber]:
    """One customer for each thing that can go wrong."""
    name = "Robin Raar"

    def one(
        outcome: str,
        purpose: str,
        oddities: Oddities,
        *,
        challenges: tuple[tuple[Factor, ...], ...] = (),
        accounts: tuple[Account, ...] | None = None,
    ) -> Subscriber:
        username = f"{outcome}@{domain}"
        if accounts is None:
            accounts = (make_account(username, name, commodities=("electric",)),)
        return Subscriber(
            username,
            purpose,
            name,
            accounts,
            outcome=outcome,
            challenges=challenges,
            oddities=oddities,
            gaps=1 if outcome in ("partial", "layout_changed") else 0,
        )

    new = make_account(f"no_data_yet@{domain}", name, commodities=("electric",), new=True)
    late = f"timed_out@{domain}"
    return [
        replace(one("bad_credentials", "no password is right", Oddities()), refused=True),
        one("account_locked", "its account is locked", Oddities(gate="locked")),
        one("password_change_required", "its password has expired", Oddities(gate="password")),
        replace(one("mfa_failed", "no code is right", Oddities(), challenges=_MAIL), refuses_codes=True),
        one("mfa_expired", "every code has expired", Oddities(codes_expire_at_once=True), challenges=_TEXT),
        replace(
            one(
                "mfa_expired",
                "the sign-in times out before the code",
                Oddities(gate="timeout"),
                challenges=_TEXT,
            ),
            username=late,
            accounts=(make_account(late, name, commodities=("electric",)),),
        ),
        one("action_required", "must accept new terms", Oddities(gate="terms")),
        one("captcha", "is asked whether it is a person", Oddities(gate="captcha")),
        one("portal_down", "the identity provider answers 500", Oddities(gate="server_error")),
        one("maintenance", "the data's host is in maintenance", Oddities(gate="maintenance")),
        one("rate_limited", "the password is answered 429", Oddities(gate="too_many_requests")),
        one("blocked", "a firewall's 403 page", Oddities(gate="firewall")),
        one("no_accounts", "no account is linked", Oddities(), accounts=()),
        one("no_data_yet", "its meter was installed today", Oddities(), accounts=(new,)),
        one("partial", "one bill's PDF is not there", Oddities(placeholder_bill=3)),
        one("layout_changed", "its accounts are listed in another shape", Oddities(redesigned_bills=True)),
        one("unknown_page", "a page like no other after sign-in", Oddities(gate="splash")),
    ]
