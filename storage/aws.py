"""Who AWS's own library says this machine is: keys, region and endpoint, wherever botocore looks for them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from meterfarm.storage.errors import StorageError

if TYPE_CHECKING:
    from obstore.auth.boto3 import Boto3CredentialProvider
    from obstore.store import S3Config

_DEFAULT_REGION = "us-east-1"
_ASKED_AGAIN = timedelta(minutes=5)
"""Botocore renews what expires at least ten minutes before it does."""


@dataclass(frozen=True, slots=True)
class AwsOptions:
    """``config`` has region and endpoint; ``credentials`` are asked for anew before they expire."""

    config: S3Config = field(repr=False)
    credentials: Boto3CredentialProvider = field(repr=False)
    allow_http: bool


def aws_options() -> AwsOptions:
    """By the environment, the files in ``~/.aws`` (``AWS_PROFILE``), a container's or the machine's role.

    Raises:
        StorageError: no credentials are found, or a file or role cannot be used.
    """
    from botocore.exceptions import BotoCoreError
    from botocore.session import Session
    from obstore.auth.boto3 import Boto3CredentialProvider

    session = Session()
    try:
        profile = session.get_scoped_config()
        region = os.environ.get("AWS_REGION") or session.get_config_variable("region") or _DEFAULT_REGION
        credentials = Boto3CredentialProvider(session, ttl=_ASKED_AGAIN)
    except BotoCoreError as exc:
        raise StorageError(
            f"AWS's settings cannot be used ({type(exc).__name__}); correct AWS_PROFILE or ~/.aws."
        ) from None
    except ValueError:
        raise StorageError(
            "No AWS credentials are found for FILES_URL; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
            "name a profile in AWS_PROFILE, or give this machine a role."
        ) from None
    endpoint = (
        os.environ.get("AWS_ENDPOINT_URL_S3")
        or os.environ.get("AWS_ENDPOINT_URL")
        or str(profile.get("endpoint_url") or "")
    )
    config: S3Config = {"region": region}
    if endpoint:
        config["endpoint"] = endpoint.rstrip("/")
    return AwsOptions(config, credentials, endpoint.startswith("http://"))
