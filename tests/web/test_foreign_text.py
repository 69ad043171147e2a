"""What a file and a mail bring is shown as text on every page that has it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from html import unescape
from unicodedata import normalize

from meterfarm.farm.mail.outbox import LEASE
from meterfarm.services.companies import ChangeCompany, change_company
from meterfarm.services.mail_in import MailInPlace, take_mail, verified_mail
from tests.api.server import ApiServer
from tests.farm.mails_made import AUTHSERV, DOMAIN, PASSED, SENDER, mail
from tests.formats.bills_made import AMERICAN
from tests.services.printed import town_bill
from tests.web.colleague import PASSWORD, Colleague

SCRIPT = "<script>alert(1)</script>"
HOSTILE = f"{SCRIPT}\"'><img src=x onerror=alert(1)>"
PDF = replace(AMERICAN[0], pages=AMERICAN[0].pages.replace("E-1", SCRIPT)).pdf()


def _is_text(page: str, *, has: str = SCRIPT) -> bool:
    """Whether it is there, and no part of the page."""
    assert SCRIPT not in page
    assert "<img src=x" not in page
    return has in normalize("NFC", unescape(page))


def test_the_words_and_the_name_of_a_file(api: ApiServer) -> None:
    with Colleague(api, "owner@acme.example") as owner:
        ann = api.store.customers.create("speculoos_power")
        page = owner.send_file("/test/uploads", PDF, HOSTILE, customer=str(ann.id))
        assert page.status_code == 200
        assert _is_text(page.text)
        (bill,) = api.store.bills.list(ann)
        at = f"/test/customers/{ann.id}"
        assert _is_text(owner.page(f"{at}/bills/{bill.id}").text)
        for path in (at, f"{at}/runs", "/test/customers"):
            _is_text(owner.page(path).text)


def test_subject_sender_and_file_names_of_a_mail(api: ApiServer) -> None:
    """The sender, who is verified, gets a mail that names what was not taken."""
    company = api.farm.companies.find("default")
    change_company(api.farm, company, ChangeCompany(mail_domains=[DOMAIN]))
    wrong = ("<img src=x onerror=alert(1)>.pdf", "application/pdf", b"%PDF-1.7 cut")
    content = mail(
        ("bill.pdf", "application/pdf", town_bill(2)), wrong, author=f'"{SCRIPT}" <{SENDER}>', results=PASSED
    ).replace(b"Subject: Bills", f"Subject: {HOSTILE}".encode())
    place = MailInPlace("bills@in.farm.example", AUTHSERV)
    taken = asyncio.run(take_mail(api.farm, verified_mail(api.farm, place, company, SENDER, content)))
    (bill,) = taken.bills
    with Colleague(api, "reader@acme.example") as owner:
        page = owner.page(f"/test/customers/{bill.customer_id}/bills/{bill.id}").text
        assert _is_text(page, has="e-mail")
        _is_text(owner.page("/test/customers").text)
    (due,) = [each.mail for each in api.farm.mails.take(10, LEASE) if each.mail]
    assert _is_text(due.html, has=wrong[0])


def test_what_a_browser_calls_itself(api: ApiServer) -> None:
    with Colleague(api, "browsing@acme.example") as colleague:
        fields = {"email": colleague.user.email, "password": PASSWORD}
        colleague.browser.post("/dashboard/sign_in", data=fields, headers={"User-Agent": SCRIPT})
        assert _is_text(colleague.page("/account").text)
