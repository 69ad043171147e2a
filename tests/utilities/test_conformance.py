"""Every utility declares what the engine needs and reads its own samples; one failure hides no other."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from meterfarm import utilities
from meterfarm.mfa.mailbox import CodeMail
from meterfarm.mfa.text_message import CodeText
from meterfarm.records import Outcome
from meterfarm.scrapers.utility import Capabilities, Utility
from meterfarm.utilities import UnknownUtility, load_utility, utility_ids
from tests.utilities import bills_only, intervals_only
from tests.utilities.reading import Sample, samples

UTILITIES = {
    **{utility_id: load_utility(utility_id) for utility_id in utility_ids()},
    "bills_only": bills_only.UTILITY,
    "intervals_only": intervals_only.UTILITY,
}
_HOST = re.compile(r"(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+(:\d+)?")
SAMPLES = [sample for utility in UTILITIES.values() for sample in samples(utility)]


@pytest.fixture(params=UTILITIES)
def utility(request: pytest.FixtureRequest) -> Utility:
    return UTILITIES[request.param]


def test_everything_is_declared(utility: Utility) -> None:
    for name in Utility.__annotations__:
        assert hasattr(utility, name), name
    assert not getattr(type(utility), "__abstractmethods__", None)


def test_the_id_is_the_folders_name(utility: Utility) -> None:
    assert UTILITIES[utility.id] is utility
    assert re.fullmatch(r"[a-z][a-z0-9_]*", utility.id)


def test_what_is_declared_is_sane(utility: Utility) -> None:
    assert utility.name.strip() == utility.name != ""
    assert utility.home == "" or utility.home.startswith("https://")
    assert all(_HOST.fullmatch(host) for host in utility.hosts)
    assert isinstance(utility.zone, ZoneInfo)
    assert utility.session_concurrency > 0
    assert 0 < utility.settle_seconds <= 30
    assert utility.refresh_transport in {"http", "browser", "impersonated"}
    assert all(_HOST.fullmatch(host) for host in utility.api_hosts)
    assert utility.side_by_side <= {"bills", "bill_pdf", "available_intervals", "export_intervals"}


def test_what_it_is_capable_of_is_declared_and_implemented(utility: Utility) -> None:
    """What a portal does not have is neither declared nor implemented."""
    offers = utility.capabilities
    assert offers.parts
    assert bool(utility.bill_layout) is (utility.bill_layout_version > 0)
    assert offers.bills or not utility.bill_layout
    assert bool(offers.granularities) is offers.intervals
    assert set(offers.longest_export_days) == set(offers.granularities)
    assert all(seconds > 0 for seconds in offers.granularities)
    assert all(days > 0 for days in offers.longest_export_days.values())
    assert offers.history_days is None or offers.history_days > 0
    assert offers.expected_lag >= timedelta()
    methods = {
        **dict.fromkeys(("bills", "bill_pdf"), offers.bills),
        "read_bill": bool(utility.bill_layout),
        **dict.fromkeys(("available_intervals", "export_intervals", "read_intervals"), offers.intervals),
    }
    for name, is_offered in methods.items():
        assert (getattr(type(utility), name) is not getattr(Utility, name)) is is_offered, name


def test_what_is_declared_and_not_implemented_is_named() -> None:
    class Forgetful(bills_only.BillsOnly):
        capabilities = Capabilities(granularities=(900,), longest_export_days={900: 31})

    lacking = "available_intervals, export_intervals, read_intervals"
    with pytest.raises(TypeError, match=f"Forgetful does not implement {lacking}"):
        Forgetful()


def test_it_is_said_whether_the_script_was_seen_to_work(utility: Utility) -> None:
    assert utility.verified.status in {"verified", "unverified"}
    assert date(2026, 1, 1) <= utility.verified.on <= datetime.now(UTC).date()
    assert utility.verified.evidence


_OF_TESTS = [Path(inspect.getfile(module)) for module in (bills_only, intervals_only)]
SCRIPTS = [*sorted(Path(utilities.__path__[0]).glob("*/**/*.py")), *_OF_TESTS]
_OF_PLAYWRIGHT = frozenset(
    {
        *("raw_playwright_page", "evaluate", "evaluate_all", "evaluate_handle", "add_init_script", "locator"),
        *(
            "click",
            "dblclick",
            "tap",
            "press_sequentially",
            "dispatch_event",
            "goto",
            "route",
            "expect_popup",
        ),
    }
)
"""What is done past the facade is not guarded, not limited, nor known before it sends a password."""
_OF_ASYNCIO = frozenset(
    {"Lock", "Semaphore", "BoundedSemaphore", "Condition", "Event", "sleep", "create_task"}
)
"""A script's own locks, waits and tasks: ``side_by_side``, ``until`` and ``state`` are there instead."""
_MODULES = frozenset({"playwright", "weakref", "threading", "aiohttp", "httpx", "requests", "curl_cffi"})


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_a_script_works_by_its_visit_alone(file: Path) -> None:
    """No page of Playwright's, no script run in a page, no lock, task, sleep or HTTP client of its own."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    imported = {module.partition(".")[0] for module in _imported(tree)}
    assert not imported & _MODULES
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not used & _OF_PLAYWRIGHT
    assert "asyncio" not in imported or not used & _OF_ASYNCIO


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_signs_say_how_they_are_recognised(utility: Utility) -> None:
    """That they can be recognised at all is refused at once where it is not so, as they are declared."""
    assert len({replace(sign, means="any") for sign in utility.signs}) == len(utility.signs)
    for sign in utility.signs:
        assert not isinstance(sign.means, Outcome) or sign.words, sign
    meant = {sign.means for sign in utility.signs}
    assert {Outcome.BAD_CREDENTIALS, Outcome.ACCOUNT_LOCKED} <= meant or not utility.needs_browser
    assert not meant & {Outcome.COMPLETE, Outcome.PARTIAL, Outcome.UNKNOWN_PAGE}


def test_messages_that_bring_codes_are_declared_sharply(utility: Utility) -> None:
    """Who sends them, and where in them the one code is."""
    declarations: list[CodeMail | CodeText] = [*utility.mail_codes, *utility.text_codes]
    for declared in declarations:
        assert declared.senders
        assert all(sender.strip() == sender != "" for sender in declared.senders)
        assert re.compile(declared.pattern).groups == 1
        assert not re.fullmatch(declared.pattern, "")
    for mail in utility.mail_codes:
        assert all("@" in sender for sender in mail.senders)
        re.compile(mail.subject)


def test_a_user_name_that_cannot_be_one_is_explained(utility: Utility) -> None:
    assert utility.username_problem("")
    assert utility.name in utility.username_problem("no user name")


def test_there_is_a_sample_of_a_bill_and_of_an_export(utility: Utility) -> None:
    read = [sample for sample in samples(utility) if "error" not in sample.expected]
    assert any(sample.input.suffix == ".pdf" for sample in read) is utility.capabilities.bills
    assert any(sample.is_export for sample in read) is utility.capabilities.intervals


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: f"{sample.utility.id}-{sample.folder.name}")
def test_a_sample_reads_as_expected(sample: Sample) -> None:
    assert sample.read() == sample.expected


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: f"{sample.utility.id}-{sample.folder.name}")
def test_a_sample_says_where_it_is_from(sample: Sample) -> None:
    assert date.fromisoformat(sample.meta["date"]) <= datetime.now(UTC).date()
    assert sample.meta["source"]
    assert sample.meta["shows"]
    assert sample.input.stat().st_size < 100_000


@pytest.mark.parametrize("utility_id", ["speculos_power", "Speculoos-Power", "speculoos"])
def test_an_unknown_utility_names_the_nearest(utility_id: str) -> None:
    """The id that is stored decides where a password is sent: other names are for requests alone."""
    with pytest.raises(UnknownUtility, match=f"no utility “{utility_id}”; did you mean speculoos_power"):
        load_utility(utility_id)
