"""OpenSpiel's games and bots, held against pyspiel stepped directly and against exact values."""

import subprocess
import sys
import time

import numpy as np
import pyspiel
import pytest
import toys
from open_spiel.python import policy
from open_spiel.python.algorithms import expected_game_score

import arenas
from arenas.errors import BadArgument, IllegalAction, UnknownName
from arenas.interop import open_spiel as interop
from arenas.testing import check_env


def make(game_string, **kwargs):
    return arenas.make(f"open_spiel/{game_string}", **kwargs)


def random_episode(env, seed, rng, steps=10_000):
    """The time steps of an episode of random legal actions, and the position at each."""
    timestep = env.reset(seed)
    seen = [(timestep, env.state())]
    while not timestep.terminated and len(seen) <= steps:
        timestep = env.step(toys.random_actions(env, timestep.action_mask, rng))
        seen.append((timestep, env.state()))
    return seen


def assert_is_what_pyspiel_says(env, seen, state, tensor):
    """Walk pyspiel's ``state`` along the recorded history, comparing at every decision."""
    history = seen[-1][1]["history"].tolist()
    at, returns = 0, np.zeros(env.num_agents)
    for timestep, position in seen:
        while state.is_chance_node():
            likely = {a for a, p in state.chance_outcomes() if p > 0}
            assert history[at] in likely, "a chance outcome that the game does not have"
            state.apply_action(history[at])
            at += 1
        assert position["history"].tolist() == history[:at] == state.history()
        np.testing.assert_allclose(timestep.reward, np.array(state.returns()) - returns, rtol=1e-6)
        returns = np.array(state.returns())
        assert bool(timestep.terminated) == state.is_terminal()
        assert not timestep.truncated
        for p in range(env.num_agents):
            np.testing.assert_array_equal(
                timestep.observation[p].ravel(), np.float32(getattr(state, tensor)(p))
            )
        if state.is_terminal():
            assert not timestep.acting.any()
            assert timestep.action_mask.all()
            break
        simultaneous = state.is_simultaneous_node()
        movers = range(env.num_agents) if simultaneous else [state.current_player()]
        for p in range(env.num_agents):
            legal = state.legal_actions(p) if p in movers else []
            assert timestep.acting[p] == bool(legal)
            expected = legal or list(range(env.num_actions))
            assert np.flatnonzero(timestep.action_mask[p]).tolist() == expected
        if at == len(history):
            break
        if simultaneous:
            state.apply_actions(history[at : at + env.num_agents])
            at += env.num_agents
        else:
            state.apply_action(history[at])
            at += 1
    assert at == len(history)
    assert str(env.rebuild(seen[-1][1])) == str(env.spiel_state)


GAMES = [
    "kuhn_poker",
    "kuhn_poker(players=3)",
    "leduc_poker",
    "tic_tac_toe",
    "goofspiel(num_cards=6,imp_info=True,points_order=random)",
    "goofspiel(players=3,num_cards=4)",
    "matrix_rps",
    "matching_pennies_3p",
    "repeated_game(num_repetitions=10,stage_game=matrix_rps())",
    "turn_based_simultaneous_game(game=goofspiel(num_cards=4))",
    "misere(game=tic_tac_toe())",
    "liars_dice(numdice=2)",
    "backgammon",
    "markov_soccer",
    "laser_tag(horizon=60)",
    "oshi_zumo",
    "hanabi(players=3)",
    "bargaining",
    "battleship",
    "python_tic_tac_toe",
]


@pytest.mark.parametrize("game", GAMES)
def test_every_step_is_what_pyspiel_says(game):
    env = make(game)
    rng = np.random.default_rng(0)
    steps = 0
    for seed in range(60):
        seen = random_episode(env, seed, rng)
        assert len(seen) - 1 <= env.spec.horizon
        own = pyspiel.load_game(game)
        assert_is_what_pyspiel_says(env, seen, own.new_initial_state(), env.observation + "_tensor")
        steps += len(seen) - 1
        if steps > 600:
            return


@pytest.mark.parametrize("game", ["kuhn_poker", "leduc_poker", "goofspiel(num_cards=4)"])
def test_the_information_state_is_to_be_had(game):
    env = make(game, observation="information_state")
    seen = random_episode(env, 3, np.random.default_rng(0))
    state = pyspiel.load_game(game).new_initial_state()
    assert env.observation_space.shape == tuple(env.game.information_state_tensor_shape())
    assert_is_what_pyspiel_says(env, seen, state, "information_state_tensor")


@pytest.mark.parametrize(
    "game", ["kuhn_poker", "tic_tac_toe", "goofspiel(num_cards=5)", "hanabi(players=4)"]
)
def test_the_contract_of_host_environments_is_kept(game):
    check_env(make(game))


@pytest.mark.parametrize("game", ["negotiation", "stones_and_gems", "backgammon", "leduc_poker"])
def test_the_same_seed_gives_the_same_chance(game):
    played = []
    for _ in range(2):
        env = make(game)
        sums, views = [], []
        for seed in (5, 6, 2**32 - 1):
            seen = random_episode(env, seed, np.random.default_rng(1), steps=40)
            sums.append(env.checksum())
            views.append(np.stack([t.observation for t, _ in seen[:2]]))
        played.append((sums, views))
    assert played[0][0] == played[1][0]
    for one, two in zip(played[0][1], played[1][1], strict=True):
        np.testing.assert_array_equal(one, two)
    assert len(set(played[0][0])) == 3


def test_chance_follows_its_probabilities():
    env = make("pig")
    rolls = []
    for seed in range(40):
        env.reset(seed)
        for _ in range(30):
            timestep = env.step([0, 0])
            rolls.append(env.spiel_state.history()[-1])
            if timestep.terminated:
                break
    counts = np.bincount(rolls, minlength=6)
    expected = len(rolls) / 6
    assert counts.size == 6
    assert ((counts - expected) ** 2 / expected).sum() < 20.5  # chi-square, 5 degrees, p = 0.001


def mean_returns(env, agents, seeds):
    returns = []
    for seed in seeds:
        timestep = env.reset(seed)
        for seat, agent in enumerate(agents):
            agent.watch(env)
            agent.reset(seat, seed * 7919 % 2**32 + seat)
        total = np.zeros(env.num_agents)
        while not timestep.terminated:
            actions = [
                agent.act(timestep.observation[i], timestep.action_mask[i])
                if timestep.acting[i]
                else 0
                for i, agent in enumerate(agents)
            ]
            timestep = env.step(actions)
            total += timestep.reward
        returns.append(total)
    return np.mean(returns, axis=0), np.std(returns, axis=0) / np.sqrt(len(returns))


@pytest.mark.parametrize(
    "game", ["kuhn_poker", "kuhn_poker(players=3)", "tiny_hanabi", "goofspiel(num_cards=3)"]
)
def test_uniform_bots_get_the_exact_expected_value(game):
    env = make(game)
    bots = [arenas.load_agent("open_spiel/uniform_random", env) for _ in env.agents]
    mean, error = mean_returns(env, bots, range(1500))
    uniform = policy.UniformRandomPolicy(env.game)
    policies = [uniform] * env.num_agents
    if env.game.get_type().dynamics == pyspiel.GameType.Dynamics.SIMULTANEOUS:
        policies = uniform
    exact = expected_game_score.policy_value(env.game.new_initial_state(), policies)
    assert (np.abs(mean - exact) < 4 * error + 1e-9).all(), (mean, exact, error)


def test_search_beats_chance_at_tic_tac_toe():
    env = make("tic_tac_toe")
    searcher = arenas.load_agent("open_spiel/mcts,simulations=200", env)
    random = arenas.load_agent("open_spiel/uniform_random", env)
    first, _ = mean_returns(env, [searcher, random], range(15))
    second, _ = mean_returns(env, [random, searcher], range(15))
    assert first[0] > 0.7
    assert second[1] > 0.4


def test_bots_play_in_seats_beyond_two():
    for game, bot in (
        ("pig(players=3,winscore=10)", "mcts,simulations=50"),
        ("kuhn_poker(players=3)", "ismcts,simulations=50"),
    ):
        env = make(game)
        bots = [arenas.load_agent(f"open_spiel/{bot}", env) for _ in env.agents]
        for seat, agent in enumerate(bots):
            agent.watch(env)
            agent.reset(seat, 2**32 - 1)  # the largest of seeds
        timestep = env.reset(0)
        moved = set()
        while not timestep.terminated:
            seat = int(timestep.acting.argmax())
            moved.add(seat)
            action = bots[seat].act(timestep.observation[seat], timestep.action_mask[seat])
            timestep = env.step([action] * 3)
        assert moved == {0, 1, 2}


@pytest.mark.parametrize(
    ("game", "bot"),
    [
        ("tic_tac_toe", "mcts,simulations=30"),
        ("leduc_poker", "ismcts,simulations=30"),
        ("leduc_poker", "uniform_random"),
        ("gin_rummy", "simple_gin_rummy"),
        ("universal_poker", "uniform_restricted_actions,policy_name=AlwaysCall"),
    ],
)
def test_the_same_seeds_give_the_same_match(game, bot):
    def play(seed):
        [episode] = arenas.play(f"open_spiel/{game}", [f"open_spiel/{bot}"] * 2, seed=seed)
        assert episode.forfeit is None
        return episode.returns, episode.length, episode.checksum

    assert play(11) == play(11)


def test_a_match_hands_bots_the_environment_that_is_played():
    made_with = make("tic_tac_toe")
    bot = arenas.load_agent("open_spiel/fixed_action_preference,actions=(8,4,0)", made_with)
    [episode] = arenas.play("open_spiel/tic_tac_toe", [bot, "open_spiel/mcts,simulations=5"])
    assert np.asarray(episode.actions)[0, 0] == 8


def test_fixed_preferences_are_taken_in_order():
    env = make("tic_tac_toe")
    bot = arenas.load_agent("open_spiel/fixed_action_preference,actions=(8,4,0)", env)
    timestep = env.reset(0)
    bot.reset(0, 0)
    assert bot.act(timestep.observation[0], timestep.action_mask[0]) == 8
    env.step([8, 0])
    timestep = env.step([0, 4])
    assert bot.act(timestep.observation[0], timestep.action_mask[0]) == 0


def test_labels_and_illegal_actions():
    env = make("kuhn_poker")
    env.reset(0)
    assert env.action_label(0, 0) == "Pass"
    env = make("tic_tac_toe")
    env.reset(0)
    env.step([4, 0])
    with pytest.raises(IllegalAction, match="player_1"):
        env.step([0, 4])
    assert env.state()["history"].tolist() == [4]


def test_metadata_is_openspiels():
    spec = arenas.registry.envs["open_spiel/goofspiel(players=3,num_cards=4)"]
    assert (spec.players, spec.turn_based, spec.horizon) == (3, False, 4)
    assert spec.kind == "competitive"
    assert arenas.registry.envs["open_spiel/kuhn_poker"].turn_based
    assert arenas.registry.envs["open_spiel/tiny_hanabi"].kind == "cooperative"
    assert arenas.registry.envs["open_spiel/matrix_pd"].kind == "mixed"
    assert arenas.registry.envs["open_spiel/2048"].kind == "single-agent"
    assert make("leduc_poker").return_range == (-13.0, 13.0)
    env = make("kuhn_poker,observation=information_state")
    assert env.kwargs == {"observation": "information_state"}


@pytest.mark.parametrize(
    ("game", "error", "says"),
    [
        ("kuhn_pokr", UnknownName, "kuhn_poker"),
        ("", UnknownName, "game of OpenSpiel"),
        ("kuhn_poker(players=77)", BadArgument, "players"),
        ("kuhn_poker(cards=3)", BadArgument, "Unknown parameter 'cards'"),
        ("kuhn_poker(players=", BadArgument, "bracket"),
        ("misere", BadArgument, "Missing parameter game"),
        ("mfg_garnet", BadArgument, "mean-field"),
        ("coin_game", BadArgument, "neither"),
        ("crossword", BadArgument, "not playable"),
        ("kuhn_poker,observation=tensor", UnknownName, "information_state"),
        ("tic_tac_toe,observation=information_state", BadArgument, "provides observation"),
        ("kuhn_poker,players=3", UnknownName, "observation"),
    ],
)
def test_bad_names_and_arguments_say_why(game, error, says, capfd):
    with pytest.raises(error, match=says):
        make(game)
    assert capfd.readouterr() == ("", ""), "OpenSpiel's own report stays unsaid"


@pytest.mark.parametrize(
    ("game", "bot", "error", "says"),
    [
        ("kuhn_poker", "mctss", UnknownName, "mcts"),
        ("kuhn_poker", "mcts", BadArgument, "hidden"),
        ("tic_tac_toe", "ismcts", BadArgument, "open_spiel/mcts"),
        ("liars_dice", "ismcts", BadArgument, "Resample"),
        ("2048", "mcts", BadArgument, "terminal rewards"),
        ("tic_tac_toe", "mcts,simulations=0", BadArgument, "simulations"),
        ("tic_tac_toe", "mcts,depth=3", UnknownName, "depth"),
        ("kuhn_poker", "fixed_action_preference,actions=7", BadArgument, "0 to 1"),
        ("kuhn_poker", "simple_gin_rummy", BadArgument, "gin_rummy"),
        ("kuhn_poker", "uniform_restricted_actions,policy_name=AlwaysCall", BadArgument, "poker"),
    ],
)
def test_bots_refuse_what_they_cannot_play(game, bot, error, says, capfd):
    with pytest.raises(error, match=says):
        arenas.load_agent(f"open_spiel/{bot}", make(game))
    assert capfd.readouterr() == ("", "")


def test_bots_refuse_environments_that_are_not_openspiels():
    with pytest.raises(BadArgument, match="open_spiel"):
        arenas.load_agent("open_spiel/uniform_random", "rrps-v0")
    bot = arenas.load_agent("open_spiel/uniform_random", make("kuhn_poker"))
    with pytest.raises(BadArgument, match="OpenSpiel"):
        bot.watch(toys.Counter())


def test_import_prints_nothing():
    code = "import arenas; arenas.make('open_spiel/kuhn_poker').reset(0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# Games of env_names() that are not playable, by reason; all others are played below.
NOT_PLAYABLE = {
    "no tensor to observe": {
        "coin_game",
        "coordinated_mp",
        "cribbage",
        "liars_dice_ir",
        "morpion_solitaire",
        "phantom_ttt_ir",
        "python_iterated_prisoners_dilemma",
        "social_deduction",
        "tarok",
    },
    "tensor without a shape": {"crossword"},
    "actions beyond those declared": {"chat_game"},
}
EXPENSIVE = {"bridge", "bridge_uncontested_bidding"}  # seconds a step or a deal: a few steps only


@pytest.mark.parametrize("name", interop.env_names())
@pytest.mark.slow
def test_every_game_that_loads_is_played_or_refused_with_its_reason(name):
    if any(name in names for names in NOT_PLAYABLE.values()):
        with pytest.raises(BadArgument):
            make(name).reset(0)
        return
    env = make(name)
    rng = np.random.default_rng(0)
    until = time.monotonic() + 0.5
    for seed in range(5):
        seen = random_episode(env, seed, rng, steps=6 if name in EXPENSIVE else 150)
        assert len(seen) - 1 <= env.spec.horizon
        for timestep, _ in seen:
            assert env.observation_space.contains(timestep.observation[0])
            assert np.isfinite(timestep.observation).all()
            assert timestep.action_mask.any(axis=1).all()
            assert timestep.acting.any() != bool(timestep.terminated)
        low, high = env.return_range
        if seen[-1][0].terminated and name != "2048":
            total = np.sum([t.reward for t, _ in seen], axis=0)
            assert (total >= low - 1e-4).all()
            assert (total <= high + 1e-4).all()
        if env.game.get_type().chance_mode != pyspiel.GameType.ChanceMode.SAMPLED_STOCHASTIC:
            state = pyspiel.load_game(name).new_initial_state()
            assert_is_what_pyspiel_says(env, seen, state, env.observation + "_tensor")
        if time.monotonic() > until:
            break
