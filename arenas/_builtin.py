"""Arenas' own entries. Each game lists its own in its ``entries.py``, without importing jax."""

from __future__ import annotations

from arenas import registry
from arenas.envs.colorgrid import entries as colorgrid
from arenas.envs.fightladder import entries as fightladder
from arenas.envs.hanabi import entries as hanabi
from arenas.envs.poker import entries as poker
from arenas.envs.rrps import entries as rrps
from arenas.envs.smax import entries as smax
from arenas.registry import AgentSpec, Family

ANY_GAME = (
    AgentSpec(
        name="random",
        entry_point="arenas.agents.uniform:RandomAgent",
        summary="Uniform over the legal actions.",
    ),
)

ENV_FAMILIES = (
    Family(
        prefix="jaxmarl/",
        entry_point="arenas.interop.jaxmarl:env_spec",
        names="arenas.interop.jaxmarl:env_names",
        summary="Any environment registered in JaxMARL, by its name there.",
    ),
    Family(
        prefix="open_spiel/",
        entry_point="arenas.interop.open_spiel:env_spec",
        names="arenas.interop.open_spiel:env_names",
        summary="Any sequential or simultaneous game of OpenSpiel, by its game string; host only.",
    ),
)

AGENT_FAMILIES = (
    Family(
        prefix="zoo/",
        entry_point="arenas.agents.zoo:agent_spec",
        names="arenas.agents.zoo:names",
        summary="Trained agents that ship with Arenas.",
        listed=True,
    ),
    Family(
        prefix="open_spiel/",
        entry_point="arenas.interop.open_spiel:agent_spec",
        names="arenas.interop.open_spiel:agent_names",
        summary="OpenSpiel's bots, on open_spiel/ environments.",
    ),
)


def register_all() -> None:
    """Register everything that ships with Arenas."""
    for game in (colorgrid, fightladder, hanabi, poker, rrps, smax):
        for env in game.ENVS:
            registry.envs.add(env)
        for agent in game.AGENTS:
            registry.agents.add(agent)
    for agent in ANY_GAME:
        registry.agents.add(agent)
    for family in ENV_FAMILIES:
        registry.envs.add_family(family)
    for family in AGENT_FAMILIES:
        registry.agents.add_family(family)
