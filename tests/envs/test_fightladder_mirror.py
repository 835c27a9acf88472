"""Long play of all pairs of fighters: the mirrored fight, and what holds at every frame."""

from __future__ import annotations

import importlib.util
import pathlib
import sys

import numpy as np
from fightladder_fights import FIELDS, MOVES, PAIRS, STYLES, battles, mirrored

from arenas.envs.fightladder.characters import TABLES
from arenas.envs.fightladder.fight import STAGE
from arenas.envs.fightladder.moves import FIRST_SPECIAL, NUM_MOVES, SUB, Kind

SCRIPT = pathlib.Path(__file__).parents[2] / "benchmarks" / "fightladder_soak.py"


def soak():
    if "fightladder_soak" not in sys.modules:
        spec = importlib.util.spec_from_file_location("fightladder_soak", SCRIPT)
        assert spec is not None and spec.loader is not None
        sys.modules["fightladder_soak"] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules["fightladder_soak"]


def field(name: str) -> np.ndarray:
    """``[frames, rows, 2]`` of the fights that are not mirrored."""
    return battles()[0][..., FIELDS[name]]


def going_on() -> np.ndarray:
    """``[frames - 1, rows]``: the next frame is not the first of a new round."""
    return (field("health")[:-1] > 0).all(-1)


def test_swapped_sides_and_mirrored_inputs_give_the_mirrored_fight_bit_for_bit():
    states, seen = battles()
    expected = mirrored(states)
    wrong = (seen != expected).any((2, 3))
    if wrong.any():
        frame, row = np.argwhere(wrong)[0]
        style, pair = STYLES[row // len(PAIRS)], PAIRS[row % len(PAIRS)]
        fields = [n for n, i in FIELDS.items() if (seen != expected)[frame, row, :, i].any()]
        raise AssertionError(f"{style}, characters {pair}: {fields} differ at frame {frame}")


def test_the_play_is_worth_looking_at():
    """Every kind of move is seen, and nearly all of every character's; rounds end."""
    kinds = np.unique(field("character") * NUM_MOVES + field("move"))
    assert set(Kind) - set(np.unique(kinds % NUM_MOVES)) <= {Kind.BREAK}
    assert len(kinds) > 0.85 * NUM_MOVES * len(MOVES)
    assert (~going_on()).sum() >= 20
    assert (field("hits").max() >= 2) and (field("combo").max() >= 2)


def test_health_never_rises_within_a_round():
    change = np.diff(field("health"), axis=0)
    assert (change[going_on()] <= 0).all()


def test_pushboxes_never_overlap_after_resolution():
    x, y, move = field("x"), field("y"), field("move")
    # The move while they were parted: whoever falls since, was solid, and is let through.
    through = np.isin(move, (Kind.THROWN, Kind.DOWN, Kind.FALL)).any(-1)
    through |= np.abs(y[..., 0] - y[..., 1]) >= 60 * SUB
    least = TABLES.stats.half_width[field("character")].sum(-1)
    gap = np.abs(x[..., 0] - x[..., 1])
    assert (gap[~through] >= least[~through]).all()
    assert (gap == least).any()


def test_nothing_leaves_the_stage():
    room = STAGE - TABLES.stats.half_width[field("character")]
    assert (np.abs(field("x")) <= room).all()
    assert (np.abs(field("x")) == room).any()
    assert (field("y") >= 0).all()
    assert (np.abs(field("projectile_x")) <= STAGE).all()


def test_every_loss_has_a_strike_a_projectile_or_a_throw_of_that_frame():
    """The cause by the rules in plain words, from states before and after."""
    before, after = battles()[0][:-1], battles()[0][1:]
    lost = before[..., FIELDS["health"]] - after[..., FIELDS["health"]]
    lost[~going_on()] = 0
    causes = {"strike": 0, "projectile": 0, "throw": 0}
    for frame, row, seat in np.argwhere(lost > 0):
        was = dict(zip(FIELDS, before[frame, row, 1 - seat], strict=True))
        foe = dict(zip(FIELDS, after[frame, row, 1 - seat], strict=True))
        me = dict(zip(FIELDS, after[frame, row, seat], strict=True))
        loss, combo = lost[frame, row, seat], me["combo"] - 1
        if me["move"] == Kind.THROWN:
            assert foe["move"] == Kind.THROWING
            assert was["move"] == Kind.THROW or was["move"] >= FIRST_SPECIAL
            causes["throw"] += 1
            continue
        blocked = me["move"] in (Kind.BLOCK_STANDING, Kind.BLOCK_CROUCHING)
        gone = was["projectile_life"] > 0 and foe["projectile_life"] == 0
        options = []
        # Who strikes and is struck at once has left its move by then: the next row of what it was.
        for striker, now in ((foe, foe["frame"]), (was, was["frame"] + 1)):
            move = MOVES[striker["character"]][striker["move"]]
            if 0 <= now - move.startup < move.active * move.hits and move.box[1] > move.box[0]:
                options.append(("strike", move))
        if gone or (was["projectile_life"] == 0 and foe["projectile_life"] == 0):
            options.append(("projectile", MOVES[foe["character"]][foe["projectile_move"]]))
        fits = [
            cause
            for cause, m in options
            if loss
            in (
                [m.chip]
                if blocked
                else [min(max(m.damage * max(16 - 2 * combo, 6) // 16, 1), loss)]
                if me["health"] == 0
                else [max(m.damage * max(16 - 2 * combo, 6) // 16, 1)]
            )
        ]
        assert fits, (frame, row, seat, loss, me, was, foe)
        causes[fits[0]] += 1
    assert min(causes.values()) > 20, causes


def test_every_number_is_in_its_range_and_int16_never_wraps():
    states = battles()[0]
    lowest, highest = states.min((0, 1, 2)), states.max((0, 1, 2))
    soak().check(lowest, highest)
    length = TABLES.first[field("character"), field("move")] >> 16
    assert (field("frame") < length).all()
    assert (field("frame") >= 0).all()


def test_the_long_soak_runs_on_numbers_of_32_and_of_16_bits_alike():
    result = soak().soak(num_envs=8, steps=40, seed=3)
    assert result.frames == 8 * 40 * 8
    assert result.narrow_equals_wide
    soak().check(result.lowest, result.highest)
