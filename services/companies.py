"""Companies: the tenants of a farm, and the store of the one that a request names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from meterfarm.farm.mail.server import mail_address
from meterfarm.records import CustomerState
from meterfarm.services.branding import ChangeBrand, changed_brand, company_brand
from meterfarm.services.customer_fields import problem_of_name, tidied
from meterfarm.services.errors import Conflict, InvalidRequest, NotFound, store_refusals
from meterfarm.services.mail import checked_address
from meterfarm.storage.customers import Company, CompanyBrand, CompanySettings, MeterPreference
from meterfarm.storage.store import CompanyStore, Store
from meterfarm.support.foreign_text import one_line

_MOST_MONTHS = 1200
_MOST_DOMAINS = 20
EVERYBODYS = frozenset(
    {
        *("aol.com", "fastmail.com", "gmail.com", "gmx.com", "gmx.de", "gmx.net", "googlemail.com"),
        *("hotmail.com", "icloud.com", "live.com", "mail.com", "mail.ru", "me.com", "msn.com", "outlook.com"),
        *(
            "proton.me",
            "protonmail.com",
            "qq.com",
            "web.de",
            "yahoo.com",
            "yandex.com",
            "yandex.ru",
            "zoho.com",
        ),
    }
)
"""Domains at which anybody gets an address: whoever has one would send bills for the company."""


@dataclass(frozen=True, slots=True)
class ChangeCompany:
    """What is to change of a company's side; None leaves a value as it is.

    ``history``: how far back bills unlock by themselves (all, none, or a number of months). ``continuous``:
    whether later bills do. ``gas_as_text``: numbers of gas are strings. ``notification_email``: who gets a
    mail when a customer's data is ready or one must reauthenticate, "" for nobody. ``mail_domains``: from
    addresses at these bills may be mailed. ``brand``: what its customers see. ``meter_preference``: which
    unlocked meters are charged (electric, gas or both).
    """

    history: str | None = None
    continuous: bool | None = None
    gas_as_text: bool | None = None
    notification_email: str | None = None
    mail_domains: Sequence[str] | None = None
    brand: ChangeBrand = field(default_factory=ChangeBrand)
    meter_preference: str | None = None


@dataclass(frozen=True, slots=True)
class CompanyDetails:
    """One side of a company, its customers by state, and how many mailboxes and phone numbers receive codes
    for it."""

    company: Company
    customers: Mapping[CustomerState, int]
    mailboxes: int
    numbers: int
    settings: CompanySettings
    brand: CompanyBrand


def list_companies(farm: Store) -> Sequence[Company]:
    """The test and the live side of all companies by id; a new farm has one company."""
    if not farm.companies.list():
        farm.companies.only()
    return farm.companies.list()


def add_company(farm: Store, name: str) -> Company:
    """Add a company beside those there are; its test side.

    Raises:
        InvalidRequest: the name cannot be used.
        Conflict: there is one of this name.
    """
    name = free_company_name(farm, name)
    with store_refusals():
        return farm.companies.add(name)


def free_company_name(farm: Store, name: str) -> str:
    """The name as a new company has it.

    Raises:
        InvalidRequest: it cannot be used.
        Conflict: there is a company of this name.
    """
    name = tidied(name)
    problem = "The name of the company is empty." if not name else problem_of_name("company name", name)
    if problem:
        raise InvalidRequest(problem)
    there = list_companies(farm)  # the first one's customers stay in a company of their own
    if any(company.name == name for company in there):
        raise Conflict(f"The company {name} is there already; give another name.")
    return name


def find_company(farm: Store, name: str | None = None, *, live: bool = False) -> Company:
    """The test or live side of the company of this name; without a name, of the only company there is.

    Raises:
        NotFound: there is none of this name.
        InvalidRequest: there are several, and none is named.
    """
    there = [company for company in list_companies(farm) if company.live is live]
    name = tidied(name or "")
    if not name:
        if len(there) == 1:
            return there[0]
        names = ", ".join(company.name for company in there)
        raise InvalidRequest(
            f"There are several companies ({names}): name one with --company or METERFARM_COMPANY."
        )
    found = next((company for company in there if company.name == name), None)
    if found is None:
        raise NotFound(f"There is no company “{name}”; `company list` shows those there are.")
    return found


def company_store(farm: Store, name: str | None = None, *, live: bool = False) -> CompanyStore:
    """The store of the test or live side of the company of this name; without a name, of the only company.

    Raises:
        NotFound: there is none of this name.
        InvalidRequest: there are several, and none is named.
    """
    return farm.of(find_company(farm, name, live=live))


def company_settings(farm: Store, company: Company) -> CompanySettings:
    """What this side of the company has chosen."""
    return farm.companies.settings(company.id)


def change_company(farm: Store, company: Company, request: ChangeCompany) -> CompanySettings:
    """Change what the request gives; what the company has chosen then.

    The policy of unlocking is that of customers who are added from now on, the meter preference that of
    what is unlocked from now on.

    Raises:
        InvalidRequest: a value cannot be used, or there is nothing to change.
        Conflict: another company has one of the domains.
    """
    if request == ChangeCompany():
        raise InvalidRequest(f"There is nothing to change of the company {company.name}.")
    chosen = farm.companies.settings(company.id)
    if request.history is not None:
        chosen = replace(chosen, unlock_months=_months(request.history))
    if request.continuous is not None:
        chosen = replace(chosen, unlock_continuous=request.continuous)
    if request.gas_as_text is not None:
        chosen = replace(chosen, gas_as_text=request.gas_as_text)
    if request.notification_email is not None:
        given = request.notification_email.strip()
        chosen = replace(chosen, notification_email=checked_address(given) if given else "")
    if request.mail_domains is not None:
        chosen = replace(chosen, mail_domains=_mail_domains(farm, company, request.mail_domains))
    if request.meter_preference is not None:
        chosen = replace(chosen, meter_preference=_preference(request.meter_preference))
    brand = changed_brand(company_brand(farm, company), request.brand)
    farm.companies.choose(company.id, chosen)
    if request.brand != ChangeBrand():
        farm.companies.set_brand(company.id, brand)
    return chosen


def history(chosen: CompanySettings) -> str:
    """How far back bills unlock by themselves, as it is asked for: all, none, or a number of months."""
    return "all" if chosen.unlock_months is None else str(chosen.unlock_months or "none")


def _months(given: str) -> int | None:
    text = given.strip().casefold()
    if text in ("all", "none"):
        return None if text == "all" else 0
    if text.isascii() and text.isdigit() and 0 <= int(text[:9]) <= _MOST_MONTHS:
        return int(text)
    raise InvalidRequest(
        f"The history “{one_line(given, 20)}” cannot be unlocked; give all, none, or a number of months "
        f"up to {_MOST_MONTHS}."
    )


def _mail_domains(farm: Store, company: Company, given: Sequence[str]) -> Sequence[str]:
    """Each once, in ASCII and small letters; none that anybody gets an address at, or that another has."""
    domains = []
    for each in given:
        text = each.strip().removeprefix("@").removesuffix(".")
        if not text:
            continue
        domain = mail_address(f"bills@{text}").rpartition("@")[2]
        if not domain:
            raise InvalidRequest(
                f"The domain “{one_line(each, 80)}” cannot be used; give what is behind the @: acme.example."
            )
        if domain in EVERYBODYS:
            raise InvalidRequest(
                f"Anybody can have an address at {domain}; give a domain that is the company's own."
            )
        domains.append(domain)
    found = tuple(dict.fromkeys(domains))
    if len(found) > _MOST_DOMAINS:
        raise InvalidRequest(f"A company has at most {_MOST_DOMAINS} domains that bills are mailed from.")
    for other in farm.companies.list():
        taken = set(found) & set(farm.companies.settings(other.id).mail_domains)
        if taken and other.name != company.name:
            raise Conflict(f"The domain {min(taken)} is the company {other.name}'s.")
    return found


def _preference(given: str) -> MeterPreference:
    try:
        return MeterPreference(given.strip().casefold())
    except ValueError:
        raise InvalidRequest(
            f"The meter preference “{one_line(given, 20)}” is not known; give electric, gas or both."
        ) from None


def company_details(farm: Store, company: Company) -> CompanyDetails:
    """What a company has in the farm."""
    store = farm.of(company)
    states = Counter(customer.state for customer in store.customers.list())
    return CompanyDetails(
        company,
        states,
        len(store.channels.mailboxes()),
        len(store.channels.numbers()),
        company_settings(farm, company),
        company_brand(farm, company),
    )
