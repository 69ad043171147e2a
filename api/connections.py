"""For companies with a form of their own: a customer's login, challenges, consent and runs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.background import BackgroundTask
from starlette.responses import Response

from meterfarm.api.answers import instant, json_answer
from meterfarm.api.auth import Company
from meterfarm.api.bodies import JsonObject, OptionalObject, described
from meterfarm.api.context import context_of
from meterfarm.api.error_responses import errors
from meterfarm.api.errors import ApiError
from meterfarm.api.fields import flag, instant_field, text_field
from meterfarm.api.models import connections as models
from meterfarm.api.references import CUSTOMER_ID, CustomerId, Number, find_customer, number
from meterfarm.mfa.port import Answer, Choice, Code, Resend
from meterfarm.records import LedgerItem, SecretKind
from meterfarm.services.challenges import answer_challenge, find_challenge, list_challenges
from meterfarm.services.consents import consent_status, give_consent, list_consents
from meterfarm.services.customers import UpdateCustomer, remove_customer, update_customer
from meterfarm.services.errors import InvalidRequest, NotFound
from meterfarm.services.runs import cancel_run, find_run, list_runs, refresh_customers, retry_run
from meterfarm.services.utilities import nearest_code, utility_code
from meterfarm.storage.customers import ConsentInfo
from meterfarm.storage.runs import ChallengeInfo, RunInfo, RunStory
from meterfarm.storage.store import CompanyStore

router = APIRouter(tags=["Connections"])
_BY_API = "api"
_BODY = ("request_invalid", "request_body_invalid", "request_too_large", "unsupported_content_type")
_MOST_RUNS = 1000
_FLAG = Query(json_schema_extra={"enum": ["true", "false"]})
_LIMIT = Query(
    description=f"At most so many, up to {_MOST_RUNS:,}.",
    json_schema_extra={"type": "integer", "minimum": 1, "maximum": _MOST_RUNS, "default": 30},
)


@router.post(
    "/customers/{id}/login",
    status_code=202,
    response_model=None,
    responses={
        202: {"model": models.QueuedRun},
        **errors(*CUSTOMER_ID, *_BODY, "utility_code_input_invalid", "conflict"),
    },
    openapi_extra=described(models.Login),
)
def give_login(request: Request, store: Company, id: CustomerId, body: JsonObject) -> Response:
    """Give a customer's login; a run that tries it is queued. They consent by having given it to you."""
    customer = find_customer(store, id)
    secrets = {SecretKind.PASSWORD: text_field(body, "password")}
    if body.get("totp_secret") is not None:
        secrets[SecretKind.TOTP_SECRET] = text_field(body, "totp_secret")
    answers = body.get("security_answers")
    if answers is None:
        answers = {}
    if not isinstance(answers, dict) or not all(isinstance(each, str) for each in answers.values()):
        raise ApiError("request_body_invalid", reason="security_answers must be strings by their questions")
    utility = None
    if body.get("utility") is not None:
        name = text_field(body, "utility")
        utility = utility_code(name)
        if utility is None:
            raise ApiError("utility_code_input_invalid", nearest=nearest_code(name[:200]))
    wanted = UpdateCustomer(text_field(body, "username"), None, secrets, answers, utility, method=_BY_API)
    changed = update_customer(store, customer, wanted)
    return _queued(request, {"run_id": changed.run}, 202)


@router.get(
    "/customers/{id}/challenges",
    response_model=None,
    responses={200: {"model": list[models.Challenge]}, **errors(*CUSTOMER_ID)},
)
def challenges(store: Company, id: CustomerId, open: Annotated[str | None, _FLAG] = None) -> Response:
    """What the customer's portal has asked, newest first; with `open=true` what waits for an answer."""
    customer = find_customer(store, id)
    found = list_challenges(store, only_open=flag(open, "open"))
    return json_answer([_challenge(each) for each in found if each.customer_id == customer.id])


@router.get(
    "/challenges/{id}",
    response_model=None,
    responses={200: {"model": models.Challenge}, **errors("object_not_found")},
)
def challenge(store: Company, id: Number) -> Response:
    """Get a challenge as it stands."""
    return json_answer(_challenge(find_challenge(store, number(id, "challenge"))))


@router.post(
    "/challenges/{id}/answer",
    response_model=None,
    responses={200: {"model": models.Challenge}, **errors("object_not_found", "conflict", *_BODY)},
    openapi_extra=described(models.GivenCode),
)
def answer(request: Request, store: Company, id: Number, body: JsonObject) -> Response:
    """Answer with a code, or with what the security question asks for."""
    return _answered(request, store, id, Code(text_field(body, "answer")))


@router.post(
    "/challenges/{id}/choose",
    response_model=None,
    responses={200: {"model": models.Challenge}, **errors("object_not_found", "conflict", *_BODY)},
    openapi_extra=described(models.ChosenFactor),
)
def choose(request: Request, store: Company, id: Number, body: JsonObject) -> Response:
    """Choose by which factor the code is to come."""
    factor = text_field(body, "factor")
    options = find_challenge(store, number(id, "challenge")).challenge.options
    chosen = next((option for option in options if option.factor.value == factor), None)
    if chosen is None:
        offered = ", ".join(option.factor.value for option in options) or "none"
        raise ApiError("conflict", reason=f"The factor must be one that is offered: {offered}.")
    return _answered(request, store, id, Choice(chosen))


@router.post(
    "/challenges/{id}/resend",
    response_model=None,
    responses={200: {"model": models.Challenge}, **errors("object_not_found", "conflict", *_BODY)},
)
def resend(request: Request, store: Company, id: Number) -> Response:
    """Have the portal send the code once more."""
    return _answered(request, store, id, Resend())


@router.get(
    "/customers/{id}/consent",
    response_model=None,
    responses={200: {"model": models.Consent}, **errors(*CUSTOMER_ID, "object_not_found")},
)
def consent(store: Company, id: CustomerId) -> Response:
    """What the customer has allowed, as it stands."""
    found = list_consents(store, find_customer(store, id))
    if not found:
        raise NotFound("The customer has given no consent yet.")
    return json_answer(_consent(found[0]))


@router.put(
    "/customers/{id}/consent",
    response_model=None,
    responses={200: {"model": models.Consent}, **errors(*CUSTOMER_ID, "conflict", *_BODY)},
    openapi_extra=described(models.GivenConsent, required=False),
)
def consent_given(store: Company, id: CustomerId, body: OptionalObject) -> Response:
    """Record what the customer allows from now on, and until when."""
    given = give_consent(
        store,
        find_customer(store, id),
        text_field(body, "method", _BY_API),
        terms_hash=text_field(body, "terms_hash", ""),
        expires_at=instant_field(body, "expires_at"),
    )
    return json_answer(_consent(given))


@router.delete(
    "/customers/{id}/consent",
    status_code=204,
    response_model=None,
    responses=errors(*CUSTOMER_ID, "conflict"),
)
def consent_revoked(
    store: Company, id: CustomerId, delete_data: Annotated[str | None, _FLAG] = None
) -> Response:
    """Revoke it. The login is erased for good, with `delete_data=true` all that was collected too."""
    remove_customer(store, find_customer(store, id), data=flag(delete_data, "delete_data"))
    return Response(status_code=204)


@router.get(
    "/customers/{id}/runs",
    response_model=None,
    responses={200: {"model": list[models.Run]}, **errors(*CUSTOMER_ID)},
)
def runs(store: Company, id: CustomerId, limit: Annotated[str | None, _LIMIT] = None) -> Response:
    """The customer's runs, newest first: what happens now, how the last ones ended, who must act."""
    customer = find_customer(store, id)
    if limit is not None and not (limit.isascii() and limit.isdigit() and 0 < int(limit[:9]) <= _MOST_RUNS):
        raise ApiError("parameter_invalid", parameter="limit", reason=f"write a number up to {_MOST_RUNS}")
    return json_answer([_run(each) for each in list_runs(store, limit=int(limit or 30), customer=customer)])


@router.post(
    "/customers/{id}/refresh",
    status_code=202,
    response_model=None,
    responses={202: {"model": models.QueuedRun}, **errors(*CUSTOMER_ID, "conflict")},
)
def refresh(request: Request, store: Company, id: CustomerId) -> Response:
    """Fetch what is new of the customer now."""
    refreshed = refresh_customers(store, [find_customer(store, id)])
    if refreshed.refused:
        raise ApiError("conflict", reason=refreshed.refused[0])
    return _queued(request, {"run_id": refreshed.runs[0] if refreshed.runs else None}, 202)


@router.get(
    "/runs/{id}",
    response_model=None,
    responses={200: {"model": models.RunDetails}, **errors("object_not_found")},
)
def run(store: Company, id: Number) -> Response:
    """A run, with what it listed and what became of each item."""
    return json_answer(_details(find_run(store, number(id, "run"))))


@router.post(
    "/runs/{id}/retry",
    status_code=202,
    response_model=None,
    responses={202: {"model": models.QueuedRun}, **errors("object_not_found", "conflict")},
)
def retry(request: Request, store: Company, id: Number) -> Response:
    """Queue what the run was for again."""
    return _queued(request, {"run_id": retry_run(store, number(id, "run"))}, 202)


@router.post(
    "/runs/{id}/cancel",
    response_model=None,
    responses={200: {"model": models.Run}, **errors("object_not_found", "conflict")},
)
def cancel(request: Request, store: Company, id: Number) -> Response:
    """Cancel a run; a worker that has it stops soon."""
    run_id = number(id, "run")
    cancel_run(store, run_id)
    workers = context_of(request).workers
    answer = json_answer(_run(find_run(store, run_id).run))
    answer.background = BackgroundTask(workers.of_cancellation, run_id) if workers else None
    return answer


def _answered(request: Request, store: CompanyStore, id: str, answer: Answer) -> Response:
    challenge_id = number(id, "challenge")
    try:
        answer_challenge(store, challenge_id, answer)
    except InvalidRequest as exc:
        raise ApiError("conflict", reason=str(exc)) from exc
    workers = context_of(request).workers
    response = json_answer(_challenge(find_challenge(store, challenge_id)))
    response.background = BackgroundTask(workers.of_answer, challenge_id) if workers else None
    return response


def _queued(request: Request, value: object, status: int) -> Response:
    """Workers are notified once the answer is out."""
    workers = context_of(request).workers
    response = json_answer(value, status)
    response.background = BackgroundTask(workers.of_queued_runs) if workers else None
    return response


def _challenge(found: ChallengeInfo) -> dict[str, Any]:
    asked = found.challenge
    return {
        "id": found.id,
        "customer_id": found.customer_id,
        "run_id": found.run_id,
        "state": found.state,
        "factor": asked.factor,
        "prompt": asked.prompt,
        "destination": asked.destination,
        "options": [
            {"factor": each.factor, "label": each.label, "destination": each.destination}
            for each in asked.options
        ],
        "error": asked.error,
        "attempts_left": asked.attempts_left,
        "can_resend": asked.can_resend,
        "answered_by": found.channel,
        "asked_at": instant(found.asked_at),
        "expires_at": instant(found.expires_at),
        "answered_at": instant(found.answered_at),
    }


def _run(found: RunInfo) -> dict[str, Any]:
    return {
        "id": found.id,
        "customer_id": found.customer_id,
        "kind": found.kind,
        "state": found.state,
        "outcome": found.outcome,
        "who_acts": found.outcome.who_acts if found.outcome else None,
        "message": found.message,
        "requested_at": instant(found.requested_at),
        "started_at": instant(found.started_at),
        "ended_at": instant(found.ended_at),
        "listed": found.listed,
        "stored": found.stored,
    }


def _details(found: RunStory) -> dict[str, Any]:
    return {
        **_run(found.run),
        "ledger": [_entry(item) for item in found.ledger],
        "challenges": [_challenge(each) for each in found.challenges],
    }


def _entry(item: LedgerItem) -> dict[str, Any]:
    became = "pending" if item.pending else "missing"
    if item.stored:
        became = "unread" if item.unread else "stored"
    return {
        "account_number": item.account_number,
        "item": item.item,
        "became": became,
        "reason": item.reason,
    }


def _consent(found: ConsentInfo) -> dict[str, Any]:
    return {
        "status": consent_status(found, datetime.now(UTC)),
        "scope": found.scope.split(),
        "method": found.method,
        "terms_hash": found.terms_hash,
        "granted_at": instant(found.granted_at),
        "expires_at": instant(found.expires_at),
        "revoked_at": instant(found.revoked_at),
    }
