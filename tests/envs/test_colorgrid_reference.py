"""ColorGrid against a plain-Python reference, written from the specification alone.

The reference knows nothing of the JAX code. Where the rules leave something to chance (where a
block reappears, whether the goal switches), it takes the outcome that the environment produced and
checks that the rules admit it; everything else must be equal.
"""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import arenas

COLORS = ("red", "blue", "green")
MOVES = {0: (0, 1), 1: (0, -1), 2: (-1, 0), 3: (1, 0)}  # up is y + 1


@dataclasses.dataclass
class Rules:
    width: int
    height: int
    nonstationary: bool = True
    asymmetric: bool = False
    hemispheres: bool = False
    leader_only: bool = False
    shared: bool = False
    positive: float = 1.0
    negative: float = -1.0
    coef: float = 1.0
    near_pays: str = "none"
    near_penalty: float = 0.1
    near_threshold: int = 10
    field: float = 0.0
    max_steps: int = 1000

    @property
    def names(self):
        return ["leader"] if self.leader_only else ["leader", "follower"]

    def columns(self, agent):
        """The columns that an agent keeps to."""
        if not self.hemispheres:
            return range(self.width)
        half = self.width // 2
        return range(half) if agent == "leader" else range(half, self.width)


@dataclasses.dataclass
class Game:
    """A position of the game: blocks by cell, agents by name, the goal colour."""

    blocks: dict[tuple[int, int], str]
    agents: dict[str, tuple[int, int]]
    goal: str
    steps: int


def moved(rules: Rules, game: Game, actions: dict[str, int]) -> dict[str, tuple[int, int]]:
    def target(name):
        x, y = game.agents[name]
        dx, dy = MOVES[actions[name]]
        inside = x + dx in rules.columns(name) and 0 <= y + dy < rules.height
        return (x + dx, y + dy) if inside else (x, y)

    after = {"leader": target("leader")}
    if rules.leader_only:
        return after
    after["follower"] = target("follower")
    if after["follower"] == after["leader"]:  # the follower stays
        after["follower"] = game.agents["follower"]
    if after["follower"] == after["leader"]:  # and the leader wanted just that cell
        after["leader"] = game.agents["leader"]
    return after


def follow(rules: Rules, before: Game, actions: dict[str, int], after: Game) -> dict:
    """Check that ``after`` may follow ``before``; the rewards and the info of the step."""
    agents = moved(rules, before, actions)
    assert after.agents == agents

    left = dict(before.blocks)
    taken = {name: left.pop(cell) for name, cell in agents.items() if cell in left}
    appeared = {cell: color for cell, color in after.blocks.items() if left.get(cell) != color}
    assert {c: v for c, v in after.blocks.items() if c not in appeared} == left
    assert sorted(appeared.values()) == sorted(taken.values())
    assert not set(appeared) & (set(left) | set(agents.values()))
    if rules.hemispheres:  # each block reappears in the half of the agent who took it
        right = rules.columns("follower")
        assert sorted((color, cell[0] in right) for cell, color in appeared.items()) == sorted(
            (color, name == "follower") for name, color in taken.items()
        )

    assert after.goal == before.goal or rules.nonstationary
    assert after.steps == before.steps + 1

    goal = {n: int(taken.get(n) == before.goal) for n in rules.names}
    incorrect = {n: int(n in taken and taken[n] != before.goal) for n in rules.names}
    own = {
        n: rules.positive * goal[n] + rules.negative * rules.coef * incorrect[n]
        for n in rules.names
    }
    both = sum(own.values())
    shaping = dict.fromkeys(rules.names, 0.0)
    if rules.near_pays != "none":
        (x1, y1), (x2, y2) = agents["leader"], agents["follower"]
        if abs(x1 - x2) + abs(y1 - y2) < rules.near_threshold:
            shaping[rules.near_pays] -= rules.near_penalty
    for name, (x, y) in agents.items():
        for (bx, by), color in after.blocks.items():
            share = rules.field / (1 + abs(x - bx) + abs(y - by))
            shaping[name] += share if color == before.goal else -rules.coef * share
    return {
        "individual_reward": own,
        "shared_reward": dict.fromkeys(rules.names, both),
        "shaping_reward": shaping,
        "goal_blocks": goal,
        "incorrect_blocks": incorrect,
        "reward": {n: (both if rules.shared else own[n]) + shaping[n] for n in rules.names},
        "goal": COLORS.index(before.goal),
        "goal_switched": after.goal != before.goal,
        "truncated": after.steps >= rules.max_steps,
    }


def seen(rules: Rules, game: Game, name: str) -> tuple[np.ndarray, np.ndarray]:
    """What an agent observes: planes and goal."""
    planes = np.zeros((5, rules.height, rules.width), np.uint8)
    for (x, y), color in game.blocks.items():
        planes[COLORS.index(color), y, x] = 1
    for agent, (x, y) in game.agents.items():
        planes[3 if agent == "leader" else 4, y, x] = 1
    goal = np.zeros(3, np.uint8)
    if not (rules.asymmetric and name == "follower"):
        goal[COLORS.index(game.goal)] = 1
    return planes, goal


def game_of(rules: Rules, cells, position, goal, steps) -> Game:
    """A state of the environment, in the reference's words."""
    agents = {n: (int(x), int(y)) for n, (x, y) in zip(rules.names, position, strict=True)}
    blocks = {
        (int(x), int(y)): COLORS[cells[y, x] - 1]
        for y, x in zip(*np.nonzero((cells > 0) & (cells <= 3)), strict=True)
    }
    for code, (x, y) in zip((4, 5), agents.values(), strict=False):
        assert cells[y, x] == code
    assert np.isin(cells, (4, 5)).sum() == len(agents)
    return Game(blocks, agents, COLORS[int(goal)], int(steps))


CASES = {
    "the goal switches, shaped": (
        "colorgrid-v0",
        {"size": (7, 5), "block_density": 0.4, "potential_field": 0.1},
        {"field": 0.1},
    ),
    "tiny and full": (
        # Agents meet all the time, and one cell is free.
        "colorgrid-v0",
        {"size": (3, 2), "block_density": 0.5, "goal_switch_prob": 0.5, "max_steps": 150},
        {"max_steps": 150},
    ),
    "a single column": (
        "colorgrid-asymmetric-v0",
        {"size": (1, 6), "block_density": 0.5},
        {"asymmetric": True},
    ),
    "stationary, shaped": (
        "colorgrid-stationary-v0",
        {
            "size": (6, 9),
            "block_density": 0.3,
            "potential_field": 0.2,
            "block_penalty_coef": 0.5,
            "proximity_penalty_for": "leader",
            "proximity_threshold": 4,
        },
        {
            "nonstationary": False,
            "field": 0.2,
            "coef": 0.5,
            "near_pays": "leader",
            "near_threshold": 4,
        },
    ),
    "shared, shaped": (
        "colorgrid-shared-v0",
        {
            "size": 5,
            "block_density": 0.6,
            "positive_reward": 2,
            "negative_reward": -0.25,
            "proximity_penalty_for": "follower",
            "proximity_penalty": 0.5,
            "proximity_threshold": 3,
        },
        {
            "shared": True,
            "positive": 2.0,
            "negative": -0.25,
            "near_pays": "follower",
            "near_penalty": 0.5,
            "near_threshold": 3,
        },
    ),
    "hemispheres": (
        "colorgrid-hemispheres-v0",
        {"size": (5, 4), "block_density": 0.6},
        {"hemispheres": True},
    ),
    "leader alone": (
        "colorgrid-leader-v0",
        {"size": 4, "block_density": 0.6},
        {"leader_only": True},
    ),
}
EPISODES, STEPS = 8, 150


@pytest.mark.parametrize("case", CASES)
def test_every_step_is_as_the_plain_reference_says(case):
    env_id, options, differing = CASES[case]
    env = arenas.make(env_id, **options)
    width, height = env.observation_space["grid"].shape[:0:-1]
    rules = Rules(width=width, height=height, **differing)

    def episode(key):
        start, play, act = jax.random.split(key, 3)
        state, first = env.reset(start)
        actions = jax.random.randint(act, (STEPS, env.num_agents), 0, 4)

        def step(state, inputs):
            key, action = inputs
            state, timestep = env.step_unfinished(key, state, action)
            return state, (state, timestep)

        _, later = jax.lax.scan(step, state, (jax.random.split(play, STEPS), actions))
        return jax.tree.map(lambda a, b: jnp.concatenate([a[None], b]), (state, first), later), (
            actions
        )

    (states, timesteps), actions = jax.device_get(
        jax.jit(jax.vmap(episode))(jax.random.split(jax.random.key(0), EPISODES))
    )
    per_color = int(width * height * options["block_density"] / 3 + 1e-9)
    switches = stays = takings = 0
    for e in range(EPISODES):
        games = [
            game_of(
                rules,
                states.cells[e, t],
                states.position[e, t],
                states.goal[e, t],
                states.steps[e, t],
            )
            for t in range(STEPS + 1)
        ]
        for color in COLORS:
            assert list(games[0].blocks.values()).count(color) == per_color
        for name, (x, _) in games[0].agents.items():
            assert x in rules.columns(name)
        if not rules.nonstationary:
            assert games[0].goal == "red"
        assert not timesteps.reward[e, 0].any()
        for t, game in enumerate(games):
            for seat, name in enumerate(rules.names):
                planes, goal = seen(rules, game, name)
                assert np.array_equal(timesteps.observation["grid"][e, t, seat], planes)
                assert np.array_equal(timesteps.observation["goal"][e, t, seat], goal)
        for t in range(STEPS):
            before, after = games[t : t + 2]
            wanted = dict(zip(rules.names, actions[e, t].tolist(), strict=True))
            expected = follow(rules, before, wanted, after)
            got = jax.tree.map(lambda x, e=e, t=t: x[e, t + 1], timesteps.info)
            got |= {
                "reward": timesteps.reward[e, t + 1],
                "truncated": timesteps.truncated[e, t + 1],
            }
            assert got.keys() == expected.keys()
            for what, value in expected.items():
                per_agent = isinstance(value, dict)
                value = list(value.values()) if per_agent else value
                tolerance = 2e-6 if what in ("reward", "shaping_reward") else 0
                np.testing.assert_allclose(got[what], value, rtol=0, atol=tolerance, err_msg=what)
            assert not timesteps.terminated[e, t + 1]
            switches += expected["goal_switched"]
            takings += sum(expected["goal_blocks"].values())
            takings += sum(expected["incorrect_blocks"].values())
            stays += any(after.agents[n] == before.agents[n] for n in rules.names)
    # The test means nothing unless these happened.
    assert takings > 50
    assert stays > 10
    assert (switches > 0) == rules.nonstationary
