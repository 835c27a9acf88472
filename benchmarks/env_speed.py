"""Environment steps a second, against JaxMARL in the same process.

    python benchmarks/env_speed.py --envs jaxmarl/MPE_simple_spread_v3 --num-envs 64 1024

Every side does the same work: random legal actions drawn from the masks, one step of every copy,
the observations and masks of all agents, and a new episode where one ended. What differs is who
steps the batch and how it restarts. An environment of JaxMARL is stepped by
``arenas.VectorEnv`` through our adapter, and by ``vmap`` of JaxMARL's own ``step``. One of ours is
stepped by ``arenas.VectorEnv``; by ``vmap`` of ``step`` of ``api="jaxmarl"``, which shows what the
adapter costs (one float32 vector for each agent, above all); and by the ``step`` that JaxMARL's
base class would give it, which starts an episode for every copy at every step and keeps it by a
select. Hanabi and SMAX are stepped by ``arenas.VectorEnv`` and, in JaxMARL's own version of the
same game, by ``vmap`` of JaxMARL's ``step``.

The sides take turns in one process. A run is ``--steps`` steps in one compiled scan that goes on
from where the last run ended; compile time is apart. Reported are medians over ``--repeats`` turns
of at least ``--seconds``, and their ratio.
"""

from __future__ import annotations

import dataclasses
import functools
import statistics
import time
from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple

import gymnasium
import jax
import jax.numpy as jnp
import rich.console
import rich.table
import tyro
from timing import command, in_turns, machine, print_json, table

import arenas
from arenas.interop.jaxmarl import JaxmarlEnv, import_jaxmarl

ENVS = (
    "colorgrid-v0",
    "rrps-v0",
    "hanabi-v0",
    "hanabi-v0,players=5",
    "smax-3m-selfplay-v0",
    "smax-2s3z-selfplay-v0",
    "smax-smacv2_10_units-selfplay-v0",
    "smax-27m_vs_30m-selfplay-v0",
    "smax-2s3z-v0",
    "jaxmarl/MPE_simple_spread_v3",
    "jaxmarl/SMAX,scenario=3m",
    "jaxmarl/hanabi",
    "jaxmarl/overcooked",
)


@dataclasses.dataclass
class Result:
    """One side of one comparison.

    Attributes:
        env: the environment's id.
        num_envs: copies in the batch.
        side: who steps them.
        steps_per_second: median; a step of one copy, with all its agents, is one step.
        lowest: of the repeats.
        highest: of the repeats.
        compile_seconds: until the first run was back.
        state_bytes: of one copy's state.
        ratio: median of the first side, Arenas' own, over this one's: above 1, Arenas is faster.
    """

    env: str
    num_envs: int
    side: str
    steps_per_second: float
    lowest: float
    highest: float
    compile_seconds: float
    state_bytes: int
    ratio: float


class Side(NamedTuple):
    """Who steps the batch.

    A carry holds the state and all that a learner reads, so that none of it can be left out of the
    program.
    """

    reset: Callable[[Any], Any]  # from a key to a carry
    step: Callable[[Any, Any], Any]  # from a carry and a key to the next carry
    state: Callable[[Any], Any]  # from a carry to the environments' state


def draw(env: Any, mask: Any, key: Any) -> Any:
    """Random legal actions ``[N, A]`` (``Box``: ``[N, A, K]``) for masks ``[N, A, K]``."""
    space = env.action_space
    if isinstance(space, gymnasium.spaces.Box):
        low, high = jnp.asarray(space.low), jnp.asarray(space.high)
        return jax.random.uniform(key, mask.shape, space.dtype, low, high)
    count = jnp.cumsum(mask, axis=-1, dtype=jnp.int32)
    chosen = jax.random.randint(key, mask.shape[:-1], 0, count[..., -1])
    return jnp.argmax(count > chosen[..., None], axis=-1).astype(jnp.int32)


def vector_env(env: arenas.Env[Any], num_envs: int) -> Side:
    """``arenas.VectorEnv``."""
    envs = arenas.VectorEnv(env, num_envs)

    def step(carry: Any, key: Any) -> Any:
        state, timestep = carry
        return envs.step(state, draw(env, timestep.action_mask, key))

    return Side(envs.reset, step, lambda carry: carry[0].env)


def vmapped(
    env: arenas.Env[Any],
    peer: Any,
    num_envs: int,
    *,
    masks: Callable[[Any], Any] | None,
    step_peer: Callable[..., Any],
) -> Side:
    """``vmap`` of the ``step`` of a JaxMARL environment; ``env`` says what its actions are."""
    agents = list(peer.agents)
    everything = jnp.asarray(env.unwrapped._own if isinstance(env, JaxmarlEnv) else True)

    def mask(state: Any) -> Any:
        if masks is None:
            return jnp.broadcast_to(everything, (num_envs, env.num_agents, env.num_actions))
        legal = jax.vmap(masks)(state)
        rows = [
            jnp.pad(x, [(0, 0), (0, env.num_actions - x.shape[1])])
            for x in (legal[a].astype(bool) for a in agents)
        ]
        return jnp.stack(rows, axis=1)

    def reset(key: Any) -> Any:
        observation, state = jax.vmap(peer.reset)(jax.random.split(key, num_envs))
        out = jax.eval_shape(
            jax.vmap(step_peer),
            jax.random.split(key, num_envs),
            state,
            by_agent(draw(env, mask(state), key)),
        )
        rest = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), out[2:])
        state = jax.tree.map(lambda x, s: x.astype(s.dtype), state, out[1])
        observation = jax.tree.map(lambda x, s: x.astype(s.dtype), observation, out[0])
        return observation, state, mask(state), rest

    def by_agent(actions: Any) -> Any:
        if not env.action_shape:
            return {a: actions[:, i] for i, a in enumerate(agents)}
        sizes = [peer.action_space(a).shape[0] for a in agents]
        return {a: actions[:, i, :n] for i, (a, n) in enumerate(zip(agents, sizes, strict=True))}

    def step(carry: Any, key: Any) -> Any:
        _, state, legal, _ = carry
        key, key_draw = jax.random.split(key)
        actions = by_agent(draw(env, legal, key_draw))
        keys = jax.random.split(key, num_envs)
        observation, state, *rest = jax.vmap(step_peer)(keys, state, actions)
        return observation, state, mask(state), tuple(rest)

    return Side(reset, step, lambda carry: carry[1])


def own_version(env: arenas.Env[Any]) -> tuple[Any, Callable[[Any], Any]] | None:
    """JaxMARL's own environment of the same game, and its legal moves, where it has one."""
    game: Any = env.unwrapped
    make = import_jaxmarl().make
    if type(game).__name__ == "Hanabi":
        peer = make("hanabi", num_agents=game.num_agents)
        return (peer, peer.get_legal_moves) if peer.num_moves == env.num_actions else None
    if type(game).__name__ == "Smax":
        from jaxmarl.environments.smax import map_name_to_scenario

        from arenas.envs.smax.scenarios import SCENARIOS

        scenario = next(n for n, s in SCENARIOS.items() if s == game.scenario)
        name = "SMAX" if game.self_play else "HeuristicEnemySMAX"
        peer = make(
            name,
            scenario=map_name_to_scenario(scenario),
            action_type=game.action_type,
            observation_type=game.observation_type,
        )
        return peer, peer.get_avail_actions
    return None


def sides(id: str, num_envs: int, against: str) -> dict[str, Side]:
    """The sides that step this environment, Arenas' own first."""
    env = arenas.make(id)
    if not isinstance(env, arenas.Env):
        raise SystemExit(f"{id!r} runs on the host only")
    found = {"arenas.VectorEnv": vector_env(env, num_envs)}
    if against == "none":
        return found
    if isinstance(env, JaxmarlEnv):
        peer = env.original
        own_masks = env._legal_moves  # JaxMARL's own function, where it has one
        found["jaxmarl vmap(step)"] = vmapped(
            env, peer, num_envs, masks=own_masks, step_peer=peer.step
        )
        return found
    if (own := own_version(env)) is not None:
        peer, masks = own
        found["jaxmarl vmap(step)"] = vmapped(env, peer, num_envs, masks=masks, step_peer=peer.step)
        return found
    from jaxmarl.environments.multi_agent_env import MultiAgentEnv

    peer = arenas.make(id, api="jaxmarl")
    common = {"masks": peer.get_avail_actions}
    found['api="jaxmarl" vmap(step)'] = vmapped(env, peer, num_envs, step_peer=peer.step, **common)
    select = functools.partial(MultiAgentEnv.step, peer)
    found["MultiAgentEnv.step"] = vmapped(env, peer, num_envs, step_peer=select, **common)
    return found


def compiled(side: Side, steps: int, num_envs: int) -> tuple[Callable[[], Any], float, int]:
    """A run of ``steps`` steps that goes on from the last, and what it took.

    Returns:
        The run; seconds until the first one was back; bytes of one copy's state.
    """
    reset, step, state = side
    start = time.perf_counter()

    @functools.partial(jax.jit, donate_argnums=0)
    def scan(carry: Any, key: Any) -> Any:
        key, key_scan = jax.random.split(key)
        keys = jax.random.split(key_scan, steps)
        return jax.lax.scan(lambda c, k: (step(c, k), None), carry, keys)[0], key

    def fresh(x: Any) -> Any:  # no two leaves may share a buffer that is given away
        return jnp.array(x, copy=True)

    held = [jax.tree.map(fresh, jax.jit(reset)(jax.random.key(0))), jax.random.key(1)]

    def run() -> None:
        held[0], held[1] = jax.block_until_ready(scan(held[0], held[1]))

    run()
    seconds = time.perf_counter() - start
    run()  # JaxMARL's states may change their weak dtypes once, which compiles again
    return run, seconds, sum(x.nbytes for x in jax.tree.leaves(state(held[0]))) // num_envs


def measure(
    id: str, num_envs: int, against: str, steps: int, repeats: int, seconds: float
) -> list[Result]:
    """One environment at one batch size."""
    runs, compile_seconds, state_bytes = {}, {}, {}
    for name, side in sides(id, num_envs, against).items():
        runs[name], compile_seconds[name], state_bytes[name] = compiled(side, steps, num_envs)
    rates = in_turns(runs, repeats, seconds)
    per_second = {n: [r * steps * num_envs for r in rates[n]] for n in rates}
    ours = statistics.median(next(iter(per_second.values())))
    return [
        Result(
            env=id,
            num_envs=num_envs,
            side=name,
            steps_per_second=statistics.median(values),
            lowest=min(values),
            highest=max(values),
            compile_seconds=compile_seconds[name],
            state_bytes=state_bytes[name],
            ratio=ours / statistics.median(values),
        )
        for name, values in per_second.items()
    ]


def main(
    envs: Annotated[tuple[str, ...], tyro.conf.arg(metavar="ID")] = ENVS,
    num_envs: tuple[int, ...] = (64, 1024, 8192),
    against: Literal["jaxmarl", "none"] = "jaxmarl",
    steps: int = 64,
    repeats: int = 7,
    seconds: float = 0.5,
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> None:
    """Environment steps a second, against JaxMARL in the same process.

    Args:
        envs: ids, of any registered environment that runs in JAX.
        num_envs: batch sizes.
        against: whom to compare with; ``none`` measures Arenas alone.
        steps: in one compiled run.
        repeats: turns of each side.
        seconds: least duration of a turn.
        json_: print JSON instead of tables.
    """
    console = rich.console.Console(stderr=json_, width=120)
    console.print(machine())
    results: list[Result] = []
    for id in envs:
        for n in num_envs:
            found = measure(id, n, against, steps, repeats, seconds)
            results += found
            if not json_:
                console.print(shown(found))
                console.file.flush()
    if json_:
        print_json(results)


def shown(results: list[Result]) -> rich.table.Table:
    """The sides of one comparison."""
    title = f"{results[0].env}, {results[0].num_envs} copies"
    numbers = table(title, ("", "steps/s", "lowest", "highest", "compile s", "state B", "arenas ×"))
    for r in results:
        numbers.add_row(
            r.side,
            f"{r.steps_per_second:,.0f}",
            f"{r.lowest:,.0f}",
            f"{r.highest:,.0f}",
            f"{r.compile_seconds:.1f}",
            f"{r.state_bytes:,}",
            f"{r.ratio:.2f}",
        )
    return numbers


if __name__ == "__main__":
    command(main)
