"""The files of bills at their signed addresses, which are good for a quarter of an hour and want no key."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from meterfarm.api.context import context_of
from meterfarm.api.error_responses import errors
from meterfarm.api.errors import ApiError
from meterfarm.services.bayou_bill import FILES, signed_bill
from meterfarm.storage import StorageError

router = APIRouter(tags=["Bills"])
_HEADERS = {
    "Cache-Control": "private, max-age=900",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@router.api_route(
    f"{FILES}/{{token}}",
    methods=["GET", "HEAD"],
    response_model=None,
    include_in_schema=False,
    responses=errors("link_invalid", "object_not_found"),
)
def bill_file(request: Request, token: str) -> Response:
    """Get the PDF of a bill, as the utility made it."""
    farm = context_of(request).store
    signed = signed_bill(farm, token)
    if signed is None:
        raise ApiError("link_invalid")
    store, bill_id = signed
    kept = store.bills.file(bill_id)
    if kept is None:
        raise ApiError("object_not_found", reason="The bill was deleted.")
    day = f"-{kept.billed_on.isoformat()}" if kept.billed_on is not None else ""
    headers = _HEADERS | {
        "ETag": f'"{kept.sha256}"',
        "Content-Disposition": f'inline; filename="bill-{bill_id}{day}.pdf"',
    }
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    try:
        content = farm.files.read(kept.sha256)
    except StorageError:
        if farm.files.has(kept.sha256):
            raise
        raise ApiError("object_not_found", reason="The bill's file is lost here.") from None
    return Response(content, 200, headers, "application/pdf")
