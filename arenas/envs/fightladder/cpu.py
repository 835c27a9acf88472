"""The computer's player: a pure function of what a seat sees, driven by tables.

Who plays is a :class:`~arenas.envs.fightladder.styles.Style`: how late it sees, how well it blocks,
punishes and combines, and how often it does what at which distance. What is worth doing at a
distance is in :mod:`arenas.envs.fightladder.occasions`.

A player sees itself and where the other stands at once, and what the other does ``delay`` steps
late, from which it reckons on: a blow seen late may be over.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int32

from arenas.envs.fightladder import controls
from arenas.envs.fightladder.characters import TABLES
from arenas.envs.fightladder.fight import CHARGE, TIMED, is_air_attack, is_one_of
from arenas.envs.fightladder.moves import SUB, Kind
from arenas.envs.fightladder.observation import View
from arenas.envs.fightladder.occasions import (
    ANTI_AIR,
    BODY,
    CANCELS,
    CHOICE,
    FACTS,
    FIRES,
    GAP_STEP,
    GRABS,
    IS_ATTACK,
    IS_LOW,
    IS_OVERHEAD,
    IS_STRIKE,
    NUM_GAPS,
    NUM_TIMES,
    POKES,
    PUNISH,
    SPECIALS,
    THROW_ACTION,
    TIME_STEP,
)
from arenas.envs.fightladder.styles import (
    CLOSE,
    FIRE,
    JUMP,
    MAX_DELAY,
    MIDDLE,
    POKE,
    RETREAT,
    RUSH,
    SKILLS,
    STYLES,
    THROW,
    WALK,
)

# Actions as they are facing right.
_STAND = controls.plain("neutral")
_GUARD_LOW, _GUARD_HIGH = controls.plain("down-left"), controls.plain("left")
_WALK, _BACK = controls.plain("right"), controls.plain("left")
_JUMP, _JUMP_UP = controls.plain("up-right"), controls.plain("up")
_MASH = controls.plain("neutral", "LP")
_AIR_SLOW, _AIR_FAST = controls.plain("neutral", "HK"), controls.plain("neutral", "MK")
_MIRROR = controls.mirror_table("transformed")


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
"""``[styles, skills]``: chances out of 256, and the delay in steps."""

_SEEN = (
    "move",
    "frame",
    "freeze",
    "timer",
    "y",
    "vx",
    "vy",
    "projectile_x",
    "projectile_speed",
    "projectile_life",
)


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
    facts = jnp.asarray(FACTS)[other, seen["move"]]
    length, strikes_until, reach = facts & 0xFF, facts >> 8 & 0xFF, facts >> 16 & 0xFF
    is_strike, is_overhead, is_attack = (
        facts >> 24 & bit != 0 for bit in (IS_STRIKE, IS_OVERHEAD, IS_ATTACK)
    )
    is_low = facts >> 24 & IS_LOW != 0
    done = seen["frame"] + jnp.maximum(since - seen["freeze"], 0)

    apart = foe["x"] - own["x"]
    right = jnp.where(apart == 0, own["facing"] > 0, apart > 0)
    distance = jnp.abs(apart) // SUB
    gap = jnp.maximum(distance - BODY, 0)
    bucket = jnp.minimum(gap // GAP_STEP, NUM_GAPS - 1)
    charge_back = jnp.where(right, view.inputs["charge_left"], view.inputs["charge_right"])
    charges = (charge_back >= CHARGE - 1) + 2 * (view.inputs["charge_down"] >= CHARGE - 1)
    charges = charges.astype(jnp.int32)

    # Myself: how long until I can act.
    own_length = jnp.asarray(FACTS)[me, move] & 0xFF
    busy = jnp.where(is_one_of(move, *TIMED), own["timer"], own_length - own["frame"])
    busy = jnp.where(move <= Kind.CROUCH, 0, busy) + own["freeze"]
    in_air = is_one_of(move, Kind.JUMP) | is_air_attack(move)
    ready = (
        (busy <= 6) & ~in_air & ~is_one_of(move, Kind.FALL, Kind.DOWN, Kind.THROWN, Kind.PREJUMP)
    )

    # The other.
    foe_move = seen["move"]
    air_attack = is_air_attack(foe_move)
    foe_air = is_one_of(foe_move, Kind.PREJUMP, Kind.JUMP) | air_attack
    lies = is_one_of(foe_move, Kind.FALL, Kind.DOWN, Kind.RISE, Kind.THROWN)
    threat = is_strike & ~air_attack & (done < strikes_until) & (gap <= reach + 16)
    rest = jnp.where(is_attack & ~air_attack & (done >= strikes_until), length - done, 0)
    stunned = seen["timer"] + seen["freeze"] - since
    rest = jnp.where(is_one_of(foe_move, Kind.DIZZY, Kind.BREAK), stunned, rest)
    reels = is_one_of(foe_move, Kind.HIT_STANDING, Kind.HIT_CROUCHING)
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
    toward = jnp.sign(own["x"] - seen["projectile_x"])
    flies = (seen["projectile_life"] > since) & (jnp.sign(seen["projectile_speed"]) == toward)
    projectile_x = seen["projectile_x"] + seen["projectile_speed"] * since
    away = jnp.abs(projectile_x - own["x"]) - (9 + BODY) * SUB
    arrives = away // jnp.maximum(jnp.abs(seen["projectile_speed"]), 1)
    incoming = flies & (arrives < 12) & (arrives > -8)
    jumpable = flies & (arrives >= 8) & (arrives < 22)

    # Without need: what the style likes at this distance.
    zone = jnp.where(gap <= CLOSE, 0, jnp.where(gap <= MIDDLE, 1, 2))
    zone = jnp.where(lies, 3, zone)
    drawn = jnp.asarray(CHOICE)[style, me, zone, dice[0] >> 2].astype(jnp.int32)
    goes_on = (carry.left > 0) & ready
    option = jnp.where(goes_on, carry.option, drawn)
    lasts = jnp.where(drawn <= RETREAT, 1 + (dice[1] & 1), 0)
    left = jnp.where(goes_on, carry.left - 1, lasts)

    guess = jnp.maximum(bucket - 4 * (dice[2] < skill["sloppy"]), 0)
    poke = jnp.asarray(POKES)[me, guess, dice[3] >> 5].astype(jnp.int32)
    poke = jnp.where(poke < 0, _WALK, poke)
    grab, throw_range = (
        jnp.asarray(GRABS)[me],
        jnp.asarray(TABLES.stats.throw_range)[me] // SUB,
    )
    throw = jnp.where(distance <= throw_range, THROW_ACTION, _WALK)
    by_command = (grab >= 0) & (distance <= throw_range + 10) & (dice[3] < 160)
    throw = jnp.where(by_command, controls.FIRST_MACRO + grab, throw)
    fire = jnp.asarray(FIRES)[me, charges, dice[3] & 1].astype(jnp.int32)
    fire = jnp.where((fire < 0) | (own["projectile_life"] > 0) | foe_air, _GUARD_LOW, fire)
    rush = jnp.asarray(SPECIALS)[me, bucket, charges, dice[3] >> 6].astype(jnp.int32)
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
        jnp.asarray(PUNISH)[me, i, bucket, times[i], charges].astype(jnp.int32) for i in (0, 1)
    )
    action = take((rest > busy) & (strike >= 0) & (dice[5] < skill["punish"]), strike, action)
    action = take((reeling > 0) & (link >= 0) & (dice[5] < skill["combo"]), link, action)
    high = jnp.where(is_low, False, is_overhead | jumps_in)
    wrong = dice[7] >= skill["height"]
    guard = jnp.where(high ^ wrong, _GUARD_HIGH, _GUARD_LOW)
    danger = threat | incoming | (air_attack & jumps_in) | (comes_down & jumps_in)
    action = take(danger & (dice[6] < skill["block"]), guard, action)
    upward = jnp.asarray(ANTI_AIR)[me, charges].astype(jnp.int32)
    action = take(falls_on & (dice[5] < skill["anti_air"]), upward, action)
    rises = is_one_of(move, Kind.RISE) & (distance < 60) & (dice[5] < skill["reversal"])
    action = take(rises, upward, action)

    # While it cannot act it blocks, goes on from a hit, or strikes from the air.
    action = jnp.where(ready, action, guard)
    follow = jnp.asarray(CANCELS)[me, bucket, charges].astype(jnp.int32)
    touched = view.own.flags["cancels"] & (own["hits"] > 0)
    hit_now = is_one_of(view.other.move, Kind.HIT_STANDING, Kind.HIT_CROUCHING)
    follows = touched & hit_now & (follow >= 0) & (dice[5] < skill["combo"])
    action = take(follows, follow, action)
    my_gravity = jnp.asarray(TABLES.stats.gravity)[me]
    soon = (own["y"] + 8 * own["vy"] - 32 * my_gravity) // SUB
    descends = own["vy"] < 48
    over = jnp.abs(apart - own["vx"] * 8) // SUB < 66
    from_air = jnp.where(soon > 12, _AIR_SLOW, _AIR_FAST)
    from_air = jnp.where(descends & over & (soon < 58), from_air, _STAND)
    action = jnp.where(in_air, from_air, action)
    action = jnp.where(is_one_of(move, Kind.DIZZY), _MASH, action)

    action = jnp.where(right, action, jnp.asarray(_MIRROR)[action])
    left = jnp.where(ready, left, 0)
    return Carry(lines[:-1], option, left), action.astype(jnp.int32)
