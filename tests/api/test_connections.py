"""A company with a form of its own: logins, challenges, consents and runs over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from meterfarm.records import Challenge, Factor, FactorOption, SecretKind
from tests.api.server import ApiServer
from tests.storage.made import claimed

UTILITY = "speculoos_power"
WAIT = timedelta(minutes=5)
CHOICE = Challenge(
    "How shall we send the code?",
    options=(FactorOption(Factor.SMS, "Text me", "•••12"), FactorOption(Factor.EMAIL, "Mail me", "a•••@x")),
    can_resend=False,
)
CODE = Challenge("Enter the code.", factor=Factor.SMS, destination="•••12", can_resend=True)


def _customer(api: ApiServer, username: str) -> tuple[int, str, int]:
    """A customer who has given a login, their path, and the run that tries it."""
    customer = api.client.post("/api/v2/customers", json={}).json()["id"]
    path = f"/api/v2/customers/{customer}"
    login = {"utility": UTILITY, "username": username, "password": "canary-pw-1"}
    given = api.client.post(f"{path}/login", json={**login, "security_answers": {"Your dog?": "canary-an-1"}})
    assert given.status_code == 202, given.text
    assert "canary" not in given.text
    return customer, path, given.json()["run_id"]


def test_a_login_is_given_and_its_challenges_are_answered(api: ApiServer) -> None:
    number, path, run = _customer(api, "ada@bayou.energy")
    customer = api.store.customers.by_id(number)
    assert customer is not None
    assert api.store.credentials.load(customer)[SecretKind.PASSWORD].get_secret_value() == "canary-pw-1"
    shown = api.client.get(f"{path}/runs").json()
    assert [(each["id"], each["kind"], each["state"], each["outcome"]) for each in shown] == [
        (run, "connect", "queued", None)
    ]
    claim = claimed(api.store, run, 1)
    assert claim is not None
    api.store.challenges.open(claim.lease, CHOICE, WAIT)
    (asked,) = api.client.get(f"{path}/challenges?open=true").json()
    assert (asked["factor"], [each["factor"] for each in asked["options"]]) == (None, ["sms", "email"])
    place = f"/api/v2/challenges/{asked['id']}"
    for call, body in (("answer", {"answer": "1"}), ("choose", {"factor": "totp"}), ("resend", {})):
        refused = api.client.post(f"{place}/{call}", json=body)
        assert (refused.status_code, refused.json()["error_code"]) == (409, "conflict"), call
    chosen = api.client.post(f"{place}/choose", json={"factor": "email"})
    assert (chosen.status_code, chosen.json()["state"]) == (200, "answered")
    again = api.client.post(f"{place}/choose", json={"factor": "email"})
    assert (again.status_code, again.json()["error_code"]) == (409, "conflict")
    api.store.challenges.take_answer(claim.lease, asked["id"])
    api.store.challenges.open(claim.lease, CODE, WAIT)
    (asked,) = api.client.get(f"{path}/challenges?open=true").json()
    answered = api.client.post(f"/api/v2/challenges/{asked['id']}/answer", json={"answer": "canary-code"})
    assert (answered.json()["state"], "canary" in answered.text) == ("answered", False)
    details = api.client.get(f"/api/v2/runs/{run}").json()
    assert (len(details["challenges"]), details["ledger"]) == (2, [])
    assert api.client.post(f"/api/v2/runs/{run}/cancel").status_code == 200
    assert api.client.post(f"{path}/refresh").status_code == 202
    assert len(api.client.get(f"{path}/runs?limit=1").json()) == 1
    assert api.client.get(f"{path}/runs?limit=0").json()["error_code"] == "parameter_invalid"


def test_a_consent_is_given_until_a_day_and_revoked_with_the_login(api: ApiServer) -> None:
    number, path, run = _customer(api, "bea@bayou.energy")
    consent = api.client.get(f"{path}/consent").json()
    assert (consent["status"], consent["method"]) == ("active", "api")
    assert consent["scope"] == ["bills", "intervals"]
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    body = {"method": "signed form 2026-11", "terms_hash": "ab12", "expires_at": until.isoformat()}
    given = api.client.put(f"{path}/consent", json=body).json()
    assert (given["expires_at"], given["terms_hash"]) == (until.strftime("%Y-%m-%dT%H:%M:%SZ"), "ab12")
    past = api.client.put(f"{path}/consent", json={"expires_at": "2020-01-01T00:00:00Z"})
    assert (past.status_code, past.json()["error_code"]) == (400, "request_invalid")
    assert api.client.put(f"{path}/consent", json={"expires_at": "soon"}).status_code == 400
    assert api.farm.consents.announce_expiring(timedelta(days=7)) == 1
    assert api.farm.consents.announce_expiring(timedelta(days=7)) == 0
    kinds = [event.kind.value for event in api.store.events.after()]
    assert kinds.count("consent_expiring_soon") == 1
    assert api.client.delete(f"{path}/consent").status_code == 204
    assert api.client.get(f"{path}/consent").json()["status"] == "revoked"
    customer = api.store.customers.by_id(number)
    assert customer is not None
    assert not api.store.credentials.run_context(customer).may_collect
    assert api.client.post(f"{path}/refresh").status_code == 409
    assert api.client.delete(f"{path}/consent?delete_data=true").status_code == 204
    assert api.client.get(path).status_code == 404
    assert api.client.get(f"/api/v2/runs/{run}").json()["error_code"] == "object_not_found"


def test_a_consent_that_expired_allows_nothing(api: ApiServer) -> None:
    number, _, _ = _customer(api, "cas@bayou.energy")
    customer = api.store.customers.by_id(number)
    assert customer is not None
    assert api.store.credentials.run_context(customer).may_collect
    api.store.consents.give(customer, "form", expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert not api.store.credentials.run_context(customer).may_collect


def test_what_a_login_lacks_is_named_without_its_secrets(api: ApiServer) -> None:
    customer = api.client.post("/api/v2/customers", json={"utility": UTILITY}).json()["id"]
    path = f"/api/v2/customers/{customer}/login"
    for body, words in (
        ({"username": "a@b.example"}, "password must be a string"),
        ({"username": "a@b.example", "password": 7}, "password must be a string"),
        ({"username": "no mail", "password": "canary-pw-2"}, "user name"),
        ({"username": "a@b.example", "password": "canary\n2"}, "password"),
        ({"username": "a@b.example", "password": "x", "totp_secret": "!!"}, "TOTP secret"),
        ({"username": "a@b.example", "password": "x", "security_answers": ["x"]}, "security_answers"),
        ({"username": "a@b.example", "password": "x", "utility": "nowhere_power"}, "Did you mean"),
    ):
        refused = api.client.post(path, json=body)
        assert (refused.status_code, words in refused.json()["error_message"]) == (400, True), refused.text
        assert "canary" not in refused.text
