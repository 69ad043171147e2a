"""The webhooks section of /openapi.json: each event with the object that is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from meterfarm.api.examples import Examples

Document = dict[str, Any]

_TEXT: Document = {"type": "string"}
_NUMBER: Document = {"type": "integer"}
_TRUE: Document = {"type": "boolean"}
_INSTANT: Document = {"type": "string", "format": "date-time"}
_EXTERNAL: Document = {"anyOf": [_TEXT, {"type": "null"}]}
_CUSTOMER: Document = {
    "id": _NUMBER,
    "external_id": _EXTERNAL,
    "customer_id": _NUMBER,
    "customer_external_id": _EXTERNAL,
}
_PERIOD: Document = {"period_from": _TEXT, "period_to": _TEXT}


def _object(properties: Mapping[str, Document]) -> Document:
    return {"type": "object", "properties": dict(properties), "required": list(properties)}


def _list(of: Document) -> Document:
    return {"type": "array", "items": of}


_AVAILABLE = _object(
    {
        "account_numbers": _list(
            _object(
                {
                    "id": _TEXT,
                    "meters": _list(
                        _object({"id": _TEXT, "type": _TEXT, "periods": _list(_object(_PERIOD))})
                    ),
                }
            )
        )
    }
)
_BILL: Document = {
    "allOf": [
        {"$ref": "#/components/schemas/Bill"},
        _object({"past_due": {**_TRUE, "description": "Something is left from the cycle before."}}),
    ]
}
_FOUND = {"anyOf": [_INSTANT, {"type": "null"}]}
_SPAN = {"first_interval_discovered": _FOUND, "last_interval_discovered": _FOUND}
_EVENTS: Mapping[str, tuple[str, Document]] = {
    "customer_has_filled_credentials": (
        "The portal let the customer in. Comes again when a connection works again.",
        _object(
            {
                **_CUSTOMER,
                "utility": _TEXT,
                "utility_data_velocity": {**_TEXT, "examples": ["instant", "8 hours"]},
                "has_filled_credentials": _TRUE,
                "has_filled_credentials_on": _INSTANT,
            }
        ),
    ),
    "customer_must_reauthenticate": (
        "The portal lets the customer in no more; send them the link.",
        _object(
            {
                **_CUSTOMER,
                "reason": {**_TEXT, "examples": ["credentials_are_invalid"]},
                "onboarding_token": _TEXT,
                "onboarding_link": _TEXT,
            }
        ),
    ),
    "new_unparsed_bill": (
        "A bill was fetched that is not read yet.",
        _object(
            {
                "external_id": _EXTERNAL,
                "id": _NUMBER,
                "status": {**_TEXT, "examples": ["unparsed"]},
                "customer_id": _NUMBER,
                "customer_external_id": _EXTERNAL,
                "utility": _TEXT,
                "utility_data_velocity": {**_TEXT, "examples": ["instant", "8 hours"]},
                "file_url": _TEXT,
            }
        ),
    ),
    "new_bill": ("A bill was fetched and read.", _BILL),
    "updated_bill": ("A known bill changed, or was unlocked.", _BILL),
    "bills_ready": (
        "All bills of the first fetch are there.",
        _object(
            {
                **_CUSTOMER,
                "bills_parsed": _list(_BILL),
                "bills_unparsed": _list(_object({"id": _NUMBER})),
                "available_data": _AVAILABLE,
            }
        ),
    ),
    "intervals_ready": (
        "All intervals of the first fetch are there.",
        _object({**_CUSTOMER, **_SPAN, "available_data": _AVAILABLE}),
    ),
    "new_intervals": (
        "Intervals came or changed; the periods say where to look.",
        _object({**_CUSTOMER, **_SPAN, "available_data": _AVAILABLE}),
    ),
}
_BESIDE: Document = {
    "request_id": {**_TEXT, "description": "The X-Request-Id of the request that did it, if one did."},
    "test": {**_TRUE, "description": "It was only fired, by a test tool."},
}
_SIGNED = {
    "webhook-id": "The same at each retry of an event; keep it to recognise one that comes twice.",
    "webhook-timestamp": "Epoch seconds of this sending; signed with the rest.",
    "webhook-signature": "By Standard Webhooks: v1 and base64 of HMAC-SHA256, one for each secret.",
}


def webhooks(schemas: Mapping[str, Document]) -> Document:
    """The section. An event of a bill is there if ``schemas`` has the bill."""
    examples = Examples(schemas)
    return {
        name: {"post": _post(name, summary, payload, examples)}
        for name, (summary, payload) in _EVENTS.items()
        if "Bill" in schemas or "schemas/Bill" not in str(payload)
    }


def _post(name: str, summary: str, payload: Document, examples: Examples) -> Document:
    body = _object({"event": {"const": name, "type": "string"}, "object": payload})
    body["properties"] |= _BESIDE
    return {
        "operationId": f"webhook_{name}",
        "tags": ["Webhooks"],
        "summary": name,
        "description": summary,
        "parameters": [
            {"name": header, "in": "header", "required": True, "description": text, "schema": _TEXT}
            for header, text in _SIGNED.items()
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": body, "example": examples.of(body)}},
        },
        "responses": {
            "2XX": {"description": "Received. Anything else, or nothing in time, is sent again."},
            "410": {"description": "The endpoint wants no more events and is paused."},
        },
        "security": [],
    }
