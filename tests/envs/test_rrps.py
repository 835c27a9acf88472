"""Rules of repeated rock-paper-scissors, its host form, and its scripted agents."""

import itertools
import types

import jax
import jax.numpy as jnp
import numpy as np
import pyspiel
import pytest

import arenas
from arenas.agent import as_host_agent
from arenas.envs.rrps.game import LABELS, PAYOFFS
from arenas.envs.rrps.population import BOTS, population_split
from arenas.errors import BadArgument, BadShape, EpisodeOver, IllegalAction, UnknownName
from arenas.host import JaxHost
from arenas.registry import EnvSpec
from arenas.testing import check_env

VARIANTS = {
    "rrps-v0": "matrix_rps",
    "rrps-biased-v0": "matrix_brps",
    "rrps-water-v0": "matrix_rpsw",
}
FRACTIONAL = [[0, -0.1, 0.7], [0.1, 0, -0.3], [-0.7, 0.3, 0]]


def play_on_device(env, actions):
    """All time steps of an episode with these joint actions ``[T, 2]``, stacked; then the state."""

    def step(state, action):
        state, timestep = env.step(jax.random.key(0), state, action)
        return state, timestep

    state, first = env.reset(jax.random.key(0))
    final, rest = jax.jit(lambda s, a: jax.lax.scan(step, s, a))(state, jnp.asarray(actions))
    return first, jax.device_get(rest), jax.device_get(final)


def play_agents(names, throws, env_id="rrps-v0", seed=0, **kwargs):
    """Joint throws ``[T, 2]`` and returns ``[2]`` of a match on the host."""
    env = arenas.make_host(env_id, throws=throws, **kwargs)
    agents = [as_host_agent(arenas.load_agent(n, env)) if isinstance(n, str) else n for n in names]
    timestep = env.reset(seed)
    for seat, agent in enumerate(agents):
        agent.reset(seat, seed + seat)
    made, total = [], np.zeros(2)
    while not timestep.terminated:
        joint = [
            a.act(timestep.observation[i], timestep.action_mask[i]) for i, a in enumerate(agents)
        ]
        timestep = env.step(joint)
        made.append(joint)
        total += timestep.reward
    return np.array(made), total


# Rules -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("env_id", "game"), VARIANTS.items())
def test_payoffs_are_those_of_openspiels_matrix_games(env_id, game):
    matrix = pyspiel.load_game(game)
    size = matrix.num_rows()
    joint = list(itertools.product(range(size), repeat=2))
    env = arenas.make(env_id, throws=len(joint))
    _, played, _ = play_on_device(env, joint)
    for reward, (a, b) in zip(played.reward, joint, strict=True):
        assert reward.tolist() == [matrix.row_utility(a, b), matrix.col_utility(a, b)]
    assert [x.lower() for x in map(matrix.row_action_name, range(size))] == [*env.action_labels]


@pytest.mark.parametrize(("env_id", "game"), VARIANTS.items())
def test_returns_are_those_of_openspiels_repeated_game(env_id, game):
    oracle = pyspiel.load_game(
        f"repeated_game(stage_game={game}(),num_repetitions=30)"
    ).new_initial_state()
    env = arenas.make(env_id, throws=30)
    actions = np.random.default_rng(3).integers(0, env.num_actions, (30, 2))
    _, played, _ = play_on_device(env, actions)
    for t, action in enumerate(actions):
        oracle.apply_actions(action.tolist())
        assert played.reward[t].tolist() == oracle.rewards()
        assert played.info["score"][t].tolist() == oracle.returns()
        assert played.terminated[t] == oracle.is_terminal()
    assert played.reward.sum(0).tolist() == oracle.returns()


def test_an_episode_is_1000_throws_and_is_terminated_not_truncated():
    env = arenas.make("rrps-v0")
    _, played, _ = play_on_device(env, np.zeros((1001, 2), int))
    assert np.flatnonzero(played.terminated).tolist() == [999, 1000]  # and stays as it ended
    assert not played.truncated.any()
    assert env.spec.horizon == 1000


def test_the_newest_joint_throw_is_seen_own_first():
    _, played, _ = play_on_device(arenas.make("rrps-v0", throws=4), [[0, 2], [1, 1]])
    assert played.observation[0].tolist() == [
        [1, 0, 0, 0, 0, 1, 0.25],
        [0, 0, 1, 1, 0, 0, 0.25],
    ]
    assert played.observation[1].tolist() == [[0, 1, 0, 0, 1, 0, 0.5]] * 2


def test_recall_shows_older_throws_after_newer_ones_and_zeros_before_the_first():
    env = arenas.make("rrps-v0", throws=8, recall=3)
    first, played, _ = play_on_device(env, [[0, 1], [2, 0], [1, 1], [2, 2]])
    assert env.observation_space.shape == (3 * 6 + 1,)
    assert not np.asarray(first.observation).any()
    r, p, s, none = [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]
    assert played.observation[1, 0].tolist() == [*s, *r, *r, *p, *none, *none, 2 / 8]
    assert played.observation[1, 1].tolist() == [*r, *s, *p, *r, *none, *none, 2 / 8]
    assert played.observation[3, 0].tolist() == [*s, *s, *p, *p, *s, *r, 4 / 8]


def test_win_names_the_winner_of_the_throw_and_score_adds_up():
    _, played, _ = play_on_device(
        arenas.make("rrps-v0", throws=4), [[1, 0], [1, 1], [1, 2], [0, 2]]
    )
    assert played.info["win"].tolist() == [
        [True, False], [False, False], [False, True], [True, False]
    ]  # fmt: skip
    assert played.info["score"].tolist() == [[1, -1], [1, -1], [0, 0], [1, -1]]


def test_the_state_is_small_integers():
    state = play_on_device(arenas.make("rrps-v0", recall=2), [[0, 1]])[2]
    assert (state.recent.dtype, state.score.dtype) == (np.uint8, np.int32)
    assert state.recent.tolist() == [[0, 1], [3, 3]]  # 3: no throw yet


def test_a_fractional_payoff_is_summed_in_float32():
    _, played, state = play_on_device(
        arenas.make("rrps-v0", payoff=FRACTIONAL, throws=3), [[0, 2], [1, 0], [0, 0]]
    )
    assert state.score.dtype == np.float32
    expected = np.float32(0.7) + np.float32(0.1)
    assert state.score.tolist() == [expected, -expected]
    assert played.reward[2].tolist() == [0, 0]


def test_play_is_the_same_in_batches_of_any_size():
    env = arenas.make("rrps-v0", throws=20)
    actions = np.random.default_rng(0).integers(0, 3, (20, 5, 2))
    vector = arenas.VectorEnv(env, 5)
    state, _ = vector.reset(jax.random.key(1))
    step = jax.jit(vector.step)
    together = []
    for action in actions:
        state, timestep = step(state, jnp.asarray(action))
        together.append((timestep.final_observation, timestep.reward, timestep.terminated))
    for i in range(5):
        _, alone, _ = play_on_device(env, actions[:, i])
        for t, (observation, reward, terminated) in enumerate(together):
            assert np.array_equal(observation[i], alone.observation[t])
            assert np.array_equal(reward[i], alone.reward[t])
            assert terminated[i] == alone.terminated[t]


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"throws": 0}, "throws is 0; accepted are integers from 1 to 1000000"),
        ({"throws": 10**9}, "throws is 1000000000; accepted"),
        ({"throws": 10.0}, "throws is 10.0"),
        ({"throws": True}, "throws is True"),
        ({"recall": 0}, "recall is 0"),
        ({"recall": 6, "throws": 5}, "recall is 6; accepted are 1 to throws, 5"),
        ({"payoff": [[0, 1], [1, 0]]}, r"payoff\[0\]\[1\] is 1 and payoff\[1\]\[0\] is 1"),
        ({"payoff": [[1, 0], [0, 1]]}, r"payoff\[0\]\[0\] is 1"),
        ({"payoff": [[0, 1, 2], [-1, 0, 1]]}, r"shape \(2, 3\)"),
        ({"payoff": [[0]]}, r"shape \(1, 1\)"),
        ({"payoff": [[0, 1], [2]]}, "accepted are a name or a square"),
        ({"payoff": [[0, np.nan], [np.nan, 0]]}, "not finite"),
        ({"payoff": [[0, 2**31], [-(2**31), 0]], "throws": 1}, "does not fit"),
    ],
)
@pytest.mark.parametrize("make", [arenas.make, arenas.make_host])
def test_bad_arguments_say_what_is_accepted(make, kwargs, message):
    with pytest.raises(BadArgument, match=message):
        make("rrps-v0", **kwargs)


@pytest.mark.parametrize("make", [arenas.make, arenas.make_host])
def test_every_variant_keeps_the_contract(make):
    for env_id in VARIANTS:
        check_env(make(env_id, throws=12, recall=2))


def test_an_unknown_payoff_suggests_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'rpsw'"):
        arenas.make("rrps-v0", payoff="rpswater")


# On the host -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("env_id", "kwargs"),
    [
        *((env_id, {"throws": 37}) for env_id in VARIANTS),
        ("rrps-v0", {"throws": 29, "recall": 4}),
        ("rrps-water-v0", {"throws": 5, "recall": 5}),
        ("rrps-v0", {"throws": 41, "payoff": FRACTIONAL}),
        ("rrps-v0", {"throws": 3, "payoff": [[0, 7], [-7, 0]], "recall": 2}),
        ("rrps-v0", {}),
    ],
)
def test_the_host_form_equals_the_jax_environment_bit_for_bit(env_id, kwargs):
    fast = arenas.make_host(env_id, **kwargs)
    slow = JaxHost(arenas.make(env_id, **kwargs))
    for name in ("agents", "observation_space", "action_space", "max_steps", "action_labels"):
        assert getattr(fast, name) == getattr(slow, name)
    assert (fast.return_range, fast.kwargs) == (slow.return_range, slow.kwargs)
    assert fast.spec is slow.spec

    def check(got, expected):
        got, tree = jax.tree.flatten(got)
        expected, expected_tree = jax.tree.flatten(expected)
        assert tree == expected_tree
        for a, b in zip(got, expected, strict=True):
            assert isinstance(a, np.ndarray)
            assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, np.asarray(b).tobytes())

    rng = np.random.default_rng(5)
    for seed in (0, 1):
        check(fast.reset(seed), slow.reset(seed))
        check(fast.state(), slow.state())
        steps = 0
        while not fast.timestep.terminated:
            action = rng.integers(0, fast.num_actions, 2)
            check(fast.step(action), slow.step(action))
            steps += 1
            if steps % 7 == 0 or fast.timestep.terminated:
                check(fast.state(), slow.state())
                assert fast.checksum() == slow.checksum()
        assert steps == fast.steps == fast.rules.throws
        assert slow.timestep.terminated


@pytest.mark.parametrize(
    ("action", "error"),
    [
        ([0, 3], IllegalAction),
        ([-1, 0], IllegalAction),
        (np.array([0, 200], np.uint8), IllegalAction),
        ([0.0, 1.0], BadShape),
        ([0, np.nan], BadShape),
        ([True, False], BadShape),
        (np.array([True, False]), BadShape),
        ([0], BadShape),
        ([0, 1, 2], BadShape),
        ([[0, 1]], BadShape),
        (1, BadShape),
    ],
)
def test_the_host_form_refuses_bad_actions_and_stays_as_it_was(action, error):
    env = arenas.make_host("rrps-v0", throws=3)
    env.reset(0)
    env.step([2, 1])
    before = env.checksum()
    with pytest.raises(error):
        env.step(action)
    assert (env.checksum(), env.steps) == (before, 1)


@pytest.mark.parametrize(
    "action", [[0, 1], (0, 1), [np.int64(0), np.uint8(1)], np.array([0, 1], "b")]
)
def test_the_host_form_takes_integers_of_any_kind(action):
    env = arenas.make_host("rrps-v0")
    env.reset(0)
    assert env.step(action).reward.tolist() == [-1, 1]


def test_a_step_outside_an_episode_raises_on_the_host():
    env = arenas.make_host("rrps-v0", throws=1)
    with pytest.raises(EpisodeOver, match="reset first"):
        env.step([0, 0])
    env.reset(0)
    env.step([0, 0])
    with pytest.raises(EpisodeOver, match="is over"):
        env.step([0, 0])
    env.reset(0)
    assert env.step([0, 1]).reward.tolist() == [-1, 1]


def test_check_legal_names_seat_and_action():
    env = arenas.make_host("rrps-v0")
    env.reset(0)
    env.check_legal(1, 2)
    env.check_legal(1, np.int32(2))
    with pytest.raises(IllegalAction, match="player_1: action 3 is out of range") as caught:
        env.check_legal(1, 3)
    assert caught.value.seat == 1
    with pytest.raises(BadShape):
        env.check_legal(0, True)


def test_time_steps_already_handed_out_never_change():
    env = arenas.make_host("rrps-v0", throws=10, recall=2)
    kept = [env.reset(0)]
    copies = [jax.tree.map(np.copy, kept[0])]
    for action in np.random.default_rng(1).integers(0, 3, (10, 2)):
        kept.append(env.step(action))
        copies.append(jax.tree.map(np.copy, kept[-1]))
    env.reset(1)
    for a, b in zip(kept, copies, strict=True):
        assert jax.tree.all(jax.tree.map(np.array_equal, a, b))


# Scripted agents ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("agents", "first_return"),
    [
        (("rrps/rock", "rrps/paper"), -1000),
        (("rrps/scissors", "rrps/paper"), 1000),
        (("rrps/constant,action=1", "rrps/rock"), 1000),
        (("rrps/cycle", "rrps/rock"), 0),  # 333 times a draw, a win and a loss; then a draw
        (("rrps/copy", "rrps/cycle"), -999),  # always one behind, but for the first throw
        (("rrps/beat-last", "rrps/cycle"), 0),  # what beats the last throw is the next one
        (("rrps/beat-last", "rrps/rock"), 999),
        (("rrps/frequency", "rrps/rock"), 999),
        (("rrps/copy", "rrps/copy"), 0),
    ],
)
def test_scripted_agents_meet_closed_forms(agents, first_return):
    _, returns = play_agents(agents, 1000)
    assert returns.tolist() == [first_return, -first_return]


def test_cycle_has_the_length_of_the_action_set():
    made, _ = play_agents(("rrps/cycle", "rrps/cycle"), 9, "rrps-water-v0")
    assert made[:, 0].tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 0]


@pytest.mark.parametrize(("env_id", "game"), VARIANTS.items())
def test_frequency_best_responds_to_empirical_counts(env_id, game):
    matrix = pyspiel.load_game(game)
    made, _ = play_agents(("rrps/frequency", "random"), 200, env_id)
    size = matrix.num_rows()
    counts = np.zeros(size)
    for own, other in made:
        values = [
            sum(matrix.row_utility(a, b) * counts[b] for b in range(size)) for a in range(size)
        ]
        assert own == int(np.argmax(values))
        counts[other] += 1


@pytest.mark.parametrize(("env_id", "game"), VARIANTS.items())
def test_beat_last_earns_most_against_the_last_throw(env_id, game):
    matrix = pyspiel.load_game(game)
    made, _ = play_agents(("random", "rrps/beat-last"), 60, env_id)
    size = matrix.num_rows()
    for (last, _), (_, own) in itertools.pairwise(made):
        values = [matrix.row_utility(a, last) for a in range(size)]
        assert values[own] == max(values)


def test_scripted_agents_play_the_same_on_the_device():
    env = arenas.make("rrps-v0", throws=50, recall=2)
    pairs = [
        ("copy", "cycle"),
        ("beat-last", "frequency"),
        ("cycle", "frequency"),
        ("copy", "paper"),
    ]
    for a, b in pairs:
        made, _ = play_agents((f"rrps/{a}", f"rrps/{b}"), 50, recall=2)
        agents = [arenas.load_agent(f"rrps/{n}", env) for n in (a, b)]
        carries = [agent.init(jax.random.key(0), jnp.int32(i)) for i, agent in enumerate(agents)]

        def step(loop, _, agents=agents):
            state, timestep, carries = loop
            acts = [
                agent.act(
                    (), carry, timestep.observation[i], timestep.action_mask[i], jax.random.key(0)
                )
                for i, (agent, carry) in enumerate(zip(agents, carries, strict=True))
            ]
            joint = jnp.stack([action for _, action in acts])
            state, timestep = env.step(jax.random.key(0), state, joint)
            return (state, timestep, [carry for carry, _ in acts]), joint

        start = (*env.reset(jax.random.key(0)), carries)
        _, on_device = jax.jit(lambda s, step=step: jax.lax.scan(step, s, None, 50))(start)
        assert on_device.tolist() == made.tolist()


@pytest.mark.parametrize("action", [3, -1, 1.5, True, "rock"])
def test_constant_refuses_what_is_no_throw(action):
    env = arenas.make("rrps-v0")
    with pytest.raises(BadArgument, match="accepted are 0 to 2"):
        arenas.registry.load("arenas.envs.rrps.agents:Constant")(env, action)


def test_agents_refuse_other_games():
    other = types.SimpleNamespace(spec=EnvSpec(id="other-v0", entry_point=dict, game="other"))
    with pytest.raises(BadArgument, match="plays 'rrps', not 'other'"):
        arenas.load_agent("rrps/copy", other)
    namesake = types.SimpleNamespace(spec=EnvSpec(id="mine-v0", entry_point=dict, game="rrps"))
    with pytest.raises(BadArgument, match="is not repeated rock-paper-scissors"):
        arenas.load_agent("rrps/copy", namesake)


# The population ----------------------------------------------------------------------------------


def test_every_bot_of_openspiel_is_registered_with_a_summary():
    assert list(BOTS) == sorted(pyspiel.roshambo_bot_names())
    assert len(BOTS) == 43
    for bot in BOTS:
        spec = arenas.registry.agents.find(f"rrps/{bot}")
        assert (spec.game, spec.kind) == ("rrps", "host")
        assert spec.summary


def test_a_split_is_a_partition_and_the_same_for_the_same_seed():
    everyone = [f"rrps/{bot}" for bot in BOTS]
    train, test = population_split(7, held_out=10)
    assert len(test) == 10
    assert sorted([*train, *test]) == everyone
    assert population_split(7, held_out=10) == (train, test)
    assert population_split(8, held_out=10) != (train, test)


def test_a_larger_held_out_part_contains_the_smaller():
    parts = [set(population_split(3, k)[1]) for k in (1, 5, 42)]
    assert parts[0] < parts[1] < parts[2]


def test_every_bot_is_held_out_about_as_often():
    counts = dict.fromkeys(BOTS, 0)
    for seed in range(2000):
        for name in population_split(seed, 10)[1]:
            counts[name.removeprefix("rrps/")] += 1
    expected = 2000 * 10 / 43
    chi2 = sum((c - expected) ** 2 for c in counts.values()) / (expected * (1 - 10 / 43))
    assert chi2 < 80  # 42 degrees of freedom: p < 0.001


def test_a_split_by_names():
    train, test = population_split(held_out=["greenberg", "rrps/boom"])
    assert test == ("rrps/boom", "rrps/greenberg")
    assert len(train) == 41


@pytest.mark.parametrize("held_out", [0, -1, 43, [], ["boom", "rrps/boom"], list(BOTS), "boom"])
def test_a_split_that_leaves_a_part_empty_is_refused(held_out):
    with pytest.raises(BadArgument):
        population_split(0, held_out)


def test_an_unknown_bot_in_a_split_suggests_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'greenberg'"):
        population_split(held_out=["grenberg"])


def test_labels_follow_the_actions():
    assert arenas.make("rrps-v0", payoff=FRACTIONAL).action_labels == LABELS[:3]
    assert arenas.make("rrps-v0", payoff=[[0, 1], [-1, 0]]).action_labels is None
    assert {len(m) for m in PAYOFFS.values()} == {3, 4}
