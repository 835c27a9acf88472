"""SMAX's tables: unit types and scenarios. Importing this does not import jax.

The numbers are those of Rutherford et al. 2024 (arXiv 2311.10090).
"""

from __future__ import annotations

from typing import NamedTuple


class UnitType(NamedTuple):
    """What a kind of unit can do. Lengths are in map units, times in seconds."""

    name: str
    letter: str  # one character to draw it by
    speed: float  # map units a second
    damage: float  # health that one shot takes
    attack_range: float
    sight_range: float
    radius: float
    health: float  # at the start
    cooldown: float  # from one shot to the next


UNIT_TYPES: tuple[UnitType, ...] = (
    UnitType("marine", "m", 3.15, 9, 5, 9, 0.375, 45, 0.61),
    UnitType("marauder", "M", 2.25, 10, 6, 10, 0.5625, 125, 1.07),
    UnitType("stalker", "s", 4.13, 13, 6, 10, 0.625, 160, 1.87),
    UnitType("zealot", "Z", 3.15, 8, 2, 9, 0.5, 150, 0.86),
    UnitType("zergling", "z", 4.13, 5, 2, 8, 0.375, 35, 0.5),
    UnitType("hydralisk", "h", 3.15, 12, 5, 9, 0.625, 80, 0.59),
)
"""A unit's type is its index here."""

NUM_TYPES = len(UNIT_TYPES)

UP, RIGHT, DOWN, LEFT, STOP = range(5)
"""The actions that are no attack. Action ``NUM_MOVES + j`` attacks the ``j``-th opponent."""

NUM_MOVES = 5

MAP_SIZE = 32.0
"""Side of the square map."""

SUB_STEPS = 8
"""World steps in one step of the environment."""

TIME_STEP = 1 / 16
"""Seconds of a world step."""


class Scenario(NamedTuple):
    """Who fights whom, and where they start."""

    allies: tuple[int, ...]  # a type for each unit
    enemies: tuple[int, ...]
    random: bool = False
    """As in SMACv2: types are drawn (the same for both teams), and so are the starts, half of the
    time mirrored and half of the time one team around the other. ``allies`` and ``enemies`` state
    the sizes only."""

    @property
    def num_allies(self) -> int:
        """Units of the first team."""
        return len(self.allies)

    @property
    def num_enemies(self) -> int:
        """Units of the second team."""
        return len(self.enemies)


_INDEX = {u.letter: i for i, u in enumerate(UNIT_TYPES)}


def _team(text: str) -> tuple[int, ...]:
    """The types of ``"2s 3Z"``: two stalkers and three zealots, by their letters."""
    return tuple(_INDEX[part[-1]] for part in text.split() for _ in range(int(part[:-1])))


def _fight(allies: str, enemies: str | None = None, *, random: bool = False) -> Scenario:
    return Scenario(_team(allies), _team(enemies or allies), random)


SCENARIOS: dict[str, Scenario] = {
    "3m": _fight("3m"),
    "8m": _fight("8m"),
    "25m": _fight("25m"),
    "2s3z": _fight("2s 3Z"),
    "3s5z": _fight("3s 5Z"),
    "5m_vs_6m": _fight("5m", "6m"),
    "10m_vs_11m": _fight("10m", "11m"),
    "27m_vs_30m": _fight("27m", "30m"),
    "3s5z_vs_3s6z": _fight("3s 5Z", "3s 6Z"),
    "3s_vs_5z": _fight("3s", "5Z"),
    "6h_vs_8z": _fight("6h", "8Z"),
    "smacv2_5_units": _fight("5m", random=True),
    "smacv2_10_units": _fight("10m", random=True),
    "smacv2_20_units": _fight("20m", random=True),
}
"""By name, as JaxMARL calls them. In a name, ``z`` means zealots, whose letter is ``Z``."""
