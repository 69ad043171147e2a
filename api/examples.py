"""Example values for the documentation, made from the schemas: nobody writes the same customer twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

_BY_NAME: Mapping[str, object] = {
    "account_number": "1234567",
    "account_number_id": "1234567",
    "address_line_1": "18 Elm Street",
    "address_line_2": "Flat 3",
    "billed_on": "2026-10-30",
    "billing_period_from": "2026-09-28",
    "billing_period_to": "2026-10-27",
    "city": "Albany",
    "community_solar_bill_credit": 0,
    "country": "US",
    "customer_external_id": "A-17",
    "customer_id": 17,
    "delivery_charge": 5060,
    "docs_url": "https://meterfarm.example/docs/error-codes#customer_id_invalid",
    "electricity_amount": 9060,
    "electricity_consumption": 412000,
    "email": "ada@example.com",
    "external_id": "A-17",
    "file": "(the bytes of a PDF)",
    "file_url": "https://meterfarm.example/files/501_1793440800_3f",
    "first_name": "Ada",
    "gas_amount": 2940,
    "gas_consumption": 31.5,
    "gas_consumption_unit": "therms",
    "id": 17,
    "last_name": "Lovelace",
    "line_1": "18 Elm Street",
    "line_2": None,
    "onboarding_link": "https://meterfarm.example/companies/1/sign_up?key=17_1793440800_3f",
    "onboarding_token": "17_1793440800_3f",
    "outstanding_balance": 0,
    "password": "correct horse battery staple",
    "period_from": "2025-10-28",
    "period_to": "2026-10-27",
    "phone_number": "518-555-0123",
    "postal_code": "12207",
    "postal_code_suffix": None,
    "supply_charge": 4000,
    "state": "NY",
    "tariff": "SC1",
    "total_amount": 12000,
    "url": "https://example.com/webhooks",
    "username": "ada@example.com",
    "utility": "speculoos_power",
    "zipcode": "12207",
}
_BY_FORMAT = {
    "date": "2026-10-30",
    "date-time": "2026-10-30T04:00:00Z",
    "uri": "https://meterfarm.example/docs",
    "binary": "(bytes)",
    "password": "correct horse battery staple",
}
_BY_TYPE: Mapping[str, object] = {
    "boolean": True,
    "integer": 1,
    "number": 1.5,
    "string": "text",
    "null": None,
    "object": {},
}
_DEPTH = 12


class Examples:
    """Makes examples of the schemas of one OpenAPI document."""

    def __init__(self, schemas: Mapping[str, Schema]) -> None:
        self._schemas = schemas

    def of(self, schema: Schema, name: str = "", depth: int = 0) -> object:
        """An example of the schema, as a property called ``name`` has it."""
        if "$ref" in schema:
            return self.of(self._schemas[schema["$ref"].rpartition("/")[2]], name, depth + 1)
        if schema.get("examples"):
            return schema["examples"][0]
        if "example" in schema:
            return schema["example"]
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            known = _BY_NAME.get(name)
            return known if known in schema["enum"] else schema["enum"][0]
        return self._made(schema, name, depth)

    def _made(self, schema: Schema, name: str, depth: int) -> object:
        if name in _BY_NAME and self._fits(schema, _BY_NAME[name]):
            return _BY_NAME[name]
        choices = schema.get("anyOf") or schema.get("oneOf")
        if choices:
            return self.of(choices[0], name, depth)
        if schema.get("allOf"):
            parts = [self.of(part, name, depth) for part in schema["allOf"]]
            return {key: value for part in parts if isinstance(part, dict) for key, value in part.items()}
        if schema.get("properties") and depth < _DEPTH:
            return {key: self.of(inner, key, depth + 1) for key, inner in schema["properties"].items()}
        if "prefixItems" in schema:
            return [self.of(each, name, depth + 1) for each in schema["prefixItems"]]
        if schema.get("type") == "array":
            return [] if depth >= _DEPTH else [self.of(schema.get("items", {}), name, depth + 1)]
        if isinstance(schema.get("additionalProperties"), dict):
            return {"service_id": self.of(schema["additionalProperties"], "", depth + 1)}
        if schema.get("type") in {"integer", "number"} and schema.keys() & {"minimum", "maximum"}:
            return schema.get("maximum", schema.get("minimum"))
        return _BY_FORMAT.get(schema.get("format", ""), _BY_TYPE.get(schema.get("type", "object")))

    def _fits(self, schema: Schema, value: object) -> bool:
        """Whether the value is of the schema's type, or of one of its alternatives'."""
        if "$ref" in schema:
            return self._fits(self._schemas[schema["$ref"].rpartition("/")[2]], value)
        choices = schema.get("anyOf") or schema.get("oneOf")
        if choices:
            return any(self._fits(choice, value) for choice in choices)
        kinds = {type(None): {"null"}, bool: {"boolean"}, int: {"integer", "number"}}
        of_text, of_number = {"string"}, {"number"}
        fitting = kinds.get(type(value), of_number if isinstance(value, float) else of_text)
        return schema.get("type") in fitting
