"""Nothing that a service does for one company finds, changes or cancels anything of another."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import io
import json
import pkgutil
import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from meterfarm import services
from meterfarm.mfa.port import Code, Nobody
from meterfarm.records import EventKind, MailSecurity, Outcome, SecretKind
from meterfarm.scrapers.runs.authenticator import SessionUse
from meterfarm.scrapers.runs.progress import NoProgress
from meterfarm.scrapers.runs.run_executor import RunRequest, RunResult
from meterfarm.scrapers.state import PortalSession
from meterfarm.services.api_keys import create_key, list_keys, revoke_key
from meterfarm.services.audit import audited_customer, vault_reads
from meterfarm.services.bayou_bill import BillRendering
from meterfarm.services.bill_history import bill_checks, history_checks, locked_bills, series_of
from meterfarm.services.bills import (
    BillQuery,
    BillUpload,
    check_bills_of,
    find_bill,
    find_named_bill,
    list_bills,
    name_bill,
    read_file,
    unlock_bill,
    upload_bill,
)
from meterfarm.services.challenges import (
    AnsweredChallenge,
    answer_challenge,
    answer_result,
    find_challenge,
    find_open_challenge,
    list_challenges,
)
from meterfarm.services.changes import changes_since
from meterfarm.services.companies import (
    add_company,
    company_details,
    company_store,
    find_company,
    list_companies,
)
from meterfarm.services.consents import give_consent, list_consents
from meterfarm.services.coverage import customer_coverage
from meterfarm.services.customer_csv import NewCustomer
from meterfarm.services.customer_document import readings_of, write_document
from meterfarm.services.customer_files import write_bills, write_out
from meterfarm.services.customer_import import import_customers
from meterfarm.services.customer_sheets import json_parts, write_sheets
from meterfarm.services.customer_workbook import write_workbook
from meterfarm.services.customers import (
    AddCustomer,
    UpdateCustomer,
    add_customer,
    check_removal,
    check_update,
    create_customer,
    customer_details,
    find_customer,
    list_customers,
    must_be_for,
    remove_customer,
    update_customer,
    wished_utility,
)
from meterfarm.services.errors import Conflict, InvalidRequest, NotFound
from meterfarm.services.exports import ExportFormat, export_bills, export_customer, export_readings
from meterfarm.services.fake_portals import FakePortals
from meterfarm.services.interval_plot import (
    PlotBar,
    PlottedChannel,
    channel_heat_map,
    interval_plot,
    plotted_channels,
)
from meterfarm.services.intervals import (
    IntervalQuery,
    customer_interval_facts,
    find_intervals,
    lacks_intervals,
)
from meterfarm.services.mail import queue_mail
from meterfarm.services.mailboxes import (
    AddMailbox,
    UpdateMailbox,
    add_mailbox,
    check_mailbox,
    find_mailbox,
    list_mailboxes,
    remove_mailbox,
    update_mailbox,
)
from meterfarm.services.meter_reports import meter_reports
from meterfarm.services.metering import (
    StatementMonth,
    customer_charges,
    statement_csv,
    statement_lines,
    statement_totals,
)
from meterfarm.services.next_step import next_step
from meterfarm.services.onboarding import (
    accept_terms,
    begin,
    choose_utility,
    give_bill,
    give_login,
    onboarding_state,
    search_utilities,
    shared_data,
    try_again,
    utility_wishes,
    wish_utility,
    withdraw,
)
from meterfarm.services.phone_numbers import add_number, list_numbers, remove_number
from meterfarm.services.readiness import account_facts
from meterfarm.services.report import customer_report
from meterfarm.services.reread import reread
from meterfarm.services.runs import cancel_run, find_run, list_runs, refresh_customers, retry_run
from meterfarm.services.scraping import scrape_customer
from meterfarm.services.summary import stored_accounts, summarise_result, summarise_run
from meterfarm.services.testing import break_login, expire_session, fail_portal, fire_event, mend_login
from meterfarm.services.webhooks import (
    EndpointChange,
    add_endpoint,
    change_endpoint,
    find_endpoint,
    find_event,
    list_deliveries,
    list_endpoints,
    list_events,
    remove_endpoint,
    replay,
    resend_event,
    rotate_secret,
    send_test,
)
from meterfarm.storage.channels import MailAccount
from meterfarm.storage.customers import Customer, CustomerRecord
from meterfarm.storage.data import FoundBill, ReadingChannel, StoredAccount
from meterfarm.storage.runs import ChallengeInfo, RunStory
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import CompanyStore, Store
from meterfarm.support.errors import MeterfarmError
from meterfarm.support.redact import Secrets
from meterfarm.utilities import load_utilities, load_utility
from tests.console.asked import SMS, UTILITY, WAIT, taken
from tests.storage.made import ACCOUNT, EXPORT, bill, listed, pdf, save_bill, series
from tests.storage.ready_home import ready_home

PDF = (
    Path(__file__).parents[2] / "utilities/pepernoot_coop/samples/bill_carried_over/input.pdf"
).read_bytes()
NUMBER = "+15185550123"
MAILS = MailAccount("imap.example.com", 993, MailSecurity.TLS, "codes@example.com")
ZONE = ZoneInfo("America/New_York")
NAME = "bea@bayou.energy"
NO_PORTALS = FakePortals("http://127.0.0.1:1/portals")


@dataclass(frozen=True, slots=True)
class Theirs:
    """What the other company has, and a folder to write to."""

    store: CompanyStore
    customer: Customer
    account: StoredAccount
    story: RunStory
    challenge: ChallengeInfo
    mailbox: int
    folder: Path

    def bill(self) -> FoundBill:
        """The only one of it."""
        return self.store.bills.list(self.customer)[0]

    def everything(self) -> Sequence[object]:
        """All that a service could change of it."""
        store = self.store
        return [
            store.customers.list(),
            store.runs.list(limit=99),
            store.challenges.list(),
            store.channels.mailboxes(),
            store.channels.numbers(),
            store.events.after(0, 99),
            {
                kind: secret.get_secret_value()
                for kind, secret in store.credentials.load(self.customer).items()
            },
            sorted(store.bills.of_account(self.account.id)),
        ]


@dataclass(frozen=True, slots=True)
class Scene:
    """A home with two companies, made once; ``beta`` has a customer whose run waits for a code."""

    home: Path
    customer: Customer
    account: StoredAccount
    story: RunStory
    challenge: ChallengeInfo
    mailbox: int


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A customer with bills, readings, a mailbox, a number, and a run that waits for a code."""
    home = tmp_path_factory.mktemp("scene") / "home"
    ready_home(home)
    with Store.open(Settings(home=home)) as farm:
        add_company(farm, "acme")
        beta = company_store(farm, add_company(farm, "beta").name)
        claim = taken(beta, "bea")
        challenge = beta.challenges.open(claim.lease, SMS, WAIT)
        account = beta.accounts.save(claim.customer, ACCOUNT)
        save_bill(beta, account, listed(), pdf(), bill(), layout="speculoos_power", layout_version=1)
        mailbox = add_mailbox(beta, AddMailbox(MAILS, SecretStr("secret"), [claim.customer]))
        add_number(beta, NUMBER, [claim.customer])
        (stored,) = beta.accounts.list(claim.customer)
        story = find_run(beta, claim.lease.run_id)
        asked = find_challenge(beta, challenge)
        return Scene(home, claim.customer, stored, story, asked, mailbox.id)


@pytest.fixture
def both(scene: Scene, tmp_path: Path, without_settings: None) -> Iterator[Store]:
    """The scene's state, for one test."""
    shutil.copytree(scene.home, tmp_path / "home")
    with Store.open(Settings(home=tmp_path / "home")) as opened:
        yield opened


@pytest.fixture
def ours(both: Store) -> CompanyStore:
    return company_store(both, "acme")


@pytest.fixture
def theirs(both: Store, scene: Scene, tmp_path: Path) -> Theirs:
    beta = company_store(both, "beta")
    return Theirs(
        beta,
        scene.customer,
        scene.account,
        scene.story,
        scene.challenge,
        scene.mailbox,
        tmp_path / "out",
    )


def _endpoint(theirs: Theirs) -> int:
    """Of theirs; it is added once."""
    found = list_endpoints(theirs.store)
    return found[0].id if found else add_endpoint(theirs.store, "https://b.example/hook")[0].id


def _event(theirs: Theirs) -> int:
    """Of theirs; one is written if there is none."""
    if not theirs.store.events.after():
        fire_event(theirs.store, theirs.customer, "customer_has_filled_credentials")
    return theirs.store.events.after()[0].id


def _channel(theirs: Theirs) -> ReadingChannel:
    """Of theirs, which has readings."""
    theirs.store.readings.save(theirs.account.id, EXPORT, "jan", [series([1, 2])])
    (meter,) = theirs.store.intervals.meters(theirs.customer)
    return meter.channels[0]


def _plotted(theirs: Theirs) -> PlottedChannel:
    """Of theirs, which has readings."""
    _channel(theirs)
    return plotted_channels(theirs.store, theirs.customer)[0]


def _bars(ours: CompanyStore, theirs: Theirs) -> Sequence[PlotBar]:
    plotted = _plotted(theirs)
    return interval_plot(ours, plotted, ZONE, plotted.channel.first, plotted.end).bars


def _downloaded(theirs: Theirs) -> tuple[CustomerRecord, Customer, BillRendering]:
    record = theirs.store.customers.record(theirs.customer.id)
    assert record is not None
    return record, theirs.customer, BillRendering("")


Case = Callable[[CompanyStore, Theirs], object]

REFUSED: Sequence[tuple[Callable[..., object], Case]] = [
    (list_bills, lambda ours, its: list_bills(ours, its.customer, BillQuery(), BillRendering(""))),
    (check_bills_of, lambda ours, its: check_bills_of(ours, its.customer, "1", None, BillRendering(""))),
    (locked_bills, lambda ours, its: locked_bills(ours, its.customer)),
    (history_checks, lambda ours, its: history_checks(ours, its.customer)),
    (bill_checks, lambda ours, its: bill_checks(ours, its.bill())),
    (customer_report, lambda ours, its: customer_report(ours, its.customer, datetime.now(UTC))),
    (find_bill, lambda ours, its: find_bill(ours, its.bill().id)),
    (find_named_bill, lambda ours, its: find_named_bill(ours, str(its.bill().id))),
    (name_bill, lambda ours, its: name_bill(ours, its.bill(), "mine")),
    (unlock_bill, lambda ours, its: unlock_bill(ours, its.bill(), "us")),
    (upload_bill, lambda ours, its: asyncio.run(upload_bill(ours, BillUpload(PDF, customer=its.customer)))),
    (audited_customer, lambda ours, its: audited_customer(ours, str(its.customer.id))),
    (answer_challenge, lambda ours, its: answer_challenge(ours, its.challenge.id, Code("555123"))),
    (answer_result, lambda ours, its: answer_result(ours, AnsweredChallenge(its.challenge, None))),
    (find_challenge, lambda ours, its: find_challenge(ours, its.challenge.id)),
    (find_open_challenge, lambda ours, its: find_open_challenge(ours, its.challenge.id)),
    (customer_coverage, lambda ours, its: customer_coverage(ours, its.customer)),
    (write_out, lambda ours, its: write_out(ours, its.customer, its.folder, ZONE)),
    (meter_reports, lambda ours, its: meter_reports(ours, its.customer)),
    (find_intervals, lambda ours, its: find_intervals(ours, its.customer, IntervalQuery())),
    (check_removal, lambda ours, its: check_removal(ours, its.customer, data=False)),
    (check_update, lambda ours, its: check_update(ours, its.customer, UpdateCustomer("a@b.example"))),
    (customer_details, lambda ours, its: customer_details(ours, its.customer)),
    (find_customer, lambda ours, its: find_customer(ours, str(its.customer.id))),
    (find_customer, lambda ours, its: find_customer(ours, NAME)),
    (find_customer, lambda ours, its: find_customer(ours, "X-bea")),
    (remove_customer, lambda ours, its: remove_customer(ours, its.customer, data=True)),
    (update_customer, lambda ours, its: update_customer(ours, its.customer, UpdateCustomer(external_id="A"))),
    (export_bills, lambda ours, its: export_bills(ours, its.customer, its.folder)),
    (export_customer, lambda ours, its: export_customer(ours, its.customer, ExportFormat.JSON, its.folder)),
    (write_document, lambda ours, its: write_document(ours, its.customer, io.BytesIO())),
    (
        write_workbook,
        lambda ours, its: write_workbook(ours, its.customer, its.folder.parent / "a.xlsx", ZONE),
    ),
    (plotted_channels, lambda ours, its: plotted_channels(ours, its.customer)),
    (write_sheets, lambda ours, its: write_sheets(ours, *_downloaded(its), its.folder.parent / "a.xlsx")),
    (json_parts, lambda ours, its: list(json_parts(ours, *_downloaded(its)))),
    (export_readings, lambda ours, its: export_readings(ours, its.customer, ExportFormat.CSV, its.folder)),
    (add_mailbox, lambda ours, its: add_mailbox(ours, AddMailbox(MAILS, SecretStr("x"), [its.customer]))),
    (check_mailbox, lambda ours, its: asyncio.run(check_mailbox(ours, its.mailbox))),
    (find_mailbox, lambda ours, its: find_mailbox(ours, its.mailbox)),
    (remove_mailbox, lambda ours, its: remove_mailbox(ours, its.mailbox)),
    (update_mailbox, lambda ours, its: update_mailbox(ours, its.mailbox, UpdateMailbox(everybody=True))),
    (give_consent, lambda ours, its: give_consent(ours, its.customer, "form")),
    (list_consents, lambda ours, its: list_consents(ours, its.customer)),
    (revoke_key, lambda ours, its: revoke_key(ours, create_key(its.store)[0].id)),
    (onboarding_state, lambda ours, its: onboarding_state(ours, its.customer)),
    (accept_terms, lambda ours, its: accept_terms(ours, its.customer, "0")),
    (choose_utility, lambda ours, its: choose_utility(ours, its.customer, UTILITY)),
    (give_login, lambda ours, its: give_login(ours, its.customer, NAME, "x")),
    (try_again, lambda ours, its: try_again(ours, its.customer)),
    (shared_data, lambda ours, its: shared_data(ours, its.customer)),
    (wish_utility, lambda ours, its: wish_utility(ours, its.customer, "Acme")),
    (give_bill, lambda ours, its: asyncio.run(give_bill(ours, its.customer, PDF, "bill.pdf"))),
    (withdraw, lambda ours, its: withdraw(ours, its.customer)),
    (add_number, lambda ours, its: add_number(ours, NUMBER, [its.customer])),
    (remove_number, lambda ours, its: remove_number(ours, NUMBER)),
    (cancel_run, lambda ours, its: cancel_run(ours, its.story.run.id)),
    (find_run, lambda ours, its: find_run(ours, its.story.run.id)),
    (retry_run, lambda ours, its: retry_run(ours, its.story.run.id)),
    (refresh_customers, lambda ours, its: refresh_customers(ours, [its.customer])),
    (break_login, lambda ours, its: break_login(ours, NO_PORTALS, its.customer)),
    (mend_login, lambda ours, its: mend_login(ours, NO_PORTALS, its.customer)),
    (expire_session, lambda ours, its: expire_session(ours, NO_PORTALS, its.customer)),
    (fire_event, lambda ours, its: fire_event(ours, its.customer, "new_bill")),
    (stored_accounts, lambda ours, its: stored_accounts(ours, its.customer)),
    (find_endpoint, lambda ours, its: find_endpoint(ours, _endpoint(its))),
    (change_endpoint, lambda ours, its: change_endpoint(ours, _endpoint(its), EndpointChange(active=False))),
    (remove_endpoint, lambda ours, its: remove_endpoint(ours, _endpoint(its))),
    (rotate_secret, lambda ours, its: rotate_secret(ours, _endpoint(its))),
    (list_deliveries, lambda ours, its: list_deliveries(ours, endpoint_id=_endpoint(its))),
    (find_event, lambda ours, its: find_event(ours, _event(its))),
    (resend_event, lambda ours, its: resend_event(ours, _event(its))),
    (replay, lambda ours, its: replay(ours, _endpoint(its), after=0)),
    (
        send_test,
        lambda ours, its: asyncio.run(
            send_test(ours, _endpoint(its), EventKind.NEW_BILL, farm_allows_private=False)
        ),
    ),
    (summarise_run, lambda ours, its: summarise_run(ours, _ended(its.story), its.customer)),
    (
        summarise_result,
        lambda ours, its: summarise_result(ours, RunResult(its.customer, Outcome.COMPLETE, "")),
    ),
]
EMPTY: Sequence[tuple[Callable[..., object], Case]] = [
    (readings_of, lambda ours, its: list(readings_of(ours, _channel(its)))),
    (series_of, lambda ours, its: list(series_of(ours, its.account))),
    (interval_plot, lambda ours, its: any(bar.value for bar in _bars(ours, its))),
    (channel_heat_map, lambda ours, its: channel_heat_map(ours, _plotted(its), ZONE)),
    (list_keys, lambda ours, its: list_keys(ours)),
    (list_endpoints, lambda ours, its: _endpoint(its) and list_endpoints(ours)),
    (list_deliveries, lambda ours, its: _endpoint(its) and list_deliveries(ours)),
    (list_events, lambda ours, its: _event(its) and list_events(ours)),
    (replay, lambda ours, its: _endpoint(its) and replay(ours, after=0)),
    (lacks_intervals, lambda ours, its: lacks_intervals(ours, its.customer)),
    (changes_since, lambda ours, its: changes_since(ours).changes),
    (customer_interval_facts, lambda ours, its: customer_interval_facts(ours, its.customer)),
    (account_facts, lambda ours, its: account_facts(ours, its.customer.id).accounts),
    (vault_reads, lambda ours, its: vault_reads(ours, limit=9).reads),
    (vault_reads, lambda ours, its: vault_reads(ours, limit=9, customer_id=its.customer.id).reads),
    (list_challenges, lambda ours, its: list_challenges(ours)),
    (list_customers, lambda ours, its: list_customers(ours)),
    (list_mailboxes, lambda ours, its: list_mailboxes(ours)),
    (list_numbers, lambda ours, its: list_numbers(ours)),
    (reread, lambda ours, its: asyncio.run(reread(ours, load_utilities())).read),
    (reread, lambda ours, its: asyncio.run(reread(ours, load_utilities(), customer=its.customer)).read),
    (write_bills, lambda ours, its: _written(ours, its)),
    (read_file, lambda ours, its: read_file(ours, its.bill())),
    (list_runs, lambda ours, its: list_runs(ours)),
    (list_runs, lambda ours, its: list_runs(ours, customer=its.customer)),
    (utility_wishes, lambda ours, its: _wishes_of_ours(ours, its)),
    (refresh_customers, lambda ours, its: refresh_customers(ours, None).runs),
    (statement_lines, lambda ours, its: list(statement_lines(ours, _month(its)))),
    (customer_charges, lambda ours, its: list(customer_charges(ours, _month(its)))),
    (statement_totals, lambda ours, its: statement_totals(ours, _month(its))),
    (statement_csv, lambda ours, its: list(statement_csv(ours, _month(its)))[1:]),
    (next_step, lambda ours, its: f"`answer {its.challenge.id}`" in next_step(ours, its.story.run)),
]
OWN = (
    add_customer,
    add_endpoint,
    begin,
    create_customer,
    create_key,
    fail_portal,
    import_customers,
    must_be_for,
    queue_mail,
    scrape_customer,
    search_utilities,
    wished_utility,
)
"""What another company may have just so: tested by name below."""


def _ended(story: RunStory) -> RunStory:
    return replace(story, run=replace(story.run, outcome=Outcome.COMPLETE))


def _result(theirs: Theirs) -> RunResult:
    return RunResult(theirs.customer, Outcome.COMPLETE, "")


def _wishes_of_ours(ours: CompanyStore, theirs: Theirs) -> object:
    wish_utility(theirs.store, theirs.customer, "Acme Power")
    return utility_wishes(ours)


def _written(ours: CompanyStore, theirs: Theirs) -> object:
    """What ``write_bills`` writes of an account."""
    write_bills(ours, theirs.customer, theirs.account, theirs.folder)
    return json.loads((theirs.folder / "bills.json").read_text())


def _month(theirs: Theirs) -> StatementMonth:
    """That of a statement with a bill of theirs."""
    at = theirs.bill().unlocked_at
    assert at is not None
    month = StatementMonth.at(at)
    assert statement_totals(theirs.store, month)
    return month


def _names(cases: Sequence[tuple[Callable[..., object], Case]]) -> list[str]:
    return [function.__name__ for function, _ in cases]


def _public() -> Iterator[Callable[..., object]]:
    """Every public function of services/ that works in a company's store."""
    for found in pkgutil.iter_modules(services.__path__):
        module = importlib.import_module(f"{services.__name__}.{found.name}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            is_ours = function.__module__ == module.__name__ and not name.startswith("_")
            given = [each for what, each in function.__annotations__.items() if what != "return"]
            if is_ours and "CompanyStore" in given:
                yield function


def test_every_function_has_a_case() -> None:
    tested = {function for function, _ in (*REFUSED, *EMPTY)} | set(OWN)
    public = set(_public())
    assert len(public) > 30, "the walk sees them"
    assert {function.__name__ for function in public - tested} == set()


@pytest.mark.parametrize("case", [case for _, case in REFUSED], ids=_names(REFUSED))
def test_what_is_another_companys_cannot_be_named(ours: CompanyStore, theirs: Theirs, case: Case) -> None:
    before = theirs.everything()
    with pytest.raises(MeterfarmError) as refused:
        case(ours, theirs)
    assert NAME not in str(refused.value).replace(f"“{NAME}”", "")
    assert theirs.everything() == before
    assert not theirs.folder.exists()


@pytest.mark.parametrize("case", [case for _, case in EMPTY], ids=_names(EMPTY))
def test_what_is_another_companys_is_not_found(ours: CompanyStore, theirs: Theirs, case: Case) -> None:
    before = theirs.everything()
    assert not case(ours, theirs)
    assert theirs.everything() == before


def test_two_companies_may_have_the_same_login_external_id_and_mailbox(
    ours: CompanyStore, theirs: Theirs
) -> None:
    before = theirs.everything()
    added = add_customer(ours, AddCustomer(UTILITY, NAME, "X-bea", {SecretKind.PASSWORD: "another"}))
    assert added.customer.id != theirs.customer.id
    assert [one.id for one in list_customers(ours)] == [added.customer.id]
    text = f"utility,username,password,external_id\n{UTILITY},ada@bayou.energy,x,A-1\n"
    assert all(isinstance(row, NewCustomer) for row in import_customers(ours, text, Secrets()))
    assert add_mailbox(ours, AddMailbox(MAILS, SecretStr("x"))).id != theirs.mailbox
    assert theirs.everything() == before


async def test_a_visit_is_made_in_its_company_alone(farm: Store, tmp_path: Path) -> None:
    """Of a login that another company has too, with its password and a session that would do."""
    ours, beta = (company_store(farm, add_company(farm, name).name) for name in ("acme", "beta"))
    secrets = {SecretKind.PASSWORD: "another"}
    other = add_customer(beta, AddCustomer(UTILITY, NAME, "B-1", secrets)).customer
    session = PortalSession({"cookies": [], "origins": []}).to_bytes()
    beta.credentials.save_session(other, session, trusted_since=None)

    def everything() -> Sequence[object]:
        return [beta.customers.list(), beta.runs.list(), beta.events.after(0, 99)]

    async def password() -> SecretStr:
        return SecretStr("our own")

    before = everything()
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
    request = RunRequest(load_utility(UTILITY), nobody, NAME, password, Nobody())
    scratch, evidence = tmp_path / "scratch", tmp_path / "evidence"
    scratch.mkdir()
    visit = scrape_customer(request, ours, Secrets(), NoProgress(), scratch=scratch, evidence=evidence)
    result = await visit
    assert (result.outcome, result.session) == (Outcome.PORTAL_DOWN, SessionUse.NEW)
    assert result.customer.id != other.id
    assert [one.id for one in list_customers(ours)] == [result.customer.id]
    assert everything() == before


def test_a_company_is_named_where_there_are_several(farm: Store) -> None:
    assert [company.name for company in list_companies(farm)] == ["default", "default"]
    assert find_company(farm).name == "default"
    assert find_company(farm, live=True) == farm.companies.only(live=True)
    acme = add_company(farm, " acme ")
    assert (acme.name, find_company(farm, "acme")) == ("acme", acme)
    with pytest.raises(InvalidRequest, match=r"several companies \(default, acme\): name one with --company"):
        company_store(farm)
    with pytest.raises(NotFound, match="no company “beta”"):
        company_store(farm, "beta")
    with pytest.raises(Conflict, match="acme is there already"):
        add_company(farm, "acme")
    for name in ("", "  ", "a\nb", "x" * 1000):
        with pytest.raises(InvalidRequest, match="company"):
            add_company(farm, name)
    add_customer(company_store(farm, "acme"), AddCustomer(UTILITY, NAME))
    details = company_details(farm, acme)
    assert (dict(details.customers), details.mailboxes, details.numbers) == ({"new": 1}, 0, 0)
