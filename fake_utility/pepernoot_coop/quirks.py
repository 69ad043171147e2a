"""What Pepernoot Co-op can do otherwise, and what a visit must come to all the same."""

from meterfarm.fake_utility.kit.quirks import Quirk, asked_for, gate, oddly, without_accounts
from meterfarm.fake_utility.pepernoot_coop.customers import TOTP_SECRET

QUIRKS = (
    # signing in
    Quirk("locked-account", "account_locked", bend=gate("locked")),
    Quirk("password-change", "password_change_required", bend=gate("password")),
    Quirk("firewall", "blocked", bend=gate("firewall")),
    Quirk("captcha", "captcha", bend=gate("captcha")),
    Quirk("maintenance", "maintenance", bend=gate("maintenance")),
    Quirk("page-for-data", "unknown_page"),
    # MFA
    Quirk("code-with-password", bend=asked_for(("totp",), totp_secret=TOTP_SECRET)),
    # session
    Quirk("silent-expiry", bend=oddly(session_ends_after_bills=1)),
    # what stands in between
    Quirk("new-terms", "action_required", bend=gate("terms")),
    # accounts and meters
    Quirk("closed-account", always=True, customer="moved"),
    Quirk("no-account", "no_accounts", bend=without_accounts),
    # bills
    Quirk("payments-between", always=True),
    Quirk("placeholder-bill", "partial", gaps=1, bend=oddly(placeholder_bill=0)),
    Quirk("same-file-name", always=True),
    # intervals
    Quirk("export-job", always=True, customer="export-failed"),
    Quirk("export-cap", always=True),
    Quirk("local-epoch", always=True),
    Quirk("hour-ending", always=True),
    Quirk("clock-change", always=True),
    Quirk("early-zeros", always=True),
    Quirk("null-hours"),
    Quirk("json-guard", always=True),
    # pace
    Quirk("too-many-requests", "rate_limited", bend=gate("too_many_requests")),
)
