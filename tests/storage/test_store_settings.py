"""Settings come from the variables that are documented, and from no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from meterfarm.storage.settings import Settings


def test_state_is_in_the_working_directory_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """The person's own HOME is no state directory, and other programs' variables are not ours."""
    for name in ("METERFARM_HOME", "METERFARM_SECRET_KEYS", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "SECRET_KEYS"):
        monkeypatch.setenv(name, "/somewhere/else")
    settings = Settings()
    assert settings.home == Path(".meterfarm")
    assert settings.secret_keys.get_secret_value() == ""
    assert settings.database_url.get_secret_value() == ""


def test_each_documented_variable_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("METERFARM_HOME", str(tmp_path))
    monkeypatch.setenv("METERFARM_SECRET_KEYS", "one,two")
    monkeypatch.setenv("DATABASE_URL", "sqlite:///x.db")
    settings = Settings()
    assert settings.home == tmp_path
    assert settings.secret_keys.get_secret_value() == "one,two"
    assert settings.database_url.get_secret_value() == "sqlite:///x.db"
    assert Settings(home=tmp_path / "other").home == tmp_path / "other"
