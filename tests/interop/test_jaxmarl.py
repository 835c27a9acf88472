"""JaxMARL both ways, held against JaxMARL's own stepping and its own wrappers."""

import functools
import subprocess
import sys

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import toys

import arenas
from arenas.errors import BadArgument, BadShape, UnknownName
from arenas.host import as_host
from arenas.interop import jaxmarl as interop
from arenas.rollout import VectorEnv, episode_key, replace_ended, step_key
from arenas.testing import check_env

jaxmarl = interop.import_jaxmarl()
from jaxmarl.environments import spaces  # noqa: E402
from jaxmarl.environments.multi_agent_env import MultiAgentEnv  # noqa: E402

# JaxMARL in Arenas -------------------------------------------------------------------------------


def legal_moves(original, state):
    """JaxMARL's own masks by agent, everything where it has none."""
    for method in ("get_avail_actions", "get_legal_moves"):
        try:
            return getattr(original, method)(state)
        except (AttributeError, NotImplementedError):
            pass
    return {a: jnp.ones(original.action_space(a).n) for a in original.agents}


def random_move(original, agent, legal, key):
    """A legal action of one agent in JaxMARL's terms."""
    space = original.action_space(agent)
    if isinstance(space, spaces.Discrete):
        return jax.random.categorical(key, jnp.where(jnp.asarray(legal, bool), 0.0, -jnp.inf))
    return jax.random.uniform(key, space.shape, minval=space.low, maxval=space.high)


def episode_keys(seeds):
    return jnp.stack([episode_key(s) for s in seeds])


def own_episodes(original, steps):
    """From seeds, ``steps`` steps of JaxMARL's ``step_env`` (never reset), with episodes' keys."""

    def play(key):
        first, state = original.reset(step_key(key, 0))

        def step(state, t):
            discrete = isinstance(original.action_space(original.agents[0]), spaces.Discrete)
            legal = legal_moves(original, state) if discrete else dict.fromkeys(original.agents)
            keys = jax.random.split(jax.random.fold_in(key, 10_000 + t), len(original.agents))
            moves = {
                a: random_move(original, a, legal[a], k)
                for a, k in zip(original.agents, keys, strict=True)
            }
            out = original.step_env(step_key(key, t), state, moves)
            return out[1], (state, moves, *out)

        _, steps_made = jax.lax.scan(step, state, jnp.arange(1, steps + 1))
        return first, steps_made

    program = jax.jit(jax.vmap(play))
    return lambda seeds: jax.device_get(program(episode_keys(seeds)))


def our_episodes(env):
    """From seeds and actions, the same steps through :class:`arenas.Env`, in a batch."""

    def play(key, actions):
        state, first = env.reset(step_key(key, 0))

        def step(state, x):
            t, action = x
            state, timestep = env.step(step_key(key, t), state, action)
            return state, (state, timestep)

        times = jnp.arange(1, len(actions) + 1)
        return (state, first), jax.lax.scan(step, state, (times, actions))[1]

    program = jax.jit(jax.vmap(play))
    return lambda seeds, actions: jax.device_get(program(episode_keys(seeds), actions))


def by_agent(original, values):
    """JaxMARL's dictionary, sequence or array of agents as a list."""
    if isinstance(values, dict) and all(a in values for a in original.agents):
        return [values[a] for a in original.agents]
    if isinstance(values, tuple | list):
        return list(values)
    count = len(original.agents)
    return [jax.tree.map(lambda x, i=i: x[..., i, :] if x.ndim == 3 else x[:, i], values)
            for i in range(count)]  # fmt: skip


def assert_padded(ours, theirs, exact, what):
    """``ours`` is ``theirs`` with zeros after the end of each axis."""
    inside = ours[tuple(slice(0, n) for n in theirs.shape)]
    if exact:
        np.testing.assert_array_equal(inside, theirs, err_msg=what)
    else:
        np.testing.assert_allclose(inside, theirs, rtol=2e-4, atol=2e-5, err_msg=what)
    assert np.count_nonzero(ours) == np.count_nonzero(inside), what


def action_array(env, original, moves):
    moves = [moves[a] for a in original.agents]
    actions = np.zeros((len(moves[0]), env.num_agents, *env.action_shape), moves[0].dtype)
    for i, move in enumerate(moves):
        if env.action_shape:
            actions[:, i, : move.shape[1]] = move
        else:
            actions[:, i] = move
    return actions


# name: arguments, steps that hold a whole episode, whether bit for bit, what decides its end
def never(state, moves, new):
    return np.zeros(len(new.step), bool)


def a_team_is_dead(state, moves, new):
    new = getattr(new, "state", new)
    allies = 3
    return ~new.unit_alive[:, :allies].any(1) | ~new.unit_alive[:, allies:].any(1)


def told(state, moves, new):
    actions = np.stack([moves[a] for a in sorted(moves)], axis=1)
    return actions[np.arange(len(actions)), state.agent_in_room] == 2


def always(state, moves, new):
    return np.ones(len(state.step), bool)


def everyone_arrived_or_crashed(state, moves, new):
    return np.asarray(new.move_term | new.goal_reached | state.done).all(1)


EXACT, ROUNDED = True, False  # JaxMARL's float physics rounds differently in another program
PARITY = {
    "switch_riddle": ({"num_agents": 5}, 16, EXACT, told),
    "coin_game": ({"num_outer_steps": 2}, 22, EXACT, always),
}
SLOW_PARITY = {
    "MPE_simple_world_comm_v3": ({"max_steps": 7}, 10, ROUNDED, never),
    "MPE_simple_speaker_listener_v4": ({"max_steps": 7}, 10, ROUNDED, never),
    "SMAX": ({"scenario": "3m", "max_steps": 60}, 64, ROUNDED, a_team_is_dead),
    "HeuristicEnemySMAX": ({"scenario": "3m", "max_steps": 16}, 20, ROUNDED, a_team_is_dead),
    "hanabi": ({"num_agents": 3}, 90, EXACT, always),
    "overcooked_v2": ({"max_steps": 40}, 45, EXACT, never),
    "jaxnav": ({"max_steps": 80}, 84, ROUNDED, everyone_arrived_or_crashed),
}
BOTH_ENDS = {"HeuristicEnemySMAX"}
"""Whose episodes are to end here by the rules, and at the limit too."""
CASES = [pytest.param(n, *v, id=n) for n, v in PARITY.items()] + [
    pytest.param(n, *v, id=n, marks=pytest.mark.slow) for n, v in SLOW_PARITY.items()
]
SEEDS = range(8)


@pytest.mark.filterwarnings("ignore")  # JaxMARL's own, since its environment is stepped here bare
@pytest.mark.parametrize(("name", "kwargs", "steps", "exact", "by_rules"), CASES)
def test_a_whole_episode_is_jaxmarls_own(name, kwargs, steps, exact, by_rules):
    env = arenas.make(f"jaxmarl/{name}", **kwargs)
    original = env.original
    theirs = own_episodes(original, steps)(SEEDS)
    actions = [
        action_array(env, original, jax.tree.map(lambda x, s=s: x[s], theirs[1][1])) for s in SEEDS
    ]
    ours = our_episodes(env)(SEEDS, np.stack(actions))
    ends = [
        assert_same_episode(
            env, by_rules, exact, *jax.tree.map(lambda x, s=s: x[s], (theirs, ours))
        )
        for s in SEEDS
    ]
    assert name not in BOTH_ENDS or len(set(ends)) == 2


def assert_same_episode(env, by_rules, exact, theirs, ours):
    """Returns whether it ended by the rules."""
    original = env.original
    first, (before, moves, observation, after, reward, dones, _) = theirs
    (_, start), (_, timesteps) = ours
    over = np.asarray(dones["__all__"])
    assert over.any(), "the test must see the end of an episode"
    end = int(over.argmax())
    live = slice(0, end + 1)

    first = by_agent(original, jax.tree.map(lambda x: x[None], first))
    observation = by_agent(original, observation)
    rewards = by_agent(original, reward)
    for i in range(env.num_agents):
        seen = jax.tree.map(lambda x, i=i: x[:, i], timesteps.observation)
        for got, expected in zip(
            jax.tree.leaves(seen), jax.tree.leaves(observation[i]), strict=True
        ):
            assert_padded(got[live], expected[live], exact, f"observation of {i}")
        begun = jax.tree.map(lambda x, i=i: x[i][None], start.observation)
        for got, expected in zip(jax.tree.leaves(begun), jax.tree.leaves(first[i]), strict=True):
            assert_padded(got, expected, exact, f"first observation of {i}")
        assert_padded(timesteps.reward[live, i], rewards[i][live], exact, f"reward of {i}")

    assert_contract(env, start, jax.tree.map(lambda x: x[: end + 1], timesteps))
    ended = timesteps.terminated | timesteps.truncated
    np.testing.assert_array_equal(ended[live], over[live])
    assert ended[end:].all(), "a finished episode stays finished"
    assert not timesteps.reward[end + 1 :].any()
    expected = by_rules(before, moves, after)[end]
    assert bool(timesteps.terminated[end]) == bool(expected), "terminated by the rules"
    assert bool(timesteps.truncated[end]) == (not expected), "truncated by the limit"
    if env.max_steps is not None:
        assert end + 1 <= env.max_steps
        if not expected or by_rules is always:
            assert end + 1 == env.max_steps
    for i, agent in enumerate(original.agents):
        if agent in dones:
            np.testing.assert_array_equal(
                timesteps.info["agent_done"][live, i], np.asarray(dones[agent])[live]
            )
    return bool(expected)


def assert_contract(env, first, timesteps):
    """What holds of any game; of time steps ``[..., A]`` in order, of which the last may end."""
    batch = timesteps.terminated.ndim - 1
    single = jax.tree.map(lambda x: x[(0,) * (batch + 1)], first.observation)
    assert env.observation_space.contains(single)
    for leaf in jax.tree.leaves((timesteps.observation, timesteps.reward, timesteps.info)):
        assert np.isfinite(leaf).all()
    assert timesteps.reward.dtype == np.float32
    live = ~(timesteps.terminated | timesteps.truncated)
    assert timesteps.action_mask.any(-1)[live].all()
    assert timesteps.action_mask[live][~timesteps.acting[live]].all()
    assert timesteps.acting.any(-1)[live].all()
    assert not (timesteps.terminated & timesteps.truncated).any()
    if env.spec.turn_based:
        assert (timesteps.acting.sum(-1)[live] == 1).all()


def test_the_actions_of_smaller_agents_are_masked():
    env = arenas.make("jaxmarl/MPE_simple_speaker_listener_v4")
    _, timestep = env.reset(episode_key(0))
    assert env.num_actions == 5
    assert timestep.action_mask.tolist() == [[True] * 3 + [False] * 2, [True] * 5]
    env = arenas.make("jaxmarl/MPE_simple_world_comm_v3")
    _, timestep = env.reset(episode_key(0))
    assert env.action_space.shape == (9,)
    assert timestep.action_mask[1].tolist() == [True] * 5 + [False] * 4


def test_an_end_by_the_rules_in_the_last_step_is_a_termination():
    env = as_host(arenas.make("jaxmarl/switch_riddle"))
    for last, terminated in ((2, True), (0, False)):
        timestep = env.reset(3)
        assert env.max_steps == 6
        for _ in range(5):
            timestep = env.step([0, 0, 0])
            assert not timestep.terminated
            assert not timestep.truncated
        timestep = env.step([last] * 3)
        assert (bool(timestep.terminated), bool(timestep.truncated)) == (terminated, not terminated)


def test_in_the_riddle_only_the_prisoner_in_the_room_acts():
    env = as_host(arenas.make("jaxmarl/switch_riddle"))
    for seed in range(6):
        timestep = env.reset(seed)
        for _ in range(4):
            assert timestep.acting.tolist() == (timestep.observation[:, 0] == 1).tolist()
            timestep = env.step(np.where(timestep.acting, 0, 2))  # the others' TELL is not read
        assert not timestep.terminated


@pytest.mark.slow
def test_hanabi_has_one_player_to_act_and_no_noop():
    env = arenas.make("jaxmarl/hanabi", num_agents=3)
    host = as_host(env)
    timestep = host.reset(5)
    rng = np.random.default_rng(0)
    turns = []
    while not (timestep.terminated or timestep.truncated):
        turns.append(int(timestep.acting.argmax()))
        assert timestep.acting.sum() == 1
        assert not timestep.action_mask[turns[-1], -1]
        assert timestep.action_mask[~timestep.acting].all()
        own = env.original.get_legal_moves(jax.device_put(host.state().inner))
        agent = env.original.agents[turns[-1]]
        np.testing.assert_array_equal(timestep.action_mask[turns[-1]], np.asarray(own[agent]) == 1)
        timestep = host.step(toys.random_actions(host, timestep.action_mask, rng))
    assert turns == [t % 3 for t in range(len(turns))]


@pytest.mark.slow
@pytest.mark.parametrize(
    "id", ["jaxmarl/HeuristicEnemySMAX,scenario=3m", "jaxmarl/jaxnav,evaporating=True,num_agents=4"]
)
def test_what_done_agents_pass_is_not_read(id):
    env = arenas.make(id)
    step = jax.jit(env.step)
    key = episode_key(3)
    state, timestep = jax.jit(env.reset)(step_key(key, 0))
    rng = np.random.default_rng(0)
    checked = 0
    for t in range(1, env.max_steps + 1):
        mask = np.asarray(timestep.action_mask)
        acting = np.asarray(timestep.acting)
        action = toys.random_actions(env, mask, rng)
        others = toys.random_actions(env, mask, rng)
        others = np.where(acting.reshape(-1, *[1] * (action.ndim - 1)), action, others)
        new = step(step_key(key, t), state, action)
        if not acting.all() and acting.any():
            checked += 1
            again = step(step_key(key, t), state, others)
            jax.tree.map(np.testing.assert_array_equal, again, new)
        state, timestep = new
        if timestep.terminated | timestep.truncated:
            break
    assert checked, "the test must see a done agent beside one that acts"


def test_scenarios_and_layouts_are_named_by_text():
    assert arenas.make("jaxmarl/SMAX,scenario=2s3z").num_agents == 10
    assert arenas.make("jaxmarl/SMAX,scenario=3m").num_agents == 6
    small = arenas.make("jaxmarl/overcooked,layout=coord_ring").observation_space.shape
    assert small == (5, 5, 26)
    with pytest.raises(UnknownName, match="3m"):
        arenas.make("jaxmarl/SMAX,scenario=3n")
    with pytest.raises(UnknownName, match="coord_ring"):
        arenas.make("jaxmarl/overcooked,layout=coordring")


def test_what_jaxmarl_does_not_make_says_jaxmarls_reason():
    with pytest.raises(BadArgument, match="brax"):
        arenas.make("jaxmarl/humanoid_9|8")
    with pytest.raises(BadArgument, match="jaxrobotarium"):
        arenas.make("jaxmarl/JaxRobotarium_warehouse")
    with pytest.raises(BadArgument, match="policy"):
        arenas.make("jaxmarl/LearnedPolicyEnemySMAX")
    with pytest.raises(BadArgument, match="num_agent"):
        arenas.make("jaxmarl/switch_riddle,num_agent=3")
    with pytest.raises(BadArgument, match="minimum number of agents"):
        arenas.make("jaxmarl/switch_riddle,num_agents=2")
    with pytest.raises(UnknownName, match="MPE_simple_tag_v3"):
        arenas.make("jaxmarl/MPE_simple_tag")


def test_the_table_of_known_environments_is_the_registry_of_jaxmarl():
    assert set(interop._KNOWN) == set(interop.env_names())


# Every registered name, by the reason why it does not run here.
NOT_MADE = {
    "needs brax": {"ant_4x2", "halfcheetah_6x1", "hopper_3x1", "humanoid_9|8", "walker2d_2x3"},
    "needs jaxrobotarium": {n for n in interop._KNOWN if n.startswith("JaxRobotarium_")},
    "needs a policy object": {"LearnedPolicyEnemySMAX"},
}
MADE = sorted(set(interop._KNOWN) - set().union(*NOT_MADE.values()))


# Of those whose whole episodes are not held against JaxMARL's, one of each kind.
OTHERS = sorted(
    {*MADE} - {*PARITY, *SLOW_PARITY, "MPE_simple_facmac_6a_v1", "MPE_simple_facmac_9a_v1"}
)


def test_every_environment_is_what_its_entry_says():
    for name in sorted({*MADE} - {*OTHERS}):
        assert_is_as_entered(arenas.make(f"jaxmarl/{name}"))


def assert_is_as_entered(env):
    assert env.num_agents == env.spec.players, env.spec.id
    assert env.spec.horizon == env.max_steps, env.spec.id


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_every_environment_keeps_the_contract_in_a_batch(name):
    env = arenas.make(f"jaxmarl/{name}")
    assert_is_as_entered(env)
    envs = VectorEnv(env, 3)
    agent = arenas.load_agent("random", env)

    def act(timestep, key):
        keys = jax.random.split(key, (3, env.num_agents))
        one = lambda o, m, k: agent.act((), (), o, m, k)[1]  # noqa: E731
        return jax.vmap(jax.vmap(one))(timestep.observation, timestep.action_mask, keys)

    def play(key):
        state, first = envs.reset(key)

        def step(carry, t):
            state, timestep = envs.step(carry[0], act(carry[1], jax.random.fold_in(key, t)))
            return (state, timestep), timestep

        return first, jax.lax.scan(step, (state, first), jnp.arange(40))[1]

    first, timesteps = jax.device_get(jax.jit(play)(jax.random.key(1)))
    assert_contract(env, first, timesteps)
    over = timesteps.terminated | timesteps.truncated
    assert timesteps.action_mask[over].any(-1).all()  # the first of the next episode
    if env.max_steps and env.max_steps < 40:
        assert over.any()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("id", "tolerance"),
    [
        ("jaxmarl/switch_riddle", 0.0),
        ("jaxmarl/MPE_simple_tag_v3", 1e-4),  # physics in floats
    ],
)
def test_whole_episodes_keep_the_contract(id, tolerance):
    check_env(arenas.make(id), tolerance=tolerance)


def test_importing_jaxmarl_prints_nothing_and_leaves_the_streams():
    code = (
        "import sys, io, arenas\n"
        "from arenas.interop import jaxmarl\n"
        "assert 'jaxmarl' not in sys.modules\n"
        "assert arenas.registry.envs['jaxmarl/hanabi'].players == 2\n"
        "assert 'jaxmarl' not in sys.modules, 'metadata needs no import'\n"
        "sys.stdout, sys.stderr = out, err = io.StringIO(), io.StringIO()\n"
        "arenas.make('jaxmarl/switch_riddle')\n"
        "assert sys.stdout is out and sys.stderr is err\n"
        "assert out.getvalue() == '', out.getvalue()\n"
        "sys.__stderr__.write('done')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert done.stderr.endswith("done")


# Arenas in JaxMARL -------------------------------------------------------------------------------

TOYS = {"race": toys.Race, "nim": toys.Nim, "pass": toys.NimWithPass, "aim": toys.Aim}


@functools.cache
def toy(name):
    return interop.to_jaxmarl(TOYS[name]())


def ids():
    """Some of each game that Arenas registers."""
    return list(toys.SAMPLE)


def actions_of(env, joint):
    return {a: joint[..., i] if not env.env.action_shape else joint[..., i, :]
            for i, a in enumerate(env.agents)}  # fmt: skip


def assert_is_our_trajectory(env, host, seeds, max_steps=12):
    rng = np.random.default_rng(0)
    for seed in seeds:
        key = episode_key(seed)
        timestep = host.reset(seed)
        observations, state = env.reset(step_key(key, 0))
        for t in range(1, max_steps + 1):
            space = host.observation_space
            flat = not isinstance(space, gymnasium.spaces.Box)
            for i, agent in enumerate(env.agents):
                own = jax.tree.map(lambda x, i=i: x[i], timestep.observation)
                own = gymnasium.spaces.flatten(space, own) if flat else own
                seen = np.asarray(observations[agent])
                assert seen.dtype == (np.float32 if flat else space.dtype)
                np.testing.assert_array_equal(seen, own)
                assert env.observation_space(agent).shape == seen.shape
            masks = env.get_avail_actions(state)
            np.testing.assert_array_equal(
                np.stack([masks[a] for a in env.agents]), timestep.action_mask
            )
            jax.tree.map(np.testing.assert_array_equal, env.get_obs(state), observations)
            jax.tree.map(np.testing.assert_array_equal, jax.device_get(state.arenas), host.state())
            if timestep.terminated or timestep.truncated:
                break
            joint = toys.random_actions(host, timestep.action_mask, rng)
            timestep = host.step(joint)
            observations, state, rewards, dones, info = env.step_env(
                step_key(key, t), state, actions_of(env, joint)
            )
            np.testing.assert_array_equal([rewards[a] for a in env.agents], timestep.reward)
            over = bool(timestep.terminated or timestep.truncated)
            assert {k: bool(v) for k, v in dones.items()} == dict.fromkeys(
                (*env.agents, "__all__"), over
            )
            assert bool(state.done) == over
            assert int(state.step) == t
            for flag in ("terminated", "truncated"):
                assert info[flag].tolist() == [bool(getattr(timestep, flag))] * env.num_agents
            for value in info.values():
                assert value.shape == (env.num_agents,)


@pytest.mark.parametrize("name", TOYS)
def test_the_trajectory_is_our_own_bit_for_bit(name):
    env = toy(name)
    assert isinstance(env, MultiAgentEnv)
    assert_is_our_trajectory(env, as_host(TOYS[name]()), seeds=(0, 1, 2, 3))


@pytest.mark.parametrize(
    "id", [pytest.param(i, marks=[] if i == "rrps-v0" else pytest.mark.slow) for i in ids()]
)
def test_registered_environments_give_the_same_trajectory(id):
    env = arenas.make(id, api="jaxmarl")
    assert env.name == id
    assert_is_our_trajectory(env, arenas.make_host(id), seeds=(7, 11), max_steps=25)


def plain_step(env):
    """JaxMARL's own ``step``: a fresh episode at every step, kept or thrown away by a select."""
    return functools.partial(MultiAgentEnv.step, env)


def rollout(step, env, keys, shape, steps=30):
    """``steps`` auto-resetting steps of a batch of any shape, under jit, scan and nested vmap."""
    reset = env.reset
    for _ in shape:
        reset, step = jax.vmap(reset), jax.vmap(step)

    def play(keys):
        observations, state = reset(keys)

        def body(carry, t):
            state, keys = carry
            keys = jax.vmap(lambda k: jax.random.split(k)[0])(keys.reshape(-1, *keys.shape[len(shape):])).reshape(keys.shape)  # noqa: E501  # fmt: skip
            joint = jax.random.randint(
                jax.random.key(t), (*shape, env.num_agents), 0, env.env.num_actions
            )
            out = step(keys, state, actions_of(env, joint))
            return (out[1], keys), out

        return observations, jax.lax.scan(body, (state, keys), jnp.arange(steps))[1]

    return jax.device_get(jax.jit(play)(keys))


@pytest.mark.parametrize(
    ("name", "shape", "legacy"),
    [("race", (), False), ("nim", (40,), True), ("race", (3, 11), False)],
)
def test_auto_reset_equals_jaxmarls_own_step(name, shape, legacy):
    env = toy(name)
    root = jax.random.PRNGKey(3) if legacy else jax.random.key(3)
    keys = jax.random.split(root, int(np.prod(shape)))
    keys = keys.reshape(*shape, *keys.shape[1:])
    ours = rollout(env.step, env, keys, shape)
    theirs = rollout(plain_step(env), env, keys, shape)
    jax.tree.map(np.testing.assert_array_equal, ours, theirs)
    dones = ours[1][3]["__all__"]
    assert dones.any()
    assert not dones.all()


def test_legacy_keys_give_what_typed_keys_give():
    env = toy("race")
    typed, legacy = jax.random.key(11), jax.random.PRNGKey(11)
    jax.tree.map(np.testing.assert_array_equal, env.reset(typed), env.reset(legacy))


def test_a_given_reset_state_is_where_the_next_episode_starts():
    env = toy("race")
    observations, state = env.reset(jax.random.key(0))
    _, given = env.reset(jax.random.key(99))
    run = dict.fromkeys(env.agents, jnp.int32(2))
    for t in range(8):
        key = jax.random.key(t)
        expected = MultiAgentEnv.step(env, key, state, run, given)
        out = env.step(key, state, run, given)
        jax.tree.map(np.testing.assert_array_equal, out, expected)
        observations, state, _, dones, _ = out
        if dones["__all__"]:
            jax.tree.map(np.testing.assert_array_equal, state, given)
            jax.tree.map(np.testing.assert_array_equal, observations, env.get_obs(given))
            return
    pytest.fail("the race never ended")


class CountedRace(toys.Race):
    """Counts the episodes that are started, as the program runs."""

    def __init__(self):
        super().__init__(max_steps=5, goal=100)
        self.started = 0

    def _initial(self, key):
        jax.debug.callback(self._count, key[..., None] if key.ndim else key)
        return super()._initial(key)

    def _count(self, _):
        self.started += 1


def test_only_ended_episodes_are_started_afresh_in_a_batch():
    race = CountedRace()
    env = interop.to_jaxmarl(race)
    keys = jax.random.split(jax.random.key(0), 64)
    _, state = jax.vmap(env.reset)(keys)
    jax.effects_barrier()
    race.started = 0
    step = jax.jit(jax.vmap(env.step))
    stay = {a: jnp.zeros(64, jnp.int32) for a in env.agents}
    for _ in range(4):
        _, state, _, dones, _ = step(keys, state, stay)
        assert not dones["__all__"].any()
    jax.effects_barrier()
    assert race.started == 0, "a step in which nothing ended starts nothing"
    _, state, _, dones, _ = step(keys, state, stay)
    assert dones["__all__"].all()
    jax.block_until_ready(state)
    jax.effects_barrier()
    assert race.started == 64


def test_truncation_counts_as_done_and_info_keeps_the_difference():
    env = interop.to_jaxmarl(toys.Race(goal=100, max_steps=2))
    _, state = env.reset(jax.random.key(0))
    stay = dict.fromkeys(env.agents, jnp.int32(0))
    _, state, _, dones, _ = env.step_env(jax.random.key(1), state, stay)
    assert not dones["__all__"]
    _, state, _, dones, info = env.step_env(jax.random.key(2), state, stay)
    assert dones["__all__"]
    assert info["truncated"].all()
    assert not info["terminated"].any()


def test_wrong_actions_are_refused_by_name():
    env = toy("race")
    _, state = env.reset(jax.random.key(0))
    with pytest.raises(BadArgument, match="runner_1"):
        env.step(jax.random.key(1), state, {"runner_0": 0, "runner_2": 0})
    actions = dict.fromkeys(env.agents, jnp.zeros(2, jnp.int32))
    with pytest.raises(BadShape, match="runner_0"):
        env.step(jax.random.key(1), state, actions)
    with pytest.raises(BadShape, match="float32"):
        env.step(jax.random.key(1), state, dict.fromkeys(env.agents, 0.5))


@pytest.mark.parametrize("name", ["race", "nim"])
def test_jaxmarls_wrappers_work(name):
    from jaxmarl.wrappers.baselines import CTRolloutManager, LogWrapper, SMAXLogWrapper

    env = toy(name)
    for wrapper in (LogWrapper, SMAXLogWrapper):
        logged = wrapper(env)
        keys = jax.random.split(jax.random.key(0), 4)
        _, state = jax.vmap(logged.reset)(keys)

        def step(carry, t, logged=logged, keys=keys):
            state, lengths, returns = carry
            masks = jax.vmap(env.get_avail_actions)(state.env_state)
            actions = {a: jnp.argmax(m, axis=1) for a, m in masks.items()}
            step_keys = jax.vmap(jax.random.fold_in, (0, None))(keys, t)
            _, state, rewards, dones, info = jax.vmap(logged.step)(step_keys, state, actions)
            # as JaxMARL's training scripts do before they log
            flat = jax.tree.map(lambda x: x.reshape(4 * env.num_agents), info)
            returns = returns + jnp.stack([rewards[a] for a in env.agents], axis=1)
            out = (flat, info, dones["__all__"], lengths + 1, returns)
            over = dones["__all__"]
            carry = (state, jnp.where(over, 0, lengths + 1), jnp.where(over[:, None], 0, returns))
            return carry, out

        start = (state, jnp.zeros(4, int), jnp.zeros((4, env.num_agents)))
        _, (_, info, dones, lengths, returns) = jax.lax.scan(step, start, jnp.arange(40))
        assert dones.any()
        np.testing.assert_array_equal(info["returned_episode"][..., 0], dones)
        np.testing.assert_array_equal(info["returned_episode_lengths"][dones][:, 0], lengths[dones])
        np.testing.assert_allclose(info["returned_episode_returns"][dones], returns[dones])

    manager = CTRolloutManager(env, batch_size=5)
    observations, state = manager.batch_reset(jax.random.key(0))
    size = env.observation_space(env.agents[0]).shape[0]
    assert observations[env.agents[0]].shape == (5, size + env.num_agents)
    actions = {a: manager.batch_sample(jax.random.key(1), a) for a in env.agents}
    observations, state, rewards, dones, _ = manager.batch_step(jax.random.key(2), state, actions)
    assert observations["__all__"].shape == (5, size * env.num_agents)
    np.testing.assert_allclose(rewards["__all__"], sum(rewards[a] for a in env.agents), rtol=1e-6)
    assert manager.get_valid_actions(state)[env.agents[0]].shape == (5, env.env.num_actions)


@pytest.mark.slow
def test_jaxmarls_environment_comes_back_with_its_world_state_and_classes():
    from jaxmarl.wrappers.baselines import CTRolloutManager

    env = arenas.make("jaxmarl/SMAX,scenario=3m", api="jaxmarl")
    manager = CTRolloutManager(env, batch_size=2)
    observations, state = manager.batch_reset(jax.random.key(0))
    expected = jax.vmap(env.env.original.get_world_state)(state.arenas.inner)
    np.testing.assert_array_equal(observations["__all__"], expected)
    masks = manager.get_valid_actions(state)
    own = jax.vmap(env.env.original.get_avail_actions)(state.arenas.inner)
    jax.tree.map(np.testing.assert_array_equal, masks, jax.tree.map(lambda x: x == 1, own))


def test_classes_of_agents():
    assert toy("race").agent_classes == {"agent": ["runner_0", "runner_1", "runner_2"]}
    tag = arenas.make("jaxmarl/MPE_simple_tag_v3", api="jaxmarl")
    assert tag.agent_classes == {
        "adversaries": ["adversary_0", "adversary_1", "adversary_2"],
        "agents": ["agent_0"],
    }


def test_spaces_are_jaxmarls():
    env = toy("nim")
    space = env.observation_space("player_0")
    assert isinstance(space, spaces.Box)
    assert space.shape == (1 + 10,)
    assert isinstance(env.action_space("player_0"), spaces.Discrete)
    assert env.action_space("player_0").n == 3
    aim = toy("aim").action_space("archer_0")
    assert aim.shape == (2,)
    assert bool(aim.contains(aim.sample(jax.random.key(0))))


def test_an_environment_of_the_host_is_refused():
    with pytest.raises(BadArgument, match="host only"):
        arenas.make("open_spiel/kuhn_poker", api="jaxmarl")


def test_derivatives_pass_through_the_rows_that_are_kept():
    ended = jnp.array([True, False, False, True, False])
    keys = jax.random.split(jax.random.key(0), 5)

    def fresh(keys):
        return {"x": jax.vmap(lambda k: jax.random.normal(k, (2,)))(keys), "key": keys}

    def chunked(x):
        return replace_ended(ended, keys, {"x": x * x, "key": keys}, fresh, 2)["x"]

    def select(x):
        return jnp.where(ended[:, None], fresh(keys)["x"], x * x)

    x = jnp.arange(10.0).reshape(5, 2)
    np.testing.assert_array_equal(chunked(x), select(x))
    for f in (jax.jacrev, jax.jacfwd):
        np.testing.assert_allclose(jax.jit(f(chunked))(x), f(select)(x))
