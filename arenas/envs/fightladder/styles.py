"""How FightLadder's computer players differ: the eight levels, and players of a single idea."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

OPTIONS = ("guard", "walk", "retreat", "poke", "throw", "jump", "fire", "rush")
"""What a player chooses from while nothing forces it: block, come nearer, go back, hit with a
normal attack that reaches, throw, jump at the other, send a projectile, hit with a special."""
GUARD, WALK, RETREAT, POKE, THROW, JUMP, FIRE, RUSH = range(len(OPTIONS))
ZONES = ("close", "middle", "far", "down")
"""By the gap to the other's body; ``down`` while the other lies."""
CLOSE, MIDDLE = 34, 70
"""The greatest gap of the first two zones, units."""


@dataclass(frozen=True)
class Style:
    """How a player plays. Chances are percentages, of a step in which there is the occasion.

    Attributes:
        name: of the agent, after ``fightladder/``.
        delay: steps before it sees what the other does.
        lapse: chance of standing about.
        block: of blocking an attack or a projectile that it sees.
        height: of blocking it at the right height.
        anti_air: of striking a jump out of the air.
        punish: of striking whoever cannot defend itself.
        combo: of going on after a hit.
        reversal: of a special as it gets up.
        dodge: of jumping over a projectile.
        sloppy: of striking at what is out of reach.
        close: shares of :data:`OPTIONS` in the zones, of any sum.
        middle: the same.
        far: the same.
        down: the same.
    """

    name: str
    delay: int
    lapse: int
    block: int
    height: int
    anti_air: int
    punish: int
    combo: int
    reversal: int
    dodge: int
    sloppy: int
    close: Sequence[float | int]
    middle: Sequence[float | int]
    far: Sequence[float | int]
    down: Sequence[float | int]


SKILLS = (
    "delay",
    "lapse",
    "block",
    "height",
    "anti_air",
    "punish",
    "combo",
    "reversal",
    "dodge",
    "sloppy",
)
MAX_DELAY = 6

# Options of a novice and an expert by zone; a level mixes the two by its craft, in percent.
#            guard walk retreat poke throw jump fire rush
_NOVICE = {
    "close": (10, 12, 16, 40, 2, 14, 2, 4),
    "middle": (8, 26, 14, 26, 2, 16, 4, 4),
    "far": (12, 44, 12, 4, 0, 16, 8, 4),
    "down": (15, 25, 15, 20, 0, 20, 5, 0),
}
_EXPERT = {
    "close": (34, 2, 6, 32, 20, 3, 0, 7),
    "middle": (30, 14, 8, 26, 6, 6, 5, 8),
    "far": (14, 36, 2, 0, 0, 14, 25, 10),
    "down": (20, 50, 2, 8, 0, 8, 12, 0),
}

_LEVELS = (
    # level delay lapse block height anti_air punish combo reversal dodge sloppy craft
    (1, 4, 36, 34, 62, 18, 24, 25, 6, 18, 38, 30),
    (2, 4, 30, 44, 67, 27, 34, 35, 10, 25, 32, 40),
    (3, 3, 25, 53, 72, 36, 44, 45, 14, 32, 26, 50),
    (4, 3, 20, 62, 77, 46, 54, 55, 18, 40, 20, 60),
    (5, 2, 18, 67, 81, 52, 60, 62, 22, 46, 18, 66),
    (6, 2, 11, 77, 86, 65, 72, 74, 27, 57, 11, 78),
    (7, 2, 4, 88, 93, 82, 88, 88, 35, 72, 3, 93),
    (8, 1, 0, 95, 97, 90, 95, 95, 40, 85, 0, 100),
)


def _skills(*values: int) -> dict[str, Any]:
    return dict(zip(SKILLS, values, strict=True))


def _level(row: Sequence[int]) -> Style:
    level, *skills, craft = row
    zones: dict[str, Any] = {
        zone: tuple(
            n + (e - n) * craft / 100 for n, e in zip(_NOVICE[zone], _EXPERT[zone], strict=True)
        )
        for zone in ZONES
    }
    return Style(f"cpu-{level}", **_skills(*skills), **zones)


LEVELS: tuple[Style, ...] = tuple(_level(row) for row in _LEVELS)
"""The computer opponents, weakest first."""

_ALWAYS_GUARD = (1, 0, 0, 0, 0, 0, 0, 0)
IDEAS: tuple[Style, ...] = (
    Style(
        "turtle",
        **_skills(1, 0, 100, 90, 20, 70, 20, 0, 0, 0),
        close=_ALWAYS_GUARD,
        middle=_ALWAYS_GUARD,
        far=_ALWAYS_GUARD,
        down=_ALWAYS_GUARD,
    ),
    Style(
        "rushdown",
        **_skills(1, 0, 0, 50, 0, 80, 90, 40, 20, 0),
        close=(0, 0, 0, 50, 36, 4, 0, 10),
        middle=(0, 25, 0, 35, 5, 15, 0, 20),
        far=(0, 80, 0, 0, 0, 10, 0, 10),
        down=(0, 100, 0, 0, 0, 0, 0, 0),
    ),
    Style(
        "zoner",
        **_skills(2, 0, 35, 70, 10, 20, 20, 0, 0, 0),
        close=(0, 0, 50, 50, 0, 0, 0, 0),
        middle=(0, 0, 40, 35, 0, 0, 25, 0),
        far=(20, 0, 10, 0, 0, 0, 70, 0),
        down=(0, 0, 50, 0, 0, 0, 50, 0),
    ),
    Style(
        "jumper",
        **_skills(2, 0, 0, 50, 0, 40, 60, 0, 90, 0),
        close=(0, 0, 0, 10, 0, 90, 0, 0),
        middle=(0, 0, 0, 0, 0, 100, 0, 0),
        far=(0, 30, 0, 0, 0, 70, 0, 0),
        down=(0, 50, 0, 0, 0, 50, 0, 0),
    ),
)
"""Players of a single idea."""

STYLES = LEVELS + IDEAS
STYLE_NAMES = tuple(style.name for style in STYLES)
