"""The facts beside the picture: rewards, returns, legal actions, choices, and what agents told.

Both viewers show what :func:`panel` gives: the window and the page in the browser.
"""

from __future__ import annotations

import math
import shlex
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np

from arenas.renderers.text import action_words, game_name

if TYPE_CHECKING:
    from arenas.renderers.film import Film

HUMAN = "human"
"""Name in records of a person who plays."""

MOST_SEATS = 5
"""Seats up to which legal actions and probabilities of all are told where no seat is chosen."""


def panel(film: Film, t: int, seat: int | None = None) -> dict[str, Any]:
    """The facts of moment ``t`` as JSON values.

    Args:
        film: what is shown.
        t: index of a moment, from 0.
        seat: tell this seat's facts only; None tells all seats'.

    Returns:
        A dictionary:

        - ``step``: ``t``; ``steps``: the film's last step; ``limit``: the step limit, or None.
        - ``end``: ``terminated`` or ``truncated`` where the episode has ended here, else ``""``.
        - ``events``: labels of what happened in the step that led here.
        - ``seats``: a list of dictionaries, one for each seat told:

          - ``seat``, ``name`` (of the seat), ``agent`` (who holds it), ``acts`` (it chooses now);
          - ``reward`` of the step that led here, ``return`` so far;
          - ``did``: its action that led here in words, or None where it did not act;
          - ``chose``: its action of this moment, or None where it does not act or that is not known
            yet;
          - ``legal``: words of all legal actions; None where it does not act, where actions are
            vectors, and where no seat is chosen among more than :data:`MOST_SEATS`;
          - ``probabilities``: ``[word, probability]`` of the legal actions, likeliest first, as
            the agent told them when this was recorded; else None;
          - ``value``: the return that the agent expected from here on, as it told; else None.
    """
    moment = film.moments[t]
    timestep = moment.timestep
    after = film.moments[t + 1] if t + 1 < len(film) else None
    told = range(film.env.num_agents) if seat is None else (seat,)
    detailed = seat is not None or film.env.num_agents <= MOST_SEATS
    end = "terminated" if timestep.terminated else "truncated" if timestep.truncated else ""
    return {
        "step": t,
        "steps": len(film) - 1,
        "limit": film.env.max_steps,
        "end": end,
        "events": [e.label for e in film.seen_events(seat) if e.step == t],
        "seats": [
            {
                "seat": i,
                "name": film.env.agents[i],
                "agent": film.agents[i],
                "acts": bool(timestep.acting[i]),
                "reward": number(timestep.reward[i]),
                "return": number(moment.returns[i]),
                "did": _word(film, moment.action, moment.acted, i),
                "chose": None if after is None else _word(film, after.action, after.acted, i),
                "legal": _legal(film, t, i) if detailed else None,
                "probabilities": _probabilities(film, t, i) if detailed else None,
                "value": _value(film, t, i),
            }
            for i in told
        ],
    }


def number(value: Any) -> float | None:
    """A number of a few digits, so that files stay small; None where it is none."""
    value = float(value)
    return float(f"{value:.5g}") if math.isfinite(value) else None


def _word(film: Film, action: np.ndarray | None, acted: np.ndarray, seat: int) -> str | None:
    if action is None or not acted[seat]:
        return None
    return word(film, action[seat])


def word(film: Film, action: Any) -> str:
    """An action in words; a vector as its numbers."""
    if isinstance(film.env.action_space, gymnasium.spaces.Box):
        return ", ".join(f"{x:.2g}" for x in np.asarray(action))
    return action_words(film.env, [action])[0]


def _legal(film: Film, t: int, seat: int) -> list[str] | None:
    timestep = film.moments[t].timestep
    if not timestep.acting[seat] or isinstance(film.env.action_space, gymnasium.spaces.Box):
        return None
    return action_words(film.env, np.flatnonzero(timestep.action_mask[seat]))


def _probabilities(film: Film, t: int, seat: int) -> list[list[Any]] | None:
    told = film.policies
    if told is None or t >= len(told.probabilities):
        return None
    row = told.probabilities[t, seat].astype(float)
    if np.isnan(row).any():
        return None
    legal = np.flatnonzero(film.moments[t].timestep.action_mask[seat])
    order = legal[np.argsort(-row[legal], kind="stable")]
    words = action_words(film.env, order)
    return [[w, round(float(row[a]), 3)] for w, a in zip(words, order, strict=True)]


def _value(film: Film, t: int, seat: int) -> float | None:
    told = film.policies
    if told is None or t >= len(told.values):
        return None
    return number(told.values[t, seat])


def badge(film: Film) -> str:
    """One line: environment, seed, and the version of Arenas that played."""
    seed = "" if film.seed is None else f" · seed {film.seed}"
    return f"{_environment(film)}{seed} · Arenas {film.version}"


def command(film: Film) -> str:
    """The command that plays this episode again, for a shell; empty where there is none.

    Of episodes that people played, it starts another from the same seed, with them to play. There
    is none with control characters in a name: a terminal may obey those that are pasted.
    """
    spec = film.env.spec
    if spec is None or film.seed is None:
        return ""
    agents = list(film.agents)
    people = [i for i, a in enumerate(agents) if a == HUMAN]
    words: list[str]
    if not people:
        teams = film.env.teams
        if teams is not None:  # one name for each team, where one agent held all its seats
            held = [{a for a, t in zip(agents, teams, strict=True) if t == i} for i in set(teams)]
            if all(len(names) == 1 for names in held):
                agents = [names.pop() for names in held]
        words = ["match", _environment(film), "--agents", *agents]
    elif len(people) == len(agents) > 1:
        words = ["play", _environment(film), "--two-players"]
    else:
        others = [a for a in agents if a != HUMAN]
        words = ["play", _environment(film), "--seat", str(people[0])]
        words += ["--against", *others] if others else []
    words += ["--seed", str(film.seed), "--record", "again.replay"]
    line = shlex.join(["arenas", *words])
    return line if line.isprintable() else ""


def _environment(film: Film) -> str:
    """The environment with its arguments, as commands take it."""
    arguments = "".join(f",{name}={_literal(value)}" for name, value in film.env.kwargs.items())
    return f"{game_name(film.env)}{arguments}"


def _literal(value: Any) -> str:
    """A value as it is written after ``name=``: a plain word, or Python's literal."""
    if isinstance(value, str):
        return value if value.replace("_", "").replace("-", "").isalnum() else repr(value)
    if isinstance(value, list):
        value = tuple(value)  # as it was given, before it was JSON
    return repr(value)
