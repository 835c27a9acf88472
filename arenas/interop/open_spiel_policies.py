"""Policies of OpenSpiel as agents, and agents as tabular policies of OpenSpiel.

Importing this imports pyspiel.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pyspiel

from arenas.agent import Agent, DeviceAgent
from arenas.agents.tabular import TabularAgent
from arenas.errors import BadArgument
from arenas.interop.open_spiel import OpenSpielEnv, load_game

MOST_HISTORIES = 2_000_000
"""A game with more than this is not enumerated."""


@dataclasses.dataclass
class InformationState:
    """What a player knows when it is to act.

    Attributes:
        player: who acts.
        name: OpenSpiel's information state string.
        observation: what our environment shows the player there.
        legal: bool ``[K]``.
        parent: index of the player's previous information state, or −1.
        depth: number of its decisions before.
    """

    player: int
    name: str
    observation: np.ndarray
    legal: np.ndarray
    parent: int
    depth: int


def game_of(env: Any) -> tuple[pyspiel.Game, str]:
    """OpenSpiel's equal of an environment, and which of its tensors the agents observe.

    Raises:
        BadArgument: there is none, or one that cannot be enumerated by information states.
    """
    if isinstance(env, OpenSpielEnv):
        game, view = env.game, env.observation
    elif env.open_spiel is not None:
        game, view = load_game(env.open_spiel), "information_state"
    else:
        raise BadArgument(
            f"{env!r} is no game of OpenSpiel, which alone are enumerated; accepted are kuhn-v0, "
            "leduc-v0 and open_spiel/ games"
        )
    kind = game.get_type()
    if kind.dynamics != pyspiel.GameType.Dynamics.SEQUENTIAL:
        raise BadArgument(f"{kind.short_name!r} is not sequential; accepted are sequential games")
    if kind.chance_mode == pyspiel.GameType.ChanceMode.SAMPLED_STOCHASTIC:
        raise BadArgument(f"{kind.short_name!r} samples its chance; accepted is explicit chance")
    if not kind.provides_information_state_string:
        raise BadArgument(f"{kind.short_name!r} has no information states in OpenSpiel")
    return game, view


def information_states(env: Any) -> list[InformationState]:
    """All information states of the game, those of fewer decisions first.

    Raises:
        BadArgument: the game is too large, or a player forgets (no perfect recall).
    """
    game, view = game_of(env)
    found: list[InformationState] = []
    index: dict[tuple[int, str], int] = {}
    players, actions = game.num_players(), game.num_distinct_actions()
    histories = 0
    stack = [(game.new_initial_state(), (-1,) * players)]
    while stack:
        state, last = stack.pop()
        histories += 1
        if histories > MOST_HISTORIES:
            raise BadArgument(
                f"{game.get_type().short_name!r} has more than {MOST_HISTORIES:,} histories: too "
                "many to enumerate; see arenas exploit for a lower bound by training"
            )
        if state.is_terminal():
            continue
        if not state.is_chance_node():
            player = state.current_player()
            name = state.information_state_string(player)
            at = index.get((player, name))
            if at is None:
                at = index[player, name] = len(found)
                seen = np.asarray(getattr(state, f"{view}_tensor")(player), np.float32)
                legal = np.zeros(actions, bool)
                legal[state.legal_actions()] = True
                parent = last[player]
                depth = found[parent].depth + 1 if parent >= 0 else 0
                shape = env.observation_space.shape
                found.append(
                    InformationState(player, name, seen.reshape(shape), legal, parent, depth)
                )
            elif found[at].parent != last[player]:
                raise BadArgument(
                    f"{game.get_type().short_name!r} is not of perfect recall: player {player} "
                    f"forgets how it came to {name!r}"
                )
            last = (*last[:player], at, *last[player + 1 :])
        stack += [(state.child(a), last) for a in reversed(state.legal_actions())]
    order = sorted(range(len(found)), key=lambda i: found[i].depth)
    place = {old: new for new, old in enumerate(order)} | {-1: -1}
    return [dataclasses.replace(found[i], parent=place[found[i].parent]) for i in order]


def tabular_policy(env: Any, agents: Sequence[Agent]) -> pyspiel.TabularPolicy:
    """The joint policy of the agents as a table: their probabilities in each information state.

    Recurrent agents are asked along the sequence of what they would have observed on the way.
    Probabilities are normalised in float64.

    Args:
        env: the environment; see :func:`game_of`.
        agents: of each seat.

    Raises:
        BadArgument: an agent tells no probabilities, or draws at the start of an episode what it
            does later, so that no table holds it; a game that is not enumerated.
    """
    states = information_states(env)
    table: list[np.ndarray] = [np.zeros(0)] * len(states)
    for seat, agent in enumerate(agents):
        if not isinstance(agent, DeviceAgent):
            raise BadArgument(f"agent {agent.name!r} runs on the host and tells no probabilities")
        starts = [agent.init(jax.random.key(i), jnp.int32(seat)) for i in range(2)]
        same = jax.tree.map(lambda a, b: bool(jnp.array_equal(a, b)), *starts)
        if not all(jax.tree.leaves(same)):
            raise BadArgument(
                f"agent {agent.name!r} draws at the start of an episode what it does later; a "
                "table holds agents that draw each action by itself"
            )
        ask = jax.jit(jax.vmap(agent.probabilities, (None, 0, 0, 0)))
        mine = [i for i, s in enumerate(states) if s.player == seat]
        before: dict[int, int] = {-1: 0}
        carries = jax.tree.map(lambda x: jnp.asarray(x)[None], starts[0])
        for depth in sorted({states[i].depth for i in mine}):
            here = [i for i in mine if states[i].depth == depth]
            rows = np.array([before[states[i].parent] for i in here])
            carries, answers = ask(
                agent.params,
                jax.tree.map(lambda x, rows=rows: x[rows], carries),
                np.stack([states[i].observation for i in here]),
                np.stack([states[i].legal for i in here]),
            )
            before = {i: row for row, i in enumerate(here)}
            for i, answer in zip(here, np.asarray(answers, np.float64), strict=True):
                table[i] = np.where(states[i].legal, answer, 0.0)
                table[i] /= table[i].sum()
    return pyspiel.TabularPolicy(
        {
            state.name: [(int(a), float(row[a])) for a in np.flatnonzero(state.legal)]
            for state, row in zip(states, table, strict=True)
        }
    )


def tabular_agent(env: Any, policy: Any) -> TabularAgent:
    """An agent that plays a policy of OpenSpiel, by what it observes.

    Args:
        env: the environment; its observation must tell information states apart.
        policy: tabular, with ``policy_table()``, as OpenSpiel's solvers in C++ return it.

    Raises:
        BadArgument: two information states with one observation.
    """
    states = information_states(env)
    rows = policy.policy_table()
    probabilities = np.zeros((len(states), env.num_actions))
    for i, state in enumerate(states):
        for action, probability in rows[state.name]:
            probabilities[i, action] = probability
    seen = np.stack([s.observation.ravel() for s in states])
    if len(np.unique(seen, axis=0)) < len(seen):
        raise BadArgument(f"{env!r} shows the same in different information states")
    return TabularAgent(env, seen, probabilities)
