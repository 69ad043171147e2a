"""Which text message brings a code, and to which number it was sent."""

from __future__ import annotations

import pytest

from meterfarm.mfa.text_message import CodeText, is_sent_to, parse_number, text_code

DECLARED = [CodeText(("+1 (888) 555-0142", "78273", "Portal"), r"code is (\d{4,8})\b")]


@pytest.mark.parametrize("sender", ["+18885550142", "78273", "PORTAL"])
def test_the_code_is_copied_from_a_declared_sender(sender: str) -> None:
    assert text_code(DECLARED, sender, "Your code is 001234. Tell nobody.") == "001234"
    assert text_code(DECLARED, sender, "Your bill of 123456 is ready.") == ""
    assert text_code(DECLARED, sender, "Your code is 111111. Your code is 222222.") == ""
    other = CodeText((sender,), r"PIN (\d+)")
    assert text_code([*DECLARED, other], sender, "Your code is 111111, for PIN 222222.") == ""


@pytest.mark.parametrize("sender", ["+18885550143", "8885550142", "7827", ""])
def test_other_senders_bring_none(sender: str) -> None:
    assert text_code(DECLARED, sender, "Your code is 123456.") == ""


@pytest.mark.parametrize(
    ("destination", "is_it"),
    [
        ("***-***-4321", True),
        ("(\u2022\u2022\u2022) \u2022\u2022\u2022-\u2022\u202221", True),
        ("the number ending in 21", True),
        ("+15185554321", True),
        ("***-***-4322", False),
        ("number ending in 22", False),
        ("***-***-4322 (mobile)", False),
        ("***-***-4321 Mobile", True),
        ("***-***-4322 (primary mobile)", False),
        ("***-***-4321 (mobile 12, since 2019)", True),
        ("We texted ***-***-4321. The code is good for 10 minutes.", True),
        ("\u201c***\u20114322\u201d [default]", False),
        ("+3247788****", True),
        ("(518) ***-*321", True),
        ("***-***-***1", True),
        ("", True),
    ],
)
def test_a_masked_number_is_compared_by_the_digits_it_shows(destination: str, is_it: bool) -> None:
    assert is_sent_to(destination, "+15185554321") is is_it


def test_numbers_are_written_with_their_countrys_code() -> None:
    assert parse_number(" +1 (518) 555-0123 ") == "+15185550123"
    for wrong in (
        "5185550123",
        "+1",
        "+0123456789",
        "+1518555012345678",
        "++15185550123",
        "+1518555x123",
        "",
    ):
        with pytest.raises(ValueError, match="country's code"):
            parse_number(wrong)
