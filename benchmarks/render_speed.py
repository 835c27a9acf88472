"""How long a picture takes in pygame at 720p, for every game, and how long files take.

    python benchmarks/render_speed.py --out docs/results/viewer.json

For each game an episode is played by seeded agents, and its pictures are drawn in order, those
between steps included, as a window or video draws them: the scene is made and painted on a surface
of 1080 by 720 pixels. Then once more, with what the painter has kept from the first time.

Of files, the time from an opened replay to the file is taken: the match is played and opened, and
programs are compiled, before.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import arenas
from arenas._machine import machine
from arenas.renderers.film import Film
from arenas.renderers.html import export_html
from arenas.renderers.pygame_backend import Pictures
from arenas.renderers.video import save_mp4
from arenas.replay import Replay

GAMES = (
    # Who plays, and the most steps that are drawn.
    ("colorgrid-v0", "random", 300),
    ("rrps-v0", "random", 1000),
    ("hanabi-v0", "hanabi/piers", 300),
    ("hanabi-v0,players=5", "hanabi/piers", 300),
    ("fightladder-v0", "random", 300),
    ("smax-3m-v0", "smax/heuristic", 300),
    ("smax-27m_vs_30m-v0", "smax/heuristic", 300),
)

STEPS = 500
FILES = (
    ("colorgrid-v0,size=12,max_steps=500", "random"),
    ("rrps-v0,throws=500", "random"),
    ("fightladder-v0", "random"),
)


def film_of(env: str, agent: str, least: int = 1) -> Film:
    """The first episode of at least so many steps between agents of one kind.

    Raises:
        ValueError: a hundred episodes are shorter.
    """
    agents = [agent] * arenas.make(env).num_agents
    for seed in range(1, 101):
        [episode] = arenas.play(env, agents, seed=seed)
        if episode.length >= least:
            return Film.of(Replay.of(episode))
    raise ValueError(f"{env}: no episode of {least} steps")


def measure(env: str, agent: str, most: int) -> dict:
    """Milliseconds of processor time a picture."""
    film = film_of(env, agent)
    film.drawing.between(min(1, len(film) - 1))  # compiled
    painter = Pictures(720)
    gc.collect()  # what playing has left behind is not the pictures'
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
        "first_ms": round(first[0], 1),
        "mean_ms": round(float(np.mean(first)), 2),
        "p95_ms": round(float(np.quantile(first, 0.95)), 2),
        "again_mean_ms": round(float(np.mean(again)), 2),
        "again_p95_ms": round(float(np.quantile(again, 0.95)), 2),
    }


def of_children() -> float:
    """Seconds of processor time of processes that this one has started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def export(env: str, agent: str) -> dict:
    """Seconds until a page and an MP4 of :data:`STEPS` steps are written, and their sizes.

    By the clock, and in processor time of this process and, for MP4, of its encoder.
    """
    film = film_of(env, agent, least=STEPS)
    del film.moments[STEPS + 1 :]
    film.events = [e for e in film.events if e.step <= STEPS]
    film.drawing.between(1)  # compiled
    row: dict = {"environment": env}
    with tempfile.TemporaryDirectory() as folder:
        for kind, write in (("html", export_html), ("mp4", save_mp4)):
            film.drawing = type(film.drawing)(film)  # nothing kept from before
            path = Path(folder) / f"a.{kind}"
            begun, busy, helped = time.perf_counter(), time.process_time(), of_children()
            write(film, path)
            row[f"{kind}_s"] = round(time.perf_counter() - begun, 1)
            row[f"{kind}_processor_s"] = round(time.process_time() - busy, 1)
            if kind == "mp4":
                row["mp4_encoder_s"] = round(of_children() - helped, 1)
            row[f"{kind}_bytes"] = path.stat().st_size
    return row


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--games", nargs="*", help="only these environments")
    given = parser.parse_args()
    found: dict = {"machine": machine(), "load": os.getloadavg(), "pictures": [], "files": []}
    for table, measured, rows in (("pictures", measure, GAMES), ("files", export, FILES)):
        for row in rows:
            if not given.games or row[0] in given.games:
                found[table].append(measured(*row))  # type: ignore[operator]
                print(json.dumps(found[table][-1]), flush=True)
    if given.out:
        given.out.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
