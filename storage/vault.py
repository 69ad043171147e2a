"""The vault: a data key per customer, wrapped by master keys; all ciphertexts bound to what they belong to.

AES-256-GCM with associated data, so that a ciphertext moved to another customer or kind does not open.
Destroying the wrapped key destroys everything sealed with it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from storage.errors import StorageError
from storage.home import write_synced, written_aside

_KEY = 32
_NONCE = 12


class MasterKey:
    """One master key; its uses are separate keys derived from it. ``id`` names it without telling it."""

    def __init__(self, secret: bytes) -> None:
        self.id = _derive(secret, b"meterfarm key id").hex()[:16]
        self._wrapping = AESGCM(_derive(secret, b"meterfarm data keys"))
        self._hashing = _derive(secret, b"meterfarm rejected passwords")

    def wrap(self, data_key: bytes, owner: str) -> bytes:
        return _encrypt(self._wrapping, data_key, owner)

    def unwrap(self, wrapped: bytes, owner: str) -> bytes:
        return _decrypt(self._wrapping, wrapped, owner)

    def digest(self, owner: str, secret: str) -> bytes:
        """A keyed hash of ``secret`` as ``owner`` used it: HMAC-SHA256."""
        return hmac.digest(self._hashing, f"{owner}\0{secret}".encode(), hashlib.sha256)


class Vault:
    """The ring of master keys: the first encrypts, all decrypt."""

    def __init__(self, keys: Sequence[MasterKey]) -> None:
        self.primary = keys[0]
        self._keys = {key.id: key for key in keys}

    def __contains__(self, key_id: str) -> bool:
        return key_id in self._keys

    def new_data_key(self, owner: str) -> bytes:
        """A fresh data key, wrapped by the primary master key."""
        return self.primary.wrap(os.urandom(_KEY), owner)

    def rewrap(self, key_id: str, wrapped: bytes, owner: str) -> bytes:
        """The same data key under the primary master key."""
        return self.primary.wrap(self._key(key_id).unwrap(wrapped, owner), owner)

    def seal(self, key_id: str, wrapped: bytes, owner: str, kind: str, secret: bytes) -> bytes:
        return _encrypt(self._data_cipher(key_id, wrapped, owner), secret, f"{owner}/{kind}")

    def unseal(self, key_id: str, wrapped: bytes, owner: str, kind: str, ciphertext: bytes) -> bytes:
        return _decrypt(self._data_cipher(key_id, wrapped, owner), ciphertext, f"{owner}/{kind}")

    def digest(self, key_id: str, owner: str, secret: str) -> bytes | None:
        """The keyed hash under the named master key; None if that key is no longer in the ring."""
        key = self._keys.get(key_id)
        return key.digest(owner, secret) if key else None

    def _data_cipher(self, key_id: str, wrapped: bytes, owner: str) -> AESGCM:
        return AESGCM(self._key(key_id).unwrap(wrapped, owner))

    def _key(self, key_id: str) -> MasterKey:
        try:
            return self._keys[key_id]
        except KeyError:
            raise StorageError(wrong_key(key_id)) from None


def wrong_key(key_id: str) -> str:
    return (
        f"Stored secrets are encrypted with the key {key_id}, which is not among the vault's keys; "
        "restore the vault.key file they were made with, or add that key to METERFARM_SECRET_KEYS."
    )


def parse_keys(text: str) -> list[MasterKey]:
    """Master keys from comma-separated urlsafe base64."""
    return [_parse_key(part.strip(), "METERFARM_SECRET_KEYS") for part in text.split(",") if part.strip()]


def read_key_file(path: Path) -> MasterKey | None:
    """The key in ``path``, None if there is no such file."""
    try:
        text = path.read_text("ascii")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as exc:
        raise StorageError(f"The vault key {path} cannot be read; restore it from a backup.") from exc
    return _parse_key(text.strip(), str(path))


def make_key_file(path: Path) -> None:
    """Write a new random key to ``path``, unless another process has just done so."""
    try:
        with written_aside(path) as aside:
            write_synced(aside, base64.urlsafe_b64encode(os.urandom(_KEY)) + b"\n")
            path.hardlink_to(aside)
    except FileExistsError:
        return
    except OSError as exc:
        raise StorageError(
            f"The vault key {path} cannot be written ({exc.strerror}); "
            "free some space or set METERFARM_HOME to another directory."
        ) from exc


def _parse_key(text: str, where: str) -> MasterKey:
    try:
        secret = base64.b64decode(text, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != _KEY:
        raise StorageError(f"A key in {where} is not 32 bytes in urlsafe base64; restore or correct it.")
    return MasterKey(secret)


def _derive(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=_KEY, salt=None, info=purpose).derive(secret)


def _encrypt(cipher: AESGCM, plaintext: bytes, bound_to: str) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + cipher.encrypt(nonce, plaintext, bound_to.encode())


def _decrypt(cipher: AESGCM, ciphertext: bytes, bound_to: str) -> bytes:
    """Raises StorageError for whatever else the column holds: too short a text, no bytes at all."""
    try:
        return cipher.decrypt(ciphertext[:_NONCE], ciphertext[_NONCE:], bound_to.encode())
    except (InvalidTag, ValueError, TypeError) as exc:
        raise StorageError(
            f"The secret stored for {bound_to} does not open: it is damaged or was moved; "
            "restore the database from a backup, or sign in again."
        ) from exc
