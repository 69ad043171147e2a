"""Which mail brings a code, and what the code is."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP

import pytest

from meterfarm.mfa.mailbox import CodeMail, is_stale, mail_code, matching, read_envelope

DECLARED = [CodeMail(("Codes@Portal.example",), r"code is\s+([A-Z0-9-]{4,9})\b", subject=r"^Your code$")]
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def _headers(**fields: str) -> bytes:
    given = {"From": "Portal <codes@portal.example>", "Subject": "Your code", "To": "ada@home.example"}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in (given | fields).items()]
    return "\r\n".join([*lines, "", ""]).encode()


def _is_meant(**fields: str) -> bool:
    envelope = read_envelope(_headers(**fields), "1")
    assert envelope is not None
    return bool(matching(DECLARED, envelope))


def test_sender_and_subject_must_be_the_declared_ones() -> None:
    assert _is_meant()
    assert _is_meant(From="CODES@portal.EXAMPLE")
    assert _is_meant(
        From="=?utf-8?q?P=C3=B6rtal?= <codes@portal.example>", Subject="=?utf-8?b?WW91ciBjb2Rl?="
    )
    assert _is_meant(Subject="Your\r\n code")
    assert not _is_meant(Subject="Re: Your code")
    assert not _is_meant(Subject="Your code for a new password")
    assert not _is_meant(From="codes@portal.example.evil.example")
    assert not _is_meant(From='"codes@portal.example" <evil@evil.example>')
    assert not _is_meant(From="codes@portal.example, evil@evil.example")
    assert not _is_meant(From="codes@portal.example <evil@evil.example>")
    assert not _is_meant(From="codes@portal.example: evil@evil.example;")
    assert not _is_meant(From="codes@portal.example<evil@evil.example>")
    assert not _is_meant(From="codes@portal.example@evil.example")
    assert _is_meant(From="codes@portal.example <Codes@portal.example>")
    assert _is_meant(From="Portal, Inc. <codes@portal.example>")
    assert not _is_meant(From="")


def test_recipients_are_all_who_are_named() -> None:
    fields = {"To": "Ada <ADA@home.example>, b@c.example", "Delivered_To": "codes@company.example"}
    envelope = read_envelope(_headers(**fields, X_Original_To="x@y.example"), "1")
    assert envelope is not None
    assert envelope.recipients == {
        "ada@home.example",
        "b@c.example",
        "codes@company.example",
        "x@y.example",
    }


def test_copies_have_one_fingerprint_and_other_mails_another() -> None:
    def fingerprint(place: str, **fields: str) -> str:
        envelope = read_envelope(_headers(**fields), place)
        assert envelope is not None
        return envelope.fingerprint

    day = "Sun, 22 Nov 2026 12:00:00 +0000"
    assert fingerprint("1", Message_ID="<a@b>", Date=day) == fingerprint("2", Message_ID="<a@b>", Date=day)
    assert fingerprint("1", Message_ID="<a@b>", Date=day) != fingerprint("1", Message_ID="<c@b>", Date=day)
    later = "Sun, 22 Nov 2026 12:09:00 +0000"
    assert fingerprint("1", Message_ID="<a@b>", Date=day) != fingerprint("1", Message_ID="<a@b>", Date=later)
    assert fingerprint("1", Date=day) != fingerprint("2", Date=day)


@pytest.mark.parametrize("encoding", ["7bit", "quoted-printable", "base64"])
@pytest.mark.parametrize("kind", ["plain", "html"])
def test_the_code_is_copied_verbatim_whatever_the_encoding(encoding: str, kind: str) -> None:
    mail = EmailMessage(policy=SMTP)
    text = (
        "<p>Grüezi, your code is</p><p><b>00</b><b>42-AB</b></p>"
        if kind == "html"
        else "your code is 0042-AB."
    )
    if encoding == "7bit":
        text = text.replace("ü", "ue")
    mail.set_content(text, subtype=kind, cte=encoding)
    assert mail_code(DECLARED, mail.as_bytes()) == "0042-AB"


def test_text_and_html_must_not_differ_and_neither_be_ambiguous() -> None:
    def mail(text: str, page: str) -> bytes:
        message = EmailMessage()
        message.set_content(text)
        message.add_alternative(page, subtype="html")
        return message.as_bytes()

    assert mail_code(DECLARED, mail("code is 111111", "<b>code is 111111</b>")) == "111111"
    assert mail_code(DECLARED, mail("See the page.", "code is\n<br> 222222")) == "222222"
    assert mail_code(DECLARED, mail("code is 111111", "code is 222222")) == ""
    assert mail_code(DECLARED, mail("code is 111111, code is 222222", "")) == ""
    hidden = "<style>p{content:'code is 999999'}</style><!-- code is 888888 --><p>code is 111111</p>"
    assert mail_code(DECLARED, mail("", hidden)) == "111111"
    assert mail_code(DECLARED, mail("code is 11\u200b1111", "")) == "111111"
    assert mail_code(DECLARED, mail("code is \u2066\u200e111111\u2069", "")) == "111111"


def test_attachments_and_mails_within_are_not_read() -> None:
    mail = EmailMessage()
    mail.set_content("Nothing here.")
    mail.add_attachment("code is 111111", filename="old.txt")
    within = EmailMessage()
    within.set_content("code is 222222")
    mail.add_attachment(within)
    assert mail_code(DECLARED, mail.as_bytes()) == ""


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00\x00",
        b"Content-Type: text/plain; charset=nonsense\r\n\r\ncode is 111111",
        b"Content-Type: multipart/mixed\r\n\r\ncode is 111111",
        b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!",
        b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: text/plain\r\n\r\nyour code",
        b"Date: 1 Jan 2026 00:00:00 +99999999999999\r\n\r\ncode is 111111",
        b"Date: 99999999999 Jan 2026 00:00:00 +0000\r\n\r\ncode is 111111",
        b"To: <a@[\r\n\t\r\n\r\ncode is 111111",
    ],
)
def test_broken_mails_do_no_harm(content: bytes) -> None:
    assert mail_code(DECLARED, content) in ("", "111111")
    read_envelope(content, "1")


def test_a_mail_is_old_only_if_both_clocks_say_so() -> None:
    """The mail server's and the sender's: either may be hours off."""
    hour = timedelta(hours=1)

    def stale(received_at: datetime | None, sent: str) -> bool:
        envelope = read_envelope(_headers(Date=sent) if sent else _headers(), "1")
        assert envelope is not None
        return is_stale(envelope, received_at, NOW)

    right, before = "Sun, 22 Nov 2026 13:00:01 +0100", "Sun, 22 Nov 2026 11:00:00 +0000"
    assert not stale(NOW, right)
    assert not stale(NOW - hour, right)
    assert not stale(NOW + hour, right)
    assert not stale(NOW, before)
    assert stale(NOW - hour, before)
    assert stale(NOW - hour, "")
    assert stale(NOW - hour, "yesterday")
    assert not stale(None, "")


@pytest.mark.parametrize("said", ["text/plain" + "; a=" * 100_000, "text/plain;\r\n x=" + "\r\n (" * 100_000])
def test_a_mail_that_says_endlessly_of_what_kind_it_is_takes_no_time(said: str) -> None:
    """Python's parser takes minutes to read such a field; anybody can send one in a portal's name."""
    mail = _headers(Content_Type=said) + b"Your code is 123456"
    began = time.process_time()
    assert mail_code(DECLARED, mail) == ""
    assert time.process_time() - began < 2
    assert mail_code(DECLARED, _headers(Content_Type="text/plain; charset=utf-8") + b"Your code is 123456")
