"""The commands `api` and `key` and their options."""

from __future__ import annotations

from typing import Annotated

import typer

from meterfarm.console.command_help import Panel, command, group
from meterfarm.console.customers.customer_commands import Json
from meterfarm.console.exit_status import run_to_end

key_app = group("Manage the keys of the API; each opens one company's test or live side.")


def declare(app: typer.Typer) -> None:
    """Add them to the command."""
    command(app, panel=Panel.HOST, examples=["api", "api --host 0.0.0.0 --port 8700 --processes 4"])(api)
    app.add_typer(key_app, name="key", rich_help_panel=Panel.FARM)


def api(
    port: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="The port; 0 takes any.")] = 8601,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="The address to listen on.")] = "127.0.0.1",
    processes: Annotated[
        int, typer.Option(metavar="N", min=1, max=256, help="How many serve it; one a core is plenty.")
    ] = 1,
) -> None:
    """Serve the API until stopped."""
    from meterfarm.console.api.server import api_zygote, serve_api, serve_by_several

    if processes > 1:
        with api_zygote() as zygote:
            raise typer.Exit(run_to_end(serve_by_several(zygote, host, port, processes)))
    raise typer.Exit(run_to_end(serve_api(host, port)))


@command(
    key_app,
    company=True,
    note="The key is shown once, and kept as a hash only.",
    examples=["key create", "key create --company acme --live --name billing --json"],
)
def create(
    name: Annotated[str, typer.Option(metavar="NAME", help="What the key is for.")] = "",
    as_json: Json = False,
) -> None:
    """Make a key, and show it."""
    from meterfarm.console.api import keys

    raise typer.Exit(run_to_end(keys.create(name, as_json=as_json)))


@command(key_app, "list", company=True, examples=["key list", "key list --live --json"])
def list_(as_json: Json = False) -> None:
    """List keys; of each only how it begins."""
    from meterfarm.console.api import keys

    raise typer.Exit(run_to_end(keys.list_all(as_json=as_json)))


@command(key_app, company=True, examples=["key revoke 3"])
def revoke(
    key_id: Annotated[int, typer.Argument(metavar="ID", help="The key's number.")], as_json: Json = False
) -> None:
    """Let a key open nothing any more."""
    from meterfarm.console.api import keys

    raise typer.Exit(run_to_end(keys.revoke(key_id, as_json=as_json)))
