"""Where AWS's tools look for keys, region and endpoint: the environment, then the files in ``~/.aws``."""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from storage.errors import StorageError

if TYPE_CHECKING:
    from obstore.store import S3Config

_FILES = {
    "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials",
    "AWS_CONFIG_FILE": "~/.aws/config",
}
_KEYS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
_DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class AwsOptions:
    """``config`` is what the environment does not say; without keys, the machine's role is asked."""

    config: S3Config = field(repr=False)
    allow_http: bool


def aws_options() -> AwsOptions:
    """The keys of the environment, else those of the profile (``AWS_PROFILE``) in the files."""
    profile = _profile(os.environ.get("AWS_PROFILE") or "default")
    said = {name: os.environ.get(name.upper()) or "" for name in (*_KEYS, "aws_region")}
    config: dict[str, str] = {}
    if not said["aws_access_key_id"]:
        config |= {name: profile[name] for name in _KEYS if profile.get(name)}
    if not said["aws_region"]:
        region = os.environ.get("AWS_DEFAULT_REGION") or profile.get("region") or _DEFAULT_REGION
        config["aws_region"] = region
    endpoint = (
        os.environ.get("AWS_ENDPOINT_URL_S3")
        or os.environ.get("AWS_ENDPOINT_URL")
        or profile.get("endpoint_url", "")
    )
    if endpoint:
        config["aws_endpoint"] = endpoint.rstrip("/")
    return AwsOptions(cast("S3Config", config), endpoint.startswith("http://"))


def _profile(name: str) -> Mapping[str, str]:
    """What the files say of the profile."""
    found: dict[str, str] = {}
    for variable, usual in _FILES.items():
        path = Path(os.environ.get(variable) or usual).expanduser()
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError) as exc:
            raise StorageError(f"{path} is not a file of AWS's ({type(exc).__name__}).") from None
        for section in (name, f"profile {name}"):
            if parser.has_section(section):
                found |= dict(parser.items(section))
    return found
