"""Suikerwafel Power & Light, a sister company of Stroopwafel Energy."""

from meterfarm.utilities.suikerwafel_energy.script import SuikerwafelEnergy

UTILITY = SuikerwafelEnergy()
