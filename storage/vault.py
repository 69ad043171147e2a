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
import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from meterfarm.storage import StorageError
from meterfarm.storage.settings import sync, write_synced
from meterfarm.support.aside import written_aside

_KEY = 32
_NONCE = 12
_TOKEN = re.compile(r"(?P<payload>[0-9A-Za-z-]{1,200})_(?P<expires>[0-9]{1,11})_(?P<signature>[0-9a-f]{32})")


class MasterKey:
    """One master key, which wraps others. ``id`` names it without telling it."""

    def __init__(self, secret: bytes) -> None:
        self.id = _derive(secret, b"meterfarm key id").hex()[:16]
        self._signing = _derive(secret, b"meterfarm signatures")
        self._wrapping = AESGCM(_derive(secret, b"meterfarm data keys"))

    def wrap(self, data_key: bytes, owner: str) -> bytes:
        """A data key, encrypted for its owner."""
        return _encrypt(self._wrapping, data_key, owner)

    def unwrap(self, wrapped: bytes, owner: str) -> bytes:
        """The data key again. Raises StorageError."""
        return _decrypt(self._wrapping, wrapped, owner)

    def sign(self, text: str) -> str:
        """The first 128 bits of HMAC-SHA256, in hexadecimal digits."""
        return hmac.digest(self._signing, text.encode(), hashlib.sha256)[:16].hex()


class Vault:
    """The ring of master keys: the first wraps, all unwrap.

    ``read_again`` gives the ring as it is now; another process may have put a new key in front. It is asked
    before anything is wrapped, so that no key is used that is about to go, and when a key is not known.
    """

    def __init__(
        self, keys: Sequence[MasterKey], read_again: Callable[[], Sequence[MasterKey]] | None = None
    ) -> None:
        self.primary = keys[0]
        self._keys = {key.id: key for key in keys}
        self._read_again = read_again

    def __contains__(self, key_id: str) -> bool:
        return key_id in self._keys

    def refresh(self) -> list[str]:
        """Take up the ring as it is now: its keys' ids. Keys once known stay known to this process."""
        if self._read_again is not None:
            keys = self._read_again()
            self._keys = self._keys | {key.id: key for key in keys}
            self.primary = keys[0]
            return [key.id for key in keys]
        return list(self._keys)

    def new_data_key(self, owner: str) -> tuple[str, bytes]:
        """A fresh data key: the id of the master key that wraps it, and the wrapped key."""
        return self._wrap(os.urandom(_KEY), owner)

    def rewrap(self, key_id: str, wrapped: bytes, owner: str) -> tuple[str, bytes]:
        """The same data key under the primary master key."""
        return self._wrap(self._key(key_id).unwrap(wrapped, owner), owner)

    def seal(self, key_id: str, wrapped: bytes, owner: str, kind: str, secret: bytes) -> bytes:
        """Encrypt a secret of the owner with the data key that is wrapped."""
        return _encrypt(self._data_cipher(key_id, wrapped, owner), secret, f"{owner}/{kind}")

    def unseal(self, key_id: str, wrapped: bytes, owner: str, kind: str, ciphertext: bytes) -> bytes:
        """The secret again. Raises StorageError."""
        return _decrypt(self._data_cipher(key_id, wrapped, owner), ciphertext, f"{owner}/{kind}")

    def digest(self, key_id: str, wrapped: bytes, owner: str, secret: str) -> bytes:
        """A keyed hash of ``secret``: HMAC-SHA256 with the data key."""
        return hmac.digest(self._key(key_id).unwrap(wrapped, owner), secret.encode(), hashlib.sha256)

    def sign(self, purpose: str, payload: str, expires_at: int) -> str:
        """A token of letters, digits, ``-`` and ``_`` that says so until ``expires_at`` (epoch seconds).

        ``payload`` has letters, digits and ``-`` only. It can be read by everybody, and changed by nobody.
        """
        return f"{payload}_{expires_at}_{self.primary.sign(f'{purpose}_{payload}_{expires_at}')}"

    def verified(self, purpose: str, token: str, at: float) -> str | None:
        """The payload of a token for this purpose; None if it is none, or expired ``at`` (epoch seconds)."""
        match = _TOKEN.fullmatch(token)
        if match is None or int(match["expires"]) <= at:
            return None
        signed = f"{purpose}_{match['payload']}_{match['expires']}"
        if self._has_signed(signed, match["signature"]):
            return match["payload"]
        self.refresh()
        return match["payload"] if self._has_signed(signed, match["signature"]) else None

    def _has_signed(self, text: str, signature: str) -> bool:
        return any(hmac.compare_digest(key.sign(text), signature) for key in self._keys.values())

    def _wrap(self, data_key: bytes, owner: str) -> tuple[str, bytes]:
        self.refresh()
        return self.primary.id, self.primary.wrap(data_key, owner)

    def _data_cipher(self, key_id: str, wrapped: bytes, owner: str) -> AESGCM:
        return AESGCM(self._key(key_id).unwrap(wrapped, owner))

    def _key(self, key_id: str) -> MasterKey:
        if key_id not in self._keys:
            self.refresh()
        try:
            return self._keys[key_id]
        except KeyError:
            raise StorageError(wrong_key(key_id)) from None


def wrong_key(key_id: str) -> str:
    """The sentence for a key that the vault lacks."""
    return (
        f"Stored secrets are encrypted with the key {key_id}, which is not among the vault's keys; "
        "restore the vault.key file they were made with, or add that key to METERFARM_SECRET_KEYS."
    )


def parse_keys(text: str, where: str) -> list[MasterKey]:
    """Master keys from urlsafe base64, separated by commas or lines; ``where`` they stood."""
    return [_parse_key(part.strip(), where) for part in re.split(r"[,\n]", text) if part.strip()]


def new_key() -> str:
    """A random key as text."""
    return base64.urlsafe_b64encode(os.urandom(_KEY)).decode()


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


class KeyFile:
    """The file with the master keys, one a line, newest first."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[MasterKey]:
        """Newest first; none if there is no such file."""
        text = self._text()
        if text is None:
            return []
        keys = parse_keys(text, str(self.path))
        if not keys:
            raise StorageError(f"The vault key {self.path} is empty; restore it from a backup.")
        return keys

    def make(self) -> None:
        """Write a new key, unless another process has just done so."""
        try:
            with written_aside(self.path) as aside:
                write_synced(aside, f"{new_key()}\n".encode())
                self.path.hardlink_to(aside)
        except FileExistsError:
            return
        except OSError as exc:
            raise self._unwritable(exc) from exc

    def put_new_key_first(self) -> None:
        """Make a key and put it before the others."""
        self._write([new_key(), *self._lines()])

    def keep_only(self, key_ids: Collection[str]) -> None:
        """Drop the keys, but the first, that are not among these."""
        first, *rest = self._lines()
        kept = [line for line in rest if parse_keys(line, str(self.path))[0].id in key_ids]
        if kept != rest:
            self._write([first, *kept])

    def clear_leftovers(self) -> None:
        """Remove what a killed process wrote aside: there may be keys in it."""
        for path in self.path.parent.glob(".tmp-*"):
            path.unlink(missing_ok=True)

    def _lines(self) -> list[str]:
        return [line for line in (self._text() or "").split() if line]

    def _text(self) -> str | None:
        try:
            return self.path.read_text("ascii")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as exc:
            raise StorageError(
                f"The vault key {self.path} cannot be read; restore it from a backup."
            ) from exc

    def _write(self, lines: Sequence[str]) -> None:
        try:
            with written_aside(self.path) as aside:
                write_synced(aside, "".join(f"{line}\n" for line in lines).encode())
                aside.rename(self.path)
            sync(self.path.parent)
        except OSError as exc:
            raise self._unwritable(exc) from exc

    def _unwritable(self, exc: OSError) -> StorageError:
        return StorageError(
            f"The vault key {self.path} cannot be written ({exc.strerror}); "
            "free some space or set METERFARM_HOME to another directory."
        )
