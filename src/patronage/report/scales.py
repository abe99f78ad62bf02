"""From values to places: linear scales whose ticks are 1, 2 or 5 times a power of ten."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

BEYOND = 1e150
"""Sizes that cannot be drawn beside any other; gaps, like what is not a number."""

NOTHING = 1 / BEYOND
"""Sizes below are 0."""

FLAT = 1e-9
"""Relative difference below which two ends are one."""


@dataclass(frozen=True)
class Scale:
    """A straight line from values to places."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Place of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def drawable(value: float) -> bool:
    """Whether a value has a place."""
    return math.isfinite(value) and abs(value) < BEYOND


def ticks(values: Iterable[float], *, most: int = 6) -> list[float]:
    """Evenly spaced ticks from at or below the least value to at or above the greatest.

    Parameters
    ----------
    values
        Those without a place are passed over.
    most
        About how many are wanted; no more than two over it are given.

    Examples
    --------
    >>> ticks([0, 37]), ticks([-0.2, 0.35], most=3), ticks([5, 5])
    ([0.0, 10.0, 20.0, 30.0, 40.0], [-0.2, 0.0, 0.2, 0.4], [2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])
    """
    found = [value for value in values if drawable(value)] or [0.0]
    low, high = min(found), max(found)
    if high - low <= FLAT * max(abs(low), abs(high)) or high - low < NOTHING:
        pad = abs(high) / 2 if abs(high) > NOTHING else 1.0
        low, high = (low - pad, high + pad) if high else (0.0, pad)
    digit, power = _step((high - low) / most)
    step = digit * 10.0**power
    first, last = math.floor(low / step + FLAT), math.ceil(high / step - FLAT)
    # Whole numbers until the last division: 3 * 0.2 would not be 0.6.
    return [_times(place * digit, power) for place in range(first, max(last, first + 1) + 1)]


def with_zero(values: Iterable[float]) -> list[float]:
    """Values and 0: bars start there."""
    return [0.0, *values]


def with_zero_if_near(values: Iterable[float]) -> list[float]:
    """Values and, where it is no further from them than they are apart, 0."""
    found = [value for value in values if drawable(value)]
    if not found:
        return [0.0]
    low, high = min(found), max(found)
    return [*found, 0.0] if min(abs(low), abs(high)) <= high - low else found


def _step(least: float) -> tuple[int, int]:
    power = math.floor(math.log10(least))
    for digit in (1, 2, 5):
        if digit * 10.0**power >= least * (1 - FLAT):
            return digit, power
    return 1, power + 1


def _times(whole: int, power: int) -> float:
    return float(whole * 10**power) if power >= 0 else whole / 10**-power
