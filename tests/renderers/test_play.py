"""People play: whole episodes by keys and the mouse, as SDL would tell them, and early ends."""

import itertools
import math
import os
import random
import signal
import threading

import numpy as np
import pygame
import pytest
import scipy.sparse.csgraph
import toys

import arenas
from arenas.agent import HostAgent, as_host_agents
from arenas.cli import play as cli
from arenas.envs.hanabi.rules import COLORS
from arenas.errors import BadArgument
from arenas.host import as_host
from arenas.renderers.controls import Commands, Fight, cheapest_way
from arenas.renderers.panel import command
from arenas.renderers.play import THINKS, Play, result, watch_again
from arenas.renderers.window import Screen
from arenas.replay import Replay


def key(code, typed="", up=False):
    kind = pygame.KEYUP if up else pygame.KEYDOWN
    pygame.event.post(pygame.event.Event(kind, key=code, unicode=typed, mod=0))


def click(play, x, y):
    """The left button, at a place of the stage."""
    left, top, scale = play.screen.place()
    at = (left + x * scale, top + y * scale)
    pygame.event.post(pygame.event.Event(pygame.MOUSEMOTION, pos=at, rel=(0, 0), buttons=(0, 0, 0)))
    pygame.event.post(pygame.event.Event(pygame.MOUSEBUTTONDOWN, button=1, pos=at))


def table(env, act, seat=0, against=(), two_players=False, seed=3):
    """A game about to be played, at which ``act`` is called at each drawing.

    Against agents by name, or against one that is handed over.
    """
    game = arenas.make_host(env) if isinstance(env, str) else as_host(env)
    given = isinstance(against, HostAgent)
    names = cli.seating(game, seat, () if given else against, two_players)
    if given:
        agents = [against]
    else:
        agents = as_host_agents([arenas.load_agent(n, game) for n in names if n is not None])
    rest = iter(agents)
    screen = Screen("test", scale=0.4)
    play = Play(
        game, [None if n is None else next(rest) for n in names], seed, screen=screen, speed=64.0
    )
    drawing = play.film.drawing  # the frames between two steps have tests of their own
    drawing.between = lambda t, seat=None, every=1: [drawing.scene(t, seat)]
    draw = play._draw
    play.drawn = 0

    def drawn(scene):
        play.drawn += 1
        assert play.drawn < 5000, "it does not end"
        act(play)
        draw(scene)

    play._draw = drawn
    return play


def played(*args, **kwargs):
    play = table(*args, **kwargs)
    with play.screen:
        episode = play.run()
    if play.env.spec is not None:
        Replay.of(episode).verify()
    return play, episode


@pytest.fixture(scope="module")
def rng():
    return random.Random(0)


def test_throws_by_letters_are_those_that_are_recorded():
    throws = iter("rpsrps")
    typed = []

    def act(play):
        if play.controls._asked is not None and len(typed) == len(play.film) - 1:
            typed.append(next(throws))
            key(ord(typed[-1]), typed[-1])

    play, episode = played("rrps-v0,throws=6", act, seat=1, against=("rrps/rock",))
    assert episode.actions[:, 1].tolist() == [0, 1, 2, 0, 1, 2]
    assert episode.agents == ("rrps/rock", "human") and episode.outcome == "terminated"
    assert len(play.film) == 7 and play.view == 1
    assert result(episode, play.film) == "terminated: player_0 0, player_1 0"
    assert command(play.film) == (
        "arenas play rrps-v0,throws=6 --seat 1 --against rrps/rock --seed 3 --record again.replay"
    )


def test_hanabi_is_played_by_the_keys_and_clicks_of_its_menu(rng):
    taken = []

    def act(play):
        menu = play.controls
        if menu._asked is None or not menu._places:
            return
        left, top, width, height, action = rng.choice(menu._places)
        assert menu._mask[action]
        if len(taken) % 2:
            typed = menu.key_of[action]
            key(ord(typed), typed)
        else:
            click(play, left + width / 2, top + height / 2)
        if len(taken) < len(play.film):
            taken.append(action)

    play, episode = played("hanabi-very-small-v0", act, seat=0, against=("random",))
    assert episode.outcome == "terminated"
    words = [w for w in play.controls.words if w.startswith("tell")]
    assert words[0] == "tell P1 red"
    assert play.controls.key_of[play.env.action_labels.index("play:0")] == "1"


def test_hanabi_is_played_by_clicks_on_cards(rng):
    """A card, then what to do with it; the record holds what the choice said."""
    meant = []

    def act(play):
        menu = play.controls
        if menu._asked is None or len(meant) > play.env.steps:
            return
        state = play.film.moments[-1].state
        player, slot = rng.choice(menu._cards())
        x, y, width, height = play.film.drawing.card_place(player, slot)
        click(play, x + width / 2, y + height / 2)
        play._pump()
        assert menu._card == (player, slot)
        choices = menu._choice_places()
        labels = [play.env.action_labels[c.action] for _, c in choices]
        if player == 0:
            assert labels == [f"play:{slot}", f"discard:{slot}"]
        else:  # the colour and the rank that its holder does not see
            color, rank = divmod(int(state.hands[player, slot]), play.film.drawing.rules.ranks)
            assert labels == [f"hint:+1:{COLORS[color]}", f"hint:+1:{rank + 1}"]
        legal = [(place, c) for place, c in choices if menu._mask[c.action]]
        if not legal:  # no hints are left: say so, and wait
            place, choice = choices[0]
            click(play, place[0] + 5, place[1] + 5)
            play._pump()
            assert "is not legal now" in play._said
            assert menu._card == (player, slot)
            click(play, x + width / 2, y + height / 2)  # put away
            return
        place, choice = rng.choice(legal)
        meant.append((choice, state))
        click(play, place[0] + 5, place[1] + 5)

    play, episode = played("hanabi-v0,players=2", act, against=("hanabi/iggi",), seed=5)
    assert episode.outcome == "terminated"
    mine = np.flatnonzero([m.acted[0] for m in play.film.moments[1:]])
    assert [c.action for c, _ in meant] == episode.actions[mine, 0].tolist()
    assert {c.words.split()[0] for c, _ in meant} == {"play", "discard", "tell"}
    for (choice, _), t in zip(meant, mine, strict=True):  # a hint touches what was marked for it
        if choice.words.startswith("tell"):
            effect = int(play.film.moments[t + 1].state.last_effect)
            assert {s for s in range(5) if effect >> s & 1} == {s for _, s in choice.touched}


def test_hanabi_cards_are_chosen_by_arrows_and_put_away_by_escape():
    seen = []

    def act(play):
        menu = play.controls
        if play.drawn == 1:
            assert menu._asked is None or menu._card is None
        elif play.drawn == 3:
            for code in (pygame.K_RIGHT, pygame.K_RIGHT, pygame.K_DOWN):
                key(code)
            play._pump()
            seen.append(menu._card)
            key(pygame.K_ESCAPE)
            play._pump()
            seen.append((menu._card, play.leaving))
            key(pygame.K_UP)
            key(pygame.K_RETURN)
        elif len(play.film) > 1:
            pygame.event.post(pygame.event.Event(pygame.QUIT))

    play, episode = played("hanabi-very-small-v0", act, against=("random",))
    assert seen == [(1, 1), (None, False)]
    assert play.env.action_labels[episode.actions[0, 0]] == "play:0"


def test_an_illegal_key_says_so_and_changes_nothing():
    def act(play):
        menu = play.controls
        if play.drawn == 1:
            discard = play.env.action_labels.index("discard:0")
            assert not menu._mask[discard]  # all hints are there
            typed = menu.key_of[discard]
            key(ord(typed), typed)
        if play.drawn == 4:
            assert "discard card 1 is not legal now" in play._said
            assert play.env.steps == 0
            pygame.event.post(pygame.event.Event(pygame.QUIT))

    _, episode = played("hanabi-very-small-v0", act, against=("random",))
    assert episode.length == 0


def test_held_arrows_walk():
    def act(play):
        if play.drawn == 1:
            key(pygame.K_UP)

    play, episode = played("colorgrid-v0,size=7,max_steps=8", act, against=("random",))
    assert episode.actions[:, 0].tolist() == [play.env.action_labels.index("up")] * 8


def test_a_click_on_the_grid_walks_there_around_blocks():
    goal = []

    def act(play):
        if play.drawn == 2:
            x, y = play.film.moments[-1].state.position[0].tolist()
            goal.append((0 if x > 4 else 8, 0 if y > 4 else 8))
            click(play, *play.film.drawing.middle(*goal[0]))
        elif len(play.film) > 1 and play.controls._goal is None:
            pygame.event.post(pygame.event.Event(pygame.QUIT))

    play, _ = played("colorgrid-v0,size=9,block_density=0.2", act, against=("random",))
    ways = [tuple(m.state.position[0].tolist()) for m in play.film.moments]
    assert ways[-1] == goal[0]
    taken = sum(
        int(m.timestep.info[kind][0])
        for m in play.film.moments[1:-1]
        for kind in ("goal_blocks", "incorrect_blocks")
    )
    assert taken == 0


def test_ways_cost_what_an_independent_search_says():
    rng = np.random.default_rng(0)
    for _ in range(20):
        costs = rng.choice([1.0, 3.0, 20.0, math.inf], (7, 9), p=[0.5, 0.2, 0.1, 0.2])
        edges = np.zeros((63, 63))
        for y, x in np.ndindex(7, 9):
            for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0)):
                if 0 <= y + dy < 7 and 0 <= x + dx < 9 and math.isfinite(costs[y + dy, x + dx]):
                    edges[y * 9 + x, (y + dy) * 9 + x + dx] = costs[y + dy, x + dx]
        least = scipy.sparse.csgraph.dijkstra(edges, indices=0)
        for y, x in np.ndindex(7, 9):
            way = cheapest_way(costs, (0, 0), (x, y))
            assert bool(way) == math.isfinite(least[y * 9 + x])
            if way:
                assert way[0] == (0, 0)
                assert way[-1] == (x, y)
                assert all(
                    abs(a - c) + abs(b - d) == 1 for (a, b), (c, d) in itertools.pairwise(way)
                )
                assert sum(costs[b, a] for a, b in way[1:]) == least[y * 9 + x]


def test_commands_move_a_team_and_make_it_attack():
    game = arenas.make_host("smax-3m-v0")
    orders = []

    def act(play):
        view = play.film.drawing.view(len(play.film) - 1)
        state = play.film.moments[-1].state
        x, y, scale = play.screen.place()

        def click(place, button):
            at = (x + float(place[0]) * scale, y + float(place[1]) * scale)
            for kind in (pygame.MOUSEBUTTONDOWN, pygame.MOUSEBUTTONUP):
                play.handle(pygame.event.Event(kind, button=button, pos=at))

        places = view.place(np.asarray(state.position))
        if play.drawn == 1:
            key(pygame.K_1, "1")  # as units are numbered in the picture
            play._pump()
            assert play.controls.selected == {1}
            click(places[0], 1)
            assert play.controls.selected == {0}
            click(places[0] - (0, 150), 3)
            orders.append(dict(play.controls.orders))
            key(pygame.K_a)
        elif play.drawn == 6:
            assert play.controls.selected == {0, 1, 2}
            enemy = next(u for u in range(3, 6) if state.health[u] > 0)
            click(places[enemy], 3)
            orders.append((enemy, dict(play.controls.orders)))

    play, episode = played(game, act)
    assert isinstance(play.controls, Commands) and play.people == [0, 1, 2]
    assert episode.agents == ("human",) * 3
    assert set(orders[0]) == {0} and orders[0][0][0] == "go"
    enemy, given = orders[1]
    assert given == dict.fromkeys((0, 1, 2), ("attack", enemy))
    up = play.env.action_labels.index("up")
    assert episode.actions[1, 0] == up  # where unit 0 was told to go after the first step
    assert (episode.actions == 5 + enemy - 3).any()  # and the target was shot at


@pytest.fixture(scope="module")
def fight():
    return arenas.make_host("fightladder-v0", characters="hex", frame_skip=60)


def test_two_people_fight_at_one_keyboard(fight, rng):
    keys = "wasdfghvbnrtyuiojkl789"
    arrows = (pygame.K_UP, pygame.K_DOWN, pygame.K_LEFT, pygame.K_RIGHT)

    def act(play):
        code = rng.choice([*map(ord, keys), *arrows])
        key(code)
        if rng.random() < 0.6:
            key(code, up=True)

    play, episode = played(fight, act, two_players=True)
    assert episode.outcome == "terminated" and episode.agents == ("human", "human")
    assert play.view is None
    assert all(len(np.unique(episode.actions[:, seat])) > 5 for seat in (0, 1))
    assert " --two-players " in command(play.film)


def test_directions_are_held_and_attacks_are_pressed_once(fight):
    labels = fight.action_labels
    fight.reset(0)
    mask = np.ones(fight.num_actions, bool)
    play = table(fight, lambda play: None, seat=1, against=("random",))
    play.film.add()
    controls = play.controls
    assert isinstance(controls, Fight)

    def now():
        for event in pygame.event.get():
            controls.handle(event)
        return labels[controls.choose(1, mask)]

    with play.screen:
        assert now() == "neutral"
        key(pygame.K_LEFT)
        key(pygame.K_DOWN)
        assert now() == now() == "down-left"
        key(pygame.K_o)
        assert [now(), now()] == ["down-left+HP", "down-left"]
        key(pygame.K_j)
        key(pygame.K_j, up=True)
        key(pygame.K_DOWN, up=True)
        assert [now(), now()] == ["left+LK", "left"]
        key(pygame.K_d)  # left and right together are neither
        assert now() == "neutral"
        key(pygame.K_8)
        assert now() == "special-2-left"  # faces the opponent, who stands to the left


def test_the_pad_of_buttons_is_played_too():
    env = arenas.make_host("fightladder-v0", characters="hex", action_type="buttons")
    env.reset(0)
    play = table(env, lambda play: None, against=("random",))
    play.film.add()
    with play.screen:
        for code in (pygame.K_RIGHT, pygame.K_u):
            key(code)
        for event in pygame.event.get():
            play.controls.handle(event)
        pressed = play.controls.choose(0, np.ones(12, bool))
    assert [n for n, p in zip(env.action_labels, pressed, strict=True) if p] == ["Y", "RIGHT"]


# Ends --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["close", "escape", "ctrl-c"])
def test_who_leaves_forfeits_and_what_was_played_is_recorded(how, tmp_path):
    def act(play):
        if play.env.steps < 3:
            key(pygame.K_r, "r")
        elif how == "close":
            pygame.event.post(pygame.event.Event(pygame.QUIT))
        elif how == "escape":
            key(pygame.K_ESCAPE)
        else:
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    play, episode = played("rrps-v0,throws=40", act, against=("rrps/rock",))
    assert signal.getsignal(signal.SIGINT) is before
    assert (episode.outcome, episode.length) == ("forfeit", 3)
    assert episode.forfeit.seat == 0 and play.interrupted == (how == "ctrl-c")
    assert result(episode, play.film).startswith("player_0 (human) forfeits: ")
    Replay.of(episode).save(tmp_path / "a.replay")
    assert Replay.load(tmp_path / "a.replay").episode.actions.shape == (3, 2)


class Slow(HostAgent):
    """Throws in turn, and each time waits until it may."""

    def __init__(self):
        self.name, self.may, self.threads = "slow", threading.Event(), set()

    def reset(self, seat, seed):
        self.throw = seed % 3

    def act(self, observation, action_mask):
        self.threads.add(threading.current_thread())
        assert self.may.wait(60)
        self.throw = (self.throw + 1) % 3
        return self.throw


class Alarmed(HostAgent):
    """Sets a handler of a signal when it is asked."""

    name = "alarmed"

    def reset(self, seat, seed):
        pass

    def act(self, observation, action_mask):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        return 0


def test_an_agent_that_sets_handlers_of_signals_is_told_where_it_may():
    _, episode = played("rrps-v0,throws=3", lambda play: None, 1, Alarmed())
    assert episode.forfeit.seat == 0
    assert "alarmed sets a handler of signals in act, which Python" in episode.forfeit.reason


def test_the_window_answers_while_an_agent_thinks():
    """Help opens and closes in the midst of a thought, and the record is that of the match."""
    slow, shown, helped = Slow(), [], []

    def act(play):
        if play._thinks is None:
            key(pygame.K_p, "p")
        elif not helped:
            key(pygame.K_SLASH, "?")
            play._pump()
            helped.append(play.helping)
            key(pygame.K_SLASH, "?")
            play._pump()
            helped.append(play.helping)
        elif play._thinks[1] > THINKS:
            shown.append(play.notes())
            slow.may.set()

    play, episode = played("rrps-v0,throws=5", act, against=slow, seed=9)
    assert helped == [True, False]
    assert shown[0] == ["slow is thinking"]
    assert len(slow.threads) == 1
    assert threading.main_thread() not in slow.threads
    alone = Slow()
    alone.may.set()
    [same] = arenas.play("rrps-v0,throws=5", [arenas.load_agent("rrps/paper", play.env), alone],
                         seed=9)  # fmt: skip
    assert episode.actions.tolist() == same.actions.tolist()
    assert (episode.returns, episode.checksum) == (same.returns, same.checksum)


@pytest.mark.parametrize("how", ["close", "ctrl-c"])
def test_who_leaves_while_an_agent_thinks_forfeits_at_once(how):
    slow = Slow()

    def act(play):
        if play._thinks is None:
            key(pygame.K_p, "p")
        elif how == "close":
            pygame.event.post(pygame.event.Event(pygame.QUIT))
        else:
            os.kill(os.getpid(), signal.SIGINT)

    play, episode = played("rrps-v0,throws=5", act, seat=1, against=slow)
    assert not slow.may.is_set()  # it was not waited for
    slow.may.set()
    assert (episode.outcome, episode.length, episode.forfeit.seat) == ("forfeit", 0, 1)
    assert play.interrupted == (how == "ctrl-c")


def test_one_escape_asks_and_help_and_pause_wait(fight):
    asked = []

    def act(play):
        steps = play.env.steps
        if play.drawn == 2:
            key(pygame.K_ESCAPE)
        elif play.drawn == 4:
            asked.append((play.leaving, steps))
            key(pygame.K_SPACE)
        elif play.drawn == 8:
            asked.append((play.leaving, play.paused))
            key(pygame.K_SPACE)
            key(pygame.K_SLASH, "?")
        elif play.drawn == 12:
            asked.append((play.helping, play.paused))
            pygame.event.post(pygame.event.Event(pygame.QUIT))

    played(fight, act, against=("random",))
    assert asked[0][0] and asked[1:] == [(False, True), (True, False)]


def test_an_agent_that_fails_forfeits_and_is_named():
    play, episode = played(
        "rrps-v0,throws=9", lambda play: key(pygame.K_p, "p"), against=("hostile:Raises,at=2",)
    )
    assert episode.forfeit.seat == 1
    assert "player_1 (hostile:Raises,at=2) forfeits" in result(episode, play.film)


def test_any_game_of_numbered_actions_is_played_by_a_menu():
    _, episode = played(toys.Nim(), lambda play: key(ord("1"), "1"), against=("random",))
    assert episode.outcome == "terminated"
    with pytest.raises(BadArgument, match="takes vectors as actions"):
        table(toys.Aim(), lambda play: None)
    pygame.display.quit()


@pytest.mark.parametrize("agent", ["kuhn/honest", "kuhn/cfr", "leduc/honest", "leduc/cfr"])
def test_poker_is_played_against_its_agents(agent):
    game = agent.partition("/")[0]
    cfr = ",iterations=2" if agent.endswith("cfr") else ""
    typed = {"kuhn": "p", "leduc": "c"}[game]
    _, episode = played(
        f"{game}-v0", lambda play: key(ord(typed), typed), against=(agent + cfr,), seed=1
    )
    assert episode.outcome == "terminated"


def test_afterwards_the_film_is_there_to_be_watched():
    play = table("rrps-v0,throws=2", lambda play: key(pygame.K_s, "s"), against=("rrps/rock",))
    seen = []

    def look(player):
        player.draw()
        seen.append((player.t, player.seat, player._said))

    with play.screen:
        episode = play.run()
        watch_again(play, result(episode, play.film), look)
    assert seen == [(2, 0, "terminated: player_0 -2, player_1 2")]


# Seats -------------------------------------------------------------------------------------------


def seats(env, *args):
    return cli.seating(arenas.make_host(env), *args)


def test_who_sits_where():
    assert seats("rrps-v0", 1, ("rrps/rock",), False) == ["rrps/rock", None]
    assert seats("rrps-v0", 0, (), False) == [None, "random"]
    assert seats("hanabi-v0,players=3", 1, ("random",), False) == ["random", None, "random"]
    assert seats("smax-3m-v0", 1, (), False) == [None] * 3
    assert seats("smax-3m-v0", 1, ("random",), False) == ["random", None, "random"]
    assert seats("smax-3m-selfplay-v0", 4, ("smax/heuristic",), False) == (
        ["smax/heuristic"] * 3 + [None] * 3
    )
    assert seats("fightladder-v0", 0, (), True) == [None, None]
    assert seats("fightladder-ladder-v0", 0, (), False) == [None]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("rrps-v0", 2, (), False), "--seat is 2; accepted are 0 to 1"),
        (("rrps-v0", 0, ("random", "random"), False), "names 2 agents; accepted are one"),
        (("rrps-v0", 0, (), True), "--two-players is for fightladder"),
        (("fightladder-v0", 0, ("random",), True), "leaves no seat"),
    ],
)
def test_other_seatings_are_refused(given, message):
    with pytest.raises(BadArgument, match=message):
        seats(*given)
