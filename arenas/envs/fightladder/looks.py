"""How FightLadder's characters are built and dressed, as data for whoever draws them."""

from __future__ import annotations

from dataclasses import dataclass

from arenas.envs.fightladder.moves import NOWHERE, Box


@dataclass(frozen=True)
class Look:
    """How a character is built, in units; shades are from 0, dark, to 3, bright.

    Attributes:
        head: half of its width, and its height.
        torso: half of its width.
        leg: width.
        hip: where legs end, of 80.
        shades: of legs, torso and head.
        colours: red, green and blue of legs, torso and head, for people.
        mark: what it wears, as a box from the part in ``worn``: from the top of the head, or from
            the hip.
        worn: ``"head"`` or ``"hip"``.
    """

    head: tuple[int, int] = (6, 15)
    torso: int = 9
    leg: int = 8
    hip: int = 36
    shades: tuple[int, int, int] = (1, 2, 3)
    colours: tuple[tuple[int, int, int], ...] = ((150, 150, 160), (190, 190, 200), (230, 190, 160))
    mark: Box = NOWHERE
    worn: str = "head"


_SKIN, _TAN, _DARK = (235, 190, 160), (205, 150, 110), (150, 100, 75)
LOOKS: dict[str, Look] = {
    "asano": Look(
        (6, 15), 9, 8, 36, (3, 3, 1), ((235, 235, 235), (245, 245, 245), _SKIN), (-16, 6, -7, -3)
    ),
    "brandt": Look(
        (6, 13), 11, 8, 38, (0, 1, 3), ((70, 90, 50), (90, 130, 60), _SKIN), (-7, 9, 0, 5)
    ),
    "cleo": Look(
        (5, 14), 7, 9, 42, (3, 1, 2), ((240, 190, 160), (60, 110, 220), _SKIN), (-11, -5, -16, 0)
    ),
    "dozer": Look(
        (6, 13), 15, 11, 34, (0, 2, 1), ((150, 30, 40), (215, 160, 120), _TAN), (-4, 4, 0, 5)
    ),
    "esme": Look(
        (5, 14), 7, 6, 40, (2, 0, 3), ((200, 200, 220), (130, 60, 160), _SKIN),
        (-22, -7, 2, 6), "hip",
    ),
    "fang": Look(
        (8, 15), 10, 8, 30, (1, 3, 3), ((60, 140, 60), (90, 190, 80), (90, 190, 80)),
        (-24, -9, -6, -1), "hip",
    ),
    "goro": Look(
        (6, 14), 16, 12, 32, (3, 2, 0), ((70, 80, 150), (235, 195, 165), _SKIN), (-2, 4, 0, 5)
    ),
    "hex": Look(
        (5, 13), 8, 10, 28, (0, 0, 2), ((90, 40, 120), (110, 50, 150), _SKIN), (-10, 12, -4, -1)
    ),
    "ilya": Look(
        (6, 14), 10, 8, 38, (1, 0, 1), ((130, 130, 90), (160, 40, 40), _TAN), (-8, 8, -1, 4)
    ),
    "juno": Look(
        (6, 15), 9, 7, 36, (2, 1, 0), ((220, 60, 60), (220, 180, 60), _DARK), (-7, -5, -16, -1)
    ),
    "kiri": Look(
        (5, 13), 7, 6, 38, (0, 1, 0), ((110, 150, 150), (60, 190, 190), (110, 150, 150)),
        (-20, -5, -8, -5),
    ),
    "lazar": Look(
        (6, 15), 11, 7, 42, (2, 3, 2), ((100, 20, 90), (200, 40, 60), _SKIN), (-15, -9, -40, -12)
    ),
}  # fmt: skip
"""By name; a character without an entry gets the average :class:`Look`."""
