"""One training loop in the manner of JaxMARL's scripts, on JaxMARL's games and on ours.

The loop is written against JaxMARL's interface alone, as its PPO scripts are: actors are agents
times environments, masks and critic inputs come from the environment, episodes are logged by
JaxMARL's own wrappers. Only what makes the environment differs between the two sides.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import arenas
from arenas.interop.jaxmarl import import_jaxmarl

jaxmarl = import_jaxmarl()
from jaxmarl.environments.smax import map_name_to_scenario  # noqa: E402
from jaxmarl.wrappers.baselines import (  # noqa: E402
    CTRolloutManager,
    LogWrapper,
    SMAXLogWrapper,
)

pytestmark = pytest.mark.filterwarnings("ignore")  # JaxMARL's own environments run here bare

ENVS, STEPS, UPDATES = 16, 96, 2
LIMIT = 18  # of SMAX's episodes: some are decided before


@dataclasses.dataclass(frozen=True)
class Game:
    """The two sides of one game, and what a script knows of it."""

    theirs: Callable[[], Any]
    ours: Callable[[], Any]
    wrapper: Callable[[Any], Any]
    masks: str  # the method that JaxMARL's scripts for this game call
    no_op: int
    bias: tuple[float, ...]  # logits of the first policy, for episodes that differ

    def make(self, side: str) -> Any:
        return self.wrapper(getattr(self, side)())


GAMES = {
    "hanabi": Game(
        theirs=lambda: jaxmarl.make("hanabi", num_agents=2),
        ours=lambda: arenas.make("hanabi-v0", api="jaxmarl", observation="v0_belief"),
        wrapper=LogWrapper,
        masks="get_legal_moves",
        no_op=20,
        bias=(2.0,) * 5 + (-2.0,) * 5 + (0.0,) * 11,  # rather discard than play
    ),
    "smax": Game(
        theirs=lambda: jaxmarl.make(
            "HeuristicEnemySMAX", scenario=map_name_to_scenario("3m"), max_steps=LIMIT
        ),
        ours=lambda: arenas.make("smax-3m-v0", api="jaxmarl", max_steps=LIMIT),
        wrapper=SMAXLogWrapper,
        masks="get_avail_actions",
        no_op=4,
        bias=(0.0,) * 4 + (3.0,) + (8.0,) * 3,  # shoot if possible, else rather wait
    ),
}
SIDES = ("theirs", "ours")
BOTH = pytest.mark.parametrize("side", SIDES)
EACH = pytest.mark.parametrize("game", list(GAMES))


class Step(NamedTuple):
    """One step of all actors, ``M = agents × environments``, agents first."""

    observation: Any  # [M, F]
    central: Any  # [M, S], what the critic sees
    mask: Any  # [M, K]
    played: Any  # [envs], steps already made in the episode
    action: Any  # [M]
    log_prob: Any  # [M]
    reward: Any  # [M]
    done: Any  # [M]
    all_done: Any  # [envs]
    info: Any  # entries [envs, agents]


def log_softmax_of(params, observation, mask):
    logits = observation @ params["actor"] + params["bias"]
    return jax.nn.log_softmax(logits - (1 - mask) * 1e10)  # as JaxMARL's scripts mask


def trainer(env, game):
    """A whole training run as a function of a key."""
    agents, count = env.agents, env.num_agents
    actors = count * ENVS
    actions = env.action_space(agents[0]).n

    def batchify(x):
        return jnp.stack([x[a] for a in agents]).reshape(actors, -1)

    def unbatchify(x):
        return dict(zip(agents, x.reshape(count, ENVS), strict=True))

    def central(observations):
        if "world_state" in observations:
            seen = observations["world_state"]
        else:
            seen = jnp.concatenate([observations[a] for a in agents], axis=-1)
        return jnp.tile(seen, (count, 1))

    def play(params, carry, key):
        state, observations = carry
        act_key, step_key = jax.random.split(key)
        mask = batchify(jax.vmap(getattr(env, game.masks))(state.env_state))
        seen = batchify(observations)
        log_probs = log_softmax_of(params, seen, mask)
        action = jax.random.categorical(act_key, log_probs)
        new, state_after, reward, done, info = jax.vmap(env.step)(
            jax.random.split(step_key, ENVS), state, unbatchify(action)
        )
        step = Step(
            observation=seen,
            central=central(observations),
            mask=mask,
            played=state.episode_lengths[:, 0],
            action=action,
            log_prob=jnp.take_along_axis(log_probs, action[:, None], 1)[:, 0],
            reward=batchify(reward)[:, 0],
            done=batchify(done)[:, 0],
            all_done=done["__all__"],
            info=info,
        )
        return (state_after, new), step

    def loss(params, steps, returns):
        log_probs = log_softmax_of(params, steps.observation, steps.mask)
        chosen = jnp.take_along_axis(log_probs, steps.action[..., None], -1)[..., 0]
        value = steps.central @ params["critic"]
        advantage = jax.lax.stop_gradient(returns - value)
        return -(chosen * advantage).mean() + 1e-3 * ((returns - value) ** 2).mean()

    def update(carry, key):
        params, state, observations = carry
        (state, observations), steps = jax.lax.scan(
            functools.partial(play, params), (state, observations), jax.random.split(key, STEPS)
        )

        def discounted(later, step):
            over = jnp.tile(step.all_done, count)
            later = step.reward + 0.99 * later * (1 - over)
            return later, later

        last = central(observations) @ params["critic"]
        _, returns = jax.lax.scan(discounted, last, steps, reverse=True)
        value, gradient = jax.value_and_grad(loss)(params, steps, returns)
        params = jax.tree.map(lambda p, g: p - 1e-3 * g, params, gradient)
        return (params, state, observations), (value, steps)

    def train(key):
        first_key, key = jax.random.split(key)
        observations, state = jax.vmap(env.reset)(jax.random.split(first_key, ENVS))
        params = {
            "actor": jnp.zeros((int(np.prod(env.observation_space(agents[0]).shape)), actions)),
            "bias": jnp.asarray(game.bias),
            "critic": jnp.zeros(central(observations).shape[1]),
        }
        carry = (params, state, observations)
        (after, *_), (losses, steps) = jax.lax.scan(update, carry, jax.random.split(key, UPDATES))
        return params, after, losses, steps

    return train


class Run(NamedTuple):
    """What a training run left, in NumPy; steps of both updates in a row, ``[T, ...]``."""

    before: Any
    after: Any
    losses: Any
    steps: Step

    def per_env(self, x):
        """``[T, M]`` as ``[T, envs, agents]``."""
        return x.reshape(len(x), -1, ENVS).swapaxes(1, 2)


@functools.cache
def run(game: str, side: str) -> Run:
    env = GAMES[game].make(side)
    out = jax.device_get(jax.jit(trainer(env, GAMES[game]))(jax.random.PRNGKey(0)))
    before, after, losses, steps = out
    steps = jax.tree.map(lambda x: x.reshape(UPDATES * STEPS, *x.shape[2:]), steps)
    return Run(before, after, losses, steps)


@functools.cache
def wrapped(game: str, side: str) -> Any:
    return GAMES[game].make(side)


def by_seat(env, values):
    """A dictionary by agent with the seat's number for its name, which differs between the two."""
    seats = {a: i for i, a in enumerate(env.agents)}
    return {str(seats.get(k, k)): (v.shape, v.dtype) for k, v in values.items()}


# The same to a script --------------------------------------------------------------------------


@EACH
def test_a_script_meets_the_same_trees_shapes_and_dtypes(game):
    seen = {}
    for side in SIDES:
        env = wrapped(game, side)
        key = jax.random.PRNGKey(0)
        first, state = jax.eval_shape(env.reset, key)
        moves = dict.fromkeys(env.agents, jax.ShapeDtypeStruct((), jnp.int32))
        then, _, rewards, dones, info = jax.eval_shape(env.step, key, state, moves)
        masks = jax.eval_shape(getattr(env, GAMES[game].masks), state.env_state)
        added = {k: (v.shape, v.dtype) for k, v in info.items() if k.startswith("returned_")}
        seen[side] = {
            "agents": env.num_agents,
            "actions": [int(env.action_space(a).n) for a in env.agents],
            "observed": [int(np.prod(env.observation_space(a).shape)) for a in env.agents],
            "first": by_seat(env, first),
            "then": by_seat(env, then),
            "rewards": {k: v for k, v in by_seat(env, rewards).items() if k != "__all__"},
            "dones": by_seat(env, dones),
            "masks": {k: shape for k, (shape, _) in by_seat(env, masks).items()},
            "info": added,
        }
        assert {v.shape for v in info.values()} == {(env.num_agents,)}  # reshaped to actors
    assert len(seen["ours"]["info"]) >= 3
    assert seen["ours"] == seen["theirs"]


@EACH
def test_q_learning_scripts_meet_the_same_shapes(game):
    seen = {}
    for side in SIDES:
        env = wrapped(game, side)
        manager = CTRolloutManager(env, batch_size=5)
        key = jax.random.PRNGKey(0)
        first, state = jax.eval_shape(manager.batch_reset, key)
        moves = {a: manager.batch_sample(key, a) for a in env.agents}
        then, _, rewards, dones, _ = jax.eval_shape(manager.batch_step, key, state, moves)
        valid = jax.eval_shape(manager.get_valid_actions, state.env_state)
        seen[side] = {
            "sizes": (int(manager.obs_size), int(manager.max_action_space)),
            "first": by_seat(env, first),
            "then": by_seat(env, then),
            "rewards": by_seat(env, rewards),
            "dones": by_seat(env, dones),
            "valid": {k: shape for k, (shape, _) in by_seat(env, valid).items()},
            "sampled": [(move.shape, move.dtype) for move in moves.values()],
        }
    assert seen["ours"] == seen["theirs"]


def test_a_shape_is_an_integer_to_hanabis_scripts_and_a_tuple_to_the_others():
    shape = wrapped("hanabi", "ours").observation_space("player_0").shape
    theirs = wrapped("hanabi", "theirs").observation_space("agent_0").shape
    assert isinstance(theirs, np.integer)
    assert jnp.zeros((1, 4, shape)).shape == (1, 4, 658)
    assert jnp.zeros((1, 4, shape[0])).shape == jnp.zeros((1, 4, *shape)).shape == (1, 4, 658)
    assert jnp.zeros(shape).shape == np.zeros(shape).shape == shape == (658,)


# The loop learns and logs ----------------------------------------------------------------------


@EACH
@BOTH
def test_training_changes_the_networks(game, side):
    done = run(game, side)
    assert np.isfinite(done.losses).all()
    for name in ("actor", "bias", "critic"):
        assert np.isfinite(done.after[name]).all()
        assert not np.array_equal(done.after[name], done.before[name]), name


@EACH
@BOTH
def test_the_log_holds_every_episodes_return_and_length(game, side):
    """Against sums of the rewards, over the steps from one end to the next."""
    done = run(game, side)
    info, rewards = done.steps.info, done.per_env(done.steps.reward)
    over = done.steps.all_done
    assert ENVS <= over.sum() < over.size
    logged = []
    for e in range(ENVS):
        begin = 0
        for t in np.flatnonzero(over[:, e]):
            total = rewards[begin : t + 1, e].sum(0)
            np.testing.assert_allclose(
                info["returned_episode_returns"][t, e], total, rtol=1e-5, atol=1e-6
            )
            assert (info["returned_episode_lengths"][t, e] == t + 1 - begin).all()
            assert info["returned_episode"][t, e].all()
            logged.append(total)
            begin = t + 1
    assert np.isfinite(logged).all()
    assert len(np.unique(np.array(logged).round(4))) > 1, "returns differ between episodes"
    np.testing.assert_array_equal(info["returned_episode"].all(-1), over)


@EACH
@BOTH
def test_seats_that_wait_may_pass_the_no_op_alone(game, side):
    """So that what they draw is certain, and adds nothing to the policy's gradient."""
    done = run(game, side)
    masks = np.asarray(done.steps.mask, bool)
    if game == "hanabi":  # seats take turns from seat 0
        turn = done.steps.played[..., None] % 2 == np.arange(2)
        waiting = ~turn.transpose(0, 2, 1).reshape(masks.shape[:2])
    else:  # the dead see nothing
        waiting = (done.steps.observation == 0).all(-1)
    assert waiting.any()
    assert not waiting.all()
    alone = np.arange(masks.shape[-1]) == GAMES[game].no_op
    assert (masks[waiting] == alone).all()
    assert (done.steps.action[waiting] == GAMES[game].no_op).all()
    assert (done.steps.log_prob[waiting] == 0).all()
    assert (masks[~waiting].sum(-1) >= 1).all()
    assert (done.steps.log_prob[~waiting] < 0).any()
    if game == "hanabi":
        assert not masks[~waiting][:, GAMES[game].no_op].any()


@BOTH
def test_wins_in_smax_are_logged_as_zeros_and_ones(side):
    done = run("smax", side)
    over = done.steps.all_done
    won = done.steps.info["returned_won_episode"][over]
    assert set(np.unique(won)) == {0.0, 1.0}
    if side == "ours":
        np.testing.assert_array_equal(won == 1, done.steps.info["won"][over])


@BOTH
def test_the_critic_sees_more_than_its_own_agent(side):
    """SMAX hands out a world state; the same one to all agents of an environment."""
    central = run("smax", side).steps.central
    assert central.shape[-1] == wrapped("smax", side).state_size == 72
    first, *others = np.split(central, 3, axis=1)
    for other in others:
        np.testing.assert_array_equal(other, first)
    assert np.ptp(first[..., 1]) > 0, "positions move"


def test_every_agent_of_ours_is_done_at_the_end_of_the_episode_and_not_at_its_death():
    ours, theirs = (run("smax", side).steps for side in ("ours", "theirs"))
    tiled = np.tile(ours.all_done, 3)
    np.testing.assert_array_equal(ours.done, tiled)
    assert (theirs.done != np.tile(theirs.all_done, 3)).any(), "JaxMARL calls the dead done"
    alive = ours.info["alive"]
    assert (~alive & ~ours.all_done[..., None]).any(), "death is in info"


def test_the_step_limit_of_ours_is_exact():
    ours, theirs = (run("smax", side).steps for side in ("ours", "theirs"))
    longest = [s.info["returned_episode_lengths"][s.all_done].max() for s in (ours, theirs)]
    assert longest == [LIMIT, LIMIT + 1]
