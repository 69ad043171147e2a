"""A connection to a mailbox only looks, and says in one sentence why it cannot."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from meterfarm.farm.codes.imap import Imap, MailboxDown
from meterfarm.records import MailSecurity
from meterfarm.storage.channels import MailAccount
from tests.farm.post import (
    PASSWORD,
    USER,
    Between,
    Post,
    certificate,
    code_mail,
    free_port,
    imap_server,
)


def _imap(port: int, security: MailSecurity = MailSecurity.NONE, *, folder: str = "INBOX") -> Imap:
    return Imap(MailAccount("127.0.0.1", port, security, USER, folder), SecretStr(PASSWORD))


def test_new_mail_is_what_comes_after_the_mark_and_looking_leaves_no_trace(house: Post) -> None:
    house.put(code_mail("ada@home.example", "111111"))
    with closing(_imap(house.imap)) as imap:
        mark = imap.open()
        assert imap.heads(mark.uid, ()) == []
        house.put(code_mail("ada@home.example", "222222"))
        (head,) = imap.heads(mark.uid, ())
        assert imap.heads(mark.uid, {head.uid}) == []
        assert head.envelope is not None
        assert head.envelope.recipients == {"ada@home.example"}
        assert head.received_at is not None
        assert abs((datetime.now(UTC) - head.received_at).total_seconds()) < 60
        assert b"222222" in imap.content(head.uid)
        assert imap.content(head.uid + 1000) == b""
        assert imap.cursor().uid == head.uid + 1
    assert not [mail for mail in house.mails() if b"\\Seen" in mail[b"FLAGS"]]


def test_a_long_mail_is_read_as_far_as_it_matters(house: Post) -> None:
    with closing(_imap(house.imap)) as imap:
        mark = imap.open()
        house.put(code_mail("ada@home.example", "333333") + b"x" * 2**21)
        (head,) = imap.heads(mark.uid, ())
        assert b"333333" in imap.content(head.uid)
        assert len(imap.content(head.uid)) <= 512 * 1024
        house.put(b"Cc: " + b"a@b.example,\r\n " * 700 + code_mail("ada@home.example", "333333"))
        (endless,) = imap.heads(head.uid + 1, ())
        assert endless.envelope is None


def test_each_fault_is_one_sentence(house: Post, tmp_path: Path) -> None:
    def said(imap: Imap) -> MailboxDown:
        with closing(imap), pytest.raises(MailboxDown) as caught:
            imap.open()
        assert PASSWORD not in repr(caught.value)
        return caught.value

    account = MailAccount("127.0.0.1", house.imap, MailSecurity.NONE, USER)
    wrong = said(Imap(account, SecretStr("another")))
    assert wrong.refused
    assert "refuses the user name or the password" in str(wrong)
    assert "cannot be reached: Connection refused" in str(said(_imap(free_port())))
    assert "does not speak TLS" in str(said(_imap(house.imap, MailSecurity.TLS)))
    assert "offers no STARTTLS" in str(said(_imap(house.imap, MailSecurity.STARTTLS)))
    assert "no folder" in str(said(_imap(house.imap, folder="Codes")))
    nowhere = MailAccount("imap.nowhere.invalid", 993, MailSecurity.TLS, USER)
    assert "not known by this name" in str(said(Imap(nowhere, SecretStr(PASSWORD))))
    with Between(
        house.imap, change=lambda answer: answer.replace(b"IMAP4rev1", b"IMAP4rev1 LOGINDISABLED")
    ) as careful:
        assert "--tls or --starttls" in str(said(_imap(careful.port)))
    with Between(house.imap, change=lambda answer: b"HTTP/1.1 400 Bad Request\r\n\r\n") as other:
        assert "127.0.0.1" in str(said(_imap(other.port)))


def test_a_login_that_fails_for_another_reason_is_not_blamed_on_the_password(house: Post) -> None:
    def said(change: Callable[[bytes], bytes], password: str = "another") -> MailboxDown:
        with Between(house.imap, change=change) as between:
            account = MailAccount("127.0.0.1", between.port, MailSecurity.NONE, USER)
            with closing(Imap(account, SecretStr(password))) as imap, pytest.raises(MailboxDown) as caught:
                imap.open()
        return caught.value

    refused = b"AUTHENTICATIONFAILED"
    for change, words in (
        (lambda answer: b"* BYE\r\n" if refused in answer else answer, "ended the connection"),
        (lambda answer: answer.replace(refused, b"UNAVAILABLE"), "nobody can log in just now"),
    ):
        down = said(change)
        assert words in str(down)
        assert not down.refused
    assert "in ASCII" in str(said(lambda answer: answer.replace(b" AUTH=PLAIN", b""), "pässwort"))


def test_user_names_may_have_what_imap_has_to_quote() -> None:
    user = 'ada "codes" \\ {9}%*'
    with imap_server(user=user) as port:
        for change in (lambda answer: answer, lambda answer: answer.replace(b" AUTH=PLAIN", b"")):
            with Between(port, change=change) as between:
                account = MailAccount("127.0.0.1", between.port, MailSecurity.NONE, user)
                with closing(Imap(account, SecretStr(PASSWORD))) as imap:
                    assert imap.open().uid > 0


def test_tls_is_checked_by_certificate(house: Post, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cert, key = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with (
        Between(house.imap, tls=context) as tls,
        imap_server("--cert", str(cert), "--key", str(key)) as starttls,
    ):
        for imap in (_imap(tls.port, MailSecurity.TLS), _imap(starttls, MailSecurity.STARTTLS)):
            with closing(imap), pytest.raises(MailboxDown, match="certificate that is not to be trusted"):
                imap.open()
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        for imap in (_imap(tls.port, MailSecurity.TLS), _imap(starttls, MailSecurity.STARTTLS)):
            with closing(imap):
                assert imap.open().uid > 0
