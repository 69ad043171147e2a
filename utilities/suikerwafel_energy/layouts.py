"""The tables in Suikerwafel's exports: those of its sister."""

from meterfarm.utilities.stroopwafel_energy.layouts import LAYOUTS

__all__ = ["LAYOUTS"]
