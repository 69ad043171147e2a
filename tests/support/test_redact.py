"""No secret survives scrubbing, in whatever way it was written down."""

from __future__ import annotations

import base64
import html
import json
import re
import string
from collections.abc import Iterator
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from meterfarm.support.redact import MASK, Secrets, encoded_forms

TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
SECRET = st.text(st.characters(codec="utf-8"), min_size=4, max_size=24).filter(
    lambda secret: secret.strip() and secret not in MASK
)
PASSWORD = st.text(
    string.ascii_letters + string.digits + string.punctuation + " äß€", min_size=4, max_size=16
)


def lower_percent(text: str) -> str:
    return re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), text)


def written(secret: str) -> Iterator[str]:
    """The ways in which programs write ``secret``, made here by the standard library."""
    yield secret
    yield from (quote(secret), quote(secret, safe=""), quote_plus(secret))
    yield from (lower_percent(quote(secret, safe="")), lower_percent(quote_plus(secret)))
    yield from (html.escape(secret), html.escape(secret, quote=False))
    for ascii_only in (True, False):
        once = json.dumps(secret, ensure_ascii=ascii_only)
        yield from (once, json.dumps(once, ensure_ascii=ascii_only))
    yield from (secret.encode().hex(), secret.encode().hex().upper())


def as_browsers_write(secret: str) -> Iterator[str]:
    """How a form is posted, how scripts write addresses, and how a page's HTML is given out."""
    form = urlencode({"x": secret}, safe="*").removeprefix("x=").replace("~", "%7E")
    yield form
    yield quote(secret, safe="!'()*~")
    yield quote(secret, safe="!'()*~;/?:@&=+$,#")
    yield html.escape(secret).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
    in_attribute = secret.replace("&", "&amp;").replace('"', "&quot;")
    yield in_attribute
    yield in_attribute.replace("<", "&lt;").replace(">", "&gt;")


def scrubber(*secrets: str) -> Secrets:
    scrubber = Secrets()
    scrubber.add(*secrets)
    return scrubber


@settings(deadline=None)
@given(secret=SECRET, before=TEXT, after=TEXT)
@example(secret='abc"', before="", after="def")
@example(secret='""""', before="a", after="b")
@example(secret="a\\b\\", before="", after="")
def test_no_written_form_of_a_secret_survives(secret: str, before: str, after: str) -> None:
    scrub = scrubber(secret).scrub
    for form in written(secret):
        scrubbed = scrub(f"{before} {form} {after}")
        assert form not in scrubbed
        assert MASK in scrubbed


@settings(deadline=None)
@given(secret=PASSWORD)
@example(secret="P4ss*w!rd~(1)")
@example(secret="a&b\"c'd<e>")
@example(secret="caf\u00e9 & more")
def test_no_form_that_browsers_write_survives(secret: str) -> None:
    assume(secret.strip() == secret)
    scrub = scrubber(secret).scrub
    for form in as_browsers_write(secret):
        assert scrub(f"x={form}&y=2") == f"x={MASK}&y=2"


@settings(deadline=None)
@given(secret=SECRET, before=st.binary(max_size=9), after=st.binary(max_size=9))
def test_a_secret_in_base64_is_found_at_every_alignment(secret: str, before: bytes, after: bytes) -> None:
    scrubbed = scrubber(secret)
    for shift in range(3):
        content = bytes(shift) + before + secret.encode() + after
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = scrubbed.scrub(encode(content).decode())
            assert MASK in text
            for part in text.split(MASK):
                usable = part[: len(part) // 4 * 4]
                assert secret.encode() not in base64.urlsafe_b64decode(
                    usable.replace("+", "-").replace("/", "_")
                )


@settings(deadline=None)
@given(secret=SECRET, before=st.binary(max_size=20), after=st.binary(max_size=20))
def test_bytes_are_scrubbed_and_the_rest_is_unharmed(secret: str, before: bytes, after: bytes) -> None:
    raw = secret.encode()
    assume(raw not in before + after)
    scrubbed = scrubber(secret).scrub_bytes(before + raw + after)
    assert raw not in scrubbed
    assert MASK.encode() in scrubbed


@settings(deadline=None)
@given(secret=SECRET, text=st.text(st.characters(codec="utf-8"), max_size=200))
@example(secret='abc"', text="abcdef")
@example(secret='""""', text="nothing to see")
@example(secret="\\\\\\\\", text="nothing to see")
def test_text_without_the_secret_is_untouched(secret: str, text: str) -> None:
    letters = set("".join([*written(secret), *as_browsers_write(secret), *encoded_forms(secret)]))
    harmless = "".join(letter for letter in text if letter not in letters or letter in " \n")
    assert scrubber(secret).scrub(harmless) == harmless


def test_no_form_is_empty_or_short() -> None:
    """A form of a few letters would blank out half of every text."""
    for secret in ('""""', 'abc"', "\\\\\\\\", "1234", "'a'b", '"a"b', "{}[]"):
        assert min(len(form) for form in encoded_forms(secret)) >= 4


def test_of_secrets_that_contain_each_other_none_survives() -> None:
    scrub = scrubber("horse", "correct horse", "horse battery").scrub
    assert scrub("correct horse battery") == f"{MASK} battery"
    assert scrub("a horse, a horse battery") == f"a {MASK}, a {MASK}"


@pytest.mark.parametrize("secret", ["x", "42", "on", "a.b"])
def test_a_very_short_secret_is_masked_only_where_it_stands_alone(secret: str) -> None:
    scrub = scrubber(secret).scrub
    assert scrub(f"code={secret};") == f"code={MASK};"
    assert scrub(f'"{secret}"') == f'"{MASK}"'
    assert scrub(f"a{secret}b 1{secret}") == f"a{secret}b 1{secret}"


def test_secrets_add_up_and_empty_ones_are_ignored() -> None:
    secrets = scrubber()
    assert secrets.scrub("open sesame") == "open sesame"
    secrets.add("", "open")
    assert secrets.scrub("open sesame") == f"{MASK} sesame"
    secrets.add("sesame")
    assert secrets.scrub("open sesame") == f"{MASK} {MASK}"


def test_a_password_that_is_no_text_is_no_obstacle() -> None:
    """A terminal may hand over bytes that are not UTF-8; they arrive as lone surrogates."""
    secrets = scrubber("caf\udce9 au lait")
    assert secrets.scrub("a caf\udce9 au lait") == f"a {MASK}"
    assert secrets.scrub_bytes(b"a caf\xe9 au lait") == f"a {MASK}".encode()


@given(
    secrets=st.lists(st.text("ab1.", min_size=1, max_size=6), max_size=5), text=st.text("ab1. ", max_size=60)
)
def test_of_many_secrets_the_longest_that_stands_there_is_masked(secrets: list[str], text: str) -> None:
    """As one expression over all of them says, whichever are in the text."""
    whole = {form for secret in secrets if len(secret) > 3 for form in encoded_forms(secret)}
    alone = sorted((secret for secret in secrets if len(secret) < 4), key=len, reverse=True)
    parts = [re.escape(form) for form in sorted(whole, key=len, reverse=True)]
    parts += [rf"(?<![0-9A-Za-z]){re.escape(secret)}(?![0-9A-Za-z])" for secret in alone]
    expected = re.sub("|".join(parts), MASK, text) if parts else text
    assert scrubber(*secrets).scrub(text) == expected


def test_a_character_of_a_code_is_masked_as_a_fields_value_and_nowhere_else() -> None:
    secrets = Secrets()
    for digit in "402":
        secrets.add_character(digit)
    for text in ("2 bills of 4, 2026-11-02", "$4.02", "[4, 0, 2]", '{"x": 4, "y":"4"}', "HTTP 402"):
        assert secrets.scrub(text) == text
    typed = '<input value="4"> {"value":"0","__playwright_value_":"2"} "{\\"value\\":\\"4\\"}"'
    assert secrets.scrub(typed) == re.sub(r"[402]", MASK.replace("\\", ""), typed)
