"""A code in a box for each character, however the page's script moves on from one to the next."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Sequence

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Locator, Page

from meterfarm.records import Outcome
from meterfarm.scrapers.outcomes import Stop
from meterfarm.scrapers.page.access import Access
from meterfarm.scrapers.page.control import Control
from meterfarm.scrapers.page.sight import is_navigating
from meterfarm.scrapers.page.watch import Watch

_MOST_BOXES = 12
_FIELDS = "input:visible, textarea:visible, [contenteditable]:visible"
_IS_FIELD = "element => element.isContentEditable || ['INPUT', 'TEXTAREA'].includes(element.tagName)"
_VALUES = "fields => fields.map(field => String(field.isContentEditable ? field.innerText : field.value))"


class CodeBoxes:
    """Of one page. A page may send the code by itself once the last character is there."""

    def __init__(self, access: Access) -> None:
        self._access = access

    async def fill(self, boxes: Control | Sequence[Control], code: str) -> None:
        """See ``BrowserPage``."""
        shared = self._access.shared
        code = re.sub(r"[\x00-\x1f\x7f]", "", code)
        what = boxes.what if isinstance(boxes, Control) else boxes[0].what
        for character in code:
            shared.register(character)
        shared.register(code)
        if shared.sending is not None:
            shared.sending.typed(code)
        async with self._access.operation(f"filling in {what}") as page:
            watch = (await self._access.window()).watch
            fields = await self._fields(page, boxes)
            shared.filled.extend(fields)
            if fields and not shared.types:
                for field in fields:
                    await field.wait_for(timeout=self._access.action_ms)
                return
            if not fields:
                lacking = f"{shared.portal.name} has no fields in {what}; the script needs mending."
                raise Stop(Outcome.LAYOUT_CHANGED, lacking)
            if len(code) > len(fields) > 1:
                code = re.sub(r"[\s-]", "", code)
            for way in (self._one_by_one, self._in_one_go, self._set):
                await self._clear(fields)
                await watch.will_be_typed_into(f"filling in {what}")
                if await self._is_taken(way(page, fields, code), fields, code, watch):
                    return
        raise Stop(
            Outcome.LAYOUT_CHANGED,
            f"{shared.portal.name} does not take what is typed into {what}; the script needs mending.",
        )

    async def _fields(self, page: Page, boxes: Control | Sequence[Control]) -> Sequence[Locator]:
        """The boxes, in order: those given, or those within what is given."""
        if not isinstance(boxes, Control):
            return [box.locator(page) for box in boxes[:_MOST_BOXES]]
        group = boxes.locator(page)
        await group.first.wait_for(timeout=self._access.action_ms)
        if await group.count() == 1 and not await group.evaluate(_IS_FIELD):
            group = group.locator(_FIELDS)
        return [group.nth(number) for number in range(min(await group.count(), _MOST_BOXES))]

    async def _clear(self, fields: Sequence[Locator]) -> None:
        """Of what stands there from the code before, or by the browser's own doing."""
        for field in fields:
            if any(await field.evaluate_all(_VALUES)):
                await field.fill("", timeout=self._access.action_ms)

    async def _one_by_one(self, _: Page, fields: Sequence[Locator], code: str) -> None:
        for field, text in zip(fields, _shared_out(code, len(fields)), strict=False):
            await field.press_sequentially(text, timeout=self._access.action_ms)

    async def _in_one_go(self, page: Page, fields: Sequence[Locator], code: str) -> None:
        """Where the script moves the focus on, or opens a box only when the one before is filled in."""
        await fields[0].focus(timeout=self._access.action_ms)
        for character in code:
            await page.keyboard.type(character)

    async def _set(self, _: Page, fields: Sequence[Locator], code: str) -> None:
        for field, text in zip(fields, _shared_out(code, len(fields)), strict=False):
            await field.fill(text, timeout=self._access.action_ms)

    async def _is_taken(
        self, typing: Awaitable[None], fields: Sequence[Locator], code: str, watch: Watch
    ) -> bool:
        """Whether the code stands there, or was sent, with which the boxes may have gone or been cleared."""
        try:
            await typing
            values = [value for field in fields for value in await field.evaluate_all(_VALUES)]
        except PlaywrightError as exc:
            if watch.has_sent or is_navigating(exc):
                return True
            raise
        due = _shared_out(code, len(fields))
        return watch.has_sent or len(values) < len(fields) or values[: len(due)] == due[: len(values)]


def _shared_out(code: str, boxes: int) -> list[str]:
    return [code] if boxes == 1 else list(code)
