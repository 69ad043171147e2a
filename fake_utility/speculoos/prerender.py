"""All of a customer's documents made beforehand, so that handing them out costs next to nothing."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from meterfarm.fake_utility.speculoos.bill_pages import bill_content
from meterfarm.fake_utility.speculoos.billing import bills
from meterfarm.fake_utility.speculoos.calendar import readings_span
from meterfarm.fake_utility.speculoos.customers import Customer, normalise
from meterfarm.fake_utility.speculoos.exports import Export
from meterfarm.fake_utility.speculoos.numbered import find_customer
from meterfarm.fake_utility.speculoos.portal import Portal, portal_of
from meterfarm.fake_utility.speculoos.usage_pages import export_content
from meterfarm.fake_utility.speculoos.visits import not_found

DAYS = 393
"""13 months: an export of so many days to the newest is made of each meter, as Green Button XML."""


async def prerender(request: Request) -> Response:
    """`POST /prerender?username=U`: 204 once that customer's documents are there to hand out."""
    portal = portal_of(request)
    if not portal.prerenders:
        return not_found(request)
    username = normalise(request.query_params.get("username", ""))
    customer = find_customer(username)
    if customer is None:
        sentence = f"Nobody here is called {username!r}; name a customer with ?username=.\n"
        return PlainTextResponse(sentence, 404)
    for make in _documents(portal, customer):
        make()
        await asyncio.sleep(0)  # others are served in between
    return Response(status_code=204)


def _documents(portal: Portal, customer: Customer) -> Iterator[Callable[[], bytes]]:
    first, last = readings_span(portal.today)
    start = max(first, last - timedelta(days=DAYS - 1))
    for account in customer.accounts:
        for place, bill in enumerate(bills(account, portal.today)):
            yield partial(bill_content, portal, customer, place, bill)
        for meter in account.meters:
            if not meter.new:
                wanted = Export(account, meter, start, last, "xml", to_newest=True)
                yield partial(export_content, portal, wanted)
