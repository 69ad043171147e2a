"""Codes from an authenticator's secret, on a clock that the test holds."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from urllib.parse import quote

import pyotp
import pytest

from meterfarm.mfa.port import Code
from meterfarm.mfa.totp import TotpSecret, parse_totp_secret
from tests.mfa.clock import SECRET, Clock, held_clock

VECTORS = {
    59: "94287082",
    1111111109: "07081804",
    1111111111: "14050471",
    1234567890: "89005924",
    2000000000: "69279037",
    20000000000: "65353130",
}
START = 1_111_111_080
"""The beginning of a time step."""


@dataclass
class Steps:
    """Remembers the time steps used, as the store does."""

    used: set[int] = field(default_factory=set)
    asked: list[int] = field(default_factory=list)

    async def claim(self, step: int) -> bool:
        self.asked.append(step)
        fresh = step not in self.used
        self.used.add(step)
        return fresh


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return held_clock(monkeypatch, START)


@pytest.mark.parametrize(("at", "code"), VECTORS.items())
def test_codes_are_those_of_rfc_6238(at: int, code: str) -> None:
    assert parse_totp_secret(SECRET).at(at) == code[-6:]
    assert parse_totp_secret(f"otpauth://totp/Rfc:a?secret={SECRET}&digits=8").at(at) == code


@pytest.mark.parametrize(
    "text",
    [
        SECRET.lower(),
        " ".join(SECRET[place : place + 4] for place in range(0, 32, 4)).lower(),
        "-".join(SECRET[place : place + 8] for place in range(0, 32, 8)),
        f"  {SECRET}\n",
        f"otpauth://totp/Power:a%40b.example?secret={SECRET}&issuer=Power",
        f" otpauth://totp/{quote('Power: a')}?secret={SECRET.lower()}&period=30&algorithm=SHA1\n",
        f"OTPAUTH://TOTP/Power:a?SECRET={SECRET}&Algorithm=sha-1&DIGITS=6",
        f"otpauth://totp/Power:a?secret={SECRET}&amp;issuer=Power&amp;period=30&amp;digits=6",
        f"otpauth://totp/Power:a?issuer=Power&amp;amp;secret={SECRET}&#38;digits=6",
        f"otpauth://totp/Power #1?:a?secret={SECRET[:16]}%20{SECRET[16:]}&algorithm=HmacSHA1&period=",
        f"otpauth://totp/a?secret={SECRET[:16]}+{SECRET[16:]}====",
        f"otpauth://totp?secret={SECRET}",
        f"\ufeff{SECRET[:8]}\u200b{SECRET[8:16]}\u00a0{SECRET[16:]}",
    ],
)
def test_a_secret_is_read_as_people_have_it(text: str) -> None:
    assert parse_totp_secret(text).at(59) == "287082"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "hunter2!",
        "0189",
        "é" * 16,
        "\x00",
        "JBSW:Y3DP",
        "otpauth://[",
        "otpauth-migration://offline?data=hunter2",
        f"https://example.com/?secret={SECRET}",
    ],
)
def test_what_is_no_secret_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"^The TOTP secret is neither base32 .* nor an otpauth:") as caught:
        parse_totp_secret(text)
    assert "hunter2" not in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ABC", "lacks a character or has too many"),
        (f"{SECRET}A", "lacks a character or has too many"),
        (f"otpauth://hotp/a?secret={SECRET}&counter=1", "is for codes that are counted"),
        ("otpauth://totp/a", "address without a secret"),
        ("otpauth://totp/a?secret=", "address without a secret"),
        ("otpauth://totp/a?secret=hunter2!", "its secret is not base32"),
        (f"otpauth://totp/a?secret={SECRET}&secret=JBSWY3DP", "has secret twice"),
        (
            f"otpauth://totp/a?secret={SECRET}&digits=many",
            "has a value of “digits” that is no number",
        ),
        (f"otpauth://totp/a?secret={SECRET}&digits=60", "of “digits” that is no"),
        (f"otpauth://totp/a?secret={SECRET}&algorithm=rot13", "none of SHA1, SHA256 and SHA512"),
        (f"otpauth://totp/a?secret={SECRET}&algorithm=MD5", "none of SHA1, SHA256 and SHA512"),
        (f"otpauth://totp/a?secret={SECRET}&period=0", "of “period” that is no"),
        (f"otpauth://totp/a?secret={SECRET}&period=-30", "of “period” that is no"),
        (f"otpauth://totp/a?secret={SECRET}&period=2", "of “period” that is no"),
        (f"otpauth://totp/a?secret={SECRET}&period=30.0", "of “period” that is no"),
    ],
)
def test_what_is_wrong_with_an_address_is_said_without_repeating_it(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=f"^The TOTP secret .*{says}") as caught:
        parse_totp_secret(text)
    assert "hunter2" not in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "digest"), [("SHA-256", "sha256"), ("sha256", "sha256"), ("HMAC-SHA512", "sha512")]
)
def test_the_algorithm_is_known_by_any_of_its_spellings(name: str, digest: str) -> None:
    read = parse_totp_secret(f"otpauth://totp/a?secret={SECRET}&algorithm={name}&digits=8")
    assert read.at(59) == pyotp.TOTP(SECRET, digits=8, digest=getattr(hashlib, digest)).at(59)


async def test_a_code_with_time_left_is_given_at_once(clock: Clock) -> None:
    clock.now = 1_111_111_111.25
    steps = Steps()
    assert await TotpSecret(pyotp.TOTP(SECRET), steps.claim).code() == Code("050471")
    assert steps.asked == [1_111_111_111 // 30]
    assert not clock.slept


async def test_the_code_of_a_step_is_never_given_twice(clock: Clock) -> None:
    steps = Steps()
    secret = TotpSecret(pyotp.TOTP(SECRET), steps.claim)
    codes = [(await secret.code()).text for _ in range(3)]
    totp = pyotp.TOTP(SECRET)
    assert codes == [totp.at(START + 30 * step) for step in range(3)]
    assert clock.slept == [30, 30]


async def test_two_visits_with_one_secret_take_different_steps(clock: Clock) -> None:
    steps = Steps()
    here, there = (TotpSecret(pyotp.TOTP(SECRET), steps.claim) for _ in range(2))
    assert await here.code() != await there.code()
    assert clock.slept == [30]


@pytest.mark.parametrize(("into", "waits"), [(27.0, False), (27.01, True), (29.9, True)])
async def test_a_step_about_to_end_is_left_alone(clock: Clock, into: float, waits: bool) -> None:
    """Its code could be refused when it arrives; and it is not claimed, so that nothing is lost."""
    clock.now = START + into
    steps = Steps()
    code = await TotpSecret(pyotp.TOTP(SECRET), steps.claim).code()
    assert code.text == pyotp.TOTP(SECRET).at(START + (30 if waits else 0))
    assert steps.asked == [START // 30 + waits]


async def test_the_secret_sets_the_length_of_a_step(clock: Clock) -> None:
    totp = parse_totp_secret(f"otpauth://totp/a?secret={SECRET}&period=60")
    steps = Steps()
    clock.now = START + 58
    await TotpSecret(totp, steps.claim).code()
    assert steps.asked == [START // 60 + 1]


def test_a_code_does_not_show_itself() -> None:
    assert "287082" not in repr(Code("287082"))
