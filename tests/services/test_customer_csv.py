"""The file of a bulk import: wrong rows are told with their line and no secret; the rest go in."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from meterfarm.console.customers.customer_import import read_customers_file
from meterfarm.console.errors import UsageError
from meterfarm.records import SecretKind
from meterfarm.services.customer_csv import NewCustomer, WrongRow, rows
from meterfarm.services.customer_import import import_customers
from meterfarm.services.errors import InvalidRequest
from meterfarm.storage.store import CompanyStore
from meterfarm.support.redact import Secrets
from tests.console.asked import customer

HEADER = "utility,username,password"
MANY = 10_000


def _told(text: str) -> list[tuple[int, str]]:
    return [(row.line, row.why) for row in rows(text) if isinstance(row, WrongRow)]


def _read(text: str) -> list[NewCustomer]:
    return [row for row in rows(text) if isinstance(row, NewCustomer)]


def test_columns_come_in_any_order_and_passwords_as_they_stand() -> None:
    text = (
        "Totp_Secret, password ,external_id,username,utility\r\n"
        'JBSW Y3DP EHPK 3PXP," pass, ""word"" ",A-1, ada@bayou.energy ,speculoos_power\r\n'
        ",,,bea@bayou.energy,speculoos_power\r\n"
    )
    ada, bea = _read(text)
    assert (ada.line, ada.utility, ada.username, ada.external_id) == (
        2,
        "speculoos_power",
        "ada@bayou.energy",
        "A-1",
    )
    assert ada.secrets == {
        SecretKind.PASSWORD: ' pass, "word" ',
        SecretKind.TOTP_SECRET: "JBSW Y3DP EHPK 3PXP",
    }
    assert (bea.line, bea.external_id, bea.secrets) == (3, None, {})
    assert "pass" not in repr(ada)


def test_answers_by_question_are_columns_of_their_own() -> None:
    columns = [f"security_{what}_{number}" for number in (1, 3) for what in ("question", "answer")]
    header = ",".join(["utility,username,password", *columns])
    start = "speculoos_power,a@b.example,x"
    text = f"{header}\n{start},Your pet?,Rex,,\n{start},?,Rex,,\n{start},,,Your street?,\n{start},,Rex,,\n"
    good, *wrong = rows(text)
    assert isinstance(good, NewCustomer)
    assert good.answers == {"Your pet?": "Rex"}
    assert [row.why for row in wrong if isinstance(row, WrongRow)] == [
        "A security question has words; give it as the portal asks it",
        "The security question 3 has no answer",
        "A security question has words; give it as the portal asks it",
    ]


def test_lines_are_counted_through_quoted_newlines_and_blank_lines() -> None:
    text = (
        f'{HEADER}\nspeculoos_power,a@b.example,"two\nlines"\n\nspeculoos_power,nobody,x\nzzz,c@d.example,y\n'
    )
    assert [row.line for row in rows(text)] == [2, 5, 6]
    assert [line for line, _ in _told(text)] == [2, 5, 6]


STRAY = """\
utility,username,password,external_id,totp_secret,security_answer
speculoos_power,quote1@example.com,"kite2#,Q-1,,
speculoos_power,quote2@example.com,lamp7",Q-2,,
speculoos_power,quote3@example.com,"fi""ne",Q-3,,
speculoos_power,quote4@example.com,"never closed,Q-4,,
speculoos_power,quote5@example.com,fine,Q-5,,
"""


def test_a_quote_that_is_not_closed_swallows_no_other_row() -> None:
    read = {one.line: (one.external_id, one.secrets[SecretKind.PASSWORD]) for one in _read(STRAY)}
    assert read == {3: ("Q-2", 'lamp7"'), 4: ("Q-3", 'fi"ne'), 6: ("Q-5", "fine")}
    told = _told(STRAY)
    assert [line for line, _ in told] == [2, 5]
    assert all("a quote that begins in this line is not closed in it" in why for _, why in told)
    assert not [why for _, why in told if "kite2" in why or "never" in why]


@pytest.mark.parametrize("quoted", [False, True])
@pytest.mark.parametrize(
    ("first", "delimiter"),
    [
        ("", ";"),
        ("", "\t"),
        ("sep=;\r\n", ";"),
        ('"sep=|"\n', "|"),
        ("SEP=,\n", ","),
        ("sep=;;;\n", ";"),
        ("\n", ","),
    ],
)
def test_what_separates_fields_is_seen_by_the_header_or_named_before_it(
    first: str, delimiter: str, quoted: bool
) -> None:
    table = (
        ["Utility", "username", "password "],
        ["speculoos_power", "ada@b.example", "a,b"],
        ["zzz", "x", "y"],
    )
    mark = '"' if quoted or delimiter == "," else ""
    text = first + "".join(delimiter.join(f"{mark}{cell}{mark}" for cell in row) + "\r\n" for row in table)
    good, bad = rows(f"{text}{delimiter * 2}\r\n")
    assert isinstance(good, NewCustomer)
    assert (good.username, good.secrets) == ("ada@b.example", {SecretKind.PASSWORD: "a,b"})
    assert (good.line, bad.line) == ((3, 4) if first else (2, 3))


def test_what_nobody_sees_is_left_off_at_the_ends_and_refused_within() -> None:
    text = "\n".join(
        [
            f"\ufeff{HEADER},external_id",
            "speculoos_power\u00a0,\u200bada@b.example\ufeff,\u200bas it stands ,\u00a0A-1\u2060",
            "speculoos_power,a\u200bda@b.example,x,A-2",
            "speculoos_power,a\u00a0da@b.example,x,A-3",
            "speculoos_power,bea@b.example,x,A\x00-4",
            "speculoos_power,bea@b.example,x,A\x1b[31m-5",
            "speculoos_power,bea@b.example,x,A-5\x00",
            "speculoos_power,\x7fbea@b.example,x,A-5",
            "speculoos_power,bea@b.example,x\x00y,A-6",
            "speculoos_power,bea@b.example,x\u2028y,A-7",
            f"speculoos_power,{'b' * 400}@b.example,x,A-8",
            "speculoos_power,bea@b.example,x,A-9",
        ]
    )
    ada, bea = _read(text)
    assert (ada.username, ada.external_id) == ("ada@b.example", "A-1")
    assert ada.secrets == {SecretKind.PASSWORD: "\u200bas it stands "}
    assert bea.external_id == "A-9"
    assert [why for _, why in _told(text)] == [
        "The user name has an invisible character (U+200B) in it; type it again",
        "The user name has a no-break or other odd space (U+00A0) in it; type it again",
        "The external id has a control character (U+0000) in it; type it again",
        "The external id has a control character (U+001B) in it; type it again",
        "The external id has a control character (U+0000) in it; type it again",
        "The user name has a control character (U+007F) in it; type it again",
        "The password has a control character (U+0000) in it; type it again",
        "The password has a line break (U+2028) in it; type it again",
        "The user name is longer than 320 characters",
    ]


def test_what_excel_saves_as_unicode_text_is_read(tmp_path: Path) -> None:
    file = tmp_path / "customers.txt"
    file.write_bytes(f"{HEADER}\nspeculoos_power,a@b.example,pässword\n".replace(",", "\t").encode("utf-16"))
    file.chmod(0o600)
    assert _read(read_customers_file(file))[0].secrets == {SecretKind.PASSWORD: "pässword"}


def test_what_is_wrong_is_told_without_repeating_what_stands_there() -> None:
    secret = "hunter2hunter2"
    wrong = {
        f"speculoos_power,{secret},x": "wants an e-mail address",
        f"{secret},a@b.example,x": "there is no such utility; there are: ",
        f"speculoos_power,a@b.example,{secret},more": "there are 4 fields, but 3 in the header",
        secret: "there is 1 field, but 3 in the header",
        f'speculoos_power,a@b.example,"{secret}"x': "this is not CSV",
        f'speculoos_power,a@b.example,"{secret}': "this is not CSV",
    }
    for line, says in wrong.items():
        ((number, why),) = _told(f"{HEADER}\n{line}\n")
        assert number == 2
        assert says in why
        assert secret not in why
    ((_, why),) = _told(f"{HEADER},totp_secret\nspeculoos_power,a@b.example,x,not!{secret}\n")
    assert "neither base32" in why
    assert secret not in why


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("utility,username,password,pasword", "“pasword” is not known"),
        ("utility,username", "lacks password"),
        ("utility,username,password,username", "username is there twice"),
        ("", "lacks utility, username, password"),
    ],
)
def test_a_header_that_will_not_do_is_refused_at_once(header: str, says: str) -> None:
    with pytest.raises(InvalidRequest, match=says):
        list(rows(f"{header}\nspeculoos_power,a@b.example,x\n"))


def test_a_file_without_a_header_does_not_have_its_first_password_repeated() -> None:
    with pytest.raises(InvalidRequest) as refused:
        list(rows("speculoos_power,a@b.example,hunter2hunter2\n"))
    assert "hunter2" not in str(refused.value)


def test_only_a_file_of_ours_that_nobody_else_can_read_will_do(tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    file.write_bytes(b"\xef\xbb\xbf" + f"{HEADER}\nspeculoos_power,a@b.example,pässword\n".encode())
    for mode in (0o640, 0o604, 0o660):
        file.chmod(mode)
        with pytest.raises(UsageError, match="chmod 600"):
            read_customers_file(file)
    file.chmod(0o600)
    assert _read(read_customers_file(file))[0].secrets == {SecretKind.PASSWORD: "pässword"}
    file.write_bytes(f"{HEADER}\n".encode() + b"speculoos_power,a@b.example,p\xe4ss\n")
    with pytest.raises(UsageError, match="not UTF-8 text in line 2"):
        read_customers_file(file)
    with pytest.raises(UsageError, match="Is a directory"):
        read_customers_file(tmp_path)
    with pytest.raises(UsageError, match="No such file"):
        read_customers_file(tmp_path / "none.csv")
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(UsageError, match="is not a file"):
        read_customers_file(tmp_path / "pipe")


def test_ten_thousand_rows_are_read_quickly() -> None:
    text = HEADER + "".join(f"\nspeculoos_power,a.{number}@b.example,x" for number in range(MANY))
    began = time.process_time()
    assert len(_read(text)) == MANY
    assert time.process_time() - began < 2


def test_duplicates_are_refused_and_named(store: CompanyStore) -> None:
    """Against the store and within the file; a row that was refused does not stand in another's way."""
    there = customer(store, "ada")
    text = (
        f"{HEADER},external_id\n"
        "speculoos_power,ADA@bayou.energy,secret-1,N-1\n"
        "speculoos_power,bea@bayou.energy,secret-2,X-ada\n"
        "speculoos_power,bea@bayou.energy,secret-3,N-1\n"
        "speculoos_power,Bea@bayou.energy,secret-4,N-2\n"
        "speculoos_power,cat@bayou.energy,secret-5,N-1\n"
        "speculoos_power,cat@bayou.energy,,N-3\n"
    )
    imported = list(import_customers(store, text, Secrets()))
    refused = [row for row in imported if isinstance(row, WrongRow)]
    assert len(imported) - len(refused) == 2
    assert [row.line for row in refused] == [2, 3, 5, 6]
    told = [row.why for row in refused]
    assert f"customer {there.id}" in told[0]
    assert "external id X-ada" in told[1]
    assert told[2].endswith("was in line 4 already")
    assert told[3].endswith("the external id N-1 was in line 4 already")
    assert "secret-" not in "".join(told)
    kept = {one.username: one for one in store.customers.list()}
    assert kept["bea@bayou.energy"].external_id == "N-1"
    assert kept["cat@bayou.energy"].state == "new"
