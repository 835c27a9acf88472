"""Hanabi's players and their view, held to OpenSpiel's own account of the same positions.

The reference below is plain Python over the text that OpenSpiel prints for a player: it shares
nothing with the players that read vectors, neither the decoding nor the arithmetic.
"""

from __future__ import annotations

import collections
import functools
import itertools
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pyspiel
import pytest

import arenas
from arenas.envs.hanabi.agents import IGGI
from arenas.envs.hanabi.game import Hanabi
from arenas.envs.hanabi.view import MOVES, view
from arenas.errors import BadArgument, BadShape

COLORS = "RYGWB"
NAMES = ("cautious", "flawed", "iggi", "internal", "outer", "piers", "van-den-bergh")
SMALL = {"colors": 2, "hand_size": 2, "max_information_tokens": 3, "max_life_tokens": 1}
VARIANTS = (
    {"players": 2},
    {"players": 3},
    {"players": 4},
    {"players": 5},
    {"players": 2, **SMALL},
    {"players": 3, **SMALL, "colors": 3, "ranks": 4, "max_life_tokens": 2},
    {"players": 2, **SMALL, "colors": 1},
)
ROWS = 252  # observations in every call of the players, so that they are compiled once


def described(variant):
    return ",".join(f"{k}={v}" for k, v in variant.items())


every_variant = pytest.mark.parametrize("variant", VARIANTS, ids=described)


# OpenSpiel's account -----------------------------------------------------------------------------


class Card:
    """A line of OpenSpiel's text: ``R1 || X1|RYGWB1``."""

    def __init__(self, line):
        card, _, knowledge = line.partition(" || ")
        named, _, possible = knowledge.partition("|")
        self.card = None if card == "XX" else (card[0], int(card[1]))
        self.named_color = None if named[0] == "X" else named[0]
        self.named_rank = None if named[1] == "X" else int(named[1])
        self.colors = {c for c in possible if c in COLORS}
        self.ranks = {int(r) for r in possible if r.isdigit()}


class Position:
    """What the player to move knows, from the text that OpenSpiel prints for it."""

    def __init__(self, state, variant):
        self.hand_size = variant.get("hand_size", 5 if variant["players"] < 4 else 4)
        self.most_tokens = variant.get("max_information_tokens", 8)
        self.colors = COLORS[: variant.get("colors", 5)]
        self.ranks = variant.get("ranks", 5)
        text = state.observation_string(state.current_player())
        head, _, rest = text.partition("Hands:\n")
        middle, _, tail = rest.partition("Deck size: ")
        lives, tokens, fireworks = head.strip().split("\n")
        self.lives, self.tokens = int(lives.split()[-1]), int(tokens.split()[-1])
        self.fireworks = {f[0]: int(f[1]) for f in fireworks.split()[1:]}
        hands = middle.replace("Cur player\n", "").split("-----\n")
        self.own, *self.others = [[Card(x) for x in h.strip().split("\n") if x] for h in hands]
        deck, _, discards = tail.partition("\nDiscards:")
        self.deck = int(deck)
        self.discards = collections.Counter((d[0], int(d[1])) for d in discards.split())

    def copies(self, rank):
        return 3 if rank == 1 else 1 if rank == self.ranks else 2

    @functools.cached_property
    def unseen(self):
        cards = itertools.product(self.colors, range(1, self.ranks + 1))
        unseen = collections.Counter({card: self.copies(card[1]) for card in cards})
        unseen -= self.discards
        for color, height in self.fireworks.items():
            unseen -= collections.Counter((color, rank) for rank in range(1, height + 1))
        return unseen - collections.Counter(c.card for hand in self.others for c in hand)

    def could_be(self, own):
        return {k: n for k, n in self.unseen.items() if k[0] in own.colors and k[1] in own.ranks}

    def playable(self, card):
        return card[1] == self.fireworks[card[0]] + 1

    def useless(self, card):
        color, rank = card
        needed = range(self.fireworks[color] + 1, rank + 1)
        return not needed or any(self.discards[color, n] == self.copies(n) for n in needed)

    def probability(self, own, wanted):
        could = self.could_be(own)
        return Fraction(sum(n for k, n in could.items() if wanted(k)), sum(could.values()))

    def hints(self, marked, what):
        """Of the first marked card of another player: ``what`` names ``color`` or ``rank``s."""
        for offset, hand in enumerate(self.others, 1):
            for card in hand:
                if self.tokens and marked(offset, card):
                    return {hint(offset, card.card, w) for w in what(card)}
        return set()

    def discard(self, slots):
        return {f"(Discard {s})" for s in slots if self.tokens < self.most_tokens}


def hint(offset, card, what):
    return f"(Reveal player +{offset} {what} {card[what == 'rank']})"


def missing_fact(card):
    return ["rank"] if len(card.ranks) > 1 else ["color"]


def told(card):
    return len(card.ranks) == len(card.colors) == 1


# The rules again: each gives the set of moves of which it makes one; empty where it does not apply.


def play_safe(p):
    slots = [s for s, own in enumerate(p.own) if all(map(p.playable, p.could_be(own)))]
    return {f"(Play {s})" for s in slots[:1]}


def likeliest(p, wanted, threshold):
    chances = [p.probability(own, wanted) for own in p.own]
    best = max(chances)
    return [chances.index(best)] if best >= threshold else []


def play_probably(threshold):
    return lambda p: {f"(Play {s})" for s in likeliest(p, p.playable, threshold)}


def discard_probably(threshold):
    return lambda p: p.discard(likeliest(p, p.useless, threshold))


def discard_useless(p):
    slots = [s for s, own in enumerate(p.own) if all(map(p.useless, p.could_be(own)))]
    return p.discard(slots[:1])


def discard_oldest(p):
    return p.discard([0])


def discard_randomly(p):
    return p.discard(range(len(p.own)))


def tell_useful(p):
    return p.hints(lambda _, c: p.playable(c.card) and not told(c), missing_fact)


def tell_next_useful(p):
    return p.hints(lambda o, c: o == 1 and p.playable(c.card) and not told(c), missing_fact)


def tell_next_playable(p):
    return p.hints(lambda o, c: o == 1 and p.playable(c.card), lambda c: ["rank", "color"])


def tell_useless(p):
    return p.hints(lambda _, c: p.useless(c.card) and not told(c), missing_fact)


def tell_unknown(p):
    return p.hints(
        lambda o, c: o == 1 and not told(c),
        lambda c: ["color"] if len(c.colors) > 1 else ["rank"],
    )


def tell_randomly(p):
    cards = [c.card for c in p.others[0] if p.tokens]
    return {hint(1, card, what) for card in cards for what in ("rank", "color")}


def tell_sure(p):
    def sure(colors, ranks):
        return all(p.playable(card) for card in itertools.product(colors, ranks))

    def ways(c):
        after = {"rank": (c.colors, {c.card[1]}), "color": ({c.card[0]}, c.ranks)}
        return [what for what in after if sure(*after[what])]

    def marked(_, c):
        return p.playable(c.card) and not sure(c.colors, c.ranks) and bool(ways(c))

    return p.hints(marked, lambda c: ways(c)[:1])


def tell_dispensable(p):
    def way(c):
        color, rank = c.card
        if len(c.colors) > 1 and p.fireworks[color] == p.ranks:
            return ["color"]
        if len(c.ranks) > 1 and rank <= min(p.fireworks.values()):
            return ["rank"]
        if (len(c.colors) > 1) != (len(c.ranks) > 1) and p.useless(c.card):
            return missing_fact(c)
        return []

    return p.hints(lambda _, c: bool(way(c)), way)


def tell_most(p):
    best, most = set(), 0
    for offset, hand in enumerate(p.others, 1):
        for rank in range(1, p.ranks + 1):
            new = sum(c.card[1] == rank and len(c.ranks) > 1 for c in hand)
            if p.tokens and new > most:
                best, most = {f"(Reveal player +{offset} rank {rank})"}, new
        for color in p.colors:
            new = sum(c.card[0] == color and len(c.colors) > 1 for c in hand)
            if p.tokens and new > most:
                best, most = {f"(Reveal player +{offset} color {color})"}, new
    return best


def when(condition, rule, otherwise=lambda p: set()):
    return lambda p: rule(p) if condition(p) else otherwise(p)


RULES = {
    "cautious": [play_safe, tell_sure, tell_useful, discard_useless, discard_oldest, tell_most],
    "flawed": [
        play_safe,
        play_probably(Fraction(1, 4)),
        tell_randomly,
        discard_useless,
        discard_oldest,
        discard_randomly,
    ],
    "iggi": [play_safe, tell_useful, discard_useless, discard_oldest, tell_randomly],
    "internal": [
        play_safe,
        discard_useless,
        tell_next_playable,
        tell_randomly,
        discard_randomly,
    ],
    "outer": [play_safe, discard_useless, tell_next_useful, tell_unknown, discard_randomly],
    "piers": [
        when(lambda p: p.lives > 1 and p.deck == 0, play_probably(0)),
        play_safe,
        when(lambda p: p.lives > 1, play_probably(Fraction(6, 10))),
        tell_useful,
        when(lambda p: p.tokens < 4, tell_dispensable),
        discard_useless,
        discard_oldest,
        tell_randomly,
        discard_randomly,
    ],
    "van-den-bergh": [
        when(lambda p: p.lives > 1, play_probably(Fraction(6, 10)), play_safe),
        discard_probably(1),
        tell_useful,
        tell_useless,
        tell_most,
        discard_probably(0),
    ],
}


def ruled(name, position):
    """The number of the rule that acts, and the moves of which it makes one."""
    for number, rule in enumerate(RULES[name]):
        moves = rule(position)
        if moves:
            return number, moves
    return None, set()


# Playing on OpenSpiel ----------------------------------------------------------------------------


@functools.cache
def env_of(variant):
    return arenas.make("hanabi-v0", **dict(variant))


@functools.cache
def players_of(variant):
    """All players at once: their moves ``[N, players]`` at observations ``[N, F]``."""
    env = env_of(variant)
    agents = [arenas.load_agent(f"hanabi/{name}", env) for name in NAMES]

    @jax.jit
    @jax.vmap
    def moves(observation, mask, key):
        return jnp.stack([a.act((), (), observation, mask, key)[1] for a in agents])

    return moves


def played(variant, games, seed, choose):
    """Play games in step; yields the positions of each step, with every player's move there.

    ``choose(number of the game, moves of all players, legal moves, rng)`` makes the move.
    """
    rng = np.random.default_rng(seed)
    frozen = tuple(variant.items())
    game = pyspiel.load_game(f"hanabi({described(variant)})")
    states = [game.new_initial_state() for _ in range(games)]
    moves = players_of(frozen)
    observations = np.zeros((ROWS, game.observation_tensor_shape()[0]), np.uint8)
    masks = np.zeros((ROWS, game.num_distinct_actions() + 1), bool)
    for step in itertools.count():
        for n, state in enumerate(states):
            while state.is_chance_node():
                cards, weights = zip(*state.chance_outcomes(), strict=True)
                state.apply_action(int(rng.choice(cards, p=weights)))
            masks[n] = False
            if state.is_terminal():
                masks[n, -1] = True
            else:
                observations[n] = state.observation_tensor(state.current_player())
                masks[n, state.legal_actions()] = True
        live = [n for n, state in enumerate(states) if not state.is_terminal()]
        if not live:
            return
        keys = jax.random.split(jax.random.fold_in(jax.random.key(seed), step), ROWS)
        chosen = np.asarray(moves(observations, masks, keys))
        yield states, live, chosen, observations
        for n in live:
            states[n].apply_action(int(choose(n, chosen[n], states[n].legal_actions(), rng)))


def mixed(n, chosen, legal, rng):
    """Another player at every move. In odd games all, and random moves, so that odd positions are
    met; in even games those who lose no or few lives, so that decks are played to their end.
    """
    if n % 2:
        return rng.choice(legal) if rng.random() < 0.15 else rng.choice(chosen)
    return chosen[NAMES.index(rng.choice(["cautious", "iggi", "outer", "piers"]))]


@every_variant
def test_players_do_what_the_first_rule_that_applies_says(variant):
    fired = collections.Counter()
    for states, live, chosen, _ in played(variant, 16, 1, mixed):
        for n in live:
            state = states[n]
            position = Position(state, variant)
            legal = {
                a: state.action_to_string(state.current_player(), a) for a in state.legal_actions()
            }
            for name, action in zip(NAMES, chosen[n].tolist(), strict=True):
                number, moves = ruled(name, position)
                fired[name, number] += 1
                assert action in legal, (name, action, str(state))  # never an illegal move
                if number is None:  # no rule applies: the lowest-numbered legal action
                    assert action == min(legal), (name, str(state))
                else:
                    assert legal[action] in moves, (name, number, str(state))
    if variant == {"players": 3}:  # each rule acted, in some player's list
        acted = {RULES[name][number] for name, number in fired if number is not None}
        for name, rules in RULES.items():
            for number, rule in enumerate(rules):
                assert rule in acted, (name, number)


@pytest.mark.parametrize("variant", [VARIANTS[i] for i in (0, 3, 5, 6)], ids=described)
def test_the_view_is_what_openspiel_says_of_the_position(variant):
    layout = env_of(tuple(variant.items())).layout
    look = jax.jit(jax.vmap(lambda o: view(layout, o)))
    positions, before = 0, {}
    for states, live, _, observations in played(variant, 4, 2, mixed):
        views = jax.device_get(look(observations))
        for n in live:
            seen = jax.tree.map(lambda x, n=n: x[n], views)
            check_view(seen, Position(states[n], variant))
            check_last_move(seen.last, before.get(n), states[n], variant)
            before[n] = states[n].clone()
            positions += 1
    assert positions > 10


def check_view(seen, truth):
    def cards(bits):
        return {(COLORS[c], r + 1) for c, r in np.argwhere(bits)}

    assert seen.life_tokens == truth.lives
    assert seen.information_tokens == truth.tokens
    assert seen.deck == truth.deck
    assert dict(zip(COLORS, seen.fireworks.tolist(), strict=False)) == truth.fireworks
    for (c, r), count in np.ndenumerate(seen.discards):
        assert count == truth.discards[COLORS[c], r + 1]
    hands = [truth.own, *truth.others]
    assert seen.missing.tolist() == [len(hand) < truth.hand_size for hand in hands]
    for player, hand in enumerate(hands):
        for slot in range(truth.hand_size):
            possible = cards(seen.possible[player, slot])
            color = [COLORS[c] for c in np.flatnonzero(seen.named_color[player, slot])]
            rank = [r + 1 for r in np.flatnonzero(seen.named_rank[player, slot])]
            shown = cards(seen.hands[player - 1, slot]) if player else set()
            if slot >= len(hand):
                assert not (possible or color or rank or shown)
                continue
            card = hand[slot]
            assert possible == set(itertools.product(card.colors, card.ranks))
            assert color == [card.named_color] * (card.named_color is not None)
            assert rank == [card.named_rank] * (card.named_rank is not None)
            assert shown == ({card.card} if player else set())


def check_last_move(last, before, state, variant):
    """Against the position before it: who moved what, and what the move was about."""
    if before is None:
        assert not any(np.any(x) for x in last)
        return
    mover, me, players = before.current_player(), state.current_player(), variant["players"]
    action = state.history()[len(before.history())]
    words = before.action_to_string(mover, action).strip("()").split()
    assert np.flatnonzero(last.player).tolist() == [(mover - me) % players]
    kind = MOVES[int(last.kind.argmax())]
    assert last.kind.sum() == 1
    if words[0] == "Reveal":
        assert kind == f"hint {words[3]}"
        target = (mover + int(words[2])) % players
        assert np.flatnonzero(last.target).tolist() == [(target - me) % players]
        hand = before.observation_string((target + 1) % players)  # anyone but the target sees it
        order = (target - (target + 1) % players) % players
        lines = hand.partition("Hands:\n")[2].partition("Deck size")[0]
        cards = lines.replace("Cur player\n", "").split("-----\n")[order].strip().split("\n")
        assert np.flatnonzero(last.touched).tolist() == [
            slot for slot, card in enumerate(cards) if words[4] in card[:2]
        ]
        assert [COLORS[c] for c in np.flatnonzero(last.color)] == [words[4]] * (words[3] == "color")
        assert [str(r + 1) for r in np.flatnonzero(last.rank)] == [words[4]] * (words[3] == "rank")
        assert not (last.slot.any() or last.card.any() or last.scored or last.token)
        return
    assert kind == words[0].lower()
    assert np.flatnonzero(last.slot).tolist() == [int(words[1])]
    now, then = Position(state, variant), Position(before, variant)
    scored = sum(now.fireworks.values()) - sum(then.fireworks.values())
    assert last.scored == scored
    assert last.token == (kind == "play" and now.tokens > then.tokens)
    [(c, r)] = np.argwhere(last.card)
    gone = now.discards - then.discards
    grown = {(k, h) for k, h in now.fireworks.items() if h > then.fireworks[k]}
    assert {(COLORS[c], r + 1)} == (grown if scored else set(gone))
    assert not (last.target.any() or last.color.any() or last.rank.any() or last.touched.any())


# Whole games -------------------------------------------------------------------------------------


@functools.cache
def self_play(games_each: int = 36, players: int = 2):
    """Cards played and lives left, by player, in games of each with itself."""
    names = [name for name in NAMES for _ in range(games_each)]
    choose = lambda n, chosen, legal, rng: chosen[NAMES.index(names[n])]  # noqa: E731
    *_, (states, _, _, _) = played({"players": players}, len(names), 3, choose)
    results = collections.defaultdict(list)
    for name, state in zip(names, states, strict=True):
        lives, _, fireworks = str(state).split("\n")[:3]
        score = sum(int(f[1]) for f in fireworks.split()[1:])
        results[name].append((score, int(lives.split()[-1])))
    return results


@pytest.mark.parametrize("name", ["cautious", "iggi", "internal", "outer"])
def test_players_who_play_only_what_is_sure_never_lose_a_life(name):
    assert {lives for _, lives in self_play()[name]} == {3}


def test_memory_of_what_others_know_helps_and_discarding_by_age_helps_more():
    mean = {name: np.mean([score for score, _ in games]) for name, games in self_play().items()}
    assert mean["flawed"] + 4 < mean["internal"]
    assert mean["internal"] + 2 < mean["outer"]
    assert mean["outer"] + 1 < mean["iggi"]


@pytest.mark.parametrize(
    ("name", "reported"), [("iggi", 16.16), ("piers", 16.41), ("outer", 14.34)]
)
def test_scores_of_two_are_near_those_reported_for_the_authors_own_players(name, reported):
    # Of networks that imitate them, in the ad-hoc play benchmark "hoad": a little less than the
    # players themselves, who in turn do not use what a hint did not touch.
    scores = [score for score, _ in self_play()[name]]
    error = np.std(scores) / np.sqrt(len(scores))
    assert reported - 3 * error < np.mean(scores) < reported + 2 + 3 * error


# Situations --------------------------------------------------------------------------------------


class Table:
    """A game of two on OpenSpiel: given hands, given cards drawn, moves in OpenSpiel's words."""

    def __init__(self, hands, draws="", last=""):
        dealt = (hands.replace("/", " ") + " " + draws).split()
        cards = [color + str(rank) for color in COLORS for rank in (1, 1, 1, 2, 2, 3, 3, 4, 4, 5)]
        rest = collections.Counter(cards) - collections.Counter([*dealt, *last.split()])
        shuffled = np.random.default_rng(0).permutation(sorted(rest.elements()))
        self.deck = iter([*dealt, *shuffled.tolist(), *last.split()])
        self.state = pyspiel.load_game("hanabi(players=2)").new_initial_state()
        self.draw()

    def draw(self):
        while self.state.is_chance_node():
            color, rank = next(self.deck)
            self.state.apply_action(COLORS.index(color) * 5 + int(rank) - 1)

    def do(self, *moves):
        for move in moves:
            kind, value = move.split()
            named = f"Reveal player +1 {kind} {value}" if kind in ("rank", "color") else move
            words = self.words()
            [action] = [a for a in self.state.legal_actions() if words[a] == named]
            self.state.apply_action(action)
            self.draw()
        return self

    def words(self):
        seat = self.state.current_player()
        return [self.state.action_to_string(seat, a)[1:-1] for a in range(20)]

    @property
    def now(self):
        return Position(self.state, {"players": 2})

    def moves(self):
        """Under so many keys: how often each player makes which move here: ``{name: Counter}``."""
        observation = np.asarray(self.state.observation_tensor(), np.uint8)
        mask = np.zeros(21, bool)
        mask[self.state.legal_actions()] = True
        chosen = players_of((("players", 2),))(
            np.tile(observation, (ROWS, 1)),
            np.tile(mask, (ROWS, 1)),
            jax.random.split(jax.random.key(5), ROWS),
        )
        words = [w.replace("Reveal player +1 ", "") for w in self.words()]
        columns = zip(NAMES, np.asarray(chosen).T.tolist(), strict=True)
        return {name: collections.Counter(words[a] for a in column) for name, column in columns}

    def move(self, name):
        """The move of a player that draws no lots here."""
        [move] = self.moves()[name]
        return move


@pytest.mark.parametrize(("misplays", "risks"), [(0, True), (1, True), (2, False)])
def test_piers_plays_a_risky_card_only_when_the_deck_is_empty_and_lives_are_left(misplays, risks):
    table = Table("R5 Y5 G5 W5 B5 / R4 R4 Y4 Y4 G4", last="R1 Y1 R3 Y3 G1 G1 W3 W3 B3 B3 G3 G3")
    table.do(*["Play 0"] * misplays)

    def chances():
        return [table.now.probability(own, table.now.playable) for own in table.now.own]

    def plays(name):
        return {move for move in table.moves()[name] if move.startswith("Play")}

    while table.now.deck:  # eight hints, then eight discards; so the last cards are not hinted
        for discard in (False, True):
            for _ in range(table.now.deck % 8 or 8 if not discard else 8 - table.now.tokens):
                likely = max(chances()) >= (Fraction(6, 10) if table.now.lives > 1 else 1)
                assert bool(plays("piers")) == likely
                table.do("Discard 0" if discard else next(hints(table)))
    assert table.now.lives == 3 - misplays
    assert 0 < max(chances()) < Fraction(6, 10)
    assert plays("piers") == ({f"Play {chances().index(max(chances()))}"} if risks else set())
    assert not plays("iggi")


def hints(table):
    words = [table.words()[a] for a in table.state.legal_actions()]
    return (w[17:] for w in reversed(words) if w.startswith("Reveal"))


@pytest.mark.parametrize(
    ("partner", "chance"),
    [
        ("W4 W5 W3 B3 B4", Fraction(9, 13)),  # three 1s of green, white and blue each
        ("G1 W1 B1 W4 B3", Fraction(6, 10)),  # the threshold itself
        ("G1 G1 W1 B1 W4", Fraction(5, 9)),
    ],
)
def test_piers_and_van_den_bergh_play_from_a_probability_of_three_fifths(partner, chance):
    held, newest = partner[:11], partner[12:]
    # Red and yellow 1 are played; then player 0 is told of its other 1.
    table = Table(f"R1 W1 R5 Y5 G5 / Y1 {held}", f"B5 {newest}")
    table.do("Play 0", "Play 0", "rank 4", "rank 1")
    own = table.now.own[0]
    assert table.now.probability(own, table.now.playable) == chance
    plays = chance >= Fraction(6, 10)
    assert (table.move("piers") == "Play 0") == plays
    assert (table.move("van-den-bergh") == "Play 0") == plays
    for name in ("iggi", "cautious"):
        assert not table.move(name).startswith("Play")


def test_piers_tells_of_a_dispensable_card_only_with_fewer_than_four_tokens():
    table = Table("R1 R4 R4 Y4 Y4 / R1 Y5 G5 W5 B5", "B3")
    # Red 1 is on the table; player 1 knows that it holds another 1, and not that it is red.
    table.do("Play 0", "rank 4", "rank 1", "rank 4")
    assert table.now.tokens == 5
    assert table.move("piers") == "Discard 0"
    table.do("rank 5", "rank 4")
    assert table.now.tokens == 3
    assert table.move("piers") == "color R"
    assert table.move("iggi") == "Discard 0"


def test_a_card_is_useless_once_every_copy_of_one_before_it_is_discarded():
    table = Table("Y4 R2 R2 R5 G4 / Y3 Y3 G3 G3 W3", "W4 B4")
    table.do("rank 3", "color R", "Discard 1", "rank 4", "Discard 1")
    before = table.now.discards
    table.do("rank 5")  # player 0 knows its red 5, and that no red 2 is left
    assert before["R", 2] == 2
    for name in ("cautious", "iggi", "internal", "outer", "piers", "van-den-bergh"):
        assert table.move(name) == "Discard 1", name


def test_cautious_rather_tells_of_a_card_that_its_owner_will_be_sure_of():
    table = Table("Y1 R5 R4 W5 G5 / Y2 R1 G4 W4 B4", "B5")
    table.do("Play 0", "rank 5", "color R", "rank 5")  # player 1 knows its red card
    assert table.move("iggi") == "rank 2"  # of the oldest playable card
    assert table.move("cautious") == "rank 1"
    table.do("rank 1", "Play 1")
    assert table.now.fireworks["R"] == 1


def test_flawed_plays_at_one_in_four():
    assert Table("R5 Y5 G5 W5 B5 / R4 Y4 G4 W4 B4").move("flawed") == "Play 0"  # 15 of 45
    crowded = Table("R5 Y5 G5 W5 B5 / R1 Y1 G1 W1 B1").moves()  # 10 of 45
    assert not any(move.startswith("Play") for move in crowded["flawed"])


def check_shares(counts, shares):
    """Counts are near expected shares: within five standard deviations."""
    total = sum(counts.values())
    assert set(counts) == set(shares)
    for move, share in shares.items():
        assert abs(counts[move] - total * share) < 5 * np.sqrt(total * share * (1 - share)), counts


def test_random_hints_choose_a_card_then_what_to_tell():
    counts = Table("R5 Y5 G5 W5 B5 / R1 R1 R1 Y1 W1").moves()
    shares = {"rank 1": 0.5, "color R": 0.3, "color Y": 0.1, "color W": 0.1}
    check_shares(counts["flawed"], shares)
    check_shares(counts["internal"], {"rank 1": 0.5, "color R": 0.5})  # of the first playable
    assert counts["iggi"].keys() == {"rank 1"}


def test_random_discards_choose_any_card():
    table = Table("R5 R4 Y4 G4 W4 / R3 Y3 G3 W3 B3").do(*["rank 3", "rank 4"] * 4)
    assert table.now.tokens == 0
    for name in ("internal", "outer"):
        check_shares(table.moves()[name], {f"Discard {i}": 0.2 for i in range(5)})
    assert table.move("iggi") == "Discard 0"  # the oldest


# In Arenas ---------------------------------------------------------------------------------------


def test_players_read_the_encoding_with_beliefs_too():
    env = arenas.make("hanabi-v0", observation="v0_belief")
    agent, layout = IGGI(env), env.layout

    @jax.jit
    def read(deck):
        state, start = env.reset(jax.random.key(0), deck=deck)
        vectors = layout.canonical(state)[0], start.observation[0]
        mask, key = start.action_mask[0], jax.random.key(0)
        return [(view(layout, v), agent.act((), (), v, mask, key)[1]) for v in vectors]

    deck = np.random.default_rng(0).permutation(env.rules.sorted_deck)
    jax.tree.map(np.testing.assert_array_equal, *jax.device_get(read(deck)))


def test_players_of_hanabi_play_nothing_else():
    with pytest.raises(BadArgument, match="plays 'hanabi', not 'rrps'"):
        arenas.load_agent("hanabi/iggi", "rrps-v0")
    with pytest.raises(BadArgument, match="is not Hanabi"):
        IGGI(arenas.make("rrps-v0"))


def test_an_observation_of_another_game_says_what_is_accepted():
    with pytest.raises(BadShape, match=r"shape \(658,\); accepted is \(\d+,\)"):
        view(Hanabi(players=3).layout, np.zeros(658, np.uint8))
