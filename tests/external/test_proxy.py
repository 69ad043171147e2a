"""nginx with the configuration of docs/operate.md before the API: TLS, sizes, and who is believed."""

from __future__ import annotations

import re
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from meterfarm.farm.settings import FarmSettings
from tests.api.server import served
from tests.farm.post import free_port
from tests.tls_site import certified

HOST = "meterfarm.example.com"
DOCS = Path(__file__).parents[2] / "docs" / "operate.md"
_AROUND = (
    "user root; daemon off; pid {0}/pid; error_log {0}/error.log; events {{}} http {{ access_log off; {1} }}"
)
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def _configuration(folder: Path, port: int, upstream: str, chain: Path) -> Path:
    """That of the documentation with other addresses and files."""
    found = re.search("```nginx\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    site = found[1]
    for text, ours in (
        ("listen 443", f"listen 127.0.0.1:{port}"),
        ("http://127.0.0.1:8601", upstream),
        ("/etc/ssl/meterfarm.pem", str(chain)),
        ("/etc/ssl/meterfarm.key", str(chain)),
    ):
        assert text in site, text
        site = site.replace(text, ours)
    folders = "".join(f"{each}_temp_path {folder}/{each}; " for each in _TEMPORARY)
    file = folder / "nginx.conf"
    file.write_text(_AROUND.format(folder, folders + site), encoding="utf-8")
    return file


@contextmanager
def _nginx(file: Path) -> Iterator[None]:
    with subprocess.Popen(["nginx", "-c", file, "-e", file.parent / "error.log"]) as process:
        try:
            yield
        finally:
            process.terminate()
            process.wait(10)


def _form(megabytes: int) -> tuple[bytes, str]:
    """An upload of a file that is no bill, and its content type."""
    form = httpx.Request("POST", "http://a", files={"file": ("bill.pdf", bytes(megabytes * 10**6))})
    return form.read(), form.headers["content-type"]


def test_the_api_behind_nginx_as_it_is_documented(tmp_path: Path) -> None:
    settings = FarmSettings(public_url=f"https://{HOST}", trusted_proxies="127.0.0.1")
    authority = certified(tmp_path, HOST)
    port = free_port()
    patiently = Retrying(
        stop=stop_after_delay(20), wait=wait_fixed(0.1), retry=retry_if_exception_type(httpx.ConnectError)
    )
    with served(tmp_path / "home", settings) as api:
        file = _configuration(tmp_path, port, api.url, authority.chain)
        client = httpx.Client(
            base_url=f"https://127.0.0.1:{port}",
            auth=(api.key, ""),
            verify=ssl.create_default_context(cafile=str(authority.authority)),
            headers={"Host": HOST},
            timeout=60,
        )
        with _nginx(file), client:

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
