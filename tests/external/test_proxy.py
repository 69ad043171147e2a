"""nginx and Caddy with the configurations of docs/operate.md before the API: TLS, sizes, who is believed."""

from __future__ import annotations

import re
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from meterfarm.farm.settings import FarmSettings
from tests.api.server import served
from tests.farm.post import free_port
from tests.tls_site import certified

HOST = "meterfarm.example.com"
DOCS = Path(__file__).parents[2] / "docs" / "operate.md"
_NGINX = (
    "user root; daemon off; pid {0}/pid; error_log {0}/error.log; events {{}} http {{ access_log off; {1} }}"
)
_CADDY = "{{ admin off\n storage file_system {0}/caddy\n auto_https disable_redirects\n }}\n{1}"
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def _site(language: str, *changes: tuple[str, str]) -> str:
    """That of the documentation with other addresses and files."""
    found = re.search(f"```{language}\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    site = found[1]
    for text, ours in changes:
        assert text in site, text
        site = site.replace(text, ours)
    return site


def _nginx(folder: Path, port: int, upstream: str, chain: Path) -> list[str]:
    """The command that runs it."""
    site = _site(
        "nginx",
        ("listen 443", f"listen 127.0.0.1:{port}"),
        ("http://127.0.0.1:8601", upstream),
        ("/etc/ssl/meterfarm.pem", str(chain)),
        ("/etc/ssl/meterfarm.key", str(chain)),
    )
    folders = "".join(f"{each}_temp_path {folder}/{each}; " for each in _TEMPORARY)
    file = folder / "nginx.conf"
    file.write_text(_NGINX.format(folder, folders + site), encoding="utf-8")
    return ["nginx", "-c", str(file), "-e", str(folder / "error.log")]


def _caddy(folder: Path, port: int, upstream: str, chain: Path) -> list[str]:
    """The command that runs it, with a certificate that is there."""
    site = _site(
        "caddy",
        (f"{HOST} {{", f"https://{HOST}:{port} {{\n bind 127.0.0.1\n tls {chain} {chain}"),
        ("127.0.0.1:8601", upstream),
    )
    file = folder / "Caddyfile"
    file.write_text(_CADDY.format(folder, site), encoding="utf-8")
    return ["caddy", "run", "--config", str(file), "--adapter", "caddyfile"]


@contextmanager
def _running(command: list[str]) -> Iterator[None]:
    with subprocess.Popen(command) as process:
        try:
            yield
        finally:
            process.terminate()
            process.wait(10)


def _form(megabytes: int) -> tuple[bytes, str]:
    """An upload of a file that is no bill, and its content type."""
    form = httpx.Request("POST", "http://a", files={"file": ("bill.pdf", bytes(megabytes * 10**6))})
    return form.read(), form.headers["content-type"]


@pytest.mark.parametrize("proxy", [_nginx, _caddy])
def test_the_api_behind_a_proxy_as_it_is_documented(
    proxy: Callable[[Path, int, str, Path], list[str]], tmp_path: Path
) -> None:
    settings = FarmSettings(public_url=f"https://{HOST}", trusted_proxies="127.0.0.1")
    authority = certified(tmp_path, HOST)
    port = free_port()
    patiently = Retrying(
        stop=stop_after_delay(20), wait=wait_fixed(0.1), retry=retry_if_exception_type(httpx.ConnectError)
    )
    with served(tmp_path / "home", settings) as api:
        command = proxy(tmp_path, port, api.url, authority.chain)
        client = httpx.Client(
            base_url=f"https://127.0.0.1:{port}",
            auth=(api.key, ""),
            verify=ssl.create_default_context(cafile=str(authority.authority)),
            headers={"Host": HOST},
            timeout=60,
        )
        with _running(command), client:

            def asked(
                method: str, path: str, body: bytes = b"", kind: str = "application/json", says: str = ""
            ) -> httpx.Response:
                request = client.build_request(
                    method,
                    path,
                    content=body,
                    headers={"Content-Type": kind, **({"X-Forwarded-Proto": says} if says else {})},
                )
                request.extensions["sni_hostname"] = HOST
                return client.send(request)

            first = patiently(lambda: asked("GET", "/api/v2/customers"))
            assert first.status_code == 200
            assert first.headers.get_list("strict-transport-security") == ["max-age=31536000"]
            forged = asked("GET", "/api/v2/customers", says="http")
            assert forged.status_code == 200, "the proxy's word counts"
            made = asked("POST", "/api/v2/customers", b"{}").json()
            assert made["onboarding_link"].startswith(f"https://{HOST}/")
            refused, too_large = (asked("POST", "/api/v2/bills", *_form(size)) for size in (20, 40))
            assert refused.json()["error_code"] == "unsupported_file_format", "it came through"
            assert too_large.status_code == 413
            direct = httpx.get(f"{api.url}/api/v2/customers", headers={"Host": HOST}, auth=(api.key, ""))
            assert direct.json()["error_code"] == "https_required"
