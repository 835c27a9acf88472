"""The rules of a fight, one by one, each from a situation that is set up for it."""

from __future__ import annotations

import numpy as np
import pytest
from fightladder_fights import (
    HK,
    HP,
    LP,
    MK,
    MOVES,
    MP,
    TYPED,
    Fight,
    fresh,
    mirrored_keys,
    play,
    situation,
)

from arenas.envs.fightladder import controls, fight
from arenas.envs.fightladder.characters import CHARACTERS, NAMES
from arenas.envs.fightladder.fight import BUTTON_SHIFT, DOWN, LEFT, RIGHT, STAGE, UP
from arenas.envs.fightladder.moves import (
    BODIES,
    FIRST_SPECIAL,
    PREJUMP_FRAMES,
    RISE_FRAMES,
    SUB,
    THROW_REACHES,
    Height,
    Kind,
    Stance,
)
from arenas.envs.fightladder.specials import Motion

ASANO = MOVES[0]
GROUND = [Kind(k) for k in range(Kind.STAND_LP, Kind.CROUCH_HK + 1)]
AIR = [Kind(k) for k in range(Kind.AIR_LP, Kind.AIR_HK + 1)]
SPECIALS = [Kind(k) for k in range(Kind.SPECIAL_1_LIGHT, len(Kind))]
AWAY = RIGHT  # for the second, who stands on the right
every_character = pytest.mark.parametrize("name", NAMES)


def near(a: str, b: str = "asano") -> int:
    """The distance at which their pushboxes touch, in parts of a unit."""
    return SUB * sum(CHARACTERS[NAMES.index(n)].half_width for n in (a, b))


def button(kind: Kind) -> int:
    down = DOWN if kind >= Kind.CROUCH_LP else 0
    return down | 1 << BUTTON_SHIFT + (kind - Kind.STAND_LP) % 6


def moves_of(name: str):
    return MOVES[NAMES.index(name)]


def strikes(name: str) -> list[Kind]:
    """Attacks from the ground that strike, those that no throw or projectile make."""
    return [k for k in GROUND + SPECIALS if moves_of(name)[k].box[1] > moves_of(name)[k].box[0]]


def mid_move(name: str, kind: Kind, at: int, keys_b=(), frames: int = 2, **second) -> Fight:
    """The next frame is this one of the first's move, close to the second."""
    fields = {"move": kind, "frame": at - 1}
    if kind in AIR:
        fields["y"] = 20 * SUB
    return play(
        situation(name, gap=near(name), first=fields, second=second), (), keys_b, frames=frames
    )


def lost(f: Fight, frames: int | None = None) -> int:
    health = f.b("health")
    return int(health[0] - (health.min() if frames is None else health[frames]))


# Strikes ------------------------------------------------------------------------------------------


@every_character
def test_a_strike_hits_with_its_first_active_frame_exactly_where_its_box_meets_the_body(name):
    for kind in GROUND:
        move = moves_of(name)[kind]
        if move.travel:
            continue
        edge = (move.box[1] + BODIES[Stance.STANDING][1]) * SUB
        inside = play(situation(name, gap=edge - 1), [button(kind)], frames=40)
        hit_at = 1 + move.startup
        assert lost(inside, hit_at - 1) == 0
        assert lost(inside, hit_at) == move.damage, (kind, move)
        outside = play(situation(name, gap=edge), [button(kind)], frames=40)
        assert outside.moves(0)[1] == kind
        assert lost(outside) == 0


@every_character
def test_a_strike_hits_in_its_active_frames_only(name):
    for kind in strikes(name):
        move = moves_of(name)[kind]
        last = move.startup + move.active * move.hits - 1
        if move.rise:  # by then it is over the other's head
            assert lost(mid_move(name, kind, last + 1, (), 60)) == 0, kind
            last = move.startup
        assert lost(mid_move(name, kind, last), 1) == move.damage, kind
        if not move.rise:
            assert lost(mid_move(name, kind, last + 1, (), 60)) == 0, kind
        early = mid_move(name, kind, move.startup - 1)
        assert lost(early, 1) == 0
        assert lost(early, 2) == move.damage, kind


def test_a_strike_under_the_feet_or_over_the_head_misses():
    low = ASANO[Kind.CROUCH_LK]
    jumping = {"move": Kind.JUMP, "y": (low.box[3] + 1) * SUB, "vy": 40}
    assert lost(mid_move("asano", Kind.CROUCH_LK, low.startup, **jumping), 1) == 0
    high = ASANO[Kind.STAND_HK]
    over = high.box[2] >= BODIES[Stance.CROUCHING][3]
    ducked = mid_move("asano", Kind.STAND_HK, high.startup, [(DOWN, 20)])
    assert (lost(ducked) == 0) == over
    high = moves_of("esme")[Kind.STAND_LP]  # some box above a crouch, by hand
    f = play(situation("esme", gap=near("esme"), first={"move": Kind.STAND_LP, "frame": 3}))
    assert lost(f, 1) == high.damage


def test_one_attack_hits_once_and_one_of_several_hits_as_often_as_it_says():
    single = play(situation(gap=near("asano")), [LP])
    assert lost(single) == ASANO[Kind.STAND_LP].damage
    for i, table in enumerate(MOVES):
        for kind in SPECIALS:
            move = table[kind]
            if move.hits == 1 or move.box[1] <= move.box[0]:
                continue
            f = mid_move(NAMES[i], kind, move.startup, (), 100)
            drops = np.flatnonzero(np.diff(f.b("health")))
            assert 1 < len(drops) <= move.hits, (NAMES[i], kind)


def test_hits_of_one_combination_do_less_and_less_down_to_three_eighths():
    move = ASANO[Kind.STAND_HP]
    for combo in range(9):
        f = mid_move(
            "asano", Kind.STAND_HP, move.startup, combo=combo, move=Kind.HIT_STANDING, timer=20
        )
        assert lost(f, 1) == max(int(move.damage * max(1 - combo / 8, 3 / 8)), 1)
        assert f.b("combo")[1] == combo + 1


def test_a_landing_strikes_nothing():
    for kind in AIR:
        f = play(
            situation(
                gap=near("asano"),
                first={"move": kind, "frame": ASANO[kind].startup, "y": SUB, "vy": -100},
            )
        )
        assert f.moves(0)[1] == Kind.LAND
        assert lost(f) == 0


def test_whoever_is_hit_can_be_hit_again_and_strikes_nobody():
    for kind in (Kind.HIT_STANDING, Kind.HIT_CROUCHING, Kind.DIZZY, Kind.BLOCK_STANDING):
        state = situation(gap=near("asano"), second={"move": kind, "timer": 90})
        late = play(state, [(0, 30), LP])
        assert (late.a("health") == late.a("health")[0]).all()
        assert lost(late, 31 + ASANO[Kind.STAND_LP].startup) == ASANO[Kind.STAND_LP].damage, kind


# Blocks -------------------------------------------------------------------------------------------


def correct_block(height: Height) -> int:
    return AWAY | (DOWN if height is Height.LOW else 0)


@every_character
def test_a_correct_block_takes_chip_damage_only(name):
    for kind in strikes(name):
        move = moves_of(name)[kind]
        f = mid_move(name, kind, move.startup, [(correct_block(move.height), 1)])
        assert lost(f, 1) == move.chip, kind
        blocks = (Kind.BLOCK_STANDING, Kind.BLOCK_CROUCHING)
        assert f.b("move")[1] == blocks[move.height is Height.LOW]
        assert kind in SPECIALS or move.chip == 0


@every_character
def test_a_low_attack_hits_a_standing_block_and_an_overhead_a_crouching_one(name):
    for kind in strikes(name):
        move = moves_of(name)[kind]
        if move.height is Height.MID:
            continue
        wrong = AWAY | (DOWN if move.height is Height.OVERHEAD else 0)
        frame = move.startup + move.active * move.hits - 1  # of a leap, when it is low enough
        f = mid_move(name, kind, frame, [(wrong, 1)])
        assert lost(f, 1) == move.damage, kind


@pytest.mark.parametrize("kind", AIR)
def test_an_attack_from_the_air_is_blocked_standing_only(kind):
    move = ASANO[kind]
    assert lost(mid_move("asano", kind, move.startup, [(AWAY, 1)]), 1) == 0
    assert lost(mid_move("asano", kind, move.startup, [(AWAY | DOWN, 1)]), 1) == move.damage


def test_mid_attacks_are_blocked_either_way_and_toward_is_no_block():
    start = ASANO[Kind.STAND_MK].startup
    for keys, loss in (
        (AWAY, 0),
        (AWAY | DOWN, 0),
        (AWAY | UP | DOWN, 0),  # down counts where both are held
        (LEFT, 1),
        (LEFT | DOWN, 1),
        (LEFT | RIGHT, 1),
        (0, 1),
    ):
        f = mid_move("asano", Kind.STAND_MK, start, [(keys, 1)])
        assert lost(f, 1) == loss * ASANO[Kind.STAND_MK].damage


def test_nobody_blocks_in_the_air_or_in_a_move():
    start = ASANO[Kind.STAND_HP].startup
    for fields in (
        {"move": Kind.PREJUMP},
        {"move": Kind.JUMP, "y": 40, "vy": 60},
        {"move": Kind.STAND_HP, "frame": 20},
        {"move": Kind.HIT_STANDING, "timer": 20},
        {"move": Kind.DIZZY, "timer": 20},
    ):
        f = mid_move("asano", Kind.STAND_HP, start, [(AWAY, 1)], **fields)
        assert lost(f, 1) == ASANO[Kind.STAND_HP].damage, fields


def test_a_block_is_away_from_where_the_attacker_stands_after_a_jump_over():
    kind = Kind.AIR_MK
    first = {"move": kind, "frame": ASANO[kind].startup - 1, "y": 62 * SUB, "x": 6 * SUB}
    state = situation(gap=0, first=first, second={"x": 0, "facing": -1})
    move = ASANO[kind]
    assert move.box[0] < 0  # it hits behind, too
    blocked, hit = play(state, (), [(LEFT, 1)]), play(state, (), [(RIGHT, 1)])
    assert lost(blocked, 1) == 0
    assert lost(hit, 1) == move.damage


def test_a_projectile_is_blocked_away_from_where_it_comes():
    state = situation(
        gap=200 * SUB, first={"projectile_move": Kind.SPECIAL_2_LIGHT, "projectile_life": 20}
    )
    move = ASANO[Kind.SPECIAL_2_LIGHT]
    assert move.projectile is not None
    for name, value in (
        ("projectile_x", 70 * SUB),
        ("projectile_y", 52 * SUB),
        ("projectile_speed", move.projectile.speed),
    ):
        state[0, fight.Fighter._fields.index(name)] = value
    assert lost(play(state, (), [(AWAY, 20)])) == move.chip
    assert lost(play(state, (), [(LEFT, 20)])) == move.damage
    assert lost(play(state, (), [])) == move.damage


# Throws -------------------------------------------------------------------------------------------

THROW_DAMAGE = CHARACTERS[0].throw_damage


def test_a_throw_beats_a_block():
    for block in (AWAY, AWAY | DOWN):
        f = play(situation(gap=near("asano")), [RIGHT | HP], [(block, 20)])
        assert f.moves(0)[1:3] == [Kind.THROW, Kind.THROWING]
        assert f.moves(1)[2:6] == [Kind.THROWN, Kind.FALL, Kind.DOWN, Kind.RISE]
        assert lost(f) == THROW_DAMAGE


def test_a_throw_loses_to_a_jump():
    f = play(situation(gap=near("asano")), [RIGHT | HP], [(UP, 10)])
    assert Kind.THROW in f.moves(0)
    assert f.moves(1)[1:3] == [Kind.PREJUMP, Kind.JUMP]
    assert lost(f) == 0


def test_a_throw_loses_to_a_strike_that_comes_first_or_at_once():
    for frame in (0, 1, 2):
        move = ASANO[Kind.STAND_LP]
        second = {"move": Kind.STAND_LP, "frame": move.startup - 1 - frame}
        f = play(situation(gap=near("asano"), second=second), [RIGHT | HP])
        assert f.a("health").min() == f.a("health")[0] - move.damage
        assert lost(f) == 0


@pytest.mark.parametrize("later", range(3))
def test_two_throws_break(later):
    f = play(situation(gap=near("asano")), [RIGHT | HP], [*[0] * later, LEFT | HP])
    for seat in (0, 1):
        assert f.moves(seat)[-3:] == [Kind.THROW, Kind.BREAK, Kind.STAND]
    assert lost(f) == 0
    assert f.b("x")[-1] - f.a("x")[-1] > near("asano")


def test_a_throw_that_missed_breaks_none():
    for frame, breaks in ((THROW_REACHES - 2, True), (THROW_REACHES - 1, False)):
        state = situation(
            gap=near("asano"),
            first={"move": Kind.THROW, "frame": 2},
            second={"move": Kind.THROW, "frame": frame, "facing": -1},
        )
        f = play(state)
        assert (f.a("move")[1] == Kind.BREAK) == breaks
        assert (f.a("move")[1] == Kind.THROWING) == (not breaks)
    throw = ASANO[Kind.THROW]
    assert throw.startup + throw.active == THROW_REACHES


def test_a_throw_reaches_as_far_as_its_character_and_beyond_it_the_input_is_a_heavy_punch():
    reach = CHARACTERS[0].throw_range * SUB
    assert play(situation(gap=reach), [LEFT | HP]).moves(0)[1] == Kind.THROW
    assert play(situation(gap=reach + 1), [LEFT | HP]).moves(0)[1] == Kind.STAND_HP


@pytest.mark.parametrize(
    "second",
    [
        {"move": Kind.BLOCK_STANDING, "timer": 30},
        {"move": Kind.HIT_STANDING, "timer": 30},
        {"safe": 20},
        {"move": Kind.RISE},
    ],
)
def test_nobody_is_thrown_out_of_a_stun_or_just_after_it(second):
    state = situation(gap=near("asano"), first={"move": Kind.THROW, "frame": 2}, second=second)
    f = play(state)
    assert lost(f) == 0
    assert Kind.THROWN not in f.moves(1)


def test_a_dizzy_fighter_can_be_thrown():
    f = play(situation(gap=near("asano"), second={"move": Kind.DIZZY, "timer": 60}), [RIGHT | HP])
    assert lost(f) == THROW_DAMAGE


# Immunity, falls and the stun meter ---------------------------------------------------------------


def test_invulnerable_frames_are_not_hit_by_strikes():
    seen = 0
    jab = ASANO[Kind.STAND_LP]
    for i, table in enumerate(MOVES):
        for kind in SPECIALS:
            start, end = table[kind].strike_proof
            for frame in range(max(start, 1), end + 1):
                first = {"move": kind, "frame": frame - 1}
                second = {"move": Kind.STAND_LP, "frame": jab.startup - 1}
                gap = near(NAMES[i])
                f = play(situation(NAMES[i], "asano", gap, first, second), frames=1)
                loss = f.a("health")[0] - f.a("health")[1]
                if frame < end:
                    assert loss == 0, (NAMES[i], kind, frame)
                    seen += 1
                elif end > start and frame < table[kind].frames:
                    assert loss == jab.damage, (NAMES[i], kind, frame)
    assert seen > 50


def test_projectiles_pass_through_who_is_proof_against_them():
    sender = moves_of("hex")
    kind_sent = next(k for k in SPECIALS if sender[k].projectile)
    seen = 0
    for i, table in enumerate(MOVES):
        for kind in SPECIALS:
            start, end = table[kind].projectile_proof
            for frame in {max(start, 1), end - 1, end} if end > start + 1 else ():
                ball = {
                    "projectile_life": 20,
                    "projectile_x": 0,
                    "projectile_y": 52 * SUB,
                    "projectile_move": kind_sent,
                }
                state = situation(
                    NAMES[i],
                    "hex",
                    first={"x": 0, "move": kind, "frame": frame - 1},
                    second={"x": 120 * SUB, **ball},
                )
                f = play(state, frames=1)
                loss = f.a("health")[0] - f.a("health")[1]
                assert loss == (0 if frame < end else sender[kind_sent].damage), (i, kind, frame)
                seen += 1
    assert seen > 10


def test_whoever_is_swept_falls_lies_rises_and_is_not_hit_meanwhile():
    sweep = [DOWN | HK]
    f = play(situation(gap=near("asano")), sweep)
    assert f.moves(1) == [Kind.STAND, Kind.FALL, Kind.DOWN, Kind.RISE, Kind.STAND]
    assert (f.b("move") == Kind.DOWN).sum() == fight.DOWN_FRAMES
    assert (f.b("move") == Kind.RISE).sum() == RISE_FRAMES
    assert lost(f) == ASANO[Kind.CROUCH_HK].damage
    for move, timer in ((Kind.DOWN, 40), (Kind.RISE, 0), (Kind.THROWN, 40), (Kind.FALL, 0)):
        for kind in (Kind.CROUCH_LK, Kind.CROUCH_MP, Kind.STAND_MK):
            struck = mid_move("asano", kind, ASANO[kind].startup, move=move, timer=timer)
            assert lost(struck, 2) == 0, (move, kind)


def test_whoever_rises_can_block_in_its_first_frame_and_act():
    state = situation(
        gap=near("asano"),
        first={"move": Kind.STAND_MK, "frame": ASANO[Kind.STAND_MK].startup - 1},
        second={"move": Kind.RISE, "frame": RISE_FRAMES - 1},
    )
    assert play(state, (), [(AWAY, 2)]).b("move")[1] == Kind.BLOCK_STANDING
    assert lost(play(state), 1) == ASANO[Kind.STAND_MK].damage  # a meaty attack
    rises = play(situation(second={"move": Kind.RISE}), (), [(0, RISE_FRAMES - 2), MK])
    assert rises.moves(1)[:2] == [Kind.RISE, Kind.STAND_MK]


def test_whoever_is_hit_in_the_air_falls():
    f = mid_move("asano", Kind.STAND_HP, 9, (), 100, move=Kind.JUMP, y=20 * SUB, vy=0)
    assert f.moves(1)[1:4] == [Kind.FALL, Kind.DOWN, Kind.RISE]


def test_a_full_stun_meter_knocks_down_and_makes_dizzy():
    limit = CHARACTERS[0].stun_limit
    f = play(situation(gap=near("asano"), second={"stun": limit - 1}), [LP], clock=5000)
    assert f.moves(1) == [Kind.STAND, Kind.FALL, Kind.DOWN, Kind.RISE, Kind.DIZZY]
    assert f.b("stun")[-1] == 0
    less = play(situation(gap=near("asano"), second={"stun": limit - 5}), [LP], clock=5001)
    assert less.moves(1)[1] == (Kind.FALL if ASANO[Kind.STAND_LP].stun >= 5 else Kind.HIT_STANDING)
    few = play(situation(gap=near("asano"), second={"stun": limit - 20}), [LP])
    assert few.moves(1) == [Kind.STAND, Kind.HIT_STANDING, Kind.STAND]
    assert np.diff(few.b("stun")).max() == ASANO[Kind.STAND_LP].stun


def test_dizziness_lasts_and_is_shorter_for_who_presses_buttons():
    state = situation(second={"move": Kind.DIZZY, "timer": fight.DIZZY_FRAMES})
    assert (play(state).b("move") == Kind.DIZZY).sum() == fight.DIZZY_FRAMES
    mashed = play(state, (), [LP, 0] * 60)
    # Every second frame takes one and, by the press, MASH more.
    frames = (mashed.b("move") == Kind.DIZZY).sum()
    assert abs(frames - fight.DIZZY_FRAMES / (1 + fight.MASH / 2)) <= 2


def test_the_stun_meter_loses_a_point_every_eight_frames():
    f = play(situation(second={"stun": 15}), clock=5000)
    expected = [max(15 - (k + 7) // 8, 0) for k in range(161)]
    assert f.b("stun").tolist() == expected


# Bodies and the stage -----------------------------------------------------------------------------


@every_character
def test_fighters_who_walk_into_each_other_stay_apart(name):
    for b in ("asano", "dozer"):
        f = play(situation(name, b, gap=80 * SUB), [(RIGHT, 160)], [(LEFT, 160)])
        gap = f.b("x") - f.a("x")
        assert gap.min() >= near(name, b)
        assert gap[-1] <= near(name, b) + 1


@every_character
def test_a_fighter_is_pushed_to_the_edge_and_not_over_it(name):
    start = situation(name, "asano", first={"x": 60 * SUB}, second={"x": 100 * SUB})
    f = play(start, [(RIGHT, 160)])
    assert f.b("x")[-1] == STAGE - CHARACTERS[0].half_width * SUB == f.b("x").max()
    assert f.a("x")[-1] == f.b("x")[-1] - near(name)


def test_nobody_walks_or_jumps_off_the_stage():
    for keys in ([(LEFT, 160)], [(LEFT | UP, 160)]):
        f = play(situation(first={"x": -100 * SUB}), keys)
        assert f.a("x").min() == CHARACTERS[0].half_width * SUB - STAGE


@pytest.mark.parametrize("x", [0, 130 * SUB, -130 * SUB])
def test_of_two_on_one_point_the_first_goes_left(x):
    f = play(situation(first={"x": x}, second={"x": x}))
    assert f.b("x")[1] - f.a("x")[1] >= near("asano")
    assert (np.abs(f.states[1, :, 0]) <= STAGE - CHARACTERS[0].half_width * SUB).all()


def test_a_jump_passes_over_the_other_and_both_turn():
    f = play(situation(gap=50 * SUB), [(RIGHT | UP, 30), (0, 60)])
    assert f.a("x")[90] > f.b("x")[90]
    assert f.a("facing")[90] == -1 == -f.b("facing")[90]
    flying = f.a("move") == Kind.JUMP
    assert (f.a("facing")[flying] == 1).all()  # nobody turns in the air


def test_who_can_act_turns_to_the_other_and_who_strikes_does_not():
    start = {"x": 60 * SUB, "facing": 1}
    assert play(situation(first=start)).a("facing")[1] == -1
    f = play(situation(first={**start, "move": Kind.STAND_HP}))
    striking = f.a("move") == Kind.STAND_HP
    assert (f.a("facing")[striking] == 1).all()
    assert f.a("facing")[-1] == -1


@every_character
def test_jumps_are_the_parabola_of_their_character(name):
    c = CHARACTERS[NAMES.index(name)]
    for way in (0, RIGHT, LEFT):
        x0 = 60 * SUB * ((way == LEFT) - (way == RIGHT))
        state = situation(name, first={"x": x0}, second={"move": Kind.DOWN, "timer": 999})
        f = play(state, [(UP | way, 3)], frames=70)  # nobody is in the way
        first = 1 + PREJUMP_FRAMES
        k, y, x = 0, [], [x0]
        while not y or y[-1] > 0:
            k += 1
            y.append(max(k * c.jump_speed - c.gravity * k * (k - 1) // 2, 0))
            x.append(x[-1] + c.jump_travel * ((way == RIGHT) - (way == LEFT)))
        assert f.a("y")[first : first + k].tolist() == y
        assert f.a("x")[first - 1 : first + k].tolist() == x
        assert f.a("move")[first + k - 1] == Kind.LAND
        assert (f.a("y")[first + k :] == 0).all()


@every_character
def test_walking_goes_as_far_as_the_speeds_say(name):
    c = CHARACTERS[NAMES.index(name)]
    start = situation(name, first={"x": 0}, second={"x": 120 * SUB})
    assert play(start, [(RIGHT, 20)]).a("x")[-1] == 20 * c.walk_forward
    assert play(start, [(LEFT, 20)]).a("x")[-1] == -20 * c.walk_back
    assert play(start, [(RIGHT | DOWN, 20)]).a("x")[-1] == 0  # nobody walks crouching


# Time ---------------------------------------------------------------------------------------------


@every_character
def test_who_can_act_first_after_a_hit_or_a_block_is_what_the_table_says(name):
    def first_free(moves: np.ndarray) -> int:
        stunned = np.flatnonzero(moves > Kind.CROUCH)
        return int(stunned[-1]) + 1

    for kind in GROUND:
        move = moves_of(name)[kind]
        for blocks in (False, True):
            if move.knockdown and not blocks:
                continue
            keys = [(correct_block(move.height), 60)] if blocks else ()
            f = mid_move(name, kind, move.startup, keys, 70)
            advantage = first_free(f.b("move")) - first_free(f.a("move"))
            assert advantage == (move.on_block() if blocks else move.on_hit()), (kind, blocks)
            freeze = 6 + min(move.damage, 24) // 4
            assert f.a("freeze")[1] == f.b("freeze")[1] == freeze == move.hitstop


@every_character
def test_an_attack_takes_the_frames_of_its_table_when_it_misses(name):
    for kind in GROUND:
        f = play(situation(name, gap=240 * SUB), [button(kind)])
        assert (f.a("move") == kind).sum() == moves_of(name)[kind].frames


# Projectiles --------------------------------------------------------------------------------------

SENDERS = [
    (c.name, slot)
    for c in CHARACTERS
    for slot, special in enumerate(c.specials)
    if special.moves[0].projectile
]


def sent(name: str, slot: int, strength: int = 0):
    kind = Kind(FIRST_SPECIAL + 3 * slot + strength)
    move = moves_of(name)[kind]
    assert move.projectile is not None
    return kind, move, move.projectile


@pytest.mark.parametrize(("name", "slot"), SENDERS)
def test_a_projectile_flies_at_its_speed_for_its_life_or_to_the_edge(name, slot):
    for strength in range(3):
        kind, move, ball = sent(name, slot, strength)
        first = {"x": -120 * SUB, "move": kind, "frame": move.startup - 1}
        f = play(situation(name, first=first, second={"x": 130 * SUB, "y": 100 * SUB}))
        second_moved = play(
            situation(name, first=first, second={"x": -130 * SUB, "move": Kind.DOWN, "timer": 999})
        )
        life, x = second_moved.a("projectile_life"), second_moved.a("projectile_x")
        assert life[1] == ball.life
        assert second_moved.a("projectile_y")[1] == ball.height * SUB
        flying = np.flatnonzero(life)
        assert (np.diff(x[flying]) == ball.speed).all()
        to_edge = (STAGE - x[1]) // ball.speed + 1
        assert len(flying) == min(ball.life, to_edge)
        assert f.a("projectile_life")[1] == ball.life


def test_projectiles_clash_and_are_gone():
    kind, _, ball = sent("asano", 1)
    fields = {"projectile_life": 60, "projectile_y": ball.height * SUB, "projectile_move": kind}
    first = {"projectile_x": -20 * SUB, "projectile_speed": ball.speed, **fields}
    second = {"projectile_x": 20 * SUB, "projectile_speed": -ball.speed, **fields}
    f = play(situation(first=first, second=second))
    gone = int(np.argmin(f.a("projectile_life") > 0))
    assert 0 < gone < 10
    assert (f.a("projectile_life")[gone:] == 0).all() and (f.b("projectile_life")[gone:] == 0).all()
    assert f.b("projectile_life")[gone - 1] > 0
    assert lost(f) == 0 and f.a("health").min() == f.a("health")[0]
    # At other heights they pass, and both hit.
    over = play(situation(first=first, second={**second, "projectile_y": (ball.height - 28) * SUB}))
    assert lost(over) > 0 and over.a("health").min() < over.a("health")[0]


@pytest.mark.parametrize(("name", "slot"), SENDERS)
def test_a_second_projectile_waits_for_the_first_to_be_gone(name, slot):
    special = CHARACTERS[NAMES.index(name)].specials[slot]
    keys = list(TYPED[special.motion])
    keys[-1] |= LP if special.button == "P" else MK >> 1
    far = {"first": {"x": -110 * SUB}, "second": {"x": 110 * SUB}}
    kind = Kind(FIRST_SPECIAL + 3 * slot)
    assert kind in play(situation(name, **far), keys).moves(0)
    far["first"] |= {
        "projectile_life": 120,
        "projectile_x": 0,
        "projectile_y": 2000,
        "projectile_move": kind,
    }
    assert kind not in play(situation(name, **far), keys).moves(0)


# Specials by their inputs -------------------------------------------------------------------------


def specials_in(f: Fight) -> list[Kind]:
    return [k for k in f.moves(0) if k >= FIRST_SPECIAL]


def press(keys: tuple[int, ...], special, strength: int) -> list[int]:
    bit = strength + 3 * (special.button == "K")
    return [*keys[:-1], keys[-1] | 1 << BUTTON_SHIFT + bit]


def far_apart(name: str, right: bool) -> np.ndarray:
    side = -1 if right else 1
    return situation(
        name,
        first={"x": side * 100 * SUB, "facing": -side},
        second={"x": -side * 100 * SUB, "facing": side},
    )


def facing(keys, right: bool) -> list:
    if right:
        return list(keys)
    return [(mirrored_keys(k[0]), k[1]) if isinstance(k, tuple) else mirrored_keys(k) for k in keys]


@pytest.mark.parametrize("right", [True, False], ids=["right", "left"])
@every_character
def test_every_special_comes_out_by_its_inputs_typed_frame_by_frame(name, right):
    for slot, special in enumerate(CHARACTERS[NAMES.index(name)].specials):
        for strength in range(3):
            keys = facing(press(TYPED[special.motion], special, strength), right)
            f = play(far_apart(name, right), keys, frames=len(keys) + 2)
            assert specials_in(f) == [FIRST_SPECIAL + 3 * slot + strength], special


_STEPS = {  # directions of whole steps, facing right
    Motion.QUARTER_FORWARD: ("down", "down-right", "right"),
    Motion.QUARTER_BACK: ("down", "down-left", "left"),
    Motion.DRAGON: ("right", "down", "down-right"),
    Motion.CHARGE_BACK: (*["left"] * 5, "right"),
    Motion.CHARGE_DOWN: (*["down"] * 5, "up"),
}


@pytest.mark.parametrize("right", [True, False], ids=["right", "left"])
@every_character
def test_every_special_comes_out_by_plain_actions_without_macros(name, right):
    character = NAMES.index(name)
    table = controls.key_table(8)[character]
    mirror = controls.mirror_table("plain")
    for slot, special in enumerate(CHARACTERS[character].specials):
        for strength in range(3):
            button = controls.BUTTONS[strength + 3 * (special.button == "K")]
            words = _STEPS[special.motion]
            actions = [controls.plain(w) for w in words[:-1]]
            actions.append(controls.plain(words[-1], button))
            actions = actions if right else mirror[actions]
            f = play(far_apart(name, right), [int(k) for a in actions for k in table[a]], frames=60)
            assert specials_in(f) == [FIRST_SPECIAL + 3 * slot + strength], special


@pytest.mark.parametrize("right", [True, False], ids=["right", "left"])
@every_character
def test_every_macro_is_its_special_and_one_that_needs_a_charge_needs_it(name, right):
    character = NAMES.index(name)
    table = controls.key_table(8)[character]
    for slot, special in enumerate(CHARACTERS[character].specials):
        macro = controls.FIRST_MACRO + slot + (0 if right else controls.NUM_SPECIALS)
        charges = {Motion.CHARGE_BACK: LEFT, Motion.CHARGE_DOWN: DOWN}
        hold = charges.get(special.motion, 0)
        medium = FIRST_SPECIAL + 3 * slot + 1
        keys = [int(k) for k in table[macro]]
        charged = [*facing([(hold, 40)], right), *keys]
        assert specials_in(play(far_apart(name, right), charged)) == [medium], special
        bare = specials_in(play(far_apart(name, right), keys))
        assert bare == ([] if hold else [medium]), special


def test_a_charge_takes_its_frames_and_is_kept_for_a_while():
    character = NAMES.index("brandt")
    for slot, special in enumerate(CHARACTERS[character].specials):
        if special.motion not in (Motion.CHARGE_BACK, Motion.CHARGE_DOWN):
            continue
        hold = LEFT if special.motion is Motion.CHARGE_BACK else DOWN
        end = press(TYPED[special.motion][-1:], special, 0)
        for held, gap, comes in (
            (fight.CHARGE, 0, True),
            (fight.CHARGE - 1, 0, False),
            (fight.CHARGE + 20, fight.CHARGE_KEPT - 2, True),
            (fight.CHARGE + 20, fight.CHARGE_KEPT - 1, False),
        ):
            keys = [(hold, held), (0, gap), *end]
            f = play(far_apart("brandt", True), keys)
            assert bool(specials_in(f)) == comes, (special, held, gap)
            assert not specials_in(f) or specials_in(f) == [FIRST_SPECIAL + 3 * slot]


def test_inputs_too_slow_or_in_another_order_are_no_special():
    keys = press((DOWN, DOWN | RIGHT, RIGHT), CHARACTERS[0].specials[1], 0)
    assert CHARACTERS[0].specials[1].motion is Motion.QUARTER_FORWARD
    state = far_apart("asano", True)
    assert specials_in(play(state, keys))
    slow = [keys[0], (keys[1], fight.WINDOW), keys[2]]
    for other in (slow, [keys[1], keys[0], keys[2]], [keys[0], keys[2]], keys[2:]):
        assert not specials_in(play(state, other))
    late = [*keys[:2], (RIGHT, fight.LAST_DIRECTION), 0, 0, *[0] * fight.LAST_DIRECTION, LP]
    assert not specials_in(play(state, late))


# Cancels ------------------------------------------------------------------------------------------


def cancel_attempt(kind: Kind, gap: int) -> Fight:
    """A normal attack, and the first special typed so that it is asked for while both freeze."""
    move, special = ASANO[kind], CHARACTERS[0].specials[0]
    typed = press(TYPED[special.motion], special, 0)
    wait = move.startup + move.hitstop - 1 - len(typed) + 1
    return play(situation(gap=gap), [button(kind), (0, wait - 1), *typed])


@pytest.mark.parametrize("kind", GROUND)
def test_normals_that_cancel_lead_into_a_special_once_they_touched(kind):
    f = cancel_attempt(kind, near("asano"))
    assert lost(f) >= ASANO[kind].damage
    at = f.moves(0).index(kind)
    after = f.moves(0)[at + 1]
    if ASANO[kind].cancel:
        assert after == FIRST_SPECIAL
        length = (f.a("move") == kind).sum()
        assert length == ASANO[kind].startup + 1 + ASANO[kind].hitstop
    else:
        assert after < FIRST_SPECIAL
    missed = cancel_attempt(kind, 240 * SUB)
    assert (missed.a("move") == kind).sum() == ASANO[kind].frames


def test_a_blocked_normal_cancels_too():
    move, special = ASANO[Kind.STAND_MP], CHARACTERS[0].specials[0]
    typed = press(TYPED[special.motion], special, 0)
    wait = move.startup + move.hitstop - len(typed) - 1
    f = play(situation(gap=near("asano")), [MP, (0, wait), *typed], [(AWAY, 60)])
    assert FIRST_SPECIAL in f.moves(0)
    assert Kind.BLOCK_STANDING in f.moves(1)


def test_a_fresh_fight_is_as_the_characters_say():
    for i, c in enumerate(CHARACTERS):
        state = fresh(c.name, "asano")
        assert Fight(state[None]).a("health")[0] == c.health
        assert state[0, fight.Fighter._fields.index("character")] == i
