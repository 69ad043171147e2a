"""What Speculoos Power can do otherwise, and what a visit must come to all the same."""

from meterfarm.fake_utility.kit.quirks import Quirk, asked_for, gate, oddly, without_accounts
from meterfarm.fake_utility.speculoos_power.customers import QUESTION, TEXT_OR_MAIL, TOTP_SECRET

QUIRKS = (
    # signing in
    Quirk("csrf-pair", always=True),
    Quirk("signed-redirect"),
    Quirk("fails-first", "portal_down", then="complete"),
    Quirk("locks-on-retry", "bad_credentials", then="bad_credentials"),
    Quirk("locked-account", "account_locked", bend=gate("locked")),
    Quirk("false-password-rules"),
    Quirk("password-change", "password_change_required", bend=gate("password")),
    Quirk("new-enrolment", "action_required", bend=gate("enrolment")),
    Quirk("firewall", "blocked", bend=gate("firewall")),
    Quirk("captcha", "captcha", bend=gate("captcha")),
    Quirk("captcha-at-export", "captcha"),
    Quirk("maintenance", "maintenance", bend=gate("maintenance")),
    Quirk("renamed-field", bend=asked_for(("sms",))),
    # MFA
    Quirk("masked-choice", bend=asked_for(*TEXT_OR_MAIL)),
    Quirk("code-already-sent", bend=asked_for(("sms",))),
    Quirk("explicit-send", bend=asked_for(("sms",))),
    Quirk("question-as-code", bend=asked_for(("question",), question=QUESTION)),
    Quirk("used-code", bend=asked_for(("totp",), totp_secret=TOTP_SECRET)),
    Quirk("short-challenge", bend=asked_for(("sms",))),
    Quirk("trusted-device", always=True, customer="ineedmfa+text_message"),
    Quirk("enrolment-nag"),
    Quirk("mfa-overnight", "mfa_required", is_change=True, bend=asked_for(("sms",))),
    Quirk("mail-undelivered", bend=asked_for(*TEXT_OR_MAIL)),
    Quirk("two-challenges", bend=asked_for(*TEXT_OR_MAIL, ("question",), question=QUESTION)),
    # session
    Quirk("session-limit"),
    Quirk("silent-expiry", bend=oddly(session_ends_after_bills=1)),
    Quirk("stale-cookies", is_change=True),
    # what stands in between
    Quirk("paperless-offer"),
    Quirk("new-terms", "action_required", bend=gate("terms")),
    Quirk("questionnaire", "action_required", bend=gate("questionnaire")),
    Quirk("confirm-contact"),
    # accounts and meters
    Quirk("no-picker", always=True),
    Quirk("no-account", "no_accounts", bend=without_accounts),
    # bills
    Quirk("bill-download"),
    Quirk("bill-popup"),
    Quirk("bill-blob"),
    Quirk("bill-viewer"),
    Quirk("placeholder-bill", "partial", gaps=1, bend=oddly(placeholder_bill=0)),
    Quirk("corrected-bill"),
    Quirk("several-periods"),
    Quirk("late-bills"),
    Quirk("same-file-name", always=True),
    # intervals
    Quirk("clock-change", always=True),
    Quirk("revised-hours", always=True),
    Quirk("one-endpoint-down", "partial", gaps=1),
    # pace
    Quirk("too-many-requests", "rate_limited", bend=gate("too_many_requests")),
    Quirk("banned-address", "blocked"),
    Quirk("slow-page"),
)
