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
    _env("fightladder-pixels-v0", "One round, from pictures.", observation_type="pixels"),
    _env("fightladder-zerosum-v0", "One round for +1, 0 or -1.", rewards="zero_sum"),
    EnvSpec(
        id="fightladder-ladder-v0",
        entry_point="arenas.envs.fightladder.ladder:Ladder",
        game="fightladder",
        summary="One player against the computer: twelve opponents at rising level.",
        players=1,
        kind="single-agent",
        horizon=12 * 2229,
        paper=_PAPER,
    ),
)


def _agent(name: str, summary: str, attribute: str = "Scripted", **kwargs: Any) -> AgentSpec:
    return AgentSpec(
        name=f"fightladder/{name}",
        entry_point=f"arenas.envs.fightladder.agents:{attribute}",
        game="fightladder",
        summary=summary,
        kwargs=kwargs,
    )


_IDEAS = {
    "turtle": "Blocks, and strikes back at who cannot defend itself.",
    "rushdown": "Runs in, strikes and throws, and never blocks.",
    "zoner": "Keeps away: projectiles from afar, the longest limbs nearer.",
    "jumper": "Jumps at the other, and strikes from the air.",
}

AGENTS: tuple[AgentSpec, ...] = (
    *(
        _agent(f"cpu-{n}", f"The computer opponent, level {n} of 8.", style=f"cpu-{n}")
        for n in range(1, 9)
    ),
    *(_agent(name, summary, style=name) for name, summary in _IDEAS.items()),
    _agent("random", "Presses anything.", attribute="Random"),
)
