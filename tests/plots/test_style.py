"""Colours that stay apart in grey."""

import colorsys
from itertools import pairwise

import numpy as np

from lstmcast.plots import style


def lightness(color: str) -> float:
    """Relative luminance, which is what is left of a colour printed in grey (Rec. 709)."""
    channels = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def test_what_lies_on_one_another_differs_in_lightness() -> None:
    layers = ["#ffffff", style.WIDE_BAND, style.MIDDLE_BAND, style.NARROW_BAND]
    tones = [lightness(color) for color in layers]
    assert all(above - below > 0.1 for above, below in pairwise(tones))
    contrast = (lightness(style.MIDDLE_BAND) + 0.05) / (lightness(style.MEDIAN) + 0.05)
    assert contrast > 1.8
    assert len({colorsys.rgb_to_hls(*_channels(color)) for color in style.SERIES}) == 8


def _channels(color: str) -> tuple[float, float, float]:
    red, green, blue = (int(color[k : k + 2], 16) / 255 for k in (1, 3, 5))
    return red, green, blue
