"""The host of the export widget: the page for an iframe, and what it asks for."""

from datetime import date

from starlette.requests import Request
from starlette.responses import Response

from meterfarm.fake_utility.kit.accounts import Account
from meterfarm.fake_utility.kit.calendar import readings_span
from meterfarm.fake_utility.stroopwafel_energy.api import Caller, not_found, of_account
from meterfarm.fake_utility.stroopwafel_energy.documents import export_zip
from meterfarm.fake_utility.stroopwafel_energy.portal import company_of
from meterfarm.fake_utility.stroopwafel_energy.usage_csv import LONGEST, Export
from meterfarm.fake_utility.stroopwafel_energy.views import answer, page, refusal

GUARD = ")]}',\n"
"""Before the widget's JSON, so that it is no script."""


async def embed(request: Request) -> Response:
    """The page with the widget."""
    return page(request, "embed.html", around=f"https://{company_of(request).brand.my}")


@of_account
async def meters(caller: Caller, account: Account) -> Response:
    """The meters with readings, and the days there are."""
    span = readings_span(caller.company.today)
    shown = [
        {
            "meterId": meter.id,
            "intervalMinutes": 15 if meter.commodity == "electric" else 60,
            "from": str(span[0] if meter.young else meter.within(span)[0]),
            "to": str(meter.within(span)[1]),
        }
        for meter in account.meters
        if not meter.new and not account.closed and meter.within(span)[0] <= meter.within(span)[1]
    ]
    return answer({"meters": shown or None}, guard=GUARD)


@of_account
async def usage_zip(caller: Caller, account: Account) -> Response:
    """An export."""
    asked = caller.request.query_params
    meter = account.meter(asked.get("meter", ""))
    if meter is None or meter.new or account.closed:
        return not_found()
    first, last = meter.within(readings_span(caller.company.today))
    begin = readings_span(caller.company.today)[0] if meter.young else first
    start, to = _day(asked.get("from", "")), _day(asked.get("to", ""))
    if start is None or to is None or start > to or start < begin or to > last:
        return refusal(400, "BAD_RANGE", f"Choose days from {first} to {last}.")
    if (to - start).days + 1 > LONGEST:
        return refusal(400, "RANGE_TOO_LONG", f"Choose at most {LONGEST} days.")
    if to < first:
        return answer({"message": "NO DATA FOUND"})
    start = max(start, first)
    wanted = Export(
        account, meter, start, to, to_newest=to == last and not meter.replaced, quirks=caller.customer.quirks
    )
    content = export_zip(caller.company.kept, caller.company.brand, wanted)
    caller.company.served_export(caller.customer)
    headers = {
        "Content-Disposition": f'attachment; filename="usage-{meter.id}.zip"',
        "Cache-Control": "no-store",
    }
    return Response(content, media_type="application/zip", headers=headers)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
