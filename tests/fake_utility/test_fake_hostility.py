"""What a hostile portal does is switched on and off; what cannot be read says why, and changes nothing."""

from __future__ import annotations

import io
import zipfile
import zlib

import pytest

from meterfarm.fake_utility.kit import hostile_documents as documents
from meterfarm.fake_utility.kit.hostility import BadHostility, parse_hostility


def test_documents_are_treated_in_turn() -> None:
    on = parse_hostility({"foreign": "127.0.0.2:1", "bills": ["", "large", "elsewhere"], "exports": ["bomb"]})
    assert [on.trick("bill") for _ in range(4)] == ["", "large", "elsewhere", ""]
    assert on.as_json() == {"foreign": "127.0.0.2:1", "exports": ["bomb"]}
    assert not parse_hostility({}).is_on


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([], "must be an object"),
        ({"pages": 1}, "pages must be true or false"),
        ({"pages": True}, "foreign is missing"),
        ({"bills": ["elsewhere"]}, "foreign is missing"),
        ({"bills": ["bomb"]}, "bills must be a list of '', 'large', 'endless', 'elsewhere'"),
        ({"exports": "bomb"}, "exports must be a list of"),
        ({"foreign": 1}, "foreign must be a host with its port"),
        ({"worms": True}, "nothing called 'worms'"),
    ],
)
def test_what_cannot_be_read_is_refused(given: object, says: str) -> None:
    with pytest.raises(BadHostility, match=says):
        parse_hostility(given)


def test_bombs_are_small_and_unpack_to_a_gibibyte() -> None:
    packed = documents.zip_bomb()
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        (member,) = archive.infolist()
        assert (member.file_size, member.filename.startswith("../../")) == (2**30, True)
        with archive.open(member) as file:
            assert file.read(9) == b" " * 9
    for bomb in (packed, documents.gzip_bomb()):
        assert len(bomb) < 2 * 2**20
    inflater = zlib.decompressobj(31)
    left, size = documents.gzip_bomb(), 0
    while left and size <= 2**28:
        size += len(inflater.decompress(left, 2**24))
        left = inflater.unconsumed_tail
    assert size > 2**28


def test_a_zip_is_packed_anew_under_names_that_lead_out() -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("a.csv", "1")
    for content, name in ((inner.getvalue(), "a.csv"), (b"1", "usage.xml")):
        with zipfile.ZipFile(io.BytesIO(documents.outside(content, "usage.xml"))) as archive:
            assert archive.namelist() == [f"{documents.OUTSIDE}-{name}"]
            assert archive.read(archive.namelist()[0]) == b"1"
