"""Where the shapes of a fighter are in each frame of each move.

Limbs follow the boxes that hit. Worked out once, when this module is imported, into :data:`POSES`,
one row for each row of the table of frames.
"""

from __future__ import annotations

import enum
from typing import Any, NamedTuple

import numpy as np

from arenas.envs.fightladder.characters import CHARACTERS, TABLES
from arenas.envs.fightladder.looks import LOOKS, Look
from arenas.envs.fightladder.moves import (
    FIRST_AIR,
    FIRST_SPECIAL,
    FIRST_STAND,
    NOWHERE,
    Box,
    Height,
    Kind,
    Move,
    Stance,
    height_at,
)
from arenas.envs.fightladder.tables import HIT, Character


class Shape(enum.IntEnum):
    """A bit of a row and of a column; later ones cover earlier ones."""

    LEGS = 0
    TORSO = 1
    HEAD = 2
    MARK = 3
    """What the character wears; stars of the dizzy, the spark of a hit."""
    ARM = 4
    """Of someone who blocks, a bar in front."""
    LIMB = 5
    """An arm or a leg that is stretched out to strike."""
    TIP = 6
    """Its end, in the frames in which it hits."""
    PROJECTILE = 7


class Pose(NamedTuple):
    """Where the shapes of a fighter are, as boxes from its feet; two of legs, and of marks."""

    legs: Box = NOWHERE
    leg: Box = NOWHERE
    torso: Box = NOWHERE
    head: Box = NOWHERE
    mark: Box = NOWHERE
    mark_2: Box = NOWHERE
    arm: Box = NOWHERE
    limb: Box = NOWHERE
    tip: Box = NOWHERE


BOXES = (  # which shape each box of a pose is part of; two of one shape share their rows
    Shape.LEGS,
    Shape.LEGS,
    Shape.TORSO,
    Shape.HEAD,
    Shape.MARK,
    Shape.MARK,
    Shape.ARM,
    Shape.LIMB,
    Shape.TIP,
)


def _figure(
    look: Look,
    hip: int,
    neck: int,
    *,
    feet: tuple[int, int] = (-12, 12),
    foot: int = 0,
    lean: int = 0,
    arm: int | None = 0,
) -> Pose:
    """An upright body: feet at ``foot``, outer edges of the legs at ``feet``."""
    half, tall = look.head
    worn = look.mark
    base = neck + tall if look.worn == "head" else hip
    shift = 2 * lean if look.worn == "head" else 0
    mark = (worn[0] + shift, worn[1] + shift, worn[2] + base, worn[3] + base)
    reach = look.torso + 8
    return Pose(
        legs=(feet[0], feet[0] + look.leg, foot, hip),
        leg=(feet[1] - look.leg, feet[1], foot, hip),
        torso=(lean - look.torso, lean + look.torso, hip - 2, neck),
        head=(2 * lean + 2 - half, 2 * lean + 2 + half, neck, neck + tall),
        mark=mark if worn != NOWHERE else NOWHERE,
        arm=(look.torso - 2 + lean, reach + lean, neck - 14 + arm, neck - 6 + arm)
        if arm is not None
        else NOWHERE,
    )


def _standing(look: Look, **changes: Any) -> Pose:
    return _figure(look, look.hip, 80 - look.head[1], **changes)


def _crouching(look: Look, **changes: Any) -> Pose:
    return _figure(look, 16, 54 - look.head[1], **{"feet": (-15, 15), **changes})


def _flying(look: Look, **changes: Any) -> Pose:
    given = {"feet": (-9, 6), "foot": 20, **changes}
    return _figure(look, 44, 84 - look.head[1], **given)


def _lying(look: Look, height: int, arm: bool = False) -> Pose:
    """On its back, the head away from where it faces."""
    half, tall = look.head
    thick = look.torso + 3
    return Pose(
        legs=(0, 14, height, height + 7),
        leg=(16, 34, height, height + 7),
        torso=(-28, 0, height, height + thick),
        head=(-28 - tall, -28, height + 1, height + 1 + 2 * half),
        arm=(-20, -12, height + thick, height + thick + 10) if arm else NOWHERE,
    )


def _spark(pose: Pose, x: int, y: int) -> Pose:
    return pose._replace(mark=(x, x + 4, y, y + 8), mark_2=(x + 8, x + 12, y, y + 8))


def _plain(look: Look, kind: Kind, frame: int) -> Pose:
    """Everything that is no attack."""
    stand, torso = _standing(look), look.torso
    if kind is Kind.WALK_FORWARD or kind is Kind.WALK_BACK:
        return _standing(look, feet=(-17, 15))
    if kind is Kind.CROUCH:
        return _crouching(look)
    if kind is Kind.PREJUMP or kind is Kind.LAND:
        return _figure(look, 22, 66 - look.head[1], feet=(-13, 13), arm=-8)
    if kind is Kind.JUMP:
        return _flying(look)
    if kind is Kind.BLOCK_STANDING:
        return _standing(look, lean=-3)._replace(arm=(torso + 2, torso + 8, 26, 82))
    if kind is Kind.BLOCK_CROUCHING:
        return _crouching(look, lean=-3)._replace(arm=(torso + 4, torso + 10, 0, 56))
    if kind is Kind.HIT_STANDING:
        hurt = _standing(look, lean=-7, feet=(-10, 15))._replace(arm=(2, 14, 66, 72))
        return _spark(hurt, 6, 52)
    if kind is Kind.HIT_CROUCHING:
        hurt = _crouching(look, lean=-7)._replace(arm=(2, 14, 40, 46))
        return _spark(hurt, 8, 26)
    if kind is Kind.FALL:
        return _lying(look, 4, arm=True)
    if kind is Kind.DOWN:
        return _lying(look, 0)
    if kind is Kind.THROWN:
        return _lying(look, 34, arm=True)
    if kind is Kind.RISE:
        if frame < 7:
            return _figure(look, 10, 38 - look.head[1], feet=(-18, 18), lean=-3, arm=None)
        return _crouching(look, lean=-1, arm=-10)
    if kind is Kind.DIZZY:
        reel = _standing(look, lean=2, feet=(-15, 15))._replace(arm=(torso, torso + 5, 20, 48))
        return reel._replace(mark=(-12, -6, 86, 91), mark_2=(10, 16, 86, 91))
    if kind is Kind.BREAK:
        return _spark(_standing(look, lean=-5)._replace(arm=(2, 16, 58, 64)), 16, 46)
    if kind is Kind.THROWING:
        return _standing(look, lean=1)._replace(arm=NOWHERE, limb=(4, 30, 56, 66))
    return stand


def _attack(look: Look, move: Move, kind: Kind, frame: int, kick: bool, hit: bool) -> Pose:
    """A frame of an attack: drawn back, stretched out, or on its way home."""
    torso, (back, front, bottom, top) = look.torso, move.box
    raised = bool(height_at(move, frame)) or move.stance is Stance.AIRBORNE
    low = move.stance is Stance.CROUCHING or (move.box != NOWHERE and top <= 32 and not raised)
    curled = move.box != NOWHERE and bottom <= 8 and 38 <= top <= 62 and not move.rise
    since = frame - move.startup
    until = move.active * move.hits
    body = _flying if raised else _crouching if low or curled else _standing
    lean = -2 if since < -2 else 2 if since < until else 0
    pose = body(look, lean=lean, arm=0)
    shoulder = pose.torso[3] - 10
    if move.grab:
        if since < 0:
            return pose._replace(arm=(-torso - 8, -torso + 2, shoulder - 4, shoulder + 6))
        reach = (torso - 4, 36, shoulder - 6, shoulder + 2)
        end = (30, 37, shoulder - 14, shoulder + 8) if since < until else NOWHERE
        return pose._replace(arm=NOWHERE, limb=reach if since < until + 6 else NOWHERE, tip=end)
    if move.projectile is not None:
        at = move.projectile.height
        if since < 0:
            return pose._replace(
                arm=(-torso - 9, -torso + 3, min(at, shoulder) - 5, min(at, shoulder) + 5)
            )
        if since < 14:
            hands = (18, 26, at - 9, at + 9) if since < until else NOWHERE
            return pose._replace(arm=NOWHERE, limb=(torso - 3, 26, at - 5, at + 5), tip=hands)
        return pose._replace(arm=(torso - 2, torso + 6, 26, 44))
    out = -2 <= since < until + move.recovery // 2
    wide, tall = front - max(back, 0), top - bottom
    if not out:
        if since < 0 and kick:  # a knee is raised
            knee = (pose.legs[3] - 10) if not low else 2
            return pose._replace(leg=NOWHERE, limb=(2, torso + 8, knee, knee + 12))
        if since < 0:
            return pose._replace(arm=(-torso - 9, -torso + 2, shoulder - 5, shoulder + 4))
        return pose._replace(arm=(torso - 2, torso + 5, shoulder - 22, shoulder - 6))
    pose = pose._replace(arm=NOWHERE)
    if kick and not raised:
        pose = pose._replace(leg=NOWHERE)
    thick = 5 if kick else 4
    if move.hits > 1:  # another place with each hit
        step = (max(since, 0) // 3) % 3
        middle = bottom + tall * (1 + 2 * step) // 6
    else:
        middle = (bottom + top) // 2
    if raised and tall > 20 and kind >= FIRST_AIR and kind < FIRST_AIR + 6:
        middle = bottom + thick + 4 if kick else top - thick - 6
    if back <= -12:  # to both sides
        limb = (back, front, middle - thick, middle + thick)
        tip = (back, front, middle - 3, middle + 3)
    elif tall > wide and top > 84:  # upward
        x = min(torso + 3, front - 8)
        limb = (x - thick, x + thick + 2, shoulder - 4, top)
        tip = (x - thick - 4, front, top - 16, top)
    elif move.height is Height.OVERHEAD and move.rise:  # down on a head
        limb = (torso - 8, front - 6, 36, 46)
        tip = (front - 14, front, bottom, 40)
    elif top <= 16:  # along the ground
        limb, tip = (4, front, 0, 9), (front - 12, front, 0, top)
    elif tall >= 38 and wide <= 42 and move.hits == 1:  # with the whole body
        pose = pose._replace(torso=(-torso - 3, front - 6, bottom + 4, top - 4))
        limb, tip = NOWHERE, (front - 7, front, bottom, top)
    else:
        limb = (torso - 6, front, middle - thick, middle + thick)
        reach = min(tall, 22) // 2
        tip = (front - 9, front, middle - reach, middle + reach)
    if not hit and since >= until:  # on its way back
        limb = (limb[0], max(limb[0] + 8, limb[1] * 2 // 3), *limb[2:]) if limb != NOWHERE else limb
    return pose._replace(limb=limb, tip=tip if hit else NOWHERE)


def _pose(character: Character, kind: Kind, move: Move, frame: int, hit: bool) -> Pose:
    look = LOOKS.get(character.name, Look())
    if kind < FIRST_STAND or kind is Kind.THROWING:
        return _plain(look, kind, frame)
    if kind >= FIRST_SPECIAL:
        kick = character.specials[(kind - FIRST_SPECIAL) // 3].button == "K"
    else:
        kick = kind.name.endswith("K")
    return _attack(look, move, kind, frame, kick, hit)


def _edges(pose: Pose) -> list[int]:
    """A row of :data:`POSES`: left and right of every box, then bottom and top of every shape."""
    sides = [edge for box in pose for edge in box[:2]]
    spans: dict[Shape, tuple[int, int]] = {}
    for shape, box in zip(BOXES, pose, strict=True):
        if box != NOWHERE:
            assert spans.get(shape, box[2:]) == box[2:], "two boxes of a shape share their rows"
            spans[shape] = box[2:]
    return sides + [edge for shape in SPANS for edge in spans.get(shape, (0, 0))]


SPANS = tuple(dict.fromkeys(BOXES))


def _poses() -> np.ndarray:
    rows = []
    for character, firsts in zip(CHARACTERS, TABLES.first, strict=True):
        for kind, move, first in zip(Kind, character.moves(), firsts, strict=True):
            for frame in range(move.frames):
                hit = bool(TABLES.frames[(first & 0xFFFF) + frame, 3] & HIT)
                rows.append(_edges(_pose(character, kind, move, frame, hit)))
    for character in CHARACTERS:  # the other step of a walk, behind all the rest
        look = LOOKS.get(character.name, Look())
        rows.append(_edges(_standing(look, feet=(-8, 8), lean=1)))
    table = np.array(rows)
    assert table.min() >= -128 and table.max() < 128, "edges are bytes"
    return table.astype(np.int8).view(np.int32)


POSES: np.ndarray = _poses()
"""int32 ``[rows of the table of frames + characters, 8]``: four edges in each, units."""
