"""``arenas replay``."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import tyro

from arenas.cli import output
from arenas.errors import BadArgument

Out = Annotated[Path | None, tyro.conf.arg(metavar="OUT")]


def command(
    files: tyro.conf.Positional[tuple[Path, ...]],
    verify: bool = False,
    text: bool = False,
    json: bool = False,
    html: Out = None,
    mp4: Out = None,
    gif: Out = None,
    png: Annotated[tuple[int, ...], tyro.conf.arg(metavar="STEP [STEP ...]")] = (),
    seat: int | None = None,
    speed: float = 1.0,
    height: int | None = None,
    side_by_side: bool = False,
) -> int:
    """Watch recorded episodes in a window, or write, print or verify them.

    Without any of the options that write, print or verify, a window opens; its keys are shown on ?.

    Args:
        files: written by arenas match --record, arenas play --record or a tournament.
        verify: play them again and compare returns, length, end and the final state; exits with 1
            if anything differs.
        text: print the whole episode.
        json: print JSON, with --text the actions and rewards of every step.
        html: write one page that plays them in any browser, without a network.
        mp4: write a video. Needs ffmpeg, which pip install 'arenas[video]' brings.
        gif: write an animated picture.
        png: write the pictures after these steps, beside each file: GAME-STEP.png for GAME.replay.
            Negative numbers count from the end.
        seat: show what this seat could see, from 0; for --html, together with everything.
        speed: at which it is played or written; 1 is the usual one.
        height: of videos and pictures in pixels; by default 720, of a GIF 480.
        side_by_side: several files at once, instead of one after another.
    """
    from arenas.replay import Replay, ReplayMismatch

    if not files:
        raise BadArgument("no file given: arenas replay FILE [FILE ...]")
    replays = [Replay.load(file) for file in files]
    writes = html is not None or mp4 is not None or gif is not None or bool(png)
    for path in (html, mp4, gif):
        if path is not None and not path.parent.is_dir():
            raise BadArgument(f"cannot write {path}: no folder {path.parent}")
    if len(files) > 1:
        for name, given in (("--mp4", mp4), ("--gif", gif)):
            if given is not None:
                raise BadArgument(f"{name} writes one file; {len(files)} replays are given")
    if writes:
        _write(files, replays, html, mp4, gif, png, seat, speed, height)
    if not (verify or text or json or writes):
        return _watch(replays, seat, speed, side_by_side)
    failed = False
    shown_all = []
    for file, replay in zip(files, replays, strict=True):
        difference = None
        if verify:
            try:
                replay.verify()
            except ReplayMismatch as error:
                difference = str(error)
        if json:
            shown: dict[str, Any] = {**_header(replay)}
            if verify:
                shown["verified"], shown["difference"] = difference is None, difference
            if text:
                shown["steps"] = [
                    {"action": None if a is None else a.tolist(), "reward": t.reward.tolist()}
                    for _, t, a in replay.steps()
                ]
            shown_all.append(shown)
        elif verify or text:
            if len(files) > 1:
                print(file)
            for key, value in _header(replay).items():
                if value not in (None, {}):
                    print(f"{key.replace('_', ' ')}: {value}")
            if text:
                _print_steps(replay)
            if verify and difference is None:
                print("verified: playing it again gives the same returns, length and final state")
        if difference is not None:
            output.warn(f"{file} does not verify: {difference}")
            failed = True
    if json:
        output.print_json(shown_all[0] if len(shown_all) == 1 else shown_all)
    return 1 if failed else 0


def _watch(replays: list[Any], seat: int | None, speed: float, side_by_side: bool) -> int:
    from arenas.renderers.film import Film
    from arenas.renderers.window import Player, has_display, no_display

    if not 0 < speed <= 64:
        raise BadArgument(f"--speed is {speed:g}; accepted are numbers above 0, up to 64")
    if not has_display():  # told before a long film is made
        raise no_display()
    with output.progress("steps") as bar:
        films = [
            Film.of(r, _counter(bar, f"playing {i + 1} of {len(replays)} again", r))
            for i, r in enumerate(replays)
        ]
    player = Player(films, seat=seat, speed=speed, side_by_side=side_by_side)
    with player.screen:
        player.run()
    return 0


def _write(
    files: tuple[Path, ...],
    replays: list[Any],
    html: Path | None,
    mp4: Path | None,
    gif: Path | None,
    png: tuple[int, ...],
    seat: int | None,
    speed: float,
    height: int | None,
) -> None:
    from arenas.renderers import video
    from arenas.renderers.film import Film
    from arenas.renderers.html import export_html

    if mp4 is not None:
        video.ffmpeg()  # told before anything takes long
    console = output.console()

    def wrote(path: Path) -> None:
        # The parts of a JSON answer go to standard output alone.
        console.print(
            f"wrote {path} ({path.stat().st_size:,} bytes)", highlight=False, markup=False
        )

    with output.progress("steps") as bar:
        films = [
            Film.of(r, _counter(bar, f"playing {i + 1} of {len(replays)} again", r))
            for i, r in enumerate(replays)
        ]
        for film, file in zip(films, files, strict=True):
            steps = [s % len(film) if -len(film) <= s < len(film) else s for s in png]
            for step in dict.fromkeys(steps):  # -1 may be one that was named, too
                path = file.with_name(f"{file.stem}-{step}.png")
                video.save_png(film, step, path, seat=seat, height=height or 720)
                wrote(path)
        if gif is not None:
            told = _counter(bar, "writing GIF", replays[0])
            video.save_gif(
                films[0], gif, seat=seat, height=height or 480, speed=speed, progress=told
            )
            wrote(gif)
        if mp4 is not None:
            told = _counter(bar, "writing MP4", replays[0])
            video.save_mp4(
                films[0], mp4, seat=seat, height=height or 720, speed=speed, progress=told
            )
            wrote(mp4)
        if html is not None:
            told = _counter(bar, "writing HTML", replays[0])
            seats = None if seat is None else [seat]
            export_html(films, html, seats=seats, progress=told)
            wrote(html)


def _counter(bar: Any, what: str, replay: Any) -> Callable[[int, int], None]:
    task = bar.add_task(what, total=replay.episode.length + 1)
    return lambda done, total: bar.update(task, completed=done, total=total)


def _header(replay: Any) -> dict[str, Any]:
    episode = dataclasses.replace(replay.episode, actions=None, policies=None)
    header = dataclasses.asdict(episode)
    del header["actions"], header["policies"]
    return {**header, "arenas_version": replay.arenas_version, "jax_version": replay.jax_version}


def _print_steps(replay: Any) -> None:
    from arenas.renderers.text import render_text

    acting: Any = ()
    for env, timestep, action in replay.steps():
        if action is None:
            print("\nstart")
        else:
            labels = env.action_labels
            chosen = [
                f"{name} {labels[int(a)] if labels else a}"
                for name, a, acts in zip(env.agents, action, acting, strict=True)
                if acts
            ]
            rewards = " ".join(f"{r:g}" for r in timestep.reward)
            print(f"\nstep {env.steps}: {', '.join(chosen)}; reward {rewards}")
        print(render_text(env))
        acting = timestep.acting
