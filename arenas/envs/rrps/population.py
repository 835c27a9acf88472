"""The population of the benchmark: 43 bots, and how it is split to leave some out.

The bots are OpenSpiel's: the field of the First International RoShamBo Programming Competition
(Darse Billings, 1999) and Greenberg, the winner of the second. Importing this is cheap.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from arenas.errors import BadArgument, UnknownName

BOTS: dict[str, str] = {
    "actr_lag2_decay": "ACT-R Lag2 by Bothell, Lebiere and West: cognitive-model memory of pairs.",
    "adddriftbot2": "Half the time the sum of both last throws, drifting; else uniform.",
    "addshiftbot3": "Mostly the sum of both last throws, shifted when it is losing.",
    "antiflatbot": "Beats what the opponent has thrown least, so beats flat players.",
    "antirotnbot": "Exploits rotations between the opponent's successive throws.",
    "biopic": "Biopic by Jonathan Schaeffer.",
    "boom": "Boom by Jack van Rijswijk.",
    "copybot": "Throws what beats the opponent's last throw; paper first.",
    "debruijn81": "Plays a fixed string of De Bruijn sequences.",
    "driftbot": "Half the time the opponent's last throw, drifting; else uniform.",
    "flatbot3": "Mostly throws what it has thrown least: a flat distribution.",
    "foxtrotbot": "Uniform on odd throws; on even ones its last throw, rotated by a pattern.",
    "freqbot2": "Beats the opponent's most frequent throw.",
    "granite": "Granite by Aaron Davidson.",
    "greenberg": "Greenberg by Andrzej Nagorko, winner of the second competition.",
    "halbot": "MegaHAL by Jason Hutchens, third of the first competition.",
    "inocencio": "Inocencio by Rafael Morales.",
    "iocainebot": "Iocaine Powder by Dan Egnor, winner of the first competition.",
    "marble": "Marble by Aaron Davidson.",
    "markov5": "Majikthise by Markian Hlynka: a Markov model of five throws.",
    "markovbails": "Vroomfondel by Markian Hlynka: markov5 that bails out when it loses.",
    "mixed_strategy": "Mixed Strategy by Thad Frogley.",
    "mod1bot": "Simple Modeller by Don Beal.",
    "multibot": "Multi-strategy by Mark James.",
    "peterbot": "Peterbot by Peter Baylie.",
    "phasenbott": "Phasenbott by Jakob Mandelson, second of the first competition.",
    "pibot": "The digits of pi without zeros, modulo 3.",
    "piedra": "Piedra by Lourdes Pena.",
    "predbot": "Simple Predictor by Don Beal.",
    "r226bot": "20% rock, 20% paper, 60% scissors.",
    "randbot": "Uniform: the equilibrium.",
    "robertot": "Robertot by Andreas Junghanns.",
    "rockbot": "Always throws rock.",
    "rotatebot": "Rock, paper, scissors in turn.",
    "russrocker4": "RussRocker4 by Russ Williams.",
    "shofar": "Shofar by Rudi Cilibrasi.",
    "sunCrazybot": "One of two entries by Sunir Shah.",
    "sunNervebot": "One of two entries by Sunir Shah.",
    "sweetrock": "Sweet Rocky by Lourdes Pena.",
    "switchalot": "Seldom (12%) repeats its own last throw.",
    "switchbot": "Never repeats its own last throw.",
    "textbot": "Plays a fixed string made from an English text.",
    "zq_move": "ZQ Bot by Neil Burch.",
}
"""A line on each bot, by OpenSpiel's name, in alphabetical order."""


def population_split(
    seed: int = 0, held_out: int | Iterable[str] = 10
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Split the population for the leave-out protocol: learn against one part, test on the other.

    Args:
        seed: of the choice; the same seed and number give the same split everywhere, and for a
            given seed a larger held-out part contains the smaller ones.
        held_out: how many of the 43 bots to leave out, 1 to 42; or which, by name, with or without
            ``rrps/`` (``seed`` is then not read).

    Returns:
        Agent names to train against and agent names to test on, each as ``rrps/<bot>`` in
        alphabetical order.

    Raises:
        BadArgument: a number that leaves one part empty, or a name given twice.
        UnknownName: a name that is not in the population.

    Example:
        >>> train, test = population_split(seed=0, held_out=10)
        >>> len(train), len(test)
        (33, 10)
    """
    if isinstance(held_out, str):
        raise BadArgument(f"held_out is {held_out!r}; give a number or several names, as [name]")
    if isinstance(held_out, int):
        names = sorted(BOTS, key=lambda bot: hashlib.sha256(f"{seed}/{bot}".encode()).digest())
        chosen = names[: max(held_out, 0)]
    else:
        chosen = [name.removeprefix("rrps/") for name in held_out]
        for name in chosen:
            if name not in BOTS:
                raise UnknownName("bot", name, BOTS)
        if len(set(chosen)) < len(chosen):
            raise BadArgument(f"held_out names a bot twice: {', '.join(sorted(chosen))}")
    if not 0 < len(chosen) < len(BOTS):
        given = held_out if isinstance(held_out, int) else len(chosen)
        raise BadArgument(f"held_out is {given} bots; accepted are 1 to {len(BOTS) - 1}")
    train = tuple(f"rrps/{bot}" for bot in BOTS if bot not in chosen)
    return train, tuple(f"rrps/{bot}" for bot in BOTS if bot in chosen)
