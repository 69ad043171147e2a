"""A page carries a sign if a reader would see it there, however its HTML is written."""

from __future__ import annotations

import pytest

from meterfarm.records import Outcome
from meterfarm.scrapers.http.markup import first_json_sign, first_sign
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
        ("<p>the Password you entered is INCORRECT!</p>", INCORRECT),
        ("<p>The pass word you entered is incorrect.</p>", None),
        ("<p>The password you entered is not correct.</p>", None),
        ("<h1>It\u2019s Expired.</h1>", EXPIRED),
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


@pytest.mark.parametrize(
    ("body", "is_shown"),
    [
        ("<dialog open aria-label='It has ended'></dialog>", True),
        (
            "<div role='dialog presentation' aria-labelledby='nowhere t'><b id=t> It has\nended</b></div>",
            True,
        ),
        ("<section role=dialog><p>Oh</p><div><h2>It has ended</h2></div></section>", True),
        ("<dialog open><h2>It has ended again</h2></dialog>", False),
        ("<dialog><h2>It has ended</h2></dialog>", False),
        ("<dialog open hidden aria-label='It has ended'></dialog>", False),
        ("<div aria-label='It has ended'></div>", False),
    ],
)
def test_a_role_and_a_name_are_read_from_html(body: str, is_shown: bool) -> None:
    sign = Sign("ended", role=("dialog", "It has ended"))
    assert (first_sign("/", f"<!doctype html>{body}".encode(), [sign]) is sign) is is_shown


def test_controls_have_names_too() -> None:
    page = b"<form><input type=submit value='Sign in'><button>Try <b>again</b></button></form><!-- x -->"
    for name in ("Sign in", "Try again"):
        assert first_sign("/", page, [Sign("x", role=("button", name))])
    assert not first_sign("/", page, [Sign("x", role=("link", "Sign in"))])


def test_an_alert_that_says_nothing_is_seen_by_nobody() -> None:
    sign = Sign("refused", role=("alert", ""))
    assert first_sign("/", b"<p role=alert> </p>", [sign]) is None
    assert first_sign("/", b"<p role=alert>No.</p>", [sign]) is sign


def test_an_answer_is_known_by_its_host_and_by_a_text_that_is_gone() -> None:
    signs = [Sign("there", host="login.portal.example"), Sign("ready", gone="Loading")]
    url = "https://{}.portal.example/login?next=/x"
    assert first_sign(url.format("login"), b"<p>Loading", signs) is signs[0]
    assert first_sign(url.format("my"), b"<p>Loading", signs) is None
    assert first_sign(url.format("my"), b"<p>Welcome", signs) is signs[1]
    assert first_sign(url.format("my"), b"", signs) is None


def test_a_json_answer_is_known_by_what_stands_at_a_pointer() -> None:
    signs = [
        Sign(Outcome.ACCOUNT_LOCKED, pointer="/error", value="locked", path="^/api/"),
        Sign("signed_out", pointer="/error", host="api.portal.example"),
        INCORRECT,
    ]
    url = "https://api.portal.example/api/accounts"
    assert first_json_sign(url, {"error": "locked"}, signs) is signs[0]
    assert first_json_sign(url, {"error": "expired"}, signs) is signs[1]
    assert first_json_sign("https://api.portal.example/x", {"error": "locked"}, signs) is signs[1]
    assert first_json_sign("https://my.portal.example/x", {"error": "locked"}, signs) is None
    assert first_json_sign(url, [INCORRECT.text], signs) is None
    assert first_sign(url, b"<p>The password you entered is incorrect.", signs) is INCORRECT


@pytest.mark.parametrize("content", [b"", b" \n", b"<!-- nothing -->", b"\xff\xfe", b"\x00"])
def test_a_page_that_is_none_carries_no_sign(content: bytes) -> None:
    assert first_sign("/", content, SIGNS) is None


def test_letters_beyond_ascii_are_read_as_utf_8_whatever_the_page_says_of_itself() -> None:
    sign = Sign("known", heading="Vérifiez")
    for written in ("Vérifiez", "V&eacute;rifiez", "V&#233;rifiez"):
        page = f"<meta charset='latin-1'><h1>{written}</h1>"
        assert first_sign("/", page.encode(), [sign]) is sign
