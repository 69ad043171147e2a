"""The command, the child process, and what they keep on disk."""

import io
import json
import os
import select
import signal
import socket
import stat
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import httpx
import pytest

from meterfarm.fake_utility.__main__ import main
from meterfarm.fake_utility.kit.billing import bills
from meterfarm.fake_utility.kit.outcomes import OUTCOMES
from meterfarm.fake_utility.kit.signing import signing_key
from meterfarm.fake_utility.running import DidNotStart, FakeUtility
from meterfarm.fake_utility.speculoos_power.customers import CUSTOMERS
from meterfarm.fake_utility.speculoos_power.espi import green_button
from tests import asking

ROOT = Path(__file__).parents[2]
VALID = "iamvalid@bayou.energy"


def test_the_list_for_programs_has_a_row_for_each_customer(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list", "--json"]) == 0
    rows = {row["username"]: row for row in json.loads(capsys.readouterr().out)}
    own = [row["username"] for row in rows.values() if row["utility"] == "speculoos_power"]
    assert own == list(CUSTOMERS)
    assert rows[VALID] | {"for": ""} == {
        "utility": "speculoos_power",
        "username": VALID,
        "numbered": "iamvalid.N@bayou.energy",
        "for": "",
        "outcome": "complete",
        "exit_code": 0,
        "who_acts": "nobody",
        "factors": [],
        "accounts": 1,
        "meters": 2,
    }
    assert rows["two-challenges@speculoos.example"]["factors"] == ["sms", "email", "question"]
    assert rows["two-challenges@speculoos.example"]["question_answer"] == "Cook"
    assert len(rows["totp@speculoos.example"]["totp_secret"]) == 32
    then = rows["customer-must-reauthenticate@bayou.energy"]["then"]
    assert then == {"outcome": "bad_credentials", "exit_code": 10, "who_acts": "customer"}
    assert {row["outcome"] for row in rows.values()} <= set(OUTCOMES)
    assert rows["partial@speculoos.example"]["exit_code"] == 13


def test_the_list_for_a_person_shows_them_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    printed = capsys.readouterr().out
    assert all(username in printed for username in CUSTOMERS)
    assert "complete, then bad_credentials" in printed
    assert "name.N@domain, with any N from 1 up" in printed


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--now", "tomorrow"], "--now: cannot read 'tomorrow' as a time"),
        (["--now", "1999-01-01"], "--now: '1999-01-01' is outside the years"),
        (["--sms-webhook", "nowhere"], "--sms-webhook: 'nowhere' is not a URL"),
        (["--smtp", "nowhere"], "--smtp: 'nowhere' is not HOST:PORT"),
        (["--port", "99999"], "Cannot listen on 127.0.0.1:99999"),
        (["--prerender", "0"], "--prerender: '0' is not a number of MiB"),
        (["--prerender", "much"], "--prerender: 'much' is not a number of MiB"),
        (["--json"], "--json goes with --list"),
    ],
)
def test_a_bad_argument_is_refused_in_one_sentence(
    arguments: list[str],
    says: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("METERFARM_HOME", str(tmp_path))
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert told.startswith(says)
    assert told.count("\n") == 1


def test_a_port_in_use_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METERFARM_HOME", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--port", str(port)]) == 2
    assert f"Cannot listen on 127.0.0.1:{port}" in capsys.readouterr().err


def test_a_home_that_cannot_be_written_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("METERFARM_HOME", str(tmp_path / "file" / "home"))
    assert main(["--port", "0"]) == 2
    assert "Cannot keep the signing key" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_stop_and_ends_quietly(number: signal.Signals, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "meterfarm.fake_utility", "--port", "0", "--now", "2026-03-08"]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | {"METERFARM_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        line = next(line for line in child.stdout if line.startswith("Speculoos Power is at "))
        address = line.split()[4]
        assert asking.get(f"{address}/login").status_code == 200
        child.send_signal(number)
        assert child.wait(10) == 0
        assert child.stderr.read() == ""


def test_the_key_is_private_and_made_once(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: signing_key(home), range(16)))
    assert len(keys) == 1
    files = list((home / "fake_utility").iterdir())
    assert [file.name for file in files] == ["signing.key"]
    assert stat.S_IMODE(files[0].stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == stat.S_IMODE(files[0].parent.stat().st_mode) == 0o700


def sign_in(client: httpx.Client) -> None:
    """httpx keeps Secure cookies off plain http, so they are carried by hand."""
    cookies = client.get("/login").headers["set-cookie"].partition(";")[0]
    token = cookies.partition("=")[2]
    fields = {"csrf_token": token, "email": VALID, "password": "x"}
    answer = client.post("/login", data=fields, headers={"Cookie": cookies})
    client.headers["Cookie"] = answer.headers["set-cookie"].partition(";")[0]


def test_a_child_serves_the_same_data_as_any_other_process(tmp_path: Path) -> None:
    account = CUSTOMERS[VALID].accounts[0]
    meter, today = account.meters[0], date(2026, 3, 9)
    start, to = today - timedelta(days=397), today - timedelta(days=1)
    with FakeUtility(now=str(today), home=tmp_path, log=tmp_path / "log") as at:
        base_url = at.http["speculoos_power"]
        with asking.client(base_url=base_url) as client:
            sign_in(client)
            usage = f"/accounts/{account.number}/usage/export?meter={meter.id}&from={start}&to={to}"
            xml = client.get(f"{usage}&format=xml")
            archive = client.get(f"{usage}&format=zip")
            html = client.get(f"/accounts/{account.number}/bills?page=3").text
            bill = client.get(f"/accounts/{account.number}/bills/{bills(account, today)[-1].id}.pdf")
            stats = client.get("/stats.json").json()
    assert xml.content == green_button(account, meter, start, to, to_newest=True)
    name = f"SpeculoosPower_{meter.id}_{start}_{to}.xml"
    assert xml.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert zipfile.ZipFile(io.BytesIO(archive.content)).namelist() == [name]
    for listed in bills(account, today)[20:]:
        assert f'data-bill="{listed.id}" data-billed-on="{listed.billed_on}"' in html
        assert f'data-amount-cents="{listed.total_cents}"' in html
    assert 'data-total="24"' in html
    assert "Older bills" not in html
    assert bill.content.startswith(b"%PDF-")
    assert bill.headers["content-disposition"] == 'attachment; filename="bill.pdf"'
    assert stats["customers"][VALID]["documents"] == {"bills": 1, "exports": 2}
    assert stats["requests"] == 6
    assert stats["peak_concurrent"] == 1
    assert stats["peak_per_second"] >= 1
    assert (tmp_path / "log").read_text() == ""


def test_a_child_prerenders_when_told(tmp_path: Path) -> None:
    for prerender, status in ((False, 404), (True, 204), (3, 204)):
        with FakeUtility(home=tmp_path, prerender=prerender) as at:
            base_url = at.http["speculoos_power"]
            answer = asking.post(f"{base_url}/prerender", params={"username": "gas-only@bayou.energy"})
            assert answer.status_code == status


def test_a_child_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(DidNotStart, match="--now: cannot read 'never' as a time"):
        with FakeUtility(now="never", home=tmp_path):
            pass


def test_a_child_ends_with_its_parent_even_if_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path\n"
        "from meterfarm.fake_utility.running import FakeUtility\n"
        "with FakeUtility(home=Path(sys.argv[1])) as url:\n"
        "    print(url.http['speculoos_power'], flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as parent:
        assert parent.stdout is not None
        url = httpx.URL(parent.stdout.readline().decode().strip())
        with socket.create_connection((url.host, url.port or 0)) as open_connection:
            parent.kill()
            readable, _, _ = select.select([open_connection], [], [], 10)
            assert readable, "the child still serves"
            assert open_connection.recv(1) == b""
