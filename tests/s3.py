"""An S3 server for tests: one bucket in memory, every request's signature checked (AWS Signature Version 4).

It speaks what ``storage.object_files`` needs: PUT, GET, HEAD and DELETE of an object, DeleteObjects, and
ListObjectsV2 by pages. Written from AWS's description of the protocol, apart from any client of it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import parse_qsl, quote, unquote
from xml.etree.ElementTree import fromstring
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.local_site import local_site

KEY_ID = "AKIATESTTESTTESTTEST"
SECRET = "test/secret+4711"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<id>[^/]+)/(?P<scope>[^,]+), ?SignedHeaders=(?P<headers>[^,]+), ?"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)
_PAGE = 100


@dataclass
class Bucket:
    """``objects`` are content and when it was written, by key; ``requests`` are counted by method.

    While ``broken`` every request is answered with it.
    """

    name: str
    url: str = ""
    objects: dict[str, tuple[bytes, datetime]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    broken: int = 0

    @property
    def environment(self) -> Mapping[str, str]:
        """What a process needs to keep its files here."""
        return {
            "FILES_URL": f"s3://{self.name}/farm",
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": "eu-test-1",
        }

    def age(self, key: str, at: datetime) -> None:
        self.objects[key] = (self.objects[key][0], at)


@contextmanager
def s3_server() -> Iterator[Bucket]:
    bucket = Bucket("bucket")

    async def answer(request: Request) -> Response:
        bucket.requests.append(request.method)
        if bucket.broken:
            return _error(bucket.broken, "InternalError")
        body = await request.body()
        if not _is_signed(request, body):
            return _error(403, "SignatureDoesNotMatch")
        path = unquote(request.scope["raw_path"].decode().partition("?")[0])
        place, _, key = path.removeprefix("/").partition("/")
        if place != bucket.name:
            return _error(404, "NoSuchBucket")
        return _ANSWERS[request.method](bucket, key, body, request)

    methods = list(_ANSWERS)
    with local_site([Route("/{path:path}", answer, methods=methods)]) as site:
        bucket.url = site.url
        yield bucket


def _put(bucket: Bucket, key: str, body: bytes, request: Request) -> Response:
    bucket.objects[key] = (body, datetime.now(UTC))
    return Response(headers={"etag": _etag(body)})


def _get(bucket: Bucket, key: str, body: bytes, request: Request) -> Response:
    if not key:
        return _list(bucket, request)
    if key not in bucket.objects:
        return _error(404, "NoSuchKey")
    content, at = bucket.objects[key]
    headers = {"etag": _etag(content), "last-modified": format_datetime(at, usegmt=True)}
    return Response(content, headers=headers)


def _delete(bucket: Bucket, key: str, body: bytes, request: Request) -> Response:
    bucket.objects.pop(key, None)
    return Response(status_code=204)


def _post(bucket: Bucket, key: str, body: bytes, request: Request) -> Response:
    """DeleteObjects."""
    keys = [item.text or "" for item in fromstring(body).iter() if item.tag.rpartition("}")[2] == "Key"]  # noqa: S314 - ours
    for one in keys:
        bucket.objects.pop(one, None)
    deleted = "".join(f"<Deleted><Key>{escape(one)}</Key></Deleted>" for one in keys)
    return _xml(f"<DeleteResult>{deleted}</DeleteResult>")


def _list(bucket: Bucket, request: Request) -> Response:
    prefix = request.query_params.get("prefix", "")
    after = request.query_params.get("continuation-token", "")
    keys = sorted(key for key in bucket.objects if key.startswith(prefix) and key > after)
    page = keys[:_PAGE]
    contents = "".join(
        f"<Contents><Key>{escape(key)}</Key><LastModified>{bucket.objects[key][1]:%Y-%m-%dT%H:%M:%S.000Z}"
        f"</LastModified><ETag>{escape(_etag(bucket.objects[key][0]))}</ETag>"
        f"<Size>{len(bucket.objects[key][0])}</Size></Contents>"
        for key in page
    )
    more = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if len(keys) > _PAGE else ""
    truncated = str(len(keys) > _PAGE).lower()
    return _xml(
        f"<ListBucketResult><IsTruncated>{truncated}</IsTruncated>{more}{contents}</ListBucketResult>"
    )


_ANSWERS: Mapping[str, Callable[[Bucket, str, bytes, Request], Response]] = {
    "PUT": _put,
    "GET": _get,
    "HEAD": _get,
    "DELETE": _delete,
    "POST": _post,
}


def _etag(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def _xml(text: str, status: int = 200) -> Response:
    return Response(f'<?xml version="1.0" encoding="UTF-8"?>{text}', status, media_type="application/xml")


def _error(status: int, code: str) -> Response:
    return _xml(f"<Error><Code>{code}</Code><Message>{code}</Message></Error>", status)


def _is_signed(request: Request, body: bytes) -> bool:
    """Whether the holder of the secret sent this very request."""
    found = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    if found is None or found["id"] != KEY_ID:
        return False
    told = request.headers.get("x-amz-content-sha256", "")
    if told not in {hashlib.sha256(body).hexdigest(), "UNSIGNED-PAYLOAD"}:
        return False
    raw_path, _, query = request.scope["raw_path"].decode().partition("?")
    query = request.scope["query_string"].decode() or query
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in parse_qsl(query, keep_blank_values=True)
    )
    names = found["headers"].split(";")
    canonical = "\n".join(
        [
            request.method,
            quote(unquote(raw_path), safe="/-_.~"),
            "&".join(f"{name}={value}" for name, value in pairs),
            *(f"{name}:{' '.join(request.headers.get(name, '').split())}" for name in names),
            "",
            found["headers"],
            told,
        ]
    )
    to_sign = "\n".join(
        [
            "AWS4-HMAC-SHA256",
            request.headers.get("x-amz-date", ""),
            found["scope"],
            hashlib.sha256(canonical.encode()).hexdigest(),
        ]
    )
    key = b"AWS4" + SECRET.encode()
    for part in found["scope"].split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.compare_digest(hmac.digest(key, to_sign.encode(), "sha256").hex(), found["signature"])
