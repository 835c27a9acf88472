"""An evaluation plays the episodes that a match with these seeds and seats is."""

import jax
import jax.numpy as jnp
import numpy as np
from toys import Race

from arenas.agent import DeviceAgent
from arenas.agents.ppo import networks
from arenas.agents.ppo.evaluate import FIRST_SEED, Evaluation
from arenas.agents.ppo.export import LearnedAgent
from arenas.match import DeviceMatches

ENV = Race(goal=7, max_steps=6)


class Pacer(DeviceAgent):
    """Walks and runs in turn, and a slow one walks only."""

    def __init__(self, name, fast):
        self.name, self.fast = name, fast

    def init(self, key, seat):
        return jnp.int32(0)

    def act(self, params, carry, observation, action_mask, key):
        return carry + 1, 1 + self.fast * (carry % 2)


SPEC = networks.Spec(networks.describe(ENV.observation_space), 3, "gru", 8, 1, False, (4,))
GROUPS = tuple(
    jax.tree.map(lambda x: x * 20, networks.build(SPEC, jax.random.key(i))[1]) for i in range(2)
)
AGENT = LearnedAgent(ENV, SPEC, GROUPS, greedy=True, group_of=(0, 1, 1))
AGENT.name = "learned"
OPPONENTS = [Pacer("fast", 1), Pacer("slow", 0)]


def played(seats):
    """Returns ``[episodes, 3]`` and lengths, by a match runner of its own."""
    seeds = [FIRST_SEED + i for i in range(len(seats))]
    matches = DeviceMatches(ENV, [*OPPONENTS, AGENT])
    found = list(matches.play(seats, seeds))
    assert len({tuple(a) for e in found for a in e.actions.tolist()}) > 2
    return np.array([e.returns for e in found]), [e.length for e in found]


def test_returns_are_those_of_matches_on_the_same_seeds_and_seats_with_both_sides_met_equally():
    result = Evaluation(ENV, AGENT, 10, OPPONENTS)(GROUPS)
    assert result["episodes"] == 12  # 2 opponents, 3 sides: the next multiple of 6
    pairs = [(p, side) for p in range(2) for side in range(3)] * 2
    seats = [[2 if seat == side else p for seat in range(3)] for p, side in pairs]
    returns, lengths = played(seats)
    mine = np.array([r[side] for r, (_, side) in zip(returns, pairs, strict=True)])
    theirs = np.array(
        [np.delete(r, side).mean() for r, (_, side) in zip(returns, pairs, strict=True)]
    )
    won = np.where(np.isclose(mine, theirs), 0.5, mine > theirs)
    assert mine.std() > 0
    np.testing.assert_allclose(result["return"], mine.mean(), rtol=1e-5)
    np.testing.assert_allclose(result["return_error"], mine.std(ddof=1) / 12**0.5, rtol=1e-4)
    np.testing.assert_allclose(result["win_rate"], won.mean(), rtol=1e-5)
    np.testing.assert_allclose(result["length"], np.mean(lengths))
    for p, name in enumerate(("fast", "slow")):
        met = np.array([q == p for q, _ in pairs])
        np.testing.assert_allclose(result["return_against"][name], mine[met].mean(), rtol=1e-5)
        np.testing.assert_allclose(result["win_rate_against"][name], won[met].mean(), rtol=1e-5)


def test_episodes_without_an_end_count_as_they_stand_at_the_limit():
    env = Race(goal=10**6, max_steps=None)
    result = Evaluation(env, AGENT, 3, OPPONENTS[:1], longest=5)(GROUPS)
    assert result["unfinished"] == 3 and result["longest"] == 5
    assert result["length"] == 5 and result["win_rate"] == 0
    assert result["return_against"]["fast"] == result["return"] != 0  # of the steps so far


def test_without_opponents_the_agent_holds_all_seats_and_nobody_wins():
    result = Evaluation(ENV, AGENT, 8)(GROUPS)
    returns, lengths = played([[2, 2, 2]] * 8)
    np.testing.assert_allclose(result["return"], returns.mean(), rtol=1e-5)
    np.testing.assert_allclose(result["length"], np.mean(lengths))
    assert result["win_rate"] is None and "return_against" not in result
    assert "unfinished" not in result
