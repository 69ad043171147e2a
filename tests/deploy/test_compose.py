"""compose.yaml and the image's start: services that exist, secrets by files, and none anywhere else."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from meterfarm.farm.settings import FarmSettings
from meterfarm.storage.settings import Settings
from meterfarm.storage.vault import parse_keys

Start = Callable[..., subprocess.CompletedProcess[str]]
ROOT = Path(__file__).parents[2]
_SECRETS = re.compile(r"^for name in (.+?); do$", re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))


def _settings() -> set[str]:
    """The names by which the environment may set anything."""
    names = {"METERFARM_LOG", "METERFARM_BROWSER", "BROWSER_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"}
    names |= {"AWS_REGION", "AWS_ENDPOINT_URL"}
    for settings in (Settings, FarmSettings):
        for name, field in settings.model_fields.items():
            names.add(str(field.validation_alias or f"METERFARM_{name.upper()}"))
    return names


def _with_secrets() -> list[str]:
    found = _SECRETS.search((ROOT / "deploy" / "with-secrets").read_text(encoding="utf-8"))
    assert found is not None
    return found[1].replace("\\\n", " ").split()


def test_what_services_name_is_declared(compose: Any) -> None:
    for service in compose["services"].values():
        assert set(service.get("secrets", [])) <= set(compose["secrets"])
        assert set(service["networks"]) <= set(compose["networks"])
        assert {config["source"] for config in service.get("configs", [])} <= set(compose["configs"])
        assert {volume.partition(":")[0] for volume in service.get("volumes", [])} <= set(compose["volumes"])
        assert set(service.get("depends_on", {})) <= set(compose["services"])
        for dependency in service.get("depends_on", {}):
            assert "healthcheck" in compose["services"][dependency]


def test_workers_are_asked_how_they_are_as_many_as_there_are(compose: Any) -> None:
    worker = compose["services"]["worker"]
    assert worker["command"] == ["worker", "--processes", "2"]
    assert worker["healthcheck"]["test"] == ["CMD", "python", "-m", "meterfarm.farm.telemetry.health", "2"]
    assert worker["environment"]["METERFARM_HEALTH"].endswith(":-127.0.0.1:9700}")


def test_the_api_believes_this_machine_alone_and_is_asked_how_it_is(compose: Any) -> None:
    api = compose["services"]["api"]
    assert " ".join(api["command"]) == "api --host 0.0.0.0 --processes 2"
    assert api["ports"] == ["127.0.0.1:8601:8601"]
    assert "http://127.0.0.1:8601/readyz" in api["healthcheck"]["test"][-1]
    (network,) = compose["networks"]["front"]["ipam"]["config"]
    assert api["environment"]["METERFARM_TRUSTED_PROXIES"].endswith(f":-{network['gateway']}}}")
    assert [name for name, service in compose["services"].items() if "front" in service["networks"]] == [
        "api"
    ]


def test_configurations_are_files_that_are_there(compose: Any) -> None:
    for config in compose["configs"].values():
        assert (ROOT / config["file"]).is_file()


def test_what_has_a_port_is_reached_from_this_machine_alone(compose: Any) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_workers_are_set_by_names_that_are_read(compose: Any) -> None:
    """All that is of use in a container: what .env sets and none of them got would be lost without a word."""
    by_file = {f"{name}_FILE" for name in _with_secrets()}
    of_the_image = {"METERFARM_HOME", "METERFARM_BROWSER"}
    of_the_image |= {f"METERFARM_NIGHTLY_{what}" for what in ("AT", "REPORT", "LIVE", "WEBHOOK")}
    for_trials = {"METERFARM_LOCAL_HOSTS", "METERFARM_FAKE_CONTROLS"}
    for name in ("api", "worker", "command"):
        given = set(compose["services"][name]["environment"])
        assert given <= _settings() | by_file
        lacking = _settings() - given - of_the_image - for_trials
        assert all(f"{setting}_FILE" in by_file for setting in lacking), lacking


def test_every_secret_is_a_file_that_stays_out_of_git_and_of_the_image(compose: Any, tmp_path: Path) -> None:
    for name in ("with-secrets", "make-secrets"):
        assert os.access(ROOT / "deploy" / name, os.X_OK)
    assert {Path(secret["file"]).parent for secret in compose["secrets"].values()} == {Path("deploy/secrets")}
    for ignoring in (".gitignore", ".dockerignore"):
        assert "deploy/secrets" in (ROOT / ignoring).read_text().replace("secrets/", "secrets").split()
    made = tmp_path / "make-secrets"
    made.write_bytes((ROOT / "deploy" / "make-secrets").read_bytes())
    for _ in range(2):
        subprocess.run(["sh", made], check=True, capture_output=True)
    folder = tmp_path / "secrets"
    assert {file.name for file in folder.iterdir()} == set(compose["secrets"])
    assert folder.stat().st_mode & 0o777 == 0o700
    text = {file.name: file.read_text() for file in folder.iterdir()}
    assert text["postgres_password"] in text["database_url"]
    assert text["redis_password"] in text["redis_url"]
    assert parse_keys(text["secret_keys"], "made")
    (folder / "redis_password").unlink()
    done = subprocess.run(["sh", made], check=False, capture_output=True, text=True)
    assert (done.returncode, (folder / "redis_password").exists()) == (1, False)
    assert "redis_url is there and" in done.stderr
    (folder / "redis_password").write_text(text["redis_password"])
    for name, wrong, why in (
        ("redis_password", "", "is empty"),
        ("postgres_password", "a@b", "no URL takes"),
    ):
        (folder / name).write_text(wrong)
        (folder / name.replace("password", "url").replace("postgres", "database")).unlink()
        done = subprocess.run(["sh", made], check=False, capture_output=True, text=True)
        assert done.returncode == 1
        assert why in done.stderr
        (folder / name).write_text(text[name])


@pytest.fixture
def start() -> Start:
    def run(**environment: str) -> subprocess.CompletedProcess[str]:
        command: list[str | Path] = ["sh", ROOT / "deploy" / "with-secrets", "sh", "-c", "env"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    return run


def test_a_secret_comes_out_of_its_file(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("postgresql://me:p$(touch x)'\"word@there/db\n")
    done = start(DATABASE_URL_FILE=str(file), REDIS_URL="redis://as-it-was", PATH=os.environ["PATH"])
    said = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert said["DATABASE_URL"] == "postgresql://me:p$(touch x)'\"word@there/db"
    assert said["REDIS_URL"] == "redis://as-it-was"
    assert "DATABASE_URL_FILE" not in said


def test_an_editors_line_end_is_no_part_of_a_secret(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_bytes(b"redis://there\r\n")
    assert "REDIS_URL=redis://there\n" in start(REDIS_URL_FILE=str(file), PATH=os.environ["PATH"]).stdout


def test_a_file_without_a_secret_is_one_sentence(start: Start, tmp_path: Path) -> None:
    """An empty one, too: the farm would start on a database in the container, and tell nobody."""
    empty = tmp_path / "empty"
    empty.write_bytes(b"\r\n")
    wrong = {"/no/such": "cannot be read", str(tmp_path): "cannot be read", str(empty): "is empty"}
    for file, why in wrong.items():
        done = start(REDIS_URL_FILE=file, PATH=os.environ["PATH"])
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"meterfarm: REDIS_URL_FILE names {file}, which {why}.\n"


def test_the_image_has_what_it_copies_and_runs() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    ignored = set((ROOT / ".dockerignore").read_text().split())
    for needed in ("requirements.txt", "deploy", "cli.py", "records.py", "worker.py", "farm", "storage"):
        assert (ROOT / needed).exists()
        assert needed not in ignored
    assert "USER meterfarm" in text
    assert text.index("USER meterfarm") < text.index("ENTRYPOINT")
    assert "--require-hashes" in text
