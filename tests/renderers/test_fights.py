"""Drawings of FightLadder and SMAX: what a picture holds is what the state says."""

import itertools
import math
import pathlib
import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest
from scenes import check, numbers, texts

import arenas
from arenas.env import NOT_STARTED
from arenas.envs.fightladder import controls
from arenas.envs.fightladder.characters import CHARACTERS, NAMES, TABLES
from arenas.envs.fightladder.fight import ROUND_FRAMES, Fighter, fresh
from arenas.envs.fightladder.game import FightState
from arenas.envs.fightladder.moves import FIRST_STAND, Kind
from arenas.envs.fightladder.tables import HIT
from arenas.envs.smax.conic import section_of
from arenas.envs.smax.game import SmaxState
from arenas.envs.smax.observation import visible
from arenas.envs.smax.scenarios import STOP, UNIT_TYPES
from arenas.envs.smax.units import COOLDOWN, DAMAGE, MAX_HEALTH
from arenas.renderers import fightladder as fights
from arenas.renderers import figures, smax
from arenas.renderers.fightladder import FightLadderDrawing
from arenas.renderers.film import Film, Moment
from arenas.renderers.scene import Line, Rect, Scene, Text
from arenas.renderers.smax import SmaxDrawing


def ids(game):
    return [spec.id for spec in arenas.registry.envs.values() if spec.game == game]


# FightLadder --------------------------------------------------------------------------------------


def fight_film(id, actions, clock=None, **kwargs) -> Film:
    """A fight with these joint actions; with ``clock``, so many frames are left at its start."""
    env = arenas.make_host(id, **kwargs)
    env.reset(seed=4)
    if clock is not None:
        env._state = env._state.replace(clock=jnp.int16(clock))  # type: ignore[attr-defined]
    film = Film(env, tuple(f"agent-{i}" for i in range(env.num_agents)), seed=4)
    film.add()
    for action in actions:
        if env.timestep.terminated:  # type: ignore[union-attr]
            break
        action = np.array(action[: env.num_agents], np.int32)
        env.step(action)
        film.add(action)
    return film


def made_up_fight() -> Film:
    """Moments in which both are in the middle of one attack after the other."""
    env = arenas.make_host("fightladder-v0", characters=["asano", "lazar"])
    column = {name: i for i, name in enumerate(Fighter._fields)}
    film = Film(env)
    for t, kind in enumerate(range(FIRST_STAND, len(Kind))):
        fighters = np.array(fresh(np.array([0, 11])), np.int16)
        fighters[:, column["move"]] = kind
        fighters[:, column["frame"]] = [CHARACTERS[c].moves()[kind].startup for c in (0, 11)]
        fighters[:, column["projectile_life"]] = 9
        kept = {k: np.asarray(v) for k, v in NOT_STARTED.items()} | {"steps": np.array(t, np.int32)}
        state = FightState(
            **kept, fighters=fighters, clock=np.array(ROUND_FRAMES - 8 * t, np.int16),
            round=np.zeros((), np.int16),
        )  # fmt: skip
        none = np.zeros(2, np.float32)
        film.moments.append(Moment(state, None, None, np.zeros(2, bool), none, ""))  # type: ignore[arg-type]
    return film


RIGHT, LEFT = controls.plain("right"), controls.plain("left")
MEET = [(RIGHT, LEFT)] * 5


@pytest.fixture(scope="module")
def brawl() -> Film:
    rng = np.random.default_rng(2)
    bold = [("right", "none"), ("right", "HP"), ("down-right", "HK"), ("right", "MK")]
    shy = [("neutral", "none"), ("left", "none"), ("left", "LP")]
    sides = [[controls.plain(*key) for key in keys] for keys in (bold, shy)]
    actions = MEET + [tuple(int(rng.choice(side)) for side in sides) for _ in range(75)]
    return fight_film("fightladder-match-v0", actions, characters=["asano", "dozer"])


@pytest.mark.parametrize("id", ids("fightladder"))
def test_every_fight_is_drawn_with_legible_text_and_plain_numbers(id):
    film = fight_film(id, MEET[:2])
    assert type(film.drawing) is FightLadderDrawing
    assert film.drawing.fps == 7.5
    for t in range(len(film)):
        for seat in (None, *range(film.env.num_agents)):
            check(film.scene(t, seat))
    assert "agent-0" in texts(film.scene(0))
    if id == "fightladder-ladder-v0":
        assert {"computer, level 1", "opponent 1 of 12"} <= set(texts(film.scene(0)))
        # Its opponent's keys follow from the seed.
        shown, played = film.drawing._single(2)[-1], film.drawing._look(2)  # type: ignore[attr-defined]
        assert shown == played


def test_the_frames_between_two_steps_lead_from_one_to_the_other(brawl):
    drawing = brawl.drawing
    for t in (1, 9, 30):
        frames = drawing._single(t)
        assert [f.clock for f in frames] == list(
            range(ROUND_FRAMES - 8 * t + 7, ROUND_FRAMES - 8 * t - 1, -1)
        )
        assert frames[-1] == drawing._look(t)
        scenes = drawing.between(t)
        assert len(scenes) == 8
        assert scenes[-1] == brawl.scene(t)
        for scene in scenes:
            check(scene)
    moving = [f.sides[0].x for f in drawing._single(2)]
    assert len(set(moving)) == 8  # it walks in every frame
    assert drawing.between(0) == [brawl.scene(0)]


def bars(scene: Scene) -> dict[str, list[Rect]]:
    """Filled parts of the bars of health, by colour, from the left."""
    found: dict[str, list[Rect]] = {}
    for x in scene.items:
        if isinstance(x, Rect) and x.y == fights.BAR_TOP and not x.stroke:
            found.setdefault(x.fill, []).append(x)
    return found


def test_bars_are_as_long_as_health_and_what_was_lost_just_now_is_told(brawl):
    struck = 0
    for t in range(len(brawl)):
        scene, look = brawl.scene(t), brawl.drawing._look(t)
        found = bars(scene)
        full = [int(TABLES.stats.health[f.character]) for f in look.sides]
        for seat, f in enumerate(look.sides):
            color = fights.HEALTH if 4 * f.health >= full[seat] else fights.LOW_HEALTH
            widths = [r.width for r in found[color] if (r.x > fights.MIDDLE) == bool(seat)]
            assert widths == [round(f.health * fights.POINT, 1)]
            assert str(f.health) in texts(scene)
        for now, was in zip(look.sides, brawl.drawing._before(t).sides, strict=True):
            if was.health > now.health:
                struck += 1
                assert f"−{was.health - now.health}" in texts(scene)
                assert fights.LOST in found
    assert struck > 5


def test_marks_of_a_fight_are_where_health_is_lost(brawl):
    lost = []
    for t in range(1, len(brawl)):
        sides = zip(brawl.drawing._before(t).sides, brawl.drawing._look(t).sides, strict=True)
        for seat, (was, now) in enumerate(sides):
            if was.health > now.health and now.move not in fights.BLOCKING:
                lost.append((t, 1 - seat))
    kinds = ("hit", "throw", "knockdown", "ko")
    assert [(e.step, e.seat) for e in brawl.events if e.kind in kinds] == lost
    assert {"hit", "knockdown"} <= {e.kind for e in brawl.events}
    [first] = [e for e in brawl.events if e.step == lost[0][0]]
    assert first.label.startswith("asano" if lost[0][1] == 0 else "dozer")


def test_both_seats_see_the_whole_fight(brawl):
    for t in (0, 20):
        assert texts(brawl.scene(t, 0)) == texts(brawl.scene(t, 1)) == texts(brawl.scene(t))


def test_a_round_ends_by_the_clock_and_the_next_begins():
    env = fight_film("fightladder-match-v0", [(RIGHT, LEFT)] * 4, clock=12, characters="kiri")
    assert [(e.step, e.kind, e.label) for e in env.events] == [(2, "round", "a draw")]
    assert {"TIME", "a draw"} <= set(texts(env.scene(2)))
    assert "ROUND 1" not in texts(env.scene(2))
    assert "ROUND 2" in texts(env.scene(3))
    frames = env.drawing._single(3)  # type: ignore[attr-defined]
    assert frames[0].clock == ROUND_FRAMES - 1
    # A drawn round counts for both.
    won = [x for x in env.scene(3).items if getattr(x, "ry", 0) == 7 and x.fill == fights.HEALTH]
    assert len(won) == 2


def test_a_limb_that_strikes_ends_where_its_box_is():
    """In the first frame that hits, of every attack of every character."""
    off = {}
    for character, name in enumerate(NAMES):
        for kind, move in zip(Kind, CHARACTERS[character].moves(), strict=True):
            row = figures._row(character, kind, move.startup)
            tip = figures.boxes(row).tip
            if kind < FIRST_STAND or not TABLES.frames[row, 3] & HIT or tip[0] >= tip[1]:
                continue
            body = figures.body(character, int(kind), move.startup, 0)
            ends = (body.hand, body.foot, body.far_hand, body.far_foot, body.head)
            off[name, kind.name] = min(
                math.hypot(max(tip[0] - x, 0, x - tip[1]), max(tip[2] - y, 0, y - tip[3]))
                for x, y in ends
            )
    assert len(off) > 12 * 20
    # A tenth of a fighter's height, but for the one who curls up and rolls.
    assert {key for key, d in off.items() if d > 8} <= {
        ("fang", f"SPECIAL_1_{s}") for s in ("LIGHT", "MEDIUM", "HEAVY")
    }


def test_moves_of_everyone_can_be_drawn():
    nobody = dict.fromkeys(Fighter._fields, 0)
    for character in range(len(NAMES)):
        for kind, move in zip(Kind, CHARACTERS[character].moves(), strict=True):
            if kind >= FIRST_STAND and (kind + character) % 8:
                continue  # each attack of some, since types are checked in every call
            for frame in {0, move.startup if move.active else 0}:
                seen = {"character": character, "move": int(kind), "frame": frame, "facing": -1}
                items = figures.figure(Fighter(**nobody | seen), 480, 580, 3.1)
                assert np.isfinite(list(numbers(items))).all()


# SMAX ---------------------------------------------------------------------------------------------


def battle(id, seed=0, spread=3.0, **kwargs) -> Film:
    """Two moments of a made-up battle, in which some are dead and some shot."""
    rng = np.random.default_rng(seed)
    env = arenas.make_host(id, **kwargs)
    game = env.env.unwrapped  # type: ignore[attr-defined]
    types = np.array(game.scenario.allies + game.scenario.enemies, np.uint8)
    if game.scenario.random:
        types = rng.integers(0, 6, len(types)).astype(np.uint8)
    units = len(types)
    health = MAX_HEALTH[types] * rng.uniform(0.1, 1, units)
    health[rng.random(units) < 0.2] = 0
    orders = rng.integers(0, 5 + min(game.num_allies, game.num_enemies), units).astype(np.int8)
    film = Film(env)
    for t in (0, 1):
        position = np.clip(rng.normal(16, spread, (units, 2)), 1, 31).astype(np.float32)
        state = SmaxState(
            **{k: np.asarray(v) for k, v in NOT_STARTED.items()}, position=position,
            health=health.astype(np.float32),
            cooldown=(COOLDOWN[types] * rng.uniform(0, 1, units) * t).astype(np.float32),
            unit_type=types, last_action=orders, last_movement=None, memory=(),
        )  # fmt: skip
        agents = env.num_agents
        timestep = arenas.TimeStep(
            observation=np.zeros((agents, *env.observation_space.shape), np.float32),  # type: ignore[misc]
            action_mask=np.ones((agents, env.num_actions), bool),
            reward=np.zeros(agents, np.float32), terminated=np.zeros((), bool),
            truncated=np.zeros((), bool), acting=health[:agents] > 0, info={},
        )  # fmt: skip
        acted, returns = np.zeros(agents, bool), np.zeros(agents, np.float32)
        film.moments.append(Moment(state, timestep, None, acted, returns, ""))
    return film


def played(id, seed=3, steps=12, **kwargs) -> Film:
    """A battle in which both teams walk to each other, and attack where they can."""
    env = arenas.make_host(id, **kwargs)
    timestep = env.reset(seed)
    film, rng = Film(env), np.random.default_rng(seed)
    film.add()
    allies = env.env.unwrapped.num_allies  # type: ignore[attr-defined]
    while len(film) <= steps and not timestep.terminated:
        action, state = [], env.state()
        for seat, mask in enumerate(timestep.action_mask):
            attacks = np.flatnonzero(mask[5:]) + 5
            foes = (np.arange(len(state.health)) < allies) != (seat < allies)
            way = (state.position - state.position[seat])[foes & (state.health > 0)]
            x, y = way[np.abs(way).sum(axis=1).argmin()]
            walk = (1 if x > 0 else 3) if abs(x) > abs(y) else (0 if y > 0 else 2)
            action.append(int(rng.choice(attacks)) if len(attacks) else walk if mask[1] else STOP)
        timestep = env.step(action)
        film.add(action)
    return film


@pytest.fixture(scope="module")
def skirmish() -> Film:
    return played("smax-2s3z-selfplay-v0", steps=60)


@pytest.mark.parametrize("id", ids("smax"))
def test_every_battle_is_drawn_with_legible_text_and_plain_numbers(id):
    film = battle(id)
    assert type(film.drawing) is SmaxDrawing
    for t in (0, 1):
        for seat in (None, 0, film.env.num_agents - 1):
            check(film.scene(t, seat))


def bodies(film: Film, t: int, seat: int | None = None) -> dict[tuple[str, str], int]:
    """How many units are drawn on the map, by colour of the team and letter of the type."""
    items, found = film.scene(t, seat).items, {}
    for shape, text in itertools.pairwise(items):
        if isinstance(text, Text) and text.fill == "#000000" and text.x < smax.LEFT + smax.SIDE:
            found[shape.fill, text.text] = found.get((shape.fill, text.text), 0) + 1
    return found


def expected(film: Film, t: int, shown: np.ndarray) -> dict[tuple[str, str], int]:
    state, found = film.moments[t].state, {}
    allies = film.env.env.unwrapped.num_allies  # type: ignore[attr-defined]
    for i in np.flatnonzero(shown):
        key = smax.TEAMS[int(i >= allies)], UNIT_TYPES[int(state.unit_type[i])].letter
        found[key] = found.get(key, 0) + 1
    return found


@pytest.mark.parametrize("id", ["smax-27m_vs_30m-v0", "smax-smacv2_20_units-selfplay-v0"])
def test_the_living_are_drawn_by_type_and_team_with_their_health(id):
    film = battle(id)
    state = film.moments[1].state
    alive = state.health > 0
    assert bodies(film, 1) == expected(film, 1, alive)
    view = smax.view_of(state.position[alive])
    on_map = [x for x in film.scene(1).items if isinstance(x, Rect) and x.x < smax.LEFT + smax.SIDE]
    shares = []  # what is left and what is lost lie beside each other
    for bar, after in itertools.pairwise([*on_map, Rect(0, 0, 0, 0)]):
        if bar.fill == smax.HEALTH:
            lost = after.width if after.fill == smax.LOST and after.y == bar.y else 0.0
            assert not lost or after.x == bar.x + bar.width
            shares.append(bar.width / (bar.width + lost))
    kinds = state.unit_type[alive]
    true = state.health[alive] / MAX_HEALTH[kinds]
    # Lengths are rounded to a tenth of a logical pixel.
    assert np.allclose(np.sort(shares), np.sort(true), atol=0.012)
    assert (true < 1).any()
    waiting = sum(x.fill == smax.WAITING for x in on_map)
    assert waiting == (state.cooldown[alive] > 0).sum()
    at = view.place(state.position[alive])
    assert (at >= smax.LEFT).all() and (at <= smax.LEFT + smax.SIDE).all()


def test_a_seat_sees_whom_its_observation_holds_and_nothing_else(skirmish):
    env, seen_some, hid_some = skirmish.env, 0, 0
    for t in range(0, len(skirmish), 3):
        moment = skirmish.moments[t]
        state = moment.state
        who = np.asarray(visible(state.position, state.health, state.unit_type, env.num_agents))
        for seat in range(env.num_agents):
            assert np.array_equal(skirmish.drawing.seen(t, seat), who[seat])
            assert bodies(skirmish, t, seat) == expected(skirmish, t, who[seat])
            hidden = ~who[seat]
            seen_some, hid_some = seen_some + who[seat].sum(), hid_some + hidden.sum()
            # The unseen may be anywhere, in any health.
            scene = skirmish.scene(t, seat)
            hidden[seat] = False
            change = {
                "position": np.where(hidden[:, None], 32 - state.position, state.position),
                "health": np.where(hidden, 1, state.health).astype(np.float32),
                "cooldown": np.where(hidden, 0.01, state.cooldown).astype(np.float32),
            }
            other = moment.__class__(**vars(moment) | {"state": state.replace(**change)})
            skirmish.moments[t] = other
            assert skirmish.scene(t, seat) == scene
            skirmish.moments[t] = moment
    assert seen_some and hid_some


def test_shots_are_those_that_took_the_health(skirmish):
    """The damage of those who shot at a unit is the health that it lost, unless it fell."""
    env = skirmish.env.env.unwrapped
    some = 0
    for t in range(1, len(skirmish)):
        before, state = skirmish.moments[t - 1].state, skirmish.moments[t].state
        target = smax.targets(state.last_action, env.num_allies)
        shot = smax.shooters(before, state)
        assert (target[shot] >= 0).all()
        taken = np.zeros(len(target))
        np.add.at(taken, target[shot], DAMAGE[state.unit_type[shot]])
        lost = before.health - state.health
        standing = state.health > 0
        assert np.allclose(taken[standing], lost[standing], atol=1e-3)
        inside = ((state.position > 0) & (state.position < 32)).all(axis=1)
        assert (taken >= lost - 1e-3)[~standing & inside].all()
        drawn = [
            x for x in skirmish.scene(t).items if isinstance(x, Line) and x.stroke in smax.SHOTS
        ]
        assert len(drawn) == shot.sum() + 1  # and one in the legend
        some += shot.sum()
    assert some > 10


def test_orders_name_the_units_that_the_game_means():
    game = arenas.make("smax-5m_vs_6m-selfplay-v0").unwrapped
    orders = np.arange(11, dtype=np.int8)[:, None] * 0 + np.arange(11, dtype=np.int8)
    for row in orders:
        index = np.asarray(game.targets(jnp.asarray(row, jnp.int32)))
        opponents = np.where(np.arange(11) < 5, 5 + index, index)
        assert np.array_equal(smax.targets(row, 5), np.where(index < 0, -1, opponents))


def test_marks_of_a_battle_are_the_deaths_and_the_end(skirmish):
    deaths = []
    for t in range(1, len(skirmish)):
        before, now = (skirmish.moments[i].state.health > 0 for i in (t - 1, t))
        deaths += [(t, i) for i in np.flatnonzero(before & ~now).tolist()]
    assert [(e.step, e.seat) for e in skirmish.events if e.kind == "death"] == deaths
    assert deaths
    hidden = [e for e in skirmish.events if e.unseen]
    for event in skirmish.events:
        if event.kind == "death":
            seats = range(skirmish.env.num_agents)
            seen = [skirmish.drawing.seen(event.step - 1, seat) for seat in seats]
            assert event.unseen == tuple(s for s in seats if not seen[s][event.seat])
    assert len(skirmish.seen_events()) == len(skirmish.events)
    assert hidden and all(e not in skirmish.seen_events(e.unseen[0]) for e in hidden)
    [end] = [e for e in skirmish.events if e.kind == "end"]
    winner = int(skirmish.moments[-1].timestep.info["won"][5:].any())
    assert (end.step, end.label) == (len(skirmish) - 1, f"the {smax.NAMES[winner]} win")
    assert end.label in texts(skirmish.scene(len(skirmish) - 1))
    dead = deaths[0][1]
    assert "nothing: it has fallen" in texts(skirmish.scene(len(skirmish) - 1, dead))


def test_the_conic_seat_sees_two_in_a_direction_and_no_actions_where_those_are_hidden():
    env = arenas.make_host(
        "smax-8m-v0", observation_type="conic", action_type="continuous", see_enemy_actions=False
    )
    env.reset(1)
    film, rng, crowded = Film(env), np.random.default_rng(0), 0
    film.add()
    for _ in range(8):
        action = np.tile(np.array([0.0, 0.5, 1.0, 0.0], np.float32), (8, 1))
        env.step(action + rng.uniform(0, 0.0, (8, 4)).astype(np.float32))
        film.add(action)
    for t in range(len(film)):
        state = film.moments[t].state
        who = np.asarray(visible(state.position, state.health, state.unit_type, 8))
        check(film.scene(t, 0))
        for seat in np.flatnonzero(state.health[:8] > 0).tolist():
            x, y = state.position.T
            section = np.asarray(section_of(x - x[seat], y - y[seat]))
            allowed = who[seat].copy()
            allowed[seat] = False
            for s in range(32):  # the two first of each direction
                allowed[np.flatnonzero(allowed & (section == s))[2:]] = False
            crowded += (who[seat].sum() - 1) - allowed.sum()
            allowed[seat] = True
            assert np.array_equal(film.drawing.seen(t, seat), allowed)  # type: ignore[attr-defined]
            lines = [x for x in film.scene(t, seat).items if isinstance(x, Line)]
            assert not any(x.stroke == smax.SHOTS[1] for x in lines)
    assert crowded
    assert any(
        x.stroke == smax.SHOTS[1]
        for t in range(9)
        for x in film.scene(t).items
        if isinstance(x, Line)
    )


TIMED = """
import sys, time
import numpy as np
sys.path.insert(0, "tests/renderers")
from test_fights import battle, made_up_fight

for film in (made_up_fight(), battle("smax-27m_vs_30m-selfplay-v0")):
    spent = []  # the quickest of a few rounds: others use the machine, too
    for _ in range(5):
        start = time.process_time()
        for t in range(len(film)):
            film.drawing.scene(t)
        spent.append((time.process_time() - start) / len(film))
    print(min(spent))
"""


def test_a_fight_takes_under_three_milliseconds_and_the_largest_battle_under_five():
    # In a process of its own, in which types are not checked.
    root = pathlib.Path(__file__).parent.parent.parent
    run = subprocess.run(
        [sys.executable, "-c", TIMED], cwd=root, capture_output=True, text=True, check=True
    )
    fight, largest = map(float, run.stdout.split())
    assert fight < 3e-3
    assert largest < 5e-3
