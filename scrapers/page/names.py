"""What a control is called, as a person reads or hears it; what a visit must never touch is refused by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from playwright.async_api import Locator

from meterfarm.records import Outcome
from meterfarm.scrapers.outcomes import Stop
from meterfarm.scrapers.page.dangerous_controls import is_dangerous
from meterfarm.support.foreign_text import NAME, one_line

_NAMES = """control => {
  const by = (control.getAttribute("aria-labelledby") || "").split(/\\s+/).filter(Boolean)
    .map(id => control.ownerDocument.getElementById(id) || control.getRootNode().getElementById(id));
  const own = ["submit", "button", "reset", "image"].includes(control.type) ? control.value : "";
  const within = [...control.querySelectorAll("[aria-label], [title], [alt], title")].slice(0, 50)
    .flatMap(part => [part.getAttribute("aria-label"), part.title, part.alt,
      part.localName === "title" ? part.textContent : ""]);
  const names = [control.innerText, control.getAttribute("aria-label"), control.title, control.alt, own,
    ...[...(control.labels || []), ...by].map(label => label && label.innerText), ...within];
  const root = control.getRootNode(), form = control.form || control.closest("form") || root;
  const box = control.getBoundingClientRect();
  const top = root.elementFromPoint?.(box.x + box.width / 2, box.y + box.height / 2);
  return [
    names.map(name => String(name || "").replace(/\\s+/g, " ").trim().slice(0, 1000)).filter(Boolean),
    [...form.querySelectorAll("[type=password]")]
      .some(field => field.value !== "" && field.checkVisibility()),
    Boolean(top && control.contains(top)) && control.checkVisibility({visibilityProperty: true})
      && !control.matches(":disabled") && !control.closest('[aria-disabled="true"]')];
}"""


@dataclass(frozen=True, slots=True)
class ControlNames:
    """All that a control is called. ``has_password``: a visible password field of its form is filled in.
    ``is_ready``: it can be pressed as it is now; one that cannot may still be brought into view."""

    texts: Sequence[str]
    has_password: bool = False
    is_ready: bool = False

    @property
    def shown(self) -> str:
        """For the log and for errors."""
        return one_line(" ".join(dict.fromkeys(self.texts)), NAME)

    @property
    def is_dangerous(self) -> bool:
        """Whether it could spend the customer's money or change what they agreed to."""
        return any(map(is_dangerous, self.texts))

    def must_be_harmless(self, portal: str) -> None:
        """Raises Stop, ``action_required``, for what a visit must never touch."""
        if self.is_dangerous:
            raise Stop(
                Outcome.ACTION_REQUIRED, f"{portal} wants “{self.shown}”; only the customer may do that."
            )


async def names_of(control: Locator, milliseconds: float) -> ControlNames:
    """The names of a control that is there within so many milliseconds."""
    return ControlNames(*await control.evaluate(_NAMES, timeout=milliseconds))
