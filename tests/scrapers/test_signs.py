"""A page carries a sign if a reader would see it there, however its HTML is written."""

from __future__ import annotations

import pytest

from meterfarm.records import Outcome
from meterfarm.scrapers.http.markup import first_sign
from meterfarm.scrapers.outcomes import Sign

INCORRECT = Sign(Outcome.BAD_CREDENTIALS, text="The password you entered is incorrect.")
EXPIRED = Sign(Outcome.PASSWORD_CHANGE_REQUIRED, heading="It's expired")
SIGN_IN = Sign("signed_out", path=r"^/login$", heading="Sign in")
INSIDE = Sign("inside", path=r"^/accounts(/|$)")
SIGNS = (INCORRECT, EXPIRED, SIGN_IN, INSIDE)


@pytest.mark.parametrize(
    ("body", "sign"),
    [
        ("<p>Sorry. The password you entered is incorrect. Try again.</p>", INCORRECT),
        ("<p>The password\n\tyou&nbsp;entered <b>is</b> in<i>cor</i>rect.</p>", INCORRECT),
        ("<p>The pass&#119;ord<!-- x --> you ent<span hidden>x</span>ered is incorrect&#x2e;</p>", INCORRECT),
        ("<p hidden>The password you entered is incorrect.</p>", None),
        ("<script>'The password you entered is incorrect.'</script>", None),
        ("<template><p>The password you entered is incorrect.</p></template>", None),
        ("<input value='The password you entered is incorrect.'>", None),
        ("<p>the Password you entered is incorrect.</p>", None),
        ("<h1>It&#39;s <em>expired</em></h1>", EXPIRED),
        ("<h2> It's\nexpired </h2>", EXPIRED),
        ("<h1>It's expired soon</h1><p>It's expired</p>", None),
        ("<h1>Sign in</h1>", None),
        ("<h1>It's expired</h1><p>The password you entered is incorrect.</p>", INCORRECT),
    ],
)
def test_what_a_reader_sees_is_what_counts(body: str, sign: Sign | None) -> None:
    page = f"<!doctype html><title>x</title>{body}"
    assert first_sign("/", page.encode(), SIGNS) is sign


@pytest.mark.parametrize(
    ("path", "sign"),
    [("/login", SIGN_IN), ("/accounts/7", INSIDE), ("/accountsx", None), ("/login/help", None)],
)
def test_a_path_must_fit_with_all_else(path: str, sign: Sign | None) -> None:
    assert first_sign(path, b"<h1>Sign in</h1>", SIGNS) is sign


@pytest.mark.parametrize("content", [b"", b" \n", b"<!-- nothing -->", b"\xff\xfe", b"\x00"])
def test_a_page_that_is_none_carries_no_sign(content: bytes) -> None:
    assert first_sign("/", content, SIGNS) is None


def test_letters_beyond_ascii_are_read_as_utf_8_whatever_the_page_says_of_itself() -> None:
    sign = Sign("known", heading="Vérifiez")
    for written in ("Vérifiez", "V&eacute;rifiez", "V&#233;rifiez"):
        page = f"<meta charset='latin-1'><h1>{written}</h1>"
        assert first_sign("/", page.encode(), [sign]) is sign
