"""The player in headless Chromium: every control, what is shown, how fast, and what is refused."""

import base64
import importlib.util
import io
import json
import pathlib
import shutil
import sys
import types

import numpy as np
import pytest
import shapes

import arenas
from arenas.renderers import html as pages
from arenas.renderers.film import Drawing, Film

pygame = pytest.importorskip("pygame")
selenium = pytest.importorskip("selenium", reason="selenium is not installed: arenas[test]")

from selenium import webdriver  # noqa: E402
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import Select, WebDriverWait  # noqa: E402

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (BROWSER and DRIVER),
    reason="no chromium with chromedriver: apt-get install chromium-driver",
)


@pytest.fixture(scope="module")
def chromium():
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    driver.set_script_timeout(60)
    yield driver
    driver.quit()


class Page:
    """A page in the browser, and the player in it."""

    def __init__(self, driver, path, width=1280, height=800):
        self.driver, self.url = driver, path.as_uri()
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        driver.get_log("browser")
        driver.get(self.url)
        self.wait("return document.querySelector('#player').arenasPlayer.film !== null")

    def run(self, script, *arguments):
        script = f"const player = document.querySelector('#player').arenasPlayer; {script}"
        return self.driver.execute_script(script, *arguments)

    def wait(self, script, seconds=20):
        WebDriverWait(self.driver, seconds, 0.02).until(lambda _: self.run(script))

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def labelled(self, label):
        return self.find(f"[aria-label={json.dumps(label)}]")

    def press(self, *keys, shift=False):
        chain = ActionChains(self.driver)
        if shift:
            chain.key_down(Keys.SHIFT).send_keys(*keys).key_up(Keys.SHIFT).perform()
        else:
            chain.send_keys(*keys).perform()

    @property
    def time(self):
        """The step that the page says it shows."""
        return int(self.find(".arenas-time").text.split()[1])

    def shown(self):
        """Pixels of the first canvas, uint8 ``[height, width, 3]``."""
        script = "return document.querySelector('canvas[role=img]').toDataURL()"
        return pixels(self.run(script))

    def painted(self, view, picture):
        """A picture painted anew at a size of 960 × 640."""
        script = """
            const canvas = document.createElement("canvas");
            [canvas.width, canvas.height] = [960, 640];
            const film = player.films[0];
            ArenasPlayer.paint(canvas.getContext("2d"), film, arguments[0], arguments[1]);
            return canvas.toDataURL();"""
        return pixels(self.run(script, view, picture))


def pixels(data_url):
    picture = pygame.image.load(io.BytesIO(base64.b64decode(data_url.split(",")[1])), "a.png")
    return pygame.surfarray.array3d(picture).swapaxes(0, 1)


@pytest.fixture(scope="module")
def film():
    return shapes.film()


@pytest.fixture(scope="module")
def files(tmp_path_factory, film):
    folder = tmp_path_factory.mktemp("pages")
    pages.export_html(film, folder / "one.html")
    other = shapes.film(3, agents=("a", "b"))
    pages.export_html([film, other, other], folder / "three.html")
    return folder


@pytest.fixture
def one(chromium, files):
    page = Page(chromium, files / "one.html")
    yield page
    assert chromium.get_log("browser") == []


@pytest.fixture
def three(chromium, files):
    page = Page(chromium, files / "three.html")
    yield page
    assert chromium.get_log("browser") == []


def test_the_page_holds_every_recorded_picture(one, film):
    held = one.run(
        "return player.film.views.map((v, i) => v.pictures.map((_, p) => player.film.scene(i, p)))"
    )
    for view, seat in zip(held, (None, 0, 1), strict=True):
        drawn = [p for t in range(13) for p in film.drawing.between(t, seat)]
        assert len(view) == len(drawn)
        for items, scene in zip(view, drawn, strict=True):
            packed = [pages._split(i) for i in (scene.background, *scene.items)]
            assert items == [[list(style), numbers] for style, numbers in packed]


def test_after_t_steps_it_shows_the_scene_of_t(one, film):
    for t in (0, 4, 5, 12):
        one.run("player.seek(arguments[0])", t)
        held = one.run(
            "const m = player.moment(player.film); return [m.t, m.picture, "
            "player.film.scene(0, m.picture).at(-3)[0][1]]"
        )
        assert held == [t, 3 * t, f"step {t:.2f}"]
        assert one.time == t
        assert one.find(".arenas-when strong").text == f"step {t}"
        assert (one.shown() == one.painted(0, 3 * t)).all() or one.shown().shape[1] != 960


def test_both_backends_paint_the_same_picture(one, film):
    """Edges are smoothed differently, and letters are other fonts' where DejaVu Sans is missing."""
    from arenas.renderers.pygame_backend import Pictures

    ours = Pictures(640)
    for t, view in ((0, 0), (6, 0), (12, 1)):
        seat = (None, 0, 1)[view]
        drawn = ours.array(film.scene(t, seat)).astype(int)
        painted = one.painted(view, 3 * t).astype(int)
        apart = np.abs(drawn - painted).max(axis=2)
        assert apart.mean() < 1.2
        assert (apart > 96).mean() < 0.005
        assert softly_apart(drawn, painted) == 0, "more than edges differ"


def softly_apart(a, b, size=16):
    """The share of squares whose mean colours differ by more than 32 of 255."""
    rows, columns = a.shape[0] // size, a.shape[1] // size
    mean = (a - b.astype(int)).reshape(rows, size, columns, size, 3).mean(axis=(1, 3))
    return (np.abs(mean).max(axis=2) > 32).mean()


GAMES = {  # as other tests of drawings have them, whose programs are kept
    "colorgrid-asymmetric-v0": {"size": 8, "max_steps": 30},
    "fightladder-v0": {},
    "hanabi-v0": {},
    "leduc-v0": {},
    "rrps-v0": {"throws": 30},
    "smax-2s3z-selfplay-v0": {},
}


def game_film(env, most=25, seed=5, allowed=True):
    """A film of random legal actions, of those ``allowed`` (a mask)."""
    return played(arenas.make_host(env, **GAMES[env]), most, seed, allowed)


def played(host, most, seed, allowed):
    host.reset(seed=seed)
    film = Film(host, seed=seed)
    film.add()
    draw = np.random.default_rng(seed)
    while not (host.timestep.terminated or host.timestep.truncated) and len(film) < most:
        masks = [m & allowed if (m & allowed).any() else m for m in host.timestep.action_mask]
        action = np.array([draw.choice(np.flatnonzero(m)) for m in masks])
        host.step(action)
        film.add(action)
    return film


@pytest.mark.slow
@pytest.mark.parametrize("env", GAMES)
def test_both_backends_paint_games_alike(chromium, tmp_path, env, monkeypatch):
    """Every game's drawing, at several moments, whole and as a seat sees it."""
    from arenas.renderers.pygame_backend import Pictures

    film = game_film(env)
    alone = types.MethodType(Drawing.between, film.drawing)  # no frames between steps
    monkeypatch.setattr(film.drawing, "between", alone)
    pages.export_html(film, tmp_path / "game.html", seats=[1])
    page = Page(chromium, tmp_path / "game.html")
    ours = Pictures(640)
    last = len(film) - 1
    for t, view in ((0, 0), (last // 2, 0), (last // 2, 1), (last, 0)):
        picture = page.run("return player.film.picture(arguments[0])", t)
        # Seats that see all are shown the whole picture.
        seat = 1 if view and not film.drawing.sees_all else None
        drawn = ours.array(film.scene(t, seat)).astype(int)
        painted = page.painted(view, picture)
        apart = np.abs(drawn - painted).max(axis=2)
        assert apart.mean() < 4
        assert (apart > 96).mean() < 0.02
        assert softly_apart(drawn, painted) < 0.002
    assert chromium.get_log("browser") == []


def test_every_button_does_what_it_says(one):
    one.labelled("Step forward").click()
    one.labelled("Step forward").click()
    assert one.time == 2
    one.labelled("Step back").click()
    assert one.time == 1
    one.labelled("Next event").click()
    assert one.time == 4
    assert one.find(".arenas-happened").text == "round 1"
    one.labelled("Next event").click()
    assert one.time == 5
    one.labelled("Event before").click()
    assert one.time == 4
    one.run("player.setView(1)")  # the first seat's, to which the event of step 5 is not shown
    one.labelled("Next event").click()
    assert one.time == 8
    one.labelled("Step back").click()
    one.run("player.setView(0)")
    one.labelled("Keyboard help").click()
    assert one.find("dialog").get_attribute("open") is not None
    one.find("dialog button").click()
    assert one.find("dialog").get_attribute("open") is None
    one.labelled("Full screen").click()
    one.wait("return document.fullscreenElement === player.root")
    one.labelled("Full screen").click()
    one.wait("return document.fullscreenElement === null")


def test_play_goes_on_in_time_and_stops_at_the_end(one):
    Select(one.labelled("Speed")).select_by_visible_text("2×")
    one.run("window.began = performance.now()")
    one.labelled("Play").click()
    assert one.labelled("Pause").is_displayed()
    one.wait(
        "if (player.clock >= 12) { window.ended ??= performance.now(); "
        "return !player.playing } return false"
    )
    seconds = one.run("return (window.ended - window.began) / 1000")
    assert seconds > 0.55, "12 steps at 20 a second"
    assert one.labelled("Play").is_displayed()
    Select(one.labelled("Speed")).select_by_visible_text("0.25×")  # a pause comes in time
    one.labelled("Play").click()  # from the start again
    one.wait("return player.clock > 0 && player.clock < 12")
    one.labelled("Pause").click()
    clock = one.run("return player.clock")
    assert one.run("return player.clock") == clock < 12


def test_between_steps_it_plays_the_pictures_between(one):
    one.run(
        "player.seek(4); window.seen = []; const update = player.update.bind(player);"
        "player.update = () => { update(); window.seen.push(player.moment(player.film).picture) };"
        "player.setSpeed(0.25); player.play()"
    )
    one.wait("return player.clock >= 6")
    one.run("player.pause()")
    seen = one.run("return window.seen")
    assert seen == sorted(seen)
    assert set(range(12, 19)) <= set(seen) | {12}


def test_the_scrub_bar_and_its_marks_lead_to_their_step(one):
    scrub = one.labelled("Step")
    scrub.send_keys(Keys.END)
    assert one.time == 12
    one.run(
        "const e = document.querySelector('.arenas-scrub'); e.value = 7;"
        "e.dispatchEvent(new Event('input'))"
    )
    assert one.time == 7
    assert scrub.get_attribute("aria-valuetext") == "step 7 of 12"
    marks = one.find(".arenas-marks")
    x = one.run("return player.markX(5)")
    ActionChains(one.driver).move_to_element_with_offset(
        marks, round(x - marks.size["width"] / 2) + 2, 0
    ).click().perform()
    assert one.time == 5
    assert shapes.HOSTILE[1] in marks.get_attribute("title")
    x = one.run("return player.markX(9.6)")
    ActionChains(one.driver).move_to_element_with_offset(
        marks, round(x - marks.size["width"] / 2), 0
    ).click().perform()
    assert one.time == 10
    assert [e.text for e in one.driver.find_elements(By.CSS_SELECTOR, ".arenas-legend > span")] == [
        "round",
        "hit",
    ]


def test_the_seat_selector_changes_picture_and_facts(one):
    seats = Select(one.labelled("What is shown"))
    assert [o.text for o in seats.options] == [
        "everything",
        *(f"player_{i} ({' '.join(shapes.HOSTILE[i].split())}) sees" for i in (0, 1)),
    ]
    whole = one.shown()
    assert len(one.driver.find_elements(By.CSS_SELECTOR, ".arenas-card")) == 2
    seats.select_by_index(2)
    assert (one.shown() != whole).any()
    [card] = one.driver.find_elements(By.CSS_SELECTOR, ".arenas-card")
    assert "player_1" in card.text


def test_the_panel_tells_the_facts(one, film):
    from arenas.renderers.panel import panel

    one.run("player.seek(5)")
    cards = one.driver.find_elements(By.CSS_SELECTOR, ".arenas-card")
    for card, facts in zip(cards, panel(film, 5)["seats"], strict=True):
        terms = [e.text for e in card.find_elements(By.CSS_SELECTOR, "dt")]
        values = [e.text for e in card.find_elements(By.CSS_SELECTOR, "dd")]
        told = dict(zip(terms, values, strict=True))
        assert float(told["return"].replace("−", "-")) == facts["return"]
        assert float(told["reward"].replace("−", "-")) == facts["reward"]
        assert told["did"] == facts["did"]
        assert told["chooses"] == facts["chose"]
        legal = card.find_elements(By.CSS_SELECTOR, ".arenas-legal li")
        assert [e.text for e in legal] == facts["legal"]
        assert card.find_element(By.CSS_SELECTOR, ".arenas-chosen").text == facts["chose"]


def test_the_badge_copies_the_command(one, film):
    from arenas.renderers.panel import badge, command

    command_line = command(film)
    one.driver.execute_cdp_cmd(
        "Browser.grantPermissions",
        {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]},
    )
    button = one.find(".arenas-badge")
    assert button.text == badge(film)
    held = one.run("return player.film.command")
    assert held == command_line
    one.run("player.film.command = 'arenas match rrps-v0 --seed 7'; player.fillControls()")
    button.click()
    one.wait("return document.querySelector('.arenas-said').textContent === 'copied'")
    copied = one.driver.execute_async_script(
        "navigator.clipboard.readText().then(arguments[0], (e) => arguments[0](String(e)))"
    )
    assert copied == "arenas match rrps-v0 --seed 7"


def test_every_key_does_what_the_help_says(one):
    def after(*keys, shift=False):
        one.press(*keys, shift=shift)
        return one.run("return [player.clock, player.view, player.speed, player.playing]")

    assert after(Keys.ARROW_RIGHT) == [1, 0, 1, False]
    assert after(Keys.ARROW_RIGHT, shift=True)[0] == 11
    assert after(Keys.ARROW_LEFT)[0] == 10
    assert after(".")[0] == pytest.approx(10 + 1 / 3)
    assert after(",")[0] == 10
    assert after(",")[0] == pytest.approx(9 + 2 / 3)
    assert after(Keys.HOME)[0] == 0
    assert after("]")[0] == 4
    assert after("]")[0] == 5
    assert after("[")[0] == 4
    assert after(Keys.END)[0] == 12
    assert after(Keys.ARROW_UP)[2] == 2
    assert after(Keys.ARROW_DOWN, Keys.ARROW_DOWN)[2] == 0.5
    assert after("+")[2] == 1
    assert after("s")[1] == 1
    assert after("s", shift=True)[1] == 0
    assert after("2")[1] == 2
    assert after("9")[1] == 2  # no such view
    assert after("0")[1] == 0
    assert after(Keys.HOME, Keys.SPACE)[3] is True
    assert after(Keys.SPACE)[3] is False
    one.press("?")
    assert one.run("return player.helpBox.open")
    assert after(Keys.END)[0] < 12, "keys under the help do nothing"
    one.press(Keys.ESCAPE)
    assert not one.run("return player.helpBox.open")
    told = one.run("return player.helpBox.textContent")
    for key in ("Space", "← →", ", .", "Home End", "[ ]", "↓ ↑", "S", "0 … 9", "C", "F", "?"):
        assert key in told


def test_it_can_be_walked_through_by_tab_and_every_control_has_a_name(one):
    names, outlined = [], []
    one.run("document.activeElement.blur()")
    for _ in range(18):
        one.press(Keys.TAB)
        name, outline = one.run(
            "const e = document.activeElement; return [e.getAttribute('aria-label') || "
            "e.textContent, getComputedStyle(e).outlineStyle]"
        )
        names.append(name)
        outlined.append(outline)
    assert {
        "This step",
        "Step",
        "Play",
        "Step back",
        "Step forward",
        "Event before",
        "Next event",
        "Speed",
        "What is shown",
        "Full screen",
        "Keyboard help",
    } <= set(names)
    assert set(outlined[:13]) == {"solid"}


def test_several_replays_follow_each_other(three):
    chosen = Select(three.find("select.arenas-film"))
    assert len(chosen.options) == 3
    chosen.select_by_index(1)
    three.wait("return player.active === 1 && player.film.last === 3")
    assert three.run("return player.film.title") == "rrps-v0: a, b"
    three.run("player.setSpeed(16); player.play()")
    three.wait("return player.active === 2 && player.clock >= 3 && !player.playing")
    three.run("document.activeElement.blur()")
    three.press("p")
    three.wait("return player.active === 1 && player.clock === 0")
    three.press("n")
    three.wait("return player.active === 2")


def test_several_replays_stand_side_by_side(three):
    three.labelled("Side by side").click()
    three.wait("return player.stages.length === 3")
    assert three.labelled("Side by side").get_attribute("aria-pressed") == "true"
    three.run("player.seek(9)")
    states = three.run("return player.films.map((f) => player.moment(f).t)")
    assert states == [9, 3, 3]  # the shorter ones stand at their end
    canvases = three.driver.find_elements(By.CSS_SELECTOR, "canvas[role=img]")
    rows = {round(c.location["y"]) for c in canvases}
    assert len(rows) == 2  # of three, two beside each other
    assert [c.get_attribute("aria-label").split(", step ")[1] for c in canvases] == [
        "9 of 12",
        "3 of 3",
        "3 of 3",
    ]
    canvases[1].click()
    assert three.run("return player.active") == 1
    assert three.find(".arenas-when").text.startswith("step 3 of 3")
    three.run("document.activeElement.blur()")
    three.press("b")
    three.wait("return player.stages.length === 1")


def test_hostile_names_are_text(one):
    one.run("player.seek(5)")
    assert one.run("return window.hacked") is None
    assert one.run("return document.querySelectorAll('#player img, #player script').length") == 0
    for name in shapes.HOSTILE:
        assert name in one.run("return player.panel.textContent")
    assert shapes.HOSTILE[0] in one.driver.title
    assert one.run("return performance.getEntriesByType('resource').length") == 0


def test_a_narrow_window_puts_the_panel_below(chromium, files):
    page = Page(chromium, files / "three.html", width=400, height=860)
    assert page.run("return document.documentElement.scrollWidth") <= 400
    stage, panel = page.find(".arenas-stages").rect, page.find(".arenas-panel").rect
    assert stage["width"] == page.run("return document.documentElement.clientWidth")
    bar = page.find(".arenas-bar").rect
    assert bar["y"] >= stage["y"] + stage["height"]
    assert panel["y"] >= bar["y"] + bar["height"]
    for control in page.driver.find_elements(By.CSS_SELECTOR, ".arenas-bar button, select, input"):
        box = control.rect
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 400
        assert min(box["width"], box["height"]) >= 16
    page.labelled("Step forward").click()
    assert page.time == 1
    assert chromium.get_log("browser") == []


def test_two_players_in_a_page_of_another_kind(chromium, files, tmp_path, film):
    blob = pages.blob(film)
    (tmp_path / "report.html").write_text(
        f"<!DOCTYPE html><meta charset=utf-8>{pages.player()}<div id=player></div>"
        f"<div id=second style='width: 500px'></div><input id=name>"
        f"<script>for (const id of ['player', 'second'])"
        f"ArenasPlayer.mount(document.getElementById(id), ['{blob}']);</script>"
    )
    page = Page(chromium, tmp_path / "report.html")
    page.wait("return document.querySelector('#second').arenasPlayer.film")
    both = "return ['player', 'second'].map((i) => document.getElementById(i).arenasPlayer.clock)"
    page.find("#second [aria-label='Step forward']").click()
    page.press(Keys.ARROW_RIGHT)
    assert page.run(both) == [0, 2]
    page.find("#name").send_keys(Keys.ARROW_RIGHT, "s ")
    assert page.run(both) == [0, 2]  # keys are for the player that has the focus
    page.run("document.querySelector('#second').arenasPlayer.remove()")
    assert page.find("#second").get_attribute("innerHTML") == ""
    assert chromium.get_log("browser") == []


def test_a_notebooks_frame_plays_and_copies(chromium, tmp_path, film):
    frame = pages.show(film)._repr_html_()
    (tmp_path / "notebook.html").write_text(f"<!DOCTYPE html><meta charset=utf-8>{frame}")
    chromium.get((tmp_path / "notebook.html").as_uri())
    chromium.switch_to.frame(0)
    run = chromium.execute_script
    player = "document.querySelector('#player').arenasPlayer"
    WebDriverWait(chromium, 20, 0.02).until(lambda _: run(f"return {player}.film !== null"))
    ActionChains(chromium).send_keys(Keys.ARROW_RIGHT).perform()
    chromium.find_element(By.CSS_SELECTOR, "[aria-label='Step forward']").click()
    assert run(f"return {player}.clock") >= 1
    run(f"{player}.film.command = 'arenas match'; {player}.fillControls()")
    chromium.find_element(By.CSS_SELECTOR, ".arenas-badge").click()
    said = "return document.querySelector('.arenas-said').textContent"
    WebDriverWait(chromium, 20, 0.02).until(lambda _: run(said) == "copied")
    chromium.switch_to.default_content()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda blob: blob[:1000], "is damaged"),
        (lambda blob: "!" + blob, "is damaged"),
        (lambda blob: base64.b64encode(b"text").decode(), "is damaged"),
        (lambda blob: newer(blob), "has format 99, not 2"),
    ],
    ids=["truncated", "no base64", "no zlib", "newer"],
)
def test_a_spoilt_blob_is_told(chromium, tmp_path, film, spoil, said):
    blob = pages.blob(film)
    spoilt = spoil(blob)
    assert spoilt != blob
    text = pages.page(film).replace(blob, spoilt)
    (tmp_path / "a.html").write_text(text)
    chromium.get((tmp_path / "a.html").as_uri())
    found = WebDriverWait(chromium, 20, 0.02).until(
        lambda d: d.find_elements(By.CSS_SELECTOR, "[role=alert]")
    )
    assert f"the replay in this page {said}" in found[0].text
    chromium.get_log("browser")


def newer(blob):
    import zlib

    content = json.loads(zlib.decompress(base64.b64decode(blob)))
    changed = zlib.compress(json.dumps({**content, "format": 99}).encode())
    return base64.b64encode(changed).decode()


SCRIPT = pathlib.Path(__file__).parents[2] / "benchmarks" / "scrub_speed.py"


def scrub_speed():
    """The benchmark, which measures the same with agents that play well."""
    if "scrub_speed" not in sys.modules:
        spec = importlib.util.spec_from_file_location("scrub_speed", SCRIPT)
        sys.modules["scrub_speed"] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules["scrub_speed"]


def long_fight():
    """Both move and jab now and then, until the 99 seconds are over."""
    allowed = np.zeros(69, bool)
    allowed[[*range(0, 63, 7), 1]] = True  # the directions, and a light punch
    film = game_film("fightladder-v0", most=2000, allowed=allowed)
    assert film.moments[-1].state.clock == 0
    return film


def long_hanabi():
    """Games in a row, each played without a card laid until its deck is empty and a round over."""
    allowed = np.ones(21, bool)
    allowed[5:10] = False
    host = arenas.make_host("hanabi-v0")
    films = [played(host, 1000, seed, allowed) for seed in range(15)]
    assert min(len(f) for f in films) > 60
    return scrub_speed().in_a_row(films, 1000)


@pytest.mark.slow
@pytest.mark.parametrize("make", [long_hanabi, long_fight])
def test_long_films_scrub_smoothly(chromium, tmp_path, make):
    """A thousand steps of Hanabi, and a fight of 99 seconds, thirty pictures a second."""
    film, bench = make(), scrub_speed()
    steps = len(film) - 1
    assert steps == (1000 if make is long_hanabi else 743)
    path = tmp_path / "long.html"
    pages.export_html(film, path)
    assert path.stat().st_size < bench.MOST_BYTES
    page = Page(chromium, path)
    assert page.run("return player.film.last") == steps
    per_step = 4 if make is long_fight else 1
    assert page.run("return player.film.counts.at(-1)") == per_step
    wanted = bench.wanted(steps)
    found = chromium.execute_async_script(bench.SCRUB, wanted)
    for name, times in found.items():  # shown by pytest -s
        half, most = np.quantile(times, (0.5, 0.95)).round(1)
        print(make.__name__, name, f"{half} ms, 95 % below {most};", path.stat().st_size, "bytes")
    assert page.time == wanted[-1]
    # A screen shows 60 a second; without a graphics card and beside other tests, it may be fewer.
    assert np.median(found["spent"]) < 33
    said = [e for e in chromium.get_log("browser") if "readback" not in e["message"]]
    assert said == []  # measuring reads pixels back, which Chromium advises against
