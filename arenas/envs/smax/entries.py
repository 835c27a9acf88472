"""SMAX's registry entries."""

from arenas.envs.smax.scenarios import SCENARIOS, UNIT_TYPES, Scenario
from arenas.registry import AgentSpec, EnvSpec

_PAPER = "Rutherford et al. 2024, JaxMARL (arXiv 2311.10090)"


def _names(types: tuple[int, ...]) -> str:
    counts = {t: types.count(t) for t in dict.fromkeys(types)}
    return " and ".join(
        f"{n} {UNIT_TYPES[t].name}{'s' if n > 1 else ''}" for t, n in counts.items()
    )


def _summary(scenario: Scenario) -> str:
    if scenario.random:
        return f"{scenario.num_allies} units of random types against {scenario.num_enemies}"
    enemies = "as many" if scenario.allies == scenario.enemies else _names(scenario.enemies)
    return f"{_names(scenario.allies)} against {enemies}"


def _envs(name: str, scenario: Scenario) -> tuple[EnvSpec, EnvSpec]:
    common = {
        "entry_point": "arenas.envs.smax.game:Smax",
        "game": "smax",
        "horizon": 100,
        "paper": _PAPER,
    }
    return (
        EnvSpec(
            id=f"smax-{name}-v0",
            summary=f"{_summary(scenario)}, which are scripted.",
            kwargs={"scenario": name},
            players=scenario.num_allies,
            kind="cooperative",
            **common,
        ),
        EnvSpec(
            id=f"smax-{name}-selfplay-v0",
            summary=f"{_summary(scenario)}; both teams are agents.",
            kwargs={"scenario": name, "enemy": None},
            players=scenario.num_allies + scenario.num_enemies,
            kind="competitive",
            **common,
        ),
    )


ENVS: tuple[EnvSpec, ...] = tuple(
    spec for name, scenario in SCENARIOS.items() for spec in _envs(name, scenario)
)

AGENTS: tuple[AgentSpec, ...] = (
    AgentSpec(
        name="smax/heuristic",
        entry_point="arenas.envs.smax.agents:Heuristic",
        game="smax",
        summary="Attacks the closest opponent in range until it is dead, else walks to one.",
    ),
    AgentSpec(
        name="smax/heuristic-random",
        entry_point="arenas.envs.smax.agents:Heuristic",
        game="smax",
        summary="Attacks a random opponent in range until it is dead, else walks to one.",
        kwargs={"mode": "random"},
    ),
)
