"""Scores of Hanabi's scripted players with themselves, for 2 to 5 players.

    python benchmarks/hanabi_players.py --games 2000

plays the games on the device and writes docs/results/hanabi_players.md. The same seed and games
give the same numbers.
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from hanabi_engine import scores as engine_scores
from timing import command, machine

import arenas
from arenas._files import make_folder, write_atomically
from arenas.cli import output
from arenas.envs.hanabi.entries import AGENTS
from arenas.errors import BadArgument

DOCS = Path(__file__).parent.parent / "docs" / "results"
PLAYERS = ("random", *(spec.name for spec in AGENTS))
SIZES = (2, 3, 4, 5)

REPORTED = {"IGGI": 16.16, "Piers": 16.41, "Outer": 14.34, "van den Bergh": 11.17}
"""Mean scores in games of two, reported for networks that imitate the authors' own players."""


class Games(NamedTuple):
    """What came of the games of one player with itself: ``[games]`` each."""

    fireworks: np.ndarray  # cards on the table at the end
    lives: np.ndarray  # tokens left; a game with none is lost
    length: np.ndarray  # moves

    def __str__(self) -> str:
        lost = float((self.lives == 0).mean())
        return interval(self.fireworks) + (f", {100 * lost:.3g} % lost" if lost else "")


def interval(scores: np.ndarray) -> str:
    """The mean and the half width of its 95 % interval."""
    half = 1.96 * float(scores.std(ddof=1)) / math.sqrt(len(scores))
    return f"{scores.mean():.2f} ± {half:.2f}"


def self_play(names: tuple[str, ...], size: int, games: int, seed: int) -> dict[str, Games]:
    """Games of each player with copies of itself, all in one compiled program.

    Every player plays the same decks.
    """
    env = arenas.make("hanabi-v0", players=size)
    agents = [arenas.load_agent(name, env) for name in names]

    def begin(key: Any) -> Any:
        return env.reset(jax.random.fold_in(key, 0))

    def move(position: Any, key: Any) -> Any:
        """One move in the games of every player: ``[players, games]``."""
        states, starts = position

        def joint(agent: Any, timestep: Any, key: Any) -> Any:
            seat = jnp.argmax(timestep.acting)
            seen, mask = timestep.observation[seat], timestep.action_mask[seat]
            action = agent.act(agent.params, (), seen, mask, key)[1]
            return jnp.full(size, action, jnp.int32)  # only that of the acting seat is read

        keys = jax.random.split(key, (len(agents), games))
        actions = [
            jax.vmap(lambda t, k, agent=agent: joint(agent, t, k))(
                jax.tree.map(lambda x, i=i: x[i], starts), keys[i]
            )
            for i, agent in enumerate(agents)
        ]
        step = jax.vmap(jax.vmap(env.step))
        return step(keys, states, jnp.stack(actions)), None

    @jax.jit
    def play(key: Any) -> Any:
        keys = jax.random.split(key, games)
        starts = jax.vmap(begin)(keys)
        everyone = jax.tree.map(lambda x: jnp.stack([x] * len(agents)), starts)
        moves = jax.random.split(jax.random.fold_in(key, 1), env.rules.longest_game)
        (states, _), _ = jax.lax.scan(move, everyone, moves)
        fireworks = states.fireworks.astype(jnp.int32).sum(axis=-1)
        return Games(fireworks, states.life_tokens, states.steps), states.terminated.all()

    played, over = jax.device_get(play(jax.random.key(seed)))
    if not over:
        raise RuntimeError("a game was not over after its longest possible length")
    return {name: Games(*(field[i] for field in played)) for i, name in enumerate(names)}


def write_results(
    path: Path,
    results: dict[int, dict[str, Games]],
    engine: dict[str, dict[int, np.ndarray]],
    games: int,
    seed: int,
    seconds: float,
) -> None:
    """The tables of scores, as Markdown."""
    names = list(next(iter(results.values())))
    lines = [
        "# Hanabi's players in self-play",
        "",
        f"Cards on the fireworks at the end, of 25: mean of {games:,} games and its 95 % interval. "
        "Every player plays the same decks. A lost game counts with its fireworks here; the share "
        "of lost games follows, where there are any. Under the strict rule they score 0.",
        "",
        f"Measured on: {machine()}; {seconds:.0f} s with compilation. Written by",
        "",
        "```",
        f"python benchmarks/hanabi_players.py --games {games} --seed {seed}",
        "```",
        "",
        "| player | " + " | ".join(f"{size} players" for size in results) + " | mean of these |",
        "|:--|" + "--:|" * (len(results) + 1),
    ]
    for name in names:
        mean = np.mean([by_name[name].fireworks.mean() for by_name in results.values()])
        cells = " | ".join(str(by_name[name]) for by_name in results.values())
        lines.append(f"| `{name}` | {cells} | {mean:.2f} |")
    lines += ["", "Moves in a game, mean:", ""]
    lines += ["| player | " + " | ".join(f"{size} players" for size in results) + " |"]
    lines += ["|:--|" + "--:|" * len(results)]
    for name in names:
        cells = " | ".join(f"{by_name[name].length.mean():.1f}" for by_name in results.values())
        lines.append(f"| `{name}` | {cells} |")
    lines += [
        "",
        "## With the choices of the authors' engine",
        "",
        "The same rules in a plain simulation of its own (`benchmarks/hanabi_engine.py`): a new "
        "card takes the slot of the old one, what a hint did not touch is no knowledge, and fewer "
        "cards are discarded as useless.",
        "",
        "| player | " + " | ".join(f"{size} players" for size in results) + " | mean of these |",
        "|:--|" + "--:|" * (len(results) + 1),
    ]
    for name, by_size in engine.items():
        cells = " | ".join(interval(of_size) for of_size in by_size.values())
        mean = np.mean([of_size.mean() for of_size in by_size.values()])
        lines.append(f"| {name} | {cells} | {mean:.2f} |")
    lines += [
        "",
        "## Reported elsewhere",
        "",
        "For networks that imitate the players of that engine, the ad-hoc play benchmark *hoad* "
        "(github.com/aronsar/hoad, experiments/cross_play/scores.txt) has these means of two; they "
        "need not play quite like what they imitate: "
        + ", ".join(f"{name} {mean:.2f}" for name, mean in REPORTED.items())
        + ".",
    ]
    write_atomically(path, "\n".join(lines) + "\n")


def main(
    games: int = 2000,
    seed: int = 0,
    sizes: tuple[int, ...] = SIZES,
    players: tuple[str, ...] = PLAYERS,
    out: Path = DOCS / "hanabi_players.md",
) -> int:
    """Scores of Hanabi's scripted players with themselves.

    Args:
        games: of each player, for each number of players.
        seed: of the decks and the players' lots.
        sizes: numbers of players.
        players: names of the players.
        out: the file of the results.
    """
    if games < 2:
        raise BadArgument(f"--games is {games}; accepted are integers from 2")
    start = time.monotonic()
    results = {}
    for size in sizes:
        results[size] = self_play(players, size, games, seed)
        for name, of_name in results[size].items():
            output.console().print(f"{size} players, {name}: {of_name}", highlight=False)
    engine = {
        name: {size: np.array(engine_scores(size, risks, games, seed)) for size in sizes}
        for name, risks in (("IGGI", False), ("Piers", True))
    }
    make_folder(out.parent)
    write_results(out, results, engine, games, seed, time.monotonic() - start)
    return 0


if __name__ == "__main__":
    command(main)
