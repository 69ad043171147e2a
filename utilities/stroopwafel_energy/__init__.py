"""Stroopwafel Energy, of the family of Azure AD B2C; its portal is the one in `fake_utility/`."""

from meterfarm.utilities.stroopwafel_energy.script import StroopwafelEnergy

UTILITY = StroopwafelEnergy()
