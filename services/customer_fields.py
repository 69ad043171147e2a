"""What people paste into the fields of a customer: characters that nobody sees, left off or refused by name.

No sentence repeats what was given: columns get mixed up, and then a password is anywhere.
"""

from __future__ import annotations

import unicodedata

from meterfarm.mfa.security_questions import as_compared
from meterfarm.mfa.totp import parse_totp_secret
from meterfarm.records import SecretKind

LONGEST_NAME = 320
"""Characters of a user name or an id; an e-mail address has at most 254."""
LONGEST_SECRET = 4096
_LONGEST_EMAIL = 254
NAMES = {
    SecretKind.PASSWORD: "password",
    SecretKind.TOTP_SECRET: "TOTP secret",
    SecretKind.SECURITY_ANSWER: "security answer",
}
_TAKE_NO_ROOM = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def tidied(text: str) -> str:
    """Without what nobody sees at its ends: spaces of any kind, byte order marks, zero-width characters.

    Control characters stay: no program writes one where nothing is meant.
    """
    first, last = 0, len(text)
    while first < last and _is_left_off(text[first]):
        first += 1
    while last > first and _is_left_off(text[last - 1]):
        last -= 1
    return text[first:last]


def problem_of_name(what: str, text: str) -> str:
    """Why the text cannot be a user name or an id, in a sentence, or "". ``what`` names it."""
    if len(text) > LONGEST_NAME:
        return f"The {what} is longer than {LONGEST_NAME} characters."
    for char in text:
        if char != " " and (char.isspace() or _is_unseen(char)):
            return f"The {what} has {_named(char)} in it; type it again."
    return ""


def is_email(text: str) -> bool:
    """Whether the text can be an e-mail address: one @ with a name before and a host after it."""
    name, _, host = text.rpartition("@")
    bounded = bool(name) and "@" not in name and len(text) <= _LONGEST_EMAIL and not problem_of_name("", text)
    return bounded and " " not in text and "." in host.strip(".") and not host.startswith(".")


def problem_of_secret(kind: SecretKind, text: str) -> str:
    """Why the text cannot be a secret of this kind, in a sentence, or ""."""
    what = NAMES[kind]
    if len(text) > LONGEST_SECRET:
        return f"The {what} is longer than {LONGEST_SECRET} characters."
    for char in text:
        if char != "\t" and unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"}:
            return f"The {what} has {_named(char)} in it; type it again."
    if kind is SecretKind.TOTP_SECRET:
        try:
            parse_totp_secret(text)
        except ValueError as exc:
            return str(exc)
    return ""


def problem_of_question(text: str) -> str:
    """Why the text cannot be a security question, in a sentence, or ""."""
    if not as_compared(text):
        return "A security question has words; give it as the portal asks it."
    return problem_of_name("security question", tidied(text))


def _is_left_off(char: str) -> bool:
    if unicodedata.category(char) == "Cc":
        return char in "\t\n\x0b\x0c\r"
    return char.isspace() or _is_unseen(char)


def _is_unseen(char: str) -> bool:
    is_variant = "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"
    return unicodedata.category(char) in _UNSEEN or char in _TAKE_NO_ROOM or is_variant


def _named(char: str) -> str:
    code = f"U+{ord(char):04X}"
    if char in "\r\n\x0b\x0c\x85\u2028\u2029":
        return f"a line break ({code})"
    if unicodedata.category(char) == "Cc":
        return f"a control character ({code})"
    return f"a no-break or other odd space ({code})" if char.isspace() else f"an invisible character ({code})"
