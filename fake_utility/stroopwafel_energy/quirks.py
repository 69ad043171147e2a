"""What a company of this kind can do otherwise, and what a visit must come to all the same."""

from functools import partial

from meterfarm.fake_utility.kit.accounts import (
    with_another_number,
    with_meter_swapped,
    with_young_meters,
)
from meterfarm.fake_utility.kit.quirks import (
    Quirk,
    asked_for,
    each_account,
    gate,
    made,
    oddly,
    without_accounts,
)

QUIRKS = (
    # signing in
    Quirk("username-first", always=True),
    Quirk("decoy-submit"),
    Quirk("duplicate-fields"),
    Quirk("generated-names"),
    Quirk("auto-post-chain"),
    Quirk("typed-keys"),
    Quirk("cookie-banner", always=True),
    Quirk("locked-account", "account_locked", bend=gate("locked")),
    Quirk("password-change", "password_change_required", bend=gate("password")),
    Quirk("firewall", "blocked", bend=gate("firewall")),
    Quirk("captcha", "captcha", bend=gate("captcha")),
    Quirk("maintenance", "maintenance", bend=gate("maintenance")),
    # MFA
    Quirk("masked-choice", bend=asked_for(("email", "sms"))),
    Quirk("explicit-send", bend=asked_for(("sms",))),
    Quirk("voice-call", bend=asked_for(("email", "sms"), call=True)),
    Quirk("trusted-device", always=True, customer="text"),
    Quirk("enrolment-nag"),
    # session
    Quirk("short-tokens", bend=made(access_seconds=2)),
    Quirk("silent-expiry", bend=oddly(session_ends_after_bills=1)),
    Quirk("late-token"),
    # what stands in between
    Quirk("paperless-offer", bend=made(paperless=True)),
    Quirk("framed-survey"),
    Quirk("new-terms", "action_required", bend=gate("terms")),
    Quirk("confirm-contact"),
    Quirk("leaving-dialog"),
    Quirk("flickering-overlay"),
    # accounts and meters
    Quirk("no-picker", always=True),
    Quirk("paged-accounts", always=True, customer="many"),
    Quirk("number-formats", always=True),
    Quirk("closed-account", always=True, customer="many"),
    Quirk("no-account", "no_accounts", bend=without_accounts),
    Quirk("wrong-account-shown", customer="many"),
    Quirk(
        "renumbered-account",
        is_change=True,
        bend=each_account(with_another_number),
        since=lambda day: each_account(partial(with_another_number, since=day)),
    ),
    Quirk(
        "swapped-meter",
        bend=each_account(with_meter_swapped),
        since=lambda day: each_account(partial(with_meter_swapped, on=day)),
    ),
    # bills
    Quirk("encoded-bill"),
    Quirk("newest-bill-apart", always=True),
    Quirk("payments-between", always=True),
    Quirk("placeholder-bill", "partial", gaps=1, bend=oddly(placeholder_bill=1)),
    Quirk("capped-history", always=True),
    Quirk("same-file-name", always=True),
    # intervals
    Quirk("inert-dates", always=True),
    Quirk("lazy-frame", always=True),
    Quirk("export-cap", always=True),
    Quirk("clamped-dates", bend=each_account(with_young_meters)),
    Quirk("inclusive-ends", always=True),
    Quirk("csv-junk"),
    Quirk("clock-change"),
    Quirk("revised-hours", always=True),
    Quirk("missing-cost"),
    Quirk("json-guard", always=True),
    # pace
    Quirk("too-many-requests", "rate_limited", bend=gate("too_many_requests")),
)
