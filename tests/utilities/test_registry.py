"""A utility that cannot be loaded stops nothing but its own runs, and everything says which one it is."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from meterfarm.fake_utility.running import FakeUtility
from meterfarm.records import CustomerState, Outcome, RunKind, RunState, SecretKind
from meterfarm.storage.customers import Customer
from meterfarm.storage.runs import RunInfo
from meterfarm.utilities import load_utilities, utility_ids
from tests.farm.scraped import Scraped, free_ports
from tests.farm.whole import PASSWORD, Farm, farm_at
from tests.utilities.other_package import distribution, environment_of, package_with, ran

ADA = "ada@speculoos.example"
CANARY = "canary-of-the-environment"
_SCRIPT = """
from meterfarm.utilities.speculoos_power.script import SpeculoosPower
class Other(SpeculoosPower):
    {body}
UTILITY = Other()
"""
BROKEN = {
    "raises_power": "RuntimeError: no key canary",
    "exits_power": "SystemExit: 3 (__init__.py line 2)",
    "lacks_power": "ModuleNotFoundError: No module named 'no_such_library' (__init__.py line 1)",
    "misspelt_power": "SyntaxError: ",
    "empty_power": "has no UTILITY that is an instance",
    "undeclared_power": "it does not declare verified",
    "wrong_power": "its hosts is not as declared: ",
    "vague_power": "ValueError: A Sign that means “inside” names nothing to recognise it by; give it a text,"
    " heading, role, address or pointer. (__init__.py line 3)",
    "Loud_Power": "an id has only lowercase letters, digits and underscores",
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return package_with(
        tmp_path_factory.mktemp("package"),
        {
            "_shared": {"__init__.py": "raise RuntimeError('imported by nobody')\n"},
            "__init": {"__init__.py": ""},
            "raises_power": {
                "__init__.py": "import os\n"
                "raise RuntimeError('no key canary ' + os.environ['A_SECRET'] + '\\n' + 'x' * 9999)\n"
            },
            "exits_power": {"__init__.py": "import sys\nsys.exit(3)\n"},
            "lacks_power": {"__init__.py": "import no_such_library\n"},
            "misspelt_power": {"__init__.py": "def\n"},
            "empty_power": {"__init__.py": ""},
            "undeclared_power": {
                "__init__.py": _SCRIPT.format(
                    body="""@property
    def verified(self): raise AttributeError"""
                )
            },
            "wrong_power": {"__init__.py": _SCRIPT.format(body="hosts = 'www.example.com'")},
            "vague_power": {
                "__init__.py": "from meterfarm.scrapers.outcomes import Sign\n\nSIGN = Sign('inside')\n"
            },
            "Loud_Power": {"__init__.py": _SCRIPT.format(body="pass")},
            "hello_power": {"__init__.py": _SCRIPT.format(body="refresh_transport = 'impersonated'")},
            "well_power": {
                "__init__.py": _SCRIPT.format(body="pass"),
                "layouts.py": "LAYOUTS = ('a layout',)\n",
            },
        },
    ) | {"A_SECRET": CANARY}


def without(module: str, folder: Path) -> str:
    """A folder that comes first on the path, and whoever starts with it cannot import this module."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(f"import sys\nsys.modules[{module!r}] = None\n")
    return str(folder)


def test_folders_that_fail_are_listed_with_the_reason_and_others_work(environment: dict[str, str]) -> None:
    """A folder whose name begins with an underscore is no utility, and is not imported."""
    listed = ran(environment, "-m", "meterfarm.cli", "utilities")
    assert listed.returncode == 0, listed.stderr
    by_id = {one["id"]: one for one in _with_script(listed.stdout)}
    assert set(by_id) == {*BROKEN, *utility_ids(), "well_power", "hello_power"}
    assert {name for name, one in by_id.items() if one["status"] == "broken"} == set(BROKEN)
    for name, reason in BROKEN.items():
        assert reason in by_id[name]["evidence"], name
        assert len(by_id[name]["evidence"]) < 400
        assert "\n" not in by_id[name]["evidence"]
    assert CANARY not in listed.stdout + listed.stderr


def _with_script(listed: str) -> list[dict[str, str]]:
    rows = csv.DictReader(listed.splitlines(), delimiter="\t")
    return [row for row in rows if row["status"] != "not_supported"]


def test_the_id_is_the_folders_name_whatever_a_script_inherits(environment: dict[str, str]) -> None:
    code = """from meterfarm.utilities import *
from meterfarm.utilities import load_layouts, load_utility
print(load_utility("well_power").id, load_utility("speculoos_power").id, load_layouts("well_power")[0])"""
    assert ran(environment, "-c", code).stdout == "well_power speculoos_power a layout\n"


def test_the_doctor_says_which_is_broken(environment: dict[str, str], tmp_path: Path) -> None:
    found = ran(environment | {"METERFARM_HOME": str(tmp_path)}, "-m", "meterfarm.cli", "doctor", "--json")
    failed = {one["check"] for one in json.loads(found.stdout) if one["health"] == "failed"}
    assert {f"utility {name}" for name in BROKEN} <= failed
    assert not {"utility speculoos_power", "utility well_power"} & failed
    assert found.returncode != 0
    assert CANARY not in found.stdout + found.stderr


def test_a_scrape_of_it_is_refused_in_a_sentence(environment: dict[str, str], tmp_path: Path) -> None:
    arguments = ["scrape", "raises_power", "--username", "a@b.example", "--password-stdin"]
    found = ran(environment | {"METERFARM_HOME": str(tmp_path)}, "-m", "meterfarm.cli", *arguments)
    assert found.returncode == 1
    assert found.stderr.startswith("meterfarm: The utility “raises_power” cannot be loaded: RuntimeError")
    assert CANARY not in found.stdout + found.stderr


def test_the_nightly_says_which_is_broken(environment: dict[str, str], tmp_path: Path) -> None:
    """Of the matrix, and beside it. The customers' part is tested elsewhere."""
    code = """
import asyncio, sys
from pathlib import Path
from meterfarm.farm.workers.supervisor import workers_zygote
from meterfarm.nightly.tonight import spend
with workers_zygote() as zygote:
    night = asyncio.run(spend(zygote, [], Path(sys.argv[1]), print))
print(night.is_well, *(violation for portal in night.portals for violation in portal.violations), sep="\\n")
"""
    found = ran(environment, "-c", code, str(tmp_path))
    first, *violations = found.stdout.splitlines()
    assert first == "False", found.stderr
    assert len(violations) == len(BROKEN)
    for name in BROKEN:
        assert any(f"“{name}” cannot be loaded" in violation for violation in violations)


@pytest.mark.timeout(240)
def test_workers_and_the_scheduler_go_on(environment: dict[str, str], tmp_path: Path) -> None:
    """Its runs end ``internal`` and count against nobody; others' runs are done, and refreshes are queued.

    One whose client needs an extra that is not installed names it, and waits for a worker that has it.
    """
    path = f"{without('curl_cffi', tmp_path / 'site')}:{environment['PYTHONPATH']}"
    scraped = Scraped(free_ports(1))
    with (
        FakeUtility(home=tmp_path / "portal") as at,
        farm_at(tmp_path / "home", at.http["speculoos_power"], METERFARM_METRICS=scraped.setting) as farm,
        (tmp_path / "log").open("w+b") as log,
    ):
        connecting = farm.store.customers.add("raises_power", ADA, secrets={SecretKind.PASSWORD: PASSWORD})
        due = farm.store.customers.ensure("raises_power", "due@speculoos.example")
        _make_due(farm, due)
        other = farm.add("bad_credentials@speculoos.example")
        urls = ",".join(f"{name}={farm.url}" for name in ("speculoos_power", "hello_power"))
        hello = farm.store.customers.add("hello_power", ADA, secrets={SecretKind.PASSWORD: PASSWORD})
        workers = subprocess.Popen(
            [sys.executable, "-P", "-m", "meterfarm.cli", "worker", "--processes", "1"],
            env={
                **farm.environment,
                **environment,
                "PYTHONPATH": path,
                "METERFARM_PORTAL_URLS": urls,
            },
            stdout=log,
            stderr=log,
            cwd=tmp_path,
        )
        try:
            outcomes = {
                customer.username: farm.wait(lambda: _ended(farm, customer), 90).outcome  # noqa: B023
                for customer in (connecting, due, other)
            }
            lacking = farm.wait(lambda: _broke_off(farm, hello), 90)
            broken = scraped.by("meterfarm_utility_broken", "utility")
        finally:
            workers.send_signal(signal.SIGTERM)
            workers.wait(30)
        assert outcomes == {
            connecting.username: Outcome.INTERNAL,
            due.username: Outcome.INTERNAL,
            other.username: Outcome.BAD_CREDENTIALS,
        }
        assert lacking == (
            "A portal that wants the TLS hello of a browser needs the extra `impersonate`: "
            "pip install 'meterfarm[impersonate]'."
        )
        assert "“raises_power” cannot be loaded: RuntimeError" in farm.last(connecting).message
        assert not farm.store.farm.breakers.open()
        assert {info.state for info in farm.store.customers.list() if info.utility == "raises_power"} == {
            CustomerState.ACTIVE
        }
        [again] = [run for run in farm.store.runs.list(active=True) if run.customer_id != hello.id]
        assert (again.customer_id, again.kind, again.why) == (
            connecting.id,
            RunKind.CONNECT,
            "retry after internal",
        )
        assert {name for (name,) in broken} == set(BROKEN), "those that are not 0"
        said = (tmp_path / "log").read_text(encoding="utf-8")
        assert '"event": "utility.broken"' in said
        assert CANARY not in said + farm.last(connecting).message


def _make_due(farm: Farm, customer: Customer) -> None:
    query = "UPDATE customer SET state = 'active', intervals_due_at = '2026-01-01 00:00:00' WHERE id = :id"
    with farm.store.farm._farm.database.engine.begin() as connection:
        connection.execute(text(query), {"id": customer.id})


def _broke_off(farm: Farm, customer: Customer) -> str:
    """Why the customer's run was queued again, "" as long as it was not."""
    [run] = farm.runs(customer)
    story = farm.store.runs.story(run.id)
    steps = story.steps if story is not None else ()
    return next((step.detail for step in steps if "extra" in step.detail), "")


def _ended(farm: Farm, customer: Customer) -> RunInfo | None:
    return next((run for run in farm.runs(customer) if run.state is RunState.ENDED), None)


OTHERS = {
    "acme/__init__.py": _SCRIPT.format(body="name = 'Acme Power'"),
    "acme/layouts.py": "LAYOUTS = ('of acme',)\n",
    "acme/gas.py": _SCRIPT.format(body="name = 'Acme Gas'").replace("UTILITY", "THE_GAS"),
    "acme/bad.py": "1 / 0\n",
}


def test_a_utility_of_another_distribution_is_found(tmp_path: Path) -> None:
    """By a module or an object; one that fails or takes a built-in id is named, and stops nothing."""
    points = {
        "acme_power": "acme",
        "acme_gas": "acme.gas:THE_GAS",
        "acme_bad": "acme.bad",
        "acme_none": "acme.none:UTILITY",
        "Acme-Loud": "acme",
        "_acme": "acme.bad",
        "speculoos_power": "acme",
    }
    distribution(tmp_path, "acme_meters", points, OTHERS)
    distribution(tmp_path, "also_meters", {"twice": "acme"}, {})
    distribution(tmp_path, "more_meters", {"twice": "acme"}, {})
    environment = environment_of(tmp_path)
    listed = ran(environment, "-m", "meterfarm.cli", "utilities")
    assert listed.returncode == 0, listed.stderr
    utilities = _with_script(listed.stdout)
    well = {one["id"]: one["name"] for one in utilities if one["status"] != "broken"}
    assert well == {
        "acme_gas": "Acme Gas",
        "acme_power": "Acme Power",
        **{utility.id: utility.name for utility in load_utilities()},
    }
    reasons = {one["id"]: one["evidence"] for one in utilities if one["status"] == "broken"}
    assert reasons == {
        "Acme-Loud": "an id has only lowercase letters, digits and underscores, at most 64",
        "acme_bad": "ZeroDivisionError: division by zero (bad.py line 1)",
        "acme_none": "ModuleNotFoundError: No module named 'acme.none'",
        "speculoos_power": "the entry point of acme_meters has an id that is built in",
        "twice": "several entry points have this id (also_meters and more_meters)",
    }
    code = """from meterfarm.utilities import load_layouts, load_utility
for name in ("acme_power", "acme_gas", "speculoos_power"):
    print(load_utility(name).id, type(load_utility(name)).__module__, *load_layouts(name))"""
    assert ran(environment, "-c", code).stdout.splitlines() == [
        "acme_power acme of acme",
        "acme_gas acme.gas of acme",
        "speculoos_power meterfarm.utilities.speculoos_power.script",
    ]


_INVENTED = {
    "acme/script.py": """
from meterfarm.utilities.speculoos_power.script import SpeculoosPower
class Acme(SpeculoosPower):
    id, name, home, local_url = "acme_power", "Acme Power", "https://acme.example", ""
UTILITY = Acme()
""",
    "acme/fake.py": """
from dataclasses import replace
from meterfarm.fake_utility.speculoos_power import PORTAL
ACME = replace(PORTAL, id="acme_power", name="Acme Power", hosts=("acme.example",))
""",
}


def test_a_utility_and_its_fake_portal_are_shipped_together(tmp_path: Path) -> None:
    """Two entry points are all: the portal is listed, served at its own https name, and visited there."""
    shipped = {"acme_power": "acme.script"}, _INVENTED, {"acme_power": "acme.fake:ACME"}
    distribution(tmp_path, "acme_meters", *shipped)
    environment = {**environment_of(tmp_path), "METERFARM_HOME": str(tmp_path / "home")}
    listed = ran(environment, "-m", "meterfarm.cli", "fake", "--list", "--json")
    gas = "gas-only@bayou.energy"
    assert ("acme_power", gas) in [(row["utility"], row["username"]) for row in json.loads(listed.stdout)]
    given = ("--username", gas, "--password-stdin", "--since", "2026-11-01", "--out", str(tmp_path / "out"))
    scraped = ran(
        environment, "-m", "meterfarm.cli", "scrape", "acme_power", "--fake", *given, "--json", stdin="x\n"
    )
    assert scraped.returncode == 0, scraped.stderr
    assert json.loads(scraped.stdout)["accounts"][0]["meters"][0]["readings"] > 0
