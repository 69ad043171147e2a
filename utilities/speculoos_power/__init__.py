"""Speculoos Power, the test utility after Bayou's; its portal is the one in `fake_utility/`."""

from meterfarm.utilities.speculoos_power.script import SpeculoosPower

UTILITY = SpeculoosPower()
