"""Download my data: the form and the files it yields."""

from starlette.responses import PlainTextResponse, Response

from meterfarm.fake_utility.kit.accounts import Account
from meterfarm.fake_utility.kit.calendar import readings_span
from meterfarm.fake_utility.speculoos_power.documents import export_content
from meterfarm.fake_utility.speculoos_power.exports import BadExport, parse_export
from meterfarm.fake_utility.speculoos_power.visits import Visit, inside_account


@inside_account
def usage_page(visit: Visit, account: Account) -> Response:
    """The page to export readings from."""
    if visit.customer.has("one-endpoint-down"):
        return PlainTextResponse("Internal Server Error", 500)
    first, last = readings_span(visit.portal.today)
    return visit.kept_page("usage.html", lambda: {"account": account, "first": first, "last": last})


@inside_account
def export(visit: Visit, account: Account) -> Response:
    """An export of readings."""
    if visit.customer.has("captcha-at-export"):
        return visit.page("captcha.html")
    if account.new:
        return _usage(visit, account, status=400)
    try:
        wanted = parse_export(account, visit.request.query_params, visit.portal.today)
    except BadExport as exc:
        return _usage(visit, account, alert=str(exc), status=400)
    content = export_content(visit.portal.kept, wanted)
    visit.portal.served_export(visit.customer)
    return Response(
        content,
        media_type=wanted.media_type,
        headers={
            "Content-Disposition": f'attachment; filename="{wanted.file_name}"',
            "Cache-Control": "private, no-store",
        },
    )


def _usage(visit: Visit, account: Account, *, alert: str | None = None, status: int = 200) -> Response:
    first, last = readings_span(visit.portal.today)
    context = {"account": account, "first": first, "last": last, "alert": alert}
    return visit.page("usage.html", context, status=status)
