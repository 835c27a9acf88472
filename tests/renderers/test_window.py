"""The window, driven by keys and the mouse as SDL would tell them."""

import dataclasses
import os
import shlex
import shutil
import subprocess
import sys
import time
from unittest import mock

import numpy as np
import pygame
import pytest
import shapes

import arenas
from arenas.errors import BadArgument
from arenas.match import Policies
from arenas.renderers import film as film_module
from arenas.renderers.film import Film, TextDrawing
from arenas.renderers.panel import badge, command, panel
from arenas.renderers.window import KEYS, NoDisplay, Player, Screen, facts_items, fit, text_width
from arenas.replay import Replay


@pytest.fixture(scope="module")
def films():
    return [shapes.film(12), shapes.film(6, agents=("first", "second"))]


@pytest.fixture
def player(films):
    with Screen("test", scale=1.0) as screen:
        yield Player(films, screen=screen, playing=False)


NAMED = {
    " ": pygame.K_SPACE, "left": pygame.K_LEFT, "right": pygame.K_RIGHT, "home": pygame.K_HOME,
    "end": pygame.K_END, "up": pygame.K_UP, "down": pygame.K_DOWN, "escape": pygame.K_ESCAPE,
    ",": pygame.K_COMMA, ".": pygame.K_PERIOD,
}  # fmt: skip


def press(player, key, shift=False):
    code = NAMED.get(key) or (ord(key.lower()) if len(key) == 1 else 0)
    typed = key if len(key) == 1 else ""
    mod = pygame.KMOD_SHIFT if shift else 0
    player.handle(pygame.event.Event(pygame.KEYDOWN, key=code, unicode=typed, mod=mod))


def click(player, x, y):
    for kind in (pygame.MOUSEBUTTONDOWN, pygame.MOUSEBUTTONUP):
        player.handle(pygame.event.Event(kind, button=1, pos=(x, y)))


def pixels(player):
    player.draw()
    return pygame.image.tobytes(player.screen.surface, "RGB")


def test_every_key_does_what_the_help_says(player, films):
    press(player, "right")
    press(player, "right", shift=True)
    assert player.t == 11
    press(player, "left")
    assert player.t == 10
    press(player, "end")
    assert player.t == 12
    press(player, "right")
    assert player.t == 12
    press(player, "[")
    assert player.t == 8
    press(player, "]")
    assert player.t == 12
    press(player, "home")
    assert player.t == 0
    press(player, "]")
    assert player.t == 4
    press(player, "]")
    assert player.t == 5
    press(player, ".")  # three pictures a step
    assert (player.t, player.clock) == (6, pytest.approx(5 + 1 / 3))
    press(player, ",")
    press(player, ",")
    assert player.clock == pytest.approx(4 + 2 / 3)
    press(player, "s")
    assert player.seat == 0
    press(player, "2")
    assert player.seat == 1
    press(player, "s")
    assert player.seat is None
    press(player, "S", shift=True)
    assert player.seat == 1
    press(player, "0")
    press(player, "9")  # no such seat
    assert player.seat is None
    press(player, "up")
    assert player.speed == 2
    press(player, "down")
    press(player, "down")
    assert player.speed == 0.5
    press(player, "n")
    assert player.active == 1 and player.clock == 0 and player.last == 6
    press(player, "b")
    assert player.together and player.last == 12
    press(player, "p")
    assert player.active == 0
    press(player, "b")
    press(player, "?")
    assert player.helping
    press(player, "escape")
    assert not player.helping and player.open
    press(player, "escape")
    assert not player.open


def test_playing_takes_its_time_and_ends_at_the_end(player, films):
    press(player, " ")
    player.playing = True
    player.active = 0
    player.clock = 0.0
    player.advance(0.2)
    assert player.clock == pytest.approx(2.0)  # ten steps a second
    player.speed = 4.0
    player.advance(0.2)
    assert player.clock == pytest.approx(10.0)
    player.advance(0.2)  # past the end: the next film
    assert player.active == 1 and player.clock == 0 and player.playing
    player.advance(0.2)
    assert player.t == 6 and not player.playing
    player.advance(0.2)
    assert player.t == 6
    press(player, " ")
    assert player.playing and player.clock == 0


def test_a_picture_between_two_steps_is_shown(player, films):
    player.seek(4 + 1 / 3)
    assert player.scene(0) == films[0].drawing.between(5)[0]
    player.seek(5)
    assert player.scene(0) == films[0].scene(5)
    player.show_seat(1)
    assert player.scene(0) == films[0].scene(5, 1)


def test_the_scrub_bar_is_dragged_and_its_marks_are_clicked(player):
    player.draw()
    track = [24 + (1280 - 48) * t / 12 for t in range(13)]
    click(player, track[7], 658)
    assert player.t == 7
    player.handle(pygame.event.Event(pygame.MOUSEBUTTONDOWN, button=1, pos=(track[2], 658)))
    player.handle(pygame.event.Event(pygame.MOUSEMOTION, pos=(track[9], 300)))
    assert player.t == 9
    player.handle(pygame.event.Event(pygame.MOUSEBUTTONUP, button=1, pos=(track[9], 300)))
    player.handle(pygame.event.Event(pygame.MOUSEMOTION, pos=(track[3], 300)))
    assert player.t == 9
    click(player, track[5] + 4, 646)  # a mark draws the click to it
    assert player.t == 5


def test_every_button_is_there_and_does_what_its_tip_says(player, capsys):
    player.draw()
    tips = [b.tip for b in player._buttons]
    assert len(tips) == len(player._buttons) >= 13

    def hit(tip, which=0):
        player.draw()
        button = [b for b in player._buttons if b.tip.startswith(tip)][which]
        click(player, button.x + button.width / 2, button.y + button.height / 2)

    hit("a step forward")
    assert player.t == 1
    hit("the next event")
    assert player.t == 4
    player.seat = 0  # to which the event of step 5 is not shown
    hit("the next event")
    assert player.t == 8
    player.seat = None
    hit("the event before")
    assert player.t == 5
    hit("the event before")
    assert player.t == 4
    hit("a step back")
    assert player.t == 3
    hit("the event before")
    assert player.t == 0
    hit("faster")
    assert player.speed == 2
    hit("slower")
    assert player.speed == 1
    hit("what is shown", 1)
    assert player.seat == 0
    hit("what is shown", 0)
    assert player.seat is None
    hit("replay", 1)
    assert player.active == 1
    hit("side by side")
    assert player.together
    hit("one after another")
    assert not player.together
    hit("play") if not player.playing else hit("pause")
    hit("copy the command")
    assert capsys.readouterr().out.strip() == command(player.film)
    hit("keys")
    assert player.helping
    click(player, 5, 5)
    assert not player.helping


def test_what_changes_is_drawn(player):
    seen = {pixels(player)}
    for key in (".", "right", "s", "b", "n", "?"):
        press(player, key)
        picture = pixels(player)
        assert picture not in seen, key
        seen.add(picture)


def test_the_window_may_have_any_size(films):
    for scale in (0.4, 1.7):
        with Screen("test", scale=scale) as screen:
            player = Player(films, screen=screen, playing=False)
            player.draw()
            width, height = screen.surface.get_size()
            click(player, width * (24 + 1232 / 2) / 1280, height * 658 / 720)
            assert player.t == 6


def test_run_plays_until_the_window_is_closed(films):
    with Screen("test", scale=0.4) as screen:
        player = Player([films[1]], screen=screen)
        player.speed = 16.0
        begun = time.monotonic()
        drawn = []
        draw = player.draw

        def counted():
            draw()
            drawn.append(player.t)
            if player.t == 6:
                pygame.event.post(pygame.event.Event(pygame.QUIT))

        player.draw = counted
        player.run()
    assert drawn[-1] == 6 and sorted(drawn) == drawn
    assert time.monotonic() - begun < 20


def test_no_film_and_no_such_seat_are_refused(films):
    with pytest.raises(BadArgument, match="nothing to show"):
        Player([])
    with pytest.raises(BadArgument, match="seat 3; accepted are 0 to 1"):
        Player(films, seat=3)


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="always has a display")
def test_without_a_display_the_message_names_what_works_without_one(monkeypatch):
    pygame.display.quit()
    for name in ("SDL_VIDEODRIVER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(NoDisplay, match="no display .* --html"):
        Screen("test")


ON_A_SCREEN = """
import pygame, shapes
from arenas.renderers.window import Player, Screen, from_clipboard
player = Player([shapes.film(3, agents=("a", "b"))], screen=Screen("Arenas"), playing=False)
assert pygame.display.get_driver() == "x11"
draw, copied = player.draw, []
steps = [pygame.K_RIGHT, pygame.K_c, pygame.K_f, pygame.K_f, pygame.K_q]
def drawn():
    draw()
    if steps[:1] == [pygame.K_f] and not copied:
        copied.append(from_clipboard())
    if steps:
        pygame.event.post(pygame.event.Event(
            pygame.KEYDOWN, key=steps.pop(0), unicode="", mod=0))
player.draw = drawn
player.run()
print("step", player.t, "clipboard", copied[0])
"""


@pytest.mark.skipif(shutil.which("xvfb-run") is None, reason="xvfb-run is not installed")
def test_on_a_real_display_of_x11_it_opens_and_copies_the_command(films):
    root = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    env = {k: v for k, v in os.environ.items() if k != "SDL_VIDEODRIVER"}
    env["PYTHONPATH"] = os.pathsep.join([root, os.path.dirname(__file__)])
    answer = subprocess.run(
        ["xvfb-run", "-a", sys.executable, "-c", ON_A_SCREEN],
        env=env, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    assert "step 1 clipboard arenas match" in answer.stdout


# Facts -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def told():
    """A film of three throws, of which the second has probabilities and a value of seat 0."""
    [episode] = arenas.play("rrps-v0,throws=3", ["rrps/rock", "random"], seed=4)
    probabilities = np.full((3, 2, 3), np.nan, np.float32)
    values = np.full((3, 2), np.nan, np.float32)
    probabilities[1, 0], values[1, 0] = (0.25, 0.5, 0.25), 0.75
    episode = dataclasses.replace(episode, policies=Policies(probabilities, values))
    return Film.of(Replay.of(episode))


def test_the_panel_tells_choices_rewards_and_what_agents_told(told):
    actions = [told.moments[t].action for t in (1, 2, 3)]
    words = ("rock", "paper", "scissors")
    first, second = panel(told, 1)["seats"]
    assert first["did"] == first["chose"] == "rock"
    assert second["did"] == words[actions[0][1]] and second["chose"] == words[actions[1][1]]
    assert first["reward"] == float(told.moments[1].timestep.reward[0])
    assert first["legal"] == list(words)
    assert first["probabilities"] == [["paper", 0.5], ["rock", 0.25], ["scissors", 0.25]]
    assert first["value"] == 0.75
    assert second["probabilities"] is None and second["value"] is None
    [only] = panel(told, 3, 1)["seats"]
    assert only["seat"] == 1 and only["chose"] is None and only["legal"] is None
    assert panel(told, 3)["end"] == "terminated"
    total = sum(float(m.timestep.reward[0]) for m in told.moments)
    assert panel(told, 3)["seats"][0]["return"] == total


def test_the_panel_draws_probabilities_and_stays_in_its_place(told):
    items = facts_items(panel(told, 1), told)
    words = [i.text for i in items if hasattr(i, "text")]
    assert "50.0 %" in words and "0.75" in words
    for item in items:
        if hasattr(item, "text"):
            assert text_width(item.text, item.size, item.bold) <= 320 - 2 * 16


def test_a_text_is_cut_to_its_room():
    assert fit("short", 300, 16) == "short"
    cut = fit("w" * 200, 100, 16)
    assert cut.endswith("…") and text_width(cut, 16) <= 100 < text_width(cut + "w", 16)


def test_the_command_plays_the_same_episode_again(told, tmp_path):
    words = command(told)
    assert words == (
        "arenas match rrps-v0,throws=3 --agents rrps/rock random --seed 4 --record again.replay"
    )
    assert badge(told) == f"rrps-v0,throws=3 · seed 4 · Arenas {arenas.__version__}"


def test_arguments_and_hostile_names_survive_a_shell_and_our_parser():
    env = arenas.make_host("rrps-v0", throws=9)
    env.spec = arenas.registry.envs["fightladder-v0"]  # the game itself takes seconds to be made
    env.kwargs = {"characters": ("asano", "hex"), "rounds": 3}
    names = ("mine:Agent,x='a b'", "; rm -rf $HOME")
    with mock.patch.dict(film_module._DRAWINGS, {"fightladder": TextDrawing}):
        parts = shlex.split(command(Film(env, names, 7)))
    assert parts[:2] == ["arenas", "match"] and parts[4:6] == list(names)
    spec, kwargs = arenas.registry.resolve(arenas.registry.envs, parts[2])
    assert spec.id == "fightladder-v0"
    assert kwargs == {"characters": ("asano", "hex"), "rounds": 3}


def test_the_help_lists_each_key_once():
    assert len({key for key, _ in KEYS}) == len(KEYS)
