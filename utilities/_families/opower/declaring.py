"""Writes ``declared.toml`` from the library that is installed: ``python -m`` this module prints it.

What the library does not say stands here: our ids, and hosts that are seen only under way. A utility that the
library serves and that is in neither table is refused, so that a newer library is looked at.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from meterfarm.utilities.catalogue import known_utilities

IDS: Mapping[str, str] = {
    "AEPOHio": "aep_ohio",
    "AEPTexas": "aep_texas",
    "AESIndiana": "aes_indiana",
    "AppalachianPower": "appalachian_power",
    "AtlanticCityElectric": "atlantic_city_electric",
    "BGE": "baltimore_gas_and_electric",
    "BurbankWaterAndPower": "burbank_water_and_power",
    "ClarkPublicUtilities": "clark_public_utilities",
    "ComEd": "commonwealth_edison",
    "ConEd": "con_edison",
    "Delmarva": "delmarva_power",
    "DuquesneLight": "duquesne_light",
    "Evergy": "evergy",
    "Eversource": "eversource",
    "GlendaleWaterAndPower": "glendale_water_and_power",
    "IndianaMichiganPower": "indiana_michigan_power",
    "KentuckyPower": "kentucky_power",
    "Nipsco": "nipsco",
    "Oru": "orange_and_rockland",
    "PECO": "peco",
    "PGE": "pacific_gas_and_electric",
    "PSE": "puget_sound_energy",
    "PSOklahoma": "public_service_company_of_oklahoma",
    "Pepco": "pepco",
    "RhodeIslandEnergy": "rhode_island_energy",
    "SCL": "seattle_city_light",
    "SMECO": "southern_maryland_electric_cooperative",
    "SMUD": "sacramento_municipal_utility_district",
    "SWEPCO": "southwestern_electric_power_company",
    "SouthwestGas": "southwest_gas",
}
"""Our ids by what the library calls its classes."""
LEFT_OUT: Mapping[str, str] = {
    "COAUtilities": "the library has no readings of it, only what bills cost",
}
"""Those that are not declared, and why."""
_MORE_HOSTS: Mapping[str, Sequence[str]] = {"ConEd": ["*.okta.com"], "Oru": ["*.okta.com"]}
"""The library follows where these lead: to an identity provider of the Okta kind, which it does not name."""
_HOMES: Mapping[str, str] = {"Eversource": "www.eversource.com", "SMUD": "myaccount.smud.org"}
"""Of those whose module names another host first."""
_ADDRESS = re.compile(r"https://([a-z0-9-]+(?:\.[a-z0-9-]+)+)")
_NO_PORTAL = ("wikipedia.org", "reddit.com", "www.okta.com", "opower.com")
_DATA = "opower.com"
_METHODS = ("hostname", "login_domain", "eu_domain")
_IN_BRACKETS = re.compile(r"^(.*?)\s*\((.*)\)$")


@dataclass(frozen=True, slots=True)
class _FromLibrary:
    utility_id: str
    name: str
    aliases: Sequence[str]
    hosts: Sequence[str]
    home: str


def as_toml() -> str:
    """The whole of ``declared.toml``.

    Raises:
        LookupError: the library serves one that is not named here.
    """
    from opower import get_supported_utilities

    classes = {kind.__name__: kind for kind in get_supported_utilities()}
    if unknown := sorted(classes.keys() - IDS.keys() - LEFT_OUT.keys()):
        raise LookupError(f"the library serves {', '.join(unknown)}; give ids in {__name__}")
    head = "# Written by declaring.py from the library opower; not by hand.\n"
    tables = (_table(name, classes[name]) for name in sorted(IDS, key=lambda name: IDS[name]))
    return head + "".join(f"\n{table}" for table in tables)


def _table(name: str, kind: Any) -> str:
    found = _found(name, kind)
    lines = [
        f"[{found.utility_id}]",
        f"name = {_quoted(found.name)}",
        *([f"aliases = {_quoted(list(found.aliases))}"] if found.aliases else []),
        f"class = {_quoted(name)}",
        f"zone = {_quoted(kind.timezone())}",
        f"home = {_quoted(found.home)}",
        f"hosts = {_quoted(list(found.hosts))}",
        *(["takes_totp = true"] if kind.accepts_totp_secret() else []),
        *(["keeps_login = true"] if "Exelon" in {base.__name__ for base in kind.__mro__} else []),
    ]
    return "\n".join(lines) + "\n"


def _found(name: str, kind: Any) -> _FromLibrary:
    known = known_utilities().get(IDS[name])
    in_brackets = _IN_BRACKETS.match(kind.name())
    plain, short = in_brackets.groups() if in_brackets else (kind.name(), "")
    aliases = [] if known else [short] * bool(short)
    own = list(dict.fromkeys(_hosts_of(kind)))
    data = _data_host(kind)
    domains = [f"*.{_domain(host)}" for host in own if _domain(host) not in _shared(host)]
    shared = [host for host in own if _domain(host) in _shared(host)]
    hosts = dict.fromkeys([*domains, *shared, *_MORE_HOSTS.get(name, ()), data])
    home = _HOMES.get(name) or (own[0] if own else data)
    return _FromLibrary(IDS[name], known.name if known else plain, aliases, list(hosts), f"https://{home}")


def _shared(host: str) -> Sequence[str]:
    """Domains that many companies have hosts below: of these the host alone is meant."""
    return [domain for domain in ("okta.com", "oraclecloud.com") if host.endswith(f".{domain}")]


def _hosts_of(kind: Any) -> Iterator[str]:
    """By what the library names: first what its class says, then what stands in its modules."""
    for method in _METHODS:
        if hasattr(kind, method):
            host = getattr(kind, method)()
            yield f"www.{host}" if method == "hostname" else host
    for base in kind.__mro__:
        if base.__module__.startswith("opower.utilities.") and not base.__module__.endswith(".base"):
            source = inspect.getsource(sys.modules[base.__module__])
            if base.__name__ != "Exelon":
                yield from (host for host in _ADDRESS.findall(source) if not host.endswith(_NO_PORTAL))


def _domain(host: str) -> str:
    return ".".join(host.split(".")[-2:])


def _data_host(kind: Any) -> str:
    made = kind()
    try:
        name = made.subdomain()
    except Exception as exc:
        if type(exc).__name__ != "CannotConnect":
            raise
        return f"*.{_DATA}"
    return f"{'dss-' if made.is_dss() else ''}{name}.{_DATA}"


def _quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    sys.stdout.write(as_toml())
