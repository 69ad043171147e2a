"""The fields of a customer that a form of the dashboard sets."""

from __future__ import annotations

from collections.abc import Mapping

from meterfarm.services.customer_fields import is_email, problem_of_name, tidied
from meterfarm.services.errors import InvalidRequest

_LONGEST = 30
FIELDS = {
    "first_name": "First name",
    "last_name": "Last name",
    "phone_number": "Telephone number",
    "address_line_1": "Address",
    "address_line_2": "Address, second line",
    "city": "City",
    "state": "State (two letters)",
    "zipcode": "ZIP code",
}
_LETTERS_OF_A_STATE = 2


def given_profile(form: Mapping[str, str]) -> Mapping[str, str | None]:
    """What a form says of a customer; the e-mail address must be given.

    Raises:
        InvalidRequest: a value cannot be used.
    """
    email = tidied(form.get("email", ""))
    if not is_email(email):
        raise InvalidRequest("Give the customer's e-mail address: it has a name, an @ and a domain.")
    profile: dict[str, str | None] = {"email": email}
    for name, words in FIELDS.items():
        value = tidied(form.get(name, ""))
        if len(value) > _LONGEST:
            raise InvalidRequest(f"{words} is longer than {_LONGEST} characters.")
        if problem := problem_of_name(words.casefold(), value):
            raise InvalidRequest(problem)
        if name == "state" and value:
            value = value.upper()
            if not (len(value) == _LETTERS_OF_A_STATE and value.isascii() and value.isalpha()):
                raise InvalidRequest("Give the state by its two letters.")
        profile[name] = value or None
    return profile
