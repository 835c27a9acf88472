"""Finished agents as folders: ``agent.json`` and ``params.safetensors``; nothing is unpickled."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import safetensors
import safetensors.numpy

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
        params: of the network.
        greedy: take the likeliest action; else sample.

    Raises:
        BadArgument: the environment's observations or actions are not those of the network.
    """

    def __init__(self, env: Any, spec: networks.Spec, params: Any, *, greedy: bool = True) -> None:
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
        self._graph = networks.structure(spec)

    def init(self, key: Any, seat: Any) -> Any:
        """The memory of the recurrent cell; empty without one."""
        return jnp.zeros(self.spec.hidden if self.spec.recurrent else 0, jnp.float32)

    def act(self, params: Any, carry: Any, observation: Any, action_mask: Any, key: Any) -> Any:
        """The likeliest legal action, or one drawn from the policy."""
        seen = jax.tree.map(lambda x: jnp.asarray(x)[None, None], observation)
        no, yes = jnp.zeros((1, 1), bool), jnp.ones((1, 1), bool)
        carry, answers = networks.apply(self._graph, params, seen, carry[None], no, yes)
        logits = losses.masked_logits(answers["logits"][0, 0], action_mask)
        action = logits.argmax() if self.greedy else jax.random.categorical(key, logits)
        return carry[0], action.astype(jnp.int32)


def save(
    path: str | os.PathLike[str],
    env: Any,
    spec: networks.Spec,
    params: Any,
    *,
    greedy: bool,
    training: dict[str, Any],
) -> Path:
    """Write an agent's folder.

    Args:
        path: of the folder, made where it is missing.
        env: that it was trained on, made by ``arenas.make``.
        spec: its network.
        params: of the network.
        greedy: how it acts.
        training: where it comes from, for people: JSON values.

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
        spec = networks.Spec.from_json(card["network"])
    except (KeyError, TypeError) as error:
        raise BadFile(f"{folder / CARD} lacks {error}") from error
    own = env.spec.game if env.spec else ""
    if game != own:
        raise BadArgument(f"agent {str(folder)!r} plays {game!r}, not {own!r}")
    expected = jax.eval_shape(lambda: networks.build(spec, jax.random.key(0))[1])
    try:
        flat = safetensors.numpy.load((folder / PARAMS).read_bytes())
    except (OSError, safetensors.SafetensorError, ValueError, KeyError) as error:
        raise BadFile(f"{folder / PARAMS} is damaged or missing: {error}") from error

    def param(where: Any, shape: Any) -> Any:
        name = jax.tree_util.keystr(where)
        given = flat.get(name)
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
    return LearnedAgent(env, spec, params, greedy=default if greedy is None else greedy)


def _leaves(tree: Any) -> list[Any]:
    return jax.tree_util.tree_leaves_with_path(tree)
