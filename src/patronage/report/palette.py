"""Colours that colour-blind readers tell apart, each with a texture, a dash and a marker too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

PAPER = "#ffffff"
BLACK = "#000000"
TEXT = "#1a1a1a"
QUIET_TEXT = "#595959"
GRID = "#dcdcdc"
AXIS = "#767676"
WHISKER = "#1a1a1a"

MEASURED, FORECAST = 0, 1
"""Inks of what came and of what was expected, the same in every picture."""


@dataclass(frozen=True)
class Ink:
    """One way to draw: a colour, and what tells it apart where colour does not."""

    colour: str
    texture: str
    dash: str | None
    marker: str


# The colours of Okabe and Ito (2008), "Color Universal Design"; yellow is too faint for paper.
INKS = (
    Ink("#0072B2", "solid", None, "circle"),
    Ink("#D55E00", "rising", "7 4", "square"),
    Ink("#009E73", "dots", "2 3", "triangle"),
    Ink("#CC79A7", "falling", "10 3 2 3", "diamond"),
    Ink("#E69F00", "level", "14 4", "circle"),
    Ink("#56B4E9", "crossed", "4 2", "square"),
    Ink("#000000", "upright", "1 4", "triangle"),
    Ink("#7F7F7F", "solid", "6 2 2 2", "diamond"),
)

# What a texture draws in a tile of 6 by 6.
TEXTURES = {
    "rising": "M-1 7L7 -1M-1 1L1 -1M5 7L7 5",
    "falling": "M-1 -1L7 7M5 -1L7 1M-1 5L1 7",
    "dots": "M1.5 2.2h1.4M4.5 5.2h1.4",
    "level": "M0 3H6",
    "upright": "M3 0V6",
    "crossed": "M0 3H6M3 0V6",
}


def ink(place: int) -> Ink:
    """Give the ink of a place; after the last the first comes again."""
    return INKS[place % len(INKS)]


def fill(place: int, own: str) -> str:
    """Give what to fill with: a colour, or a texture's address in this chart."""
    found = ink(place)
    return found.colour if found.texture == "solid" else f"url(#{own}{found.texture})"


def patterns(own: str, body: str) -> str:
    """Define the textures that a chart uses."""
    return "".join(
        f'<pattern id="{own}{each.texture}" width="6" height="6" patternUnits="userSpaceOnUse">'
        f'<rect width="6" height="6" fill="{tint(each.colour, 0.3)}"/>'
        f'<path d="{TEXTURES[each.texture]}" stroke="{each.colour}" stroke-width="1.6"/></pattern>'
        for each in INKS
        if f"url(#{own}{each.texture})" in body
    )


def tint(colour: str, strength: float) -> str:
    """Mix a colour with white; strength 1 is the colour.

    Examples
    --------
    >>> tint("#0072B2", 0.0), tint("#0072B2", 1.0)
    ('#ffffff', '#0072b2')
    """
    return _mixed(colour, lambda part: 255 + (part - 255) * strength)


def shade(share: float, *, negative: bool = False) -> str:
    """Colour of a cell, from pale at 0 to dark at 1; another hue below zero."""
    light, dark = ("#D55E00", "#5c2600") if negative else ("#0072B2", "#00273f")
    if share <= 0.7:  # noqa: PLR2004 - from here on the hue darkens
        return tint(light, 0.06 + 0.94 * share / 0.7)
    rest = (share - 0.7) / 0.3 * 0.6
    parts = (_parts(light), _parts(dark))
    return _hex([a + (b - a) * rest for a, b in zip(*parts, strict=True)])


def readable_on(colour: str) -> str:
    """Black or white, whichever stands out more (WCAG relative luminance)."""
    linear = [_linear(part / 255) for part in _parts(colour)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return BLACK if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else PAPER


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4  # noqa: PLR2004


def _parts(colour: str) -> list[float]:
    return [float(int(colour[at : at + 2], 16)) for at in (1, 3, 5)]


def _mixed(colour: str, change: Callable[[float], float]) -> str:
    return _hex([change(part) for part in _parts(colour)])


def _hex(parts: list[float]) -> str:
    return "#" + "".join(f"{round(part):02x}" for part in parts)
