"""ColorGrid's registry entries."""

from typing import Any

from arenas.registry import AgentSpec, EnvSpec, Kind

_PAPER = "Risukhin et al. 2025, ColorGrid (arXiv 2501.10593)"
_ENV = "arenas.envs.colorgrid.game:ColorGrid"


def _env(id: str, summary: str, kind: Kind = "mixed", players: int = 2, **kwargs: Any) -> EnvSpec:
    return EnvSpec(
        id=id,
        entry_point=_ENV,
        game="colorgrid",
        summary=summary,
        kwargs=kwargs,
        players=players,
        kind=kind,
        horizon=1000,
        paper=_PAPER,
    )


ENVS: tuple[EnvSpec, ...] = (
    _env("colorgrid-v0", "Both see the goal colour, which changes; each earns its own."),
    _env(
        "colorgrid-asymmetric-v0",
        "The goal colour changes, and only the leader sees it.",
        asymmetric=True,
    ),
    _env("colorgrid-stationary-v0", "The goal colour is always red.", stationary=True),
    _env(
        "colorgrid-stationary-asymmetric-v0",
        "The goal colour is always red, and only the leader is told.",
        stationary=True,
        asymmetric=True,
    ),
    _env(
        "colorgrid-hemispheres-v0",
        "The leader keeps to the left half, the follower to the right.",
        hemispheres=True,
    ),
    _env(
        "colorgrid-shared-v0",
        "Each agent earns the sum of both.",
        kind="cooperative",
        rewards="shared",
    ),
    _env(
        "colorgrid-shared-asymmetric-v0",
        "Each agent earns the sum of both, and only the leader sees the goal colour.",
        kind="cooperative",
        rewards="shared",
        asymmetric=True,
    ),
    _env(
        "colorgrid-leader-v0",
        "The leader alone.",
        kind="single-agent",
        players=1,
        leader_only=True,
    ),
)


def _agent(name: str, attribute: str, summary: str) -> AgentSpec:
    return AgentSpec(
        name=f"colorgrid/{name}",
        entry_point=f"arenas.envs.colorgrid.agents:{attribute}",
        game="colorgrid",
        summary=summary,
    )


AGENTS: tuple[AgentSpec, ...] = (
    _agent("astar", "AStar", "Shortest path to the nearest goal block around wrong-coloured ones."),
    _agent("greedy", "Greedy", "Straight to the nearest goal block, through wrong-coloured ones."),
    _agent("inference", "Inference", "A follower that infers the goal from what the leader takes."),
)
