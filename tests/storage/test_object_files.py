"""Files in a bucket are kept as those on a disk are: by their hash, whole, swept when nothing needs them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from meterfarm.storage import StorageError
from meterfarm.storage.files import ObjectFiles
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import CompanyStore, Store
from tests.local_site import closed_site, local_site
from tests.s3 import KEY_ID, SECRET, Bucket, s3_server
from tests.storage.made import ACCOUNT, USERNAME, UTILITY, bill, listed, pdf, save_bill


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Bucket]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    with s3_server() as bucket:
        for name, value in bucket.environment.items():
            monkeypatch.setenv(name, value)
        yield bucket


@pytest.fixture
def files(bucket: Bucket) -> ObjectFiles:
    return ObjectFiles(bucket.environment["FILES_URL"])


@pytest.fixture
def store(bucket: Bucket, tmp_path: Path) -> Iterator[CompanyStore]:
    with Store.open(Settings(home=tmp_path / "home")).of() as store:
        yield store


def test_bytes_come_back_by_their_hash(files: ObjectFiles, bucket: Bucket) -> None:
    contents = [b"", b"one", os.urandom(3_000_000)]
    hashes = files.put_all(contents)
    assert hashes == [hashlib.sha256(content).hexdigest() for content in contents]
    assert [files.read(sha256) for sha256 in hashes] == contents
    assert set(bucket.objects) == {f"farm/{sha256[:2]}/{sha256}" for sha256 in hashes}
    assert files.those_there([*hashes, "0" * 64]) == set(hashes)
    assert files.has(hashes[1])
    files.delete(hashes[1])
    files.delete(hashes[1])
    assert not files.has(hashes[1])
    with pytest.raises(StorageError, match=rf"s3://bucket/farm/.*{hashes[1]} is not there; restore"):
        files.read(hashes[1])


def test_what_is_there_is_not_sent_again_unless_a_sweep_could_take_it(
    files: ObjectFiles, bucket: Bucket
) -> None:
    sha256 = files.put(b"same")
    assert files.put(b"same") == sha256
    assert bucket.requests.count("PUT") == 1
    bucket.age(f"farm/{sha256[:2]}/{sha256}", datetime.now(UTC) - timedelta(days=1))
    assert [leftover.name for leftover in files.leftovers(3600)] == [sha256]
    files.put(b"same")
    assert not list(files.leftovers(3600))


def test_bytes_that_changed_are_not_handed_out(files: ObjectFiles, bucket: Bucket) -> None:
    sha256 = files.put(b"kept")
    bucket.objects[f"farm/{sha256[:2]}/{sha256}"] = (b"kepT", datetime.now(UTC))
    with pytest.raises(StorageError, match="is damaged; restore it from a backup"):
        files.read(sha256)


def test_a_store_keeps_its_bills_there_and_sweeps_what_nothing_refers_to(
    store: CompanyStore, bucket: Bucket, tmp_path: Path
) -> None:
    customer = store.customers.ensure(UTILITY, USERNAME)
    account = store.accounts.save(customer, ACCOUNT)
    save_bill(store, account, listed(), pdf(), bill(), layout="l", layout_version=1)
    kept = store.bills.of_account(account)["b1"]
    assert kept.has_file
    assert store.bills.in_store(account) == {"b1": None}
    assert bucket.objects[f"farm/{kept.sha256[:2]}/{kept.sha256}"][0] == pdf().content
    assert not [path for path in (tmp_path / "home" / "files").rglob("*") if path.is_file()]
    strays = [store.files.put(f"stray {number}".encode()) for number in range(230)]
    bucket.objects["farm/notes.txt"] = (b"somebody's", datetime.now(UTC) - timedelta(days=9))
    assert store.farm.sweep() == 0, "they are young"
    assert store.farm.sweep(older_than=-5) == len(strays)
    assert set(bucket.objects) == {f"farm/{kept.sha256[:2]}/{kept.sha256}", "farm/notes.txt"}
    store.files.delete(kept.sha256)
    assert store.bills.in_store(account) == {}
    assert save_bill(store, account, listed(), pdf(), bill(), layout="l", layout_version=1) is False
    assert store.bills.in_store(account) == {"b1": None}, "it was lost and is back"


def test_the_keys_may_be_in_awss_files(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_REGION"):
        monkeypatch.delenv(name)
    folder = tmp_path / ".aws"
    folder.mkdir()
    (folder / "credentials").write_text(
        f"[default]\naws_access_key_id = AKIAWRONG\naws_secret_access_key = x\n"
        f"[farm]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\n"
    )
    (folder / "config").write_text(f"[profile farm]\nregion = eu-test-1\nendpoint_url = {bucket.url}\n")
    monkeypatch.setenv("AWS_PROFILE", "farm")
    assert ObjectFiles("s3://bucket/farm").put(b"x")
    assert bucket.objects


async def _role(_: Request) -> Response:
    expires = (datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="seconds")
    keys = {"AccessKeyId": KEY_ID, "SecretAccessKey": SECRET, "Token": "", "Expiration": expires}
    return JSONResponse({**keys, "RoleArn": "arn:aws:iam::1:role/farm"})


def test_the_keys_may_come_from_a_containers_role(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with local_site([Route("/role", _role)]) as site:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{site.url}/role")
        assert ObjectFiles("s3://bucket/farm").put(b"x")
    assert bucket.objects


def test_without_keys_or_with_a_profile_that_is_not_there_it_is_refused_at_once(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(StorageError, match="No AWS credentials are found for FILES_URL; set"):
        ObjectFiles("s3://bucket/farm")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(StorageError, match=r"cannot be used \(ProfileNotFound\); correct AWS_PROFILE"):
        ObjectFiles("s3://bucket/farm")
    assert not bucket.requests


def test_what_is_wrong_is_one_sentence_without_a_key(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, files: ObjectFiles
) -> None:
    told = []
    with pytest.raises(StorageError, match="no such bucket; make it") as refused:
        ObjectFiles("s3://another/farm").put(b"x")
    told.append(refused.value)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-4711")
    with pytest.raises(StorageError, match="access was refused; see that the keys are right") as refused:
        ObjectFiles("s3://bucket/farm").put(b"x")
    told.append(refused.value)
    monkeypatch.setattr("meterfarm.storage.files._TRIES", timedelta(seconds=0))
    bucket.broken = 500
    with pytest.raises(StorageError, match="did not answer as it should") as refused:
        ObjectFiles("s3://bucket/farm").has("0" * 64)
    told.append(refused.value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", closed_site())
    with pytest.raises(StorageError, match="did not answer as it should") as refused:
        ObjectFiles("s3://bucket/farm").put(b"x")
    told.append(refused.value)
    for error in told:
        assert "canary" not in f"{error!r}"
        assert KEY_ID not in str(error)
        assert error.__cause__ is None


@pytest.mark.parametrize(
    "url", ["gs://bucket", "s3://", "/srv/files", "s3://key:secret@bucket/x", "s3://b?x=y"]
)
def test_what_is_no_bucket_is_refused(url: str) -> None:
    with pytest.raises(StorageError, match="FILES_URL is not like s3://bucket/prefix"):
        ObjectFiles(url)
