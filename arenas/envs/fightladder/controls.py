"""What agents pass, and the keys that it holds down in each frame of a step.

``transformed`` actions are those of the FightLadder benchmark: a direction and an attack together,
or a special by itself, whose inputs are entered within the step. Directions are absolute, so that
left is left for both fighters, and each special can be entered facing either way; one that needs a
charge comes out only where it was charged before.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from arenas.envs.fightladder.characters import CHARACTERS
from arenas.envs.fightladder.fight import BUTTON_SHIFT, DOWN, LEFT, RIGHT, UP
from arenas.envs.fightladder.moves import BUTTONS, NUM_SPECIALS
from arenas.envs.fightladder.specials import Motion

ActionType = Literal["transformed", "plain", "buttons"]
"""``transformed``: 69 actions; ``plain``: the 63 of them that are no specials; ``buttons``: 12."""

DIRECTIONS: tuple[tuple[str, int], ...] = (
    ("neutral", 0),
    ("up", UP),
    ("down", DOWN),
    ("left", LEFT),
    ("right", RIGHT),
    ("up-left", UP | LEFT),
    ("up-right", UP | RIGHT),
    ("down-left", DOWN | LEFT),
    ("down-right", DOWN | RIGHT),
)
ATTACKS = ("none", *BUTTONS)
NUM_PLAIN = len(DIRECTIONS) * len(ATTACKS)
FIRST_MACRO = NUM_PLAIN
"""The first special facing right; three facing left follow three facing right."""
NUM_TRANSFORMED = NUM_PLAIN + 2 * NUM_SPECIALS
MACRO_FRAMES = 5
"""Frames of a step that entering a special takes at least."""

BUTTON_NAMES = ("B", "Y", "SELECT", "START", "UP", "DOWN", "LEFT", "RIGHT", "A", "X", "L", "R")
"""The buttons of the benchmark's pad, in its order."""
_PAD = (
    (UP, "UP"),
    (DOWN, "DOWN"),
    (LEFT, "LEFT"),
    (RIGHT, "RIGHT"),
    *((1 << BUTTON_SHIFT + i, name) for i, name in enumerate(("Y", "X", "L", "B", "A", "R"))),
)
BUTTON_KEYS = np.zeros(len(BUTTON_NAMES), np.int32)
"""The key of each button of the pad; SELECT and START have none."""
for _key, _name in _PAD:
    BUTTON_KEYS[BUTTON_NAMES.index(_name)] = _key


def labels(action_type: ActionType) -> tuple[str, ...]:
    """A word for each action."""
    if action_type == "buttons":
        return BUTTON_NAMES
    plain = tuple(
        direction
        if attack == "none"
        else attack
        if direction == "neutral"
        else f"{direction}+{attack}"
        for direction, _ in DIRECTIONS
        for attack in ATTACKS
    )
    if action_type == "plain":
        return plain
    macros = (f"special-{k + 1}-{way}" for way in ("right", "left") for k in range(NUM_SPECIALS))
    return (*plain, *macros)


def plain(direction: str, attack: str = "none") -> int:
    """The number of a direction and an attack together."""
    index = [name for name, _ in DIRECTIONS].index(direction)
    return index * len(ATTACKS) + ATTACKS.index(attack)


def _mirrored(keys: int) -> int:
    swapped = keys & ~(LEFT | RIGHT)
    return swapped | (RIGHT if keys & LEFT else 0) | (LEFT if keys & RIGHT else 0)


def mirror_table(action_type: ActionType) -> np.ndarray:
    """For each action the one with left and right swapped, int32; of buttons, which it reads."""
    if action_type == "buttons":
        order = list(BUTTON_NAMES)
        i, j = order.index("LEFT"), order.index("RIGHT")
        order[i], order[j] = order[j], order[i]
        return np.array([BUTTON_NAMES.index(name) for name in order], np.int32)
    keys = [key for _, key in DIRECTIONS]
    swapped = [keys.index(_mirrored(key)) for key in keys]
    table = [d * len(ATTACKS) + a for d in swapped for a in range(len(ATTACKS))]
    if action_type == "transformed":
        table += [FIRST_MACRO + (i + NUM_SPECIALS) % (2 * NUM_SPECIALS) for i in range(6)]
    return np.array(table, np.int32)


_MOTIONS: dict[Motion, tuple[int, ...]] = {  # facing right; the button joins the last
    Motion.QUARTER_FORWARD: (DOWN, DOWN | RIGHT, RIGHT),
    Motion.QUARTER_BACK: (DOWN, DOWN | LEFT, LEFT),
    Motion.DRAGON: (RIGHT, DOWN, DOWN | RIGHT),
    Motion.CHARGE_BACK: (RIGHT,),
    Motion.CHARGE_DOWN: (UP,),
}


def key_table(frame_skip: int) -> np.ndarray:
    """The keys held in each frame of a step, int16 ``[characters, transformed actions, frames]``.

    Attacks are held for the first half of a step and let go in the second, so that the same action
    again is another press. A special takes the first frames of the step, and its medium button.
    """
    press = (frame_skip + 1) // 2
    plain_rows = [
        [
            key | (1 << BUTTON_SHIFT + attack - 1 if attack and f < press else 0)
            for f in range(frame_skip)
        ]
        for _, key in DIRECTIONS
        for attack in range(len(ATTACKS))
    ]
    table = []
    for character in CHARACTERS:
        macros = []
        for special in character.specials:
            script = list(_MOTIONS[special.motion])
            button = 1 << BUTTON_SHIFT + (1 if special.button == "P" else 4)
            script[-1] |= button
            script += [0] * (frame_skip - len(script))
            macros.append(script[:frame_skip])
        left = [[_mirrored(key) for key in script] for script in macros]
        table.append(plain_rows + macros + left)
    return np.array(table, np.int16)
