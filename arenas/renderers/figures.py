"""FightLadder's figures: a body with joints for every frame of every move, as primitives.

Heads, hands and feet are where the boxes of :data:`arenas.envs.fightladder.poses.POSES` have them;
elbows and knees follow from the lengths of bones. Over a few frames of a move they glide, so that
a limb is drawn back, shot out and taken home, and is where its box is while it hits.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from math import floor
from typing import NamedTuple

import numpy as np

from arenas.envs.fightladder.characters import CHARACTERS, NAMES, TABLES
from arenas.envs.fightladder.fight import Fighter
from arenas.envs.fightladder.looks import LOOKS, Look
from arenas.envs.fightladder.moves import FIRST_AIR, FIRST_SPECIAL, FIRST_STAND, Box, Kind, Move
from arenas.envs.fightladder.pixels import COLOURS
from arenas.envs.fightladder.poses import BOXES, POSES, SPANS, Pose, Shape
from arenas.envs.fightladder.tables import HIT
from arenas.renderers.scene import WHITE, Ellipse, Item, Line, Number, Point, Polygon
from arenas.renderers.symbols import blend

OUTLINE = "#191622"
EDGE = 4.0
"""Logical pixels that the outline adds to a line's thickness."""

LYING = (Kind.FALL, Kind.DOWN, Kind.THROWN)
IDLE = (Kind.STAND, Kind.CROUCH, Kind.DIZZY, Kind.BLOCK_STANDING, Kind.BLOCK_CROUCHING)
WALKS = (Kind.WALK_FORWARD, Kind.WALK_BACK)
HURT = (Kind.HIT_STANDING, Kind.HIT_CROUCHING, Kind.FALL, Kind.THROWN, Kind.BREAK)

WALK_STEP = 128
"""Sixteenths of a unit that a foot moves before the other does, as in the pixel observation."""
WALK_PHASES, BREATHS = 8, 4


class Dress(NamedTuple):
    """What a character wears beside the clothes of its :class:`~looks.Look`."""

    hair: str
    shoes: str  # empty for bare feet
    gloves: str  # empty for bare hands
    sleeves: bool
    wears: str  # what is drawn at the look's mark
    accent: str
    belt: str = ""
    fist: float = 3.6  # radius, units


DRESSES: dict[str, Dress] = {
    "asano": Dress("#33262a", "", "#c23b3b", True, "band", "#c23b3b", "#23202b"),
    "brandt": Dress("#e6cb55", "#59402b", "#59402b", False, "brush", "#e6cb55", "#59402b"),
    "cleo": Dress("#6a3c22", "#f3f0ea", "", False, "ponytail", "#6a3c22", "#f2d24b"),
    "dozer": Dress("#b98a60", "#2f2b35", "", False, "crest", "#c8323c", "#f2d24b"),
    "esme": Dress("#a8482c", "#43285c", "#43285c", True, "blade", "#c9d3de"),
    "fang": Dress("#2f7b36", "", "#e9e4c8", False, "tail", "#2f7b36"),
    "goro": Dress("#26202a", "", "", False, "knot", "#26202a", "#2c3470"),
    "hex": Dress("#d9d2e8", "#3a1d50", "", True, "hat", "#3f1f59", "#d9b44a"),
    "ilya": Dress("#4c3a2c", "#35302b", "#35302b", True, "beret", "#76232b", "#35302b"),
    "juno": Dress("#241a1c", "#f3f0ea", "#cf3440", False, "braid", "#241a1c", "#f3f0ea", 5.2),
    "kiri": Dress("#2f5d60", "#24464a", "#24464a", True, "scarf", "#e2604f", "#e2604f"),
    "lazar": Dress("#211a26", "#211a26", "#efe9ee", True, "cape", "#3c1239", "#e0b64c"),
}


# Where joints are ---------------------------------------------------------------------------------


class Body(NamedTuple):
    """Places in units from the feet, x ahead; far limbs are those behind the body."""

    head: Point
    chest: Point
    hip: Point
    far_hand: Point
    hand: Point
    far_foot: Point
    foot: Point
    turn: float = 0.0  # of the head, radians, backwards

    def shifted(self, **by: Point) -> Body:
        """With some places moved."""
        moved = {n: (getattr(self, n)[0] + x, getattr(self, n)[1] + y) for n, (x, y) in by.items()}
        return self._replace(**moved)


def _row(character: int, move: int, frame: int) -> int:
    return (int(TABLES.first[character, move]) & 0xFFFF) + frame


@functools.lru_cache(maxsize=1 << 12)
def boxes(row: int) -> Pose:
    """The boxes of a row of the table of poses; those that are nowhere are zeros."""
    edges = POSES[row].view(np.int8).tolist()
    spans = edges[2 * len(BOXES) :]
    heights = {shape: (spans[2 * i], spans[2 * i + 1]) for i, shape in enumerate(SPANS)}
    sides = zip(edges[0::2], edges[1::2], strict=True)
    both = zip(BOXES, sides, strict=False)
    return Pose(*((*x, *heights[shape]) if x[0] < x[1] else (0, 0, 0, 0) for shape, x in both))


def tip(f: Fighter) -> Point | None:
    """The middle of the end of the limb that hits now, in units ahead and up; None for none."""
    box = boxes(_row(f.character, f.move, f.frame)).tip
    return ((box[0] + box[1]) / 2, (box[2] + box[3]) / 2) if box[0] < box[1] else None


def _is_kick(character: int, move: int) -> bool:
    if move >= FIRST_SPECIAL:
        return CHARACTERS[character].specials[(move - FIRST_SPECIAL) // 3].button == "K"
    return Kind(move).name.endswith("K")


def _middle(box: Box) -> Point:
    return (box[0] + box[1]) / 2, (box[2] + box[3]) / 2


def _there(box: Box) -> bool:
    return box[0] < box[1]


def _lying_body(pose: Pose, move: int) -> Body:
    back, front, bottom, top = pose.torso
    middle = (bottom + top) / 2
    airborne = move != Kind.DOWN
    leg = pose.leg
    return Body(
        head=_middle(pose.head),
        chest=(back + 4, middle),
        hip=(front - 1, middle - 1),
        far_hand=(back + 4, top + 12) if airborne else (back + 16, bottom + 1),
        hand=(_middle(pose.arm)[0], pose.arm[3]) if airborne else (back + 20, bottom + 2),
        far_foot=(leg[1] - 2, bottom + 5),
        foot=(leg[1] - 8, bottom + 16) if airborne else (leg[1] - 6, bottom + 3),
        turn=math.pi / 2,
    )


def _body(character: int, move: int, frame: int) -> Body:
    """Where the table has it."""
    pose = boxes(_row(character, move, frame))
    if move in LYING:
        return _lying_body(pose, move)
    look = LOOKS.get(NAMES[character], Look())
    kick, torso = _is_kick(character, move), pose.torso
    lean = (torso[0] + torso[1]) / 2
    if torso[1] - torso[0] > 2 * look.torso + 2:
        return _flying_body(pose, kick)
    near_leg = pose.leg if _there(pose.leg) else pose.limb
    far, near = _middle(pose.legs)[0], _middle(near_leg)[0]
    ground = pose.legs[2]
    neck = torso[3]
    arm = pose.arm
    body = Body(
        head=_middle(pose.head),
        chest=(lean, neck - 7.0),
        hip=(lean * 0.3, torso[2] + 2.0),
        far_hand=(look.torso + 5 + lean, neck - 15.0),
        hand=(look.torso + 9 + lean, neck - 8.0),
        far_foot=(far, ground),
        foot=(near, ground),
        turn=-lean * 0.03,
    )
    if move in (Kind.BLOCK_STANDING, Kind.BLOCK_CROUCHING):
        body = body._replace(hand=(arm[1] - 1, arm[3] - 7), far_hand=(arm[1], arm[3] - 20))
    elif move == Kind.DIZZY:
        body = body._replace(hand=(look.torso + 2, 30), far_hand=(-look.torso - 3, 32), turn=-0.35)
    elif move in HURT:
        body = body._replace(
            hand=(arm[1] + 4, arm[3]), far_hand=(-look.torso - 6, arm[2] - 10), turn=0.4
        )
    elif _there(arm):
        x = arm[0] if arm[1] <= 4 else arm[1]
        body = body._replace(hand=(x, (arm[2] + arm[3]) / 2 + 1))
    if _there(pose.limb) and move >= FIRST_STAND:
        body = _striking(body, pose, look, character, move, frame, kick)
    return body


@functools.cache
def _moves(character: int) -> tuple[Move, ...]:
    return CHARACTERS[character].moves()  # made anew at each call


def _striking(
    body: Body, pose: Pose, look: Look, character: int, move: int, frame: int, kick: bool
) -> Body:
    """The same, with a limb stretched out."""
    special = CHARACTERS[character].specials[max(0, move - FIRST_SPECIAL) // 3]
    attack = _moves(character)[move]
    back, front, bottom, top = pose.limb
    middle, neck = (bottom + top) / 2, pose.torso[3]
    raised = top - bottom > front - back
    end = (float(front), middle)
    if back <= -12:  # to both sides
        if kick:
            return body._replace(foot=end, far_foot=(float(back), middle))
        return body._replace(hand=end, far_hand=(float(back), middle))
    if kick:
        if frame < attack.startup - 2:  # a knee is raised
            return body._replace(foot=(front - 5.0, bottom - 6.0))
        if raised:
            end = ((back + front) / 2, float(top))
        elif _there(pose.tip) and pose.tip[3] <= bottom + 6 and bottom > 20:  # a heel comes down
            end = ((pose.tip[0] + pose.tip[1]) / 2, pose.tip[2] + 3.0)
        elif top <= 16:
            end = (front - 3.0, 4.0)
        body = body._replace(
            foot=end, hand=(body.chest[0] - 2, neck - 17.0), far_hand=(-look.torso - 9, neck - 18.0)
        )
        pull = min(9.0, max(0.0, (math.dist(body.hip, end) - 1.06 * look.hip) * 0.4))
        return body.shifted(hip=(pull, 0), chest=(-0.3 * pull, -0.3 * pull), head=(-0.3 * pull, 0))
    if move == Kind.THROWING:
        return body._replace(hand=(front - 2.0, top + 1.0), far_hand=(front - 8.0, top - 1.0))
    if attack.grab or attack.projectile is not None:
        both = body._replace(hand=(front, middle + 2), far_hand=(front - 1.0, middle - 4))
        return both.shifted(chest=(3, 0), head=(3, -1))
    if raised:
        end = ((back + front) / 2, top - 3.0)
        body = body._replace(hand=end, far_hand=(-2.0, neck - 24.0))
        stretch = 0.25 * max(0.0, top - neck - 30)
        return body.shifted(chest=(3, stretch), head=(-2, stretch), hip=(0, 0.7 * stretch))
    end = (front - 3.0, middle)
    other = (-look.torso + 3.0, neck - 13.0)
    pull = min(10.0, max(0.0, (math.dist(body.chest, end) - 34) * 0.5))
    if special.name in ("hundred hands", "maul") and move >= FIRST_SPECIAL:
        # Hits alternate between both hands.
        if max(0, frame - attack.startup) // attack.active % 2:
            body = body._replace(hand=other, far_hand=end)
        else:
            body = body._replace(hand=end, far_hand=other)
    else:
        body = body._replace(hand=end, far_hand=other)
    return body.shifted(
        chest=(pull, -0.1 * pull), head=(pull * 0.8, -0.1 * pull), hip=(pull / 3, 0)
    )


def _flying_body(pose: Pose, kick: bool) -> Body:
    """A body that strikes as a whole, off its feet."""
    back, front, bottom, top = pose.torso
    middle = (bottom + top) / 2
    if kick:  # feet first
        return Body(
            head=(back + 2.0, middle + 14),
            chest=(back + 8.0, middle + 5),
            hip=(back + 22.0, middle - 4),
            far_hand=(back - 4.0, middle - 8),
            hand=(back + 20.0, middle + 14),
            far_foot=(front - 10.0, middle - 14),
            foot=(front + 5.0, middle + 3),
            turn=0.35,
        )
    return Body(  # head or fist first
        head=(front - 7.0, middle + 11),
        chest=(front - 17.0, middle + 4),
        hip=(back + 12.0, middle - 7),
        far_hand=(front - 20.0, middle - 14),
        hand=(front + 6.0, middle),
        far_foot=(back - 14.0, bottom - 14.0),
        foot=(back + 2.0, bottom - 22.0),
        turn=-0.75,
    )


def _mixed(bodies: list[tuple[Number, Body]]) -> Body:
    total = sum(w for w, _ in bodies)

    def places(name: str) -> Point:
        x = sum(w * getattr(b, name)[0] for w, b in bodies) / total
        return x, sum(w * getattr(b, name)[1] for w, b in bodies) / total

    turn = sum(w * b.turn for w, b in bodies) / total
    return Body(*(places(name) for name in Body._fields[:-1]), turn=turn)


GLIDE = (0.6, 0.28, 0.12)
"""Weights of this frame's places, the last frame's, and those of the frame before it."""


@functools.lru_cache(maxsize=1 << 12)
def body(character: int, move: int, frame: int, phase: int) -> Body:
    """Where a figure's parts are.

    Args:
        character: index in ``NAMES``.
        move: a ``Kind``.
        frame: of the move.
        phase: of a walk, of breath, or of a fall's tumble; see :func:`phase_of`.
    """
    found = _body(character, move, frame)
    if move in WALKS:
        # Between both steps of the tables, the feet off the ground in turns.
        look = LOOKS.get(NAMES[character], Look())
        other = boxes(len(TABLES.frames) + character)
        narrow = (_middle(other.legs)[0], _middle(other.leg)[0])
        turn = 2 * math.pi * phase / WALK_PHASES
        share = 0.5 - 0.5 * math.cos(turn)
        lift = 0.12 * look.hip * math.sin(turn)
        far = found.far_foot[0] * (1 - share) + narrow[0] * share
        near = found.foot[0] * (1 - share) + narrow[1] * share
        bob = 1.2 * share
        return found._replace(far_foot=(far, max(0.0, lift)), foot=(near, max(0.0, -lift))).shifted(
            head=(0, bob), chest=(0, bob), hip=(0, bob), hand=(0, bob), far_hand=(0, bob)
        )
    if move in IDLE:
        down = (0.0, -0.5, -1.0, -0.5)[phase]
        return found.shifted(
            head=(0, down), chest=(0, down), hand=(0, 1.6 * down), far_hand=(0, 1.6 * down),
            hip=(0, down / 2),
        )  # fmt: skip
    if move == Kind.FALL:
        return _turned(found, (-12.0, 8.0), -0.12 * phase)
    if move < FIRST_STAND and move != Kind.RISE:
        return found
    last = [found]
    for i in (1, 2):
        if frame >= i:
            last.append(_body(character, move, frame - i))
        else:
            rest = Kind.JUMP if FIRST_AIR <= move < Kind.THROW else Kind.STAND
            low = Kind.CROUCH_LP <= move <= Kind.CROUCH_HK or move == Kind.RISE
            last.append(_body(character, Kind.CROUCH if low else rest, 0))
    return _mixed(list(zip(GLIDE, last, strict=True)))


def _turned(found: Body, middle: Point, angle: Number) -> Body:
    """Turned around a point, counterclockwise where it faces right."""
    c, s = math.cos(angle), math.sin(angle)

    def turn(p: Point) -> Point:
        x, y = p[0] - middle[0], p[1] - middle[1]
        return middle[0] + c * x - s * y, middle[1] + s * x + c * y

    return Body(*(turn(p) for p in found[:-1]), turn=found.turn + angle)  # type: ignore[arg-type]


def phase_of(f: Fighter, clock: int) -> int:
    """What :func:`body` asks for beside the frame of a move."""
    if f.move in WALKS:
        return abs(f.x) * WALK_PHASES // (2 * WALK_STEP) % WALK_PHASES
    if f.move in IDLE:
        return clock // 9 % BREATHS
    if f.move == Kind.FALL:
        return max(-5, min(5, f.vy // 14))
    return 0


def joint(a: Point, b: Point, first: Number, second: Number, side: int) -> Point:
    """The elbow or knee between ``a`` and ``b``; bones that are too short are stretched.

    Args:
        a: shoulder or hip.
        b: hand or foot.
        first: length of the bone at ``a``.
        second: length of the other.
        side: 1 to bend to the left of the way from ``a`` to ``b``, −1 to the right.
    """
    dx, dy = b[0] - a[0], b[1] - a[1]
    d = math.hypot(dx, dy)
    if d >= first + second or d < 1e-6:
        share = first / (first + second)
        return a[0] + dx * share, a[1] + dy * share
    along = (first * first - second * second + d * d) / (2 * d)
    out = math.sqrt(max(0.0, first * first - along * along)) * side
    return a[0] + (along * dx - out * dy) / d, a[1] + (along * dy + out * dx) / d


# Drawing ------------------------------------------------------------------------------------------


class _Pen:
    """From units around the feet to logical pixels."""

    def __init__(self, x: Number, y: Number, scale: Number, facing: int) -> None:
        self.x, self.y, self.scale, self.way = x, y, scale, facing * scale
        self.items: list[Item] = []

    def at(self, points: tuple[Point, ...]) -> tuple[Point, ...]:
        """Points in logical pixels, to the tenth."""
        x, y, way, scale = self.x, self.y, self.way, self.scale
        # A fight has a hundred such points a picture, and rounding to a digit is slow.
        return tuple(
            [(floor(10 * (x + a * way) + 0.5) / 10, floor(10 * (y - b * scale) + 0.5) / 10)
             for a, b in points]
        )  # fmt: skip

    def limb(self, points: tuple[Point, ...], thick: Number, color: str) -> None:
        where = self.at(points)
        thick = round(thick * self.scale, 1)
        self.items.append(Line(where, OUTLINE, thick + EDGE))
        self.items.append(Line(where, color, thick))

    def shape(self, points: tuple[Point, ...], color: str, edge: Number = EDGE / 2) -> None:
        where = self.at(points)
        self.items.append(Polygon(where, color, OUTLINE if edge else "", edge or 1.0))

    def disc(self, p: Point, rx: Number, ry: Number, color: str, edge: Number = EDGE / 2) -> None:
        [(x, y)] = self.at((p,))
        rx, ry = round(rx * self.scale, 1), round(ry * self.scale, 1)
        self.items.append(Ellipse(x, y, rx, ry, color, OUTLINE if edge else "", edge or 1.0))

    def stroke(self, points: tuple[Point, ...], thick: Number, color: str) -> None:
        where = self.at(points)
        self.items.append(Line(where, color, round(thick * self.scale, 1)))


def _hex(rgb: np.ndarray) -> str:
    return "#" + bytes(rgb.tolist()).hex()


@functools.lru_cache(maxsize=64)
def _clothes(character: int, other: bool) -> tuple[str, str, str]:
    """Colours of legs, torso and skin."""
    legs, torso, head = (
        _hex(COLOURS[int(other), character, shape])
        for shape in (Shape.LEGS, Shape.TORSO, Shape.HEAD)
    )
    return legs, torso, head


@functools.lru_cache(maxsize=256)
def _darker(color: str, share: Number = 0.72) -> str:
    return blend(color, OUTLINE, share)


def figure(
    f: Fighter, x: Number, y: Number, scale: Number, *, other_clothes: bool = False, clock: int = 0
) -> list[Item]:
    """A fighter as it is in a frame.

    Args:
        f: the fighter.
        x: of its feet, logical pixels.
        y: likewise.
        scale: logical pixels of a unit.
        other_clothes: clothes of other colours, where both are the same character.
        clock: frames left; breath and ribbons follow it.
    """
    name = NAMES[f.character]
    look = LOOKS.get(name, Look())
    dress = DRESSES.get(name, DRESSES["asano"])
    pen = _Pen(x, y, scale, f.facing)
    row = _row(f.character, f.move, f.frame)
    special = ""
    if f.move >= FIRST_SPECIAL:
        special = CHARACTERS[f.character].specials[(f.move - FIRST_SPECIAL) // 3].name
    b = body(f.character, f.move, f.frame, phase_of(f, clock))
    legs, torso, skin = _clothes(f.character, other_clothes)
    strikes = bool(int(TABLES.frames[row, 3]) & HIT)
    sway = (0.0, 1.0, 0.0, -1.0)[clock // 6 % 4]
    if special == "roll" and boxes(row).torso[1] > 20:
        _ball(pen, boxes(row).torso, torso, dress, f.frame)
        return pen.items
    _worn_behind(pen, b, look, dress, sway)

    bone = 0.54 * look.hip
    up = _unit(b.hip, b.chest)
    side = (up[1], -up[0])  # ahead of the body
    thick_arm = 5.2 * math.sqrt(look.torso / 9)
    sleeve = torso if dress.sleeves else skin
    shoulder = (b.chest[0] + 0.25 * look.torso * side[0], b.chest[1] + 0.25 * look.torso * side[1])
    far_shoulder = (b.chest[0] - 0.1 * side[0], b.chest[1] - 0.1 * side[1])
    pelvis = 0.28 * look.torso
    near_hip = (b.hip[0] + pelvis * side[0] * 0.6, b.hip[1])
    far_hip = (b.hip[0] - pelvis * side[0] * 0.6, b.hip[1])

    _arm(pen, far_shoulder, b.far_hand, thick_arm, _darker(sleeve), dress, skin, far=True)
    _leg(pen, far_hip, b.far_foot, bone, look.leg, _darker(legs), dress, skin, far=True)
    _trunk(pen, b, up, side, look, torso)
    _leg(pen, near_hip, b.foot, bone, look.leg, legs, dress, skin)
    if name == "hex":
        _robe(pen, b, look, legs)
    if dress.belt:
        w = 0.62 * look.torso
        ends = tuple(
            (b.hip[0] + s * w * side[0] + 1.5 * up[0], b.hip[1] + s * w * side[1] + 1.5 * up[1])
            for s in (-1, 1)
        )
        pen.stroke(ends, 3.0, dress.belt)
    raised = b.hand[1] > b.head[1] + 12
    if not raised:
        _head(pen, f, b, look, dress, skin, sway)
    _arm(pen, shoulder, b.hand, thick_arm, sleeve, dress, skin)
    if raised:
        _head(pen, f, b, look, dress, skin, sway)
    if dress.wears == "blade" and f.move not in LYING:
        _blade(pen, shoulder, b.hand)
    if strikes:
        _flare(pen, f)
    return pen.items


def _unit(a: Point, b: Point) -> Point:
    d = math.dist(a, b) or 1.0
    return (b[0] - a[0]) / d, (b[1] - a[1]) / d


def _arm(
    pen: _Pen,
    shoulder: Point,
    hand: Point,
    thick: Number,
    color: str,
    dress: Dress,
    skin: str,
    far: bool = False,
) -> None:
    elbow = joint(shoulder, hand, 14, 14, -1)
    pen.limb((shoulder, elbow, hand), thick, color)
    fist = dress.gloves or skin
    size = dress.fist * math.sqrt(thick / 5.2)
    pen.disc(hand, size, size, _darker(fist) if far else fist)


def _leg(
    pen: _Pen,
    hip: Point,
    foot: Point,
    bone: Number,
    thick: Number,
    color: str,
    dress: Dress,
    skin: str,
    far: bool = False,
) -> None:
    grounded = foot[1] < 3
    heel = (foot[0], foot[1] + 3.0) if grounded else foot
    knee = joint(hip, heel, bone, bone, 1)
    knee = (knee[0], max(knee[1], min(4.0, heel[1])))
    pen.limb((hip, knee, heel), 0.86 * thick, color)
    along = _unit(knee, heel)
    toe = (1.0, 0.0) if grounded else (-along[1], along[0])
    tip = (heel[0] + 6 * toe[0], heel[1] + 6 * toe[1] - (0.8 if grounded else 0))
    shoe = dress.shoes or skin
    pen.limb((heel, tip), 4.4, _darker(shoe) if far else shoe)


def _trunk(pen: _Pen, b: Body, up: Point, side: Point, look: Look, color: str) -> None:
    wide, waist = 0.86 * look.torso, 0.68 * look.torso
    length = math.dist(b.hip, b.chest)

    def at(along: Number, across: Number) -> Point:
        return (
            b.hip[0] + along * up[0] + across * side[0],
            b.hip[1] + along * up[1] + across * side[1],
        )

    pen.shape(
        (
            at(-3, -waist), at(0.45 * length, -0.92 * waist), at(0.8 * length, -wide),
            at(length + 2, -0.9 * wide), at(length + 5.5, -0.45 * wide),
            at(length + 5.5, 0.45 * wide), at(length + 2, 0.9 * wide), at(0.78 * length, wide),
            at(0.4 * length, waist), at(-3, waist),
        ),
        color,
    )  # fmt: skip


def _robe(pen: _Pen, b: Body, look: Look, color: str) -> None:
    """A skirt over both legs."""
    low = min(b.foot[1], b.far_foot[1]) + 7
    left, right = sorted((b.foot[0], b.far_foot[0]))
    raised = abs(b.foot[1] - b.far_foot[1]) > 10
    if raised or right - left > 44 or low > b.hip[1] - 6:
        return
    w = 0.75 * look.torso
    pen.shape(
        (
            (b.hip[0] - w, b.hip[1] + 3),
            (b.hip[0] + w, b.hip[1] + 3),
            (right + 7, low),
            (left - 7, low),
        ),
        color,
    )


def _head(
    pen: _Pen, f: Fighter, b: Body, look: Look, dress: Dress, skin: str, sway: Number
) -> None:
    half, tall = look.head[0] + 0.8, look.head[1] / 2 + 0.4
    c, s = math.cos(b.turn), math.sin(b.turn)

    def at(ahead: Number, above: Number) -> Point:
        return b.head[0] + c * ahead - s * above, b.head[1] + s * ahead + c * above

    r = (half + tall) / 2
    pen.disc(b.head, r + 0.9, r + 0.9, dress.hair)
    pen.disc(at(1.5, -1.4), r - 1.0, r - 1.1, skin, 0)
    if dress.wears == "tail":  # a snout
        pen.shape((at(2, -1), at(half + 6, -2.5), at(half + 5, -6), at(1, -7)), skin)
    if dress.wears == "scarf":  # a mask
        pen.shape(
            (at(-half, -2), at(half + 0.6, -1.5), at(half - 1.5, -tall), at(-2, -tall)),
            dress.hair,
            0,
        )
    eye = half * 0.55 + 0.8
    if f.move == Kind.DIZZY or f.health == 0:
        for i in (1, -1):
            pen.stroke((at(eye - 1.5, 1.5 * i), at(eye + 1.5, -1.5 * i)), 0.7, OUTLINE)
    elif f.move in HURT:
        pen.stroke((at(eye - 1.8, 1.2), at(eye + 1.2, 0.2), at(eye - 1.8, -0.8)), 0.7, OUTLINE)
    else:
        pen.stroke((at(eye, 1.4), at(eye, -0.9)), 1.1, OUTLINE)
        pen.stroke((at(eye - 2.2, 3.2), at(eye + 1.6, 2.2)), 0.8, dress.hair)
    _worn_on_head(pen, at, look, dress, sway)
    if f.move == Kind.DIZZY:
        for i in range(3):
            a = f.timer * 0.16 + i * 2.1
            star = (b.head[0] + 11 * math.cos(a), b.head[1] + tall + 6 + 3 * math.sin(a))
            pen.disc(star, 1.7, 1.7, "#ffe45c")


def _worn_on_head(
    pen: _Pen, at: Callable[[float, float], Point], look: Look, dress: Dress, sway: Number
) -> None:
    half, tall = look.head[0] + 0.8, look.head[1] / 2
    back, front, bottom, top = look.mark
    back, front, bottom, top = back - 2, front - 2, bottom + tall, top + tall
    accent, wears = dress.accent, dress.wears
    if wears == "band":
        middle = (bottom + top) / 2
        for i, drop in enumerate((2.0, 6.0)):
            end = (back - 1 + i, middle - drop + sway * (1 + i))
            pen.stroke(
                (at(-half, middle), at((back - half) / 2, middle - drop / 3), at(*end)), 1.7, accent
            )
        pen.stroke((at(-half - 0.4, middle), at(half + 0.4, middle)), 3.2, accent)
    elif wears == "brush":
        pen.shape(
            (at(back, bottom - 3), at(back - 0.5, top), at(front, top), at(front, bottom - 1.5)),
            accent,
        )
    elif wears == "ponytail":
        pen.limb(
            (at(-half, tall - 4), at(back - 1, -1), at(back - 1 + sway, bottom - 2)), 3.4, accent
        )
        pen.disc(at(-half - 0.5, tall - 4), 2.2, 2.2, dress.belt, 0)
    elif wears == "crest":
        pen.shape(
            (
                at(back - 3, bottom - 9), at(back - 7, bottom - 2), at(back - 3, bottom),
                at(back - 3, top + 3), at(back + 1, top), at(back + 4, top + 5), at(front - 1, top),
                at(front + 4, top + 3), at(front + 3, bottom - 2),
            ),
            accent,
        )  # fmt: skip
    elif wears == "knot":
        pen.disc(at((back + front) / 2, bottom + 2.2), 3.2, 2.8, accent)
    elif wears == "hat":
        middle = (back + front) / 2
        pen.shape(
            (
                at(middle - 7, bottom + 3),
                at(middle - 5, bottom + 18),
                at(middle - 9 + sway, bottom + 23),
                at(middle + 1, bottom + 18),
                at(middle + 7.5, bottom + 3),
            ),
            accent,
        )
        pen.limb((at(back - 3, bottom + 1), at(front + 3, bottom + 1)), 3.0, accent)
        pen.stroke((at(middle - 6, bottom + 4.5), at(middle + 6.5, bottom + 4.5)), 2.2, dress.belt)
    elif wears == "beret":
        pen.shape(
            (
                at(front + 0.5, bottom - 2),
                at(back, bottom - 1),
                at(back - 2.5, bottom + 2.5),
                at(back + 2, top + 1),
                at(front - 3, top),
                at(front + 1, bottom + 1),
            ),
            accent,
        )
    elif wears == "braid":
        pen.limb((at(-half + 1, 3), at(back - 1, -3), at(back - 2 + sway, bottom)), 2.6, accent)
    elif wears == "scarf":
        pen.limb((at(-half + 1, -tall), at(half - 2, -tall)), 3.6, accent)


def _worn_behind(pen: _Pen, b: Body, look: Look, dress: Dress, sway: Number) -> None:
    back, _, bottom, top = look.mark
    hip, chest = b.hip, b.chest
    if dress.wears == "tail":
        end = (hip[0] + back + 1, hip[1] + top + 5 + 2 * sway)
        pen.limb(
            (hip, (hip[0] - 11, hip[1] + bottom), (hip[0] + back + 2, hip[1] + bottom), end),
            3.4,
            dress.accent,
        )
    elif dress.wears == "cape":
        up = _unit(hip, chest)
        low = (hip[0] - 30 * up[0], hip[1] - 30 * up[1])
        pen.shape(
            (
                (chest[0] + 3, chest[1] + 4), (chest[0] - 9, chest[1] + 2),
                (hip[0] - 15 - sway, hip[1]), (low[0] - 19 - 2 * sway, max(2.0, low[1])),
                (low[0] - 3, max(2.0, low[1] + 3)), (hip[0] + 2, hip[1]),
            ),
            dress.accent,
        )  # fmt: skip
    elif dress.wears == "blade":  # the sheath
        pen.limb((hip, (hip[0] + back, hip[1] + bottom - 4)), 2.2, "#5b4a33")
    elif dress.wears == "scarf":
        neck = (chest[0] - 4, chest[1] + 7)
        for i in (0, 1):
            far = (neck[0] - 17 + 4 * i, neck[1] - 4 - 5 * i + sway * (1.5 - 2 * i))
            pen.stroke((neck, (neck[0] - 8, neck[1] + 1 - 3 * i), far), 2.6, dress.accent)


def _blade(pen: _Pen, shoulder: Point, hand: Point) -> None:
    """A rapier that goes on where the arm ends."""
    ahead = _unit(shoulder, hand)
    end = (hand[0] + 13 * ahead[0], hand[1] + 13 * ahead[1] + 3)
    pen.limb((hand, end), 1.0, "#e6edf4")


def _flare(pen: _Pen, f: Fighter) -> None:
    """What marks a frame that hits: light around the end of the limb."""
    pose = boxes(_row(f.character, f.move, f.frame))
    if not _there(pose.tip):
        return
    x, y = _middle(pose.tip)
    wide, high = (pose.tip[1] - pose.tip[0]) / 2, (pose.tip[3] - pose.tip[2]) / 2
    pen.disc((x, y), max(wide, 5.0) + 2, max(high, 5.0) + 1, "#fff2b066", 0)
    pen.disc((x, y), 3.4, 3.4, "#ffffffb0", 0)


def _ball(pen: _Pen, box: Box, color: str, dress: Dress, frame: int) -> None:
    """A body that rolls."""
    x, y = _middle(box)
    r = min(box[1] - box[0], box[3] - box[2]) / 2 + 2
    pen.disc((x, y), r, r, color, 3)
    for i in range(3):
        a = -frame * 0.7 + i * 2.1
        points = tuple(
            (x + q * r * math.cos(a + q), y + q * r * math.sin(a + q)) for q in (0.25, 0.6, 0.95)
        )
        pen.stroke(points, 2.4, dress.accent)
    for i in (1, 2, 3):
        back = box[0] - 5 - 6 * i
        pen.stroke(((back, y + 10 - 6 * i), (back + 9, y + 10 - 6 * i)), 1.4, WHITE + "90")
