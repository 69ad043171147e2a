"""Bills that are uploaded: a form with a PDF, the customer it is of, and the company's own id for it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.responses import Response

from meterfarm.api.answers import json_answer
from meterfarm.api.auth import Company
from meterfarm.api.bills import taken
from meterfarm.api.bodies import read_body
from meterfarm.api.error_responses import errors
from meterfarm.api.errors import ApiError
from meterfarm.api.models.bills import UploadedBill
from meterfarm.api.references import ID_PATTERN, find_customer
from meterfarm.services.bills import (
    LARGEST_UPLOAD,
    BillUpload,
    ExternalIdTaken,
    NotAPdf,
    check_external_id,
    upload_bill,
)
from meterfarm.services.customer_fields import LONGEST_NAME
from meterfarm.services.errors import InvalidRequest
from meterfarm.storage.customers import Customer
from meterfarm.storage.store import CompanyStore

router = APIRouter(tags=["Bills"])
_MORE_THAN_FILE = 64 * 1024
_UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary", "description": "The bill's PDF."},
                        "customer_id": {
                            "type": "string",
                            "pattern": f"^({ID_PATTERN[1:-1]})?$",
                            "description": "Whose bill it is: our number, or external_id: and your own id. "
                            "Without it, the customer's who has the account.",
                        },
                        "external_id": {
                            "type": "string",
                            "maxLength": LONGEST_NAME,
                            "description": "Your own id for the bill.",
                        },
                    },
                },
                "encoding": {"file": {"contentType": "application/pdf"}},
            }
        },
    }
}


@router.post(
    "/bills",
    response_model=None,
    responses={
        200: {"model": UploadedBill},
        **errors(
            *("no_file_provided", "customer_id_invalid_format", "external_id_invalid_format"),
            *("customer_id_invalid", "unsupported_file_format", "external_id_not_unique", "conflict"),
            *("request_body_invalid", "request_too_large"),
        ),
    },
    openapi_extra=_UPLOAD,
)
async def post_bill(request: Request, store: Company) -> Response:
    """Upload the PDF of a bill. It is read by whichever utility's layout fits."""
    form = await _form(request)
    try:
        upload = await _upload(store, form)
        bill = await upload_bill(store, upload)
    except NotAPdf:
        raise ApiError("unsupported_file_format") from None
    except ExternalIdTaken:
        raise await run_in_threadpool(taken, store, upload.external_id) from None
    finally:
        await form.close()
    return json_answer({"id": bill.id, "external_id": bill.external_id})


async def _form(request: Request) -> FormData:
    """The form of the request; an empty one if it has another kind of body."""
    body = await read_body(request, LARGEST_UPLOAD + _MORE_THAN_FILE)
    if not request.headers.get("content-type", "").casefold().startswith("multipart/form-data"):
        return FormData()

    async def whole() -> AsyncGenerator[bytes, None]:
        yield body

    try:
        parser = MultiPartParser(request.headers, whole(), max_files=2, max_fields=20)
        return await parser.parse()
    except (MultiPartException, KeyError, UnicodeDecodeError, ValueError):
        raise ApiError("request_body_invalid", reason="it is no form that can be read") from None


async def _upload(store: CompanyStore, form: FormData) -> BillUpload:
    """What the form asks for.

    Raises:
        ApiError: it has no file, or a field cannot be used.
    """
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise ApiError("no_file_provided")
    customer_ref, external_id = form.get("customer_id"), form.get("external_id")
    customer = await run_in_threadpool(_customer, store, customer_ref) if customer_ref else None
    if external_id is not None and not isinstance(external_id, str):
        raise ApiError("external_id_invalid_format")
    try:
        check_external_id(external_id or None)
    except InvalidRequest:
        raise ApiError("external_id_invalid_format") from None
    return BillUpload(await file.read(), file.filename or "", customer, external_id or None)


def _customer(store: CompanyStore, text: object) -> Customer:
    """The customer that a form's field names; there is one code for one that is not there."""
    if not isinstance(text, str):
        raise ApiError("customer_id_invalid_format")
    try:
        return find_customer(store, text)
    except ApiError as error:
        if error.code == "external_id_invalid":
            raise ApiError("customer_id_invalid") from None
        raise
