"""A tournament's page: what it says, what it refuses to run, and how it behaves in Chromium."""

import csv
import dataclasses
import html.parser
import json
import re

import numpy as np
import pytest
from test_browser import BROWSER, DRIVER, chromium  # noqa: F401  (a fixture)

import arenas
from arenas.evaluation import Store, Tournament, payoffs, report
from arenas.evaluation.formats import latex_table
from arenas.evaluation.page import html_page
from arenas.replay import Replay

ENV, THROWS = "rrps-v0", 12
AGENTS = ("rrps/rock", "rrps/copy", "rrps/cycle")
HOSTILE = "</script><script>window.hacked = 1</script><img src=x onerror='hacked=2'> & % _ \\"


def played(folder, rename=None):
    """A folder as ``arenas tournament --out`` leaves it; an agent may have another name."""
    tournament = Tournament(f"{ENV},throws={THROWS}", AGENTS, episodes=2, seed=3, jobs=1, record=1)
    with Store(folder / "episodes.db") as store:
        tournament.play(store)
        tournament.export(tournament.results(store), store, folder)
    if rename:
        old, new = rename
        results = json.loads((folder / "results.json").read_text())
        results["settings"]["agents"] = [new if a == old else a for a in AGENTS]
        (folder / "results.json").write_text(json.dumps(results))
        kwargs = results["settings"]["arguments"]
        with Store(folder / "episodes.db") as store:
            episodes = []
            for row in store.rows(ENV, kwargs):
                data = store.replay(ENV, kwargs, row.agents, row.seed)
                named = tuple(new if a == old else a for a in row.agents)
                if data is not None:
                    episode = dataclasses.replace(Replay.from_bytes(data).episode, agents=named)
                    episodes.append((episode, Replay.of(episode).to_bytes()))
            (folder / "episodes.db").unlink()
        with Store(folder / "episodes.db") as store:
            store.add(episodes)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return played(tmp_path_factory.mktemp("tournament"))


@pytest.fixture(scope="module")
def made(folder):
    found = report.gather(folder, bootstrap=5)
    report.write(found, folder)
    return found


class Elements(html.parser.HTMLParser):
    """The tags of a page with their attributes, and its text outside of scripts and styles."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self._within = [], "", ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._within = tag

    def handle_data(self, data):
        if self._within not in ("script", "style"):
            self.text += data


def test_the_report_says_what_the_tournament_says(folder, made):
    results = json.loads((folder / "results.json").read_text())
    said = json.loads((folder / "report.json").read_text())
    assert said["standings"] == results["standings"]
    for name in ("agents", "mean", "half_width", "episodes"):
        assert said["payoff"][name] == results["payoff"][name]
    by = {r["by"]: r for r in said["ratings"]}
    assert {"elo", "alpharank", "popscore", "return"} <= set(by) | set(said["left_out"])
    means = {r["agent"]: r["value"] for r in by["return"]["ranking"]}
    assert means == pytest.approx({s["agent"]: s["mean"] for s in said["standings"]})
    page = Elements((folder / "report.html").read_text())
    for s in results["standings"]:
        assert f"{s['mean']:.4g}".replace("-", "−") in page.text
    assert said["methods"] in (folder / "methods.txt").read_text()


def test_the_methods_name_every_setting_and_source(made):
    text = report.methods_text(made)
    for value in ("rrps-v0", "throws=12", "seed 3", "2 episodes were planned", "18 episodes",
                  "60 s", arenas.__version__, "Student's t"):  # fmt: skip
        assert value in text, value
    for rating in made.ratings:
        assert rating.citation in text
        assert all(f"{k} = {v}" in text for k, v in rating.settings.items() if v is not None)


def test_every_pairing_has_a_film_of_its_own_episode(made):
    assert sorted(made.samples) == [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
    for (i, j), sample in made.samples.items():
        assert set(sample.agents) == {AGENTS[i], AGENTS[j]}
        assert (sample.shown, sample.length) == (THROWS, THROWS)
        assert sample.file.startswith("replays/")


def test_of_many_pairings_neighbours_in_the_standings_have_films_and_long_ones_are_cut(
    folder, made, monkeypatch
):
    monkeypatch.setattr(report, "MOST_STEPS", 10)
    monkeypatch.setattr(report, "LEAST_STEPS", 4)
    few = report.gather(folder, samples=2, bootstrap=0)
    order = few.order()
    near = {tuple(sorted(order[:2])), tuple(sorted(order[1:]))}
    assert set(few.samples) == near
    assert {s.shown for s in few.samples.values()} == {5}
    page = html_page(few)
    assert page.count('id="film-') == 2
    text = Elements(page).text
    assert "2 of 6 pairings" in text
    assert "4 pairings without a sample replay" in text
    named = text[text.index("Fewer were asked for (--samples):") :]
    far = tuple(AGENTS[i] for i in sorted((order[0], order[2])))
    assert " and ".join(far) in named
    assert not report.gather(folder, samples=0, bootstrap=0).samples


def test_samples_are_cut_to_what_the_page_holds_and_what_does_not_fit_is_named(
    folder, made, monkeypatch
):
    """All pairings have one as long as they fit; then neighbours in the standings have theirs."""
    monkeypatch.setattr(report, "LEAST_STEPS", 4)
    whole = sum(len(s.blob) for s in made.samples.values())
    monkeypatch.setattr(report, "MOST_BYTES", whole * 9 // 10)
    cut = report.gather(folder, bootstrap=0)
    assert set(cut.samples) == set(made.samples)
    assert not cut.without
    assert sum(len(s.blob) for s in cut.samples.values()) <= whole * 9 // 10
    assert min(s.shown for s in cut.samples.values()) < THROWS
    assert "every pairing that met has one" in Elements(html_page(cut)).text
    monkeypatch.setattr(report, "MOST_BYTES", whole // 4)
    few = report.gather(folder, bootstrap=0)
    assert sum(len(s.blob) for s in few.samples.values()) <= whole // 4
    assert set(few.samples) | set(few.without) == set(made.samples)
    assert 0 < len(few.samples) < 6
    assert tuple(sorted(few.order()[:2])) in few.samples
    text = Elements(html_page(few)).text
    for i, j in few.without:
        assert (AGENTS[i] if i == j else f"{AGENTS[i]} and {AGENTS[j]}") in text


def test_tables_as_csv_and_latex_hold_the_same_numbers(folder, made):
    rows = list(csv.DictReader((folder / "ratings.csv").read_text().splitlines()))
    assert [r["agent"] for r in rows] == [s.agent for s in made.standings]
    elo = next(r for r in made.ratings if r.by == "elo")
    assert [float(r["elo"]) for r in rows] == elo.values[made.order()].tolist()
    tex = (folder / "payoffs.tex").read_text()
    body = re.search(r"\\midrule\n(.*)\\bottomrule", tex, re.S).group(1)
    cells = [[c.strip("$ ") for c in line.rstrip("\\ ").split("&")] for line in body.splitlines()]
    mean = made.table.mean[np.ix_(made.order(), made.order())]
    assert [[float(c) for c in line[1:]] for line in cells] == mean.tolist()


def test_latex_escapes_what_it_would_read_as_commands():
    tex = latex_table(["agent", "x"], [["a_b%\\input{c}&$", None]], "50 % ± 1")
    assert r"a\_b\%\textbackslash{}input\{c\}\&\$ & --" in tex
    assert r"\caption{50 \% $\pm$ 1}" in tex


def test_names_from_files_are_text_and_never_markup(tmp_path):
    played(tmp_path, rename=("rrps/copy", HOSTILE))
    found = report.gather(tmp_path, bootstrap=0)
    report.write(found, tmp_path)
    text = (tmp_path / "report.html").read_text()
    page = Elements(text)
    tags = [tag for tag, _ in page.tags]
    assert "img" not in tags
    assert tags.count("script") == 3 + len(found.samples)  # the player, data, the page's own
    assert not any("onerror" in attributes for _, attributes in page.tags)
    assert HOSTILE in page.text
    data = re.search(r'id="report-data">(.*?)</script>', text, re.S).group(1)
    assert HOSTILE in json.loads(data)["agents"]


def test_what_other_commands_left_is_shown_and_what_is_damaged_passed_over(folder, made, tmp_path):
    for name in ("results.json", "episodes.db"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    score = {"mean": 7.25, "low": 6.5, "high": 8.0}
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "exploit.json").write_text(json.dumps({
        "settings": {"agent": "rrps/<b>copy", "budget": 5000},
        "exploitability": {**score, "mean": 0.625, "at_least": 0.5, "episodes": 9},
    }))  # fmt: skip
    (tmp_path / "x" / "exact.json").write_text(json.dumps({
        "settings": {"agent": "rrps/rock"}, "nash_conv": 1.375, "exploitability": 0.6875,
    }))  # fmt: skip
    (tmp_path / "crossplay.json").write_text(json.dumps({
        "settings": {"seed": 4}, "agents": ["a", "b"], "matrix": [[8.0, 6.0], [None, 9.0]],
        "self_play": score, "cross_play": None, "gap": None, "with_partners": None,
    }))  # fmt: skip
    (tmp_path / "comparison.json").write_text(json.dumps({
        "profiles": {"thresholds": [0, 1], "ippo": {"fraction": [1, 0.5], "lower": [1, 0.25],
                                                    "upper": [1, 0.75]},
                     "one run": {"fraction": [1, 0], "lower": [None] * 2, "upper": [None] * 2}},
        "aggregates": {"ippo": {"iqm": {"value": 0.8125, "lower": 0.5, "upper": 1}},
                       "one run": {"iqm": {"value": 0.4375, "lower": None, "upper": None}}},
        "citation": "Agarwal et al. 2021", "settings": {"bootstrap": 50},
        "intervals": "expanded percentiles",
    }))  # fmt: skip
    (tmp_path / "nemesis.json").write_text('{"settings": {}, "takes": "many"}')
    (tmp_path / "y").mkdir()
    (tmp_path / "y" / "exploit.json").write_text("no JSON")
    found = report.gather(tmp_path, samples=0, bootstrap=0)
    page = Elements(html_page(found))
    for words in ("rrps/<b>copy", "0.625", "x/exploit.json", "0.6875",
                  "exact best response; NashConv 1.375", "x/exact.json", "7.25", "6.5 to 8",
                  "0.8125", "0.4375", "– to –", "Performance profiles",
                  "nemesis.json does not hold"):  # fmt: skip
        assert words in page.text, words
    methods = report.methods_text(found)
    assert '"budget": 5000' in methods
    assert "Intervals: expanded percentiles. Agarwal et al. 2021" in methods


def test_a_folder_without_a_tournament_is_refused_by_name(tmp_path, capsys):
    from arenas.cli import main

    with pytest.raises(SystemExit) as exit:
        main(["report", str(tmp_path)])
    assert exit.value.code == 2
    assert "is no tournament's folder" in capsys.readouterr().err


# In Chromium -------------------------------------------------------------------------------------

in_chromium = pytest.mark.skipif(
    not (BROWSER and DRIVER),
    reason="no chromium with chromedriver: apt-get install chromium-driver",
)


def visit(driver, path, width=1280):
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    driver.get_log("browser")
    driver.get(path.as_uri())

    def run(script, *arguments):
        return driver.execute_script(script, *arguments)

    return run


ROWS = """return [...document.querySelectorAll(arguments[0] + ' tbody tr')]
    .map(row => [...row.cells].map(c => c.textContent));"""


@in_chromium
def test_the_page_sorts_and_opens_films_in_place(chromium, folder, made):  # noqa: F811
    run = visit(chromium, folder / "report.html")
    standings = [s.agent for s in made.standings]
    assert [r[1] for r in run(ROWS, "#standings")] == standings
    head = "document.querySelectorAll('#standings th button')[arguments[0]].click();"
    run(head, 1)  # the agents' names
    assert [r[1] for r in run(ROWS, "#standings")] == sorted(AGENTS)
    run(head, 1)
    assert [r[1] for r in run(ROWS, "#standings")] == sorted(AGENTS, reverse=True)

    heads = "return [...document.querySelectorAll('#payoff-map thead th')].map(t => t.textContent)"
    order = made.order()
    expected = [[f"{made.table.mean[i, j]:.2f}" for j in order] for i in order]
    largest = np.abs(made.table.mean).max()
    assert largest < 100
    shown = [r[1:] for r in run(ROWS, "#payoff-map")]
    assert [[float(c.replace("−", "-")) for c in row] for row in shown] == [
        pytest.approx([float(x) for x in row], abs=0.05) for row in expected
    ]
    run("const s = document.getElementById('payoff-order'); s.value = s.options.length - 1;"
        "s.dispatchEvent(new Event('change'))")  # fmt: skip
    assert run(heads)[1:] == sorted(AGENTS)
    assert [r[0] for r in run(ROWS, "#payoff-map")] == sorted(AGENTS)
    run("document.querySelectorAll('#payoff-map thead th button')[0].click()")
    column = [made.table.mean[AGENTS.index(r[0]), AGENTS.index(min(AGENTS))]
              for r in run(ROWS, "#payoff-map")]  # fmt: skip
    assert column == sorted(column, reverse=True)

    # By keyboard: the first cell, one to the right, and open.
    key = """const cell = document.activeElement; cell.dispatchEvent(
        new KeyboardEvent('keydown', { key: arguments[0], bubbles: true }));"""
    run("document.querySelector('#payoff-map td[tabindex=\"0\"]').focus()")
    run(key, "ArrowRight")
    chosen = run("""const c = document.activeElement;
        return [Number(c.parentNode.dataset.agent), Number(c.dataset.column)];""")
    run(key, "Enter")
    sample = made.samples[min(chosen), max(chosen)]
    said = run("return document.getElementById('pairing').textContent")
    assert f"seed {sample.seed}" in said
    assert "whole" in said
    player = "return document.querySelector('#pairing .film').arenasPlayer.film !== null"
    arenas_ready = lambda _: run(player)  # noqa: E731
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(chromium, 20, 0.05).until(arenas_ready)
    panel = run("return document.getElementById('pairing').textContent")
    assert all(agent in panel for agent in sample.agents)
    # Another cell takes its place.
    run("document.querySelectorAll('#payoff-map td[data-film]')[0].click()")
    assert run("return document.querySelectorAll('#pairing .film').length") == 1
    assert chromium.get_log("browser") == []


@in_chromium
def test_hostile_names_run_nothing_in_the_page(chromium, tmp_path):  # noqa: F811
    played(tmp_path, rename=("rrps/copy", HOSTILE))
    report.write(report.gather(tmp_path, bootstrap=0), tmp_path)
    run = visit(chromium, tmp_path / "report.html", width=420)
    run("""const row = [...document.querySelectorAll('#payoff-map tbody tr')]
        .find(r => r.cells[0].textContent === arguments[0]);
        row.querySelector('td[data-film]').click();""", HOSTILE)  # fmt: skip
    assert run("return window.hacked") is None
    assert HOSTILE in run("return document.getElementById('pairing').textContent")
    # In a narrow window tables scroll by themselves, and the page does not.
    assert run("return document.documentElement.scrollWidth <= window.innerWidth")
    assert chromium.get_log("browser") == []


@in_chromium
def test_a_field_of_43_is_readable_and_opens_at_once(chromium, tmp_path, made):  # noqa: F811
    agents = tuple(f"bot-{i:02}" for i in range(43))
    rng = np.random.default_rng(0)
    mean = rng.integers(-1000, 1001, (43, 43)).astype(float)
    table = payoffs.PayoffTable(agents, mean, np.ones_like(mean), np.full(mean.shape, 2))
    standings = [dataclasses.replace(made.standings[0], agent=a) for a in agents]
    many = dataclasses.replace(made, table=table, standings=standings, ratings=[], samples={},
                               without={})  # fmt: skip
    path = tmp_path / "report.html"
    path.write_text(html_page(many))
    assert path.stat().st_size < 1_500_000
    run = visit(chromium, path)
    took = run("const t = performance.getEntriesByType('navigation')[0];"
               "return t.domComplete - t.responseEnd")  # fmt: skip
    assert took < 5000
    font, cut = run("""
        const cells = [...document.querySelectorAll('#payoff-map td')];
        return [Math.min(...cells.map(c => parseFloat(getComputedStyle(c).fontSize))),
                cells.filter(c => c.scrollWidth > c.clientWidth + 1).length];""")
    assert font >= 12
    assert cut == 0
