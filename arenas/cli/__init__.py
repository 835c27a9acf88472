"""The command ``arenas``: one small file per subcommand, loaded only when it is asked for."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import arenas
from arenas.errors import ArenasError, UnknownName

COMMANDS = {
    "envs": "List the environments.",
    "agents": "List the agents.",
    "match": "Play a match between agents, and record it.",
    "tournament": "Play a round robin, and show standings and the payoff table.",
    "report": "Make a tournament's page, and its tables as CSV, JSON and LaTeX.",
    "rank": "Rate a tournament's agents: Elo, alpha-Rank, Nash averaging and others, side by side.",
    "compare": "Compare trained agents over seeds and tasks, and say when there are enough.",
    "exploit": "Find out how exploitable an agent is.",
    "crossplay": "Score cooperation: self-play, cross-play, held-out partners.",
    "train": "Train an agent by PPO, and export it.",
    "play": "Play in a window, against agents or with a second person.",
    "replay": "Watch a recorded episode; write, print or verify it.",
}

EXIT_ERROR, EXIT_INTERRUPTED = 2, 130

HELP = """\
usage: arenas COMMAND [OPTIONS]

Multi-agent environments, the agents that play them, and evaluators you can believe.

commands:
{commands}

  arenas COMMAND --help     what a command takes
  arenas --version

examples:
  arenas envs
  arenas match rrps-v0 --agents rrps/greenberg rrps/iocainebot --seed 7 --record game.replay
  arenas tournament rrps-v0 --agents rrps/greenberg rrps/copybot random --episodes 10 --out results
  arenas replay game.replay
  arenas play fightladder-v0 --against zoo/fightladder
"""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit.

    Exit status: 0 done; 1 a check failed (``replay --verify``); 2 bad input, with a message and no
    traceback; 130 interrupted.
    """
    args = list(sys.argv[1:] if arguments is None else arguments)
    try:
        sys.exit(_run(args))
    except ArenasError as error:
        print(f"arenas: error: {error}", file=sys.stderr)
        sys.exit(EXIT_ERROR)
    except KeyboardInterrupt:
        print("arenas: interrupted", file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:  # the reader, such as head, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(0)


def _run(args: list[str]) -> int:
    if not args or args[0] in ("-h", "--help", "help"):
        width = max(map(len, COMMANDS))
        lines = "\n".join(f"  {name:<{width}}  {what}" for name, what in COMMANDS.items())
        print(HELP.format(commands=lines))
        return 0 if args else EXIT_ERROR
    if args[0] in ("-V", "--version"):
        print(f"arenas {arenas.__version__}")
        return 0
    name = args[0]
    if name not in COMMANDS:
        raise UnknownName("command", name, COMMANDS, "(see: arenas --help)")
    # Agents and environments of the user's own, named module:id, lie where the command is run.
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    module = importlib.import_module(f"arenas.cli.{name}")
    return parse(module.command, name, args[1:]) or 0


def parse(command: Callable[..., Any], name: str, args: Sequence[str]) -> Any:
    """Run a function with command-line arguments, its docstring being the help."""
    import tyro

    return tyro.cli(
        command,
        prog=f"arenas {name}",
        args=args,
        config=(tyro.conf.FlagCreatePairsOff, tyro.conf.HelptextFromCommentsOff),
    )
