"""FightLadder's moves as a picture and as tables: what docs/envs/fightladder_characters.md shows.

    python benchmarks/fightladder_sheet.py

draws every move of every character, in the first frame in which it hits, to
docs/envs/fightladder_moves.png, and writes the tables of frames into the page, between the two
lines that say so. Run it after every change of a character.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from arenas.envs.fightladder import pixels
from arenas.envs.fightladder.characters import CHARACTERS
from arenas.envs.fightladder.moves import (
    FIRST_SPECIAL,
    FIRST_STAND,
    SUB,
    Kind,
    Move,
    Stance,
    height_at,
)
from arenas.envs.fightladder.pixels import Seen
from arenas.envs.fightladder.specials import Motion
from arenas.envs.fightladder.tables import Character

DOCS = Path(__file__).parent.parent / "docs" / "envs"
PAGE, PICTURE = DOCS / "fightladder_characters.md", DOCS / "fightladder_moves.png"
BEGIN = "<!-- From here on written by benchmarks/fightladder_sheet.py -->\n"

MOTIONS = {
    Motion.QUARTER_FORWARD: "236",
    Motion.QUARTER_BACK: "214",
    Motion.DRAGON: "623",
    Motion.CHARGE_BACK: "[4]6",
    Motion.CHARGE_DOWN: "[2]8",
}
PLACES = {"STAND": "", "CROUCH": "2", "AIR": "j."}


# Tables -------------------------------------------------------------------------------------------


def inputs(character: Character, kind: Kind) -> str:
    """How a move is entered, as players write it: directions of a numeric pad, then the button."""
    if kind is Kind.THROW:
        return "4 or 6 + HP"
    if kind >= FIRST_SPECIAL:
        special = character.specials[(kind - FIRST_SPECIAL) // 3]
        return MOTIONS[special.motion] + "LMH"[(kind - FIRST_SPECIAL) % 3] + special.button
    place, _, button = kind.name.partition("_")
    return PLACES[place] + button


def title(character: Character, kind: Kind) -> str:
    """What a move is called."""
    if kind >= FIRST_SPECIAL:
        return character.specials[(kind - FIRST_SPECIAL) // 3].name
    place, _, button = kind.name.partition("_")
    if place not in PLACES:
        return kind.name.lower()
    strength = {"L": "light", "M": "medium", "H": "heavy"}[button[0]]
    kick = "kick" if button[1] == "K" else "punch"
    return " ".join(
        filter(None, ({"STAND": "", "CROUCH": "crouching", "AIR": "air"}[place], strength, kick))
    )


def signed(frames: int) -> str:
    """Frames ahead or behind."""
    return f"{frames:+d}".replace("-", "−")


def row(character: Character, kind: Kind, move: Move) -> tuple[str, ...]:
    """A line of a table."""
    air = move.stance is Stance.AIRBORNE
    times = f" × {move.hits}" if move.hits > 1 else ""
    height = move.height.name.lower() + (", down" if move.knockdown else "")
    hit = "down" if move.knockdown else "" if air else signed(move.on_hit())
    block = "" if air else signed(move.on_block())
    if move.grab:
        height, hit, block = "throw", "down", "throws"
    if move.projectile is not None:
        height += ", projectile"
    marks = []
    if move.cancel:
        marks.append("cancels")
    for name, span in (("strikes", move.strike_proof), ("projectiles", move.projectile_proof)):
        if span != (0, 0):
            marks.append(f"no {name} {span[0] + 1}–{span[1]}")
    return (
        inputs(character, kind),
        title(character, kind),
        str(move.startup),
        f"{move.active}{times}",
        "" if air else str(move.recovery),
        f"{move.damage}{times}",
        hit,
        block,
        height,
        ", ".join(marks),
    )


HEAD = (
    "input",
    "move",
    "startup",
    "active",
    "recovery",
    "damage",
    "on hit",
    "on block",
    "height",
    "",
)


def shown(kind: Kind) -> bool:
    """Whether a move is an attack, with a line of its own."""
    return kind >= FIRST_STAND and kind is not Kind.THROWING


def tables() -> Iterator[str]:
    """Lines of all tables."""
    for character in CHARACTERS:
        c = character
        yield f"### {c.name}"
        yield ""
        yield f"{c.style[0].upper()}{c.style[1:]}."
        yield ""
        second = 60 / SUB
        jump = c.jump_speed**2 / (2 * c.gravity) / SUB
        yield (
            f"Health {c.health}, dizzy at {c.stun_limit}; walks {c.walk_forward * second:.0f} units"
            f" a second forward and {c.walk_back * second:.0f} back; jumps {jump:.0f} high; throws"
            f" from {c.throw_range} units for {c.throw_damage}; is {2 * c.half_width} wide."
        )
        yield ""
        yield f"| {' | '.join(HEAD)} |"
        yield "|:--|:--|--:|--:|--:|--:|--:|--:|:--|:--|"
        for kind, move in zip(Kind, c.moves(), strict=True):
            if shown(kind):
                yield f"| {' | '.join(row(c, kind, move))} |"
        yield ""


def filled(page: str) -> str:
    """The page with the tables of today's characters."""
    return page.partition(BEGIN)[0] + BEGIN + "\n" + "\n".join(tables()).rstrip() + "\n"


# Picture ------------------------------------------------------------------------------------------

SCALE, LABEL, PER_LINE = 2, 14, 23
BACK, AHEAD, UP, BELOW = 22, 42, 62, 4  # pixels of a cell around a fighter's feet
SHORT = {"SPECIAL_": "SP", "CROUCH_": "C ", "STAND_": "S ", "AIR_": "A "}


def key_frame(move: Move) -> int:
    """The frame that says most: the first that hits."""
    return move.startup if move.active else move.frames // 2


def cell(render: Any, character: int, kind: Kind) -> np.ndarray:
    """One move, uint8 ``[height, width, 3]``."""
    move = CHARACTERS[character].moves()[kind]
    frame = key_frame(move)
    high = {Stance.AIRBORNE: 24 * SUB}.get(move.stance, height_at(move, frame))
    if kind is Kind.FALL:
        high = 16 * SUB
    ball = move.projectile
    me = Seen(
        x=0,
        y=high,
        facing=1,
        move=int(kind),
        frame=frame,
        health=0,
        stun=0,
        wins=0,
        projectile_x=62 * SUB if ball else 0,
        projectile_y=ball.height * SUB if ball else 0,
    )
    away = Seen(
        x=600 * SUB,
        y=0,
        facing=-1,
        move=0,
        frame=0,
        health=0,
        stun=0,
        wins=0,
        projectile_x=0,
        projectile_y=0,
    )
    picture = np.asarray(render(np.array([*me, *away, 0], np.int16), np.array([character, 0])))
    middle, ground = pixels.WIDTH // 2, pixels.GROUND
    part = picture[ground - UP : ground + BELOW, middle - BACK : middle + AHEAD]
    return part.repeat(SCALE, 0).repeat(SCALE, 1)


def sheet() -> Any:
    """All moves of all characters, a pygame surface."""
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    import jax
    import pygame

    pygame.font.init()
    font = pygame.font.Font(None, 16)
    render = jax.jit(pixels.render)
    wide, tall = (BACK + AHEAD) * SCALE, (UP + BELOW) * SCALE + LABEL
    lines = -(-len(Kind) // PER_LINE)
    size = (wide * PER_LINE, tall * lines * len(CHARACTERS))
    surface = pygame.Surface(size)
    surface.fill((12, 12, 18))
    for i, character in enumerate(CHARACTERS):
        for kind in Kind:
            x, y = kind % PER_LINE * wide, (lines * i + kind // PER_LINE) * tall
            picture = pygame.surfarray.make_surface(cell(render, i, kind).swapaxes(0, 1))
            surface.blit(picture, (x, y + LABEL))
            text = kind.name
            for long, short in SHORT.items():
                text = text.replace(long, short)
            text = f"{character.name}: {text}" if kind % PER_LINE == 0 else text
            surface.blit(
                font.render(text.lower().replace("_", " "), True, (235, 235, 235)), (x + 2, y + 1)
            )
    return surface


def main() -> None:
    """Write both."""
    import pygame

    PAGE.write_text(filled(PAGE.read_text()))
    pygame.image.save(sheet(), str(PICTURE))
    print(f"{PAGE}\n{PICTURE}")


if __name__ == "__main__":
    from timing import command

    command(main)
