"""Films as files: MP4 by ffmpeg, GIF by Pillow, and single pictures as PNG."""

from __future__ import annotations

import contextlib
import io
import math
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pygame
from PIL import Image as Pillow

from arenas._files import write_atomically, written_beside
from arenas.errors import ArenasError, BadArgument
from arenas.renderers.film import Film
from arenas.renderers.pygame_backend import Pictures
from arenas.renderers.scene import Scene

MOST_MP4_FPS = 30.0
MOST_GIF_FPS = 12.5
LAST = 1.0
"""Seconds for which the last picture stays."""

GIF_COLORS = 255
HEIGHTS = (120, 2160)
"""Least and greatest height of pictures in pixels."""

Progress = Callable[[int, int], None]
"""Told how many steps are done, and of how many."""


class NoFfmpeg(ArenasError):
    """MP4 was asked for, and there is no ffmpeg."""


def timeline(
    film: Film, seat: int | None, speed: float, most_fps: float
) -> tuple[float, Iterator[tuple[int, Scene]]]:
    """Pictures a second, and the film's pictures, each with its step.

    Games that show several pictures a step lose some where there would be more than ``most_fps`` a
    second; that of the step's end is always among them.
    """
    if not len(film):
        raise BadArgument("a film without a moment cannot be shown: add one after reset")
    film.scene(0, seat)  # refuses a seat that is none
    fps = film.drawing.fps * speed
    per_step = len(film.drawing.between(min(1, len(film) - 1), seat))
    every = min(per_step, max(1, math.ceil(fps * per_step / most_fps - 1e-6)))
    kept = -(-per_step // every)
    steps_apart = 1
    while fps * kept / steps_apart > most_fps * (1 + 1e-6):
        steps_apart += 1

    def pictures() -> Iterator[tuple[int, Scene]]:
        last = len(film) - 1
        for t in range(len(film)):
            if t % steps_apart and t != last:
                continue
            for scene in film.drawing.between(t, seat, every):
                yield t, scene

    return fps * kept / steps_apart, pictures()


def save_mp4(
    film: Film,
    path: str | os.PathLike[str],
    *,
    seat: int | None = None,
    height: int = 720,
    speed: float = 1.0,
    progress: Progress | None = None,
) -> None:
    """Write a film as H.264 in MP4, which browsers and slides play.

    Args:
        film: all of it is written.
        path: of the file, replaced whole or not at all.
        seat: show what this seat could see.
        height: of the pictures in pixels, even; see :data:`HEIGHTS`.
        speed: 1 is the speed at which the game is usually watched.
        progress: told the steps done.

    Raises:
        NoFfmpeg: neither imageio-ffmpeg nor the system has one.
        BadArgument: no such seat, height or speed; or it cannot be written.
        ArenasError: ffmpeg failed.
    """
    _check(height, speed)
    fps, pictures = timeline(film, seat, speed, MOST_MP4_FPS)
    program = ffmpeg()
    planes = Planes(height)
    with written_beside(path, ".mp4") as temporary:
        command = [
            *(program, "-y", "-loglevel", "error"),
            *("-f", "rawvideo", "-pix_fmt", "yuv420p"),
            *("-s", "{}x{}".format(*planes.size)),
            *("-r", str(Fraction(fps).limit_denominator(1000))),
            *("-i", "-", "-an", "-c:v", "libx264", "-pix_fmt", "yuv420p"),
            # Of flat colours, frames from the future make the file no smaller.
            *("-preset", "veryfast", "-crf", "20", "-bf", "0"),
            # Nothing fades, so weights of brightness are looked for in vain. Half as many threads
            # again as processors, x264's own choice, take more time than one for each.
            *("-x264-params", "weightp=0", "-threads", str(os.cpu_count() or 1)),
            *("-movflags", "+faststart", str(temporary)),
        ]
        # In a session of its own, Ctrl-C does not end it before we take its file away.
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=said,
                start_new_session=True,
            )
            try:
                _feed(process.stdin, film, pictures, planes, round(LAST * fps), progress)
                process.communicate()
            except BaseException:
                process.kill()
                process.communicate()
                raise
            if process.returncode:
                said.seek(0)
                lines = said.read().decode(errors="replace").splitlines()
                raise ArenasError(f"ffmpeg failed: {lines[0] if lines else process.returncode}")
        if not temporary.stat().st_size:
            raise ArenasError(f"ffmpeg ({program}) wrote nothing")


class Planes:
    """Pictures as H.264 takes them: each pixel's brightness, and hues of every second one each way.

    By the weights of ITU-R BT.601 in whole numbers, which players take where a file names none. Of
    flat colours the hue of one pixel of four is right. Only what has changed is worked out anew.

    Args:
        height: of the pictures in pixels.

    Attributes:
        size: of the pictures.
        last: the last one, uint8: brightness ``height × width``, then both hues, a quarter each.
    """

    def __init__(self, height: int) -> None:
        self._pictures = Pictures(height)
        self.size = width, height = self._pictures.size
        pixels = width * height
        self.last = np.zeros(pixels * 3 // 2, np.uint8)
        self._bright = self.last[:pixels].reshape(height, width)
        self._hues = self.last[pixels:].reshape(2, height // 2, width // 2)

    def of(self, scene: Scene) -> np.ndarray:
        """The picture of a scene, over ``last``."""
        width, height = self.size
        surface = self._pictures.surface(scene)
        pixels = np.asarray(surface.get_buffer()).reshape(height, width, 4)
        for area in self._pictures.changed:
            left, top = area.left // 2, area.top // 2
            right, bottom = -(-area.right // 2), -(-area.bottom // 2)
            part = pixels[2 * top : 2 * bottom, 2 * left : 2 * right]
            bright = _weighed(part, (25, 129, 66), np.uint16)
            self._bright[2 * top : 2 * bottom, 2 * left : 2 * right] = (bright >> 8) + 16
            for plane, weights in zip(self._hues, ((112, -74, -38), (-18, -94, 112)), strict=True):
                hue = _weighed(part[::2, ::2], weights, np.int16)
                plane[top:bottom, left:right] = (hue >> 8) + 128
        return self.last


def _weighed(pixels: np.ndarray, weights: tuple[int, int, int], kind: Any) -> np.ndarray:
    """The sum of blue, green and red by their weights, and a half of 256."""
    total = np.multiply(pixels[..., 0], weights[0], dtype=kind)
    total += np.multiply(pixels[..., 1], weights[1], dtype=kind)
    total += np.multiply(pixels[..., 2], weights[2], dtype=kind)
    total += 128
    return total


def _feed(
    pipe: Any,
    film: Film,
    pictures: Iterator[tuple[int, Scene]],
    planes: Planes,
    repeat: int,
    progress: Progress | None,
) -> None:
    """Give ffmpeg all pictures, and the last one some times more."""
    # Where it ends by itself, its exit code and what it said tell why.
    with contextlib.suppress(BrokenPipeError):
        for t, scene in pictures:
            pipe.write(planes.of(scene))
            if progress:
                progress(t + 1, len(film))
        for _ in range(repeat):
            pipe.write(planes.last)


def ffmpeg() -> str:
    """The program: that of imageio-ffmpeg, or the system's.

    Raises:
        NoFfmpeg: there is none.
    """
    try:
        import imageio_ffmpeg

        return imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError) as error:
        found = shutil.which("ffmpeg")
        if found is None:
            raise NoFfmpeg(
                "MP4 needs ffmpeg, and there is none: pip install 'arenas[video]' brings one; "
                "GIF and HTML work without it"
            ) from error
        return found


def save_gif(
    film: Film,
    path: str | os.PathLike[str],
    *,
    seat: int | None = None,
    height: int = 480,
    speed: float = 1.0,
    progress: Progress | None = None,
) -> None:
    """Write a film as an endless GIF of one palette; the arguments are those of :func:`save_mp4`.

    Raises:
        BadArgument: no such seat, height or speed; or it cannot be written.
    """
    _check(height, speed)
    fps, pictures = timeline(film, seat, speed, MOST_GIF_FPS)
    painter = Pictures(height)
    palette = _palette(film, seat, painter)
    frames: list[Pillow.Image] = []
    durations: list[int] = []
    before = None
    due = shown = 0.0
    for t, scene in pictures:
        due += 1000 / fps
        duration = max(20, round((due - shown) / 10) * 10)  # hundredths of a second, as GIF has
        shown += duration
        if scene == before:
            durations[-1] += duration
        else:
            frames.append(
                _pillow(painter.surface(scene)).quantize(palette=palette, dither=Pillow.Dither.NONE)
            )
            durations.append(duration)
        before = scene
        if progress:
            progress(t + 1, len(film))
    durations[-1] += round(LAST * 1000)
    with written_beside(path, ".gif") as temporary:
        frames[0].save(
            temporary,
            save_all=True,
            append_images=frames[1:],
            duration=durations if len(durations) > 1 else durations[0],
            loop=0,
            optimize=False,
            disposal=1,
        )


def _palette(film: Film, seat: int | None, painter: Pictures) -> Pillow.Image:
    """The colours of pictures from the whole film."""
    steps = sorted({round(i * (len(film) - 1) / 7) for i in range(8)})
    small = (painter.size[0] // 2, painter.size[1] // 2)
    sheet = Pillow.new("RGB", (small[0], small[1] * len(steps)))
    for i, t in enumerate(steps):
        picture = _pillow(painter.surface(film.scene(t, seat))).resize(
            small, Pillow.Resampling.NEAREST
        )
        sheet.paste(picture, (0, i * small[1]))
    return sheet.quantize(GIF_COLORS, dither=Pillow.Dither.NONE)


def _pillow(surface: pygame.Surface) -> Pillow.Image:
    return Pillow.frombuffer(
        "RGB", surface.get_size(), surface.get_buffer().raw, "raw", "BGRX", 0, 1
    )


def save_png(
    film: Film,
    t: int,
    path: str | os.PathLike[str],
    *,
    seat: int | None = None,
    height: int = 720,
) -> None:
    """Write the picture after ``t`` steps; negative numbers count from the end.

    Raises:
        BadArgument: no such step, seat or height; or it cannot be written.
    """
    _check(height, 1.0)
    write_atomically(path, png(film.scene(t, seat), height))


def png(scene: Scene, height: int = 720) -> bytes:
    """A scene as the content of a PNG file."""
    file = io.BytesIO()
    _pillow(Pictures(height).surface(scene)).save(file, "PNG")
    return file.getvalue()


def _check(height: int, speed: float) -> None:
    low, high = HEIGHTS
    if not low <= height <= high:
        raise BadArgument(f"height is {height}; accepted are {low} to {high} pixels")
    if not 0 < speed <= 64:
        raise BadArgument(f"speed is {speed:g}; accepted are numbers above 0, up to 64")


def numbered(path: Path, step: int) -> Path:
    """Where the picture of a step lies beside its replay: ``game-12.png``."""
    return path.with_name(f"{path.stem}-{step}.png")
