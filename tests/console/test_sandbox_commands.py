"""`sandbox`: test tools as commands; what the portals do then is tested in tests/api/test_test_tools.py."""

from __future__ import annotations

import json

import pytest
import typer

from meterfarm.records import SecretKind
from meterfarm.storage.store import CompanyStore
from tests.console.command import Command

NOWHERE = "http://127.0.0.1:1/portals"


def test_an_event_is_fired_and_portals_that_do_not_answer_are_named(
    command: Command, store: CompanyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METERFARM_FAKE_CONTROLS", NOWHERE)
    customer = store.customers.add("speculoos_power", "ada@bayou.energy", secrets={SecretKind.PASSWORD: "x"})
    fired = command("sandbox", "fire", "run_failed", "ada@bayou.energy", "--json")
    event = store.events.after()[-1]
    assert json.loads(fired.stdout) == {"id": event.id, "event": "run_failed", "customer": customer.id}
    lacking = command("sandbox", "fire", "new_bill", str(customer.id))
    assert (lacking.status, lacking.stdout) == (2, "")
    assert "who has no data that it could be about" in lacking.stderr
    with pytest.raises(typer.BadParameter, match=r"^'nonsense' is not one of"):
        command("sandbox", "fire", "nonsense", str(customer.id))
    for arguments in (
        ("break-login", str(customer.id), "--after", "3"),
        ("mend-login", str(customer.id)),
        ("expire-session", str(customer.id), "--mfa"),
        ("portal", "Speculoos", "--down"),
    ):
        refused = command("sandbox", *arguments)
        assert (refused.status, refused.stdout) == (1, "")
        assert refused.stderr == (
            f"meterfarm: The fake portals do not answer at {NOWHERE}: start them with `up` or `fake`, or set "
            "METERFARM_FAKE_CONTROLS to where their control pages are.\n"
        )
