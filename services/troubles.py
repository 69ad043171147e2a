"""Trouble at utilities: announced by operators, or shown by a breaker that has been open for an hour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from meterfarm.farm.mail.message import composed
from meterfarm.services.customer_fields import tidied
from meterfarm.services.errors import InvalidRequest, NotFound
from meterfarm.services.utilities import find_utility_entry
from meterfarm.storage.runs import TroubleNotice
from meterfarm.storage.store import CompanyStore, Store
from meterfarm.support.foreign_text import SENTENCE
from meterfarm.utilities import directory

TROUBLE_MAIL = "trouble"
"""What mails about trouble at a utility are about, for the operator."""
BY_ITSELF = "The utility's website does not work for us. We try again by ourselves."
_MAIL_GOOD_FOR = timedelta(days=1)
_LATEST = timedelta(days=366)


def troubles(farm: Store, utility: str = "") -> Sequence[TroubleNotice]:
    """What goes on or is announced at all utilities, or at the one of this id."""
    return [
        notice if notice.id else replace(notice, text=BY_ITSELF) for notice in farm.troubles.list(utility)
    ]


def post_trouble(
    farm: Store,
    utility: str,
    text: str,
    by: str,
    begins: datetime | None = None,
    ends: datetime | None = None,
) -> int:
    """Announce trouble at a utility, from now on unless it ``begins`` later; its number. ``by`` is who does.

    Raises:
        NotFound: there is no such utility.
        InvalidRequest: no script fetches from it, there is no text, or the times cannot be.
    """
    info = find_utility_entry(utility, farm)
    if not info.is_active:
        raise InvalidRequest(f"No script fetches from {info.entry.name}: nobody is kept from it.")
    text, now = tidied(text), datetime.now(UTC)
    if not text:
        raise InvalidRequest("Write what the trouble is: customers and companies read it.")
    if len(text) > SENTENCE:
        raise InvalidRequest(f"The text is longer than {SENTENCE} characters.")
    begins = begins or now
    if ends is not None and ends <= max(begins, now):
        raise InvalidRequest("It would be over before it begins, or is over already; give a later end.")
    if max(begins, ends or begins) > now + _LATEST:
        raise InvalidRequest("It is more than a year ahead; give an earlier time.")
    return farm.troubles.post(info.entry.id, text, begins, ends, by)


def end_trouble(farm: Store, notice_id: int) -> None:
    """It is over, or what was announced does not come.

    Raises:
        NotFound: there is no such trouble that goes on.
    """
    if not farm.troubles.end(notice_id):
        raise NotFound(f"There is no announced trouble {notice_id} that goes on.")


def to_be_mailed(farm: Store, utility: str) -> Iterator[tuple[CompanyStore, str]]:
    """The sides of companies with customers at the utility that named an address for news, and that."""
    for company in farm.companies.with_customers_at(utility):
        address = farm.companies.settings(company.id).notification_email
        if address:
            yield farm.of(company), address


def mail_troubles(farm: Store, public_url: str) -> None:
    """Enter the mails about all that goes on or is announced, and of what was announced when it is over.

    Of each a company gets one of either; the second only who got the first.
    """
    for notice in troubles(farm):
        text = [notice.text, when(notice, datetime.now(UTC))]
        for store, address in to_be_mailed(farm, notice.utility):
            _enter(store, address, public_url, notice, f"Trouble at {_name(notice)}", text, _cause(notice))
    for notice in farm.troubles.ended(_MAIL_GOOD_FOR):
        subject = f"Trouble at {_name(notice)} is over"
        text = [_ended(notice), f"What was announced: {notice.text}"]
        for store, address in to_be_mailed(farm, notice.utility):
            if store.mails.knows(_cause(notice)):
                _enter(store, address, public_url, notice, subject, text, f"{_cause(notice)} over")


def _enter(
    store: CompanyStore,
    address: str,
    public_url: str,
    notice: TroubleNotice,
    subject: str,
    text: Sequence[str],
    cause: str,
) -> None:
    company = store.farm.companies.get(store.company_id)
    side = "live" if company is not None and company.live else "test"
    mail = composed(
        address,
        subject,
        text,
        button=("View utilities", f"{public_url}/dashboard/{side}/utilities"),
        closing=["You get this mail because customers of yours are with this utility."],
    )
    store.mails.add(mail, TROUBLE_MAIL, _MAIL_GOOD_FOR, cause=cause)


def _name(notice: TroubleNotice) -> str:
    entry = directory().find(notice.utility)
    return entry.name if entry is not None else notice.utility


def _cause(notice: TroubleNotice) -> str:
    return f"trouble {notice.id or notice.utility} {notice.begins_at:%Y-%m-%dT%H:%M:%S}"


def _ended(notice: TroubleNotice) -> str:
    if notice.ends_at is None or notice.ends_at <= notice.begins_at:
        return "It does not come."
    return f"It is over since {_short(notice.ends_at)}."


def when(notice: TroubleNotice, at: datetime) -> str:
    """A sentence of when it begins and ends; times in UTC."""
    begins, ends = (_short(each) if each else "" for each in (notice.begins_at, notice.ends_at))
    if notice.is_current(at):
        return f"Since {begins}, until {ends} as far as we know." if ends else f"Since {begins}."
    return f"From {begins} until {ends}." if ends else f"From {begins} on."


def _short(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
