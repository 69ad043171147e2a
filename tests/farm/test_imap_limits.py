"""A mail server that drips, floods or falls silent holds nobody up, and fills no memory."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from pydantic import SecretStr

from meterfarm.farm.codes.imap import Imap, MailboxDown
from meterfarm.records import MailSecurity
from meterfarm.storage.channels import MailAccount
from tests.farm.post import PASSWORD, USER, certificate
from tests.farm.redises import listener
from tests.waited import Stopwatch

_SECONDS = 0.6
_MORE = "sends more than was asked for|does not answer in time"
"""On a machine that is busy its time may be over first."""
_PAUSE = threading.Event()
Answers = dict[bytes, bytes | Callable[[socket.socket], None]]
_WELL: Answers = {
    b"": b"* OK ready\r\n",
    b"CAPABILITY": b"* CAPABILITY IMAP4rev1 IDLE STARTTLS\r\n",
    b"LOGIN": b"",
    b"EXAMINE": b"* 3 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT 4] x\r\n",
    b"NOOP": b"",
    b"UID": b"* SEARCH 4\r\n",
    b"FETCH": b"",
}


def _mail_server(**unlike: bytes | Callable[[socket.socket], None]) -> Callable[[socket.socket], None]:
    """One that answers as it should, but for these commands; ``greeting`` is one of them."""
    answers = _WELL | {b"" if name == "greeting" else name.encode(): what for name, what in unlike.items()}

    def serve(line: socket.socket) -> None:
        _send(line, answers[b""])
        with line.makefile("rb") as heard:
            for one in heard:
                tag, command, *more = one.split()
                if command == b"UID" and more[0] == b"FETCH":
                    command = b"FETCH"
                _send(line, answers.get(command, b""))
                line.sendall(tag + b" OK done\r\n")

    return serve


def _send(line: socket.socket, what: bytes | Callable[[socket.socket], None]) -> None:
    if callable(what):
        what(line)
    else:
        line.sendall(what)


def _silent(line: socket.socket) -> None:
    line.recv(1000)
    _PAUSE.wait(20)


def _drip(what: bytes) -> Callable[[socket.socket], None]:
    """A byte now and then, for ever."""

    def drip(line: socket.socket) -> None:
        while True:
            for number in range(len(what)):
                line.sendall(what[number : number + 1])
                _PAUSE.wait(0.02)

    return drip


def _flood(what: bytes, begin: bytes = b"") -> Callable[[socket.socket], None]:
    def flood(line: socket.socket) -> None:
        line.sendall(begin)
        while True:
            line.sendall(what * 1000)

    return flood


def _imap(port: int, security: MailSecurity = MailSecurity.NONE) -> Imap:
    return Imap(MailAccount("127.0.0.1", port, security, USER), SecretStr(PASSWORD), _SECONDS)


@pytest.mark.parametrize(
    ("serve", "says"),
    [
        (_silent, "does not answer in time"),
        (_drip(b"* OK "), "does not answer in time"),
        (_drip(b"* OK ready\r\n* 1 EXISTS\r\n"), "does not answer in time"),
        (_flood(b"x"), _MORE),
        (_flood(b"* 1 EXISTS\r\n", b"* OK ready\r\n"), _MORE),
        (_flood(b"x", b"* OK {999999999999}\r\n"), _MORE),
        (_mail_server(CAPABILITY=_drip(b"* CAPABILITY IMAP4rev1\r\n")), "does not answer in time"),
        (_mail_server(LOGIN=_silent), "does not answer in time"),
        (_mail_server(LOGIN=_drip(b"* OK x\r\n")), "does not answer in time"),
        (_mail_server(LOGIN=_flood(b"* OK x\r\n")), _MORE),
        (_mail_server(LOGIN=_flood(b"+ \r\n")), _MORE),
        (_mail_server(EXAMINE=_flood(b"* FLAGS (a)\r\n")), _MORE),
        (_mail_server(EXAMINE=_drip(b"* 3 EXISTS\r\n")), "does not answer in time"),
        (_mail_server(EXAMINE=b"* FLAGS " + b"(" * 100_000 + b"\r\n"), ""),
        (lambda line: line.close(), "127.0.0.1"),
    ],
)
def test_opening_ends_in_its_time(serve: Callable[[socket.socket], None], says: str) -> None:
    with listener(serve) as port, closing(_imap(port)) as imap:
        watch = Stopwatch()
        if says:
            with pytest.raises(MailboxDown, match=says) as down:
                imap.open()
            assert not down.value.refused
        else:
            imap.open()
        assert watch.seconds < _SECONDS + 1.5


@pytest.mark.parametrize(
    ("unlike", "says"),
    [
        ({"UID": _flood(b"1 ", b"* SEARCH ")}, _MORE),
        ({"UID": _flood(b"* SEARCH 4\r\n")}, _MORE),
        ({"UID": _drip(b"* SEARCH 4\r\n")}, "does not answer in time"),
        ({"NOOP": _silent}, "does not answer in time"),
        ({"FETCH": _flood(b"x", b"* 1 FETCH (UID 4 BODY[] {2000000000}\r\n")}, "sends more"),
        ({"FETCH": _drip(b"* 1 FETCH (UID 4)\r\n")}, "does not answer in time"),
        ({"FETCH": b"* 1 FETCH (UID 4 BODY[] {5}\r\nxx"}, "does not answer in time|no IMAP|answers with"),
        ({"FETCH": b"* 1 FETCH " + b"(" * 200_000 + b"\r\n"}, "no IMAP|answers with"),
    ],
)
def test_looking_ends_in_its_time(unlike: dict[str, bytes], says: str) -> None:
    with listener(_mail_server(**unlike)) as port, closing(_imap(port)) as imap:
        assert imap.open().uid == 4
        watch = Stopwatch()
        with pytest.raises(MailboxDown, match=says):
            imap.heads(4, ())
        assert watch.seconds < _SECONDS + 1.5


def test_leaving_the_wait_for_mail_ends_in_its_time() -> None:
    """Some servers go on telling of mail for ever instead of ending it."""

    def idle(line: socket.socket) -> None:
        line.sendall(b"+ idling\r\n")
        _flood(b"* 4 EXISTS\r\n")(line)

    with listener(_mail_server(IDLE=idle)) as port, closing(_imap(port)) as imap:
        imap.open()
        assert imap.can_idle
        imap.idle()
        with pytest.raises(MailboxDown, match=_MORE):
            imap.idle_done()


def test_tls_that_stalls_or_drips_ends_in_its_time(tmp_path: Path) -> None:
    """From the start and by STARTTLS; and what is slipped in before TLS is not taken."""
    cert, key = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    stalled = _drip(b"\x16\x03\x03\x00\x7a\x02" + b"\x00" * 100)
    for serve, security in (
        (_silent, MailSecurity.TLS),
        (stalled, MailSecurity.TLS),
        (_starttls(_silent), MailSecurity.STARTTLS),
        (_starttls(stalled), MailSecurity.STARTTLS),
    ):
        with listener(serve) as port, closing(_imap(port, security)) as imap:
            watch = Stopwatch()
            with pytest.raises(MailboxDown):
                imap.open()
            assert watch.seconds < _SECONDS + 1.5


def _starttls(then: Callable[[socket.socket], None]) -> Callable[[socket.socket], None]:
    def serve(line: socket.socket) -> None:
        line.sendall(b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n")
        while asked := line.recv(1000):
            tag, command, *_ = asked.split()
            if command == b"STARTTLS":
                line.sendall(tag + b" OK begin\r\n")
                then(line)
            line.sendall(b"* CAPABILITY IMAP4rev1 STARTTLS\r\n" + tag + b" OK\r\n")

    return serve


def test_a_well_server_that_is_slow_but_steady_is_waited_for() -> None:
    def slowly(line: socket.socket) -> None:
        for piece in (b"* OK ", b"[CAPABILITY IMAP4rev1] ", b"ready", b"\r", b"\n"):
            line.sendall(piece)
            _PAUSE.wait(0.05)

    with suppress(OSError), listener(_mail_server(greeting=slowly)) as port, closing(_imap(port)) as imap:
        assert imap.open().uid == 4
