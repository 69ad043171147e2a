"""Finding a Chromium, starting it once for a process, and keeping it to the hosts it may speak to."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

from playwright.async_api import Browser, Playwright, async_playwright
from playwright.async_api import Error as PlaywrightError

_QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
    "--no-pings",
)
_HEADLESS_NAMES = ("chromium-headless-shell", "chrome-headless-shell")
_FULL_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class BrowserMissing(Exception):
    """No usable browser on this machine; the text says what to install."""


class Chromium:
    """Playwright and one Chromium, each started when first needed; an async context manager.

    ``scratch`` is a private folder for what must not outlive them (``scrapers.scratch``).
    """

    def __init__(self, hosts: Sequence[str], scratch: Path, *, headed: bool = False) -> None:
        self.scratch = scratch
        self._hosts = hosts
        self._headed = headed
        self._driver: asyncio.Task[Playwright] | None = None
        self._browser: asyncio.Task[Browser] | None = None

    async def __aenter__(self) -> Chromium:
        self._driver = asyncio.create_task(self._start())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._browser is not None:
            await _settled(self._browser)
            if self._browser.exception() is None:
                await self._browser.result().close()
        if self._driver is not None:
            await _settled(self._driver)
            if self._driver.exception() is None:
                await self._driver.result().stop()

    async def _start(self) -> Playwright:
        """Playwright keeps profiles and unfinished traces where TMPDIR says when it starts."""
        before = os.environ.get("TMPDIR")
        os.environ["TMPDIR"] = str(self.scratch)
        try:
            return await async_playwright().start()
        finally:
            if before is None:
                del os.environ["TMPDIR"]
            else:
                os.environ["TMPDIR"] = before

    async def driver(self) -> Playwright:
        if self._driver is None:
            raise RuntimeError("Chromium is used outside its `async with`")
        return await asyncio.shield(self._driver)

    def warm_up(self) -> None:
        """Begin to start the browser, because it will be needed."""
        if self._browser is None:
            self._browser = asyncio.create_task(self._launch())

    async def browser(self) -> Browser:
        """The browser, started at the first call.

        Raises:
            BrowserMissing: there is none, or it does not start.
        """
        self.warm_up()
        if self._browser is None:
            raise RuntimeError("the browser was not started")
        return await asyncio.shield(self._browser)

    async def _launch(self) -> Browser:
        path = find_chromium(headed=self._headed)
        arguments = [*_QUIET, f"--host-resolver-rules={_only(self._hosts)}"]
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")
        driver = await self.driver()
        try:
            return await driver.chromium.launch(
                executable_path=path, headless=not self._headed, args=arguments, handle_sigint=False
            )
        except PlaywrightError as exc:
            reason = (
                "no display to show it on"
                if "DISPLAY" in str(exc) or "X server" in str(exc)
                else "./run setup mends a missing library"
            )
            raise BrowserMissing(f"The browser {path} does not start: {reason}.") from exc


async def _settled(task: asyncio.Task[Playwright] | asyncio.Task[Browser]) -> None:
    await asyncio.wait({task})


def _only(hosts: Sequence[str]) -> str:
    return ", ".join(["MAP * ~NOTFOUND", *(f"EXCLUDE {host}" for host in hosts)])


def find_chromium(*, headed: bool = False) -> Path:
    """The Chromium to start: ``METERFARM_BROWSER``, else Playwright's own, else the system's.

    Raises:
        BrowserMissing: there is none of the kind needed; a headless shell cannot be shown on a screen.
    """
    chosen = os.environ.get("METERFARM_BROWSER")
    if chosen and not headed:
        if not Path(chosen).is_file():
            raise BrowserMissing(f"METERFARM_BROWSER names {chosen}, which is not there.")
        return Path(chosen)
    for path in _candidates(headed=headed):
        if path.is_file():
            return path
    if headed:
        raise BrowserMissing(
            "--headed needs a full Chromium, and only a headless one is here: install the package "
            "`chromium`, or run `.venv/bin/playwright install --with-deps chromium`."
        )
    raise BrowserMissing(
        "No Chromium is installed: `./run setup` installs one, or name one in METERFARM_BROWSER."
    )


def _candidates(*, headed: bool) -> Iterator[Path]:
    own = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")
    if not headed:
        yield from _newest(own, "chromium_headless_shell-*/*/headless_shell")
        yield from _newest(own, "chromium_headless_shell-*/*/chrome-headless-shell")
        yield from _on_path(_HEADLESS_NAMES)
    yield from _newest(own, "chromium-*/*/chrome")
    yield from _on_path(_FULL_NAMES)


def _newest(folder: Path, pattern: str) -> list[Path]:
    return sorted(folder.glob(pattern), key=lambda path: path.stat().st_mtime, reverse=True)


def _on_path(names: Sequence[str]) -> Iterator[Path]:
    for name in names:
        found = shutil.which(name)
        if found:
            yield Path(found)


async def _check() -> str:
    with tempfile.TemporaryDirectory() as scratch:
        async with Chromium(["127.0.0.1"], Path(scratch)) as chromium:
            return (await chromium.browser()).version


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{find_chromium()} {asyncio.run(_check())}\n")
    except BrowserMissing as exc:
        sys.exit(str(exc))
