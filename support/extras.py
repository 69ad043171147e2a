"""What of Meterfarm is optional: the distribution's extras, by the modules that each brings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec

from meterfarm.support.errors import MachineError

EXTRAS: Mapping[str, Sequence[str]] = {
    "api": ("argon2", "fastapi", "fastapi_offline", "orjson", "segno", "standardwebhooks"),
    "arrow": ("pandas", "pyarrow"),
    "bench": ("httpx",),  # what few benchmarks compare with is looked for by them
    "excel": ("xlsxwriter",),
    "explain": ("PIL",),
    "fake": (
        *("cryptography", "fpdf", "httptools", "itsdangerous", "jinja2", "pyotp", "python_multipart"),
        *("starlette", "uvicorn"),
    ),
    "farm": (
        *("PIL", "aiosmtpd", "aiosmtplib", "arq", "imapclient", "prometheus_client", "psutil", "psycopg"),
        *("redis", "setproctitle"),
    ),
    "impersonate": ("curl_cffi",),
    "opower": ("opower",),
    "otel": ("opentelemetry.exporter", "opentelemetry.sdk"),
    "s3": ("boto3", "obstore"),
    "scrape": (
        *("aiohttp", "alembic", "cryptography", "jinja2", "opentelemetry", "playwright"),
        *("pydantic_settings", "pyotp", "sqlmodel", "tenacity"),
    ),
    "twilio": ("twilio",),
}
"""Those of the distributions that pyproject.toml names in an extra itself, and not for some machines only."""


class ExtraMissing(MachineError):
    """What is asked for needs an extra that is not installed; the text names it."""


def require(extra: str, what: str) -> None:
    """``what`` needs ``extra`` to be installed.

    Raises:
        ExtraMissing: a module of it is missing.
    """
    if why := why_missing(extra, what):
        raise ExtraMissing(why)


def why_missing(extra: str, what: str) -> str:
    """The sentence that ``what`` needs ``extra``, if a module of it is missing; else nothing."""
    if all(map(_is_there, EXTRAS[extra])):
        return ""
    return f"{what} needs the extra `{extra}`: pip install 'meterfarm[{extra}]'."


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ImportError:
        return False
