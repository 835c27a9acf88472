"""Learning on games whose optimum is known, and every number of a rollout against a plain one."""

import functools

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toys import Aim, Alternating, Nim, Race

import arenas
from arenas.agents.ppo import losses, networks
from arenas.agents.ppo.config import Config
from arenas.agents.ppo.games import load_opponents
from arenas.agents.ppo.learner import Learner
from arenas.env import NOT_STARTED, Env, State, Transition
from arenas.errors import BadArgument, UnknownName
from arenas.registry import EnvSpec

NIM = {"num_envs": 64, "rollout": 32, "steps": 64 * 32 * 60, "lr": 3e-3, "hidden": 32}
TINY = {"hidden": 8, "layers": 1, "epochs": 1, "minibatches": 1}


class RaceWithState(Race):
    """A race whose critic may see where all are, and how late it is."""

    def world_state(self, state):
        return jnp.append(state.position, state.steps).astype(jnp.float32)


class Roles(Env[State]):
    """Blind: for two steps, the leader earns 1 by 0 and the follower by 1, and nobody is told."""

    agents = ("leader", "follower")
    action_space = gymnasium.spaces.Discrete(2)
    observation_space = gymnasium.spaces.Box(0, 1, (1,), np.float32)
    max_steps = 2

    def _initial(self, key):
        return State(**NOT_STARTED)

    def _transition(self, key, state, action):
        return Transition(state, (action == jnp.arange(2)).astype(jnp.float32), False)

    def _observation(self, state):
        return jnp.zeros((2, 1))


def rollout(learner, state):
    """What one rollout keeps of each group, ``[T, M, ...]``, from this state."""
    groups = state.groups
    carry = (tuple(g.params for g in groups), tuple(g.memory for g in groups))
    carry = (*carry, state.playing, state.key)
    steps = learner.config.rollout
    return jax.device_get(
        jax.jit(lambda c: jax.lax.scan(learner._act, c, None, length=steps)[1][0])(carry)
    )


@functools.cache
def racing():
    """A recurrent learner with a central critic, on races that end often in both ways."""
    config = Config(num_envs=6, rollout=14, steps=6 * 14 * 8, network="gru", lr=0.01, **TINY)
    learner = Learner(RaceWithState(goal=5, max_steps=3), config.check(), "mappo")
    start = jax.jit(learner.init)(jax.random.key(0))
    state, metrics = learner.run(start, 3)
    return learner, start, state, metrics, rollout(learner, state)


# The objective ----------------------------------------------------------------------------------


def plain_objective(p, part, c, bonus):
    """The objective of a small network in float64, one decision after the other."""
    weight, advantage = part["weight"], np.asarray(part["advantage"], np.float64)
    counted = weight > 0
    mean, deviation = advantage[counted].mean(), advantage[counted].std()
    total, said, n = 0.0, 0.0, counted.sum()
    for m in range(weight.size):
        pile = np.eye(10)[part["observation"]["pile"][0, m]]
        x = np.concatenate([part["observation"]["mine"][0, m].astype(np.float64), pile])
        h = np.maximum(x @ p["dense"][0]["kernel"] + p["dense"][0]["bias"], 0)
        logits, value, guess = (
            h @ p[n]["last"]["kernel"] + p[n]["last"]["bias"]
            for n in ("policy", "value", "auxiliary")
        )
        if part["acting"][0, m]:
            said -= np.log(np.exp(guess)[part["truth"][0, m]] / np.exp(guess).sum())
        if not counted[0, m]:
            continue
        legal = np.exp(logits) * part["mask"][0, m]
        legal /= legal.sum()
        ratio = legal[part["action"][0, m]] / np.exp(part["log_probability"][0, m])
        a = (advantage[0, m] - mean) / deviation
        total -= min(ratio * a, np.clip(ratio, 1 - c.clip, 1 + c.clip) * a) / n
        old, target = part["value"][0, m], part["target"][0, m]
        near = old + np.clip(value[0] - old, -c.clip, c.clip)
        total += c.value * 0.5 * max((value[0] - target) ** 2, (near - target) ** 2) / n
        total += bonus * sum(q * np.log(q) for q in legal if q > 0) / n
    return total + c.auxiliary_weight * said / part["acting"].sum()


def test_the_gradient_of_the_objective_is_that_of_finite_differences_of_a_plain_loop():
    pair = (Alternating(), Alternating())
    config = Config(
        num_envs=4,
        hidden=4,
        layers=1,
        auxiliary="opponent",
        opponents=("a", "b"),
        steps=9999,
        clip=0.4,
    )
    learner = Learner(Nim(), config, opponents=pair)
    rng = np.random.default_rng(0)
    n, bonus = 40, 0.03
    mask, acting = rng.random((1, n, 3)) < 0.7, rng.random((1, n)) < 0.7
    action = rng.integers(0, 3, (1, n)).astype(np.int32)
    np.put_along_axis(mask, action[..., None], True, axis=-1)
    names = ("value", "advantage", "target")
    part = {x: rng.normal(size=(1, n)).astype(np.float32) for x in names}
    part |= {
        "observation": {
            "mine": rng.integers(0, 2, (1, n, 1)).astype(np.int8),
            "pile": rng.integers(0, 10, (1, n)).astype(np.int32),
        },
        "central": None,
        "fresh": np.zeros((1, n), bool),
        "acting": acting,
        "mask": mask,
        "action": action,
        "log_probability": rng.normal(-1, 0.4, (1, n)).astype(np.float32),
        "weight": (acting & (rng.random((1, n)) < 0.9)).astype(np.float32),
        "truth": rng.integers(0, 2, (1, n)).astype(np.int32),
    }
    shapes = networks.build(learner.spec, jax.random.key(0))[1]
    params = jax.tree.map(lambda x: rng.normal(0, 0.5, x.shape).astype(np.float32), shapes)
    memory = (np.zeros((n, 0), np.float32), np.zeros((n, 0), np.float32))
    slope, parts = jax.jit(jax.grad(learner._loss, has_aux=True))(
        {"policy": params}, part, memory, bonus
    )
    assert 0.1 < parts["clipped"] < 0.95 and (part["weight"] == 0).sum() > 0
    exact = jax.tree.map(lambda x: x.astype(np.float64), params)
    for leaf, got in zip(jax.tree.leaves(exact), jax.tree.leaves(slope), strict=True):
        for index in np.ndindex(leaf.shape):
            before, values = leaf[index], []
            for way in (1e-6, -1e-6):
                leaf[index] = before + way
                values.append(plain_objective(exact, part, config, bonus))
            leaf[index] = before
            np.testing.assert_allclose(got[index], (values[0] - values[1]) / 2e-6, atol=2e-5)


def test_in_games_of_turns_the_seat_that_acts_is_learnt_from_by_the_objective_of_all_seats():
    env = Nim()
    env.spec = EnvSpec("nim-v0", Nim, turn_based=True)
    config = Config(num_envs=6, rollout=10, steps=60 * 3, **TINY | {"epochs": 2}).check()
    turns, plain = Learner(env, config), Learner(env, config)
    assert turns.turns
    plain.turns = False
    start = jax.jit(turns.init)(jax.random.key(0))
    [kept] = rollout(turns, start)
    [played] = jax.tree.leaves(turns._of_turns({"acting": jnp.asarray(kept["acting"])}))
    assert played.shape == (10, 6) and played.all() and not kept["acting"].all()
    (one, metrics), (other, expected) = turns.run(start, 2), plain.run(start, 2)
    params = (s.groups[0].params for s in (start, one))
    moved = jax.tree.leaves(jax.tree.map(lambda a, b: abs(a - b).max(), *params))
    assert max(moved) > 1e-4
    close = functools.partial(np.testing.assert_allclose, atol=1e-6)
    jax.tree.map(close, one.groups[0].params, other.groups[0].params)
    jax.tree.map(close, metrics, expected)


# Memory -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_before_its_first_step_an_update_finds_the_policy_that_played():
    # One step per update: the ratio is 1 for every decision, whatever ended within the rollout.
    _, _, _, metrics, _ = racing()
    assert np.isfinite(metrics["policy"]).all() and (metrics["episodes"] > 10).all()
    np.testing.assert_allclose(metrics["kl"], 0, atol=1e-6)
    np.testing.assert_array_equal(metrics["clipped"], 0)


def plain_answers(learner, params, kept, memory, *, late=0):
    """Log-probabilities and values of single steps, the memory emptied by hand after each end."""
    own, central = (np.array(m) for m in memory)
    never = jnp.zeros((1, own.shape[0]), bool)

    @jax.jit
    def one(own, central, observation, all_seen):
        def of(graph, p, x, h):
            return networks.apply(graph, p, x[None], h, never, ~never)

        own, said = of(learner.graph, params["policy"], observation, own)
        central, worth = of(learner.critic_graph, params["critic"], all_seen, central)
        return own, central, said["logits"][0], worth["value"][0]

    ended = (kept["terminated"] | kept["truncated"]).astype(bool)
    found = []
    for t in range(len(ended)):
        if t > late:
            over = ended[t - 1 - late][:, None]
            own, central = np.where(over, 0, own), np.where(over, 0, central)
        own, central, logits, value = jax.device_get(
            one(own, central, kept["observation"][t], kept["central"][t])
        )
        log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        log_p = np.take_along_axis(log_p, kept["action"][t][:, None], -1)[:, 0]
        found.append((log_p, value, own, central))
    return [np.stack(x) for x in zip(*found, strict=True)]


def test_what_was_thought_while_playing_is_an_unroll_emptied_by_hand_after_each_end():
    learner, _, state, _, [kept] = racing()
    params, memory = state.groups[0].params, state.groups[0].memory
    # The rollout before ended in the midst of episodes, whose memory goes on.
    assert (np.abs(memory[0]).sum(-1) > 0).any() and not state.playing.fresh.all()
    memory = jax.tree.map(lambda m: np.where(kept["fresh"][0][:, None], 0, m), memory)
    log_p, value, _, _ = plain_answers(learner, params, kept, memory)
    np.testing.assert_allclose(kept["log_probability"], log_p, atol=1e-5)
    np.testing.assert_allclose(kept["value"], value, atol=1e-5)
    late = plain_answers(learner, params, kept, memory, late=1)
    assert np.abs(late[0] - kept["log_probability"]).max() > 1e-3
    assert np.abs(late[1] - kept["value"]).max() > 1e-3


def test_an_episode_that_is_cut_is_valued_where_it_ended_with_its_own_memory():
    learner, _, state, _, [kept] = racing()
    params, memory = state.groups[0].params, state.groups[0].memory
    memory = jax.tree.map(lambda m: np.where(kept["fresh"][0][:, None], 0, m), memory)
    central = plain_answers(learner, params, kept, memory)[3]
    cut = kept["truncated"].reshape(-1, 6, 3)[..., 0]
    assert cut.sum() > 5 and (kept["terminated"] & kept["truncated"]).sum() == 0
    # Nobody is at the goal of an episode that is cut, so the reward is the cells gained.
    after = kept["observation"][..., 0] + kept["reward"]
    for t, copy in np.argwhere(cut):
        seats = slice(3 * copy, 3 * copy + 3)
        seen = np.concatenate([np.tile(np.append(after[t, seats], 3), (3, 1)), np.eye(3)], 1)
        no = jnp.zeros((1, 3), bool)
        memory = jnp.asarray(central[t, seats])
        _, worth = networks.apply(
            learner.critic_graph, params["critic"], seen[None].astype(np.float32), memory, no, ~no
        )
        np.testing.assert_allclose(kept["final_value"][t, seats], worth["value"][0], atol=1e-5)


def test_the_central_critic_sees_the_world_state_decided_on_and_which_seat_it_is():
    _, _, _, _, [kept] = racing()
    steps = np.zeros(6)
    for t in range(len(kept["action"])):
        position = kept["observation"][t, :, 0].reshape(6, 3)
        steps = np.where(kept["fresh"][t].reshape(6, 3)[:, 0], 0, steps) if t else None
        central = kept["central"][t].reshape(6, 3, 7)
        if t == 0:
            steps = central[:, 0, 3]  # of episodes that the rollout before began
        for seat in range(3):
            np.testing.assert_array_equal(central[:, seat, :3], position)
            np.testing.assert_array_equal(central[:, seat, 3], steps)
            np.testing.assert_array_equal(central[:, seat, 4:], np.tile(np.eye(3)[seat], (6, 1)))
        steps = steps + 1


@pytest.mark.slow
def test_mappo_values_the_world_state_of_smax():
    env = arenas.make("smax-3m-v0")
    config = Config(num_envs=2, rollout=4, steps=8, **TINY).check()
    learner = Learner(env, config, "mappo")
    state, metrics = learner.run(jax.jit(learner.init)(jax.random.key(0)), 1)
    assert np.isfinite(metrics["value"]).all()
    playing = state.playing
    got = learner._critic_input(playing.seen, learner.seating.rows[0])
    world = jax.vmap(env.world_state)(playing.envs.env)
    for copy in range(2):
        for seat in range(3):
            expected = np.append(world[copy], np.eye(3)[seat])
            np.testing.assert_array_equal(got[3 * copy + seat], expected)


# Learning ---------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("algorithm", "network"), [("ippo", "mlp"), ("mappo", "gru")], ids=["ippo-mlp", "mappo-gru"]
)
def test_self_play_learns_to_leave_a_multiple_of_four_in_nim(algorithm, network):
    # Whoever leaves a multiple of four wins: the reward comes on the other seat's turn, or later.
    config = Config(network=network, layers=1, **NIM).check()
    learner = Learner(Nim(), config, algorithm)
    state, metrics = learner.run(jax.jit(learner.init)(jax.random.key(3)), config.updates)
    assert np.isfinite(metrics["value"]).all()
    piles = np.array([p for p in range(1, 10) if p % 4])
    observation = {
        "mine": jnp.ones((1, len(piles), 1), jnp.int8),
        "pile": jnp.asarray(piles)[None],
    }
    yes = jnp.ones((1, len(piles)), bool)
    memory = jnp.zeros((len(piles), 32 if network == "gru" else 0))
    policy = state.groups[0].params["policy"]
    _, answers = networks.apply(learner.graph, policy, observation, memory, yes, yes)
    legal = jnp.arange(1, 4)[None] <= piles[:, None]
    best = losses.masked_logits(answers["logits"][0], legal).argmax(-1) + 1
    np.testing.assert_array_equal(best, piles % 4)


@functools.cache
def roles(sharing):
    config = Config(num_envs=8, rollout=8, steps=8 * 8 * 40, lr=0.1, sharing=sharing, **TINY)
    learner = Learner(Roles(), config.check())
    start = jax.jit(learner.init)
    return learner, start, learner.run(start(jax.random.key(0)), 40)


@pytest.mark.slow
def test_roles_that_differ_unseen_are_learnt_with_parameters_of_their_own_only():
    _, _, (_, metrics) = roles("separate")
    assert metrics["return"][-5:].mean(0).min() > 1.8  # of 2 each
    _, _, (_, metrics) = roles("shared")
    # With p for 0 the leader earns 2 p and the follower 2 (1 − p): 2 together, whatever p.
    assert abs(metrics["return"].sum(-1).mean() - 2) < 0.1


def test_each_group_learns_from_its_own_seats_by_its_own_gradient():
    learner, start, _ = roles("separate")
    state = start(jax.random.key(1))
    after, _ = learner.run(state, 1, room=40)
    [leader, follower] = rollout(learner, state)
    assert [x["action"].shape for x in (leader, follower)] == [(8, 8), (8, 8)]
    np.testing.assert_array_equal(leader["reward"], leader["action"] == 0)
    np.testing.assert_array_equal(follower["reward"], follower["action"] == 1)
    moves = [
        a.params["policy"]["policy"]["last"]["bias"] - b.params["policy"]["policy"]["last"]["bias"]
        for a, b in zip(after.groups, state.groups, strict=True)
    ]
    assert moves[0][0] > 0 > moves[0][1] and moves[1][1] > 0 > moves[1][0]


def test_each_group_keeps_what_its_own_seats_saw_and_earned():
    config = Config(num_envs=4, rollout=6, steps=999, sharing="separate", **TINY)
    learner = Learner(Race(goal=99, max_steps=None), config)
    kept = rollout(learner, jax.jit(learner.init)(jax.random.key(4)))
    position = np.stack([x["observation"][..., 0] for x in kept], -1)
    assert len(np.unique(position.std(-1))) > 1
    for seat, x in enumerate(kept):
        assert x["action"].shape == (6, 4)
        np.testing.assert_allclose(x["observation"][..., 1], position.mean(-1), atol=1e-6)
        np.testing.assert_array_equal(x["reward"][:-1], np.diff(position[..., seat], axis=0))


def test_each_group_values_what_its_own_seats_see_at_a_cut_and_after_the_rollout():
    # Cut after three steps of four: one value of what a cut episode ended with, one of what is
    # seen after the rollout.
    config = Config(
        num_envs=2, rollout=4, steps=8, sharing="separate", gae_lambda=0.0, gamma=0.5, **TINY
    )
    learner = Learner(Race(goal=99, max_steps=3), config)

    @jax.jit
    def worth(state):
        carry = (tuple(g.params for g in state.groups), tuple(g.memory for g in state.groups))
        carry = (*carry, state.playing, state.key)
        (_, memories, playing, _), (kept, _) = jax.lax.scan(learner._act, carry, None, length=4)
        of = zip(state.groups, kept, memories, learner.seating.rows, strict=True)
        return kept, playing.seen, [learner._worth(*x[:3], playing, x[3]) for x in of]

    state = jax.jit(learner.init)(jax.random.key(4))
    kept, seen, found = jax.device_get(worth(state))
    ended = np.stack([k["observation"][2, :, 0] + k["reward"][2] for k in kept], 1)  # [N, A]
    no, memory = jnp.zeros((1, 2), bool), jnp.zeros((2, 0))
    for seat, (group, k, got) in enumerate(zip(state.groups, kept, found, strict=True)):
        for t, observation in (
            (2, np.stack([ended[:, seat], ended.mean(1)], 1)),
            (3, seen[:, seat]),
        ):
            _, said = networks.apply(
                learner.graph, group.params["policy"], observation[None], memory, no, ~no
            )
            expected = k["reward"][t] + 0.5 * said["value"][0]
            np.testing.assert_allclose(got.target[t], expected, atol=1e-5)


def test_the_same_key_gives_the_same_parameters_however_updates_are_chunked():
    learner, start, _ = roles("separate")
    whole, rows = learner.run(start(jax.random.key(0)), 4, room=40)
    for room in (40, 2):
        state, parts = start(jax.random.key(0)), []
        for _ in range(2):
            state, part = learner.run(state, 2, room=room)
            parts.append(part)
        jax.tree.map(np.testing.assert_array_equal, whole.groups, state.groups)
        for name, column in rows.items():
            np.testing.assert_array_equal(column, np.concatenate([p[name] for p in parts]))


@pytest.mark.slow
def test_seeds_trained_at_once_are_each_what_they_are_alone():
    learner, start, _ = roles("separate")
    keys = jax.random.split(jax.random.key(5), 2)
    together, rows = learner.run(jax.jit(jax.vmap(learner.init))(keys), 3, seeds=True)
    assert rows["return"].shape == (2, 3, 2)
    # What is computed at the end of episodes only is a condition still, not a choice of results.
    programs = (
        jax.make_jaxpr(functools.partial(learner._run, room=3))(start(keys[0]), 3),
        jax.make_jaxpr(learner._program_of_seeds, static_argnums=2)(together, 3, 3),
    )
    one, both = (str(p).count("cond[") for p in programs)
    assert one == both > 0
    for i in range(2):
        alone, row = learner.run(start(keys[i]), 3, room=40)
        mine = jax.tree.map(lambda x, i=i: x[i], together.groups)
        jax.tree.map(functools.partial(np.testing.assert_allclose, atol=1e-4), mine, alone.groups)
        np.testing.assert_array_equal(rows["return"][i], row["return"])
    assert np.abs(rows["value"][0] - rows["value"][1]).max() > 1e-6


# Opponents --------------------------------------------------------------------------------------

THROWS = 7  # no multiple of three, so that a cycle that goes on over the end is seen


@functools.cache
def against():
    """Learning against two scripted throwers, told apart by their second throw."""
    env = arenas.make("rrps-v0", throws=THROWS)
    config = Config(
        num_envs=32, rollout=20, steps=32 * 20 * 120, network="gru", hidden=16, layers=1, lr=0.01,
        opponents=("rrps/cycle", "rrps/rock"), auxiliary="opponent", gamma=0.9,
    ).check()  # fmt: skip
    learner = Learner(env, config, opponents=load_opponents(env, config.opponents))
    start = jax.jit(learner.init)(jax.random.key(0))
    first, early = learner.run(start, 1, room=config.updates)
    _, late = learner.run(first, config.updates - 1, room=config.updates)
    return learner, early, late, rollout(learner, start)[0], rollout(learner, first)[0]


@pytest.mark.slow
def test_scripted_opponents_throw_as_they_do_and_begin_anew_with_each_episode():
    learner, _, _, *rollouts = against()
    kept = {n: np.concatenate([r[n] for r in rollouts]) for n in ("observation", "fresh")}
    time = np.rint(kept["observation"][..., -1] * THROWS).astype(int)
    np.testing.assert_array_equal(kept["fresh"], time == 0)
    thrown = kept["observation"][..., 3:6]  # the opponent's last throw
    met = learner.seating.opponent_of
    assert thrown.shape[1] == 32 and sorted(set(met)) == [0, 1]
    for t, copy in np.argwhere(~kept["fresh"]):
        expected = (time[t, copy] - 1) % 3 if met[copy] == 0 else 0
        assert thrown[t, copy].argmax() == expected and thrown[t, copy].sum() == 1


def test_returns_against_each_opponent_are_those_of_a_plain_count():
    learner, early, _, kept, _ = against()
    sums, found = np.zeros(32), {0: [], 1: []}
    for t in range(20):
        sums += kept["reward"][t]
        for copy in np.flatnonzero(kept["terminated"][t]):
            found[int(learner.seating.opponent_of[copy])].append(sums[copy])
            sums[copy] = 0
    for p, returns in found.items():
        np.testing.assert_allclose(early["return_against"][0, p], np.mean(returns), atol=1e-6)
        wins = [1.0 if r > 0 else 0.5 if r == 0 else 0.0 for r in returns]
        np.testing.assert_allclose(early["win_rate_against"][0, p], np.mean(wins), atol=1e-6)
    assert early["episodes"][0] == sum(map(len, found.values())) == 32 * 2
    assert early["length"][0] == THROWS


def test_both_opponents_are_beaten_and_told_apart():
    _, _, late, _, _ = against()
    # The best reply wins all throws but the second, of which it knows the half.
    assert late["return_against"][-10:].mean(0).min() > 0.8 * (THROWS - 1)
    # Until the second throw is seen it is a guess between two: half of 2 decisions, all others.
    expected = (2 * 0.5 + THROWS - 2) / THROWS
    assert abs(late["auxiliary_accuracy"][-10:].mean() - expected) < 0.07


def test_an_opponent_that_waits_keeps_what_it_carries():
    config = Config(num_envs=4, rollout=12, steps=999, opponents=("x",), sides=(0,), **TINY)
    learner = Learner(Nim(pile=9, random_pile=False), config, opponents=[Alternating()])
    [kept] = rollout(learner, jax.jit(learner.init)(jax.random.key(1)))
    pile = kept["observation"]["pile"]
    turns = 0
    for copy in range(4):
        mine = True  # the learner, in seat 0, begins
        own = 0
        for t in range(12):
            if kept["fresh"][t, copy]:
                mine, own = True, 0
                assert pile[t, copy] == 9
            assert kept["acting"][t, copy] == mine
            over = bool(kept["terminated"][t, copy])
            left = 0 if over else pile[t + 1, copy] if t < 11 else None
            if not mine:
                taken = min(own % 2 + 1, pile[t, copy]) if pile[t, copy] > own % 2 else 1
                assert left is None or left == pile[t, copy] - taken
                turns, own = turns + (own > 0), own + 1
            mine = not mine
    assert turns > 3


@pytest.mark.slow
def test_what_the_auxiliary_head_learns_is_the_goal_of_the_state():
    env = arenas.make("colorgrid-v0", size=4, block_density=0.25, max_steps=5, goal_switch_prob=0.5)
    config = Config(num_envs=3, rollout=2, steps=6, auxiliary="goal", **TINY).check()
    learner = Learner(env, config)
    assert learner.spec.auxiliary == env.hidden["goal"]
    playing = jax.jit(learner.init)(jax.random.key(2)).playing
    step = jax.jit(learner.games.step)
    goals = []
    for t in range(8):
        goal = np.asarray(playing.envs.env.goal)
        truth = learner._truth(playing.seen, learner.seating.rows[0])
        np.testing.assert_array_equal(truth, np.repeat(goal, env.num_agents))
        goals.append(goal)
        actions = [jnp.zeros(3 * env.num_agents, jnp.int32)]
        playing, *_ = step(playing, actions, jax.random.key(t))
    assert len(np.unique(goals)) > 1


# What is refused --------------------------------------------------------------------------------


def test_what_does_not_fill_a_minibatch_sits_out():
    learner = Learner(Race(), Config(num_envs=3, rollout=7, steps=21, minibatches=4))
    steps = np.arange(7 * 9).reshape(7, 9)
    [part, _] = learner._minibatches({"action": steps}, (jnp.zeros((9, 0)),), jax.random.key(0))
    assert part["action"].shape == (4, 1, 15)
    assert len(np.unique(part["action"])) == 60


def test_sequences_stay_whole_with_a_memory_each():
    config = Config(num_envs=3, rollout=7, steps=21, minibatches=2, network="gru", hidden=8)
    learner = Learner(Race(), config)
    steps = np.arange(7 * 9).reshape(7, 9)
    memory = (jnp.arange(9.0)[:, None],)
    part, [kept] = learner._minibatches({"action": steps}, memory, jax.random.key(0))
    assert part["action"].shape == (2, 7, 4)
    np.testing.assert_array_equal(part["action"] % 9, np.repeat(kept[:, None, :, 0], 7, 1))
    np.testing.assert_array_equal(
        part["action"] // 9, np.arange(7)[None, :, None] + 0 * part["action"]
    )
    assert len(np.unique(kept)) == 8


def test_what_training_does_not_accept_is_refused_with_the_reason():
    def make(env=None, algorithm="ippo", opponents=(), **values):
        given = Config(**{"num_envs": 4, "rollout": 8, "steps": 32, **values})
        return Learner(env or Race(), given, algorithm, opponents)

    with pytest.raises(BadArgument, match="24 decisions do not fill 25 minibatches"):
        make(num_envs=1, minibatches=25)
    with pytest.raises(BadArgument, match="12 sequences .* do not fill 13 minibatches"):
        make(network="gru", minibatches=13)
    with pytest.raises(BadArgument, match="has no world state"):
        make(algorithm="mappo", critic="state")
    with pytest.raises(BadArgument, match="hides nothing by name"):
        make(auxiliary="goal")
    with pytest.raises(UnknownName, match="opponent"):
        make(Nim(), opponents=[Alternating()], auxiliary="oponent")
    with pytest.raises(BadArgument, match="accepts discrete ones"):
        make(Aim())
