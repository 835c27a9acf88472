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

_OSAWA = "Osawa 2015, Solving Hanabi (AAAI workshop on computer poker)"
_RULES = "Walton-Rivers et al. 2017, Evaluating and modelling Hanabi-playing agents (1704.07069)"
_BERGH = "van den Bergh et al. 2016, Aspects of the cooperative card game Hanabi (BNAIC)"


def _agent(name: str, attribute: str, paper: str, summary: str) -> AgentSpec:
    return AgentSpec(
        name=f"hanabi/{name}",
        entry_point=f"arenas.envs.hanabi.agents:{attribute}",
        game="hanabi",
        summary=summary,
        paper=paper,
    )


AGENTS: tuple[AgentSpec, ...] = (
    _agent("cautious", "Cautious", "", "Plays what it knows to be playable, helps others to know."),
    _agent("flawed", "Flawed", _RULES, "Plays what is playable at one in four, hints at random."),
    _agent("iggi", "IGGI", _RULES, "Plays what is sure, hints what is playable, drops the oldest."),
    _agent("internal", "Internal", _OSAWA, "Remembers what it was told; hints without memory."),
    _agent("outer", "Outer", _OSAWA, "Remembers also what others were told, and tells them more."),
    _agent("piers", "Piers", _RULES, "IGGI that takes risks while it has lives to lose."),
    _agent(
        "van-den-bergh", "VanDenBergh", _BERGH, "Plays at 60 %, discards the likeliest useless."
    ),
)
