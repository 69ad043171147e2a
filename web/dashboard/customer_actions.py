"""What is done with a customer: fetched anew, answered for, removed, erased; and where mails lead."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from meterfarm.records import CustomerState
from meterfarm.services.challenges import answer_challenge
from meterfarm.services.customers import remove_customer
from meterfarm.services.errors import ServiceError
from meterfarm.services.onboarding import try_again
from meterfarm.services.runs import refresh_customers
from meterfarm.services.users import sides_of
from meterfarm.storage.customers import Role
from meterfarm.web.answers import given_answer
from meterfarm.web.dashboard.access import (
    HOME,
    NO_SUCH_PAGE,
    SIDES,
    FormFields,
    Refused,
    Visiting,
    changes,
    in_thread,
    to,
)
from meterfarm.web.dashboard.customer_head import Seen, SeenCustomer, customer_page, open_challenges
from meterfarm.web.dashboard.people import Number

router = APIRouter(include_in_schema=False)
_ONE = "/{side}/customers/{number}"
_GONE = ("This was answered already", "Or its time is over. The customer's page shows what is asked for now.")


@router.get("/customers")
async def of_a_mail(asking: Visiting) -> Response:
    """The customers, by an address that names no side."""
    return to(f"{asking.path}/customers")


@router.get("/customers/{number}")
async def one_of_a_mail(asking: Visiting, number: Number) -> Response:
    """A customer's page, by an address that does not name their side."""
    web = asking.web
    companies = await in_thread(sides_of, web.store, asking.user)
    for side, company in zip(SIDES, companies, strict=True):
        if await in_thread(web.store.of(company).customers.by_id, number) is not None:
            return to(f"{HOME}/{side}/customers/{number}")
    raise Refused(404, *NO_SUCH_PAGE)


@router.post(f"{_ONE}/fetch", dependencies=[changes(Role.MEMBER)])
async def fetch(seen: Seen) -> Response:
    """Whoever is connected is looked at now; with whoever must come back it is tried once more."""
    await in_thread(_fetch, seen)
    await seen.asking.web.runs_queued()
    return to(seen.path, done="queued")


def _fetch(seen: SeenCustomer) -> None:
    if seen.info.state is not CustomerState.ACTIVE:
        try_again(seen.store, seen.customer)
        return
    queued = refresh_customers(seen.store, [seen.customer])
    if queued.refused:
        raise Refused(409, "This cannot be fetched now", queued.refused[0])


@router.post(f"{_ONE}/answer", dependencies=[changes(Role.MEMBER)])
async def answer(request: Request, seen: Seen, form: FormFields) -> Response:
    """What the portal asks is answered for the customer."""
    if wait := seen.asking.web.limits.answers.take(seen.customer.id):
        raise Refused(429, "That was too often", f"Try again in {wait} s.")
    try:
        number = await in_thread(_answer, seen, form)
    except ServiceError as refused:
        values = {"answer_error": str(refused)}
        return await in_thread(customer_page, request, seen, "customer_answer", values, 422)
    await seen.asking.web.answered(number)
    return to(seen.path, done="answered")


def _answer(seen: SeenCustomer, form: FormFields) -> int:
    asked = {str(each.id): each for each in open_challenges(seen)}.get(form.get("challenge", ""))
    if asked is None:
        raise Refused(409, *_GONE)
    answer_challenge(seen.store, asked.id, given_answer(asked.challenge, form))
    return asked.id


@router.get(f"{_ONE}/remove")
async def removing(request: Request, seen: Seen) -> Response:
    """What it means to remove a customer, and to erase their data."""
    return await in_thread(customer_page, request, seen, "customer_remove", {})


@router.post(f"{_ONE}/remove", dependencies=[changes(Role.MEMBER)])
async def removal(seen: Seen) -> Response:
    """Nothing is fetched any more: login and session are erased, data stays."""
    await in_thread(remove_customer, seen.store, seen.customer, data=False)
    return to(seen.path, done="stopped")


@router.post(f"{_ONE}/erase", dependencies=[changes(Role.MEMBER)])
async def erasure(seen: Seen, form: FormFields) -> Response:
    """All that was collected of the customer is erased, too: by whoever has ticked that they want it."""
    if form.get("sure") != "yes":
        raise Refused(422, "Nothing was erased", "Tick that you want all data of the customer erased.")
    await in_thread(remove_customer, seen.store, seen.customer, data=True)
    return to(f"{seen.asking.path}/customers", done="erased")
