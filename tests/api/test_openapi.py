"""Our /openapi.json has every fact of Bayou's, and describes all that the API answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import jsonschema  # type: ignore[import-untyped] # it has no types of its own
import pytest

from tests.api.official_contract import CALLS, ENUMS, EVENTS
from tests.api.openapi_facts import Document
from tests.api.server import ApiServer

ANYWHERE = {"400", "401", "403", "404", "405", "429", "500", "503"}


@pytest.fixture(scope="module")
def openapi(api: ApiServer) -> dict[str, Any]:
    """As it is served, to anybody."""
    document: dict[str, Any] = api.client.get("/openapi.json", auth=("", "")).raise_for_status().json()
    return document


def _operations(openapi: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, operations in openapi["paths"].items():
        for method, operation in operations.items():
            yield f"{method.upper()} {path}", operation


@pytest.mark.parametrize("name", sorted(CALLS))
def test_a_call_has_every_fact_of_bayous_document(openapi: dict[str, Any], name: str) -> None:
    assert not Document(openapi).differences(name, CALLS[name])


@pytest.mark.parametrize("name", ENUMS)
def test_a_property_has_all_values_of_bayous_document(openapi: dict[str, Any], name: str) -> None:
    document = Document(openapi)
    schema, *steps = name.split(".")
    found = document.flat({"$ref": f"#/components/schemas/{schema}"})
    for step in steps:
        found = document.flat(found["properties"][step])
        found = document.flat(found["items"]) if found["type"] == "array" else found
    assert set(found["enum"]) == set(ENUMS[name])


def test_the_document_says_how_to_authenticate_and_what_every_call_can_answer(
    openapi: dict[str, Any], api: ApiServer
) -> None:
    assert openapi["openapi"].startswith("3.1")
    assert openapi["servers"] == [{"url": api.url}]
    assert openapi["components"]["securitySchemes"]["basicAuth"]["scheme"] == "basic"
    tags = {tag["name"] for tag in openapi["tags"]}
    ids = []
    for name, operation in _operations(openapi):
        assert operation["security"] == [{"basicAuth": []}], name
        assert operation.keys() >= {"summary", "operationId", "tags"}, name
        assert set(operation["tags"]) <= tags, name
        assert operation["responses"].keys() >= ANYWHERE, name
        assert ("422" in operation["responses"]) is name.startswith("POST"), name
        ids.append(operation["operationId"])
    assert len(ids) == len(set(ids))


def test_links_lead_from_what_was_made_to_what_takes_its_id(openapi: dict[str, Any]) -> None:
    parameters = {
        operation["operationId"]: {each["name"] for each in operation["parameters"] if each["in"] == "path"}
        for _, operation in _operations(openapi)
    }
    found = 0
    for _, operation in _operations(openapi):
        for response in operation["responses"].values():
            for link in response.get("links", {}).values():
                (parameter, source), *more = link["parameters"].items()
                field = source.removeprefix("$response.body#/")
                body = Document(openapi).flat(response["content"]["application/json"]["schema"])
                assert parameters[link["operationId"]] == {parameter}
                assert not more
                assert field in body["properties"], link
                found += 1
    assert found == 15


def test_every_body_has_an_example_that_its_schema_allows(openapi: dict[str, Any]) -> None:
    found = 0
    for name, operation in _operations({**openapi, "paths": openapi["paths"] | openapi["webhooks"]}):
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for kind, media in (item for body in bodies for item in body.get("content", {}).items()):
            if not kind.endswith("json"):
                continue
            examples = [each["value"] for each in media.get("examples", {}).values()]
            for example in examples or [media["example"]]:
                schema = {"$ref": "#/schema", "schema": media["schema"], "components": openapi["components"]}
                jsonschema.Draft202012Validator(schema).validate(example)
                found += 1
        assert re.fullmatch("[a-z_]+", operation["operationId"]), name
    assert found > 100


@pytest.mark.parametrize("event", EVENTS)
def test_a_webhook_has_every_fact_of_bayous_page(openapi: dict[str, Any], event: str) -> None:
    body = openapi["webhooks"][event]["post"]["requestBody"]["content"]["application/json"]["schema"]
    shape = {"event": "string", "object": EVENTS[event]}
    assert not list(Document(openapi).unlike(body, shape, event))
