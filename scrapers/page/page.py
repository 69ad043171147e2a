"""What a script does with a visit's browser page: opens addresses, types, presses, reads what follows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import overload

from playwright.async_api import Locator, Page

from meterfarm.records import Document
from meterfarm.scrapers.http.body import DOCUMENT, LIST, Limit
from meterfarm.scrapers.http.response import HttpResponse
from meterfarm.scrapers.outcomes import Sign
from meterfarm.scrapers.page.access import Access, Surroundings
from meterfarm.scrapers.page.arriving import Arriving
from meterfarm.scrapers.page.boxes import CodeBoxes
from meterfarm.scrapers.page.capturing import Capturing
from meterfarm.scrapers.page.control import Control, Surface
from meterfarm.scrapers.page.filling import Filling
from meterfarm.scrapers.page.going import Opening
from meterfarm.scrapers.page.listening import Listening
from meterfarm.scrapers.page.overlays import Overlays
from meterfarm.scrapers.page.popups import Popups
from meterfarm.scrapers.page.pressing import Pressing
from meterfarm.scrapers.page.sending import SignInWatch
from meterfarm.scrapers.page.sight import steady
from meterfarm.scrapers.page.tab import Tab
from meterfarm.scrapers.page.window import PageWindow

_LONGEST_HTML = 8 * 1024 * 1024
_HTML = "most => document.documentElement.outerHTML.slice(0, most)"


class BrowserPage(Surface):
    """A page as scripts work it. Controls are found by ``label``, ``role``, ``button``, ``link``, ``text``,
    ``placeholder``, ``css``, ``test_id`` and within a ``frame``; see ``Finders`` and ``Control``.

    The browser starts at the first operation. One call of a script drives the page at a time (``Turns``).
    Whatever is done has a limit, stays on the portal's hosts, and fails with ``Stop``, in one sentence.
    """

    def __init__(self, tab: Tab, shared: Surroundings, window: PageWindow | None = None) -> None:
        access = Access(tab, shared, window)
        super().__init__(access, lambda page: page)
        self._opening = Opening(access)
        self._arriving = Arriving(access)
        self._pressing = Pressing(access, self._arriving)
        self._filling = Filling(access)
        self._boxes = CodeBoxes(access)
        self._overlays = Overlays(access)
        self._popups = Popups(access, self._pressing)
        self._capturing = Capturing(access, self._pressing)
        self._listening = Listening(access)
        self._shared = shared

    @property
    def filled(self) -> Sequence[Locator]:
        """For the engine: the fields to mask in a screenshot."""
        return self._shared.filled

    @property
    def sending(self) -> SignInWatch | None:
        """For the engine: set while signing in."""
        return self._shared.sending

    @sending.setter
    def sending(self, sending: SignInWatch | None) -> None:
        self._shared.sending = sending

    @property
    def url(self) -> str:
        """The address of the document that is shown, "" before the first."""
        return self._access.seen.page.url if self._access.seen is not None else ""

    async def raw_playwright_page(self) -> Page:
        """Playwright's own page: without limits of time and size, without the refusal of dangerous controls.

        No script needs it; one that uses it answers for what the engine else sees to.
        """
        async with self._access.operation("opening a page") as page:
            return page

    async def html(self) -> str:
        """The document as it is now, at most eight million characters; without frames and shadow trees."""
        now = self._shared.clock.now
        async with self._access.operation("reading the page") as page:
            return str(await steady(page, lambda: page.evaluate(_HTML, _LONGEST_HTML), now=now))

    @property
    def downloaded(self) -> str:
        """The address of the file that the last navigation led to instead of a page, "" for none."""
        return self._access.seen.downloaded if self._access.seen is not None else ""

    async def open(self, path: str) -> None:
        """Go to an address of the portal. One that leads to a file leaves the page that was shown.

        Raises:
            Stop: the portal does not answer, says what the outcome is, or leads to a foreign host.
        """
        await self._opening.open(path)

    async def fill(self, field: Control, value: str, *, secret: bool = True, typed: bool = False) -> None:
        """Enter ``value`` into a field, and see that it stands there; a mask may format it.

        A secret is masked in whatever evidence is kept, any field in a screenshot. ``typed``: key by key, for
        a field that ignores a value that is set at once.

        Raises:
            Stop: ``layout_changed``: there is no such field, or it does not take what is entered.
        """
        await self._filling.fill(field, value, secret=secret, typed=typed)

    async def fill_boxes(self, boxes: Control | Sequence[Control], code: str) -> None:
        """Type a code, a secret, into boxes for a character each: the boxes, in order, or what they are in.

        It does not matter whether the page's script moves on by itself, refuses what is pasted or set at
        once, or sends the code when it is complete: ``arrive`` takes that for a press.

        Raises:
            Stop: ``layout_changed``: there are none, or they do not take the code.
        """
        await self._boxes.fill(boxes, code)

    async def dismiss(self, *controls: Control) -> bool:
        """Press each of these that is to be seen now; whether any was. It waits for none.

        From then on one that comes up is pressed before it hides what is to be pressed or filled in.

        Raises:
            Stop: one that is to be seen is one that a visit must never touch.
        """
        return any([await self._overlays.dismiss(control) for control in controls])

    async def check(self, control: Control, *, checked: bool = True) -> None:
        """Check a box or a radio button, or uncheck a box.

        Raises:
            Stop: there is none, or checking it would agree to something or cost something.
        """
        await self._filling.check(control, checked=checked)

    async def choose(self, control: Control, option: str) -> None:
        """Choose an option of a list by its label, else by its value; of one of the page's own make, by name.

        Raises:
            Stop: there is no such list or option, or the option is one that a visit must never touch.
        """
        await self._filling.choose(control, option)

    @overload
    async def press(self, control: Control, *signs: Sign, until: None = None) -> None: ...

    @overload
    async def press(self, control: Control, *signs: Sign, until: Sign | Sequence[Sign]) -> Sign: ...

    async def press(
        self, control: Control, *signs: Sign, until: Sign | Sequence[Sign] | None = None
    ) -> Sign | None:
        """Press a control, and wait for what comes of it: another page, an answer, or a sign in place.

        Looked for are the utility's signs, ``signs``, and those that ``arrive`` was asked for before. With
        ``until`` it ends only when one of these is there, which is returned: where an answer, or another
        address, is not yet what the press is for.

        Raises:
            Stop: the control is missing, or is one that a visit must never touch; the page says in place what
                the outcome is; the browser refuses to send the form; nothing comes of it; ``until`` does not.
            SessionEnded: the page that comes when the session has ended came instead of ``until``.
        """
        awaited = [until] if isinstance(until, Sign) else list(until or ())
        return await self._pressing.press(control, signs, awaited)

    async def password_led_on(self) -> None:
        """The portal has gone on from the password to something else."""
        if self.sending is not None:
            await self.sending.led_on()

    @asynccontextmanager
    async def popup(self, control: Control, *signs: Sign) -> AsyncIterator[BrowserPage]:
        """Press a control that opens a window, which is a page like this one; it is closed in the end.

        Raises:
            Stop: as ``press`` does; ``layout_changed`` if no window opens.
        """
        async with self._popups.opened(control, signs) as window:
            yield BrowserPage(self._access.tab, self._shared, window)

    async def download(self, control: Control, limit: Limit = DOCUMENT) -> Document:
        """The file that a control hands over when it is pressed; its name is safe, its size and time limited.

        It may come as a download, in a window that begins blank and turns into a signed address, in a tab of
        ``blob:``, in the browser's own viewer, embedded, or fetched or made by a script of the page: its
        bytes are taken all the same, and windows that opened for it are closed.

        Raises:
            ItemFailed: none comes, it is answered with an error, or it is more than ``limit`` allows.
            Stop, SessionEnded: as ``press`` does; or the page says so instead of handing one over.
        """
        return await self._capturing.capture(control, limit)

    async def response(
        self, path: str, during: Callable[[], Awaitable[object]], *, limit: Limit = LIST
    ) -> HttpResponse:
        """What the portal answers the page itself, such as its JSON, while ``during`` is done.

        ``path`` is a regular expression for the path of its address; the first that fits is taken. Its signs
        are not looked for.

        Raises:
            Stop: ``during`` raises it; none comes in time; it is larger than ``limit`` allows.
        """
        return await self._listening.response(path, during, limit)

    async def arrive(self, *signs: Sign) -> Sign:
        """What the page has turned into: the first of ``signs`` and the utility's own that it carries.

        Raises:
            Stop: the page is a declared outcome, the status says what it is, or it is ``unknown_page``.
            SessionEnded: it is that of the signed out, for which it was not asked; not while signing in.
        """
        return await self._arriving.arrive(signs)
