"""What a Redis lacks of what the farm needs is said truly, whatever it is, and without a secret."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis

from meterfarm.farm.redis.address import RedisUnusable, parse_redis_url
from meterfarm.farm.redis.check import must_serve
from tests.farm.post import certificate
from tests.farm.redises import listener, redis_at, told

SECRET = "canary"
FARM = "farm-1"
_BRIEF = 0.5
Serve = Callable[[socket.socket], None]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """With a password, and users who may less than a worker needs."""
    with redis_at(tmp_path_factory.mktemp("redis")) as port:
        told(
            port,
            "ACL SETUSER worker on >w ~meterfarm:* ~arq:* resetchannels &meterfarm:* +@all -@dangerous +info",
            "ACL SETUSER looker on >w ~* +@read +@connection",
            "ACL SETUSER deaf on >w ~* resetchannels +@all",
            "ACL SETUSER dull on >w ~* +@all -@scripting",
            "ACL SETUSER narrow on >w ~arq:* +@all",
            f"ACL SETUSER default on >{SECRET}",
        )
        yield port


async def _said(url: str, seconds: float = 10.0) -> str:
    with pytest.raises(RedisUnusable) as refused:
        await must_serve(parse_redis_url(url), FARM, seconds)
    said = str(refused.value)
    assert said.endswith(".")
    assert said.count("\n") == 0
    assert SECRET not in said
    return said


async def test_a_redis_that_is_well_is_left_as_it_was(server: int) -> None:
    with Redis(port=server, password=SECRET) as redis:
        for url in (f"redis://:{SECRET}@127.0.0.1:{server}/7", f"redis://worker:w@127.0.0.1:{server}/7"):
            found = await must_serve(parse_redis_url(url), FARM)
            assert (found.version[:1].isdigit(), found.doubt) == (True, "")
            assert found.before - 1 < found.theirs < found.after + 1
        assert redis.info("keyspace") == {}, "nothing of the check is left"


@pytest.mark.parametrize(
    ("login", "says"),
    [
        (f":{SECRET}x@", "refuses the user name or the password"),
        (f"nobody:{SECRET}@", "refuses the user name or the password"),
        ("", "wants a password; write it in REDIS_URL"),
        ("looker:w@", "does not allow its user the command info"),
        ("deaf:w@", "does not allow its user something that the farm needs"),
        ("dull:w@", "does not allow its user the command evalsha"),
        ("narrow:w@", "does not allow its user something that the farm needs"),
        (f":{SECRET}@/99", "has no database of this number"),
    ],
)
async def test_who_may_not_do_it_is_told_what_is_lacking(server: int, login: str, says: str) -> None:
    user, _, database = login.partition("/")
    said = await _said(f"redis://{user}127.0.0.1:{server}/{database or 0}")
    assert said.startswith(f"Redis at 127.0.0.1:{server}/")
    assert says in said


async def test_a_full_one_a_replica_and_a_cluster_are_told_apart(tmp_path: Path) -> None:
    with redis_at(tmp_path / "full", "--maxmemory", "1") as port:
        assert "is full and takes nothing more" in await _said(f"redis://127.0.0.1:{port}")
    with redis_at(tmp_path / "cluster", "--cluster-enabled", "yes") as port:
        assert "is part of a cluster" in await _said(f"redis://127.0.0.1:{port}")
    with redis_at(tmp_path / "primary") as primary:
        told(primary, "CONFIG SET maxmemory 100mb", "CONFIG SET maxmemory-policy allkeys-lru")
        found = await must_serve(parse_redis_url(f"redis://127.0.0.1:{primary}"), FARM)
        assert "set its maxmemory-policy to noeviction" in found.doubt
        with redis_at(tmp_path / "replica", "--replicaof", "127.0.0.1", str(primary)) as port:
            assert "is a read-only replica" in await _said(f"redis://127.0.0.1:{port}")
        told(primary, "CONFIG SET maxmemory-policy noeviction", "CONFIG SET min-replicas-to-write 3")
        assert "too few replicas" in await _said(f"redis://127.0.0.1:{primary}")
    with redis_at(tmp_path / "busy") as port:
        with Redis(port=port) as held:
            held.config_set("maxclients", 1)
            assert "takes no more connections" in await _said(f"redis://127.0.0.1:{port}")


def _drip(line: socket.socket) -> None:
    line.sendall(b"$1000000\r\n")
    while line.recv(1):
        line.sendall(b"x")


def _repeat(*answers: bytes) -> Serve:
    """One after the other, the last one again and again."""

    def serve(line: socket.socket) -> None:
        left = list(answers)
        while line.recv(4096):
            line.sendall(left.pop(0) if len(left) > 1 else left[0])

    return serve


@pytest.mark.parametrize(
    ("serve", "says"),
    [
        (lambda line: line.sendall(b"SSH-2.0-OpenSSH_9.2\r\n"), "is not Redis's protocol"),
        (_repeat(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), "is not Redis's protocol"),
        (_repeat(b"ERROR\r\n"), "is not Redis's protocol"),
        (lambda line: line.shutdown(socket.SHUT_RDWR), "ended the connection without an answer"),
        (lambda line: line.recv(0) and None, "does not answer in time"),
        (_drip, "does not answer in time"),
        (_repeat(b"+PONG\r\n"), "something that no Redis answers"),
        (_repeat(b":1\r\n"), "something that no Redis answers"),
        (_repeat(b"*0\r\n"), "something that no Redis answers"),
        (_repeat(b"-LOADING Redis is loading the dataset in memory\r\n"), "is still loading its data"),
        (_repeat(b"-MISCONF Redis is configured to save\r\n"), "cannot save to its disk"),
        (_repeat(b"-MASTERDOWN Link with MASTER is down\r\n"), "has lost its primary"),
        (_repeat(b"-BUSY Redis is busy running a script\r\n"), "held up by somebody's script"),
        (
            _repeat(f"-ERR unknown command 'AUTH', with args beginning with: '{SECRET}'\r\n".encode()),
            "does not know the command AUTH",
        ),
        (_repeat(f"-WHATEVER {SECRET}\x1b[2J\r\n".encode()), "refuses what the farm needs (WHATEVER)"),
    ],
)
async def test_what_is_something_else_is_not_taken_for_redis(serve: Serve, says: str) -> None:
    with listener(serve) as port:
        said = await _said(f"redis://:{SECRET}@127.0.0.1:{port}", _BRIEF)
    assert says in said


async def test_where_nothing_is_that_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert "nothing listens there" in await _said(f"redis://127.0.0.1:{port}")
    assert "no such file or directory" in await _said(f"unix://{tmp_path}/none.sock")
    assert "is not known by this name" in await _said("redis://nowhere.invalid")


async def test_tls_where_there_is_none_and_a_foreign_certificate_are_told_apart(
    server: int, tmp_path: Path
) -> None:
    assert "rediss://:x@" not in await _said(f"rediss://:x@127.0.0.1:{server}", 0.5)
    cert, key = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)

    def serve(line: socket.socket) -> None:
        with context.wrap_socket(line, server_side=True) as tls:
            _repeat(b"-NOAUTH Authentication required.\r\n")(tls)

    with listener(serve) as port:
        url = f"rediss://127.0.0.1:{port}"
        assert "a certificate that is not to be trusted" in await _said(url)
        trusted = await _said(f"{url}?ssl_ca_certs={cert}")
        assert "wants a password" in trusted
        assert "wants a password" in await _said(f"{url}?ssl_cert_reqs=none")
        assert "ended the connection" in await _said(f"redis://127.0.0.1:{port}", 1)
