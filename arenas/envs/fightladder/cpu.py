"""The computer's player: pure functions of what a seat sees, driven by tables.

Who plays is a :class:`Style`: how late it sees, how well it blocks, punishes and combines, and how
often it does what at which distance. The eight levels are styles, and so are the players of a
single idea. What is worth doing at a distance follows from the frame tables of
:mod:`arenas.envs.fightladder.moves`, worked out here once, so that a new character needs no line in
this file.

A player sees itself and where the other stands at once, and what the other does ``delay`` steps
late, from which it reckons on: a blow seen late may be over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int32

from arenas.envs.fightladder import controls
from arenas.envs.fightladder.characters import CHARACTERS, TABLES
from arenas.envs.fightladder.fight import CHARGE
from arenas.envs.fightladder.moves import (
    BODIES,
    BUTTONS,
    FIRST_AIR,
    FIRST_CROUCH,
    FIRST_STAND,
    NOWHERE,
    NUM_MOVES,
    PROJECTILE_START,
    SUB,
    Height,
    Kind,
    Motion,
    Move,
    Stance,
    height_at,
)
from arenas.envs.fightladder.observation import View

# What there is to do ------------------------------------------------------------------------------

OPTIONS = ("guard", "walk", "retreat", "poke", "throw", "jump", "fire", "rush")
"""What a player chooses from while nothing forces it: block, come nearer, go back, hit with a
normal attack that reaches, throw, jump at the other, send a projectile, hit with a special."""
GUARD, WALK, RETREAT, POKE, THROW, JUMP, FIRE, RUSH = range(len(OPTIONS))
ZONES = ("close", "middle", "far", "down")
"""By the gap to the other's body; ``down`` while the other lies."""
CLOSE, MIDDLE = 34, 70
"""The greatest gap of the first two zones, units."""
_SHARES = 64  # in which a choice between options is dealt

# Actions as they are facing right.
_STAND = controls.plain("neutral")
_GUARD_LOW, _GUARD_HIGH = controls.plain("down-left"), controls.plain("left")
_WALK, _BACK = controls.plain("right"), controls.plain("left")
_JUMP, _JUMP_UP = controls.plain("up-right"), controls.plain("up")
_THROW = controls.plain("right", "HP")
_MASH = controls.plain("neutral", "LP")
_AIR_SLOW, _AIR_FAST = controls.plain("neutral", "HK"), controls.plain("neutral", "MK")
_MIRROR = controls.mirror_table("transformed")


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

# What characters are good at ----------------------------------------------------------------------


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
    exact = weights / weights.sum() * _SHARES
    counts = np.floor(exact).astype(int)
    order = np.argsort(counts - exact, kind="stable")
    counts[order[: _SHARES - counts.sum()]] += 1
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
    shape = (len(STYLES), len(CHARACTERS), len(ZONES), _SHARES)
    return np.array(table, np.int8).reshape(shape)


# What reaches, and when ---------------------------------------------------------------------------

GAP_STEP, NUM_GAPS = 4, 40
TIME_STEP, NUM_TIMES = 2, 20
_CHARGES = 4  # of back (1) and of down (2)
_BODY = BODIES[Stance.STANDING][1]


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


def _poke_table() -> np.ndarray:
    """int8 ``[characters, gaps, 8]``: normal attacks that reach, good ones more often; or -1."""
    table = np.full((len(CHARACTERS), NUM_GAPS, 8), -1, np.int8)
    for i in range(len(CHARACTERS)):
        normals = [s for s in _strikes(i) if s.action < controls.FIRST_MACRO]
        for bucket in range(NUM_GAPS):
            gap = GAP_STEP * bucket + GAP_STEP // 2
            reaching = [s for s in normals if _contact(s.move, gap) is not None]
            if not reaching:
                continue
            weights = np.exp([_poke_score(s.move) for s in reaching])
            places = (np.cumsum(weights) / weights.sum())[None] < (np.arange(8)[:, None] + 0.5) / 8
            table[i, bucket] = [reaching[k].action for k in places.sum(1)]
    return table


def _punish_table() -> np.ndarray:
    """int8 ``[characters, reeling, gaps, times, charges]``: the most harm in a time, or -1.

    ``reeling``: the other is being hit, so that no throw catches it.
    """
    shape = (len(CHARACTERS), 2, NUM_GAPS, NUM_TIMES, _CHARGES)
    table = np.full(shape, -1, np.int8)
    for i, character in enumerate(CHARACTERS):
        strikes = _strikes(i)
        for bucket in range(NUM_GAPS):
            gap = GAP_STEP * bucket + GAP_STEP // 2
            ways: list[tuple[int, float, int, int, bool]] = []  # time, worth, action, needs, throw
            for s in strikes:
                if s.move.projectile is not None:
                    continue
                if s.move.grab:
                    reach = character.throw_range + 12 - _BODY
                    if s.move.travel == 0 and gap <= reach:
                        frame = s.delay + s.move.startup
                        ways.append((frame, s.move.damage + 4, s.action, s.needs, True))
                    continue
                contact = _contact(s.move, gap)
                if contact is not None:
                    # A leap that missed at first may miss altogether: only its first frames count.
                    if _is_uppercut(s.move) and contact > s.move.startup + 2:
                        continue
                    worth = s.move.damage * (1 + 0.7 * (s.move.hits - 1))
                    worth += 8 * s.move.cancel + 4 * s.move.knockdown
                    ways.append((s.delay + contact, worth, s.action, s.needs, False))
            if gap <= character.throw_range - _BODY:
                ways.append((4, character.throw_damage + 4, _THROW, 0, True))
            for reeling in (0, 1):
                for time in range(NUM_TIMES):
                    for charges in range(_CHARGES):
                        fit = [
                            (worth, action)
                            for frame, worth, action, needs, throw in ways
                            if frame + 2 <= TIME_STEP * time
                            and needs & charges == needs
                            and not (throw and reeling)
                        ]
                        if fit:
                            table[i, reeling, bucket, time, charges] = max(fit)[1]
    return table


def _special_table() -> np.ndarray:
    """int8 ``[characters, gaps, charges, 4]``: specials to strike with from a distance, or -1."""
    table = np.full((len(CHARACTERS), NUM_GAPS, _CHARGES, 4), -1, np.int8)
    for i in range(len(CHARACTERS)):
        specials = [s for s in _strikes(i) if s.action >= controls.FIRST_MACRO]
        for bucket in range(NUM_GAPS):
            gap = GAP_STEP * bucket + GAP_STEP // 2
            for charges in range(_CHARGES):
                fit = []
                for s in specials:
                    move = s.move
                    if needs_more(s.needs, charges) or move.projectile or _is_uppercut(move):
                        continue
                    if move.grab:
                        far = CHARACTERS[i].throw_range + 12 - _BODY
                        far += move.travel * (move.travels[1] - move.travels[0]) // SUB
                        if gap <= far:
                            fit.append(s.action)
                    elif _contact(move, gap) is not None:
                        fit.append(s.action)
                if fit:
                    table[i, bucket, charges] = [fit[k % len(fit)] for k in range(4)]
    return table


def _cancel_table() -> np.ndarray:
    """int8 ``[characters, gaps, charges]``: the special that follows a normal attack, or -1."""
    table = np.full((len(CHARACTERS), NUM_GAPS, _CHARGES), -1, np.int8)
    for i in range(len(CHARACTERS)):
        for bucket in range(NUM_GAPS):
            gap = GAP_STEP * bucket + GAP_STEP // 2
            for charges in range(_CHARGES):
                fit = []
                for s in _strikes(i):
                    if s.action < controls.FIRST_MACRO or needs_more(s.needs, charges):
                        continue
                    if s.move.grab:
                        continue
                    frame = s.move.startup if s.move.projectile else _contact(s.move, gap)
                    if frame is not None and frame <= 16:
                        fit.append((s.move.damage * s.move.hits - 0.3 * frame, s.action))
                if fit:
                    table[i, bucket, charges] = max(fit)[1]
    return table


def needs_more(needs: int, charges: int) -> bool:
    """Whether a special needs a charge that is not there; both are bits."""
    return needs & charges != needs


def _anti_air_table() -> np.ndarray:
    """int8 ``[characters, charges]``: what strikes a jump out of the air."""
    table = np.full((len(CHARACTERS), _CHARGES), controls.plain("down-left", "HP"), np.int8)
    for i, traits in enumerate(TRAITS):
        if traits.anti_air >= 0:
            strike = _strikes(i)[12 + traits.anti_air]
            for charges in range(_CHARGES):
                if not needs_more(strike.needs, charges):
                    table[i, charges] = strike.action
    return table


def _fire_table() -> np.ndarray:
    """int8 ``[characters, charges, 2]``: what sends a projectile, or -1."""
    table = np.full((len(CHARACTERS), _CHARGES, 2), -1, np.int8)
    for i in range(len(CHARACTERS)):
        for charges in range(_CHARGES):
            fit = [
                s.action
                for s in _strikes(i)
                if s.move.projectile is not None and not needs_more(s.needs, charges)
            ]
            if fit:
                table[i, charges] = fit[0], fit[-1]
    return table


_IS_STRIKE, _IS_OVERHEAD, _IS_LOW, _IS_ATTACK = 1, 2, 4, 8


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
            bits = _IS_STRIKE * strike | _IS_ATTACK * attack
            bits |= _IS_OVERHEAD * (move.height is Height.OVERHEAD)
            bits |= _IS_LOW * (move.height is Height.LOW)
            reach = min(max(reach, 0), 255)
            table[i, kind] = move.frames | end << 8 | reach << 16 | bits << 24
    return table


_CHANCES = np.array(
    [
        [
            s if name == "delay" else round(s * 2.56)
            for name, s in ((n, getattr(t, n)) for n in SKILLS)
        ]
        for t in STYLES
    ],
    np.int32,
)
_CHOICE = _option_table()
_POKES, _PUNISH, _SPECIALS = _poke_table(), _punish_table(), _special_table()
_CANCELS, _ANTI_AIR, _FIRE, _FACTS = (
    _cancel_table(),
    _anti_air_table(),
    _fire_table(),
    _facts_table(),
)
_GRAB = np.array([t.grab for t in TRAITS], np.int32)

# The player ---------------------------------------------------------------------------------------

_SEEN = ("move", "frame", "freeze", "timer", "y", "vx", "vy", "ball_x", "ball_speed", "ball_life")


class Carry(NamedTuple):
    """What a player remembers."""

    past: Int32[Array, "delays seen"]
    """What the other did in the last steps, latest first."""
    option: Int32[Array, ""]
    """What it is about."""
    left: Int32[Array, ""]
    """For how many more steps."""


def start() -> Carry:
    """The memory at the start of an episode."""
    zero = jnp.zeros((), jnp.int32)
    return Carry(jnp.zeros((MAX_DELAY, len(_SEEN)), jnp.int32), zero, zero)


def _is(value: Any, *kinds: Kind) -> Any:
    answer = value == int(kinds[0])
    for kind in kinds[1:]:
        answer |= value == int(kind)
    return answer


_TIMED = (
    Kind.BLOCK_STANDING,
    Kind.BLOCK_CROUCHING,
    Kind.HIT_STANDING,
    Kind.HIT_CROUCHING,
    Kind.DOWN,
    Kind.DIZZY,
    Kind.THROWN,
    Kind.BREAK,
)


def act(
    style: Any, carry: Carry, view: View, bits: Any, frame_skip: int = 8
) -> tuple[Carry, Int32[Array, ""]]:
    """The next action, a number of the transformed actions.

    Args:
        style: index into :data:`STYLES`, an integer scalar.
        carry: what it remembers.
        view: what it sees.
        bits: uint32 ``[2]``, random.
        frame_skip: frames of a step.
    """
    own, foe = view.own.numbers, view.other.numbers
    me, other, move = view.own.character, view.other.character, view.own.move
    dice = [
        (bits[i] >> np.uint32(8 * j)).astype(jnp.int32) & 0xFF for i in (0, 1) for j in range(4)
    ]
    skill = dict(zip(SKILLS, (jnp.asarray(c)[style] for c in _CHANCES.T), strict=True))

    # What it sees, as late as it does, and where that must have got to by now.
    now = jnp.stack([foe.get(n, view.other.move) for n in _SEEN]).astype(jnp.int32)
    lines = jnp.concatenate([now[None], carry.past])
    seen = dict(zip(_SEEN, lines[skill["delay"]], strict=True))
    since = skill["delay"] * frame_skip
    facts = jnp.asarray(_FACTS)[other, seen["move"]]
    length, strikes_until, reach = facts & 0xFF, facts >> 8 & 0xFF, facts >> 16 & 0xFF
    is_strike, is_overhead, is_attack = (
        facts >> 24 & bit != 0 for bit in (_IS_STRIKE, _IS_OVERHEAD, _IS_ATTACK)
    )
    is_low = facts >> 24 & _IS_LOW != 0
    done = seen["frame"] + jnp.maximum(since - seen["freeze"], 0)

    apart = foe["x"] - own["x"]
    right = jnp.where(apart == 0, own["facing"] > 0, apart > 0)
    distance = jnp.abs(apart) // SUB
    gap = jnp.maximum(distance - _BODY, 0)
    bucket = jnp.minimum(gap // GAP_STEP, NUM_GAPS - 1)
    charge_back = jnp.where(right, view.inputs["charge_left"], view.inputs["charge_right"])
    charges = (charge_back >= CHARGE - 1) + 2 * (view.inputs["charge_down"] >= CHARGE - 1)
    charges = charges.astype(jnp.int32)

    # Myself: how long until I can act.
    own_length = jnp.asarray(_FACTS)[me, move] & 0xFF
    busy = jnp.where(_is(move, *_TIMED), own["timer"], own_length - own["frame"])
    busy = jnp.where(move <= Kind.CROUCH, 0, busy) + own["freeze"]
    in_air = _is(move, Kind.JUMP) | ((move >= FIRST_AIR) & (move < FIRST_AIR + 6))
    ready = (busy <= 6) & ~in_air & ~_is(move, Kind.FALL, Kind.DOWN, Kind.THROWN, Kind.PREJUMP)

    # The other.
    foe_move = seen["move"]
    air_attack = (foe_move >= FIRST_AIR) & (foe_move < FIRST_AIR + 6)
    foe_air = _is(foe_move, Kind.PREJUMP, Kind.JUMP) | air_attack
    lies = _is(foe_move, Kind.FALL, Kind.DOWN, Kind.RISE, Kind.THROWN)
    threat = is_strike & ~air_attack & (done < strikes_until) & (gap <= reach + 16)
    rest = jnp.where(is_attack & ~air_attack & (done >= strikes_until), length - done, 0)
    stunned = seen["timer"] + seen["freeze"] - since
    rest = jnp.where(_is(foe_move, Kind.DIZZY, Kind.BREAK), stunned, rest)
    reels = _is(foe_move, Kind.HIT_STANDING, Kind.HIT_CROUCHING)
    reeling = jnp.where(reels, stunned, 0)

    # Where a jump gets to in the frames that a blow takes to meet it.
    gravity = jnp.asarray(TABLES.stats.gravity)[other]
    ahead = since + 9
    height = (seen["y"] + seen["vy"] * ahead - (gravity * ahead * ahead >> 1)) // SUB
    near = jnp.abs(apart + seen["vx"] * 9) // SUB
    comes_down = foe_air & (seen["vy"] - gravity * ahead < 0)
    falls_on = comes_down & (height > 8) & (height < 76) & (near < 52)
    jumps_in = foe_air & (near < 90)

    # Its projectile: frames until it is here.
    toward = jnp.sign(own["x"] - seen["ball_x"])
    flies = (seen["ball_life"] > since) & (jnp.sign(seen["ball_speed"]) == toward)
    ball_x = seen["ball_x"] + seen["ball_speed"] * since
    away = jnp.abs(ball_x - own["x"]) - (9 + _BODY) * SUB
    arrives = away // jnp.maximum(jnp.abs(seen["ball_speed"]), 1)
    incoming = flies & (arrives < 12) & (arrives > -8)
    jumpable = flies & (arrives >= 8) & (arrives < 22)

    # Without need: what the style likes at this distance.
    zone = jnp.where(gap <= CLOSE, 0, jnp.where(gap <= MIDDLE, 1, 2))
    zone = jnp.where(lies, 3, zone)
    drawn = jnp.asarray(_CHOICE)[style, me, zone, dice[0] >> 2].astype(jnp.int32)
    goes_on = (carry.left > 0) & ready
    option = jnp.where(goes_on, carry.option, drawn)
    lasts = jnp.where(drawn <= RETREAT, 1 + (dice[1] & 1), 0)
    left = jnp.where(goes_on, carry.left - 1, lasts)

    guess = jnp.maximum(bucket - 4 * (dice[2] < skill["sloppy"]), 0)
    poke = jnp.asarray(_POKES)[me, guess, dice[3] >> 5].astype(jnp.int32)
    poke = jnp.where(poke < 0, _WALK, poke)
    grab, throw_range = jnp.asarray(_GRAB)[me], jnp.asarray(TABLES.stats.throw_range)[me] // SUB
    throw = jnp.where(distance <= throw_range, _THROW, _WALK)
    by_command = (grab >= 0) & (distance <= throw_range + 10) & (dice[3] < 160)
    throw = jnp.where(by_command, controls.FIRST_MACRO + grab, throw)
    fire = jnp.asarray(_FIRE)[me, charges, dice[3] & 1].astype(jnp.int32)
    fire = jnp.where((fire < 0) | (own["ball_life"] > 0) | foe_air, _GUARD_LOW, fire)
    rush = jnp.asarray(_SPECIALS)[me, bucket, charges, dice[3] >> 6].astype(jnp.int32)
    rush = jnp.where(rush < 0, _GUARD_LOW, rush)
    air_guard = jnp.where(foe_air, _GUARD_HIGH, _GUARD_LOW)
    action = jnp.where(option == WALK, _WALK, air_guard)
    for which, what in (
        (RETREAT, _BACK),
        (POKE, poke),
        (THROW, throw),
        (JUMP, _JUMP),
        (FIRE, fire),
        (RUSH, rush),
    ):
        action = jnp.where(option == which, what, action)
    action = jnp.where(dice[4] < skill["lapse"], _STAND, action)

    # What the other gives occasion to, the most urgent last.
    def take(occasion: Any, what: Any, action: Any) -> Any:
        return jnp.where(occasion, what, action)

    action = take(jumpable & (dice[2] < skill["dodge"]), _JUMP, action)
    times = jnp.clip((jnp.stack([rest, reeling]) - busy) // TIME_STEP, 0, NUM_TIMES - 1)
    strike, link = (
        jnp.asarray(_PUNISH)[me, i, bucket, times[i], charges].astype(jnp.int32) for i in (0, 1)
    )
    action = take((rest > busy) & (strike >= 0) & (dice[5] < skill["punish"]), strike, action)
    action = take((reeling > 0) & (link >= 0) & (dice[5] < skill["combo"]), link, action)
    high = jnp.where(is_low, False, is_overhead | jumps_in)
    wrong = dice[7] >= skill["height"]
    guard = jnp.where(high ^ wrong, _GUARD_HIGH, _GUARD_LOW)
    danger = threat | incoming | (air_attack & jumps_in) | (comes_down & jumps_in)
    action = take(danger & (dice[6] < skill["block"]), guard, action)
    upward = jnp.asarray(_ANTI_AIR)[me, charges].astype(jnp.int32)
    action = take(falls_on & (dice[5] < skill["anti_air"]), upward, action)
    rises = _is(move, Kind.RISE) & (distance < 60) & (dice[5] < skill["reversal"])
    action = take(rises, upward, action)

    # While it cannot act it blocks, goes on from a hit, or strikes from the air.
    action = jnp.where(ready, action, guard)
    follow = jnp.asarray(_CANCELS)[me, bucket, charges].astype(jnp.int32)
    touched = view.own.flags["cancels"] & (own["hits"] > 0)
    hit_now = _is(view.other.move, Kind.HIT_STANDING, Kind.HIT_CROUCHING)
    follows = touched & hit_now & (follow >= 0) & (dice[5] < skill["combo"])
    action = take(follows, follow, action)
    my_gravity = jnp.asarray(TABLES.stats.gravity)[me]
    soon = (own["y"] + 8 * own["vy"] - 32 * my_gravity) // SUB
    descends = own["vy"] < 48
    over = jnp.abs(apart - own["vx"] * 8) // SUB < 66
    from_air = jnp.where(soon > 12, _AIR_SLOW, _AIR_FAST)
    from_air = jnp.where(descends & over & (soon < 58), from_air, _STAND)
    action = jnp.where(in_air, from_air, action)
    action = jnp.where(_is(move, Kind.DIZZY), _MASH, action)

    action = jnp.where(right, action, jnp.asarray(_MIRROR)[action])
    left = jnp.where(ready, left, 0)
    return Carry(lines[:-1], option, left), action.astype(jnp.int32)
