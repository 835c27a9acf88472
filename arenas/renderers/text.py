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

RANKS = ("jack", "queen", "king")


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


def draw_hanabi(env: HostEnv) -> str:
    """The board, and each hand, oldest card first, with what its owner was told of it.

    ``R1`` is a red 1; after it, in brackets, the colours and ranks that hints leave possible. The
    arrow is before the player to move.
    """
    state = env.state()
    rules = env.env.unwrapped.rules  # type: ignore[attr-defined]
    letters = "RYGWB"[: rules.colors]

    def card(number: Any) -> str:
        color, rank = divmod(int(number), rules.ranks)
        return f"{letters[color]}{rank + 1}"

    def told(knowledge: Any) -> str:
        colors = "".join(c for i, c in enumerate(letters) if knowledge >> i & 1)
        ranks = (str(i + 1) for i in range(rules.ranks) if knowledge >> (rules.colors + i) & 1)
        return f"[{colors} {''.join(ranks)}]"

    fireworks = " ".join(f"{c}{n}" for c, n in zip(letters, state.fireworks, strict=True))
    pile = []
    for color, bits in enumerate(state.discards):
        kinds = np.repeat(np.arange(rules.ranks), rules.copies)
        pile += [card(color * rules.ranks + r) for i, r in enumerate(kinds) if bits >> i & 1]
    lines = [
        f"fireworks {fireworks} | hints {state.information_tokens} | lives {state.life_tokens} | "
        f"deck {state.deck_size}",
        f"discards  {' '.join(pile) or 'none'}",
    ]
    if state.last_action != rules.no_op:
        mover = env.agents[(int(state.player) - 1) % rules.players]
        [word] = action_words(env, [state.last_action])
        what = f" {card(state.last_card)}" if state.last_card != rules.no_card else ""
        lines.append(f"last move {mover} {word}{what}")
    assert env.timestep is not None
    for seat, name in enumerate(env.agents):
        arrow = "→" if env.timestep.acting[seat] else " "
        cards = [
            f"{card(c)}{told(int(k))}"
            for c, k in zip(state.hands[seat], state.knowledge[seat], strict=True)
            if c != rules.no_card
        ]
        lines.append(f"{arrow} {name}: {'  '.join(cards)}")
    return "\n".join(lines)


def draw_kuhn(env: HostEnv) -> str:
    """Both cards, and what was said, in turn."""
    state = env.state()
    cards = [f"{n}: {RANKS[c]}" for n, c in zip(env.agents, state.cards, strict=True)]
    words = action_words(env, [a for a in state.actions if a >= 0])
    return "\n".join(["  ".join(cards), f"said: {' '.join(words)}".rstrip()])


def draw_leduc(env: HostEnv) -> str:
    """All three cards, the public one in brackets until it is turned, and each round's actions."""
    state = env.state()
    first, second = ([a for a in spoken if a >= 0] for spoken in state.actions)
    cards = [f"{RANKS[c // 2]} {'ab'[c % 2]}" for c in state.cards.tolist()]
    turned = len(first) > 1 and first[-1] == 1  # the first round was called
    public = cards[2] if turned else f"({cards[2]})"
    shown = [*(f"{n}: {c}" for n, c in zip(env.agents, cards, strict=False)), f"public: {public}"]
    lines = ["  ".join(shown)]
    for number, spoken in enumerate((first, second), 1):
        lines.append(f"round {number}: {' '.join(action_words(env, spoken))}".rstrip())
    return "\n".join(lines)


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


def draw_smax(env: HostEnv) -> str:
    """The map from above, y upwards, two columns to a map unit: a letter for each unit's type.

    Enemies are marked by an apostrophe. ``m`` marine, ``M`` marauder, ``s`` stalker,
    ``Z`` zealot, ``z`` zergling, ``h`` hydralisk. Below it, each unit's health.
    """
    from arenas.envs.smax.scenarios import MAP_SIZE, UNIT_TYPES

    state, size = env.state(), int(MAP_SIZE)
    allies: int = getattr(env, "env").unwrapped.num_allies  # noqa: B009  (JaxHost's, not HostEnv's)
    rows = [[" "] * (2 * size) for _ in range(size)]
    lines = []
    for i, (position, health) in enumerate(zip(state.position, state.health, strict=True)):
        kind, enemy = UNIT_TYPES[int(state.unit_type[i])], i >= allies
        name = f"enemy_{i - allies}" if enemy else f"ally_{i}"
        lines.append(f"{name} {kind.name} {health:g}/{kind.health:g}" + " dead" * (not health))
        if health:
            x, y = np.clip(np.asarray(position, int), 0, size - 1)
            _put(rows, int(x), int(y), kind.letter + ("'" if enemy else " "))
    edge = "+" + "-" * (2 * size) + "+"
    return "\n".join([edge, *(f"|{''.join(row)}|" for row in rows[::-1]), edge, *lines])


def _put(rows: list[list[str]], x: int, y: int, mark: str) -> None:
    """Write a mark into the free cell nearest to this one."""
    cells = [
        (c, r) for r, row in enumerate(rows) for c in range(len(row) // 2) if row[2 * c] == " "
    ]
    c, r = min(cells, key=lambda cell: (cell[0] - x) ** 2 + (cell[1] - y) ** 2)
    rows[r][2 * c : 2 * c + 2] = mark


register_drawing("colorgrid", draw_colorgrid)
register_drawing("hanabi", draw_hanabi)
register_drawing("kuhn", draw_kuhn)
register_drawing("leduc", draw_leduc)
register_drawing("rrps", draw_rrps)
register_drawing("smax", draw_smax)


def game_name(env: HostEnv) -> str:
    """The id, or the class's name of an environment without one."""
    return env.spec.id if env.spec else type(getattr(env, "env", env)).__name__
