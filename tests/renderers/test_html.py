"""What is packed for the browser, read back by an independent reader; pages are safe and whole."""

import base64
import html
import html.parser
import json
import sys
import zlib

import pytest
import shapes
from hypothesis import given
from hypothesis import strategies as st

import arenas
from arenas.errors import BadArgument, BadFile
from arenas.renderers import html as pages
from arenas.renderers import scene as s
from arenas.renderers.film import Film
from arenas.renderers.panel import panel
from arenas.replay import Replay

ITEMS = st.lists(st.integers(0, 6), max_size=9)
VALUES = st.recursive(
    st.none() | st.integers(2, 5) | st.text(max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=8,
)


def follow(before, script):
    now, i = [], 0
    for keep, drop, put in zip(script[0::3], script[1::3], script[2::3], strict=True):
        now += [*before[i : i + keep], *put]
        i += keep + drop
    return now + before[i:]


def change(before, difference):
    if difference == 0:
        return before
    if isinstance(difference, list):
        return difference[0]
    keys = range(len(before)) if isinstance(before, list) else before
    new = {key: change(before[key], difference.get(str(key), 0)) for key in keys}
    return list(new.values()) if isinstance(before, list) else new


def scenes_of(content):
    """All views of packed content, as lists of scenes."""
    begins, at, last = [], 0, {}
    place = {"ground": 0, "rect": 4, "ellipse": 4, "arc": 5, "text": 2, "image": 4}
    for number in content["items"]:
        kind, *rest = content["styles"][number]
        count = place.get(kind) if kind in place else 2 * rest[0]
        told = content["numbers"][at : at + count]
        before = last.get((kind, count), [0] * count)
        n = last[kind, count] = [a + b for a, b in zip(before, told, strict=True)]
        if kind in ("line", "polygon"):  # from each point to the next
            n = [sum(n[i % 2 : i + 1 : 2]) for i in range(count)]
        begins.append((number, n))
        at += count
    assert at == len(content["numbers"])

    def item(number):
        style, n = begins[number]
        kind, *rest = content["styles"][style]
        n = [x / 10 for x in n]
        if kind in ("line", "polygon"):
            points = tuple(zip(n[0::2], n[1::2], strict=True))
            assert len(points) == rest[0]
            return {"line": s.Line, "polygon": s.Polygon}[kind](points, *rest[1:])
        if kind == "arc":
            return s.Arc(*n[:3], n[3] / 100, n[4] / 100, *rest)
        if kind == "image":
            return s.Image(*n, *rest[:2], base64.b64decode(rest[2]))
        return {"rect": s.Rect, "ellipse": s.Ellipse, "text": s.Text}[kind](*n, *rest)

    told, picture = 0, 0
    shown = [[] for _ in content["views"]]
    films = [[] for _ in content["views"]]
    for count in content["counts"]:
        for v, view in enumerate(content["views"]):
            for p in range(picture, picture + count):
                script = list(view["pictures"][p])
                from_whole = script[:1] == [-1]
                for put in script:
                    if isinstance(put, list):
                        for i, back in enumerate(put):
                            put[i] = told - back
                            told += back == 0
                before = films[0][p][1] if from_whole else shown[v]
                now = follow(before, script[1:] if from_whole else script)
                ground = content["styles"][content["items"][now[0]]]
                films[v].append((s.Scene(ground[1], tuple(item(n) for n in now[1:])), now))
                shown[v] = now
        picture += count
    return [[scene for scene, _ in film] for film in films]


def same(packed, drawn):
    """Whether scenes agree to half a tenth of a pixel, and in everything that is no place."""

    def alike(a, b):
        if isinstance(b, tuple):
            return len(a) == len(b) and all(alike(x, y) for x, y in zip(a, b, strict=True))
        return abs(a - b) <= 0.0500001 if isinstance(b, float | int) else a == b

    kinds = [type(i) for i in packed.items] == [type(i) for i in drawn.items]
    return kinds and alike(packed, drawn)


@given(ITEMS, ITEMS)
def test_an_edit_script_leads_from_one_list_to_the_next(before, now):
    assert follow(before, pages.edits(before, now)) == now


@pytest.mark.parametrize(
    ("before", "now", "script"),
    [
        ([1, 2, 3], [1, 2, 3], []),
        ([1, 2, 3, 4], [1, 9, 3, 4], [1, 1, [9]]),
        ([1, 2, 3, 4], [1, 2, 7, 8, 3, 4], [2, 0, [7, 8]]),
        ([1, 2, 3, 4, 5], [1, 3, 4, 6], [1, 1, [], 2, 1, [6]]),
    ],
)
def test_an_edit_script_says_no_more_than_what_changed(before, now, script):
    assert pages.edits(before, now) == script


@given(VALUES, VALUES)
def test_a_difference_leads_from_one_value_to_the_next(before, now):
    assert change(before, json.loads(json.dumps(pages.difference(before, now)))) == now


def test_a_blob_holds_every_picture_of_every_view_and_the_facts():
    film = shapes.film()
    content = json.loads(zlib.decompress(base64.b64decode(pages.blob(film))))
    assert [v["seat"] for v in content["views"]] == [None, 0, 1]
    assert content["counts"] == [1] + [3] * 12
    for view, packed in zip(content["views"], scenes_of(content), strict=True):
        drawn = [p for t in range(13) for p in film.drawing.between(t, view["seat"])]
        assert len(packed) == len(drawn) == 37
        assert all(same(a, b) for a, b in zip(packed, drawn, strict=True))
        facts = None
        for t, told in enumerate(view["panels"]):
            facts = change(facts, told)
            assert facts == panel(film, t, view["seat"])
    assert content["events"][0] == [4, "round", "round 1", None, []]


def test_equal_items_of_different_kinds_are_told_apart():
    """Primitives are tuples, and equal ones are equal whatever they draw."""
    box, oval = s.Rect(1, 2, 3, 4, "#000000"), s.Ellipse(1, 2, 3, 4, "#000000")
    packer = pages.Packer()
    assert packer.picture(s.Scene("#000000", (box, oval))) == [0, 1, 2]


@pytest.mark.parametrize(
    ("teams", "count", "seats"),
    [
        (None, 3, [0, 1, 2]),
        (None, 12, list(range(10))),
        ((0,) * 27 + (1,) * 30, 57, [0, 1, 2, 3, 4, 27, 28, 29, 30, 31]),
        ((0, 1), 2, [0, 1]),
        ((0,) * 2 + (1,) * 30, 32, [0, 1, *range(2, 10)]),
    ],
)
def test_of_many_seats_some_of_each_team_are_packed(teams, count, seats):
    film = shapes.film(1)
    film.env.teams, film.env.agents = teams, tuple(f"agent_{i}" for i in range(count))
    assert pages.seats_to_pack(film) == seats


def test_json_inside_a_script_never_ends_it():
    text = pages.json_for_script({"name": [*shapes.HOSTILE, "]]>"]})
    assert not set(text) & set("<>&\u2028\u2029")
    assert json.loads(text) == {"name": [*shapes.HOSTILE, "]]>"]}


class Elements(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.title, self._in = [], "", ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self._in = tag

    def handle_endtag(self, tag):
        self._in = ""

    def handle_data(self, data):
        if self._in == "title":
            self.title += data


def test_hostile_names_add_no_element_to_a_page():
    harmless = Elements(pages.page(shapes.film(2, agents=("a", "b"))))
    hostile = Elements(pages.page(shapes.film(2)))
    assert hostile.tags == harmless.tags
    assert hostile.tags.count("script") == 3  # the player, the film, the start
    assert shapes.HOSTILE[0] in hostile.title


def test_a_page_names_nothing_outside_itself():
    text = pages.page(shapes.film(2, agents=("a", "b"))).replace(
        "http://www.w3.org/2000/svg", ""
    )  # a name, no place
    for fetching in ("http:", "https:", "src=", "href=", "@import", "url(", "fetch(", "innerHTML"):
        assert fetching not in text


def test_a_notebook_holds_the_page_in_a_frame():
    shown = arenas.show(shapes.film(3))
    frame = shown._repr_html_()
    page = html.unescape(frame.split('srcdoc="')[1].split('"')[0])
    assert page == shown.page
    assert page == pages.page(shapes.film(3))
    assert "IPython" not in sys.modules or "IPython" not in repr(type(shown))


def test_files_replays_and_films_are_shown_alike(tmp_path):
    [episode] = arenas.play("rrps-v0,throws=5", ["rrps/rock", "rrps/paper"], seed=4)
    replay = Replay.of(episode)
    replay.save(tmp_path / "a.replay")
    pages.export_html([tmp_path / "a.replay", replay], tmp_path / "a.html")
    text = (tmp_path / "a.html").read_text()
    first, second = (part.split("</script>")[0] for part in text.split('class="film">')[1:])
    assert first == second == pages.blob(pages.films_of(replay)[0])
    assert "<title>rrps-v0: rrps/rock, rrps/paper</title>" in text


def test_what_cannot_be_shown_is_said(tmp_path):
    with pytest.raises(BadArgument, match="nothing to show"):
        pages.page([])
    with pytest.raises(BadArgument, match="seat 2; accepted are 0 to 1"):
        pages.page(shapes.film(1), seats=[2])
    with pytest.raises(BadArgument, match="cannot write"):
        pages.export_html(shapes.film(1), tmp_path / "nowhere" / "a.html")
    (tmp_path / "a.replay").write_bytes(b"no replay")
    with pytest.raises(BadFile, match="not a replay"):
        pages.page(tmp_path / "a.replay")
    env = arenas.make_host("rrps-v0")
    with pytest.raises(BadArgument, match="without a moment"):
        pages.page(Film(env))
