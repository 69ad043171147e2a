"""Opower's JSON APIs, for bearer tokens that a company's portal hands out."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from itsdangerous import BadSignature, URLSafeSerializer
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from meterfarm.fake_utility._opower.customers import Household
from meterfarm.fake_utility._opower.usage import Window, as_cost, as_interval, as_usage, instant, reads
from meterfarm.fake_utility.kit.accounts import Account, Meter
from meterfarm.fake_utility.kit.state import PortalState

_APIS = "/ei/edge/apis"
_TOKEN_SECONDS = 1200
_LONGEST = timedelta(days=28)
_LONGEST_FINE = timedelta(days=8)
_LONGEST_BY_DAY = timedelta(days=366)
_TYPES = {"electric": "ELEC", "gas": "GAS"}
_STREAM_STEPS = {"QUARTER_HOUR": "quarter_hour", "HALF_HOUR": "half_hour", "HOUR": "hour", "DAY": "day"}
View = Callable[["OpowerApis", Household, Request], Awaitable[Response]]


def as_json(data: object, status: int = 200) -> Response:
    """JSON, with numbers as they are."""
    return Response(_written(data), status, {"Cache-Control": "no-store"}, media_type="application/json")


def _written(data: object) -> str:
    """With decimals by their own digits."""
    if isinstance(data, Decimal):
        return f"{data:f}"
    if isinstance(data, Mapping):
        return "{" + ", ".join(f"{json.dumps(name)}: {_written(part)}" for name, part in data.items()) + "}"
    if isinstance(data, list | tuple):
        return "[" + ", ".join(map(_written, data)) + "]"
    return json.dumps(data)


def refused(status: int, error: str, description: str) -> Response:
    """An error as the gateway writes it."""
    return as_json({"error": error, "error_description": description}, status)


def uuid_of(kind: str, name: str) -> str:
    """The uuid of something."""
    return str(uuid5(NAMESPACE_URL, f"{kind}/{name}"))


@dataclass(frozen=True, slots=True)
class Service:
    """A meter of an account: what Opower calls a utility account."""

    account: Account
    meter: Meter

    @property
    def uuid(self) -> str:
        """Its own."""
        return uuid_of("service", self.meter.id)


class OpowerApis:
    """Those of one company: `code` is what it is called in addresses."""

    def __init__(self, state: PortalState[Household], key: bytes, code: str, zone: ZoneInfo) -> None:
        self.state = state
        self.code = code
        self.zone = zone
        self._tokens = URLSafeSerializer(key, salt=f"opower {code}")

    def token(self, username: str) -> str:
        """What lets its bearer in for twenty minutes."""
        return str(self._tokens.dumps([username, self._now() + _TOKEN_SECONDS]))

    def bearer(self, request: Request) -> Household | None:
        """Who asks, if their token still holds."""
        try:
            username, until = self._tokens.loads(
                request.headers.get("authorization", "").removeprefix("Bearer ")
            )
        except (BadSignature, ValueError):
            return None
        if until < self._now() or username in self.state.memory.lost:
            return None
        return self.state.find(username)

    def _now(self) -> int:
        return int(self.state.clock.now().timestamp())

    def routes(self) -> list[Route]:
        """Below the company's host at Opower."""
        usage = f"{_APIS}/DataBrowser-v1/cws"
        views: Mapping[str, View] = {
            f"{_APIS}/multi-account-v1/cws/{self.code}/customers": _customers,
            f"{usage}/cost/utilityAccount/{{uuid}}": _costs,
            f"{usage}/utilities/{self.code}/utilityAccounts/{{uuid}}/reads": _usage,
        }
        gets = [Route(path, self._view(view)) for path, view in views.items()]
        graph = Route(f"{_APIS}/dsm-graphql-v1/cws/graphql", self._view(_graphql), methods=["POST"])
        return [*gets, graph]

    def _view(self, view: View) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            household = self.bearer(request)
            if household is None:
                return refused(401, "invalid token", "The token has expired.")
            self.state.counters.of(household.username).pages += 1
            return await view(self, household, request)

        return endpoint

    def service(self, household: Household, uuid: str) -> Service | None:
        """The customer's own with this uuid."""
        return next((service for service in services(household) if service.uuid == uuid), None)


def services(household: Household) -> list[Service]:
    """All that a customer has."""
    return [Service(account, meter) for account in household.accounts for meter in account.meters]


async def _customers(apis: OpowerApis, household: Household, request: Request) -> Response:
    if not household.accounts:
        return refused(403, "no active accounts", "There are no active accounts")
    if household.oddities.redesigned_bills:
        return as_json({"clients": []})
    accounts = [
        {
            "uuid": service.uuid,
            "preferredUtilityAccountId": service.account.number,
            "utilityAccountId": service.account.number,
            "meterType": _TYPES[service.meter.commodity],
            "readResolution": household.resolution if service.meter.commodity == "electric" else "HOUR",
        }
        for service in services(household)
    ]
    customer = uuid_of("customer", household.username)
    return as_json({"customers": [{"uuid": customer, "utilityAccounts": accounts}], "total": 1})


def _window(apis: OpowerApis, request: Request) -> Window | None:
    """What is asked for; None if it is more than may be, or nothing that can be read.

    The whole of the last day is meant, as 24 hours.
    """
    asked = request.query_params
    try:
        start, end = instant(asked["startDate"], apis.zone), instant(asked["endDate"], apis.zone)
    except (KeyError, ValueError):
        return None
    aggregate = asked.get("aggregateType", "")
    longest = {"day": _LONGEST_BY_DAY, "hour": _LONGEST}.get(aggregate, _LONGEST_FINE)
    end += timedelta(days=1)
    return Window(start, end, aggregate) if timedelta() < end - start <= longest else None


async def _costs(apis: OpowerApis, household: Household, request: Request) -> Response:
    if household.costs == "refused":
        return PlainTextResponse("Internal Server Error", 500)
    return _reads(apis, household, request, with_costs=True)


async def _usage(apis: OpowerApis, household: Household, request: Request) -> Response:
    return _reads(apis, household, request, with_costs=False)


def _reads(apis: OpowerApis, household: Household, request: Request, *, with_costs: bool) -> Response:
    service, window = apis.service(household, request.path_params["uuid"]), _window(apis, request)
    if service is None:
        return refused(404, "not found", "There is no such account.")
    if window is None:
        return refused(400, "bad request", "Provided range must be shorter.")
    if service.meter.new:
        return as_json({"reads": []})
    found = reads(household, service.meter, window, apis.zone, apis.state.today)
    apis.state.served_export(household)
    if with_costs:
        return as_json({"reads": [as_cost(household, read, apis.zone) for read in found]})
    return as_json({"reads": [as_usage(read, apis.zone) for read in found]})


async def _graphql(apis: OpowerApis, household: Household, request: Request) -> Response:
    asked = json.loads(await request.body())
    query, variables = str(asked.get("query", "")), asked.get("variables") or {}
    if "OpowerRegisterReads" in query:
        return as_json(_streams(apis, household, variables))
    if "OpowerRegisters" in query:
        return as_json(_agreements([_registers(service) for service in services(household)]))
    if "GetBillForecast" in query:
        return as_json(_forecasts(household))
    return as_json({"errors": [{"message": "this query is not known here"}]})


def _agreements(nodes: list[dict[str, Any]]) -> dict[str, Any]:
    edges = [{"node": node} for node in nodes]
    return {"data": {"billingAccountByAuthContext": {"serviceAgreementsConnection": {"edges": edges}}}}


def _registers(service: Service) -> dict[str, Any]:
    both = service.meter.directions == ("delivered", "received")
    names = ("DELIVERED", "RECEIVED") if both else ("NET_USAGE",)
    registers = [{"serviceQuantityIdentifier": name, "unitOfMeasure": "KWH"} for name in names]
    point = {"uuid": uuid_of("point", service.meter.id), "registers": registers}
    return {
        "utilityId": service.account.number,
        "serviceType": "ELECTRICITY" if service.meter.commodity == "electric" else "GAS",
        "servicePointsConnection": {"edges": [{"node": point}]},
    }


def _streams(apis: OpowerApis, household: Household, variables: Mapping[str, Any]) -> dict[str, Any]:
    found = [one for one in services(household) if uuid_of("point", one.meter.id) == variables.get("spUuid")]
    if not found:
        return _agreements([])
    start, _, end = str(variables["timeInterval"]).partition("/")
    window = Window(
        instant(start, apis.zone), instant(end, apis.zone), _STREAM_STEPS[str(variables["resolution"])]
    )
    rows = reads(household, found[0].meter, window, apis.zone, apis.state.today)
    streams = {
        "energyDelivered": [{"reads": [as_interval(row, row.imported, apis.zone) for row in rows]}],
        "energyReceived": [{"reads": [as_interval(row, row.exported, apis.zone) for row in rows]}],
    }
    return _agreements([{"servicePointsConnection": {"edges": [{"node": {"readStreams": streams}}]}}])


def _forecasts(household: Household) -> dict[str, Any]:
    edges = [
        {
            "node": {
                "billForecast": {
                    "timeInterval": "2026-11-01T00:00:00-04:00/2026-12-01T00:00:00-05:00",
                    "currentDateTime": "2026-11-15T00:00:00-05:00",
                    "segments": [
                        {
                            "serviceAgreement": {"uuid": service.uuid},
                            "estimatedUsage": {
                                "value": 1,
                                "unit": "KWH" if service.meter.commodity == "electric" else "TH",
                            },
                        }
                        for service in services(household)
                    ],
                }
            }
        }
    ]
    return {"data": {"billingAccountsConnection": {"edges": edges}}}
