"""``arenas replay``."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import tyro

from arenas.cli import output


def command(
    file: tyro.conf.Positional[Path],
    verify: bool = False,
    text: bool = False,
    json: bool = False,
) -> int:
    """Show what a recorded episode is, print it step by step, or verify it.

    Args:
        file: written by arenas match --record or a tournament.
        verify: play it again and compare returns, length, end and the final state; exits with 1
            if anything differs.
        text: print the whole episode.
        json: print JSON, with --text the actions and rewards of every step.
    """
    from arenas.replay import Replay, ReplayMismatch

    replay = Replay.load(file)
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
        output.print_json(shown)
    else:
        for key, value in _header(replay).items():
            if value not in (None, {}):
                print(f"{key.replace('_', ' ')}: {value}")
        if text:
            _print_steps(replay)
        if verify and difference is None:
            print("verified: playing it again gives the same returns, length and final state")
    if difference is not None:
        output.warn(f"{file} does not verify: {difference}")
        return 1
    return 0


def _header(replay: Any) -> dict[str, Any]:
    header = dataclasses.asdict(dataclasses.replace(replay.episode, actions=None, policies=None))
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
