"""Errors that speak to the user: what was given, what is accepted, the nearest valid name.

Everything that Arenas raises on purpose derives from :class:`ArenasError`, so that the command
line can print the message alone and exit non-zero, and a program can catch one class.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ArenasError(Exception):
    """Base of all errors that Arenas raises on purpose."""


class UnknownName(ArenasError, LookupError):
    """A name (environment id, agent, option) that nobody registered."""

    def __init__(self, what: str, given: str, known: Iterable[str], hint: str = "") -> None:
        known = sorted(known)
        near = nearest(given, known)
        message = f"unknown {what} {given!r}"
        if near:
            message += f"; did you mean {' or '.join(repr(n) for n in near)}?"
        elif known and len(known) <= 30:
            message += f"; known: {', '.join(known)}"
        if hint:
            message += f" {hint}"
        super().__init__(message)
        self.given, self.near = given, near


class BadArgument(ArenasError, ValueError):
    """A value that is not accepted; the message says what was given and what is accepted."""


class BadShape(BadArgument):
    """An array of the wrong shape or dtype."""


class IllegalAction(ArenasError, ValueError):
    """An action that the rules forbid now, at a host boundary.

    Attributes:
        seat: index of the agent whose action was illegal.
    """

    def __init__(self, message: str, seat: int) -> None:
        super().__init__(message)
        self.seat = seat


class EpisodeOver(ArenasError, RuntimeError):
    """A step after the end of an episode, or before the first reset, at a host boundary."""


class ContractViolation(ArenasError, AssertionError):
    """An environment breaks the contract of :class:`arenas.Env`; raised by ``check_env``."""


class BadFile(ArenasError, ValueError):
    """A file that is damaged, truncated, of another kind, or from a newer version."""


def nearest(given: str, known: Iterable[str], n: int = 2) -> list[str]:
    """The up to ``n`` names in ``known`` that are most like ``given``, best first."""
    lower = {k.lower(): k for k in known}
    return [lower[m] for m in difflib.get_close_matches(given.lower(), list(lower), n, 0.6)]
