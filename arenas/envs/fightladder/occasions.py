"""What a FightLadder character has occasion for, worked out once from the frame tables.

What reaches how far, and when, follows from :mod:`arenas.envs.fightladder.tables`' data, so that a
new character needs no line here. Gaps are in steps of :data:`GAP_STEP` units between two bodies,
times in steps of :data:`TIME_STEP` frames; actions are as they are facing right, and -1 is none.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from arenas.envs.fightladder import controls
from arenas.envs.fightladder.characters import CHARACTERS
from arenas.envs.fightladder.fight import SPECIAL_GRAB
from arenas.envs.fightladder.moves import (
    BODIES,
    BUTTONS,
    FIRST_CROUCH,
    FIRST_STAND,
    NOWHERE,
    NUM_MOVES,
    PROJECTILE_START,
    SUB,
    Height,
    Kind,
    Move,
    Stance,
    height_at,
)
from arenas.envs.fightladder.specials import Motion
from arenas.envs.fightladder.styles import FIRE, GUARD, OPTIONS, RETREAT, STYLES, THROW, WALK, ZONES
from arenas.envs.fightladder.tables import Character

THROW_ACTION = controls.plain("right", "HP")
SHARES = 64
"""In which a choice between options is dealt."""


class _Traits(NamedTuple):
    """Which of a character's specials serves what, -1 for none."""

    fire: int
    anti_air: int
    grab: int
    charges: bool


def _is_uppercut(move: Move) -> bool:
    return move.strike_proof != (0, 0) and move.rise > 0 and move.box[3] > 90


def _traits(index: int) -> _Traits:
    specials = CHARACTERS[index].specials

    def slot(condition: Any) -> int:
        return next((i for i, s in enumerate(specials) if condition(s.moves[1])), -1)

    tall = slot(lambda m: m.box[3] > 100 and m.startup <= 9)
    upper = slot(_is_uppercut)
    return _Traits(
        fire=slot(lambda m: m.projectile is not None),
        anti_air=upper if upper >= 0 else tall,
        grab=slot(lambda m: m.grab and m.travel == 0),
        charges=any(s.motion in (Motion.CHARGE_BACK, Motion.CHARGE_DOWN) for s in specials),
    )


TRAITS = tuple(_traits(i) for i in range(len(CHARACTERS)))


def _plan(index: int) -> np.ndarray:
    """How much more often than others a character takes each option, by what it is good at."""
    traits, times = TRAITS[index], np.ones(len(OPTIONS))
    if traits.charges:
        times[[GUARD, WALK]] = 1.5, 0.8
    if traits.fire < 0:
        times[FIRE] = 0
    if traits.grab >= 0:
        times[[THROW, WALK, RETREAT]] = 2.0, 1.3, 0.3
    return times


def _deal(weights: np.ndarray) -> list[int]:
    """An option for each of the shares, as near to the weights as whole shares come."""
    exact = weights / weights.sum() * SHARES
    counts = np.floor(exact).astype(int)
    order = np.argsort(counts - exact, kind="stable")
    counts[order[: SHARES - counts.sum()]] += 1
    return [option for option, count in enumerate(counts) for _ in range(count)]


def _option_table() -> np.ndarray:
    """int8 ``[styles, characters, zones, shares]``: an option."""
    plans = [_plan(i) for i in range(len(CHARACTERS))]
    table = []
    for style in STYLES:
        for plan in plans:
            for zone in ZONES:
                weights = np.asarray(getattr(style, zone), float) * plan
                table.append(_deal(weights if weights.sum() else np.eye(len(OPTIONS))[GUARD]))
    shape = (len(STYLES), len(CHARACTERS), len(ZONES), SHARES)
    return np.array(table, np.int8).reshape(shape)


# What reaches, and when ---------------------------------------------------------------------------

GAP_STEP, NUM_GAPS = 4, 40
TIME_STEP, NUM_TIMES = 2, 20
NUM_CHARGES = 4
"""Bits: of back (1) and of down (2)."""
BODY = BODIES[Stance.STANDING][1]


def _contact(move: Move, gap: int) -> int | None:
    """The frame of a move in which it first meets a body this far off, or None."""
    for frame in range(move.startup, move.startup + move.active * move.hits):
        moved = max(0, min(frame + 1, move.travels[1]) - move.travels[0]) * move.travel // SUB
        low_enough = move.box[2] + height_at(move, frame) // SUB < 66
        if low_enough and move.box[1] + moved - 2 >= gap:
            return frame
    return None


class _Strike(NamedTuple):
    """One way to attack from the ground."""

    action: int  # facing right
    move: Move
    delay: int  # frames until its inputs are entered
    needs: int  # bits of the charges


@functools.cache
def _strikes(index: int) -> list[_Strike]:
    character = CHARACTERS[index]
    moves = character.moves()
    strikes = [
        _Strike(controls.plain(direction, button), moves[first + i], 0, 0)
        for first, direction in ((FIRST_STAND, "neutral"), (FIRST_CROUCH, "down-left"))
        for i, button in enumerate(BUTTONS)
    ]
    for slot, special in enumerate(character.specials):
        needs = {Motion.CHARGE_BACK: 1, Motion.CHARGE_DOWN: 2}.get(special.motion, 0)
        delay = 0 if needs else 2
        strikes.append(_Strike(controls.FIRST_MACRO + slot, special.moves[1], delay, needs))
    return strikes


def _poke_score(move: Move) -> float:
    late = max(-move.on_block(), 0)
    extra = 5 * move.knockdown + 4 * move.cancel + 3 * (move.height is Height.LOW)
    return (move.damage + extra - 0.8 * move.startup - 0.8 * late) / 5


def _table(answer: Callable[..., Any], *shape: int) -> np.ndarray:
    """int8 ``[characters, gaps, charges, ...]``: an answer for each occasion, -1 for None.

    Args:
        answer: of a character's index, a gap in units, and the bits of its charges.
        shape: of an answer.
    """
    table = np.full((len(CHARACTERS), NUM_GAPS, NUM_CHARGES, *shape), -1, np.int8)
    for i, bucket, charges in np.ndindex(table.shape[:3]):
        found = answer(i, GAP_STEP * bucket + GAP_STEP // 2, charges)
        if found is not None:
            table[i, bucket, charges] = found
    return table


@functools.cache
def _ready(index: int, charges: int, specials: bool) -> tuple[_Strike, ...]:
    """A character's specials, or its normal attacks, whose charges are there."""
    return tuple(
        s
        for s in _strikes(index)
        if (s.action >= controls.FIRST_MACRO) == specials and s.needs & charges == s.needs
    )


def _grab_reach(character: Character, move: Move) -> int:
    """The greatest gap over which a special's grab catches."""
    travelled = move.travel * (move.travels[1] - move.travels[0]) // SUB
    return character.throw_range + SPECIAL_GRAB // SUB - BODY + travelled


def _pokes(index: int, gap: int, charges: int) -> list[int] | None:
    """Eight normal attacks that reach, good ones more often."""
    reaching = [s for s in _ready(index, charges, False) if _contact(s.move, gap) is not None]
    if not reaching:
        return None
    weights = np.exp([_poke_score(s.move) for s in reaching])
    places = (np.cumsum(weights) / weights.sum())[None] < (np.arange(8)[:, None] + 0.5) / 8
    return [reaching[k].action for k in places.sum(1)]


def _specials(index: int, gap: int, charges: int) -> list[int] | None:
    """Four specials to strike with from here."""
    fit = []
    for s in _ready(index, charges, True):
        if s.move.projectile or _is_uppercut(s.move):
            continue
        if s.move.grab:
            reaches = gap <= _grab_reach(CHARACTERS[index], s.move)
        else:
            reaches = _contact(s.move, gap) is not None
        if reaches:
            fit.append(s.action)
    return [fit[k % len(fit)] for k in range(4)] if fit else None


def _cancels(index: int, gap: int, charges: int) -> int | None:
    """The special that follows a normal attack."""
    fit = []
    for s in _ready(index, charges, True):
        frame = s.move.startup if s.move.projectile else _contact(s.move, gap)
        if not s.move.grab and frame is not None and frame <= 16:
            fit.append((s.move.damage * s.move.hits - 0.3 * frame, s.action))
    return max(fit)[1] if fit else None


def _anti_air(index: int, gap: int, charges: int) -> int:
    """What strikes a jump out of the air, from any distance."""
    slot = TRAITS[index].anti_air
    upward = [s for s in _ready(index, charges, True) if s.action == controls.FIRST_MACRO + slot]
    return upward[0].action if upward else controls.plain("down-left", "HP")


def _fire(index: int, gap: int, charges: int) -> list[int] | None:
    """Two that send a projectile, from any distance."""
    fit = [s.action for s in _ready(index, charges, True) if s.move.projectile is not None]
    return [fit[0], fit[-1]] if fit else None


def _ways(index: int, gap: int, charges: int) -> list[tuple[int, float | int, int, bool]]:
    """What punishes from here: frames until it touches, what it is worth, action, is a throw."""
    character = CHARACTERS[index]
    ways: list[tuple[int, float | int, int, bool]] = []
    for s in (*_ready(index, charges, False), *_ready(index, charges, True)):
        move = s.move
        contact = _contact(move, gap)
        if move.projectile is not None:
            continue
        if move.grab:
            if move.travel == 0 and gap <= _grab_reach(character, move):
                ways.append((s.delay + move.startup, move.damage + 4, s.action, True))
        # A leap that missed at first may miss altogether: only its first frames count.
        elif contact is not None and not (_is_uppercut(move) and contact > move.startup + 2):
            worth = move.damage * (1 + 0.7 * (move.hits - 1))
            worth += 8 * move.cancel + 4 * move.knockdown
            ways.append((s.delay + contact, worth, s.action, False))
    if gap <= character.throw_range - BODY:
        ways.append((4, character.throw_damage + 4, THROW_ACTION, True))
    return ways


def _punishes(index: int, gap: int, charges: int) -> list[list[int]]:
    """The most harm, ``[reeling, times]``: in so short a time; no throw catches who reels."""
    ways = _ways(index, gap, charges)

    def best(reeling: int, time: int) -> int:
        fit = [
            (worth, action)
            for frame, worth, action, throws in ways
            if frame + 2 <= TIME_STEP * time and not (throws and reeling)
        ]
        return max(fit)[1] if fit else -1

    return [[best(reeling, time) for time in range(NUM_TIMES)] for reeling in (0, 1)]


IS_STRIKE, IS_OVERHEAD, IS_LOW, IS_ATTACK = 1, 2, 4, 8


def _facts_table() -> np.ndarray:
    """int32 ``[characters, moves]``: length, end of the strike, reach (a byte each), and bits."""
    table = np.zeros((len(CHARACTERS), NUM_MOVES), np.int32)
    for i, character in enumerate(CHARACTERS):
        for kind, move in zip(Kind, character.moves(), strict=True):
            attack = kind >= FIRST_STAND
            strike = attack and move.box != NOWHERE
            end = move.startup + move.active * move.hits
            moved = max(0, min(end, move.travels[1]) - move.travels[0]) * move.travel // SUB
            reach = move.box[1] + moved + 12
            if move.projectile is not None:
                strike, reach = True, PROJECTILE_START + move.projectile.speed
            bits = IS_STRIKE * strike | IS_ATTACK * attack
            bits |= IS_OVERHEAD * (move.height is Height.OVERHEAD)
            bits |= IS_LOW * (move.height is Height.LOW)
            reach = min(max(reach, 0), 255)
            table[i, kind] = move.frames | end << 8 | reach << 16 | bits << 24
    return table


CHOICE = _option_table()
POKES = _table(_pokes, 8)[:, :, 0]
"""int8 ``[characters, gaps, 8]``: normal attacks need no charge."""
PUNISH = np.moveaxis(_table(_punishes, 2, NUM_TIMES), 2, -1).transpose(0, 2, 1, 3, 4)
"""int8 ``[characters, reeling, gaps, times, charges]``: the most harm in a time."""
SPECIALS = _table(_specials, 4)
CANCELS = _table(_cancels)
ANTI_AIR, FIRES = _table(_anti_air)[:, 0], _table(_fire, 2)[:, 0]
"""int8 ``[characters, charges]`` and ``[characters, charges, 2]``: from any distance alike."""
FACTS = _facts_table()
GRABS = np.array([t.grab for t in TRAITS], np.int32)
"""Which special is a throw by command."""
