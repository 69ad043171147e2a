"""What a test or a benchmark asks the portal itself: its counters, and the faults to have."""

from ipaddress import ip_address
from json import JSONDecodeError

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from meterfarm.fake_utility.faults import BadFaults, parse_faults
from meterfarm.fake_utility.speculoos.portal import portal_of


async def stats(request: Request) -> Response:
    """Counters as JSON."""
    return JSONResponse(portal_of(request).counters.as_json())


async def faults(request: Request) -> Response:
    """`GET` tells which faults are on; `POST` puts others in their place, `{}` none."""
    if request.client is None or not ip_address(request.client.host).is_loopback:
        return PlainTextResponse("Faults are switched from this machine only.\n", 403)
    switch = portal_of(request).switch
    if request.method == "POST":
        try:
            switch.set(parse_faults(await request.json()))
        except (BadFaults, JSONDecodeError, UnicodeDecodeError) as exc:
            return PlainTextResponse(f"These are no faults: {exc}\n", 400)
    return JSONResponse(switch.on.as_json())
