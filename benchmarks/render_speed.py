"""How long a picture takes in pygame at 720p, for every game, and how long files take.

    python benchmarks/render_speed.py --out docs/results/viewer.json

For each game an episode is played by seeded random agents, and its pictures are drawn in order,
those between steps included, as a window or video draws them: the scene is made and painted on a
surface of 1080 by 720 pixels. Then once more, with what the painter has kept from the first time.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import arenas
from arenas._machine import machine
from arenas.renderers.film import Film
from arenas.renderers.pygame_backend import Pictures
from arenas.renderers.video import save_mp4
from arenas.replay import Replay

GAMES = (
    ("colorgrid-v0", 2, 300),
    ("rrps-v0", 2, 1000),
    ("hanabi-v0", 2, 300),
    ("hanabi-v0,players=5", 5, 300),
    ("fightladder-v0", 2, 300),
    ("smax-3m-v0", 3, 300),
    ("smax-27m_vs_30m-v0", 27, 300),
)


def film_of(env: str, seats: int) -> Film:
    """An episode between random agents, in SMAX between the heuristic ones."""
    agent = "smax/heuristic" if env.startswith("smax") else "random"
    [episode] = arenas.play(env, [agent] * seats, seed=1)
    return Film.of(Replay.of(episode))


def measure(env: str, seats: int, most: int) -> dict:
    """Milliseconds of processor time a picture."""
    film = film_of(env, seats)
    film.drawing.between(min(1, len(film) - 1))  # compiled
    painter = Pictures(720)
    rounds = []
    for _ in range(2):
        took = []
        for t in range(min(len(film), most)):
            begun = time.process_time()
            scenes = film.drawing.between(t)
            shared = (time.process_time() - begun) / len(scenes)
            for scene in scenes:
                begun = time.process_time()
                painter.surface(scene)
                took.append(1000 * (time.process_time() - begun + shared))
        rounds.append(took)
    first, again = rounds
    return {
        "environment": env,
        "pictures": len(first),
        "mean_ms": round(float(np.mean(first)), 2),
        "p95_ms": round(float(np.quantile(first, 0.95)), 2),
        "again_mean_ms": round(float(np.mean(again)), 2),
        "again_p95_ms": round(float(np.quantile(again, 0.95)), 2),
    }


def export(env: str, steps: int) -> dict:
    """Seconds that an MP4 of this many steps takes, wall clock, its encoder included."""
    film = film_of(env, 2)
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        save_mp4(film, Path(folder) / "a.mp4")
        took = time.perf_counter() - begun
        size = (Path(folder) / "a.mp4").stat().st_size
    return {
        "environment": env,
        "steps": len(film) - 1,
        "seconds": round(took, 1),
        "bytes": size,
    }


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--games", nargs="*", help="only these environments")
    given = parser.parse_args()
    chosen = [g for g in GAMES if not given.games or g[0] in given.games]
    found = {"machine": machine(), "load": os.getloadavg(), "pictures": [], "mp4": []}
    for game in chosen:
        found["pictures"].append(measure(*game))
        print(json.dumps(found["pictures"][-1]), flush=True)
    for env, steps in (("colorgrid-v0,size=12,max_steps=500", 500), ("rrps-v0,throws=500", 500)):
        found["mp4"].append(export(env, steps))
        print(json.dumps(found["mp4"][-1]), flush=True)
    if given.out:
        given.out.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
