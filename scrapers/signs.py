"""Which declared sign a page that came over HTTP carries."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lxml import etree, html

from scrapers.outcomes import Sign

_PARSER = html.HTMLParser(encoding="utf-8")  # to make one takes longer than to parse a page
_INVISIBLE = etree.XPath("//script|//style|//template|//noscript|//body//*[@hidden]")
_HEADINGS = etree.XPath("//h1|//h2")
_TEXT = etree.XPath("string()", smart_strings=False)


def first_sign(path: str, content: bytes, signs: Sequence[Sign]) -> Sign | None:
    """The first of ``signs`` that an HTML answer carries; ``path`` is its address's."""
    here = [sign for sign in signs if not sign.path or re.search(sign.path, path)]
    if not here or not content.strip():
        return None
    try:
        root: html.HtmlElement = html.document_fromstring(content, parser=_PARSER)
    except etree.ParserError:
        return None
    for part in _INVISIBLE(root):
        part.drop_tree()
    text = _squeezed(_TEXT(root))
    headings = [_squeezed(_TEXT(heading)) for heading in _HEADINGS(root)]
    return next((sign for sign in here if sign.fits(path=path, headings=headings, text=text)), None)


def _squeezed(text: str) -> str:
    return " ".join(text.split())
