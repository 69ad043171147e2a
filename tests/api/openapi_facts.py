"""Compares an OpenAPI document with the table of facts. Every fact must be there; more may be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.api.official_contract import Call, Shape

Schema = Mapping[str, Any]
_FORMATS = {"date", "date-time", "binary"}


class Document:
    """An OpenAPI document of 3.1, with its references followed."""

    def __init__(self, openapi: Schema, prefix: str = "/api/v2") -> None:
        self._openapi = openapi
        self._prefix = prefix

    def operation(self, call: str) -> Schema:
        """What is documented of `GET /customers`."""
        method, _, path = call.partition(" ")
        operation: Schema = self._openapi["paths"][f"{self._prefix}{path}"][method.lower()]
        return operation

    def differences(self, name: str, call: Call) -> list[str]:
        """What the document lacks of a call; empty where it has everything."""
        operation = self.operation(name)
        if call.tag not in operation.get("tags", ()):
            return [f"{name}: not tagged {call.tag}"]
        return [
            f"{name}: {difference}"
            for part in (self._parameters, self._body, self._answer, self._errors)
            for difference in part(operation, call)
        ]

    def _parameters(self, operation: Schema, call: Call) -> Iterator[str]:
        found = {(each["in"], each["name"]): each for each in operation.get("parameters", ())}
        wanted = [("path", name, "string") for name in call.path]
        wanted += [("query", name, kind) for name, kind in call.query.items()]
        for place, name, kind in wanted:
            parameter = found.get((place, name))
            if parameter is None:
                yield f"no parameter {name} in {place}"
                continue
            if bool(parameter.get("required")) != (place == "path"):
                yield f"{name}: required is {parameter.get('required')}"
            if not _is(self.flat(parameter["schema"]), kind):
                yield f"{name}: {parameter['schema']} is no {kind}"

    def _body(self, operation: Schema, call: Call) -> Iterator[str]:
        if not call.body:
            return
        body = operation.get("requestBody", {})
        if not body.get("required"):
            yield "the body is not required"
        schema = self.flat(body.get("content", {}).get(call.body_type, {}).get("schema", {}))
        if tuple(schema.get("required", ())) != call.body_needs:
            yield f"the body requires {schema.get('required')}"
        yield from self.unlike(schema, call.body, "body", nulls=False)

    def _answer(self, operation: Schema, call: Call) -> Iterator[str]:
        response = operation["responses"].get(str(call.status), {})
        schema = response.get("content", {}).get("application/json", {}).get("schema", {})
        yield from self.unlike(schema, call.answer, str(call.status))

    def _errors(self, operation: Schema, call: Call) -> Iterator[str]:
        for status, codes in call.errors.items():
            content = operation["responses"].get(str(status), {}).get("content", {})
            documented = content.get("application/json", {}).get("examples", {})
            for code in set(codes.split()) - documented.keys():
                yield f"{status}: no example of {code}"

    def unlike(self, schema: Schema, shape: Shape, at: str, *, nulls: bool = True) -> Iterator[str]:
        """Where a schema is not of this shape; ``nulls``: or has null where it should not, or lacks it."""
        flat = self.flat(schema)
        if isinstance(shape, dict):
            if not _is(flat, "object"):
                yield f"{at}: {flat.get('type')} is no object"
            for name, inner in shape.items():
                if name == "*":
                    yield from self.unlike(flat.get("additionalProperties", {}), inner, f"{at}.*")
                elif name not in flat.get("properties", {}):
                    yield f"{at}: no property {name}"
                else:
                    yield from self.unlike(flat["properties"][name], inner, f"{at}.{name}", nulls=nulls)
        elif isinstance(shape, list):
            if not _is(flat, "array"):
                yield f"{at}: {flat.get('type')} is no array"
            yield from self.unlike(flat.get("items", {}), shape[0], f"{at}[]", nulls=nulls)
        else:
            kind, may_be_null = shape.removesuffix("?"), shape.endswith("?")
            if not _is(flat, kind):
                yield f"{at}: {flat} is no {kind}"
            if nulls and flat["nullable"] != may_be_null:
                yield f"{at}: null is {'lacking' if may_be_null else 'not expected'}"

    def flat(self, schema: Schema) -> dict[str, Any]:
        """A schema without references; that it may be null is its ``nullable``."""
        merged: dict[str, Any] = {"nullable": False, "properties": {}}
        for part in (schema, *schema.get("allOf", ())):
            if "$ref" in part:
                part = self._at(part["$ref"])
            if part is not schema or "$ref" in schema:
                part = self.flat(part)
            merged |= part | {"properties": merged["properties"] | part.get("properties", {})}
        choices = [self.flat(choice) for choice in merged.get("anyOf", merged.get("oneOf", ()))]
        real = [choice for choice in choices if choice.get("type") != "null"]
        if len(real) == 1:
            merged |= real[0] | {"properties": merged["properties"] | real[0]["properties"]}
        if isinstance(merged.get("type"), list):
            types = [kind for kind in merged["type"] if kind != "null"]
            merged["nullable"] = merged["nullable"] or len(types) < len(merged["type"])
            merged["type"] = types[0] if len(types) == 1 else types
        merged["nullable"] = merged["nullable"] or len(real) < len(choices)
        return merged

    def _at(self, reference: str) -> Schema:
        found: Any = self._openapi
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        schema: Schema = found
        return schema


def _is(schema: Schema, kind: str) -> bool:
    """Whether a flat schema is of a type or format."""
    if kind in _FORMATS:
        # OpenAPI 3.1 has contentMediaType for a file, 3.0 and the official document the format binary.
        of_file = kind == "binary" and "contentMediaType" in schema
        return schema.get("type") == "string" and (schema.get("format") == kind or of_file)
    types = schema.get("type", [])
    return kind in (types if isinstance(types, list) else [types])
