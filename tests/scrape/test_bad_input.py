"""What the command refuses: one sentence with what, where and what to do, and a documented exit status."""

from __future__ import annotations

import json
import os
import pty
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from meterfarm.console.farm.demo import DemoCase, DemoPart, clear
from meterfarm.fake_utility.registry import fake_portals
from meterfarm.records import Outcome
from tests.forked import Forked
from tests.scrape.command import BRIEFLY, PASSWORD, environment, meterfarm, scrape, start
from tests.scrape.portal import Portal
from tests.scrape.terminal import Terminal

IAMVALID = "iamvalid@bayou.energy"
FAKE = ("scrape", "speculoos_power", "--fake", "--username", IAMVALID)
WRONG_USE = {
    "unknown utility": (("scrape", "speculoos_pwer", "--fake", "--username", IAMVALID), "speculoos_power?"),
    "utility like nothing": (
        ("scrape", "zzz", "--fake", "--username", IAMVALID),
        "`utilities --all` lists those that are known",
    ),
    "malformed e-mail": (("scrape", "speculoos_power", "--fake", "--username", "iamvalid"), "e-mail address"),
    "malformed date": ((*FAKE, "--since", "yesterday"), "--since must be a date"),
    "impossible date": ((*FAKE, "--since", "2026-02-30"), "--since must be a date"),
    "unwritable out": ((*FAKE, "--out", "/proc/out"), "--out /proc/out cannot be written"),
    "out is a file": ((*FAKE, "--out", "/etc/hostname"), "--out /etc/hostname cannot be written"),
    "foreign base url": (
        ("scrape", "speculoos_power", "--username", IAMVALID, "--base-url", "http://example.com"),
        "a password is not sent there",
    ),
    "base url that is none": (
        ("scrape", "speculoos_power", "--username", IAMVALID, "--base-url", "127.0.0.1:80"),
        "--base-url must look like",
    ),
    "both portals": ((*FAKE, "--base-url", "http://127.0.0.1:1"), "not both"),
    "no portal": (("scrape", "speculoos_power", "--username", IAMVALID), "--fake, or --base-url"),
    "codes without fake": (
        (
            "scrape",
            "speculoos_power",
            "--username",
            IAMVALID,
            "--base-url",
            "http://127.0.0.1:1",
            "--random-codes",
        ),
        "--random-codes is for --fake",
    ),
    "bad clock": ((*FAKE, "--now", "soon"), "soon"),
    "no password": (FAKE, "--password-stdin"),
    "empty password": ((*FAKE, "--password-stdin"), "password was to come on standard input"),
    "bad totp secret": ((*FAKE, "--totp-secret-stdin"), "TOTP secret"),
}


@pytest.mark.parametrize(("arguments", "says"), WRONG_USE.values(), ids=WRONG_USE)
def test_wrong_use_is_one_sentence_and_status_2(arguments: tuple[str, ...], says: str, home: Path) -> None:
    home.parent.mkdir(exist_ok=True)
    ran = meterfarm(home, *arguments, stdin="\n")
    assert ran.status == 2, ran.stderr
    assert says in ran.stderr
    assert ran.stdout == ""
    assert len(ran.stderr.strip().splitlines()) == 1
    assert not (home / "evidence").exists()


@pytest.mark.parametrize("option", ["--factor", "--no-such-option"])
def test_an_unknown_option_or_value_is_status_2(option: str, home: Path) -> None:
    ran = meterfarm(home, *FAKE, option, "pigeon")
    assert ran.status == 2
    assert "Traceback" not in ran.stderr


def test_a_bad_totp_secret_is_not_repeated(home: Path) -> None:
    ran = meterfarm(home, *FAKE, "--totp-secret-stdin", stdin="not!base32!secret\n")
    assert ran.status == 2
    assert "not!base32!secret" not in ran.stderr


def test_an_unreachable_portal_is_the_portals_fault(home: Path, tmp_path: Path) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        ran = scrape(home, tmp_path / "out", IAMVALID, "--base-url", url)
    assert (ran.summary["outcome"], ran.summary["who_acts"], ran.status) == ("portal_down", "portal", 11)
    assert "could not be reached" in ran.summary["message"]


def test_headed_without_a_full_chromium_says_so(home: Path, tmp_path: Path) -> None:
    """Wherever there is a full Chromium, there is no screen here to show it on: either way one sentence."""
    ran = scrape(home, tmp_path / "out", IAMVALID, "--fake", "--headed", DISPLAY="", WAYLAND_DISPLAY="")
    assert ran.status == 1, ran.stderr
    assert "--headed needs a full Chromium" in ran.stderr or "no display" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_keeps_what_is_stored(
    sent: signal.Signals, status: int, portal: Portal, home: Path, tmp_path: Path
) -> None:
    """Broken off while collecting, then run again: the session is reused, the rest comes home."""
    arguments = ("--username", IAMVALID, "--password-stdin", "--json", "--out", str(tmp_path / "out"))
    process = start(
        home, "scrape", "speculoos_power", "--base-url", portal.url, *arguments, METERFARM_LOG="debug"
    )
    with process:
        if process.stderr is None:
            raise RuntimeError("no pipe")
        process.tell(PASSWORD)
        for line in process.stderr:
            if '"event": "bill.stored"' in line:
                process.send_signal(sent)
                break
        rest = process.stderr.read()
        assert process.wait(30) == status, rest
    assert "What was stored stays" in rest
    assert "Traceback" not in rest, rest[rest.index("Traceback") :][:5_000]
    again = scrape(home, tmp_path / "out", IAMVALID, "--base-url", portal.url).summary
    assert (again["session"], again["outcome"]) == ("reused", "complete")
    assert 0 < again["ledger"]["downloaded"] < again["ledger"]["listed"]


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_can_be_broken_off_while_it_waits_for_a_secret(
    sent: signal.Signals, status: int, home: Path
) -> None:
    with start(home, *FAKE, "--password-stdin", METERFARM_LOG="debug") as process:
        if process.stderr is None:
            raise RuntimeError("no pipes")
        waiting = next(line for line in process.stderr if "secret.awaited" in line)
        process.send_signal(sent)
        assert process.wait(20) == status, waiting


def test_since_tomorrow_is_not_said_to_be_an_empty_portal(portal: Portal, home: Path, tmp_path: Path) -> None:
    ran = scrape(home, tmp_path / "out", IAMVALID, "--base-url", portal.url, "--since", "2030-01-01")
    assert (ran.summary["outcome"], ran.status) == ("complete", 0)
    assert "nothing from the days asked for" in ran.summary["message"]


def test_two_runs_at_once_send_a_wrong_password_once(
    fresh_portal: Portal, home: Path, tmp_path: Path
) -> None:
    with ThreadPoolExecutor() as pool:
        runs = [
            pool.submit(
                scrape, home, tmp_path / str(number), "nobody@x.example", "--base-url", fresh_portal.url
            )
            for number in range(2)
        ]
    assert [run.result().summary["outcome"] for run in runs] == ["bad_credentials"] * 2
    assert fresh_portal.stats("nobody@x.example")["password_attempts"] == 1


def test_the_demo_clears_only_what_is_its_own(tmp_path: Path) -> None:
    portal = fake_portals()[0]
    for name in (f"{portal.id}/iamvalid", f"{portal.id}/novel", ".home", "thesis"):
        (tmp_path / name).mkdir(parents=True)
    who = [DemoCase(portal, "iamvalid@bayou.energy", "electricity", Outcome.COMPLETE)]
    clear(tmp_path, [DemoPart("", tmp_path, who)])
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["novel", portal.id, "thesis"]


def test_at_a_terminal_it_asks_for_what_it_needs(portal: Portal, home: Path, tmp_path: Path) -> None:
    """Password without echo, the portal's prompt, the portal's error text, then success."""
    username = "ineedmfa+security_question@bayou.energy"
    command = ("scrape", "speculoos_power", "--base-url", portal.url, "--username", username, *BRIEFLY)
    ours, theirs = pty.openpty()
    arguments = (*command, "--json", "--out", str(tmp_path / "out"))
    variables = environment(home, TERM="xterm", COLUMNS="100")
    with Forked(arguments, variables, home.parent, stdin=theirs, stderr=theirs) as process:
        os.close(theirs)
        terminal = Terminal(ours)
        terminal.expect("Password of")
        os.write(ours, f"{PASSWORD}\n".encode())
        terminal.expect("> ")
        os.write(ours, b"Baker\n")
        terminal.expect("try again")
        terminal.expect("> ")
        os.write(ours, b"Cook\n")
        summary = json.loads(process.stdout.read())
        assert process.wait() == 0, terminal.shown
    os.close(ours)
    assert PASSWORD not in terminal.shown
    assert summary["outcome"] == "complete"
