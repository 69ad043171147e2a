"""The controls that a visit must not touch, and those that a script needs."""

from __future__ import annotations

import pytest

from meterfarm.scrapers.page.dangerous_controls import is_dangerous


@pytest.mark.parametrize(
    "name",
    [
        *(
            "Pay",
            "Pay now",
            "Pay bill",
            "Pay my bill",
            "PAY $112.40",
            "View & pay bill",
            "Pay without signing in",
        ),
        *("Make a payment", "Make payment", "Submit payment", "Submit my payment", "Schedule a payment"),
        *("Schedule payment", "Confirm payment", "Authorize payment", "Send payment", "One-time payment"),
        *("Continue to payment", "Set up automatic payments", "Add payment method", "Quick payment"),
        *("AutoPay", "Auto Pay", "Auto-Pay", "Enroll in AutoPay", "Enrol", "Enrolment", "Unenroll"),
        *("Enroll me in budget billing", "Sign up for paperless billing", "Opt in", "Opt out", "Subscribe"),
        *("Cancel service", "Cancel my account", "Cancel my service", "Cancel AutoPay", "Cancel payment"),
        *("Cancel plan", "Yes, cancel", "Yes, cancel my service", "Confirm cancellation", "Cancel it anyway"),
        *("Stop my service", "Start service", "Transfer service", "Move my electric service", "Stop service"),
        *(
            "Disconnect service",
            "Close my account",
            "Close account",
            "Delete account",
            "Delete",
            "Remove meter",
        ),
        *("Deactivate", "Go paperless", "Switch to paperless", "Change my rate plan", "Switch plan"),
        *("I agree", "Agree and continue", "Accept", "I accept", "Accept and continue", "Accept & continue"),
        *(
            "Accept terms and conditions",
            "Accept all terms",
            "Accept cookies and terms",
            "I have read and agree",
        ),
        *("Agree to the terms of use and cookies policy", "I consent", "I acknowledge"),
        *(
            "Don't forget to pay now",
            "Make a payment due now",
            "Enroll now: payment history",
            "Buy now",
            "Purchase",
            "Place order",
            "Checkout",
            "Donate",
        ),
        *("Pagar ahora", "Realizar pago", "Acepto los términos", "Cancelar servicio", "Eliminar cuenta"),
        *("Payer ma facture", "J'accepte les conditions", "Résilier", "Jetzt bezahlen", "Vertrag kündigen"),
    ],
)
def test_what_costs_or_binds_is_dangerous(name: str) -> None:
    assert is_dangerous(name)
    assert is_dangerous(name.upper())
    assert is_dangerous(f" {name}\n")


@pytest.mark.parametrize(
    "name",
    [
        *("Sign in", "Continue", "Next", "Verify", "Submit", "Send code", "Resend code", "Log in", "Search"),
        *("View bill (PDF)", "Download my data", "Account 110011001100110", "Display", "Startseite", ""),
        *(
            "Bills & payments",
            "Bills and payments",
            "Billing & Payments",
            "Payments",
            "Payment",
            "View payments",
        ),
        *("Payment history", "View payment history", "Bill & payment history", "Payment activity"),
        *("Payment history and receipts", "Scheduled payments", "Past payments", "Ways to pay", "How to pay"),
        *("AutoPay status", "AutoPay history", "Enrollment status", "View enrollments", "Order history"),
        *(
            "Accept all cookies",
            "Accept cookies",
            "Accept All Cookies",
            "Allow all cookies",
            "I accept cookies",
        ),
        *("Accept recommended cookies", "Accept only necessary", "Agree to cookies", "Reject all", "Decline"),
        *(
            "Don't accept",
            "Don\N{RIGHT SINGLE QUOTATION MARK}t accept",
            "Do not accept",
            "Do not enroll me",
            "Don't cancel",
            "Not now",
        ),
        *(
            "Cancel",
            "CANCEL",
            "\N{MULTIPLICATION SIGN} Cancel",
            "Cancel and go back",
            "Cancel & return to bills",
            "Cancel export",
        ),
        *(
            "Close",
            "Close dialog",
            "Close menu",
            "Close this message",
            "Dismiss",
            "OK",
            "Got it",
            "No thanks",
        ),
        *("Stop paperless reminder", "Paperless billing", "Remove filters", "Remove all filters", "Apply"),
        *("Service address", "Start date", "My plan", "Rate details", "Terms of service", "Privacy policy"),
        *("Historial de pagos", "Mis pagos", "Aceptar todas las cookies", "Cancelar", "Iniciar sesión"),
        *("Accepter les cookies", "Alle Cookies akzeptieren", "Zahlungen", "Mes paiements", "Annuler"),
    ],
)
def test_what_a_script_needs_is_not(name: str) -> None:
    assert not is_dangerous(name)
    assert not is_dangerous(name.upper())
    assert not is_dangerous(f" {name}\n")
