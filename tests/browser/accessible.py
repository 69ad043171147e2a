"""What axe finds on a page in both themes, on phone and desk, and whether it fits on the screen."""

from __future__ import annotations

from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

PHONE, DESK = 360, 1280
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
BY_SIZE_AND_THEME = {"runOnly": ["color-contrast", "target-size", "scrollable-region-focusable"]}
"""What size and theme make no difference to is looked at once."""


def violations(page: Page) -> list[str]:
    """What matters of what axe finds on the page, each with where."""
    found: list[str] = []
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    for width in (PHONE, DESK):
        page.set_viewport_size({"width": width, "height": 720})
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{width}: it is wider than the screen")
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            response = Axe().run(page, options=options).response
            assert response["passes"], "axe has looked at something"
            options = BY_SIZE_AND_THEME | {"resultTypes": ["violations"]}
            found += [
                f"{width}, {theme}: {each['id']}: {[node['html'] for node in each['nodes']]}"
                for each in response["violations"]
                if each["impact"] in {"serious", "critical"}
            ]
    return found
