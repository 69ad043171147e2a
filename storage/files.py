"""Content-addressed files, ``<root>/ab/<sha256>``: on a disk, or in a bucket for farms of several machines.

On a disk they are written aside, synced and renamed into place. In an S3 bucket an object is there whole or
not at all, and durable once S3 has acknowledged it. One that is there already is written again all the same
when it was last written some time ago: a sweep goes by that time.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from meterfarm.storage import StorageError
from meterfarm.storage.settings import sync
from meterfarm.support.aside import written_aside
from meterfarm.support.extras import require

if TYPE_CHECKING:
    from obstore.auth.boto3 import Boto3CredentialProvider
    from obstore.store import S3Config, S3Store

Given = TypeVar("Given")
Had = TypeVar("Had")
_AT_ONCE = 8
_FRESH = timedelta(minutes=10)
_TIMEOUT = timedelta(seconds=30)
_TRIES = timedelta(seconds=60)
_HASH = re.compile(r"[0-9a-f]{64}")
_DEFAULT_REGION = "us-east-1"
_ASKED_AGAIN = timedelta(minutes=5)
"""Botocore renews what expires at least ten minutes before it does."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """A file, whole or interrupted, that nothing may refer to. ``name`` is its hash, if it is whole."""

    name: str
    remove: Callable[[], None]


class AnyFiles(ABC):
    """Bytes by their hash, wherever they are kept."""

    @abstractmethod
    def where(self, sha256: str) -> str:
        """Its name, for people."""

    @abstractmethod
    def has(self, sha256: str) -> bool:
        """Whether it is there."""

    @abstractmethod
    def those_there(self, hashes: Iterable[str]) -> Set[str]:
        """Which of these are there."""

    @abstractmethod
    def put_as(self, contents: Mapping[str, bytes]) -> None:
        """Keep contents under their hashes, already known; all are durable when it returns."""

    @abstractmethod
    def read(self, sha256: str) -> bytes:
        """Its bytes. Raises StorageError."""

    @abstractmethod
    def delete(self, sha256: str) -> None:
        """Delete it; nothing happens if it is not there."""

    @abstractmethod
    def leftovers(self, older_than: float) -> Iterator[Leftover]:
        """What was last written over ``older_than`` seconds ago."""

    def put(self, content: bytes) -> str:
        """Keep ``content``; returns its SHA-256 in hex."""
        return self.put_all([content])[0]

    def put_all(self, contents: Sequence[bytes]) -> list[str]:
        """Keep several; their hashes in order."""
        hashes = [hashlib.sha256(content).hexdigest() for content in contents]
        self.put_as(dict(zip(hashes, contents, strict=True)))
        return hashes


class Files(AnyFiles):
    """Bytes by their hash, on a disk. An interrupted write leaves no file under its hash."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, sha256: str) -> Path:
        """Where it is, or would be."""
        return self.root / sha256[:2] / sha256

    def where(self, sha256: str) -> str:
        """Its name, for people."""
        return str(self.path(sha256))

    def those_there(self, hashes: Iterable[str]) -> Set[str]:
        """Which of these are there."""
        return {sha256 for sha256 in hashes if self.has(sha256)}

    def has(self, sha256: str) -> bool:
        """Whether the file is there, by its name alone."""
        try:
            return self.path(sha256).is_file()
        except OSError:
            return False

    def put_as(self, contents: Mapping[str, bytes]) -> None:
        """Keep contents under their hashes, already known. Bytes that are there are not written again.

        Each is on the disk before any is there under its hash. All are written before the first is waited
        for: the disk then has much of the rest already.

        Raises:
            StorageError: they cannot be written.
        """
        try:
            with ExitStack() as stack:
                moves: list[tuple[Path, Path]] = []
                for sha256, content in contents.items():
                    target = self.path(sha256)
                    if target.exists():
                        os.utime(target)
                        continue
                    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                    aside = stack.enter_context(written_aside(target))
                    aside.write_bytes(content)
                    moves.append((aside, target))
                for aside, _ in moves:
                    sync(aside)
                for aside, target in moves:
                    aside.rename(target)
                for directory in {target.parent for _, target in moves}:
                    sync(directory)
        except OSError as exc:
            raise StorageError(
                f"A file could not be written to {self.root} ({exc.strerror}); "
                "free some space or make it writable, then run again."
            ) from exc

    def read(self, sha256: str) -> bytes:
        """Its bytes.

        Raises:
            StorageError: it cannot be read.
        """
        try:
            return self.path(sha256).read_bytes()
        except OSError as exc:
            raise StorageError(
                f"The stored file {self.path(sha256)} cannot be read ({exc.strerror}); "
                "restore it from a backup."
            ) from exc

    def delete(self, sha256: str) -> None:
        """Delete it; nothing happens if it is not there."""
        self.path(sha256).unlink(missing_ok=True)

    def leftovers(self, older_than: float) -> Iterator[Leftover]:
        """Files, whole or interrupted, last touched over ``older_than`` seconds ago."""
        before = time.time() - older_than
        for path in self.root.glob("??/*"):
            try:
                if path.stat().st_mtime < before:
                    yield Leftover(path.name, partial(path.unlink, missing_ok=True))
            except FileNotFoundError:
                continue


class ObjectFiles(AnyFiles):
    """Bytes by their hash, as ``Files`` keeps them, in a bucket."""

    def __init__(self, url: str) -> None:
        self.root = url.rstrip("/")
        self._store = _bucket(self.root)
        self._threads = ThreadPoolExecutor(_AT_ONCE, "files")

    def where(self, sha256: str) -> str:
        """Its name, for people."""
        return f"{self.root}/{_key(sha256)}"

    def has(self, sha256: str) -> bool:
        """Whether it is there."""
        return self._written_at(sha256) is not None

    def those_there(self, hashes: Iterable[str]) -> Set[str]:
        """Which of these are there; several are asked for at once."""
        wanted = list(dict.fromkeys(hashes))
        return {sha256 for sha256, there in zip(wanted, self._each(self.has, wanted), strict=True) if there}

    def put_as(self, contents: Mapping[str, bytes]) -> None:
        """Keep contents under their hashes, already known; all are durable when it returns."""
        self._each(self._put, list(contents.items()))

    def read(self, sha256: str) -> bytes:
        """Its bytes.

        Raises:
            StorageError: it is not there, or the bucket cannot be read.
        """
        import obstore
        from obstore.exceptions import NotFoundError

        with self._explained("read from"):
            try:
                content = bytes(obstore.get(self._store, _key(sha256)).bytes())
            except (NotFoundError, FileNotFoundError):
                raise StorageError(
                    f"The stored file {self.where(sha256)} is not there; restore it from a backup."
                ) from None
        if hashlib.sha256(content).hexdigest() != sha256:
            raise StorageError(f"The stored file {self.where(sha256)} is damaged; restore it from a backup.")
        return content

    def delete(self, sha256: str) -> None:
        """Delete it; nothing happens if it is not there."""
        import obstore

        with self._explained("deleted from"):
            obstore.delete(self._store, _key(sha256))

    def leftovers(self, older_than: float) -> Iterator[Leftover]:
        """Objects under a hash, last written over ``older_than`` seconds ago."""
        import obstore

        before = datetime.now(UTC) - timedelta(seconds=older_than)
        with self._explained("listed in"):
            for page in obstore.list(self._store):
                for entry in page:
                    name = entry["path"].rpartition("/")[2]
                    if _HASH.fullmatch(name) and entry["last_modified"] < before:
                        yield Leftover(name, lambda name=name: self.delete(name))  # type: ignore[misc]

    def _put(self, item: tuple[str, bytes]) -> None:
        import obstore

        sha256, content = item
        written_at = self._written_at(sha256)
        if written_at is not None and datetime.now(UTC) - written_at < _FRESH:
            return
        with self._explained("written to"):
            obstore.put(self._store, _key(sha256), content, use_multipart=False)

    def _written_at(self, sha256: str) -> datetime | None:
        import obstore
        from obstore.exceptions import NotFoundError

        with self._explained("looked for in"):
            try:
                return obstore.head(self._store, _key(sha256))["last_modified"]
            except (NotFoundError, FileNotFoundError):
                return None

    def _each(self, act: Callable[[Given], Had], items: Sequence[Given]) -> list[Had]:
        if len(items) == 1:
            return [act(items[0])]
        return list(self._threads.map(act, items))

    @contextmanager
    def _explained(self, done: str) -> Iterator[None]:
        from obstore.exceptions import BaseError

        try:
            yield
        except (BaseError, OSError) as exc:
            raise StorageError(f"A file could not be {done} {self.root}: {_advice(exc)}.") from None


def _key(sha256: str) -> str:
    return f"{sha256[:2]}/{sha256}"


def _bucket(url: str) -> S3Store:
    require("s3", "FILES_URL")
    from obstore.exceptions import BaseError
    from obstore.store import S3Store

    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.hostname or parts.query or parts.username or parts.port:
        raise StorageError("FILES_URL is not like s3://bucket/prefix; keys come from AWS's own settings.")
    options = aws_options()
    try:
        return S3Store(
            parts.hostname,
            prefix=parts.path.strip("/") or None,
            config=options.config,
            credential_provider=options.credentials,
            client_options={"allow_http": options.allow_http, "timeout": _TIMEOUT},
            retry_config={"max_retries": 5, "retry_timeout": _TRIES},
        )
    except (BaseError, ValueError) as exc:
        raise StorageError(f"FILES_URL cannot be used ({type(exc).__name__}); see docs/operate.md.") from None


def _advice(exc: Exception) -> str:
    from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

    words = str(exc)
    if (
        isinstance(exc, PermissionDeniedError | UnauthenticatedError | PermissionError)
        or "403 Forbidden" in words
    ):
        return "access was refused; see that the keys are right and may read, write, list and delete there"
    if "NoSuchBucket" in words:
        return "there is no such bucket; make it, or correct FILES_URL"
    if "169.254" in words or "credential" in words.lower():
        return "no keys are known for it; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    return "its server did not answer as it should; run again, and see that it can be reached"


@dataclass(frozen=True, slots=True)
class AwsOptions:
    """``config`` has region and endpoint; ``credentials`` are requested again before they expire."""

    config: S3Config = field(repr=False)
    credentials: Boto3CredentialProvider = field(repr=False)
    allow_http: bool


def aws_options() -> AwsOptions:
    """By the environment, the files in ``~/.aws`` (``AWS_PROFILE``), a container's or the machine's role.

    Raises:
        StorageError: no credentials are found, or a file or role cannot be used.
    """
    from botocore.exceptions import BotoCoreError
    from botocore.session import Session
    from obstore.auth.boto3 import Boto3CredentialProvider

    session = Session()
    try:
        profile = session.get_scoped_config()
        region = os.environ.get("AWS_REGION") or session.get_config_variable("region") or _DEFAULT_REGION
        credentials = Boto3CredentialProvider(session, ttl=_ASKED_AGAIN)
    except BotoCoreError as exc:
        raise StorageError(
            f"AWS's settings cannot be used ({type(exc).__name__}); correct AWS_PROFILE or ~/.aws."
        ) from None
    except ValueError:
        raise StorageError(
            "No AWS credentials are found for FILES_URL; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
            "name a profile in AWS_PROFILE, or give this machine a role."
        ) from None
    endpoint = (
        os.environ.get("AWS_ENDPOINT_URL_S3")
        or os.environ.get("AWS_ENDPOINT_URL")
        or str(profile.get("endpoint_url") or "")
    )
    config: S3Config = {"region": region}
    if endpoint:
        config["endpoint"] = endpoint.rstrip("/")
    return AwsOptions(config, credentials, endpoint.startswith("http://"))
