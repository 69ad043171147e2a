"""Text as a browser reads it: which label counts, what it means (https://encoding.spec.whatwg.org, 4.2)."""

from __future__ import annotations

import codecs
import re

_LOOKED_AT = 4096
"""Bytes in which a page may say its encoding: a browser looks through its head."""
_WESTERN = "windows-1252"
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xfe\xff", "utf-16-be"), (b"\xff\xfe", "utf-16-le"))
_CHARSET = re.compile(r"""charset\s*=\s*["']?\s*([^\s"';>]+)""", re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?(?:-->|$)", re.DOTALL)
_META = re.compile(r"<meta[\s/]([^>]*)>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([a-z-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_XML = re.compile(r"""\s*<\?xml[^>]*\sencoding\s*=\s*["']([^"']+)["']""")

_ISO = re.compile(r"(?:iso-?8859-?|iso_8859-)(\d{1,2})(?::\d{4})?")
_WINDOWS = re.compile(r"(?:windows-|x-cp|cp)(125[0-8])")
_LATIN = re.compile(r"(?:csiso)?latin([1-69])|l([1-69])")
_OF_LATIN = {"1": "1", "2": "2", "3": "3", "4": "4", "5": "9", "6": "10", "9": "15"}
_INSTEAD = {"1": _WESTERN, "9": "windows-1254", "11": "cp874"}
"""Parts of ISO 8859 for which Windows' fuller tables are read."""
_PARTS = frozenset({*"2345678", "10", "13", "14", "15", "16"})
_OTHERS = {
    "ascii us-ascii ansi_x3.4-1968 ibm819 cp819 iso-ir-100": _WESTERN,
    "utf-8 utf8 unicode-1-1-utf-8 unicode11utf8 unicode20utf8 x-unicode20utf8": "utf-8",
    "utf-16 utf-16le unicode ucs-2 iso-10646-ucs-2 csunicode unicodefeff": "utf-16-le",
    "utf-16be unicodefffe": "utf-16-be",
    "macintosh mac x-mac-roman csmacintosh": "mac-roman",
    "windows-874 dos-874 tis-620": "cp874",
    "ibm866 cp866 866 csibm866": "cp866",
    "koi8-r koi8 koi koi8_r cskoi8r": "koi8-r",
    "koi8-u koi8-ru": "koi8-u",
    "gb18030 gbk x-gbk gb2312 gb_2312 gb_2312-80 chinese csgb2312 csiso58gb231280 iso-ir-58": "gb18030",
    "big5 big5-hkscs cn-big5 csbig5 x-x-big5": "big5-hkscs",
    "shift_jis shift-jis sjis x-sjis windows-31j ms932 ms_kanji csshiftjis": "cp932",
    "euc-jp x-euc-jp cseucpkdfmtjapanese": "euc-jp",
    "iso-2022-jp csiso2022jp": "iso-2022-jp",
    "euc-kr windows-949 korean cseuckr ksc5601 ksc_5601 ks_c_5601-1987 ks_c_5601-1989 csksc56011987": "cp949",
}
_LABELS = {label: codec for labels, codec in _OTHERS.items() for label in labels.split()}


def decoded(content: bytes, content_type: str = "") -> str:
    """What a browser would show of ``content``, of which ``content_type`` is the header.

    A byte-order mark counts first, then the header, then what the page says of itself. Where nothing does, it
    is UTF-8 if it can be, else windows-1252. JSON is UTF-8.
    """
    for mark, codec in _BOMS:
        if content.startswith(mark):
            return content[len(mark) :].decode(codec, "replace")
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type.endswith(("/json", "+json")):
        return content.decode("utf-8", "replace")
    codec = _said_by_header(content_type) or _said_by_page(content[:_LOOKED_AT])
    if codec:
        return _read(content, codec)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return _read(content, _WESTERN)


def _read(content: bytes, codec: str) -> str:
    return content.decode(codec, _AS_CONTROL if codec.startswith("windows-") else "replace")


def _said_by_header(content_type: str) -> str:
    found = _CHARSET.search(content_type)
    return _codec(found[1]) if found else ""


def _said_by_page(begin: bytes) -> str:
    text = begin.decode("latin-1")
    if found := _XML.match(text):
        return _within_a_page(_codec(found[1]))
    for meta in _META.finditer(_COMMENT.sub("", text)):
        attributes = {name.lower(): a or b or c for name, a, b, c in _ATTRIBUTE.findall(meta[1])}
        label = attributes.get("charset", "")
        if not label and attributes.get("http-equiv", "").strip().lower() == "content-type":
            found = _CHARSET.search(attributes.get("content", ""))
            label = found[1] if found else ""
        if codec := _codec(label):
            return _within_a_page(codec)
    return ""


def _within_a_page(codec: str) -> str:
    """What could be read so far cannot be UTF-16, whatever it says."""
    return "utf-8" if codec.startswith("utf-16") else codec


def _codec(label: str) -> str:
    """Python's name of the encoding that a label means to browsers; "" if it means none."""
    label = label.strip().lower()
    if found := _WINDOWS.fullmatch(label):
        return f"windows-{found[1]}"
    part = ""
    if found := _ISO.fullmatch(label):
        part = found[1]
    elif found := _LATIN.fullmatch(label):
        part = _OF_LATIN[found[1] or found[2]]
    if part:
        return _INSTEAD.get(part) or (f"iso8859-{part}" if part in _PARTS else "")
    return _LABELS.get(label, "")


def _as_control(error: UnicodeError) -> tuple[str, int]:
    """Bytes that Windows leaves open are control characters to a browser."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return chr(error.object[error.start]), error.start + 1


_AS_CONTROL = "meterfarm-control"
codecs.register_error(_AS_CONTROL, _as_control)
