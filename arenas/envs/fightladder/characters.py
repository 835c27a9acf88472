"""The twelve fighters. To add one, add an entry: docs/envs/fightladder_characters.md says how."""

from __future__ import annotations

from arenas.envs.fightladder.moves import Height, Kind
from arenas.envs.fightladder.specials import (
    Motion,
    Special,
    flurry,
    grab,
    hop,
    projectile,
    rush,
    uppercut,
)
from arenas.envs.fightladder.tables import Character, compile_tables

QCF, QCB, DP = Motion.QUARTER_FORWARD, Motion.QUARTER_BACK, Motion.DRAGON
BACK, DOWN = Motion.CHARGE_BACK, Motion.CHARGE_DOWN

CHARACTERS: tuple[Character, ...] = (
    Character(
        name="asano",
        style="all-rounder: a wave, a rising fist and a wheeling kick",
        walk_forward=36,
        walk_back=28,
        jump_speed=120,
        gravity=6,
        jump_travel=46,
        health=168,
        power=94,
        specials=(
            Special("rising fist", DP, "P", uppercut(18, 52, 9)),
            Special("wave", QCF, "P", projectile(48, 14, 13, 11, 29)),
            Special("wheel", QCB, "K", rush(14, 44, 16, 9, 15, rise=14, projectile_proof=True)),
        ),
    ),
    Character(
        name="brandt",
        style="guard: charges a blade of air and a somersault, waits",
        walk_forward=30,
        walk_back=26,
        jump_speed=116,
        gravity=6,
        jump_travel=44,
        health=168,
        power=92,
        specials=(
            Special("somersault", DOWN, "K", uppercut(19, 56, 10, travel=6)),
            Special("air blade", BACK, "P", projectile(44, 18, 12, 8, 23)),
            Special("backfist", QCB, "P", rush(16, 36, 8, 12, 14, (4, 56, 46, 78))),
        ),
        normals={Kind.STAND_MK: {"startup": 8, "damage": 14, "box": (8, 64, 30, 56)}},
    ),
    Character(
        name="cleo",
        style="runner: fast feet, many kicks",
        walk_forward=46,
        walk_back=38,
        jump_speed=126,
        gravity=6,
        jump_travel=54,
        health=180,
        power=110,
        throw_damage=20,
        specials=(
            Special("hundred kicks", QCF, "K", flurry(6, 3, 6, 13, (8, 56, 30, 76))),
            Special(
                "spinning bird", DOWN, "K", rush(13, 40, 18, 7, 14, (-30, 44, 30, 80), rise=18)
            ),
            Special("breath", BACK, "P", projectile(40, 12, 11, 12, 26, life=44)),
        ),
    ),
    Character(
        name="dozer",
        style="wrestler: slow, and terrible at arm's length",
        walk_forward=30,
        walk_back=22,
        jump_speed=110,
        gravity=6,
        jump_travel=40,
        health=174,
        half_width=17,
        throw_range=46,
        throw_damage=22,
        stun_limit=72,
        reach=104,
        power=98,
        specials=(
            Special("press", QCF, "P", grab(24, 7, 28)),
            Special("lariat", QCB, "P", flurry(10, 2, 6, 16, (-44, 48, 46, 86))),
            Special("running grab", DP, "K", grab(24, 14, 28, travel=52)),
        ),
    ),
    Character(
        name="esme",
        style="duellist: long blades, little health",
        walk_forward=38,
        walk_back=36,
        jump_speed=124,
        gravity=6,
        jump_travel=50,
        health=180,
        reach=116,
        power=106,
        throw_damage=20,
        specials=(
            Special("thorn", DP, "P", uppercut(16, 46, 6)),
            Special("lunge", QCF, "P", rush(15, 60, 9, 11, 17, (8, 62, 40, 60))),
            Special("vault", QCB, "K", hop(14, 17, 12, 34, 38)),
        ),
    ),
    Character(
        name="fang",
        style="beast: rolls and bites from a crouch",
        walk_forward=40,
        walk_back=32,
        jump_speed=120,
        gravity=6,
        jump_travel=56,
        health=196,
        power=116,
        specials=(
            Special("roll", BACK, "P", rush(15, 68, 20, 8, 13, (0, 30, 0, 56))),
            Special("spring", DOWN, "P", uppercut(17, 60, 7, travel=34)),
            Special("maul", QCF, "P", flurry(7, 3, 7, 15, (8, 48, 20, 70))),
        ),
        normals={Kind.CROUCH_HK: {"travel": 50, "travels": (4, 13)}},
    ),
    Character(
        name="goro",
        style="heavyweight: hands like walls, a flying head",
        walk_forward=28,
        walk_back=22,
        jump_speed=108,
        gravity=6,
        jump_travel=38,
        health=184,
        half_width=17,
        power=106,
        stun_limit=70,
        specials=(
            Special("hundred hands", QCF, "P", flurry(8, 3, 5, 14, (8, 60, 30, 76))),
            Special(
                "headbutt", BACK, "P", rush(19, 72, 16, 11, 18, (4, 36, 30, 70), knockdown=True)
            ),
            Special("earth fall", DOWN, "K", hop(21, 23, 14, 30, 60)),
        ),
    ),
    Character(
        name="hex",
        style="zoner: two speeds of fire, weak when caught",
        walk_forward=30,
        walk_back=32,
        jump_speed=118,
        gravity=6,
        jump_travel=42,
        health=156,
        power=92,
        specials=(
            Special("high fire", QCF, "P", projectile(40, 20, 13, 9, 26, height=60)),
            Special("low fire", QCF, "K", projectile(52, 14, 11, 11, 25, height=24)),
            Special("burst", DP, "P", uppercut(17, 40, 7, travel=4)),
        ),
        normals={Kind.STAND_HK: {"box": (8, 74, 40, 66)}},
    ),
    Character(
        name="ilya",
        style="soldier: knees that stay safe when blocked",
        walk_forward=36,
        walk_back=30,
        jump_speed=118,
        gravity=6,
        jump_travel=48,
        health=190,
        power=118,
        specials=(
            Special("scissors", BACK, "K", rush(14, 58, 10, 9, 8, (8, 52, 14, 54), rise=10)),
            Special(
                "crusher", BACK, "P", rush(18, 70, 16, 13, 16, (0, 34, 20, 60), knockdown=True)
            ),
            Special("heel drop", QCB, "K", hop(15, 19, 13, 36, 44)),
        ),
        normals={Kind.STAND_HK: {"startup": 9, "box": (8, 66, 40, 72)}},
    ),
    Character(
        name="juno",
        style="boxer: dashes, ducks and counters",
        walk_forward=42,
        walk_back=34,
        jump_speed=114,
        gravity=6,
        jump_travel=44,
        power=112,
        specials=(
            Special("rising hook", DP, "P", uppercut(17, 44, 8, travel=20)),
            Special("dash straight", QCF, "P", rush(15, 64, 10, 10, 13)),
            Special("dash low", QCF, "K", rush(13, 60, 10, 12, 15, (8, 46, 0, 18), Height.LOW)),
        ),
    ),
    Character(
        name="kiri",
        style="shadow: leaps over everything",
        walk_forward=44,
        walk_back=40,
        jump_speed=134,
        gravity=7,
        jump_travel=62,
        health=172,
        power=110,
        throw_damage=20,
        specials=(
            Special("talon", QCF, "K", hop(14, 16, 11, 50, 44)),
            Special("dart", QCF, "P", projectile(60, 10, 9, 9, 22, life=40)),
            Special("slide", QCB, "K", rush(12, 58, 10, 7, 16, (4, 40, 0, 14), Height.LOW, True)),
        ),
    ),
    Character(
        name="lazar",
        style="tyrant: long limbs, stretched fists, slow to move",
        walk_forward=26,
        walk_back=24,
        jump_speed=112,
        gravity=5,
        jump_travel=34,
        health=169,
        reach=134,
        power=94,
        specials=(
            Special("flame", QCF, "P", projectile(38, 10, 13, 14, 30, life=56)),
            Special("pillar", DP, "P", flurry(9, 2, 9, 19, (8, 66, 0, 112))),
            Special("glide", QCB, "K", rush(14, 48, 16, 12, 14, (4, 50, 0, 30), Height.LOW)),
        ),
    ),
)
"""In the order of the ladder's names; :data:`NAMES` has them alone."""

NAMES = tuple(c.name for c in CHARACTERS)

TABLES = compile_tables(CHARACTERS)
