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
from tests.api.official_errors import OFFICIAL_ERRORS

HERE = "https://meterfarm.example"


def test_the_32_codes_of_bayou_say_what_they_must() -> None:
    assert set(BAYOU_CODES) == OFFICIAL_ERRORS.keys()
    assert len(BAYOU_CODES) == 32
    for code, official in OFFICIAL_ERRORS.items():
        sample = ERRORS[code].sample or {}
        error = ApiError(code, **sample)
        message = error.rendered(HERE)["error_message"]
        assert re.search(official.says, message), (code, message)
        assert (error.status, error.type) == (official.status, official.type)
        assert all(detail in message for detail in sample.values())


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
