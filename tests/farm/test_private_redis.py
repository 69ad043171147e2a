"""A Redis of our own: one for a state directory, gone with whoever started it, restarted when it died."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from meterfarm.farm.redis.address import parse_redis_url
from meterfarm.farm.redis.private import NoRedis, PrivateRedis, RedisMissing, redis_server, redis_url

ROOT = Path(__file__).parents[2]
HOLDING = (
    "import sys; from pathlib import Path; from meterfarm.farm.redis.private import PrivateRedis\n"
    "with PrivateRedis(Path(sys.argv[1])) as server:\n"
    "    print(server.alive(), flush=True); sys.stdin.read()"
)


@contextmanager
def another_process(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds the Redis of ``home`` until its standard input closes."""
    command = [sys.executable, "-c", HOLDING, str(home)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"True\n"
        try:
            yield process
        finally:
            process.kill()


def server_id(server: PrivateRedis) -> int:
    with Redis.from_url(server.url) as client:
        return int(client.info("server")["process_id"])


def ended(server: PrivateRedis) -> bool:
    """Whether nobody answers within some seconds from now."""
    gone = Retrying(stop=stop_after_delay(5), wait=wait_fixed(0.02), retry=retry_if_result(lambda up: up))
    return not gone(server.alive)


def test_it_answers_while_the_block_lasts_and_only_its_owner(tmp_path: Path) -> None:
    server = PrivateRedis(tmp_path)
    assert not server.alive()
    with server:
        with Redis.from_url(server.url) as client:
            assert client.set("key", "value")
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
            assert client.config_get("save") == {"save": ""}
            assert client.config_get("port") == {"port": "0"}
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "redis").iterdir()}
        assert modes == {"redis.sock": 0o700, "redis.log": 0o600}
        assert stat.S_IMODE((tmp_path / "redis").stat().st_mode) == 0o700
    assert not server.alive()


def test_several_share_one_and_it_ends_with_the_one_that_started_it(tmp_path: Path) -> None:
    with PrivateRedis(tmp_path) as first:
        with PrivateRedis(tmp_path) as second:
            assert server_id(second) == server_id(first)
        assert first.alive()
    assert not first.alive()


def test_many_that_come_at_once_start_one(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDING, str(tmp_path)]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) for _ in range(4)
    ]
    try:
        said = [process.stdout.readline() for process in started if process.stdout]
        assert said == [b"True\n"] * 4
        assert (tmp_path / "redis" / "redis.log").read_text().count("ready to accept connections") == 1
    finally:
        for process in started:
            process.communicate()


@pytest.mark.parametrize("whom", ["the process", "its group"])
def test_it_does_not_outlive_a_starter_that_was_killed(whom: str, tmp_path: Path) -> None:
    server = PrivateRedis(tmp_path)
    with another_process(tmp_path) as starter:
        running = server_id(server)
        if whom == "its group":
            os.killpg(starter.pid, signal.SIGKILL)
        else:
            starter.kill()
        assert ended(server)
    with server:
        assert server_id(server) != running


def test_ctrl_c_at_the_terminal_leaves_it_to_its_users(tmp_path: Path) -> None:
    with PrivateRedis(tmp_path) as server:
        running = server_id(server)
        assert os.getsid(running) != os.getsid(0)
        assert os.getpgid(running) != os.getpgid(0)


def test_one_that_shared_it_starts_its_own_when_that_has_ended(tmp_path: Path) -> None:
    with another_process(tmp_path) as starter:
        with PrivateRedis(tmp_path) as server:
            shared = server_id(server)
            starter.kill()
            assert ended(server)
            server.ensure()
            assert server_id(server) != shared
        assert not server.alive()


def test_one_that_died_is_restarted(tmp_path: Path) -> None:
    with PrivateRedis(tmp_path) as server:
        died = server_id(server)
        os.kill(died, signal.SIGKILL)
        assert ended(server)
        server.ensure()
        assert server_id(server) != died


def test_a_long_path_gets_a_short_socket_of_ours_alone(tmp_path: Path) -> None:
    home = tmp_path / ("long" * 30)
    with PrivateRedis(home) as server:
        assert server.alive()
        socket = Path(server.url.removeprefix("unix://"))
        assert socket.is_socket()
        assert len(str(socket)) < 100
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    assert not socket.parent.exists()


def test_a_short_socket_is_not_put_into_somebody_elses_folder(tmp_path: Path) -> None:
    home = tmp_path / ("long" * 30)
    folder = Path(redis_url(home, short=tmp_path).removeprefix("unix://")).parent
    folder.mkdir()
    folder.chmod(0o755)
    with pytest.raises(NoRedis, match="not a directory of ours alone"):
        redis_url(home, short=tmp_path)
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises(NoRedis, match="not a directory of ours alone"):
        PrivateRedis(home, short=tmp_path)


@pytest.mark.parametrize("name", ["home", "a home", "höme", "home%20", "home?db=1"])
async def test_the_address_is_understood_by_all_that_connect(name: str, tmp_path: Path) -> None:
    with PrivateRedis(tmp_path / name) as server:
        assert server.url == redis_url(tmp_path / name)
        with Redis.from_url(server.url) as client:
            assert client.ping()
        ours = parse_redis_url(server.url).connect()
        assert await ours.ping()
        await ours.aclose()


def test_asking_for_the_address_starts_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert redis_url(home).startswith("unix:///")
    assert not home.exists()


def test_the_server_on_the_path_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "redis-server"
    own.write_text("#!/bin/sh\nexit 3\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert redis_server() != own
    own.chmod(0o700)
    assert redis_server() == own


def test_without_any_server_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "path", [str(ROOT)])
    with pytest.raises(RedisMissing, match="install the package redis-server"):
        PrivateRedis(tmp_path / "home").ensure()


def test_a_server_that_does_not_start_is_said_with_where_to_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "redis-server").write_text("#!/bin/sh\necho no such option\nexit 3\n")
    (tmp_path / "redis-server").chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    log = tmp_path / "home" / "redis" / "redis.log"
    with pytest.raises(NoRedis, match=r"redis\.log says why"):
        PrivateRedis(tmp_path / "home", start_seconds=0.3).ensure()
    assert "no such option" in log.read_text()
