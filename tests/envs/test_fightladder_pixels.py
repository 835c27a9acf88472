import importlib.util
import itertools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import arenas
from arenas.envs.fightladder import fight, moves, pixels, poses, tables
from arenas.envs.fightladder.characters import CHARACTERS, NAMES, TABLES
from arenas.envs.fightladder.controls import mirror_table
from arenas.envs.fightladder.fight import STAGE, Fighter
from arenas.envs.fightladder.moves import SUB, Kind, Stance
from arenas.envs.fightladder.pixels import GROUND, KEPT, NUM_SEEN, PIXEL, Seen
from arenas.envs.fightladder.poses import Shape

OBSERVE, RENDER = jax.jit(pixels.observation), jax.jit(pixels.render)
SIZE = len(Seen._fields)
SINGLE = jax.jit(
    lambda a, b, clock, keys: fight.frame(
        a, b, fight.stats_of(a), fight.stats_of(b), clock, keys[0], keys[1], clock > 0
    )
)
MIRROR = mirror_table("transformed")


def one(**given):
    """What is drawn of a fighter; positions in units."""
    whole = dict.fromkeys(Seen._fields, 0) | {"facing": 1, "health": 176} | given
    return [
        v * SUB if n in ("x", "y", "projectile_x", "projectile_y") else v for n, v in whole.items()
    ]


def frame(left, right, clock=5940):
    right = {"x": 52, "facing": -1} | right
    return np.array([*one(**{"x": -52, **left}), *one(**right), clock], np.int16)


def seen_by(picture_of, characters=(0, 0), seat=0):
    """The grey picture of a frame that lasts, without the channels."""
    shown = np.asarray(OBSERVE(np.tile(picture_of, (KEPT, 1)), np.array(characters)))[seat]
    assert (shown == shown[:, :, :1]).all()
    return shown[:, :, 0]


def mirrored(rows):
    """The same frames with left and right swapped, int16 ``[..., NUM_SEEN]``."""
    rows = np.array(rows)
    sides = rows[..., :-1].reshape(*rows.shape[:-1], 2, SIZE)[..., ::-1, :].copy()
    for name in ("x", "facing", "projectile_x"):
        sides[..., Seen._fields.index(name)] *= -1
    return np.concatenate([sides.reshape(*rows.shape[:-1], -1), rows[..., -1:]], -1)


def active(character, kind):
    move = CHARACTERS[character].moves()[kind]
    return move.startup if move.active else move.frames // 2


# An oracle: the same shapes, filled pixel by pixel ------------------------------------------------


def by_hand(row, characters, seat):
    """A frame drawn by loops over pixels, from POSES, LEVELS and what the module says of both."""
    picture = np.where(np.arange(100) < GROUND, pixels.DARK, pixels.FLOOR)[:, None]
    picture = np.tile(picture, (1, 128)).astype(np.uint8)
    sides = [Seen(*row[s * SIZE : (s + 1) * SIZE].tolist()) for s in (0, 1)]
    spans = [shape for n, shape in enumerate(poses.BOXES) if shape not in poses.BOXES[:n]]

    def boxes(s):
        f, found = sides[s], []
        index = (int(TABLES.first[characters[s], f.move]) & 0xFFFF) + f.frame
        if f.move in (Kind.WALK_FORWARD, Kind.WALK_BACK) and abs(f.x) // 128 % 2:
            index = len(TABLES.frames) + characters[s]
        edges = poses.POSES[index].view(np.int8).astype(int)
        for n, shape in enumerate(poses.BOXES):
            back, front = edges[2 * n : 2 * n + 2] * SUB
            at = 2 * len(poses.BOXES) + 2 * spans.index(shape)
            bottom, top = edges[at : at + 2] * SUB
            left, right = (back, front) if f.facing > 0 else (-front, -back)
            found.append((shape, f.x + left, f.x + right, f.y + bottom, f.y + top))
        if f.projectile_y:
            wide, high = moves.PROJECTILE_HALF_WIDTH * SUB, moves.PROJECTILE_HALF_HEIGHT * SUB
            ball = (
                f.projectile_x - wide,
                f.projectile_x + wide,
                f.projectile_y - high,
                f.projectile_y + high,
            )
            found.append((Shape.PROJECTILE, *ball))
        return [box for box in found if box[1] < box[2] and box[3] < box[4]]

    for striking in (False, True):
        for own, s in ((0, 1 - seat), (1, seat)):
            for shape, left, right, bottom, top in sorted(boxes(s)):
                if (shape >= Shape.ARM) != striking:
                    continue
                for c in range(128):
                    middle = (2 * c - 127) * PIXEL / 2
                    for r in range(100):
                        height = (GROUND - r) * PIXEL - PIXEL // 2  # of the row's middle
                        if left <= middle <= right and bottom < height <= top:
                            picture[r, c] = pixels.LEVELS[own, characters[s], shape]
    return picture


@pytest.mark.parametrize("seed", range(6))
def test_a_picture_is_its_shapes_filled_pixel_by_pixel(seed):
    rng = np.random.default_rng(seed)
    characters = rng.integers(0, len(NAMES), 2)

    def side(s):
        kind = int(rng.integers(0, len(Kind)))
        return {
            "x": int(rng.integers(-130, 131)),
            "y": int(rng.integers(0, 60)) * int(rng.integers(0, 2)),
            "facing": int(rng.choice([-1, 1])),
            "move": kind,
            "frame": int(rng.integers(0, CHARACTERS[characters[s]].moves()[kind].frames)),
            "projectile_x": int(rng.integers(-150, 151)),
            "projectile_y": int(rng.choice([0, 24, 52])),
        }

    row = frame(side(0), side(1))
    for seat in (0, 1):
        drawn = seen_by(row, characters, seat)
        expected = by_hand(row, characters, seat)
        below = 14  # the bars
        assert (drawn[below:] == expected[below:]).all()


# Mirror -------------------------------------------------------------------------------------------


def test_the_mirrored_fight_gives_the_mirrored_picture():
    env = arenas.make("fightladder-pixels-v0")
    step = jax.jit(jax.vmap(env.step_unfinished, (None, 0, 0)))
    pairs = np.array([(0, 5), (5, 0), (3, 10), (10, 3)], np.int32)
    start = jax.vmap(lambda c: env.reset(jax.random.key(0), characters=c))
    state, timestep = jax.jit(start)(pairs)
    rng = np.random.default_rng(0)
    for _ in range(120):
        action = rng.integers(0, env.num_actions, (4, 2))
        action[1::2] = MIRROR[action[::2]][:, ::-1]
        picture = np.asarray(timestep.observation)
        assert (picture[::2] == picture[1::2, ::-1, :, ::-1]).all()
        assert (np.asarray(state.history[1::2]) == mirrored(state.history[::2])).all()
        state, timestep = step(jax.random.key(0), state, action)
    assert (np.asarray(state.history[:, -1, Seen._fields.index("health")]) < 150).any()


def test_bars_are_mirrored_with_the_fighters():
    row = frame(
        {"health": 90, "stun": 30, "wins": 1}, {"health": 33, "stun": 0, "wins": 0}, clock=3000
    )
    swapped = mirrored(row)
    for seat in (0, 1):
        a, b = seen_by(row, (2, 7), seat), seen_by(swapped, (7, 2), 1 - seat)
        assert (a == b[:, ::-1]).all()


# What can be told apart ---------------------------------------------------------------------------


def test_a_seat_sees_itself_brighter_than_its_double():
    row = frame({}, {})
    for seat in (0, 1):
        picture = seen_by(row, (4, 4), seat)[20:GROUND]
        halves = [picture[:, :64], picture[:, 64:]]
        levels = [np.setdiff1d(half, [pixels.DARK]) for half in halves]
        assert levels[seat].min() > levels[1 - seat].max()


def test_characters_look_different():
    pictures = [seen_by(frame({"x": 0}, {"x": 140}), (c, 0)).tobytes() for c in range(len(NAMES))]
    assert len(set(pictures)) == len(NAMES)


@pytest.mark.parametrize("character", range(len(NAMES)), ids=NAMES)
def test_every_move_shows_more_than_standing(character):
    """What a fighter does is seen from its picture: shapes of two kinds differ in some frame."""
    shown = {}
    for kind, first, move in zip(
        Kind, TABLES.first[character] & 0xFFFF, CHARACTERS[character].moves(), strict=True
    ):
        film = poses.POSES[first : first + move.frames]
        # Air travels, and strengths of one special, show in where a fighter is, frame by frame.
        air = tuple(moves.height_at(move, f) // SUB for f in range(move.frames))
        shown[kind] = (film.tobytes(), air, move.travel, move.projectile)
    same = {frozenset((a, b)) for a in Kind for b in Kind if a < b and shown[a] == shown[b]}
    alike = frozenset((Kind.WALK_FORWARD, Kind.WALK_BACK))  # told apart by where they lead
    land = frozenset((Kind.PREJUMP, Kind.LAND))  # 4 frames and 3
    assert same <= {alike, land}


def test_the_tip_of_a_limb_shows_in_the_frames_that_hit():
    tip = 2 * poses.BOXES.index(Shape.TIP)
    sides = poses.POSES.view(np.int8)[: len(TABLES.frames), tip : tip + 2]
    hits = TABLES.frames[:, 3] & tables.HIT != 0
    grabs = TABLES.frames[:, 3] & tables.GRAB != 0
    spawns = TABLES.frames[:, 3] & tables.SPAWN != 0
    shows = sides[:, 0] < sides[:, 1]
    assert shows[hits | grabs | spawns].all()
    sends = np.zeros(len(TABLES.frames), bool)
    for character, firsts in zip(CHARACTERS, TABLES.first & 0xFFFF, strict=True):
        for first, move in zip(firsts, character.moves(), strict=True):
            sends[first : first + move.frames] = move.projectile is not None
    assert not shows[~hits & ~grabs & ~sends].any()


def test_a_limb_reaches_as_far_as_it_hits():
    """The drawn tip ends where the box that hits does, to a unit."""
    tip = 2 * poses.BOXES.index(Shape.TIP)
    hits = TABLES.frames[:, 3] & tables.HIT != 0
    front = ((TABLES.frames[:, 0] << 16) >> 24)[hits]
    drawn = poses.POSES.view(np.int8)[: len(TABLES.frames), tip + 1][hits]
    assert (drawn == front).all()


@pytest.mark.parametrize(
    ("kind", "stance"),
    [
        (Kind.STAND, Stance.STANDING),
        (Kind.CROUCH, Stance.CROUCHING),
        (Kind.JUMP, Stance.AIRBORNE),
        (Kind.BLOCK_STANDING, Stance.STANDING),
        (Kind.HIT_CROUCHING, Stance.CROUCHING),
    ],
)
def test_bodies_are_as_tall_as_where_they_can_be_hit(kind, stance):
    _, _, bottom, top = moves.BODIES[stance]
    spans = 2 * len(poses.BOXES) + 2 * np.arange(len(poses.SPANS))
    legs = spans[poses.SPANS.index(Shape.LEGS)]
    head = spans[poses.SPANS.index(Shape.HEAD)]
    rows = poses.POSES.view(np.int8)[TABLES.first[:, kind] & 0xFFFF]
    assert (rows[:, legs] == bottom).all() and (rows[:, head + 1] == top).all()


def test_whoever_lies_is_flat():
    for character in range(len(NAMES)):
        row = frame({"x": 0, "move": int(Kind.DOWN)}, {"x": 140})
        lying = seen_by(row, (character, 0))[:, :100]
        assert (lying[20 : GROUND - 12] == pixels.DARK).all()
        assert (lying[GROUND - 1] != pixels.DARK).sum() >= 20


@pytest.mark.parametrize("x", [-STAGE // SUB, -60, 0, 61, STAGE // SUB])
def test_a_projectile_is_where_it_can_hit(x):
    row = frame({"x": -140, "projectile_x": x, "projectile_y": 52}, {"x": 140})
    without = frame({"x": -140}, {"x": 140})
    where = np.argwhere(seen_by(row) != seen_by(without))
    middle = (2 * where[:, 1] - 127) * PIXEL / 2 / SUB
    assert (abs(middle - x) <= moves.PROJECTILE_HALF_WIDTH).all()
    height = (GROUND - where[:, 0] - 0.5) * PIXEL / SUB
    assert (abs(height - 52) <= moves.PROJECTILE_HALF_HEIGHT + PIXEL / SUB / 2).all()
    assert len(where) >= 24 * (1 if abs(x) < 130 else 0.4)


def test_the_health_bar_is_as_long_as_the_health():
    def length(health):
        row = frame({"health": health}, {})
        return int((seen_by(row, (0, 0))[3, :57] == pixels.OWN).sum())

    lengths = [length(h) for h in range(0, 193, 8)]
    assert lengths[0] == 0 and length(1) == 1
    assert all(a < b for a, b in itertools.pairwise(lengths))


def test_the_timer_runs_out():
    lengths = [
        int((seen_by(frame({}, {}, clock=c))[12] == pixels.TIMER).sum()) for c in (0, 1, 2970, 5940)
    ]
    assert lengths == [0, 2, 62, 124]


# History ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("frame_skip", [5])
def test_channels_are_8_and_4_frames_ago_and_now(frame_skip):
    """Against a fight of single frames, given the same keys."""
    env = arenas.make("fightladder-pixels-v0", characters=("asano", "cleo"), frame_skip=frame_skip)
    state, timestep = env.reset(jax.random.key(0))
    a, b = (fight.unpack(state.fighters, s) for s in (0, 1))
    clock = jnp.int32(fight.ROUND_FRAMES)
    film = [np.asarray(pixels.seen(a, b, clock))] * KEPT
    step = jax.jit(env.step)
    rng = np.random.default_rng(1)
    for _ in range(6):
        action = jnp.asarray(rng.integers(0, env.num_actions, 2))
        for keys in np.asarray(env.keys(state, action)).T:
            a, b = SINGLE(a, b, clock, keys)
            clock = clock - 1
            film.append(np.asarray(pixels.seen(a, b, clock)))
        state, timestep = step(jax.random.key(0), state, action)
        assert (np.asarray(state.history) == np.stack(film[-KEPT:])).all()
        expected = [seen_by(film[-1 - ago], (0, 2)) for ago in (8, 4, 0)]
        assert (np.asarray(timestep.observation)[0] == np.stack(expected, -1)).all()


def test_a_new_round_starts_from_a_still_picture():
    env = arenas.make("fightladder-pixels-v0", rounds=3, characters="asano")
    state, _ = env.reset(jax.random.key(0))
    health = Fighter._fields.index("health")
    beaten = state.replace(fighters=state.fighters.at[1, health].set(0))
    fresh = env.next_round(beaten)
    assert (fresh.history == fresh.history[0]).all() and fresh.history.shape == (KEPT, NUM_SEEN)
    assert fresh.history[0, SIZE + Seen._fields.index("health")] == TABLES.stats.health[0]


def test_numbers_pay_nothing_for_pictures():
    state, _ = arenas.make("fightladder-v0").reset(jax.random.key(0))
    assert not hasattr(state, "history")


# Colours ------------------------------------------------------------------------------------------


def test_a_rendered_frame_has_the_shapes_of_the_observed_one():
    """Where one differs from an empty stage, so does the other."""
    row = frame(
        {"x": -20, "move": int(Kind.STAND_HK), "frame": active(0, Kind.STAND_HK)}, {"x": 20}
    )
    off = {"x": 400}
    empty = frame({"x": -400}, off)
    grey = seen_by(row) != seen_by(empty)
    characters = np.array([0, 0])
    coloured = np.asarray(RENDER(row, characters)) != np.asarray(RENDER(empty, characters))
    assert coloured.shape == (100, 128, 3)
    assert (grey[16:] == coloured.any(-1)[16:]).all()


# The page -----------------------------------------------------------------------------------------


def test_the_page_has_the_frame_data_of_the_code():
    root = Path(__file__).parent.parent.parent
    place = root / "benchmarks" / "fightladder_sheet.py"
    spec = importlib.util.spec_from_file_location("fightladder_sheet", place)
    assert spec and spec.loader
    sheet = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sheet)
    page = (root / "docs" / "envs" / "fightladder_characters.md").read_text()
    assert sheet.filled(page) == page, "run benchmarks/fightladder_sheet.py"
    asano = next(c for c in CHARACTERS if c.name == "asano")
    fist = asano.moves()[Kind.SPECIAL_1_HEAVY]
    line = next(x for x in page.splitlines() if "623HP" in x)
    shown = [cell.strip() for cell in line.split("|")]
    assert shown[3:7] == [str(v) for v in (fist.startup, fist.active, fist.recovery, fist.damage)]
