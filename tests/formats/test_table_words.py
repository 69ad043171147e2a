"""What a table says of people and places: never taken for more than it is, and not repeated in messages."""

from __future__ import annotations

import pytest

from tests.formats.table_read import NEW_YORK, Read, opower

ROW = "2024-07-01,00:00,00:59,1.00"


def at(address: str, name: str = "x.csv") -> Read:
    return Read(f'Address,"{address}"\n{opower(ROW)}', None, name=name)


@pytest.mark.parametrize(
    "address",
    [
        "12 MAPLE CT",
        "1 ELM ST, 12 MAPLE CT",
        "12 MAPLE CT 94103",
        "12 CALLE DE LA",
        "5 SHORE DR OR",
        "1 NY AVENUE CO",
        "BUILDING IN",
        "TORONTO, ON, CA",
        "1 KING ST, TORONTO ON M5V 2T6, CA",
        "HAUPTSTR. 1, 10115 BERLIN, DE",
        "1 ELM ST, NOGALES, TX",
        ", CT",
        "",
    ],
)
def test_two_letters_that_need_not_be_a_state_tell_no_zone(address: str) -> None:
    assert "states the time zone: pass it" in at(address).error


@pytest.mark.parametrize(
    ("address", "start"),
    [
        ("12 MAPLE CT, HARTFORD, CT", "01T04:00"),
        ("12 MAPLE CT, HARTFORD CT 06101-1234", "01T04:00"),
        ("1 ELM ST CHICAGO IL 60601", "01T05:00"),
        ("1 ELM ST, DENVER, CO, USA", "01T06:00"),
        ("1 ELM ST, SAN FRANCISCO, CA 94103", "01T07:00"),
    ],
)
def test_a_state_behind_a_comma_or_before_a_zip_code_of_it_tells_the_zone(address: str, start: str) -> None:
    read = at(address)
    assert read.starts() == [start]
    assert not read.doubts


def test_an_address_that_the_files_name_contradicts_is_doubted() -> None:
    read = at("1 ELM ST, TROY, NY 12180", "pge_electric.csv")
    assert read.starts() == ["01T04:00"]
    assert (
        "America/New_York, by the address in the file; its name suggests America/Los_Angeles" in read.doubts
    )


SCE = (
    '"For location: {}"\n"Type of readings: Electricity"\n'
    "Date,Energy Consumption time Period Start,Energy Consumption time Period End,Delivered\n"
    "07/0{}/2024,07/0{}/2024 12:00AM,07/0{}/2024 01:00AM,1.5\n"
)
SMARTHUB = (
    "For: {}\nType of readings: Electricity\n"
    "Energy consumption time period,Usage(Real energy in kilowatt-hours)\n"
    "2024-06-01 00:00 to 2024-06-01 01:00,1.5\n"
)


@pytest.mark.parametrize("place", ["CA FOO ST MY CITY 12345", "12 MAPLE CT", "Foo"])
def test_the_place_in_a_title_is_no_meter(place: str) -> None:
    assert [each.meter_id for each in Read(SCE.format(place, 1, 1, 1)).series] == [""]


def test_tables_of_several_places_are_of_meters_of_their_own() -> None:
    read = Read(SCE.format("12 MAPLE CT", 1, 1, 1) + SCE.format("7 ELM ST", 1, 1, 1))
    assert [each.meter_id for each in read.series] == ["", "place 2"]
    assert not read.doubts


@pytest.mark.parametrize(
    ("title", "meter"),
    [
        ("12 MAPLE CT", ""),
        ("JOHN SMITH", ""),
        ("Kerkstraat 5", ""),
        ("TROY, NY", ""),
        ("a@b.example", ""),
        ("1234567", "1234567"),
        ("redacted_account_id", "redacted_account_id"),
        ("Service 1", "Service 1"),
    ],
)
def test_an_address_or_a_name_in_a_title_is_no_meter(title: str, meter: str) -> None:
    assert [each.meter_id for each in Read(SMARTHUB.format(title)).series] == [meter]


OWNER = "Name,JOHN SMITH\nAccount Number,123456\nService Address,12 MAPLE CT\n\n"
ROWS = "JOHN SMITH,2024-07-01 00:00,1.5,12 MAPLE CT\nJOHN SMITH,2024-07-01 01:00,1.5,12 MAPLE CT\n"


@pytest.mark.parametrize(
    "above", ["", OWNER, "JOHN SMITH,12 MAPLE CT\n", "Usage for JOHN SMITH,12 MAPLE CT\n"]
)
@pytest.mark.parametrize("head", ["Customer,Read at,Wattage,Site\n", "Usage by,2024,2025,Day\n", ""])
def test_a_table_of_an_unknown_layout_is_refused_without_a_word_of_its_rows(above: str, head: str) -> None:
    error = Read(above + head + ROWS, NEW_YORK).error
    assert "known" in error
    assert not any(word in error for word in ("SMITH", "MAPLE", "123456", "2024-07", "1.5"))
    assert ("“Customer | Read at | Wattage | Site”" in error) is ("Customer" in head)
    assert "“”" not in error


def test_a_text_that_holds_no_table_is_refused_in_a_sentence_without_empty_quotes() -> None:
    for text in ("hello", "hello,there\n", '{"a": 1}', "<x", "1,2,3\n4,5,6\n"):
        assert "no header of a table" in Read(text).error
