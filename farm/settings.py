"""How the farm runs here, read once from the environment."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping, Sequence, Set
from datetime import datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from meterfarm.farm.mail.server import SmtpServer, mail_address, parsed_server
from meterfarm.records import Part
from meterfarm.scrapers import RUN_SECONDS
from meterfarm.scrapers.guard import is_allowed, own_hosts
from meterfarm.storage import StorageError

if TYPE_CHECKING:
    from meterfarm.scrapers.utility import Utility

PORTAL_URLS = "METERFARM_PORTAL_URLS"
PUBLIC_URL = "METERFARM_PUBLIC_URL"
_LIMITS = "METERFARM_LIMITS"
_LIVE = "METERFARM_NIGHTLY_LIVE"
MOST_REQUESTS = 1e9
"""At once or a second: no rate limit is higher."""


class FarmSettings(BaseSettings):
    """Frozen. ``redis_url`` is "" for a private Redis; it may carry a password, so it masks itself.
    ``twilio_auth_token`` signs what `inbox` is posted; several are separated by commas.

    ``metrics`` is where the first worker process serves Prometheus, ``health`` where it says whether it is
    well; "" for nowhere. ``public_url`` is how others reach the API, and begins its links; "" is where it
    listens. ``trusted_proxies`` are addresses and networks of proxies that say what they were asked.
    ``webhooks_private``: webhooks may go to this machine and to private networks.
    ``portal_urls`` says where portals are that are not at their public address:
    ``my_utility=http://127.0.0.1:8600``, several separated by commas. ``limits`` replaces the
    rate limit that a utility's script declares: ``my_utility=4:20`` is 4 requests at once, 20 a second.
    ``mfa_wait`` is how long a person has to answer, in seconds, ``run_seconds`` how long a run may take
    without that, ``bills_every`` and ``intervals_every`` how
    often these are refreshed. Of bills and readings older than ``history_days`` none are fetched, nor
    readings older than ``interval_days`` (0: all are). Runs that ended ``keep_run_days`` ago are forgotten
    (0: none are). ``interactive_slots`` and ``data_slots`` are how many
    runs a process works on at once; after ``browser_runs`` runs it takes a fresh browser. At ``nightly_at``,
    a time of day like 03:30 ("" for never), `worker` and `up` run the nightly; its report goes to
    ``nightly_report``, if not to the state directory, and a notice to ``nightly_webhook`` when something
    broke. It looks at the portals of ``nightly_live``, written as ``portal_urls``, and at those that no
    script calls a fake. A key of the API may send ``api_burst`` requests at
    once (0: any number) and ``api_rate`` a second over time.
    With ``open_sign_up`` anybody may make a company of their own at the dashboard.
    ``smtp_url`` is the mail server that mail goes out by, with its password, ``mail_from`` who it is from.
    ``mail_in_address`` is where `mail-in` takes in bills, ``mail_in_authserv_id`` the name under which the
    mail server before it states who a mail is from, ``mail_in_peers`` are addresses and networks of that.
    ``fake_controls`` is where the fake portals' control pages are, for test tools.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        env_prefix="METERFARM_",
        env_ignore_empty=True,
        populate_by_name=True,
        hide_input_in_errors=True,
        extra="ignore",
    )

    metrics: str = ""
    health: str = ""
    public_url: str = ""
    trusted_proxies: str = ""
    webhooks_private: bool = False
    open_sign_up: bool = False
    redis_url: SecretStr = Field(default=SecretStr(""), validation_alias="REDIS_URL")
    twilio_auth_token: SecretStr = Field(default=SecretStr(""), validation_alias="TWILIO_AUTH_TOKEN")
    portal_urls: str = ""
    limits: str = ""
    mfa_wait: float = Field(default=600, gt=0)
    run_seconds: float = Field(default=RUN_SECONDS, gt=0)
    bills_every: float = Field(default=86_400, gt=0)
    intervals_every: float = Field(default=3_600, gt=0)
    history_days: int = Field(default=0, ge=0)
    interval_days: int = Field(default=0, ge=0)
    trust_notice_days: float = Field(default=14, gt=0)
    keep_run_days: float = Field(default=90, ge=0)
    api_burst: int = Field(default=3_000, ge=0)
    api_rate: float = Field(default=300, gt=0)
    interactive_slots: int = Field(default=3, ge=1)
    data_slots: int = Field(default=6, ge=1)
    browser_runs: int = Field(default=500, ge=1)
    nightly_at: str = ""
    nightly_report: Path | None = None
    nightly_live: str = ""
    nightly_webhook: SecretStr = SecretStr("")
    smtp_url: SecretStr = SecretStr("")
    mail_from: str = ""
    mail_in_address: str = ""
    mail_in_authserv_id: str = ""
    mail_in_peers: str = "127.0.0.0/8,::1"
    fake_controls: str = "http://127.0.0.1:8600/portals"

    @field_validator("nightly_at")
    @classmethod
    def _time_of_day(cls, text: str) -> str:
        if text and not re.fullmatch("([01][0-9]|2[0-3]):[0-5][0-9]", text):
            raise PydanticCustomError("time_of_day", "write a time of day like 03:30")
        return text

    @field_validator("public_url")
    @classmethod
    def _public_address(cls, text: str) -> str:
        if text and not _is_address(text):
            raise PydanticCustomError("address", "write an address like https://meterfarm.example.com")
        return text.rstrip("/")

    @field_validator("mail_in_address")
    @classmethod
    def _inbound_address(cls, text: str) -> str:
        address = mail_address(text)
        if text and ("+" in text or not address):
            raise PydanticCustomError("address", "write an address without a +, like bills@in.example.com")
        return address.casefold()

    @field_validator("trusted_proxies", "mail_in_peers")
    @classmethod
    def _proxies(cls, text: str) -> str:
        if not all(map(_is_network, _listed(text))):
            raise PydanticCustomError("networks", "write addresses or networks like 10.0.0.5,10.1.0.0/24")
        return text

    @field_validator("portal_urls")
    @classmethod
    def _addresses(cls, text: str) -> str:
        """Checked at the start: else each visit ends as if the portal led elsewhere. Raises StorageError."""
        _check_addresses(text, PORTAL_URLS)
        return text

    @field_validator("nightly_live")
    @classmethod
    def _live(cls, text: str) -> str:
        """Raises StorageError."""
        _check_addresses(text, _LIVE)
        return text

    @field_validator("nightly_webhook")
    @classmethod
    def _notice_address(cls, secret: SecretStr) -> SecretStr:
        text = secret.get_secret_value()
        if text and not _is_address(text):
            raise PydanticCustomError(
                "address", "write an address like https://hooks.example.com/, by http only on this machine"
            )
        return secret

    @model_validator(mode="after")
    def _mail_server(self) -> Self:
        """Raises StorageError."""
        self._parsed_mail_server()
        return self

    @field_validator("limits")
    @classmethod
    def _limits(cls, text: str) -> str:
        """Checked at the start, not each time that a limit is needed. Raises StorageError."""
        for utility, limit in _pairs(text, _LIMITS).items():
            _limit(utility, limit)
        return text

    @property
    def mail_server(self) -> SmtpServer | None:
        """That of ``smtp_url``; None if mail does not go out."""
        return self._parsed_mail_server()

    def _parsed_mail_server(self) -> SmtpServer | None:
        """Raises StorageError."""
        try:
            return parsed_server(self.smtp_url, self.mail_from)
        except ValueError as exc:
            raise StorageError(f"{exc}.") from None

    @property
    def proxies(self) -> Sequence[str]:
        """The ``trusted_proxies``."""
        return _listed(self.trusted_proxies)

    @property
    def mail_peers(self) -> Sequence[str]:
        """The ``mail_in_peers``."""
        return _listed(self.mail_in_peers)

    @property
    def twilio_auth_tokens(self) -> Sequence[str]:
        """Those of ``twilio_auth_token``."""
        return _listed(self.twilio_auth_token.get_secret_value())

    @property
    def every(self) -> Mapping[Part, timedelta]:
        """How often each part is refreshed."""
        return {
            Part.BILLS: timedelta(seconds=self.bills_every),
            Part.INTERVALS: timedelta(seconds=self.intervals_every),
        }

    @property
    def utilities_named(self) -> Mapping[str, Set[str]]:
        """The utilities' ids that are in these settings, whether there are such or not."""
        settings = {PORTAL_URLS: self.portal_urls, _LIMITS: self.limits, _LIVE: self.nightly_live}
        return {name: _pairs(text, name).keys() for name, text in settings.items()}

    def portal_url(self, utility: str) -> str:
        """Where the utility's portal is, if not where its script says; "" otherwise."""
        return _pairs(self.portal_urls, PORTAL_URLS).get(utility, "")

    @property
    def live_addresses(self) -> Mapping[str, str]:
        """Those of ``nightly_live``, by utility."""
        return _pairs(self.nightly_live, _LIVE)

    def limit(self, utility: str) -> tuple[int, float] | None:
        """Requests at once and a second, if they are not what the script declares."""
        text = _pairs(self.limits, _LIMITS).get(utility)
        return None if text is None else _limit(utility, text)


def _check_addresses(text: str, where: str) -> None:
    for utility, address in _pairs(text, where).items():
        if not _is_address(address):
            raise StorageError(
                f"{where} has “{address}” for {utility}; write an address like "
                "https://portal.example, by http only on this machine."
            )


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        has_user, port = parts.username is not None, parts.port
    except ValueError:
        return False
    is_web = parts.scheme.lower() in {"http", "https"} and is_allowed(text, own_hosts(text, ()))
    return is_web and not has_user and port != 0


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _is_network(text: str) -> bool:
    """Whether it is an address or a network, and not all there are."""
    try:
        return ipaddress.ip_network(text).prefixlen > 0
    except ValueError:
        return False


def _limit(utility: str, text: str) -> tuple[int, float]:
    at_once, _, per_second = text.partition(":")
    try:
        limit = int(at_once), float(per_second)
    except ValueError:
        limit = 0, 0.0
    if not 1 <= limit[0] <= MOST_REQUESTS or not 0 < limit[1] <= MOST_REQUESTS:
        raise StorageError(
            f"{_LIMITS} has “{text}” for {utility}; write requests at once and a second: 4:20."
        )
    return limit


def _pairs(text: str, where: str) -> dict[str, str]:
    pairs = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = pair.partition("=")
        if not equals or not value:
            raise StorageError(f"{where} has “{pair}”; write utility=value, several separated by commas.")
        pairs[name.strip()] = value.strip()
    return pairs


def portal_address(utility: Utility, settings: FarmSettings) -> str:
    """Where to visit the portal: as set, else its public address, else where it is in development; "" if
    none of them says."""
    return settings.portal_url(utility.id) or utility.home or utility.local_url


def without_address(utility: Utility) -> str:
    """The error sentence for a portal without an address in the settings."""
    return (
        f"Where {utility.name} is has not been set: set "
        f"{PORTAL_URLS}={utility.id}=https://..., with its address, where the workers run."
    )


_OF_THE_MACHINE = Path("/etc/localtime")


def local_zone() -> tzinfo:
    """By ``TZ``, else by the machine's settings; a fixed offset, the present one, if there are none."""
    name = os.environ.get("TZ", "").removeprefix(":")
    try:
        if name:
            return ZoneInfo(name)
        with _OF_THE_MACHINE.open("rb") as file:
            return ZoneInfo.from_file(file)
    except (OSError, ValueError, LookupError):
        return timezone(datetime.now().astimezone().utcoffset() or timedelta())
