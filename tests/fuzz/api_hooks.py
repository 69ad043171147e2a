"""What schemathesis loads beside its own: ids, where webhooks go, PDFs, which refusals no schema foretells.

All its checks judge all answers. `positive_data_acceptance` wants a request that its schema allows never to
be refused with 400, 415 or 422. Bayou's contract does that for what no JSON Schema can say: that one date
comes before another, which names the catalogue has, what a customer's utility publishes.
`FORETOLD_BY_NO_SCHEMA` lists these refusals by their error codes; any other one is a failure.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import schemathesis
from hypothesis import strategies
from schemathesis import Case, HookContext, Response
from schemathesis.core.failures import Failure
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import TestPhase
from schemathesis.openapi.checks import EnsureResourceAvailability, RejectedPositiveData

from meterfarm.services.customer_fields import problem_of_name
from tests.services.printed import PDF, printed

FORETOLD_BY_NO_SCHEMA = {
    ("", "dates_out_of_order"): "two parameters stand in an order",
    ("", "timestamps_out_of_order"): "two parameters stand in an order",
    ("", "utility_code_input_invalid"): "the catalogue knows names in any spelling",
    ("", "utility_lacks_intervals"): "it depends on the customer's utility",
    ("", "unsupported_file_format"): "whether bytes are a whole PDF",
    ("get_customers_customer_id_intervals", "parameter_invalid"): "a grid finer than the data is refused",
    ("post_customers_id_login", "request_invalid"): "what a user name may be, each utility decides",
    ("post_webhooks", "request_invalid"): "where a host name leads, name servers decide",
    ("patch_webhooks_id", "request_invalid"): "where a host name leads, name servers decide",
    ("put_customers_id_consent", "request_invalid"): "a consent does not end before now",
}
"""Why, by operation ("" is any) and error code."""
OF_ANOTHER = {"bill_meter_id_invalid": "the bill is there, and has no such meter"}
"""Codes of a 404 about something else than what was just created, and why."""
_NAMES = ("request_invalid", "external_id_invalid_format", "customer_")
"""Codes, or how they begin, by which a text with characters that nobody sees is refused."""
_KEY = re.compile("[!-~]{1,255}")
_IDS = {"customers": 17, "bills": 12, "challenges": 8, "webhooks": 4, "runs": 12, "events": 10}
"""How many of each there are from the start."""
_numbers = itertools.count(1)
_hook = os.environ["API_HOOK"]

schemathesis.openapi.media_type(
    "application/pdf",
    strategies.sampled_from([PDF, printed("one"), printed(""), PDF[:2000], b"%PDF-1.7", b"GIF89a"]),
)


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    """Keep webhooks on this machine, give each POST an Idempotency-Key of its own, find what is there.

    The phase that tries the bounds of everything fills a path with an id that nothing has, a link with null
    where the answer before had null.
    """
    is_of_bounds = case.meta is not None and case.meta.phase.name is TestPhase.COVERAGE
    if is_of_bounds or {None, "None", "null"} & set(case.path_parameters.values()):
        _name_what_is_there(case)
    key = case.headers.get("Idempotency-Key")
    if isinstance(key, str) and _KEY.fullmatch(key):
        case.headers["Idempotency-Key"] = f"{next(_numbers)}-{key}"[:255]
    if isinstance(case.body, dict) and isinstance(url := case.body.get("url"), str) and _leads_elsewhere(url):
        case.body = {**case.body, "url": _hook}


@schemathesis.hook
def filter_failure(context: HookContext, failure: Failure, case: Case[Any], response: Response) -> bool:
    """Whether it is one."""
    if not isinstance(failure, RejectedPositiveData | EnsureResourceAvailability):
        return True
    code = response.json().get("error_code", "")
    if isinstance(failure, EnsureResourceAvailability):
        return code not in OF_ANOTHER
    if {
        ("", code),
        (str(case.operation.definition.raw.get("operationId")), code),
    } & FORETOLD_BY_NO_SCHEMA.keys():
        return False
    return not (code.startswith(_NAMES) and any(map(_has_unseen, _texts(case))))


def _name_what_is_there(case: Case[Any]) -> None:
    if case.meta is not None and case.meta.is_negative_at(ParameterLocation.PATH):
        return
    collection, _, place = case.path.removeprefix("/api/v2/").removeprefix("test/").partition("/")
    name = place.partition("/")[0].strip("{}")
    if name in case.path_parameters and collection in _IDS:
        case.path_parameters[name] = str(1 + next(_numbers) % _IDS[collection])


def _leads_elsewhere(url: str) -> bool:
    try:
        parts = urlsplit(url.strip())
        return parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        return False


def _texts(case: Case[Any]) -> Iterator[str]:
    for part in (case.path_parameters, case.query, case.body):
        yield from _within(part)


def _within(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield unquote(value)
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield str(name)
            yield from _within(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _within(inner)


def _has_unseen(text: str) -> bool:
    return any(problem_of_name("text", char) for char in text)
