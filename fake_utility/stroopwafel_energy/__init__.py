"""Stroopwafel Energy: an identity provider on a host of its own, a single-page application behind it.

A sister company is a folder with another brand (`company.py`).
"""

from meterfarm.fake_utility.stroopwafel_energy.brand import Brand, Colours
from meterfarm.fake_utility.stroopwafel_energy.company import portal

PORTAL = portal(
    Brand(
        id="stroopwafel_energy",
        name="Stroopwafel Energy",
        first="Stroopwafel",
        second="Energy",
        domain="stroopwafel.example",
        tenant="stroopwafelcustomers.onmicrosoft.com",
        phone="1-800-555-0177",
        sms_sender="+18885550177",
        address="24 Canal Street, Gouda, NY 12450",
        tagline="Warm homes, layer by layer.",
        pitch="Gas and power for the Hudson Valley since 1924. Bills and every quarter-hour in My Account.",
        colours=Colours(
            deep="#0f3d63",
            deeper="#0a2943",
            amber="#e39a2d",
            amber_dark="#8a4b12",
            cream="#fbf7ef",
            mist="#e9f0f6",
        ),
    ),
    shown=("sanne", "mail", "text", "choice", "many"),
)
