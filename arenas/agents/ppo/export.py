"""Finished agents as folders: ``agent.json`` and ``params.safetensors``; nothing is unpickled."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import safetensors
import safetensors.numpy
from jaxtyping import Array

from arenas._files import make_folder, write_atomically
from arenas._version import __version__
from arenas.agent import DeviceAgent
from arenas.agents.ppo import losses, networks
from arenas.errors import BadArgument, BadFile

FORMAT = 1
CARD, PARAMS = "agent.json", "params.safetensors"


class LearnedAgent(DeviceAgent):
    """A trained policy.

    Args:
        env: what it will play.
        spec: its network.
        params: of the network; where seats have parameters of their own, a tuple of such.
        greedy: take the likeliest action; else sample.
        group_of: for each seat, which of those parameters it plays with.
        training: where it comes from, as its card says.

    Raises:
        BadArgument: the environment's observations, actions or seats are not those it learnt with.
    """

    def __init__(
        self,
        env: Any,
        spec: networks.Spec,
        params: Any,
        *,
        greedy: bool = True,
        group_of: Sequence[int] = (),
        training: Mapping[str, Any] | None = None,
    ) -> None:
        if group_of and len(group_of) != env.num_agents:
            raise BadArgument(
                f"the agent has parameters for {len(group_of)} seats; {env!r} has {env.num_agents}"
            )
        if env.num_actions != spec.actions:
            raise BadArgument(
                f"the agent knows {spec.actions} actions; {env!r} has {env.num_actions}"
            )
        leaves = networks.describe(env.observation_space)
        if leaves != spec.leaves:
            shapes = [
                [f"{x.path or 'observation'} {x.shape}" for x in y] for y in (spec.leaves, leaves)
            ]
            raise BadArgument(
                f"the agent observes {', '.join(shapes[0])}; {env!r} gives {', '.join(shapes[1])}"
            )
        self.spec, self.params, self.greedy = spec, params, greedy
        self.group_of = tuple(group_of)
        self.training = dict(training or {})
        self._graph = networks.structure(spec)

    def init(self, key: Any, seat: Any) -> Any:
        """The memory of the recurrent cell, empty without one; and the seat's group."""
        group = jnp.asarray(self.group_of or (0,), jnp.int32)[seat if self.group_of else 0]
        return jnp.zeros(self.spec.hidden if self.spec.recurrent else 0, jnp.float32), group

    def evaluate(
        self, params: Any, carry: Any, observation: Any, action_mask: Any
    ) -> tuple[Any, Array, Array | None]:
        """The next carry, the logits ``[K]``, and the value where the network has one.

        Illegal actions have a logit of about −∞. The value is the expected return from here on,
        discounted and scaled as in training.
        """
        seen = jax.tree.map(lambda x: jnp.asarray(x)[None, None], observation)
        no, yes = jnp.zeros((1, 1), bool), jnp.ones((1, 1), bool)
        memory, group = carry
        # Every group's network answers, and the seat's own is heard: under vmap, parameters picked
        # by seat would be copied for each, and cost far more than a few networks.
        told = [
            networks.apply(self._graph, own, seen, memory[None], no, yes)
            for own in (params if self.group_of else (params,))
        ]
        mine = jnp.arange(len(told)) == group

        def heard(parts: list[Array]) -> Array:
            own = mine.reshape(-1, *[1] * parts[0].ndim)
            return jnp.where(own, jnp.stack(parts), 0.0).sum(0)

        memory = heard([m[0] for m, _ in told])
        logits = heard([answers["logits"][0, 0] for _, answers in told])
        value = heard([a["value"][0, 0] for _, a in told]) if self.spec.value else None
        return (memory, group), losses.masked_logits(logits, action_mask), value

    def act(self, params: Any, carry: Any, observation: Any, action_mask: Any, key: Any) -> Any:
        """The likeliest legal action, or one drawn from the policy."""
        carry, logits, _ = self.evaluate(params, carry, observation, action_mask)
        action = logits.argmax() if self.greedy else jax.random.categorical(key, logits)
        return carry, action.astype(jnp.int32)

    def probabilities(self, params: Any, carry: Any, observation: Any, action_mask: Any) -> Any:
        """The policy's probabilities; all on the likeliest action of a greedy agent."""
        carry, logits, _ = self.evaluate(params, carry, observation, action_mask)
        if self.greedy:
            return carry, jax.nn.one_hot(logits.argmax(), len(logits))
        return carry, jax.nn.softmax(logits)


def save(
    path: str | os.PathLike[str],
    env: Any,
    spec: networks.Spec,
    params: Any,
    *,
    greedy: bool,
    training: dict[str, Any],
    group_of: Sequence[int] = (),
) -> Path:
    """Write an agent's folder.

    Args:
        path: of the folder, made where it is missing.
        env: that it was trained on, made by ``arenas.make``.
        spec: its network.
        params: of the network, or of the networks of several groups of seats.
        greedy: how it acts.
        training: where it comes from, for people: JSON values.
        group_of: for each seat, which of several parameters it plays with.

    Raises:
        BadArgument: the folder cannot be written.
    """
    folder = make_folder(path)
    flat = {jax.tree_util.keystr(p): np.asarray(x) for p, x in _leaves(params)}
    card = {
        "format": FORMAT,
        "arenas": __version__,
        "environment": {
            "id": env.spec.id if env.spec else "",
            "game": env.spec.game if env.spec else "",
            "arguments": dict(env.kwargs),
        },
        "network": spec.to_json(),
        "greedy": greedy,
        "group_of": list(group_of),
        "training": training,
    }
    write_atomically(folder / PARAMS, safetensors.numpy.save(flat))
    write_atomically(folder / CARD, json.dumps(card, indent=2) + "\n")
    return folder


def load(env: Any, path: str | os.PathLike[str], greedy: bool | None = None) -> LearnedAgent:
    """The agent of a folder, for an environment.

    Args:
        env: what it will play: the game that it was trained on, with the same observations and
            actions.
        path: of the folder.
        greedy: how it acts; as it was exported by default.

    Raises:
        BadFile: the folder holds no agent, or a damaged one, or one of a newer format.
        BadArgument: the agent was trained on another game, observation or set of actions.
    """
    folder = Path(path)
    try:
        card = json.loads((folder / CARD).read_text())
    except (OSError, ValueError) as error:
        raise BadFile(f"{folder / CARD} is not an agent's card: {error}") from error
    found = card.get("format") if isinstance(card, dict) else None
    if found != FORMAT:
        raise BadFile(f"{folder / CARD} has format {found!r}; this version reads {FORMAT}")
    try:
        game, default = card["environment"]["game"], bool(card["greedy"])
        group_of = tuple(int(g) for g in card["group_of"])
        spec = networks.Spec.from_json(card["network"])
    except (KeyError, TypeError, ValueError) as error:
        raise BadFile(f"{folder / CARD} lacks {error}") from error
    if any(not 0 <= g < len(group_of) for g in group_of):
        raise BadFile(
            f"{folder / CARD}: group_of is {list(group_of)}; accepted are its own indices"
        )
    own = env.spec.game if env.spec else ""
    if game != own:
        raise BadArgument(f"agent {str(folder)!r} plays {game!r}, not {own!r}")
    expected = jax.eval_shape(lambda: networks.build(spec, jax.random.key(0))[1])
    if group_of:
        expected = (expected,) * (max(group_of) + 1)
    try:
        flat = safetensors.numpy.load((folder / PARAMS).read_bytes())
    except (OSError, safetensors.SafetensorError, ValueError, KeyError) as error:
        raise BadFile(f"{folder / PARAMS} is damaged or missing: {error}") from error

    def param(where: Any, shape: Any) -> Any:
        name = jax.tree_util.keystr(where)
        given = flat.get(name)
        if given is not None and (given.dtype, shape.dtype) == (np.float16, np.float32):
            given = given.astype(np.float32)  # how the zoo's larger agents are kept
        if given is None or given.shape != shape.shape or given.dtype != shape.dtype:
            what = "missing" if given is None else f"{given.dtype} {given.shape}"
            raise BadFile(
                f"{folder / PARAMS}: {name} is {what}; the network needs {shape.dtype} "
                f"{shape.shape}"
            )
        return jnp.asarray(given)

    params = jax.tree_util.tree_map_with_path(param, expected)
    if len(flat) != len(_leaves(expected)):
        raise BadFile(f"{folder / PARAMS} holds arrays that the network does not have")
    return LearnedAgent(
        env,
        spec,
        params,
        greedy=default if greedy is None else greedy,
        group_of=group_of,
        training=training if isinstance(training := card.get("training"), dict) else None,
    )


def _leaves(tree: Any) -> list[Any]:
    return jax.tree_util.tree_leaves_with_path(tree)
