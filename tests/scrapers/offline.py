"""Runs of scripts that need no portal: what the engine makes of what they give."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from meterfarm.mfa.port import Nobody
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.runs.local_run import LocalRun
from meterfarm.scrapers.runs.progress import NoProgress
from meterfarm.scrapers.runs.run_executor import RunRequest, RunResult
from meterfarm.scrapers.state import PortalSession
from meterfarm.scrapers.utility import Utility
from meterfarm.storage.store import CompanyStore
from meterfarm.support.redact import Secrets

USERNAME = "ada"


@dataclass(frozen=True)
class Offline:
    """A store, and runs of a customer with a saved session. No browser is started."""

    store: CompanyStore
    folder: Path

    async def run(self, utility: Utility) -> RunResult:
        customer = self.store.customers.ensure(utility.id, USERNAME)
        session = PortalSession({"cookies": [], "origins": []}).to_bytes()
        self.store.credentials.save_session(customer, session, trusted_since=None)
        request = RunRequest(utility, "http://127.0.0.1:1", USERNAME, _password, Nobody())
        async with Chromium(["127.0.0.1"], self.folder / "scratch") as chromium:
            made = LocalRun(request, self.store, chromium, Secrets(), NoProgress(), self.folder / "evidence")
            return await made.run()


async def _password() -> SecretStr:
    return SecretStr("a password")
