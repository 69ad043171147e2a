"""The commands `api`, `key` and `user` and their options."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from meterfarm.console.command_help import Panel, command, group
from meterfarm.console.customers.customer_commands import Json
from meterfarm.console.exit_status import run_to_end

key_app = group("Manage the keys of the API; each opens one company's test or live side.")


class RoleName(StrEnum):
    """As ``storage.customers.Role``, which is slow to import."""

    OWNER = "owner"
    MEMBER = "member"
    READER = "read-only"


user_app = group("Manage the people who use the dashboard.")
Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The person's e-mail address.")]


def declare(app: typer.Typer) -> None:
    """Add them to the command."""
    command(app, panel=Panel.HOST, examples=["api", "api --host 0.0.0.0 --port 8700 --processes 4"])(api)
    app.add_typer(key_app, name="key", rich_help_panel=Panel.FARM)
    app.add_typer(user_app, name="user", rich_help_panel=Panel.FARM)


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


@command(
    user_app,
    "create",
    company=True,
    note="The link is good for 7 days, and once. Roles: owner, member, read-only.",
    examples=["user create ada@acme.example", "user create bob@acme.example --company acme --role member"],
)
def create_user(
    email: Email,
    role: Annotated[RoleName, typer.Option(help="What the user may do.")] = RoleName.OWNER,
    operator: Annotated[
        bool, typer.Option("--operator", help="Also sees what is of the whole farm.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make a user, and show the link by which a password is chosen."""
    from meterfarm.console.api import users

    raise typer.Exit(run_to_end(users.create(email, role.value, is_operator=operator, as_json=as_json)))


@command(user_app, "link", note="Former links end.", examples=["user link ada@acme.example"])
def link_user(email: Email, as_json: Json = False) -> None:
    """Show a new link, for somebody who forgot the password."""
    from meterfarm.console.api import users

    raise typer.Exit(run_to_end(users.new_link(email, as_json=as_json)))


@command(user_app, "list", company=True, examples=["user list", "user list --company acme --json"])
def list_users(as_json: Json = False) -> None:
    """List the users of a company."""
    from meterfarm.console.api import users

    raise typer.Exit(run_to_end(users.list_all(as_json=as_json)))


@command(user_app, "remove", company=True, examples=["user remove bob@acme.example"])
def remove_user(email: Email, as_json: Json = False) -> None:
    """Remove a user, who is signed out everywhere."""
    from meterfarm.console.api import users

    raise typer.Exit(run_to_end(users.remove(email, as_json=as_json)))
