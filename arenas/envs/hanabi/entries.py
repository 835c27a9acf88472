"""Hanabi's registry entries."""

from typing import Any

from arenas.registry import AgentSpec, EnvSpec

_PAPER = "Bard et al. 2020, The Hanabi Challenge (Artificial Intelligence 280)"
_ENV = "arenas.envs.hanabi.game:Hanabi"

_SMALL = {
    "colors": 2,
    "ranks": 5,
    "hand_size": 2,
    "max_information_tokens": 3,
    "max_life_tokens": 1,
}
"""The Hanabi Learning Environment's Hanabi-Small; its Hanabi-Very-Small has one colour."""


def _env(id: str, summary: str, horizon: int, **kwargs: Any) -> EnvSpec:
    return EnvSpec(
        id=id,
        entry_point=_ENV,
        game="hanabi",
        summary=summary,
        kwargs=kwargs,
        players="2-5",
        kind="cooperative",
        turn_based=True,
        horizon=horizon,
        paper=_PAPER,
    )


def _size(name: str, summary: str, horizon: int, **kwargs: Any) -> tuple[EnvSpec, ...]:
    return (
        _env(f"hanabi{name}-v0", f"{summary}; a lost game scores 0.", horizon, **kwargs),
        _env(
            f"hanabi{name}-lenient-v0",
            f"{summary}; a lost game scores its fireworks.",
            horizon,
            scoring="lenient",
            **kwargs,
        ),
    )


# The horizons are Rules.longest_game with two players, who can play longest.
ENVS: tuple[EnvSpec, ...] = (
    *_size("", "Five colours, five ranks, 3 lives", 89),
    *_size("-small", "Two colours, hands of two cards, 1 life", 36, **_SMALL),
    *_size("-very-small", "One colour, hands of two cards, 1 life", 16, **_SMALL | {"colors": 1}),
)

AGENTS: tuple[AgentSpec, ...] = ()
