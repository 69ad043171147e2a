"""PDFs are found wherever a mail has them, and no mail costs more than it is long."""

from __future__ import annotations

import base64
import time

import pytest

from meterfarm.farm.mail.authentication import SenderCheck, stated, verified_by
from meterfarm.farm.mail.parts import MailedFiles, MailUnreadable, fields_of, files_of
from tests.farm.mails_made import forwarding, mail, zipped

PDF = b"%PDF-1.7 one\n%%EOF"
OTHER = b"%PDF-1.4 two\n%%EOF"
D = "acme.example"


def _named(files: MailedFiles) -> list[tuple[str, bytes]]:
    return [(pdf.name, pdf.content) for pdf in files.pdfs]


def _body(kind: str, encoding: str, content: bytes) -> bytes:
    return f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode() + content


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (mail(("b.pdf", "application/pdf", PDF)), [("b.pdf", PDF)]),
        (mail(("b.bin", "application/octet-stream", PDF)), [("b.bin", PDF)]),
        (mail(("../../Ünïcode.pdf", "image/png", PDF)), [("Ünïcode.pdf", PDF)]),
        (
            mail(("a.pdf", "application/pdf", PDF), ("b.pdf", "application/pdf", OTHER)),
            [("a.pdf", PDF), ("b.pdf", OTHER)],
        ),
        (forwarding(mail(("b.pdf", "application/pdf", PDF))), [("b.pdf", PDF)]),
        (
            forwarding(forwarding(mail(("b.pdf", "application/pdf", PDF))), as_attachment=True),
            [("b.pdf", PDF)],
        ),
        (
            mail(("a.zip", "application/zip", zipped(("x/1.pdf", PDF), ("2.PDF", OTHER), ("n.txt", b"n")))),
            [("1.pdf", PDF), ("2.PDF", OTHER)],
        ),
        (_body("application/pdf", "base64", base64.b64encode(PDF)), [("bill.pdf", PDF)]),
        (_body("application/pdf", "base64", base64.b64encode(PDF)[:-1] + b"!"), None),
        (
            _body("application/pdf; name=a.pdf", "quoted-printable", b"=25PDF-1.7 one\n%%EO=\r\nF"),
            [("a.pdf", PDF)],
        ),
        (_body("application/pdf; name=a.pdf", "8bit", PDF), [("a.pdf", PDF)]),
        (mail(("logo.png", "image/png", b"png")), []),
        (b"", []),
        (b"\r\n\r\n" + PDF, []),
        (_body("multipart/mixed", "7bit", PDF), []),
        (_body("multipart/mixed; boundary=x", "7bit", b"--x\r\n--x--\r\n--x\r\n" + PDF), []),
    ],
)
def test_pdfs_are_found(content: bytes, expected: list[tuple[str, bytes]] | None) -> None:
    found = _named(files_of(content))
    assert found == expected if expected is not None else len(found) == 1


@pytest.mark.parametrize(
    ("name", "kind", "content", "why"),
    [
        ("b.pdf", "application/pdf", b"<html>", "no PDF, or a damaged one"),
        ("winmail.dat", "application/ms-tnef", b"\x78\x9f\x3e\x22", "winmail.dat"),
        ("smime.p7m", "application/pkcs7-mime", b"0", "encrypted"),
        ("a.zip", "application/zip", zipped(("b.zip", zipped(("c.pdf", PDF)))), "ZIP within a ZIP"),
        ("a.zip", "application/zip", zipped(("bomb.pdf", bytes(80 * 1024 * 1024))), "unpacks to far more"),
        ("a.zip", "application/zip", zipped(("n.txt", b"n")), "holds no PDF"),
        ("a.zip", "application/zip", b"PK\x03\x04 cut", "cut short or damaged"),
        (
            "a.zip",
            "application/zip",
            zipped(*((f"{n}.txt", b"") for n in range(101))),
            "100 files are looked at",
        ),
    ],
)
def test_what_is_not_taken_has_its_reason(name: str, kind: str, content: bytes, why: str) -> None:
    files = files_of(mail((name, kind, content)))
    assert not files.pdfs
    assert why in files.left_out[0].reason


def test_thirty_pdfs_are_taken_and_the_rest_is_named() -> None:
    files = files_of(mail(*((f"{n}.pdf", "application/pdf", PDF) for n in range(32))))
    assert (len(files.pdfs), [each.name for each in files.left_out]) == (30, ["30.pdf", "31.pdf"])


@pytest.mark.parametrize(
    "content",
    [
        b"X: 1\r\n" * 60_000,
        _body("multipart/mixed; boundary=x", "7bit", b"--x\r\n\r\n\r\n" * 400),
        b"Content-Type: message/rfc822\r\n\r\n" * 100,
    ],
)
def test_mails_of_too_many_parts_are_refused(content: bytes) -> None:
    with pytest.raises(MailUnreadable):
        files_of(content) if not content.startswith(b"X") else fields_of(content)


@pytest.mark.parametrize(
    "content",
    [
        b"From: " + b"(" * 200_000,
        b"Content-Type: multipart/mixed; boundary=" + b'"' * 100_000 + b"\r\n\r\n--x\r\n",
        _body("multipart/mixed; boundary=-", "7bit", b"-" * 2_000_000),
        _body("multipart/mixed; boundary=x", "7bit", b"--x " * 500_000),
        _body('application/pdf; name="' + "=?utf-8?b?" * 300 + '"', "base64", b"=" * 1_000_000),
        b"\r\n " * 80_000,
        b"a:\r\n\t" * 40_000,
    ],
)
def test_no_mail_takes_long(content: bytes) -> None:
    began = time.process_time()
    files_of(content)
    fields_of(content[: 256 * 1024])
    stated([content[:8000].decode("latin-1")], "mx")
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (["mx; dmarc=pass header.from=acme.example"], SenderCheck.DMARC),
        (["MX 1; dmarc=pass (p=none dis=none)\r\n header.from=Acme.example"], SenderCheck.DMARC),
        (["mx; dkim=pass header.d=acme.example header.s=s; spf=none"], SenderCheck.DKIM),
        (["mx; dkim=pass header.i=@acme.example"], SenderCheck.DKIM),
        (['mx; dkim=fail reason="bad; dkim=pass" header.d=acme.example'], None),
        (["mx; dkim=pass header.d=evil.example; dkim=pass header.d=acme.example"], SenderCheck.DKIM),
        (["mx; spf=pass smtp.mailfrom=ada@acme.example"], SenderCheck.SPF),
        (["mx; spf=pass smtp.mailfrom=acme.example; dmarc=none"], SenderCheck.SPF),
        (["mx; spf=pass smtp.mailfrom=acme.example; dmarc=fail header.from=acme.example"], None),
        (["mx; spf=pass smtp.mailfrom=evil.example"], None),
        (["mx; dkim=pass header.d=evil.example"], None),
        (["mx; dkim=pass header.d=mail.acme.example"], None),
        (["mx; dmarc=pass header.from=evil.example"], None),
        (["mx; dmarc=pass header.from=acme.example header.from=evil.example"], None),
        (["mx; dkim=neutral header.d=acme.example"], None),
        (["mx; none"], None),
        (["mx; spf=fail", "mx; dmarc=pass header.from=acme.example"], None),
        (["evil; dmarc=pass header.from=acme.example"], None),
        (["evil; dmarc=fail", "mx; dmarc=pass header.from=acme.example"], SenderCheck.DMARC),
        (["mx (x; dmarc=pass header.from=acme.example", "mx; dmarc=pass header.from=acme.example"], None),
        (["mx; dmarc=pass header.from=acme.example; x(("], None),
        (["mx; dmarc=pass header.from=acme.example \\; x"], None),
        (["evil (mx); dmarc=pass header.from=acme.example"], None),
        ([f"mx; dkim=pass header.d=acme.example{'; dkim=none' * 50}; dmarc=fail"], None),
        (["m(a)x; dmarc=pass header.from=acme.example"], None),
        (["mx; dmarc=pa(x)ss header.from=acme.example"], None),
        (["mx; dmarc=pass header.from=acme.(x)example"], None),
        (["mx; dmarc=pass header.from=evil(; dmarc=pass header.from=acme.example)"], None),
        (["mx; dmarc=pass header.from=acme.example.evil.example"], None),
        (["mx; spf=none smtp.helo=x; dmarc=pass header.from=acme.example; dmarc=none"], None),
        (["mx; dmarc=pass header.from=acme.example; dmarc=fail header.from=acme.example"], None),
        (["mx; dkim=pass header.d=evil.example header.i=@acme.example"], None),
        (["mx; dkim=pass header.d=acme.example header.d=evil.example"], None),
        (["mx 2; spf=pass smtp.mailfrom=ada@acme.example"], SenderCheck.SPF),
        (
            ["mx 2.0; spf=pass smtp.mailfrom=ada@acme.example", "mx; dmarc=pass header.from=acme.example"],
            None,
        ),
        (["mx; arc=pass header.from=acme.example; dmarc=temperror header.from=acme.example"], None),
        (["mx;\r\n\tspf=pass\r\n smtp.mailfrom=ada@acme.example"], SenderCheck.SPF),
        (['mx; spf=pass smtp.mailfrom="x; dmarc=pass header.from=acme.example"@evil.example'], None),
        (['"mx"; dmarc=pass header.from=acme.example'], None),
        (["mx; (comment (in a comment)) dmarc = pass header.from = acme.example"], SenderCheck.DMARC),
        ([], None),
    ],
)
def test_only_the_first_statement_of_our_mail_server_counts(
    fields: list[str], expected: SenderCheck | None
) -> None:
    results = stated(fields, "mx")
    assert (None if results is None else verified_by(results, D, D)) is expected
