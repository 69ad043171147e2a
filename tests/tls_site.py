"""A real web site by https under names of its own, on the loopback interface, with a map that leads there."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from meterfarm.support.local_hosts import LocalHosts
from tests.local_site import Site, counting, listening


@dataclass(frozen=True)
class TestAuthority:
    """A certificate for ``names``, signed by an authority of its own; both as files."""

    __test__ = False
    authority: Path
    chain: Path
    spki: str


def certified(folder: Path, *names: str) -> TestAuthority:
    """Make an authority, and a certificate for the names."""
    root, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An authority for tests")])
    signed = _certificate(issuer, issuer, root, root, x509.BasicConstraints(ca=True, path_length=0))
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    leaf = _certificate(subject, issuer, key, root, alternatives)
    authority, chain = folder / "authority.pem", folder / "chain.pem"
    authority.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain.write_bytes(private + leaf.public_bytes(serialization.Encoding.PEM))
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return TestAuthority(authority, chain, base64.b64encode(hashlib.sha256(public).digest()).decode())


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    extension: x509.ExtensionType,
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    return builder.sign(signer, hashes.SHA256())


@contextmanager
def served_by_tls(app: ASGIApp, folder: Path, *names: str) -> Iterator[LocalHosts]:
    """Serve it for all of ``names``, by a certificate of its own; where it is, and by which authority."""
    made = certified(folder, *names)
    with listening("127.0.0.1") as listener:
        config = uvicorn.Config(
            app,
            lifespan="off",
            ws="none",
            log_level="critical",
            timeout_graceful_shutdown=1,
            ssl_certfile=made.chain,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            target = f"127.0.0.1:{listener.getsockname()[1]}"
            yield LocalHosts(dict.fromkeys(names, target), made.authority, [made.spki])
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def tls_site(routes: Sequence[BaseRoute], folder: Path, *names: str) -> Iterator[tuple[Site, LocalHosts]]:
    """Serve ``routes`` for all of ``names``, which may begin with ``*.``; the first is the site's."""
    site = Site(f"https://{names[0].replace('*', 'any')}")
    with served_by_tls(counting(Starlette(routes=routes), site), folder, *names) as hosts:
        yield site, hosts
