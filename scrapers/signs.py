"""Which declared sign a page that came over HTTP carries."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lxml import etree

from meterfarm.scrapers.markup import EmptyPage, root_of
from meterfarm.scrapers.outcomes import Sign
from meterfarm.support.charset import decoded

_INVISIBLE = etree.XPath("//script|//style|//template|//noscript|//body//*[@hidden]")
_HEADINGS = etree.XPath("//h1|//h2")
_TEXT = etree.XPath("string()", smart_strings=False)


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
    text = _squeezed(_TEXT(root))
    headings = [_squeezed(_TEXT(heading)) for heading in _HEADINGS(root)]
    return next((sign for sign in here if sign.fits(path=path, headings=headings, text=text)), None)


def _squeezed(text: str) -> str:
    return " ".join(text.split())
