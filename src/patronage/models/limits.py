"""Name the simpler model that a BG/NBD or MBG/NBD likelihood rises towards."""

from __future__ import annotations

from typing import NamedTuple

from patronage.models.newton import Optimum

_EXTREME = 1e3
"""With time scaled to 1, a parameter beyond this, or below its inverse, runs with its partner."""


class Limit(NamedTuple):
    """What a fit of (r, alpha, a, b) is, and which parameters are no estimates.

    Attributes
    ----------
    status
        "converged", or "boundary: " and the limiting models.
    running
        Positions of the parameters without an interior estimate; where two run away together,
        only their ratio means something.
    """

    status: str
    running: tuple[int, ...]


def limiting_model(optimum: Optimum) -> Limit:
    """Say in words where an optimum on the boundary lies."""
    if optimum.status == "converged":
        return Limit("converged", ())
    rate, rate_runs = _rate(optimum)
    dropout, dropout_runs = _dropout(optimum)
    said = "; ".join(text for text in (rate, dropout) if text)
    return Limit(f"boundary: {said}", rate_runs + dropout_runs)


def _rate(optimum: Optimum) -> tuple[str, tuple[int, ...]]:
    r, alpha = optimum.params[:2]
    runs = tuple(place for place in optimum.running if place <= 1)
    if not runs:
        return "", ()
    if min(r, alpha) > _EXTREME:
        return "r, alpha -> infinity, one purchase rate for everybody", (0, 1)
    if max(r, alpha) < 1 / _EXTREME:
        return "r, alpha -> 0, rates that differ without bound", (0, 1)
    if r / alpha < 1:
        return "r/alpha -> 0, nearly nobody repeats", runs
    return "r/alpha -> infinity, rates beyond what T resolves", runs


def _dropout(optimum: Optimum) -> tuple[str, tuple[int, ...]]:
    a, b = optimum.params[2:]
    if not set(optimum.running) & {2, 3}:
        return "", ()
    if a / (a + b) < 1 / _EXTREME:
        return "a/(a+b) -> 0, NBD without dropout", (2, 3)
    if b / (a + b) < 1 / _EXTREME:
        return "a/(a+b) -> 1, everybody leaves at the first chance", (2, 3)
    if a > 1:
        return "a, b -> infinity, one dropout probability for everybody", (2, 3)
    return "a, b -> 0, dropout probability either 0 or 1", (2, 3)
