"""A page of a list of customers: what is searched for, in which order, and how it goes on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from meterfarm.records import CustomerState, Outcome, SecretKind
from meterfarm.storage.customers import CustomerFilter
from meterfarm.storage.runs import FollowUp
from meterfarm.storage.store import CompanyStore
from tests.storage.made import UTILITY, claimed


@pytest.fixture
def listed(store: CompanyStore) -> Callable[..., list[str | None]]:
    """The external ids of a page's customers."""
    people = [
        ("a", "ada@acme.example", "Ada", "Love_lace"),
        ("b", "bob@acme.example", "Bob", "Loveplace"),
        ("c", None, None, None),
    ]
    for name, email, first, last in people:
        profile = {"email": email, "first_name": first, "last_name": last}
        store.customers.create(UTILITY, external_id=name, profile=profile)

    def found(before: int = 0, limit: int = 10, **wanted: object) -> list[str | None]:
        page = store.customers.page(CustomerFilter(**wanted), before, limit)  # type: ignore[arg-type]
        return [each.info.external_id for each in page]

    return found


def test_they_are_found_by_what_they_are_known_by(listed: Callable[..., list[str | None]]) -> None:
    """Capitals do not count, and what stands for anything in SQL stands for itself."""
    assert listed() == ["c", "b", "a"]
    assert listed(text="ADA@") == ["a"]
    assert listed(text="ada love") == ["a"]
    assert listed(text="e_l") == ["a"]
    assert listed(text="%") == []
    assert listed(text="\\") == []
    assert listed(text="acme") == ["b", "a"]
    assert listed(text="9" * 40) == []
    assert listed(text="ada\0") == [], "which Postgres cannot be asked for"


def test_a_page_goes_on_where_the_last_one_ended(
    store: CompanyStore, listed: Callable[..., list[str | None]]
) -> None:
    first = store.customers.page(CustomerFilter(), 0, 2)
    assert [each.info.external_id for each in first] == ["c", "b"]
    assert listed(first[-1].info.id) == ["a"]
    assert listed(text=str(first[0].info.id), limit=1) == ["c"]
    assert first[1].profile.email == "bob@acme.example"


def test_they_are_filtered_by_state_and_by_how_their_last_run_ended(
    store: CompanyStore, listed: Callable[..., list[str | None]]
) -> None:
    customer = store.customers.add(
        UTILITY, "eve@x.example", external_id="e", secrets={SecretKind.PASSWORD: "x"}
    )
    (run,) = store.runs.list()
    claim = claimed(store, run.id, run.attempt)
    assert claim is not None
    follow = FollowUp(must_reauthenticate="credentials_are_invalid")
    store.runs.finish(claim.lease, Outcome.BAD_CREDENTIALS, "No.", follow=follow)
    assert listed(outcome=Outcome.BAD_CREDENTIALS) == ["e"]
    assert listed(outcome=Outcome.COMPLETE) == []
    assert listed(state=CustomerState.MUST_REAUTHENTICATE) == ["e"]
    assert store.customers.states() == {CustomerState.NEW: 3, CustomerState.MUST_REAUTHENTICATE: 1}
    store.customers.remove(customer, data=False)
    assert "e" not in listed()
    assert listed(state=CustomerState.REMOVED) == ["e"]
