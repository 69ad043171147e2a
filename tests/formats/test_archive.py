"""ZIPs are unpacked within bounds, and a plain file passes."""

from __future__ import annotations

import struct
from io import BytesIO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from meterfarm.formats.archive import member_names, unpack
from meterfarm.formats.errors import FormatError
from tests.formats.zips import zipped

WHOLE = zipped({"a.xml": b"<feed/>" * 20, "b.csv": b"1,2\n" * 9})


def test_a_plain_file_yields_itself() -> None:
    assert list(unpack(b"<feed/>", "a.xml")) == [("a.xml", b"<feed/>")]
    assert list(unpack(b"", "a.xml")) == [("a.xml", b"")]


def test_files_come_without_their_folders() -> None:
    names = ("deep/er/a.xml", "../../etc/passwd", "/etc/b.csv", "c:\\d\\e.csv", "folder/")
    files = dict(unpack(zipped({name: name.encode() for name in names}), "x.zip"))
    assert list(files) == ["a.xml", "passwd", "b.csv", "e.csv"]
    assert files["a.xml"] == b"deep/er/a.xml"


def test_an_export_that_packs_well_is_no_bomb() -> None:
    export = b"<IntervalReading><value>1</value></IntervalReading>" * 100_000
    assert list(unpack(zipped({"a.xml": export}), "x.zip")) == [("a.xml", export)]


def test_a_bomb_is_refused() -> None:
    with pytest.raises(FormatError, match="unpacks to far more"):
        list(unpack(zipped({"a": b"\0" * 12_000_000}), "x.zip"))
    with pytest.raises(FormatError, match="unpacks to far more"):
        list(unpack(zipped({"a": b"\1" * 60, "b": b"\2" * 60}), "x.zip", most=100))


def test_too_many_files_are_refused() -> None:
    with pytest.raises(FormatError, match="1001 files"):
        list(unpack(zipped({f"{number}": b"" for number in range(1001)}), "x.zip"))


def test_an_encrypted_zip_is_named_so() -> None:
    content = bytearray(zipped({"a.xml": b"x"}))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(FormatError, match="encrypted"):
        list(unpack(bytes(content), "x.zip"))


def test_an_empty_zip_is_named_so() -> None:
    with pytest.raises(FormatError, match="holds no files"):
        list(unpack(zipped({}), "x.zip"))


@given(st.integers(4, len(WHOLE) - 1))
def test_a_zip_cut_anywhere_is_refused(length: int) -> None:
    with pytest.raises(FormatError, match="cut short or damaged"):
        list(unpack(WHOLE[:length], "x.zip"))


@given(st.integers(4, len(WHOLE) - 1), st.binary(min_size=1, max_size=8))
@example(209, b"\1")
def test_damage_never_raises_anything_else(place: int, damage: bytes) -> None:
    try:
        files = list(unpack(WHOLE[:place] + damage + WHOLE[place + len(damage) :], "x.zip"))
    except FormatError as exc:
        assert str(exc).startswith("The ZIP file")  # noqa: PT017 - either outcome is right
        return
    assert len(files) <= 2


def test_a_zip_of_very_many_names_is_refused_before_they_are_read() -> None:
    names = 100_000
    entry = struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0) + b"a/"
    head = struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 0, 0, 0, 0, 0, 0, 2, 0) + b"a/"
    directory = entry * names
    end = struct.pack(
        "<4s4H2IH", b"PK\5\6", 0, 0, names & 0xFFFF, names & 0xFFFF, len(directory), len(head), 0
    )
    whole = head + directory + end
    with pytest.raises(FormatError, match="far more than the 1000 files"):
        list(unpack(whole, "x"))
    with pytest.raises(FormatError, match="far more than the 1000 files"):
        member_names(BytesIO(whole))
