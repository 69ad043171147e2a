"""The units for systemd: what they start is there, and what they set is read."""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path

import pytest

from meterfarm.farm.settings import FarmSettings
from meterfarm.storage.settings import Settings

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
_OPT = "/opt/meterfarm"


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_what_a_unit_names_is_there(unit: Path) -> None:
    parsed = ConfigParser(interpolation=None, strict=True)
    parsed.optionxform = str  # type: ignore[assignment, method-assign] # as configparser documents it
    parsed.read_string(unit.read_text(encoding="utf-8"))
    service = parsed["Service"]
    assert set(parsed) == {"DEFAULT", "Unit", "Service", "Install"}
    words = service["ExecStart"].split()
    assert (ROOT / words[0].removeprefix(f"{_OPT}/")).is_file()
    assert words[1:4] == [f"{_OPT}/.venv/bin/python", "-m", "meterfarm.cli"]
    assert words[4] in ("api", "worker", "inbox")
    for document in parsed["Unit"]["Documentation"].split():
        assert (ROOT / document.removeprefix(f"file:{_OPT}/")).is_file()
    known = {
        str(field.validation_alias or f"METERFARM_{name.upper()}")
        for settings in (Settings, FarmSettings)
        for name, field in settings.model_fields.items()
    }
    given = {pair.partition("=")[0] for pair in service["Environment"].split()}
    assert given - {"PYTHONPATH", "PUBLIC_URL"} <= known
    assert service["User"] == "meterfarm"
    assert service["NoNewPrivileges"] == "yes"
    assert service["CapabilityBoundingSet"] == ""
    assert f"/var/lib/{service['StateDirectory']}" in service["Environment"]
    assert "PASSWORD" not in unit.read_text()


def test_there_are_units_for_api_inbox_and_workers() -> None:
    assert [unit.name for unit in UNITS] == [
        f"meterfarm-{which}.service" for which in ("api", "inbox", "worker")
    ]
