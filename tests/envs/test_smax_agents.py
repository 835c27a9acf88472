"""SMAX's scripted player: seat by seat the scripted team, and legal in whole matches."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from smax_states import battles

import arenas
from arenas.envs.smax.heuristic import Memory, team_actions
from arenas.envs.smax.scenarios import SCENARIOS, STOP
from arenas.errors import BadArgument, UnknownName
from arenas.match import forfeit_returns

COUNT = 200


@functools.cache
def _played(name, mode):
    """For a batch of states and memories: the players' actions, and the scripted teams'."""
    env = arenas.make(f"smax-{name}-selfplay-v0")
    agent = arenas.load_agent(f"smax/heuristic,mode={mode}", env)
    allies = SCENARIOS[name].num_allies

    def play(key, battle, memory):
        state, timestep = env.reset(key)
        state = state.replace(**{k: battle[k] for k in ("position", "health", "unit_type")})
        timestep = env._timestep(state, timestep.reward, timestep.info)
        keys = jax.random.split(key, env.num_agents)
        carry = jax.vmap(agent.init)(keys, jnp.arange(env.num_agents))
        carry = carry._replace(memory=memory)
        carry, action = jax.vmap(agent.act, (None, 0, 0, 0, 0))(
            (), carry, timestep.observation, timestep.action_mask, keys
        )
        draws = jax.vmap(lambda k: jax.random.uniform(k, (2,)))(keys)
        teams = [
            team_actions(
                state.position,
                state.health,
                state.unit_type,
                jax.tree.map(lambda x: x[own], memory),  # noqa: B023  (called at once)
                draws[own],
                num_allies=allies,
                team=team,
                mode=mode,
            )
            for team, own in enumerate((slice(allies), slice(allies, None)))
        ]
        wanted, after = jax.tree.map(lambda a, e: jnp.concatenate([a, e]), *teams)
        return action, carry.memory, wanted, after, timestep.action_mask

    return jax.jit(jax.vmap(play))


@pytest.mark.parametrize(("name", "mode"), [("5m_vs_6m", "closest"), ("smacv2_5_units", "random")])
def test_each_seat_plays_as_the_scripted_team_does(name, mode):
    battle = battles(name, COUNT, seed=5)
    units = battle["health"].shape[1]
    rng = np.random.default_rng(0)
    memory = Memory(
        jnp.asarray(rng.uniform(1, 31, (COUNT, units, 2)), jnp.float32),
        jnp.asarray(rng.integers(-1, 5, (COUNT, units)), jnp.int8),
    )
    keys = jax.random.split(jax.random.key(0), COUNT)
    action, kept, wanted, after, mask = jax.device_get(_played(name, mode)(keys, battle, memory))
    assert np.take_along_axis(mask, action[..., None], axis=-1).all()
    alive = battle["health"] > 0
    assert (action[~alive] == STOP).all()
    # All but the few choices that hang on one rounding of a relative position.
    assert (action == wanted)[alive].mean() > 0.998
    assert (kept.attacked == after.attacked)[alive].mean() > 0.998
    assert (action[alive] > STOP).mean() > 0.1


@pytest.mark.parametrize("agent", ["smax/heuristic", "smax/heuristic-random"])
def test_a_host_match_finds_every_action_legal(agent):
    [episode] = arenas.play("smax-5m_vs_6m-selfplay-v0", [agent] * 11, seed=3)
    assert episode.outcome == "terminated"


def test_one_name_for_each_team_seats_it_in_the_whole_team():
    teams = ["smax/heuristic", "smax/heuristic,shoots=False"]
    [episode] = arenas.play("smax-5m_vs_6m-selfplay-v0", teams, record=False)
    assert episode.agents == (teams[0],) * 5 + (teams[1],) * 6
    assert episode.returns[0] > 0 > episode.returns[-1]
    with pytest.raises(BadArgument, match="3 agents given; .* has 2 teams, or 11 seats: ally_0"):
        arenas.play("smax-5m_vs_6m-selfplay-v0", teams + teams[:1])


def test_a_forfeit_costs_the_whole_team():
    env = arenas.make("smax-3m-selfplay-v0")
    assert forfeit_returns(env, 1, [0.5, 0.5, 0.5, -0.5, -0.5, -0.5])[:3] == (-2, -2, -2)


def test_as_allies_against_the_scripted_enemy_both_teams_win_some_matches():
    episodes = arenas.play("smax-3m-v0", ["smax/heuristic"] * 3, episodes=64, record=False)
    won = np.array([e.returns[0] for e in episodes]) > 1
    assert 0.25 < won.mean() < 0.75
    assert all(e.outcome == "terminated" for e in episodes)


def test_conic_observations_and_continuous_actions_are_refused():
    with pytest.raises(BadArgument, match="observation_type is 'conic'.*'unit_list' only"):
        arenas.load_agent("smax/heuristic", arenas.make("smax-3m-v0", observation_type="conic"))
    with pytest.raises(BadArgument, match="action_type is 'continuous'.*'discrete' only"):
        arenas.load_agent("smax/heuristic", arenas.make("smax-3m-v0", action_type="continuous"))


def test_bad_arguments_say_what_is_accepted():
    with pytest.raises(BadArgument, match="mode is 'nearest'; accepted are 'closest' and 'random'"):
        arenas.load_agent("smax/heuristic,mode=nearest", "smax-3m-v0")
    with pytest.raises(BadArgument, match="shoots is 1; accepted are True and False"):
        arenas.load_agent("smax/heuristic,shoots=1", "smax-3m-v0")
    with pytest.raises(UnknownName, match="mode"):
        arenas.load_agent("smax/heuristic,mod=closest", "smax-3m-v0")
