"""Arenas: multi-agent environments, the agents that play them, and evaluators to believe.

Importing this imports neither jax nor any other heavy library; names load when they are used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from arenas import _builtin, registry
from arenas.registry import load_agent, make, make_host, register, register_agent

if TYPE_CHECKING:
    from arenas.agent import Agent, DeviceAgent, HostAgent
    from arenas.env import Env, State, TimeStep, Transition, struct
    from arenas.host import HostEnv
    from arenas.interop.pettingzoo import aec_env, parallel_env
    from arenas.match import play
    from arenas.renderers.html import show
    from arenas.replay import Replay
    from arenas.rollout import VectorEnv

from arenas._version import __version__

_LAZY = {
    "Agent": "arenas.agent",
    "DeviceAgent": "arenas.agent",
    "HostAgent": "arenas.agent",
    "Env": "arenas.env",
    "State": "arenas.env",
    "TimeStep": "arenas.env",
    "Transition": "arenas.env",
    "struct": "arenas.env",
    "HostEnv": "arenas.host",
    "VectorEnv": "arenas.rollout",
    "Replay": "arenas.replay",
    "play": "arenas.match",
    "show": "arenas.renderers.html",
    "parallel_env": "arenas.interop.pettingzoo",
    "aec_env": "arenas.interop.pettingzoo",
}

__all__ = [
    "Agent",
    "DeviceAgent",
    "Env",
    "HostAgent",
    "HostEnv",
    "Replay",
    "State",
    "TimeStep",
    "Transition",
    "VectorEnv",
    "__version__",
    "aec_env",
    "load_agent",
    "make",
    "make_host",
    "parallel_env",
    "play",
    "register",
    "register_agent",
    "registry",
    "show",
    "struct",
]

_builtin.register_all()


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        value = getattr(importlib.import_module(_LAZY[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'arenas' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_LAZY))
