"""Registry entries."""

from arenas.registry import AgentSpec, EnvSpec

ENVS: tuple[EnvSpec, ...] = ()
AGENTS: tuple[AgentSpec, ...] = ()
