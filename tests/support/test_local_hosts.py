"""The map of host names that stand for ports of this machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from meterfarm.support.errors import MachineError
from meterfarm.support.local_hosts import LocalHosts, read_local_hosts


def _written(folder: Path, given: object) -> Path:
    path = folder / "local.json"
    path.write_text(json.dumps(given))
    return path


def test_a_name_stands_for_a_port_of_this_machine_by_https_alone(tmp_path: Path) -> None:
    hosts = {"my.portal.example": "127.0.0.1:40123", "*.cdn.portal.example": "[::1]:40124"}
    local = read_local_hosts(_written(tmp_path, {"hosts": hosts, "authority": "ca.pem"}))
    assert local.authority == tmp_path / "ca.pem"
    assert local.target("MY.portal.example") == ("127.0.0.1", 40123)
    assert local.target("a.b.cdn.portal.example") == ("::1", 40124)
    assert local.target("my.portal.example", 80) is None
    for other in (
        "portal.example",
        "cdn.portal.example",
        "notmy.portal.example",
        "my.portal.example.org",
        "",
    ):
        assert local.target(other) is None
    assert local.within("*.portal.example") == hosts
    assert local.within("x.cdn.portal.example") == {"x.cdn.portal.example": "[::1]:40124"}
    assert not read_local_hosts(None).addresses


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (
            {"hosts": {"my.portal.example": "192.0.2.1:443"}},
            "my.portal.example must stand for a port of this",
        ),
        ({"hosts": {"my.portal.example": "localhost:443"}}, "must stand for a port of this machine"),
        ({"hosts": {"my.portal.example": "127.0.0.1:0"}}, "must stand for a port of this machine"),
        ({"hosts": {"127.0.0.2": "127.0.0.1:1"}}, "“127.0.0.2” is no host name in lower case"),
        ({"hosts": {"a b, MAP * x": "127.0.0.1:1"}}, "is no host name in lower case"),
        ({"hosts": {}, "spki": ["x --no-sandbox"]}, "spki must list SHA-256 hashes"),
        ({"names": {}}, "Field required"),
        ([], "an object"),
    ],
)
def test_what_could_lead_elsewhere_or_into_a_flag_is_refused(given: object, why: str, tmp_path: Path) -> None:
    with pytest.raises(MachineError, match=why) as refused:
        read_local_hosts(_written(tmp_path, given))
    assert str(refused.value).startswith(
        f"The map of local host names {tmp_path / 'local.json'} cannot be used"
    )


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match=r"none\.json cannot be read .*; correct METERFARM_LOCAL_HOSTS"):
        read_local_hosts(tmp_path / "none.json")
    with pytest.raises(MachineError, match=r"authority .*gone\.pem that METERFARM_LOCAL_HOSTS names"):
        LocalHosts({}, tmp_path / "gone.pem").tls()
