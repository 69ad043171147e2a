"""The catalogue: who is in it, and by which names they are found, never another by mistake."""

from __future__ import annotations

import re

import pytest

from meterfarm.records import Factor, Part
from meterfarm.utilities import (
    UnknownUtility,
    UnsupportedUtility,
    directory,
    load_utility_named,
    utility_ids,
    why_unknown,
)
from meterfarm.utilities._families.opower.declarations import declarations
from meterfarm.utilities.catalogue import CatalogueEntry, Directory, as_key, known_utilities

ELECTRIC_CHOICE = {"baltimore_gas_and_electric", "commonwealth_edison"}
ATTRIBUTES = {
    "delmarva_power": "service_number",
    "nyseg": "pod_id",
    "pacific_gas_and_electric": "service_id",
    "pepco": "service_number",
    "potomac_edison": "customer_number",
    "southern_california_edison": "service_id",
    "xcel_energy": "premises_number",
}
ASKED = (
    *("BGE", "ComEd", "ConEd", "Delmarva Power", "Eversource", "JCP&L", "O&R", "PECO", "Pepco"),
    *("Potomac Edison", "PSEG New Jersey", "SDG&E", "Xcel Energy"),
)
FIRST_ENERGY = (
    *("Jersey Central Power and Light", "Metropolitan Edison", "Mon Power", "Ohio Edison", "Penelec"),
    *("Penn Power", "Potomac Edison", "The Illuminating Company", "Toledo Edison", "West Penn Power"),
)
INSTANT = (
    *("Arizona Public Service", "DTE Energy", "Kentucky Utilities", "Pacific Power", "Avista"),
    *("Georgia Power", "Madison Gas & Electric", "Rocky Mountain Power", "AEP Ohio"),
    *("Central Maine Power", "Dominion Energy Virginia", "Evergy", "PPL Electric"),
    *("Rochester Gas and Electric", "Versant Power"),
)


def _named(name: str) -> CatalogueEntry:
    entry = directory().find(name)
    assert entry is not None, name
    return entry


@pytest.mark.parametrize(
    ("name", "code"),
    [
        *((name, "jersey_central_power_and_light") for name in ("JCPL", "JCP&L", "jcp & l")),
        *((name, "baltimore_gas_and_electric") for name in ("BGE", "BG&E", "Baltimore Gas & Electric")),
        *((name, "con_edison") for name in ("Con Ed", "ConEd", "con-edison", "CON EDISON", "con_edison")),
        *((name, "san_diego_gas_and_electric") for name in ("SDGE", "SDG&E", "San Diego Gas and Electric")),
        *((name, "commonwealth_edison") for name in ("ComEd", "Com Ed", "commonwealth_edison")),
        *((name, "speculoos_power") for name in ("Speculoos", "Speculoos-Power", "speculoos_power")),
        ("O&R", "orange_and_rockland"),
        ("PG&E", "pacific_gas_and_electric"),
        ("SCE", "southern_california_edison"),
        ("DEMO", "demo"),
        ("AES Indiana", "aes_indiana"),
        ("Seattle City Light", "seattle_city_light"),
    ],
)
def test_a_utility_is_found_by_any_of_its_names(name: str, code: str) -> None:
    assert _named(name).id == code


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("comonwealth_edison", "did you mean commonwealth_edison?"),
        ("seatle city light", "did you mean seattle_city_light?"),
        ("Baltimore", "did you mean baltimore_gas_and_electric?"),
        ("PGE", "did you mean pacific_gas_and_electric?"),
        ("FirstEnergy", "several are called so, name one of them: jersey_central_power_and_light, metro"),
        ("zzzz", "`utilities --all` lists those that are known."),
        ("", "`utilities --all` lists"),
        ("x" * 100_000, "lists those that are known"),
    ],
)
def test_what_is_only_like_a_name_finds_none_and_names_the_nearest(name: str, sentence: str) -> None:
    """Another company may be called so: PGE is Portland's."""
    assert directory().find(name) is None
    assert sentence in why_unknown(name)
    assert len(why_unknown(name)) < 500
    with pytest.raises(UnknownUtility):
        load_utility_named(name)


def test_a_name_that_two_have_finds_neither() -> None:
    both = [CatalogueEntry("a_power", "A Power", ("Same",)), CatalogueEntry("b_power", "B", ("same",))]
    found = Directory(both)
    assert found.find("SAME") is None
    assert [entry.id for entry in found.called("SAME")] == ["a_power", "b_power"]


def test_every_name_in_the_data_is_one_utilitys_and_every_id_is_well_formed() -> None:
    keys = [key for entry in known_utilities().values() for key in set(map(as_key, entry.names))]
    assert len(keys) == len(set(keys))
    assert all(re.fullmatch(r"[a-z][a-z0-9_]{0,63}", code) for code in known_utilities())
    scripts = set(utility_ids()) - set(declarations())
    assert not scripts & set(known_utilities()), "a script needs no line in the data"


def test_the_catalogue_has_what_is_known_of_mfa_velocity_and_meters() -> None:
    assert {_named(name).mfa for name in ASKED} == {"asked"}
    assert {_named(name).velocity for name in (*ASKED, *INSTANT)} == {"instant"}
    assert {_named(name).group for name in FIRST_ENERGY} == {"FirstEnergy"}
    for entry in directory().entries():
        if entry.id in ELECTRIC_CHOICE:
            assert entry.electric_meter_attributes == ("electric_choice_id",)
        elif entry.id in known_utilities():
            expected = ATTRIBUTES.get(entry.id)
            assert list(entry.meter_attributes) == ([expected] if expected else [])
            assert not entry.electric_meter_attributes
    assert _named("AES Indiana").account_meter == "All meters for customer account"


def test_what_a_script_declares_is_in_the_catalogue_with_no_other_file() -> None:
    speculoos = _named("speculoos_power")
    assert (speculoos.factors, speculoos.parts) == (frozenset(Factor), frozenset(Part))
    assert (speculoos.meter_attributes, speculoos.velocity) == (("service_number",), "instant")
    assert {entry.id for entry in directory().entries()} == {*utility_ids(), *known_utilities()}


def test_a_known_utility_without_a_script_is_refused_in_a_sentence() -> None:
    with pytest.raises(
        UnsupportedUtility, match=r"^Xcel Energy \(xcel_energy\) is not supported yet: there is"
    ):
        load_utility_named("Xcel")
