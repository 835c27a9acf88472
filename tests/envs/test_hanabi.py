"""The rules of Hanabi, each in a situation made for it by a deck."""

from __future__ import annotations

import functools

import jax
import numpy as np
import pytest

import arenas
from arenas.envs.hanabi.rules import (
    EARNED_TOKEN,
    NAMED_COLOR,
    NAMED_RANK,
    SCORED,
    Rules,
    shuffled,
)
from arenas.errors import BadArgument, IllegalAction
from arenas.host import as_host
from arenas.renderers.text import render_text
from arenas.testing import check_env

RED, YELLOW, GREEN, WHITE, BLUE = range(5)


@functools.cache
def game(id="hanabi-v0", **kwargs):
    return arenas.make(id, **kwargs)


def card(text, ranks=5):
    """``R1`` as a number."""
    return "RYGWB".index(text[0]) * ranks + int(text[1]) - 1


def deck(rules, first):
    """A deck that begins with these cards; the rest in ascending order."""
    rest = rules.sorted_deck.tolist()
    start = [card(c, rules.ranks) for c in first.split()]
    for c in start:
        rest.remove(c)
    return np.array(start + rest)


class Table:
    """A game on the host, moved by labels."""

    def __init__(self, first, id="hanabi-v0", **kwargs):
        self.host = as_host(game(id, **kwargs))
        self.rules = self.host.env.rules
        self.at = self.host.reset(seed=0, deck=deck(self.rules, first))

    def do(self, *labels):
        for label in labels:
            action = np.full(self.host.num_agents, self.host.no_op)
            action[int(self.state.player)] = self.host.action_labels.index(label)
            self.at = self.host.step(action)
        return self.at

    def legal(self, label):
        row = self.at.action_mask[int(self.state.player)]
        return bool(row[self.host.action_labels.index(label)])

    @property
    def state(self):
        return self.host.state()

    def seen(self, seat, section):
        return self.at.observation[seat, self.host.env.layout.sections[section]].tolist()

    def known(self, seat, slot):
        """The colours and ranks that the card may have, and whether they were named."""
        bits, rules = int(self.state.knowledge[seat, slot]), self.rules
        colors = {c for c in range(rules.colors) if bits >> c & 1}
        ranks = {r + 1 for r in range(rules.ranks) if bits >> (rules.colors + r) & 1}
        return colors, ranks, bool(bits & NAMED_COLOR), bool(bits & NAMED_RANK)


START = "R1 R1 Y2 G3 B5 W1 Y1 R2 R2 R5"  # player 0's hand, then player 1's


@pytest.mark.slow
def test_the_contract_holds_for_more_players_and_with_beliefs():
    check_env("hanabi-v0,players=5,observation='v0_belief'", seeds=(0,))


# The deck ----------------------------------------------------------------------------------------


def test_hands_are_dealt_one_after_the_other_from_the_front_of_the_deck():
    table = Table(START)
    cards = [card(c) for c in START.split()]
    assert table.state.hands.tolist() == [cards[:5], cards[5:]]
    assert table.state.deck_size == 40


def test_the_next_card_of_the_deck_takes_the_last_slot_and_the_later_ones_move_down():
    table = Table(START + " W4 G4")
    table.do("play:1")
    assert table.state.hands[0].tolist() == [card(c) for c in ("R1", "Y2", "G3", "B5", "W4")]
    assert table.state.deck_size == 39
    table.do("play:0")
    assert table.state.hands[1].tolist() == [card(c) for c in ("Y1", "R2", "R2", "R5", "G4")]


def test_a_given_deck_gives_the_same_game_whatever_the_seed():
    host = arenas.make_host("hanabi-v0")
    cards = deck(host.env.rules, START)
    sums = []
    for seed in (1, 2):
        timestep = host.reset(seed, deck=cards)
        rng = np.random.default_rng(5)
        while not timestep.terminated:
            action = [rng.choice(np.flatnonzero(row)) for row in timestep.action_mask]
            timestep = host.step(action)
        sums.append(host.checksum())
    assert sums[0] == sums[1]


def test_the_deck_in_the_state_plays_the_game_again():
    host = arenas.make_host("hanabi-v0")
    first = host.reset(11)
    again = host.reset(12, deck=host.state().deck)
    assert np.array_equal(first.observation, again.observation)


@pytest.mark.parametrize(
    "bad", [np.zeros(50, int), np.arange(49), np.linspace(0, 24, 50), "deck", [[0] * 50]]
)
def test_a_deck_that_is_none_is_refused(bad):
    with pytest.raises(BadArgument, match="deck is .* accepted are 50 integers"):
        arenas.make_host("hanabi-v0").reset(0, deck=bad)


def test_a_deck_of_a_wrong_length_is_refused_under_jit():
    with pytest.raises(BadArgument, match="accepted are 50"):
        game().reset(jax.random.key(0), deck=jax.numpy.zeros(49, int))


def test_every_card_is_equally_likely_in_every_place():
    rules = Rules(2, 2, 2, 1, 3, 1)
    n = 20_000
    decks = np.asarray(
        jax.vmap(lambda k: shuffled(rules, k))(jax.random.split(jax.random.key(3), n))
    )
    assert (np.sort(decks, axis=1) == rules.sorted_deck).all()
    copies = np.tile(rules.copies, rules.colors) / rules.cards
    for place in range(rules.cards):
        share = np.bincount(decks[:, place], minlength=rules.kinds) / n
        error = np.sqrt(copies * (1 - copies) / n)
        assert (np.abs(share - copies) < 5 * error).all()


# Moves -------------------------------------------------------------------------------------------


def test_the_next_rank_of_a_colour_scores():
    at = Table(START).do("play:0")
    assert at.reward.tolist() == [1, 1]
    assert at.info["score"] == 1


def test_a_wrong_play_costs_a_life_and_the_card():
    table = Table(START)
    at = table.do("play:2")
    assert at.reward.tolist() == [0, 0]
    assert at.info["life_tokens"] == 2
    discards = table.seen(0, "discards")
    assert sum(discards) == 1
    assert discards[10:20] == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]  # yellow: three 1s, then the first 2


def test_a_rank_that_was_played_already_is_a_wrong_play():
    table = Table(START)
    table.do("play:0", "play:0")  # R1, W1
    assert table.do("play:0").info["life_tokens"] == 2  # the other R1


def test_a_discard_earns_a_token_and_is_illegal_with_all_of_them():
    table = Table(START)
    assert not table.legal("discard:0")
    table.do("hint:+1:1")
    assert table.legal("discard:0")
    assert table.do("discard:0").info["information_tokens"] == 8


def test_hints_cost_a_token_and_are_illegal_without():
    table = Table(START)
    table.do(*["hint:+1:1", "hint:+1:1"] * 4)
    assert table.at.info["information_tokens"] == 0
    assert not any(
        table.legal(label) for label in table.host.action_labels if label.startswith("hint")
    )


def test_a_hint_must_touch_a_card():
    table = Table(START)
    assert table.legal("hint:+1:white") and not table.legal("hint:+1:blue")
    assert table.legal("hint:+1:5") and not table.legal("hint:+1:3")


def test_a_hint_tells_of_what_it_touches_and_of_what_it_does_not():
    table = Table(START)
    table.do("hint:+1:red")
    everything = {1, 2, 3, 4, 5}
    assert table.known(1, 2) == ({RED}, everything, True, False)
    assert table.known(1, 0) == ({YELLOW, GREEN, WHITE, BLUE}, everything, False, False)
    assert table.seen(0, "last_touched") == [0, 0, 1, 1, 1]
    table.do("play:4", "hint:+1:2")
    assert table.known(1, 2) == ({RED}, {2}, True, True)
    assert table.known(1, 0) == ({YELLOW, GREEN, WHITE, BLUE}, everything - {2}, False, False)


def test_what_was_told_moves_with_the_card_and_a_new_card_is_unknown():
    table = Table(START)
    table.do("hint:+1:1", "play:0")
    assert table.known(1, 0) == (set(range(5)), {1}, False, True)  # Y1 moved from slot 1
    assert table.known(1, 4) == (set(range(5)), {1, 2, 3, 4, 5}, False, False)


def test_hints_count_players_from_the_one_who_gives_them():
    table = Table("R1 R1 R1 R2 R2 Y1 Y1 Y1 Y2 Y2 G1 G1 G1 G2 G2", players=3)
    assert table.legal("hint:+1:yellow") and table.legal("hint:+2:green")
    assert not table.legal("hint:+1:green") and not table.legal("hint:+2:yellow")
    table.do("hint:+2:green")
    assert table.seen(0, "last_target") == [0, 0, 1]
    assert table.seen(2, "last_target") == [1, 0, 0]
    assert table.legal("hint:+2:red")  # player 1 to player 0


def test_a_complete_colour_earns_a_token_unless_there_are_all():
    first = "R1 R3 R5 Y1 Y1 R2 R4 G1 G1 W1"
    table = Table(first)
    table.do("play:0", "play:0", "play:0", "play:0")
    at = table.do("play:0")
    assert at.info["score"] == 5 and at.info["information_tokens"] == 8
    assert table.seen(0, "last_effect") == [1, 0]
    table = Table(first)
    table.do("hint:+1:2", "hint:+1:1", "play:0", "play:0", "play:0", "play:0")
    at = table.do("play:0")
    assert at.info["information_tokens"] == 7
    assert table.seen(0, "last_effect") == [1, 1]
    assert table.state.last_effect == SCORED + EARNED_TOKEN


# The end -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("id", "last", "score"), [("hanabi-v0", -1, 0), ("hanabi-lenient-v0", 0, 1)]
)
def test_losing_the_last_life_costs_the_score_if_scoring_is_strict(id, last, score):
    table = Table(START, id)
    table.do("play:0", "play:4", "play:2")  # R1, then R5 and G3
    at = table.do("play:4")  # R3
    assert at.terminated and at.info["life_tokens"] == 0
    assert at.reward.tolist() == [last, last]
    assert at.info["score"] == score


def test_nobody_draws_after_the_end():
    table = Table(START)
    table.do("play:4", "play:4", "play:3")
    assert table.at.terminated
    assert table.state.deck_size == 38 and table.seen(1, "missing_cards") == [0, 1]


@pytest.mark.parametrize("players", [2, 3])
def test_everyone_has_one_more_turn_after_the_last_card_is_drawn(players):
    host = as_host(game("hanabi-small-v0", players=players))
    at, turns = host.reset(0), []
    while not at.terminated:
        state = host.state()
        if state.deck_size == 0:
            turns.append(int(state.player))
        legal = np.flatnonzero(at.action_mask[int(state.player)])
        without_plays = [a for a in legal if not 2 <= a < 4]
        at = host.step([without_plays[0]] * players)
    assert sorted(turns) == list(range(players))
    assert at.info["life_tokens"] == 1


@pytest.mark.parametrize("id", ["hanabi-v0", "hanabi-small-v0", "hanabi-very-small-v0"])
def test_the_longest_game_is_as_long_as_the_registry_says(id):
    """All hints first, then discards and hints in turn: no other order spends more moves."""
    env = game(id)
    rules = env.rules
    host = as_host(env)
    at = host.reset(0, deck=rules.sorted_deck)
    while not at.terminated:
        row = at.action_mask[int(host.state().player)]
        hints = np.flatnonzero(row[2 * rules.hand_size :]) + 2 * rules.hand_size
        action = hints[0] if len(hints) else int(np.flatnonzero(row)[0])
        at = host.step([action] * 2)
    assert host.steps == rules.longest_game == env.spec.horizon


def test_a_perfect_game_ends_at_once_with_the_highest_return():
    # One colour: every card is played in order, by whoever holds it.
    table = Table("R1 R3 R2 R4 R5", "hanabi-very-small-v0")
    at = table.do("play:0", "play:0", "play:0", "play:0", "play:0")
    assert at.terminated and at.info["score"] == 5
    assert table.host.return_range == (0.0, 5.0)


# Legality, and what JaxMARL does otherwise --------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "label"),
    [
        ([], "no-op"),  # JaxMARL plays a card
        (["hint:+1:1"] * 8, "hint:+1:red"),  # JaxMARL gives the hint
        ([], "discard:0"),  # JaxMARL discards
    ],
    ids=["the no-op", "a hint without tokens", "a discard with all tokens"],
)
def test_an_illegal_action_raises_on_the_host_and_is_the_first_legal_one_under_jit(before, label):
    table = Table(START)
    table.do(*before)
    host, state = table.host, table.state
    seat = int(state.player)
    action = np.full(2, host.no_op)
    action[seat] = host.action_labels.index(label)
    with pytest.raises(IllegalAction):
        host.step(action)
    env, step = host.env, jax.jit(host.env.step)
    first = action.copy()
    first[seat] = np.flatnonzero(table.at.action_mask[seat])[0]
    given = step(jax.random.key(0), state, action)
    meant = step(jax.random.key(0), state, first)
    jax.tree.map(np.testing.assert_array_equal, given, meant)
    assert env.no_op == 20


def test_an_empty_slot_cannot_be_played():
    """JaxMARL plays it as a red 1. Here the seat to move never has one before the game's end."""
    host = as_host(game("hanabi-small-v0"))
    rng = np.random.default_rng(0)
    empty = 0
    for seed in range(30):
        at = host.reset(seed)
        while not at.terminated:
            state = host.state()
            assert (state.hands[int(state.player)] != host.env.rules.no_card).all()
            empty += (state.hands == host.env.rules.no_card).any()
            row = at.action_mask[int(state.player)].copy()
            if row[[0, *range(4, 11)]].any():
                row[2:4] = False  # live to see the deck run out
            at = host.step([rng.choice(np.flatnonzero(row))] * 2)
    assert empty > 0


def test_masks_answer_in_jaxmarls_api():
    env = arenas.make("hanabi-v0", api="jaxmarl")
    _, state = env.reset(jax.random.key(0))
    legal = env.get_avail_actions(state)
    first, second = (np.asarray(legal[a]) for a in env.agents)
    assert not first[20] and first[5:10].all() and not first[:5].any()
    assert np.flatnonzero(second).tolist() == [20]


# What is made ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("players", "size", "actions"), [(2, 658, 21), (3, 956, 31), (4, 1041, 39), (5, 1280, 49)]
)
def test_sizes_are_the_learning_environments(players, size, actions):
    env = game(players=players)
    assert env.observation_space.shape == (size,)
    assert env.num_actions == actions == len(env.action_labels)


def test_the_state_is_small():
    state, _ = jax.eval_shape(game().reset, jax.random.key(0))
    assert sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(state)) == 109


@pytest.mark.parametrize(
    "kwargs",
    [
        {"players": 1},
        {"players": 6},
        {"colors": 6},
        {"ranks": 0},
        {"hand_size": 6},
        {"max_life_tokens": 0},
        {"max_information_tokens": -1},
        {"scoring": "kind"},
        {"observation": "v1"},
        {"players": True},
        {"colors": 1, "ranks": 2, "players": 5, "hand_size": 2},
    ],
)
def test_what_cannot_be_is_refused(kwargs):
    with pytest.raises(BadArgument):
        arenas.make("hanabi-v0", **kwargs)


def test_the_drawing_shows_the_board_and_what_was_told():
    table = Table(START)
    table.do("hint:+1:red", "play:0")
    text = render_text(table.host)
    assert "fireworks R0 Y0 G0 W1 B0 | hints 7 | lives 3 | deck 39" in text
    assert "last move player_1 play:0 W1" in text
    assert "→ player_0: R1[RYGWB 12345]" in text
    assert "Y1[YGWB 12345]  R2[R 12345]" in text
