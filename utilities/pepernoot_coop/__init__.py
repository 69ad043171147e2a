"""Pepernoot Co-op: `UTILITY` is its script, as the registry finds it."""

from meterfarm.utilities.pepernoot_coop.script import PepernootCoop

UTILITY = PepernootCoop()
