"""The portals of the nightly's matrix. One that joins is one entry more."""

from __future__ import annotations

from collections.abc import Sequence

from meterfarm.nightly.speculoos import Speculoos
from meterfarm.nightly.test_cases import NightlyPortal

PORTALS: Sequence[NightlyPortal] = (Speculoos(),)
