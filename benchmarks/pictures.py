"""The pictures of games in docs/pictures/, by the backend of the window.

    python benchmarks/pictures.py [GAME ...]

plays the episodes of the table and writes the picture of each of its moments. Look at them after
every change of a drawing.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import NamedTuple

from PIL import Image

import arenas
from arenas.renderers.film import Film
from arenas.renderers.pygame_backend import Pictures
from arenas.replay import Replay

FOLDER = Path(__file__).parent.parent / "docs" / "pictures"


class Shot(NamedTuple):
    """One moment of an episode.

    Attributes:
        file: in docs/pictures/, without ``.png``.
        env: the environment, with its arguments.
        agents: by seat.
        seed: of the episode.
        step: of the moment; negative counts from the end.
        seat: whose view, or None.
    """

    file: str
    env: str
    agents: tuple[str, ...]
    seed: int
    step: int
    seat: int | None = None


_GRID = ("colorgrid-asymmetric-v0", ("colorgrid/astar", "colorgrid/inference"), 7)
_SMALL_GRID = ("colorgrid-v0,size=8,max_steps=60", ("colorgrid/astar", "random"), 3)
_PIERS = ("hanabi-v0", ("hanabi/piers",) * 2, 7)
_FIVE = ("hanabi-v0,players=5", tuple(f"hanabi/{n}" for n in (
    "flawed", "piers", "outer", "iggi", "cautious")), 3)  # fmt: skip
_LEDUC = ("leduc-v0", ("leduc/honest", "leduc/cfr,iterations=20"), 18)
_BOTS = ("rrps-v0", ("rrps/greenberg", "rrps/phasenbott"), 7)
_WATER = ("rrps-water-v0,throws=100,recall=3", ("rrps/frequency", "random"), 3)

_MATCH = ('fightladder-match-v0,characters=["asano","esme"]',
          ("fightladder/cpu-6", "fightladder/cpu-5"), 7)  # fmt: skip
_FIRE = ('fightladder-v0,characters=["hex","brandt"]',
         ("fightladder/zoner", "fightladder/cpu-8"), 3)  # fmt: skip
_BATTLE = ("smax-smacv2_10_units-selfplay-v0", ("smax/heuristic",) * 20, 3)
_CROWD = ("smax-27m_vs_30m-selfplay-v0", ("smax/heuristic",) * 57, 3)

SHOTS = (
    Shot("colorgrid", *_GRID, 400),
    Shot("colorgrid_follower", *_GRID, 400, 1),
    Shot("colorgrid_small", *_SMALL_GRID, 40),
    Shot("fightladder", *_MATCH, 128),
    Shot("fightladder_throw", *_MATCH, 291),
    Shot("fightladder_fire", *_FIRE, 193),
    Shot("fightladder_ko", *_MATCH, -1),
    Shot("hanabi", *_PIERS, 30),
    Shot("hanabi_seat", *_PIERS, 31, 1),
    Shot("hanabi_five", *_FIVE, 23),
    Shot("hanabi_end", *_PIERS, -1),
    Shot("leduc", *_LEDUC, -1),
    Shot("leduc_seat", *_LEDUC, 2, 0),
    Shot("rrps", *_BOTS, 401),
    Shot("rrps_end", *_BOTS, -1),
    Shot("rrps_water", *_WATER, 58, 0),
    Shot("smax", *_BATTLE, 16),
    Shot("smax_seat", *_BATTLE, 9, 2),
    Shot("smax_crowd", *_CROWD, 6),
)


def main(games: list[str]) -> None:
    films: dict[tuple[object, ...], Film] = {}
    pictures = Pictures(640)
    FOLDER.mkdir(exist_ok=True)
    for shot in SHOTS:
        if games and not any(shot.file.startswith(game) for game in games):
            continue
        played = shot[1:4]
        if played not in films:
            [episode] = arenas.play(shot.env, shot.agents, seed=shot.seed, record=True)
            films[played] = Film.of(Replay.of(episode))
        picture = Image.fromarray(pictures.array(films[played].scene(shot.step, shot.seat)))
        file = io.BytesIO()
        # A palette halves the file; the means of k-means keep the seats' colours apart.
        few = picture.quantize(256, kmeans=3, dither=Image.Dither.NONE)
        few.save(file, "PNG", optimize=True)
        (FOLDER / f"{shot.file}.png").write_bytes(file.getvalue())
        print(f"{shot.file}.png: {file.tell():,} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
