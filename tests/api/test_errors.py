"""Every refusal has Bayou's form, no detail left open, and says who must act."""

from __future__ import annotations

import re
from types import SimpleNamespace

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from meterfarm.api.errors import BAYOU_CODES, ERRORS, ApiError, install
from meterfarm.services.errors import Conflict, InvalidRequest, NotFound
from meterfarm.storage import AlreadyThere, StorageError

HERE = "https://meterfarm.example"
SAYS = {
    "bill_account_number_invalid": "account_number .*either does not exist for this customer or has no "
    "bills.*following account_numbers with bills.* 1234567",
    "bill_id_invalid": "bill_id .*does not exist",
    "bill_id_invalid_format": "bill_id .*is not a valid integer",
    "bill_meter_id_invalid": "meter_id .*either does not exist for this customer or has no bills.*"
    "following meters with bills.* E1",
    **{
        f"customer_{field}_invalid": f"{field} field improperly formatted.*string and no more than 30 char"
        for field in (
            "address_line_1",
            "address_line_2",
            "city",
            "first_name",
            "last_name",
            "phone_number",
            "zipcode",
        )
    },
    "customer_email_invalid": 'email field improperly formatted.*string.*include "@" and "\\.".*'
    "no more than 320 characters",
    "customer_id_invalid": "customer_id .*does not exist",
    "customer_id_invalid_format": "customer_id .*not a valid integer",
    "customer_state_invalid": "state field .*two letter abbreviation in a string format or null.*https://",
    "dates_out_of_order": "end date chronologically comes before the start date",
    "end_date_invalid": "end date is in an invalid format.*example.*2022-11-01",
    "end_timestamp_invalid": "end timestamp is in an invalid format.*example.*2022-11-01T00:00:00Z",
    "external_id_invalid": "external_id .*does not exist",
    "external_id_invalid_format": "external_id .*not a valid string",
    "external_id_not_unique": "external_id .*isn't unique and belongs to customer 17",
    "interval_meter_id_invalid": "meter_id .*either does not exist for this customer or has no intervals.*"
    "following meters with interval data: E1, G1",
    "limit_invalid": r"limit field improperly formatted.*integer formatted as a string \(1, 2, 12, 24\)",
    "method_not_allowed": "method PUT is not allowed for this endpoint. The allowed methods are GET, PATCH",
    "no_file_provided": "No file was provided in your request to post a bill",
    "request_path_invalid": "requested route cannot be found.*documentation",
    "start_date_invalid": "start date is in an invalid format.*example.*2022-11-01",
    "start_timestamp_invalid": "start timestamp is in an invalid format.*example.*2022-11-01T00:00:00Z",
    "timestamps_out_of_order": "end timestamp chronologically comes before the start timestamp",
    "unsupported_file_format": "file is not in a format we support.*PDFs",
    "utility_code_input_invalid": "utility code is invalid. Did you mean con_edison\\?.*https://",
    "utility_lacks_intervals": "This customer's utility doesn't have interval data.*https://",
}
RETRIED = {"too_many_requests", "idempotency_key_in_use", "service_unavailable", "internal_error"}


def test_the_32_codes_of_bayou_say_what_they_must() -> None:
    assert set(BAYOU_CODES) == SAYS.keys()
    assert len(BAYOU_CODES) == 32
    for code, pattern in SAYS.items():
        message = ApiError(code, **ERRORS[code].sample or {}).rendered(HERE)["error_message"]
        assert re.search(pattern, message), (code, message)


@pytest.mark.parametrize("code", ERRORS)
def test_every_error_is_four_strings_without_a_placeholder(code: str) -> None:
    error = ApiError(code, **ERRORS[code].sample or {})
    rendered = error.rendered(HERE)
    assert list(rendered) == ["error_type", "error_code", "error_message", "docs_url"]
    assert rendered["docs_url"] == f"{HERE}/docs/error-codes#{code}"
    assert not set("{}<>") & set(rendered["error_message"])
    answer = error.response(HERE)
    assert answer.status_code == ERRORS[code].status
    assert answer.headers["X-Should-Retry"] == (
        "true" if "Retry-After" in answer.headers else "false"
    ) or code in {
        "internal_error",
        "too_many_requests",
    }
    assert answer.headers["X-Error-Who-Acts"] in {"developer", "operator", "nobody"}
    assert ("WWW-Authenticate" in answer.headers) == (answer.status_code == 401)


def test_a_detail_that_is_missing_is_a_fault_where_the_error_is_made() -> None:
    with pytest.raises(KeyError, match="nearest"):
        ApiError("utility_code_input_invalid")


class Thing(BaseModel):
    """What the route below takes."""

    count: int


@pytest.fixture(scope="module")
def app() -> FastAPI:
    app = FastAPI()
    app.state.context = SimpleNamespace(public_url=HERE)
    install(app)
    raised = {
        "missing": NotFound("There is no event 17."),
        "taken": Conflict("It is there."),
        "unfit": InvalidRequest("Name the utility."),
        "doubled": AlreadyThere("It is there."),
        "down": StorageError("The database at /var/db does not answer."),
    }

    @app.get("/things/{name}")
    def get_thing(name: str, limit: int = 1) -> None:
        raise raised[name]

    @app.patch("/things/{name}")
    def change_thing(name: str, thing: Thing) -> None:
        raise ApiError("customer_id_invalid")

    return app


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code", "says"),
    [
        ("GET", "/nowhere", None, 404, "request_path_invalid", "cannot be found"),
        ("PUT", "/things/a", None, 405, "method_not_allowed", "PUT .* are GET, PATCH."),
        ("GET", "/things/a?limit=secret", None, 400, "parameter_invalid", "limit .*valid integer"),
        ("PATCH", "/things/a", b"{secret", 400, "request_body_invalid", "no JSON"),
        ("PATCH", "/things/a", b'{"count": "secret"}', 400, "request_body_invalid", "count: .*integer"),
        ("PATCH", "/things/a", b'{"count": 1}', 404, "customer_id_invalid", "does not exist"),
        ("GET", "/things/missing", None, 404, "object_not_found", "There is no event 17."),
        ("GET", "/things/taken", None, 409, "conflict", "It is there."),
        ("GET", "/things/doubled", None, 409, "conflict", "It is there."),
        ("GET", "/things/unfit", None, 400, "request_invalid", "Name the utility."),
        ("GET", "/things/down", None, 503, "service_unavailable", "try again in a minute"),
    ],
)
async def test_what_goes_wrong_is_answered_in_one_form(
    app: FastAPI, method: str, path: str, body: bytes | None, status: int, code: str, says: str
) -> None:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
        json = {"Content-Type": "application/json"}
        answer = await client.request(method, path, content=body, headers=json)
    assert (answer.status_code, answer.json()["error_code"]) == (status, code)
    assert re.search(says, answer.json()["error_message"])
    assert "secret" not in answer.text
    assert "/var/db" not in answer.text
    if status == 405:
        assert answer.headers["Allow"] == "GET, PATCH"
