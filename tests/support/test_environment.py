"""What children of this process get to know of its environment."""

from __future__ import annotations

import pytest

from meterfarm.support.environment import child_environment


def test_a_child_gets_what_any_program_needs_and_no_setting_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = {"PATH": "/bin", "HOME": "/root", "LC_TIME": "nl_BE", "TZ": "Europe/Brussels", "DISPLAY": ":7"}
    kept_back = [
        *("METERFARM_SECRET_KEYS", "METERFARM_HOME", "DATABASE_URL", "REDIS_URL", "BROWSER_ENDPOINT"),
        *("TWILIO_AUTH_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "PGPASSWORD", "GITHUB_TOKEN"),
        *("OTEL_EXPORTER_OTLP_HEADERS", "PLAYWRIGHT_SERVICE_ACCESS_TOKEN", "DEBUG", "A_CLOUD_THAT_COMES"),
    ]
    for name, value in needed.items():
        monkeypatch.setenv(name, value)
    for name in kept_back:
        monkeypatch.setenv(name, "canary")
    given = child_environment(TMPDIR="/here")
    assert needed.items() <= given.items()
    assert given["TMPDIR"] == "/here"
    assert "canary" not in given.values()


@pytest.mark.parametrize(
    ("proxy", "given"),
    [
        ("http://proxy:3128", "http://proxy:3128"),
        ("http://me:canary@proxy:3128/", "http://proxy:3128"),
        ("me:canary@proxy:3128", "http://proxy:3128"),
        ("socks5://me:can@ary@[::1]:1080", "socks5://[::1]:1080"),
        ("http://[me:canary@", None),
    ],
)
def test_a_proxy_is_passed_on_without_its_password(
    monkeypatch: pytest.MonkeyPatch, proxy: str, given: str | None
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    assert child_environment().get("HTTPS_PROXY") == given
