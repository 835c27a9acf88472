"""Special attacks: how they are entered, and the kinds from which characters take theirs."""

from __future__ import annotations

import enum
from dataclasses import replace
from typing import NamedTuple

from arenas.envs.fightladder.moves import Box, Height, Move, Projectile


class Motion(enum.IntEnum):
    """How a special is entered. Directions are those of a numeric pad, facing right."""

    QUARTER_FORWARD = 0  # 2 3 6 and the button
    QUARTER_BACK = 1  # 2 1 4
    DRAGON = 2  # 6 2 3
    CHARGE_BACK = 3  # back for a while, then 6
    CHARGE_DOWN = 4  # down for a while, then 8


class Special(NamedTuple):
    """A special attack: how it is entered, and the move for each strength of the button."""

    name: str
    motion: Motion
    button: str  # "P" or "K"
    moves: tuple[Move, Move, Move]


def _by_strength(light: Move, **steps: int) -> tuple[Move, Move, Move]:
    """A special for each strength, with these attributes rising by a step each."""
    return tuple(  # type: ignore[return-value]
        replace(light, **{name: getattr(light, name) + i * step for name, step in steps.items()})
        for i in range(3)
    )


def projectile(
    speed: int,
    step: int,
    damage: int,
    startup: int,
    recovery: int,
    height: int = 52,
    life: int = 90,
) -> tuple[Move, Move, Move]:
    """A projectile, faster by ``step`` for each strength."""
    return tuple(  # type: ignore[return-value]
        Move(
            startup,
            2,
            recovery,
            damage + i,
            hitstun=20,
            blockstun=15,
            push=100,
            stun=8,
            chip=2,
            projectile=Projectile(speed + i * step, life, height),
        )
        for i in range(3)
    )


def uppercut(
    damage: int, rise: int, proof: int, startup: int = 4, travel: int = 14
) -> tuple[Move, Move, Move]:
    """A leaping anti-air, immune at first, and open for long when it misses."""
    light = Move(
        startup,
        10,
        24,
        damage,
        (-2, 34, 44, 112),
        blockstun=16,
        push=110,
        stun=12,
        chip=2,
        knockdown=True,
        travel=travel,
        travels=(startup, startup + 12),
        rise=rise,
        leaps=(startup + 1, startup + 26),
        strike_proof=(0, proof),
        projectile_proof=(0, proof),
    )
    return _by_strength(light, damage=3, rise=8, recovery=3)


def rush(
    damage: int,
    travel: int,
    frames: int,
    startup: int,
    recovery: int,
    box: Box = (4, 44, 30, 72),
    height: Height = Height.MID,
    knockdown: bool = False,
    projectile_proof: bool = False,
    rise: int = 0,
    hits: int = 1,
) -> tuple[Move, Move, Move]:
    """An attack that travels far along the ground, or in a low arc."""
    active = frames // hits
    light = Move(
        startup,
        active,
        recovery,
        damage,
        box,
        height,
        hitstun=0 if knockdown else 20,
        blockstun=14,
        push=130,
        stun=10,
        chip=2,
        knockdown=knockdown,
        hits=hits,
        travel=travel,
        travels=(startup - 2, startup + frames),
        rise=rise,
        leaps=(startup - 2, startup + frames + 4) if rise else (0, 0),
        projectile_proof=(0, startup + frames) if projectile_proof else (0, 0),
    )
    return _by_strength(light, damage=2, travel=10, recovery=2)


def flurry(
    damage: int, hits: int, startup: int, recovery: int, box: Box
) -> tuple[Move, Move, Move]:
    """Many hits on the spot."""
    light = Move(
        startup,
        5,
        recovery,
        damage,
        box,
        hitstun=18,
        blockstun=14,
        push=60,
        stun=5,
        chip=1,
        hits=hits,
        travel=8,
        travels=(0, startup + 5 * hits),
    )
    return _by_strength(light, damage=1, startup=2)


def hop(
    damage: int, startup: int, recovery: int, travel: int, rise: int = 26
) -> tuple[Move, Move, Move]:
    """A short leap that must be blocked standing."""
    light = Move(
        startup,
        5,
        recovery,
        damage,
        (2, 40, 0, 50),
        Height.OVERHEAD,
        hitstun=22,
        blockstun=16,
        push=90,
        stun=12,
        chip=2,
        travel=travel,
        travels=(3, startup + 4),
        rise=rise,
        leaps=(3, startup + 6),
    )
    return _by_strength(light, damage=2, startup=3, travel=6)


def grab(
    damage: int, startup: int, recovery: int, travel: int = 0, proof: int = 0
) -> tuple[Move, Move, Move]:
    """A throw by command: from farther than the plain one, and harder."""
    light = Move(
        startup,
        3,
        recovery,
        damage,
        grab=True,
        travel=travel,
        travels=(0, startup),
        strike_proof=(0, proof),
        projectile_proof=(0, proof),
    )
    return _by_strength(light, damage=2, startup=2, travel=8 if travel else 0)
