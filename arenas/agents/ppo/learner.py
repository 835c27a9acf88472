"""The compiled part of training: rollouts, advantages and updates in one program."""

from __future__ import annotations

from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array

from arenas.agents.ppo import losses, networks
from arenas.agents.ppo.config import Algorithm, Config
from arenas.env import Env, struct
from arenas.errors import BadArgument
from arenas.rollout import VectorEnv


@struct
class Learning:
    """Everything that training goes on from."""

    params: Any  # of policy and own value; and of the central critic, or None
    optimizer: Any
    envs: Any  # VectorState
    view: Any  # (observation, action_mask, acting), what is decided on next
    fresh: Array  # bool [N], that is the first of an episode
    memory: Any  # hidden states [N·A, H] of policy and critic
    returns: Array  # float32 [N, A], of the episodes in progress
    key: Array
    update: Array  # int32 [], updates made


class Learner:
    """PPO in which all seats learn with shared parameters.

    ``ippo``: a seat's value is of what it observes. ``mappo``: a network of its own values what
    all seats observe together, and which seat it is. A rollout's arrays are ``[T, M, ...]`` with
    ``M = N·A`` seats of all environments.

    Args:
        env: the environment, with discrete actions.
        config: hyper-parameters.
        algorithm: what the critic sees.

    Raises:
        BadArgument: it runs on the host only, or has no discrete actions; minibatches that do
            not divide what they split.
    """

    def __init__(self, env: Env[Any], config: Config, algorithm: Algorithm = "ippo") -> None:
        if not isinstance(env, Env):
            raise BadArgument(f"{env!r} runs on the host only; training needs one that runs in JAX")
        if not isinstance(env.action_space, gymnasium.spaces.Discrete):
            raise BadArgument(f"actions are {env.action_space}; training accepts discrete ones")
        self.env, self.config, self.central = env, config, algorithm == "mappo"
        self.vector = VectorEnv(env, config.num_envs)
        self.seats = config.num_envs * env.num_agents
        spec = env.spec
        self.turn_based = (
            spec.turn_based if spec else type(env.unwrapped)._acting is not Env._acting
        )
        self.spec = networks.Spec(
            leaves=networks.describe(env.observation_space),
            actions=env.num_actions,
            kind=config.network,
            hidden=config.hidden,
            layers=config.layers,
            head=config.head,
            channels=config.channels,
            value=not self.central,
        )
        self.graph = networks.structure(self.spec)
        self.critic_spec = networks.Spec(
            leaves=(networks.Leaf("", (self._central_size(),)),),
            actions=0,
            kind="gru" if self.spec.recurrent else "mlp",
            hidden=config.hidden,
            layers=max(1, config.layers),
            head=config.head,
            channels=config.channels,
        )
        self.critic_graph = networks.structure(self.critic_spec) if self.central else None
        split = self.seats if self.spec.recurrent else self.seats * config.rollout
        if split % config.minibatches:
            what = "sequences (num_envs × seats)" if self.spec.recurrent else "decisions"
            raise BadArgument(f"{split} {what} do not divide into {config.minibatches} minibatches")
        self.optimizer = optax.chain(
            optax.clip_by_global_norm(config.max_grad_norm),
            optax.scale_by_adam(eps=config.adam_eps),
        )
        self.run = jax.jit(self._run, static_argnums=1)

    # Networks -----------------------------------------------------------------------------------

    def _central_size(self) -> int:
        return self.env.num_agents * (1 + sum(leaf.size for leaf in self.spec.leaves))

    def _critic_input(self, observation: Any) -> Array:
        """What all seats observe, and which seat it is: ``[T, M, F]`` of arrays ``[T, M, ...]``."""
        agents = self.env.num_agents
        flat = []
        for leaf, x in zip(self.spec.leaves, jax.tree.leaves(observation), strict=True):
            x = jax.nn.one_hot(x, leaf.classes) if leaf.classes else x * jnp.float32(leaf.scale)
            flat.append(x.reshape(*x.shape[:1], -1, agents * leaf.size))
        together = jnp.repeat(jnp.concatenate(flat, -1), agents, axis=1)
        which = jnp.tile(jnp.eye(agents), (together.shape[1] // agents, 1))
        which = jnp.broadcast_to(which, (*together.shape[:2], agents))
        return jnp.concatenate([together, which], -1)

    def _evaluate(
        self, params: Any, observation: Any, central: Any, memory: Any, fresh: Any, acting: Any
    ) -> tuple[Any, Array, Array]:
        own, critic = memory
        own, answers = networks.apply(self.graph, params["policy"], observation, own, fresh, acting)
        if not self.central:
            return (own, critic), answers["logits"], answers["value"]
        critic, values = networks.apply(
            self.critic_graph, params["critic"], central, critic, fresh, acting
        )
        return (own, critic), answers["logits"], values["value"]

    def _step_networks(self, params: Any, observation: Any, memory: Any, fresh: Any, acting: Any):
        """Memory, logits ``[M, K]`` and values ``[M]`` of one step, from arrays ``[M, ...]``."""
        one = jax.tree.map(lambda x: x[None], (observation, fresh, acting))
        central = self._critic_input(one[0]) if self.central else None
        memory, logits, value = self._evaluate(params, one[0], central, memory, one[1], one[2])
        return memory, logits[0], value[0]

    # Training -----------------------------------------------------------------------------------

    def init(self, key: Any) -> Learning:
        """The state before the first update."""
        policy_key, critic_key, env_key, key = jax.random.split(key, 4)
        params = {"policy": networks.build(self.spec, policy_key)[1]}
        if self.central:
            params["critic"] = networks.build(self.critic_spec, critic_key)[1]
        envs, timestep = self.vector.reset(env_key)
        hidden = self.config.hidden if self.spec.recurrent else 0
        memory = jnp.zeros((self.seats, hidden))
        return Learning(
            params=params,
            optimizer=self.optimizer.init(params),
            envs=envs,
            view=(timestep.observation, timestep.action_mask, timestep.acting),
            fresh=jnp.ones(self.config.num_envs, bool),
            memory=(memory, memory if self.central else jnp.zeros((self.seats, 0))),
            returns=jnp.zeros((self.config.num_envs, self.env.num_agents)),
            key=key,
            update=jnp.zeros((), jnp.int32),
        )

    def _run(self, state: Learning, updates: int) -> tuple[Learning, dict[str, Array]]:
        """So many updates; the metrics of each, ``[updates]``."""
        return jax.lax.scan(lambda s, _: self._update(s), state, None, length=updates)

    def _flat(self, tree: Any) -> Any:
        return jax.tree.map(lambda x: x.reshape(self.seats, *x.shape[2:]), tree)

    def _per_seat(self, x: Any) -> Array:
        return jnp.repeat(x, self.env.num_agents, axis=0)

    def _act(self, carry: Any, _: None) -> tuple[Any, dict[str, Any]]:
        params, envs, view, fresh, memory, returns, key = carry
        key, draw = jax.random.split(key)
        observation, mask, acting = self._flat(view)
        seat_fresh = self._per_seat(fresh)
        memory, logits, value = self._step_networks(params, observation, memory, seat_fresh, acting)
        logits = losses.masked_logits(logits, mask)
        action = jax.random.categorical(draw, logits).astype(jnp.int32)
        envs, timestep = self.vector.step(envs, action.reshape(-1, self.env.num_agents))
        truncated = self._per_seat(timestep.truncated)

        def final_value() -> Array:
            """Of what the step led to, with the memory of the episode that it cut."""
            no, yes = jnp.zeros_like(seat_fresh), jnp.ones_like(seat_fresh)
            seen = self._flat(timestep.final_observation)
            return self._step_networks(params, seen, memory, no, yes)[2]

        final = jax.lax.cond(timestep.truncated.any(), final_value, lambda: jnp.zeros_like(value))
        ended = timestep.terminated | timestep.truncated
        returns = returns + timestep.reward
        kept = {
            "observation": observation,
            "mask": mask,
            "acting": acting,
            "fresh": seat_fresh,
            "action": action,
            "log_probability": losses.log_probability(logits, action),
            "value": value,
            "reward": self._flat(timestep.reward) * self.config.reward_scale,
            "terminated": self._per_seat(timestep.terminated),
            "truncated": truncated,
            "final_value": final,
            "episodes": ended.sum(),
            "returned": jnp.where(ended[:, None], returns, 0.0).sum(0),
            "won": (jnp.where(ended[:, None], timestep.info["won"], False).mean(1).sum())
            if "won" in timestep.info
            else jnp.zeros(()),
        }
        returns = jnp.where(ended[:, None], 0.0, returns)
        view = (timestep.observation, timestep.action_mask, timestep.acting)
        return (params, envs, view, ended, memory, returns, key), kept

    def _update(self, state: Learning) -> tuple[Learning, dict[str, Array]]:
        c = self.config
        carry = (state.params, state.envs, state.view, state.fresh, state.memory)
        carry, kept = jax.lax.scan(
            self._act, (*carry, state.returns, state.key), None, length=c.rollout
        )
        _, envs, view, fresh, memory, returns, key = carry
        observation, _, acting = self._flat(view)
        _, _, last_value = self._step_networks(
            state.params, observation, memory, self._per_seat(fresh), acting
        )
        # A seat that waits was never asked what its observation is worth: no value to trust there.
        worth = losses.advantages(
            kept["reward"],
            kept["value"],
            kept["acting"],
            kept["terminated"],
            kept["truncated"],
            kept["final_value"],
            kept["acting"] & (not self.turn_based),
            last_value,
            acting,
            c.gamma,
            c.gae_lambda,
        )
        names = ("observation", "mask", "acting", "fresh", "action", "log_probability", "value")
        batch = {n: kept[n] for n in names} | worth._asdict()
        batch["central"] = self._critic_input(kept["observation"]) if self.central else None
        key, shuffle = jax.random.split(key)
        share = state.update / max(1, c.updates)
        scale = -c.lr * (1.0 - share if c.anneal_lr else 1.0)
        last = c.entropy if c.entropy_final < 0 else c.entropy_final
        bonus = c.entropy + (last - c.entropy) * share

        def epoch(carry: Any, key: Any) -> Any:
            return jax.lax.scan(minibatch, carry, self._minibatches(batch, state.memory, key))

        def minibatch(carry: Any, part: Any) -> Any:
            params, optimizer = carry
            slope, parts = jax.grad(self._loss, has_aux=True)(params, *part, bonus)
            step, optimizer = self.optimizer.update(slope, optimizer)
            params = jax.tree.map(lambda p, s: p + scale * s, params, step)
            return (params, optimizer), parts

        keys = jax.random.split(shuffle, c.epochs)
        (params, optimizer), parts = jax.lax.scan(epoch, (state.params, state.optimizer), keys)
        metrics = {n: x.mean() for n, x in parts._asdict().items()}
        episodes = kept["episodes"].sum()
        metrics |= {
            "episodes": episodes,
            "return": kept["returned"].sum(0) / jnp.maximum(episodes, 1),
            "win_rate": kept["won"].sum() / jnp.maximum(episodes, 1),
        }
        state = Learning(
            params=params,
            optimizer=optimizer,
            envs=envs,
            view=view,
            fresh=fresh,
            memory=memory,
            returns=returns,
            key=key,
            update=state.update + 1,
        )
        return state, metrics

    def _minibatches(self, batch: Any, memory: Any, key: Any) -> Any:
        """Whole sequences where the network is recurrent, else single decisions, shuffled."""
        n = self.config.minibatches
        if self.spec.recurrent:
            order = jax.random.permutation(key, self.seats).reshape(n, -1)
            pick = jax.tree.map(lambda x: jnp.moveaxis(x[:, order], 1, 0), batch)
            return pick, jax.tree.map(lambda x: x[order], memory)
        size = self.config.rollout * self.seats
        order = jax.random.permutation(key, size).reshape(n, 1, -1)
        pick = jax.tree.map(lambda x: x.reshape(size, *x.shape[2:])[order], batch)
        return pick, jax.tree.map(lambda x: jnp.zeros((n, size // n, x.shape[1])), memory)

    def _loss(self, params: Any, part: Any, memory: Any, bonus: Any) -> tuple[Array, Any]:
        c = self.config
        _, logits, value = self._evaluate(
            params, part["observation"], part["central"], memory, part["fresh"], part["acting"]
        )
        advantage, weight = part["advantage"], part["weight"]
        parts = losses.ppo(
            losses.masked_logits(logits, part["mask"]),
            value,
            part["action"],
            part["log_probability"],
            part["value"],
            losses.normalized(advantage, weight) if c.normalize else advantage,
            part["target"],
            weight,
            c.clip,
            clip_value=c.clip_value,
        )
        return parts.policy + c.value * parts.value - bonus * parts.entropy, parts
