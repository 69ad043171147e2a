"""Where the state lives, read once from the environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Frozen. ``database_url`` may carry a password, so it masks itself like the keys.

    ``secret_keys`` are urlsafe base64 keys of 32 bytes, comma separated: the first encrypts, all decrypt.
    They are required with ``database_url``; without it a key file in ``home`` is made at first use.
    """

    model_config = SettingsConfigDict(
        frozen=True, env_ignore_empty=True, populate_by_name=True, hide_input_in_errors=True, extra="ignore"
    )

    home: Path = Field(default=Path(".meterfarm"), validation_alias="METERFARM_HOME")
    database_url: SecretStr = Field(default=SecretStr(""), validation_alias="DATABASE_URL")
    secret_keys: SecretStr = Field(default=SecretStr(""), validation_alias="METERFARM_SECRET_KEYS")
