"""A test authority and a certificate for the portals' host names: made at first use, and kept.

The authority's own key is thrown away once it has signed, so nothing else can ever be signed with it.
"""

import base64
import os
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b, sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_YEARS = timedelta(days=2 * 365)
_AUTHORITY, _CERTIFICATE, _KEY = "authority.pem", "certificate.pem", "certificate.key"


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files in PEM. `spki`: the hash of the certificate's key as Chromium takes it."""

    authority: Path
    certificate: Path
    key: Path
    spki: str


def certificates(directory: Path, hosts: Sequence[str]) -> Certificates:
    """For these names, made once a year in `directory` (key 0600, directories 0700). Raises OSError.

    Two processes that start at once end up with the same: the files appear together or not at all.
    """
    year = datetime.now(UTC).year
    digest = blake2b(f"{year} {' '.join(sorted(hosts))}".encode(), digest_size=6).hexdigest()
    folder = directory / f"tls-{digest}"
    if not folder.exists():
        _create(folder, hosts)
    certificate = folder / _CERTIFICATE
    found = x509.load_pem_x509_certificate(certificate.read_bytes())
    public = found.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    spki = base64.b64encode(sha256(public).digest()).decode()
    return Certificates(folder / _AUTHORITY, certificate, folder / _KEY, spki)


def _create(folder: Path, hosts: Sequence[str]) -> None:
    draft = folder.with_name(f".{folder.name}.{secrets.token_hex(8)}")
    draft.mkdir(mode=0o700, parents=True)
    try:
        _write(draft, hosts)
        try:
            draft.rename(folder)
        except OSError:
            if not folder.exists():
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _write(folder: Path, hosts: Sequence[str]) -> None:
    authority_key, key = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())
    issuer = _name("Meterfarm test authority")
    authority = (
        _builder(issuer, issuer, authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, SHA256())
    )
    certificate = (
        _builder(_name(hosts[0][:64]), issuer, key)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
        )
        .sign(authority_key, SHA256())
    )
    (folder / _AUTHORITY).write_bytes(authority.public_bytes(Encoding.PEM))
    (folder / _CERTIFICATE).write_bytes(certificate.public_bytes(Encoding.PEM))
    descriptor = os.open(folder / _KEY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _YEARS)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )
