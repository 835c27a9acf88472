"""Games as text: what ``render_mode="ansi"`` and ``arenas replay --text`` print."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import gymnasium
import numpy as np

from arenas.env import TimeStep
from arenas.host import HostEnv

Drawing = Callable[[HostEnv], str]

_drawings: dict[str, Drawing] = {}


def register_drawing(game: str, drawing: Drawing) -> None:
    """Draw this game with ``drawing``, which reads ``env.state()`` and ``env.timestep``.

    Args:
        game: the ``game`` of the environment's registry entry.
        drawing: called with the environment after its reset; returns lines without a newline at
            the end. :func:`render_text` adds the line about the step and rewards above it.
    """
    _drawings[game] = drawing


def render_text(env: HostEnv) -> str:
    """The present situation as text, lines joined by newlines.

    Games without a drawing of their own show whose turn it is, with the legal actions.
    """
    timestep = env.timestep
    if timestep is None:
        return f"{game_name(env)}: not started"
    drawing = _drawings.get(env.spec.game if env.spec else "", draw_any)
    return f"{headline(env, timestep)}\n{drawing(env)}".rstrip("\n")


def headline(env: HostEnv, timestep: TimeStep) -> str:
    """One line: the step, how the episode stands, and the latest rewards."""
    limit = f"/{env.max_steps}" if env.max_steps else ""
    end = " terminated" if timestep.terminated else " truncated" if timestep.truncated else ""
    rewards = ", ".join(
        f"{name} {reward:+g}" for name, reward in zip(env.agents, timestep.reward, strict=True)
    )
    return f"{game_name(env)} step {env.steps}{limit}{end} | reward: {rewards}"


def draw_any(env: HostEnv) -> str:
    """Who acts, what is legal, and what is in ``info``."""
    assert env.timestep is not None
    timestep = env.timestep
    lines = []
    for seat in np.flatnonzero(timestep.acting):
        lines.append(f"{env.agents[seat]} to act: {_legal(env, timestep.action_mask[seat])}")
    for name, value in timestep.info.items():
        lines.append(f"{name}: {np.asarray(value).tolist()}")
    return "\n".join(lines)


def _legal(env: HostEnv, mask: Any) -> str:
    if isinstance(env.action_space, gymnasium.spaces.Box):
        return str(env.action_space)
    if mask.all():
        return "anything"
    return " ".join(action_words(env, np.flatnonzero(mask)))


def action_words(env: HostEnv, actions: Iterable[Any]) -> list[str]:
    """The word for each action, or its number where the game has no words."""
    if env.action_labels:
        return [env.action_labels[int(a)] for a in actions]
    return [str(int(a)) for a in actions]


def draw_colorgrid(env: HostEnv) -> str:
    """The grid, y upwards: ``r b g`` blocks, ``L F`` agents; above it, the goal colour."""
    state = env.state()
    letters = np.array(list(".rbgLF"))
    rows = letters[np.asarray(state.cells)][::-1]  # up is y + 1
    goal = ("red", "blue", "green")[int(state.goal)]
    return "\n".join([f"goal: {goal}", *(" ".join(row) for row in rows)])


def draw_rrps(env: HostEnv) -> str:
    """The last throws, newest first, and the score."""
    state = env.state()
    lines = []
    for joint in np.asarray(state.recent):
        if (joint < env.num_actions).all():  # a higher number stands for none yet
            pairs = zip(env.agents, action_words(env, joint), strict=True)
            lines.append("  ".join(f"{name}: {word}" for name, word in pairs))
    score = "  ".join(f"{n}: {s:g}" for n, s in zip(env.agents, state.score, strict=True))
    return "\n".join([*lines, f"score  {score}"])


register_drawing("colorgrid", draw_colorgrid)
register_drawing("rrps", draw_rrps)


def game_name(env: HostEnv) -> str:
    """The id, or the class's name of an environment without one."""
    return env.spec.id if env.spec else type(getattr(env, "env", env)).__name__
