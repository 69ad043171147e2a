"""Speculoos Power's test customers."""

from meterfarm.fake_utility.kit.accounts import Account, make_account
from meterfarm.fake_utility.kit.customers import Customer, Factor, Oddities, Question
from meterfarm.fake_utility.kit.numbered import CustomerBook

QUESTION = Question("What is your favorite chef's last name?", "Cook")
TOTP_SECRET = "KVZFK3BTGZ2EGQLLMU4XO2DJONSWG5LM"  # noqa: S105 - made up, shown in the list on purpose
TEXT_OR_MAIL: tuple[tuple[Factor, ...], ...] = (("sms", "email"),)


def _ordinary(
    username: str, purpose: str, name: str, *challenges: tuple[Factor, ...], totp_secret: str | None = None
) -> Customer:
    account = make_account(username, name)
    return Customer(
        username,
        purpose,
        name,
        (account,),
        challenges=challenges,
        totp_secret=totp_secret,
        question=QUESTION if ("question",) in challenges else None,
    )


def _odd(
    outcome: str,
    purpose: str,
    oddities: Oddities,
    *challenges: tuple[Factor, ...],
    accounts: tuple[Account, ...] | None = None,
) -> Customer:
    username, name = f"{outcome}@speculoos.example", "Robin Spekulatius"
    if accounts is None:
        accounts = (make_account(username, name),)
    return Customer(
        username,
        purpose,
        name,
        accounts,
        outcome=outcome,
        challenges=challenges,
        oddities=oddities,
        gaps=1 if outcome in ("partial", "layout_changed") else 0,
    )


def _bayou() -> list[Customer]:
    """The test customers that Bayou documents for its own Speculoos Power."""
    valid, many, electric, gas, once = (
        f"{local}@bayou.energy"
        for local in (
            "iamvalid",
            "multi-account",
            "electric-only",
            "gas-only",
            "customer-must-reauthenticate",
        )
    )
    return [
        Customer(
            valid,
            "electricity and gas, the main account for testing",
            "Ida Valid",
            (make_account(valid, "Ida Valid", read_day=1),),
        ),
        Customer(
            many,
            "three accounts; one has community solar",
            "Morgan Many",
            (
                make_account(many, "Morgan Many", 0, read_day=1),
                make_account(many, "Morgan Many", 1, read_day=9, community_solar=True),
                make_account(many, "Morgan Many", 2, read_day=16),
            ),
        ),
        Customer(
            electric,
            "electricity only",
            "Edison Volt",
            (make_account(electric, "Edison Volt", commodities=("electric",)),),
        ),
        Customer(gas, "gas only", "Gail Furnace", (make_account(gas, "Gail Furnace", commodities=("gas",)),)),
        Customer(
            once,
            "serves its data once, then its password is refused",
            "Rae Authenticate",
            (make_account(once, "Rae Authenticate"),),
            then="bad_credentials",
            oddities=Oddities(one_visit=True),
        ),
        _ordinary(
            "ineedmfa+security_question@bayou.energy", "MFA: security question", "Quinn Ask", ("question",)
        ),
        _ordinary("ineedmfa+text_message@bayou.energy", "MFA: code by text message", "Tex Message", ("sms",)),
        _ordinary("ineedmfa+email@bayou.energy", "MFA: code by e-mail", "Emil Post", ("email",)),
        _ordinary("ineedmfa+totp@bayou.energy", "MFA: code of an authenticator app", "Toto Pease", ("totp",)),
        _ordinary(
            "ineedmfa+choice@bayou.energy", "MFA: text message or e-mail", "Chris Choice", *TEXT_OR_MAIL
        ),
    ]


def _own() -> list[Customer]:
    solar = "solar@speculoos.example"
    lost = "session-lost@speculoos.example"
    return [
        _ordinary(
            "totp@speculoos.example",
            "MFA: a real authenticator (RFC 6238); a used code is refused",
            "Timo Step",
            ("totp",),
            totp_secret=TOTP_SECRET,
        ),
        _ordinary(
            "two-challenges@speculoos.example",
            "MFA: text message or e-mail, then a security question",
            "Dee Double",
            *TEXT_OR_MAIL,
            ("question",),
        ),
        Customer(
            solar,
            "a solar roof: electricity in both directions",
            "Sol Roof",
            (make_account(solar, "Sol Roof", solar=True, read_day=1),),
        ),
        Customer(
            lost,
            "its first session ends half-way, after 12 bills",
            "Les Timeout",
            (make_account(lost, "Les Timeout"),),
            oddities=Oddities(session_ends_after_bills=12),
        ),
    ]


def _outcomes() -> list[Customer]:
    """One customer for each thing that can go wrong at a portal."""
    new = make_account("no_data_yet@speculoos.example", "Robin Spekulatius", new=True)
    return [
        _odd("account_locked", "sign-in says that the account is locked", Oddities(gate="locked")),
        _odd("password_change_required", "must choose a new password", Oddities(gate="password")),
        _odd(
            "mfa_expired",
            "its e-mailed code has always expired",
            Oddities(codes_expire_at_once=True),
            ("email",),
        ),
        _odd("action_required", "must accept new terms of service", Oddities(gate="terms")),
        _odd("captcha", "a CAPTCHA after the password", Oddities(gate="captcha")),
        _odd("portal_down", "the portal answers 500", Oddities(gate="server_error")),
        _odd("maintenance", "the portal answers 503, scheduled maintenance", Oddities(gate="maintenance")),
        _odd("rate_limited", "the portal answers 429, Retry-After 120", Oddities(gate="too_many_requests")),
        _odd("blocked", "a firewall's 403 page", Oddities(gate="firewall")),
        _odd("no_accounts", "no accounts are linked to the profile", Oddities(), accounts=()),
        _odd("no_data_yet", "meters were installed today", Oddities(), accounts=(new,)),
        _odd("partial", "one bill's PDF is a placeholder", Oddities(placeholder_bill=5)),
        _odd("layout_changed", "billing history is a redesigned page", Oddities(redesigned_bills=True)),
        _odd("unknown_page", "a page like no other after sign-in", Oddities(gate="splash")),
    ]


BOOK: CustomerBook[Customer] = CustomerBook((*_bayou(), *_own(), *_outcomes()))
CUSTOMERS = BOOK.listed
find_customer = BOOK.find
