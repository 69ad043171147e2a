"""A whole farm as a test drives it: the fake utility, the real `worker` command, a store to look into."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO, TypeVar

from sqlalchemy import text

from meterfarm.farm.codes.answer_codec import encode_choice, encode_code
from meterfarm.farm.policy import BY_SCHEDULE
from meterfarm.records import EventKind, Factor, Outcome, RunState, SecretKind
from meterfarm.storage import AnswerRefused
from meterfarm.storage.customers import Customer
from meterfarm.storage.runs import ChallengeInfo, RunInfo
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import CompanyStore, Store
from tests import asking
from tests.forked import Forked
from tests.scale import SCALE
from tests.storage.ready_home import ready_home

ROOT = Path(__file__).parents[2]
T = TypeVar("T")
UTILITY = "speculoos_power"
PASSWORD = "correct horse battery"
BRIEFLY = "40"
"""Days of history to fetch: a bill or two and a month of readings."""
_LOOK = 0.1
_PAUSES = 20
"""How much longer than looking, which takes of the processor that is waited for, the pause after it is."""
_log = logging.getLogger(__name__)


def many(count: int) -> int:
    """So many customers as ``FARM_SCALE`` makes of them: all at 1, a tenth by default, to be quicker."""
    return max(3, round(count * SCALE))


@dataclass
class Farm:
    """``environment`` is what its commands run with; ``store`` looks into the same state.

    Customers are added at ``utility``; ``url`` is where its portal is, or has its control pages.
    """

    home: Path
    url: str
    environment: dict[str, str]
    store: CompanyStore
    utility: str = UTILITY
    workers: Forked | None = None
    _stopped: threading.Event = field(default_factory=threading.Event)

    # customers

    def add(self, username: str, **secrets: str) -> Customer:
        """Add a customer with a password; more secrets by their kind."""
        given = {SecretKind.PASSWORD: PASSWORD} | {SecretKind(kind): text for kind, text in secrets.items()}
        return self.store.customers.add(self.utility, username, secrets=given)

    def add_many(self, name: str, count: int) -> list[Customer]:
        """``name.1@domain`` and so on."""
        local, _, domain = name.partition("@")
        return [self.add(f"{local}.{number}@{domain}") for number in range(1, count + 1)]

    # what goes on

    def wait(self, holds: Callable[[], T | None], seconds: float = 60, what: str = "") -> T:
        """Look until something holds; what it gave."""
        until = time.monotonic() + seconds
        began = time.thread_time()
        while not (found := holds()):
            if time.monotonic() > until:
                runs = [
                    f"{run.id} {run.username} {run.kind} {run.state} {run.message}" for run in self.runs()
                ]
                raise AssertionError(f"not within {seconds} s: {what or holds}\n" + "\n".join(runs))
            looked = time.thread_time() - began
            self._stopped.wait(max(_LOOK, _PAUSES * looked))
            began = time.thread_time()
        return found

    def runs(self, customer: Customer | None = None) -> Sequence[RunInfo]:
        """Newest first."""
        return self.store.runs.list(limit=1000, customer_id=customer.id if customer else None)

    def wait_for_quiet(self, seconds: float = 90) -> None:
        """Until nothing is to be done any more but what waits for a later time."""

        def is_quiet() -> bool:
            now = time.time()
            return not [
                run
                for run in self.store.runs.list(limit=1000, active=True)
                if run.state is not RunState.QUEUED or run.not_before.timestamp() < now + 5
            ]

        self.wait(is_quiet, seconds, "a farm with nothing to do")

    def retry_in_doubt(self) -> None:
        """Whose worker was killed just when the password went out is retried, as an operator would."""
        waiting = [
            run for run in self.store.runs.list(limit=1000, active=True) if run.why.endswith(BY_SCHEDULE)
        ]
        for run in waiting:
            self.store.runs.retry(run.id)
        if waiting:
            self.wait_for_quiet(120)

    def last(self, customer: Customer) -> RunInfo:
        """The customer's newest run that has ended."""
        return next(run for run in self.runs(customer) if run.state is RunState.ENDED)

    def outcomes(self, customers: Sequence[Customer]) -> list[Outcome | None]:
        """How they ended last; a test that fails shows why, of those that did not end complete."""
        ends = [self.last(customer) for customer in customers]
        for run in ends:
            if run.outcome is not Outcome.COMPLETE:
                _log.warning("%s %s ended in %s: %s", run.username, run.kind, run.outcome, run.message)
        return [run.outcome for run in ends]

    def challenge_of(self, customer: Customer, seconds: float = 60) -> ChallengeInfo:
        """The customer's open challenge, once there is one."""

        def found() -> ChallengeInfo | None:
            every = self.store.challenges.list(only_open=True)
            return next((one for one in every if one.customer_id == customer.id), None)

        return self.wait(found, seconds, f"a challenge of {customer.username}")

    def readings(self) -> int:
        return sum(
            coverage.readings
            for customer in self.store.customers.list()
            for account in self.store.accounts.list(self.customer(customer.username))
            for coverage in self.store.readings.coverage(account.id).values()
        )

    def customer(self, username: str) -> Customer:
        found = self.store.customers.find(username)
        if found is None:
            raise AssertionError(f"no customer {username}")
        return found

    # the portal

    def stats(self) -> Any:
        return asking.get(f"{self.url}/stats.json", timeout=10).raise_for_status().json()

    def faults(self, **faults: object) -> None:
        """Have the portal misbehave from now on; nothing ends it."""
        asking.post(f"{self.url}/faults", json=faults, timeout=10).raise_for_status()

    # workers

    def start(self, processes: int = 2, stderr: TextIO | None = None) -> None:
        """Start the `worker` command and wait until it says that it serves."""
        with Path(os.devnull).open() as nothing:
            self.workers = Forked(
                ["worker", "--processes", str(processes)],
                self.environment,
                self.home.parent,
                stdin=nothing.fileno(),
                stderr=stderr.fileno() if stderr else 2,
            )
        if "serve" not in self.workers.stdout.readline():
            raise AssertionError("the workers did not start")

    def stop(self, number: int = signal.SIGTERM, seconds: float = 15) -> int:
        """Stop the workers; their command's exit status."""
        if self.workers is None:
            raise AssertionError("no workers were started")
        self.workers.send_signal(number)
        status = self.workers.wait(seconds)
        self.workers.stdout.close()
        self.workers = None
        return status

    def worker_pids(self) -> list[int]:
        """The worker processes, as soon as there are any."""
        if self.workers is None:
            raise AssertionError("no workers were started")
        command = self.workers.pid
        return self.wait(lambda: processes_below(command, "worker"), 20, "worker processes")

    @contextmanager
    def owners(self, *usernames: str) -> Iterator[None]:
        """Meanwhile the customers (all, if none are named) answer what they are asked."""
        done = threading.Event()
        thread = threading.Thread(target=self._answer_until, args=(done, set(usernames)))
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join(20)

    def _answer_until(self, done: threading.Event, usernames: set[str]) -> None:
        pause = _LOOK
        while not done.wait(pause):
            began = time.thread_time()
            for challenge in self.store.challenges.list(only_open=True):
                if not usernames or challenge.username in usernames:
                    self.answer(challenge)
            pause = max(_LOOK, _PAUSES * (time.thread_time() - began))

    def answer(self, challenge: ChallengeInfo, code: str | None = None) -> None:
        """Answer as the customer would, who has the phone, the mailbox and the authenticator."""
        asked = challenge.challenge
        said = encode_choice(Factor.SMS) if asked.options else encode_code(code or self._code(challenge))
        with suppress(AnswerRefused):
            self.store.challenges.answer(challenge.id, said)

    def _code(self, challenge: ChallengeInfo) -> str:
        username, factor = challenge.username, challenge.challenge.factor
        outbox = asking.get(f"{self.url}/outbox.json", params={"username": username}, timeout=10).json()
        if factor is Factor.QUESTION:
            return str(outbox["security_answers"][-1]["answer"])
        if factor is Factor.TOTP:
            return str(outbox["authenticators"][-1]["code"])
        return str([message["code"] for message in outbox["messages"] if message["kind"] == factor][-1])


@contextmanager
def farm_at(home: Path, url: str, utility: str = UTILITY, **extra: str) -> Iterator[Farm]:
    """A farm whose state is in ``home`` and whose portal is at ``url``; its workers end with it.

    A portal with host names is found by METERFARM_LOCAL_HOSTS; ``url`` is that of its control pages.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("METERFARM_") and name not in ("REDIS_URL", "DATABASE_URL")
    }
    environment |= {
        "METERFARM_HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "METERFARM_PORTAL_URLS": f"{UTILITY}={url}",
        "METERFARM_LIMITS": f"{utility}=16:400",
        "METERFARM_HISTORY_DAYS": BRIEFLY,
    }
    environment |= extra
    settings = Settings(
        home=home,
        database_url=environment.get("DATABASE_URL", ""),
        secret_keys=environment.get("METERFARM_SECRET_KEYS", ""),
    )
    if "DATABASE_URL" not in environment:
        ready_home(home)
    with Store.open(settings).of() as store:
        farm = Farm(home, url, environment, store, utility)
        try:
            yield farm
        finally:
            if farm.workers is not None:
                for pid in [farm.workers.pid, *processes_below(farm.workers.pid, "worker")]:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGCONT)
                farm.stop(signal.SIGTERM, 20)


def processes_below(ancestor: int, name: str) -> list[int]:
    """Those that descend from this one and are named so."""
    names, parents = dict[int, str](), dict[int, int]()
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            named, _, rest = status.read_text().rpartition(")")
            pid = int(status.parent.name)
            names[pid], parents[pid] = named.partition("(")[2], int(rest.split()[1])

    def is_below(pid: int) -> bool:
        return pid == ancestor or (pid in parents and is_below(parents[pid]))

    return sorted(pid for pid, named in names.items() if named == name and is_below(parents[pid]))


def check_whole(farm: Farm) -> None:
    """Every file has its row and every row its file; each bill was told of once; all series are whole."""
    farm.store.farm.sweep(older_than=0)
    named = {sha for (sha,) in rows(farm, "SELECT sha256 FROM file WHERE refs > 0")}
    assert stored_files(farm) == named
    assert not rows(
        farm, "SELECT portal_key FROM document GROUP BY account_id, kind, portal_key HAVING count(*) > 1"
    )
    [(bills,)] = rows(farm, "SELECT count(*) FROM bill")
    assert len(farm.store.events.after(limit=100_000, kinds=[EventKind.NEW_BILL])) == bills
    assert not rows(farm, "SELECT id FROM run WHERE state IN ('running', 'waiting')")
    for customer in farm.store.customers.list():
        for account in farm.store.accounts.list(farm.customer(customer.username)):
            for meter, kept in farm.store.readings.coverage(account.id).items():
                for series in farm.store.readings.series(account.id, meter):
                    assert sum(reading.seconds for reading in series.readings) == kept.end - kept.start


def rows(farm: Farm, query: str) -> list[tuple[Any, ...]]:
    """What the database says, whichever it is."""
    with farm.store.farm._farm.database.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def stored_files(farm: Farm) -> set[str]:
    return {path.name for path in (farm.home / "files").glob("??/*") if not path.name.startswith(".")}
