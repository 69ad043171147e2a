"""An HTML mail as a person sees it: its words in lines, without what is hidden. Pure.

The tree is lxml's. Of styles only what hides is looked at, in ``style`` attributes and in rules of a style
sheet that select by a tag, a class or an id; rules for other media (``@media``) are left aside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from lxml import etree, html
from lxml.html import HtmlElement, defs

_CELLS = {"br", "caption", "center", "dd", "dt", "hr", "li", "tbody", "td", "tfoot", "th", "thead", "tr"}
_BLOCKS = defs.block_tags | _CELLS
_UNSEEN = frozenset({"head", "script", "style", "template", "title", "datalist", "audio", "video", "object"})
_MOST_RULES = 2000
_MOST_COMPOUND = 50
_SPACES = re.compile(r"[ \t\r\n\f]+")
_ZERO = re.compile(r"[+-]?0*\.?0*(?:px|pt|em|rem|ex|ch|mm|cm|in|%)?")
_SIDES = ("left", "top", "right", "bottom")
_NO_SIZE = ("max-height", "max-width", "height", "width")
_ONE_BY_ONE = re.compile(r"(?<![\w.,:/-])[0-9](?:\s[0-9]){3,}(?![\w.,:/-])")
"""Digits that stand each in a cell or a box of its own."""
_NAMES = re.compile(r"[.#]?[\w*-]+")
_PLAIN = re.compile(r"\s*(?:[\w*][\w-]*)?(?:[.#][\w-]+)*\s*")
"""A selector of one element by what it is, and not by where."""


class _Sheet:
    """What style sheets declare, by tag, class and id, in this order of weight; and by several at once."""

    def __init__(self, root: HtmlElement) -> None:
        self._by_name: dict[str, dict[str, str]] = {}
        self._compound: list[tuple[frozenset[str], Mapping[str, str]]] = []
        for sheet in root.iter("style"):
            for selectors, body in _blocks(sheet.text or ""):
                style = _declared(body)
                for selector in selectors.split(",") if style else ():
                    self._enter(frozenset(_NAMES.findall(selector)), selector, style)

    def of(self, element: HtmlElement) -> Mapping[str, str]:
        """What holds for an element: the sheet's, then its own."""
        found: dict[str, str] = {}
        if self._by_name or self._compound:
            classes = [f".{name}" for name in (element.get("class") or "").split()]
            names = ["*", str(element.tag), *classes, f"#{element.get('id')}"]
            for name in names:
                found |= self._by_name.get(name, {})
            for wanted, declared in self._compound:
                if wanted.issubset(names):
                    found |= declared
        own = element.get("style")
        return found | _declared(own) if own else found

    def _enter(self, names: frozenset[str], selector: str, style: Mapping[str, str]) -> None:
        if not _PLAIN.fullmatch(selector) or len(self._by_name) >= _MOST_RULES:
            return
        if len(names) == 1:
            (name,) = names
            self._by_name.setdefault(name, {}).update(style)
        elif len(self._compound) < _MOST_COMPOUND:
            self._compound.append((names, style))


@dataclass(frozen=True, slots=True)
class _Seen:
    """What an element hands down to those in it; a child may be larger, or visible, again."""

    has_size: bool = True
    is_visible: bool = True
    color: str = ""
    ground: str = ""
    """The colours, "" where they are not known."""
    keeps_lines: bool = False

    @property
    def now(self) -> bool:
        stands_out = self.color != "transparent" and (not self.color or self.color != self.ground)
        return self.has_size and self.is_visible and stands_out


def seen_in_html(source: str) -> str:
    """The words of a page, each block and cell on a line of its own, in one piece what is only set otherwise.

    No-break spaces are spaces. Digits that stand in boxes of their own are one number.
    """
    try:
        root = html.document_fromstring(source.encode("utf-8", "replace"), html.HTMLParser(encoding="utf-8"))
    except (etree.ParserError, ValueError):
        return ""
    lines = "".join(_pieces(root, _Sheet(root))).split("\n")
    text = "\n".join(filter(None, (" ".join(line.split()) for line in lines)))
    return _ONE_BY_ONE.sub(lambda found: "".join(found[0].split()), text)


def _pieces(root: HtmlElement, sheet: _Sheet) -> Iterator[str]:
    stack = [_Seen()]
    walk = etree.iterwalk(root, events=("start", "end", "comment", "pi"))
    for event, element in walk:
        if event in {"comment", "pi"}:
            yield from _worded(element.tail, stack[-1])
        elif event == "start":
            style = sheet.of(element)
            if _is_hidden(element, style):
                walk.skip_subtree()
                stack.append(stack[-1])
                continue
            stack.append(_inside(element, style, stack[-1]))
            if element.tag in _BLOCKS:
                yield "\n"
            yield from _worded(element.text, stack[-1])
        else:
            stack.pop()
            if element.tag in _BLOCKS:
                yield "\n"
            yield from _worded(element.tail, stack[-1])


def _worded(text: str | None, seen: _Seen) -> Iterator[str]:
    if text and seen.now:
        yield text.replace("\r\n", "\n").replace("\r", "\n") if seen.keeps_lines else _SPACES.sub(" ", text)


def _is_hidden(element: HtmlElement, style: Mapping[str, str]) -> bool:
    """Whether nothing of it is shown, whatever stands in it."""
    is_clipped = style.get("overflow", "").startswith("hidden") or style.get("overflow-y") == "hidden"
    return (
        element.tag in _UNSEEN
        or (element.get("hidden") is not None and style.get("display", "none") == "none")
        or style.get("display") == "none"
        or style.get("mso-hide") == "all"
        or _is_zero(style.get("opacity", ""))
        or (is_clipped and any(_is_zero(style.get(name, "")) for name in _NO_SIZE))
        or (
            style.get("position") in {"absolute", "fixed"}
            and any(_is_far(style.get(name, "")) for name in _SIDES)
        )
        or _is_far(style.get("text-indent", ""))
    )


def _inside(element: HtmlElement, style: Mapping[str, str], around: _Seen) -> _Seen:
    seen = around
    if "font-size" in style:
        seen = replace(seen, has_size=not _is_zero(style["font-size"]) and style["font-size"] != "1px")
    if "visibility" in style:
        seen = replace(seen, is_visible=style["visibility"] not in {"hidden", "collapse"})
    color = style.get("color") or element.get("color")
    ground = style.get("background-color") or style.get("background") or element.get("bgcolor")
    if color:
        seen = replace(seen, color=_color(color))
    if ground:
        seen = replace(seen, ground=_color(ground))
    if element.tag == "pre" or style.get("white-space", "").startswith("pre"):
        seen = replace(seen, keeps_lines=True)
    return seen


def _blocks(sheet: str) -> Iterator[tuple[str, str]]:
    """Selectors and what is declared for them, but for what is within an ``@`` rule."""
    plain = re.sub(r"/\*.*?(?:\*/|\Z)", " ", sheet, flags=re.DOTALL).replace("<!--", "").replace("-->", "")
    depth, selectors, begun, is_at_rule = 0, "", 0, False
    for place in (match.start() for match in re.finditer("[{}]", plain)):
        if plain[place] == "{":
            if not depth:
                selectors = plain[begun:place].rpartition(";")[2]
                is_at_rule = selectors.lstrip().startswith("@")
            depth, begun = depth + 1, place + 1
        else:
            if depth == 1 and not is_at_rule:
                yield selectors, plain[begun:place]
            depth, begun = max(depth - 1, 0), place + 1


def _declared(style: str) -> dict[str, str]:
    pairs = (declaration.partition(":") for declaration in style.lower().split(";"))
    return {name.strip(): value.replace("!important", "").strip() for name, colon, value in pairs if colon}


def _color(written: str) -> str:
    """One spelling of a colour; "" for what is none by itself, as a picture or a name that is not known."""
    first = written.lower().split()[0] if written.split() else ""
    first = {"white": "#ffffff", "black": "#000000"}.get(first, first)
    if re.fullmatch("#[0-9a-f]{3}", first):
        first = "#" + "".join(digit * 2 for digit in first[1:])
    return first if first == "transparent" or re.fullmatch("#[0-9a-f]{6}", first) else ""


def _is_far(value: str) -> bool:
    """Whether something is moved out of sight."""
    return re.fullmatch(r"-[0-9]{3,}(?:\.[0-9]+)?(?:px|pt|em|rem|%|vw)", value) is not None


def _is_zero(value: str) -> bool:
    return bool(value) and value[-1:] != "." and _ZERO.fullmatch(value) is not None and "0" in value
