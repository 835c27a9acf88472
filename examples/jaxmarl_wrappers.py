"""Drive environments of Arenas with JaxMARL's own wrappers.

``LogWrapper`` and ``SMAXLogWrapper`` keep the returns, lengths and wins of episodes, as JaxMARL's
PPO scripts read them; ``CTRolloutManager`` batches environments and adds a global state and
reward, as its Q-learning scripts read them.

    python examples/jaxmarl_wrappers.py --env smax-3m-v0 --envs 64 --steps 200
"""

from __future__ import annotations

import functools
import time
from typing import Any

import jax
import jax.numpy as jnp
import tyro

import arenas
from arenas.interop.jaxmarl import import_jaxmarl

import_jaxmarl()  # JaxMARL prints when it is imported; not so by this
from jaxmarl.wrappers.baselines import CTRolloutManager, LogWrapper, SMAXLogWrapper  # noqa: E402


def last_first(key: Any, mask: Any) -> Any:
    """A legal action at random, the later ones more likely: in SMAX those that shoot."""
    likely = 8.0 * jnp.arange(mask.shape[-1]) / mask.shape[-1]
    return jax.random.categorical(key, jnp.where(mask > 0, likely, -jnp.inf))


def uniform(key: Any, mask: Any) -> Any:
    """A legal action, all equally likely."""
    return jax.random.categorical(key, jnp.where(mask > 0, 0.0, -jnp.inf))


PLAYERS = {"uniform": uniform, "last-first": last_first}


def choose(player: Any, key: Any, masks: dict[str, Any]) -> dict[str, Any]:
    """An action for every agent, from its legal ones."""
    keys = jax.random.split(key, len(masks))
    return {agent: player(k, mask) for k, (agent, mask) in zip(keys, masks.items(), strict=True)}


@functools.partial(jax.jit, static_argnums=(0, 1, 2, 3))
def logged_rollout(env: Any, player: Any, envs: int, steps: int, key: Any) -> dict[str, Any]:
    """``steps`` steps of ``envs`` environments in one program.

    Returns:
        What the wrapper logged, each entry ``[steps, envs, agents]``.
    """

    def step(carry: Any, key: Any) -> Any:
        act_key, step_key = jax.random.split(key)
        masks = jax.vmap(env.get_avail_actions)(carry.env_state)
        actions = choose(player, act_key, masks)
        keys = jax.random.split(step_key, envs)
        _, carry, _, _, info = jax.vmap(env.step)(keys, carry, actions)
        return carry, {n: info[n] for n in info if n.startswith("returned_")}

    first, key = jax.random.split(key)
    _, state = jax.vmap(env.reset)(jax.random.split(first, envs))
    return jax.lax.scan(step, state, jax.random.split(key, steps))[1]


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def managed_rollout(manager: Any, player: Any, steps: int, key: Any) -> tuple[Any, Any, Any]:
    """``steps`` steps of a ``CTRolloutManager``.

    Returns:
        Global states ``[steps, envs, ...]``, global rewards and ends of episodes ``[steps, envs]``.
    """

    def step(state: Any, key: Any) -> Any:
        act_key, step_key = jax.random.split(key)
        masks = manager.get_valid_actions(state)
        seen, state, rewards, dones, _ = manager.batch_step(
            step_key, state, choose(player, act_key, masks)
        )
        return state, (seen["__all__"], rewards["__all__"], dones["__all__"])

    first, key = jax.random.split(key)
    _, state = manager.batch_reset(first)
    return jax.lax.scan(step, state, jax.random.split(key, steps))[1]


def timed(rollout: Any, *arguments: Any) -> tuple[Any, float]:
    """What a rollout returns, and the seconds of its second run: the first one compiles."""
    jax.block_until_ready(rollout(*arguments))
    start = time.perf_counter()
    out = jax.block_until_ready(rollout(*arguments))
    return jax.device_get(out), time.perf_counter() - start


def main(
    env: str = "smax-3m-v0",
    player: str = "last-first",
    envs: int = 64,
    steps: int = 200,
    seed: int = 0,
) -> None:
    """Play environments of Arenas through JaxMARL's wrappers, and show what these report.

    Args:
        env: any that runs in JAX, such as smax-2s3z-v0, hanabi-v0 or colorgrid-v0,size=8.
        player: uniform, or last-first, which prefers later actions: in SMAX it shoots if it can.
        envs: environments that are stepped together.
        steps: of each.
        seed: the same seed shows the same returns.
    """
    if player not in PLAYERS:
        raise SystemExit(f"no player {player!r}; there are {', '.join(PLAYERS)}")
    smax = env.startswith("smax")
    made = arenas.make(env, api="jaxmarl")
    wrapper = SMAXLogWrapper if smax else LogWrapper
    key = jax.random.PRNGKey(seed)

    logged, seconds = timed(logged_rollout, wrapper(made), PLAYERS[player], envs, steps, key)
    ended = logged["returned_episode"].all(-1)
    print(f"{wrapper.__name__} on {env}: {envs} environments, {steps} steps each")
    print(f"  steps per second   {envs * steps / seconds:,.0f}")
    print(f"  episodes ended     {ended.sum()}")
    if ended.any():
        returns = logged["returned_episode_returns"][ended].mean(0)
        print(f"  mean returns       {', '.join(f'{r:.3f}' for r in returns)}")
        print(f"  mean length        {logged['returned_episode_lengths'][ended].mean():.1f}")
    if smax and ended.any():
        print(f"  win rate           {logged['returned_won_episode'][ended].mean():.3f}")

    manager = CTRolloutManager(made, batch_size=envs)
    (states, rewards, dones), seconds = timed(managed_rollout, manager, PLAYERS[player], steps, key)
    print(f"CTRolloutManager on {env}")
    print(f"  steps per second   {envs * steps / seconds:,.0f}")
    print(f"  global state       {states.shape[2:]}, {states.dtype}")
    print(f"  observation        ({manager.obs_size},): padded, with the agent's number")
    print(f"  global reward      {rewards.sum() / envs:.3f} in each environment")
    print(f"  episodes ended     {dones.sum()}")


if __name__ == "__main__":
    tyro.cli(main)
