"""HTML as it comes from a portal, parsed. A page without anything on it is known as that."""

from __future__ import annotations

import re

from lxml import etree, html

_PARSER = html.HTMLParser(encoding="utf-8")  # to make one takes longer than to parse a page
_BARE = " or ".join(f"self::{name}" for name in ("div", "p", "br", "hr", "span", "main", "section"))
_ANYTHING = etree.XPath(f"boolean(//body//*[@* or not({_BARE})] | //frameset | //script)")
_TEXT = etree.XPath("string(//body)", smart_strings=False)
_UNSEEN = re.compile(r"[\s\0\u200b\ufeff\ufffd]*")


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
