"""The fields of a customer that a request may set, each with the error of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from meterfarm.api.errors import ApiError
from meterfarm.api.models.customers import STATES
from meterfarm.services.customer_fields import LONGEST_NAME, problem_of_name
from meterfarm.services.utilities import nearest_code, utility_code

_SHORT = 30
_SHORT_FIELDS = (
    *("first_name", "last_name", "phone_number"),
    *("address_line_1", "address_line_2", "city", "zipcode"),
)


@dataclass(frozen=True, slots=True)
class CustomerFields:
    """What a request sets. ``utility`` and ``external_id`` None were not named; "" is none."""

    profile: Mapping[str, str | None] = field(default_factory=dict)
    utility: str | None = None
    external_id: str | None = None


def customer_fields(body: Mapping[str, Any]) -> CustomerFields:
    """The fields in a request's body, of which those that no customer has are ignored.

    Raises:
        ApiError: the value of one cannot be used.
    """
    profile: dict[str, str | None] = {}
    if "email" in body:
        profile["email"] = _email(body["email"])
    for name in _SHORT_FIELDS:
        if name in body:
            profile[name] = _short(name, body[name])
    if "state" in body:
        state = body["state"]
        if state is not None and not (isinstance(state, str) and state in STATES):
            raise ApiError("customer_state_invalid")
        profile["state"] = state
    utility = _utility(body["utility"]) if "utility" in body else None
    external_id = _external_id(body["external_id"]) if "external_id" in body else None
    return CustomerFields(profile, utility, external_id)


def _email(value: object) -> str | None:
    if value is None:
        return None
    is_one = isinstance(value, str) and len(value) <= LONGEST_NAME and "@" in value and "." in value
    if is_one and isinstance(value, str) and _is_storable(value):
        return value
    raise ApiError("customer_email_invalid")


def _short(name: str, value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, str) and len(value) <= _SHORT and _is_storable(value):
        return value
    raise ApiError(f"customer_{name}_invalid")


def _is_storable(text: str) -> bool:
    return all(char.isprintable() or char.isspace() for char in text) and "\0" not in text


def _utility(value: object) -> str:
    if value is None:
        return ""
    code = utility_code(value) if isinstance(value, str) else None
    if code is None:
        raise ApiError("utility_code_input_invalid", nearest=nearest_code(str(value)[:200]))
    return code


def _external_id(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or not value or problem_of_name("external id", value):
        raise ApiError("external_id_invalid_format")
    return value
