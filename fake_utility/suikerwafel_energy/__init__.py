"""Suikerwafel Power & Light: the portal of its sister Stroopwafel Energy, by another name."""

from meterfarm.fake_utility.stroopwafel_energy.brand import Brand, Colours
from meterfarm.fake_utility.stroopwafel_energy.company import portal

PORTAL = portal(
    Brand(
        id="suikerwafel_energy",
        name="Suikerwafel Power & Light",
        first="Suikerwafel",
        second="Power & Light",
        domain="suikerwafel.example",
        tenant="suikerwafelcustomers.onmicrosoft.com",
        phone="1-800-555-0188",
        sms_sender="+18885550188",
        address="8 Sugar Loaf Road, Liege, NY 13060",
        tagline="A little light, a lot of sweetness.",
        pitch="Power and gas around the Finger Lakes. Bills and every quarter-hour in My Account.",
        colours=Colours(
            deep="#7a1746",
            deeper="#4d0c2b",
            amber="#f2b8c6",
            amber_dark="#a3476b",
            cream="#fdf6f8",
            mist="#fbe9ef",
        ),
    ),
    shown=("sanne",),
)
