"""A form that the browser itself refuses to send, and which field it is about."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypedDict

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import JSHandle, Locator

from meterfarm.records import Outcome
from meterfarm.scrapers.outcomes import Stop
from meterfarm.scrapers.page.sight import is_navigating
from meterfarm.support.foreign_text import one_line

_LONGEST_LABEL = 60
_LONGEST_MESSAGE = 200

_WATCH = """control => {
  const refused = [];
  control.getRootNode().addEventListener("invalid", event => refused.push(event.target), true);
  return refused;
}"""
_REFUSED = """refused => refused.filter(field => field.matches(":invalid")).map(field => ({
  label: (field.labels && field.labels[0] && field.labels[0].innerText) || field.getAttribute("aria-label")
    || field.placeholder || field.name || field.type || "",
  message: field.validationMessage || "",
  secret: field.type === "password",
  own_rule: field.validity.customError,
  filled: ["checkbox", "radio"].includes(field.type) || field.value !== "",
  visible: field.checkVisibility(),
}))"""


class _Field(TypedDict):
    label: str
    message: str
    secret: bool
    own_rule: bool
    filled: bool
    visible: bool


class FormWatch:
    """Notices when the browser refuses to send the form of a control, from before the control is pressed."""

    def __init__(self, refused: JSHandle) -> None:
        self._refused = refused

    @classmethod
    async def of(cls, control: Locator, milliseconds: float) -> FormWatch:
        """Watch the form of this button."""
        return cls(await control.evaluate_handle(_WATCH, timeout=milliseconds))

    async def stop(self, portal: str, scrub: Callable[[str], str]) -> Stop | None:
        """The end of the run if a field was refused and still is, in the browser's words."""
        fields: list[_Field] = []
        try:
            fields = await self._refused.evaluate(_REFUSED)
        except PlaywrightError as exc:
            if not is_navigating(exc):
                raise
        if not fields:
            return None
        field = next((each for each in fields if each["filled"] and each["visible"]), fields[0])
        where = one_line(scrub(field["label"]), _LONGEST_LABEL)
        if not (field["filled"] and field["visible"]):
            return Stop(
                Outcome.LAYOUT_CHANGED,
                f"{portal}'s form was not sent: it wants “{where}”, which its script does not fill in; the "
                "script needs mending.",
            )
        return Stop(
            Outcome.ACTION_REQUIRED,
            f"{portal}'s form was not sent: the browser refuses “{where}”{_words(field, scrub)}. Nothing "
            "reached the portal; correct the user name or the password and run it again.",
        )


def _words(field: _Field, scrub: Callable[[str], str]) -> str:
    """The browser's message; a page's own rule for a password may repeat it, and a count tells its length."""
    if field["secret"] and field["own_rule"]:
        return ""
    message = re.sub(r"\s*\([^)]*\)", "", field["message"]) if field["secret"] else field["message"]
    words = one_line(scrub(message), _LONGEST_MESSAGE).rstrip(". ")
    return f": “{words}”" if words else ""
