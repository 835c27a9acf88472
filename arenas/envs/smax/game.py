"""SMAX: two armies of units on a plane, each unit an agent.

Source: Rutherford et al. 2024, "JaxMARL: Multi-Agent RL Environments and Algorithms in JAX" (arXiv
2311.10090). The battle itself is in :mod:`arenas.envs.smax.battle`, the tables in
:mod:`arenas.envs.smax.scenarios`.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float32, Int8, Int32, PRNGKeyArray, PyTree, UInt8, UInt32

from arenas import registry
from arenas.agent import DeviceAgent
from arenas.env import NOT_STARTED, AnyArray, Env, State, Transition, require, struct
from arenas.envs import _checks
from arenas.envs._checks import Choice, Flag, Number, Whole
from arenas.envs.smax import conic, continuous, heuristic, observation, starts
from arenas.envs.smax.battle import Aftermath, Battle, by_type
from arenas.envs.smax.scenarios import (
    DOWN,
    LEFT,
    MAP_SIZE,
    NUM_MOVES,
    NUM_TYPES,
    RIGHT,
    SCENARIOS,
    STOP,
    TIME_STEP,
    UP,
    Scenario,
)
from arenas.envs.smax.units import ATTACK_RANGE, MAX_HEALTH
from arenas.errors import BadArgument, UnknownName

SCRIPTED: dict[str, heuristic.Mode] = {"heuristic": "closest", "heuristic-random": "random"}
"""Scripted enemies, and whom they attack first."""

MAX_TEAM = 100


@struct
class SmaxState(State):
    """The units of both teams, ``U`` of them, allies first."""

    position: Float32[AnyArray, "*batch units 2"]  # (x, y), map units
    health: Float32[AnyArray, "*batch units"]  # 0 for the dead
    cooldown: Float32[AnyArray, "*batch units"]  # seconds until the unit can shoot
    unit_type: UInt8[AnyArray, "*batch units"]  # index in scenarios.UNIT_TYPES
    last_action: Int8[AnyArray, "*batch units"]  # the discrete action last taken, STOP at first
    last_movement: Float32[AnyArray, "*batch units 2"] | None
    """Direction last moved in; None with discrete actions, whose last action says it."""
    memory: PyTree[AnyArray]  # what the enemy's policy carries


class Smax(Env[SmaxState]):
    """SMAX: every unit is an agent, and a team fights another.

    With an ``enemy``, the agents are the allies, ``ally_0`` and so on, and the enemy's units are
    part of the environment. With ``enemy=None`` (the ``-selfplay`` ids) both teams are agents, the
    allies first, then ``enemy_0`` and so on.

    **Observation**, float32 ``[A, F]``. ``unit_list``: 13 features of each other unit, own team
    first (enemies list both teams backwards), then 10 of its own; ``F = 13 (U - 1) + 10``. Of
    another unit: health (0 to 1), position relative to the observer in parts of its sight range
    (2), last direction (2), last attack (its number over the highest), cooldown (0 to 1), type
    (one-hot, 6). Its own: health, position on the map (0 to 1, 2), cooldown, type. Units out of
    sight and the dead are zeros, and the dead see zeros. ``conic``: see
    :mod:`arenas.envs.smax.conic`.

    **Action**, discrete: 0 up, 1 right, 2 down, 3 left, 4 stop, ``5 + j`` attack opponent ``j``;
    an enemy's opponents are numbered backwards. Legal are attacks on the living in range, and for
    the dead, who do not act, the stop. An attack that is not legal stands and shoots if its target
    comes into range within the step; numbers that name nothing are a stop. Continuous: see
    :mod:`arenas.envs.smax.continuous`.

    **Reward**, for each member of a team alike, dead or alive: ``damage_weight`` × the health that
    the other team lost to attacks (1 is all of it) + ``won_battle_bonus`` for winning, which is
    being alive when the others are dead, however they died. In self-play less the other team's
    reward, so the game is zero-sum between the teams.

    **End**: terminated when a team is dead; truncated at ``max_steps``.

    **Info**: ``alive`` and ``won`` (its team won in this step), bool ``[A]``; ``ally_health`` and
    ``enemy_health``, float32, mean share of full health; ``allies_alive`` and ``enemies_alive``,
    int32.

    Args:
        scenario: a name of :data:`arenas.envs.smax.scenarios.SCENARIOS`, or a ``Scenario``.
        enemy: ``"heuristic"`` (attacks the closest), ``"heuristic-random"``; a
            :class:`arenas.DeviceAgent` or the name of one, which plays every seat of the enemy;
            None for self-play.
        enemy_shoots: with False, a scripted enemy only walks.
        see_enemy_actions: whether last direction and attack of opponents are seen.
        walls_cause_death: whether touching the edge of the map kills.
        action_type: ``"discrete"`` or ``"continuous"``.
        observation_type: ``"unit_list"`` or ``"conic"``.
        won_battle_bonus: reward of winning.
        damage_weight: reward of taking all the health of the other team; 0 leaves the bonus alone.
        max_steps: the episode is truncated after so many steps.

    Attributes:
        num_allies: units of the first team.
        num_enemies: units of the second team.
        own_features: names of the features of the observer.
        unit_features: names of the features of another unit.
        state_size: length of :meth:`world_state`.

    Raises:
        UnknownName: no such scenario or agent; names the nearest.
        BadArgument: a value that is not accepted; says which are.

    Example:
        >>> import arenas, jax, jax.numpy as jnp
        >>> env = arenas.make("smax-3m-v0")
        >>> state, timestep = jax.jit(env.reset)(jax.random.key(0))
        >>> timestep.observation.shape, timestep.action_mask.shape
        ((3, 75), (3, 8))
        >>> state, timestep = jax.jit(env.step)(jax.random.key(1), state, jnp.array([1, 1, 4]))
        >>> timestep.info["alive"].tolist()
        [True, True, True]
    """

    own_features = observation.OWN_FEATURES
    unit_features = observation.UNIT_FEATURES

    def __init__(
        self,
        *,
        scenario: str | Scenario | Any = "3m",
        enemy: str | DeviceAgent | Any | None = "heuristic",
        enemy_shoots: Flag = True,
        see_enemy_actions: Flag = True,
        walls_cause_death: Flag = True,
        action_type: Choice = "discrete",
        observation_type: Choice = "unit_list",
        won_battle_bonus: Number = 1.0,
        damage_weight: Number = 1.0,
        max_steps: Whole = 100,
    ) -> None:
        self.scenario = _checked_scenario(scenario)
        self.enemy_shoots = _checks.flag("enemy_shoots", enemy_shoots)
        self.see_enemy_actions = _checks.flag("see_enemy_actions", see_enemy_actions)
        self.walls_cause_death = _checks.flag("walls_cause_death", walls_cause_death)
        self.action_type = _checks.one_of("action_type", action_type, ("discrete", "continuous"))
        self.observation_type = _checks.one_of(
            "observation_type", observation_type, ("unit_list", "conic")
        )
        self.won_battle_bonus = _checks.number("won_battle_bonus", won_battle_bonus, 0.0)
        self.damage_weight = _checks.number("damage_weight", damage_weight, 0.0)
        self.max_steps = _checks.whole("max_steps", max_steps, 1)

        self.num_allies, self.num_enemies = self.scenario.num_allies, self.scenario.num_enemies
        self.num_units = self.num_allies + self.num_enemies
        allies = tuple(f"ally_{i}" for i in range(self.num_allies))
        enemies = tuple(f"enemy_{i}" for i in range(self.num_enemies))
        self.self_play = enemy is None
        self.agents = allies + enemies if self.self_play else allies
        self.teams = (0,) * len(allies) + (1,) * len(enemies) if self.self_play else None
        self.state_size = (len(self.own_features) + 2) * self.num_units
        self._set_spaces()
        best = self.won_battle_bonus + self.damage_weight
        self.return_range = (-best if self.self_play else 0.0, best)

        self._types = None if self.scenario.random else self.scenario.allies + self.scenario.enemies
        self.battle = Battle(
            types=self._types,
            num_allies=self.num_allies,
            num_units=self.num_units,
            walls_cause_death=walls_cause_death,
        )
        scripted = isinstance(enemy, str) and enemy in SCRIPTED
        self._enemy_mode: heuristic.Mode = SCRIPTED[str(enemy)] if scripted else "closest"
        self._enemy_agent: DeviceAgent | None = None
        if not self.self_play and not scripted:
            self._enemy_agent = self._made_enemy(enemy, scenario)

    def _set_spaces(self) -> None:
        most = max(self.num_allies, self.num_enemies) if self.self_play else self.num_enemies
        if self.action_type == "discrete":
            self.action_space = gymnasium.spaces.Discrete(NUM_MOVES + most)
            moves = ("up", "right", "down", "left", "stop")
            self.action_labels = moves + tuple(f"attack {j}" for j in range(most))
            self.no_op = STOP
        else:
            size = (len(continuous.ACTION_DIMS),)
            self.action_space = gymnasium.spaces.Box(0.0, 1.0, size, np.float32)
            self.action_labels = continuous.ACTION_DIMS
        size = len(self.unit_features) * (self.num_units - 1) + len(self.own_features)
        if self.observation_type == "conic":
            size = conic.SIZE
        # All within -1 and 1, but for the position of a unit just pushed off the map.
        self.observation_space = gymnasium.spaces.Box(-1.0, 2.0, (size,), np.float32)

    def _made_enemy(self, enemy: Any, scenario: Any) -> DeviceAgent:
        """The agent that plays the enemy's seats, made for the game in which these are seats."""
        seats = Smax(
            scenario=self.scenario,
            enemy=None,
            see_enemy_actions=self.see_enemy_actions,
            walls_cause_death=self.walls_cause_death,
            action_type=self.action_type,
            observation_type=self.observation_type,
            won_battle_bonus=self.won_battle_bonus,
            damage_weight=self.damage_weight,
            max_steps=self.max_steps,
        )
        name = scenario if isinstance(scenario, str) else "custom"
        known = registry.envs.find(f"smax-{name}-selfplay-v0") if name in SCENARIOS else None
        seats.spec = known or registry.EnvSpec("smax-custom-v0", type(self), game="smax")
        self._seats = seats
        agent = registry.load_agent(enemy, seats) if isinstance(enemy, str) else enemy
        if not isinstance(agent, DeviceAgent):
            raise BadArgument(
                f"enemy is {enemy!r}; accepted are {', '.join(map(repr, SCRIPTED))}, a "
                "DeviceAgent, the name of an agent that runs in JAX, and None for self-play"
            )
        return agent

    # Starting ---------------------------------------------------------------------------------

    def _initial(self, key: PRNGKeyArray) -> SmaxState:
        units, random = self.num_units, self.scenario.random
        count = starts.draws_needed(self.num_allies, self.num_enemies, random=random)
        draws = uniform(jax.random.bits(key, (count,)))
        places, rest = draws[: 2 * units].reshape(units, 2), draws[2 * units :]
        if random:
            other_places, rest = rest[: 2 * units].reshape(units, 2), rest[2 * units :]
            groups, kinds, rest = rest[:units], rest[units : 2 * units], rest[2 * units :]
            is_ally = np.arange(units) < self.num_allies
            around = starts.surrounded(
                other_places, groups, rest[:4], jnp.where(rest[4] < 0.5, is_ally, ~is_ally)
            )
            opposed = starts.mirrored(places, self.num_allies)
            position = jnp.where(rest[5] < 0.5, around, opposed)
            unit_type = starts.random_types(kinds, self.num_allies)
        else:
            position = starts.face_to_face(places, self.num_allies)
            unit_type = jnp.asarray(np.array(self._types, np.uint8))
        position = self.battle.part(position, unit_type)
        if random:  # a push may lead over the edge
            position = jnp.clip(position, starts.MARGIN, MAP_SIZE - starts.MARGIN)
        return SmaxState(
            **NOT_STARTED,
            position=position,
            health=by_type(MAX_HEALTH, unit_type),
            cooldown=jnp.zeros(units, jnp.float32),
            unit_type=unit_type,
            last_action=jnp.full(units, STOP, jnp.int8),
            last_movement=None
            if self.action_type == "discrete"
            else jnp.zeros((units, 2), jnp.float32),
            memory=self._initial_memory(key, position),
        )

    def _initial_memory(self, key: PRNGKeyArray, position: Array) -> Any:
        if self.self_play:
            return ()
        if self._enemy_agent is None:
            return heuristic.initial_memory(position[self.num_allies :])
        keys = jax.random.split(jax.random.fold_in(key, 1), self.num_enemies)
        seats = jnp.arange(self.num_allies, self.num_units)
        return jax.vmap(self._enemy_agent.init)(keys, seats)

    # One step ---------------------------------------------------------------------------------

    def _legal(self, state: SmaxState, action: Array) -> Array:
        """What is not legal is taken as the class says; see also :meth:`Battle.__call__`."""
        if self.action_type == "continuous":
            return super()._legal(state, action)
        is_ally = np.arange(self.num_agents) < self.num_allies
        numbers = NUM_MOVES + np.where(is_ally, self.num_enemies, self.num_allies)
        return jnp.where((action >= 0) & (action < numbers), action, STOP)

    def _transition(
        self, key: PRNGKeyArray, state: SmaxState, action: Array
    ) -> Transition[SmaxState]:
        draws = uniform(jax.random.bits(key, (3 * self.num_units + 2 * self.num_enemies,)))
        deviation, draws = draws[: self.num_units], draws[self.num_units :]
        enemy_draws, draws = (
            draws[: 2 * self.num_enemies].reshape(-1, 2),
            draws[2 * self.num_enemies :].reshape(-1, 2),
        )
        actions, memory = self._all_actions(key, state, action, enemy_draws)
        if self.action_type == "discrete":
            orders, movement = actions, directions(actions)
        else:
            orders, movement = self._decoded(state, actions, draws)
        after = self.battle(
            state.position,
            state.health,
            state.cooldown,
            state.unit_type,
            movement,
            self.targets(orders),
            ((3 * deviation - 1) * np.float32(TIME_STEP))[None],
        )
        new = state.replace(
            position=after.position,
            health=after.health,
            cooldown=after.cooldown,
            last_action=jnp.where(jnp.asarray(state.health) > 0, orders, STOP).astype(jnp.int8),
            last_movement=None
            if self.action_type == "discrete"
            else jnp.where(jnp.asarray(state.health)[:, None] > 0, movement, 0.0),
            memory=memory,
        )
        return self._judged(new, after)

    def _all_actions(
        self, key: PRNGKeyArray, state: SmaxState, action: Array, draws: Array
    ) -> tuple[Any, Any]:
        """The actions of all units, with what the enemy remembers; two arrays if they differ."""
        if self.self_play:
            return action, ()
        if self._enemy_agent is not None:
            enemies, memory = self._agents_actions(key, state)
        else:
            enemies, memory = heuristic.team_actions(
                state.position,
                state.health,
                self._unit_type(state),
                state.memory,
                draws,
                num_allies=self.num_allies,
                team=1,
                mode=self._enemy_mode,
                shoots=self.enemy_shoots,
            )
            if self.action_type == "continuous":
                return (action, enemies), memory
        return jnp.concatenate([action, enemies]), memory

    def _agents_actions(self, key: PRNGKeyArray, state: SmaxState) -> tuple[Array, Any]:
        agent, seats = self._enemy_agent, self._seats
        assert agent is not None
        alike = state.replace(memory=())
        view = seats._timestep(alike, jnp.zeros(self.num_units, jnp.float32), {})
        mine = slice(self.num_allies, None)
        memory, action = jax.vmap(agent.act, (None, 0, 0, 0, 0))(
            agent.params,
            state.memory,
            jax.tree.map(lambda x: x[mine], view.observation),
            view.action_mask[mine],
            jax.random.split(jax.random.fold_in(key, 1), self.num_enemies),
        )
        if self.action_type == "discrete":
            action = action.astype(jnp.int32)
        everyone = jnp.concatenate([jnp.zeros_like(action[:1])] * self.num_allies + [action])
        return seats._legal(alike, everyone)[mine], memory

    def _decoded(self, state: SmaxState, actions: Any, draws: Array) -> tuple[Array, Array]:
        """Discrete orders and directions of all units, from continuous actions."""
        given, enemies = actions if isinstance(actions, tuple) else (actions, None)
        movement, attack = continuous.decode(
            given,
            state.position,
            state.health,
            self._last_attack(state),
            draws[: len(given)],
            num_allies=self.num_allies,
        )
        orders = jnp.where(attack >= NUM_MOVES, attack, STOP)
        if enemies is not None:
            orders = jnp.concatenate([orders, enemies])
            movement = jnp.concatenate([movement, directions(enemies)])
        return orders, movement

    def targets(self, orders: Int32[AnyArray, " units"]) -> Int32[Array, " units"]:
        """Whom each unit attacks, as an index into the other team; -1 for nobody."""
        is_ally = np.arange(self.num_units) < self.num_allies
        number = jnp.asarray(orders) - NUM_MOVES
        target = jnp.where(is_ally, number, self.num_allies - 1 - number)
        return jnp.where(number >= 0, target, -1)

    def _judged(self, new: SmaxState, after: Aftermath) -> Transition[SmaxState]:
        """Rewards, the end and what is logged."""
        n = self.num_allies
        full = by_type(MAX_HEALTH, self._unit_type(new))
        wounds, health = after.wounds / full, jnp.asarray(new.health) / full
        alive = jnp.asarray(new.health) > 0
        allies, enemies = alive[:n].any(), alive[n:].any()
        ally_won, enemy_won = allies & ~enemies, enemies & ~allies
        ally_reward, enemy_reward = (
            self.damage_weight * hurt.mean() + self.won_battle_bonus * won.astype(jnp.float32)
            for hurt, won in ((wounds[n:], ally_won), (wounds[:n], enemy_won))
        )
        if self.self_play:
            ally_reward -= enemy_reward
            enemy_reward = -ally_reward
        is_ally = np.arange(self.num_agents) < n
        info = {
            "alive": alive[: self.num_agents],
            "won": jnp.where(is_ally, ally_won, enemy_won),
            "ally_health": health[:n].mean(),
            "enemy_health": health[n:].mean(),
            "allies_alive": alive[:n].sum(dtype=jnp.int32),
            "enemies_alive": alive[n:].sum(dtype=jnp.int32),
        }
        reward = jnp.where(is_ally, ally_reward, enemy_reward)
        return Transition(new, reward, ~(allies & enemies), info)

    # What is seen -----------------------------------------------------------------------------

    def _acting(self, state: SmaxState) -> Bool[Array, " agents"]:
        return jnp.asarray(state.health)[: self.num_agents] > 0

    def _action_mask(self, state: SmaxState) -> Bool[Array, "agents actions"]:
        if self.action_type == "continuous":
            return super()._action_mask(state)
        n, agents = self.num_allies, self.num_agents
        x, y = jnp.asarray(state.position).T
        alive = jnp.asarray(state.health) > 0
        reach = by_type(ATTACK_RANGE**2, self._unit_type(state))

        def of_team(own: slice, others: slice) -> Array:
            """Rows of a team; its opponents in the order in which it numbers them."""
            dx, dy = x[others] - x[own, None], y[others] - y[own, None]
            attacks = (dx * dx + dy * dy < reach[own, None]) & alive[others]
            spare = self.num_actions - NUM_MOVES - attacks.shape[1]
            moves = jnp.ones((len(attacks), NUM_MOVES), bool)
            return jnp.concatenate([moves, jnp.pad(attacks, ((0, 0), (0, spare)))], axis=1)

        rows = of_team(slice(0, n), slice(n, None))
        if agents > n:
            rows = jnp.concatenate([rows, of_team(slice(n, None), slice(n - 1, None, -1))])
        return rows

    def _unit_type(self, state: SmaxState) -> Any:
        """The units' types; a constant, which makes faster programs, where the scenario says."""
        return state.unit_type if self._types is None else np.array(self._types, np.uint8)

    def _last_attack(self, state: SmaxState) -> Int32[Array, " units"]:
        last = jnp.asarray(state.last_action).astype(jnp.int32)
        return jnp.where(last >= NUM_MOVES, last, 0)

    def _observation(self, state: SmaxState) -> Float32[Array, "agents features"]:
        moved = state.last_movement
        see = conic.conic if self.observation_type == "conic" else observation.unit_list
        return see(
            state.position,
            state.health,
            self._unit_type(state),
            state.cooldown,
            directions(state.last_action) if moved is None else moved,
            self._last_attack(state),
            num_allies=self.num_allies,
            observers=self.num_agents,
            see_enemy_actions=self.see_enemy_actions,
        )

    def world_state(self, state: SmaxState) -> Float32[Array, " state_size"]:
        """The whole battle, for a centralised critic, as JaxMARL lays it out.

        Ten features of each unit (health from 0 to 1, x, y in map units, cooldown in seconds, type
        one-hot), zeros of the dead; then each unit's team (0 or 1); then each unit's type.
        """
        return observation.whole_battle(
            state.position,
            state.health,
            state.unit_type,
            state.cooldown,
            num_allies=self.num_allies,
        )


def uniform(bits: UInt32[Array, " n"]) -> Float32[Array, " n"]:
    """Uniform in [0, 1), in steps of 2⁻²⁴."""
    return (bits >> 8).astype(jnp.float32) * np.float32(2**-24)


def directions(action: AnyArray) -> Float32[Array, "units 2"]:
    """The direction of a discrete action; zeros of a stop or attack."""
    x = (action == RIGHT).astype(jnp.float32) - (action == LEFT).astype(jnp.float32)
    y = (action == UP).astype(jnp.float32) - (action == DOWN).astype(jnp.float32)
    return jnp.stack([x, y], axis=-1)


# What the constructor accepts --------------------------------------------------------------------


def _checked_scenario(scenario: Any) -> Scenario:
    if isinstance(scenario, str):
        if scenario not in SCENARIOS:
            raise UnknownName("SMAX scenario", scenario, SCENARIOS)
        return SCENARIOS[scenario]
    require(
        isinstance(scenario, Scenario),
        f"scenario is {scenario!r}; accepted are a name, of {', '.join(SCENARIOS)}, or a Scenario",
    )
    for team, types in (("allies", scenario.allies), ("enemies", scenario.enemies)):
        require(
            1 <= len(types) <= MAX_TEAM,
            f"scenario has {len(types)} {team}; accepted are from 1 to {MAX_TEAM}",
        )
        require(
            all(_checks.is_whole(t) and 0 <= t < NUM_TYPES for t in types),
            f"{team} of the scenario are {types!r}; accepted are types from 0 to {NUM_TYPES - 1}",
        )
    return scenario
