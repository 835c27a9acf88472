"""The battle: what happens to the units between two decisions, as a function of explicit draws.

Everything random is an argument, so the same draws give the same battle as another implementation.

Inside, units are the first axis and copies of the environment the last: a team has few units, and
vector instructions want long rows. A ``vmap`` around :meth:`Battle.__call__` adds to the last axis.
Pairs are met one unit at a time, against the rows of all, which needs no gather.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float32, Int32, UInt8

from arenas.env import AnyArray
from arenas.envs.smax.scenarios import MAP_SIZE, SUB_STEPS, TIME_STEP
from arenas.envs.smax.units import ATTACK_RANGE, COOLDOWN, DAMAGE, RADIUS, SPEED

T = TypeVar("T")

WRITTEN_OUT = 6
"""Loops over so many units or fewer are written out."""

FAR = 1e6
"""Where the dead are while distances are computed: out of every range, touching nobody."""


class Aftermath(NamedTuple):
    """The units after a battle step."""

    position: AnyArray  # float32 [U, 2]
    health: AnyArray  # float32 [U], from 0
    cooldown: AnyArray  # float32 [U], seconds until the unit can shoot, from 0
    wounds: AnyArray  # float32 [U], health lost to attacks in this step


class Battle:
    """The rules of movement, shooting, walls and collisions, for one scenario.

    In each world step, in this order, all units at once:

    1. Who shoots: a living unit with a target, no cooldown left, whose living target is nearer than
       its attack range. Positions are those before anybody moves.
    2. The living move, by speed × time, and are kept on the map.
    3. Shots take health, the sum for each target, down to 0.
    4. Who shot waits for its type's cooldown plus a deviation; other cooldowns run down to 0.
    5. With ``walls_cause_death``, whoever touches the edge of the map loses all health.
    6. Of each pair of living units that overlap, both are pushed apart by half of the overlap.

    Args:
        types: type of each unit, allies first; None where the units' types differ by episode.
        num_allies: how many units are allies; the others are their enemies.
        num_units: of both teams.
        walls_cause_death: rule 5.
    """

    def __init__(
        self,
        *,
        types: tuple[int, ...] | None,
        num_allies: int,
        num_units: int,
        walls_cause_death: bool,
    ) -> None:
        self.types, self.num_allies, self.num_units = types, num_allies, num_units
        self.walls_cause_death = walls_cause_death
        self._fight, self._part = batch_last(self._fight_rows), batch_last(self._part_rows)

    def __call__(
        self,
        position: Float32[AnyArray, "units 2"],
        health: Float32[AnyArray, " units"],
        cooldown: Float32[AnyArray, " units"],
        unit_type: UInt8[AnyArray, " units"],
        movement: Float32[AnyArray, "units 2"],
        target: Int32[AnyArray, " units"],
        deviation: Float32[AnyArray, "draws units"],
    ) -> Aftermath:
        """The units :data:`scenarios.SUB_STEPS` world steps later.

        Args:
            position: ``(x, y)``, from 0 to :data:`scenarios.MAP_SIZE`.
            health: 0 for the dead.
            cooldown: seconds.
            unit_type: index in :data:`scenarios.UNIT_TYPES`; not read where ``types`` are given.
            movement: direction, in parts of the unit's speed; zeros to stay.
            target: whom to shoot at, as an index into the other team; negative for nobody.
            deviation: seconds added to the cooldown of a shot. One row suffices: the shortest
                cooldown is 7 world steps, so after a shot none of the same unit follows in the same
                8. A row for each world step is accepted too.
        """
        x, y = position[:, 0], position[:, 1]
        out = self._fight(
            x, y, health, cooldown, unit_type, movement[:, 0], movement[:, 1], target, deviation
        )
        x, y, health, cooldown, wounds = out
        return Aftermath(jnp.stack([x, y], axis=-1), health, cooldown, wounds)

    def part(
        self,
        position: Float32[AnyArray, "units 2"],
        unit_type: UInt8[AnyArray, " units"],
    ) -> Float32[Array, "units 2"]:
        """Rule 6 alone, all units living: what a start needs."""
        x, y = self._part(position[:, 0], position[:, 1], unit_type)
        return jnp.stack([x, y], axis=-1)

    # Rows: [units, copies] --------------------------------------------------------------------

    def _stat(self, table: np.ndarray, unit_type: Array) -> Array:
        """A number of each unit's type, ``[U, 1]`` or ``[U, N]``."""
        if self.types is not None:
            return jnp.asarray(table[list(self.types)][:, None])
        return by_type(table, unit_type)

    def _part_rows(self, x: Array, y: Array, unit_type: Array) -> tuple[Array, Array]:
        return push_apart(x, y, self._stat(RADIUS, unit_type))

    def _fight_rows(
        self,
        x: Array,
        y: Array,
        health: Array,
        cooldown: Array,
        unit_type: Array,
        move_x: Array,
        move_y: Array,
        target: Array,
        deviation: Array,
    ) -> tuple[Array, ...]:
        speed = self._stat(SPEED, unit_type) * np.float32(TIME_STEP)
        damage = self._stat(DAMAGE, unit_type)
        reach = self._stat(ATTACK_RANGE**2, unit_type)
        radius = self._stat(RADIUS, unit_type)
        waiting = self._stat(COOLDOWN, unit_type) + deviation  # [draws, U, N]
        move_x, move_y = move_x * speed, move_y * speed
        waiting = jnp.broadcast_to(waiting, (deviation.shape[0], *x.shape))

        def world_step(i: Any, units: tuple[Array, ...]) -> tuple[Array, ...]:
            x, y, health, cooldown, wounds = units
            alive = health > 0
            near_x = jnp.where(alive, x, FAR)
            target_x, target_y = self._of_target(near_x, target), self._of_target(y, target)
            near = (near_x - target_x) ** 2 + (y - target_y) ** 2 < reach
            shoots = near & (cooldown <= 0) & alive
            after = jnp.maximum(health - self._taken(shoots, target, damage), 0.0)
            wounds += health - after

            next_cooldown = waiting[i] if deviation.shape[0] > 1 else waiting[0]
            ready_in = jnp.maximum(cooldown - np.float32(TIME_STEP), 0.0)
            cooldown = jnp.where(shoots, next_cooldown, ready_in)

            x = jnp.where(alive, jnp.clip(x + move_x, 0.0, MAP_SIZE), x)
            y = jnp.where(alive, jnp.clip(y + move_y, 0.0, MAP_SIZE), y)
            if self.walls_cause_death:
                inside = (x > 0) & (x < MAP_SIZE) & (y > 0) & (y < MAP_SIZE)
                after = jnp.where(inside, after, 0.0)
            alive = after > 0
            pushed_x, pushed_y = push_apart(jnp.where(alive, x, FAR), y, radius)
            x, y = jnp.where(alive, pushed_x, x), jnp.where(alive, pushed_y, y)
            return x, y, after, cooldown, wounds

        units = (x, y, health, cooldown, jnp.zeros_like(health))
        return jax.lax.fori_loop(0, SUB_STEPS, world_step, units)

    def _of_target(self, value: Array, target: Array) -> Array:
        """``value`` of the unit that each unit aims at; far off where it aims at nobody."""
        allies, enemies = value[: self.num_allies], value[self.num_allies :]

        def chosen(values: Array, target: Array) -> Array:
            def choose(j: Any, found: Array) -> Array:
                return jnp.where(target == j, values[j], found)

            nobody = jnp.full(target.shape, 2 * FAR, values.dtype)
            return for_each(len(values), choose, nobody)

        return jnp.concatenate(
            [chosen(enemies, target[: self.num_allies]), chosen(allies, target[self.num_allies :])]
        )

    def _taken(self, shoots: Array, target: Array, damage: Array) -> Array:
        """Damage that each unit takes."""
        shot = jnp.where(shoots, target, -1)
        damage = jnp.broadcast_to(damage, shot.shape)

        def taken(shot: Array, damage: Array, size: int) -> Array:
            index = jnp.arange(size, dtype=shot.dtype)[:, None]

            def add(i: Any, total: Array) -> Array:
                return total + jnp.where(shot[i] == index, damage[i], 0.0)

            nothing = jnp.zeros((size, shot.shape[1]), damage.dtype)
            return for_each(len(shot), add, nothing)

        n, size = self.num_allies, self.num_units
        return jnp.concatenate(
            [taken(shot[n:], damage[n:], n), taken(shot[:n], damage[:n], size - n)]
        )


def for_each(count: int, body: Callable[[Any, T], T], start: T) -> T:
    """``body(i, value)`` for each ``i`` from 0 on.

    Written out where there are few, which takes longer to compile; else a loop, each turn of which
    costs some microseconds.
    """
    if count > WRITTEN_OUT:
        return jax.lax.fori_loop(0, count, body, start)
    for i in range(count):
        start = body(i, start)
    return start


def push_apart(x: Array, y: Array, radius: Array) -> tuple[Array, Array]:
    """Positions after each overlapping pair is pushed apart, ``[U, N]``.

    Each of the two goes half of the way to where they would touch.
    """

    def push(j: Any, pushes: tuple[Array, Array]) -> tuple[Array, Array]:
        dx, dy = x - x[j], y - y[j]
        # The small number is JaxMARL's; it keeps two units in one place from a division by 0.
        distance = jnp.sqrt(dx * dx + dy * dy) + np.float32(1e-6)
        overlap = jnp.maximum((radius + radius[j]) / distance - 1.0, 0.0)
        return pushes[0] + dx * overlap, pushes[1] + dy * overlap

    push_x, push_y = for_each(len(x), push, (jnp.zeros_like(x), jnp.zeros_like(y)))
    return x + push_x * 0.5, y + push_y * 0.5


def by_type(table: np.ndarray, unit_type: AnyArray) -> Array:
    """``table[unit_type]`` by comparisons, which vectorise where a gather does not."""
    found = jnp.full(unit_type.shape, table[0], jnp.float32)
    for kind in range(1, len(table)):
        found = jnp.where(unit_type == kind, table[kind], found)
    return found


def batch_last(function: Any) -> Any:
    """``function`` of arrays ``[..., N]``, as one of arrays ``[...]``; ``vmap`` adds to ``N``."""

    @jax.custom_batching.custom_vmap
    def rows(*arrays: Array) -> Any:
        return function(*arrays)

    @rows.def_vmap
    def _(size: int, batched: Any, *arrays: Array) -> Any:
        def merged(x: Array, is_batched: bool) -> Array:
            x = x if is_batched else jnp.broadcast_to(x, (size, *x.shape))
            return jnp.moveaxis(x, 0, -1).reshape(*x.shape[1:-1], -1)

        out = rows(*(merged(x, b) for x, b in zip(arrays, batched, strict=True)))
        parts = jax.tree.map(lambda x: jnp.moveaxis(x.reshape(*x.shape[:-1], -1, size), -1, 0), out)
        return parts, jax.tree.map(lambda _: True, parts)

    @functools.wraps(function)
    def single(*arrays: Any) -> Any:
        out = rows(*(jnp.asarray(x)[..., None] for x in arrays))
        return jax.tree.map(lambda x: x[..., 0], out)

    return single
