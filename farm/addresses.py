"""Where the portals are that this machine visits."""

from __future__ import annotations

from meterfarm.farm.settings import PORTAL_URLS, FarmSettings
from meterfarm.scrapers.utility import Utility


def portal_address(utility: Utility, settings: FarmSettings) -> str:
    """Where to visit the portal: as set, else its public address, else where it is in development; "" if
    none of them says."""
    return settings.portal_url(utility.id) or utility.home or utility.local_url


def without_address(utility: Utility) -> str:
    """What to say of a portal whose address nobody has set."""
    return (
        f"Where {utility.name} is has not been set: set "
        f"{PORTAL_URLS}={utility.id}=https://..., with its address, where the workers run."
    )
