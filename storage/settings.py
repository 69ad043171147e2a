"""Where the state lives, read once from the environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from meterfarm.support.environment import state_directory


class Settings(BaseSettings):
    """Frozen. ``database_url`` may carry a password, so it masks itself like the keys.

    ``secret_keys`` are urlsafe base64 keys of 32 bytes, comma separated: the first encrypts, all decrypt.
    They are required with ``database_url``; without it a key file in ``home`` is made at first use.
    ``files_url`` is s3://bucket/prefix for files in a bucket, "" for files in ``home``.
    ``home`` has its ``~`` expanded; MachineError if that names no user's home.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        env_prefix="METERFARM_",
        env_ignore_empty=True,
        populate_by_name=True,
        hide_input_in_errors=True,
        extra="ignore",
    )

    home: Path = Path(".meterfarm")
    database_url: SecretStr = Field(default=SecretStr(""), validation_alias="DATABASE_URL")
    secret_keys: SecretStr = SecretStr("")
    files_url: str = Field(default="", validation_alias="FILES_URL")

    @field_validator("home")
    @classmethod
    def _expand(cls, home: Path) -> Path:
        return state_directory(home)
