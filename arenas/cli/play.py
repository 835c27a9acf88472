"""``arenas play``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import tyro

import arenas
from arenas.cli import output
from arenas.errors import BadArgument


def command(
    env: tyro.conf.Positional[str],
    seat: int = 0,
    against: tuple[str, ...] = (),
    two_players: bool = False,
    seed: int = 0,
    record: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None,
    speed: float = 1.0,
) -> int:
    """Play in a window, against agents or beside them.

    The keys are shown below the picture, and on ?. When the episode is over, the window shows it
    again like arenas replay. Whoever leaves early, by Esc, by closing the window or by Ctrl-C,
    forfeits; with --record the file holds what was played until then.

    Args:
        env: the environment, such as fightladder-v0, hanabi-v0 or colorgrid-v0,size=12. In SMAX
            you command a whole team.
        seat: yours, from 0; in SMAX any seat of your team.
        against: who holds the other seats, in seat order, or one for all of them (in SMAX, for the
            other team); random by default.
        two_players: two people at one keyboard, for FightLadder; not with --against.
        seed: of the episode.
        record: write a replay to this file.
        speed: 1 is the game's own.
    """
    from arenas.rollout import check_seed

    check_seed(seed)
    if not 0 < speed <= 64:
        raise BadArgument(f"--speed is {speed:g}; accepted are numbers above 0, up to 64")
    if record is not None and not record.parent.is_dir():
        raise BadArgument(f"cannot write {record}: no folder {record.parent}")
    game = arenas.make_host(env)
    names = seating(game, seat, against, two_players)

    from arenas.agent import as_host_agents
    from arenas.renderers.play import Play, result, watch_again
    from arenas.renderers.window import Screen, has_display, no_display
    from arenas.replay import Replay

    unique = {name: arenas.load_agent(name, game) for name in names if name is not None}
    loaded = [_agent(unique, name, game) for name in names]
    hosts = iter(as_host_agents([a for a in loaded if a is not None]))
    agents = [None if a is None else next(hosts) for a in loaded]
    if not has_display():
        raise no_display()
    with output.working("preparing the game"):
        _warm_up(game, agents, seed)
    with Screen(f"Arenas: {env}") as screen:
        play = Play(game, agents, seed, screen=screen, speed=speed)
        episode = play.run()
        told = result(episode, play.film)
        if record is not None:
            Replay.of(episode).save(record)
            output.warn(f"recorded: {record}")
        print(told, flush=True)
        if play.interrupted:
            raise KeyboardInterrupt
        if episode.forfeit is None or episode.forfeit.seat not in play.people:
            play.film.policies = episode.policies
            watch_again(play, told)
    return 0


def seating(game: Any, seat: int, against: tuple[str, ...], two_players: bool) -> list[str | None]:
    """The agent's name for each seat, None for a person.

    Raises:
        BadArgument: no such seat, or another number of agents than other seats.
    """
    count = game.num_agents
    if not 0 <= seat < count:
        raise BadArgument(
            f"--seat is {seat}; accepted are 0 to {count - 1}: {', '.join(game.agents)}"
        )
    kind = game.spec.game if game.spec else ""
    if two_players:
        if kind != "fightladder" or count != 2:
            raise BadArgument(
                f"--two-players is for fightladder's games of two seats, not {game.spec.id}"
            )
        if against:
            raise BadArgument("--two-players leaves no seat for the agents of --against")
        return [None, None]
    mine = {seat}
    if kind == "smax" and game.teams is not None:
        mine = {s for s, team in enumerate(game.teams) if team == game.teams[seat]}
    elif kind == "smax" and not against:
        mine = set(range(count))
    others = [s for s in range(count) if s not in mine]
    if len(against) not in (0, 1, len(others)) or (against and not others):
        raise BadArgument(
            f"--against names {len(against)} agents; accepted are one for all other seats, or "
            f"{len(others)}, one for each: {', '.join(game.agents[s] for s in others) or 'none'}"
        )
    named = list(against) or ["random"]
    given = dict(zip(others, named * len(others) if len(named) == 1 else named, strict=False))
    return [None if s in mine else given[s] for s in range(count)]


def _agent(unique: dict[str, Any], name: str | None, game: Any) -> Any:
    """The agent of a seat; a host agent that holds several seats is made for each."""
    from arenas.agent import DeviceAgent

    if name is None:
        return None
    found = unique[name]
    if isinstance(found, DeviceAgent):
        return found
    unique[name] = arenas.load_agent(name, game)
    return found


def _warm_up(game: Any, agents: list[Any], seed: int) -> None:
    """Compile what will be needed, so that the first steps do not stutter."""
    import jax
    import numpy as np

    from arenas.agent import HostedAgent
    from arenas.renderers.film import Film

    timestep = game.reset(seed)
    for seat, agent in enumerate(agents):
        if isinstance(agent, HostedAgent):
            agent.reset(seat, 0)
            seen = jax.tree.map(lambda x, seat=seat: x[seat], timestep.observation)
            agent.tell(seen, timestep.action_mask[seat])
            agent.act(seen, timestep.action_mask[seat])
    film = Film(game, seed=seed)
    film.add()
    if game.action_shape:
        action = np.broadcast_to(game.action_space.low, (game.num_agents, *game.action_shape))
    else:
        action = timestep.action_mask.argmax(axis=1)
    game.step(action)
    film.add(action)
    film.drawing.between(1)
