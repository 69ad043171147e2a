"""Whose form it is: the customer whom a link's token names, at the company that the link names."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from meterfarm.services.links import onboarded_customer
from meterfarm.storage.customers import Company, CompanyBrand, Customer
from meterfarm.storage.store import CompanyStore
from meterfarm.web.brand import Look, look_of
from meterfarm.web.context import WebContext

_LONGEST_ID = 10


@dataclass(frozen=True, slots=True)
class OpenForm:
    """The form of a company that anybody may begin. ``is_encrypted``: it is reached by https."""

    company: Company
    store: CompanyStore
    brand: CompanyBrand
    is_encrypted: bool

    @property
    def company_name(self) -> str:
        """What customers know the company by."""
        return self.brand.shown_name or self.company.name

    @property
    def look(self) -> Look:
        """How the company shows itself on the form."""
        return look_of(self.company.id, self.company_name, self.brand, is_encrypted=self.is_encrypted)

    @property
    def path(self) -> str:
        """Where the form is, without a token."""
        return f"/companies/{self.company.id}/sign_up"


@dataclass(frozen=True, slots=True)
class FormLink(OpenForm):
    """A link that is good: the company's form for one customer, and its token.

    ``parent`` is the origin of the page that has the form in a frame and is allowed to, "" if none says so.
    """

    key: str
    customer: Customer
    parent: str

    @property
    def query(self) -> str:
        """What follows ``?`` in the address of the form."""
        return urlencode({"key": self.key} | ({"origin": self.parent} if self.parent else {}))


def open_form(web: WebContext, company_id: str) -> OpenForm | None:
    """The form that anybody may begin, if the company has one."""
    company = company_of(web, company_id)
    if company is None:
        return None
    brand = web.store.companies.brand(company.id)
    if not brand.open_form:
        return None
    return OpenForm(company, web.store.of(company), brand, web.public_url.startswith("https:"))


def company_of(web: WebContext, company_id: str) -> Company | None:
    """The company's side of this number."""
    if not (company_id.isascii() and company_id.isdigit() and len(company_id) < _LONGEST_ID):
        return None
    return web.store.companies.get(int(company_id))


def opened(web: WebContext, company_id: str, key: str, origin: str = "") -> FormLink | None:
    """The form's link; None if the token is none of ours, has expired, or is of another company.

    ``origin`` is what a page says of itself that has the form in a frame.
    """
    customer_id = onboarded_customer(web.store, key)
    company = company_of(web, company_id)
    if company is None or customer_id is None:
        return None
    store = web.store.of(company)
    customer = store.customers.by_id(customer_id)
    if customer is None:
        return None
    brand = web.store.companies.brand(company.id)
    parent = origin if origin in brand.origins else ""
    is_encrypted = web.public_url.startswith("https:")
    return FormLink(company, store, brand, is_encrypted, key, customer, parent)
