"""HTML as it comes from a portal, parsed: an empty page is recognised, and so is a declared sign on it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from lxml import etree, html

from meterfarm.scrapers.aria import LIVE, NAMED_BY_TEXT, TITLES, role_of
from meterfarm.scrapers.guard import host_of
from meterfarm.scrapers.outcomes import Sign
from meterfarm.support.charset import decoded

_PARSER = html.HTMLParser(encoding="utf-8")  # to make one takes longer than to parse a page
_BARE = " or ".join(f"self::{name}" for name in ("div", "p", "br", "hr", "span", "main", "section"))
_ANYTHING = etree.XPath(f"boolean(//body//*[@* or not({_BARE})] | //frameset | //script)")
_TEXT = etree.XPath("string(//body)", smart_strings=False)
_UNSEEN = re.compile(r"[\s\0\u200b\ufeff\ufffd]*")
_INVISIBLE = etree.XPath("//script|//style|//template|//noscript|//body//*[@hidden]|//dialog[not(@open)]")
_HEADINGS = etree.XPath("//h1|//h2")
_ALL_TEXT = etree.XPath("string()", smart_strings=False)


class EmptyPage(ValueError):
    """There is nothing on the page that a person could see, or a script could work with."""

    def __init__(self) -> None:
        super().__init__("the page is empty")


def root_of(page: str) -> html.HtmlElement:
    """The root of a page, whatever encoding it names: ``page`` is decoded.

    Raises:
        EmptyPage: blanks, comments, a title, elements around nothing.
    """
    try:
        root: html.HtmlElement = html.document_fromstring(page.encode("utf-8", "replace"), parser=_PARSER)
    except etree.ParserError as exc:
        raise EmptyPage from exc
    if not _ANYTHING(root) and _UNSEEN.fullmatch(_TEXT(root)):
        raise EmptyPage
    return root


def first_sign(url: str, content: bytes, signs: Sequence[Sign], content_type: str = "") -> Sign | None:
    """The first of ``signs`` that an HTML answer carries, of this address and this Content-Type header.

    An answer has no fragment: signs with a ``hash`` are those of pages in a browser.
    """
    here = [sign for sign in _at(url, signs) if not sign.pointer]
    if not here:
        return None
    try:
        root = root_of(decoded(content, content_type))
    except EmptyPage:
        return next((sign for sign in here if not sign.is_of_content), None)
    for part in _INVISIBLE(root):
        part.drop_tree()
    text = _squeezed(_ALL_TEXT(root))
    headings = [_squeezed(_ALL_TEXT(heading)) for heading in _HEADINGS(root)]
    roles = set(_roles(root)) if any(sign.role for sign in here) else ()
    return next((sign for sign in here if sign.is_shown(headings=headings, text=text, roles=roles)), None)


def first_json_sign(url: str, answer: object, signs: Sequence[Sign]) -> Sign | None:
    """The first of ``signs`` with a pointer that an answer from there carries; ``answer`` is parsed JSON."""
    return next((sign for sign in _at(url, signs) if sign.is_in(answer)), None)


def _at(url: str, signs: Sequence[Sign]) -> Sequence[Sign]:
    """Those that may be recognised at this address; a path alone is one of no host."""
    host, path = host_of(url), urlsplit(url).path
    return [sign for sign in signs if sign.is_at(host=host, path=path)]


def _roles(root: html.HtmlElement) -> Iterator[tuple[str, str]]:
    """The ARIA role and the name of each element that has a role, as far as HTML by itself says them."""
    named = {name: element for element in root.iter() if (name := element.get("id"))}
    for element in root.iter(etree.Element):
        role = role_of(str(element.tag), element.get("role"), element.get("type"))
        if role:
            labels = [named[each] for each in (element.get("aria-labelledby") or "").split() if each in named]
            texts = [element] if role in NAMED_BY_TEXT else element.xpath(TITLES)[:1]
            names = [
                " ".join(map(_ALL_TEXT, labels)),
                element.get("aria-label") or "",
                " ".join(map(_ALL_TEXT, texts)) or element.get("value") or "",
                element.get("alt") or element.get("title") or "",
            ]
            name = next((name for name in map(_squeezed, names) if name), "")
            if name or role not in LIVE:
                yield role, name


def _squeezed(text: str) -> str:
    return " ".join(text.split())
