"""HTML as it comes from a portal, parsed: an empty page is recognised, and so is a declared sign on it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lxml import etree, html

from meterfarm.scrapers.outcomes import Sign
from meterfarm.support.charset import decoded

_PARSER = html.HTMLParser(encoding="utf-8")  # to make one takes longer than to parse a page
_BARE = " or ".join(f"self::{name}" for name in ("div", "p", "br", "hr", "span", "main", "section"))
_ANYTHING = etree.XPath(f"boolean(//body//*[@* or not({_BARE})] | //frameset | //script)")
_TEXT = etree.XPath("string(//body)", smart_strings=False)
_UNSEEN = re.compile(r"[\s\0\u200b\ufeff\ufffd]*")
_INVISIBLE = etree.XPath("//script|//style|//template|//noscript|//body//*[@hidden]")
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


def first_sign(path: str, content: bytes, signs: Sequence[Sign], content_type: str = "") -> Sign | None:
    """The first of ``signs`` that an HTML answer carries, of this path and this Content-Type header."""
    here = [sign for sign in signs if not sign.path or re.search(sign.path, path)]
    if not here:
        return None
    try:
        root = root_of(decoded(content, content_type))
    except EmptyPage:
        return next((sign for sign in here if not sign.heading and not sign.text), None)
    for part in _INVISIBLE(root):
        part.drop_tree()
    text = _squeezed(_ALL_TEXT(root))
    headings = [_squeezed(_ALL_TEXT(heading)) for heading in _HEADINGS(root)]
    return next((sign for sign in here if sign.fits(path=path, headings=headings, text=text)), None)


def _squeezed(text: str) -> str:
    return " ".join(text.split())
