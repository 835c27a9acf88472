"""What tests of drawings ask of every scene."""

import json

import numpy as np

from arenas.renderers.scene import SMALLEST_TEXT, Image, Scene, Text


def texts(scene: Scene) -> list[str]:
    """Its words, in order."""
    return [item.text for item in scene.items if isinstance(item, Text)]


def numbers(value):
    """All numbers in an item."""
    if isinstance(value, tuple | list):
        for part in value:
            yield from numbers(part)
    elif not isinstance(value, str | bytes | bool):
        yield value


def check(scene: Scene) -> None:
    """Legible text, and numbers that JSON takes."""
    assert all(x.size >= SMALLEST_TEXT for x in scene.items if isinstance(x, Text))
    found = list(numbers(scene.items))
    assert all(type(x) in (int, float) for x in found)
    assert np.isfinite(found).all()
    json.dumps([x for x in scene.items if not isinstance(x, Image)], allow_nan=False)
