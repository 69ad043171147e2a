"""Packed files and what stands beside the data: read, left alone with a note, or refused with the reason."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tracemalloc
import zipfile
from collections.abc import Callable

import pytest

from meterfarm.formats.archive import unpack
from meterfarm.formats.errors import FormatError
from meterfarm.formats.recognise import Kind, recognise
from meterfarm.records import Issue, Series, Severity
from tests.formats.books import FILES, TWO, book, page
from tests.formats.table_read import NEW_YORK
from tests.formats.zips import zipped

CSV = (
    b"start,end,electric usage (kWh)\n"
    b"2025-06-01 00:00,2025-06-01 01:00,0.5\n"
    b"2025-06-01 01:00,2025-06-01 02:00,1\n"
)
PROSE = b"Your usage.\nThe other file holds it, hour by hour; call us, at any time.\n"


def told(content: bytes, name: str = "export") -> tuple[int, dict[str, str]]:
    """How many readings there are, and the worst that was said of each member."""
    readings, said = 0, {}
    try:
        for found in recognise(name, io.BytesIO(content), NEW_YORK):
            try:
                for each in found.contents:
                    if isinstance(each, Series):
                        readings += len(each.readings)
                    elif isinstance(each, Issue) and each.severity is not Severity.NOTE:
                        said[found.member] = f"doubt: {each.what}"
                    else:
                        said.setdefault(found.member, f"note: {each.what}")
            except FormatError as exc:
                said[found.member] = str(exc)
    except FormatError as exc:
        said[""] = str(exc)
    return readings, said


def test_a_gzip_is_read_as_what_is_in_it() -> None:
    packed = gzip.compress(CSV)
    assert told(packed, "usage.csv.gz") == (2, {})
    assert told(zipped({"usage.csv.gz": packed, "broken.gz": packed[:-9], "readme.txt": b""})) == (
        2,
        {
            "broken.gz": "The gzip file is cut short or damaged: download it again.",
            "readme.txt": "note: The file is a page for people, and was not read.",
        },
    )
    assert told(gzip.compress((FILES / "usage.xls").read_bytes()))[0] == 4
    assert list(unpack(packed, "usage.csv.gz")) == [("usage.csv", CSV)]


def test_all_members_of_a_gzip_are_one_file() -> None:
    half = CSV.index(b"\n") + 1
    assert told(gzip.compress(CSV[:half]) + gzip.compress(CSV[half:])) == (2, {})


@pytest.mark.parametrize(("pack", "what"), [(bz2.compress, "bzip2"), (lzma.compress, "xz")])
def test_what_is_compressed_otherwise_is_refused_by_its_kind(
    pack: Callable[[bytes], bytes], what: str
) -> None:
    assert told(pack(CSV)) == (0, {"": f"The file is compressed ({what}): unpack it first."})


@pytest.mark.parametrize("end", [4, 11, 40, -1, -5])
def test_a_gzip_that_is_cut_off_is_refused(end: int) -> None:
    readings, said = told(gzip.compress(CSV)[:end])
    assert readings == 0
    assert "gzip" in said[""]


def test_a_gzip_whose_check_sum_is_wrong_is_refused() -> None:
    packed = bytearray(gzip.compress(CSV))
    packed[-6] ^= 1
    assert told(bytes(packed)) == (0, {"": "The gzip file is cut short or damaged: download it again."})


def test_a_gzip_that_unpacks_to_far_more_is_refused_in_little_memory() -> None:
    bomb = gzip.compress(bytes(64 * 1024 * 1024), 9)
    tracemalloc.start()
    assert "unpacks to far more than an export holds" in told(bomb)[1][""]
    assert tracemalloc.get_traced_memory()[1] < 16 * 1024 * 1024
    tracemalloc.stop()


def test_what_else_a_gzip_holds_is_named() -> None:
    tar = bytearray(1024)
    tar[:5], tar[257:262] = b"a.csv", b"ustar"
    assert "TAR" in told(gzip.compress(bytes(tar)))[1][""]
    assert "ZIP in a gzip" in told(gzip.compress(zipped({"a.csv": CSV})))[1][""]
    assert "gzip" in told(gzip.compress(gzip.compress(CSV)))[1][""]


@pytest.mark.parametrize("name", ["usage.html", "about.HTM", "how to read.txt", "terms.rtf", "manual.docx"])
@pytest.mark.parametrize("first", [True, False])
def test_a_page_beside_the_data_is_left_alone_with_a_note(name: str, first: bool) -> None:
    word = zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w/>"})
    kinds = {"txt": PROSE, "rtf": b"{\\rtf1 Hello}", "docx": word}
    beside = {name: kinds.get(name.rpartition(".")[2], b"<html><table><tr><td>Usage</table></html>")}
    data = {"usage.csv": CSV}
    readings, said = told(zipped(beside | data if first else data | beside))
    assert readings == 2
    assert said == {name: "note: The file is a page for people, and was not read."}


@pytest.mark.parametrize(
    ("name", "content"),
    [("february.csv", b"<html>Try later</html>"), ("february.txt", CSV.replace(b",", b"|")[:-3] + b"x\n")],
)
def test_what_should_be_data_and_is_none_is_refused_beside_the_data(name: str, content: bytes) -> None:
    readings, said = told(zipped({"january.csv": CSV, name: content}))
    assert readings >= 2
    assert said[name].startswith(("The file is a web page", "Line 3"))


def test_pages_alone_in_a_zip_are_what_is_read() -> None:
    assert told(zipped({"usage.html": page(TWO).encode()}))[0] == 2
    assert "web page" in told(zipped({"usage.html": b"<html>Try later</html>"}))[1]["usage.html"]


@pytest.mark.parametrize("name", ["usage.xls", "usage.ods", "encrypted.xlsx"])
def test_workbooks_are_recognised_whatever_their_parts_are_called(name: str) -> None:
    (found,) = recognise("x", io.BytesIO((FILES / name).read_bytes()), NEW_YORK)
    assert found.kind is Kind.INTERVAL_CSV
    parts = zipfile.ZipFile(io.BytesIO(book([["start", "end", "electric usage (kWh)"]])))
    slashes = {
        each.replace("/", "\\").replace("workbook", "Workbook"): parts.read(each) for each in parts.namelist()
    }
    (found,) = recognise("x", io.BytesIO(zipped(slashes)), NEW_YORK)
    assert found.kind is Kind.INTERVAL_CSV


def test_json_and_documents_are_refused_for_what_they_are() -> None:
    assert told(b'{"intervals": []}')[1][""].startswith("The file is JSON, which is not read")
    assert told(b'[{"kwh": 1}]')[1][""].startswith("The file is JSON")
    word = zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w/>"})
    assert "no workbook" in told(word)[1][""]
