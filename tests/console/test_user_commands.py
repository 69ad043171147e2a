"""Users of the dashboard by commands: made with a link, listed, given a new link, removed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from meterfarm.storage.settings import Settings
from meterfarm.storage.store import Store
from tests.console.command import Command


def _link(output: str) -> str:
    """What the link that a command printed ends in."""
    address = urlsplit(output.strip())
    assert address.path == "/dashboard/password"
    return parse_qs(address.query)["link"][0]


def test_a_user_is_made_and_gets_a_link_that_former_ones_do_not_outlive(command: Command, home: Path) -> None:
    made = _link(command("user", "create", " Ada@Acme.example ").stdout)
    (row,) = json.loads(command("user", "list", "--json").stdout)
    assert (row["email"], row["role"], row["is_invited"]) == ("ada@acme.example", "owner", True)
    again = _link(command("user", "link", "ada@acme.example").stdout)
    with Store.open(Settings(home=home)) as farm:
        found = farm.users.of_link(again)
        assert found is not None
        assert found.email == "ada@acme.example"
        assert farm.users.of_link(made) is None


def test_what_cannot_be_used_is_refused_in_a_sentence(command: Command) -> None:
    command("user", "create", "ada@acme.example", "--role", "member", "--operator")
    for arguments, reason in (
        (("create", "ada@acme.example"), "There is a user ada@acme.example already."),
        (("create", "no address"), "This is no e-mail address"),
        (("link", "bob@acme.example"), "There is no user bob@acme.example"),
        (("remove", "bob@acme.example"), "There is no user bob@acme.example"),
    ):
        ran = command("user", *arguments)
        assert ran.status == 2
        assert re.search(re.escape(reason), ran.stderr.replace("\n", " ")), ran.stderr
    assert command("user", "remove", "ADA@acme.example").status == 0
    assert json.loads(command("user", "list", "--json").stdout) == []
