"""A tournament between device agents in one program, against the same work pair by pair.

    python benchmarks/field_speed.py

Agents are small networks (one hidden layer) with random weights. In one program: all ordered pairs
and all episodes together, as ``arenas tournament`` plays them. Pair by pair: the same program for
two, compiled once, called for some of the ordered pairs, weights being its arguments; the others
would take as long each. Compilation is shown apart. Both give the same returns, which is checked.
"""

from __future__ import annotations

import dataclasses
import itertools
import time

import jax
import jax.numpy as jnp
import numpy as np
import rich.console
from timing import command, machine, print_json, table

import arenas
from arenas.agent import DeviceAgent
from arenas.evaluation.schedule import episode_seed
from arenas.match import DeviceMatches

HIDDEN = 32


class Network(DeviceAgent):
    """A policy of one hidden layer.

    Args:
        env: the environment.
        seed: of its weights.
    """

    def __init__(self, env: arenas.Env, seed: int) -> None:
        self.name = f"network-{seed}"
        view = jax.eval_shape(env.reset, jax.random.key(0))[1]
        leaves = jax.tree.leaves(view.observation)
        inputs = sum(int(np.prod(x.shape[1:])) for x in leaves)
        rng = np.random.default_rng(seed)
        self.params = tuple(
            jnp.asarray(rng.normal(0.0, a**-0.5, (a, b)), jnp.float32)
            for a, b in ((inputs, HIDDEN), (HIDDEN, view.action_mask.shape[1]))
        )

    def act(self, params, carry, observation, action_mask, key):
        """A draw from the softmax over legal actions."""
        flat = [x.reshape(-1).astype(jnp.float32) for x in jax.tree.leaves(observation)]
        logits = jnp.tanh(jnp.concatenate(flat) @ params[0]) @ params[1]
        action = jax.random.categorical(key, jnp.where(action_mask, logits, -jnp.inf))
        return carry, action.astype(jnp.int32)


@dataclasses.dataclass
class Result:
    """One way to play the field.

    Attributes:
        way: how.
        matches: ordered pairs times episodes.
        seconds: to play all, compiled.
        compiling: seconds before, to compile and play a first piece.
        per_second: matches a second, compiled.
    """

    way: str
    matches: int
    seconds: float
    compiling: float
    per_second: float


def main(
    env: str = "rrps-v0",
    agents: int = 64,
    episodes: int = 32,
    some: int = 128,
    json_: bool = False,
) -> None:
    """Measure.

    Args:
        env: a game of two seats.
        agents: in the field.
        episodes: of each ordered pair.
        some: of the ordered pairs, those that are played pair by pair.
        json_: print JSON.
    """
    game = arenas.make(env)
    field = [Network(game, seed) for seed in range(agents)]
    pairs = list(itertools.permutations(range(agents), 2))
    seeds = {
        p: [episode_seed(0, (str(p[0]), str(p[1])), e) for e in range(episodes)] for p in pairs
    }
    results = []

    def result(way: str, compiling: float, start: float, matches: int) -> None:
        seconds = time.perf_counter() - start
        results.append(Result(way, matches, seconds, compiling, matches / seconds))

    whole = DeviceMatches(game, field)
    seats = [list(p) for p in pairs for _ in range(episodes)]
    every = [s for p in pairs for s in seeds[p]]
    # Balanced pieces: a piece gives each agent room for the most seats it ever holds.
    order = np.random.default_rng(0).permutation(len(every))
    seats, every = [seats[i] for i in order], [every[i] for i in order]
    start = time.perf_counter()
    played = whole.play(seats, every, record=False)
    first = [next(played).returns]
    compiling = time.perf_counter() - start
    played.close()
    start = time.perf_counter()
    got = [e.returns for e in whole.play(seats, every, record=False)]
    assert got[0] == first[0]
    result("one program", compiling, start, len(got))
    one = [got[i] for i in np.argsort(order)]

    two = DeviceMatches(game, field[:2])
    start = time.perf_counter()
    list(two.play([[0, 1]] * episodes, seeds[0, 1], record=False))
    compiling = time.perf_counter() - start
    start = time.perf_counter()
    got = []
    for i, j in pairs[:some]:
        two.agents = [field[i], field[j]]
        got += [e.returns for e in two.play([[0, 1]] * episodes, seeds[i, j], record=False)]
    result("pair by pair", compiling, start, len(got))
    assert got == one[: len(got)]

    if json_:
        print_json(results, env=env, agents=agents, episodes=episodes)
        return
    lines = table(
        f"{agents} device agents, {episodes} episodes of each ordered pair, {env} ({machine()})",
        ["", "matches", "seconds", "a second", "first call, s"],
    )
    for r in results:
        lines.add_row(
            r.way,
            f"{r.matches:,}",
            f"{r.seconds:.1f}",
            f"{r.per_second:,.0f}",
            f"{r.compiling:.1f}",
        )
    rich.console.Console(width=140).print(lines)


if __name__ == "__main__":
    command(main)
