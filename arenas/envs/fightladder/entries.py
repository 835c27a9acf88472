"""FightLadder's registry entries."""

from typing import Any

from arenas.registry import AgentSpec, EnvSpec

_PAPER = "Li et al. 2024, FightLadder (ICML; arXiv 2406.02081)"


def _env(id: str, summary: str, horizon: int = 743, **kwargs: Any) -> EnvSpec:
    return EnvSpec(
        id=id,
        entry_point="arenas.envs.fightladder.game:FightLadder",
        game="fightladder",
        summary=summary,
        kwargs=kwargs,
        players=2,
        kind="competitive",
        horizon=horizon,
        paper=_PAPER,
    )


ENVS: tuple[EnvSpec, ...] = (
    _env("fightladder-v0", "One round between two fighters, from numbers."),
    _env("fightladder-match-v0", "The best of three rounds.", horizon=2229, rounds=3),
    _env("fightladder-zerosum-v0", "One round for +1, 0 or -1.", rewards="zero_sum"),
)

AGENTS: tuple[AgentSpec, ...] = ()
