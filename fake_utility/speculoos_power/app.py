"""The portal as an ASGI application."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from meterfarm.fake_utility.kit.app import portal_app
from meterfarm.fake_utility.speculoos_power import account_pages, bill_pages, gates, mfa, sign_in, usage_pages
from meterfarm.fake_utility.speculoos_power.portal import Portal, message_page
from meterfarm.fake_utility.speculoos_power.visits import not_found

ACCOUNT = "/accounts/{number}"
ROUTES = [
    Route("/", sign_in.home),
    Route("/login", sign_in.login_page),
    Route("/login", sign_in.login, methods=["POST"]),
    Route("/logout", sign_in.logout, methods=["POST"]),
    Route("/mfa", mfa.mfa_page),
    Route("/mfa/choice", mfa.choose, methods=["POST"]),
    Route("/mfa/send", mfa.send, methods=["POST"]),
    Route("/mfa/verify", mfa.verify, methods=["POST"]),
    Route("/password-expired", gates.password_page),
    Route("/password-expired", gates.change_password, methods=["POST"]),
    Route("/terms", gates.terms_page),
    Route("/terms", gates.answer_terms, methods=["POST"]),
    Route("/robot-check", gates.captcha_page),
    Route("/robot-check", gates.answer_captcha, methods=["POST"]),
    Route("/welcome", gates.splash_page),
    Route("/enrolment", gates.enrolment_page),
    Route("/questions", gates.questionnaire_page),
    Route("/notice", gates.notice_page),
    Route("/notice", gates.answer_notice, methods=["POST"]),
    Route("/password-rules", gates.rules_page),
    Route("/accounts", account_pages.accounts_page),
    Route(ACCOUNT, account_pages.account_page),
    Route(f"{ACCOUNT}/bills", bill_pages.bills_page),
    Route(f"{ACCOUNT}/bills/{{bill}}.pdf", bill_pages.bill_document),
    Route(f"{ACCOUNT}/bills/{{bill}}/document", bill_pages.signed_document),
    Route(f"{ACCOUNT}/bills/{{bill}}/link", bill_pages.bill_link),
    Route(f"{ACCOUNT}/bills/{{bill}}/view", bill_pages.bill_viewer),
    Route(f"{ACCOUNT}/usage", usage_pages.usage_page),
    Route(f"{ACCOUNT}/usage/export", usage_pages.export),
]


async def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 404:
        return not_found(request)
    return message_page(request, "Not possible", "This page cannot be used that way.", status=status)


def make_app(portal: Portal) -> Starlette:
    """The portal as an ASGI application."""
    return portal_app(portal, ROUTES, handlers={HTTPException: _http_error})
