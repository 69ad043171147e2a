"""The API answers as its /openapi.json says, whatever it is asked; who asks notices when one does not."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from tests.fuzz.api_fuzzing import ask, fuzz_api

SEED = 20_261_130
_ERROR = {"application/json": {"schema": {"type": "object"}}}
_BODY = {
    "required": True,
    "content": {"application/json": {"schema": {"type": "object"}, "example": {"a": 1}}},
}


def test_the_api_answers_as_its_document_says(tmp_path: Path) -> None:
    """As `./run fuzz --api`, but for the time: all checks, a few requests to each operation."""
    fuzzed = fuzz_api(SEED, tmp_path, "--max-examples=4", seconds=20, phases=("examples", "fuzzing"))
    assert fuzzed.is_clean, "\n".join([fuzzed.report, *fuzzed.crashes])
    assert fuzzed.requests > 50, "too few to mean anything"
    assert sum(fuzzed.accepted.values()) > 20, "what is asked for is hardly ever there"


def _operation(status: str, **more: Any) -> dict[str, Any]:
    answers = {status: {"description": "It is done."}, "400": {"description": "Refused.", "content": _ERROR}}
    answers["401"] = {"description": "There is no key."}
    return {"responses": answers, "security": [{"basicAuth": []}], **more}


_DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "faulty", "version": "1"},
    "components": {"securitySchemes": {"basicAuth": {"type": "http", "scheme": "basic"}}},
    "paths": {
        "/crashes": {"get": _operation("200")},
        "/undocumented": {"get": _operation("200")},
        "/open": {"get": _operation("200")},
        "/refuses": {"post": _operation("200", requestBody=_BODY)},
        "/foretold": {"post": _operation("200", requestBody=_BODY)},
    },
}
_ANSWERS = {
    "/openapi.json": (200, _DOCUMENT),
    "/crashes": (500, {}),
    "/undocumented": (418, {}),
    "/open": (200, {}),
    "/refuses": (400, {"error_code": "customer_email_invalid"}),
    "/foretold": (400, {"error_code": "dates_out_of_order"}),
}
"""By path, to whoever asks."""


@contextmanager
def _faulty() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = self.path.partition("?")[0]
            status, value = _ANSWERS.get(path, (404, {}))
            has_key = "Authorization" in self.headers or path in {"/open", "/openapi.json"}
            body = json.dumps(value).encode()
            self.send_response(status if has_key else 401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_what_is_wrong_with_an_api_is_found_and_what_no_schema_foretells_is_not(tmp_path: Path) -> None:
    with _faulty() as url:
        fuzzed = ask(url, "key", f"{url}/hook", SEED, tmp_path, "--max-examples=1", phases=("fuzzing",))
    report = json.loads((tmp_path / "api.json").read_text())
    found = {(each["type"], operation) for each in report["failures"] for operation in each["operations"]}
    assert found >= {
        ("ServerError", "GET /crashes"),
        ("UndefinedStatusCode", "GET /undocumented"),
        ("IgnoredAuth", "GET /open"),
        ("RejectedPositiveData", "POST /refuses"),
    }, fuzzed.report
    assert not [what for what in found if what[1] == "POST /foretold"], fuzzed.report
    assert not fuzzed.is_clean
