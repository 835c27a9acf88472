"""The compiled part of training: rollouts, advantages and updates in one program."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import PartitionSpec
from jaxtyping import Array

from arenas.agent import DeviceAgent
from arenas.agents.ppo import losses, networks, spread
from arenas.agents.ppo.config import Algorithm, Config
from arenas.agents.ppo.games import Games, Playing, Seating
from arenas.env import AnyArray, Env, struct
from arenas.errors import BadArgument, UnknownName

SEEDS = "seeds"
"""Name of the axis of seeds that are trained at once."""


@struct
class Group:
    """What the seats with the same parameters go on from. ``M`` seats of all copies."""

    params: Any  # of policy and own value; and of the central critic, with mappo
    optimizer: Any
    memory: Any  # hidden states [M, H] of policy and critic


@struct
class Learning:
    """Everything that training goes on from."""

    groups: tuple[Group, ...]
    playing: Playing
    key: Array
    update: Array  # int32 [], updates made


class Learner:
    """PPO for every seat that learns.

    ``ippo``: a seat's value is of what it observes. ``mappo``: a network of its own values what
    all seats observe together, or the world state, and which seat it is. A rollout's arrays are
    ``[T, M, ...]`` with ``M`` the seats of a group in all copies of the environment.

    Args:
        env: the environment, with discrete actions.
        config: hyper-parameters.
        algorithm: what the critic sees.
        opponents: the agents that ``config.opponents`` names.

    Raises:
        BadArgument: the environment runs on the host only, has no discrete actions, or none of
            what the configuration asks for; more minibatches than there is to split, or one that
            the devices cannot divide evenly; fewer devices.
        UnknownName: nothing of this name to predict.
    """

    def __init__(
        self,
        env: Env[Any],
        config: Config,
        algorithm: Algorithm = "ippo",
        opponents: Sequence[DeviceAgent] = (),
    ) -> None:
        if not isinstance(env, Env):
            raise BadArgument(f"{env!r} runs on the host only; training needs one that runs in JAX")
        if not isinstance(env.action_space, gymnasium.spaces.Discrete):
            raise BadArgument(f"actions are {env.action_space}; training accepts discrete ones")
        self.env, self.config, self.central = env, config, algorithm == "mappo"
        self.seating = Seating(
            env,
            config.num_envs,
            opponents,
            self_play=config.self_play,
            sides=config.sides,
            sharing=config.sharing,
        )
        has_state = callable(getattr(env.unwrapped, "world_state", None))
        if self.central and config.critic == "state" and not has_state:
            raise BadArgument(f"{env!r} has no world state; accepted: --critic observations")
        self.state = self.central and has_state and config.critic != "observations"
        classes = self._auxiliary_classes()
        hidden = classes > 0 and config.auxiliary != "opponent"
        self.games = Games(env, self.seating, state=self.state, hidden=hidden)
        spec = env.spec
        self.turn_based = (
            spec.turn_based if spec else type(env.unwrapped)._acting is not Env._acting
        )
        # Then the decisions of a rollout are one seat's of each copy, known where they lie.
        self.turns = bool(
            spec
            and spec.turn_based
            and config.network != "gru"
            and len(self.seating.rows) == 1
            and self.seating.learns.all()
        )
        self.spec = networks.Spec(
            leaves=networks.describe(env.observation_space),
            actions=env.num_actions,
            kind=config.network,
            hidden=config.hidden,
            layers=config.layers,
            head=config.head,
            channels=config.channels,
            stride=config.stride,
            centre=self._centre(),
            window=config.window,
            value=not self.central,
            auxiliary=classes,
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
            stride=config.stride,
        )
        self.critic_graph = networks.structure(self.critic_spec) if self.central else None
        for rows in self.seating.rows:
            seats = config.num_envs if self.turns else len(rows)
            split = seats * (1 if self.spec.recurrent else config.rollout)
            what = "sequences (seats that learn)" if self.spec.recurrent else "decisions"
            if split < config.minibatches:
                raise BadArgument(f"{split} {what} do not fill {config.minibatches} minibatches")
            if split // config.minibatches % config.devices:
                raise BadArgument(
                    f"a minibatch has {split // config.minibatches} {what}, and devices is "
                    f"{config.devices}; accepted is what divides it evenly"
                )
        self.optimizer = optax.chain(
            optax.clip_by_global_norm(config.max_grad_norm),
            optax.scale_by_adam(eps=config.adam_eps),
        )
        self.mesh = spread.mesh(config.devices)
        compiled = functools.partial(jax.jit, static_argnums=2, **spread.options(self.mesh))
        self._program = compiled(self._run)
        self._program_of_seeds = compiled(
            lambda states, updates, room: jax.vmap(
                lambda s: self._run(s, updates, room), axis_name=SEEDS
            )(states)
        )

    # Networks -----------------------------------------------------------------------------------

    def _auxiliary_classes(self) -> int:
        name, env = self.config.auxiliary, self.env
        if not name:
            return 0
        if name == "opponent" and self.seating.opponents:
            return len(self.seating.opponents) + bool(self.config.self_play)
        if name not in env.hidden:
            known = [*env.hidden, *(["opponent"] if self.seating.opponents else [])]
            if not known:
                raise BadArgument(
                    f"auxiliary is {name!r}; this game hides nothing by name, and without "
                    "--opponents there is none to tell"
                )
            raise UnknownName("auxiliary", name, known)
        return env.hidden[name]

    def _centre(self) -> tuple[int, ...]:
        """The configuration's, which has to fit the observation and the groups.

        Raises:
            BadArgument: it does not.
        """
        centre = self.config.centre
        if not centre:
            return ()
        images = [x for x in networks.describe(self.env.observation_space) if x.image]
        groups = len(self.seating.rows)
        planes = images[0].planes if len(images) == 1 else 0
        if not planes or len(centre) != groups or not all(0 <= c < planes for c in centre):
            raise BadArgument(
                f"centre is {centre}; accepted are none, or, where an observation has one image "
                f"(here {len(images)}), {groups} of its planes, one for each group of parameters"
                + (f": integers from 0 to {planes - 1}" if planes else "")
            )
        return centre

    def _central_size(self) -> int:
        agents = self.env.num_agents
        if self.state:
            size = jax.eval_shape(
                lambda key: self.env.unwrapped.world_state(self.env.reset(key)[0]),  # type: ignore[attr-defined]
                jax.random.key(0),
            ).size
            return agents + size
        return agents * (1 + sum(leaf.size for leaf in self.spec.leaves))

    def _critic_input(self, seen: Any, rows: np.ndarray) -> Array | None:
        """What all seats see, and which seat it is: ``[M, F]``; None without a central critic."""
        if not self.central:
            return None
        agents = self.env.num_agents
        if self.state:
            together = seen["state"].reshape(self.seating.copies, -1).astype(jnp.float32)
        else:
            flat = []
            observation = self.games.own(seen)
            for leaf, x in zip(self.spec.leaves, jax.tree.leaves(observation), strict=True):
                x = jax.nn.one_hot(x, leaf.classes) if leaf.classes else x * jnp.float32(leaf.scale)
                flat.append(x.reshape(self.seating.copies, agents * leaf.size))
            together = jnp.concatenate(flat, -1)
        return jnp.concatenate([together[rows // agents], jnp.eye(agents)[rows % agents]], -1)

    def _evaluate(
        self, params: Any, observation: Any, central: Any, memory: Any, fresh: Any, acting: Any
    ) -> tuple[Any, dict[str, Array]]:
        """Memory, and ``logits``, ``value`` and ``auxiliary`` of arrays ``[T, M, ...]``."""
        own, critic = memory
        own, answers = networks.apply(self.graph, params["policy"], observation, own, fresh, acting)
        if self.central:
            critic, values = networks.apply(
                self.critic_graph, params["critic"], central, critic, fresh, acting
            )
            answers |= values
        return (own, critic), answers

    def _step_networks(
        self, params: Any, observation: Any, central: Any, memory: Any, fresh: Any, acting: Any
    ) -> tuple[Any, dict[str, Array]]:
        """:meth:`_evaluate` of one step, of arrays ``[M, ...]``."""
        seen, all_seen, first, turn = jax.tree.map(
            lambda x: x[None], (observation, central, fresh, acting)
        )
        memory, answers = self._evaluate(params, seen, all_seen, memory, first, turn)
        return memory, {n: x[0] for n, x in answers.items()}

    def _rows(self, tree: Any, rows: np.ndarray) -> Any:
        """Entries of these flat seats, of arrays ``[N·A, ...]``."""
        if len(rows) == self.seating.learns.size:
            return tree
        return jax.tree.map(lambda x: x[rows], tree)

    def _per_seat(self, x: AnyArray, rows: np.ndarray) -> Array:
        """``[M]`` for each copy's value, ``[N]``."""
        return self._rows(jnp.repeat(x, self.env.num_agents, axis=0), rows)

    # Training -----------------------------------------------------------------------------------

    def init(self, key: Any, start: tuple[Any, ...] | None = None) -> Learning:
        """The state before the first update.

        Args:
            key: of everything that is drawn.
            start: parameters of the policy of each group of seats to begin with; None: fresh ones.
        """
        policy_key, critic_key, env_key, key = jax.random.split(key, 4)
        hidden = self.config.hidden if self.spec.recurrent else 0
        groups = []
        for i, rows in enumerate(self.seating.rows):
            # One seed for the first group, whatever the number of groups.
            keys = [jax.random.fold_in(k, i) if i else k for k in (policy_key, critic_key)]
            policy = start[i] if start else networks.build(self.spec, keys[0], i)[1]
            params = {"policy": policy}
            if self.central:
                params["critic"] = networks.build(self.critic_spec, keys[1])[1]
            memory = jnp.zeros((len(rows), hidden))
            none = jnp.zeros((len(rows), 0))
            groups.append(
                Group(
                    params=params,
                    optimizer=self.optimizer.init(params),
                    memory=(memory, memory if self.central else none),
                )
            )
        return Learning(
            groups=tuple(groups),
            playing=self.games.start(env_key),
            key=key,
            update=jnp.zeros((), jnp.int32),
        )

    def run(
        self, state: Learning, updates: int, *, room: int | None = None, seeds: bool = False
    ) -> tuple[Learning, dict[str, np.ndarray]]:
        """So many updates in one call, and the metrics of each.

        Args:
            state: from :meth:`init` or this; with ``seeds``, several of them, stacked.
            updates: how many, at most ``room``.
            room: room for metrics; a program is compiled for each number.
            seeds: whether all arrays have a leading axis of seeds.

        Returns:
            The state afterwards; metrics ``[updates, ...]``, with ``seeds`` ``[S, updates, ...]``:
            ``policy``, ``value``, ``entropy``, ``kl`` and ``clipped`` as :class:`losses.Losses`,
            ``auxiliary`` and ``auxiliary_accuracy`` where asked for; of the ``episodes`` that
            ended: mean ``return`` of each seat where a learner held it, ``[A]``, ``length``,
            ``win_rate``, and, by opponent, ``return_against`` and ``win_rate_against``, ``[P]``;
            NaN where there are none.
        """
        room = updates if room is None else room
        program = self._program_of_seeds if seeds else self._program
        state = self._laid(state, jax.device_put, axis=int(seeds))
        state, metrics = program(state, jnp.int32(updates), room)
        metrics = jax.device_get(metrics)
        return state, {n: x[:, :updates] if seeds else x[:updates] for n, x in metrics.items()}

    def _laid(self, state: Learning, put: Callable[..., Any], axis: int = 0) -> Learning:
        """A state whose arrays lie on the devices where they belong.

        Args:
            state: arrays.
            put: ``jax.device_put``, or inside a program ``jax.lax.with_sharding_constraint``.
            axis: that of the copies; 1 where there is one of seeds before it.
        """
        mesh = self.mesh
        if mesh is None:
            return state

        def at(tree: Any, length: int = 0) -> Any:
            """Divided where an axis has this length, else on all devices."""
            return jax.tree.map(lambda x: put(x, spread.over(mesh, x, length, axis)), tree)

        groups = tuple(
            Group(
                params=at(group.params),
                optimizer=at(group.optimizer),
                memory=at(group.memory, len(rows)),
            )
            for group, rows in zip(state.groups, self.seating.rows, strict=True)
        )
        opponents = at(state.playing.params)
        playing = at(dataclasses.replace(state.playing, params=()), self.seating.copies)
        return Learning(
            groups=groups,
            playing=dataclasses.replace(playing, params=opponents),
            key=at(state.key),
            update=at(state.update),
        )

    def _run(self, state: Learning, updates: Any, room: int) -> tuple[Learning, dict[str, Array]]:
        shapes = jax.eval_shape(self._update, state)[1]
        rows = jax.tree.map(lambda s: jnp.full((room, *s.shape), jnp.nan, s.dtype), shapes)

        def one(i: Any, carry: Any) -> Any:
            state, rows = carry
            state, row = self._update(state)
            state = self._laid(state, jax.lax.with_sharding_constraint)
            return state, jax.tree.map(lambda all, new: all.at[i].set(new), rows, row)

        return jax.lax.fori_loop(0, updates, one, (state, rows))

    def _act(self, carry: Any, _: None) -> tuple[Any, Any]:
        params, memories, playing, key = carry
        key, draw, others = jax.random.split(key, 3)
        seen, mask = playing.seen, playing.mask.reshape(-1, self.env.num_actions)
        view = (self.games.own(seen), mask, playing.acting.reshape(-1))
        decided, actions, new = [], [], []
        for i, rows in enumerate(self.seating.rows):
            observation, mask, acting = self._rows(view, rows)
            fresh = self._per_seat(playing.fresh, rows)
            central = self._critic_input(seen, rows)
            memory, answers = self._step_networks(
                params[i], observation, central, memories[i], fresh, acting
            )
            logits = losses.masked_logits(answers["logits"], mask)
            drawn = jax.random.fold_in(draw, i) if i else draw
            action = jax.random.categorical(drawn, logits).astype(jnp.int32)
            actions.append(action)
            new.append(memory)
            decided.append(
                {
                    "observation": observation,
                    "central": central,
                    "mask": mask,
                    "acting": acting,
                    "fresh": fresh,
                    "action": action,
                    "log_probability": losses.log_probability(logits, action),
                    "value": answers["value"],
                    "truth": self._truth(seen, rows),
                }
            )
        playing, timestep, returns, length = self.games.step(playing, actions, others)

        def final_values() -> list[Array]:
            """Of what the step led to, with the memory of the episode that it cut."""
            values = []
            final = timestep.final_observation
            own = self.games.own(final)
            for i, rows in enumerate(self.seating.rows):
                yes = jnp.ones(len(rows), bool)
                central = self._critic_input(final, rows)
                _, answers = self._step_networks(
                    params[i], self._rows(own, rows), central, new[i], ~yes, yes
                )
                values.append(answers["value"])
            return values

        zeros = [jnp.zeros(len(rows)) for rows in self.seating.rows]
        finals = jax.lax.cond(
            _of_any_seed(jnp.any(timestep.truncated)), final_values, lambda: zeros
        )
        for i, rows in enumerate(self.seating.rows):
            decided[i] |= {
                "reward": self._rows(timestep.reward.reshape(-1), rows) * self.config.reward_scale,
                "terminated": self._per_seat(timestep.terminated, rows),
                "truncated": self._per_seat(timestep.truncated, rows),
                "final_value": finals[i],
            }
        counts = self._counts(timestep, returns, length)
        return (params, tuple(new), playing, key), (tuple(decided), counts)

    def _truth(self, seen: Any, rows: np.ndarray) -> Array | None:
        """The class that the auxiliary head should name, ``[M]``."""
        name = self.config.auxiliary
        if not name:
            return None
        of = seen["hidden"][name] if name in self.env.hidden else self.seating.opponent_of
        return self._per_seat(jnp.asarray(of, jnp.int32), rows)

    def _counts(self, timestep: Any, returns: Array, length: Array) -> dict[str, Array]:
        """Sums over the episodes that ended in this step."""
        seating = self.seating
        ended = timestep.terminated | timestep.truncated
        learns = jnp.asarray(seating.learns) & ended[:, None]
        mine, won = self.games.outcome(timestep, returns)
        which = jnp.asarray(seating.opponent_of[:, None] == np.arange(len(seating.opponents)))
        met = which & ended[:, None]
        return {
            "episodes": ended.sum(),
            "length": jnp.where(ended, length, 0).sum(),
            "seats": learns.sum(0),
            "returned": jnp.where(learns, returns, 0.0).sum(0),
            "judged": (ended & ~jnp.isnan(won)).sum(),
            "won": jnp.where(ended & ~jnp.isnan(won), won, 0.0).sum(),
            "met": met.sum(0),
            "returned_met": jnp.where(met, mine[:, None], 0.0).sum(0),
            "won_met": jnp.where(met, won[:, None], 0.0).sum(0),
        }

    def _update(self, state: Learning) -> tuple[Learning, dict[str, Array]]:
        c = self.config
        params = tuple(g.params for g in state.groups)
        carry = (params, tuple(g.memory for g in state.groups), state.playing, state.key)
        carry, (decided, counts) = jax.lax.scan(self._act, carry, None, length=c.rollout)
        _, memories, playing, key = carry
        key, shuffle = jax.random.split(key)
        groups, parts = [], []
        for i, rows in enumerate(self.seating.rows):
            group, part = self._learn(
                state.groups[i],
                decided[i],
                memories[i],
                playing,
                rows,
                jax.random.fold_in(shuffle, i) if i else shuffle,
                state.update,
            )
            groups.append(group)
            parts.append(part)
        metrics = jax.tree.map(lambda *x: sum(x) / len(x), *parts)
        metrics |= _means(jax.tree.map(lambda x: x.sum(0), counts), bool(self.seating.opponents))
        state = Learning(groups=tuple(groups), playing=playing, key=key, update=state.update + 1)
        return state, metrics

    def _learn(
        self,
        group: Group,
        kept: dict[str, Any],
        memory: Any,
        playing: Playing,
        rows: np.ndarray,
        shuffle: Any,
        update: Array,
    ) -> tuple[Group, dict[str, Array]]:
        """The updates of one group from its rollout."""
        c = self.config
        worth = self._worth(group, kept, memory, playing, rows)
        outcome = ("reward", "terminated", "truncated", "final_value")
        batch = {n: x for n, x in kept.items() if n not in outcome} | worth._asdict()
        if self.turns:
            batch = self._of_turns(batch)
        share = update / max(1, c.updates)
        scale = -c.lr * (1.0 - share if c.anneal_lr else 1.0)
        final = c.entropy if c.entropy_final < 0 else c.entropy_final
        bonus = c.entropy + (final - c.entropy) * share

        def epoch(carry: Any, key: Any) -> Any:
            return jax.lax.scan(minibatch, carry, self._minibatches(batch, group.memory, key))

        def minibatch(carry: Any, part: Any) -> Any:
            params, optimizer = carry
            batch, memory = part
            slope, parts = self._slope(params, batch, memory, bonus)
            step, optimizer = self.optimizer.update(slope, optimizer)
            params = jax.tree.map(lambda p, s: p + scale * s, params, step)
            return (params, optimizer), parts

        keys = jax.random.split(shuffle, c.epochs)
        (params, optimizer), parts = jax.lax.scan(epoch, (group.params, group.optimizer), keys)
        after = Group(params=params, optimizer=optimizer, memory=memory)
        return after, {n: x.mean() for n, x in parts.items()}

    def _worth(
        self, group: Group, kept: dict[str, Any], memory: Any, playing: Playing, rows: np.ndarray
    ) -> losses.Advantages:
        """What the decisions of one group were worth, by its own values."""
        acting = self._rows(playing.acting.reshape(-1), rows)
        _, last = self._step_networks(
            group.params,
            self._rows(self.games.own(playing.seen), rows),
            self._critic_input(playing.seen, rows),
            memory,
            self._per_seat(playing.fresh, rows),
            acting,
        )
        # A seat that waits was never asked what its observation is worth: no value to trust there.
        return losses.advantages(
            kept["reward"],
            kept["value"],
            kept["acting"],
            kept["terminated"],
            kept["truncated"],
            kept["final_value"],
            kept["acting"] & (not self.turn_based),
            last["value"],
            acting,
            self.config.gamma,
            self.config.gae_lambda,
        )

    def _of_turns(self, batch: Any) -> Any:
        """Of arrays ``[T, N·A, ...]``, the rows of whose turn it is, ``[T, N, ...]``.

        The others have no weight in the objective, and would cost as much.
        """
        steps, copies, agents = self.config.rollout, self.seating.copies, self.seating.agents
        turn = batch["acting"].reshape(steps, copies, agents).argmax(-1)
        rows = turn + agents * jnp.arange(copies)

        def pick(x: Array) -> Array:
            return jnp.take_along_axis(x, rows.reshape(steps, copies, *[1] * (x.ndim - 2)), axis=1)

        return jax.tree.map(pick, batch)

    def _minibatches(self, batch: Any, memory: Any, key: Any) -> Any:
        """Whole sequences where the network is recurrent, else single decisions, shuffled.

        What does not fill a minibatch sits out this pass.
        """
        n = self.config.minibatches
        steps, seats = batch["action"].shape
        if self.spec.recurrent:
            order = jax.random.permutation(key, seats)[: seats // n * n].reshape(n, -1)
            pick = jax.tree.map(lambda x: jnp.moveaxis(x[:, order], 1, 0), batch)
            return pick, jax.tree.map(lambda x: x[order], memory)
        size = steps * seats // n
        order = jax.random.permutation(key, steps * seats)[: size * n].reshape(n, 1, -1)
        pick = jax.tree.map(lambda x: x.reshape(steps * seats, *x.shape[2:])[order], batch)
        return pick, jax.tree.map(lambda x: jnp.zeros((n, size, x.shape[1])), memory)

    def _slope(self, params: Any, part: Any, memory: Any, bonus: Any) -> tuple[Any, Any]:
        """The gradient of the objective, and the objective's parts."""
        slope: Any = jax.grad(self._loss, has_aux=True)
        if self.mesh is None:
            return slope(params, part, memory, bonus)
        everywhere, seats = PartitionSpec(), PartitionSpec(spread.DEVICES)
        return jax.shard_map(
            lambda *given: jax.lax.psum(slope(*given), spread.DEVICES),
            mesh=self.mesh,
            in_specs=(everywhere, PartitionSpec(None, spread.DEVICES), seats, everywhere),
            out_specs=everywhere,
            check_vma=False,
        )(params, part, memory, bonus)

    def _loss(self, params: Any, part: Any, memory: Any, bonus: Any) -> tuple[Array, Any]:
        """On several devices, each one's part of it."""
        c, axis = self.config, None if self.mesh is None else spread.DEVICES
        _, answers = self._evaluate(
            params, part["observation"], part["central"], memory, part["fresh"], part["acting"]
        )
        advantage, weight = part["advantage"], part["weight"]
        parts = losses.ppo(
            losses.masked_logits(answers["logits"], part["mask"]),
            answers["value"],
            part["action"],
            part["log_probability"],
            part["value"],
            losses.normalized(advantage, weight, axis) if c.normalize else advantage,
            part["target"],
            weight,
            c.clip,
            clip_value=c.clip_value,
            axis=axis,
        )
        loss = parts.policy + c.value * parts.value - bonus * parts.entropy
        metrics = parts._asdict()
        if c.auxiliary:
            said = losses.prediction(
                answers["auxiliary"], part["truth"], part["acting"] * 1.0, axis
            )
            loss = loss + c.auxiliary_weight * said.loss
            metrics |= {"auxiliary": said.loss, "auxiliary_accuracy": said.accuracy}
        return loss, metrics


def _of_any_seed(here: Array) -> Array:
    """Whether it holds for any of the seeds that are trained at once.

    A condition that differs between seeds would become a choice between two results, for which
    both are computed at every step.
    """
    try:
        return jax.lax.pmax(here.astype(jnp.int32), SEEDS) > 0
    except NameError:  # no such axis: one seed
        return here


def _means(counts: dict[str, Array], opponents: bool) -> dict[str, Array]:
    means = {
        "episodes": counts["episodes"].astype(jnp.float32),
        "length": counts["length"] / counts["episodes"],
        "return": counts["returned"] / counts["seats"],
        "win_rate": counts["won"] / counts["judged"],
    }
    if opponents:
        means["return_against"] = counts["returned_met"] / counts["met"]
        means["win_rate_against"] = counts["won_met"] / counts["met"]
    return means
