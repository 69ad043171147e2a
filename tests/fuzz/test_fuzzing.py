"""Every reader stands some hundred damaged files; and what reads them notices when one does not."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

import pytest

from tests.fuzz import running
from tests.fuzz.mutate import MOST_BYTES, made
from tests.fuzz.running import fuzz, targets

INPUTS = 400
SECONDS = 120.0
"""At most, on a machine that has other work."""
SEED = 20_261_122


@pytest.mark.parametrize("target", targets())
def test_no_damage_crashes_a_reader_or_hangs_it_or_takes_its_memory(target: str, tmp_path: Path) -> None:
    fuzzed = fuzz(target, SEED, SECONDS, tmp_path, most=INPUTS)
    assert not fuzzed.failures, str(fuzzed)
    assert fuzzed.inputs == INPUTS


def test_an_input_is_told_by_its_seed_and_number() -> None:
    seeds = [b"one,1\ntwo,2\n", b"<a><b>3</b></a>"]
    inputs = [made(seeds, 7, number) for number in range(300)]
    assert inputs[:2] == seeds
    assert inputs == [made(seeds, 7, number) for number in range(300)]
    assert inputs != [made(seeds, 8, number) for number in range(300)]
    assert len(set(inputs)) > 150
    assert max(map(len, inputs)) <= MOST_BYTES


_BAD = """
import ctypes
SEEDS = [b"fine", b"crash", b"hang", b"eat", b"die"]
calls = 0
def one(data):
    global calls
    calls += 1
    if calls <= len(SEEDS):
        return
    if data == b"crash":
        raise KeyError("of ours")
    while data == b"hang":
        pass
    if data == b"eat":
        bytearray(1 << 30)
    if data == b"die":
        ctypes.string_at(0)
"""
"""Misbehaves in every way there is, once it has read its samples."""


def test_whatever_goes_wrong_is_found_and_its_input_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "tests" / "fuzz"
    package.mkdir(parents=True)
    for name in ("child.py", "mutate.py"):
        shutil.copy(Path(running.__file__).parent / name, package)
    (package / "fuzz_bad.py").write_text(_BAD)
    spec = importlib.util.spec_from_file_location("tests.fuzz.fuzz_bad", package / "fuzz_bad.py")
    assert spec is not None
    monkeypatch.setitem(sys.modules, "tests.fuzz.fuzz_bad", bad := importlib.util.module_from_spec(spec))
    assert spec.loader is not None
    spec.loader.exec_module(bad)
    fuzzed = fuzz("bad", SEED, 30.0, tmp_path / "found", root=tmp_path, longest=1.0, enough=4)
    found = {one.file.read_bytes(): one.what for one in fuzzed.failures}
    assert found[b"crash"].startswith("KeyError")
    assert "more than 1 s" in found[b"hang"]
    assert found[b"eat"].startswith("MemoryError")
    assert found[b"die"] == "ended with status -11"
    assert b"fine" not in found
