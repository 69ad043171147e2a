"""How drift writes HTML. Names of form fields, addresses and standard attributes stay: the portal works.

Names by which the portal's own scripts work stay too. Pages with scripts get one more, which goes on with
what these make (`static/drift.js`).
"""

import json
import re
from collections.abc import Iterator
from random import Random
from typing import Any

from lxml import html

from meterfarm.fake_utility.kit import drift_words
from meterfarm.fake_utility.kit.drift import Drift, DriftSwitch

HtmlElement = Any  # of lxml, all of whose answers may be None by its types
SCRIPT_PATH = "/static/drift.js"
WORDED = ("h1", "h2", "h3", "label", "legend", "button", "a", "caption", "th")
_REFERRING = ("for", "aria-labelledby", "aria-describedby", "list", "form")
_SPOKEN = ("aria-label", "placeholder", "title", "alt")
_PARTS = ("section", "article", "aside")
_CLASS_RULE = re.compile(r"\.(-?[A-Za-z_][\w-]*)(?=[^{}]*\{)")


def drifted_page(drift: Drift, switch: DriftSwitch, content: bytes) -> bytes:
    """A page as it has become."""
    if b"<" not in content:
        return content
    root = html.document_fromstring(content.decode(), parser=html.HTMLParser(encoding=None))
    draw = Random(drift.seed)  # noqa: S311 - the same each time
    body = root.find("body")
    if body is None:
        return content
    if drift.has("extras"):
        _add_extras(body)
    if drift.has("order"):
        _reorder(body, draw)
    _reword(drift, body)
    if drift.has("controls"):
        _unname_controls(body)
    if drift.has("nesting"):
        _nest(body, draw)
    if drift.has("names"):
        _rename(drift, switch, root)
    if drift.has("attributes"):
        _shuffle_attributes(root, draw)
    _add_script(drift, root)
    return b"<!doctype html>\n" + bytes(html.tostring(root, encoding="utf-8"))


def drifted_style(drift: Drift, switch: DriftSwitch, content: bytes) -> bytes:
    """A style sheet with the classes' names."""
    if not drift.has("names"):
        return content

    def other(found: re.Match[str]) -> str:
        return f".{found[1]}" if switch.is_own(found[1]) else f".{drift.renamed(found[1])}"

    return _CLASS_RULE.sub(other, content.decode()).encode()


def _each(body: HtmlElement, *names: str) -> list[HtmlElement]:
    return [
        element for element in body.iter(*names) if not any(up.tag == "svg" for up in element.iterancestors())
    ]


def _add_extras(body: HtmlElement) -> None:
    """A note above, and a column more in each table."""
    for main in _each(body, "main"):
        note = html.fragment_fromstring("<p class='tip'>Tip: our lines are least busy before noon.</p>")
        if not main.xpath(".//script") and len(main):
            main.insert(0, note)
    for table in _tables(body):
        for row in table:
            is_head = row.getparent().tag == "thead"
            row.append(html.fragment_fromstring("<th scope='col'>Notes</th>" if is_head else "<td>none</td>"))


def _tables(body: HtmlElement) -> Iterator[list[HtmlElement]]:
    """The rows of each table of which every row has as many cells as the head."""
    for table in _each(body, "table"):
        rows = list(table.iter("tr"))
        if len(rows) > 1 and len({len(row) for row in rows}) == 1 and len(rows[0]):
            yield rows


def _reorder(body: HtmlElement, draw: Random) -> None:
    """Columns of tables move with their heads, parts of a page change places."""
    for rows in _tables(body):
        places = list(range(len(rows[0])))
        draw.shuffle(places)
        for row in rows:
            cells = list(row)
            row[:] = [cells[place] for place in places]
    for parent in {part.getparent(): None for part in _each(body, *_PARTS)}:
        children = list(parent)
        slots = [place for place, child in enumerate(children) if child.tag in _PARTS]
        moved = [children[place] for place in slots]
        draw.shuffle(moved)
        for place, child in zip(slots, moved, strict=True):
            children[place] = child
        parent[:] = children


def _texts(element: HtmlElement) -> Iterator[tuple[HtmlElement, str]]:
    """Each text within, as the attribute of lxml's that holds it."""
    if element.tag in ("script", "style") or not isinstance(element.tag, str):
        return
    if element.text and element.text.strip():
        yield element, "text"
    for child in element:
        yield from _texts(child)
        if child.tail and child.tail.strip():
            yield child, "tail"


def _reword(drift: Drift, body: HtmlElement) -> None:
    for holder, part in _texts(body):
        setattr(holder, part, drift_words.other(drift, getattr(holder, part)))
    for element in body.iter():
        for name in _SPOKEN:
            if isinstance(element.tag, str) and element.get(name):
                element.set(name, drift_words.other(drift, element.get(name)))
    for element in _each(body, "p", "td", "li", "dd", "address"):
        for holder, part in _texts(element):
            setattr(holder, part, drift_words.spaced(drift, getattr(holder, part)))
    for element in _each(body, *WORDED):
        if element.tag == "th" and element.get("scope") == "row":
            continue
        parts = list(_texts(element))
        for holder, part in parts:
            setattr(holder, part, drift_words.mild(drift, getattr(holder, part)))
        if len(parts) == 1:
            holder, part = parts[0]
            setattr(holder, part, drift_words.marked(drift, element.tag, getattr(holder, part)))


def _unname_controls(body: HtmlElement) -> None:
    """Labels that are none, and buttons with an arrow; who looks still knows what they are for."""
    for label in _each(body, "label"):
        if label.get("for"):
            label.tag = "span"
            del label.attrib["for"]
    for button in _each(body, "button"):
        if not len(button):
            button.text = "\N{RIGHTWARDS ARROW}"


def _nest(body: HtmlElement, draw: Random) -> None:
    """Wrappers around things, and one kind of block for another."""
    for element in _each(body, "div", "section"):
        if not any(name.startswith(("aria-", "role")) for name in element.attrib):
            element.tag = "section" if element.tag == "div" else "div"
    for element in _each(body, "h1", "h2", "table", "p", "address", "label", "button", "select"):
        parent = element.getparent()
        if parent is None or parent.tag in ("label", "a", "p", "button") or draw.random() < 0.3:
            continue
        _wrap(element, draw.choice(("div", "div", "article")) if element.tag in ("h1", "table") else "div")
    for cell in _each(body, "td", "th"):
        inner = html.Element("span")
        inner.text, cell.text = cell.text, None
        inner.extend(list(cell))
        cell.append(inner)


def _wrap(element: HtmlElement, tag: str) -> None:
    around = html.Element(tag)
    around.tail, element.tail = element.tail, None
    element.addprevious(around)
    around.append(element)


def _rename(drift: Drift, switch: DriftSwitch, root: HtmlElement) -> None:
    """Ids with what refers to them, classes, and data attributes."""

    def other(name: str) -> str:
        return name if switch.is_own(name) else drift.renamed(name)

    ids = {element.get("id") for element in root.iter() if isinstance(element.tag, str) and element.get("id")}
    for element in root.iter():
        if not isinstance(element.tag, str):
            continue
        if element.get("id"):
            element.set("id", other(element.get("id")))
        for name in _REFERRING:
            if element.get(name):
                element.set(
                    name, " ".join(other(one) if one in ids else one for one in element.get(name).split())
                )
        if (where := element.get("href", "")).startswith("#") and where[1:] in ids:
            element.set("href", f"#{other(where[1:])}")
        if element.get("class"):
            element.set("class", " ".join(other(one) for one in element.get("class").split()))
        for name in [name for name in element.attrib if name.startswith("data-")]:
            bare = name.removeprefix("data-")
            if not switch.is_own(bare) and not switch.is_own(name):
                element.set(f"data-{drift.renamed(bare)}", element.attrib.pop(name))


def _shuffle_attributes(root: HtmlElement, draw: Random) -> None:
    for element in root.iter():
        if isinstance(element.tag, str) and len(element.attrib) > 1:
            given = list(element.attrib.items())
            draw.shuffle(given)
            element.attrib.clear()
            element.attrib.update(given)


def _add_script(drift: Drift, root: HtmlElement) -> None:
    """Before the portal's own, where it has any."""
    head = root.find("head")
    if head is None or not root.xpath("//script[@src]"):
        return
    plan = {
        "kinds": drift.kinds,
        "case": drift.case,
        "prefix": drift.prefix,
        "words": drift_words.OTHER_WORDS if drift.has("words") else {},
        "marks": drift_words.MARKS,
        "worded": WORDED,
    }
    head.insert(0, html.Element("script", src=SCRIPT_PATH, plan=json.dumps(plan)))
