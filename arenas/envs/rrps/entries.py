"""Registry entries; importing this imports neither jax nor pyspiel."""

from arenas.envs.rrps.population import BOTS
from arenas.registry import AgentSpec, EnvSpec

PAPER = "Lanctot et al. 2023, Population-based Evaluation in Repeated Rock-Paper-Scissors (TMLR)"


def _env(id: str, payoff: str, summary: str) -> EnvSpec:
    return EnvSpec(
        id=id,
        entry_point="arenas.envs.rrps.game:RRPS",
        host="arenas.envs.rrps.host:RRPSHost",
        game="rrps",
        summary=summary,
        kwargs={"payoff": payoff},
        players=2,
        kind="competitive",
        horizon=1000,
        paper=PAPER,
    )


ENVS: tuple[EnvSpec, ...] = (
    _env("rrps-v0", "rps", "Rock-paper-scissors, 1,000 throws, returns summed."),
    _env("rrps-biased-v0", "brps", "Repeated biased rock-paper-scissors: wins differ in worth."),
    _env("rrps-water-v0", "rpsw", "Repeated rock-paper-scissors with water, which always draws."),
)


def _scripted(name: str, attribute: str, summary: str, **kwargs: int) -> AgentSpec:
    return AgentSpec(
        name=f"rrps/{name}",
        entry_point=f"arenas.envs.rrps.agents:{attribute}",
        game="rrps",
        summary=summary,
        kwargs=kwargs,
    )


AGENTS: tuple[AgentSpec, ...] = (
    _scripted("rock", "Constant", "Always throws rock.", action=0),
    _scripted("paper", "Constant", "Always throws paper.", action=1),
    _scripted("scissors", "Constant", "Always throws scissors.", action=2),
    _scripted("constant", "Constant", "Always throws the given action (action=0, 1, ...)."),
    _scripted("copy", "Copy", "Throws what the opponent threw last; rock first."),
    _scripted("beat-last", "BeatLast", "Best response to the opponent's last throw; rock first."),
    _scripted("cycle", "Cycle", "Throws the actions in turn, from rock on."),
    _scripted(
        "frequency",
        "Frequency",
        "Best response to the frequencies of the opponent's throws; rock first.",
    ),
    *(
        AgentSpec(
            name=f"rrps/{bot}",
            entry_point="arenas.envs.rrps.bots:RoshamboBot",
            game="rrps",
            summary=summary,
            kind="host",
            kwargs={"bot": bot},
            paper="First International RoShamBo Programming Competition, 1999 (Billings)",
        )
        for bot, summary in BOTS.items()
    ),
)
