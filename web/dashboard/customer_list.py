"""The customers of a side: searched, filtered by how they stand, made."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, TypeVar

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from meterfarm.records import CustomerState, Outcome
from meterfarm.services.customers import CustomerWithoutLogin, create_customer
from meterfarm.services.errors import ServiceError
from meterfarm.services.links import open_form_link
from meterfarm.services.utilities import list_utilities
from meterfarm.storage.customers import CustomerFilter, ListedCustomer, Role
from meterfarm.web.dashboard.access import FormFields, Visiting, Visitor, changes, in_thread, to
from meterfarm.web.dashboard.customer_form import FIELDS, given_profile
from meterfarm.web.dashboard.pages import shown_page
from meterfarm.web.dashboard.words import STATES, actor_words, outcome_words, state_tone, state_words, tone_of
from meterfarm.web.onboarding.view import utility_name

router = APIRouter(prefix="/{side}/customers", include_in_schema=False)
_A_PAGE = 50
Text = Annotated[str, Query(max_length=200)]
K = TypeVar("K", bound=StrEnum)
Before = Annotated[int, Query(ge=0, lt=2**31)]


@router.get("")
async def customers(
    request: Request, asking: Visiting, q: Text = "", state: Text = "", outcome: Text = "", before: Before = 0
) -> Response:
    """A page of customers, the newest first."""
    wanted = CustomerFilter(q.strip(), _one_of(CustomerState, state), _one_of(Outcome, outcome))
    return await in_thread(_list, request, asking, wanted, before)


@router.get("/new")
async def new(request: Request, asking: Visiting) -> Response:
    """Asks for what is known of a customer."""
    return await in_thread(_form, request, asking, {}, "", 200)


@router.post("", dependencies=[changes(Role.MEMBER)])
async def create(request: Request, asking: Visiting, form: FormFields) -> Response:
    """A customer, who is sent the link next."""
    try:
        profile = given_profile(form)
        wanted = CustomerWithoutLogin(form.get("utility", ""), form.get("external_id", ""), profile)
        customer = await in_thread(create_customer, asking.store, wanted)
    except ServiceError as refused:
        return await in_thread(_form, request, asking, form, str(refused), 422)
    return to(f"{asking.path}/customers/{customer.id}", done="created")


def _list(request: Request, asking: Visitor, wanted: CustomerFilter, before: int) -> Response:
    found = asking.store.customers.page(wanted, before, _A_PAGE + 1)
    counted = asking.store.customers.states()
    values = {
        "customers": found[:_A_PAGE],
        "next": found[_A_PAGE - 1].info.id if len(found) > _A_PAGE else 0,
        "wanted": wanted,
        "counted": counted,
        "there": sum(count for state, count in counted.items() if state is not CustomerState.REMOVED),
        "states": STATES,
        "outcomes": list(Outcome),
        "outcome_words": outcome_words,
        "actor_words": actor_words,
        "tone_of": tone_of,
        "state_tone": state_tone,
        "state_words": state_words,
        "utility_name": utility_name,
        "name_of": name_of,
        "link": open_form_link(asking.web.public_url, asking.company.id),
    }
    return shown_page(request, asking, "customers", values)


def name_of(listed: ListedCustomer) -> str:
    """What a customer is called in a list: by name, address, id or number, whatever is known first."""
    profile, info = listed.profile, listed.info
    name = " ".join(filter(None, (profile.first_name, profile.last_name)))
    return name or profile.email or info.external_id or info.username or f"Customer {info.id}"


def _form(request: Request, asking: Visitor, form: FormFields, error: str, status: int) -> Response:
    known = list_utilities(asking.web.store, live=asking.company.live)
    utilities = [each for each in known if each.is_active]
    values = {"given": form, "error": error, "utilities": utilities, "fields": FIELDS}
    return shown_page(request, asking, "new_customer", values, status)


def _one_of(kind: type[K], text: str) -> K | None:
    try:
        return kind(text) if text else None
    except ValueError:
        return None
