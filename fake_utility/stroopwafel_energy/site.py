"""The host of the single-page application: its one page, the hops of a sign-in, and signed documents."""

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from meterfarm.fake_utility.stroopwafel_energy.documents import bill_of, statement
from meterfarm.fake_utility.stroopwafel_energy.portal import company_of
from meterfarm.fake_utility.stroopwafel_energy.views import page


async def shell(request: Request) -> Response:
    """The page that any address has: the application's scripts make the rest."""
    return page(request, "shell.html")


async def signin_oidc(request: Request) -> Response:
    """From the identity provider; on by a form that posts itself, as the browser's own site."""
    async with request.form(max_files=0) as form:
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
    return page(request, "post.html", action="/session", fields=fields)


async def relay(request: Request) -> Response:
    """Between the identity provider and the application, on a third host: on by a form that posts itself."""
    async with request.form(max_files=0) as form:
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
    return page(
        request, "post.html", action=f"https://{company_of(request).brand.my}/signin-oidc", fields=fields
    )


async def session(request: Request) -> Response:
    """Into the application, which takes the code from the address."""
    async with request.form(max_files=0) as form:
        state, code = (quote(str(form.get(name, ""))) for name in ("state", "code"))
    return RedirectResponse(f"/auth/callback#state={state}&code={code}", 303)


async def document(request: Request) -> Response:
    """A bill by its signed address, which needs nothing else."""
    company = company_of(request)
    found = company.links.read(request.query_params.get("d", ""))
    customer = company.find(found[0]) if found else None
    bill = bill_of(customer, found[1], company.today) if customer and found else None
    if customer is None or found is None or bill is None:
        title, words = "This link has expired", "Close this window and open your bill again."
        return page(request, "message.html", status=403, title=title, words=words)
    content = statement(company.kept, company.brand, bill)
    company.serve_bill(customer, found[2])
    headers = {
        "Content-Disposition": 'inline; filename="statement.pdf"',
        "Cache-Control": "private, no-store",
    }
    return Response(content, media_type="application/pdf", headers=headers)
