"""Trained agents that ship with the package, named ``zoo/NAME``; importing this imports no jax.

Each is the folder of an exported agent. Its card, ``agent.json``, says by which command it was
trained, for how long, on which machine, and how it was judged: ``training.judged`` holds the result
of fresh episodes with its interval. ``benchmarks/zoo.py`` puts agents here and judges them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from arenas.errors import UnknownName
from arenas.registry import AgentSpec

FOLDER = Path(__file__).parent


def names() -> list[str]:
    """Names of all agents here, sorted."""
    return sorted(card.parent.name for card in FOLDER.glob("*/agent.json"))


def card(name: str) -> dict[str, Any]:
    """What the agent's ``agent.json`` says.

    Raises:
        UnknownName: no such agent; names the nearest.
    """
    if name not in names():
        raise UnknownName("agent of the zoo", name, names())
    return json.loads((FOLDER / name / "agent.json").read_text())


def agent_spec(name: str) -> AgentSpec:
    """The registry's entry of ``zoo/NAME``."""
    about = card(name)
    return AgentSpec(
        name=f"zoo/{name}",
        entry_point="arenas.agents.ppo.export:load",
        game=about["environment"]["game"],
        summary=f"Trained on {about['environment']['id']}: {about['training']['judged']['words']}.",
        kwargs={"path": str(FOLDER / name)},
    )
