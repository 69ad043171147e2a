"""What most commands begin with: the settings, the store, and refusals as usage errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pydantic import ValidationError

from meterfarm.console.company_option import chosen_company
from meterfarm.console.errors import UsageError
from meterfarm.farm.settings import FarmSettings
from meterfarm.services.companies import company_store
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import CompanyStore, Store
from meterfarm.support.crash import crashes_kept
from meterfarm.support.logs import log_to_stderr
from meterfarm.support.redact import Secrets


@dataclass(frozen=True, slots=True)
class CommandContext:
    """This machine as the environment has it."""

    settings: Settings
    farm: FarmSettings
    secrets: Secrets


@contextmanager
def command_context() -> Iterator[CommandContext]:
    """Settings and logs; unforeseen exceptions are kept."""
    try:
        settings, farm = Settings(), FarmSettings()
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False)[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        raise UsageError(f"The setting METERFARM_{name} cannot be used: {first['msg']}.") from None
    secrets = Secrets()
    log_to_stderr(secrets)
    with crashes_kept(secrets, settings.home / "evidence"):
        yield CommandContext(settings, farm, secrets)


@contextmanager
def open_store() -> Iterator[tuple[CommandContext, CompanyStore]]:
    """The same, with the store open of the company that the command was given, or of the only one."""
    with open_farm() as (context, farm):
        name, live = chosen_company()
        yield context, company_store(farm, name, live=live)


@contextmanager
def open_farm() -> Iterator[tuple[CommandContext, Store]]:
    """The same, with the store of the whole farm open."""
    with command_context() as context, Store.open(context.settings) as farm:
        yield context, farm
