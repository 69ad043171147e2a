"""``REDIS_URL`` is read by all alike: each part decoded; what cannot be meant is refused without a secret."""

from __future__ import annotations

from pathlib import Path

import pytest
from redis.exceptions import RedisError

from meterfarm.farm.redis.address import RedisUnusable, parse_redis_url
from tests.farm.redises import redis_at, told

SECRET = "canary"


@pytest.mark.parametrize(
    ("url", "where", "options"),
    [
        ("redis://", "localhost:6379/0", {"host": "localhost", "port": 6379, "db": 0}),
        ("redis://:p%40ss%2Fw%3Ard%25@h:7000/3", "h:7000/3", {"password": "p@ss/w:rd%", "db": 3}),
        ("redis://me%40here:x@h", "h:6379/0", {"username": "me@here", "password": "x"}),
        ("redis://:p@ss:w@h", "h:6379/0", {"password": "p@ss:w"}),
        ("redis://:p%C3%A4+ss@h/?db=2", "h:6379/2", {"password": "pä+ss", "db": 2}),
        ("redis://[::1]:7000/1", "[::1]:7000/1", {"host": "::1", "port": 7000}),
        ("rediss://h?ssl_cert_reqs=none", "h:6379/0", {"ssl_cert_reqs": "none", "ssl_check_hostname": False}),
        ("rediss://h", "h:6379/0", {"ssl_cert_reqs": "required", "ssl_check_hostname": True}),
        ("unix:///run/a%20b.sock?db=4", "/run/a b.sock (database 4)", {"path": "/run/a b.sock", "db": 4}),
        ("unix://me:x%2Fy@/run/r.sock", "/run/r.sock (database 0)", {"username": "me", "password": "x/y"}),
        ("unix:///r.sock?password=x%2By", "/r.sock (database 0)", {"password": "x+y"}),
        (" redis://h\n", "h:6379/0", {"host": "h"}),
    ],
)
def test_every_part_is_decoded_once(url: str, where: str, options: dict[str, object]) -> None:
    address = parse_redis_url(url)
    pool = address.connect().connection_pool
    assert address.where == where
    assert {name: pool.connection_kwargs.get(name) for name in options} == options
    assert "p@ss" not in repr(address)


@pytest.mark.parametrize(
    "url",
    [
        f"localhost:6379/{SECRET}",
        f"http://:{SECRET}@h",
        f"redis:h:6379/{SECRET}",
        f"redis:/:{SECRET}@h",
        f"redis://:{SECRET}/x@h:6379/0",
        f"redis://:{SECRET}#x@h:6379/0",
        f"redis://:{SECRET}?x@h:6379/0",
        f"redis://:{SECRET}%x@h",
        f"redis://:{SECRET}%ff@h",
        f"redis://:{SECRET} x@h",
        f"redis://:{SECRET}\x00@h",
        f"redis://:{SECRET}@h:port",
        f"redis://:{SECRET}@h:70000",
        f"redis://:{SECRET}@h:0",
        f"redis://:{SECRET}@[::1",
        f"redis://:{SECRET}@h/one",
        f"redis://:{SECRET}@h/-1",
        f"redis://:{SECRET}@h/1/2",
        f"redis://:{SECRET}@h/1?db=2",
        f"redis://:{SECRET}@h/99999999999999999999",
        f"redis://:{SECRET}@h/?decode_responses=yes",
        f"redis://:{SECRET}@h/?db=1&db=1",
        f"rediss://:{SECRET}@h/?ssl_cert_reqs=perhaps",
        f"rediss://:{SECRET}@h/?ssl_check_hostname=perhaps",
        f"rediss://:{SECRET}@h/?ssl_ca_certs=/nowhere/{SECRET}.pem",
        f"unix://run/{SECRET}.sock",
        f"unix://:{SECRET}@",
        f"unix://:{SECRET}@/",
    ],
)
def test_what_cannot_be_meant_is_a_sentence_without_a_secret(url: str) -> None:
    with pytest.raises(RedisUnusable) as refused:
        parse_redis_url(url)
    sentence = str(refused.value)
    assert sentence.startswith("REDIS_URL ")
    assert sentence.endswith(".")
    assert len(sentence) < 220
    assert SECRET not in sentence
    assert refused.value.__cause__ is None


async def test_a_password_that_has_to_be_encoded_opens_the_server(tmp_path: Path) -> None:
    """By the name of a user, and in a database of its own."""
    with redis_at(tmp_path / "redis") as port:
        told(port, "ACL SETUSER w@rker on >p/s%s~1 ~* &* +@all")
        redis = parse_redis_url(f"redis://w%40rker:p%2Fs%25s~1@127.0.0.1:{port}/5").connect()
        assert await redis.set("kept", "here")
        assert await redis.client_info() is not None
        await redis.aclose()
        other = parse_redis_url(f"redis://w%40rker:p%2Fs%2525s~1@127.0.0.1:{port}/5").connect()
        with pytest.raises(RedisError):
            await other.ping()
        await other.aclose()
