"""Films as files, read back by other programs."""

import io
import subprocess
import sys
from unittest import mock

import numpy as np
import pytest
import shapes
from PIL import Image

from arenas.errors import ArenasError, BadArgument
from arenas.renderers import video
from arenas.renderers.film import TextDrawing
from arenas.renderers.pygame_backend import picture


class Slow(shapes.Shapes):
    """One picture a step."""

    fps = 5.0

    def between(self, t, seat=None, every=1):
        return [self.scene(t, seat)]


@pytest.fixture(scope="module")
def film():
    return shapes.film(6)


def test_an_mp4_holds_every_picture(film, tmp_path):
    told = []
    video.save_mp4(film, tmp_path / "a.mp4", height=240, progress=lambda *x: told.append(x))
    read = [video.ffmpeg(), "-i", tmp_path / "a.mp4", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    answer = subprocess.run(read, capture_output=True, check=True)
    assert "360x240" in (said := answer.stderr.decode()) and "30 fps" in said and "h264" in said
    pictures = np.frombuffer(answer.stdout, np.uint8).reshape(-1, 240, 360, 3)
    assert len(pictures) == 1 + 6 * 3 + 30  # the start, three a step, and a second of the end
    ends = [pictures[0], *pictures[3 : 3 * 6 + 1 : 3]]
    for t, seen in enumerate(ends):
        off = np.abs(seen.astype(int) - picture(film.scene(t), 240))
        assert off.mean() < 6, t
    assert told[-1] == (7, 7)
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


def test_brightness_and_hues_of_a_changing_film_are_those_of_each_picture(film):
    planes = video.Planes(240)
    for t in (0, 1, 4, 2, 2):
        seen = planes.of(film.scene(t))
        assert np.array_equal(seen, video.Planes(240).of(film.scene(t)))
        rgb = picture(film.scene(t), 240)
        bright = seen[: 360 * 240].reshape(240, 360)
        assert np.abs(bright - (16 + rgb @ (0.257, 0.504, 0.098))).max() < 1
        blue, red = seen[360 * 240 :].reshape(2, 120, 180)
        assert np.abs(blue - (128 + rgb[::2, ::2] @ (-0.148, -0.291, 0.439))).max() < 1.5
        assert np.abs(red - (128 + rgb[::2, ::2] @ (0.439, -0.368, -0.071))).max() < 1.5


def test_a_gif_holds_every_step_for_its_time(tmp_path):
    video.save_gif(shapes.film(6, Slow), tmp_path / "a.gif", height=240)
    with Image.open(tmp_path / "a.gif") as gif:
        assert gif.n_frames == 7 and gif.size == (360, 240)
        durations = []
        for i in range(7):
            gif.seek(i)
            durations.append(gif.info["duration"])
    assert durations == [200] * 6 + [1200]


def test_faster_than_a_file_can_be_leaves_steps_out(film):
    fps, pictures = video.timeline(shapes.film(12, Slow), None, 8.0, 12.5)
    steps = [t for t, _ in pictures]
    assert fps == pytest.approx(10) and steps == [0, 4, 8, 12]


def test_a_png_is_the_picture_of_its_step(film, tmp_path):
    video.save_png(film, -1, tmp_path / "a.png", height=320)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "a.png")), picture(film.scene(6), 320))
    assert Image.open(io.BytesIO(video.png(film.scene(0)))).size == (1080, 720)


def test_without_ffmpeg_the_message_says_what_brings_one(film, tmp_path):
    with (
        mock.patch.dict(sys.modules, {"imageio_ffmpeg": None}),
        mock.patch("shutil.which", return_value=None),
        pytest.raises(video.NoFfmpeg, match=r"pip install 'arenas\[video\]'"),
    ):
        video.save_mp4(film, tmp_path / "a.mp4")
    assert not list(tmp_path.iterdir())


def test_an_ffmpeg_that_fails_is_told_and_leaves_nothing(film, tmp_path):
    for program in ("false", "true"):
        with (
            mock.patch.object(video, "ffmpeg", return_value=program),
            pytest.raises(ArenasError, match="ffmpeg failed|wrote nothing"),
        ):
            video.save_mp4(film, tmp_path / "a.mp4", height=240)
    assert not list(tmp_path.iterdir())


def test_an_interrupted_film_leaves_the_file_that_was_there(film, tmp_path):
    pytest.importorskip("imageio_ffmpeg")
    (tmp_path / "a.mp4").write_text("before")

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        video.save_mp4(film, tmp_path / "a.mp4", height=240, progress=stop)
    assert (tmp_path / "a.mp4").read_text() == "before"
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"height": 50}, "height is 50; accepted are 120 to 2160"),
        ({"speed": 0.0}, "speed is 0; accepted"),
        ({"seat": 2}, "seat 2; accepted are 0 to 1"),
    ],
)
def test_bad_options_are_refused(film, tmp_path, options, message):
    with pytest.raises(BadArgument, match=message):
        video.save_gif(film, tmp_path / "a.gif", **options)
    with pytest.raises(BadArgument, match="step 9 is not in the episode"):
        video.save_png(film, 9, tmp_path / "a.png")
    with pytest.raises(BadArgument, match="cannot write"):
        video.save_gif(shapes.film(1, TextDrawing), tmp_path / "no" / "a.gif", height=120)
