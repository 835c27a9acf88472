"""The rules of a fight, frame by frame, in whole numbers only, so that every machine agrees.

Two fighters are handled by the same functions of "me" and "foe", both from the same moment, and
nothing reads which side is which. So a fight whose sides are swapped and whose inputs are mirrored
is the mirrored fight, bit for bit. The one thing that a mirror cannot decide, which way two
fighters part who stand on the very same point, follows the seat: the first goes left.

One frame: inputs are read (:func:`read`), time passes in moves and stuns (:func:`advance`), whoever
can starts a move (:func:`decide`), bodies and projectiles travel and part (:func:`travel`,
:func:`part`), and hits land on both at once (:func:`touch`, :func:`suffer`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from arenas.envs.fightladder.characters import TABLES
from arenas.envs.fightladder.moves import (
    BODIES,
    BUTTONS,
    FIRST_AIR,
    FIRST_CROUCH,
    FIRST_SPECIAL,
    FIRST_STAND,
    LAND_FRAMES,
    PROJECTILE_HALF_HEIGHT,
    PROJECTILE_HALF_WIDTH,
    PROJECTILE_START,
    SUB,
    THROW_REACHES,
    Height,
    Kind,
    Stance,
)
from arenas.envs.fightladder.tables import (
    CANCEL,
    GRAB,
    HIT,
    PROJECTILE_PROOF,
    SPAWN,
    STANCE_SHIFT,
    STRIKE_PROOF,
    THROW_PROOF,
    Stats,
)

STAGE = 144 * SUB
"""From the middle of the stage to either edge."""
START = 52 * SUB
"""From the middle to where fighters start."""
ROUND_FRAMES = 99 * 60

# Inputs: one bit each, in one whole number a frame.
UP, DOWN, LEFT, RIGHT = 1, 2, 4, 8
BUTTON_SHIFT = 4  # the six buttons of moves.BUTTONS follow
PUNCHES = 0b000111  # of the buttons; the kicks are the other three

CHARGE = 36
"""Frames that a charge takes; it lasts for ``CHARGE_KEPT`` frames after the release."""
CHARGE_KEPT = 10
WINDOW = 16
"""Frames from one direction of a motion to the end; the first of a dragon motion has 8 more."""
LAST_DIRECTION = 5
"""Frames from the last direction to the button."""
WANT_KEPT = 7
"""Frames for which an attack waits for its fighter to be able to make it."""
FOREVER = 99  # where counts of frames stop

PUSH_DECAY = 6
"""What a slide loses each frame, in parts of a unit."""
FALL_TRAVEL, FALL_SPEED, FALL_GRAVITY = 34, 70, 6
DOWN_FRAMES, DIZZY_FRAMES, BREAK_FRAMES, THROWN_FRAMES = 26, 90, 18, 20
MASH = 3
"""Frames that a press takes off dizziness."""
SAFE = 8
"""Frames after a stun, a fall or a landing in which no throw catches."""
BODY_HEIGHT = 60 * SUB
"""Bodies pass over each other from this height."""
SPECIAL_GRAB = 12 * SUB
"""What a special's grab reaches beyond a throw."""
LYING = int(Stance.LYING) << STANCE_SHIFT
STUN_DECAY = 8
"""A point of the stun meter goes every so many frames."""


class Fighter(NamedTuple):
    """One side, in whole numbers: scalars in a frame, int16 in a state.

    Positions are in sixteenths of a unit, x from the middle of the stage to the right, y from the
    ground up; speeds in those a frame. Directions are absolute: 4 is left.
    """

    # What everyone can see, in numbers:
    x: Any
    y: Any
    vx: Any  # in the air; during the start of a jump, what it will be
    vy: Any
    facing: Any  # 1 right, -1 left
    health: Any
    stun: Any  # points of the stun meter
    frame: Any  # of the move, from 0
    timer: Any  # frames left of a stun, a fall or a throw
    freeze: Any  # frames of standing still, because something was touched
    hits: Any  # number of the last hit of this move that touched
    combo: Any  # hits taken since it could last act
    push: Any  # speed at which it slides
    safe: Any  # frames in which no throw catches it
    wins: Any  # rounds won in this match
    projectile_x: Any  # its projectile
    projectile_y: Any
    projectile_speed: Any
    projectile_life: Any  # frames left, 0 without one
    # and in kinds:
    character: Any
    move: Any  # a Kind
    flags: Any  # of the row of the table of frames that it is in
    projectile_move: Any  # the Kind that sent the projectile
    # What only it knows:
    since_1: Any  # frames since this direction was held
    since_2: Any
    since_3: Any
    since_4: Any
    since_6: Any
    charge_left: Any  # frames
    charge_right: Any
    charge_down: Any
    held: Any  # buttons, as bits
    want: Any  # the attack asked for: 0, a button from 1, or 7 + 3 special + strength
    want_age: Any


NUM_FIELDS = len(Fighter._fields)


def unpack(fighters: Any, seat: int) -> Fighter:
    """One side of ``[2, NUM_FIELDS]`` as int32 scalars."""
    row = fighters[seat].astype(jnp.int32)
    return Fighter(*(row[i] for i in range(NUM_FIELDS)))


def pack(a: Fighter, b: Fighter) -> Any:
    """Both sides as int16 ``[2, NUM_FIELDS]``."""
    return jnp.stack([jnp.stack(f).astype(jnp.int16) for f in (a, b)])


def fresh(characters: Any) -> Any:
    """Both sides at the start of a match between ``characters`` ``[2]``: int16."""
    table = np.zeros((2, NUM_FIELDS), np.int16)

    def put(name: str, value: Any) -> None:
        table[:, Fighter._fields.index(name)] = value

    put("x", (-START, START))
    put("facing", (1, -1))
    for name in ("since_1", "since_2", "since_3", "since_4", "since_6"):
        put(name, FOREVER)
    column = np.arange(NUM_FIELDS)
    health = jnp.asarray(TABLES.stats.health)[characters]
    state = jnp.asarray(table)
    for name, value in (("character", characters), ("health", health)):
        here = column == Fighter._fields.index(name)
        state = jnp.where(here, jnp.asarray(value, jnp.int16)[:, None], state)
    return state


def stats_of(fighter: Fighter) -> Stats:
    """Its character's numbers."""
    return Stats(*(jnp.asarray(column)[fighter.character] for column in TABLES.stats))


TIMED = (
    Kind.BLOCK_STANDING,
    Kind.BLOCK_CROUCHING,
    Kind.HIT_STANDING,
    Kind.HIT_CROUCHING,
    Kind.DOWN,
    Kind.DIZZY,
    Kind.THROWN,
    Kind.BREAK,
)
"""Moves that last as long as ``Fighter.timer`` says."""


def is_one_of(move: Any, *kinds: Kind) -> Any:
    """Whether a move, or each of several, is one of these."""
    answer = move == int(kinds[0])
    for kind in kinds[1:]:
        answer |= move == int(kind)
    return answer


def is_air_attack(move: Any) -> Any:
    """Whether a move, or each of several, is a normal attack from a jump."""
    return (move >= FIRST_AIR) & (move < FIRST_AIR + len(BUTTONS))


def _byte(word: Any, i: int) -> Any:
    """Signed byte ``i`` of a word."""
    return (word << (24 - 8 * i)) >> 24


def read(me: Fighter, stats: Stats, keys: Any) -> Fighter:
    """Take in a frame's inputs: directions since, charges, and the attack they ask for.

    Args:
        me: the fighter.
        stats: its character's numbers.
        keys: the bits that are held, :data:`UP` and so on.
    """
    up, down, left, right = (keys & bit != 0 for bit in (UP, DOWN, LEFT, RIGHT))
    left, right = left & ~right, right & ~left
    up = up & ~down

    def since(count: Any, now: Any) -> Any:
        return jnp.where(now, 0, jnp.minimum(count + 1, FOREVER))

    level = ~up & ~down
    s1, s2, s3 = (
        since(me.since_1, down & left),
        since(me.since_2, down & ~left & ~right),
        since(me.since_3, down & right),
    )
    s4, s6 = since(me.since_4, level & left), since(me.since_6, level & right)

    def charged(count: Any, now: Any, gone: Any) -> Any:
        kept = jnp.where(gone < CHARGE_KEPT, count, 0)
        return jnp.where(now, jnp.minimum(count + 1, FOREVER), kept)

    charge_left = charged(me.charge_left, left, jnp.minimum(s1, s4))
    charge_right = charged(me.charge_right, right, jnp.minimum(s3, s6))
    charge_down = charged(me.charge_down, down, jnp.minimum(jnp.minimum(s1, s2), s3))

    toward = me.facing > 0
    forward, back = jnp.where(toward, s6, s4), jnp.where(toward, s4, s6)
    down_forward, down_back = jnp.where(toward, s3, s1), jnp.where(toward, s1, s3)
    charge_back = jnp.where(toward, charge_left, charge_right)
    motions = (
        (forward <= LAST_DIRECTION)
        & (forward < down_forward)
        & (down_forward < s2)
        & (s2 <= WINDOW),
        (back <= LAST_DIRECTION) & (back < down_back) & (down_back < s2) & (s2 <= WINDOW),
        (down_forward <= LAST_DIRECTION)
        & (down_forward < s2)
        & (s2 < forward)
        & (forward <= WINDOW + 8),
        (forward <= LAST_DIRECTION) & (charge_back >= CHARGE),
        up & (charge_down >= CHARGE),
    )
    entered = sum(motion.astype(jnp.int32) << i for i, motion in enumerate(motions))

    held = keys >> BUTTON_SHIFT
    pressed = held & ~me.held
    punch, kick = pressed & PUNCHES, pressed >> 3
    strength_p = (punch > 1).astype(jnp.int32) + (punch > 3)
    strength_k = (kick > 1).astype(jnp.int32) + (kick > 3)
    # The harder button counts, and of two as hard the punch.
    normal = jnp.where(
        (kick == 0) | ((punch > 0) & (strength_p >= strength_k)), 1 + strength_p, 4 + strength_k
    )
    want = jnp.where(pressed > 0, normal, me.want)
    for slot in (2, 1, 0):  # the first special is looked at last, and so goes first
        command = (stats.commands >> 8 * slot) & 0xFF
        kicks = command & 8 != 0
        asked = (entered >> (command & 7)) & 1 != 0
        asked &= jnp.where(kicks, kick, punch) > 0
        strength = jnp.where(kicks, strength_k, strength_p)
        want = jnp.where(asked, 7 + 3 * slot + strength, want)
    age = jnp.where(pressed > 0, 0, me.want_age + 1)
    want = jnp.where(age > WANT_KEPT, 0, want)
    mashed = jnp.where(is_one_of(me.move, Kind.DIZZY) & (pressed > 0), MASH, 0)
    return me._replace(
        held=held,
        since_1=s1,
        since_2=s2,
        since_3=s3,
        since_4=s4,
        since_6=s6,
        charge_left=charge_left,
        charge_right=charge_right,
        charge_down=charge_down,
        want=want,
        want_age=jnp.minimum(age, FOREVER),
        timer=jnp.maximum(me.timer - mashed, jnp.minimum(me.timer, 1)),
    )


def _length(me: Fighter) -> Any:
    return jnp.asarray(TABLES.first)[me.character, me.move] >> 16


def advance(me: Fighter, stats: Stats, clock: Any) -> Fighter:
    """Let a frame pass: in the move, in stuns and in falls. Whoever is frozen stays as it is."""
    move = me.move
    frame, timer = me.frame + 1, jnp.maximum(me.timer - 1, 0)
    timed = is_one_of(move, *TIMED)
    airborne = is_one_of(move, Kind.JUMP, Kind.FALL) | is_air_attack(move)
    ended = jnp.where(timed, timer == 0, ~airborne & (frame >= _length(me)))
    # Where it goes from there; standing, unless the move has a successor.
    after = jnp.where(is_one_of(move, Kind.PREJUMP), int(Kind.JUMP), int(Kind.STAND))
    after = jnp.where(is_one_of(move, Kind.DOWN), int(Kind.RISE), after)
    after = jnp.where(is_one_of(move, Kind.THROWN), int(Kind.FALL), after)
    dizzy = is_one_of(move, Kind.RISE) & (me.stun >= stats.stun_limit)
    after = jnp.where(dizzy, int(Kind.DIZZY), after)
    leaps, dropped = ended & is_one_of(move, Kind.PREJUMP), ended & is_one_of(move, Kind.THROWN)
    safe_now = ended & (timed | is_one_of(move, Kind.RISE))
    new_move = jnp.where(ended, after, move)
    # A full meter waits for the dizziness that it brings.
    decays = ((clock % STUN_DECAY == 0) & (me.stun < stats.stun_limit)).astype(jnp.int32)
    passing = me._replace(
        move=new_move,
        # Moves that last until something else ends them stay in their last row.
        frame=jnp.where(ended, 0, jnp.minimum(frame, _length(me) - 1)),
        timer=jnp.where(ended & dizzy, DIZZY_FRAMES, timer),
        stun=jnp.where(ended & dizzy, 0, jnp.maximum(me.stun - decays, 0)),
        vy=jnp.where(leaps, stats.jump_speed, jnp.where(dropped, FALL_SPEED, me.vy)),
        vx=jnp.where(dropped, -me.facing * FALL_TRAVEL, me.vx),
        hits=jnp.where(ended, 0, me.hits),
        combo=jnp.where(new_move <= Kind.CROUCH, 0, me.combo),
        safe=jnp.where(safe_now, SAFE, jnp.maximum(me.safe - 1, 0)),
    )
    still = me._replace(freeze=me.freeze - 1)
    frozen = me.freeze > 0
    return Fighter(*(jnp.where(frozen, s, p) for s, p in zip(still, passing, strict=True)))


def decide(me: Fighter, foe: Fighter, stats: Stats, keys: Any, frozen: Any) -> Fighter:
    """Start what the inputs ask for, if the fighter can."""
    neutral = (me.move <= Kind.CROUCH) & ~frozen
    apart = foe.x - me.x
    facing = jnp.where(neutral & (apart != 0), jnp.sign(apart), me.facing)
    up, down = keys & UP != 0, keys & DOWN != 0
    up &= ~down
    side = (keys & RIGHT != 0).astype(jnp.int32) - (keys & LEFT != 0)
    forward, back = side == facing, side == -facing

    wants_special = me.want >= 7
    slot = (me.want - 7) // 3
    sends = (stats.commands >> (8 * jnp.clip(slot, 0, 2))) & 16 != 0
    special = wants_special & ~(sends & (me.projectile_life > 0))
    wants_normal = (me.want > 0) & ~wants_special
    cancels = (me.flags & CANCEL != 0) & (me.hits > 0) & special & ~frozen
    # A throw comes out where it can catch; elsewhere the same input is a heavy punch.
    catchable = (foe.y == 0) & ~is_one_of(
        foe.move, Kind.PREJUMP, Kind.FALL, Kind.DOWN, Kind.RISE, Kind.THROWN
    )
    close = (jnp.abs(apart) <= stats.throw_range) & catchable
    throws = (me.want == 3) & (forward | back) & ~down & close
    jumps = neutral & up & ~special & ~wants_normal

    walk = jnp.where(forward, int(Kind.WALK_FORWARD), int(Kind.STAND))
    walk = jnp.where(back, int(Kind.WALK_BACK), walk)
    idle = jnp.where(down, int(Kind.CROUCH), walk)
    idle = jnp.where(up, int(Kind.PREJUMP), idle)
    first = jnp.where(down, int(FIRST_CROUCH), int(FIRST_STAND))
    ground = jnp.where(wants_normal, first + me.want - 1, idle)
    ground = jnp.where(throws, int(Kind.THROW), ground)
    special_move = FIRST_SPECIAL + me.want - 7
    ground = jnp.where(special, special_move, ground)
    in_air = is_one_of(me.move, Kind.JUMP) & wants_normal & ~frozen
    move = jnp.where(neutral, ground, me.move)
    move = jnp.where(cancels, special_move, move)
    move = jnp.where(in_air, FIRST_AIR + me.want - 1, move)
    started = cancels | in_air | (neutral & (move != me.move))
    attacks = cancels | in_air | (neutral & (special | wants_normal))
    return me._replace(
        facing=facing,
        move=move,
        frame=jnp.where(started, 0, me.frame),
        hits=jnp.where(started, 0, me.hits),
        vx=jnp.where(jumps, side * stats.jump_travel, me.vx),
        want=jnp.where(attacks, 0, me.want),
    )


def look_up(me: Fighter) -> tuple[Fighter, tuple[Any, Any, Any]]:
    """The row of the table of frames that a fighter is in: hit box, limb and travel words."""
    first = jnp.asarray(TABLES.first)[me.character, me.move] & 0xFFFF
    row = jnp.asarray(TABLES.frames)[first + me.frame]
    return me._replace(flags=row[3]), (row[0], row[1], row[2])


def travel(me: Fighter, stats: Stats, moving: Any, frozen: Any) -> Fighter:
    """Move a body by its walk, its move, its slide or its fall, and its projectile."""
    ahead = (moving << 16) >> 16
    scripted = moving >> 16
    walk = jnp.where(is_one_of(me.move, Kind.WALK_FORWARD), stats.walk_forward, 0)
    walk = jnp.where(is_one_of(me.move, Kind.WALK_BACK), -stats.walk_back, walk)
    falls = is_one_of(me.move, Kind.FALL)
    jumps = is_one_of(me.move, Kind.JUMP) | is_air_attack(me.move)
    flies = falls | jumps
    y = jnp.where(flies, me.y + me.vy, scripted)
    vy = jnp.where(flies, me.vy - jnp.where(falls, FALL_GRAVITY, stats.gravity), 0)
    landed = flies & (y <= 0)
    move = jnp.where(landed, jnp.where(falls, int(Kind.DOWN), int(Kind.LAND)), me.move)
    x = me.x + me.facing * (walk + ahead) + me.push + jnp.where(flies, me.vx, 0)
    slide = jnp.sign(me.push) * jnp.maximum(jnp.abs(me.push) - PUSH_DECAY, 0)

    def moved(new: Any, old: Any) -> Any:
        return jnp.where(frozen, old, new)

    spawns = (me.flags & SPAWN != 0) & ~frozen & (me.projectile_life == 0)
    effect = jnp.asarray(TABLES.effects)[me.character, me.move, 1]
    speed = jnp.asarray(TABLES.speed)[me.character, me.move]
    x = moved(x, me.x)
    projectile_x = me.projectile_x + jnp.where(me.projectile_life > 0, me.projectile_speed, 0)
    life = jnp.maximum(me.projectile_life - 1, 0)
    projectile_x = jnp.where(spawns, x + me.facing * PROJECTILE_START * SUB, projectile_x)
    life = jnp.where(spawns, (effect >> 20) & 0x7F, life)
    life = jnp.where(jnp.abs(projectile_x) > STAGE, 0, life)
    return me._replace(
        x=x,
        y=moved(jnp.maximum(y, 0), me.y),
        vx=moved(jnp.where(landed, 0, me.vx), me.vx),
        vy=moved(jnp.where(landed, 0, vy), me.vy),
        push=moved(slide, me.push),
        move=moved(move, me.move),
        frame=jnp.where(landed & ~frozen, 0, me.frame),
        timer=jnp.where(landed & falls & ~frozen, DOWN_FRAMES, me.timer),
        hits=jnp.where(landed & ~frozen, 0, me.hits),
        # Whoever has landed strikes no more: the row is that of the move that ended.
        flags=jnp.where(landed & ~frozen, jnp.where(falls, LYING, 0), me.flags),
        safe=jnp.where(landed & ~frozen, LAND_FRAMES + 2, me.safe),
        projectile_x=jnp.where(life > 0, projectile_x, 0),
        projectile_y=jnp.where(
            spawns, (effect >> 27 & 0x1F) * 4 * SUB, jnp.where(life > 0, me.projectile_y, 0)
        ),
        projectile_speed=jnp.where(
            spawns, me.facing * speed, jnp.where(life > 0, me.projectile_speed, 0)
        ),
        projectile_life=life,
        projectile_move=jnp.where(spawns, me.move, me.projectile_move),
    )


def part(a: Fighter, b: Fighter, wa: Any, wb: Any) -> tuple[Fighter, Fighter]:
    """Keep both on the stage, and out of each other.

    Args:
        a: the first seat's fighter.
        b: the second seat's.
        wa: half of the width that ``a`` keeps others away from.
        wb: the same, of ``b``.
    """
    solid = ~is_one_of(a.move, Kind.THROWN) & ~is_one_of(b.move, Kind.THROWN)
    solid &= ~is_one_of(a.move, Kind.DOWN, Kind.FALL) & ~is_one_of(b.move, Kind.DOWN, Kind.FALL)
    solid &= jnp.abs(a.y - b.y) < BODY_HEIGHT
    xa = jnp.clip(a.x, wa - STAGE, STAGE - wa)
    xb = jnp.clip(b.x, wb - STAGE, STAGE - wb)
    order = jnp.where(xa > xb, 1, -1)  # which way a goes
    overlap = jnp.maximum(wa + wb - jnp.abs(xa - xb), 0)
    half = jnp.where(solid, (overlap + 1) >> 1, 0)
    xa = jnp.clip(xa + order * half, wa - STAGE, STAGE - wa)
    xb = jnp.clip(xb - order * half, wb - STAGE, STAGE - wb)
    # Where the edge stopped one of them, the other gives way by the rest.
    rest = jnp.where(solid, jnp.maximum(wa + wb - jnp.abs(xa - xb), 0), 0)
    a_stopped = jnp.abs(xa) == STAGE - wa
    b_stopped = jnp.abs(xb) == STAGE - wb
    new_a = xa + order * jnp.where(b_stopped & ~a_stopped, rest, 0)
    new_b = xb - order * jnp.where(a_stopped & ~b_stopped, rest, 0)
    return a._replace(x=new_a), b._replace(x=new_b)


class Touch(NamedTuple):
    """What a fighter does to the other in a frame."""

    hit: Any  # a strike touches
    projectile: Any  # it touches
    grabs: Any  # a throw reaches
    damage: Any
    stun: Any
    hitstun: Any
    blockstun: Any
    push: Any
    chip: Any
    hitstop: Any
    height: Any
    knockdown: Any
    direction: Any  # in which whoever is touched slides


def _overlap(me: Fighter, box: Any, foe: Fighter, target: Any) -> Any:
    """Whether a box of mine, as four bytes, meets one of the foe's, as four numbers in units."""
    back, front, bottom, top = (SUB * _byte(box, i) for i in range(4))
    left = me.x + jnp.where(me.facing > 0, back, -front)
    right = me.x + jnp.where(me.facing > 0, front, -back)
    t_back, t_front, t_bottom, t_top = (SUB * t for t in target)
    t_left = foe.x + jnp.where(foe.facing > 0, t_back, -t_front)
    t_right = foe.x + jnp.where(foe.facing > 0, t_front, -t_back)
    wide = (left < t_right) & (t_left < right)
    high = (me.y + bottom < foe.y + t_top) & (foe.y + t_bottom < me.y + top)
    return wide & high & (t_front > t_back) & (front > back)


def _body(me: Fighter) -> tuple[Any, Any, Any, Any]:
    """Where a body can be hit, in units; nowhere while it lies."""
    stance = (me.flags >> STANCE_SHIFT) & 3

    def corner(i: int) -> Any:
        answer = jnp.full_like(stance, BODIES[Stance.LYING][i])
        for s in (Stance.STANDING, Stance.CROUCHING, Stance.AIRBORNE):
            answer = jnp.where(stance == int(s), BODIES[s][i], answer)
        return answer

    return corner(0), corner(1), corner(2), corner(3)


def touch(
    me: Fighter, foe: Fighter, stats: Stats, box: Any, foe_limb: Any, frozen: Any, clash: Any
) -> Touch:
    """What I do to the foe in this frame, before anything is suffered."""
    limb = tuple(_byte(foe_limb, i) for i in range(4))
    body = _body(foe)
    out = is_one_of(foe.move, Kind.FALL, Kind.DOWN, Kind.RISE, Kind.THROWN, Kind.THROWING)
    number = me.flags & HIT
    hit = (number > me.hits) & ~frozen & ~out & (foe.flags & STRIKE_PROOF == 0)
    hit &= _overlap(me, box, foe, body) | _overlap(me, box, foe, limb)

    sent = (me.projectile_life > 0) & ~out & ~clash & (foe.flags & PROJECTILE_PROOF == 0)
    near_x = jnp.abs(me.projectile_x - foe.x) < (PROJECTILE_HALF_WIDTH + body[1]) * SUB
    near_y = (me.projectile_y - PROJECTILE_HALF_HEIGHT * SUB < foe.y + body[3] * SUB) & (
        foe.y + body[2] * SUB < me.projectile_y + PROJECTILE_HALF_HEIGHT * SUB
    )
    sent &= near_x & near_y & (body[3] > body[2]) & ~hit

    reach = stats.throw_range + jnp.where(me.move >= FIRST_SPECIAL, SPECIAL_GRAB, 0)
    grabs = (me.flags & GRAB != 0) & ~frozen & (jnp.abs(me.x - foe.x) <= reach)
    grabs &= (foe.y == 0) & (foe.safe == 0) & (foe.flags & THROW_PROOF == 0)
    grabs &= ~out & ~is_one_of(
        foe.move,
        Kind.PREJUMP,
        Kind.BLOCK_STANDING,
        Kind.BLOCK_CROUCHING,
        Kind.HIT_STANDING,
        Kind.HIT_CROUCHING,
        Kind.BREAK,
    )

    source = jnp.where(sent, me.projectile_move, me.move)
    words = jnp.asarray(TABLES.effects)[me.character, source]
    low, high = words[0], words[1]
    return Touch(
        hit=hit,
        projectile=sent,
        grabs=grabs,
        damage=low & 0xFF,
        stun=(low >> 8) & 0xFF,
        hitstun=(low >> 16) & 0xFF,
        blockstun=(low >> 24) & 0xFF,
        push=high & 0xFF,
        chip=(high >> 8) & 0xF,
        hitstop=(high >> 12) & 0x1F,
        height=(high >> 17) & 3,
        knockdown=(high >> 19) & 1 != 0,
        direction=jnp.where(sent, jnp.sign(me.projectile_speed), me.facing),
    )


class Grip(NamedTuple):
    """How the throws of a frame end for one fighter."""

    catches: Any
    caught: Any
    breaks: Any  # two met


def grips(a: Fighter, b: Fighter, ta: Touch, tb: Touch) -> tuple[Grip, Grip]:
    """Settle both throws: a strike stops them, and two that meet break."""
    struck = ta.hit | ta.projectile | tb.hit | tb.projectile
    grabs_a, grabs_b = ta.grabs & ~struck, tb.grabs & ~struck
    reaches_a = is_one_of(a.move, Kind.THROW) & (a.frame < THROW_REACHES)
    reaches_b = is_one_of(b.move, Kind.THROW) & (b.frame < THROW_REACHES)
    breaks = (grabs_a & (grabs_b | reaches_b)) | (grabs_b & reaches_a)
    return (
        Grip(grabs_a & ~breaks, grabs_b & ~breaks, breaks),
        Grip(grabs_b & ~breaks, grabs_a & ~breaks, breaks),
    )


def suffer(
    me: Fighter,
    foe: Fighter,
    stats: Stats,
    mine: Touch,
    theirs: Touch,
    grip: Grip,
    keys: Any,
    clash: Any,
) -> Fighter:
    """Both touches at once, as they leave me.

    Args:
        me: the fighter.
        foe: the other, of the same moment.
        stats: my character's numbers.
        mine: what I do to the foe.
        theirs: what the foe does to me.
        grip: how throws end for me.
        keys: my inputs, which may block.
        clash: two projectiles met.
    """
    touched = theirs.hit | theirs.projectile
    # Away from a strike's maker, or from where a projectile came.
    source = jnp.where(theirs.projectile, -theirs.direction, jnp.sign(foe.x - me.x))
    source = jnp.where(source == 0, me.facing, source)
    side = (keys & RIGHT != 0).astype(jnp.int32) - (keys & LEFT != 0)
    down = keys & DOWN != 0
    able = (me.move <= Kind.CROUCH) | is_one_of(me.move, Kind.BLOCK_STANDING, Kind.BLOCK_CROUCHING)
    right_height = jnp.where(
        down, theirs.height != int(Height.OVERHEAD), theirs.height != int(Height.LOW)
    )
    blocks = touched & able & (side == -source) & right_height
    struck = touched & ~blocks

    # Hits of one combination do less and less, down to three eighths.
    harm = jnp.maximum(theirs.damage * jnp.maximum(16 - 2 * me.combo, 6) >> 4, 1)
    lost = jnp.where(struck, harm, 0) + jnp.where(blocks, theirs.chip, 0)
    lost += jnp.where(grip.caught, theirs.damage, 0)
    health = jnp.maximum(me.health - lost, 0)
    stun = me.stun + jnp.where(struck, theirs.stun, 0)
    falls = struck & (theirs.knockdown | (me.y > 0) | (health == 0) | (stun >= stats.stun_limit))
    reels = struck & ~falls

    crouching = down & able | ((me.flags >> STANCE_SHIFT) & 3 == int(Stance.CROUCHING))
    move = jnp.where(
        blocks, jnp.where(down, int(Kind.BLOCK_CROUCHING), int(Kind.BLOCK_STANDING)), me.move
    )
    reeling = jnp.where(crouching, int(Kind.HIT_CROUCHING), int(Kind.HIT_STANDING))
    move = jnp.where(reels, reeling, move)
    move = jnp.where(falls, int(Kind.FALL), move)
    move = jnp.where(grip.caught, int(Kind.THROWN), move)
    move = jnp.where(grip.catches, int(Kind.THROWING), move)
    move = jnp.where(grip.breaks, int(Kind.BREAK), move)
    anew = touched | grip.caught | grip.catches | grip.breaks
    timer = jnp.where(reels, theirs.hitstun, me.timer)
    timer = jnp.where(blocks, theirs.blockstun, timer)
    timer = jnp.where(grip.caught, THROWN_FRAMES, timer)
    timer = jnp.where(grip.breaks, BREAK_FRAMES, timer)

    push = jnp.where(anew, 0, me.push)
    # Long combinations push farther away, so that they end.
    push = jnp.where(reels, theirs.direction * (theirs.push + 6 * jnp.minimum(me.combo, 8)), push)
    push = jnp.where(blocks, theirs.direction * (theirs.push * 3 >> 2), push)
    # Whoever stands at the edge cannot slide away, so whoever struck does.
    cornered = (jnp.abs(foe.x) >= STAGE - 20 * SUB) & (jnp.sign(foe.x) == mine.direction)
    rebounds = mine.hit & cornered & (me.y == 0) & ~touched
    push = jnp.where(rebounds, -mine.direction * (mine.push * 3 >> 2), push)
    push = jnp.where(grip.breaks, -me.facing * 80, push)

    freeze = jnp.where(touched, theirs.hitstop, me.freeze)
    freeze = jnp.where(mine.hit & ~touched, mine.hitstop, freeze)
    gone = mine.projectile | clash
    return me._replace(
        health=health,
        stun=stun,
        move=move,
        frame=jnp.where(anew, 0, me.frame),
        timer=timer,
        freeze=freeze,
        hits=jnp.where(anew, 0, jnp.where(mine.hit, me.flags & HIT, me.hits)),
        combo=me.combo + struck,
        push=push,
        facing=jnp.where(touched & (me.y == 0), source, me.facing),
        vx=jnp.where(falls, theirs.direction * FALL_TRAVEL, me.vx),
        vy=jnp.where(falls, FALL_SPEED, me.vy),
        y=jnp.where(falls, jnp.maximum(me.y, SUB), me.y),
        want=jnp.where(anew, 0, me.want),
        projectile_life=jnp.where(gone, 0, me.projectile_life),
        projectile_x=jnp.where(gone, 0, me.projectile_x),
        projectile_y=jnp.where(gone, 0, me.projectile_y),
        projectile_speed=jnp.where(gone, 0, me.projectile_speed),
    )


def frame(
    a: Fighter, b: Fighter, sa: Stats, sb: Stats, clock: Any, ka: Any, kb: Any, live: Any
) -> tuple[Fighter, Fighter]:
    """One frame of a fight that goes on.

    Args:
        a: the first seat's fighter.
        b: the second seat's.
        sa: numbers of the first's character.
        sb: numbers of the second's.
        clock: frames left.
        ka: the first's inputs, as bits.
        kb: the second's.
        live: True, in a way that only the running program knows and that is the same for a whole
            batch, such as ``i >= 0`` in a loop over frames ``i``: see :func:`_staged`.
    """
    fa, fb = a.freeze > 0, b.freeze > 0

    def staged(stage: Any, *values: Any) -> Any:
        return _staged(live, stage, values)

    a, b = staged(lambda a, b: (read(a, sa, ka), read(b, sb, kb)), a, b)
    a, b = staged(lambda a, b: (advance(a, sa, clock), advance(b, sb, clock)), a, b)
    a, b = staged(lambda a, b: (decide(a, b, sa, ka, fa), decide(b, a, sb, kb, fb)), a, b)
    (a, boxes_a), (b, boxes_b) = staged(lambda a, b: (look_up(a), look_up(b)), a, b)
    a, b = staged(lambda a, b: (travel(a, sa, boxes_a[2], fa), travel(b, sb, boxes_b[2], fb)), a, b)
    a, b = staged(lambda a, b: part(a, b, sa.half_width, sb.half_width), a, b)

    def touches(a, b):
        clash = (a.projectile_life > 0) & (b.projectile_life > 0)
        clash &= jnp.abs(a.projectile_x - b.projectile_x) < 2 * PROJECTILE_HALF_WIDTH * SUB
        clash &= jnp.abs(a.projectile_y - b.projectile_y) < 2 * PROJECTILE_HALF_HEIGHT * SUB
        return (
            touch(a, b, sa, boxes_a[0], boxes_b[1], fa, clash),
            touch(b, a, sb, boxes_b[0], boxes_a[1], fb, clash),
            clash,
        )

    ta, tb, clash = staged(touches, a, b)

    def suffers(a, b, ta, tb, clash):
        ga, gb = grips(a, b, ta, tb)
        return suffer(a, b, sa, ta, tb, ga, ka, clash), suffer(b, a, sb, tb, ta, gb, kb, clash)

    return staged(suffers, a, b, ta, tb, clash)


def tick(now: tuple[Fighter, Fighter, Any], stats: Any, keys: Any, i: Any) -> Any:
    """One frame of a round: both fighters and the clock, which stay as they are once it is over.

    Args:
        now: both fighters, and the frames left.
        stats: numbers of both characters.
        keys: inputs of both, whole numbers ``[2, frames]``.
        i: which of the frames, from 0; of a loop.
    """
    a, b, clock = now
    going = (a.health > 0) & (b.health > 0) & (clock > 0)
    new = frame(a, b, stats[0], stats[1], clock, keys[0, i], keys[1, i], i >= 0)
    return jax.tree.map(lambda n, o: jnp.where(going, n, o), (*new, clock - 1), now)


def film(fighters: Any, clock: Any, keys: Any) -> tuple[Any, Any]:
    """A round frame by frame, for viewers.

    Args:
        fighters: int16 ``[2, NUM_FIELDS]``.
        clock: int16, frames left.
        keys: inputs of both, whole numbers ``[2, frames]``.

    Returns:
        Both fighters, int16 ``[frames, 2, NUM_FIELDS]``, and the clock, int16 ``[frames]``, after
        each frame. Rounds won are not counted: an environment does so at the end of its step.
    """
    a, b = unpack(fighters, 0), unpack(fighters, 1)
    stats = stats_of(a), stats_of(b)

    def record(now: Any, i: Any) -> Any:
        a, b, clock = new = tick(now, stats, keys, i)
        return new, (pack(a, b), clock.astype(jnp.int16))

    start = (a, b, jnp.asarray(clock).astype(jnp.int32))
    return jax.lax.scan(record, start, jnp.arange(keys.shape[1]))[1]


def _staged(live: Any, stage: Any, values: Any) -> Any:
    """``stage(*values)``, computed once.

    Left alone, XLA would compute what leads to a number anew for each of its uses, a hundredfold in
    all. It looks into no conditional, so each stage is one, on a condition that always holds.
    """
    shapes = jax.eval_shape(stage, *values)

    def skip(*values: Any) -> Any:
        return jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)

    return jax.lax.cond(live, stage, skip, *values)
