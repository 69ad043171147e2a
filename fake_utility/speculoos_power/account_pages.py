"""The account picker and an account's overview."""

from starlette.responses import RedirectResponse, Response

from meterfarm.fake_utility.kit.accounts import Account
from meterfarm.fake_utility.kit.bars import daily_bars
from meterfarm.fake_utility.speculoos_power.documents import listed_bills
from meterfarm.fake_utility.speculoos_power.visits import Visit, inside, inside_account


@inside
def accounts_page(visit: Visit) -> Response:
    """The list of accounts, or the only one's page."""
    accounts = visit.customer.accounts
    if len(accounts) == 1:
        return RedirectResponse(f"/accounts/{accounts[0].number}", 303)
    template = "accounts.html" if accounts else "no_accounts.html"
    return visit.kept_page(template, lambda: {"accounts": accounts})


@inside_account
def account_page(visit: Visit, account: Account) -> Response:
    """An account's overview."""
    today = visit.portal.today
    return visit.kept_page(
        "account.html",
        lambda: {
            "account": account,
            "latest": next(iter(listed_bills(visit.customer, account, today)), None),
            "charts": [] if account.new else [daily_bars(meter, today) for meter in account.meters],
        },
    )
