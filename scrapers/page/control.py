"""A page's controls as scripts find and read them: by label, role or text, in frames and shadow trees too."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar, cast

from playwright.async_api import FrameLocator, Locator, Page

from meterfarm.scrapers.page.access import LONGEST_TEXT, Access, Find
from meterfarm.support.foreign_text import one_line

T = TypeVar("T")
Text = str | re.Pattern[str]
_Root = Page | Locator | FrameLocator
_LONGEST_NAME = 80
_MOST = 1_000

_TEXT = "(element, most) => (element.innerText ?? element.textContent ?? '').slice(0, most)"
_TEXTS = f"(elements, [many, most]) => elements.slice(0, many).map(element => ({_TEXT})(element, most))"
_VALUE = """(element, most) =>
  String((element.isContentEditable ? element.innerText : element.value) ?? '').slice(0, most)"""
_ATTRIBUTE = "(element, [name, most]) => (element.getAttribute(name) ?? '').slice(0, most)"
_LABEL = """(element, most) => {
  const label = element.labels && element.labels[0];
  const named = (element.getAttribute("aria-labelledby") || "").split(/\\s+/).filter(Boolean)
    .map(id => element.getRootNode().getElementById(id)).filter(Boolean);
  const text = label ? label.innerText : named.length ? named.map(other => other.innerText).join(" ")
    : element.getAttribute("aria-label") || element.placeholder || "";
  return text.slice(0, most);
}"""
_IS_SHOWN = """elements => elements.some(element => {
  const box = element.getBoundingClientRect();
  return box.width > 0 && box.height > 0
    && element.checkVisibility({visibilityProperty: true, contentVisibilityAuto: true});
})"""


class Finders:
    """How controls are found: all give a ``Control``, at once, for nothing is looked up before it is used.

    Names are parts of what is shown, in any case, unless ``exact``; a pattern is searched for. What stands in
    an open shadow tree is found as if it stood in the page; what stands in a frame within ``frame``.
    """

    def __init__(self, access: Access, root: Callable[[Page], _Root], where: str = "") -> None:
        self._access = access
        self._root = root
        self._where = where

    def label(self, text: Text, *, exact: bool = False) -> Control:
        """The field with this label, ``aria-label`` or labelling element."""
        return self._found(lambda root: root.get_by_label(text, exact=exact), f"the field {_quoted(text)}")

    def role(self, role: str, name: Text = "", *, exact: bool = False) -> Control:
        """What has this ARIA role, also by its element, and this accessible name."""
        named = {"name": name, "exact": exact} if name else {}
        what = f"{role} {_quoted(name)}" if name else role
        return self._found(lambda root: root.get_by_role(cast("Any", role), **cast("Any", named)), what)

    def button(self, name: Text = "", *, exact: bool = False) -> Control:
        """The button with this name."""
        return self.role("button", name, exact=exact)

    def link(self, name: Text = "", *, exact: bool = False) -> Control:
        """The link with this name."""
        return self.role("link", name, exact=exact)

    def placeholder(self, text: Text, *, exact: bool = False) -> Control:
        """The field with this placeholder."""
        return self._found(
            lambda root: root.get_by_placeholder(text, exact=exact), f"the field {_quoted(text)}"
        )

    def test_id(self, name: Text) -> Control:
        """The element with this ``data-testid``."""
        return self._found(lambda root: root.get_by_test_id(name), f"the element {_quoted(name)}")

    def css(self, selector: str) -> Control:
        """What this CSS selector finds."""
        return self._found(lambda root: root.locator(selector), f"the element {_quoted(selector)}")

    def frame(self, selector: str) -> FramePart:
        """What stands in the frame that this CSS selector finds."""
        root = self._root
        return FramePart(
            self._access,
            lambda page: root(page).frame_locator(selector),
            f" in the frame {_quoted(selector)}{self._where}",
        )

    def _with_text(self, text: Text, exact: bool) -> Control:
        return self._found(lambda root: root.get_by_text(text, exact=exact), f"the text {_quoted(text)}")

    def _found(self, find: Callable[[_Root], Locator], what: str) -> Control:
        root = self._root
        return Control(self._access, lambda page: find(root(page)), f"{what}{self._where}")


class Surface(Finders):
    """A whole page or frame, in which a text can be looked for."""

    def text(self, text: Text, *, exact: bool = False) -> Control:
        """The innermost element with this text."""
        return self._with_text(text, exact)


class FramePart(Surface):
    """A frame of a page, and what is found in it."""


class Control(Finders):
    """What a script has found, or would find: a button, a field, any element. ``what`` names it in errors.

    It is looked for anew at each use, and waited for as long as an action may take. Texts are squeezed to
    single spaces and bounded. Where one control is meant and several are there, and where none comes,
    ``Stop(LAYOUT_CHANGED)`` names what was looked for. Everything but ``is_shown``, ``count`` and ``all``
    waits for the control.
    """

    def __init__(self, access: Access, find: Find, what: str) -> None:
        super().__init__(access, find, f" within {what}")
        self._find = find
        self.what = what

    @property
    def first(self) -> Control:
        """The first of several."""
        return self.nth(0)

    def nth(self, number: int) -> Control:
        """One of several, from 0; from the end with -1."""
        find = self._find
        return Control(self._access, lambda page: find(page).nth(number), self.what)

    def with_text(self, text: Text, *, exact: bool = False) -> Control:
        """The innermost element with this text within."""
        return self._with_text(text, exact)

    def containing(self, text: Text) -> Control:
        """Those that have this text somewhere within, such as a row of a table."""
        find = self._find
        return Control(
            self._access, lambda page: find(page).filter(has_text=text), f"{self.what} with {_quoted(text)}"
        )

    async def count(self) -> int:
        """How many there are now."""
        return await self._asked("counting", lambda found, _: found.count())

    async def all(self) -> list[Control]:
        """Each of those that are there now, at most a thousand."""
        return [self.nth(number) for number in range(min(await self.count(), _MOST))]

    async def text(self, most: int = LONGEST_TEXT) -> str:
        """The visible text."""
        return _squeezed(await self._read(_TEXT, most))

    async def texts(self, most: int = LONGEST_TEXT) -> list[str]:
        """The visible text of each that is there now, at most a thousand."""
        found = await self._asked("reading", lambda every, _: every.evaluate_all(_TEXTS, [_MOST, most]))
        return [_squeezed(text) for text in found]

    async def value(self, most: int = LONGEST_TEXT) -> str:
        """What stands in the field, as it is."""
        return await self._read(_VALUE, most)

    async def attribute(self, name: str, most: int = LONGEST_TEXT) -> str:
        """An attribute as it is; "" without one."""
        return await self._read(_ATTRIBUTE, [name, most])

    async def label_text(self, most: int = LONGEST_TEXT) -> str:
        """The label of the field; without one its ``aria-label`` or placeholder."""
        return _squeezed(await self._read(_LABEL, most))

    async def is_shown(self) -> bool:
        """Whether at least one is to be seen now."""
        return bool(await self._asked("looking for", lambda every, _: every.evaluate_all(_IS_SHOWN)))

    async def is_checked(self) -> bool:
        """Whether the box or radio button is checked."""
        return await self._asked("reading", lambda found, left: found.is_checked(timeout=left))

    async def wait(self, seconds: float | None = None) -> None:
        """Wait until at least one is to be seen, so long at most; by default as long as an action may take.

        Raises:
            Stop: ``layout_changed``: none came.
        """
        await self._asked(
            "waiting for", lambda found, left: found.first.wait_for(state="visible", timeout=left), seconds
        )

    async def _read(self, script: str, argument: object) -> str:
        return str(
            await self._asked("reading", lambda found, left: found.evaluate(script, argument, timeout=left))
        )

    async def _asked(
        self, doing: str, ask: Callable[[Locator, float], Awaitable[T]], seconds: float | None = None
    ) -> T:
        return await self._access.of_control(f"{doing} {self.what}", self._find, ask, seconds)

    def locator(self, page: Page) -> Locator:
        """For the engine: what Playwright works with, on the page that the control belongs to."""
        return self._find(page)


def controls(found: Control | Sequence[Control]) -> Sequence[Control]:
    """One or several as several."""
    return [found] if isinstance(found, Control) else found


def _quoted(text: Text) -> str:
    words = text if isinstance(text, str) else text.pattern
    return f"“{one_line(words, _LONGEST_NAME)}”"


def _squeezed(text: str) -> str:
    return " ".join(text.split())
