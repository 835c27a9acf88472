"""How smoothly long replays are scrubbed through in a browser: headless Chromium, no graphics card.

    python benchmarks/scrub_speed.py --out scrub.json

Two pages, as ``arenas replay FILE --html`` writes them, with every seat's view: a fight that lasts
until its 99 seconds are over, and 1,000 steps of Hanabi. No game of Hanabi has more than some 90
moves, so those are games one after the other, each from its deal to its end, in one film. The
scrub bar is moved at each frame of the screen, first through the film and then to and fro; measured
is the time from its event until all is painted.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import arenas
from arenas._machine import machine
from arenas.renderers.film import Drawing, Event, Film
from arenas.renderers.html import export_html
from arenas.renderers.scene import Scene
from arenas.replay import Replay

STEPS = 1000  # of Hanabi
FIGHT = ("fightladder/turtle", "fightladder/zoner")  # who seldom finish each other
HANABI = ("hanabi/piers", "hanabi/piers")
MOST_BYTES = 3_000_000

SCRUB = """
    const [steps, done] = arguments;
    const player = document.querySelector("#player").arenasPlayer;
    const { context } = player.stages[0];
    const spent = [], gaps = [];
    let i = 0, last = null;
    const bar = document.querySelector(".arenas-scrub");
    function frame(now) {
      if (last !== null) gaps.push(now - last);
      last = now;
      if (i === steps.length) return done({ spent, gaps });
      const begun = performance.now();
      bar.value = steps[i++];
      bar.dispatchEvent(new Event("input"));
      context.getImageData(0, 0, 1, 1); // waits until all is painted
      spent.push(performance.now() - begun);
      requestAnimationFrame(frame);
    }
    requestAnimationFrame(frame);
"""
"""Moves the scrub bar to each of the given steps, one a frame of the screen.

Answers with milliseconds: ``spent`` on each step, painted wholly, and ``gaps`` between frames.
"""


class InARow(Drawing):
    """Games one after the other, each drawn by its own film's drawing."""

    def __init__(self, films: Sequence[Film]) -> None:
        super().__init__(films[0])
        self._places = [(one.drawing, t) for one in films for t in range(len(one))]
        self.fps, self.sees_all = films[0].drawing.fps, films[0].drawing.sees_all

    def scene(self, t: int, seat: int | None = None) -> Scene:
        drawing, own = self._places[t]
        return drawing.scene(own, seat)

    def between(self, t: int, seat: int | None = None, every: int = 1) -> list[Scene]:
        drawing, own = self._places[t]
        return drawing.between(own, seat, every)


def in_a_row(films: Sequence[Film], steps: int) -> Film:
    """One film of several games of the same kind, cut after ``steps`` steps; uses up the first."""
    drawing, moments, events = InARow(films), [], []
    for one in films:
        events += [
            Event(e.step + len(moments), e.kind, e.label, e.seat, e.unseen) for e in one.events
        ]
        moments += one.moments
    if len(moments) <= steps:
        raise ValueError(f"{len(moments)} situations are not enough for {steps} steps")
    film = films[0]
    film.moments, film.drawing = moments[: steps + 1], drawing
    film.events = [e for e in events if e.step <= steps]
    return film


def fight() -> Film:
    """A fight until time is up."""
    [episode] = arenas.play("fightladder-v0", FIGHT, seed=1)
    return Film.of(Replay.of(episode))


def hanabi() -> Film:
    """Games of Hanabi in a row."""
    episodes = arenas.play("hanabi-v0", HANABI, episodes=STEPS // 60, seed=1)
    return in_a_row([Film.of(Replay.of(e)) for e in episodes], STEPS)


def wanted(last: int) -> list[int]:
    """Steps to scrub to: through the film, and anywhere."""
    return [*range(0, last, 9), *np.random.default_rng(1).integers(0, last, 60).tolist()]


def chromium() -> Any:
    """A headless browser; its ``quit`` ends it."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("chromium-browser") or ""
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    size = {"width": 1280, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    driver.set_script_timeout(120)
    return driver


def measure(name: str, film: Film, driver: Any) -> dict:
    """Size of the page, milliseconds until it is there, and while its bar is moved."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.html"
        export_html(film, path)
        size = path.stat().st_size
        begun = time.perf_counter()
        driver.get(path.as_uri())
        player = "document.querySelector('#player').arenasPlayer"
        driver.execute_async_script(f"{player}.ready.then(arguments[0])")
        opened = time.perf_counter() - begun
        found = driver.execute_async_script(SCRUB, wanted(len(film) - 1))
    row: dict[str, Any] = {
        "film": name,
        "steps": len(film) - 1,
        "bytes": size,
        "opened_ms": round(1000 * opened),
    }
    for what, times in found.items():
        half, most = np.quantile(times, (0.5, 0.95))
        row |= {f"{what}_median_ms": round(half, 1), f"{what}_p95_ms": round(most, 1)}
    return row


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    found: dict[str, Any] = {"machine": machine(), "load": os.getloadavg(), "films": []}
    films = {"fightladder-v0": fight(), "hanabi-v0, games in a row": hanabi()}
    driver = chromium()
    try:
        for name, film in films.items():
            found["films"].append(measure(name, film, driver))
            print(json.dumps(found["films"][-1]), flush=True)
    finally:
        driver.quit()
    if given.out:
        given.out.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
