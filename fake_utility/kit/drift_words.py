"""How drift writes texts: mildly with other cases, blanks and punctuation, severely in other words."""

import re

from meterfarm.fake_utility.kit.drift import Drift

NBSP = "\N{NO-BREAK SPACE}"
MARKS = {"label": ":", "button": " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}", "h1": ".", "h2": "."}
"""What is put behind the words of such an element."""
OTHER_WORDS = {
    "sign in": "log on",
    "signed in": "logged on",
    "sign-in": "log-on",
    "sign out": "log off",
    "signed out": "logged off",
    "e-mail address": "mailbox",
    "e-mail": "mail",
    "username": "member name",
    "password": "passphrase",
    "passwords": "passphrases",
    "verification": "confirmation",
    "verify": "confirm",
    "code": "number",
    "codes": "numbers",
    "authenticator": "generator",
    "security": "safety",
    "account": "profile",
    "accounts": "profiles",
    "bill": "statement",
    "bills": "statements",
    "billed": "issued",
    "billing": "statement",
    "meter": "device",
    "meters": "devices",
    "overview": "summary",
    "usage": "consumption",
    "amount": "sum",
    "next": "go on",
    "continue": "proceed",
    "send": "request",
    "sent": "passed",
    "question": "riddle",
    "answer": "reply",
    "incorrect": "not right",
    "wrong": "not right",
    "right": "as it should be",
    "match": "fit",
    "locked": "shut",
    "expired": "run out",
    "terms": "conditions",
    "choose": "pick",
    "maintenance": "work",
    "updated": "renewed",
    "history": "archive",
    "service": "supply",
    "robot": "machine",
    "person": "human",
    "enroll": "join",
    "failed": "went amiss",
    "could": "did",
    "data": "readings",
}
_OTHER = re.compile(rf"(?i)(?<![\w-])(?:{'|'.join(sorted(OTHER_WORDS, key=len, reverse=True))})(?![\w-])")
_ENDS = re.compile(r"[\w)'\u2019]\s*$")
_HAS_DATA = re.compile(r"[\d@*•]")


def mild(drift: Drift, text: str) -> str:
    """The same for who reads it."""
    if drift.case and not _HAS_DATA.search(text):
        text = {"upper": text.upper(), "lower": text.lower(), "title": _titled(text)}[drift.case]
    if drift.has("punctuation"):
        text = text.replace("'", "\N{RIGHT SINGLE QUOTATION MARK}")
    return spaced(drift, text)


def spaced(drift: Drift, text: str) -> str:
    """With other blanks."""
    return re.sub(r"(?<=\S) (?=\S)", NBSP, text) if drift.has("spacing") else text


def marked(drift: Drift, kind: str, text: str) -> str:
    """With a mark at the end, unless there is one."""
    mark = MARKS.get(kind, "")
    if not drift.has("punctuation") or not mark or not _ENDS.search(text) or _HAS_DATA.search(text):
        return text
    bare = text.rstrip()
    return f"{bare}{mark}{text[len(bare) :]}"


def other(drift: Drift, text: str) -> str:
    """In other words, if drift has these."""
    return _OTHER.sub(_other, text) if drift.has("words") else text


def _other(found: re.Match[str]) -> str:
    word = OTHER_WORDS[found[0].lower()]
    return word[0].upper() + word[1:] if found[0][0].isupper() else word


def _titled(text: str) -> str:
    return re.sub(r"(?<![\w'\u2019])[a-z]", lambda found: found[0].upper(), text)
