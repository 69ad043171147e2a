"""Which ARIA role an element of HTML has by itself (HTML-AAM), and where its name is read."""

from __future__ import annotations

from collections.abc import Mapping

TAGS: Mapping[str, str] = {
    "a": "link",
    "article": "article",
    "button": "button",
    "dialog": "dialog",
    "form": "form",
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), "heading"),
    "img": "img",
    "main": "main",
    "nav": "navigation",
    "output": "status",
    "progress": "progressbar",
    "select": "combobox",
    "table": "table",
    "textarea": "textbox",
}
"""Roles by the name of the element; of an ``input`` by its type."""
INPUTS: Mapping[str, str] = {
    **dict.fromkeys(("button", "image", "reset", "submit"), "button"),
    "checkbox": "checkbox",
    "radio": "radio",
    "range": "slider",
    "search": "searchbox",
    "hidden": "",
    "number": "spinbutton",
}
NAMED_BY_TEXT = frozenset(
    {
        "alert",
        "button",
        "checkbox",
        "heading",
        "link",
        "menuitem",
        "option",
        "radio",
        "status",
        "switch",
        "tab",
    }
)
"""Whose name is its text. Others are named by the first title in them, which portals often leave unlinked."""
LIVE = frozenset({"alert", "status"})
"""Regions that portals keep in their pages, empty until there is something to say."""
TITLES = "descendant::*[self::h1 or self::h2 or self::h3 or self::legend or self::caption]"


def role_of(tag: str, role: str | None, kind: str | None) -> str:
    """The role of an element with this name, these attributes ``role`` and ``type``; "" for none."""
    given = (role or "").split()
    if given:
        return given[0].lower()
    return INPUTS.get((kind or "").lower(), "textbox") if tag == "input" else TAGS.get(tag, "")
