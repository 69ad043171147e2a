"""What the meters of an ESPI file are called: by a serial number, an id in a title, or a link cut short.

Two usage points never share a name but by their serial number, so a link is cut only as far as it stays
unique. A title is a name for people, often a street address or a person's, and is an id only if it looks
like one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from meterfarm.formats.espi.href import Href
from meterfarm.formats.espi.resources import UsagePoint

_WORD = re.compile(r"[^\s@,;/]{1,64}")
_NUMBERED = re.compile(
    r"(?:(?:electric(?:ity)?|gas|water|power|energy|smart|main|service|usage|strom|wasser)[ -])?"
    r"(?:meter|metre|counter|point|service|account|zähler|compteur|contador|contatore|teller|nmi|mpan|ean)"
    r"(?: (?:id|no\.?|number|nr\.?|#))?:? ?#?(?=[^ ]*\d)[\w.-]{1,40}",
    re.IGNORECASE,
)
_PARTS = re.compile(r"[^\W\d_]+|\d+")
_STREETS = frozenset(
    {
        *("st", "str", "ave", "av", "rd", "ct", "dr", "ln", "blvd", "hwy", "pl", "pkwy", "ter", "cir", "sq"),
        *("way", "rue", "via", "calle", "rua", "apt", "unit", "suite"),
    }
)
_STREET_ENDS = (
    *("street", "avenue", "road", "court", "drive", "lane", "boulevard", "highway", "place", "terrace"),
    *("strasse", "straße", "straat", "weg", "gasse", "laan", "plein", "platz", "allee"),
)


_GROUP = re.compile(r"[^\W\d_]{1,2}|(?=\D*\d)[\w.-]{1,40}")


def is_id(title: str) -> bool:
    """Whether a title may be a meter's id: a word, ``G 77 0042`` or ``Meter 42``; never an address."""
    groups = title.split()
    if not groups or not (_WORD.fullmatch(title) or all(map(_GROUP.fullmatch, groups))):
        return _NUMBERED.fullmatch(title) is not None
    parts = [each.lower() for each in _PARTS.findall(title)]
    numbered = any(map(str.isdigit, parts))
    return not (numbered and any(each in _STREETS or each.endswith(_STREET_ENDS) for each in parts))


def meter_names(points: Sequence[UsagePoint], known: dict[str, Href]) -> dict[int, str]:
    """By ``id`` of each of a file's usage points.

    ``known`` are the names that links of other files were cut to; what is cut here is entered.
    """
    titles = Counter(each.links.title for each in points)
    names: dict[int, str] = {}
    short: list[UsagePoint] = []
    for point in points:
        title = point.links.title
        if point.meter is not None:
            names[id(point)] = point.meter
        elif point.serial:
            names[id(point)] = point.serial
        elif is_id(title) and titles[title] == 1:
            names[id(point)] = title
        else:
            short.append(point)
    taken = set(names.values())
    cut = _cut([each.links.own for each in short], taken)
    often, number = Counter(cut), Counter[str]()
    for point, name in zip(short, cut, strict=True):
        number[name] += 1
        several = f"{name} ({number[name]})" if name else f"usage point {number[name]}"
        names[id(point)] = several if often[name] > 1 else _unlike(name, point.links.own, known)
    return names


def _unlike(name: str, link: Href, known: dict[str, Href]) -> str:
    """``name``, or the whole link if another one was cut to it before."""
    if not known.setdefault(name, link).may_be(link):
        name = str(link)
    return name


def _cut(links: Sequence[Href], taken: set[str]) -> list[str]:
    """The links without as much in front as leaves each unlike all others; ``taken`` are names of others."""
    whole = [tuple(filter(None, (each.host, *each.path.split("/")))) for each in links]
    names = [""] * len(links)
    left = list(range(len(links)))
    for length in range(1, 1 + max(map(len, whole), default=0)):
        if not left:
            break
        ends = Counter(dict.fromkeys(taken, 1))
        for path in {(path, link.query) for path, link in zip(whole, links, strict=True)}:
            ends["/".join(path[0][-length:])] += 1
        for place in left:
            names[place] = "/".join(whole[place][-length:])
        left = [place for place in left if ends[names[place]] > 1]
    for place in left:
        names[place] = str(links[place]) if links[place].path else ""
    return names
