"""Our Hanabi against OpenSpiel's and JaxMARL's; ``benchmarks/hanabi_parity.py`` has more games."""

from __future__ import annotations

import importlib.util
import pathlib
import sys

import pytest

PATH = pathlib.Path(__file__).parents[2] / "benchmarks" / "hanabi_parity.py"


@pytest.fixture(scope="module")
def parity():
    spec = importlib.util.spec_from_file_location("hanabi_parity", PATH)
    module = importlib.util.module_from_spec(spec)
    sys.modules["hanabi_parity"] = module  # dataclasses look it up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["hanabi_parity"]


@pytest.mark.parametrize(
    ("id", "players"), [("hanabi-v0", 2), ("hanabi-v0", 5), ("hanabi-small-v0", 3)]
)
def test_every_position_is_openspiels(parity, id, players):
    for agents, least in (("random", 5), ("random-late", 10)):
        env, games = parity.play(id, players, agents, 1, "canonical", 32)
        counts = parity.against_open_spiel(parity.open_spiel_name(env.rules), games)
        assert counts["moves"] >= 32 * least
        assert not any(parity.mismatches(counts).values()), counts


def test_a_wrong_bit_is_found(parity):
    env, games = parity.play("hanabi-v0", 2, "random", 1, "canonical", 32)
    name = parity.open_spiel_name(env.rules)
    for field in ("observation", "mask", "reward", "terminated", "acting"):
        wrong = games.part(slice(0, 1))
        values = getattr(wrong, field).copy()
        third = (0, 2) + (0,) * (values.ndim - 2)  # the position after two moves
        values[third] = not values[third] if field != "reward" else values[third] + 1
        setattr(wrong, field, values)
        assert any(parity.mismatches(parity.against_open_spiel(name, wrong)).values()), field


@pytest.mark.slow
def test_every_position_is_jaxmarls(parity):
    for agents in ("random", "random-late"):
        env, games = parity.play("hanabi-v0", 2, agents, 2, "v0_belief", 32)
        counts, furthest = parity.against_jaxmarl(env, games)
        apart = counts.pop("observation after the end")
        assert counts["moves"] > 300 and apart <= 32
        assert not any(parity.mismatches(counts).values()), counts
        assert furthest <= parity.BELIEF_TOLERANCE
