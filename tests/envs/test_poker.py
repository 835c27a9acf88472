"""Kuhn and Leduc poker: every history is OpenSpiel's; the players do what they say."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pyspiel
import pytest

import arenas
from arenas.errors import BadArgument, IllegalAction

IDS = ("kuhn-v0", "leduc-v0")
make = functools.cache(arenas.make)


def histories(game):
    """Deck, actions and OpenSpiel's state of every history at which no chance is open."""
    stack = [(game.new_initial_state(), [], [])]
    while stack:
        state, deck, actions = stack.pop()
        if state.is_chance_node():
            for card in state.legal_actions():
                stack.append((state.child(card), [*deck, card], actions))
            continue
        yield deck, actions, state
        for action in state.legal_actions():
            stack.append((state.child(action), deck, [*actions, action]))


@pytest.mark.parametrize("id", IDS)
def test_every_history_is_what_openspiel_says(id):
    env = make(id)
    game = pyspiel.load_game(env.open_spiel)
    found = list(histories(game))
    dealt = {"kuhn-v0": 2, "leduc-v0": 3}[id]
    # Until the public card is turned OpenSpiel has not drawn it: any card left will do.
    decks = [d + [min({*range(6)} - {*d})] * (dealt - len(d)) for d, _, _ in found]
    length = game.max_game_length()
    actions = np.array([a + [-1] * (length - len(a)) for _, a, _ in found])

    def replay(deck, actions):
        state, first = env.reset(jax.random.key(0), deck=deck)

        def step(carry, action):
            new = env.step(jax.random.key(0), carry[0], jnp.broadcast_to(action, (2,)))
            return jax.tree.map(lambda n, o: jnp.where(action >= 0, n, o), new, carry), None

        return jax.lax.scan(step, (state, first), actions)[0]

    state, last = jax.device_get(jax.jit(jax.vmap(replay))(np.array(decks), actions))
    assert len(found) == {"kuhn-v0": 54, "leduc-v0": 9300}[id]
    for i, (_, made, theirs) in enumerate(found):
        assert last.terminated[i] == theirs.is_terminal()
        assert not last.truncated[i]
        assert state.steps[i] == len(made)
        np.testing.assert_array_equal(last.reward[i], theirs.returns())
        np.testing.assert_array_equal(
            last.observation[i], [theirs.information_state_tensor(p) for p in range(2)]
        )
        who = theirs.current_player()
        assert last.acting[i].tolist() == [p == who for p in range(2)]
        if who >= 0:
            legal = np.flatnonzero(last.action_mask[i, who])
            assert legal.tolist() == theirs.legal_actions()
    if id == "leduc-v0":
        pots = [int(str(s).split("Pot: ")[1].split()[0]) for _, _, s in found]
        now = [s.is_terminal() for _, _, s in found]
        mine = np.asarray(last.info["stakes"]).sum(1)
        some = ~np.array(now) & (np.asarray(state.steps) > 0)  # info is of the step just made
        np.testing.assert_array_equal(mine[some], np.array(pots)[some])


@pytest.mark.parametrize("id", IDS)
def test_every_deal_is_equally_likely(id):
    env = make(id)
    cards = jax.jit(jax.vmap(lambda k: env.reset(k)[0].cards))(
        jax.random.split(jax.random.key(1), 24_000)
    )
    deals, counts = np.unique(np.asarray(cards), axis=0, return_counts=True)
    expected = {"kuhn-v0": 6, "leduc-v0": 120}[id]
    assert len(deals) == expected
    each = len(cards) / expected
    squares = ((counts - each) ** 2 / each).sum()
    assert squares < expected + 5 * np.sqrt(2 * expected)  # chi-squared, five deviations


def test_a_deck_is_checked_on_the_host():
    host = arenas.make_host("leduc-v0")
    for deck in ([1, 1, 2], [0, 1], [0, 1, 6], [-1, 0, 1], [0.0, 1.0, 2.0]):
        with pytest.raises(BadArgument, match="accepted are 3 different integers from 0 to 5"):
            host.reset(0, deck=deck)
    host.reset(0, deck=[0, 2, 4])
    with pytest.raises(IllegalAction, match="fold"):
        host.step([0, 0])


@functools.cache
def table(id, name):
    from arenas.interop.open_spiel_policies import tabular_policy

    env = make(id)
    agent = arenas.load_agent(name, env)
    return tabular_policy(env, [agent, agent])


def value_and_nash_conv(id, name):
    policy = table(id, name)
    game = pyspiel.load_game(make(id).open_spiel)
    value = pyspiel.expected_returns(game.new_initial_state(), policy, -1, True)
    return value[0], pyspiel.nash_conv(game, policy)


@pytest.mark.parametrize("alpha", [0.0, 0.2, 1 / 3])
def test_kuhns_equilibria_cannot_be_exploited(alpha):
    value, nash_conv = value_and_nash_conv("kuhn-v0", f"kuhn/equilibrium,alpha={alpha}")
    np.testing.assert_allclose([value, nash_conv], [-1 / 18, 0], atol=1e-7)


def test_an_alpha_beyond_a_third_is_refused():
    with pytest.raises(BadArgument, match="alpha is 0.5; accepted"):
        arenas.load_agent("kuhn/equilibrium,alpha=0.5", "kuhn-v0")


def test_honest_players_pay_for_it():
    # A best response bets the jack, -1/2 (+1 against the queen, -2 against the king), passes the
    # queen, 0, and wins 1 with the king: 1/6. In the second seat it bluffs the jack after a pass,
    # 0, and wins 0 with the queen and 1 with the king: 1/3.
    assert value_and_nash_conv("kuhn-v0", "kuhn/honest")[1] == pytest.approx(1 / 6 + 1 / 3)


def test_an_agent_draws_with_the_probabilities_that_it_tells():
    env = make("kuhn-v0")
    agent = arenas.load_agent("kuhn/equilibrium", env)
    _, timestep = env.reset(jax.random.key(0), deck=jnp.array([0, 1]))
    seen, mask = timestep.observation[0], timestep.action_mask[0]
    _, told = agent.probabilities((), (), seen, mask)
    keys = jax.random.split(jax.random.key(2), 20_000)
    drawn = jax.jit(jax.vmap(lambda k: agent.act((), (), seen, mask, k)[1]))(keys)
    np.testing.assert_allclose(np.bincount(drawn) / len(drawn), told, atol=0.015)


def test_games_are_shown_as_text():
    from arenas.renderers.text import render_text

    host = arenas.make_host("leduc-v0")
    host.reset(0, deck=[4, 1, 5])
    host.step([2, 0])
    assert render_text(host).splitlines()[1:] == [
        "player_0: king a  player_1: jack b  public: (king b)",
        "round 1: raise",
        "round 2:",
    ]
    host.step([0, 1])
    assert "public: king b\nround 1: raise call\nround 2:" in render_text(host)
    host = arenas.make_host("kuhn-v0")
    host.reset(0, deck=[1, 0])
    host.step([0, 0])
    assert "player_0: queen  player_1: jack\nsaid: pass" in render_text(host)
