"""Registry entries of Kuhn and Leduc poker."""

from arenas.registry import AgentSpec, EnvSpec

_KUHN = "Kuhn 1950, A Simplified Two-Person Poker (Contributions to the Theory of Games 1)"
_LEDUC = "Southey et al. 2005, Bayes' Bluff: Opponent Modelling in Poker (UAI)"
_CFR = "Tammelin 2014, Solving Large Imperfect Information Games Using CFR+ (arXiv 1407.5042)"


def _env(id: str, game: str, attribute: str, summary: str, horizon: int, paper: str) -> EnvSpec:
    return EnvSpec(
        id=id,
        entry_point=f"arenas.envs.poker.{game}:{attribute}",
        game=game,
        summary=summary,
        players=2,
        kind="competitive",
        turn_based=True,
        horizon=horizon,
        paper=paper,
    )


ENVS: tuple[EnvSpec, ...] = (
    _env("kuhn-v0", "kuhn", "Kuhn", "Kuhn poker: three cards, one bet.", 3, _KUHN),
    _env("leduc-v0", "leduc", "Leduc", "Leduc poker: six cards, two rounds.", 8, _LEDUC),
)


def _agent(name: str, attribute: str, summary: str, paper: str = "") -> AgentSpec:
    return AgentSpec(
        name=name,
        entry_point=f"arenas.envs.poker.agents:{attribute}",
        game=name.partition("/")[0],
        summary=summary,
        paper=paper,
    )


AGENTS: tuple[AgentSpec, ...] = (
    _agent("kuhn/equilibrium", "KuhnEquilibrium", "An equilibrium; alpha=0 to 1/3.", _KUHN),
    _agent("kuhn/honest", "KuhnHonest", "Bets and calls with the king alone."),
    _agent("kuhn/cfr", "cfr", "CFR+'s average policy; iterations=100.", _CFR),
    _agent("leduc/honest", "LeducHonest", "Raises with a king or a pair, never bluffs."),
    _agent("leduc/cfr", "cfr", "CFR+'s average policy; iterations=100.", _CFR),
)
