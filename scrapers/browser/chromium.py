"""Finding a Chromium, starting it once for a process, and keeping it to the hosts it may speak to."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from weakref import WeakKeyDictionary

import structlog
from playwright.async_api import Browser, Page, Playwright, ProxySettings
from playwright.async_api import Error as PlaywrightError

from meterfarm.scrapers.browser import remote
from meterfarm.scrapers.browser.driver import start_driver
from meterfarm.scrapers.guard import is_loopback
from meterfarm.support.errors import MachineError
from meterfarm.support.local_hosts import NOTHING_LOCAL, SETTING, LocalHosts
from meterfarm.support.tasks import detached_task

_QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
    "--no-pings",
    *remote.NO_UDP,
)
_CLOSE_SECONDS = 10.0
_UNCONFINED = "this system lets it have none, as with user namespaces switched off; it works without"
_HEADLESS_NAMES = ("chromium-headless-shell", "chrome-headless-shell")
_FULL_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class BrowserMissing(MachineError):
    """No usable browser on this machine; the text says what to install."""


class BrowserGone(MachineError):
    """The browser ended in the middle of a visit. Not the portal's fault, nor the script's."""


@dataclass(frozen=True, slots=True)
class _Launched:
    """``process`` is its id on this machine, 0 for elsewhere."""

    browser: Browser
    process: int = 0


@dataclass(slots=True)
class _Generation:
    """One browser: how many visits it has served, and how many still use it."""

    launch: asyncio.Task[_Launched]
    served: int = 0
    users: int = 0
    is_retired: bool = False

    @property
    def is_dead(self) -> bool:
        if not self.launch.done():
            return False
        if self.launch.cancelled() or self.launch.exception() is not None:
            return True
        return not self.launch.result().browser.is_connected()


class Chromium:
    """Playwright and one Chromium, each started when first needed; an async context manager.

    ``scratch`` is a private folder for what must not outlive them (``scrapers.scratch``), with the raw
    ``traces`` in it. A browser that has served ``visits`` visits, or has crashed, is followed by a fresh one,
    and closed when its last visit ends. With ``BROWSER_ENDPOINT`` it is one on another machine. Those of
    ``hosts`` that are in ``local_hosts`` are found there alone, as by a visit's other requests.
    """

    def __init__(
        self,
        hosts: Sequence[str],
        scratch: Path,
        *,
        headed: bool = False,
        visits: int = 1000,
        local_hosts: LocalHosts = NOTHING_LOCAL,
    ) -> None:
        self.scratch = scratch
        self.traces = scratch / "traces"
        self.local_hosts = local_hosts
        self._hosts = hosts
        self._headed = headed
        self._endpoint = "" if headed else remote.endpoint()
        self._visits = visits
        self._entered = False
        self._driver: asyncio.Task[Playwright] | None = None
        self._generations: list[_Generation] = []
        self._user_agents: WeakKeyDictionary[Browser, str] = WeakKeyDictionary()

    async def __aenter__(self) -> Chromium:
        self._entered = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for generation in self._generations:
            await _close(generation)
        if self._driver is not None:
            await asyncio.wait({self._driver})
            if self._driver.exception() is None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_CLOSE_SECONDS):
                        await self._driver.result().stop()

    async def driver(self) -> Playwright:
        """Playwright, started at the first call."""
        if not self._entered:
            raise RuntimeError("Chromium is used outside its `async with`")
        if self._driver is None:
            self._driver = detached_task(start_driver(self.scratch))
        return await asyncio.shield(self._driver)

    def warm_up(self) -> None:
        """Begin to start the browser, because it will be needed."""
        self._newest()

    async def browser(self) -> Browser:
        """The browser to be used now, started if need be.

        Raises:
            BrowserMissing: there is none, or it does not start.
        """
        return (await asyncio.shield(self._newest().launch)).browser

    @property
    def process(self) -> int:
        """The id of the browser's process that visits get now; 0 if there is none here."""
        current = self._current()
        return current.launch.result().process if current is not None and current.launch.done() else 0

    @asynccontextmanager
    async def borrowed(self) -> AsyncIterator[Browser]:
        """A browser for one visit, kept at least until the visit ends. Raises BrowserMissing."""
        generation = self._newest()
        generation.served += 1
        generation.users += 1
        try:
            yield (await asyncio.shield(generation.launch)).browser
        finally:
            generation.users -= 1
            if not generation.users and generation is not self._current():
                self._generations.remove(generation)
                await _close(generation)

    def retire(self, browser: Browser) -> None:
        """Let no further visit have a browser that does not answer; it is ended with its last visit."""
        for generation in self._generations:
            launch = generation.launch
            if launch.done() and not generation.is_dead and launch.result().browser is browser:
                generation.is_retired = True

    async def user_agent(self, browser: Browser, page: Page) -> str:
        """What the browser calls itself, as its first ``page`` says it: all contexts are made alike."""
        if browser not in self._user_agents:
            self._user_agents[browser] = str(await page.evaluate("navigator.userAgent"))
        return self._user_agents[browser]

    @property
    def makes_traces(self) -> bool:
        """Whether a trace stays on this machine."""
        return not self._endpoint

    @property
    def first_script(self) -> str:
        """What each page of a context does first, if the browser itself does not see to it."""
        return remote.WITHOUT_UDP if self._endpoint else ""

    def proxy(self, hosts: Sequence[str]) -> ProxySettings | None:
        """What a context needs to keep to ``hosts``, if the browser itself does not."""
        return remote.proxy_to_nowhere(hosts) if self._endpoint else None

    def _newest(self) -> _Generation:
        current = self._current()
        if current is None:
            current = _Generation(detached_task(self._launch()))
            self._generations.append(current)
        return current

    def _current(self) -> _Generation | None:
        if not self._generations:
            return None
        newest = self._generations[-1]
        is_spent = newest.is_dead or newest.is_retired or newest.served >= self._visits
        return None if is_spent else newest

    async def _launch(self) -> _Launched:
        if self._endpoint:
            return _Launched(await self._connect())
        browser = await self._start_one()
        return _Launched(browser, await _process_of(browser))

    async def _connect(self) -> Browser:
        must_have_browser()
        if self.local_hosts.addresses:
            raise BrowserMissing(
                f"A browser on another machine does not find the local host names of {SETTING}; unset that, "
                "or BROWSER_ENDPOINT."
            )
        try:
            return await remote.connect(await self.driver(), self._endpoint)
        except PlaywrightError as exc:
            where, todo = remote.named(self._endpoint), remote.advice(exc)
            raise BrowserMissing(f"The browser at {where} cannot be used: {todo}.") from None

    async def _start_one(self) -> Browser:
        path = find_chromium(headed=self._headed)
        is_root = os.geteuid() == 0
        if not is_root:
            with suppress(PlaywrightError):
                return await self._started(path, sandbox=True)
        try:
            browser = await self._started(path, sandbox=False)
        except PlaywrightError as exc:
            has_display = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
            lacks_it = self._headed and not has_display
            reason = (
                "no display to show it on"
                if lacks_it or "DISPLAY" in str(exc) or "X server" in str(exc)
                else "install what it needs: the package chromium, or in a checkout `./run setup`"
            )
            raise BrowserMissing(f"The browser {path} does not start: {reason}.") from exc
        if not is_root:
            structlog.get_logger("browser").warning("sandbox.missing", browser=str(path), advice=_UNCONFINED)
        return browser

    async def _started(self, path: Path, *, sandbox: bool) -> Browser:
        driver = await self.driver()
        return await driver.chromium.launch(
            executable_path=path,
            headless=not self._headed,
            chromium_sandbox=sandbox,
            args=[*_QUIET, *_kept_to(self._hosts, self.local_hosts)],
            traces_dir=self.traces,
            handle_sigint=False,
            handle_sigterm=False,
            handle_sighup=False,
        )


async def _close(generation: _Generation) -> None:
    """Close the browser; one that does not answer is killed, if it is on this machine."""
    await asyncio.wait({generation.launch})
    if generation.is_dead:
        return
    launched = generation.launch.result()
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await launched.browser.close()
    except (TimeoutError, PlaywrightError) as exc:
        structlog.get_logger("browser").warning(
            "browser.killed", process=launched.process, reason=type(exc).__name__
        )
        if launched.process:
            with suppress(ProcessLookupError):
                os.kill(launched.process, signal.SIGKILL)


async def _process_of(browser: Browser) -> int:
    """The id of the browser's own process, which all its others end with; 0 if it does not say."""
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            session = await browser.new_browser_cdp_session()
            found = await session.send("SystemInfo.getProcessInfo")
            await session.detach()
    except (TimeoutError, PlaywrightError):
        return 0
    return next((int(process["id"]) for process in found["processInfo"] if process["type"] == "browser"), 0)


def _kept_to(hosts: Sequence[str], local: LocalHosts) -> Sequence[str]:
    """Chromium's flags by which it finds ``hosts`` alone, at their ports; the first rule that fits counts.

    A redirect, which no route sees, leads to no host in clear: port 80 is found on this machine alone.

    A pattern cannot be mapped to itself: of it, and of a host of this machine without a port, all ports do.
    """
    rules = []
    for host in hosts:
        name, _, port = host.rpartition(":")
        has_port = bool(name) and port.isdigit()
        if here := local.within(name if has_port else host):
            rules += [f"MAP {found}:443 {target}" for found, target in here.items()]
        elif host.startswith("*."):
            rules.append(f"EXCLUDE {name if has_port else host}")
        elif has_port:
            rules.append(f"MAP {host} {host}")
        elif is_loopback(host):
            rules.append(f"EXCLUDE {host}")
        else:
            rules.append(f"MAP {host}:443 {host}:443")
    trusted = [f"--ignore-certificate-errors-spki-list={','.join(local.spki)}"] if local.spki else []
    return [f"--host-resolver-rules={', '.join([*rules, 'MAP * ~NOTFOUND'])}", *trusted]


def must_have_browser() -> None:
    """Whether there is a browser to be used, as far as is known without starting it.

    Raises:
        BrowserMissing: there is none.
    """
    address = remote.endpoint()
    if not address:
        find_chromium()
    elif fault := remote.fault(address):
        raise BrowserMissing(fault)


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
        "No Chromium is installed: install the package chromium (in a checkout `./run setup` does), "
        "or name one in METERFARM_BROWSER."
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
        where = remote.endpoint() and remote.named(remote.endpoint())
        sys.stdout.write(f"{where or find_chromium()} {asyncio.run(_check())}\n")
    except BrowserMissing as exc:
        sys.exit(str(exc))
