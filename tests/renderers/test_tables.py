"""Drawings of the games on tables: ColorGrid, Hanabi, repeated rock-paper-scissors."""

import functools

import numpy as np
import pytest
from scenes import check, texts

import arenas
from arenas.envs.hanabi.rules import COLORS
from arenas.renderers.colorgrid import PAINT, SHAPES, ColorGridDrawing
from arenas.renderers.film import Film
from arenas.renderers.hanabi import PAINT as CARD_PAINT
from arenas.renderers.hanabi import HanabiDrawing
from arenas.renderers.poker import RANKS, PokerDrawing
from arenas.renderers.rrps import RrpsDrawing
from arenas.renderers.scene import Image, Line, Rect, Text
from arenas.renderers.symbols import fitted, signed

GAMES = ("colorgrid", "hanabi", "kuhn", "leduc", "rrps")
IDS = [spec.id for spec in arenas.registry.envs.values() if spec.game in GAMES]
DRAWINGS = {
    "colorgrid": ColorGridDrawing,
    "hanabi": HanabiDrawing,
    "kuhn": PokerDrawing,
    "leduc": PokerDrawing,
    "rrps": RrpsDrawing,
}
SHORT = {
    "colorgrid": {"size": 8, "max_steps": 30},
    "hanabi": {},
    "kuhn": {},
    "leduc": {},
    "rrps": {"throws": 30},
}


@functools.cache  # compiled once
def host(id, **kwargs):
    return arenas.make_host(id, **kwargs)


def film_of(id, seed, agents=None, until=None, **kwargs) -> Film:
    """An episode of random legal actions, or its first ``until`` moments."""
    env = host(id, **kwargs)
    timestep = env.reset(seed)
    film = Film(env, agents)
    film.add()
    rng = np.random.default_rng(seed)
    while not (timestep.terminated or timestep.truncated) and len(film) != until:
        action = [int(rng.choice(np.flatnonzero(row))) for row in timestep.action_mask]
        timestep = env.step(action)
        film.add(action)
    return film


@pytest.mark.parametrize("id", IDS)
def test_every_id_is_drawn_with_legible_text_and_plain_numbers(id):
    spec = arenas.registry.envs.find(id)
    # Whole episodes of one id of each game, whose programs the tests below use, too; of others the
    # start, since each would be compiled for itself.
    small = ("kuhn", "leduc", "rrps")
    whole = id in ("colorgrid-asymmetric-v0", "hanabi-v0") or spec.game in small
    film = film_of(id, seed=1, until=None if whole else 1, **SHORT[spec.game])
    assert type(film.drawing) is DRAWINGS[spec.game]
    for seat in (None, *range(film.env.num_agents)):
        for t in {0, min(1, len(film) - 1), len(film) // 2, len(film) - 1}:
            scene = film.scene(t, seat)
            check(scene)
            assert scene == film.scene(t, seat)


@pytest.mark.parametrize("id", ["colorgrid-asymmetric-v0", "hanabi-v0", "leduc-v0", "rrps-v0"])
def test_a_scene_shows_the_past_and_never_the_future(id):
    game = arenas.registry.envs.find(id).game
    whole = film_of(id, seed=5, **SHORT[game])
    half = film_of(id, seed=5, until=len(whole) // 2, **SHORT[game])
    last = len(half) - 1
    assert [whole.scene(t) for t in range(last + 1)] == [half.scene(t) for t in range(last + 1)]
    assert [e for e in whole.events if e.step <= last] == half.events


@pytest.mark.parametrize("id", ["kuhn-v0", "leduc-v0"])
def test_poker_shows_a_seat_its_card_the_public_one_in_time_and_the_others_at_a_showdown(id):
    endings = set()
    for seed in range(12):
        film = film_of(id, seed)
        for t, moment in enumerate(film.moments):
            final = moment.timestep.terminated
            ranks = [int(c) // (1 if id == "kuhn-v0" else 2) for c in moment.state.cards]
            spoken = [a for a in np.ravel(moment.state.actions)[:4] if a >= 0]
            turned = id == "leduc-v0" and len(spoken) > 1 and spoken[-1] == 1  # a call answered
            public = ranks[2:] if turned else []
            put = moment.timestep.info["stakes"] if t else None
            folds = final and put[0] != put[1]
            endings.add((bool(final), bool(folds)))
            for seat in (None, 0, 1):
                open_ = seat is None or (final and not folds)
                mine = ranks[:2] if open_ else [ranks[seat]]
                seen = [word for word in texts(film.scene(t, seat)) if word in RANKS]
                assert sorted(seen) == sorted(RANKS[r] for r in (*mine, *public))
        assert film.events[-1].kind == "end"
        winner = int(np.argmax(film.moments[-1].returns))
        if film.moments[-1].returns.any():
            assert film.events[-1].label.startswith(f"player_{winner} wins")
    assert endings == {(False, False), (True, False), (True, True)}


def test_names_that_are_too_long_are_cut_to_fit():
    long = "my.module:" + "x" * 200
    film = film_of("rrps-v0", seed=0, agents=(long, "b"), throws=3)
    assert long not in texts(film.scene(3))
    assert any(text.startswith("my.module") and text.endswith("…") for text in texts(film.scene(3)))
    assert fitted("short", 200.0, 14.0) == "short"
    assert [signed(x) for x in (0.0, 2.0, -0.5)] == ["0", "+2", "−0.5"]


# ColorGrid ---------------------------------------------------------------------------------------


def test_each_block_is_drawn_by_the_colour_and_shape_of_its_cell():
    film = film_of("colorgrid-asymmetric-v0", seed=3, size=8, max_steps=30)
    drawing = film.drawing
    assert isinstance(drawing, ColorGridDrawing)
    for t in (0, 30):
        cells = film.moments[t].state.cells
        blocks = drawing._blocks(t)
        for code, (paint, letter) in enumerate(zip(PAINT, "RBG", strict=True), 1):
            there = int((cells == code).sum())
            assert there
            assert sum(getattr(x, "fill", "") == paint for x in blocks) == there
            assert sum(isinstance(x, Text) and x.text == letter for x in blocks) == there
    assert len(set(SHAPES)) == 3


def test_a_grid_too_fine_for_shapes_is_an_image_of_its_cells_with_y_upwards():
    film = film_of("colorgrid-v0", seed=3, until=1, size=(120, 100))
    [picture] = [x for x in film.scene(0).items if isinstance(x, Image)]
    assert (picture.columns, picture.rows) == (120, 100)
    pixels = np.frombuffer(picture.pixels, np.uint8).reshape(100, 120, 4)
    cells = film.moments[0].state.cells[::-1]
    assert np.array_equal(pixels[..., 3] > 0, (cells > 0) & (cells <= 3))


def test_the_follower_is_shown_neither_the_goal_nor_what_tells_it():
    film = film_of("colorgrid-asymmetric-v0", seed=4, size=8, max_steps=30)
    info = [m.timestep.info for m in film.moments]
    assert any(i["goal_blocks"].any() for i in info)
    assert any(i["incorrect_blocks"].any() for i in info)
    env = film.env
    for t, moment in enumerate(film.moments):
        everything, leader, follower = (film.scene(t, seat) for seat in (None, 0, 1))
        goal = ("red", "blue", "green")[int(moment.state.goal)]
        assert leader == everything
        assert texts(everything)[:20].count(goal) == 1
        # The follower's scene is the same whatever the goal and the scores are.
        state = moment.state.replace(goal=np.asarray((moment.state.goal + 1) % 3, np.int8))
        other = Film(env)
        other.moments = [
            m.__class__(**{**vars(m), "returns": m.returns + 5}) for m in film.moments[:t]
        ]
        changed = vars(moment) | {"state": state, "returns": moment.returns - 3}
        swapped = moment.timestep.info | {
            "goal_blocks": moment.timestep.info["incorrect_blocks"],
            "incorrect_blocks": moment.timestep.info["goal_blocks"],
        }
        changed["timestep"] = moment.timestep.replace(info=swapped)
        other.moments.append(moment.__class__(**changed))
        assert other.drawing.scene(t, 1) == follower
        if t:
            assert other.drawing.scene(t) != everything


def test_marks_of_colorgrid_are_where_blocks_are_taken_and_the_goal_changes():
    film = film_of("colorgrid-asymmetric-v0", seed=7, size=8, max_steps=30)
    for kind, count in (
        ("block", lambda i: int(i["goal_blocks"].sum())),
        ("wrong block", lambda i: int(i["incorrect_blocks"].sum())),
        ("goal", lambda i: int(i["goal_switched"])),
    ):
        marks = [e.step for e in film.events if e.kind == kind]
        expected = [t for t, m in enumerate(film.moments) for _ in range(count(m.timestep.info))]
        assert marks == (expected if kind != "goal" else [t for t in expected if t])
    assert len(film.events) > 3
    assert film.seen_events() == film.seen_events(0) == film.events
    assert film.seen_events(1) == []  # what the follower is not to know: which colour scores


# Hanabi ------------------------------------------------------------------------------------------


def faces(film: Film, t: int, player: int, seat: int | None) -> list[str]:
    """The fills of the cards that are drawn in a player's hand."""
    drawing = film.drawing
    assert isinstance(drawing, HanabiDrawing)
    items = drawing._hand(t, player, seat)
    return [x.fill for x in items if isinstance(x, Rect) and x.stroke == "#0b0f14"]


def test_hands_are_shown_to_the_others_and_hidden_from_their_owner():
    film = film_of("hanabi-v0", seed=2, until=1, players=3)
    state = film.moments[0].state
    for player in range(3):
        expected = [CARD_PAINT[c // 5] for c in state.hands[player]]
        assert faces(film, 0, player, None) == expected
        assert faces(film, 0, player, (player + 1) % 3) == expected
        assert set(faces(film, 0, player, player)) == {"#3a4658"}


def test_what_a_seat_is_shown_of_its_hand_follows_from_the_hints_alone():
    film = film_of("hanabi-v0", seed=2)
    for t in range(0, len(film), 5):
        moment = film.moments[t]
        for seat in range(2):
            shown = film.scene(t, seat)
            hands = moment.state.hands.copy()
            held = hands[seat] < 25
            hands[seat][held] = (hands[seat][held] + 7) % 25  # other cards, same hints
            film.moments[t] = moment.__class__(
                **vars(moment) | {"state": moment.state.replace(hands=hands)}
            )
            assert film.scene(t, seat) == shown
            assert film.scene(t) != shown
            film.moments[t] = moment


def test_hanabis_log_and_marks_tell_the_moves():
    env = arenas.make_host("hanabi-v0")
    deck = np.array(sorted(env.env.unwrapped.rules.sorted_deck.tolist(), key=lambda c: c % 5))  # type: ignore[attr-defined]
    # Hands: three red 1s and two yellow 1s; a yellow, three greens, and a white 1.
    env.reset(0, deck=deck)
    film = Film(env)
    film.add()
    moves = ["hint:+1:green", "play:0", "play:0", "play:0", "play:0"]
    for word in moves:
        action = [env.action_labels.index(word) if a else env.num_actions - 1
                  for a in env.timestep.acting]  # fmt: skip
        env.step(action)
        film.add(action)
    words = texts(film.scene(5))
    assert {"tells P1 green", "plays yellow 1", "plays red 1", "misplays red 1"} <= set(words)
    assert "cards 2, 3, 4" in words
    assert [(e.step, e.kind) for e in film.events] == [
        (2, "firework"), (3, "firework"), (4, "firework"), (5, "misplay")]  # fmt: skip
    assert film.events[-1].label == "player_0 misplays red 1"
    assert film.events[-1].seat == 0


def test_hanabis_marks_sum_to_what_happened():
    film = film_of("hanabi-v0", seed=9)
    kinds = [e.kind for e in film.events]
    state = film.moments[-1].state
    assert kinds.count("firework") == state.fireworks.sum()
    assert kinds.count("misplay") == 3 - state.life_tokens
    assert kinds[-1] == "end"
    lost = [e.label for e in film.events if e.kind == "lost"]
    copies = np.array([3, 2, 2, 2, 1])
    gone = [
        f"the last {COLORS[c]} {r + 1} is gone"
        for c in range(5)
        for r in range(5)
        if int(state.discards[c]) >> int(copies[:r].sum()) & (2 ** int(copies[r]) - 1)
        == 2 ** int(copies[r]) - 1
    ]
    assert sorted(lost) == sorted(gone)


# Repeated rock-paper-scissors --------------------------------------------------------------------


def played(throws, **kwargs) -> Film:
    env = arenas.make_host("rrps-v0", throws=len(throws), **kwargs)
    env.reset(0)
    film = Film(env)
    film.add()
    for joint in throws:
        env.step(joint)
        film.add(joint)
    return film


def test_a_throw_is_shown_with_its_winner_and_the_score():
    film = played([(1, 0), (0, 1), (0, 1), (2, 2)])
    said = [set(texts(film.scene(t))) for t in range(5)]
    assert {"ready", "throw 0 of 4"} <= said[0]
    assert {"paper", "covers", "rock", "+1", "−1"} <= said[1]
    assert {"draw", "scissors", "−1", "+1"} <= said[4]
    assert "0" in said[2]


@pytest.mark.parametrize(
    "throws",
    [
        [(t % 3, (t + (t // 2) % 2) % 3) for t in range(1000)],  # wins and losses in turn
        [((t // 30) % 2, (t // 30 + 1) % 2) for t in range(1000)],
    ],
)
def test_a_thousand_throws_have_some_tens_of_marks_whatever_is_thrown(throws):
    film = played(throws)
    assert 10 <= len(film.events) < 120
    assert film.events[-1].step == 1000
    assert film.events[-1].kind == "end"


def test_a_lead_is_marked_once_it_is_worth_a_hundredth_of_the_throws():
    film = played([(1, 0)] * 12 + [(0, 1)] * 30 + [(0, 0)] * 958)
    leads = [(e.step, e.seat) for e in film.events if e.kind == "lead"]
    assert leads == [(10, 0), (34, 1)]  # +10 after ten wins; −10 after 12 − 22
    assert [e.step for e in film.events if e.kind == "streak"] == [10, 22]


def test_throws_without_names_are_numbers_and_the_curve_ends_at_the_score():
    table = (np.triu(np.ones((12, 12)), 1) - np.tril(np.ones((12, 12)), -1)).astype(int)
    film = played([(3, 7), (11, 2)], payoff=table.tolist())
    assert {"11", "2", "beats"} <= set(texts(film.scene(2)))
    film = played([(1, 0)] * 600)
    lines = [x for x in film.scene(600).items if isinstance(x, Line) and x[1:] == ("#56b4e9", 2)]
    x, y = lines[-1].points[-1]
    assert x == pytest.approx(928)
    assert y == pytest.approx(516 + 100 * (1 - (600 + 1000) / 2000), abs=0.1)
