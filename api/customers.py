"""Customers: made, listed, found, changed, deleted."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from meterfarm.api.answers import json_answer
from meterfarm.api.auth import Company
from meterfarm.api.bodies import JsonObject, described
from meterfarm.api.context import context_of
from meterfarm.api.customer_fields import CustomerFields, customer_fields
from meterfarm.api.error_responses import errors
from meterfarm.api.errors import ApiError
from meterfarm.api.models.customers import Customer as CustomerModel
from meterfarm.api.models.customers import ExistingCustomer
from meterfarm.api.quick import read_quickly
from meterfarm.api.references import CUSTOMER_ID, CustomerId, find_customer, find_record
from meterfarm.services.bayou_customer import CustomerRendering
from meterfarm.services.customers import (
    CustomerWithoutLogin,
    UpdateCustomer,
    create_customer,
    remove_customer,
    update_customer,
)
from meterfarm.services.errors import Conflict
from meterfarm.storage.store import CompanyStore

router = APIRouter(tags=["Customers"])
_FIELDS = (
    *("customer_email_invalid", "customer_first_name_invalid", "customer_last_name_invalid"),
    *("customer_phone_number_invalid", "customer_address_line_1_invalid", "customer_address_line_2_invalid"),
    *("customer_city_invalid", "customer_state_invalid", "customer_zipcode_invalid"),
    *("utility_code_input_invalid", "external_id_invalid_format", "external_id_not_unique"),
    *("request_invalid", "request_body_invalid", "request_too_large", "unsupported_content_type"),
)
_BODY = described(CustomerModel)


@router.post(
    "/customers",
    status_code=201,
    response_model=None,
    responses={201: {"model": ExistingCustomer}, **errors(*_FIELDS)},
    openapi_extra=_BODY,
)
def create(request: Request, store: Company, body: JsonObject) -> Response:
    """Create a customer. No field is required; what is not known can be given later."""
    fields = customer_fields(body)
    try:
        made = create_customer(
            store,
            CustomerWithoutLogin(fields.utility or "", fields.external_id or "", fields.profile),
        )
    except Conflict:
        raise _taken(store, fields) from None
    return json_answer(_rendering(request).of(store, find_record(store, str(made.id))), 201)


@router.get("/customers", response_model=None, responses={200: {"model": list[ExistingCustomer]}, **errors()})
def list_(request: Request, store: Company) -> Response:
    """List all customers, the oldest first."""
    return json_answer(_rendering(request).of_all(store, store.customers.records()))


@router.get(
    "/customers/{id}",
    response_model=None,
    responses={200: {"model": ExistingCustomer}, **errors(*CUSTOMER_ID)},
)
async def get(request: Request, store: Company, id: CustomerId) -> Response:
    """Get a customer, with a fresh onboarding link and token."""
    return json_answer(await read_quickly(store.farm, _read, request, store, id))


@router.patch(
    "/customers/{id}",
    response_model=None,
    responses={200: {"model": ExistingCustomer}, **errors(*CUSTOMER_ID, *_FIELDS, "conflict")},
    openapi_extra=_BODY,
)
def change(request: Request, store: Company, id: CustomerId, body: JsonObject) -> Response:
    """Change what is named. A customer's utility cannot change once they have given a login."""
    customer = find_customer(store, id)
    fields = customer_fields(body)
    utility = fields.utility if fields.utility != customer.utility else None
    wanted = UpdateCustomer(external_id=fields.external_id, utility=utility, profile=fields.profile)
    if wanted != UpdateCustomer():
        try:
            update_customer(store, customer, wanted)
        except Conflict:
            if utility is not None and customer.login_id:
                raise
            raise _taken(store, fields) from None
    return json_answer(_rendering(request).of(store, find_record(store, str(customer.id))))


@router.delete("/customers/{id}", status_code=204, response_model=None, responses=errors(*CUSTOMER_ID))
def delete(store: Company, id: CustomerId) -> Response:
    """Delete a customer with their login and all that was collected, for good."""
    remove_customer(store, find_customer(store, id), data=True)
    return Response(status_code=204)


def _read(request: Request, store: CompanyStore, text: str) -> dict[str, object]:
    return _rendering(request).of(store, find_record(store, text))


def _rendering(request: Request) -> CustomerRendering:
    return context_of(request).customers


def _taken(store: CompanyStore, fields: CustomerFields) -> ApiError:
    """Another customer has the external id, or had it a moment ago."""
    other = store.customers.by_external_id(fields.external_id or "")
    return ApiError(
        "external_id_not_unique", other=f"the customer {other.id}" if other else "another customer"
    )
