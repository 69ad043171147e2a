"""The commands `webhooks` and their options."""

from __future__ import annotations

from typing import Annotated

import typer

from meterfarm.console.command_help import Panel, command, group
from meterfarm.console.customers.customer_commands import Json
from meterfarm.console.exit_status import run_to_end
from meterfarm.records import EventKind

webhooks_app = group("Deliver events to a company's own programs.")
endpoint_app = group("Manage the addresses that events are posted to.")
webhooks_app.add_typer(endpoint_app, name="endpoint")

EndpointId = Annotated[int, typer.Argument(metavar="ID", help="The endpoint's number.")]
Endpoint = Annotated[int | None, typer.Option("--endpoint", metavar="ID", help="Only this endpoint's.")]
Kinds = Annotated[
    list[EventKind] | None,
    typer.Option("--event", metavar="KIND", help="Only these, as new_bill; several times."),
]
Private = Annotated[
    bool | None,
    typer.Option("--private/--no-private", help="It may be on this machine or in a private network."),
]


def declare(app: typer.Typer) -> None:
    """Add them to the command."""
    app.add_typer(webhooks_app, name="webhooks", rich_help_panel=Panel.FARM)


@command(
    endpoint_app,
    "add",
    company=True,
    note="The secret verifies what is posted, by Standard Webhooks; it is shown once.",
    examples=[
        "webhooks endpoint add https://example.com/meterfarm",
        "webhooks endpoint add http://127.0.0.1:9000/hook --private --event new_bill --json",
    ],
)
def endpoint_add(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where events are posted to, by https.")],
    event: Kinds = None,
    private: Private = None,
    as_json: Json = False,
) -> None:
    """Add an endpoint for the events from now on."""
    from meterfarm.console.webhooks import endpoints

    raise typer.Exit(run_to_end(endpoints.add(url, event or (), private=bool(private), as_json=as_json)))


@command(endpoint_app, "list", company=True, examples=["webhooks endpoint list --json"])
def endpoint_list(as_json: Json = False) -> None:
    """List the endpoints and how they do."""
    from meterfarm.console.webhooks import endpoints

    raise typer.Exit(run_to_end(endpoints.list_all(as_json=as_json)))


@command(
    endpoint_app,
    "set",
    company=True,
    examples=["webhooks endpoint set 1 --url https://example.com/new", "webhooks endpoint set 1 --pause"],
)
def endpoint_set(
    endpoint_id: EndpointId,
    url: Annotated[str | None, typer.Option(metavar="URL", help="Another address.")] = None,
    event: Kinds = None,
    private: Private = None,
    active: Annotated[
        bool | None,
        typer.Option("--resume/--pause", help="Send what waits there, or keep it until then."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Change an endpoint; pause it, or have it served again."""
    from meterfarm.console.webhooks import endpoints
    from meterfarm.services.webhooks import EndpointChange

    change = EndpointChange(url, event, private, active)
    raise typer.Exit(run_to_end(endpoints.change(endpoint_id, change, as_json=as_json)))


@command(endpoint_app, "rotate", company=True, examples=["webhooks endpoint rotate 1"])
def endpoint_rotate(endpoint_id: EndpointId, as_json: Json = False) -> None:
    """Make a new secret; for 48 hours the old one signs beside it."""
    from meterfarm.console.webhooks import endpoints

    raise typer.Exit(run_to_end(endpoints.rotate(endpoint_id, as_json=as_json)))


@command(endpoint_app, "remove", company=True, examples=["webhooks endpoint remove 1"])
def endpoint_remove(endpoint_id: EndpointId, as_json: Json = False) -> None:
    """Remove an endpoint, with what waits for it."""
    from meterfarm.console.webhooks import endpoints

    raise typer.Exit(run_to_end(endpoints.remove(endpoint_id, as_json=as_json)))


@command(
    webhooks_app,
    "deliveries",
    company=True,
    examples=["webhooks deliveries --failed", "webhooks deliveries --endpoint 1 --json"],
)
def deliveries(
    failed: Annotated[bool, typer.Option("--failed", help="Only those that have failed so far.")] = False,
    endpoint: Endpoint = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="How many of the newest.")] = 30,
    as_json: Json = False,
) -> None:
    """List deliveries, newest events first; with --json each attempt."""
    from meterfarm.console.webhooks import deliveries as listed

    raise typer.Exit(run_to_end(listed.list_all(endpoint, limit, failed=failed, as_json=as_json)))


@command(
    webhooks_app,
    "replay",
    company=True,
    note="Without --after and --event it is all that was parked after three days of failing.",
    examples=["webhooks replay", "webhooks replay --endpoint 1 --after 120", "webhooks replay --event 131"],
)
def replay(
    endpoint: Endpoint = None,
    after: Annotated[
        int | None, typer.Option(metavar="ID", min=0, help="All events after this one, also delivered ones.")
    ] = None,
    event: Annotated[
        list[int] | None, typer.Option(metavar="ID", min=1, help="This event; several times.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Deliver events once more."""
    from meterfarm.console.webhooks import deliveries as listed

    raise typer.Exit(run_to_end(listed.replay_some(endpoint, after, event or (), as_json=as_json)))


@command(
    webhooks_app,
    "test",
    company=True,
    note="Exit status: 0 the receiver accepted it, 1 it did not.",
    examples=["webhooks test 1", "webhooks test 1 --event new_bill"],
)
def try_endpoint(
    endpoint_id: EndpointId,
    event: Annotated[
        EventKind, typer.Option(metavar="KIND", help="Which kind of event it is.")
    ] = EventKind.CUSTOMER_HAS_FILLED_CREDENTIALS,
    as_json: Json = False,
) -> None:
    """Post a made-up event to an endpoint now, and show what it answers."""
    from meterfarm.console.webhooks import deliveries as listed

    raise typer.Exit(run_to_end(listed.send_sample(endpoint_id, event, as_json=as_json)))


@command(
    webhooks_app,
    "listen",
    company=True,
    note="It needs no endpoint, and sends each event once.",
    examples=["webhooks listen --forward-to http://127.0.0.1:9000/hook"],
)
def listen(
    forward_to: Annotated[str, typer.Option(metavar="URL", help="Where to post events.")],
    event: Kinds = None,
) -> None:
    """Forward events as they happen to a program on this machine, until Ctrl-C."""
    from meterfarm.console.webhooks.listen import forward

    raise typer.Exit(run_to_end(forward(forward_to, event or ())))
